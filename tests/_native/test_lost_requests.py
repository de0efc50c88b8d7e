"""The end of a connection: who is told first, what is counted over connections, and that its cost is in proportion."""

from __future__ import annotations

import asyncio
import gc
import pickle
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, frame, reply, run


def told(offline: Offline) -> list[tuple[Any, ...]]:
    """What the owner of the session hears of losses: (number, reason, whether requests can be sent, in flight)."""
    heard: list[tuple[Any, ...]] = []
    session, handler = offline.session, offline.client._handler
    before = handler.on_lost

    def on_lost(connection: Any, reason: str) -> None:
        heard.append((connection.number, reason, session.route is not None, session.in_flight_count))
        before(connection, reason)

    handler.on_lost = on_lost
    return heard


def test_the_owner_is_told_of_a_loss_before_the_first_request_ends() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        order: list[Any] = told(offline)

        def ended(result: Any, error: Any) -> None:
            order.append(type(error))
            assert not offline.client.connected
            with pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"):
                offline.client.ping()
            with (
                pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"),
                offline.client.batch(),
            ):
                pass
            with pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"):
                offline.client.flush()

        offline.client.ping(on_reply=ended)
        offline.client.order_place(on_reply=ended, **ORDER)
        offline.client.flush()
        offline.lose()
        assert order == [
            (1, "the connection was lost", False, 2),
            fastws.ConnectionLost,
            fastws.ExecutionUnknown,
        ]
        assert offline.client.close_reason == "the connection was lost"

    run(main())


def test_each_connection_is_told_of_once_and_only_the_one_in_use_takes_the_route() -> None:
    async def main() -> None:
        offline = Offline()
        heard = told(offline)
        other = offline.another()
        first = offline.client.ping()
        other.lose()
        other.connection.finish("once more")
        assert heard == [(2, "the connection was lost", True, 1)]
        offline.send(reply(first.info.id, {}))
        assert await first == {}
        offline.connection.close()
        offline.lose()
        assert heard[1:] == [(1, "the connection was closed by the client", False, 0)]

    run(main())


def test_the_requests_end_whatever_the_owner_makes_of_the_loss() -> None:
    async def main() -> None:
        offline = Offline()
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

        def on_lost(connection: Any, reason: str) -> None:
            raise ZeroDivisionError(reason)

        offline.client._handler.on_lost = on_lost
        ping = offline.client.ping()
        offline.lose()
        with pytest.raises(fastws.ConnectionLost):
            await ping
        assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]

    run(main())


def test_what_is_read_is_numbered_over_all_connections() -> None:
    async def main() -> None:
        offline = Offline()
        client, session = offline.client, offline.session
        seen: list[int] = []
        first = client.ping(on_reply=lambda *_: seen.append(client.seq))
        offline.send(reply(first.id, {}))
        other = offline.another()
        session.route = other.connection
        second = client.ping(on_reply=lambda *_: seen.append(client.seq))
        other.send('{"event":{"e":"x"}}', reply(second.id, {}))
        session.route = offline.connection
        third = client.ping(on_reply=lambda *_: seen.append(client.seq))
        other.lose()
        offline.send(frame(1, b'{"id":', fin=False), frame(0, b'%d,"status":200,"result":{}}' % third.id))
        assert [info.seq for info in (first, second, third)] == seen == [1, 3, 4]
        offline.lose()
        assert client.seq == 4

    run(main())


def test_counters_are_sums_over_connections_also_while_one_ends() -> None:
    async def main() -> None:
        offline = Offline()
        client, session = offline.client, offline.session
        assert {name for name, number in client.stats.items() if number} == {"connects"}
        seen: list[dict[str, int]] = []
        client.ping(on_reply=lambda *_: seen.append(client.stats))
        other = offline.another()
        session.route = other.connection
        second = client.ping()
        other.send(frame(9), reply(second.info.id, {}), {"subscriptionId": 9, "event": {"e": "x"}})
        before = client.stats
        offline.lose()
        assert seen == [before]
        other.lose()
        assert client.stats == {**before, "losses": 1}
        counted = {"requests": 2, "replies": 1, "messages": 2, "events": 1, "pings": 1, "unknown_events": 1}
        assert {name: before[name] for name in counted} == counted

    run(main())


