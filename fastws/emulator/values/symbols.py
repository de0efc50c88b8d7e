"""Symbols: trading pairs with their filters and rules.

Prices, quantities and amounts are integers in units of 10^-8 everywhere in the exchange; see decimals.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .decimals import UNIT, decimal_text, short_text, units

__all__ = [
    "ALGO_TYPES",
    "MARKET_TYPES",
    "NO_RATES",
    "ORDER_TYPES",
    "STATUSES",
    "STP_MODES",
    "PriceRange",
    "Rates",
    "Symbol",
    "spot_symbol",
]

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
ALGO_TYPES = frozenset(("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"))
# Orders of these types have no limit price.
MARKET_TYPES = frozenset(("MARKET", "STOP_LOSS", "TAKE_PROFIT"))
STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")


@dataclass(frozen=True, slots=True)
class Rates:
    """Commission rates, in units of 10^-8 (faqs/commission_faq.md)."""

    maker: int = 0
    taker: int = 0
    buyer: int = 0
    seller: int = 0

    def view(self) -> dict[str, str]:
        """The rates as account.commission shows them."""
        return {
            "maker": decimal_text(self.maker),
            "taker": decimal_text(self.taker),
            "buyer": decimal_text(self.buyer),
            "seller": decimal_text(self.seller),
        }

    def order_view(self, buy: bool) -> dict[str, str]:
        """The rates of an order on that side, as order.test shows them."""
        side = self.buyer if buy else self.seller
        return {"maker": decimal_text(self.maker + side), "taker": decimal_text(self.taker + side)}

    def of(self, maker: bool, buy: bool) -> int:
        """The sum of all rates for one side of a trade."""
        return (self.maker if maker else self.taker) + (self.buyer if buy else self.seller)


NO_RATES = Rates()
# Higher than any price.
NO_LIMIT = 1 << 100


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The execution rule PRICE_RANGE (faqs/price_range_execution_rules.md): multiples of the reference price, in units
    of 10^-8. None means no limit.
    """

    bid_up: int | None = None
    bid_down: int | None = None
    ask_up: int | None = None
    ask_down: int | None = None

    def limits(self, reference: int, buy: bool) -> tuple[int, int]:
        """The lowest and the highest price at which an order can trade, for this reference price."""
        down, up = (self.bid_down, self.bid_up) if buy else (self.ask_down, self.ask_up)
        lowest = 0 if down is None else -(-reference * down // UNIT)
        return lowest, NO_LIMIT if up is None else reference * up // UNIT

    def view(self) -> dict[str, Any]:
        """The rule as executionRules shows it."""
        names = ("bidLimitMultUp", "bidLimitMultDown", "askLimitMultUp", "askLimitMultDown")
        values = (self.bid_up, self.bid_down, self.ask_up, self.ask_down)
        rule: dict[str, Any] = {"ruleType": "PRICE_RANGE"}
        rule.update((name, short_text(v)) for name, v in zip(names, values, strict=True) if v is not None)
        return rule


@dataclass(frozen=True, slots=True)
class Symbol:
    """A trading pair with its filters (filters.md); see ``spot_symbol``.

    Numbers are in units of 10^-8 of the quote or the base asset. A filter with the limit 0 does not exist.
    """

    name: str
    base: str
    quote: str
    reference_price: int
    tick_size: int
    step_size: int
    min_price: int
    max_price: int
    min_qty: int
    max_qty: int
    market_min_qty: int
    market_max_qty: int
    market_step_size: int
    min_notional: int
    max_notional: int
    apply_min_to_market: bool
    apply_max_to_market: bool
    bid_multiplier_up: int
    bid_multiplier_down: int
    ask_multiplier_up: int
    ask_multiplier_down: int
    percent_filter: str
    avg_price_mins: int
    iceberg_parts: int
    max_num_orders: int
    max_num_algo_orders: int
    max_num_iceberg_orders: int
    max_num_order_lists: int
    max_num_amends: int
    max_position: int
    trailing_above: tuple[int, int]
    trailing_below: tuple[int, int]
    notional_filter: str
    status: str
    liquidity: bool
    order_types: tuple[str, ...]
    iceberg: bool
    oco: bool
    oto: bool
    opo: bool
    quote_order_qty: bool
    trailing_stop: bool
    cancel_replace: bool
    amend: bool
    pegs: bool
    sor: bool
    stp_modes: tuple[str, ...]
    default_stp: str
    special_rates: Rates
    tax_rates: Rates
    bnb_discount: bool
    price_range: PriceRange | None

    def filters(self) -> list[dict[str, Any]]:
        """The filters as exchangeInfo shows them. The exchange enforces all of them."""
        return _filters(self)

    def info(self, permission_sets: bool) -> dict[str, Any]:
        """The symbol as exchangeInfo describes it."""
        return {
            "symbol": self.name,
            "status": self.status,
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(self.order_types),
            "icebergAllowed": self.iceberg,
            "ocoAllowed": self.oco,
            "otoAllowed": self.oto,
            "opoAllowed": self.opo,
            "quoteOrderQtyMarketAllowed": self.quote_order_qty,
            "allowTrailingStop": self.trailing_stop,
            "cancelReplaceAllowed": self.cancel_replace,
            "amendAllowed": self.amend,
            "pegInstructionsAllowed": self.pegs,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self.filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]] if permission_sets else [],
            "defaultSelfTradePreventionMode": self.default_stp,
            "allowedSelfTradePreventionModes": list(self.stp_modes),
        }


