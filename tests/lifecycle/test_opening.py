"""fastws.lifecycle.opening: what an exchange that refuses the handshake is reported as, and where a connection comes
from.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.lifecycle.shared import forget_all
from helpers.support import Peer, answer_all, refusal, run, serving
from helpers.ways import LOOPS, answer, answering, proxying, run_on

UTC = timezone.utc
TEXT = b'{"code":-1003,"msg":"Way too many requests; IP banned until 1659146460000."}'
DATA = b'{"code":-1003,"msg":"IP banned until 1.","data":{"serverTime":1,"retryAfter":1659146460000}}'
SAID = datetime(2022, 7, 30, 2, 1, tzinfo=UTC)


# --- refusals


@pytest.mark.parametrize(
    ("status", "kind"), [(418, fastws.Banned), (429, fastws.RateLimited), (503, fastws.ServerError)]
)
@pytest.mark.parametrize(
    ("body", "header", "after"),
    [
        (b"", "Retry-After: 120", timedelta(seconds=120)),
        (b"<html>", "retry-after:7", timedelta(seconds=7)),
        (TEXT, "Retry-After: 120", timedelta(seconds=120)),
        (DATA, "Retry-After: 120", SAID),
        (TEXT, "X: y", SAID),
        (TEXT, "Retry-After: soon", SAID),
        (b"", "Retry-After: -5", None),
        (b"", "X: y", None),
        (b"", "Retry-After: " + "9" * 5000, timedelta(seconds=999_999_999)),
    ],
)
def test_a_refused_handshake_says_when_to_come_back(
    status: int, kind: type[fastws.ApiError], body: bytes, header: str, after: timedelta | datetime | None
) -> None:
    async def main() -> None:
        said = answer(header, f"Content-Length: {len(body)}", status=f"HTTP/1.1 {status} No", body=body)
        async with answering(said, None) as url:
            with pytest.raises(kind) as caught:
                await fastws.connect(url)
            assert caught.value.status == status
            until = caught.value.retry_after
            if status == 418 and after is None:
                after_ = timedelta(seconds=120)  # the shortest ban
            elif isinstance(after, timedelta) and status != 503:
                after_ = min(after, timedelta(days=3 if status == 418 else 1))  # longer ones are not believed
            else:
                after_ = after
            if isinstance(after_, timedelta):
                assert until is not None
                assert abs(until - datetime.now(UTC) - after_) < timedelta(seconds=5)
            else:
                assert until == after_

    run(main())


@pytest.mark.parametrize(
    ("status", "more", "words"),
    [
        ("100 Continue", (), "got 100 Continue"),
        ("102 ", (), "got 102 Processing"),
        ("200 OK", ("Content-Length: 2",), "got 200 OK"),
        ("204 No Content", (), "got 204 No Content"),
        (
            "301 Moved Permanently",
            ("Location: wss://other.example/x",),
            "301 .* to 'wss://other.example/x', which is not",
        ),
        ("302 Found", (), "got 302 Found$"),
        ("399 Odd", (), "got 399 Odd$"),
        ("600 Odd", (), "got 600 Odd$"),
        ("999", (), "got 999$"),
        ("302 Found", ("Location: " + "x" * 5000,), r"5000 characters"),
    ],
)
def test_an_answer_that_is_no_refusal_is_not_connected(
    status: str, more: tuple[str, ...], words: str
) -> None:
    async def main() -> None:
        async with answering(answer(*more, status=f"HTTP/1.1 {status}"), stays=True) as url:
            with pytest.raises(fastws.NotConnected, match=words) as caught:
                await fastws.connect(url)
            assert "expected status 101 Switching Protocols" in str(caught.value)
            assert len(str(caught.value)) < 500

    run(main())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 426, 429, 499, 500, 503, 520, 599])
def test_a_refusal_is_an_error_of_the_exchange(status: int) -> None:
    async def main() -> None:
        for body, code in (
            (b'{"code":-1130,"msg":"no"}', -1130),
            (b"<html>", 0),
            (b'["code"]', 0),
            (b'{"code":"x"}', 0),
        ):
            said = answer(f"Content-Length: {len(body)}", status=f"HTTP/1.1 {status}", body=body)
            async with answering(said, None) as url:
                with pytest.raises(fastws.ApiError) as caught:
                    await fastws.connect(url)
                assert (caught.value.status, caught.value.code) == (status, code)
                assert isinstance(caught.value, fastws.ServerError) == (status >= 500)

    run(main())


@pytest.mark.parametrize("nested", [b"[" * 60_000, b'{"a":' * 10_000, b'{"code":1,"msg":' + b"[" * 60_000])
def test_a_deeply_nested_refusal_is_a_refusal(nested: bytes) -> None:
    async def main() -> None:
        said = answer(f"Content-Length: {len(nested)}", status="HTTP/1.1 400 Bad Request", body=nested)
        async with answering(said, None) as url:
            with pytest.raises(fastws.BadRequest, match="refuses the handshake"):
                await fastws.connect(url)

    run(main())


# --- behind the handshake


class LogonKey(fastws.Signer):
    def sign(self, payload: bytes) -> str:
        return "s" * 88


@pytest.mark.parametrize("option", ["logon", "sync_every"])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("silent", fastws.RequestTimeout),
        ("cut", fastws.ConnectionLost),
        ("unreadable", fastws.DecodeError),
        ("refused", fastws.BadRequest),
    ],
)
def test_a_logon_or_first_look_at_the_clock_that_fails_is_told_as_it_is_and_documented(
    end: str, kind: type[fastws.FastwsError], option: str
) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        if end == "cut":
            await peer.drop()
        elif end == "unreadable":
            peer.send(f'{{"id":{request["id"]},"status":200,"result":{{"a":}}}}')
        elif end == "refused":
            peer.send(refusal(request, 400, -1022, "Signature for this request is not valid."))

    async def main() -> None:
        options: dict[str, Any] = (
            {"signer": LogonKey("k" * 64, "Ed25519")} if option == "logon" else {"sync_every": 60}
        )
        async with serving(script) as url:
            client = fastws.connect(url, timeout=0.1, **options)
            with pytest.raises(kind) as caught:
                await client
            assert not client.connected
            assert client.close_reason
        documented = fastws.connect.__doc__.partition("Raises:")[2]
        named = {cls.__name__ for cls in type(caught.value).__mro__}
        assert any(name + ":" in documented or name + "," in documented for name in named)

    run(main())


def test_a_filter_of_the_users_that_raises_does_not_end_what_picows_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(1, "picows.fastws")
    logger = logging.getLogger("picows.fastws")

    def failing(record: logging.LogRecord) -> bool:
        raise ZeroDivisionError

    async def main() -> None:
        async with serving(answer_all) as url, fastws.connect(url) as client:
            await client.ping()
        assert client.close_reason == "the connection was closed by the client"

    logger.addFilter(failing)
    try:
        run(main())
    finally:
        logger.removeFilter(failing)


def test_a_banned_address_learns_until_when_from_the_exchange() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            async with fastws.connect(exchange.url, reconnect=False) as client:
                exchange.faults.add("ban", "ping", seconds=7200)
                with pytest.raises(fastws.Banned):
                    await client.ping()
                await client.wait_closed()
            with pytest.raises(fastws.LocallyLimited, match="banned this address"):
                await fastws.connect(exchange.url)
            forget_all()  # as in another process
            with pytest.raises(fastws.Banned) as caught:
                await fastws.connect(exchange.url)
            assert caught.value.retry_after is not None
            assert abs(caught.value.retry_after - datetime.now(UTC) - timedelta(hours=2)) < timedelta(
                minutes=1
            )

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_probe_for_another_schema_that_times_out_leaves_no_socket_open(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastws.lifecycle.schema_choice._PROBE_TIMEOUT", 0.05)

    async def main() -> None:
        connections, ends = 0, asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.readuntil(b"\r\n\r\n")
            if connections == 1:
                body = b'{"code":-1152,"msg":"Invalid SBE schema."}'
                writer.write(
                    answer(f"Content-Length: {len(body)}", status="HTTP/1.1 400 Bad Request", body=body)
                )
            else:
                await reader.read()  # ends when the probe's socket does
                ends.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(fastws.BadRequest, match="refused the SBE schema"):
                await fastws.connect(url, sbe=True)
            await ends.wait()
            assert connections == 2

    run_on(loop, main(), monkeypatch)


# --- where from


needs_second_address = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has 127.0.0.2 without further ado"
)


@needs_second_address
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("proxy", [None, "http", "socks5", "socks4"])
def test_a_connection_comes_from_the_address_that_was_chosen(
    loop: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources: list[str] = []

    async def script(peer: Peer) -> None:
        sources.append(peer.writer.get_extra_info("peername")[0])
        await answer_all(peer)

    async def main() -> None:
        async with serving(script) as url, proxying() as way:
            options = {} if proxy is None else {"proxy": f"{proxy}://127.0.0.1:{way.port}"}
            seen = sources if proxy is None else way.sources
            for given in ("127.0.0.2", ("127.0.0.3", 0), None):
                async with fastws.connect(url, local_addr=given, **options) as client:
                    await client.ping()
            assert seen == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1", "socks5://127.0.0.1:1"])
@pytest.mark.parametrize("given", ["192.0.2.1", ("192.0.2.1", 4000), "::1"])
def test_an_address_that_is_not_of_this_machine_is_named(
    loop: str, proxy: str | None, given: str | tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        address = given if isinstance(given, str) else given[0]
        with pytest.raises(
            fastws.NotConnected, match=f"cannot connect to ws://127.0.0.1:1/.* from {address}"
        ):
            await fastws.connect("ws://127.0.0.1:1", local_addr=given, proxy=proxy)

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize(
    "given", ["", "eth0", "localhost", "10.0.0.5:80", 5, b"10.0.0.5", [], object], ids=repr
)
def test_what_is_no_address_is_refused_at_once(given: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match="local_addr: expected an address of this machine"):
        fastws.connect("testnet", local_addr=given)


@pytest.mark.parametrize("port", ["1", 65536, True, -1, None])
def test_what_is_no_port_to_connect_from_is_refused_at_once(port: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match="local_addr: expected an address of this machine"):
        fastws.connect("testnet", local_addr=("10.0.0.5", port))


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_with_a_server_that_speaks_none_says_so(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(5)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(fastws.NotConnected, match=r"does not speak TLS there.*ws://"):
                await fastws.connect(url)

    run_on(loop, main(), monkeypatch)
