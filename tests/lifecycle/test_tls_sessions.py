"""TLS sessions are resumed on each engine: after losses, at rotations, through proxies; and never those of others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import picows
import pytest

import fastws
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle import tls_sessions
from fastws.lifecycle.opening import Opener
from fastws.lifecycle.proxy import Proxy
from fastws.lifecycle.tls_sessions import Sessions
from fastws.lifecycle.transports import describe
from fastws.lifecycle.wire_protocol import OPENSSL
from helpers.losing import lose, until, watched
from helpers.ways import ALL_LOOPS, GOOD, answer, answering, proxying, run_on

CERTIFICATE = Certificate()
SERVER = CERTIFICATE.server_context()
on_each_loop = pytest.mark.parametrize("loop", ALL_LOOPS)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


class OwnContext(ssl.SSLContext):
    """A context that wraps a connection in its own way, as truststore's does."""

    def wrap_bio(self, *arguments: Any, **more: Any) -> ssl.SSLObject:
        return super().wrap_bio(*arguments, **more)


def reused(client: fastws.Client) -> bool:
    assert client.transport_info is not None
    return client.transport_info.session_reused


@contextlib.asynccontextmanager
async def opened(opener: Opener, url: str) -> AsyncIterator[bool]:
    """Whether a connection that this Opener made resumed a session."""
    transport = await opener.open(url, picows.WSListener())
    try:
        yield describe(transport, {}).session_reused
    finally:
        transport.underlying_transport.abort()
        await transport.wait_disconnected()


async def resumes(opener: Opener, *urls: str) -> list[bool]:
    found = []
    for url in urls:
        async with opened(opener, url) as resumed:
            found.append(resumed)
    return found


