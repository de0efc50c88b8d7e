from __future__ import annotations

import asyncio
import io
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.network.connection import MAX_MESSAGE
from fastws.emulator.testing.record import Recorder
from helpers.emulator.wire import now_ms, run, wire

PING = b'{"id":1,"method":"ping"}'


async def refused(exchange, url):
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url):
            pass
    return caught.value.response


def spy_on_pings(client, *, answer):
    """The payloads of the pings that come from here on, which are answered or not."""
    protocol, pings = client.socket.protocol, asyncio.Queue()
    send_frame = protocol.send_frame

    def spy(frame):
        if frame.opcode is Opcode.PONG:
            pings.put_nowait(bytes(frame.data))
            if not answer:
                return
        send_frame(frame)

    protocol.send_frame = spy
    return pings


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
def test_time_unit_microsecond(unit):
    """SEMANTICS 25"""

    async def main():
        async with Emulator() as exchange, wire(exchange, f"?timeUnit={unit}") as client:
            assert abs((await client.result("time"))["serverTime"] // 1000 - now_ms()) < 5000
            status = await client.result("session.status")
            assert status["connectedSince"] > 10**15

    run(main)


@pytest.mark.parametrize("query", ["", "?timeUnit=MILLISECOND", "?timeUnit=millisecond"])
def test_time_unit_millisecond(query):
    """SEMANTICS 25"""

    async def main():
        async with Emulator() as exchange, wire(exchange, query) as client:
            assert abs((await client.result("time"))["serverTime"] - now_ms()) < 5000

    run(main)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("timeUnit=SECOND", -1194),
        ("timeUnit=Microsecond", -1194),
        ("timeUnit=", -1194),
        ("returnRateLimits=maybe", -1130),
        ("responseFormat=sbe&responseFormat=json", -1130),
        ("responseFormat=xml", -1130),
    ],
)
def test_urls_that_are_refused(query, code):
    """SEMANTICS 25, 29, 30, 31"""

    async def main():
        async with Emulator() as exchange:
            response = await refused(exchange, f"{exchange.url}?{query}")
            assert response.status_code == 400
            assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
            error = json.loads(response.body)
            assert error["code"] == code
            assert error["msg"]

    run(main)


def test_other_paths_are_not_found():
    """SEMANTICS 1"""

    async def main():
        async with Emulator() as exchange:
            response = await refused(exchange, exchange.url.replace("/ws-api/v3", "/ws"))
            assert response.status_code == 404
            assert exchange.url.endswith("/ws-api/v3")
            async with connect(exchange.url + "/") as socket:
                assert socket.response.status_code == 101

    run(main)


def test_return_rate_limits_in_the_url_and_in_requests():
    """SEMANTICS 27"""

    async def main():
        async with Emulator() as exchange:
            async with wire(exchange, "?returnRateLimits=false") as client:
                assert "rateLimits" not in await client.call("ping")
                assert "rateLimits" in await client.call("ping", returnRateLimits=True)
                assert "rateLimits" in await client.call("ping", returnRateLimits="true")
                assert "rateLimits" not in await client.call("ping")
                assert (await client.result("session.status"))["returnRateLimits"] is False
            async with wire(exchange) as client:
                assert "rateLimits" in await client.call("ping")
                assert "rateLimits" not in await client.call("ping", returnRateLimits=False)
                assert "rateLimits" in await client.call("nothing")
                assert "rateLimits" not in await client.call("nothing", returnRateLimits=False)

    run(main)


def test_pings_come_at_the_interval_and_an_answer_keeps_the_connection():
    """SEMANTICS 3, 4"""

    async def main():
        async with Emulator(ping_interval=0.02, pong_timeout=0.1) as exchange, wire(exchange) as client:
            pings = spy_on_pings(client, answer=True)
            loop = asyncio.get_running_loop()
            start = loop.time()
            for _ in range(10):
                assert abs(int(await pings.get()) - now_ms()) < 5000
            assert loop.time() - start >= 0.18
            assert (await client.call("ping"))["status"] == 200

    run(main)


