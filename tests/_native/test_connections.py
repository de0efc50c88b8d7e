"""fastws._native.connection under fastws._core: two connections behind one session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.offline import Offline, Wire
from helpers.support import KEY, ORDER, frame, reply, run

BOUGHT = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


@asynccontextmanager
async def two(**options: Any) -> AsyncIterator[Any]:
    """A client with connections to two exchanges that know its key; `use(1)` or `use(2)` says where requests go."""
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(Emulator()) for _ in range(2)]
        key = first.add_account("Ed25519")
        second.add_account("Ed25519", api_key=key.api_key, private_key=key.private_key)
        client = await stack.enter_async_context(
            fastws.connect(first.url, api_key=key.api_key, private_key=key.private_key, **options)
        )
        session: Any = client._session
        other = session.new_connection()
        await client._supervisor.connector.opener.open(second.url, other)
        connections = [session.route, other]
        yield SimpleNamespace(
            exchanges=[first, second],
            client=client,
            session=session,
            connections=connections,
            use=lambda number: setattr(session, "route", connections[number - 1]),
        )
        session.route = connections[0]
        other.abort()


def test_requests_go_to_either_connection_and_replies_to_their_waiters() -> None:
    async def main() -> None:
        async with two() as both:
            client = both.client
            assert [connection.number for connection in both.connections] == [1, 2]
            both.use(2)
            logon = client.session_logon()
            await logon
            assert logon.info.connection == 2
            replies = []
            for number in range(200):
                both.use(1 + number % 2)
                client_order_id = f"order-{number}"
                replies.append(client.order_place(**BOUGHT, newClientOrderId=client_order_id))
            results = await asyncio.gather(*replies)
            assert [result["clientOrderId"] for result in results] == [f"order-{n}" for n in range(200)]
            assert [sent.info.connection for sent in replies] == [1, 2] * 100
            assert len({sent.info.id for sent in replies}) == 200
            for number, exchange in enumerate(both.exchanges):
                names = [record.client_order_id for record in exchange.journal if record.client_order_id]
                assert names == [f"order-{n}" for n in range(number, 200, 2)]

    run(main())


def test_each_connection_has_a_logon_of_its_own() -> None:
    async def main() -> None:
        async with two() as both:
            first, second = both.connections
            assert (first.logged_on, second.logged_on) == (True, False)
            both.use(2)
            assert not both.client.logged_on
            await both.client.account_status()  # signed, since nobody is logged on there
            await both.client.session_logon()
            assert second.logon_key == first.logon_key
            both.use(1)
            await both.client.session_logout()
            assert (first.logged_on, second.logged_on) == (False, True)

    run(main())


def test_one_end_of_either_leaves_the_other_as_it_is() -> None:
    async def main() -> None:
        async with two() as both:
            client = both.client
            for exchange in both.exchanges:
                exchange.faults.add("drop_reply", "order.place")
            lost = client.order_place(**BOUGHT)
            both.use(2)
            kept = client.order_place(**BOUGHT, timeout=5)
            client.flush()
            both.connections[0].abort()
            with pytest.raises(fastws.ExecutionUnknown) as raised:
                await lost
            assert isinstance(raised.value.cause, fastws.ConnectionLost)
            assert raised.value.info.connection == 1
            assert both.session.connections == [both.connections[1]]
            assert not kept.done()
            assert await client.ping() == {}
            both.connections[1].abort()
            with pytest.raises(fastws.ExecutionUnknown):
                await kept
            assert both.session.connections == []
            assert client.in_flight == 0

    run(main())


# --- without a socket: what leaves, and when


class Pair(Offline):
    """A client without a socket that has two connections; `second` is the other one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.second = self.another()

    def use(self, wire: Wire) -> None:
        self.session.route = wire.connection

    def lose_both(self) -> None:
        self.second.lose()
        self.lose()


def sent(wire: Wire) -> list[str]:
    return [request["method"] for request in wire.requests()]


