"""A case: one trading request of unknown outcome, while somebody waits for the verdict on it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from time import monotonic
from typing import Any

from ..errors import ConnectionLost, NotSent, RateLimited, RequestTimeout, ServerError
from ..verdicts import Executed, NeverExecuted, Rejected, StillOpen, Verdict
from .answers import LookupDeferred
from .proofs import find_proof
from .questions import QUESTIONS
from .reconciliation import Reconciliation
from .results import as_microseconds

__all__ = ["EARLY", "SLACK", "UNREADABLE", "Case", "may_pass"]

# Seconds after the opening of a case: its first rounds of questions.
EARLY = (0.0, 0.05, 0.2, 0.6, 2.0)
# Seconds between two rounds that must agree; and between those after them, at most.
_CONFIRMATION = 1.0
_LONGEST_PAUSE = 10.0
SLACK = 0.01  # seconds: a round that is due so soon is made now
_LEAST_PAUSE = 0.02  # seconds between a round and one for a moment that comes soon
_REFUSALS = 6  # so many refused questions in a row end a case: about 1.5 s

# How many questions about single orders each method needs in a round; 3 for the others.
_LOOKUPS = {"openOrders.cancelAll": 0, "order.place": 1, "sor.order.place": 1, "order.cancel": 2}
_MOST_LOOKUPS = 3

# What Python raises when an answer or an event has another shape than documented.
UNREADABLE = (AttributeError, ArithmeticError, LookupError, TypeError, ValueError)


class Case:
    """One request of unknown outcome; see the module's docstring.

    Attributes:
        reconciliation: the request, and the questions about it.
        find_evidence: what the client observed of it.
        open: what the latest round left open.
        verdict: the verdict; None while it is open.
        error: why it cannot be found out; None while it may be.
        is_over: the timeout of the caller is over.
        woken: set when there is something new: a verdict, an error, evidence, or the end of the timeout.
    """

    def __init__(self, reconciliation: Reconciliation, find_evidence: Callable[[], list[Any]]) -> None:
        self.reconciliation = reconciliation
        self.find_evidence = find_evidence
        self.open = StillOpen()
        self.verdict: Verdict | None = None
        self.error: Exception | None = None
        self.is_over = False
        self.woken = asyncio.Event()
        self._opened_at = monotonic()
        self._early = 0  # of EARLY: the next round
        self._asked_at: float | None = None  # the latest round
        self._concluded: tuple[Verdict, float] | None = (
            None  # what the latest concluding round found, and when
        )
        self._conclusions = 0
        self._refusals = 0
        self._is_due = False

    # --------------------------------------------------------------------------------------------- for the caller

    def expire(self) -> None:
        """End the wait of the caller."""
        self.is_over = True
        self.woken.set()

    @property
    def is_decided(self) -> bool:
        return self.verdict is not None or self.error is not None

    def end(self, verdict: Verdict | None, error: Exception | None = None) -> None:
        if not self.is_decided:
            self.verdict, self.error = verdict, error
            self.woken.set()

    async def find_proof(self) -> Verdict | None:
        """The verdict that the client's own observations prove; None if there is none.

        Raises:
            LookupDeferred: they prove one together with a question, which only a round can ask.
        """
        try:
            return await find_proof(self.reconciliation, self.find_evidence())
        except UNREADABLE:  # as after a consumer changed an event: ask the exchange
            return None

    # ----------------------------------------------------------------------------------------------- for rounds

    @property
    def lookups(self) -> int:
        """How many questions about single orders a round asks for it."""
        return _LOOKUPS.get(self.reconciliation.method, _MOST_LOOKUPS)

    def ask_now(self) -> None:
        """Let the next round be now."""
        self._is_due = True

    @property
    def early_at(self) -> float:
        """When it needs the next of its first rounds, by time.monotonic()."""
        if self._asked_at is None or self._is_due:
            return 0.0
        if self.reconciliation.is_late or self._early >= len(EARLY):
            return math.inf
        return self._opened_at + EARLY[self._early]

    @property
    def last_chance_at(self) -> float:
        """When its request can be executed no more, by time.monotonic(); infinite if that was before the last round."""
        mine = self.reconciliation
        return self._mapped(mine.latest) if mine.now <= mine.latest else math.inf

    @property
    def late_at(self) -> float:
        """When it needs the next of the rounds that prove that its request was not executed, by time.monotonic()."""
        mine = self.reconciliation
        if self._asked_at is None or not mine.is_late:
            return self._mapped(mine.visible_from)
        longer = 1 << min(10, max(0, self._conclusions - 2))
        return self._asked_at + min(_CONFIRMATION * longer, _LONGEST_PAUSE)

    def _mapped(self, moment: int) -> float:
        """A moment of the exchange's time, which a round is for, by time.monotonic()."""
        if self._asked_at is None:
            return math.inf
        return self._asked_at + max(_LEAST_PAUSE, (moment - self.reconciliation.now) / 1e6)

    def note_round(self, now: float) -> None:
        """A round begins that asks about it."""
        self._asked_at = now
        self._is_due = False
        while self._early < len(EARLY) and self._opened_at + EARLY[self._early] <= now + SLACK:
            self._early += 1

    async def find(self) -> Verdict | None:
        """The verdict that this round of questions proves; None if it proves none.

        Raises:
            LookupDeferred: a question about a single order has to wait for another round.
            FastwsError: a question failed. UNREADABLE: an answer cannot be read.
        """
        mine = self.reconciliation
        with contextlib.suppress(LookupDeferred):
            proof = await self.find_proof()
            if proof is not None:
                return proof
        ask, conclude = QUESTIONS[mine.method]
        verdict = await ask(mine)
        self._refusals = 0
        if not isinstance(verdict, StillOpen):
            return verdict
        self.open = verdict
        assert self._asked_at is not None
        last = self._concluded
        if not mine.is_late or (last is not None and self._asked_at < last[1] + _CONFIRMATION - SLACK):
            return None  # it may yet be executed, or it is too soon to confirm that it cannot
        concluded = await conclude(mine, verdict)
        self._conclusions += 1
        self._concluded = concluded, self._asked_at
        if _is_certain(concluded) or (last is not None and _agree(concluded, last[0])):
            return self._completed(concluded)
        if isinstance(concluded, StillOpen):
            self.open = concluded
        return None

    def _completed(self, verdict: Verdict) -> Verdict:
        """A final verdict; NeverExecuted says how sure it is."""
        mine = self.reconciliation
        if not isinstance(verdict, NeverExecuted):
            return verdict
        history = None if mine.answers is None else mine.answers.seen_history
        return NeverExecuted(
            verdict.order,
            waited=(mine.now - as_microseconds(int(mine.params["timestamp"]))) / 1e6,
            later_order_seen=history is not None and history.latest > mine.latest,
        )

    def note_failure(self, error: Exception) -> None:
        """A question failed: that ends the case if the exchange refuses it again and again."""
        if not may_pass(error):
            self._refusals += 1
            if self._refusals >= _REFUSALS:
                self.end(None, error)
        self.ask_now()


def _is_certain(verdict: Verdict) -> bool:
    """Whether a verdict shows the order or the list itself, so that no second round has to confirm it."""
    if isinstance(verdict, Rejected) and verdict.order is not None:
        return verdict.order.get("status") == "REJECTED" or verdict.order.get("listOrderStatus") == "REJECT"
    return isinstance(verdict, Executed)


def _agree(one: Verdict, other: Verdict) -> bool:
    """Whether two rounds of questions had the same result."""
    if isinstance(one, StillOpen) and isinstance(other, StillOpen):
        return {order["orderId"] for order in one.candidates} == {
            order["orderId"] for order in other.candidates
        }
    return type(one) is type(other)


def may_pass(error: Exception) -> bool:
    """Whether the same question may succeed later."""
    return isinstance(error, (ConnectionLost, NotSent, RequestTimeout, RateLimited, ServerError))
