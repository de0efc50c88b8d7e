"""Where a client may be used: on the event loop, in the thread and in the process that opened it."""

from __future__ import annotations

import asyncio
import json
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fastws
from fastws._native.loop_guard import LoopGuard
from helpers.offline import Offline
from helpers.support import KEY, ORDER, reply, run

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
try:
    import uvloop
except ImportError:
    pass
else:
    LOOPS.append(uvloop.new_event_loop)


@pytest.fixture(params=LOOPS, ids=lambda make: make.__module__.partition(".")[0])
def loop(request: Any) -> Iterator[asyncio.AbstractEventLoop]:
    loop = request.param()
    yield loop
    loop.close()


async def offline(**options: Any) -> Offline:
    return Offline(**KEY, **options)


async def lose(offline: Offline) -> None:
    offline.lose()


def answered(offline: Offline) -> Any:
    """Answer the only request that was written."""
    (request,) = offline.requests()
    offline.send(reply(request, {"orderId": 7}))


async def batch(client: fastws.Client) -> None:
    with client.batch():
        pass


async def halt(client: fastws.Client) -> None:
    try:
        await client.halt()
    finally:
        assert not client.halted, "what was refused has no effect"


USES: dict[str, Callable[[fastws.Client, Any], Any]] = {
    "a method": lambda client, _: client.order_place(**ORDER),
    "a callback": lambda client, _: client.order_place(**ORDER, on_reply=print),
    "request": lambda client, _: client.request("order.place", ORDER),
    "a prepared request": lambda client, quote: quote(price="2"),
    "urgent": lambda client, _: client.order_cancel(symbol="BTCUSDT", orderId=1),
    "subscribe": lambda client, _: client.user_data_stream_subscribe_signature(),
    "flush": lambda client, _: client.flush(),
    "batch": lambda client, _: batch(client),
    "halt": lambda client, _: halt(client),
    "sync_time": lambda client, _: client.sync_time(),
    "close": lambda client, _: client.close(),
    "rotate": lambda client, _: client.rotate(),
    "wait_closed": lambda client, _: client.wait_closed(),
}


async def use(made: Offline, name: str, quote: Any) -> None:
    result = USES[name](made.client, quote)
    if asyncio.iscoroutine(result):
        await result


@pytest.mark.parametrize("name", USES)
def test_on_another_event_loop_of_the_thread_nothing_is_written_and_the_error_says_why(
    loop: asyncio.AbstractEventLoop, name: str
) -> None:
    made = loop.run_until_complete(offline())
    quote = made.client.prepare("order.place", **{key: ORDER[key] for key in ORDER if key != "price"})
    with pytest.raises(RuntimeError, match="on another event loop than the client's"):
        asyncio.run(use(made, name, quote))
    assert made.written == b""
    assert made.client.in_flight == 0
    # and it goes on where it was opened
    order = loop.run_until_complete(requested(made))
    assert order == {"orderId": 7}
    loop.run_until_complete(lose(made))


async def requested(made: Offline) -> Any:
    order = made.client.order_place(**ORDER)
    answered(made)
    return await order


def test_a_turn_that_never_ended_does_not_open_the_client_to_another_loop(
    loop: asyncio.AbstractEventLoop,
) -> None:
    made = loop.run_until_complete(offline())
    order = made.client.order_place(**ORDER)  # its turn ends when the loop runs next
    made.written.clear()
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(use(made, "a method", None))
    assert made.written == b""
    made.send(reply(order.info.id, {"orderId": 7}))
    assert loop.run_until_complete(order) == {"orderId": 7}
    loop.run_until_complete(lose(made))


def test_requests_of_the_loop_that_rests_go_on_working(loop: asyncio.AbstractEventLoop) -> None:
    made = loop.run_until_complete(offline())
    for _ in range(2):
        order = made.client.order_place(**ORDER)
        answered(made)
        assert loop.run_until_complete(order) == {"orderId": 7}
    loop.run_until_complete(lose(made))


def test_when_the_event_loop_is_closed_nothing_is_written(loop: asyncio.AbstractEventLoop) -> None:
    made = loop.run_until_complete(offline())
    loop.close()
    for call in (lambda: made.client.order_place(**ORDER), made.client.flush):
        with pytest.raises(RuntimeError, match="the client's event loop is closed"):
            call()
        with pytest.raises(RuntimeError, match="on another event loop"):
            run(use(made, "a method", None))
    assert made.written == b""