def test_one_turn_over_both_connections() -> None:
    async def main() -> None:
        pair = Pair()
        client = pair.client
        pings = [client.ping(), client.ping()]
        pair.use(pair.second)
        pings += [client.ping(), client.ping()]
        assert (pair.writes, pair.second.writes) == (1, 0), (
            "the first request of the turn alone leaves at once"
        )
        await asyncio.sleep(0)
        assert (sent(pair), sent(pair.second)) == (["ping"] * 2, ["ping"] * 2)
        assert (pair.writes, pair.second.writes) == (2, 1)
        pair.lose_both()
        await asyncio.gather(*pings, return_exceptions=True)

    run(main())


def test_one_batch_over_both_connections() -> None:
    async def main() -> None:
        pair = Pair(**KEY)
        client = pair.client
        with client.batch():
            orders = [client.order_place(**ORDER)]
            pair.use(pair.second)
            orders.append(client.order_place(**ORDER))
            assert (pair.writes, pair.second.writes) == (0, 0)
        assert (pair.writes, pair.second.writes) == (1, 1)
        given_up = []
        batch = client.batch()
        batch.__enter__()
        for wire in (pair.second, pair):
            pair.use(wire)
            given_up.append(client.order_place(**ORDER))
        batch.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
        for order in given_up:
            assert isinstance(order.exception(), fastws.NotSent)
        assert (pair.writes, pair.second.writes) == (1, 1)
        pair.lose_both()
        await asyncio.gather(*orders, return_exceptions=True)

    run(main())


def test_what_a_read_callback_requests_on_another_connection_leaves_at_its_end() -> None:
    async def main() -> None:
        pair = Pair()
        client = pair.client
        made: list[Any] = []

        def again(result: Any, error: Any) -> None:
            pair.use(pair.second)
            made.extend(client.ping() for _ in range(3))

        info = client.ping(on_reply=again)
        pair.send(reply(info.id))
        assert sent(pair.second) == ["ping"] * 3
        assert pair.second.writes == 2
        pair.lose_both()
        await asyncio.gather(*made, return_exceptions=True)

    run(main())


@pytest.mark.parametrize("within", [False, True], ids=["afterwards", "within the read callback"])
def test_a_faulty_frame_behind_good_ones_holds_no_request_of_the_other_connection(within: bool) -> None:
    """picows delivers no frame with which a read callback would end."""

    async def main() -> None:
        pair = Pair()
        client = pair.client
        made: list[Any] = []

        def more(result: Any = None, error: Any = None) -> None:
            pair.use(pair.second)
            made.extend(client.ping() for _ in range(3))

        def nothing(result: Any, error: Any) -> None: ...

        infos = [client.ping(on_reply=more if within else nothing), client.ping(on_reply=nothing)]
        client.flush()
        bad = bytearray(frame(1, b"{}"))
        bad[0] = 0x83  # an opcode that does not exist
        pair.send(reply(infos[0].id), reply(infos[1].id), bytes(bad))
        if not within:
            more()
        await asyncio.sleep(0)
        assert sent(pair.second) == ["ping"] * 3
        made.append(client.ping())
        assert sent(pair.second) == ["ping"], (
            "the turn has ended: the first request of the next one leaves at once"
        )
        pair.lose_both()
        await asyncio.gather(*made, return_exceptions=True)

    run(main())


def test_a_connection_that_ends_within_its_read_callback_ends_the_turn() -> None:
    async def main() -> None:
        pair = Pair()
        client = pair.client
        made: list[Any] = []

        def more(result: Any, error: Any) -> None:
            assert isinstance(error, fastws.ConnectionLost)
            pair.use(pair.second)
            made.extend(client.ping() for _ in range(2))

        client.ping(on_reply=more)
        pair.feed(frame(1, b"{}", rsv=1) + frame(1, b"{}"))
        assert sent(pair.second) == ["ping"] * 2
        made.append(client.ping())
        assert sent(pair.second) == ["ping"]
        pair.lose_both()
        await asyncio.gather(*made, return_exceptions=True)

    run(main())


def test_a_reply_on_the_wrong_connection_finds_nobody() -> None:
    async def main() -> None:
        pair = Pair()
        ping = pair.client.ping()
        pair.second.send(reply(ping.info.id))
        assert not ping.done()
        assert pair.second.connection.stale == 1
        pair.send(reply(ping.info.id))
        assert await ping == {}
        pair.lose_both()

    run(main())


