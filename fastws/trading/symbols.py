"""``client.symbols``: the rules of symbols, and exact rounding of prices and quantities to them.

    await client.symbols.load("BTCUSDT")
    symbol = client.symbols["BTCUSDT"]
    await client.order_place(symbol=symbol.name, side="BUY", type="LIMIT", timeInForce="GTC",
                             price=symbol.price(52000.123), quantity=symbol.quantity(0.0123456))

Source: filters.md of binance/binance-spot-api-docs, as of 2026-07-21. Filters that depend on the market or the account
(PERCENT_PRICE and PERCENT_PRICE_BY_SIDE, MAX_POSITION, MAX_NUM_…, MAX_ASSET) can be read, but are not checked.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic_ns
from typing import Any, Literal, NoReturn

from .._common.index import index_of
from .._common.log import logger
from .._common.shown import near, shown
from .._core import Session
from .._native.json_views import Entries
from .._native.methods import method_spec
from .._native.views import View
from ..errors import DecodeError, InvalidRequest, NotConnected
from .symbol_rules import Filter, Range, Unreadable, read_filters, read_symbol, unreadable_symbol

__all__ = ["Filter", "Range", "Symbol", "Symbols", "UnknownSymbol"]

Rounding = Literal["down", "up", "nearest"]
Value = str | int | float | Decimal

# Like the exchange, it accepts no exponent in a text.
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_MAX_EXPONENT = 1000  # the largest exponent of a number that is rounded

_SLICE_NS = 1_000_000  # nanoseconds: so long it reads symbols before the event loop runs other tasks


class UnknownSymbol(InvalidRequest, KeyError):
    """``client.symbols`` does not have this symbol: it is not loaded, or the exchange has no symbol of this name."""

    __str__ = Exception.__str__  # that of KeyError adds quotes


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Symbol:
    """A symbol and its filters.

    If fastws cannot read a part of it, only the use of that part raises DecodeError: with a PRICE_FILTER without
    tickSize, ``price()`` and ``price_range`` raise it, and nothing else does.
    """

    name: str
    _read: dict[str, Any]

    def __repr__(self) -> str:
        return f"<fastws.Symbol {self.name} {self._read['status']}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Symbol):
            return NotImplemented
        return self.name == other.name and bool(self._read["info"] == other._read["info"])

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def status(self) -> str:
        """E.g. "TRADING", "HALT", "BREAK", "CANCEL_ONLY"; see ``fastws.types.SymbolStatus``."""
        return self._get("status")  # type: ignore[no-any-return]

    @property
    def base(self) -> str:
        """The base asset, in which quantities are."""
        return self._get("base")  # type: ignore[no-any-return]

    @property
    def quote(self) -> str:
        """The quote asset, in which prices are."""
        return self._get("quote")  # type: ignore[no-any-return]

    @property
    def order_types(self) -> tuple[str, ...]:
        """E.g. ("LIMIT", "MARKET")."""
        return self._get("order_types")  # type: ignore[no-any-return]

    @property
    def price_range(self) -> Range | None:
        """PRICE_FILTER, or None where the symbol has none."""
        return self._get("price_range")  # type: ignore[no-any-return]

    @property
    def lot_size(self) -> Range | None:
        """LOT_SIZE, or None."""
        return self._get("lot_size")  # type: ignore[no-any-return]

    @property
    def market_lot_size(self) -> Range | None:
        """MARKET_LOT_SIZE, or None."""
        return self._get("market_lot_size")  # type: ignore[no-any-return]

    @property
    def filters(self) -> dict[str, Filter]:
        """All filters by ``filterType``; one that tells no such type is in ``info["filters"]`` alone."""
        if self._read["filters"] is None:
            self._read["filters"] = read_filters(self.info)
        return self._get("filters")  # type: ignore[no-any-return]

    @property
    def info(self) -> dict[str, Any]:
        """The symbol as ``exchangeInfo`` shows it, as a dict with exact texts, whatever connect() says of results."""
        info = self._get("info")
        if isinstance(info, View):
            info = self._read["info"] = info.to_dict()
        return info  # type: ignore[no-any-return]

    @property
    def trading(self) -> bool:
        """Whether the symbol can be traded."""
        return self.status == "TRADING"

    def price(self, value: Value, rounding: Rounding = "nearest") -> str:
        """Round a price to what PRICE_FILTER allows. Returns the text to send.

        Args:
            value: the price in the quote asset. A float counts as its shortest decimal text: 0.3 is exactly 0.3.
            rounding: to the multiple of tickSize "down", "up", or "nearest" (up if both are equally near). A multiple
                of tickSize is not changed.

        Raises:
            InvalidRequest: the value is no number above 0, or the price is below minPrice or above maxPrice.
            DecodeError: PRICE_FILTER cannot be read.
        """
        return self._fit("price", value, rounding, (self.price_range,))

    def quantity(self, value: Value, rounding: Rounding = "down", *, market: bool = False) -> str:
        """Round a quantity to what LOT_SIZE allows. Returns the text to send.

        Args:
            value: the quantity in the base asset; a float counts as in price().
            rounding: to a multiple of stepSize, as in price(); by default down, so that it does not exceed a balance.
            market: whether it is for a MARKET order, so that MARKET_LOT_SIZE must allow it, too.

        Raises:
            InvalidRequest: the value is no number above 0, or the quantity is below minQty or above maxQty.
            DecodeError: the filter cannot be read.
        """
        return self._fit(
            "quantity", value, rounding, (self.lot_size, self.market_lot_size if market else None)
        )

    def notional_ok(self, price: Value, quantity: Value, *, market: bool = False) -> bool:
        """Whether MIN_NOTIONAL and NOTIONAL allow price * quantity; see check_notional()."""
        return self._notional_fault(price, quantity, market) is None

    def check_notional(self, price: Value, quantity: Value, *, market: bool = False) -> None:
        """Check price * quantity against MIN_NOTIONAL and NOTIONAL.

        Args:
            price: the price of the order. quantity: the quantity in the base asset.
            market: whether it is for a MARKET order. The filter says which of its limits apply to these; filters.md
                says which price counts: the reference price, the average price or the last price.

        Raises:
            InvalidRequest: price * quantity is outside of the limits. The message names the limit and the filter.
            DecodeError: the filter cannot be read.
        """
        fault = self._notional_fault(price, quantity, market)
        if fault is not None:
            raise InvalidRequest(fault)

    def _get(self, name: str) -> Any:
        value = self._read[name]
        if isinstance(value, Unreadable):
            self._refuse(value)
        return value

    def _refuse(self, why: str) -> NoReturn:
        raise DecodeError(f"symbols: {self.name}: {why}")

    def _fit(self, what: str, value: Value, rounding: Rounding, ranges: tuple[Range | None, ...]) -> str:
        given = [each for each in ranges if each is not None]
        steps = [each.step.as_integer_ratio() for each in given if each.step is not None]
        if not steps:  # those that are switched off leave the precision of the asset
            steps = [(1, 10 ** self._get(f"{what}_digits"))]
        return _fit(what, value, rounding, steps, given, self.name)

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
                if applies is None or (market and not self._rule(entry, applies, bool)):
                    continue
                limit = self._rule(entry, bound, Decimal)
                n, m = limit.as_integer_ratio()
                if sign * (a * c * m - n * b * d) < 0:
                    side = "below" if sign > 0 else "above"
                    return (
                        f"price * quantity: {_brief(price)} * {_brief(quantity)} is {side} the "
                        f"{bound} {_short(limit)} {self._read['quote']} of the filter {name} of {self.name}"
                    )
        return None

    def _rule(self, entry: Filter, name: str, kind: type) -> Any:
        value = entry.values.get(name)
        if not isinstance(value, kind):
            self._refuse(f"the filter {entry.name}: {name} is {shown(value, 80)}")
        return value


class Symbols(Mapping[str, Symbol]):
    """The loaded symbols by name: ``client.symbols``.

    It can be pickled and copied. A copy has the symbols that were loaded, and no client, so it cannot load others.
    """

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._symbols: dict[str, Symbol] = {}
        self._complete = False

    def __repr__(self) -> str:
        return f"<fastws.Symbols: {len(self)} {'of all' if self._complete else 'loaded'}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_session": None}

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
            return f"symbols: {shown(name)} is not loaded; await client.symbols.load({shown(name)}) first"
        meant = near(name, self._symbols)
        hint = "" if meant is None else f"; did you mean {meant!r}?"
        return f"symbols: the exchange has no symbol {shown(name)}{hint}"

    async def load(self, *names: str) -> Symbols:
        """Load the named symbols that are not loaded yet; without names, all symbols.

        It sends ``exchangeInfo`` once (weight 20), or nothing if all are loaded. It reads the result in slices of 1 ms,
        between which the event loop runs other tasks.

        Raises:
            ApiError: the exchange does not have one of the symbols (-1121). FastwsError: as for every request.
        """
        missing = [name for name in dict.fromkeys(names) if name not in self._symbols]
        if missing or not (names or self._complete):
            await self._ask(missing)
        return self

    async def refresh(self, *names: str) -> Symbols:
        """Load the named symbols again; without names, all that are loaded.

        If all symbols are loaded, those that the exchange has no longer are removed.

        Raises:
            ApiError, FastwsError: as load().
        """
        await self._ask(list(dict.fromkeys(names or (() if self._complete else self._symbols))))
        return self

    async def _ask(self, names: list[str]) -> None:
        given: dict[str, Any] = {"symbols": names} if names else {}
        spec = method_spec("exchangeInfo")
        # decimals as exact texts, whatever the client's `numbers`: a float may differ from what the exchange checks
        params = {**given, "showPermissionSets": False}
        session = self._session
        if session is None:
            raise NotConnected("not sent: a copy has no client to load symbols by")
        reply = session.ask_entries(spec, params, "symbols")
        entries = await reply
        if isinstance(entries, Entries):
            session.open_entries(entries, reply.info)
        else:
            entries = _array(entries)
        found = {}
        until = 0
        for index in range(len(entries)):
            if monotonic_ns() >= until:  # to read thousands of symbols takes half a second
                await asyncio.sleep(0)
                until = monotonic_ns() + _SLICE_NS
            symbol = _symbol(entries, index)
            if symbol is not None:
                found[symbol.name] = symbol
        if names:
            self._symbols.update(found)
        else:
            self._symbols = found
            self._complete = True


# --------------------------------------------------------------------------------------------- from exchangeInfo


def _array(result: Any) -> list[Any]:
    """The entries of an SBE result."""
    entries = result.get("symbols") if isinstance(result, View) else None
    if not isinstance(entries, list):
        raise DecodeError("exchangeInfo: a result without symbols")
    return entries


def _symbol(entries: Entries | list[Any], index: int) -> Symbol | None:
    """The symbol of an entry, which is a View; None if its name cannot be read."""
    name = None
    try:
        entry = entries[index]
        name = entry.get("symbol") if isinstance(entry, View) else None
        if isinstance(name, str):
            # the dict is not kept: thousands of dicts would slow down the garbage collector
            return Symbol(name, {"info": entry, **read_symbol(entry.to_dict())})
    except DecodeError as exc:
        if isinstance(name, str):
            return Symbol(name, unreadable_symbol(exc))
    logger.warning("exchangeInfo: a symbol whose name cannot be read is left out", code="unreadable-symbol")
    return None


# ------------------------------------------------------------------------------------------------- arithmetic


def _ratio(what: str, value: Value) -> tuple[int, int]:
    """A number as an exact fraction, independent of the decimal context."""
    if isinstance(value, Decimal) and value.is_finite():
        number = value
    elif isinstance(value, float) and math.isfinite(value):
        number = Decimal(repr(float(value)))
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = Decimal(value)
    elif (integer := index_of(value)) is not None:
        number = Decimal(integer)
    else:
        raise InvalidRequest(
            f"{what}: expected a number as float, Decimal, int or text (like '0.01'), got {shown(value)}"
        )
    if number <= 0:
        raise InvalidRequest(f"{what}: expected a number above 0, got {shown(value)}")
    if abs(number.adjusted()) > _MAX_EXPONENT or len(number.as_tuple().digits) > 2 * _MAX_EXPONENT:
        raise InvalidRequest(f"{what}: {shown(value)} is no number that the exchange could take")
    return number.as_integer_ratio()


def _fit(
    what: str,
    value: Value,
    rounding: Rounding,
    steps: list[tuple[int, int]],
    ranges: list[Range],
    symbol: str,
) -> str:
    """A number, rounded to a multiple of all steps, as text."""
    if rounding not in ("down", "up", "nearest"):
        raise InvalidRequest(f"rounding: expected 'down', 'up' or 'nearest', got {shown(rounding)}")
    n, d = _ratio(what, value)
    step, scale = steps[0]
    for each_step in steps[1:]:
        step, scale = _common_multiple(step, scale, *each_step)
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
        raise InvalidRequest(f"{what}: {_brief(value)} is 0 when it is rounded {rounding} for {symbol}")
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
    rounded = "" if str(value) == text else f", rounded to {_brief(text)},"
    raise InvalidRequest(
        f"{what}: {_brief(value)}{rounded} is {side} that the filter {bounds.filter} of {symbol} allows ({limits})"
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


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _short(value: Decimal) -> str:
    # Decimal.normalize() would round by the decimal context
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
