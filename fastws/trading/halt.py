"""``client.halt()``: no new orders, and no open orders left.

1. Refuse new placements, and give up those that were not written yet.
2. Cancel the open orders of the symbols that the client used: at once, and again when the placements in flight have
   their replies.
3. Ask the exchange which orders are open.
4. Find out what became of placements without a reply.

Each step can be done again. So the steps start anew, with the time that is left, when the connection was lost
meanwhile, and when a signal ends the program (``fastws.run(grace=…)``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from .._common.grace import grace_of
from .._common.log import logger
from .._common.shown import shown
from ..errors import Halted, InvalidRequest
from ..gaps import checked_symbols
from ..holds import PlacementHold
from .halt_steps import HaltReport, HaltSteps, Orders, Parts

__all__ = ["HaltReport", "Halting", "Parts"]

# In seconds: a halt ends so long before the grace of fastws.run() ends, or at half of a shorter one, so that there is
# time for its report and for close().
_BEFORE_END_OF_GRACE = 1.0


class Halting:
    """Carries out ``halt()`` for a client, one halt at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hold = PlacementHold(_halted)
        self._named: set[str] = set()  # the symbols that callers named for the halt under way
        self._orders: Orders = "all"  # of the halt under way
        self.task: asyncio.Task[HaltReport] | None = None

    def start(self, timeout: float, symbols: Iterable[str], orders: Orders) -> asyncio.Future[HaltReport]:
        """Start to halt, or join the halt that is under way. The Future's result is the report."""
        # an empty symbol is reported by the exchange: nothing may keep a halt from the symbols beside it
        more = checked_symbols(symbols, may_be_empty=True)
        self._check_orders(orders)
        if self._parts.session.loop_guard is not None:
            self._parts.session.loop_guard.check("halt")
        asyncio.get_running_loop()
        self._parts.limiter.hold(self._hold, first=True)
        self._parts.session.give_up_held(self._hold)
        if self.task is None or self.task.done():
            self._named, self._orders = more, orders
            self.task = asyncio.ensure_future(self._run(timeout, more, orders))
        elif more - self._named or (orders == "all" and self._orders == "own"):
            self._named |= more
            self._orders = orders if orders == "all" else self._orders
            self.task = asyncio.ensure_future(self._after(self.task, timeout, set(self._named), self._orders))
        # a caller that cancels its wait must not cancel the halt
        return asyncio.shield(self.task)

    @property
    def halted(self) -> bool:
        """Whether placements are refused, because a halt was started."""
        return self._hold in self._parts.limiter.holds

    def resume(self) -> None:
        """Allow placements again.

        Raises:
            RuntimeError: a halt is under way.
        """
        if self.task is not None and not self.task.done():
            raise RuntimeError("client.halt() is under way: await it before client.resume()")
        self._parts.limiter.release(self._hold)

    def _check_orders(self, orders: object) -> None:
        if not isinstance(orders, str) or orders not in ("all", "own"):
            raise InvalidRequest(f'orders: expected "all" or "own", got {shown(orders)}')
        if orders == "own" and not self._parts.client.client_order_id_prefix:
            raise InvalidRequest(
                'orders="own" cancels the orders whose client order id has the prefix of this client, and it has none:'
                " give connect() a client_order_id_prefix"
            )

    async def _after(
        self, task: asyncio.Task[HaltReport], timeout: float, symbols: set[str], orders: Orders
    ) -> HaltReport:
        """Halt again, for more orders, when the halt ``task`` is over."""
        await asyncio.wait([task])
        return await self._run(timeout, symbols, orders)

    async def _run(self, timeout: float, symbols: set[str], orders: Orders) -> HaltReport:
        deadline = _Deadline(timeout)
        self._parts.session.probe(self._parts.probe_within)  # a dead connection would cost the halt its time
        cancelled: list[Any] = []
        while True:
            steps = HaltSteps(self._parts, deadline.at(), symbols, orders, cancelled)
            task = asyncio.ensure_future(steps.run())
            try:
                await asyncio.wait({task, *deadline.changes()}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                finished = task.done()
                await _end(task)
            if finished:
                task.result()
                if not steps.interrupted or asyncio.get_running_loop().time() >= deadline.at():
                    break
        report = steps.report
        if report.clean:
            logger.info("%s", report)
        else:
            logger.warning("%s", report, code="halt-not-clean")
        return report


def _halted(method: str) -> Halted:
    return Halted(f"{method} was not sent: the client is halted; client.resume() ends that")


class _Deadline:
    """When a halt ends, by the clock of the event loop, in seconds: a signal may bring it forward."""

    def __init__(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._grace = grace_of(self._loop)
        self._at = self._loop.time() + timeout
        self._counted = False  # whether the grace has begun, and counts

    def at(self) -> float:
        end = self._grace.deadline
        if end is not None and not self._counted:
            self._counted = True
            spare = min(_BEFORE_END_OF_GRACE, max(0.0, end - self._loop.time()) / 2)
            self._at = min(self._at, end - spare)
        return self._at

    def changes(self) -> set[asyncio.Future[None]]:
        """What is done when the deadline has changed; nothing once it cannot change any more."""
        return set() if self._counted else {self._grace.begun}


async def _end(task: asyncio.Task[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
