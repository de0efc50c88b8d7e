"""Connections through proxies: HTTP and HTTPS proxies by CONNECT, SOCKS4 and SOCKS5 proxies.

No repr, log message or exception contains a proxy's password, nor do the local variables of a traceback.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from python_socks import ProxyConnectionError, ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy as SocksProxy

from ..errors import InvalidRequest
from .handshake import BadAnswer, Head, HeadReader

__all__ = ["SCHEMES", "Proxy", "Tunnel", "refuses"]

# The schemes and their usual ports, named as in curl. With "socks4a" and "socks5h" the proxy looks up the host name;
# with "socks5" too, as in other Python clients.
SCHEMES = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}

# In seconds: no timeout of python_socks, since the caller limits the time of the attempt.
_NO_TIMEOUT = 1e6


class NotAllowed(BadAnswer):
    """A proxy does not accept the user name and password, or their absence."""


def refuses(exc: BaseException) -> bool:
    """Whether this is a proxy's refusal to serve this client."""
    # python_socks has no class of its own for it
    return isinstance(exc, NotAllowed) or (isinstance(exc, ProxyError) and "authenticat" in str(exc).lower())


class Proxy:
    """A proxy. ``str()`` and ``repr()`` show its URL without user name and password."""

    __slots__ = ("__credentials", "host", "port", "scheme")

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
            good = parts is not None and parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
            if parts is not None:
                parts.netloc.encode()
        except ValueError:
            good = False
        if not good or parts is None:
            raise InvalidRequest(
                f"proxy: expected a URL that begins with {', '.join(SCHEMES)} and names a host"
            )
        self.scheme: str = parts.scheme
        self.host: str = parts.hostname or ""
        self.port: int = parts.port or SCHEMES[parts.scheme]
        self.__credentials: tuple[str, str] | None = None
        if parts.username is not None:
            self.__credentials = unquote(parts.username), unquote(parts.password or "")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Proxy may hold a password, so it is neither pickled nor copied")

    @property
    def tunnels(self) -> bool:
        """Whether it is an HTTP proxy, which connects by CONNECT; otherwise it is a SOCKS proxy."""
        return self.scheme in ("http", "https")

    def tunnel(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> Tunnel:
        """The protocol that asks the proxy to connect to the host."""
        return Tunnel(loop, host, port, self.__credentials)

    async def socks(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        dial: Callable[[], Awaitable[socket.socket]],
    ) -> socket.socket:
        """A socket that a SOCKS proxy has connected to the host; ``dial`` makes one that is connected to the proxy."""
        user, password = self.__credentials or (None, None)
        kind = ProxyType.SOCKS5 if self.scheme.startswith("socks5") else ProxyType.SOCKS4
        remote_names = self.scheme != "socks4"
        way: Any = _Way(dial)
        proxy = SocksProxy(kind, self.host, self.port, user, password, remote_names, forward=way, loop=loop)
        try:
            return await proxy.connect(host, port, timeout=_NO_TIMEOUT)
        except socket.gaierror:  # for the exchange's name; for the proxy's it is a ProxyConnectionError
            raise ProxyError(
                f"{host} cannot be found from here; socks4a:// has the proxy look it up"
            ) from None


class _Way:
    """The way to a SOCKS proxy, in place of a proxy in front of it, which python_socks asks for its socket."""

    def __init__(self, dial: Callable[[], Awaitable[socket.socket]]) -> None:
        self._dial = dial

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None = None) -> socket.socket:
        try:
            return await self._dial()
        except OSError as exc:
            raise ProxyConnectionError(exc.errno, str(exc)) from exc


class Tunnel(HeadReader):
    """Asks an HTTP proxy by CONNECT to connect to a host; ``done`` gets its result when it is connected."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, host: str, port: int, credentials: tuple[str, str] | None
    ) -> None:
        super().__init__(loop)
        self._authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.__credentials = credentials

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        lines = [f"CONNECT {self._authority} HTTP/1.1", f"Host: {self._authority}"]
        if self.__credentials is not None:
            token = base64.b64encode(":".join(self.__credentials).encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        transport.write("\r\n".join([*lines, "", ""]).encode())

    def on_head(self, head: Head) -> None:
        if not 200 <= head.status < 300:
            refuse = NotAllowed if head.status == 407 else BadAnswer
            raise refuse(f"expected status 200 to CONNECT {self._authority}, got {head}")
        if self.received:
            raise BadAnswer(f"expected nothing behind the answer to CONNECT, got {len(self.received)} bytes")
        self.done.set_result(None)

    def on_end(self, exc: Exception | None) -> Exception:
        why = "" if exc is None else f": {exc}"
        return BadAnswer(f"it closed the connection in place of an answer to CONNECT{why}")
