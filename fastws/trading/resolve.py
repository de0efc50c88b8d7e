"""What became of a trading request whose outcome is open: ``ExecutionUnknown.resolve()``.

A reply that came late is proof, and so is what the client saw of the order in replies to its other requests and in user
data events (proofs.py). Else the exchange is asked. What is known of it, and what follows:

- It takes a request only while ``timestamp - 1 s < its time <= timestamp + recvWindow``, and then has 10 s to process
  it (web-socket-api.md, Timing security; errors.md, -1007). Both ends are on its own clock, so they hold however wrong
  the clock was that the timestamp came from.
- Histories, order lists and amendments are answered from a database that lags behind the engine. What is not found is
  "never executed" only when the exchange's time is 4 s past the end, and a second round of questions agrees, a second
  later.
- A cancel and an amendment give an order another client order id: an order that is not found by its name may have been
  placed all the same. So the last question about a placement is for all orders that were made in that span; and since
  histories go by the time of the last change, it reaches from there to now.
- Names can be used again. So an order of the right name must fit in side, type, price, quantity and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection

from .._common.shown import shown
from .._native.brakes import Brakes
from ..api_errors import RequestRecord
from ..errors import ApiError, DecodeError, ExecutionUnknown, FastwsError, InvalidRequest
from ..verdicts import Executed, NeverExecuted, Rejected, StillOpen, Verdict
from .evidence import Evidence, Sighting
from .proofs import proven
from .questions import QUESTIONS, Asker, Case, OutOfTime, plain, plain_name
from .unresolved import Unresolved

__all__ = ["Executed", "NeverExecuted", "Rejected", "Resolver", "StillOpen", "Verdict"]

# Seconds: between two questions, and between the two that must agree.
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_APART = 1.0

# What comes of values that are not what they should be.
_UNREADABLE = (AttributeError, ArithmeticError, LookupError, TypeError, ValueError)
_FOR_EVER = 1e9  # what is longer is taken for this


class Resolver:
    """Finds out what became of requests of unknown outcome, for one client."""

    def __init__(self, asker: Asker, brakes: Brakes, evidence: Evidence, unresolved: Unresolved) -> None:
        self._asker = asker
        self._brakes = brakes
        self._evidence = evidence
        self._unresolved = unresolved

    async def resolve(self, error: ExecutionUnknown, timeout: float, others: Collection[int]) -> Verdict:
        """Find out what became of ``error``'s request, within ``timeout`` seconds."""
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
            raise InvalidRequest(f"timeout: expected seconds, 0 or more, got {shown(timeout)}")
        give_up = time.monotonic() + min(timeout, _FOR_EVER)
        sender = error._resolver
        resolvers = [self, sender] if isinstance(sender, Resolver) and sender is not self else [self]
        info = error.info
        if info is not None:
            account = info.account
            if sender is not self:
                account = None if info.signer is None else self._brakes.own_account(info.signer, None)
            self._evidence.watch(info, account)
        case = Case(self._asker, error, others, give_up)
        try:
            verdict = await _find_out(case, _Known(case, error, resolvers))
        except FastwsError:
            raise
        except _UNREADABLE as exc:
            raise DecodeError(
                f"an answer about {error.method} cannot be read ({type(exc).__name__}: {exc})"
            ) from exc
        if info is not None and not isinstance(verdict, StillOpen):
            for one in resolvers:
                one._unresolved.discard(info)
        return verdict

    def sightings_of(self, info: RequestRecord) -> list[Sighting]:
        """What the client saw of a request."""
        return self._evidence.of(info)


class _Known:
    """What needs no question: a late answer, and what the clients saw."""

    def __init__(self, case: Case, error: ExecutionUnknown, resolvers: Collection[Resolver]) -> None:
        self._case, self._error, self._resolvers = case, error, resolvers

    async def verdict(self) -> Verdict | None:
        info = self._error.info
        late = _late_answer(self._error)
        if late is not None or info is None:
            return late
        seen = [sighting for one in self._resolvers for sighting in one.sightings_of(info)]
        try:
            return await proven(self._case, seen)
        except FastwsError:
            raise
        except _UNREADABLE:  # as of an event that its consumer has changed: ask
            return None


async def _find_out(case: Case, known: _Known) -> Verdict:
    rounds = _Rounds(case, known)
    try:
        return await rounds.verdict()
    except (FastwsError, OutOfTime) as error:
        # what was seen while the question was asked that failed is proof all the same
        with contextlib.suppress(FastwsError, OutOfTime):
            proof = await known.verdict()
            if proof is not None:
                return proof
        if isinstance(error, OutOfTime):
            return rounds.open
        raise


class _Rounds:
    """Rounds of questions. ``open`` is what the last one that came to its end left open."""

    def __init__(self, case: Case, known: _Known) -> None:
        self._case, self._known = case, known
        self.open = StillOpen()

    async def verdict(self) -> Verdict:
        case, known = self._case, self._known
        ask, conclude = QUESTIONS[case.method]
        longer = _FIRST_PAUSE
        concluded: Verdict | None = None
        while True:
            proof = await known.verdict()
            if proof is not None:
                return proof
            await case.begin()
            verdict = await ask(case)
            if not isinstance(verdict, StillOpen):
                return verdict
            self.open = verdict
            if case.now > case.settled:
                verdict = await conclude(case, verdict)
                if _is_found(verdict) or (concluded is not None and _agree(verdict, concluded)):
                    return await known.verdict() or verdict
                concluded = verdict
                pause = _APART
            else:
                pause, longer = longer, min(2 * longer, _LONGEST_PAUSE)
            if pause > case.time_left:
                return await known.verdict() or self.open
            await asyncio.sleep(pause)


def _is_found(verdict: Verdict) -> bool:
    """Whether a verdict shows the order or the list itself: it takes no second round."""
    if isinstance(verdict, Rejected) and verdict.order is not None:
        return verdict.order.get("status") == "REJECTED" or verdict.order.get("listOrderStatus") == "REJECT"
    return isinstance(verdict, Executed)


def _agree(one: Verdict, other: Verdict) -> bool:
    """Whether two rounds of questions came to the same."""
    if isinstance(one, StillOpen) and isinstance(other, StillOpen):
        return {order["orderId"] for order in one.candidates} == {
            order["orderId"] for order in other.candidates
        }
    return type(one) is type(other)


def _late_answer(error: ExecutionUnknown) -> Verdict | None:
    """A reply that came after its waiter had given up is proof."""
    outcome = plain(error.info.outcome) if error.info is not None else None
    method = plain_name(error.method)
    if isinstance(outcome, ApiError):
        data = outcome.data if isinstance(outcome.data, dict) else {}
        canceled = data.get("cancelResponse") if data.get("cancelResult") == "SUCCESS" else None
        if data.get("newOrderResult") == "SUCCESS":
            return Executed(data.get("newOrderResponse"), canceled)
        return Rejected(outcome, canceled=canceled)
    if method == "openOrders.cancelAll" and isinstance(outcome, list):
        return Executed(None)
    if isinstance(outcome, list) and outcome:  # sor.order.place
        outcome = outcome[0]
    if not isinstance(outcome, dict):
        return None
    if method == "order.cancelReplace":
        return Executed(outcome.get("newOrderResponse"), outcome.get("cancelResponse"))
    return Executed(outcome.get("amendedOrder", outcome))
