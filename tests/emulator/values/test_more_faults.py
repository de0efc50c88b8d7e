"""Faults of frames, connections, handshakes and events, and faults that are written as text."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fastws.emulator import Emulator
from fastws.emulator.values.faults import KINDS, Faults, parse_fault
from helpers import support
from helpers.emulator.events import BALANCE, emit, numbered, subscribe
from helpers.emulator.sbe_reader import sbe_wire
from helpers.emulator.wire import limit_order, logged_on, run, signed, wire


async def handshake(exchange):
    """A TCP socket after the handshake, on which the test sends frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    writer.write(
        b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(request):
    """The frame of a request."""
    text = json.dumps(request).encode()
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def raw(exchange, requests, stop):
    """The pieces that the server sends to a TCP socket, without the handshake."""
    reader, writer = await handshake(exchange)
    writer.write(b"".join(map(masked, requests)))
    pieces = []
    while not stop(b"".join(pieces)):
        piece = await reader.read(65_536)
        if not piece:
            break
        pieces.append(piece)
    writer.close()
    return pieces


PING = {"id": 1, "method": "ping", "params": {"returnRateLimits": False}}
PONG = b'{"id":1,"status":200,"result":{}}'
FRAME = bytes([0x81, len(PONG)]) + PONG


def test_a_frame_can_be_split_anywhere():
    async def main():
        async with Emulator() as exchange:
            for at in range(1, len(FRAME)):
                exchange.faults.add("split", at=[at], seconds=0.001)
            exchange.faults.add("split", size=1)
            for at in range(1, len(FRAME)):
                pieces = await raw(exchange, [PING], lambda data: len(data) == len(FRAME))
                assert pieces == [FRAME[:at], FRAME[at:]]
            pieces = await raw(exchange, [PING], lambda data: len(data) == len(FRAME))
            assert b"".join(pieces) == FRAME
            assert len(pieces) > 3
            assert all(record.reply_sent for record in exchange.journal)

    run(main)


def test_what_follows_a_frame_in_pieces_comes_after_it():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            exchange.faults.add("split", "time", size=2, seconds=0.0001, times=2)
            for method in ("time", "ping", "time"):
                await client.send(method)
            await exchange.journal.wait_for(id="4")
            emit(exchange, key, BALANCE)
            await (await client.socket.ping(b"in between"))
            assert [(await client.receive()).get("id") for _ in range(4)] == [2, 3, 4, None]

    run(main)


def test_a_close_comes_after_the_rest_of_a_frame_in_pieces():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("split", size=1, seconds=1.0)
            await client.send("ping")
            await exchange.journal.wait_for(reply_sent=True)
            exchange.disconnect_all(1012)
            assert (await client.receive())["status"] == 200
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd.code == 1012

    run(main)


def test_a_reply_can_come_in_fragments():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("fragment", size=7)
            assert (await client.call("time"))["status"] == 200
            exchange.faults.add("fragment", size=10_000)
            assert (await client.call("time"))["status"] == 200

    run(main)


def test_fragments_and_pieces_in_sbe():
    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            for fault in ("fragment size=5", "split size=3", "reorder seconds=0.01"):
                exchange.faults.add_text(fault)
                assert (await client.call("time"))["status"] == 200

    run(main)


@pytest.mark.parametrize("byte", [0, 1, 2, 10, len(FRAME) - 1])
def test_a_connection_can_be_cut_at_a_byte_of_the_reply(byte):
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("cut_reply", byte=byte)
            assert b"".join(await raw(exchange, [PING], lambda data: False)) == FRAME[:byte]
            (record,) = exchange.journal
            assert (record.fault, record.executed, record.reply_sent) == ("cut_reply", True, False)

    run(main)


@pytest.mark.parametrize("loop", support.LOOPS)
def test_nothing_follows_a_reply_that_is_cut(loop):
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("delay", seconds=0.01)
            exchange.faults.add("cut_reply", byte=5)
            pieces = await raw(exchange, [PING] * 5, lambda data: False)
            assert b"".join(pieces) == FRAME[:5]
            assert not any(record.reply_sent for record in exchange.journal)

    support.run(main(), loop=loop)


def test_a_reply_that_is_cut_comes_behind_a_frame_in_pieces():
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("split", size=3, seconds=0.01)
            exchange.faults.add("raw", data=FRAME, frame="wire")
            exchange.faults.add("cut_reply", byte=5)
            pieces = await raw(exchange, [PING] * 5, lambda data: False)
            assert b"".join(pieces) == FRAME + FRAME + FRAME[:5]

    run(main)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "cut_reply"])
