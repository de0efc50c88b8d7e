"""``OrderMirror``: the open orders, fills, commission, balances and unknown placements of an account, kept up to date.

It takes the events of a Subscription, and asks ``client.recover_gap()`` for what no event showed: what was there before
its start, and what happened in gaps. trading/account_book.py puts both together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from inspect import iscoroutinefunction
from typing import Any

from ._common.log import streams_log
from ._common.shown import shown
from ._common.times import microseconds, us_of
from ._native.waiters import RequestInfo
from .client import Client
from .errors import DecodeError, EventOverflow, FastwsError, InvalidRequest, NotConnected
from .gaps import EventGap, Gap, checked_symbols
from .streams import Subscription
from .trading.account_book import AccountBook, FillKey, OrderKey, Row
from .types import UserDataEvent

__all__ = ["OrderMirror"]

_UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError)
_PAUSE, _LONGEST_PAUSE = 0.25, 15.0  # seconds before an incomplete recovery is repeated
_LOOK = 1.0  # seconds between two looks for placements of unknown outcome


@dataclass
class _Fault:
    """What is to be asked: a gap, or None for the start; how many events came before it; whether it makes stale."""

    gap: Gap | None
    heard: int
    stale: bool = True


class OrderMirror:
    """What the account of a Subscription has, kept up to date; docs/order_mirror.md says more.

    The mirror is the one consumer of the subscription. It recovers gaps, and lost or unreadable events alike, resolves
    placements of unknown outcome, and repeats what fails. ``async with`` closes it, and leaves the subscription to you.
    Rows have the names and the ``numbers`` of the client's results; sums are exact.

    Attributes:
        missing: why the latest recovery was incomplete; empty if it was complete.
        reason, error: why it has ended: the subscription's reason, "closed", or an error; None before.

    Args:
        client, subscription: an open client, and a Subscription of it, of any account, without ``on_event``.
        since: fills from then on count: milliseconds or microseconds since 1970, or a ``datetime`` with a time zone;
            None: from the mirror's start on, as exactly as the client knows the exchange's time.
        symbols: symbols to recover, besides those of open orders and those that the client placed orders for.
        on_event: called with each event, once the mirror shows its effect.
        on_fill: called once with each row of ``fills``. Exceptions of both go to the event loop's exception handler.

    Raises:
        InvalidRequest: an argument is wrong. RuntimeError: no event loop runs.
    """

    def __init__(
        self,
        client: Client,
        subscription: Subscription,
        *,
        since: int | datetime | None = None,
        symbols: Iterable[str] = (),
        on_event: Callable[[UserDataEvent], object] | None = None,
        on_fill: Callable[[Row], object] | None = None,
    ) -> None:
        if not isinstance(subscription, Subscription) or subscription.client is not client:
            raise InvalidRequest(f"subscription: expected one of this client, got {shown(subscription)}")
        if subscription.on_event is not None:
            raise InvalidRequest(
                "subscription: its events go to its on_event, and the mirror needs them:"
                " subscribe without it, and give it to OrderMirror(on_event=…)"
            )
        for name, callback in (("on_event", on_event), ("on_fill", on_fill)):
            if callback is not None and (not callable(callback) or iscoroutinefunction(callback)):
                raise InvalidRequest(f"{name}: expected a plain function or None, got {shown(callback)}")
        self.client, self.subscription = client, subscription
        self.missing: list[str] = []
        self.reason: str | None = None
        self.error: BaseException | None = None
        self._on_event = on_event
        self._symbols = checked_symbols(symbols)
        self._api_key = None if subscription.own else subscription.api_key
        self._book = AccountBook(lambda row: self._call(on_fill, row))
        clock = client.clock
        if since is None and clock.synced:  # else the exchange is asked for its time
            since = clock.now() - (clock.uncertainty or 0)
        self._book.counted_from = (us_of(since) or 0) // 1000 * 1000
        self._heard_at: Any = None  # the time of the latest event
        self._faults = [_Fault(None if since is None else self._gap(since), 0)]
        self._asking: _Fault | None = None
        self._doubted, self._told = asyncio.Event(), asyncio.Event()
        self._doubted.set()
        self._resolving: dict[RequestInfo, asyncio.Task[bool]] = {}
        self._life = asyncio.get_running_loop().create_task(self._live())

    def __repr__(self) -> str:
        state = f"ended ({self.reason})" if self.reason else "stale" if self.stale else "ready"
        counts = f"{len(self.open_orders)} open orders, {len(self.fills)} fills, {len(self.unknown)} unknown placements"
        return f"<fastws.OrderMirror {state}: {counts}{'; missing: ' if self.missing else ''}{'; '.join(self.missing)}>"

    @property
    def open_orders(self) -> dict[OrderKey, Row]:
        """The open orders by (symbol, orderId): rows as of ``open_orders_status``, with the fields that events have."""
        return self._book.orders

    @property
    def fills(self) -> dict[FillKey, Row]:
        """The fills, each once: rows as of ``my_trades``, by (symbol, orderId, id, allocationId).

        A trade has the allocationId -1, an allocation of smart order routing the id -1. All are kept: about 1 kB each.
        """
        return self._book.fills

    @property
    def commission(self) -> dict[str, Decimal]:
        """The sums of the fills' commission, by asset."""
        return self._book.commission

    @property
    def balances(self) -> dict[str, Row]:
        """The balances by asset: rows of ``account_status``, with ``asset``, ``free`` and ``locked``."""
        return self._book.balances

    @property
    def unknown(self) -> list[RequestInfo]:
        """The placements of unknown outcome that nobody has resolved yet; see ``client.unknown_placements()``."""
        return self.client.unknown_placements(self._api_key)

    @property
    def stale(self) -> bool:
        """Whether something may be missing: at first, from a loss on until it is recovered, and after the end."""
        cut = self.subscription.connection < 0 or not self.subscription.whole
        return cut or self.reason is not None or any(fault.stale for fault in self._faults)

    async def ready(self, timeout: float | None = None) -> None:
        """Wait until it is not stale: ``database_lag`` and some answers after the start or a gap. None: without limit.

        Raises:
            TimeoutError: it is still stale after ``timeout`` seconds. InvalidRequest: ``timeout`` is wrong, or the
                client cannot ask about this account. FastwsError: the mirror has ended.
        """
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float))):
            raise InvalidRequest(f"timeout: expected seconds or None, got {shown(timeout)}")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (1e9 if timeout is None else min(timeout, 1e9))
        while self.stale:
            if self.reason is not None:
                raise self.error or NotConnected(f"the mirror has ended: {self.reason}")
            if loop.time() >= deadline:
                raise TimeoutError(f"after {timeout} s: {self!r}")
            timer = loop.call_later(min(_LOOK, deadline - loop.time()), self._told.set)
            await self._told.wait()
            self._told.clear()
            timer.cancel()

    async def close(self) -> None:
        """Stop. What it shows stays; the subscription goes on, and another consumer may take its events."""
        self._life.cancel()
        await asyncio.wait([self._life])
        self.reason = self.reason or "closed"  # its task may never have had a turn

    async def __aenter__(self) -> OrderMirror:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # ---------------------------------------------------------------------------------------------- asking

    async def _live(self) -> None:
        parts = [asyncio.ensure_future(each) for each in (self._listen(), self._recover(), self._resolve())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            self.error = next(part for part in parts if part.done()).exception()
            if self.error is not None:
                streams_log.error(
                    "an OrderMirror ended in %r", self.error, exc_info=self.error, code="mirror-ended"
                )
        finally:
            self.reason = self.subscription.reason or (repr(self.error) if self.error else "closed")
            self._told.set()
            left = [*parts, *self._resolving.values()]
            for part in left:
                part.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async for event in self.subscription:
                    self._heard_at = event.get("E")
                    try:
                        if not self._book.take_event(event):
                            self._doubt(stale=False)
                    except _UNREADABLE:
                        self._doubt()
                    self._call(self._on_event, event)
                return
            except EventGap as error:
                self._doubt(error.gap)
            except (EventOverflow, DecodeError):
                self._doubt()

    def _call(self, callback: Callable[[Any], object] | None, what: Any) -> None:
        try:
            _ = callback is None or callback(what)
        except Exception as exc:
            context = {"message": f"a callback of {self!r} raised an exception", "exception": exc}
            asyncio.get_running_loop().call_exception_handler(context)

    def _gap(self, since: Any) -> Gap:
        return Gap.since(since, api_key=self._api_key)

    def _doubt(self, gap: Gap | None = None, stale: bool = True) -> None:
        """Ask for what happened in a gap, or since the latest event."""
        last = self._faults[-1] if self._faults and self._faults[-1] is not self._asking else None
        if gap is None and last is not None and (last.gap is None or last.gap.open_ended):
            last.heard, last.stale = self._book.heard, last.stale or stale  # it is asked later, and for more
            return
        if gap is None and us_of(self._heard_at) is not None:
            gap = self._gap(self._heard_at)
        self._faults.append(_Fault(gap, self._book.heard, stale))
        self._doubted.set()

    async def _recover(self) -> None:
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            pause = _PAUSE
            while self._faults:
                self._asking = fault = self._faults[0]
                self.missing = await self._ask(fault)
                self._asking = None
                if self.missing:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    self._faults.remove(fault)
                    self._told.set()

    async def _ask(self, fault: _Fault) -> list[str]:
        """Ask about a fault; returns what is missing."""
        try:
            if fault.gap is None:
                now = (await self.client.time())["serverTime"]
                fault.gap = self._gap(now)
                self._book.counted_from = self._book.counted_from or microseconds(now) // 1000 * 1000
            symbols = self._symbols.union(symbol for symbol, _ in self.open_orders)
            found = await self.client.recover_gap(fault.gap, symbols=symbols)
            if found.complete:
                self._book.take_recovery(found, fault.heard)
            return found.missing
        except InvalidRequest:
            raise  # it would be raised again
        except (FastwsError, *_UNREADABLE) as error:
            return [repr(error)]

    async def _resolve(self) -> None:
        """Find out what became of placements of unknown outcome, each once, or again if that fails."""
        while True:
            unknown = self.unknown
            for info, resolving in list(self._resolving.items()):
                if resolving.done() and (not resolving.result() or info not in unknown):
                    del self._resolving[info]
            for info in unknown:
                if info not in self._resolving:
                    self._resolving[info] = asyncio.ensure_future(self._settle(info))
            await asyncio.sleep(_LOOK)

    async def _settle(self, info: RequestInfo) -> bool:
        """Resolve a request; whether it is of no use to do it again."""
        try:
            await self.client.resolve(info)
        except FastwsError as error:
            return isinstance(error, InvalidRequest)
        return True
