"""picows' protocol, made with what its ws_connect() and ws_create_server() make it with, and one thing more.

picows reads one frame ahead. What stands behind the peer's close frame in the same piece is to be ignored (RFC 6455,
1.4), but picows refuses it, and with it the close frame: with 1002, before anybody has seen the close frame. What it
logs then is the only sign of that; so it is heeded, and the listener's ``answer_close()`` answers first. Behind a close
frame picows sends nothing.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
from collections.abc import Callable
from types import ModuleType
from typing import Any

import picows
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from ._log import SafeLogger

aiofastnet: ModuleType | None
try:
    import aiofastnet
except ImportError:
    aiofastnet = None

__all__ = [
    "aiofastnet",
    "answer_to",
    "client_protocol",
    "close_code_of",
    "close_code_read",
    "listen",
    "may_be_sent",
]

# picows' buffer for what it reads, to begin with.
_READ_BUFFER = 16 * 1024
# Seconds in which a client must have asked for a connection.
_ASKED_WITHIN = 5.0


def may_be_sent(code: int) -> bool:
    """Whether a close frame may carry this code (RFC 6455, 7.4)."""
    return 3000 <= code < 5000 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))


def answer_to(code: int | None) -> Any:
    """The code that answers a close frame with this code, or with none."""
    return 1000 if code is None else code if may_be_sent(code) else 1002


def close_code_of(frame: picows.WSFrame) -> int | None:
    """The code of a close frame; None where it has none."""
    payload = frame.get_payload_as_bytes()
    return int.from_bytes(payload[:2], "big") if payload else None


def close_code_read(transport: picows.WSTransport) -> int | None:
    """The code of the close frame that picows has read, delivered or not; None where it has none."""
    handshake = transport.close_handshake
    read: Any = None if handshake is None or handshake.recv is None else handshake.recv.code
    return int(read) or None if read is not None else None


def client_protocol(
    host_port: str,
    path: str,
    listener: picows.WSListener,
    logger: logging.Logger,
    *,
    ping_idle: float | None,
    pong_within: float,
    max_message: int,
    read_buffer: int = _READ_BUFFER,
) -> Any:
    """The protocol of a connection that this side opens; the attempt has a timeout of its own."""
    return _protocol(
        logger,
        host_port,
        path,
        True,  # is_client_side
        lambda request, response: listener,
        None,  # websocket_handshake_timeout
        ping_idle,
        pong_within,
        max_message,
        read_buffer,
    )


async def listen(
    accept: Callable[[picows.WSUpgradeRequest], Any],
    host: str,
    port: int,
    logger: logging.Logger,
    *,
    tls: ssl.SSLContext | None = None,
    max_message: int = 10 << 20,
) -> asyncio.Server:
    """A server; ``accept`` gives each request its listener, or an answer."""
    loop = asyncio.get_running_loop()
    create_server: Any = loop.create_server
    if aiofastnet is not None:
        create_server = functools.partial(aiofastnet.create_server, loop)
    server: asyncio.Server = await create_server(
        lambda: _protocol(
            logger, None, None, False, accept, _ASKED_WITHIN, None, 1.0, max_message, _READ_BUFFER
        ),
        host=host,
        port=port,
        ssl=tls,
    )
    return server


def _protocol(
    logger: logging.Logger,
    host_port: str | None,
    path: str | None,
    is_client_side: bool,
    factory: Callable[..., Any],
    handshake_timeout: float | None,
    ping_idle: float | None,
    pong_within: float,
    max_message: int,
    read_buffer: int,
) -> Any:
    log = _Log(logger, {})
    protocol = log.protocol = WSProtocol(
        host_port,
        path,
        is_client_side,
        factory,
        log,
        True,  # disconnect_on_exception
        handshake_timeout,
        ping_idle is not None,  # enable_auto_ping
        ping_idle or pong_within,
        pong_within,
        picows.WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # enable_auto_pong
        max_message,
        None,  # extra_headers
        read_buffer,
    )
    return protocol


class _Log(SafeLogger):
    """What picows logs of one connection."""

    protocol: Any = None

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        if str(msg).startswith("WS parser") and self._answered():
            return
        super().log(level, msg, *args, **more)

    def _answered(self) -> bool:
        """Whether the peer had sent its close frame before what picows refuses; then that is answered."""
        handshake = self.protocol.transport.close_handshake
        if handshake is None or handshake.recv is None:
            return False
        answer = getattr(self.protocol.listener, "answer_close", None)
        if answer is not None:
            answer()
        return True
