"""fastws.lifecycle.proxy: each kind of proxy on each event loop, what is told when one fails, and its password in no
text.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws import InvalidRequest, NotConnected
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle.proxy import Proxy
from helpers.support import answer_all, run, serving
from helpers.ways import GOOD, LOOPS, answer, answering, everything, proxying, run_on

CERTIFICATE = Certificate()
CONTEXT = CERTIFICATE.client_context()
SCHEMES = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
PASSWORD = "hunter2%40:s3cret"
DECODED = "hunter2@:s3cret"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_kind_of_proxy_leads_to_the_exchange(
    scheme: str, tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if sys.version_info < (3, 11) and (scheme, tls, loop) == ("https", True, "asyncio"):
        pytest.skip("asyncio of Python 3.10 has no TLS within TLS; aiofastnet, which is used with it, has")
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def main() -> None:
        certificate = CERTIFICATE.server_context() if tls else None
        said = answer(*GOOD)
        async with (
            answering(said, tls=certificate) as url,
            proxying(CERTIFICATE.server_context() if scheme == "https" else None) as proxy,
        ):
            options: dict[str, Any] = {
                "proxy": f"{scheme}://me:{PASSWORD}@localhost:{proxy.port}",
                "ssl_context": CONTEXT,
            }
            url = url.replace("127.0.0.1", "localhost")
            async with fastws.connect(url, **options) as client:
                assert (await client.depth(symbol="BTCUSDT"))["params"] == {"symbol": "BTCUSDT"}
            host = "127.0.0.1" if scheme == "socks4" else "localhost"
            assert proxy.asked == [f"{host}:{url.split(':')[2].split('/')[0]}"]
            if scheme in ("http", "https"):
                token = base64.b64encode(f"me:{DECODED}".encode())
                assert b"\r\nProxy-Authorization: Basic " + token + b"\r\n" in proxy.heads[0]
            else:
                assert proxy.user == b"me"
            await proxy.idle.wait()

    run_on(loop, main(), monkeypatch)


def test_an_order_goes_through_a_proxy() -> None:
    async def main() -> None:
        async with Emulator() as exchange, proxying() as proxy:
            key = exchange.add_account("Ed25519")
            options = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(
                exchange.url, proxy=f"socks5://127.0.0.1:{proxy.port}", **options
            ) as client:
                order = await client.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
                assert order["status"] == "FILLED"

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("scheme", "said", "words"),
    [
        (
            "http",
            answer(status="HTTP/1.1 407 Proxy Authentication Required"),
            "got 407 Proxy Authentication Required",
        ),
        (
            "http",
            answer(status="HTTP/1.1 403 Forbidden"),
            "expected status 200 to CONNECT 127.0.0.1:1, got 403",
        ),
        ("http", answer("Content-Length: 1", status="HTTP/1.0 502 ", body=b"x"), "got 502 Bad Gateway"),
        ("http", answer(status="HTTP/1.1 302 Found"), "got 302 Found"),
        ("http", b"", "it closed the connection in place of an answer"),
        ("http", b"HTTP/1.1 2", "it closed the connection in place of an answer"),
        ("http", b"hello\r\n\r\n", "got 'hello'"),
        (
            "http",
            answer(status="HTTP/1.1 200 OK", body=b"hello"),
            "nothing behind the answer to CONNECT, got 5 bytes",
        ),
        ("socks5", b"\5\5\0\1" + bytes(6), "(?i)connection refused"),
        ("socks5", b"\5\2\0\1" + bytes(6), "(?i)not allowed"),
        ("socks5", b"\5\0", "(?i)closed"),
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n", "(?i)version"),
        ("socks5h", b"", "(?i)closed"),
        ("socks4", b"\0\x5b" + bytes(6), "(?i)rejected"),
        ("socks4a", b"", "(?i)closed"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_proxy_that_refuses_is_named_and_its_password_is_not(
    scheme: str,
    said: bytes,
    words: str,
    loop: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(1, "picows.fastws")

    async def main() -> None:
        async with proxying() as proxy:
            proxy.answer = said
            client = fastws.connect(
                "ws://127.0.0.1:1", proxy=f"{scheme}://someone:{PASSWORD}@127.0.0.1:{proxy.port}"
            )
            with pytest.raises(NotConnected, match=words) as caught:
                await client
            text = str(caught.value)
            assert "cannot connect to ws://127.0.0.1:1/ws-api/v3 through the proxy" in text
            assert f"{scheme}://127.0.0.1:{proxy.port}: the proxy failed: " in text
            for shown in (everything(caught.value), caplog.text):
                for secret in (
                    PASSWORD,
                    DECODED,
                    "someone",
                    base64.b64encode(DECODED.encode()).decode()[-12:],
                ):
                    assert secret not in shown
            await proxy.idle.wait()

    run_on(loop, main(), monkeypatch)


def test_a_refused_password_is_told_as_such() -> None:
    async def main() -> None:
        async with proxying() as proxy:
            with pytest.raises(NotConnected, match="authentication failure") as caught:
                await fastws.connect("ws://127.0.0.1:1", proxy=f"socks5://me:wr0ng@127.0.0.1:{proxy.port}")
            assert "wr0ng" not in everything(caught.value)

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_that_is_down_is_not_reported_as_the_exchange(
    scheme: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with serving(answer_all) as url:
            with pytest.raises(NotConnected) as caught:
                await fastws.connect(url, proxy=f"{scheme}://a:{PASSWORD}@127.0.0.1:1")
            assert f"{scheme}://127.0.0.1:1: the proxy failed: nothing listens there" in str(caught.value)
            assert "hunter2" not in everything(caught.value)
            with pytest.raises(NotConnected, match="the proxy failed: its host cannot be found"):
                await fastws.connect(url, proxy=f"{scheme}://nowhere.invalid")

    run_on(loop, main(), monkeypatch)


def test_the_exchange_behind_a_proxy_is_not_reported_as_the_proxy() -> None:
    async def main() -> None:
        async with answering(answer(status="HTTP/1.1 200 OK")) as url, proxying() as proxy:
            for scheme in ("http", "socks5"):
                with pytest.raises(NotConnected, match="expected status 101") as caught:
                    await fastws.connect(url, proxy=f"{scheme}://127.0.0.1:{proxy.port}")
                assert "the proxy failed" not in str(caught.value)
                assert f"through the proxy {scheme}://127.0.0.1:{proxy.port}: " in str(caught.value)
                client = fastws.connect(  # the exchange speaks no TLS
                    url.replace("ws://", "wss://"),
                    proxy=f"{scheme}://127.0.0.1:{proxy.port}",
                    ssl_context=CONTEXT,
                    connect_timeout=0.3,
                )
                with pytest.raises(NotConnected, match="waited for its TLS handshake") as caught:
                    await client
                assert "the proxy failed" not in str(caught.value)

    run(main())


@pytest.mark.parametrize("scheme", ["http", "socks4", "socks5"])
def test_a_silent_proxy_is_what_was_waited_for(scheme: str) -> None:
    async def main() -> None:
        async with proxying() as proxy:
            proxy.silent = True
            address = f"127.0.0.1:{proxy.port}"
            client = fastws.connect(
                "ws://127.0.0.1:1", proxy=f"{scheme}://a:{PASSWORD}@{address}", connect_timeout=0.05
            )
            with pytest.raises(
                NotConnected, match=f"no answer within 0.05 s .waited for the proxy {scheme}"
            ) as caught:
                await client
            assert "hunter2" not in everything(caught.value)
            await proxy.idle.wait()

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("scheme", ["http", "socks4", "socks5"])
def test_cancelling_leaves_no_socket_open(
    scheme: str, tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the proxy, in the TLS handshake with a server that speaks none, and while the answer is awaited."""

    async def main() -> None:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            reached.set()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            gone.set()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"{'wss' if tls else 'ws'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, proxying() as proxy:
            options: dict[str, Any] = {"proxy": f"{scheme}://127.0.0.1:{proxy.port}", "ssl_context": CONTEXT}
            task = asyncio.ensure_future(_opened(fastws.connect(url, **options)))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()
            await proxy.idle.wait()
            proxy.silent = True
            proxy.reached.clear()
            task = asyncio.ensure_future(_opened(fastws.connect(url, **options)))
            await proxy.reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await proxy.idle.wait()
        gc.collect()

    run_on(loop, main(), monkeypatch)


