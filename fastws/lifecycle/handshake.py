"""The opening handshake (RFC 6455, 4.1): reads and checks the HTTP answer.

In: the first bytes of a connection, up to the blank line. Out: picows' protocol, which reads all bytes after it. picows
accepts only one spelling of the answer. So this module reads and checks the answer, and gives picows its own spelling.
A wrong answer raises BadAnswer, whose text says what came and what was expected; a refusal raises Refused.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http
import re
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass
from typing import Any

from .._common.shown import short, shown

__all__ = [
    "BadAnswer",
    "Head",
    "HeadReader",
    "Headers",
    "Refused",
    "Upgrade",
    "accept_of",
    "excerpt",
    "read_head",
]

_MAX_HEAD = 16 * 1024
_MAX_FIELDS = 128
# Bytes and seconds: the most that is read of the body of a refusal, which is an error object.
_MAX_BODY = 64 * 1024
_BODY_WITHIN = 1.0

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([0-9]{3})(?: ([^\r\n]*))?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TLS_RECORD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class BadAnswer(Exception):
    """The bytes that came are no correct answer to the handshake."""


class Refused(Exception):
    """The answer has another status than 101."""

    def __init__(self, head: Head, body: bytes) -> None:
        super().__init__(head, body)
        self.head = head
        self.body = body


class Headers:
    """Fields of the request, beside those of the handshake. Their values may be secret: repr() hides them."""

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self._fields = dict(fields or {})

    def __repr__(self) -> str:
        return f"<headers {', '.join(self._fields) or 'none'}>"

    def __bool__(self) -> bool:
        return bool(self._fields)

    def items(self) -> ItemsView[str, str]:
        """The names and the values."""
        return self._fields.items()


@dataclass(frozen=True)
class Head:
    """The head of an HTTP answer; ``fields`` has the values of each header field by its name in lower case."""

    version: str
    status: int
    phrase: str
    fields: dict[str, list[str]]

    def values(self, name: str) -> list[str]:
        """The elements of a field that is a list, whether the peer sent it as one field or as several."""
        parts = ",".join(self.fields.get(name, [])).split(",")
        return [part.strip(" \t") for part in parts if part.strip(" \t")]

    def shown(self, name: str) -> str:
        """The value of a field, for the text of an error."""
        given = self.fields.get(name)
        return "none" if given is None else excerpt(", ".join(given))

    def __str__(self) -> str:
        phrase = self.phrase
        if not phrase:
            try:
                phrase = http.HTTPStatus(self.status).phrase
            except ValueError:
                phrase = ""
        return f"{self.status} {short(repr(phrase)[1:-1])}".rstrip()


def excerpt(text: str | bytes) -> str:
    """A text of the peer in quotes, printable and cut."""
    return shown(text).removeprefix("b")


def read_head(raw: bytes) -> Head:
    """Read the head of an HTTP answer, without the blank line at its end.

    Raises:
        BadAnswer: it is no head of an HTTP answer.
    """
    status_line, *lines = raw.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise BadAnswer(
            f"unknown protocol: expected the status line of HTTP/1.1, got {excerpt(status_line)}{_tls_hint(raw)}"
        )
    if len(lines) > _MAX_FIELDS:
        raise BadAnswer(f"expected at most {_MAX_FIELDS} header fields in the answer, got {len(lines)}")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise BadAnswer(f"expected a header field in the answer, got {excerpt(line)}")
        fields.setdefault(name.decode("ascii").lower(), []).append(value.strip(b" \t").decode("latin-1"))
    return Head(match[1].decode(), int(match[2]), (match[3] or b"").decode("latin-1"), fields)


def accept_of(key: str) -> str:
    """The ``Sec-WebSocket-Accept`` that answers a ``Sec-WebSocket-Key``."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def check_upgrade(head: Head, accept: str) -> None:
    """Check that an answer with status 101 opens the connection that was asked for.

    Raises:
        BadAnswer: it does not.
    """
    if head.version != "1.1":
        raise BadAnswer(f"unknown protocol: expected status 101 of HTTP/1.1, got it of HTTP/{head.version}")
    if [value.lower() for value in head.values("upgrade")] != ["websocket"]:
        raise BadAnswer(f"expected 'Upgrade: websocket' in the answer, got {head.shown('upgrade')}")
    if "upgrade" not in [value.lower() for value in head.values("connection")]:
        raise BadAnswer(f"expected 'Connection: Upgrade' in the answer, got {head.shown('connection')}")
    if head.fields.get("sec-websocket-accept") != [accept]:
        raise BadAnswer(
            f"expected 'Sec-WebSocket-Accept: {accept}' in the answer, got {head.shown('sec-websocket-accept')}"
        )
    for name, what in (("sec-websocket-extensions", "extension"), ("sec-websocket-protocol", "subprotocol")):
        if head.values(name):
            raise BadAnswer(f"expected no {what}, since none was asked for, got {head.shown(name)}")
    if head.values("transfer-encoding") or head.fields.get("content-length", ["0"]) != ["0"]:
        name = "transfer-encoding" if head.values("transfer-encoding") else "content-length"
        raise BadAnswer(f"expected no body behind status 101, got {name}: {head.shown(name)}")