@pytest.mark.parametrize("unsolicited", [False, True])
def test_without_the_right_pong_the_connection_ends(unsolicited):
    """SEMANTICS 3, 5"""

    async def main():
        async with Emulator(ping_interval=0.02, pong_timeout=0.1) as exchange, wire(exchange) as client:
            spy_on_pings(client, answer=False)
            if unsolicited:
                pongs = [
                    Frame(Opcode.PONG, payload).serialize(mask=True) for payload in (b"", b"unsolicited")
                ]
                client.socket.transport.write(b"".join(pongs))
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd.code == 1008
            assert caught.value.rcvd.reason == "no pong"

    run(main)


def test_client_pings_are_answered_with_their_payload():
    """SEMANTICS 6"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            for payload in (b"", b"hello", b"x" * 125):
                await (await client.socket.ping(payload))

    run(main)


def test_a_connection_lives_no_longer_than_it_may():
    """SEMANTICS 2"""

    async def main():
        async with Emulator(max_connection_age=0.05) as exchange, wire(exchange) as client:
            assert (await client.call("ping"))["status"] == 200
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd.code == 1008

    run(main)


def test_a_day_may_pass_in_a_moment():
    """SEMANTICS 2"""

    async def main():
        clock = ManualClock()
        async with Emulator(clock=clock) as exchange, wire(exchange) as old:
            clock.advance(86_399)
            async with wire(exchange) as young:
                assert (await old.call("ping"))["status"] == 200
                clock.advance(1)
                with pytest.raises(ConnectionClosed) as caught:
                    await old.receive()
                assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "connection too old")
                assert (await young.call("ping"))["status"] == 200

    run(main)


def test_requests_may_come_in_fragments_with_pings_between_them():
    async def main():
        async with Emulator() as exchange, wire(exchange, "") as client:
            text = b'{"id":7,"method":"ticker.price","params":{"symbol":"' + "这是测试币456".encode() + b'"}}'
            socket = client.socket

            async def fragments():
                for start in range(0, len(text), 9):
                    yield text[start : start + 9]
                    await socket.ping()

            await socket.send(fragments(), text=True)
            reply = await client.receive()
            assert reply["id"] == 7
            assert reply["result"]["symbol"] == "这是测试币456"

    run(main)


def reserved(frame, bit):
    """A frame with a reserved bit, as bytes."""
    first, *rest = frame.serialize(mask=True)
    return bytes([first | bit, *rest])


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(Opcode.BINARY, PING)], 1003),
        ([Frame(Opcode.TEXT, b'{"id":"\xff"}')], 1007),
        ([Frame(Opcode.CONT, b"x")], 1002),
        ([Frame(Opcode.TEXT, b"{", fin=False), Frame(Opcode.TEXT, b"}")], 1002),
        ([reserved(Frame(Opcode.TEXT, PING), 0x40)], 1002),
        ([reserved(Frame(Opcode.TEXT, PING), 0x20)], 1002),
        ([Frame(Opcode.TEXT, PING[:5], fin=False), reserved(Frame(Opcode.CONT, PING[5:]), 0x10)], 1002),
        ([reserved(Frame(Opcode.PING, b""), 0x40)], 1002),
        ([reserved(Frame(Opcode.CLOSE, b"\x03\xe8"), 0x10)], 1002),
        ([Frame(Opcode.TEXT, b" " * (MAX_MESSAGE + 1))], 1009),
        ([Frame(Opcode.TEXT, b" ", fin=False), Frame(Opcode.CONT, b" " * MAX_MESSAGE, fin=False)], 1009),
    ],
)
def test_frames_that_end_the_connection(frames, code):
    """SEMANTICS 10"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            protocol = client.socket.protocol
            client.socket.transport.write(
                b"".join(f if isinstance(f, bytes) else f.serialize(mask=True) for f in frames)
            )
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd.code == code
            assert protocol.close_code == code
            assert len(exchange.journal) == 0

    run(main)


