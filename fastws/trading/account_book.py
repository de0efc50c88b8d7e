"""``AccountBook``: the orders, fills and balances of an account, out of its events and of what ``recover_gap()`` found.

Both show the same things, and come in any order:

- Of two rows of an order, the one that is further along is the newer: progress() in results.py. An order that has
  ended does not open again.
- A balance in an event is newer than that in an answer, unless the event came before the fault that was asked about, or
  its ``u`` is before the answer's ``updateTime``. Of equal times the event is taken: were the answer newer, the event
  of its balance would follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from ..gaps import Recovery
from .results import ENDED, as_microseconds, progress

__all__ = ["AccountBook", "FillKey", "OrderKey", "Row"]

Row = dict[str, Any]
OrderKey = tuple[str, int]
FillKey = tuple[str, int, int, int]


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


# The fields of executionReport, and their names in rows of openOrders.status and of myTrades or myAllocations.
_ORDER = _pairs(
    "s=symbol i=orderId g=orderListId c=clientOrderId p=price q=origQty z=executedQty Z=cummulativeQuoteQty X=status"
    " f=timeInForce o=type S=side P=stopPrice F=icebergQty O=time T=updateTime w=isWorking Q=origQuoteOrderQty"
    " V=selfTradePreventionMode A=preventedQuantity"
)
_FILL = _pairs(
    "s=symbol i=orderId t=id a=allocationId g=orderListId L=price l=qty Y=quoteQty n=commission N=commissionAsset"
    " T=time m=isMaker"
)
_REMEMBERED = 100_000  # orders that have ended
_EXACT = Context(prec=200)


@dataclass
class _Known:
    """An order or a balance: its row, how far it is, and the number of the event that showed it."""

    row: Row
    progress: Any
    heard: int = 0


class AccountBook:
    """See the module's docstring.

    Attributes:
        fills, commission: as OrderMirror has them.
        counted_from: the time in microseconds from which on fills in answers count.
        heard: how many events it has taken.
        on_fill: called with each fill.
    """

    def __init__(self, on_fill: Callable[[Row], object]) -> None:
        self.fills: dict[FillKey, Row] = {}
        self.commission: dict[str, Decimal] = {}
        self.counted_from = 0
        self.heard = 0
        self.on_fill = on_fill
        self._orders: dict[OrderKey, _Known] = {}
        self._ended: dict[OrderKey, None] = {}
        self._balances: dict[str, _Known] = {}
        self._balanced_at = 0  # the updateTime of the newest answer

    @property
    def orders(self) -> dict[OrderKey, Row]:
        """The open orders, in a new dict."""
        return {key: known.row for key, known in self._orders.items()}

    @property
    def balances(self) -> dict[str, Row]:
        """The balances, in a new dict."""
        return {asset: known.row for asset, known in self._balances.items()}

    def take_event(self, event: Any) -> bool:
        """Take an event; False if it does not say what it changes, so that the account is to be asked."""
        self.heard += 1
        kind = event["e"]
        if kind == "executionReport":
            self._take_order({name: event[key] for key, name in _ORDER.items() if key in event}, self.heard)
            if event["x"] == "TRADE":
                fill = {name: event[key] for key, name in _FILL.items() if key in event}
                self._take_fill({**fill, "isBuyer": event["S"] == "BUY"})
        elif kind == "outboundAccountPosition" and event["u"] >= self._balanced_at:
            for each in event["B"]:
                row = {"asset": each["a"], "free": each["f"], "locked": each["l"]}
                self._balances[each["a"]] = _Known(row, event["u"], self.heard)
        # these tell a difference, and whether an outboundAccountPosition comes with it is not documented
        return kind not in ("balanceUpdate", "externalLockUpdate")

    def take_recovery(self, found: Recovery, heard: int) -> None:
        """Take what was found about a fault; ``heard`` events came before the fault."""
        for row in found.orders:
            self._take_order({name: row[name] for name in _ORDER.values() if name in row})
        shown = {(row["symbol"], row["orderId"]) for row in found.orders}
        lists = {row["orderListId"] for row in found.orders if row["status"] not in ENDED} - {-1}
        for key, known in list(self._orders.items()):
            # whether answers show orders that wait for another one of their list is not documented
            waits = known.row["status"] == "PENDING_NEW" and known.row["orderListId"] in lists
            if known.heard <= heard and key not in shown and not waits:
                del self._orders[key]
        for row in (*found.trades, *found.allocations):
            if as_microseconds(row["time"]) >= self.counted_from:
                self._take_fill({name: row[name] for name in (*_FILL.values(), "isBuyer") if name in row})
        if found.account is not None:
            self._take_account(found.account, heard)

    def _take_order(self, row: Row, heard: int = 0) -> None:
        key = row["symbol"], row["orderId"]
        if key in self._ended or row["orderId"] < 0:  # below 0: it was rejected before it got an id
            return
        if row["status"] in ENDED:
            self._orders.pop(key, None)
            self._ended[key] = None
            if len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
            return
        far = progress(row)
        known = self._orders.get(key)
        if known is None or far >= known.progress:
            self._orders[key] = _Known(row, far, heard or (known.heard if known else 0))

    def _take_fill(self, row: Row) -> None:
        row = {"id": -1, "allocationId": -1, **row}
        key = row["symbol"], row["orderId"], row["id"], row["allocationId"]
        if key in self.fills:
            return
        self.fills[key] = row
        asset = row["commissionAsset"]
        if asset is not None:
            paid = Decimal(str(row["commission"]))
            self.commission[asset] = _EXACT.add(self.commission.get(asset, Decimal(0)), paid)
        self.on_fill(row)

    def _take_account(self, account: Row, heard: int) -> None:
        at = account["updateTime"]
        if at < self._balanced_at:
            return
        newer = {
            asset: known
            for asset, known in self._balances.items()
            if known.heard > heard and known.progress >= at
        }
        rows = {each["asset"]: _Known({**each}, at) for each in account["balances"]}
        self._balances, self._balanced_at = rows | newer, at
