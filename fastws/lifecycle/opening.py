"""Opens a connection: TCP, directly or through a proxy, TLS, WebSocket's handshake; and explains what failed.

In: a URL, and the listener that gets the frames. Out: picows' transport. No socket stays open after a failure or a
cancel.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlsplit

import picows
from python_socks import ProxyConnectionError, ProxyError

from .._common.shown import short
from .._common.tcp import limit_unacknowledged
from .._native.json import loads
from ..api_errors import api_error
from ..errors import ApiError, DecodeError, FastwsError, InvalidRequest, NotConnected
from .dialling import connected_socket
from .engines import Engine
from .handshake import BadAnswer, Head, Headers, Refused, Upgrade, excerpt
from .lookup import LOOKUP
from .proxy import Proxy, refuses
from .socket_options import set_acknowledgements
from .tls_sessions import Sessions
from .wire_protocol import client_protocol

__all__ = ["Opener", "end_attempt"]

_logger = logging.getLogger("picows.fastws")

# The reasons that OpenSSL gives if the peer's answer is not TLS.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
# Without this, logging would print the errors that picows logs; the errors of the requests say the same.
_logger.addHandler(logging.NullHandler())


class _ProxyFailed(Exception):
    """The proxy did not connect to the exchange; the text says why, and contains no password.

    ``refuses``: the proxy refuses this client.
    """

    def __init__(self, why: str, refuses: bool) -> None:
        super().__init__(why)
        self.refuses = refuses


class Opener:
    """Opens connections to the exchange with the options of a client.

    Args:
        headers: fields of the handshake's request, beside those of WebSocket.

    Attributes:
        step: what the present attempt waits for, in words.
        address_turn: the place, among the addresses of a host, of the one to try first: connections that are to go to
            different addresses have different ones.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        local_addr: tuple[str, int] | None = None,
        socket_options: Mapping[str, int] = MappingProxyType({}),
        max_message: int = 10 << 20,
        headers: Headers | None = None,
        unacknowledged: float | None = None,
        logger: logging.Logger = _logger,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._default_context: ssl.SSLContext | None = None
        self._sessions = Sessions()
        self._local_addr = local_addr
        self._socket_options = socket_options
        self._max_message = max_message
        self._headers = headers or Headers()
        self.address_turn = 0
        self._unacknowledged = unacknowledged  # seconds that sent data may wait for its acknowledgement
        self._logger = logger
        self._now_us = now_us
        self.step = ""
        self._dialled: tuple[str, str] | None = None  # the host and the address that the attempt is at
        self._not_set: dict[str, str] = {}  # socket options that the system refused to the attempt, and why
        # the same of open connections
        self._refused: weakref.WeakKeyDictionary[picows.WSListener, dict[str, str]] = (
            weakref.WeakKeyDictionary()
        )

    async def open(self, url: str, listener: picows.WSListener) -> picows.WSTransport:
        """Open a connection to ``url``, whose frames go to ``listener``.

        Raises:
            NotConnected: no connection could be opened. ApiError: the exchange refused it with status 4xx or 5xx.
            InvalidRequest: an address cannot be used.
        """
        error: FastwsError
        cause: BaseException | None
        self._dialled = None
        try:
            return await self._open(url, listener)
        except asyncio.CancelledError:  # too late, perhaps
            self._leave_address()
            raise
        except _ProxyFailed as exc:
            error, cause = self._not_connected(url, str(exc), True), None
            error._refusal = exc.refuses
        except Refused as exc:
            error, cause = self._refusal(url, exc), None
        except (BadAnswer, OSError) as exc:
            error, cause = self._not_connected(url, _reason(exc)), exc
            error._refusal = isinstance(exc, ssl.SSLCertVerificationError)
        except ValueError as exc:
            error, cause = InvalidRequest(f"cannot connect to {short(url)}: {exc}"), exc
        self._leave_address()
        raise error from cause

    def refused_options(self, listener: picows.WSListener) -> dict[str, str]:
        """The socket options that the system did not accept for the connection of this listener, and why."""
        return self._refused.get(listener, {})

    def _leave_address(self) -> None:
        """Try other addresses of the host first, the next time."""
        if self._dialled is not None:
            LOOKUP.failed(*self._dialled)

    def timed_out(self, url: str, seconds: float) -> NotConnected:
        """The error for an attempt that took too long."""
        waited = f" (waited for {self.step})" if self.step else ""
        return self._not_connected(url, f"no answer within {seconds:g} s{waited}")

    async def _open(self, url: str, listener: picows.WSListener) -> picows.WSTransport:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        made: list[Upgrade] = []

        def make_upgrade() -> Upgrade:
            made.append(Upgrade(loop, self.protocol(parts, listener)))
            return made[-1]

        context = self._context() if parts.scheme == "wss" else None
        proxy_context = self._context_of_proxy()
        engine = Engine(loop, self._sessions, context, proxy_context)
        transport = await self._connected(loop, engine, parts, make_upgrade, context, proxy_context)
        upgrade = made[-1]
        if self._unacknowledged is not None:
            limit_unacknowledged(transport, self._unacknowledged)
        try:
            self.step = "its answer to the handshake"
            await upgrade.done
        except BaseException:
            engine.forget_sessions()
            transport.abort()
            raise
        engine.keep_sessions()
        self._not_set |= set_acknowledgements(transport, self._socket_options)
        self._refused[listener] = self._not_set
        ready: picows.WSTransport = upgrade.protocol.transport
        for name, _ in self._headers.items():
            ready.request.headers.popall(name, None)  # it was sent, and may be secret
        return ready

    def _context(self) -> ssl.SSLContext:
        """The settings of TLS with the exchange: the user's, or the same default ones for each attempt."""
        return self._ssl_context or self._default()

    def _context_of_proxy(self) -> ssl.SSLContext | None:
        return self._default() if self._proxy is not None and self._proxy.scheme == "https" else None

    def _default(self) -> ssl.SSLContext:
        # To read the certificates of the system takes milliseconds, and a session belongs to a context.
        if self._default_context is None:
            self._default_context = ssl.create_default_context()
        return self._default_context

    async def _connected(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        parts: SplitResult,
        make_upgrade: Callable[[], Upgrade],
        context: ssl.SSLContext | None,
        proxy_context: ssl.SSLContext | None,
    ) -> Any:
        """A transport to the exchange, with TLS for wss; its protocol is the Upgrade that was made last."""
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        proxy = self._proxy
        if proxy is None:
            doing = "the connection to it" + (" and its TLS handshake" if context else "")
            transport, _ = await self._dial(loop, engine, make_upgrade, host, port, context, doing)
            return transport
        self.step = f"the proxy {proxy}"
        if not proxy.tunnels:
            sock = await _through(
                lambda: proxy.socks(
                    loop,
                    host,
                    port,
                    lambda: self._at_first(proxy.host, self.step, self._reach(loop, proxy.port)),
                )
            )
            self.step = "its TLS handshake"
            transport, _ = await engine.connect(make_upgrade, sock, context, host)
            return transport
        transport = await _through(lambda: self._tunnel(loop, engine, proxy, proxy_context, host, port))
        upgrade = make_upgrade()
        try:
            if context is None:
                transport.set_protocol(upgrade)
            else:
                self.step = "its TLS handshake"
                transport = await engine.start_tls(transport, upgrade, context, host)
                if transport is None:
                    raise ConnectionResetError("the connection ended while TLS was negotiated")
            upgrade.connection_made(transport)
        except BaseException:
            if transport is not None:
                transport.abort()
            raise
        return transport

    async def _dial(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        make_protocol: Callable[[], Any],
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        doing: str,
    ) -> Any:
        """The transport and the protocol of a connection to the first address of the host that answers.

        TLS checks the name of the host, whatever the address. ``doing``: the step, in words.
        """
        reach = self._reach(loop, port)

        async def dial(address: str) -> Any:
            return await engine.connect(make_protocol, await reach(address), context, host)

        return await self._at_first(host, doing, dial)

    def _reach(self, loop: asyncio.AbstractEventLoop, port: int) -> Callable[[str], Awaitable[socket.socket]]:
        """Connects a new socket to the port of an address."""

        async def reach(address: str) -> socket.socket:
            sock, self._not_set = await connected_socket(
                loop, address, port, self._local_addr, self._socket_options
            )
            return sock

        return reach

    async def _at_first(self, host: str, doing: str, dial: Callable[[str], Awaitable[Any]]) -> Any:
        """The result of ``dial`` at the first address of the host that answers. ``doing``: the step, in words."""
        self.step = f"the address of {host}"
        addresses = await LOOKUP.find(host, self.address_turn)
        self.step = doing
        fault: OSError | None = None
        for address in addresses:
            self._dialled = host, address
            try:
                connected = await dial(address)
            except ssl.SSLError:
                raise
            except OSError as exc:
                fault = fault or exc
                self._leave_address()
            else:
                LOOKUP.worked(host, address, addresses)
                return connected
        assert fault is not None
        raise fault

    async def _tunnel(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        proxy: Proxy,
        context: ssl.SSLContext | None,
        host: str,
        port: int,
    ) -> Any:
        """A transport to the host, through an HTTP proxy."""
        transport, tunnel = await self._dial(
            loop,
            engine,
            lambda: proxy.tunnel(loop, host, port),
            proxy.host,
            proxy.port,
            context,
            self.step,
        )
        try:
            await tunnel.done
        except BaseException:
            transport.abort()
            raise
        return transport

    def protocol(self, parts: SplitResult, listener: picows.WSListener) -> Any:
        """picows' protocol, which sends the handshake request, and reads everything after the answer."""
        return client_protocol(
            parts.netloc,
            f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path,
            listener,
            self._logger,
            max_message=self._max_message,
            headers=self._headers,
        )

    def _not_connected(self, url: str, reason: str, at_proxy: bool = False) -> NotConnected:
        source = f" from {self._local_addr[0]}" if self._local_addr is not None else ""
        way = f" through the proxy {self._proxy}" if self._proxy is not None else ""
        whose = "the proxy failed: " if at_proxy else ""
        return NotConnected(f"cannot connect to {short(url)}{source}{way}: {whose}{reason}")

    def _refusal(self, url: str, refused: Refused) -> FastwsError:
        """The error for an answer with another status than 101."""
        head = refused.head
        if not 400 <= head.status < 600:
            location = head.fields.get("location")
            to = f" to {excerpt(location[0])}, which is not followed" if location else ""
            return self._not_connected(url, f"expected status 101 Switching Protocols, got {head}{to}")
        try:
            body: Any = loads(refused.body)
        except DecodeError:
            body = None
        if not isinstance(body, dict) or "code" not in body:
            body = {"code": 0, "msg": f"{short(url)} refuses the handshake"}
        error: ApiError = api_error(head.status, body, "connect")
        seconds = _retry_after(head)
        if seconds is not None and self._now_us is not None:
            error._until_us = self._now_us() + seconds * 1_000_000
        return error