def test_a_connection_that_is_cut_reads_nothing_more(kind):
    """Also not the data that came in the same read as the request with the cut."""

    async def main():
        async with Emulator() as exchange:
            exchange.faults.add(kind)
            await raw(exchange, [PING] * 3, lambda data: False)
            assert [record.fault for record in exchange.journal] == [kind]

    run(main)


def test_a_client_that_reads_nothing_keeps_no_connection_that_is_cut():
    async def main():
        gone = asyncio.Event()
        async with Emulator(log=lambda line: line.endswith("disconnected") and gone.set()) as exchange:
            exchange.faults.add("raw", data=b"x" * (8 << 20))
            exchange.faults.add("cut_reply", byte=5)
            _, writer = await handshake(exchange)
            writer.transport.pause_reading()
            writer.write(masked(PING) * 2)
            await exchange.journal.wait_for(fault="cut_reply", outcome="executed")
            await gone.wait()
            writer.transport.abort()

    run(main)


def test_the_answer_to_a_close_comes_behind_a_frame_in_pieces():
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("split", size=3, seconds=0.01)
            reader, writer = await handshake(exchange)
            writer.write(masked(PING) + bytes([0x88, 0x82, 0, 0, 0, 0]) + b"\x03\xe8")
            assert await reader.read() == FRAME + b"\x88\x02\x03\xe8"
            writer.close()

    run(main)


@pytest.mark.parametrize(("fault", "opcode"), [("close", 8), ("shutdown seconds=0", 1)])
def test_what_follows_a_reply_waits_for_it(fault, opcode):
    async def main():
        async with Emulator(reply_delay=0.02) as exchange:
            exchange.faults.add_text(fault)
            received = b"".join(await raw(exchange, [PING], lambda data: len(data) > len(FRAME)))
            assert received.startswith(FRAME)
            assert received[len(FRAME)] == 0x80 | opcode

    run(main)


def test_a_reply_is_overtaken_by_as_many_as_asked_for():
    """SEMANTICS 17"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("reorder", "time", replies=2)
            for method in ("time", "ping", "ping", "ping"):
                await client.send(method)
            assert [(await client.receive())["id"] for _ in range(4)] == [2, 3, 1, 4]
            exchange.faults.add("reorder", "time", seconds=0.01)
            assert (await client.call("time"))["status"] == 200, "nothing follows: it comes alone"

    run(main)


def test_a_close_can_follow_a_reply():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add("close", "order.place", code=1012, reason="restart")
            assert (await client.call("order.place", limit_order()))["status"] == 200
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1012, "restart")
            async with wire(exchange) as other:
                exchange.faults.add("close", "ping", code=1006)
                assert (await other.call("ping"))["status"] == 200
                with pytest.raises(ConnectionClosed) as caught:
                    await other.receive()
                assert caught.value.rcvd is None

    run(main)


def test_pings_can_stay_without_an_answer():
    """SEMANTICS 6"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client, wire(exchange) as other:
            await (await client.socket.ping())
            exchange.faults.add("no_pong")
            await client.call("ping")
            unanswered = await client.socket.ping()
            await (await other.socket.ping())
            assert (await client.call("ping"))["status"] == 200
            exchange.answer_pings(False)
            both = await other.socket.ping()
            assert (await other.call("ping"))["status"] == 200
            exchange.answer_pings()
            await (await other.socket.ping())
            assert not unanswered.done()
            assert both.done(), "a later pong answers for earlier pings"

    run(main)


@pytest.mark.parametrize("details", [{}, {"status": 403}, {"status": 500, "code": -1000, "msg": "no"}])
def test_a_handshake_can_be_refused(details):
    """SEMANTICS 24, 31"""

    async def main():
        async with Emulator() as exchange:
            fault = exchange.faults.add("refuse", times=2, **details)
            for _ in range(2):
                with pytest.raises(InvalidStatus) as caught:
                    async with connect(exchange.url):
                        pass
                response = caught.value.response
                assert response.status_code == details.get("status", 503)
                if "code" in details:
                    assert json.loads(response.body) == {"code": -1000, "msg": "no"}
                    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
            assert fault.hits == 2
            async with wire(exchange) as client:
                assert (await client.call("ping"))["status"] == 200

    run(main)


