"""Finds out what became of trading requests of unknown outcome: ``client.resolve()``, ``ExecutionUnknown.resolve()``.

A late reply is proof. What the client observed of the order is proof, too: in replies to its other requests, and in
user data events (proofs.py). Both end a case at once. Without proof, the exchange is asked (questions.py), in rounds
that all open cases share (rounds.py). The questions rest on these facts:

- The exchange accepts a request only while ``timestamp - 1 s < its time <= timestamp + recvWindow``. It may then
  process the request for 10 s (web-socket-api.md, Timing security; errors.md, -1007). The exchange's own clock decides
  both limits, so they hold even if the clock was wrong that the timestamp came from.
- The exchange answers questions about histories, order lists and amendments from a database that lags behind the
  engine. A missing order means "never executed" only if the exchange's time is ``database_lag`` past the end of the
  second limit, and if a second round of questions a second later has the same result.
- A cancel or an amendment gives an order another client order id. So a placed order may not be found by its name. The
  last question about a placement asks for all orders that were placed in time. Histories select by the time of the last
  change, so this question covers the time from then to now.
- Client order ids can be used again. So an order with the right name must also have the right side, type, price,
  quantity and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from .._common.log import resolve_log
from .._common.shown import shown
from .._native.limiter import RateLimiter
from ..api_errors import RequestRecord
from ..errors import ApiError, ExecutionUnknown, InvalidRequest, LocallyLimited, NotConnected
from ..signing import Signer
from ..verdicts import Executed, NeverExecuted, Rejected, StillOpen, Verdict
from .accounts import Accounts
from .answers import Asker, LookupDeferred
from .cases import Case
from .evidence import Evidence, Observation
from .named_orders import NamedOrders
from .open_requests import OpenRequest, Watched, open_request
from .question_client import QuestionClient
from .reconciliation import Reconciliation
from .results import as_dicts, method_without_version
from .rounds import Group
from .unresolved import Unresolved
from .weight_turns import WeightTurns

__all__ = ["Executed", "NeverExecuted", "Rejected", "Resolver", "StillOpen", "Verdict"]

_LONGEST_TIMEOUT = 1e9  # seconds; a longer timeout is cut to this
_DECIDED = (
    10_000  # orders of decided requests that are remembered: none of them is the order of another request
)
_LEAST_WEIGHT = 1  # of the question for the exchange's time, with which each round begins


class Resolver:
    """Finds out what became of requests of unknown outcome, for one client."""

    def __init__(
        self,
        client: QuestionClient,
        limiter: RateLimiter,
        turns: WeightTurns,
        evidence: Evidence,
        named: NamedOrders,
        unresolved: Unresolved,
        accounts: Accounts,
    ) -> None:
        self._client = client
        self._limiter = limiter
        self._turns = turns
        self._evidence = evidence
        self._named = named
        self._unresolved = unresolved
        self._accounts = accounts
        self._groups: dict[tuple[Signer | None, Any], Group] = {}
        self._waiting: dict[RequestRecord | Watched, list[Case]] = {}  # who has to know of new evidence
        # symbols and ids of orders, and the identity of the request that placed each
        self._decided_by: dict[tuple[Any, int], object] = {}
        evidence.on_found = self.wake

    async def resolve(self, unknown: Any, timeout: float | None, others: Collection[int]) -> Verdict:
        """Find out what became of a request of unknown outcome; ``client.resolve()`` documents it."""
        if timeout is not None and (
            isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0
        ):
            raise InvalidRequest(f"timeout: expected seconds, 0 or more, or None, got {shown(timeout)}")
        if not isinstance(others, Collection) or isinstance(others, (str, bytes)):
            raise InvalidRequest(f"others: expected several orderIds, got {shown(others)}")
        for order_id in others:
            if type(order_id) is not int:
                raise InvalidRequest(f"others: expected orderIds as ints, got {shown(order_id)} among them")
        request = open_request(unknown, self._client.clock)
        if timeout is None and not request.params.get("timestamp"):
            raise InvalidRequest(
                f"{request.method} has no timestamp, so its outcome is never certain: give a timeout"
            )
        account = await self._account(request)
        sender = unknown._resolver if isinstance(unknown, ExecutionUnknown) else None
        resolvers = [self, sender] if isinstance(sender, Resolver) and sender is not self else [self]

        def find_evidence() -> list[Observation]:
            return [found for one in resolvers for found in one._evidence.of(request.key)]

        self._evidence.watch(request.key, account)
        reconciliation = Reconciliation(self._client, request, others, self._decided_by, self._named)
        case = Case(reconciliation, find_evidence)
        for one in resolvers:
            one._listen(request.key, case)
        try:
            verdict = await self._find_out(case, request, timeout)
        finally:
            for one in resolvers:
                one._listen_no_more(request.key, case)
        _log(request, verdict)
        if not isinstance(verdict, StillOpen):
            for one in resolvers:
                one._forget(request)
        elif request.info is None:
            self._evidence.forget(request.key)
        return verdict

    async def _account(self, request: OpenRequest) -> str | None:
        """The account of a request, as its evidence has it: None for the client's own, else an API key.

        Raises:
            InvalidRequest: this client cannot ask about it.
        """
        if request.signer is not None:
            return self._limiter.own_account(request.signer, None)
        if self._accounts.own_digest is None and not self._client.requester.connected:
            raise NotConnected("not asked: the client is not open")
        if request.account is not None:
            await self._accounts.refuse_others(
                request.method, request.account, request.uid, self._ask_account
            )
        return None

    async def _ask_account(self) -> Any:
        """The result of account.status for the client's own key."""
        return await Asker(self._client, self._turns, None).ask("account.status", {})

    async def _find_out(self, case: Case, request: OpenRequest, timeout: float | None) -> Verdict:
        group: Group | None = None
        timer = None
        if timeout is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(min(timeout, _LONGEST_TIMEOUT), case.expire)
        try:
            while True:
                case.woken.clear()
                proof = await self._proof(case, request, group)
                if proof is not None:
                    return proof
                if case.verdict is not None:
                    return case.verdict
                if case.error is not None:
                    raise case.error
                if timeout == 0:
                    return case.open
                if case.is_over:
                    self._refuse_limited(request, group)
                    return case.open
                if group is None:
                    group = self._group(request)
                    group.add(case)
                await case.woken.wait()
        finally:
            if timer is not None:
                timer.cancel()
            if group is not None:
                group.remove(case)

    async def _proof(self, case: Case, request: OpenRequest, group: Group | None) -> Verdict | None:
        """The verdict that a late reply or an observation proves, without a question."""
        late = _late_answer(request)
        if late is not None:
            return late
        mine = case.reconciliation
        answers, mine.answers = mine.answers, None  # no question can be asked, so nothing else runs meanwhile
        try:
            return await case.find_proof()
        except LookupDeferred:
            if group is not None:
                group.ask_now(case)
            return None
        finally:
            mine.answers = answers

    def _refuse_limited(self, request: OpenRequest, group: Group | None) -> None:
        """Raise LocallyLimited if a rate limit kept the questions back until the end of the timeout."""
        delay = self._limiter.read_delay(_LEAST_WEIGHT)
        if group is not None and group.is_limited and delay > 0:
            until = self._client.clock.now() + int(delay * 1e6)
            raise LocallyLimited(
                f"the outcome of {request.method} was not asked for: weight is used up", until
            )

    def _group(self, request: OpenRequest) -> Group:
        """The group of the cases of the request's account and symbol."""
        key = (request.signer, request.params.get("symbol"))
        group = self._groups.get(key)
        if group is None:
            asker = Asker(self._client, self._turns, request.signer)
            group = self._groups[key] = Group(
                self._client, asker, key[1], self._decided, lambda: self._drop(key, group)
            )
        return group

    def _drop(self, key: tuple[Signer | None, Any], group: Group | None) -> None:
        if self._groups.get(key) is group:
            del self._groups[key]

    def _decided(self, case: Case, verdict: Verdict) -> None:
        """An order that one request placed is none that another placed."""
        if isinstance(verdict, Executed) and verdict.order is not None:
            order_id = verdict.order.get("orderId")
            if isinstance(order_id, int) and case.reconciliation.method in ("order.place", "sor.order.place"):
                while len(self._decided_by) >= _DECIDED:
                    del self._decided_by[next(iter(self._decided_by))]
                self._decided_by[case.reconciliation.params.get("symbol"), order_id] = (
                    case.reconciliation.identity
                )

    def closed(self, reason: str) -> None:
        """The client is closed for good: nothing can be asked any more."""
        for group in list(self._groups.values()):
            group.end(NotConnected(f"not asked: {reason}"))

    # ------------------------------------------------------------------------------------------------ evidence

    def _listen(self, key: RequestRecord | Watched, case: Case) -> None:
        self._waiting.setdefault(key, []).append(case)

    def _listen_no_more(self, key: RequestRecord | Watched, case: Case) -> None:
        cases = self._waiting.get(key, [])
        if case in cases:
            cases.remove(case)
        if not cases:
            self._waiting.pop(key, None)

    def wake(self, key: RequestRecord | Watched) -> None:
        """A late reply to a request came, or something was observed of it."""
        for case in self._waiting.get(key, ()):
            case.woken.set()

    def _forget(self, request: OpenRequest) -> None:
        """The outcome of a request is known."""
        if request.info is not None:
            self._unresolved.discard(request.info)
        else:
            self._evidence.forget(request.key)


def _log(request: OpenRequest, verdict: Verdict) -> None:
    kind = type(verdict).__name__
    name = request.params.get("newClientOrderId", request.params.get("listClientOrderId"))
    as_name = f" as {shown(name)}" if name else ""
    if isinstance(verdict, StillOpen) and verdict.candidates:
        resolve_log.warning(
            "%s%s: one of %d orders may be its own",
            request.method,
            as_name,
            len(verdict.candidates),
            code="outcome-ambiguous",
            reason=kind,
        )
    else:
        resolve_log.info("%s%s: %s", request.method, as_name, kind, reason=kind)


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