def test_the_slot_of_a_request_is_that_of_its_own_connection() -> None:
    """The other connection has fewer slots, and another request in the slot with the same number."""

    async def main() -> None:
        pair = Pair()
        client = pair.client
        pings = [client.ping() for _ in range(100)]
        pair.use(pair.second)
        others = [client.ping() for _ in range(3)]
        client.flush()
        pair.send(*(reply(ping.info.id) for ping in reversed(pings)))
        assert all(ping.done() for ping in pings)
        assert not any(ping.done() for ping in others)
        assert (client.in_flight, pair.connection.in_flight, pair.second.connection.in_flight) == (3, 0, 3)
        pair.lose_both()
        await asyncio.gather(*others, return_exceptions=True)

    run(main())


def test_one_timer_for_both_connections() -> None:
    async def main() -> None:
        pair = Pair()
        client = pair.client
        slow = client.ping(timeout=5)
        pair.use(pair.second)
        quick = client.ping(timeout=0.01)
        with pytest.raises(fastws.RequestTimeout):
            await quick
        assert not slow.done()
        pair.lose_both()
        await asyncio.gather(slow, return_exceptions=True)

    run(main())


def test_closing_waits_for_the_replies_of_both_connections() -> None:
    async def main() -> None:
        pair = Pair()
        first = pair.client.ping()
        pair.use(pair.second)
        second = pair.client.ping()
        drained = pair.session.drain()
        pair.send(reply(first.info.id))
        await asyncio.sleep(0)
        assert not drained.done()
        pair.second.send(reply(second.info.id))
        await asyncio.wait_for(drained, 1)
        pair.lose_both()

    run(main())


def test_a_prepared_request_alternates_between_two_connections() -> None:
    async def main() -> None:
        pair = Pair(**KEY, logon="never")
        place = pair.client.prepare("order.place", **{**ORDER, "price": None, "quantity": None})
        orders = []
        for number in range(4):
            pair.use(pair if number % 2 else pair.second)
            orders.append(place(price=f"{number + 1}.0", quantity="1"))
        pair.client.flush()
        prices = [[request["params"]["price"] for request in wire.requests()] for wire in (pair.second, pair)]
        assert prices == [["1.0", "3.0"], ["2.0", "4.0"]]
        pair.lose_both()
        await asyncio.gather(*orders, return_exceptions=True)

    run(main())


# --- a subscription that moves


def event(subscription: int, number: int) -> dict[str, Any]:
    return {"subscriptionId": subscription, "event": {"e": "balanceUpdate", "E": number}}


async def subscribed(pair: Pair) -> Any:
    subscription = pair.client.user_data_stream_subscribe_signature()
    pair.send(reply(subscription.info.id, {"subscriptionId": 3}))
    return await subscription


def test_a_subscription_can_move_to_another_connection() -> None:
    async def main() -> None:
        pair = Pair(**KEY)
        subscription = await subscribed(pair)
        stream = subscription._stream
        pair.send(event(3, 1))
        pair.connection.router.detach(stream)
        assert (subscription.id, subscription.connection, stream.ended) == (-1, -1, False)
        pair.send(event(3, 2))
        assert pair.client.stats["unknown_events"] == 1
        pair.second.connection.router.attach(stream, 40)
        assert (subscription.id, subscription.connection) == (40, pair.second.connection.number)
        pair.second.send(event(40, 3))
        pair.lose()
        pair.second.send(event(40, 4))
        assert [taken["E"] for taken in subscription.take_all()] == [1, 3, 4]
        pair.second.lose()
        assert subscription.reason == "the connection was lost"

    run(main())


