"""Time to start: `import fastws`, and from connect() to the reply to the first order.

An import is a process of its own, whose CPU time is counted; byte code is cached. The floor is the import of what any
client over picows with signed requests needs. The first order follows TCP, TLS, WebSocket's handshake and a
session.logon with an Ed25519 key, which the client by hand does as well.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import orjson
import picows
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.clients import Picows, pem
from bench.harness import Added, Batch, Ratio, compare
from bench.native import Server
from bench.sweeps import fresh_uvloop
from bench.trips import apart

ORDER = messages.order_params(1)[0]
IMPORTS = {
    "import fastws": "import fastws",
    "imports of picows, cryptography and asyncio": (
        "import asyncio, ssl, hmac, picows; from cryptography.hazmat.primitives import serialization;"
        "from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa"
    ),
    "python alone": "pass",
}


def _cpu_of_children() -> float:
    import resource  # not on Windows

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _importing(statements: str) -> Batch:
    command = [sys.executable, "-c", statements]

    def batch() -> float:
        before = _cpu_of_children()
        subprocess.run(command, check=True)
        return (_cpu_of_children() - before) * 1e9

    return batch


@pytest.mark.skipif(sys.platform == "win32", reason="there is no getrusage() of child processes")
def test_import(benchmark: BenchmarkFixture) -> None:
    alone, floor = "python alone", "imports of picows, cryptography and asyncio"
    compare(
        benchmark,
        {name: _importing(statements) for name, statements in IMPORTS.items()},
        [
            Added("import, CPU", "import fastws", alone),
            Added("import, CPU", floor, alone),
            Ratio("import, CPU", "import fastws", floor),
        ],
        operation="one process that imports and ends, in CPU time",
        compared="each process ends with status 0",
        rounds=12,
        warmup_rounds=1,
    )


class _ByHand(Picows):
    """Raw picows, with a logon."""

    async def log_on(self) -> None:
        key = load_pem_private_key(pem(), None)
        assert isinstance(key, Ed25519PrivateKey)
        params = {"apiKey": "k" * 64, "timestamp": time.time_ns() // 1000}
        payload = "&".join(f"{name}={value}" for name, value in params.items())
        signed = {**params, "signature": base64.b64encode(key.sign(payload.encode())).decode()}
        number = self._next_id()
        future = self._futures[number] = self._loop.create_future()
        request = {"id": number, "method": "session.logon", "params": signed}
        self._transport.send(picows.WSMsgType.TEXT, orjson.dumps(request))
        await future


async def _fastws(server: Server) -> float:
    start = time.perf_counter_ns()
    client = await fastws.connect(
        server.url("ack"), ssl_context=server.context(), api_key="k" * 64, private_key=pem(), sync_every=None
    )
    order = await client.order_place(**ORDER)
    took = time.perf_counter_ns() - start
    assert client.logged_on
    assert order["orderId"]
    await client.close()
    return float(took)


async def _by_hand(server: Server) -> float:
    start = time.perf_counter_ns()
    client = _ByHand()
    await client.open(server.url("ack"), server.context())
    await client.log_on()
    order = await client.place(ORDER)
    took = time.perf_counter_ns() - start
    assert order["orderId"]
    await client.close()
    return float(took)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_first_order(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, tls: bool) -> None:
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "logon": messages.distinct(messages.logon, 1),
    }
    with Server("spin", replies, tls=tls) as server, apart(server):

        def batch(run: Callable[[Server], Coroutine[Any, Any, float]]) -> Batch:
            return lambda: loop.run_until_complete(run(server))

        stage = f"connect() to the reply to the first order{', TLS' if tls else ''}"
        compare(
            benchmark,
            {"fastws": batch(_fastws), "picows, by hand": batch(_by_hand)},
            [Ratio(stage, "fastws", "picows, by hand"), Added(stage, "fastws", "picows, by hand")],
            operation="TCP, TLS, handshake, session.logon with Ed25519, and one order, in time that passes",
            compared="an order id of each",
            rounds=30,
        )
