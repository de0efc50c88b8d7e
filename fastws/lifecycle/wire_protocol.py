"""Makes picows' protocol as its ws_connect() does, and corrects its treatment of bytes after a close frame.

An endpoint must ignore bytes that follow the peer's close frame (RFC 6455, 1.4). picows reads one frame ahead: it
refuses such bytes with close code 1002 before it delivers the close frame. The only sign of this is a log message. So
the logger here recognises the message, and calls the listener's ``answer_close()``, which answers first; picows sends
nothing after a close frame.
"""

from __future__ import annotations

import logging
import weakref
from types import ModuleType
from typing import Any

import picows
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from .._common.log import SafeLogger
from .handshake import Headers

# OPENSSL: where aiofastnet found the OpenSSL of Python's ssl module, which it calls directly. It is None where OpenSSL
# is a part of the interpreter, as in the Pythons that uv installs.
aiofastnet: ModuleType | None
try:
    import aiofastnet
except ImportError:
    aiofastnet = None
OPENSSL: Any
try:
    from aiofastnet.openssl_compat import OPENSSL_DYN_LIBS as OPENSSL
except ImportError:
    OPENSSL = None

__all__ = [
    "OPENSSL",
    "aiofastnet",
    "client_protocol",
]

# Bytes: the first size of picows' read buffer.
_READ_BUFFER = 16 * 1024
_UNUSED = 1.0


def client_protocol(
    host_port: str,
    path: str,
    listener: picows.WSListener,
    logger: logging.Logger,
    *,
    max_message: int,
    headers: Headers | None = None,
    read_buffer: int = _READ_BUFFER,
) -> Any:
    """The protocol of a connection that this side opens. It has no handshake timeout: the caller limits the time."""
    log = _Log(logger, {})
    log.listener = weakref.ref(listener)
    log.secrets = () if headers is None else tuple(value for _, value in headers.items())
    return WSProtocol(
        host_port,
        path,
        True,  # is_client_side
        lambda request, response: listener,
        log,
        True,  # disconnect_on_exception
        None,  # websocket_handshake_timeout
        False,  # enable_auto_ping: _native/session_probes.pxi sends pings
        _UNUSED,  # auto_ping_idle_timeout
        _UNUSED,  # auto_ping_reply_timeout
        picows.WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # enable_auto_pong
        max_message,
        headers or None,  # extra_headers
        read_buffer,
    )


class _Log(SafeLogger):
    """The logger that picows uses for one connection.

    Attributes:
        secrets: values of the request's header that are not shown.
        listener: a weak reference, since the listener's protocol owns this logger: else each connection that has ended
            would wait for the garbage collector, with its buffers.
    """

    listener: weakref.ref[picows.WSListener]
    secrets: tuple[str, ...]

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        if str(msg).startswith("WS parser") and self._answered():
            return
        if self.secrets:  # picows logs the whole request
            args = tuple(self._masked(arg) for arg in args)
        super().log(level, msg, *args, **more)

    def _masked(self, arg: object) -> object:
        """An argument of a log message, without the secrets."""
        if not isinstance(arg, (str, bytes, bytearray)):
            return arg
        text = arg if isinstance(arg, str) else bytes(arg).decode("latin-1")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def _answered(self) -> bool:
        """Answer the peer's close frame, if it came before the bytes that picows refuses; returns whether it did."""
        answer = getattr(self.listener(), "answer_close", None)
        return answer is not None and answer()
