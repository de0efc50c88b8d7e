"""The events of user data streams, built while the engine changes things (user-data-stream.md).

For each account: its orders' events in the order in which they happened; at the end of a command, the balances that
the command changed.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..values.accounts import Account
from ..values.decimals import UNIT, decimal_text
from ..values.new_orders import NewOrder
from ..values.orders import Order, OrderList
from ..values.records import Fill, PreventedMatch

__all__ = ["EventReceiver", "Reporter", "balance_update", "external_lock_update"]

_ZERO = decimal_text(0)

# The reject reason by error text; enums of user-data-stream.md have no more, so all others are "NONE".
_REJECT_REASONS = {
    "Account has insufficient balance for requested action.": "INSUFFICIENT_BALANCES",
    "Order would trigger immediately.": "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    "Order would immediately match and take.": "WOULD_MATCH_IMMEDIATELY",
    "The relationship of the prices for the orders is not correct.": "OCO_BAD_PRICES",
}


class EventReceiver(Protocol):
    """The receiver of the events: the exchange."""

    def listening(self, account: Account) -> bool:
        """Whether anything needs the events of an account."""

    def emit(self, account: Account, event: dict[str, Any]) -> None:
        """Take an event of an account, with times in microseconds."""


class Reporter:
    """Builds events, for the accounts whose events are needed."""

    __slots__ = ("_receiver", "_touched")

    def __init__(self, receiver: EventReceiver) -> None:
        self._receiver = receiver
        self._touched: dict[Account, dict[str, None]] = {}

    def touch(self, account: Account, asset: str) -> None:
        """Note that a balance of the account has changed."""
        if self._receiver.listening(account):
            self._touched.setdefault(account, {})[asset] = None

    def flush(self, now_us: int) -> None:
        """Report the balances that changed since the last call."""
        if self._touched:
            touched, self._touched = self._touched, {}
            for account, assets in touched.items():
                account.update_time = now_us
                self._receiver.emit(account, account_position(account, assets, now_us))

    def order(
        self,
        order: Order,
        execution: str,
        now_us: int,
        execution_id: int,
        *,
        original: str = "",
        fill: Fill | None = None,
        maker: bool = False,
        match: PreventedMatch | None = None,
    ) -> None:
        """Report an execution of an order: ``execution`` is an execution type of enums.md."""
        if not self._receiver.listening(order.account):
            return
        event = execution_report(order, execution, now_us, execution_id, original, fill, maker)
        if match is not None:
            _add_match(event, order, match)
        self._receiver.emit(order.account, event)

    def rejected(self, account: Account, new: NewOrder, reason: str, now_us: int, execution_id: int) -> None:
        """Report an order that a cancel-replace could not place; it has no order id."""
        if not self._receiver.listening(account):
            return
        order = Order(-1, account, new, new.client_id, now_us)
        order.status = "REJECTED"
        event = execution_report(order, "REJECTED", now_us, execution_id, "", None, False)
        event["r"] = _REJECT_REASONS.get(reason, "NONE")
        self._receiver.emit(account, event)

    def order_list(self, order_list: OrderList, now_us: int) -> None:
        """Report the status of an order list."""
        if not self._receiver.listening(order_list.account):
            return
        event = {
            "e": "listStatus",
            "E": now_us,
            "s": order_list.symbol.name,
            "g": order_list.id,
            "c": order_list.contingency,
            "l": order_list.status_type,
            "L": order_list.order_status,
            "r": "NONE",
            "C": order_list.client_id,
            "T": order_list.time,
            "O": [{"s": o.symbol.name, "i": o.id, "c": o.client_id} for o in order_list.orders],
        }
        self._receiver.emit(order_list.account, event)


def execution_report(
    order: Order,
    execution: str,
    now_us: int,
    execution_id: int,
    original: str,
    fill: Fill | None,
    maker: bool,
) -> dict[str, Any]:
    """The event executionReport."""
    # As in the documented example: a market order is on the book while it is NEW, not when it trades.
    on_book = order.working_time >= 0 and order.is_open and (execution == "NEW" or not order.is_market)
    event: dict[str, Any] = {
        "e": "executionReport",
        "E": now_us,
        "s": order.symbol.name,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.tif,
        "q": decimal_text(order.quantity),
        "p": decimal_text(order.limit),
        "P": decimal_text(order.stop_price),
    }
    if order.trailing_delta:
        event["d"] = order.trailing_delta
    event["F"] = decimal_text(order.iceberg_qty)
    event["g"] = order.list_id
    event["C"] = original
    event["x"] = execution
    event["X"] = order.status
    event["r"] = "NONE"
    event["i"] = order.id
    if fill is None:
        event["l"] = _ZERO
        event["z"] = decimal_text(order.executed)
        event["L"] = _ZERO
        event["n"] = "0"
        event["N"] = None
    else:
        event["l"] = decimal_text(fill.quantity)
        event["z"] = decimal_text(order.executed)
        event["L"] = decimal_text(fill.price)
        event["n"] = decimal_text(fill.commission)
        event["N"] = fill.commission_asset
    event["T"] = now_us
    event["t"] = -1 if fill is None else fill.trade_id
    event["I"] = execution_id
    event["w"] = on_book
    event["m"] = maker
    event["M"] = fill is not None
    event["O"] = order.time
    event["Z"] = decimal_text(order.quote_executed)
    event["Y"] = _ZERO if fill is None else decimal_text(fill.price * fill.quantity // UNIT)
    event["Q"] = decimal_text(order.quote_quantity)
    if order.working_time >= 0:
        event["W"] = order.working_time
    event["V"] = order.stp
    _add_conditions(event, order)
    if fill is not None and fill.allocation_id >= 0:
        event["b"] = "ONE_PARTY_TRADE_REPORT"
        event["a"] = fill.allocation_id
    return event


def _add_conditions(event: dict[str, Any], order: Order) -> None:
    if order.trailing_delta and order.trailing_time >= 0:
        event["D"] = order.trailing_time
    if order.strategy_id is not None:
        event["j"] = order.strategy_id
    if order.strategy_type is not None:
        event["J"] = order.strategy_type
    if order.prevented:
        event["v"] = order.prevented_id
        event["A"] = decimal_text(order.prevented)
    if order.used_sor:
        event["k"] = order.working_floor
        event["uS"] = True
    if order.peg_price_type:
        event["gP"] = order.peg_price_type
        if order.peg_offset_type:
            event["gOT"] = order.peg_offset_type
            event["gOV"] = order.peg_offset_value
        if order.pegged_price:
            event["gp"] = decimal_text(order.pegged_price)
    if order.expiry_reason:
        event["eR"] = order.expiry_reason


def _add_match(event: dict[str, Any], order: Order, match: PreventedMatch) -> None:
    counter = match.maker if order is match.taker else match.taker
    prevented = match.taker_quantity if order is match.taker else match.maker_quantity
    event["B"] = decimal_text(prevented or 0)
    event["u"] = order.account.trade_group_id
    event["U"] = counter.id
    event["Cs"] = counter.symbol.name
    event["pl"] = decimal_text(match.quantity)
    event["pL"] = decimal_text(match.price)
    event["pY"] = decimal_text(match.price * match.quantity // UNIT)


def account_position(account: Account, assets: dict[str, None], now_us: int) -> dict[str, Any]:
    """The event outboundAccountPosition, with these assets' balances."""
    rows = []
    for asset in assets:
        balance = account.balance(asset)
        rows.append({"a": asset, "f": decimal_text(balance.free), "l": decimal_text(balance.locked)})
    return {"e": "outboundAccountPosition", "E": now_us, "u": account.update_time, "B": rows}


def balance_update(asset: str, change: int, now_us: int) -> dict[str, Any]:
    """The event balanceUpdate, for a deposit or a withdrawal."""
    return {"e": "balanceUpdate", "E": now_us, "a": asset, "d": _signed(change), "T": now_us}


def external_lock_update(asset: str, change: int, now_us: int) -> dict[str, Any]:
    """The event externalLockUpdate; a negative ``change`` is an unlock."""
    return {"e": "externalLockUpdate", "E": now_us, "a": asset, "d": _signed(change), "T": now_us}


def _signed(value: int) -> str:
    return f"-{decimal_text(-value)}" if value < 0 else decimal_text(value)
