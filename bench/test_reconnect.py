"""Stage "reconnect": from the loss of a connection until requests can be sent again, beside a fresh connect().

Both connect to the embedded exchange in this process, log on with an Ed25519 key, and subscribe to user data. So the
exchange's share is the same in both.

Over TLS: a reconnect that resumes the session of the last connection, beside one that makes a full handshake. The
exchange's share of the handshake is in it, also in the CPU time.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench.harness import Ratio, compare
from fastws.emulator import Emulator
from fastws.lifecycle.tls_sessions import Sessions


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each loss is logged, and attempts after a short connection wait, which is not what is measured."""
    monkeypatch.setattr("random.uniform", lambda low, high: low)
    logging.getLogger("fastws").setLevel(logging.CRITICAL)


class Client:
    """A client that loses its connection again and again, and counts how long it takes to come back."""

    def __init__(self, loop: asyncio.AbstractEventLoop, exchange: Emulator, signer: fastws.Signer) -> None:
        self.loop, self.exchange, self.signer = loop, exchange, signer
        self.lost_at = 0
        self.opened: asyncio.Future[int] = loop.create_future()

    async def open(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.client = await fastws.connect(
            self.exchange.url,
            signer=self.signer,
            after_gap="go",
            sync_every=None,
            on_state=self.on_state,
            ssl_context=ssl_context,
        )
        self.subscription = await self.client.user_data_stream_subscribe(on_event=lambda event: None)

    def on_state(self, old: str, new: str, reason: str) -> None:
        if old == "open":
            self.lost_at = time.perf_counter_ns()
        elif new == "open" and self.lost_at and not self.opened.done():
            self.opened.set_result(time.perf_counter_ns() - self.lost_at)

    async def lose(self) -> float:
        self.opened = self.loop.create_future()
        self.exchange.connections.pick("oldest").abort()
        took = await self.opened
        assert self.client.logged_on
        info = self.client.transport_info
        assert info is not None
        self.resumed = info.session_reused
        assert self.subscription.active
        return float(took)

    async def fresh(self) -> float:
        start = time.perf_counter_ns()
        client = await fastws.connect(self.exchange.url, signer=self.signer, sync_every=None)
        subscription = await client.user_data_stream_subscribe(on_event=lambda event: None)
        took = time.perf_counter_ns() - start
        assert client.logged_on
        assert subscription.active
        await client.close()
        return float(took)


def test_reconnect(benchmark: BenchmarkFixture) -> None:
    loop = asyncio.new_event_loop()
    exchange = Emulator()
    try:
        loop.run_until_complete(exchange.__aenter__())
        account = exchange.add_account("Ed25519")
        signer = fastws.load_signer(account.api_key, private_key=account.private_key)
        client = Client(loop, exchange, signer)
        loop.run_until_complete(client.open())
        compare(
            benchmark,
            {
                "loss to open": lambda: loop.run_until_complete(client.lose()),
                "connect()": lambda: loop.run_until_complete(client.fresh()),
            },
            [Ratio("reconnect, logged on and subscribed", "loss to open", "connect()", budget=1.5)],
            operation="one connection, from its start to its subscription",
            compared="logged on and subscribed",
        )
        loop.run_until_complete(client.client.close())
    finally:
        loop.run_until_complete(exchange.__aexit__(None, None, None))
        loop.close()


def test_reconnect_over_tls(benchmark: BenchmarkFixture) -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    exchange = Emulator(tls=True)

    async def without(client: Client) -> float:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Sessions, "find", lambda *arguments: None)
            took = await client.lose()
        assert not client.resumed
        return took

    async def resuming(client: Client) -> float:
        took = await client.lose()
        assert client.resumed
        return took

    def cpu(lose: Callable[[Client], Awaitable[float]]) -> float:
        start = time.process_time_ns()
        loop.run_until_complete(lose(client))
        return float(time.process_time_ns() - start)

    try:
        loop.run_until_complete(exchange.__aenter__())
        account = exchange.add_account("Ed25519")
        signer = fastws.load_signer(account.api_key, private_key=account.private_key)
        client = Client(loop, exchange, signer)
        loop.run_until_complete(client.open(exchange.client_ssl_context()))
        compare(
            benchmark,
            {
                "resumed": lambda: loop.run_until_complete(resuming(client)),
                "full handshake": lambda: loop.run_until_complete(without(client)),
                "resumed, CPU": lambda: cpu(resuming),
                "full handshake, CPU": lambda: cpu(without),
            },
            [
                Ratio("reconnect over TLS, logged on and subscribed", "resumed", "full handshake"),
                Ratio("reconnect over TLS, CPU", "resumed, CPU", "full handshake, CPU"),
            ],
            operation="one reconnect over TLS, from the loss to the subscription",
            compared="logged on and subscribed, and whether the session was resumed",
        )
        loop.run_until_complete(client.client.close())
    finally:
        loop.run_until_complete(exchange.__aexit__(None, None, None))
        loop.close()
