"""Replays: a recording of the emulator agrees with it, and changed lines are found."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.emulator.__main__ import main as command_line
from fastws.emulator.testing.record import Recorder
from fastws.emulator.testing.replay import differences, read, replay, shape
from helpers.emulator.sbe_reader import SBE
from helpers.emulator.wire import Wire, run

ROOT = Path(__file__).resolve().parents[3]


def load_tool():
    spec = importlib.util.spec_from_file_location("testnet", ROOT / "tools" / "testnet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["Ed25519", "HMAC"])
def recording(request, tmp_path_factory):
    """The recording that tools/testnet.py makes of an emulator."""
    out = tmp_path_factory.mktemp("recording") / "session.jsonl"
    tool = load_tool()

    async def main():
        async with Emulator(seed=2) as exchange:
            key = exchange.add_account(request.param)
            options = {"private_key": key.private_key} if key.private_key else {"secret": key.secret}
            await tool.record(exchange.url, out, api_key=key.api_key, **options)
        text = out.read_text(encoding="utf-8")
        assert key.api_key not in text
        assert not key.secret or key.secret not in text

    run(main)
    return out


def changed(lines, change):
    """The lines of a recording, with the first reply changed that ``change`` can change."""
    lines = [dict(line) for line in lines]
    for line in lines:
        if line["event"] == "reply":
            message = json.loads(line["text"])
            if change(message):
                line["text"] = json.dumps(message)
                return lines
    raise AssertionError("nothing to change")


def found(lines):
    async def main():
        results.append(await replay(lines))

    results = []
    run(main)
    return [str(difference) for difference in results[0].differences], results[0]


def test_a_recording_of_the_emulator_agrees_with_it(recording):
    strings, result = found(read(recording))
    assert strings == []
    assert result.compared >= 20


def test_differences_are_found_field_by_field(recording):
    lines = read(recording)

    def status_of(method, status, code=None):
        def change(message):
            if "result" not in message or method not in message["result"]:
                return False
            message["status"] = status
            return True

        return change

    def in_result(name, change):
        def apply(message):
            result = message.get("result")
            if not isinstance(result, dict) or name not in result:
                return False
            change(result)
            return True

        return apply

    cases = [
        (
            in_result("serverTime", lambda r: r.update(more=None)),
            "result.more: recorded null, emulated nothing",
        ),
        (
            in_result("lastUpdateId", lambda r: r.pop("bids")),
            "result.bids: recorded nothing, emulated an array",
        ),
        (
            in_result("lastUpdateId", lambda r: r.update(lastUpdateId="5")),
            "result.lastUpdateId: recorded text, emulated number",
        ),
        (
            in_result("lastUpdateId", lambda r: r.update(bids=[[1, "2.0"]])),
            "result.bids[][]: recorded anything",
        ),
        (status_of("serverTime", 503), "status: recorded 503, emulated 200"),
    ]
    for change, expected in cases:
        strings, _ = found(changed(lines, change))
        if "anything" in expected:
            assert strings == []
        else:
            assert len(strings) == 1
            assert expected in strings[0]

    def another_code(message):
        if message.get("error", {}).get("code") != -1121:
            return False
        message["error"]["code"] = -1122
        return True

    strings, _ = found(changed(lines, another_code))
    assert len(strings) == 1
    assert strings[0].startswith("depth (id ")
    assert strings[0].endswith("error.code: recorded -1122, emulated -1121")


def test_shapes():
    assert shape({"a": [1, 2], "b": "0.10", "c": "NEW", "d": None, "e": True, "f": []}) == {
        "a": ["number"],
        "b": "decimal",
        "c": "text",
        "d": "null",
        "e": "boolean",
        "f": [],
    }
    assert shape([{"a": 1, "b": 2}, {"a": "x", "c": 3}]) == [{"a": "anything"}]
    assert shape([[1], []]) == [["number"]]
    assert list(differences(shape([]), shape([1]))) == []
    assert list(differences(shape([1]), shape(["x"]))) == [("[]", "number", "text")]
    assert list(differences("null", "text")) == [("it", "null", "text")]


def test_connections_in_sbe_and_lost_replies_are_told_apart(tmp_path):
    out = tmp_path / "session.jsonl"

    async def main():
        from websockets.asyncio.client import connect

        async with Emulator() as exchange:
            exchange.faults.add("drop_reply", "time")
            with out.open("w", encoding="utf-8") as lines:
                async with Recorder(exchange.url, lines) as recorder:
                    async with connect(recorder.url + SBE) as socket:
                        await socket.send('{"id":1,"method":"ping"}')
                        await socket.recv()
                    async with connect(recorder.url) as socket:
                        client = Wire(socket)
                        await client.send("time")
                        assert (await client.call("ping"))["status"] == 200

    run(main)
    strings, result = found(read(out))
    assert strings == []
    assert result.compared == 1
    assert result.skipped == {"connections in SBE": 1, "requests without a recorded reply": 1}


def test_the_command_line(recording, capsys, tmp_path):
    assert command_line(["replay", str(recording)]) == 0
    assert " 0 differences" in capsys.readouterr().out
    lines = changed(read(recording), lambda message: message.update(more=1) is None)
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(map(json.dumps, lines)))
    assert command_line(["replay", str(other)]) == 1
    assert "more: recorded number, emulated nothing" in capsys.readouterr().out
    other.write_text('{"connection":1,"event":"open"}\nno recording')
    assert command_line(["replay", str(other)]) == 2
    assert capsys.readouterr().err == "Cannot replay: line 2 is not a line of a recording\n"
    assert command_line(["replay", str(tmp_path / "absent")]) == 2


def test_a_client_of_the_recorder_trades_as_usual(tmp_path):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            with (tmp_path / "x").open("w", encoding="utf-8") as lines:
                options = {"api_key": key.api_key, "private_key": key.private_key}
                async with (
                    Recorder(exchange.url, lines) as recorder,
                    fastws.connect(recorder.url, **options) as client,
                ):
                    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
                    replies = await asyncio.gather(*[client.order_place(**order) for _ in range(20)])
                    assert {reply["status"] for reply in replies} == {"FILLED"}

    run(main)