def test_a_stream_has_one_connection_at_a_time() -> None:
    async def main() -> None:
        pair = Pair(**KEY)
        subscription = await subscribed(pair)
        routers = pair.connection.router, pair.second.connection.router
        with pytest.raises(RuntimeError, match="detached"):
            routers[1].attach(subscription._stream, 1)
        with pytest.raises(RuntimeError, match="not one of this connection"):
            routers[1].detach(subscription._stream)
        routers[0].detach(subscription._stream)
        with pytest.raises(RuntimeError, match="not one of this connection"):
            routers[0].detach(subscription._stream)
        for wrong in (-1, 65536):
            with pytest.raises(ValueError, match="65535"):
                routers[1].attach(subscription._stream, wrong)
        pair.lose_both()

    run(main())


def test_streams_outlive_a_connection_where_the_session_says_so() -> None:
    async def main() -> None:
        pair = Pair(reconnect=True, **KEY)
        subscription = await subscribed(pair)
        pair.send(event(3, 1))
        pair.lose()
        assert pair.session.detached == [subscription._stream]
        assert (subscription.active, subscription.connection, subscription.reason) == (True, -1, None)
        waiting = asyncio.ensure_future(subscription.__anext__())
        assert (await waiting)["E"] == 1
        waiting = asyncio.ensure_future(subscription.__anext__())
        pair.second.connection.router.attach(subscription._stream, 0)
        assert pair.session.detached == []
        pair.second.send(event(0, 2))
        assert (await waiting)["E"] == 2
        await pair.client.close(0.0)

    run(main())


def test_detaching_and_attaching_respect_what_is_about_to_end() -> None:
    async def main() -> None:
        pair = Pair(**KEY)
        subscription = await subscribed(pair)
        stream = subscription._stream
        ending = pair.client.user_data_stream_unsubscribe(subscriptionId=3)
        pair.client.flush()
        pair.send(reply(ending.info.id))
        with pytest.raises(RuntimeError, match="about to end"):
            pair.connection.router.detach(stream)
        pair.send({"subscriptionId": 3, "event": {"e": "eventStreamTerminated", "E": 1}})
        assert subscription.reason == "unsubscribed"
        other = await subscribed(pair)
        pair.connection.router.detach(other._stream)
        pair.second.lose()
        with pytest.raises(RuntimeError, match="has ended"):
            pair.second.connection.router.attach(other._stream, 1)
        pair.lose()

    run(main())


def test_kept_streams_end_when_the_client_closes() -> None:
    async def main() -> None:
        pair = Pair(**KEY)
        pair.session.keep_streams = True
        subscription = await subscribed(pair)
        closing = asyncio.ensure_future(pair.client.close(0.1))
        await closing
        assert subscription._stream.ended
        assert pair.session.detached == []
        pair.lose_both()

    run(main())


def test_an_overflow_callback_that_ends_the_connection_does_no_harm() -> None:
    async def main() -> None:
        pair = Pair(reconnect=True, **KEY)

        def lose(subscription: Any, event: Any) -> None:
            pair.broken = OSError("broken pipe")
            pair.client.ping(urgent=True)

        reply_ = pair.client.user_data_stream_subscribe_signature(buffer=1, on_overflow=lose)
        pair.send(reply(reply_.info.id, {"subscriptionId": 3}))
        subscription = await reply_
        pair.send(event(3, 1), event(3, 2), event(3, 3))
        assert (subscription.lost, subscription._stream.ended) == (1, False)
        assert [taken["E"] for taken in subscription.take_all()] == [1]
        pair.lose_both()
        await pair.client.close(0.0)

    run(main())


def test_the_client_is_open_until_its_last_connection_ends() -> None:
    async def main() -> None:
        pair = Pair()
        closed = asyncio.ensure_future(pair.client.wait_closed())
        pair.use(pair.second)
        pair.lose()
        await asyncio.sleep(0)
        assert pair.client.connected
        assert not closed.done()
        pair.second.lose()
        assert await closed == "the connection was lost"

    run(main())


def test_closing_closes_every_connection() -> None:
    async def main() -> None:
        async with two() as both:
            await both.client.close()
            assert both.session.connections == []
            assert not any(connection.is_open for connection in both.connections)
            late = both.session.new_connection()
            await both.client._supervisor.connector.opener.open(both.exchanges[0].url, late)
            both.session.route = late
            with pytest.raises(fastws.NotConnected, match="the client is closing"):
                both.client.ping()
            late.abort()

    run(main())
