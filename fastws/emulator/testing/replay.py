"""``python -m fastws.emulator replay``: compares the emulator's answers with a recording, field by field.

The requests of a recording are sent to an emulator in this process: in their order, with new timestamps, signed again
with the emulator's keys, and with the ids of the emulator's orders. For each reply, the status, the error code, and
all keys and types of values are compared; for each kind of event, keys and types. Values are not compared, since
prices and times differ. Two arrays agree if the keys and types that all elements of each have in common agree; an
empty array agrees with any array.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from fastws.run import run

from ..network.envelope import decode
from ..values.auth import API_KEY_FORMAT, Credentials, KeyType, signature_payload
from ..values.logs import wire_logger
from .emulator import Emulator
from .record import MASKED_SIGNATURE

__all__ = ["Difference", "Result", "differences", "main", "read", "replay", "shape"]

_TIMEOUT = 5.0
# The parameters of requests that name an order, or an order list.
_ORDER_IDS = ("orderId", "cancelOrderId")
_LIST_IDS = ("orderListId",)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a recording and the emulator: the message, the path, and both shapes."""

    what: str
    path: str
    recorded: str
    emulated: str

    def __str__(self) -> str:
        return f"{self.what}: {self.path}: recorded {self.recorded}, emulated {self.emulated}"


@dataclass(slots=True)
class Result:
    """The result of a replay.

    Attributes:
        compared: the number of compared replies.
        events: the kinds of events that were compared.
        skipped: the number of messages that were not compared, by reason.
        differences: all differences.
    """

    compared: int = 0
    events: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def shape(value: Any) -> Any:
    """The shape of a JSON value: the name of its type, an object of shapes, or a list of one shape."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        merged: Any = None
        for item in value:
            merged = shape(item) if merged is None else _common(merged, shape(item))
        return [] if merged is None else [merged]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "decimal" if _is_decimal(value) else "text"
    return "number"


def _is_decimal(text: str) -> bool:
    whole, point, fraction = text.removeprefix("-").partition(".")
    return bool(point) and whole.isdecimal() and fraction.isdecimal()


def _common(one: Any, other: Any) -> Any:
    """The shape that two elements of an array have in common."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _common(one[name], other[name]) for name in one if name in other}
    if isinstance(one, list) and isinstance(other, list):
        return [_common(one[0], other[0])] if one and other else one or other
    return one if one == other else "anything"


