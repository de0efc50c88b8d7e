"""picows with the options of the exchange, and the answers to close frames.

picows reads one frame ahead. Data after the peer's close frame must be ignored (RFC 6455, 1.4). But if it comes in the
same read and is malformed, picows sends its own close frame with 1002 before it delivers the peer's. Only a line of its
log comes before that. So the logger here answers the peer's close frame when it sees that line; picows sends nothing
after a close frame.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import picows
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from ..values.logs import wire_logger

aiofastnet: ModuleType | None
try:
    import aiofastnet
except ImportError:
    aiofastnet = None

__all__ = ["Peer", "answer_to", "close_code_of", "close_read", "connect", "listen"]

_UNSENDABLE = frozenset((1004, 1005, 1006))
_HANDSHAKE_TIMEOUT = 5.0  # seconds from the TCP connection to the request
_READ_BUFFER = 16 * 1024  # bytes: the first size of picows' read buffer
_UNUSED = 20.0

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class Peer(Protocol):
    """The listener of a connection, as the logger uses it."""

    def answer_close(self) -> bool:
        """Answer a close frame that picows has read and has not delivered.

        Returns:
            Whether there was one. It is True once only, so that the log line of another connection is kept.
        """


async def listen(
    accept: Callable[[picows.WSUpgradeRequest, str], Any],
    bound: socket.socket,
    peers: Callable[[], Iterable[Peer]],
    *,
    tls: ssl.SSLContext | None = None,
    max_message: int = 10 << 20,
) -> asyncio.Server:
    """Start a server on a socket that is bound, as picows' ws_create_server() does.

    Args:
        accept: returns the listener for a request, or a response that refuses it; its second argument is the IP
            address of the client.
        peers: returns the listeners of the open connections.
    """
    log = _Log(peers)

    def protocol() -> Any:
        def accepted(upgrade: picows.WSUpgradeRequest) -> Any:
            peer = made.transport.underlying_transport.get_extra_info("peername")
            return accept(upgrade, peer[0] if peer else "")

        made = WSProtocol(
            None,  # host_port
            None,  # ws_path
            False,  # is_client_side
            accepted,
            log,
            True,  # disconnect_on_exception
            _HANDSHAKE_TIMEOUT,
            False,  # enable_auto_ping
            _UNUSED,  # auto_ping_idle_timeout
            _UNUSED,  # auto_ping_reply_timeout
            picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # enable_auto_pong
            max_message,
            None,  # extra_headers
            _READ_BUFFER,
        )
        return made

    loop = asyncio.get_running_loop()
    create = loop.create_server if aiofastnet is None else partial(aiofastnet.create_server, loop)
    server: asyncio.Server = await create(protocol, sock=bound, ssl=tls)
    return server


async def connect(url: str, listener: picows.WSListener, peer: Peer, tls: ssl.SSLContext | None) -> None:
    """Connect to an endpoint; ``peer`` is the same object as ``listener``.

    Raises:
        OSError, picows.WSError: the connection failed.
    """
    # On uvloop, aiofastnet does not notice a reset that comes together with data.
    on_uvloop = type(asyncio.get_running_loop()).__module__.startswith("uvloop")
    await picows.ws_connect(
        lambda: listener,
        url,
        ssl_context=tls,
        websocket_handshake_timeout=None,
        enable_auto_pong=False,
        max_redirects=0,
        use_aiofastnet=False if on_uvloop else None,
        logger_name=_Log(lambda: (peer,)),
    )


def answer_to(code: int | None) -> Any:
    """The code of the answer to a close frame with this code, or without one (RFC 6455, 7.4)."""
    if code is None:
        return 1000
    valid = 3000 <= code < 5000 or (1000 <= code < 1015 and code not in _UNSENDABLE)
    return code if valid else 1002


def close_code_of(frame: picows.WSFrame) -> int | None:
    """The code of a close frame, or None if it has none."""
    payload = frame.get_payload_as_bytes()
    return int.from_bytes(payload[:2], "big") if payload else None


def close_read(transport: picows.WSTransport) -> tuple[bool, int | None]:
    """Whether picows has read a close frame, delivered or not; and its code, or None if it has none."""
    handshake = transport.close_handshake
    if handshake is None or handshake.recv is None:
        return False, None
    code: Any = handshake.recv.code
    return True, int(code) or None


class _Log(_Adapter):
    """The logger that picows gets. Exceptions of the user's logging filters do not reach picows."""

    def __init__(self, peers: Callable[[], Iterable[Peer]]) -> None:
        super().__init__(wire_logger, {})
        self._peers = peers

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        if str(msg).startswith("WS parser") and any(peer.answer_close() for peer in self._peers()):
            return
        try:
            super().log(level, msg, *args, **more)
        except Exception:
            if logging.raiseExceptions:
                traceback.print_exc()
