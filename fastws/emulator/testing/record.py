"""``python -m fastws.emulator record``: a transparent recorder between any client and an endpoint.

A client connects to the recorder as if it were the endpoint. The recorder passes every frame on unchanged, in both
directions, and writes it down without secrets: it replaces each API key by a made-up one, the same in the whole file,
and masks signatures. A recording has one JSON object per line, with this machine's time in microseconds:

    {"at": …, "connection": 1, "event": "open", "query": "timeUnit=MICROSECOND"}
    {"at": …, "connection": 1, "event": "request", "text": "{\\"id\\":1,…}"}
    {"at": …, "connection": 1, "event": "reply", "text": "{\\"id\\":1,…}"}       or "base64": "…"
    {"at": …, "connection": 1, "event": "close", "code": 1000}
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import re
import signal
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

from picows import (
    WSError,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponseWithListener,
)

from fastws.run import run

from ..network.ports import Ports
from ..network.upgrade import not_an_upgrade
from ..network.websocket import answer_to, close_code_of, close_read, connect, listen

__all__ = ["ENDPOINTS", "Mask", "Recorder", "main"]

ENDPOINTS = {
    "testnet": "wss://ws-api.testnet.binance.vision/ws-api/v3",
    "prod": "wss://ws-api.binance.com:443/ws-api/v3",
}
_secret = re.compile(r'"(apiKey|signature)"\s*:\s*"([^"]*)"')
_api_key = re.compile(r"[A-Za-z0-9]{64}")
MASKED_SIGNATURE = "masked"
_CONNECT_WITHIN = 10.0
_END_WITHIN = 1.0


class Mask:
    """Replaces API keys and signatures in recorded messages."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def key(self, api_key: str) -> str:
        """The made-up key for an API key: of the same length, and always the same for the same key."""
        if api_key not in self._keys:
            self._keys[api_key] = f"key{len(self._keys) + 1}".ljust(len(api_key), "0")[: len(api_key)]
        return self._keys[api_key]

    def text(self, text: str) -> str:
        """A message without its secrets; all other bytes stay as they are."""

        def masked(match: re.Match[str]) -> str:
            name, value = match.groups()
            return f'"{name}":"{self.key(value) if name == "apiKey" else MASKED_SIGNATURE}"'

        text = _secret.sub(masked, text)
        for key, other in self._keys.items():
            if key:
                text = text.replace(key, other)
        return text

    def data(self, data: bytes) -> bytes:
        """A binary message without the API keys that requests had."""
        for key, other in self._keys.items():
            if key:
                data = data.replace(key.encode(), other.encode())
        return data


