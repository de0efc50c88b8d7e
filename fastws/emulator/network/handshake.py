"""Answers to handshakes: refusals, and those of a broken server."""

from __future__ import annotations

import json
import math
import socket
import struct
import sys
from collections.abc import Callable
from http import HTTPStatus

from picows import WSListener, WSTransport, WSUpgradeResponse, WSUpgradeResponseWithListener

from ..values.errors import Refusal
from ..values.faults import Fault

__all__ = ["BrokenHandshake", "broken", "error_response"]


def error_response(
    status: int, refusal: Refusal | None, retry_after: float | str | None = None
) -> WSUpgradeResponseWithListener:
    """The response to a refused handshake. Its body is JSON, also if SBE was requested.

    Args:
        retry_after: for the header Retry-After: seconds, which are rounded up, or its text.
    """
    known = refusal is not None and refusal.code
    body = json.dumps(refusal.body(), ensure_ascii=False).encode() if refusal and known else b""
    headers = {"Content-Type": "application/json;charset=UTF-8"}
    if not body:
        headers["Content-Length"] = "0"
    if retry_after is not None:
        headers["Retry-After"] = retry_after if isinstance(retry_after, str) else str(math.ceil(retry_after))
    response = WSUpgradeResponse.create_error_response(HTTPStatus(status), body, headers)
    return WSUpgradeResponseWithListener(response, None)


def broken(
    fault: Fault, enter: Callable[[BrokenHandshake], None], leave: Callable[[BrokenHandshake], None]
) -> WSUpgradeResponseWithListener:
    """The answer to a handshake with a fault of kind "hang", "reset" or "garbage".

    Args:
        enter: called with the TCP connection when the answer was written; ``leave``: when it has ended.
    """
    data = fault.details.get("data", b"")
    if isinstance(data, str):
        data = data.encode()
    # picows gives the TCP connection only to the listener of a response with this status.
    answer = _Answer()
    answer.version, answer.status, answer.body = b"HTTP/1.1", HTTPStatus.SWITCHING_PROTOCOLS, None
    answer.headers = WSUpgradeResponse.create_101_response().headers
    answer.data = data
    return WSUpgradeResponseWithListener(answer, BrokenHandshake(fault.kind, enter, leave))


class _Answer(WSUpgradeResponse):
    """A response of any bytes."""

    __slots__ = ("data",)

    data: bytes

    def to_bytes(self) -> bytearray:
        return bytearray(self.data)


class BrokenHandshake(WSListener):
    """The TCP connection of a handshake that gets no proper answer."""

    def __init__(
        self,
        kind: str,
        enter: Callable[[BrokenHandshake], None],
        leave: Callable[[BrokenHandshake], None],
    ) -> None:
        super().__init__()
        self._kind = kind
        self._enter = enter
        self._leave = leave
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._enter(self)
        if self._kind == "reset":
            transport.underlying_transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET,
                socket.SO_LINGER,
                struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0),
            )
            transport.disconnect(False)
        elif self._kind == "garbage":
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        self._leave(self)

    def destroy(self) -> None:
        """End the TCP connection."""
        if self._transport is not None:
            self._transport.disconnect(False)
