"""``client.symbols``: the rules of symbols, and prices and quantities that keep to them, in exact arithmetic.

    await client.symbols.load("BTCUSDT")
    symbol = client.symbols["BTCUSDT"]
    await client.order_place(symbol=symbol.name, side="BUY", type="LIMIT", timeInForce="GTC",
                             price=symbol.price(52000.123), quantity=symbol.quantity(0.0123456))

Source: filters.md of binance/binance-spot-api-docs, as of 2026-07-21. Filters that depend on the market or the account
(PERCENT_PRICE and PERCENT_PRICE_BY_SIDE, MAX_POSITION, MAX_NUM_…, MAX_ASSET) are shown and not checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidRequest

if TYPE_CHECKING:
    from .client import Client

__all__ = ["Filter", "Range", "Symbol", "Symbols", "UnknownSymbol"]

Rounding = Literal["down", "up", "nearest"]
Value = str | int | float | Decimal

# Decimals are read without an exponent, as the exchange takes them.
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_MAX_EXPONENT = 1000  # of a number that is rounded


class UnknownSymbol(InvalidRequest, KeyError):
    """``client.symbols`` does not have that symbol: it is not loaded, or the exchange has none of that name."""

    __str__ = Exception.__str__  # KeyError's shows quotes


@dataclass(frozen=True)
class Range:
    """The rule of PRICE_FILTER, LOT_SIZE and MARKET_LOT_SIZE: a value is in [minimum, maximum], and a multiple of step.

    None is a bound, or a step, that is switched off (0 in the filter).
    """

    filter: str
    minimum: Decimal | None
    maximum: Decimal | None
    step: Decimal | None


@dataclass(frozen=True)
class Filter:
    """A filter as exchangeInfo shows it, with its numbers as Decimals: ``filters["ICEBERG_PARTS"]["limit"]``."""

    name: str
    values: dict[str, Decimal | bool | str]

    def __getitem__(self, name: str) -> Decimal | bool | str:
        return self.values[name]


@dataclass(frozen=True)
class Symbol:
    """A symbol and its filters.

    Attributes:
        name: e.g. "BTCUSDT".
        status: "TRADING", "HALT" or "BREAK".
        base: the base asset, in which quantities are. quote: the quote asset, in which prices are.
        order_types: e.g. ("LIMIT", "MARKET").
        price_range: PRICE_FILTER, or None. lot_size: LOT_SIZE. market_lot_size: MARKET_LOT_SIZE.
        filters: all filters by ``filterType``.
        info: the symbol as ``exchangeInfo`` shows it.
    """

    name: str
    status: str
    base: str
    quote: str
    order_types: tuple[str, ...]
    price_range: Range | None
    lot_size: Range | None
    market_lot_size: Range | None
    filters: dict[str, Filter]
    info: Mapping[str, Any]
    _price_digits: int
    _quantity_digits: int

    @property
    def trading(self) -> bool:
        """Whether the symbol can be traded."""
        return self.status == "TRADING"

    def price(self, value: Value, rounding: Rounding = "nearest") -> str:
        """A price that PRICE_FILTER allows, as the text to send.

        Args:
            value: in the quote asset. A float stands for the shortest text that gives it: 0.3 is 0.3, and not a bit
                less.
            rounding: to a multiple of tickSize: "down", "up", or to the "nearest" one (the upper one of two). What
                is a multiple already stays as it is.

        Raises:
            InvalidRequest: it is no number above 0, or outside of minPrice and maxPrice, which it names.
        """
        return _fit("price", value, rounding, self._price_digits, self._ranges(self.price_range), self.name)

    def quantity(self, value: Value, rounding: Rounding = "down", *, market: bool = False) -> str:
        """A quantity that LOT_SIZE allows, as the text to send.

        Args:
            value: in the base asset; a float as in price().
            rounding: to a multiple of stepSize, as in price(). Down, by default: not more than there is.
            market: whether it is for a MARKET order, which MARKET_LOT_SIZE has to allow, too.

        Raises:
            InvalidRequest: it is no number above 0, or outside of minQty and maxQty, which it names.
        """
        ranges = self._ranges(self.lot_size, self.market_lot_size if market else None)
        return _fit("quantity", value, rounding, self._quantity_digits, ranges, self.name)

    def notional_ok(self, price: Value, quantity: Value, *, market: bool = False) -> bool:
        """Whether MIN_NOTIONAL and NOTIONAL allow price * quantity; see check_notional()."""
        return self._notional_fault(price, quantity, market) is None

    def check_notional(self, price: Value, quantity: Value, *, market: bool = False) -> None:
        """Check price * quantity against MIN_NOTIONAL and NOTIONAL.

        Args:
            price: that of the order. quantity: in the base asset.
            market: whether it is for a MARKET order, to which a limit applies where the filter says so; its price is
                the reference price, the average or the last price, as filters.md says.

        Raises:
            InvalidRequest: it is outside of the limits, which it names with the filter.
        """
        fault = self._notional_fault(price, quantity, market)
        if fault is not None:
            raise InvalidRequest(fault)

    def _ranges(self, *ranges: Range | None) -> list[Range]:
        return [each for each in ranges if each is not None]

    def _notional_fault(self, price: Value, quantity: Value, market: bool) -> str | None:
        a, b = _ratio("price", price)
        c, d = _ratio("quantity", quantity)
        for name, low, high in (
            ("MIN_NOTIONAL", "applyToMarket", None),
            ("NOTIONAL", "applyMinToMarket", "applyMaxToMarket"),
        ):
            entry = self.filters.get(name)
            if entry is None:
                continue
            for bound, applies, sign in (("minNotional", low, 1), ("maxNotional", high, -1)):
                if applies is None or (market and not entry[applies]):
                    continue
                limit = entry[bound]
                assert isinstance(limit, Decimal)
                n, m = limit.as_integer_ratio()
                if sign * (a * c * m - n * b * d) < 0:
                    return (
                        f"price * quantity: {price} * {quantity} is {'below' if sign > 0 else 'above'} the "
                        f"{bound} {_short(limit)} {self.quote} of the filter {name} of {self.name}"
                    )
        return None


class Symbols(Mapping[str, Symbol]):
    """The symbols that were loaded, by name; ``client.symbols``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._symbols: dict[str, Symbol] = {}
        self._complete = False

    def __repr__(self) -> str:
        return f"<fastws.Symbols: {len(self)} {'of all' if self._complete else 'loaded'}>"

    def __getitem__(self, name: str) -> Symbol:
        symbol = self._symbols.get(name)
        if symbol is None:
            raise UnknownSymbol(self._explain(name))
        return symbol

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)

    def _explain(self, name: object) -> str:
        if not self._complete and isinstance(name, str):
            return f"symbols: {name!r} is not loaded; await client.symbols.load({name!r}) first"
        near = get_close_matches(str(name), self._symbols, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"symbols: the exchange has no symbol {name!r}{hint}"

    async def load(self, *names: str) -> Symbols:
        """Load symbols that are not loaded: these, or all without names. It asks ``exchangeInfo`` (weight 20) once.

        Raises:
            ApiError: one of the names is none of the exchange's (-1121). FastwsError: as for every request.
        """
        missing = [name for name in dict.fromkeys(names) if name not in self._symbols]
        if not self._complete and (missing or not names):
            await self._ask(missing)
        return self

    async def refresh(self, *names: str) -> Symbols:
        """Load symbols anew: these; or, without names, what is loaded. What the exchange has no more goes."""
        await self._ask(list(dict.fromkeys(names or (() if self._complete else self._symbols))))
        return self

    async def _ask(self, names: list[str]) -> None:
        given: dict[str, Any] = {"symbols": names} if names else {}
        result: Any = await self._client.request("exchangeInfo", {**given, "showPermissionSets": False})
        found = {info["symbol"]: _symbol(info) for info in result["symbols"]}
        if names:
            self._symbols.update(found)
        else:
            self._symbols = found
            self._complete = True


# --------------------------------------------------------------------------------------------- from exchangeInfo


def _symbol(info: Mapping[str, Any]) -> Symbol:
    filters = {entry["filterType"]: _filter(entry) for entry in info["filters"]}
    return Symbol(
        name=info["symbol"],
        status=info["status"],
        base=info["baseAsset"],
        quote=info["quoteAsset"],
        order_types=tuple(info["orderTypes"]),
        price_range=_range(filters.get("PRICE_FILTER"), "minPrice", "maxPrice", "tickSize"),
        lot_size=_range(filters.get("LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        market_lot_size=_range(filters.get("MARKET_LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        filters=filters,
        info=info,
        _price_digits=info["quoteAssetPrecision"],
        _quantity_digits=info["baseAssetPrecision"],
    )


def _filter(entry: Mapping[str, Any]) -> Filter:
    """Numbers come as connect(numbers=…) says; a float is read by its shortest text."""
    values: dict[str, Decimal | bool | str] = {}
    for name, value in entry.items():
        if name == "filterType":
            continue
        if isinstance(value, bool) or (isinstance(value, str) and not _DECIMAL.fullmatch(value)):
            values[name] = value
        else:
            values[name] = Decimal(repr(value) if isinstance(value, float) else value)
    return Filter(entry["filterType"], values)


def _range(entry: Filter | None, minimum: str, maximum: str, step: str) -> Range | None:
    if entry is None:
        return None
    bounds = [entry[name] or None for name in (minimum, maximum, step)]
    return Range(entry.name, *bounds)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- arithmetic


def _ratio(what: str, value: Value) -> tuple[int, int]:
    """A number as a fraction, exactly."""
    if isinstance(value, (float, Decimal)) and math.isfinite(value):
        number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    elif (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and _DECIMAL.fullmatch(value)
    ):
        number = Decimal(value)
    else:
        raise InvalidRequest(
            f"{what}: expected a number as float, Decimal, int or text (like '0.01'), got {_shown(value)}"
        )
    if number <= 0:
        raise InvalidRequest(f"{what}: expected a number above 0, got {_shown(value)}")
    if abs(number.adjusted()) > _MAX_EXPONENT:
        raise InvalidRequest(f"{what}: {_shown(value)} is no number that the exchange could take")
    return number.as_integer_ratio()


def _fit(what: str, value: Value, rounding: Rounding, digits: int, ranges: list[Range], symbol: str) -> str:
    """The multiple of the steps that is next to a number, as text."""
    if rounding not in ("down", "up", "nearest"):
        raise InvalidRequest(f"rounding: expected 'down', 'up' or 'nearest', got {rounding!r}")
    n, d = _ratio(what, value)
    # Steps that are switched off leave the precision of the asset.
    steps = [each.step for each in ranges if each.step is not None] or [Decimal(1).scaleb(-digits)]
    step, scale = steps[0].as_integer_ratio()
    for each_step in steps[1:]:
        step, scale = _common_multiple(step, scale, *each_step.as_integer_ratio())
    count, rest = divmod(n * scale, d * step)
    if rounding == "up":
        count += rest > 0
    elif rounding == "nearest":
        count += 2 * rest >= d * step
    places = _places(scale)
    units = count * step * 10**places // scale
    whole, fraction = divmod(units, 10**places)
    text = f"{whole}.{fraction:0{places}d}" if places else str(whole)
    for each in ranges:
        _check(what, value, text, each, symbol)
    if not units:
        raise InvalidRequest(f"{what}: {value} is 0 when it is rounded {rounding} for {symbol}")
    return text


def _check(what: str, value: Value, text: str, bounds: Range, symbol: str) -> None:
    number = Decimal(text)
    low, high = bounds.minimum, bounds.maximum
    if (low is None or number >= low) and (high is None or number <= high):
        return
    side = "below the lowest" if low is not None and number < low else "above the highest"
    limits = ", ".join(
        f"{name} {_short(limit)}"
        for name, limit in (("from", low), ("to", high), ("in steps of", bounds.step))
        if limit is not None
    )
    rounded = "" if str(value) == text else f", rounded to {text},"
    raise InvalidRequest(
        f"{what}: {value}{rounded} is {side} that the filter {bounds.filter} of {symbol} allows ({limits})"
    )


def _common_multiple(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """The lowest common multiple of a / b and c / d, as a fraction."""
    n, m = math.lcm(a * d, c * b), b * d
    common = math.gcd(n, m)
    return n // common, m // common


def _places(scale: int) -> int:
    """How many decimal places the multiples of 1 / scale have; scale divides a power of ten."""
    places = 0
    while 10**places % scale:
        places += 1
    return places


def _shown(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except ValueError:  # an int of more digits than Python writes
        return "an int of too many digits"


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"
