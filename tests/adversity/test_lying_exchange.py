"""An exchange that lies at random for a while: the client comes back when it stops, and nothing is left at the end.

``FASTWS_LIES_SEEDS=10-50`` runs more seeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from test_core import ed25519_key

import fastws
from helpers.losing import nothing_left, until, watched
from helpers.support import (
    BINARY,
    CLOSE,
    KEY,
    LOOPS,
    ORDER,
    PING,
    PONG,
    TEXT,
    Peer,
    frame,
    refusal,
    reply,
    run,
    serving,
)

FIRST, _, LAST = os.environ.get("FASTWS_LIES_SEEDS", "1-2").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)
LYING = 0.5  # seconds
OPTIONS: dict[str, Any] = {
    "api_key": KEY["api_key"],
    "private_key": ed25519_key(),
    "timeout": 0.4,
    "connect_timeout": 0.5,
    "database_lag": 0,
    "recv_window": 1000,
    "probe_interval": 0.3,
    "probe_timeout": 0.2,
    "stall_after": 0.2,
    "drain_timeout": 0.3,
    "on_orphan": lambda info, outcome: None,
}


def now() -> int:
    return time.time_ns() // 1_000_000


def truth(request: dict[str, Any], subscription: int) -> dict[str, Any]:
    """An honest answer."""
    method = request["method"]
    if method in ("openOrders.status", "allOrders", "myTrades", "allOrderLists"):
        return reply(request, [])
    if method in ("openOrders.cancelAll", "order.status"):
        return refusal(request, 400, -2011 if method == "openOrders.cancelAll" else -2013)
    return reply(
        request,
        {"serverTime": now(), "apiKey": KEY["api_key"], "subscriptionId": subscription, "orderId": 7},
    )


def _send_late(peer: Peer, answer: dict[str, Any]) -> None:
    with contextlib.suppress(RuntimeError):  # the connection has ended
        peer.send(answer)


class Liar:
    """An exchange that lies, until ``honest`` is set."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.honest = True
        self.chance = self.random.uniform(0.05, 0.4)

    def lies(self, chance: float) -> bool:
        return not self.honest and self.random.random() < chance

    async def __call__(self, peer: Peer) -> None:
        subscription = 0
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE and not self.lies(0.3):
                peer.writer.write(frame(CLOSE, payload))
                return
            if opcode == PING and not self.lies(0.3):
                peer.writer.write(frame(PONG, payload))
            if opcode != TEXT:
                continue
            request = json.loads(payload)
            subscription += 1 if self.honest else self.random.choice((0, 1))
            answer = truth(request, subscription)
            if not self.lies(self.chance):
                peer.send(answer)
            elif await self._lie(peer, request, answer):
                return

    async def _lie(self, peer: Peer, request: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Lie; returns whether the connection says nothing more."""
        pick = self.random.choice
        event = {
            "subscriptionId": pick((0, 1, 9, 70000, -4)),
            "event": {
                "e": pick(("executionReport", "eventStreamTerminated", "balanceUpdate", "serverShutdown")),
                "E": pick((now(), 0, -1, 10**18, "x", None)),
            },
        }
        late = asyncio.get_running_loop().call_later
        lies: list[Callable[[], object]] = [
            lambda: None,
            lambda: peer.send(answer, answer),
            lambda: peer.send({**answer, "id": request["id"] + pick((1, -1, 1 << 33))}),
            lambda: peer.send(refusal(None, pick((400, 401, 503)), -2015)),
            lambda: peer.send(answer, refusal(None, 401, -2015)),
            lambda: peer.writer.write(self.random.randbytes(20)),
            lambda: peer.writer.write(frame(TEXT, b'{"id":', fin=False)),
            lambda: peer.writer.write(frame(CLOSE, struct.pack("!H", pick((1000, 1001, 1011, 4999, 999))))),
            lambda: peer.send({"event": {"e": "serverShutdown", "E": 1}}, answer),
            lambda: peer.send(event, answer),
            lambda: peer.send(answer, event, event),
            lambda: late(self.random.uniform(0, 0.3), _send_late, peer, answer),
            lambda: peer.send({**answer, "result": pick((None, [], 5, "x", [1], {"subscriptionId": "a"}))}),
            lambda: peer.send(
                refusal(request, pick((400, 401, 409, 504)), pick((-1021, -2015, -1007, -2035)))
            ),
            lambda: peer.send("not json", answer),
            lambda: peer.writer.write(frame(PING, b"a" * 125) * 20 + frame(PONG, b"zz")),
            lambda: peer.writer.write(frame(BINARY, b"abc")),
        ]
        number = self.random.randrange(len(lies) + 2)
        if number < len(lies):
            lies[number]()
            return False
        if number == len(lies):
            await peer.drop()
        else:  # half a message, and the end
            peer.writer.write(frame(TEXT, b'{"id":', fin=False))
            peer.writer.write_eof()
            await peer.reader.read()
        return True


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_client_outlives_an_exchange_that_lies(seed: int, loop: str) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: reported.append(context["message"])
        )
        liar = Liar(seed)
        async with serving(liar) as url:
            gaps: list[fastws.Gap] = []
            client, _, reasons = watched(url, on_gap=gaps.append, **OPTIONS)
            client._supervisor.backoff.uniform = lambda low, high: liar.random.uniform(0, 0.02)
            await client
            liar.honest = False
            tasks, calls = await _trade(client, liar.random, gaps)
            liar.honest = True
            subscriptions = client._handler.keeper._wanted
            await asyncio.wait(tasks, timeout=5)
            await until(
                lambda: client.connected and client.logged_on == client._supervisor.connector.logon.wanted
            )
            await until(lambda: all(stream.active for stream in list(subscriptions)))
            assert await client.ping(), reasons
            await client.close()
            assert all(task.done() for task in tasks)
            assert set(calls.values()) <= {1}, "each on_reply is called once"
            await nothing_left(client, asyncio.all_tasks())
            assert (client.in_flight, client._session.detached) == (0, [])
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert [text for text in reported if "cannot be read" not in text] == []

    run(main(), loop=loop, timeout=30)


async def _trade(
    client: fastws.Client, chance: random.Random, gaps: list[fastws.Gap]
) -> tuple[list[asyncio.Task[None]], dict[int, int]]:
    """Do at random what a program does; returns its tasks, and how often each on_reply was called."""
    tasks: list[asyncio.Task[None]] = []
    calls: dict[int, int] = {}
    subscriptions: list[fastws.Subscription] = []

    async def quietly(what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        with contextlib.suppress(fastws.FastwsError, asyncio.CancelledError):
            await what()

    async def place() -> None:
        try:
            await client.order_place(**ORDER)
        except fastws.ExecutionUnknown as error:
            await error.resolve(timeout=0.3)

    async def subscribe() -> None:
        subscriptions.append(await client.user_data_stream_subscribe(on_event=lambda event: None))

    async def unsubscribe() -> None:
        if subscriptions:
            await chance.choice(subscriptions).unsubscribe(timeout=0.2)

    async def recover() -> None:
        if gaps:
            await client.recover_gap(chance.choice(gaps), timeout=0.5)

    async def log() -> None:
        await chance.choice((client.session_logon, client.session_logout))()

    async def rotate() -> None:
        await client.rotate()

    async def call() -> None:
        number = len(calls)

        def on_reply(result: Any, error: Exception | None) -> None:
            calls[number] += 1

        calls[number] = 0
        try:
            client.order_place(**ORDER, on_reply=on_reply)
        except fastws.FastwsError:
            calls[number] += 1

    end = time.monotonic() + LYING
    while time.monotonic() < end:
        if tasks and chance.random() < 0.1:
            chance.choice(tasks).cancel()
        what = chance.choice(
            (place, place, place, call, call, subscribe, unsubscribe, recover, log, rotate, rotate)
        )
        tasks.append(asyncio.ensure_future(quietly(what)))
        await asyncio.sleep(chance.choice((0, 0, 0.002, 0.01)))
    return tasks, calls