async def end_attempt(attempt: asyncio.Task[Any]) -> None:
    """End an attempt to connect, and its socket."""
    if not attempt.done():
        attempt.cancel()
        await asyncio.wait([attempt])
    if not attempt.cancelled():
        attempt.exception()  # retrieve the exception, or asyncio logs it


async def _through(way: Callable[[], Awaitable[Any]]) -> Any:
    """The result of ``way()``, which goes through a proxy. Its error has no traceback, which contains the password."""
    try:
        return await way()
    except (OSError, ProxyError, BadAnswer) as exc:
        why = _reason(exc)
        refused = refuses(exc)
    except Exception as exc:
        # an unexpected error of python_socks or asyncio: its text may contain the password
        why = type(exc).__name__
        refused = False
    raise _ProxyFailed(why, refused)


def _retry_after(head: Head) -> int | None:
    """The ``Retry-After`` of an answer in seconds: it has seconds, or a date (RFC 9110, 10.2.3)."""
    after = head.fields.get("retry-after", [""])[0]
    if after.isascii() and after.isdigit():
        return int(after[:9])
    from email.utils import parsedate_to_datetime  # imported here: few answers have a date

    try:
        now = parsedate_to_datetime(head.fields.get("date", [""])[0])
        return max(0, int((parsedate_to_datetime(after) - now).total_seconds()))
    except (TypeError, ValueError, OverflowError):
        return None


def _reason(exc: BaseException) -> str:
    """The reason of a failure before the handshake, in words."""
    if isinstance(exc, ProxyConnectionError):
        exc = exc.__cause__ or exc
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {exc.verify_message}"
    if isinstance(exc, ssl.SSLError) and exc.reason in _NOT_TLS:
        return f"it does not speak TLS there ({exc.reason}): a server without TLS has a URL with ws://"
    if isinstance(exc, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(exc, socket.gaierror):
        return f"its host cannot be found ({exc.strerror})"
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
