"""A loss of either connection, and close(), at each step of a rotation: nothing hangs, and nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.losing import keyed, lose, nothing_left, until
from helpers.offline import Offline
from helpers.rotating import draining, due_now, old_of, rotating, unanswered
from helpers.support import KEY, reply, run

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",
    "quantity": "0.001",
}

# The steps in which the client is rotating, in their order; and those in which it is draining.
ROTATING = ["handshake", "logon", "a logon of the user's", "subscribe", "a subscribe of the user's"]
DRAINING = ["last replies", "close handshake"]


async def reach(step: str, exchange: Emulator, client: fastws.Client) -> list[asyncio.Future[Any]]:
    """Rotate as far as this step. Returns what must end: rotate(), and requests in flight on the old connection."""
    order = client.order_place(**ORDER)  # answered in time, on the connection on which it was sent
    ends: list[asyncio.Future[Any]] = [order]
    if step == "handshake":
        exchange.faults.add("hang")
    elif step == "logon":
        exchange.faults.add("hold", "session.logon", seconds=0.1)
    elif step.startswith("a"):
        method = "session.logon" if "logon" in step else "userDataStream.subscribe.signature"
        ends.append(unanswered(exchange, client, method))
    elif step == "subscribe":
        hold_prepare(client)
    elif step == "last replies":
        ends.append(unanswered(exchange, client))
    elif step == "close handshake":
        await order
        exchange.connections.pick("oldest").freeze()
    ends.append(rotating(client))
    if step in DRAINING:
        await until(lambda: client.state == "draining")
        if step == "close handshake":
            await until(lambda: not old_of(client).is_open)
        return ends
    await until(lambda: client.stats["attempts"] == 2)
    if step != "handshake":
        await until(lambda: successors(client))
    await asyncio.sleep(0.02)
    assert client.state == "rotating"
    return ends


def hold_prepare(client: fastws.Client) -> None:
    """Let subscribing on the successor take its time."""
    keeper: Any = client._handler.keeper
    prepare = keeper.prepare

    async def slow(*args: Any) -> None:
        await asyncio.sleep(0.1)
        await prepare(*args)

    keeper.prepare = slow


def successors(client: fastws.Client) -> list[Any]:
    return [each for each in client._session.connections if each is not client._session.route]


async def ended(ends: list[asyncio.Future[Any]]) -> None:
    """All of them end, each in a result or in an error that is documented."""
    for outcome in await asyncio.wait_for(asyncio.gather(*ends, return_exceptions=True), 5):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, fastws.FastwsError), outcome


async def works(client: fastws.Client, events: list[Any]) -> None:
    """Requests are answered, for the right account, and events come once."""
    await client.wait_open(5)
    placed = await client.order_place(**ORDER)
    assert placed["status"] == "NEW"
    await until(lambda: placed["orderId"] in [event.get("i") for event in events])
    assert [event.get("i") for event in events].count(placed["orderId"]) == 1
    assert (await client.session_status())["apiKey"] == client._options.signer.api_key  # type: ignore[union-attr]
    await until(lambda: len(client._session.connections) == 1)


async def each_ends(step: str, act: Callable[[fastws.Client], None]) -> fastws.Client:
    """Act at this step; then the client works on one connection, and can rotate."""
    async with keyed(connect_timeout=0.3, timeout=0.3, drain_timeout=0.4, after_gap="go") as (
        exchange,
        client,
        _,
        __,
    ):
        events: list[Any] = []
        subscription = await client.user_data_stream_subscribe(on_event=events.append)
        ends = await reach(step, exchange, client)
        act(client)
        await ended(ends)
        await until(lambda: client.state == "open")
        await until(lambda: subscription.id >= 0)
        await works(client, events)
        await asyncio.wait_for(client.rotate(), 5)
        await works(client, events)
        assert client.stats["unknown_events"] == 0
        assert client._session.draining is None
        await client.close()
        await nothing_left(client, asyncio.all_tasks())
        return client


@pytest.mark.parametrize("step", ROTATING)
def test_the_old_connection_is_lost_before_the_switch(step: str) -> None:
    async def main() -> None:
        client = await each_ends(step, lose)
        assert client.stats["losses"] == 1

    run(main())


@pytest.mark.parametrize("step", DRAINING)
def test_the_old_connection_is_lost_behind_the_switch(step: str) -> None:
    async def main() -> None:
        client = await each_ends(step, lambda client: old_of(client).abort())
        assert (client.stats["losses"], client.stats["rotations"]) == (0, 2)

    run(main())


@pytest.mark.parametrize("step", ROTATING[1:])
def test_the_successor_is_lost_before_the_switch(step: str) -> None:
    async def main() -> None:
        def act(client: fastws.Client) -> None:
            (successor,) = successors(client)
            successor.abort()

        client = await each_ends(step, act)
        assert client.stats["losses"] == 0

    run(main())


@pytest.mark.parametrize("step", DRAINING)
def test_the_successor_is_lost_behind_the_switch(step: str) -> None:
    async def main() -> None:
        client = await each_ends(step, lose)
        assert client.stats["losses"] == 1

    run(main())


@pytest.mark.parametrize("step", ROTATING + DRAINING)
@pytest.mark.parametrize("first", ["old", "successor"])
def test_both_are_lost(step: str, first: str) -> None:
    async def main() -> None:
        def act(client: fastws.Client) -> None:
            both = [client._session.route, *successors(client)]
            if first == "successor":
                both.reverse()
            for each in both:
                each.abort()  # type: ignore[union-attr]

        await each_ends(step, act)

    run(main())


@pytest.mark.parametrize("step", ROTATING + DRAINING)
@pytest.mark.parametrize("reconnect", [True, False])
def test_closing(step: str, reconnect: bool) -> None:
    async def main() -> None:
        tasks = asyncio.all_tasks()
        async with Emulator() as exchange:
            async with keyed(reconnect=reconnect) as (own, client, _, __):
                ends = await reach(step, own, client)
                await asyncio.wait_for(client.close(0.1), 5)
                await ended(ends)
                await nothing_left(client, asyncio.all_tasks())
            assert len(exchange.connections) == 0
        await until(lambda: asyncio.all_tasks() == tasks)

    run(main())


@pytest.mark.parametrize("step", ROTATING + DRAINING)
def test_a_client_that_does_not_reconnect_is_closed_by_a_loss(step: str) -> None:
    async def main() -> None:
        async with keyed(reconnect=False, connect_timeout=0.3, timeout=0.5) as (exchange, client, _, __):
            ends = await reach(step, exchange, client)
            if step == "last replies":
                client._supervisor.rotation._noticed.add(
                    1
                )  # else the old connection carries the requests again
            lose(client)
            await asyncio.wait_for(client.wait_closed(), 5)
            await ended(ends)
            await client.close()
            await nothing_left(client, asyncio.all_tasks())

    run(main())


def test_an_error_that_fastws_does_not_know_fails_the_attempt() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: reported.append(repr(context["exception"]))
            )

            async def fail(*args: Any) -> None:
                raise OSError("no hardware")

            keeper: Any = client._handler.keeper
            prepare, keeper.prepare = keeper.prepare, fail
            with pytest.raises(fastws.NotConnected, match="no hardware"):
                await client.rotate()
            assert reported == ["OSError('no hardware')"]
            keeper.prepare = prepare
            due_now(client)
            await until(lambda: client.connection == 3 and client.state == "open")
            assert len(client._session.connections) == 1

    run(main())


@pytest.mark.parametrize("connection", ["old", "successor"])
def test_an_error_in_what_moves_the_subscriptions_does_not_stop_the_steps(connection: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: reported.append(context["message"])
            )
            rotation, reply = await draining(exchange, client)
            keeper: Any = client._handler.keeper
            keeper.lost = keeper.give_up = lambda *args: 1 / 0
            if connection == "old":
                old_of(client).abort()
                await rotation
            else:
                lose(client)
                with pytest.raises(fastws.ConnectionLost):
                    await rotation
            assert steps[-1] == ("draining", "open")
            assert reported == ["fastws: the end of a connection could not be handled"]
            assert await client.ping() == {}
            reply.cancel()

    run(main())


def test_subscriptions_that_never_rest_fail_the_attempt() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            keeper: Any = client._handler.keeper
            prepared, keeper.prepared = keeper.prepared, lambda *args: False
            with pytest.raises(fastws.ConnectionLost, match="did not rest"):
                await client.rotate()
            keeper.prepared = prepared
            await client.rotate()
            assert client.connection == 3

    run(main())


def test_an_attempt_whose_task_the_program_cancels_leaves_the_client_open() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("hang")
            rotation = rotating(client)
            await asyncio.sleep(0.01)
            assert client._supervisor.attempts.task is not None
            client._supervisor.attempts.task.cancel()
            with pytest.raises(fastws.NotConnected, match="cancelled"):
                await rotation
            assert steps == [("open", "rotating"), ("rotating", "open")]
            assert await client.ping() == {}

    run(main())


def test_the_old_connection_ends_within_the_switch() -> None:
    """What is corked there cannot be written: the steps are told in their order, and the successor goes on."""

    async def main() -> None:
        steps: list[tuple[str, str]] = []
        offline = Offline(**KEY, on_state=lambda old, new, reason: steps.append((old, new)), reconnect=True)
        client, supervisor = offline.client, offline.client._supervisor
        supervisor._machine._actions["rotate"] = lambda reason: supervisor.rotation.begin()
        del steps[:]
        rotation = rotating(client)
        await asyncio.sleep(0)
        first, second = client.ping(), client.ping()  # the second one is corked
        successor = offline.another()
        offline.broken = OSError("no route")
        supervisor.attempts.came_up(successor.connection)
        assert steps == [("open", "rotating"), ("rotating", "draining"), ("draining", "open")]
        assert (client.state, client.connection) == ("open", 2)
        await rotation
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(each) for each in outcomes] == [fastws.ConnectionLost] * 2
        reply_to = client.ping()
        successor.send(reply(successor.requests()[0]["id"]))
        assert await reply_to == {}
        await offline.client.close(0.0)

    run(main())