def test_a_message_in_fragments_may_be_as_long_as_one_in_a_frame():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            for fragments in ([PING.ljust(MAX_MESSAGE)], [PING, b" " * (MAX_MESSAGE - len(PING) - 1), b" "]):
                await client.socket.send(fragments, text=True)
                assert (await client.receive())["id"] == 1

    run(main)


def masked(opcode, payload=b""):
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def answer_to(port, data):
    """Send bytes to the exchange, and return what it sends until it ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(data)
    said = await reader.read()
    writer.close()
    return said


def test_close_codes_that_may_not_be_sent_are_answered_with_1002():
    async def main():
        async with Emulator() as exchange, Recorder(exchange.url, io.StringIO()) as recorder:
            for port in (exchange.port, recorder.port):
                for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
                    said = await answer_to(port, masked(8, code.to_bytes(2, "big")))
                    assert (said[0], said[2:4]) == (0x88, b"\x03\xea"), code
                for code in (1000, 1001, 1014, 3000, 4999):
                    said = await answer_to(port, masked(8, code.to_bytes(2, "big") + b"bye"))
                    assert said == b"\x88\x02" + code.to_bytes(2, "big")
                assert await answer_to(port, masked(8)) == b"\x88\x02\x03\xe8"

    run(main)


def test_what_stands_behind_a_close_frame_in_the_same_piece_is_ignored(caplog):
    async def main():
        async with Emulator() as exchange, Recorder(exchange.url, io.StringIO()) as recorder:
            for port in (exchange.port, recorder.port):
                for more in (masked(8, b"\x03\xe9"), masked(8) * 2, masked(3), b"\x88\0", b"\1\x80\0\0\0\0"):
                    said = await answer_to(port, masked(8, b"\x03\xe8bye") + more)
                    assert said == b"\x88\x02\x03\xe8", more

    run(main)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_close_handshake_is_answered():
    async def main():
        async with Emulator() as exchange:
            async with wire(exchange) as client:
                assert len(exchange.connections) == 1
                await client.socket.close(1000, "bye")
                assert client.socket.protocol.close_rcvd.code == 1000
            assert len(exchange.connections) == 0

    run(main)


@pytest.mark.parametrize("code", [1001, 1012, 4000])
def test_all_can_be_disconnected_with_a_code(code):
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            exchange.disconnect_all(code, "because")
            for client in (one, two):
                with pytest.raises(ConnectionClosed) as caught:
                    await client.receive()
                assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "because")
                await asyncio.wait_for(client.socket.wait_closed(), 0.5)

    run(main)


def test_all_can_be_cut_off():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.disconnect_all(1006)
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd is None

    run(main)


def test_the_shutdown_notice_has_no_subscription():
    """SEMANTICS 7"""

    async def main():
        async with (
            Emulator() as exchange,
            wire(exchange) as ms,
            wire(exchange, "?timeUnit=MICROSECOND") as us,
        ):
            exchange.shutdown_notice()
            for client, unit in ((ms, 1), (us, 1000)):
                message = await client.receive()
                assert list(message) == ["event"]
                assert list(message["event"]) == ["e", "E"]
                assert message["event"]["e"] == "serverShutdown"
                assert abs(message["event"]["E"] - now_ms() * unit) < 5000 * unit
            assert (await ms.call("ping"))["status"] == 200

    run(main)


def test_stopping_ends_all_connections():
    async def main():
        async with Emulator() as exchange:
            async with wire(exchange) as client:
                await exchange.stop()
                with pytest.raises(ConnectionClosed) as caught:
                    await client.receive()
                assert caught.value.rcvd.code == 1001
            with pytest.raises(RuntimeError, match="not running"):
                _ = exchange.url

    run(main)


def test_many_requests_in_one_write_are_all_answered_in_order():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            frames = [
                Frame(Opcode.TEXT, b'{"id":%d,"method":"ping"}' % n).serialize(mask=True) for n in range(200)
            ]
            client.socket.transport.write(b"".join(frames))
            assert [(await client.receive())["id"] for _ in range(200)] == list(range(200))

    run(main)
