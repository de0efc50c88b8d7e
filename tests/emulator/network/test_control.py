"""exchange.connections: what is in flight on each connection, and how to disturb one of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct

import pytest
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator
from helpers import support
from helpers.emulator.events import BALANCE, emit, subscribe
from helpers.emulator.wire import limit_order, run, signed, wire

PING = '{"id":1,"method":"ping"}'


class Raw:
    """A client of which the test sees each byte."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, exchange, port=None):
        tls = exchange.client_ssl_context() if exchange.url.startswith("wss") else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port or exchange.port, ssl=tls)
        writer.write(
            b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    def send(self, opcode, payload):
        key = os.urandom(4)
        head = bytes([0x80 | opcode]) + (
            bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        )
        self.writer.write(head + key + support.unmasked(payload, key))

    def request(self, method, params=None, id=1):
        self.send(1, json.dumps({"id": id, "method": method, "params": params or {}}).encode())

    async def rest(self):
        """All bytes until the end of the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                received += data
        return received

    def end(self):
        self.writer.transport.abort()


async def drained(client):
    """What had arrived before the connection was frozen."""
    received = b""
    while True:
        try:
            received += await asyncio.wait_for(client.reader.read(65536), 0.02)
        except asyncio.TimeoutError:
            return received


async def others_are_served(exchange):
    """A round trip on another connection: whatever the exchange would have sent before has been sent."""
    async with wire(exchange) as client:
        assert (await client.call("ping"))["status"] == 200


def test_it_is_a_sequence_of_the_open_connections():
    async def main():
        async with Emulator() as exchange:
            assert len(exchange.connections) == 0
            assert not exchange.connections
            async with wire(exchange), wire(exchange) as second:
                async with wire(exchange):
                    assert [c.number for c in exchange.connections] == [1, 2, 3]
                    assert [c.number for c in exchange.connections[1:]] == [2, 3]
                assert len(exchange.connections) == 2
                oldest, newest = exchange.connections
                assert (exchange.connections[0], exchange.connections[-1]) == (oldest, newest)
                assert newest in exchange.connections
                assert exchange.connections.pick("oldest") == exchange.connections.pick(1) == oldest
                assert exchange.connections.pick("newest") == newest != oldest
                assert {c.port for c in exchange.connections} == {exchange.port}
                assert all(c.open for c in exchange.connections)
                assert repr(newest) == "<connection 2, open, 0 unanswered>"
                assert repr(exchange.connections).count("<connection") == 2
                key = exchange.add_account("HMAC")
                assert newest.subscriptions == ()
                await subscribe(second, key)
                assert newest.subscriptions == (0,)
                assert oldest.subscriptions == ()

    run(main)


def test_unanswered_has_the_requests_in_flight():
    async def main():
        async with Emulator(engine_delay=30) as exchange, wire(exchange) as client:
            (connection,) = exchange.connections
            key = exchange.add_account("HMAC")
            await client.call("ping")
            await client.send("order.place", signed(key, **limit_order(newClientOrderId="mine")))
            await exchange.journal.wait_for(outcome="accepted")
            exchange.faults.add("drop_reply", "time")
            await client.send("time")
            await client.call("ping")
            assert [record.method for record in connection.unanswered] == ["order.place", "time"]
            assert connection.unanswered[0] is exchange.journal.find(method="order.place")[0]
            connection.abort()
            assert len(connection.unanswered) == 2, "it can be read when the connection has ended"

    run(main)


@pytest.mark.parametrize("code", [1000, 1012, 4000])
def test_one_is_closed_with_a_code_and_the_others_go_on(code):
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            first, second = exchange.connections
            first.close(code, "because")
            assert not first.open
            with pytest.raises(ConnectionClosed) as caught:
                await one.receive()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "because")
            assert (await two.call("ping"))["status"] == 200
            assert list(exchange.connections) == [second]

    run(main)


@pytest.mark.parametrize("how", [lambda c: c.abort(), lambda c: c.close(1006)])
def test_one_is_aborted_and_the_others_go_on(how):
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            how(exchange.connections[0])
            with pytest.raises(ConnectionClosed) as caught:
                await one.receive()
            assert caught.value.rcvd is None
            assert (await two.call("ping"))["status"] == 200

    run(main)


def test_one_is_told_of_a_shutdown_and_ended():
    """SEMANTICS 7"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            exchange.connections[1].shutdown()
            assert (await two.receive())["event"]["e"] == "serverShutdown"
            assert (await two.call("ping"))["status"] == 200
            exchange.connections[1].shutdown(seconds=0.01)
            assert (await two.receive())["event"]["e"] == "serverShutdown"
            with pytest.raises(ConnectionClosed) as caught:
                await two.receive()
            assert caught.value.rcvd.code == 1001
            assert (await one.call("ping"))["status"] == 200
            assert one.events == []
            first, second = exchange.events
            assert (first.type, first.account, first.connections) == ("serverShutdown", "", (2,))
            assert second.connections == (2,)

    run(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_frozen_connection_is_half_open(loop, tls):
    """Neither a pong nor a reply, an event, a ping, a close frame or the end of the stream reaches the client."""

    async def main():
        async with Emulator(tls=tls, engine_delay=0.02, ping_interval=0.01) as exchange:
            key = exchange.add_account("HMAC", name="frozen")
            client = await Raw.open(exchange)
            (connection,) = exchange.connections
            client.request("userDataStream.subscribe.signature", signed(key))
            client.request("order.place", signed(key, **limit_order()))
            await exchange.journal.wait_for(method="order.place", outcome="accepted")
            connection.freeze()
            assert repr(connection) == "<connection 1, frozen, 1 unanswered>"
            before = len(exchange.journal)
            client.send(9, b"are you there?")
            client.request("order.place", signed(key, **limit_order(quantity="0.02")))
            await client.writer.drain()
            placed = await exchange.journal.wait_for(method="order.place", outcome="executed")
            emit(exchange, key, BALANCE)
            exchange.shutdown_notice(0)
            exchange.disconnect_all(1012)
            connection.shutdown(0)
            connection.close(1001)
            exchange.ban(0.0)
            await others_are_served(exchange)
            await asyncio.sleep(0.05)  # a few intervals between pings
            assert not client.reader.at_eof()
            assert len(exchange.journal) == before + 1, "what is written to it is not read"
            assert connection.open
            assert placed.executed
            assert not placed.reply_sent
            assert exchange.events.find(account="frozen")[0].connections == ()
            with pytest.raises(RuntimeError, match="connection 1 is frozen and cannot go on"):
                connection.resume()
            await drained(client)
            connection.abort()
            assert await client.rest() == b""
            client.end()

    support.run(main(), loop=loop)


def test_a_connection_freezes_within_a_burst_of_requests():
    async def main():
        async with Emulator() as exchange:
            client = await Raw.open(exchange)
            (connection,) = exchange.connections
            received = exchange.gateway.receive

            def freeze_at_the_second(on, text):
                received(on, text)
                if on.number == 1 and len(exchange.journal) == 2:
                    connection.freeze()

            exchange._live.connections[1]._receive = freeze_at_the_second
            for number in range(5):
                client.request("ping", id=number)
            await exchange.journal.wait_for(seq=2)
            await others_are_served(exchange)
            assert [record.connection for record in exchange.journal] == [1, 1, 2]
            connection.abort()
            assert (await client.rest()).count(b'"status":200') == 2
            client.end()

    run(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_stalled_connection_fills_up_and_still_sends(loop, tls):
    async def main():
        async with Emulator(tls=tls, enforce_limits=False) as exchange:
            key = exchange.add_account("HMAC")
            client = await Raw.open(exchange)
            client.request("userDataStream.subscribe.signature", signed(key))
            assert b'"subscriptionId":0' in await client.reader.read(65536)
            (connection,) = exchange.connections
            connection.stall()
            connection.stall()
            assert repr(connection) == "<connection 1, stalled, 0 unanswered>"
            before = exchange.journal.total
            client.request("time")
            await client.writer.drain()
            filled = 0
            with contextlib.suppress(asyncio.TimeoutError):
                while filled < 1 << 26:
                    for _ in range(64):
                        client.send(1, bytes(16384))
                        filled += 16384
                    await asyncio.wait_for(client.writer.drain(), 0.2)
            assert filled < 1 << 26, "the client's writes go nowhere, and still they do not wait"
            emit(exchange, key, BALANCE)
            assert b"balanceUpdate" in await client.reader.read(65536)
            assert exchange.journal.total == before
            connection.resume()
            await exchange.journal.wait_for(method="time", reply_sent=True)
            assert b"serverTime" in await client.reader.read(65536)
            client.end()

    support.run(main(), loop=loop)


def test_stopping_does_not_wait_for_connections_that_do_not_read():
    async def main():
        async with Emulator() as exchange:
            clients = [await Raw.open(exchange) for _ in range(3)]
            frozen, stalled, _ = exchange.connections
            frozen.freeze()
            stalled.stall()
            clients[2].send(8, b"\x03\xe8")
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 0.5
        for client in clients[:2]:
            assert await client.rest() == b""
        for client in clients:
            client.end()

    run(main)


@pytest.mark.parametrize("query", ["", "?timeUnit=MICROSECOND"])
def test_the_events_of_one_connection_come_late(query):
    async def main():
        async with Emulator() as exchange, wire(exchange, query) as late, wire(exchange, query) as prompt:
            key = exchange.add_account("HMAC")
            slow, quick = exchange.connections
            slow.event_delay = 0.05
            assert (slow.event_delay, quick.event_delay, exchange.event_delay) == (0.05, 0.0, 0.0)
            for client in (late, prompt):
                await subscribe(client, key)
            emit(exchange, key, BALANCE)
            await prompt.receive()
            (record,) = exchange.events
            assert record.connections == (2,)
            await late.receive()
            assert record.connections == (2, 1)
            slow.event_delay = (0.0, 0.0)
            quick.event_delay = (0.03, 0.04)
            assert (slow.event_delay, quick.event_delay) == (0.0, (0.03, 0.04))
            emit(exchange, key, BALANCE)
            await late.receive()
            assert exchange.events[-1].connections == (1,)
            await prompt.receive()

    run(main)


ENDED = {
    "abort": lambda c: c.abort(),
    "close": lambda c: c.close(),
    "shutdown": lambda c: c.shutdown(),
    "stall": lambda c: c.stall(),
    "resume": lambda c: c.resume(),
    "freeze": lambda c: c.freeze(),
    "event_delay": lambda c: setattr(c, "event_delay", 1.0),
}


@pytest.mark.parametrize("what", ENDED)
@pytest.mark.parametrize("how", ["abort", "close", "by the client"])
def test_nothing_can_be_done_to_a_connection_that_has_ended(how, what):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            (connection,) = exchange.connections
            if how == "by the client":
                await client.socket.close()
            else:
                getattr(connection, how)()
            if (how, what) == ("close", "abort"):
                connection.abort()  # it was still closing
            with pytest.raises(RuntimeError, match="connection 1 has ended"):
                ENDED[what](connection)
            assert repr(connection) == "<connection 1, ended, 0 unanswered>"
            assert (connection.number, connection.port, connection.unanswered) == (1, exchange.port, ())

    run(main)


def test_odd_arguments():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            (connection,) = exchange.connections
            for which, text in (
                (7, "there is no open connection 7; open are 1"),
                (0, 'connection is a number from 1, "oldest" or "newest", not 0'),
                (True, "not True"),
                ("eldest", "not 'eldest'"),
                (1.0, "not 1.0"),
                (None, "not None"),
            ):
                with pytest.raises(ValueError, match=text):
                    exchange.connections.pick(which)
            with pytest.raises(IndexError, match="there is no connection at index 1; 1 are open"):
                exchange.connections[1]
            for seconds in (-1, float("nan"), float("inf"), "1", True):
                with pytest.raises(ValueError, match="seconds is a number of seconds, 0 or more, not"):
                    connection.shutdown(seconds)
                with pytest.raises(ValueError, match="seconds is a number of seconds, 0 or more, not"):
                    exchange.shutdown_notice(seconds)
            for delay in (-1.0, (2.0, 1.0), "1", None, (1.0, 2.0, 3.0), float("nan")):
                with pytest.raises(
                    ValueError, match="a delay is a number of seconds or a range of them, not"
                ):
                    connection.event_delay = delay
            for code in (999, 5000, 1005, "1000", True, 1004, 1015):
                with pytest.raises(ValueError, match="a close code is a number from 1000 to 4999"):
                    connection.close(code)
            with pytest.raises(
                ValueError, match="the reason of a close frame is a text of at most 123 bytes"
            ):
                connection.close(1000, "x" * 124)
            assert (await client.call("ping"))["status"] == 200, "none of these had an effect"
            assert client.events == []
            with pytest.raises(AttributeError):
                connection.luck = 1
        with pytest.raises(RuntimeError, match="not running"):
            len(exchange.connections)
        assert not connection.open

    run(main)


def test_no_connection_can_be_picked_when_none_is_open():
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=r"there is no open connection$"):
                exchange.connections.pick("newest")
            with pytest.raises(ValueError, match="there is no open connection 1; open are none"):
                exchange.connections.pick(1)

    run(main)


def test_numbers_go_on_when_the_exchange_starts_again():
    async def main():
        exchange = Emulator()
        for number in (1, 2):
            async with exchange, wire(exchange) as client:
                await client.call("ping")
                assert [each.number for each in exchange.connections] == [number]
        assert [record.connection for record in exchange.journal] == [1, 2]

    run(main)
