"""``OrderMirror``: what an account has, from its events, and from ``client.recover_gap()`` where events are missing.

Both come in any order. Of two rows of an order, the one that is further along is the newer; an ended order never opens
again. A balance in an event is newer than that in an answer, unless the event came before the fault that was asked
about, or its ``u`` is before the answer's ``updateTime``; if they are equal, an event with the newer balance follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from ._common.log import streams_log
from ._common.shown import shown
from ._common.times import microseconds, us_of
from ._native.waiters import RequestInfo
from .client import Client
from .errors import DecodeError, EventOverflow, FastwsError, InvalidRequest, NotConnected
from .gaps import EventGap, Gap, Recovery, checked_symbols
from .option_checks import check_callback
from .streams import Subscription
from .trading.results import ENDED, progress
from .types.events import UserDataEvent

__all__ = ["OrderMirror"]

Row = dict[str, Any]

# The fields of executionReport, and their names in rows of openOrders.status, and of myTrades or myAllocations.
_ORDER, _FILL = (
    {key: pair.split("=")[1] for pair in pairs.split() for key in pair.split("=")}
    for pairs in (
        "s=symbol i=orderId g=orderListId c=clientOrderId p=price q=origQty z=executedQty Z=cummulativeQuoteQty"
        " X=status f=timeInForce o=type S=side P=stopPrice F=icebergQty O=time T=updateTime w=isWorking"
        " Q=origQuoteOrderQty V=selfTradePreventionMode A=preventedQuantity",
        "s=symbol i=orderId t=id a=allocationId g=orderListId L=price l=qty Y=quoteQty n=commission"
        " N=commissionAsset T=time m=isMaker buyer=isBuyer",
    )
)
_UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError)
_REMEMBERED = 100_000  # orders that have ended
_PAUSE, _LONGEST_PAUSE = 0.25, 15.0  # seconds before what is missing is asked again
_LOOK = 1.0  # seconds between two looks for placements of unknown outcome


@dataclass
class _Fault:
    """What is to be asked: a gap, or None for the start; how many events came before it; whether it makes stale."""

    gap: Gap | None
    heard: int
    stale: bool = True


class OrderMirror(AbstractAsyncContextManager["OrderMirror"]):
    """What the account of a Subscription has, kept up to date; docs/order_mirror.md says more.

    The mirror is the one consumer of the subscription. It recovers gaps, and lost or unreadable events alike, resolves
    placements of unknown outcome, and repeats what fails. ``async with`` closes it; the subscription stays.

    Attributes:
        fills: rows as of ``my_trades``, each once, by (symbol, orderId, id, allocationId). All are kept, at 1 kB each.
        commission: the exact sums of the fills' commission, by asset.
        missing: why the latest recovery was incomplete; empty if it was complete.
        reason, error: why it has ended: the subscription's reason, "closed", or an error; None before.

    Args:
        client, subscription: an open client, and a Subscription of it, of any account, without ``on_event``.
        symbols: symbols to recover, besides those of open orders and those that the client placed orders for.
        on_event, on_fill: the event loop calls them with each event, and with each row of ``fills``.

    Raises:
        InvalidRequest: an argument is wrong. RuntimeError: no event loop runs.
    """

    def __init__(
        self,
        client: Client,
        subscription: Subscription,
        *,
        symbols: Iterable[str] = (),
        on_event: Callable[[UserDataEvent], object] | None = None,
        on_fill: Callable[[Row], object] | None = None,
    ) -> None:
        if not isinstance(subscription, Subscription) or subscription.client is not client:
            raise InvalidRequest(f"subscription: expected one of {shown(client)}, got {shown(subscription)}")
        if subscription.on_event is not None:
            raise InvalidRequest("subscription: expected one without on_event; use OrderMirror(on_event=…)")
        check_callback("on_event", on_event)
        check_callback("on_fill", on_fill)
        self.client, self.subscription = client, subscription
        self.fills: dict[tuple[str, int, int, int], Row] = {}
        self.commission: dict[str, Decimal] = {}
        self.missing: list[str] = []
        self.reason: str | None = None
        self.error: BaseException | None = None
        self._on_event, self._on_fill = on_event, on_fill
        self._symbols = checked_symbols(symbols)
        self._api_key = None if subscription.own else subscription.api_key
        self._gap = partial(Gap.since, api_key=self._api_key)
        # rows; how far each is, or its time; the number of the event that showed it
        self._orders: dict[tuple[str, int], tuple[Row, Any, int]] = {}
        self._balances: dict[str, tuple[Row, Any, int]] = {}
        self._ended: dict[tuple[str, int], None] = {}
        self._balanced_at = 0  # the updateTime of the newest answer
        self._heard, self._heard_at = 0, 0  # events, and the time of the latest
        # fills from then on count; 0: the exchange is to be asked for its time
        self._began = client.clock.now() - (client.clock.uncertainty or 0) if client.clock.synced else 0
        self._faults = [_Fault(self._gap(self._began) if self._began else None, 0)]
        self._asking: _Fault | None = None
        self._doubted, self._told = asyncio.Event(), asyncio.Event()
        self._resolving: WeakKeyDictionary[RequestInfo, asyncio.Task[Any]] = WeakKeyDictionary()
        self._life = asyncio.get_running_loop().create_task(self._live())

    def __repr__(self) -> str:
        state = f"ended ({self.reason})" if self.reason else "stale" if self.stale else "ready"
        counts = f"{len(self._orders)} open orders, {len(self.fills)} fills, {len(self.unknown)} unknown placements"
        return f"<fastws.OrderMirror {state}: {'; '.join([counts, *self.missing])}>"

    @property
    def open_orders(self) -> dict[tuple[str, int], Row]:
        """The open orders by (symbol, orderId): rows as of ``open_orders_status``, with the fields that events have."""
        return {key: row for key, (row, _, _) in self._orders.items()}

    @property
    def balances(self) -> dict[str, Row]:
        """The balances by asset: rows of ``account_status``, with ``asset``, ``free`` and ``locked``."""
        return {asset: row for asset, (row, _, _) in self._balances.items()}

    @property
    def unknown(self) -> list[RequestInfo]:
        """The placements of unknown outcome that nobody has resolved yet; see ``client.unknown_placements()``."""
        return self.client.unknown_placements(self._api_key)

    @property
    def stale(self) -> bool:
        """Whether something may be missing: at first, from a loss on until it is recovered, and after the end."""
        cut = self.subscription.connection < 0 or not self.subscription.whole
        return cut or self.reason is not None or any(fault.stale for fault in self._faults)

    async def ready(self) -> None:
        """Wait until it is not stale, or raise a FastwsError if it has ended."""
        while self.stale:
            if self.reason is not None:
                raise self.error or NotConnected(f"the mirror has ended: {self.reason}")
            self._told.clear()
            await self._told.wait()

    async def close(self) -> None:
        """Stop. What it shows stays; the subscription goes on, and another consumer may take its events."""
        self._life.cancel()
        await asyncio.wait([self._life])
        self.reason = self.reason or "closed"  # its task may never have had a turn
        self._told.set()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _live(self) -> None:
        parts = [asyncio.ensure_future(each) for each in (self._listen(), self._recover(), self._resolve())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            self.error = next(part for part in parts if part.done()).exception()
            if self.error is not None:
                streams_log.error("an OrderMirror ended", exc_info=self.error, code="mirror-ended")
        finally:
            self.reason = self.subscription.reason or (repr(self.error) if self.error else "closed")
            self._told.set()
            for part in (running := [*parts, *self._resolving.values()]):
                part.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async for event in self.subscription:
                    self._take_event(event)
                return
            except EventGap as error:
                self._doubt(error.gap)
            except (EventOverflow, DecodeError):
                self._doubt()

    def _doubt(self, gap: Gap | None = None, stale: bool = True) -> None:
        """Ask for what happened in a gap, or since the latest event."""
        last = self._faults[-1] if self._faults and self._faults[-1] is not self._asking else None
        if gap is None and last is not None and (last.gap is None or last.gap.open_ended):
            last.heard, last.stale = self._heard, last.stale or stale  # it is asked later, and for more
        else:
            known = gap is None and us_of(self._heard_at) is not None
            self._faults.append(_Fault(self._gap(self._heard_at) if known else gap, self._heard, stale))
            self._doubted.set()

    async def _recover(self) -> None:
        while True:
            while not self._faults:
                self._doubted.clear()
                await self._doubted.wait()
            self._asking, pause = self._faults[0], _PAUSE
            while missing := await self._ask(self._asking):
                self.missing = missing
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            self._faults.remove(self._asking)
            self._asking, self.missing = None, []
            self._told.set()

    async def _ask(self, fault: _Fault) -> list[str]:
        """Ask about a fault; returns what is missing."""
        try:
            if fault.gap is None:
                now = microseconds((await self.client.time())["serverTime"])
                fault.gap, self._began = self._gap(now), self._began or now
            symbols = self._symbols.union(symbol for symbol, _ in self._orders)
            found = await self.client.recover_gap(fault.gap, symbols=symbols)
            if found.complete:
                self._take_recovery(found, fault.heard)
            return found.missing
        except InvalidRequest:
            raise  # it would be raised again
        except (FastwsError, *_UNREADABLE) as error:
            return [repr(error)]

    async def _resolve(self) -> None:
        while True:
            for info in self.unknown:
                asked = self._resolving.get(info)
                error = asked.exception() if asked is not None and asked.done() else None
                if asked is None or (error is not None and not isinstance(error, InvalidRequest)):
                    self._resolving[info] = asyncio.ensure_future(self.client.resolve(info))
            await asyncio.sleep(_LOOK)

    def _take_event(self, event: Any) -> None:
        self._heard, self._heard_at = self._heard + 1, event.get("E")
        try:
            if event["e"] == "executionReport":
                self._take_order(event, self._heard)
                if event["x"] == "TRADE":
                    self._take_fill({**event, "buyer": event["S"] == "BUY"})
            elif event["e"] == "outboundAccountPosition" and event["u"] >= self._balanced_at:
                for each in event["B"]:
                    row = {"asset": each["a"], "free": each["f"], "locked": each["l"]}
                    self._balances[each["a"]] = row, event["u"], self._heard
            elif event["e"] in ("balanceUpdate", "externalLockUpdate"):
                self._doubt(stale=False)  # a difference; whether the balance follows is not documented
        except _UNREADABLE:
            self._doubt()
        if self._on_event is not None:
            asyncio.get_running_loop().call_soon(self._on_event, event)

    def _take_order(self, found: Row, heard: int = 0) -> None:
        row = {name: found[key] for key, name in _ORDER.items() if key in found}
        key = row["symbol"], row["orderId"]
        if row["status"] in ENDED:
            self._orders.pop(key, None)
            self._ended[key] = None
            if len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
        elif key not in self._ended:
            _, far, at = self._orders.get(key, (None, (), 0))
            if (now := progress(row)) >= far:
                self._orders[key] = row, now, heard or at

    def _take_fill(self, found: Row) -> None:
        row = {"id": -1, "allocationId": -1} | {_FILL[key]: found[key] for key in _FILL if key in found}
        key = row["symbol"], row["orderId"], row["id"], row["allocationId"]
        if key not in self.fills:
            self.fills[key], asset = row, row["commissionAsset"]
            if asset is not None:
                paid = Decimal(str(row["commission"]))
                self.commission[asset] = Context(prec=200).add(self.commission.get(asset, Decimal(0)), paid)
            if self._on_fill is not None:
                asyncio.get_running_loop().call_soon(self._on_fill, row)

    def _take_recovery(self, found: Recovery, heard: int) -> None:
        """Take what was found about a fault; ``heard`` events came before it."""
        for row in found.orders:
            self._take_order(row)
        shown_orders = {(row["symbol"], row["orderId"]) for row in found.orders}
        lists = {row["orderListId"] for row in found.orders if row["status"] not in ENDED} - {-1}
        for key, (row, _, at) in list(self._orders.items()):
            # whether orders that wait for another one of their list are shown is not documented
            waits = row["status"] == "PENDING_NEW" and row["orderListId"] in lists
            if at <= heard and key not in shown_orders and not waits:
                del self._orders[key]
        for row in (*found.trades, *found.allocations):
            if microseconds(row["time"]) >= self._began // 1000 * 1000:
                self._take_fill(row)
        since = (account := found.account or {})["updateTime"]
        if since >= self._balanced_at:
            newer = [each for each in self._balances.items() if each[1][2] > heard and each[1][1] >= since]
            rows = {row["asset"]: (row, since, 0) for row in account["balances"]}
            self._balances, self._balanced_at = rows | dict(newer), since
