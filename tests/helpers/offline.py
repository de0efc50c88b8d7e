"""A client without a socket: picows' own parser is fed with bytes, and what the client writes is kept.

For tests of many messages, of exact cuts, and of writes that fail: no server, no waiting, everything in one turn.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock

import fastws
from fastws._core import Session
from fastws.lifecycle.shared import forget_all
from fastws.lifecycle.wire_protocol import client_protocol
from helpers.support import frame, unmasked


class _Socket:
    def fileno(self) -> int:
        return -1

    def setsockopt(self, *args: object) -> None:
        pass

    def getsockopt(self, *args: object) -> int:
        return 0


class Wire:
    """One connection without a socket.

    To picows it is the transport, of a connection with TLS: so every write comes here.

    Set `broken` to an exception, and the next writes raise it.
    """

    def __init__(self, connection: Any, *, max_message: int = 64 << 20) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection = connection
        self.written = bytearray()
        self.writes = 0
        self.broken: BaseException | None = None
        self.closed = False
        self.close_frame = asyncio.Event()  # the client sent one
        self.gone = asyncio.Event()  # the connection is
        self._protocol = client_protocol(
            "127.0.0.1",
            "/",
            connection,
            logging.getLogger("fastws.offline"),
            max_message=max_message,
            read_buffer=1 << 16,
        )
        self._protocol.connection_made(self)
        key = self.written.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.written.clear()
        self.writes = 0
        self.feed(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def feed(self, data: bytes) -> None:
        """Let the client read these bytes, in one read callback where its buffer has room for them."""
        while data:
            room = self._protocol.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            room.release()
            self._protocol.buffer_updated(size)
            data = data[size:]

    def send(self, *messages: dict[str, Any] | str | bytes) -> None:
        """Let the client read text messages; bytes are frames already."""
        parts = []
        for message in messages:
            if isinstance(message, dict):
                message = json.dumps(message)
            parts.append(frame(1, message.encode()) if isinstance(message, str) else message)
        self.feed(b"".join(parts))

    def lose(self, exc: BaseException | None = None) -> None:
        """The connection is gone."""
        if not self.closed:
            self.closed = True
            self.gone.set()
            self._protocol.connection_lost(exc)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What the client wrote since the last time: (opcode, payload)."""
        data = bytes(self.written)
        self.written.clear()
        at = 0
        while at < len(data):
            opcode, size = data[at] & 0x0F, data[at + 1] & 0x7F
            at += 2
            if size == 126:
                (size,), at = struct.unpack_from("!H", data, at), at + 2
            elif size == 127:
                (size,), at = struct.unpack_from("!Q", data, at), at + 8
            mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
            at += 4 + size
            yield opcode, unmasked(payload, mask)

    def requests(self) -> list[dict[str, Any]]:
        """The requests that the client wrote since the last time."""
        return [json.loads(payload) for opcode, payload in self.frames() if opcode == 1]

    # ------------------------------------------------------------------------ what picows asks of its transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": _Socket(), "ssl_object": self}.get(name, default)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        if self.broken is not None:
            raise self.broken
        self.writes += 1
        self.written += data
        if data[0] == 0x88:
            self.close_frame.set()

    def close(self) -> None:
        self.loop.call_soon(self.lose)

    abort = close


class Offline(Wire):
    """A client that is connected to nothing; `client` is it. Make it within a running loop; end it with `lose()`."""

    def __init__(self, *, serial: int = 0, **options: Any) -> None:
        options.setdefault("reconnect", False)
        options.setdefault("sync_every", None)
        forget_all()  # each is the only client of its exchange
        with mock.patch("fastws.session_handler.Session", partial(Session, serial=serial)):
            self.client = fastws.connect("ws://127.0.0.1:1", **options)
        supervisor = self.client._supervisor
        supervisor._machine._actions["attempt"] = lambda reason: None
        supervisor.begin(asyncio.get_running_loop())
        self.session: Session = self.client._session
        connection = supervisor.connector.new_connection()
        super().__init__(connection, max_message=self.client._options.max_message)
        supervisor.attempts.came_up(connection)

    def another(self) -> Wire:
        """One more connection of the same session; requests go there once `session.route` names it."""
        return Wire(
            self.client._supervisor.connector.new_connection(), max_message=self.client._options.max_message
        )
