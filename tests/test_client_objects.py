"""A Client as an object: half built, not closed, closed."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, answer_all, run, talking


def collected(*, ends: bool) -> list[str]:
    """What is warned of a client that is collected with its event loop, closed before or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # what tests before this one left
    loop = asyncio.new_event_loop()

    async def opened() -> Offline:
        return Offline(**KEY)

    async def end(offline: Offline) -> None:
        offline.lose()

    offline: Any = loop.run_until_complete(opened())
    if ends:
        loop.run_until_complete(end(offline))
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del offline
        gc.collect()
    return [str(warning.message) for warning in caught if warning.category is ResourceWarning]


def test_a_client_that_was_not_closed_is_told_when_it_is_collected() -> None:
    (said,) = collected(ends=False)
    assert said.startswith("unclosed <fastws.Client ws://127.0.0.1:1/")
    assert "await client.close()" in said


def test_a_client_whose_connection_is_gone_is_collected_without_a_word() -> None:
    assert collected(ends=True) == []


def test_a_client_that_was_closed_or_never_opened_is_collected_without_a_word() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            await client.ping()
        assert not client.connected
        fastws.connect("ws://127.0.0.1:1")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(main())
        gc.collect()
    assert [warning for warning in caught if "fastws" in str(warning.message)] == []


def test_a_client_that_was_not_built_has_a_repr_and_is_collected_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ignored: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", ignored.append)
    assert repr(fastws.Client.__new__(fastws.Client)) == "<fastws.Client not built>"

    class Seen(fastws.Client):
        def __init__(self, *args: Any, **options: Any) -> None:
            made.append(self)
            super().__init__(*args, **options)

    made: list[Any] = []
    with pytest.raises(AttributeError):
        Seen(None)  # no Options
    assert [repr(client) for client in made] == ["<fastws.Client not built>"]
    made.clear()
    gc.collect()
    assert ignored == []