@pytest.mark.parametrize("loss", ["lost", "timed out"])
def test_the_errors_of_many_orders_are_each_of_their_own(loss: str) -> None:
    async def main() -> None:
        offline = Offline(**{**KEY, "timeout": 600.0 if loss == "lost" else 1e-6})
        orders: list[Any] = [offline.client.order_place(**ORDER) for _ in range(3)]
        amended = offline.client.order_cancel(symbol="ETHUSDT", orderId=7)
        read = offline.client.ping()
        offline.client.flush()
        if loss == "lost":
            offline.lose()
        else:
            offline.session._sweep()  # type: ignore[attr-defined]
        kind = fastws.ConnectionLost if loss == "lost" else fastws.RequestTimeout
        causes = set()
        for each in (*orders, amended):
            error = each.exception()
            assert type(error) is fastws.ExecutionUnknown
            shown = "".join(traceback.format_exception(error))
            assert f"no reply to {each.info.method}" in shown
            assert "direct cause" in shown
            assert type(error.cause) is kind
            assert error.__cause__ is error.cause
            assert error.cause.info is error.info is each.info
            assert error.params["newClientOrderId"] == each.info.client_order_id
            assert error.params["timestamp"] == each.info.timestamp
            assert error.args == (str(error),)
            copy = pickle.loads(pickle.dumps(error))
            assert (str(copy), copy.params) == (str(error), error.params)
            causes.add(id(error.cause))
        assert len(causes) == 4
        assert type(read.exception()) is kind
        assert read.exception().info is read.info  # type: ignore[union-attr]
        offline.lose()

    run(main())


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_rests_while_many_requests_end_and_goes_on_as_it_was(on: bool) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        seen: list[bool] = []
        for _ in range(300):
            offline.client.ping(on_reply=lambda result, error: seen.append(gc.isenabled()))
        offline.client.flush()
        was = gc.isenabled()
        (gc.enable if on else gc.disable)()
        try:
            offline.lose()
            assert gc.isenabled() is on
        finally:
            (gc.enable if was else gc.disable)()
        assert set(seen) == {False}

    run(main())


# ---------------------------------------------------------------------------------------------- in proportion

FEW, MANY = 1_000, 10_000
ENOUGH: dict[str, Any] = {"timeout": 600.0, "max_output": 1 << 30, **KEY}


def fastest(*cases: tuple[Callable[[int], Callable[[], object]], int]) -> list[float]:
    """Microseconds for one of ``count`` requests of each case, in the fastest of some rounds that alternate."""
    found = [float("inf")] * len(cases)
    for _ in range(8):
        for i, (prepare, count) in enumerate(cases):
            act = prepare(count)
            gc.collect()
            start = time.perf_counter()
            act()
            found[i] = min(found[i], (time.perf_counter() - start) / count * 1e6)
    return found


def placed(offline: Offline, count: int) -> list[Any]:
    futures = [offline.client.order_place(**ORDER) for _ in range(count)]
    offline.client.flush()
    return futures


def loss(count: int) -> Callable[[], object]:
    offline = Offline(**ENOUGH)
    kept = placed(offline, count)

    def act() -> None:
        offline.lose()
        assert all(future.done() for future in kept)
        for future in kept:
            future.exception()

    return act


def loss_after_cancels(count: int) -> Callable[[], object]:
    offline = Offline(on_orphan=lambda info, outcome: None, **ENOUGH)
    for future in placed(offline, count):
        future.cancel()
    return offline.lose


def loss_of_callbacks(count: int) -> Callable[[], object]:
    offline = Offline(**ENOUGH)
    for _ in range(count):
        offline.client.order_place(on_reply=lambda result, error: None, **ORDER)
    offline.client.flush()
    return offline.lose


def loss_of_subscribes(count: int) -> Callable[[], object]:
    offline = Offline(**ENOUGH)
    for _ in range(count):
        offline.client.request(
            "userDataStream.subscribe.signature", on_reply=lambda result, error: None, timeout=600.0
        )
    offline.client.flush()
    return offline.lose


def timeouts(count: int) -> Callable[[], object]:
    offline = Offline(**{**ENOUGH, "timeout": 1e-6})
    kept = placed(offline, count)

    def act() -> None:
        offline.session._sweep()  # type: ignore[attr-defined]
        assert all(future.done() for future in kept)
        for future in kept:
            future.exception()
        offline.lose()

    return act


def by_hand(count: int) -> Callable[[], object]:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(count)]

    def act() -> None:
        for future in futures:
            future.set_exception(fastws.ConnectionLost())
        for future in futures:
            future.exception()

    return act


WAYS = [loss, loss_after_cancels, loss_of_callbacks, loss_of_subscribes, timeouts]


@pytest.mark.alone
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_end_of_many_requests_takes_time_in_proportion(
    way: Callable[[int], Callable[[], object]],
) -> None:
    """What is quadratic takes ten times as long a request; the bounds leave room for a busy machine."""

    async def main() -> None:
        few, many, hand = fastest((way, FEW), (way, MANY), (by_hand, MANY))
        assert many < 3 * few, f"a request takes {few:.1f} us of {FEW}, and {many:.1f} us of {MANY}"
        assert many < 25 * hand, f"a request takes {many:.1f} us, and set_exception() {hand:.1f} us"

    run(main(), timeout=60)


@pytest.mark.alone
def test_a_drain_of_many_requests_takes_time_in_proportion() -> None:
    """Each turn of the event loop brings one reply, and so one look at what is left."""

    async def drained(count: int) -> float:
        offline = Offline(**ENOUGH)
        kept = placed(offline, count)
        done = offline.session.drain()
        assert done is not None
        start = time.perf_counter()
        for future in kept:
            offline.send(reply(future.info.id, {"orderId": 1}))
            await asyncio.sleep(0)
        await done
        took = (time.perf_counter() - start) / count * 1e6
        offline.lose()
        return took

    async def main() -> None:
        few, many = await drained(300), await drained(3000)
        assert many < 3 * few, f"a reply takes {few:.1f} us of 300, and {many:.1f} us of 3000"

    run(main(), timeout=60)
