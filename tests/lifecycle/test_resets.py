"""A reset is noticed at once, whatever came before it: with TLS and without, on each event loop.

The event loop is blocked while the server speaks and resets, so that it learns of both in one turn: libuv reports the
error of a socket only once, and who then reads only the data never hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, ExecutionUnknown, NotConnected
from fastws.emulator.network.tls import Certificate
from helpers.resetting import Resetter, resetting
from helpers.support import FIRST_ID, KEY, ORDER, TEXT, frame
from helpers.ways import ALL_LOOPS, run_on

pytestmark = pytest.mark.alone
CERTIFICATE = Certificate()
WITHIN = 0.05  # seconds from when the loop can read a reset, in the quickest of three attempts


def told(
    loop: str,
    tls: bool,
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[[Resetter], None],
    main: Callable[[Resetter, dict[str, Any]], Coroutine[Any, Any, float]],
) -> None:
    """Run ``main``, which returns how long the client took to tell of the reset."""
    took = []
    options = {"ssl_context": CERTIFICATE.client_context() if tls else None, "reconnect": False, **KEY}
    for _ in range(3):
        with resetting(script, CERTIFICATE.server_context() if tls else None) as server:
            took.append(run_on(loop, main(server, options), monkeypatch))
        if took[-1] < WITHIN:
            return
    pytest.fail(f"the reset was told after {took} seconds, expected within {WITHIN}")


REPLY = (frame(TEXT, b'{"id":%d,"status":200,"result":{"a":1}}' % FIRST_ID),)


def speak(server: Resetter, words: tuple[bytes, ...]) -> None:
    """Open the WebSocket connection, read requests, say these words, and reset."""
    server.send(server.upgrade())
    server.read()
    server.wait()
    for word in words:
        server.send(word)
    server.reset()


async def lose_an_order(
    url: str, server: Resetter, options: dict[str, Any], words: tuple[bytes, ...]
) -> float:
    """Lose a connection with an order in flight; how long it took until the order ended, from the reset on."""
    client = await fastws.connect(url, **options)
    ping, order = client.ping(), client.order_place(**ORDER)
    client.flush()
    await asyncio.to_thread(server.asked.wait, 5)
    server.go()
    start = time.perf_counter()
    with pytest.raises(ExecutionUnknown, match="lost"):
        await asyncio.wait_for(order, 2)
    took = time.perf_counter() - start
    if words == REPLY:
        assert await ping == {"a": 1}
    else:
        with pytest.raises(ConnectionLost):
            await ping
    assert not client.connected
    await client.close()
    return took


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="alone"),
        pytest.param(REPLY, id="with-a-reply"),
        pytest.param((frame(TEXT, b"x" * 200)[:100],), id="in-a-message"),
        pytest.param((frame(TEXT, b"x" * 2_000_000)[:100_000],), id="in-a-big-message"),
        pytest.param((frame(TEXT, b"x" * 2_000_000)[:30_000],) * 3, id="in-several-writes"),
        pytest.param((frame(TEXT, b"x" * 2_000_000)[:16_384],), id="with-a-full-buffer"),
    ],
)
def test_an_order_in_flight_is_lost(
    words: tuple[bytes, ...], tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(server: Resetter) -> None:
        server.accept()
        speak(server, words)

    async def main(server: Resetter, options: dict[str, Any]) -> float:
        return await lose_an_order(server.url, server, options, words)

    told(loop, tls, monkeypatch, script, main)


async def refused(server: Resetter, options: dict[str, Any]) -> float:
    """Connect; how long it took until the attempt failed, from the reset on."""
    connecting = asyncio.ensure_future(_connect(server.url, options))
    await asyncio.to_thread(server.asked.wait, 5)
    server.go()
    start = time.perf_counter()
    with pytest.raises(NotConnected):
        await asyncio.wait_for(connecting, 2)
    return time.perf_counter() - start


async def _connect(url: str, options: dict[str, Any]) -> None:
    await (await fastws.connect(url, timeout=3.0, **options)).close()


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("size", [0, 20, 130])
def test_in_the_handshake_of_websocket(
    size: int, tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing, a part, or all of the answer, which has 129 bytes, and one byte of a frame."""

    def script(server: Resetter) -> None:
        server.accept()
        said = server.upgrade()
        assert len(said) == 129
        server.wait()
        server.send((said + frame(TEXT, b"{}"))[:size])
        server.reset()

    async def main(server: Resetter, options: dict[str, Any]) -> float:
        if size < 129:
            return await refused(server, options)
        connecting = asyncio.ensure_future(fastws.connect(server.url, **options))
        await asyncio.to_thread(server.asked.wait, 5)
        server.go()
        start = time.perf_counter()
        try:
            client = await asyncio.wait_for(connecting, 2)
        except (NotConnected, ConnectionLost):
            return time.perf_counter() - start
        with contextlib.suppress(ConnectionLost, NotConnected):
            await client.ping()  # no answer comes; it ends with the connection
        took = time.perf_counter() - start
        assert not client.connected
        await client.close()
        return took

    told(loop, tls, monkeypatch, script, main)


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("size", [0, 3, 60, 500, None])
def test_in_the_handshake_of_tls(size: int | None, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing, a part, or all of what the server answers first."""

    def script(server: Resetter) -> None:
        server.accept(tls=False)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        speaking = CERTIFICATE.server_context().wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            incoming.write(server.read())
            with pytest.raises(ssl.SSLWantReadError):
                speaking.do_handshake()
        server.wait()
        server.send(outgoing.read()[:size])
        server.reset()

    told(loop, True, monkeypatch, script, refused)


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_through_a_proxy(
    scheme: str, tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The proxy passes a reply on and resets its own connection; "https" with TLS is TLS within TLS."""
    if sys.version_info < (3, 11) and (scheme, tls, loop) == ("https", True, "asyncio"):
        pytest.skip("asyncio of Python 3.10 has no TLS within TLS")
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def script(server: Resetter) -> None:
        server.accept(tls=scheme == "https")
        if scheme == "socks5":
            server.read()
            server.send(b"\5\0")
            server.read()
            server.send(b"\5\0\0\1" + bytes(6))
        else:
            assert server.read().startswith(b"CONNECT ")
            server.send(b"HTTP/1.1 200 OK\r\n\r\n")
        if tls:
            server.start_tls()
        speak(server, REPLY)

    async def main(server: Resetter, options: dict[str, Any]) -> float:
        port = server.url.split(":")[2].split("/")[0]
        url = f"{'wss' if tls else 'ws'}://localhost:1/ws-api/v3"
        return await lose_an_order(url, server, {**options, "proxy": f"{scheme}://localhost:{port}"}, REPLY)

    told(loop, True, monkeypatch, script, main)
