"""fastws.methods.wrappers: compiled methods that are Python functions for whoever looks at them."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import pydoc
import subprocess
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import fastws
from fastws import Client, InvalidRequest
from fastws._native.calls import Wrapper
from fastws.methods import METHODS, Methods
from fastws.methods.wrappers import _make_function
from helpers.offline import Offline
from helpers.support import KEY, ORDER, run

EVERY = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
CALLED = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}


def wrapper(name: str = "order_place") -> Any:
    return vars(Methods)[name]


# --- what looks at a wrapper sees a function


@EVERY
def test_a_wrapper_has_all_that_its_function_has(method: Any) -> None:
    function, made = wrapper(method.wrapper), _make_function(method)
    assert type(function) is Wrapper
    assert isinstance(function, types.FunctionType)
    assert inspect.isfunction(function)
    assert inspect.isroutine(function)
    assert inspect.signature(function) == inspect.signature(made)
    assert dir(function) == dir(made)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__annotations__"):
        assert getattr(function, name) == getattr(made, name), name
    assert function.__code__ is made.__code__
    assert repr(function).startswith(f"<function Methods.{method.wrapper} at 0x")


@EVERY
def test_a_wrapper_is_no_coroutine_function(method: Any) -> None:
    function = wrapper(method.wrapper)
    for each in (function, getattr(fastws.connect("testnet"), method.wrapper)):
        assert not inspect.iscoroutinefunction(each)
        assert not inspect.isgeneratorfunction(each)
        assert not inspect.isasyncgenfunction(each)


def test_help_shows_a_wrapper() -> None:
    for shown in (Client.order_place, fastws.connect("testnet").order_place, Client):
        text = " ".join(
            pydoc.plain(pydoc.render_doc(shown)).replace("|", " ").split()
        )  # 3.13 breaks long signatures
        assert "order_place(" in text
        assert "symbol, side, type, timeInForce=None" in text
        assert "Place an order." in text


def test_a_wrapper_is_pickled_and_copied_by_its_name() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Client.order_place, protocol)) is Client.order_place
    assert copy.copy(Client.order_place) is Client.order_place
    assert copy.deepcopy([Client.order_place]) == [Client.order_place]
    with pytest.raises(TypeError, match="a Client cannot be copied or pickled"):
        pickle.dumps(fastws.connect("testnet").order_place)


def test_functools_and_weak_references_take_a_wrapper() -> None:
    @functools.wraps(Client.order_place)
    def mine(*args: Any, **params: Any) -> Any:
        return Client.order_place(*args, **params)

    assert inspect.signature(mine) == inspect.signature(Client.order_place)
    assert (mine.__doc__, mine.__name__) == (Client.order_place.__doc__, "order_place")
    client = fastws.connect("testnet")
    assert weakref.WeakMethod(client.order_place)() == client.order_place
    assert weakref.ref(Client.order_place)() is Client.order_place


def test_attributes_are_those_of_the_function() -> None:
    function: Any = wrapper("ping")
    function.mark = 1
    assert function.__dict__["mark"] == 1
    del function.mark
    assert not hasattr(function, "mark")


def test_a_bound_method_is_a_plain_one() -> None:
    client = fastws.connect("testnet")
    bound = client.order_place
    assert type(bound) is types.MethodType
    assert bound.__self__ is client
    assert bound.__func__ is Client.order_place  # type: ignore[comparison-overlap]
    assert bound == client.order_place
    assert bound == super(Client, client).order_place
    assert bound == wrapper().__get__(client, Client)
    assert "self" not in inspect.signature(bound).parameters


@pytest.mark.parametrize("made", ["class", "instance", "object", "method"])
def test_create_autospec_checks_calls(made: str) -> None:
    client = fastws.connect("testnet")
    place = {
        "class": lambda: mock.create_autospec(Client).order_place,
        "instance": lambda: mock.create_autospec(Client, instance=True).order_place,
        "object": lambda: mock.create_autospec(client).order_place,
        "method": lambda: mock.create_autospec(client.order_place),
    }[made]()
    place(**CALLED)
    place.assert_called_once_with(**CALLED)
    for params in ({"symbol": "BTCUSDT"}, {**CALLED, "smybol": "X"}):
        with pytest.raises(TypeError):
            place(**params)
    with pytest.raises(TypeError):
        place("BTCUSDT", **CALLED)


# --- calls


def test_every_way_to_call_a_wrapper_sends_the_same() -> None:
    class Mine(Client):
        def order_place(self, **params: Any) -> Any:  # type: ignore[override]
            called.append(params)
            return super().order_place(**params)

    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        ways: list[Callable[..., Any]] = [
            client.order_place,
            functools.partial(Client.order_place, client),
            functools.partial(client.order_place, timeout=5),
            wrapper().__get__(client, Client),
            client.order_place.__call__,  # type: ignore[operator]
            functools.partial(Client.order_place.__call__, client),  # type: ignore[operator]
        ]
        for way in ways:
            reply = way(**ORDER)
            assert reply.info.params == {**ORDER, "newClientOrderId": reply.info.client_order_id}
        client.__class__ = Mine
        client.order_place(**ORDER)
        client.flush()
        sent = [request["params"] for request in offline.requests()]
        assert len(sent) == len(ways) + 1
        assert all({name: params[name] for name in ORDER} == ORDER for params in sent)
        assert called == [ORDER]
        offline.lose()

    called: list[Any] = []
    run(main())


def test_names_and_values_that_are_no_literals_are_found() -> None:
    """Names are compared by their address first, and then by what they say."""

    class Name(str):
        pass

    async def main() -> None:
        offline = Offline(**KEY)
        got: list[Any] = []
        spelled = {"".join(list(name)): value for name, value in ORDER.items()}
        info = offline.client.order_place(
            **spelled, **{"".join("on_reply"): lambda *reply: got.append(reply)}
        )
        own = {Name(name): value for name, value in ORDER.items()}
        offline.client.order_place(**own, **{Name("urgent"): True, Name("timeout"): None})
        with pytest.raises(
            InvalidRequest, match=r"order\.place takes no parameter 'smybol'; did you mean 'symbol'"
        ):
            offline.client.order_place(**ORDER, smybol="X")
        first, second = offline.requests()
        assert {name: first["params"][name] for name in ORDER} == ORDER
        assert {name: second["params"][name] for name in ORDER} == ORDER
        offline.send({"id": info.id, "status": 200, "result": {}})
        assert got == [({}, None)]
        offline.lose()

    run(main())


def test_an_option_is_no_parameter_of_request_and_is_not_kept() -> None:
    class Callback:
        def __call__(self, result: Any, error: Any) -> None:
            pass

    async def main() -> None:
        offline = Offline(**KEY)
        callback = Callback()
        gone = weakref.ref(callback)
        info = offline.client.order_place(**ORDER, on_reply=callback, stopPrice=None, timeout=5, recvWindow=5)
        del callback
        offline.client.request("some.method", {"timeout": 5, "urgent": "x"})
        offline.client.flush()
        offline.send({"id": info.id, "status": 200, "result": {}})
        assert gone() is None
        assert offline.requests()[1]["params"] == {"timeout": 5, "urgent": "x"}
        assert info.params == {
            **ORDER,
            "stopPrice": None,
            "recvWindow": 5,
            "newClientOrderId": info.client_order_id,
        }
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client: Client.depth(), r"Methods.depth\(\) missing 1 required positional argument: 'self'"),
        (lambda client: client.depth("X"), r"Methods.depth\(\) takes 1 positional argument but 2 were given"),
        (lambda client: client.depth("X", limit=5), r"Methods.depth\(\) takes 1 positional argument but 2"),
        (lambda client: client.user_data_stream_subscribe(1), r"user_data_stream_subscribe\(\) takes 1 pos"),
        (lambda client: client.depth(**{1: 2}), "keywords must be strings"),
    ],
)
def test_a_wrong_call_is_refused_as_of_a_function(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call(fastws.connect("testnet"))


def test_an_object_that_is_no_client_is_called_by_name() -> None:
    class Fake:
        class _session:
            @staticmethod
            def call(spec: Any, params: Any) -> Any:
                return spec.name, params

    called: Any = Client.order_place(Fake(), **CALLED)  # type: ignore[call-overload,misc]
    assert called == ("order.place", CALLED)
    with pytest.raises(AttributeError, match="_session"):
        Client.ping(object())  # type: ignore[call-overload,misc]


def test_a_prepared_request_is_called_in_every_way() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        prepared = offline.client.prepare("order.place", **ORDER)
        for way in (prepared, prepared.__call__, functools.partial(prepared, timeout=5)):
            info = way(price="7", quantity=None).info
            assert info.params == {**ORDER, "price": "7", "newClientOrderId": info.client_order_id}
        with pytest.raises(TypeError, match=r"__call__\(\) takes exactly 0 positional arguments \(1 given\)"):
            prepared("7")  # type: ignore[call-overload]
        offline.client.flush()
        assert [request["params"]["price"] for request in offline.requests()] == ["7"] * 3
        offline.lose()

    run(main())


# --- what an import costs


def test_docstrings_and_signatures_are_made_when_somebody_looks() -> None:
    program = (
        "import sys, fastws; client = fastws.connect('testnet'); client.order_place; fastws.Client.order_place;"
        "assert 'fastws.methods.texts' not in sys.modules;"
        "assert fastws.Client.order_place.__doc__; assert 'fastws.methods.texts' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
