"""fastws.trading.weight_turns: which of fastws' own questions goes first when weight is short."""

from __future__ import annotations

import asyncio

import pytest

from fastws._native.clock import Clock
from fastws._native.limiter import RateLimiter
from fastws.trading.limits import weight_of
from fastws.trading.weight_turns import Rank, WeightTurns
from helpers.offline import Offline
from helpers.support import run


class Floor:
    """A limiter with turns, and the names of those that went, in their order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limiter = RateLimiter(self.clock, None)
        self.turns = WeightTurns(self.limiter)
        self.went: list[str] = []
        self.moved = asyncio.Event()

    def close(self, seconds: float, which: str = "weight") -> None:
        us = int(seconds * 1e6)
        self.limiter.close_gate(which, us, self.clock.now() + us, "used up")

    async def ask(self, rank: Rank, name: str = "", answer: asyncio.Event | None = None) -> None:
        async with self.turns.turn(rank, 20):
            self.went.append(name or rank.name)
            self.moved.set()
            if answer is not None:
                await answer.wait()


async def turn_over() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_nobody_waits_while_there_is_weight():
    async def main():
        floor = Floor()
        answer = asyncio.Event()
        asked = [asyncio.ensure_future(floor.ask(rank, answer=answer)) for rank in (Rank.BOOK, Rank.HALT)]
        await turn_over()
        assert floor.went == ["BOOK", "HALT"], "neither waits for the other's answer"
        assert not floor.turns.is_waiting
        answer.set()
        await asyncio.gather(*asked)

    run(main())


@pytest.mark.parametrize("which", ["weight", "banned"])
def test_when_a_gate_opens_the_best_rank_goes_first(which):
    async def main():
        floor = Floor()
        floor.close(0.05, which)
        ranks = (Rank.BOOK, Rank.RECOVER_GAP, Rank.RESOLVE, Rank.HALT, Rank.RESOLVE)
        asked = [
            asyncio.ensure_future(floor.ask(rank, f"{rank.name} {number}"))
            for number, rank in enumerate(ranks)
        ]
        await turn_over()
        assert floor.went == []
        await asyncio.gather(*asked)
        assert floor.went == ["HALT 3", "RESOLVE 2", "RESOLVE 4", "RECOVER_GAP 1", "BOOK 0"]

    run(main())


def test_after_a_closed_gate_each_waits_for_the_answer_before_it():
    """The first answer may close the gate again."""

    async def main():
        floor = Floor()
        floor.close(0.02)
        answer = asyncio.Event()
        first = asyncio.ensure_future(floor.ask(Rank.RESOLVE, "first", answer))
        second = asyncio.ensure_future(floor.ask(Rank.RESOLVE, "second"))
        await floor.moved.wait()
        late = asyncio.ensure_future(floor.ask(Rank.HALT, "halt"))
        await turn_over()
        assert floor.went == ["first"]
        floor.close(0.05)
        answer.set()
        await turn_over()
        assert floor.went == ["first"], "the gate is closed again"
        await asyncio.gather(first, second, late)
        assert floor.went == ["first", "halt", "second"]

    run(main())


def test_who_gives_up_holds_nobody_back():
    async def main():
        floor = Floor()
        floor.close(0.02)
        first, second = (asyncio.ensure_future(floor.ask(Rank.RESOLVE, name)) for name in ("first", "second"))
        await turn_over()
        first.cancel()
        await asyncio.wait([first])
        await second
        assert floor.went == ["second"]
        assert not floor.turns.is_waiting

    run(main())


def test_the_reserve_of_weight_is_a_gate_for_reads():
    async def main():
        wire = Offline(reserve_weight=100)
        reply = wire.client.ping()
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "DAY", "intervalNum": 1, "limit": 1000}
        wire.send({"id": reply.info.id, "status": 200, "result": {}, "rateLimits": [{**limit, "count": 880}]})
        await reply
        limiter = wire.client._limiter
        assert limiter.read_delay(20) == 0
        assert 0 < limiter.read_delay(21) <= 86400
        wire.lose()

    run(main())
    assert RateLimiter(Clock(), None, reserve=5, weigh=weight_of).read_delay(10) == 0