def spot_symbol(
    name: str,
    *,
    base: str,
    quote: str,
    reference_price: str,
    tick_size: str,
    step_size: str,
    min_notional: str,
    max_price: str = "1000000",
    max_qty: str = "9000",
    market_max_qty: str = "1000",
    max_notional: str = "9000000",
    multiplier_up: str = "5",
    multiplier_down: str = "0.2",
    ask_multiplier_up: str | None = None,
    ask_multiplier_down: str | None = None,
    percent_filter: str = "PERCENT_PRICE_BY_SIDE",
    avg_price_mins: int = 0,
    iceberg_parts: int = 100,
    max_num_orders: int = 200,
    max_num_algo_orders: int = 5,
    max_num_iceberg_orders: int = 0,
    max_num_order_lists: int = 20,
    max_num_amends: int = 10,
    max_position: str = "0",
    trailing_above: tuple[int, int] = (10, 2000),
    trailing_below: tuple[int, int] = (10, 2000),
    notional_filter: str = "NOTIONAL",
    apply_to_market: bool = True,
    status: str = "TRADING",
    liquidity: bool = True,
    order_types: Iterable[str] = ORDER_TYPES,
    iceberg: bool = True,
    oco: bool = True,
    oto: bool = True,
    opo: bool = True,
    quote_order_qty: bool = True,
    trailing_stop: bool = True,
    cancel_replace: bool = True,
    amend: bool = True,
    pegs: bool = True,
    sor: bool = False,
    stp_modes: Iterable[str] = STP_MODES,
    default_stp: str = "NONE",
    special_rates: Rates = NO_RATES,
    tax_rates: Rates = NO_RATES,
    bnb_discount: bool = True,
    price_range: PriceRange | None = None,
) -> Symbol:
    """Define a symbol. Decimals are texts, as in exchangeInfo.

    Args:
        name: e.g. "BTCUSDT".
        base: the base asset.
        quote: the quote asset.
        reference_price: the price when the exchange opens.
        tick_size: the tick size, and the lowest price.
        step_size: the step size, and the lowest quantity.
        min_notional: the lowest notional, price times quantity.
        multiplier_up, multiplier_down: the multipliers of bids; of asks as well, if those are not given.
        percent_filter: "PERCENT_PRICE_BY_SIDE" or "PERCENT_PRICE".
        avg_price_mins: the minutes of the average price that filters use; with 0, they use the last price.
        notional_filter: "NOTIONAL", or "MIN_NOTIONAL", which does not have ``max_notional``.
        status: "TRADING", "CANCEL_ONLY" (orders can only be canceled and amended), "HALT", "BREAK" or
            "END_OF_DAY" (enums.md); see ``Emulator.set_status``.
        liquidity: whether the exchange itself quotes both sides of the book.
        sor: whether the symbol forms a SOR configuration with all such symbols of the same base asset.
        bnb_discount: whether commissions can be paid in BNB.
        price_range: the execution rule, if the symbol has a reference price.
    """
    bid_up, bid_down = units(multiplier_up), units(multiplier_down)
    return Symbol(
        name=name,
        base=base,
        quote=quote,
        reference_price=units(reference_price),
        tick_size=units(tick_size),
        step_size=units(step_size),
        min_price=units(tick_size),
        max_price=units(max_price),
        min_qty=units(step_size),
        max_qty=units(max_qty),
        market_min_qty=0,
        market_max_qty=units(market_max_qty),
        market_step_size=0,
        min_notional=units(min_notional),
        max_notional=units(max_notional),
        apply_min_to_market=apply_to_market,
        apply_max_to_market=apply_to_market,
        bid_multiplier_up=bid_up,
        bid_multiplier_down=bid_down,
        ask_multiplier_up=bid_up if ask_multiplier_up is None else units(ask_multiplier_up),
        ask_multiplier_down=bid_down if ask_multiplier_down is None else units(ask_multiplier_down),
        percent_filter=percent_filter,
        avg_price_mins=avg_price_mins,
        iceberg_parts=iceberg_parts,
        max_num_orders=max_num_orders,
        max_num_algo_orders=max_num_algo_orders,
        max_num_iceberg_orders=max_num_iceberg_orders,
        max_num_order_lists=max_num_order_lists,
        max_num_amends=max_num_amends,
        max_position=units(max_position),
        trailing_above=trailing_above,
        trailing_below=trailing_below,
        notional_filter=notional_filter,
        status=status,
        liquidity=liquidity,
        order_types=tuple(order_types),
        iceberg=iceberg,
        oco=oco,
        oto=oto,
        opo=opo,
        quote_order_qty=quote_order_qty,
        trailing_stop=trailing_stop,
        cancel_replace=cancel_replace,
        amend=amend,
        pegs=pegs,
        sor=sor,
        stp_modes=tuple(stp_modes),
        default_stp=default_stp,
        special_rates=special_rates,
        tax_rates=tax_rates,
        bnb_discount=bnb_discount,
        price_range=price_range,
    )


