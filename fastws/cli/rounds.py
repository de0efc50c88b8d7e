"""Timed round trips: orders placed and cancelled, one at a time and many in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..client import Client

IN_FLIGHT = 64
_SHOW_EVERY = 50_000_000  # ns: progress is shown 20 times a second, between two round trips


@dataclass
class Rounds:
    """What was measured, in nanoseconds: round trips, the time of all, and the CPU time of this process."""

    place: list[int] = field(default_factory=list)
    cancel: list[int] = field(default_factory=list)
    elapsed: int = 0
    cpu: int = 0

    @property
    def requests(self) -> int:
        return len(self.place) + len(self.cancel)

    @property
    def per_second(self) -> float:
        return self.requests * 1e9 / self.elapsed if self.elapsed else 0.0


async def one_at_a_time(
    client: Client,
    order: Mapping[str, Any],
    orders: int,
    seconds: float,
    show: Callable[[Rounds], None],
) -> Rounds:
    """Place an order, await its reply, cancel it, await that reply, and so on, for at most ``seconds``."""
    rounds = Rounds()
    symbol = order["symbol"]
    clock = time.perf_counter_ns
    started = clock()
    deadline = started + int(seconds * 1e9)
    next_show = started + _SHOW_EVERY
    cpu = time.process_time_ns()
    for _ in range(orders):
        before = clock()
        placed = await client.order_place(**order)
        between = clock()
        await client.order_cancel(symbol=symbol, orderId=placed["orderId"])
        after = clock()
        rounds.place.append(between - before)
        rounds.cancel.append(after - between)
        rounds.elapsed += after - before
        if after >= next_show:
            next_show = after + _SHOW_EVERY
            show(rounds)
            if after >= deadline:
                break
    rounds.cpu = time.process_time_ns() - cpu
    return rounds


async def in_flight(
    client: Client,
    order: Mapping[str, Any],
    orders: int,
    seconds: float,
    show: Callable[[Rounds], None],
) -> Rounds:
    """The same, by 64 strategies side by side, each with one request in flight."""
    rounds = Rounds()
    symbol = order["symbol"]
    clock = time.perf_counter_ns
    left = orders
    started = clock()
    next_show = started + _SHOW_EVERY
    deadline = started + int(seconds * 1e9)
    cpu = time.process_time_ns()

    async def strategy() -> None:
        nonlocal left, next_show
        while left > 0:
            left -= 1
            before = clock()
            placed = await client.order_place(**order)
            between = clock()
            rounds.place.append(between - before)
            before = clock()
            await client.order_cancel(symbol=symbol, orderId=placed["orderId"])
            after = clock()
            rounds.cancel.append(after - before)
            rounds.elapsed = after - started
            if after >= next_show:
                next_show = after + _SHOW_EVERY
                show(rounds)
                if after >= deadline:
                    left = 0

    tasks = [asyncio.ensure_future(strategy()) for _ in range(min(IN_FLIGHT, orders))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    rounds.cpu = time.process_time_ns() - cpu
    return rounds