def test_the_events_of_a_subscription_are_waited_for_on_its_own_loop(
    loop: asyncio.AbstractEventLoop,
) -> None:
    async def subscribed() -> tuple[Offline, fastws.streams.Subscription]:
        made = await offline()
        pending = made.client.user_data_stream_subscribe_signature()
        (request,) = made.requests()
        made.send(reply(request, {"subscriptionId": 0}))
        return made, await pending

    made, subscription = loop.run_until_complete(subscribed())

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await subscription.__anext__()
        with pytest.raises(RuntimeError, match="another event loop"):
            await subscription.wait_closed()

    run(elsewhere())
    loop.run_until_complete(lose(made))


def test_closing_is_not_told_of_another_thread_where_it_is_another_loop(
    loop: asyncio.AbstractEventLoop,
) -> None:
    made = loop.run_until_complete(offline())

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="close was called on another event loop"):
            await made.client.close()

    run(elsewhere())

    async def in_a_thread() -> None:
        with pytest.raises(RuntimeError, match=r"another thread.*run_coroutine_threadsafe"):
            await asyncio.to_thread(asyncio.run, made.client.close())

    run(in_a_thread())
    loop.run_until_complete(lose(made))
    assert run(made.client.wait_closed()) == "the connection was lost", "what is known needs no loop"


# ------------------------------------------------------------------------------------------------- after a fork


def in_a_child(main: Callable[[], Any]) -> Any:
    """What a function gives in a forked child process."""
    source, sink = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have left threads
        child = os.fork()
    if child == 0:
        try:
            given = main()
        except BaseException as exc:
            given = f"{type(exc).__name__}: {exc}"
        os.write(sink, json.dumps(given).encode())
        os._exit(0)
    os.close(sink)
    with open(source, "rb") as file:
        given = json.loads(file.read())
    os.waitpid(child, 0)
    return given


def refusals(made: Offline) -> list[str]:
    """What the calls of a client end in."""

    async def elsewhere(name: str) -> None:
        await use(made, name, made.client.prepare("order.place", **ORDER))

    found = []
    for name in USES:
        try:
            asyncio.run(elsewhere(name))
        except RuntimeError as exc:
            found.append(str(exc))
    try:
        made.client.order_place(**ORDER)
    except RuntimeError as exc:
        found.append(str(exc))
    return [*found, f"{made.client.connected} {len(made.written)}"]


async def another() -> Any:
    """A client that the child opens."""
    return await requested(await offline())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("where", ["in front of the loop", "within it"])
def test_a_forked_child_is_refused_and_opens_clients_of_its_own(where: str) -> None:
    async def forking() -> None:
        made = Offline(**KEY)
        said = in_a_child(lambda: refusals(made))
        check(said)
        assert await requested(made) == {"orderId": 7}, "the parent goes on"
        made.lose()

    def check(said: Any) -> None:
        assert isinstance(said, list)
        *said, last = said
        assert len(said) == len(USES) + 1
        assert all("child process" in text for text in said)
        assert last == "False 0"

    if where == "within it":
        run(forking())
        return
    loop = asyncio.new_event_loop()
    made = loop.run_until_complete(offline())
    check(in_a_child(lambda: refusals(made)))
    assert in_a_child(lambda: asyncio.run(another())) == {"orderId": 7}
    assert loop.run_until_complete(requested(made)) == {"orderId": 7}
    loop.run_until_complete(lose(made))
    loop.close()


def test_homes_that_are_gone_leave_nothing_behind() -> None:
    from fastws._native import loop_guard as _module

    async def main() -> None:
        before = len(_module.loop_guards)
        loop_guards = [LoopGuard(asyncio.get_running_loop()) for _ in range(10)]
        assert len(_module.loop_guards) == before + 10
        del loop_guards
        assert len(_module.loop_guards) == before

    run(main())


def test_halt_from_a_thread_without_a_loop_says_whose_thread_is_wanted() -> None:
    async def main() -> None:
        made = await offline()
        with pytest.raises(RuntimeError, match="another thread than the client's"):
            await asyncio.to_thread(made.client.halt)
        assert not made.client.halted
        made.lose()

    run(main())