@on_each_loop
@VERSIONS
def test_a_loss_and_a_rotation_resume_the_session(
    loop: str, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with Emulator(tls=True) as exchange:
            context = exchange.client_ssl_context()
            context.maximum_version = version
            client, *_ = watched(exchange.url, ssl_context=context)
            async with client:
                assert client.transport_info is not None
                assert client.transport_info.tls_version == version.name.replace("_", ".")
                seen = [reused(client)]
                for number in (2, 3, 4, 5):
                    if number % 2:
                        lose(client)
                    else:
                        await client.rotate()
                    await until(lambda number=number: client.connection == number and client.state == "open")
                    await client.ping()
                    seen.append(reused(client))
                assert seen == [False, True, True, True, True]

    run_on(loop, main(), monkeypatch)


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_sessions_are_resumed_through_proxies(
    loop: str, scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if sys.version_info < (3, 11) and (scheme, loop) == ("https", "asyncio"):
        pytest.skip("asyncio of Python 3.10 has no TLS within TLS")
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def main() -> None:
        async with (
            answering(answer(*GOOD), tls=SERVER) as url,
            proxying(CERTIFICATE.server_context() if scheme == "https" else None) as way,
        ):
            opener = Opener(proxy=Proxy(f"{scheme}://127.0.0.1:{way.port}"))
            assert await resumes(opener, url, url, url) == [False, True, True]
            if scheme == "https":
                assert len(opener._sessions._kept) == 1  # the same host
            await way.idle.wait()

    run_on(loop, main(), monkeypatch)


@on_each_loop
def test_never_the_session_of_another_host_context_or_check(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = CERTIFICATE.client_context()

    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER) as url:
            opener = Opener(ssl_context=context)
            other = url.replace("127.0.0.1", "localhost")
            assert await resumes(opener, url, url, other, other, url) == [False, True, False, True, True]
            assert await resumes(Opener(ssl_context=CERTIFICATE.client_context()), url) == [False]
            assert await resumes(Opener(ssl_context=context), url) == [False], "another client's session"
            context.check_hostname = False
            assert await resumes(opener, url, url) == [False, True]
            context.verify_mode = ssl.CERT_NONE
            assert await resumes(opener, url, url) == [False, True]
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = True
            assert await resumes(opener, url) == [True]

    run_on(loop, main(), monkeypatch)


@on_each_loop
@VERSIONS
def test_a_server_that_takes_no_session_makes_a_full_handshake(
    loop: str, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started anew, so its keys of tickets are others; and one that never gives a ticket."""
    context = CERTIFICATE.client_context()
    context.maximum_version = version

    async def main() -> None:
        opener = Opener(ssl_context=context)
        for _ in range(3):
            async with answering(answer(*GOOD), tls=CERTIFICATE.server_context()) as url:
                assert await resumes(opener, url, url) == [False, True]
        sparing = CERTIFICATE.server_context()
        sparing.num_tickets = 0
        sparing.options |= ssl.OP_NO_TICKET
        async with answering(answer(*GOOD), tls=sparing) as url:
            first, *later = await resumes(Opener(ssl_context=context), url, url)
        assert not first
        # TLS 1.2 has sessions without tickets as well: the server knows that of a connection that was not cut.
        assert later == [False] or version is ssl.TLSVersion.TLSv1_2

    run_on(loop, main(), monkeypatch)


@on_each_loop
@pytest.mark.parametrize("does", ["cuts", "is silent", "is silent behind TLS", "cuts behind TLS"])
def test_an_attempt_that_fails_is_followed_by_a_full_handshake(
    does: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a server that cannot bear a session, or what is between, would be offered it for ever."""
    reached = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reached.set()
        if "silent" in does:
            await reader.read()  # until the client goes
        writer.transport.abort()

    async def main() -> None:
        opener = Opener(ssl_context=CERTIFICATE.client_context())
        async with answering(answer(*GOOD), tls=SERVER) as url:
            assert await resumes(opener, url, url) == [False, True]
            failing = await asyncio.start_server(
                connected, "127.0.0.1", 0, ssl=SERVER if "behind TLS" in does else None
            )
            async with failing:
                port = failing.sockets[0].getsockname()[1]
                opening = asyncio.ensure_future(opener.open(f"wss://127.0.0.1:{port}", picows.WSListener()))
                await reached.wait()
                if "silent" in does:
                    opening.cancel()  # as when the time for an attempt is over
                with pytest.raises((fastws.NotConnected, asyncio.CancelledError)):
                    await opening
            assert await resumes(opener, url, url) == [False, True]

    run_on(loop, main(), monkeypatch)


@on_each_loop
def test_a_context_that_wraps_connections_itself_gets_no_session(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = OwnContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=CERTIFICATE.ca_pem.decode())

    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER) as url:
            assert await resumes(Opener(ssl_context=context), url, url) == [False, False]

    run_on(loop, main(), monkeypatch)


@on_each_loop
def test_the_default_context_is_made_once(loop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To read the certificates of a system takes longer than a handshake."""
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: made.append(create()) or made[-1])

    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER) as url:
            assert await resumes(Opener(), url, url, url) == [False, True, True]
            assert len(made) == 1

    run_on(loop, main(), monkeypatch)


@pytest.mark.skipif(OPENSSL is None, reason="aiofastnet does not call OpenSSL here")
@pytest.mark.parametrize("ends", ["open", "cut", "refused"])
def test_the_context_of_the_user_is_left_as_it_was(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its callback is set back, nothing waits for a handshake, and each session that is not kept is freed."""
    context = CERTIFICATE.client_context()
    openssl = tls_sessions._openssl(OPENSSL.libssl)
    native = tls_sessions.ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    alive = 0

    class Counted(tls_sessions._NativeSession):
        def __init__(self, *arguments: Any) -> None:
            nonlocal alive
            alive += 1
            super().__init__(*arguments)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1
            super().__del__()

    monkeypatch.setattr(tls_sessions, "_NativeSession", Counted)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def main() -> None:
        opener = Opener(ssl_context=context)
        async with answering(answer(*GOOD), tls=SERVER) as url:
            await resumes(opener, url, url, url)
            assert alive == 1
            if ends == "cut":
                async with await asyncio.start_server(connected, "127.0.0.1", 0) as cutting:
                    port = cutting.sockets[0].getsockname()[1]
                    with pytest.raises(fastws.NotConnected):
                        await opener.open(f"wss://127.0.0.1:{port}", picows.WSListener())
            if ends == "refused":
                with pytest.raises(fastws.NotConnected):
                    await opener.open("wss://127.0.0.1:1", picows.WSListener())
            await asyncio.sleep(0)
        assert openssl.SSL_CTX_get_info_callback(native) is None
        assert tls_sessions._armed == {}
        assert alive == (0 if ends == "cut" else 1)

    run_on("aiofastnet", main(), monkeypatch)
    gc.collect()  # tracebacks hold the opener
    assert alive == 0


def test_a_handshake_of_another_context_takes_no_session() -> None:
    """Only the handshake that begins directly behind arm(), of the same context, and in the same thread."""
    if OPENSSL is None:
        pytest.skip("aiofastnet does not call OpenSSL here")
    ours, other = CERTIFICATE.client_context(), CERTIFICATE.client_context()

    async def main() -> None:
        offer = tls_sessions.NativeOffer(Sessions(), ours, "127.0.0.1", OPENSSL.libssl)
        offer.arm()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            other.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
        in_a_thread = ours.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            await asyncio.get_running_loop().run_in_executor(None, in_a_thread.do_handshake)
        assert offer._ssl is None
        await asyncio.sleep(0)
        assert tls_sessions._armed == {}

    asyncio.run(main())
