"""Rounds of questions about the open cases of one account and symbol.

All open cases share the rounds, whoever asks for them. A case has rounds at once and soon after it was opened, as its
order may show at once; then at the last moment at which its request could be executed; then when every answer must show
what the request did; and once more a second later, since a missing order is proof only if two rounds agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from time import monotonic
from typing import Any

from .._common.log import resolve_log
from ..errors import ConnectionLost, DecodeError, FastwsError, NotConnected
from ..verdicts import Verdict
from .answers import Answers, Asker, LookupDeferred
from .cases import EARLY, SLACK, UNREADABLE, Case, may_pass
from .question_client import QuestionClient
from .results import as_microseconds

__all__ = ["Group"]

# A round that needs more questions about single orders shares its questions.
_SINGLE = 5
_SHORT_TURN = 0.002  # seconds that the search for the orders of many cases may hold up the event loop
_MERGED = 2.0  # seconds: the last rounds of many cases that are due so close together are one
# After a failure: seconds until the next round, at first and at most; and after how many in a row it is logged.
_FIRST_RETRY = 0.05
_LONGEST_RETRY = 5.0
_LOGGED_FAILURE = 3


class _Pace:
    """When the rounds of many cases may be. They cost weight, so a burst of cases, as after a loss, has few of them.

    The first rounds of a burst are those of a single case, and then become rare. The last rounds are one for each
    third of the time in which the requests of the burst become certain, but at least a second apart.
    """

    _RARE = (*EARLY, 6.0, 16.0, 36.0)
    _APART = 5.0  # seconds between the newest case of a burst and the first one of another
    _LONGEST = 60.0  # seconds: what comes later is another burst

    def __init__(self) -> None:
        self._begin(monotonic())

    def _begin(self, now: float) -> None:
        self._began = self._newest = now
        self._early = 0
        self._last = 0.0
        self._third = 0.0

    def open_case(self, is_few: bool) -> None:
        """A case was opened. ``is_few``: with the others it is so few that they are asked about one by one."""
        now = monotonic()
        if (is_few and now - self._newest > self._APART) or now - self._began > self._LONGEST:
            self._begin(now)
        self._newest = now

    def early_at(self) -> float:
        """When the next of the first rounds may be."""
        if self._early < len(self._RARE):
            return self._began + self._RARE[self._early]
        return self._last + self._RARE[-1]

    def late_at(self, spread: float) -> float:
        """When the next of the last rounds may be. ``spread``: the seconds in which the open cases become certain."""
        self._third = max(self._third, spread / 3)
        return self._last + self._third if self._third > _MERGED / 3 else 0.0

    def note_round(self, is_early: bool) -> None:
        self._early += is_early
        self._last = monotonic()


class Group:
    """The open cases of one account and symbol, and the task that asks about them.

    Args:
        decided: called with a case and the verdict on it.
        emptied: called when no case is left.
    """

    def __init__(
        self,
        client: QuestionClient,
        asker: Asker,
        symbol: Any,
        decided: Callable[[Case, Verdict], None],
        emptied: Callable[[], None],
    ) -> None:
        self._client = client
        self._asker = asker
        self._symbol = symbol
        self._decided = decided
        self._emptied = emptied
        self.cases: dict[Case, None] = {}
        self._pace = _Pace()
        self._is_early = True  # the next round is one of the first
        self._amendments: dict[int, tuple[int, list[dict[str, Any]]]] = {}
        self._told: tuple[int, float] | None = (
            None  # the exchange's time in the latest round, and when it was told
        )
        self._failures = 0
        self._retry_at = 0.0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._run_number = 0  # counts the tasks that have ended

    @property
    def is_limited(self) -> bool:
        """Whether a question waits for a rate limit."""
        return self._asker.is_limited

    def add(self, case: Case) -> None:
        self.cases[case] = None
        self._pace.open_case(not self._is_shared(list(self.cases)))
        self._changed.set()
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(self._run_number))
            self._task.add_done_callback(self._ended)

    def ask_now(self, case: Case) -> None:
        """Let the next round be now: a question can complete a proof."""
        case.ask_now()
        self._changed.set()

    def remove(self, case: Case) -> None:
        self.cases.pop(case, None)
        if not self.cases and self._task is not None:
            self._run_number += 1
            self._task.cancel()
            self._task = None
            self._emptied()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task has ended; if a fault of fastws ended it, nobody must wait for ever."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.end(error)

    def end(self, error: Exception) -> None:
        """Nothing can be asked any more."""
        for case in self.cases:
            case.end(None, error)
        if self._task is not None:
            self._task.cancel()

    async def _run(self, number: int) -> None:
        while (
            number == self._run_number
        ):  # else a cancel was lost: asyncio.wait_for() swallows one up to Python 3.11
            cases = [case for case in self.cases if not case.is_decided]
            self._changed.clear()
            delay = max(self._due_at(cases), self._retry_at) - monotonic()
            if delay > SLACK:
                await self._rest(delay)
                continue
            try:
                error = await self._round(cases)
            except Exception as exc:
                error = _readable(exc)
                for case in cases:
                    case.note_failure(error)
            if error is None:
                self._failures = 0
            else:
                await self._wait_after(error)

    async def _rest(self, seconds: float) -> None:
        """Wait until a round is due, or until a case is added."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), min(seconds, 1e6))

    # -------------------------------------------------------------------------------------------------- when

    def _due_at(self, cases: list[Case]) -> float:
        """When the next round is due, by time.monotonic()."""
        is_shared = self._is_shared(cases)
        spread = self._spread(cases)
        early = min((case.early_at for case in cases), default=math.inf)
        dates = [case.late_at for case in cases]
        if not is_shared or spread <= _MERGED:  # else there would be many last chances
            dates += [case.last_chance_at for case in cases]
        late = min(dates, default=math.inf)
        if is_shared:
            early = max(early, self._pace.early_at())
            late = max(date for date in dates if date <= late + _MERGED)
            late = max(late, self._pace.late_at(spread))
        self._is_early = early <= late
        return min(early, late)

    def _spread(self, cases: list[Case]) -> float:
        """The seconds from now in which the requests of the open cases become certain."""
        if self._told is None:
            return 0.0
        server_time, at = self._told
        now = server_time + int((monotonic() - at) * 1e6)  # what became certain before does not count
        moments = [max(now, case.reconciliation.latest) for case in cases if case.reconciliation.earliest]
        return (max(moments) - min(moments)) / 1e6 if moments else 0.0

    @staticmethod
    def _is_shared(cases: list[Case]) -> bool:
        return sum(case.lookups for case in cases) > _SINGLE

    # -------------------------------------------------------------------------------------------------- what

    async def _round(self, cases: list[Case]) -> Exception | None:
        """Ask about all open cases; returns an error of a question about a single one."""
        is_shared = self._is_shared(cases)
        self._pace.note_round(self._is_early)
        begun = monotonic()
        now = as_microseconds((await self._asker.ask("time", {}))["serverTime"])
        self._told = now, monotonic()
        # a request without a timestamp has no earliest time
        since = min(
            (case.reconciliation.earliest for case in cases if case.reconciliation.earliest), default=now
        )
        answers = Answers(
            self._asker, self._symbol, now, since, is_shared=is_shared, amendments=self._amendments
        )
        resolve_log.debug(
            "a round of questions about %d requests in %s%s",
            len(cases),
            self._symbol,
            ", which share them" if is_shared else "",
        )
        try:
            if is_shared:
                await answers.gather()
            for case in cases:
                case.note_round(begun)
                case.reconciliation.start_round(answers)
            if is_shared:
                return await self._find_in_turn(cases)
            found = await asyncio.gather(*(self._find(case) for case in cases), return_exceptions=True)
            for error in found:
                if isinstance(error, BaseException) and not isinstance(error, Exception):
                    raise error
            return next((error for error in found if isinstance(error, Exception)), None)
        finally:
            answers.end()
            for case in cases:
                case.reconciliation.answers = None

    async def _find_in_turn(self, cases: list[Case]) -> Exception | None:
        """Find the orders of many cases, without holding up the event loop."""
        until = monotonic() + _SHORT_TURN
        failed: Exception | None = None
        for case in cases:
            if case in self.cases and not case.is_decided:
                failed = await self._find(case) or failed
            if monotonic() > until:
                await asyncio.sleep(0)
                until = monotonic() + _SHORT_TURN
        return failed

    async def _find(self, case: Case) -> Exception | None:
        """Find the verdict on one case; returns the error of a question."""
        try:
            verdict = await case.find()
        except LookupDeferred:
            return None
        except (FastwsError, *UNREADABLE) as exc:
            error = _readable(exc)
            case.note_failure(error)
            return error
        if verdict is not None and not case.is_decided:
            self._decided(case, verdict)
            case.end(verdict)
        return None

    async def _wait_after(self, error: Exception) -> None:
        """A question failed: wait until it may succeed."""
        if isinstance(error, (ConnectionLost, NotConnected)):
            try:
                await self._client.wait_open()
            except NotConnected as closed:
                for case in list(self.cases):
                    case.end(None, closed)
        elif not isinstance(error, FastwsError):  # a fault of fastws: nobody must wait for ever
            for case in list(self.cases):
                case.end(None, error)
        self._failures += 1
        pause = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(self._failures - 1, 10))
        self._retry_at = monotonic() + pause
        if self._failures == _LOGGED_FAILURE and may_pass(error):
            resolve_log.warning(
                "questions about requests of unknown outcome in %s fail: %s",
                self._symbol,
                error,
                code="resolve-questions-fail",
                reason=str(error),
            )


def _readable(exc: Exception) -> Exception:
    """The error itself, or a DecodeError for an answer of another shape than documented."""
    if isinstance(exc, UNREADABLE) and not isinstance(exc, FastwsError):
        error = DecodeError(f"an answer about orders cannot be read ({type(exc).__name__}: {exc})")
        error.__cause__ = exc
        return error
    return exc
