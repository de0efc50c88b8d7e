"""Reconciliation of a trading request of unknown outcome: ``ExecutionUnknown.resolve()``.

A late reply is proof. What the client observed of the order is proof, too: in replies to its other requests, and in
user data events (proofs.py). Without proof, the exchange is asked (questions.py). The questions rest on these facts:

- The exchange accepts a request only while ``timestamp - 1 s < its time <= timestamp + recvWindow``. It may then
  process the request for 10 s (web-socket-api.md, Timing security; errors.md, -1007). The exchange's own clock decides
  both limits, so they hold even if the clock was wrong that the timestamp came from.
- The exchange answers questions about histories, order lists and amendments from a database that lags behind the
  engine. A missing order means "never executed" only if the exchange's time is 4 s past the end of the second limit,
  and if a second round of questions a second later has the same result.
- A cancel or an amendment gives an order another client order id. So a placed order may not be found by its name. The
  last question about a placement asks for all orders that were placed in time. Histories select by the time of the last
  change, so this question covers the time from then to now.
- Client order ids can be used again. So an order with the right name must also have the right side, type, price,
  quantity and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from typing import Any

from .._common.shown import shown
from .._native.limiter import RateLimiter
from ..api_errors import RequestRecord
from ..errors import ApiError, DecodeError, ExecutionUnknown, FastwsError, InvalidRequest, NotConnected
from ..verdicts import Executed, NeverExecuted, Rejected, StillOpen, Verdict
from .accounts import Accounts
from .evidence import Evidence, Observation
from .open_requests import OpenRequest, Watched, open_request
from .proofs import find_proof
from .questions import QUESTIONS
from .reconciliation import QuestionClient, Reconciliation, ReconciliationTimeout
from .results import as_dicts, method_without_version
from .unresolved import Unresolved

__all__ = ["Executed", "NeverExecuted", "Rejected", "Resolver", "StillOpen", "Verdict"]

# Seconds: between two rounds of questions at first and at most, and between the two rounds that must agree.
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_CONFIRMATION_PAUSE = 1.0

# What Python raises when an answer or an event has another shape than documented.
_UNREADABLE = (AttributeError, ArithmeticError, LookupError, TypeError, ValueError)
_LONGEST_TIMEOUT = 1e9  # seconds; a longer timeout is cut to this


class Resolver:
    """Finds out what became of requests of unknown outcome, for one client."""

    def __init__(
        self,
        client: QuestionClient,
        limiter: RateLimiter,
        evidence: Evidence,
        unresolved: Unresolved,
        accounts: Accounts,
    ) -> None:
        self._accounts = accounts
        self._client = client
        self._limiter = limiter
        self._evidence = evidence
        self._unresolved = unresolved

    async def resolve(self, unknown: Any, timeout: float | None, others: Collection[int]) -> Verdict:
        """Find out what became of a request of unknown outcome; ``client.resolve()`` documents it."""
        if timeout is not None and (
            isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0
        ):
            raise InvalidRequest(f"timeout: expected seconds, 0 or more, or None, got {shown(timeout)}")
        deadline = time.monotonic() + (
            _LONGEST_TIMEOUT if timeout is None else min(timeout, _LONGEST_TIMEOUT)
        )
        request = open_request(unknown, self._client.clock)
        sender = unknown._resolver if isinstance(unknown, ExecutionUnknown) else None
        resolvers = [self, sender] if isinstance(sender, Resolver) and sender is not self else [self]
        info = request.info
        if request.signer is not None:
            account = self._limiter.own_account(request.signer, None)
        else:
            account = None
            if self._accounts.own_digest is None and not self._client.requester.connected:
                raise NotConnected("not asked: the client is not open")
            if request.account is not None:
                await self._accounts.refuse_others(
                    request.method, request.account, request.uid, self._ask_account
                )
        self._evidence.watch(request.key, account)
        reconciliation = Reconciliation(self._client, request, others, deadline)
        try:
            verdict = await _find_out(reconciliation, _ProofSearch(reconciliation, request, resolvers))
        except FastwsError:
            raise
        except _UNREADABLE as exc:
            raise DecodeError(
                f"an answer about {request.method} cannot be read ({type(exc).__name__}: {exc})"
            ) from exc
        if info is not None and not isinstance(verdict, StillOpen):
            for one in resolvers:
                one._unresolved.discard(info)
        elif info is None:
            self._evidence.forget(request.key)
        return verdict

    async def _ask_account(self) -> Any:
        """The result of account.status for the client's own key."""
        return await self._client.ask("account.status", {}, None, self._client.reply_timeout)

    def observations_of(self, key: RequestRecord | Watched) -> list[Observation]:
        """What the client observed of a request."""
        return self._evidence.of(key)


class _ProofSearch:
    """Looks for proof without a question: in a late reply, and in what the clients observed."""

    def __init__(
        self, reconciliation: Reconciliation, request: OpenRequest, resolvers: Collection[Resolver]
    ) -> None:
        self._reconciliation, self._request, self._resolvers = reconciliation, request, resolvers

    async def verdict(self) -> Verdict | None:
        late = _late_answer(self._request)
        if late is not None:
            return late
        key = self._request.key
        found = [observation for one in self._resolvers for observation in one.observations_of(key)]
        try:
            return await find_proof(self._reconciliation, found)
        except FastwsError:
            raise
        except _UNREADABLE:  # as after a consumer changed an event: ask the exchange
            return None


async def _find_out(reconciliation: Reconciliation, proofs: _ProofSearch) -> Verdict:
    rounds = _QuestionRounds(reconciliation, proofs)
    try:
        return await rounds.verdict()
    except (FastwsError, ReconciliationTimeout) as error:
        # the client may have observed a proof while the question failed
        with contextlib.suppress(FastwsError, ReconciliationTimeout):
            proof = await proofs.verdict()
            if proof is not None:
                return proof
        if isinstance(error, ReconciliationTimeout):
            return rounds.open
        raise


class _QuestionRounds:
    """Rounds of questions, until one proves what became of the request, or the time is over.

    ``open`` is what the last complete round left open.
    """

    def __init__(self, reconciliation: Reconciliation, proofs: _ProofSearch) -> None:
        self._reconciliation, self._proofs = reconciliation, proofs
        self.open = StillOpen()

    async def verdict(self) -> Verdict:
        reconciliation, proofs = self._reconciliation, self._proofs
        ask, conclude = QUESTIONS[reconciliation.method]
        longer = _FIRST_PAUSE
        concluded: Verdict | None = None
        while True:
            proof = await proofs.verdict()
            if proof is not None:
                return proof
            await reconciliation.start_round()
            verdict = await ask(reconciliation)
            if not isinstance(verdict, StillOpen):
                return verdict
            self.open = verdict
            if reconciliation.now > reconciliation.visible_from:
                verdict = await conclude(reconciliation, verdict)
                if _is_certain(verdict) or (concluded is not None and _agree(verdict, concluded)):
                    return await proofs.verdict() or verdict
                concluded = verdict
                pause = _CONFIRMATION_PAUSE
            else:
                pause, longer = longer, min(2 * longer, _LONGEST_PAUSE)
            if pause > reconciliation.time_left:
                return await proofs.verdict() or self.open
            await asyncio.sleep(pause)


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


def _late_answer(request: OpenRequest) -> Verdict | None:
    """The verdict that a late reply proves: one that came after its waiter had given up."""
    outcome = as_dicts(request.key.outcome)
    method = method_without_version(request.method)
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
