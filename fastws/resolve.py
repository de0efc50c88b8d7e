"""What became of a trading request whose outcome is open: ``ExecutionUnknown.resolve()``.

What is known of the exchange, and what follows:

- It takes a request only while ``timestamp - 1 s < its time <= timestamp + recvWindow``, and then has 10 s to process
  it (web-socket-api.md, Timing security; errors.md, -1007). Both ends are on its own clock, so they hold however wrong
  the clock was that the timestamp came from. What is not found is "never executed" only when the exchange's time is
  past the end, and a second question agrees.
- A cancel and an amendment give an order another client order id: an order that is not found by its name may have been
  placed all the same. So the last question about a placement is for all orders of that span.
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
    case = Case(client, error, others)
    ask, conclude = QUESTIONS[case.method]
    loop = asyncio.get_running_loop()
    give_up = loop.time() + timeout
    pause = _FIRST_PAUSE
    missed = False
    while True:
        late = _late_answer(error)
        if late is not None:
            return late
        await case.begin()
        verdict = await ask(case)
        if isinstance(verdict, StillOpen) and case.now > case.last_chance and missed:
            verdict = await conclude(case, verdict)
            return _late_answer(error) or verdict
        if not isinstance(verdict, StillOpen):
            return verdict
        if case.now > case.last_chance:
            missed = True
            await asyncio.sleep(_APART)
            continue
        if loop.time() + pause > give_up:
            return _late_answer(error) or verdict
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


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
