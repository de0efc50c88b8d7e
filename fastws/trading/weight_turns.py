"""Who of fastws' own questions comes first when request weight is short.

A closed gate, or the reserve of weight (``reserve_weight``), refuses reads for a time. The user's requests are refused
then, and never wait. fastws' own questions wait, and go on in the order of their Rank: one after the other, each when
the one before it is answered, so that the best of them come first even if the weight suffices only for a few.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from enum import IntEnum
from types import TracebackType

from .._native.limiter import RateLimiter

__all__ = ["Rank", "WeightTurns"]

_SPARE = 0.001  # seconds after the opening of a gate, since timers may fire a little early


class Rank(IntEnum):
    """What asks. The first goes first."""

    HALT = 0
    RESOLVE = 1
    RECOVER_GAP = 2
    BOOK = 3


class WeightTurns:
    """The questions that wait for weight; one object for each RateLimiter."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._waiting: list[tuple[Rank, int, _Turn]] = []  # a heap
        self._numbers = itertools.count()
        self._going: _Turn | None = None  # the turn that waited, and whose question is not answered yet
        self._timer: asyncio.TimerHandle | None = None

    def turn(self, rank: Rank, weight: int) -> _Turn:
        """``async with turns.turn(rank, weight):`` waits until a read of this weight may be sent.

        The block sends it and awaits its answer. It may still be refused as LocallyLimited, as by a gate that closed
        meanwhile: then take another turn.
        """
        return _Turn(self, rank, weight)

    @property
    def is_waiting(self) -> bool:
        """Whether a question waits."""
        return bool(self._waiting)

    async def _enter(self, turn: _Turn) -> None:
        if not self._waiting and self._limiter.read_delay(turn.weight) <= 0:
            return
        turn.may_go = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (turn.rank, next(self._numbers), turn))
        self._go_on()
        try:
            await turn.may_go
        except asyncio.CancelledError:
            self._waiting = [each for each in self._waiting if each[2] is not turn]
            heapq.heapify(self._waiting)
            self._leave(turn)
            raise

    def _leave(self, turn: _Turn) -> None:
        if self._going is turn:
            self._going = None
        self._go_on()

    def _go_on(self) -> None:
        """Let the best of those that wait go, if the one before it is answered and the weight suffices."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting or self._going is not None:
            return
        turn = self._waiting[0][2]
        delay = self._limiter.read_delay(turn.weight)
        if delay > 0:
            self._timer = asyncio.get_running_loop().call_later(delay + _SPARE, self._go_on)
            return
        heapq.heappop(self._waiting)
        self._going = turn
        assert turn.may_go is not None
        if not turn.may_go.done():
            turn.may_go.set_result(None)


class _Turn:
    """One turn; see WeightTurns.turn()."""

    def __init__(self, turns: WeightTurns, rank: Rank, weight: int) -> None:
        self._turns = turns
        self.rank = rank
        self.weight = weight
        self.may_go: asyncio.Future[None] | None = None

    async def __aenter__(self) -> None:
        await self._turns._enter(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._turns._leave(self)
