"""What became of a trading request whose outcome is open: ``ExecutionUnknown.resolve()``.

What is known of the exchange, and what follows:

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
from collections.abc import Collection
from typing import TYPE_CHECKING

from ._questions import QUESTIONS, Case, plain, plain_name
from .errors import ApiError, ExecutionUnknown
from .verdicts import Executed, NeverExecuted, Rejected, StillOpen, Verdict

if TYPE_CHECKING:
    from .client import Client

__all__ = ["Executed", "NeverExecuted", "Rejected", "StillOpen", "Verdict", "resolve"]

# Seconds: between two questions, and between the two that must agree.
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_APART = 1.0


async def resolve(
    client: Client, error: ExecutionUnknown, timeout: float, others: Collection[int] = ()
) -> Verdict:
    """Find out what became of ``error``'s request; ask for up to ``timeout`` seconds while that is open."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + timeout
    case = Case(client, error, others, give_up)
    ask, conclude = QUESTIONS[case.method]
    pause = _FIRST_PAUSE
    concluded: Verdict | None = None
    while True:
        late = _late_answer(error)
        if late is not None:
            return late
        await case.begin()
        verdict = await ask(case)
        if not isinstance(verdict, StillOpen):
            return verdict
        if case.now > case.settled:
            verdict = await conclude(case, verdict)
            if _is_found(verdict) or (concluded is not None and _agree(verdict, concluded)):
                return _late_answer(error) or verdict
            concluded = verdict
            await asyncio.sleep(_APART)
            continue
        if loop.time() + pause > give_up:
            return _late_answer(error) or verdict
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


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
