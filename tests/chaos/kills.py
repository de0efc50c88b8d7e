"""Kills clients with SIGKILL at seeded moments; then another client finds out, from the user's write-ahead log and from
``Gap.since``, what became of each request, and names every order and fill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import fastws
from fastws.emulator import Emulator
from fastws.trading import cases

from .checker import Violation
from .history import ClientHistory, ExchangeHistory, GapStory, Recovered, Request
from .plan import SYMBOLS
from .recorder import exchange_history, said_of
from .rules_requests import CANCEL_ALL, CREATES, name_given, nothing_arrived_twice, verdicts_are_true
from .rules_streams import gaps_end
from .setting import LATER, at_rest
from .waiting import until

__all__ = ["kill_all"]

TESTS = Path(__file__).parents[1]


@dataclass
class Killed:
    """A client that is dead, and what it left."""

    moment: int
    account: str
    secrets: dict[str, Any]
    log: Path
    started_us: int


async def kill_all(moments: list[int], group: int = 25) -> dict[int, list[Violation]]:
    """Kill a client at each of the moments; what was wrong, for those where something was.

    The exchange's clock jumps once for a group of them, so that nothing of theirs can be executed any more.
    """
    with mock.patch.object(cases, "_CONFIRMATION", 0.05):
        return await _kill_all(moments, group)


async def _kill_all(moments: list[int], group: int) -> dict[int, list[Violation]]:
    wrong = {}
    async with (
        Emulator(
            enforce_limits=False, max_connection_age=0, journal_size=100_000, events_size=100_000
        ) as exchange,
        _nursery() as nursery,
    ):
        with tempfile.TemporaryDirectory() as folder:
            for start in range(0, len(moments), group):
                dead = [
                    await _kill(moment, exchange, nursery, Path(folder) / f"{moment}.log")
                    for moment in moments[start : start + group]
                ]
                await until(lambda: at_rest(exchange), "the exchange is not at rest")
                exchange.gateway_delay = exchange.engine_delay = exchange.reply_delay = 0.0
                exchange.core.clock.offset += LATER
                histories = await asyncio.gather(*(_next_process(exchange, killed) for killed in dead))
                for killed, history in zip(dead, histories, strict=True):
                    found = list(_violations(history, _truth(exchange, killed.account)))
                    if found:
                        wrong[killed.moment] = found
    return wrong


@contextlib.asynccontextmanager
async def _nursery() -> AsyncIterator[asyncio.subprocess.Process]:
    nursery = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos.victim"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        yield nursery
    finally:
        assert nursery.stdin is not None
        nursery.stdin.close()
        await nursery.wait()


async def _kill(moment: int, exchange: Emulator, nursery: asyncio.subprocess.Process, log: Path) -> Killed:
    rng = random.Random(f"kill {moment}")
    account = f"killed {moment}"
    key = exchange.add_account("Ed25519", name=account)
    secrets = {"api_key": key.api_key, "private_key": key.private_key}
    started_us = exchange.core.clock.now_us()
    order = {"url": exchange.url, "log": str(log), "seed": moment, "api_key": key.api_key}
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    assert key.private_key is not None
    exchange.gateway_delay, exchange.engine_delay, exchange.reply_delay = (
        (0.0, 0.001),
        (0.0, 0.004),
        (0.0, 0.002),
    )
    arrived = exchange.journal.total + rng.randint(2, 60)  # the first one is the logon
    nursery.stdin.write(json.dumps({**order, "private_key": key.private_key.decode()}).encode() + b"\n")
    pid = int(await asyncio.wait_for(nursery.stdout.readline(), 10))
    what = f"the client sent no {arrived} requests before moment {moment}"
    await until(lambda: exchange.journal.total >= arrived, what, pause=0.0005)
    await asyncio.sleep(rng.uniform(0, 0.004))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not len(exchange.connections), "the exchange has a connection of a dead client")
    return Killed(moment, account, secrets, log, started_us)


async def _next_process(exchange: Emulator, killed: Killed) -> ClientHistory:
    async with fastws.connect(exchange.url, database_lag=0.0, **killed.secrets) as client:
        return await _find_out(client, killed)


def _truth(exchange: Emulator, account: str) -> ExchangeHistory:
    truth = exchange_history(exchange, account)
    truth.arrivals = [arrival for arrival in truth.arrivals if arrival.account == account]
    return truth


async def _find_out(client: fastws.Client, killed: Killed) -> ClientHistory:
    """What the next process does: resolve the records of the old one, and look into its gap."""
    records: list[dict[str, Any]] = []
    lines = await asyncio.to_thread(killed.log.read_text, encoding="ascii")
    for line in lines.splitlines(keepends=True):
        if line.endswith("\n"):  # the last one may be torn: then nothing of its batch was sent
            records.append(json.loads(line))
    verdicts = await asyncio.gather(*(client.resolve(record, timeout=2.0) for record in records))
    verdicts = await _rule_out(client, records, verdicts)
    history = ClientHistory(account=killed.account)
    for number, (record, verdict) in enumerate(zip(records, verdicts, strict=True), 1):
        method, params = record["method"], record["params"]
        said = said_of(number, verdict)
        history.requests.append(
            Request(
                *(number, number, method, params),
                trading=True,
                client_order_id=name_given(method, params),
                resolved=[said],
            )
        )
    gap = fastws.Gap.since(killed.started_us, SYMBOLS)
    found = await client.recover_gap(gap, timeout=30.0)
    story = GapStory("", gap.start, gap.end, gap.symbols, told_at=0, closing_at=0, ended_at=0)
    story.recovered.append(Recovered(0, found.orders, found.trades, found.complete, (), str(found.missing)))
    history.gaps.append(story)
    return history


async def _rule_out(client: fastws.Client, records: list[dict[str, Any]], verdicts: list[Any]) -> list[Any]:
    """Ask again about those that are open: the orders of other placements are no candidates."""
    placed = [_placed(record, verdict) for record, verdict in zip(records, verdicts, strict=True)]

    async def again(number: int) -> Any:
        verdict = verdicts[number]
        if not isinstance(verdict, fastws.StillOpen):
            return verdict
        if not verdict.candidates:  # the time was too short
            return await client.resolve(records[number], timeout=10.0)
        record = records[number]
        # for openOrders.cancelAll, the orders of later placements are none
        others = placed[number + 1 :] if record["method"] == CANCEL_ALL else placed
        same = [each[1] for each in others if each is not None and each[0] == record["params"]["symbol"]]
        return await client.resolve(record, timeout=2.0, others=same)

    return await asyncio.gather(*(again(number) for number in range(len(records))))


def _placed(record: dict[str, Any], verdict: Any) -> tuple[str, int] | None:
    """The symbol and the orderId of the order that a request has placed, if its verdict says so."""
    if not record["method"].startswith(CREATES) or not isinstance(verdict, fastws.Executed):
        return None
    order = verdict.order or {}
    return (order["symbol"], order["orderId"]) if "orderId" in order else None


def _violations(history: ClientHistory, truth: ExchangeHistory) -> Any:
    for rule, check in ((5, verdicts_are_true), (6, nothing_arrived_twice), (9, gaps_end)):
        for what in check(history, truth):
            yield Violation(rule, what)
    logged = {request.client_order_id for request in history.requests}
    for arrival in truth.arrivals:
        name = name_given(arrival.method, arrival.params)
        if arrival.method.startswith(CREATES) and name not in logged:
            yield Violation(3, f"it was sent before it was logged: {arrival}")
    named = {(row["symbol"], row["orderId"]) for gap in history.gaps for row in gap.recovered[0].orders}
    for key in truth.orders.keys() - named:
        yield Violation(9, f"the recovery does not name order {key}")