def _filters(symbol: Symbol) -> list[dict[str, Any]]:
    """The filters of a symbol, as exchangeInfo shows them."""
    rows: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": decimal_text(symbol.min_price),
            "maxPrice": decimal_text(symbol.max_price),
            "tickSize": decimal_text(symbol.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": decimal_text(symbol.min_qty),
            "maxQty": decimal_text(symbol.max_qty),
            "stepSize": decimal_text(symbol.step_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": decimal_text(symbol.market_min_qty),
            "maxQty": decimal_text(symbol.market_max_qty),
            "stepSize": decimal_text(symbol.market_step_size),
        },
        _percent(symbol),
        _notional(symbol),
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": symbol.max_num_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": symbol.max_num_amends},
    ]
    if symbol.iceberg_parts:
        rows.append({"filterType": "ICEBERG_PARTS", "limit": symbol.iceberg_parts})
    if symbol.trailing_stop:
        rows.append(
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": symbol.trailing_above[0],
                "maxTrailingAboveDelta": symbol.trailing_above[1],
                "minTrailingBelowDelta": symbol.trailing_below[0],
                "maxTrailingBelowDelta": symbol.trailing_below[1],
            }
        )
    for kind, name, value in (
        ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", symbol.max_num_algo_orders),
        ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", symbol.max_num_iceberg_orders),
        ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", symbol.max_num_order_lists),
    ):
        if value:
            rows.append({"filterType": kind, name: value})
    if symbol.max_position:
        rows.append({"filterType": "MAX_POSITION", "maxPosition": decimal_text(symbol.max_position)})
    return rows


def _percent(symbol: Symbol) -> dict[str, Any]:
    if symbol.percent_filter == "PERCENT_PRICE":
        return {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": short_text(symbol.bid_multiplier_up),
            "multiplierDown": short_text(symbol.bid_multiplier_down),
            "avgPriceMins": symbol.avg_price_mins,
        }
    return {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": short_text(symbol.bid_multiplier_up),
        "bidMultiplierDown": short_text(symbol.bid_multiplier_down),
        "askMultiplierUp": short_text(symbol.ask_multiplier_up),
        "askMultiplierDown": short_text(symbol.ask_multiplier_down),
        "avgPriceMins": symbol.avg_price_mins,
    }


def _notional(symbol: Symbol) -> dict[str, Any]:
    if symbol.notional_filter == "MIN_NOTIONAL":
        return {
            "filterType": "MIN_NOTIONAL",
            "minNotional": decimal_text(symbol.min_notional),
            "applyToMarket": symbol.apply_min_to_market,
            "avgPriceMins": symbol.avg_price_mins,
        }
    return {
        "filterType": "NOTIONAL",
        "minNotional": decimal_text(symbol.min_notional),
        "applyMinToMarket": symbol.apply_min_to_market,
        "maxNotional": decimal_text(symbol.max_notional),
        "applyMaxToMarket": symbol.apply_max_to_market,
        "avgPriceMins": symbol.avg_price_mins,
    }
