"""The recorder: it passes all frames on unchanged, and writes no secrets."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import signal
import subprocess
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from fastws.emulator import Emulator
from fastws.emulator.testing.record import Mask, Recorder
from fastws.emulator.testing.record import main as command_line
from helpers.emulator.events import BALANCE, emit, subscribe
from helpers.emulator.sbe_reader import SBE
from helpers.emulator.wire import Wire, limit_order, now_ms, run, signed


def written(out):
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_everything_passes_and_is_written_down_without_secrets():
    async def main():
        out = io.StringIO()
        async with Emulator() as exchange, Recorder(exchange.url, out) as recorder:
            key, other = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            async with connect(recorder.url + "?timeUnit=MICROSECOND") as socket:
                client = Wire(socket)
                await client.log_on(key)
                await subscribe(client, other)
                params = limit_order(newClientOrderId="mine")
                assert (await client.result("order.place", params))["transactTime"] > 10**15
                emit(exchange, other, BALANCE)
                assert (await client.receive())["event"]["e"] == "balanceUpdate"
                assert (await client.error("depth"))[1] == -1102
                await client.send_text("not json")
                assert (await client.receive())["error"]["code"] == -1135
            await asyncio.sleep(0.01)
        text = out.getvalue()
        for secret in (key.api_key, other.api_key, other.secret):
            assert secret not in text
        lines = written(out)
        assert [line["event"] for line in lines] == [
            "open",
            *["request", "reply"] * 3,
            "reply",
            *["request", "reply"] * 2,
            "close",
        ]
        assert {line["connection"] for line in lines} == {1}
        assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
        assert lines[0]["query"] == "timeUnit=MICROSECOND"
        logon = json.loads(lines[1]["text"])["params"]
        assert logon["signature"] == "masked"
        assert logon["apiKey"] == json.loads(lines[2]["text"])["result"]["apiKey"] == "key1".ljust(64, "0")
        assert json.loads(lines[3]["text"])["params"]["apiKey"] == "key2".ljust(64, "0")
        assert lines[-3]["text"] == "not json"
        assert (lines[-1]["code"], lines[-1]["by"]) == (1000, "client")

    run(main)


def test_frames_pass_as_they_are():
    """SEMANTICS 3, 4, 6"""

    async def main():
        out = io.StringIO()
        async with (
            Emulator(ping_interval=0.02, pong_timeout=0.2) as exchange,
            Recorder(exchange.url, out) as recorder,
            connect(recorder.url) as socket,
        ):
            await (await socket.ping(b"of the client"))
            frames = [
                Frame(Opcode.TEXT, b'{"id":1,', fin=False),
                Frame(Opcode.PING, b"between"),
                Frame(Opcode.CONT, b'"method":"ping"}'),
            ]
            socket.transport.write(b"".join(frame.serialize(mask=True) for frame in frames))
            exchange.faults.add_text("fragment size=5")
            assert json.loads(await socket.recv())["status"] == 200
            # The exchange's pings are answered by the client, or it would have ended by now.
            await asyncio.sleep(0.3)
            assert len(exchange.connections) == 1
        lines = written(out)
        assert [line["event"] for line in lines[:3]] == ["open", "request", "reply"]
        assert lines[1]["text"] == '{"id":1,"method":"ping"}'

    run(main)


def test_binary_messages():
    """SEMANTICS 11, 12"""

    async def main():
        out = io.StringIO()
        async with Emulator() as exchange, Recorder(exchange.url, out) as recorder:
            key = exchange.add_account("Ed25519")
            async with connect(recorder.url + SBE) as socket:
                await socket.send(json.dumps({"id": 1, "method": "session.logon", "params": signed(key)}))
                reply = await socket.recv()
                assert key.api_key.encode() in reply
        (line,) = [line for line in written(out) if line["event"] == "reply"]
        masked = base64.b64decode(line["base64"])
        assert masked == reply.replace(key.api_key.encode(), b"key1".ljust(64, b"0"))

    run(main)


@pytest.mark.parametrize("code", [1012, 1006])
def test_the_end_passes_too(code):
    async def main():
        out = io.StringIO()
        async with (
            Emulator() as exchange,
            Recorder(exchange.url, out) as recorder,
            connect(recorder.url) as socket,
        ):
            client = Wire(socket)
            await client.call("ping")
            exchange.disconnect_all(code, "because")
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            received = caught.value.rcvd
            assert (received and received.code) == (None if code == 1006 else code)
        last = written(out)[-1]
        assert (last["event"], last["code"], last["by"]) == ("close", code, "endpoint")

    run(main)


def test_an_endpoint_that_is_not_there_or_refuses():
    async def main():
        async with Emulator() as exchange:
            for url in (exchange.url.replace("/ws-api/v3", "/no"), "ws://127.0.0.1:1/"):
                out = io.StringIO()
                async with Recorder(url, out) as recorder, connect(recorder.url) as socket:
                    with pytest.raises(ConnectionClosed) as caught:
                        await socket.recv()
                    assert caught.value.rcvd.code == 1011
                assert [line["event"] for line in written(out)] == ["open", "refused"]

    run(main)


def test_tls_to_the_endpoint():
    async def main():
        out = io.StringIO()
        async with Emulator(tls=True) as exchange:
            context = exchange.client_ssl_context()
            async with Recorder(exchange.url, out, ssl_context=context) as recorder:
                assert recorder.url.startswith("ws://")
                async with connect(recorder.url) as socket:
                    assert (await Wire(socket).call("ping"))["status"] == 200

    run(main)


def test_masks():
    mask = Mask()
    text = f'{{"params":{{"apiKey" : "{"a" * 64}","signature":"s/+=", "price":0.10}},"x":"{"a" * 64}"}}'
    key = "key1".ljust(64, "0")
    assert (
        mask.text(text) == f'{{"params":{{"apiKey":"{key}","signature":"masked", "price":0.10}},"x":"{key}"}}'
    )
    assert mask.key("a" * 64) == key
    assert mask.key("b" * 64) == "key2".ljust(64, "0")
    assert mask.text('{"apiKey":""}') == '{"apiKey":""}'
    assert mask.data(b"x" + b"b" * 64) == b"x" + mask.key("b" * 64).encode()


@pytest.mark.skipif(sys.platform == "win32", reason="ends its process with a POSIX signal")
def test_the_command_line(tmp_path):
    out = tmp_path / "session.jsonl"

    async def main():
        async with Emulator() as exchange:
            words = ["record", exchange.url, "--out", str(out), "--port", "0"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fastws.emulator", *words, stdout=subprocess.PIPE
            )
            line = (await process.stdout.readline()).decode()
            assert line.startswith(f"Recording {exchange.url}; connect to ws://127.0.0.1:")
            async with connect(line.split()[-1]) as socket:
                assert (await Wire(socket).call("time"))["result"]["serverTime"] <= now_ms()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0

    run(main)
    assert [json.loads(line)["event"] for line in out.read_text().splitlines()][:3] == [
        "open",
        "request",
        "reply",
    ]


def test_a_file_that_cannot_be_written_is_an_error_in_one_sentence(capsys, tmp_path):
    assert command_line(["testnet", "--out", str(tmp_path / "no" / "file")]) == 1
    output = capsys.readouterr()
    assert output.err.startswith("Cannot record: ")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("reads", [True, False])
def test_it_ends_with_all_its_connections(reads):
    """Also with one to an endpoint that does not answer the close frame."""

    async def main():
        out = io.StringIO()
        async with Emulator() as exchange:
            async with Recorder(exchange.url, out) as recorder:
                socket = await connect(recorder.url)
                assert (await Wire(socket).call("ping"))["status"] == 200
                (connection,) = exchange.connections
                if not reads:
                    connection.freeze()
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert not recorder.open
            if reads:
                assert not connection.open
        assert written(out)[-1]["event"] == "close"

    run(main)
