"""Symbols: their filters, and decimals as integers.

Prices, quantities and amounts are integers in units of 10^-8 everywhere in the exchange, so that sums are
exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import filter_failure

__all__ = ["DEFAULT_SYMBOLS", "UNIT", "Symbol", "decimal_text", "spot_symbol", "units"]

UNIT = 10**8

ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")


def units(text: str) -> int:
    """A decimal of up to eight places, as an integer in units of 10^-8."""
    whole, _, fraction = text.partition(".")
    return int(whole) * UNIT + int(fraction.ljust(8, "0")[:8] or 0)


def decimal_text(value: int) -> str:
    """An integer in units of 10^-8 as the exchange writes decimals: with eight places."""
    return f"{value // UNIT}.{value % UNIT:08d}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A trading pair with its filters (filters.md).

    Numbers are in units of 10^-8 of the quote or the base asset.
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
    market_max_qty: int
    min_notional: int
    max_notional: int
    multiplier_up: int
    multiplier_down: int
    max_num_orders: int
    max_num_amends: int
    notional_filter: str
    status: str
    liquidity: bool

    def check_price(self, price: int, last_price: int) -> None:
        """PRICE_FILTER and PERCENT_PRICE_BY_SIDE.

        Raises:
            Refusal: -1013 with the name of the filter.
        """
        if not self.min_price <= price <= self.max_price or price % self.tick_size:
            raise filter_failure("PRICE_FILTER")
        if not last_price * self.multiplier_down <= price * UNIT <= last_price * self.multiplier_up:
            raise filter_failure("PERCENT_PRICE_BY_SIDE")

    def check_quantity(self, quantity: int, market: bool) -> None:
        """LOT_SIZE, and MARKET_LOT_SIZE for a market order.

        Raises:
            Refusal: -1013 with the name of the filter.
        """
        if not self.min_qty <= quantity <= self.max_qty or quantity % self.step_size:
            raise filter_failure("LOT_SIZE")
        if market and quantity > self.market_max_qty:
            raise filter_failure("MARKET_LOT_SIZE")

    def check_notional(self, notional: int) -> None:
        """MIN_NOTIONAL or NOTIONAL, whichever the symbol has.

        Raises:
            Refusal: -1013 with the name of the filter.
        """
        if notional < self.min_notional:
            raise filter_failure(self.notional_filter)
        if self.notional_filter == "NOTIONAL" and notional > self.max_notional:
            raise filter_failure("NOTIONAL")

    def filters(self) -> list[dict[str, Any]]:
        """The filters as exchangeInfo shows them. Every one that is shown is enforced."""
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": decimal_text(self.min_price),
                "maxPrice": decimal_text(self.max_price),
                "tickSize": decimal_text(self.tick_size),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": decimal_text(self.min_qty),
                "maxQty": decimal_text(self.max_qty),
                "stepSize": decimal_text(self.step_size),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": decimal_text(0),
                "maxQty": decimal_text(self.market_max_qty),
                "stepSize": decimal_text(0),
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": _short(self.multiplier_up),
                "bidMultiplierDown": _short(self.multiplier_down),
                "askMultiplierUp": _short(self.multiplier_up),
                "askMultiplierDown": _short(self.multiplier_down),
                "avgPriceMins": 0,
            },
            self._notional(),
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_num_orders},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": self.max_num_amends},
        ]

    def _notional(self) -> dict[str, Any]:
        if self.notional_filter == "MIN_NOTIONAL":
            return {
                "filterType": "MIN_NOTIONAL",
                "minNotional": decimal_text(self.min_notional),
                "applyToMarket": True,
                "avgPriceMins": 0,
            }
        return {
            "filterType": "NOTIONAL",
            "minNotional": decimal_text(self.min_notional),
            "applyMinToMarket": True,
            "maxNotional": decimal_text(self.max_notional),
            "applyMaxToMarket": True,
            "avgPriceMins": 0,
        }

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
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self.filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]] if permission_sets else [],
            "defaultSelfTradePreventionMode": "NONE",
            "allowedSelfTradePreventionModes": list(STP_MODES),
        }


def _short(value: int) -> str:
    return decimal_text(value).rstrip("0").rstrip(".")


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
    max_num_orders: int = 200,
    max_num_amends: int = 10,
    notional_filter: str = "NOTIONAL",
    status: str = "TRADING",
    liquidity: bool = True,
) -> Symbol:
    """Define a symbol. Decimals are texts, as exchangeInfo shows them.

    Args:
        name: e.g. "BTCUSDT".
        base: the base asset.
        quote: the quote asset.
        reference_price: where the market stands when the exchange opens.
        tick_size: also the lowest price.
        step_size: also the lowest quantity.
        min_notional: the lowest price times quantity.
        notional_filter: "NOTIONAL" or "MIN_NOTIONAL" (which knows no ``max_notional``).
        status: "TRADING", "HALT", "BREAK" and so on (enums.md).
        liquidity: the house keeps orders on both sides of the book.
    """
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
        market_max_qty=units(market_max_qty),
        min_notional=units(min_notional),
        max_notional=units(max_notional),
        multiplier_up=units(multiplier_up),
        multiplier_down=units(multiplier_down),
        max_num_orders=max_num_orders,
        max_num_amends=max_num_amends,
        notional_filter=notional_filter,
        status=status,
        liquidity=liquidity,
    )


DEFAULT_SYMBOLS: tuple[Symbol, ...] = (
    spot_symbol(
        "BTCUSDT",
        base="BTC",
        quote="USDT",
        reference_price="60000.00",
        tick_size="0.01",
        step_size="0.00001",
        min_notional="5",
    ),
    spot_symbol(
        "ETHUSDT",
        base="ETH",
        quote="USDT",
        reference_price="3000.00",
        tick_size="0.01",
        step_size="0.0001",
        min_notional="5",
    ),
    spot_symbol(
        "BNBBTC",
        base="BNB",
        quote="BTC",
        reference_price="0.010000",
        tick_size="0.000001",
        step_size="0.001",
        min_notional="0.0001",
        max_price="100000",
        max_qty="900000",
        market_max_qty="10000",
        notional_filter="MIN_NOTIONAL",
    ),
    spot_symbol(
        "这是测试币456",
        base="这是测试币",
        quote="456",
        reference_price="1.0000",
        tick_size="0.0001",
        step_size="0.1",
        min_notional="1",
        max_qty="900000",
        market_max_qty="100000",
    ),
)
