"""fastws.cli.events: a line an event, a word for a gap, an end for each way to end. The exchange is a scripted peer."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from fastws.cli.events import as_row
from fastws.emulator.values.auth import new_private_key
from helpers.support import frame, reply, run, serving

ROOT = Path(__file__).resolve().parents[2]
BALANCE = {"e": "balanceUpdate", "E": 1_700_000_000_123, "a": "测试", "d": "1.5", "T": 1_700_000_000_000}
REPORT = {
    "e": "executionReport",
    "E": 1_700_000_000_124,
    "s": "BTCUSDT",
    "S": "BUY",
    "o": "LIMIT",
    "x": "NEW",
    "X": "NEW",
    "N": None,
    "C": "",
    "i": 7,
}


def follow(script, *arguments, interrupt=None, **environment):
    """Run the command against a peer: (exit code, lines, what it said)."""

    async def main():
        async with serving(script) as url:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fastws", "events", "--url", url, *arguments,
                cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            )  # fmt: skip
            try:
                lines = []
                if interrupt is not None:
                    lines = [await process.stdout.readline() for _ in range(interrupt)]
                    process.send_signal(signal.SIGINT)
                out, err = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
            return process.returncode, (b"".join(lines) + out).decode().splitlines(), err.decode()

    return run(main(), timeout=30)


HMAC = {"FASTWS_API_KEY": "k" * 64, "FASTWS_SECRET": "s" * 64}


async def subscribe(peer, method="userDataStream.subscribe.signature"):
    request = await peer.request()
    assert request["method"] == method
    peer.send(reply(request, {"subscriptionId": 3}))


async def unsubscribe(peer):
    request = await peer.request()
    assert request["method"] == "userDataStream.unsubscribe"
    peer.send(reply(request), {"subscriptionId": 3, "event": {"e": "eventStreamTerminated", "E": 1}})


def test_each_event_is_a_line_of_json_until_there_were_enough():
    async def script(peer):
        await subscribe(peer)
        peer.send({"event": {"e": "serverShutdown", "E": 1}}, *({"subscriptionId": 3, "event": BALANCE},) * 3)
        await unsubscribe(peer)

    code, lines, said = follow(script, "--count", "2", **HMAC)
    assert code == 0, said
    documents = [json.loads(line) for line in lines]
    assert documents.count({"event": {"e": "serverShutdown", "E": 1}}) == 1
    assert documents.count({"subscriptionId": 3, "event": BALANCE}) == 2
    assert "subscription 3 at" in said


def test_an_ed25519_key_logs_on_and_the_end_of_the_stream_is_said(tmp_path):
    (tmp_path / "key.pem").write_bytes(new_private_key("Ed25519"))

    async def script(peer):
        peer.send(reply(await peer.request(), {"apiKey": "k" * 64}))
        await subscribe(peer, "userDataStream.subscribe")
        peer.send({"subscriptionId": 3, "event": BALANCE})
        peer.send({"subscriptionId": 3, "event": {"e": "eventStreamTerminated", "E": 1}})

    code, lines, said = follow(
        script, "--table", FASTWS_API_KEY="k" * 64, FASTWS_PRIVATE_KEY=str(tmp_path / "key.pem")
    )
    assert (code, lines) == (0, ["22:13:20.123  balanceUpdate            a=测试  d=1.5"])
    assert "the subscription ended: ended by the exchange" in said


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_ctrl_c_unsubscribes_and_says_nothing_more():
    async def script(peer):
        await subscribe(peer)
        peer.send({"subscriptionId": 3, "event": BALANCE})
        await unsubscribe(peer)

    code, lines, said = follow(script, interrupt=1, **HMAC)
    assert (code, len(lines)) == (130, 1)
    assert len(said.splitlines()) == 1


def test_a_lost_connection_is_a_gap_and_the_next_one_goes_on():
    peers = []

    async def script(peer):
        peers.append(peer)
        if len(peers) == 1:
            await subscribe(peer)
            await peer.drop()
        else:
            request = await peer.request()
            assert request["method"] == "time"
            peer.send(reply(request, {"serverTime": 1_700_000_000_000}))
            await subscribe(peer)
            peer.send({"subscriptionId": 3, "event": BALANCE})
            await unsubscribe(peer)

    code, lines, said = follow(script, "--count", "1", **HMAC)
    assert (code, len(lines)) == (0, 1)
    assert "fastws: events are missing from 2023-11-14 22:13:" in said


def test_sbe_is_asked_for():
    async def script(peer):
        assert "responseFormat=sbe" in peer.target
        await peer.frame()
        peer.writer.write(frame(8, b"\x03\xe8"))

    code, _, said = follow(script, "--sbe", **HMAC)
    assert code == 1
    assert "1000" in said


def test_a_key_is_needed(command):
    outcome = command("events", "--url", "ws://127.0.0.1:1")
    assert outcome.code == 2
    assert "needs a key" in outcome.err


def test_rows_show_what_matters():
    assert as_row(REPORT) == (
        "22:13:20.124  executionReport          s=BTCUSDT  S=BUY  o=LIMIT  x=NEW  X=NEW  i=7"
    )
    position = {"e": "outboundAccountPosition", "E": 0, "B": [{"a": "BTC", "f": "1", "l": "0"}]}
    assert as_row(position) == "00:00:00.000  outboundAccountPosition  B=BTC/1/0"
    assert as_row({"e": "tomorrow", "E": None, "x": 1.5, "y": None}) == "None  tomorrow                 x=1.5"