def test_a_shutdown_can_be_announced_at_a_request():
    """SEMANTICS 7"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client, wire(exchange) as other:
            exchange.faults.add_text("shutdown@ping seconds=0.02")
            assert (await client.call("ping"))["status"] == 200
            for one in (client, other):
                assert (await one.receive())["event"]["e"] == "serverShutdown"
            for one in (client, other):
                with pytest.raises(ConnectionClosed) as caught:
                    await one.receive()
                assert caught.value.rcvd.code == 1001

    run(main)


def test_a_key_can_be_revoked_at_a_request():
    """SEMANTICS 16, 53"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            key = exchange.add_account("HMAC")
            exchange.faults.add("revoke", "order.place", times=2)
            exchange.faults.add("revoke", "ping")
            await client.send("order.place", limit_order())
            reply = await client.receive()
            assert (reply["id"], reply["status"]) == (None, 401)
            assert (await client.error("order.place", signed(key, **limit_order())))[:2] == (401, -2015)
            assert (await client.call("ping"))["status"] == 200, "there is no key to revoke"
            assert [record.outcome for record in exchange.journal.find(fault="revoke")] == [
                "rejected",
                "rejected",
                "executed",
            ]

    run(main)


def test_rate_limits_and_bans_at_a_request():
    """SEMANTICS 92, 104"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add("rate_limit", "order.place", seconds=7)
            exchange.faults.add("rate_limit", "order.place")
            exchange.faults.add("ban", "order.place", seconds=60)
            for length in (7_000, 60_000):
                reply = await client.call("order.place", limit_order())
                assert (reply["status"], reply["error"]["code"]) == (429, -1003)
                data = reply["error"]["data"]
                assert 0 < data["retryAfter"] - data["serverTime"] <= length
            reply = await client.call("order.place", limit_order())
            data = reply["error"]["data"]
            assert (reply["status"], data["retryAfter"] - data["serverTime"]) == (418, 60_000)
            with pytest.raises(ConnectionClosed):
                await client.receive()
            assert not any(record.executed for record in exchange.journal.find(method="order.place"))

    run(main)


def test_events_can_be_delayed_doubled_dropped():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            exchange.faults.add("drop_event", "balanceUpdate")
            exchange.faults.add("duplicate_event", after=1)
            exchange.faults.add("delay_event", "balanceUpdate", seconds=0.02)
            exchange.faults.add("delay_event", "executionReport", seconds=9)
            start = asyncio.get_running_loop().time()
            emit(exchange, key, *numbered(4))
            received = [(await client.receive())["event"]["d"] for _ in range(4)]
            assert received == ["1.00000000", "2.00000000", "2.00000000", "3.00000000"]
            assert asyncio.get_running_loop().time() - start >= 0.02, "what follows an event waits for it"
            assert len(exchange.faults) == 1

    run(main)


# --- where they strike


def test_the_first_ones_may_pass():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("error", "time", after=2, times=2)
            statuses = [(await client.call("time"))["status"] for _ in range(5)]
            assert statuses == [200, 200, 400, 400, 200]

    run(main)


def test_chances_are_decided_by_the_seed():
    def hits(seed):
        faults = Faults(seed)
        faults.add("drop_reply", chance=0.3, times=0)
        return [faults.take("ping", 1) is not None for _ in range(200)]

    assert hits(1) == hits(1) != hits(2)
    assert 30 < sum(hits(1)) < 90


# --- as text


def test_faults_as_text():
    faults = Faults()
    fault = faults.add_text("error@order.place times=3 after=1 status=429 code=-1003 msg='Way too much'")
    assert (fault.kind, fault.method, fault.times, fault.after) == ("error", "order.place", 3, 1)
    assert (fault.details["status"], fault.details["code"]) == (429, -1003)
    assert (fault.details["msg"], fault.details["executed"]) == ("Way too much", False)
    assert faults.add_text("raw data=hex:8102 frame=wire executed=false").details["data"] == b"\x81\x02"
    assert faults.add_text("split at=[1,2]").details["at"] == [1, 2]
    assert parse_fault("drop_reply chance=0.5") == ("drop_reply", None, {"chance": 0.5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty text is not a fault"),
        ("explode", "unknown kind of fault: 'explode'"),
        ("delay soon", "'soon' is not of the form name=value"),
        ("delay 1=2", "'1=2' is not of the form"),
        ("delay minutes=1", "takes no minutes"),
        ("refuse@ping", "acts on handshakes"),
        ("raw data=hex:xy", "non-hexadecimal"),
        ("delay 'x", "No closing quotation"),
    ],
)
def test_texts_that_are_no_faults(text, message):
    with pytest.raises(ValueError, match=message):
        Faults().add_text(text)


def test_every_kind_says_what_it_does():
    for name, kind in KINDS.items():
        assert kind.summary
        for detail in kind.details:
            if detail not in ("executed", "seconds", "code", "msg"):
                assert f"`{detail}`" in kind.summary, (name, detail)