class _Side(WSListener):
    """One of the two connections. It passes its frames to the other side, in their order. Frames that come before the
    other side is connected wait.
    """

    def __init__(self, link: _Link, name: str) -> None:
        super().__init__()
        self._link = link
        self._name = name
        self.transport: WSTransport | None = None
        self._early: list[tuple[WSMsgType, bytes, bool]] = []
        self._ended = False
        self._close_handled = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._link.entered(self)
        early, self._early = self._early, []
        for kind, payload, fin in early:
            self.send(kind, payload, fin)
        if self._name == "client":
            self._link.begin()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._close_handled = True
            code = answer_to(close_code_of(frame))
            self._link.closed(self, code, frame.get_close_message() or b"")
            transport.send_close(code)
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        self._link.passed(self, kind, payload, frame.fin)

    def answer_close(self) -> bool:
        """Answer the close frame of this side if picows has read it and has not delivered it; see Peer."""
        if self.transport is None or self._close_handled:
            return False
        read, code = close_read(self.transport)
        if read:
            self._close_handled = True
            self.transport.send_close(answer_to(code))
        return read

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.transport = None
        self._ended = True
        self._link.gone(self)
        self._link.closed(self, 1006, b"")

    def send(self, kind: WSMsgType, payload: bytes, fin: bool) -> None:
        if self.transport is None:
            if not self._ended:
                self._early.append((kind, payload, fin))
        elif not self.transport.is_close_frame_sent:
            self.transport.send(kind, payload, fin)

    def close(self, code: Any, reason: bytes) -> None:
        transport = self.transport
        if transport is None or transport.is_close_frame_sent:
            return
        if code == 1006:
            transport.disconnect(False)
        else:
            transport.send_close(code, reason or None)

    def abort(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.disconnect(False)


class _Link:
    """A client's connection, and the connection to the endpoint for this client."""

    def __init__(self, recorder: Recorder, number: int, query: str) -> None:
        self.number = number
        self.query = query
        self.client = _Side(self, "client")
        self.endpoint = _Side(self, "endpoint")
        self._recorder = recorder
        self._messages: dict[str, list[bytes]] = {"client": [], "endpoint": []}
        self._binary: dict[str, bool] = {}
        self._ended = False
        self._connecting: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The client has connected: connect to the endpoint."""
        self._recorder.write(self.number, "open", query=self.query)
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        recorder = self._recorder
        try:
            url, endpoint = recorder.url_with(self.query), self.endpoint
            await asyncio.wait_for(connect(url, endpoint, endpoint, recorder.ssl_context), _CONNECT_WITHIN)
        except (OSError, WSError, asyncio.TimeoutError) as error:
            recorder.write(self.number, "refused", error=f"{type(error).__name__}: {error}")
            self._ended = True
            self.client.close(1011, b"no endpoint")

    def entered(self, side: _Side) -> None:
        """The connection of a side begins."""
        self._recorder.enter(side)

    def gone(self, side: _Side) -> None:
        """The connection of a side has ended."""
        if side is self.client and self._connecting is not None:
            self._connecting.cancel()
        self._recorder.forget(side)

    def passed(self, side: _Side, kind: WSMsgType, payload: bytes, fin: bool) -> None:
        """Pass a frame from a side to the other one, and record its message when it is complete."""
        other = self.endpoint if side is self.client else self.client
        other.send(kind, payload, fin)
        if kind not in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            return
        name = "client" if side is self.client else "endpoint"
        parts = self._messages[name]
        if kind != WSMsgType.CONTINUATION:
            self._binary[name] = kind == WSMsgType.BINARY
        parts.append(payload)
        if fin:
            message = b"".join(parts)
            parts.clear()
            self._recorder.message(
                self.number, "request" if name == "client" else "reply", message, self._binary[name]
            )

    def closed(self, side: _Side, code: int, reason: bytes) -> None:
        """A side has closed: close the other one, and record that."""
        other = self.endpoint if side is self.client else self.client
        other.close(code, reason)
        if not self._ended:
            self._ended = True
            by = "client" if side is self.client else "endpoint"
            self._recorder.write(self.number, "close", code=code, by=by)


class Recorder:
    """Listens for clients, connects each of them to the endpoint, and records all messages.

    Args:
        url: the endpoint.
        out: the file for the recording.
        host, port: the address for clients; port 0 chooses a free one.
        ssl_context: for an endpoint whose certificate authority is not a public one.
    """

    def __init__(
        self,
        url: str,
        out: TextIO,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.ssl_context = ssl_context
        self.port = port
        self._sides: set[_Side] = set()
        self._no_side = asyncio.Event()
        self._url = urlsplit(url)
        self._out = out
        self._host = host
        self._mask = Mask()
        self._numbers = itertools.count(1)
        self._ports = Ports(lambda _, bound: listen(self._accept, bound, lambda: self._sides))

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"ws://{self._host}:{self.port}{self._url.path}"

    @property
    def open(self) -> bool:
        """Whether a connection is open, of a client or to the endpoint."""
        return bool(self._sides)

    def url_with(self, query: str) -> str:
        """The endpoint's URL with the query of a client's URL."""
        return urlunsplit(self._url._replace(query=query or self._url.query))

    async def __aenter__(self) -> Recorder:
        await self._ports.open([self._host], [self.port])
        (self.port,) = self._ports.numbers
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening, end all connections, and wait for their ends."""
        self._ports.close()
        for side in list(self._sides):
            side.close(1001, b"going away")
        if self._sides and not await self._all_ended():
            for side in list(self._sides):
                side.abort()
            await self._all_ended()
        await self._ports.wait_closed()
        self._out.flush()

    async def _all_ended(self) -> bool:
        self._no_side.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._no_side.wait(), _END_WITHIN)
        return not self._sides

    def enter(self, side: _Side) -> None:
        """Note a connection that begins."""
        self._sides.add(side)

    def forget(self, side: _Side) -> None:
        """Note that a connection has ended."""
        self._sides.discard(side)
        if not self._sides:
            self._no_side.set()

    def _accept(self, upgrade: WSUpgradeRequest, peer: str) -> WSListener | WSUpgradeResponseWithListener:
        wrong = not_an_upgrade(upgrade)
        if wrong is not None:
            return wrong
        query = urlsplit(upgrade.path.decode("ascii", "replace")).query
        return _Link(self, next(self._numbers), query).client

    def message(self, connection: int, event: str, message: bytes, binary: bool) -> None:
        """Record a message, without its secrets."""
        if binary:
            self.write(connection, event, base64=base64.b64encode(self._mask.data(message)).decode())
        else:
            self.write(connection, event, text=self._mask.text(message.decode("utf-8", "replace")))

    def write(self, connection: int, event: str, **more: Any) -> None:
        """Write a line of the recording."""
        line = {"at": time.time_ns() // 1000, "connection": connection, "event": event, **more}
        self._out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws.emulator record",
        description="Forward the frames between a client and an endpoint, and record them without API keys and\n"
        "signatures. Connect the client to the printed address. Ctrl-C ends it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help=f"the endpoint: a URL, or {' or '.join(ENDPOINTS)}")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording, JSON lines")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8766, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificate authority of the endpoint")
    return parser


async def _serve(options: argparse.Namespace, out: TextIO, say: Callable[[str], None]) -> None:
    context = None if options.ca is None else ssl.create_default_context(cafile=options.ca)
    url = ENDPOINTS.get(options.url, options.url)
    stop = asyncio.Event()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Recorder(url, out, host=options.host, port=options.port, ssl_context=context) as recorder:
        say(f"Recording {url}; connect to {recorder.url}")
        await stop.wait()


def main(argv: list[str]) -> int:
    """Record until SIGINT or SIGTERM.

    Returns:
        The exit code: 0; 1 if it cannot listen or write.
    """
    options = _parser().parse_args(argv)
    try:
        with options.out.open("w", encoding="utf-8", buffering=1) as out:
            run(_serve(options, out, lambda line: print(line, flush=True)))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"Cannot record: {error}", file=sys.stderr)
        return 1
    return 0
