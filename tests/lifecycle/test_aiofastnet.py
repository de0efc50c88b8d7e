"""What fastws relies on in aiofastnet, beyond what it documents. Each test says which part of fastws it breaks.

If one fails with a new release: correct that part, or let ``engines.py`` use the event loop's own transports; then move
the bound in pyproject.toml.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fastws.emulator.network.tls import Certificate
from fastws.lifecycle.tls_sessions import NativeOffer, Sessions
from fastws.lifecycle.wire_protocol import OPENSSL, aiofastnet

ROOT = Path(__file__).parents[2]
CERTIFICATE = Certificate()
CONTEXT = CERTIFICATE.client_context()

pytestmark = pytest.mark.skipif(aiofastnet is None, reason="aiofastnet is not installed")
calls_openssl = pytest.mark.skipif(OPENSSL is None, reason="aiofastnet does not call OpenSSL here")


class Watching:
    """A loop that keeps what a transport asks of it, as the WatchedLoop sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.added: list[Any] = []
        self.removed: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        self.added.append(fd)
        self.loop.add_reader(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:
        self.removed.append(fd)
        return self.loop.remove_reader(fd)


async def _server() -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=CERTIFICATE.server_context())
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _socket(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


def test_the_installed_release_is_within_the_bound() -> None:
    bound = re.findall(r'"aiofastnet>=(\d+)\.(\d+),<(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert len(bound) == 2, "pyproject.toml names it in the dependencies, and in the group run"
    assert bound[0] == bound[1]
    least, below = tuple(map(int, bound[0][:2])), tuple(map(int, bound[0][2:]))
    installed = tuple(map(int, importlib.metadata.version("aiofastnet").split(".")[:2]))
    assert least <= installed < below, (
        f"aiofastnet {installed} is not what fastws was examined with; see the docstring of this module"
    )


def test_its_functions_take_what_engines_gives_them() -> None:
    assert aiofastnet is not None
    create = inspect.signature(aiofastnet.create_connection).parameters
    assert [*create][:2] == ["loop", "protocol_factory"], (
        "engines.py: create_connection(loop, protocol_factory)"
    )
    assert {"sock", "ssl", "server_hostname"} <= set(create), "engines.py: the socket, the context, the host"
    start = inspect.signature(aiofastnet.start_tls).parameters
    assert [*start][:4] == ["loop", "transport", "protocol", "sslcontext"], "engines.py: start_tls()"


@calls_openssl
def test_it_says_which_openssl_it_calls() -> None:
    assert Path(OPENSSL.libssl).exists(), "tls_sessions.py: calls functions of the same libssl"
    assert OPENSSL.libcrypto


@calls_openssl
def test_its_transports_watch_their_socket_by_its_number() -> None:
    async def main() -> None:
        assert aiofastnet is not None
        async for port in _server():
            sock = await _socket(port)
            number = sock.fileno()
            loop = Watching(asyncio.get_running_loop())
            transport, _ = await aiofastnet.create_connection(
                loop, asyncio.Protocol, sock=sock, ssl=CONTEXT, server_hostname="127.0.0.1"
            )
            assert loop.added == [number], "watched_loop.py: add_reader() with the number of the socket"
            transport.abort()
            assert loop.removed == [number], "watched_loop.py: remove_reader() when the transport ends"

    asyncio.run(main())


@calls_openssl
def test_a_handshake_begins_directly_behind_the_factory() -> None:
    async def main() -> None:
        assert aiofastnet is not None
        loop = asyncio.get_running_loop()
        offer = NativeOffer(Sessions(), CONTEXT, "127.0.0.1", OPENSSL.libssl)
        begun: list[bool] = []

        def make() -> asyncio.Protocol:
            loop.call_soon(lambda: begun.append(offer._ssl is not None))
            offer.arm()
            return asyncio.Protocol()

        async for port in _server():
            transport, _ = await aiofastnet.create_connection(
                loop, make, sock=await _socket(port), ssl=CONTEXT, server_hostname="127.0.0.1"
            )
            assert begun == [True], "tls_sessions.py: arm() is called too early, so no session is resumed"
            transport.abort()

    asyncio.run(main())


@calls_openssl
def test_start_tls_begins_its_handshake_in_the_next_thing_that_it_schedules() -> None:
    async def main() -> None:
        assert aiofastnet is not None
        loop = asyncio.get_running_loop()
        offer = NativeOffer(Sessions(), CONTEXT, "127.0.0.1", OPENSSL.libssl)
        async for port in _server():
            lower, protocol = await aiofastnet.create_connection(
                loop, asyncio.Protocol, sock=await _socket(port)
            )
            offer.arm_soon(loop)
            upper = await aiofastnet.start_tls(loop, lower, protocol, CONTEXT, server_hostname="127.0.0.1")
            assert offer._ssl is not None, (
                "tls_sessions.py: arm_soon() comes too early, no session is resumed"
            )
            upper.abort()

    asyncio.run(main())


@calls_openssl
def test_its_transports_tell_what_transport_info_shows() -> None:
    async def main() -> None:
        assert aiofastnet is not None
        async for port in _server():
            transport, _ = await aiofastnet.create_connection(
                asyncio.get_running_loop(),
                asyncio.Protocol,
                sock=await _socket(port),
                ssl=CONTEXT,
                server_hostname="127.0.0.1",
            )
            tls = transport.get_extra_info("ssl_object")
            assert tls.version() == "TLSv1.3", "transports.py: the version of TLS"
            assert isinstance(tls.cipher()[0], str), "transports.py: the cipher"
            assert tls.session_reused is False, "transports.py: whether the session was resumed"
            for name in ("ktls_send_enabled", "ktls_recv_enabled"):
                assert transport.get_extra_info(name) is False, "transports.py: kernel TLS"
            assert isinstance(tls.context, ssl.SSLContext)
            transport.abort()

    asyncio.run(main())
