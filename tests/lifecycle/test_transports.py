"""client.transport_info: what it says of each way to the exchange, and that it says nothing without a connection."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
import ssl
import sys
from typing import Any

import pytest

import fastws
from fastws._native import spinner
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle import transports, watched_loop
from helpers.support import answer_all, run, serving
from helpers.ways import ALL_LOOPS, GOOD, answer, answering, proxying, run_on

CERTIFICATE = Certificate()
SERVER, CONTEXT = CERTIFICATE.server_context(), CERTIFICATE.client_context()


def engine_of(loop: str, tls: bool) -> str:
    """Which engine is in use: on uvloop aiofastnet's with TLS, where there is epoll."""
    if loop == "uvloop":
        return "aiofastnet" if tls and watched_loop.EXISTS else "uvloop"
    if loop.endswith("-spin") and spinner.EXISTS:
        return "aiofastnet"
    return {"asyncio": "asyncio", "aiofastnet": "aiofastnet", "uvloop alone": "uvloop"}[
        loop.removesuffix("-spin")
    ]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_it_says_which_engine_and_cipher_are_in_use(
    loop: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER if tls else None) as url:
            client = fastws.connect(url, ssl_context=CONTEXT)
            assert client.transport_info is None
            async with client:
                await client.ping()
                info = client.transport_info
                assert isinstance(info, fastws.TransportInfo)
                assert (info.tls, info.engine) == (tls, engine_of(loop, tls))
                assert (info.kernel_tls, info.session_reused) == (False, False)
                assert info.tls_version == ("TLSv1.3" if tls else None)
                assert (info.cipher is not None) is tls
                assert info.cipher is None or info.cipher in {each["name"] for each in CONTEXT.get_ciphers()}
                port = int(url.rpartition(":")[2].partition("/")[0])
                assert info.peer_address == ("127.0.0.1", port)
                assert info.local_address is not None
                assert info.local_address[0] == "127.0.0.1"
                if sys.platform == "linux":
                    assert info.smoothed_rtt is not None
                    assert 0 < info.smoothed_rtt < 1
                with pytest.raises(dataclasses.FrozenInstanceError):
                    info.tls = False  # type: ignore[misc]
            assert client.transport_info is None

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_it_says_which_version_of_tls_was_agreed_on(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = CERTIFICATE.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def main() -> None:
        async with (
            answering(answer(*GOOD), tls=SERVER) as url,
            fastws.connect(url, ssl_context=context) as client,
        ):
            assert client.transport_info is not None
            assert client.transport_info.tls_version == "TLSv1.2"

    run_on(loop, main(), monkeypatch)


def test_behind_a_proxy_the_other_side_is_the_proxy() -> None:
    async def main() -> None:
        async with (
            answering(answer(*GOOD)) as url,
            proxying() as way,
            fastws.connect(url, proxy=f"socks5://127.0.0.1:{way.port}") as client,
        ):
            assert client.transport_info is not None
            assert client.transport_info.peer_address == ("127.0.0.1", way.port)

    run(main())


def test_without_a_connection_there_is_none() -> None:
    async def main() -> None:
        async with serving(answer_all) as url, fastws.connect(url, reconnect=False) as client:
            client._session.route.abort()  # type: ignore[union-attr]
            await client.wait_closed()
            assert client.transport_info is None

    run(main())


class Ended:
    """The transport of a connection that ends at this moment."""

    underlying_transport: Any = None

    def __init__(self) -> None:
        self.underlying_transport = self

    def get_extra_info(self, name: str) -> Any:
        return None


def test_a_connection_that_ends_at_this_moment_raises_nothing() -> None:
    info = transports.describe(Ended(), {})  # type: ignore[arg-type]
    assert (info.tls, info.socket_options, info.smoothed_rtt) == (False, {}, None)
    assert info.local_address is info.peer_address is None


def test_it_can_be_kept_sent_and_logged() -> None:
    async def main() -> None:
        async with serving(answer_all) as url, fastws.connect(url) as client:
            info = client.transport_info
            assert info is not None
            assert pickle.loads(pickle.dumps(info)) == copy.deepcopy(info) == info
            assert hash(copy.deepcopy(info)) == hash(info)
            assert json.loads(json.dumps(dataclasses.asdict(info)))["socket_options"] == info.socket_options

    run(main())


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_another_thread_is_told_that_it_may_not_read_it(
    loop: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER if tls else None) as url:
            client = fastws.connect(url, ssl_context=CONTEXT)
            async with client:
                with pytest.raises(RuntimeError, match=r"^transport_info was called from another thread"):
                    await asyncio.to_thread(lambda: client.transport_info)
            assert await asyncio.to_thread(lambda: client.transport_info) is None

    run_on(loop, main(), monkeypatch)
