"""picows' protocol, made with what its ws_connect() makes it with, and one thing more.

picows reads one frame ahead. What stands behind the peer's close frame in the same piece is to be ignored (RFC 6455,
1.4), but picows refuses it, and with it the close frame: with 1002, before anybody has seen the close frame. What it
logs then is the only sign of that; so it is heeded, and the listener's ``answer_close()`` answers first. Behind a close
frame picows sends nothing.
"""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import picows
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from .._common.log import SafeLogger

aiofastnet: ModuleType | None
try:
    import aiofastnet
except ImportError:
    aiofastnet = None

__all__ = [
    "aiofastnet",
    "client_protocol",
]

# picows' buffer for what it reads, to begin with.
_READ_BUFFER = 16 * 1024


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
    log = _Log(logger, {})
    protocol = log.protocol = WSProtocol(
        host_port,
        path,
        True,  # is_client_side
        lambda request, response: listener,
        log,
        True,  # disconnect_on_exception
        None,  # websocket_handshake_timeout
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
