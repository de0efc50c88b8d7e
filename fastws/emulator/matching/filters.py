"""Filters (filters.md): the checks of orders. For the filters that exchangeInfo shows, see values/symbols.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..values.accounts import Account
from ..values.decimals import UNIT, decimal_text
from ..values.errors import filter_failure, refuse
from ..values.new_orders import NewOrder
from ..values.orders import Order
from ..values.symbols import ALGO_TYPES, MARKET_TYPES, Symbol
from .book import Book

__all__ = [
    "ExchangeFilters",
    "asset_filters",
    "check_counts",
    "check_notional",
    "check_order",
    "check_price",
    "check_quantity",
]

_STOPS = frozenset(("STOP_LOSS", "STOP_LOSS_LIMIT"))


@dataclass(slots=True)
class ExchangeFilters:
    """The filters of the whole exchange; 0 means no limit. They can be changed at any time."""

    max_num_orders: int = 0
    max_num_algo_orders: int = 0
    max_num_iceberg_orders: int = 0
    max_num_order_lists: int = 0

    def rows(self) -> list[dict[str, Any]]:
        """The filters as exchangeInfo shows them."""
        rows = (
            ("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", self.max_num_orders),
            ("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", self.max_num_algo_orders),
            ("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", self.max_num_iceberg_orders),
            ("EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists", self.max_num_order_lists),
        )
        return [{"filterType": kind, name: value} for kind, name, value in rows if value]


def asset_filters(account: Account, symbol: Symbol) -> list[dict[str, Any]]:
    """The MAX_ASSET filters of an account for a symbol's two assets."""
    return [
        {"filterType": "MAX_ASSET", "asset": asset, "limit": decimal_text(limit)}
        for asset, limit in account.max_assets.items()
        if asset in (symbol.base, symbol.quote)
    ]


# Each check raises a Refusal: -1013 with the name of the filter.


def check_price(symbol: Symbol, price: int, average: int, buy: bool = True) -> None:
    """PRICE_FILTER and PERCENT_PRICE or PERCENT_PRICE_BY_SIDE."""
    _check_ticks(symbol, price)
    if buy:
        down, up = symbol.bid_multiplier_down, symbol.bid_multiplier_up
    else:
        down, up = symbol.ask_multiplier_down, symbol.ask_multiplier_up
    if not average * down <= price * UNIT <= average * up:
        raise filter_failure(symbol.percent_filter)


def _check_ticks(symbol: Symbol, price: int) -> None:
    if not symbol.min_price <= price <= symbol.max_price or price % symbol.tick_size:
        raise filter_failure("PRICE_FILTER")


def check_quantity(symbol: Symbol, quantity: int, market: bool) -> None:
    """LOT_SIZE, and for market orders MARKET_LOT_SIZE."""
    if not symbol.min_qty <= quantity <= symbol.max_qty or quantity % symbol.step_size:
        raise filter_failure("LOT_SIZE")
    if market:
        step = symbol.market_step_size
        if not symbol.market_min_qty <= quantity <= symbol.market_max_qty or (step and quantity % step):
            raise filter_failure("MARKET_LOT_SIZE")


def check_notional(symbol: Symbol, notional: int, market: bool = False) -> None:
    """MIN_NOTIONAL or NOTIONAL: the one that the symbol has."""
    if notional < symbol.min_notional and not (market and not symbol.apply_min_to_market):
        raise filter_failure(symbol.notional_filter)
    if symbol.notional_filter == "NOTIONAL" and notional > symbol.max_notional:
        if market and not symbol.apply_max_to_market:
            return
        raise filter_failure("NOTIONAL")


def _check_trailing(symbol: Symbol, order: NewOrder | Order) -> None:
    above = (order.side == "BUY") == (order.type in _STOPS)
    lowest, highest = symbol.trailing_above if above else symbol.trailing_below
    if not lowest <= order.trailing_delta <= highest:
        raise filter_failure("TRAILING_DELTA")


def check_order(book: Book, account: Account, order: NewOrder | Order, now_us: int) -> None:
    """All filters of a single order. A quantity or price that is not known yet is 0 (pending or pegged orders)."""
    symbol = book.symbol
    market = order.type in MARKET_TYPES
    average = book.average_price(now_us)
    price = order.price
    if not market and not (price == 0 and order.peg_price_type):
        check_price(symbol, price, average, order.side == "BUY")
    if order.stop_price:
        _check_ticks(symbol, order.stop_price)
    if order.trailing_delta:
        _check_trailing(symbol, order)
    quantity, quote = order.quantity, order.quote_quantity
    if quote:
        check_notional(symbol, quote, market=True)
    elif not order.quantity_known:
        return
    else:
        check_quantity(symbol, quantity, market)
        if order.iceberg_qty:
            check_quantity(symbol, order.iceberg_qty, market=False)
            if symbol.iceberg_parts and -(-quantity // order.iceberg_qty) > symbol.iceberg_parts:
                raise filter_failure("ICEBERG_PARTS")
        if price or market:
            quote = (average if market else price) * quantity // UNIT
            check_notional(symbol, quote, market)
            if not quote:
                raise refuse(-1013, msg="Price * QTY is zero or less.")
    if account.max_assets:
        for asset, amount in ((symbol.base, quantity), (symbol.quote, quote)):
            if amount > account.max_assets.get(asset, amount):
                raise filter_failure("MAX_ASSET")
    if symbol.max_position and order.side == "BUY":
        position = account.balance(symbol.base).total + quantity
        position += sum(other.remaining for other in book.open_of(account) if other.buy)
        if position > symbol.max_position:
            raise filter_failure("MAX_POSITION")


def check_counts(
    symbol: Symbol, exchange: ExchangeFilters, account: Account, orders: tuple[NewOrder, ...], lists: int
) -> None:
    """The filters that count the open orders and order lists of an account."""
    name = symbol.name
    if account.open_orders.get(name, 0) + len(orders) > symbol.max_num_orders:
        raise filter_failure("MAX_NUM_ORDERS")
    if exchange.max_num_orders:
        total = sum(account.open_orders.values())
        if total + len(orders) > exchange.max_num_orders:
            raise filter_failure("EXCHANGE_MAX_NUM_ORDERS")
    algo = sum(order.type in ALGO_TYPES for order in orders)
    if algo:
        counts, limits = account.algo_orders, (symbol.max_num_algo_orders, exchange.max_num_algo_orders)
        _check_count("MAX_NUM_ALGO_ORDERS", counts, name, algo, limits)
    icebergs = sum(order.iceberg_qty > 0 for order in orders)
    if icebergs:
        limits = (symbol.max_num_iceberg_orders, exchange.max_num_iceberg_orders)
        _check_count("MAX_NUM_ICEBERG_ORDERS", account.iceberg_orders, name, icebergs, limits)
    if lists:
        limits = (symbol.max_num_order_lists, exchange.max_num_order_lists)
        _check_count("MAX_NUM_ORDER_LISTS", account.open_lists, name, lists, limits)


def _check_count(kind: str, counts: dict[str, int], symbol: str, more: int, limits: tuple[int, int]) -> None:
    if limits[0] and counts.get(symbol, 0) + more > limits[0]:
        raise filter_failure(kind)
    if limits[1] and sum(counts.values()) + more > limits[1]:
        raise filter_failure(f"EXCHANGE_{kind}")
