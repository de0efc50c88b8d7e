"""Each row of the table that is of rotations: a connection is replaced while it is in use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from helpers.losing import keyed, lose, nothing_left, until
from helpers.rotating import ROTATED, draining, due_now, old_of, rotating, unanswered
from helpers.support import ALL_LOOPS, run

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",
    "quantity": "0.001",
}


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_rotate(loop: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            old = client._session.route
            rotation = rotating(client)
            await asyncio.sleep(0)
            assert client.state == "rotating"
            joined = rotating(client)
            await until(lambda: client.connection == 2)
            assert client.connected
            assert client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            await asyncio.gather(rotation, joined)
            assert old is not None
            assert old.is_disconnected
            assert (client.state, client.connection) == ("open", 2)
            assert steps == ROTATED
            assert reasons == [
                "rotate() was called",
                "connection 2 is open",
                "connection 1, which was replaced, has ended: the connection was closed by the client",
            ]
            stats = client.stats
            assert (stats["rotations"], stats["losses"], stats["connects"]) == (1, 0, 2)
            assert len(exchange.connections) == 1

    run(main(), loop=loop)


def test_rotate_joins_a_rotation_that_is_kept() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            first, reply = await draining(exchange, client)
            second = rotating(client)
            third = rotating(client)
            await asyncio.sleep(0.01)
            assert client.connection == 2
            assert not second.done()
            exchange.connections.pick("oldest").abort()
            await first
            with pytest.raises(fastws.ConnectionLost):
                await reply
            await asyncio.gather(second, third)
            assert client.connection == 3
            assert steps == ROTATED * 2

    run(main())


def test_a_caller_of_rotate_that_is_cancelled_does_not_stop_the_rotation() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("hold", "session.logon", seconds=0.05)
            rotation = rotating(client)
            await asyncio.sleep(0.01)
            rotation.cancel()
            await until(lambda: len(steps) == 3)
            assert client.connection == 2
            first, _ = await draining(exchange, client)
            kept = rotating(client)
            await asyncio.sleep(0)
            kept.cancel()
            first.cancel()
            exchange.connections.pick("oldest").abort()
            await until(lambda: client.connection == 4 and client.state == "open")

    run(main())


def test_rotate_without_a_connection() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            other = fastws.connect("testnet")
            with pytest.raises(fastws.NotConnected, match="not rotated"):
                await other.rotate()
            lose(client)
            await until(lambda: client.state == "connecting")
            with pytest.raises(fastws.NotConnected, match="not rotated"):
                await client.rotate()
            await client.wait_open(5)
            await client.close()
            with pytest.raises(fastws.NotConnected, match="not rotated"):
                await client.rotate()

    run(main())


def test_a_rotation_that_is_due() -> None:
    async def main() -> None:
        async with keyed(rotate_after=0.05) as (_, client, steps, reasons):
            client._supervisor.rotation.chance = lambda: 1.0
            await until(lambda: client.connection >= 3)
            assert steps[:3] == ROTATED
            assert reasons[0] == "connection 1 is replaced: it is due"
            assert client.stats["losses"] == 0

    run(main())


@pytest.mark.parametrize("reconnect", [True, False])
def test_a_notice(reconnect: bool) -> None:
    async def main() -> None:
        async with keyed(reconnect=reconnect, rotate_after=None) as (exchange, client, steps, reasons):
            (own,) = exchange.connections
            own.shutdown(seconds=0.2)
            await until(lambda: len(steps) == 3)
            assert steps == ROTATED
            assert reasons[0] == "connection 1 is replaced: the exchange announced its end"
            await asyncio.sleep(0.25)
            assert (client.connection, client.stats["losses"]) == (2, 0)

    run(main())


def test_a_notice_while_draining_is_kept_until_the_client_is_open() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            rotation, _ = await draining(exchange, client)
            exchange.connections.pick("newest").shutdown(seconds=None)
            await client.ping()
            assert client.connection == 2
            due_now(client)
            assert client.state == "draining"
            exchange.connections.pick("oldest").abort()
            await rotation
            await until(lambda: len(steps) == 6)
            assert client.connection == 3

    run(main())


def test_a_rotation_that_fails() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            exchange.faults.add("refuse", times=2, status=503)
            with pytest.raises(fastws.ServerError, match="503"):
                await client.rotate()
            assert (client.state, client.connection) == ("open", 1)
            assert steps == [("open", "rotating"), ("rotating", "open")]
            assert "next attempt" not in reasons[1], "the user's own rotation is not repeated"
            await client.ping()
            assert len(steps) == 2
            due_now(client)
            await until(lambda: client.connection == 2 and client.state == "open")
            assert steps[2:] == [("open", "rotating"), ("rotating", "open"), *ROTATED]
            assert reasons[3].endswith("the next attempt follows in 0.00 s")

    run(main())


def test_a_rotation_that_is_refused() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            client._supervisor.rotation.backoff.refused = 60.0
            exchange.faults.add("refuse", times=2, status=403)
            with pytest.raises(fastws.Forbidden):
                await client.rotate()
            due_now(client)
            await until(lambda: len(steps) == 4)
            assert (client.state, client.connection) == ("open", 1)
            assert reasons[3].endswith("the next attempt follows in 60 s")
            await client.ping()
            await client.rotate()  # the user does not have to wait
            assert client.connection == 2

    run(main())


def test_a_loss_while_rotating() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("hold", "session.logon", seconds=0.05)
            rotation = rotating(client)
            await until(lambda: exchange.journal.find(method="session.logon")[1:])
            reply = unanswered(exchange, client)
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await reply
            assert client.state == "connecting"
            with pytest.raises(fastws.NotConnected):
                client.ping()
            await client.wait_open(5)
            await rotation
            assert (client.connection, client.logged_on) == (2, True)
            assert steps == [("open", "rotating"), ("rotating", "connecting"), ("connecting", "open")]
            stats = client.stats
            assert (stats["attempts"], stats["losses"], stats["rotations"]) == (2, 1, 0)

    run(main())


def test_a_loss_while_rotating_without_reconnect() -> None:
    async def main() -> None:
        async with keyed(reconnect=False) as (exchange, client, steps, _):
            exchange.faults.add("hang")
            rotation = rotating(client)
            await asyncio.sleep(0.01)
            lose(client)
            with pytest.raises(fastws.NotConnected, match="not rotated"):
                await rotation
            assert steps == [("open", "rotating"), ("rotating", "closed")]
            assert isinstance(client.error, fastws.ConnectionLost)
            await client.close()
            await nothing_left(client, asyncio.all_tasks())

    run(main())


def test_closing_while_rotating() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("hang")
            rotation = rotating(client)
            await asyncio.sleep(0.01)
            await client.close()
            with pytest.raises(fastws.NotConnected, match="not rotated: the client is closing"):
                await rotation
            assert steps == [("open", "rotating"), ("rotating", "closing"), ("closing", "closed")]
            await nothing_left(client, asyncio.all_tasks())

    run(main())


def test_an_old_connection_whose_time_is_over(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with keyed(drain_timeout=0.05) as (exchange, client, steps, _):
            order = unanswered(exchange, client, "ping")
            rotation, reply = await draining(exchange, client)
            await rotation
            for each in (order, reply):
                with pytest.raises(fastws.ConnectionLost):
                    await each
            assert steps == ROTATED
            assert client.stats["losses"] == 0
            (told,) = [each for each in caplog.records if vars(each).get("code") == "drain-timeout"]
            assert ": 2 requests are unanswered there" in told.getMessage()

    run(main())


def test_an_old_connection_that_is_lost() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            rotation, reply = await draining(exchange, client)
            old_of(client).abort()
            await rotation
            with pytest.raises(fastws.ConnectionLost):
                await reply
            assert steps == ROTATED
            assert reasons[2].startswith("connection 1, which was replaced, has ended: ")
            assert client.stats["losses"] == 0
            assert await client.ping() == {}

    run(main())


def test_a_successor_that_is_lost() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            rotation, reply = await draining(exchange, client)
            lost = unanswered(exchange, client, "ping")
            lose(client)
            with pytest.raises(fastws.ConnectionLost, match="the successor was lost"):
                await rotation
            with pytest.raises(fastws.ConnectionLost):
                await lost
            assert (client.state, client.connection, client.logged_on) == ("open", 1, True)
            assert not reply.done()
            assert steps == ROTATED
            assert reasons[2].startswith("connection 1 carries the requests again: ")
            assert client.stats["losses"] == 1
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            await asyncio.sleep(0.01)
            assert steps == ROTATED, "nobody asked for another one"
            due_now(client)
            await until(lambda: client.connection == 3)

    run(main())


def test_a_successor_that_is_lost_after_a_notice() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            rotation, reply = await draining(exchange, client)
            old = old_of(client)
            exchange.connections.pick("oldest").shutdown(seconds=None)
            exchange.faults.add("refuse", status=503)
            await until(lambda: 1 in client._supervisor.rotation._noticed)
            lose(client)
            with pytest.raises(fastws.ConnectionLost, match="the successor was lost"):
                await rotation
            await client.wait_open(5)
            assert client.connection == 3
            assert steps[2:4] == [("draining", "connecting"), ("connecting", "waiting")]
            assert not reply.done(), "the old one may yet bring its replies"
            assert old.is_open

    run(main())


def test_a_successor_that_is_lost_without_reconnect() -> None:
    async def main() -> None:
        async with keyed(reconnect=False) as (exchange, client, steps, _):
            rotation, reply = await draining(exchange, client)
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: 1 in client._supervisor.rotation._noticed)
            lose(client)
            for each in (rotation, reply):
                with pytest.raises((fastws.ConnectionLost, fastws.NotConnected)):
                    await each
            assert steps[2:] == [("draining", "closed")]
            await client.close()
            await nothing_left(client, asyncio.all_tasks())

    run(main())


def test_closing_while_draining() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("hold", "ping", seconds=0.05)
            before: Any = client.ping()
            rotation, reply = await draining(exchange, client)
            closing = asyncio.ensure_future(client.close(0.2))
            with pytest.raises(fastws.NotConnected, match="not rotated: the client is closing"):
                await rotation
            assert await before == {}, "the replies of both connections are awaited"
            await closing
            with pytest.raises(fastws.ConnectionLost):
                await reply
            assert steps[2:] == [("draining", "closing"), ("closing", "closed")]
            await nothing_left(client, asyncio.all_tasks())

    run(main())
