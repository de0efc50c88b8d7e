"""``Engine``: makes the transports of an attempt to connect, with aiofastnet or with the event loop's own means.

In: a socket that is connected. Out: a transport, with TLS if it is given a context. TLS offers the session that the
last connection to the host had.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from .._native.spinner import spinner_of
from . import watched_loop
from .tls_sessions import NativeOffer, Offer, Sessions, wraps_itself
from .wire_protocol import OPENSSL, aiofastnet

__all__ = ["Engine"]


class Engine:
    """Makes transports.

    Args:
        contexts: those of the attempt, for TLS; None for none.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sessions: Sessions, *contexts: ssl.SSLContext | None
    ) -> None:
        self._loop = loop
        self._sessions = sessions
        self._offers: list[tuple[Offer, Any]] = []  # with their transports
        self._loop_of_aiofastnet = _loop_of_aiofastnet(loop, *contexts)
        self._create_connection: Callable[..., Awaitable[Any]] = loop.create_connection
        self._start_tls: Callable[..., Awaitable[Any]] = loop.start_tls
        if self._loop_of_aiofastnet is not None:
            assert aiofastnet is not None
            self._create_connection = functools.partial(
                aiofastnet.create_connection, self._loop_of_aiofastnet
            )
            self._start_tls = functools.partial(aiofastnet.start_tls, self._loop_of_aiofastnet)

    async def connect(
        self,
        make_protocol: Callable[[], Any],
        sock: socket.socket,
        context: ssl.SSLContext | None,
        host: str,
    ) -> Any:
        """The transport and the protocol of the connection of this socket; nothing is left if it fails.

        If it is cancelled in the turn in which the TLS handshake ends, aiofastnet closes the socket, but the event loop
        goes on watching its number. The next socket with this number would get no data.
        """
        protocol: Any = None
        offer = self._offer(context, host)

        def make() -> Any:
            nonlocal protocol
            protocol = make_protocol()
            if offer is not None:
                offer.arm()
            return protocol

        try:
            made = await self._create_connection(
                make, sock=sock, ssl=self._seen(context), server_hostname=host if context else None
            )
        except BaseException:
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()
            self._loop.call_soon(sock.close)  # behind a transport that is about to close it
            if offer is not None:
                offer.failed()
            raise
        if offer is not None:
            self._offers.append((offer, made[0]))
        return made

    async def start_tls(self, transport: Any, protocol: Any, context: ssl.SSLContext, host: str) -> Any:
        """A transport with TLS on top of this one."""
        offer = self._offer(context, host)
        assert offer is not None
        offer.arm_soon(self._loop)
        try:
            made = await self._start_tls(transport, protocol, self._seen(context), server_hostname=host)
        except BaseException:
            offer.failed()
            raise
        self._offers.append((offer, made))
        return made

    def keep_sessions(self) -> None:
        """The connection is open: keep the TLS sessions for the next one."""
        for offer, transport in self._offers:
            offer.keep(transport)
        self._offers.clear()

    def forget_sessions(self) -> None:
        """The connection did not open, though TLS did: offer no session to the next one, which may be the reason."""
        for offer, _ in self._offers:
            offer.failed()
        self._offers.clear()

    def _offer(self, context: ssl.SSLContext | None, host: str) -> Offer | None:
        if context is None:
            return None
        if self._loop_of_aiofastnet is None or OPENSSL is None:
            return Offer(self._sessions, context, host)
        return NativeOffer(self._sessions, context, host, OPENSSL.libssl)

    def _seen(self, context: ssl.SSLContext | None) -> ssl.SSLContext | None:
        """The context that create_connection() and start_tls() get."""
        if context is None or (self._loop_of_aiofastnet is not None and OPENSSL is not None):
            return context
        return self._sessions.offering(context)


def _loop_of_aiofastnet(loop: asyncio.AbstractEventLoop, *contexts: ssl.SSLContext | None) -> Any:
    """The loop to call aiofastnet's functions with; None where the event loop's own ones are called.

    aiofastnet calls OpenSSL itself, so it cannot be used with a context that has its own way to wrap a connection, as
    that of truststore has. On uvloop, it is quicker than the loop's own transports only if it does so; and it misses a
    reset that comes together with data, unless its loop is a WatchedLoop. A Spinner reads the sockets of these
    transports itself.
    """
    used = [context for context in contexts if context is not None]
    if aiofastnet is None or any(wraps_itself(each) for each in used):
        return None
    spinner = spinner_of(loop)
    if spinner is not None and (not used or OPENSSL is not None):
        return spinner
    if not type(loop).__module__.startswith("uvloop"):
        return loop
    if not used or OPENSSL is None or not watched_loop.EXISTS:
        return None
    return watched_loop.watched(loop)