async def _opened(client: fastws.Client) -> fastws.Client:
    return await client


def test_a_client_does_not_show_the_password_of_its_proxy() -> None:
    client = fastws.connect("testnet", proxy=f"http://me:{PASSWORD}@proxy.example:3128")
    shown: list[str] = []
    parts: list[object] = [client]
    for part in parts:  # and what they are made of
        shown += [repr(part), str(getattr(part, "__dict__", ""))]
        if type(part).__module__.startswith("fastws."):
            parts += [value for value in getattr(part, "__dict__", {}).values() if value not in parts]
    for text in shown:
        assert "hunter2" not in text
        assert "me:" not in text
    assert any("http://proxy.example:3128" in text for text in shown)
    proxy = Proxy(f"socks5h://me:{PASSWORD}@[::1]:9050")
    assert (str(proxy), repr(proxy)) == ("socks5h://[::1]:9050", "<Proxy socks5h://[::1]:9050>")
    with pytest.raises(TypeError):
        pickle.dumps(proxy)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:3128",
        "ftp://x",
        "http://",
        "http://x:0",
        "http://x:99999",
        "http://x:p",
        "http://[",
        "http://me:\ud800@x",
        None,
        5,
        b"http://x",
    ],
)
def test_a_proxy_is_refused_at_once_and_not_repeated(url: Any) -> None:
    with pytest.raises(
        InvalidRequest, match="proxy: expected a URL that begins with http, https, socks4, socks4a, socks5"
    ):
        Proxy(url)