def differences(recorded: Any, emulated: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """The differences of two shapes: each path, and what the two have there."""
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        for name in [*recorded, *(name for name in emulated if name not in recorded)]:
            where = f"{path}.{name}" if path else name
            if name not in emulated:
                yield where, _name(recorded[name]), "nothing"
            elif name not in recorded:
                yield where, "nothing", _name(emulated[name])
            else:
                yield from differences(recorded[name], emulated[name], where)
    elif isinstance(recorded, list) and isinstance(emulated, list):
        if recorded and emulated:
            yield from differences(recorded[0], emulated[0], f"{path}[]")
    elif recorded != emulated and "anything" not in (recorded, emulated):
        yield path or "it", _name(recorded), _name(emulated)


def _name(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else str(value)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a recording.

    Raises:
        ValueError: the file is not a recording.
    """
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            lines.append(json.loads(line))
            _ = lines[-1]["connection"], lines[-1]["event"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} is not a line of a recording") from None
    return lines


class _Client(WSListener):
    """A connection to the emulator."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: list[dict[str, Any]] = []
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            message = json.loads(frame.get_payload_as_bytes())
            if "event" in message:
                self.events.append(message)
            else:
                self.replies.put_nowait(message)

    async def ask(self, text: str) -> dict[str, Any]:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, text.encode())
        return await asyncio.wait_for(self.replies.get(), _TIMEOUT)


class _Replay:
    """A running replay."""

    def __init__(self, exchange: Emulator, lines: list[dict[str, Any]]) -> None:
        self.exchange = exchange
        self.lines = lines
        self.result = Result()
        self.keys: dict[str, Credentials] = {}
        self.numbers: dict[str, dict[int, int]] = {"order": {}, "list": {}}
        self.clients: dict[int, _Client] = {}
        self.open: set[int] = set()

    async def run(self) -> Result:
        replies = self._recorded_replies()
        for line in self.lines:
            number = line["connection"]
            if line["event"] == "open":
                if "responseFormat=sbe" in line.get("query", ""):
                    self.result.skip("connections in SBE")
                else:
                    query = f"?{line['query']}" if line.get("query") else ""
                    _, client = await ws_connect(_Client, self.exchange.url + query, logger_name=wire_logger)
                    assert isinstance(client, _Client)
                    self.clients[number] = client
            elif line["event"] == "request" and number in self.clients:
                await self._request(number, line.get("text", ""), replies)
        await asyncio.sleep(0.05)
        self._compare_events()
        for client in self.clients.values():
            if client.transport is not None:
                client.transport.disconnect()
        return self.result

    def _recorded_replies(self) -> dict[tuple[int, str], list[dict[str, Any]]]:
        """The replies by their connection and id, oldest first."""
        found: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for line in self.lines:
            if line["event"] == "reply" and "text" in line:
                message = _parsed(line["text"])
                if message is not None and "event" not in message:
                    found.setdefault((line["connection"], json.dumps(message.get("id"))), []).append(message)
        return found

    async def _request(
        self, connection: int, text: str, replies: dict[tuple[int, str], list[dict[str, Any]]]
    ) -> None:
        message = _parsed(text)
        if message is None:
            self.result.skip("requests that are not JSON")
            return
        queue = replies.get((connection, json.dumps(message.get("id"))))
        recorded = queue.pop(0) if queue else None
        what = f"{message.get('method')} (id {message.get('id')})"
        try:
            reply = await self.clients[connection].ask(self._renewed(text))
        except asyncio.TimeoutError:
            self.result.differences.append(Difference(what, "it", "a reply or a loss", "no reply"))
            return
        if recorded is None:
            self.result.skip("requests without a recorded reply")
            return
        self.result.compared += 1
        self._compare(what, recorded, reply)
        if "result" in recorded and "result" in reply:
            self._learn(recorded["result"], reply["result"])

    def _renewed(self, text: str) -> str:
        """A recorded request with ids of the emulator's orders, a new timestamp and a new signature."""
        message = json.loads(text)
        params = message.get("params")
        if not isinstance(params, dict):
            return text
        for names, kind in ((_ORDER_IDS, "order"), (_LIST_IDS, "list")):
            for name in names:
                if name in params:
                    number = self.numbers[kind].get(int(params[name]), params[name])
                    params[name] = number if isinstance(params[name], int) else str(number)
        if "timestamp" in params:
            params["timestamp"] = time.time_ns() // 1_000_000
        if params.get("signature") == MASKED_SIGNATURE and "apiKey" in params:
            key = self._key(params["apiKey"])
            params["apiKey"] = key.api_key
            # A signature covers numbers as they were written, so they are kept as texts.
            params["signature"] = _sign(
                key, signature_payload(decode(json.dumps(params, ensure_ascii=False)))
            )
        return json.dumps(message, ensure_ascii=False)

    def _key(self, api_key: str) -> Credentials:
        """The emulator's key for a masked one; for a key that logs on, an Ed25519 key."""
        if api_key not in self.keys:
            logs_on = any(
                (message := _parsed(line.get("text", ""))) is not None
                and message.get("method", "").removeprefix("v3/") == "session.logon"
                and message.get("params", {}).get("apiKey") == api_key
                for line in self.lines
                if line["event"] == "request"
            )
            key_type: KeyType = "Ed25519" if logs_on else "HMAC"
            known = api_key if API_KEY_FORMAT.fullmatch(api_key) else None
            self.keys[api_key] = self.exchange.add_account(key_type, api_key=known)
        return self.keys[api_key]

    def _compare(self, what: str, recorded: Mapping[str, Any], emulated: Mapping[str, Any]) -> None:
        found = self.result.differences
        for name in ("status", "error.code"):
            one, other = _at(recorded, name), _at(emulated, name)
            if one != other:
                found.append(Difference(what, name, str(one), str(other)))
        if recorded.get("status") != emulated.get("status"):
            return
        for path, one, other in differences(shape(recorded), shape(emulated)):
            if path not in ("id", "error.msg"):
                found.append(Difference(what, path, one, other))

    def _learn(self, recorded: Any, emulated: Any) -> None:
        """Note which of the emulator's orders corresponds to which recorded order."""
        if isinstance(recorded, dict) and isinstance(emulated, dict):
            for name, kind in (("orderId", "order"), ("orderListId", "list")):
                one, other = recorded.get(name), emulated.get(name)
                if isinstance(one, int) and isinstance(other, int) and one >= 0:
                    self.numbers[kind].setdefault(one, other)
            for name in recorded.keys() & emulated.keys():
                self._learn(recorded[name], emulated[name])
        elif isinstance(recorded, list) and isinstance(emulated, list) and len(recorded) == len(emulated):
            for one, other in zip(recorded, emulated, strict=True):
                self._learn(one, other)

    def _compare_events(self) -> None:
        recorded = self._kinds(
            message
            for line in self.lines
            if line["event"] == "reply" and "text" in line
            if (message := _parsed(line["text"])) is not None and "event" in message
        )
        emulated = self._kinds(event for client in self.clients.values() for event in client.events)
        for kind, message in recorded.items():
            if kind not in emulated:
                self.result.skip(f"events {kind} that the emulator did not send")
                continue
            self.result.events.append(kind)
            for path, one, other in differences(shape(message), shape(emulated[kind])):
                self.result.differences.append(Difference(f"event {kind}", path, one, other))

    @staticmethod
    def _kinds(messages: Iterator[dict[str, Any]] | Any) -> dict[str, dict[str, Any]]:
        """The first event of each kind. For events of orders, the execution type is part of the kind."""
        kinds: dict[str, dict[str, Any]] = {}
        for message in messages:
            event = message["event"]
            kinds.setdefault(" ".join([event["e"], *([event["x"]] if "x" in event else [])]), message)
        return kinds


def _at(message: Mapping[str, Any], path: str) -> Any:
    value: Any = message
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _sign(key: Credentials, payload: bytes) -> str:
    if key.secret is not None:
        return hmac.new(key.secret.encode(), payload, "sha256").hexdigest()
    assert key.private_key is not None
    private_key = load_pem_private_key(key.private_key, None)
    assert isinstance(private_key, Ed25519PrivateKey)
    return base64.b64encode(private_key.sign(payload)).decode()


async def replay(lines: list[dict[str, Any]], **options: Any) -> Result:
    """Send the requests of a recording to an Emulator with these options, and compare the replies."""
    async with Emulator(**options) as exchange:
        return await _Replay(exchange, lines).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws.emulator replay",
        description="Send the requests of a recording to an emulator, and compare its answers with the\n"
        "recorded ones: statuses, error codes, keys and types.",
        epilog="exit codes: 0 no difference · 1 differences · 2 wrong usage, or no recording",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that `record` wrote")
    parser.add_argument("--seed", type=int, default=1, help="seed of the emulator (default: %(default)s)")
    return parser


def main(argv: list[str]) -> int:
    """Replay a recording and print what differs.

    Returns:
        The exit code: 0 without a difference, 1 with one, 2 if the file is not a recording.
    """
    options = _parser().parse_args(argv)
    try:
        lines = read(options.file)
    except (OSError, ValueError) as error:
        print(f"Cannot replay: {error}", file=sys.stderr)
        return 2
    result: Result = run(replay(lines, seed=options.seed))
    for difference in result.differences:
        print(difference)
    for reason, count in result.skipped.items():
        print(f"not compared: {count} {reason}")
    print(
        f"{result.compared} replies and {len(result.events)} kinds of events compared, "
        f"{len(result.differences)} differences"
    )
    return 1 if result.differences else 0
