"""fastws.options: connect()'s arguments in one place, which agrees with its signature and its documentation."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import typing
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws import InvalidRequest, Options
from helpers.ways import everything

ROOT = Path(__file__).parent.parent
TAKEN = inspect.signature(fastws.connect).parameters
KEY = {"api_key": "k" * 64, "secret": "s3cr3t" * 11}
NEVER_KEPT = ("api_key", "secret", "private_key", "passphrase")


def test_connect_takes_what_options_take() -> None:
    mine = inspect.signature(Options).parameters
    assert list(TAKEN) == list(mine)
    for name, parameter in TAKEN.items():
        assert parameter.default == mine[name].default, name
        assert parameter.kind == mine[name].kind, name
        keyword = inspect.Parameter.KEYWORD_ONLY
        assert (parameter.kind is keyword) == (name != "endpoint")
    assert [field.name for field in dataclasses.fields(Options)] == [
        name for name in TAKEN if name not in NEVER_KEPT
    ]
    assert typing.get_type_hints(fastws.connect).keys() == {*TAKEN, "return"}
    assert inspect.signature(fastws.connect).return_annotation is fastws.Client
    assert list(inspect.signature(fastws.Client).parameters) == ["options"]


def test_each_option_is_explained_once_and_no_other() -> None:
    documented = inspect.cleandoc(fastws.connect.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^    (\w+): ", documented, re.M) == list(TAKEN)
    assert "connect()" in (Options.__doc__ or "")


def test_choices_that_are_documented_are_the_choices() -> None:
    documented = inspect.cleandoc(fastws.connect.__doc__ or "").partition("Args:\n")[2]
    for name, hint in typing.get_type_hints(fastws.connect).items():
        if typing.get_origin(hint) is not typing.Literal:
            continue
        choices = typing.get_args(hint)
        entry = re.search(rf"^    {name}: (.*(?:\n        .*)*)", documented, re.M)
        assert entry is not None
        assert tuple(re.findall(r'"(\w+)"', entry[1])) == choices, name
        assert TAKEN[name].default == choices[0]
        for choice in choices:
            assert getattr(Options("testnet", **{name: choice, "sbe": True}), name) == choice
        with pytest.raises(InvalidRequest, match=name):
            Options("testnet", **{name: "other"})


def test_options_that_texts_name_exist() -> None:
    texts = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    texts += [*ROOT.glob("docs/**/*.md"), *ROOT.glob("fastws/**/*.py"), *ROOT.glob("fastws/**/*.pyx")]
    named = {
        (path.name, name)
        for path in texts
        for name in re.findall(r"\bconnect\((?:\"\w+\", *)?(\w+)=", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert {(path, name) for path, name in named if name not in TAKEN} == set()


def test_options_make_a_client() -> None:
    options = Options("testnet", client_order_id_prefix="bot-", recv_window=3000.5, read_only=True, **KEY)
    client = fastws.Client(options)
    assert (client.client_order_id_prefix, client.recv_window, client.read_only) == ("bot-", 3000.5, True)
    assert repr(client) == repr(fastws.connect("testnet"))


def test_options_never_change_and_others_are_made_of_them() -> None:
    options = Options("testnet", proxy="http://me:hunter2@127.0.0.1:8080", local_addr="127.0.0.1", **KEY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.timeout = 1.0  # type: ignore[misc]
    other = dataclasses.replace(options, timeout=1)
    assert (options.timeout, other.timeout) == (15.0, 1.0)
    for field in dataclasses.fields(Options):
        if field.name != "timeout":
            assert getattr(other, field.name) == getattr(options, field.name), field.name
    assert other.signer is options.signer is not None
    assert hash(options) == hash(dataclasses.replace(options))
    assert options == dataclasses.replace(options) != other
    with pytest.raises(InvalidRequest, match="timeout"):
        dataclasses.replace(options, timeout=-1)


def test_options_show_no_secret() -> None:
    options = Options("testnet", proxy="http://me:hunter2@127.0.0.1:8080", **KEY)
    for text in (repr(options), str(options), str(vars(options)), f"{options}"):
        assert "hunter2" not in text
        assert KEY["secret"] not in text
    assert not re.search("signer|secret|private_key|passphrase|proxy|api_key", repr(options))
    assert not any(getattr(options, name) for name in NEVER_KEPT)


@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"nope": 1}, {"proxy": "hunter2://x"}, {"api_key": "\n"}])
def test_wrong_options_are_refused_without_a_trace_of_the_others(wrong: dict[str, Any]) -> None:
    given = {"proxy": "http://me:hunter2@127.0.0.1:8080", **KEY, **wrong}
    for make in (lambda: Options("testnet", **given), lambda: fastws.connect("testnet", **given)):
        with pytest.raises((InvalidRequest, TypeError)) as caught:
            make()
        text = everything(caught.value)
        assert "hunter2@" not in text
        assert KEY["secret"] not in text
        assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_options_are_neither_copied_nor_pickled(duplicate: Any) -> None:
    """As a Signer and a Proxy: they may hold a key and a password."""
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        duplicate(Options("testnet", **KEY))


@pytest.mark.parametrize("name", ["on_event", "on_orphan", "on_gap", "on_state"])
def test_callbacks_are_plain_functions(name: str) -> None:
    async def nobody_awaits_it(*args: Any) -> None: ...

    client = fastws.connect("testnet")
    for wrong, said in ((5, "expected a callable, got 5"), (nobody_awaits_it, "expected a plain function")):
        with pytest.raises(InvalidRequest, match=f"{name}: {said}"):
            fastws.connect("testnet", **{name: wrong})
        with pytest.raises(InvalidRequest, match=f"{name}: {said}"):
            setattr(client, name, wrong)
        assert getattr(client, name) is None
    setattr(client, name, print)
    assert getattr(client, name) is print
    setattr(client, name, None)