class HeadReader(asyncio.BufferedProtocol):
    """Reads the head of an answer. ``done`` gets the error if it is wrong; a subclass sets its result.

    It is a BufferedProtocol like picows' protocol, because uvloop cannot switch between the two kinds while it reads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: Any = None
        self.done: asyncio.Future[None] = loop.create_future()
        self.done.add_done_callback(_retrieved)  # if nobody waits any more
        self.received = bytearray()
        # a memoryview, because asyncio's TLS reads into slices of it
        self._room = memoryview(bytearray(_MAX_HEAD))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        if self.done.done():
            return
        self.received += self._room[:nbytes]
        try:
            self.take()
        except Exception as exc:
            self.fail(exc)

    def take(self) -> None:
        """Read the head, if all of it was received."""
        end = self.received.find(b"\r\n\r\n")
        if (len(self.received) if end < 0 else end) > _MAX_HEAD:
            raise BadAnswer(f"expected an answer with a head of at most {_MAX_HEAD} bytes, got a longer one")
        if end >= 0:
            head = read_head(bytes(self.received[:end]))
            del self.received[: end + 4]
            self.on_head(head)

    def on_head(self, head: Head) -> None:
        """The head was read; ``received`` has the bytes after it."""
        raise NotImplementedError

    def fail(self, exc: Exception) -> None:
        """End with an error, and abort the transport."""
        if not self.done.done():
            self.done.set_exception(exc)
        self.transport.abort()

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(self.on_end(exc))

    def on_end(self, exc: Exception | None) -> Exception:
        """The error for a connection that ended before the answer."""
        why = "" if exc is None else f": {exc}"
        got = ""
        if self.received:
            got = f", after {excerpt(bytes(self.received))}{_tls_hint(self.received)}"
        return BadAnswer(f"the other side closed the connection in place of a handshake{got}{why}")


class Upgrade(HeadReader):
    """Opens a WebSocket connection: sends picows' request, reads the answer, and hands the transport to picows."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        super().__init__(loop)
        self.protocol = protocol
        self._handed_over = False
        self._refusal: Head | None = None
        self._body_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        try:
            self.protocol.connection_made(transport)
        except Exception as exc:
            self.fail(exc)

    # Some transports finish a read with the protocol with which they began it, even after set_protocol(): asyncio's on
    # Windows, and its TLS up to Python 3.10.

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._handed_over:
            room: memoryview = self.protocol.get_buffer(sizehint)
            return room
        return super().get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        if self._handed_over:
            self.protocol.buffer_updated(nbytes)
        else:
            super().buffer_updated(nbytes)

    def take(self) -> None:
        if self._refusal is None:
            super().take()
        else:
            self._take_body(self._refusal)

    def on_head(self, head: Head) -> None:
        if head.status == 101:
            accept = accept_of(self.protocol.transport.request.headers["Sec-WebSocket-Key"])
            check_upgrade(head, accept)
            self._hand_over(accept)
        elif not 400 <= head.status < 600:
            raise Refused(head, b"")
        else:
            self._refusal = head
            self._body_timer = self.loop.call_later(_BODY_WITHIN, self._refuse)
            self._take_body(head)

    def _hand_over(self, accept: str) -> None:
        """Give the transport to picows, with an answer in its spelling and the bytes after the answer."""
        self.transport.set_protocol(self.protocol)
        self._handed_over = True
        self.done.set_result(None)
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        data = memoryview(head.encode() + self.received)
        while data:
            room = self.protocol.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            room.release()
            self.protocol.buffer_updated(size)
            data = data[size:]

    def _take_body(self, head: Head) -> None:
        if "chunked" in [value.lower() for value in head.values("transfer-encoding")]:
            whole = self.received.endswith(b"0\r\n\r\n")
        else:
            said = head.fields.get("content-length", [""])[0]
            whole = said.isascii() and said.isdigit() and len(self.received) >= int(said[:9])
        if whole or len(self.received) > _MAX_BODY:
            self._refuse()

    def _refuse(self) -> None:
        if self._refusal is not None:
            self.fail(Refused(self._refusal, _unchunked(self._refusal, bytes(self.received))))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
        super().connection_lost(exc)

    def on_end(self, exc: Exception | None) -> Exception:
        if self._refusal is not None:
            return Refused(self._refusal, _unchunked(self._refusal, bytes(self.received)))
        return super().on_end(exc)


def _unchunked(head: Head, body: bytes) -> bytes:
    """The body without the sizes of its chunks."""
    if "chunked" not in [value.lower() for value in head.values("transfer-encoding")]:
        return body
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        match = re.match(rb"[0-9A-Fa-f]{1,8}", size)
        if match is None or int(match[0], 16) == 0:
            break
        parts.append(body[: int(match[0], 16)])
        body = body[int(match[0], 16) + 2 :]
    return b"".join(parts)


def _tls_hint(data: bytes | bytearray) -> str:
    return " (this is TLS: the URL should begin with wss://)" if _TLS_RECORD.match(data) else ""


def _retrieved(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()
