"""The methods of MarketData that are named after streams: they make the names, and subscribe."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, overload

from .._common.shown import shown
from ..errors import InvalidRequest
from .names import INTERVALS, WINDOWS, ZONE, stream_name
from .subscription import MarketSubscription

if TYPE_CHECKING:
    from ..types import (
        AggTradeEvent,
        AvgPriceEvent,
        BlockTradeEvent,
        BookTicker,
        DepthUpdate,
        KlineEvent,
        MiniTickerEvent,
        PartialDepth,
        ReferencePriceEvent,
        RollingTickerEvent,
        TickerEvent,
        TradeEvent,
    )

__all__ = ["StreamMethods"]

OnEvent = Callable[[Any], object] | None


class StreamMethods:
    """Each takes one or more symbols, in upper or lower case, and the options of ``subscribe()``."""

    _sbe: bool

    @abstractmethod
    async def subscribe(
        self, *streams: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[Any]:
        """See MarketData."""
        raise NotImplementedError

    async def _of(
        self, symbols: tuple[str, ...], event: str, on_event: OnEvent, buffer: int, conflate: bool = False
    ) -> MarketSubscription[Any]:
        if not symbols:
            raise InvalidRequest('symbols: expected one or more, such as "BTCUSDT", got none')
        names = [stream_name(symbol, event, sbe=self._sbe).name for symbol in symbols]
        return await self.subscribe(*names, on_event=on_event, buffer=buffer, conflate=conflate)

    async def trades(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536
    ) -> MarketSubscription[TradeEvent]:
        """Each trade: ``<symbol>@trade``."""
        return await self._of(symbols, "trade", on_event, buffer)

    async def agg_trades(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536
    ) -> MarketSubscription[AggTradeEvent]:
        """Trades of one taker order at one price together: ``<symbol>@aggTrade``; JSON only."""
        return await self._of(symbols, "aggTrade", on_event, buffer)

    async def block_trades(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536
    ) -> MarketSubscription[BlockTradeEvent]:
        """Block trades: ``<symbol>@blockTrade``; JSON only."""
        return await self._of(symbols, "blockTrade", on_event, buffer)

    async def quotes(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[BookTicker]:
        """The best bid and ask: ``<symbol>@bookTicker``, in SBE ``<symbol>@bestBidAsk``."""
        event = "bestBidAsk" if self._sbe else "bookTicker"
        return await self._of(symbols, event, on_event, buffer, conflate)

    async def depth(
        self,
        *symbols: str,
        speed: Literal[100, 1000] | None = None,
        on_event: OnEvent = None,
        buffer: int = 65536,
    ) -> MarketSubscription[DepthUpdate]:
        """What changed in the order book: ``<symbol>@depth``. ``market.book()`` keeps a whole one up to date.

        Args:
            speed: milliseconds between events: 100 (the default) or 1000. SBE has one every 20 ms.
        """
        return await self._of(symbols, f"depth{self._speed(speed)}", on_event, buffer)

    async def partial_depth(
        self,
        *symbols: str,
        levels: Literal[5, 10, 20] = 20,
        speed: Literal[100, 1000] | None = None,
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[PartialDepth]:
        """The best levels of the order book, whole: ``<symbol>@depth<levels>``.

        Args:
            levels: 5, 10 or 20; SBE has 20.
            speed: milliseconds between events: 100 (the default) or 1000. SBE has one every 50 ms.
        """
        if isinstance(levels, bool) or levels not in (5, 10, 20):
            raise InvalidRequest(f"levels: expected 5, 10 or 20, got {shown(levels)}")
        return await self._of(symbols, f"depth{levels}{self._speed(speed)}", on_event, buffer, conflate)

    async def klines(
        self,
        *symbols: str,
        interval: str,
        zone: str | None = None,
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[KlineEvent]:
        """Klines: ``<symbol>@kline_<interval>``; JSON only.

        Args:
            interval: such as "1m"; see fastws.feeds.names.INTERVALS.
            zone: "+08:00" for klines that begin in this time zone; None for UTC. Their times are UTC in both.
        """
        if interval not in INTERVALS:
            raise InvalidRequest(f"interval: expected one of {', '.join(INTERVALS)}, got {shown(interval)}")
        if zone not in (None, ZONE):
            raise InvalidRequest(f'zone: expected "{ZONE}" or None, got {shown(zone)}')
        event = f"kline_{interval}" + ("" if zone is None else f"@{zone}")
        return await self._of(symbols, event, on_event, buffer, conflate)

    @overload
    async def mini_ticker(
        self,
        *,
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[list[MiniTickerEvent]]: ...
    @overload
    async def mini_ticker(
        self,
        symbol: str,
        /,
        *symbols: str,
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[MiniTickerEvent]: ...
    async def mini_ticker(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[Any]:
        """Statistics of 24 hours in short: ``<symbol>@miniTicker``; without symbols, of all: ``!miniTicker@arr``."""
        if not symbols:
            return await self.subscribe(
                "!miniTicker@arr", on_event=on_event, buffer=buffer, conflate=conflate
            )
        return await self._of(symbols, "miniTicker", on_event, buffer, conflate)

    async def ticker(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[TickerEvent]:
        """Statistics of 24 hours: ``<symbol>@ticker``; JSON only."""
        return await self._of(symbols, "ticker", on_event, buffer, conflate)

    @overload
    async def rolling_ticker(
        self,
        *,
        window: Literal["1h", "4h", "1d"] = "1h",
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[list[RollingTickerEvent]]: ...
    @overload
    async def rolling_ticker(
        self,
        symbol: str,
        /,
        *symbols: str,
        window: Literal["1h", "4h", "1d"] = "1h",
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[RollingTickerEvent]: ...
    async def rolling_ticker(
        self,
        *symbols: str,
        window: Literal["1h", "4h", "1d"] = "1h",
        on_event: OnEvent = None,
        buffer: int = 65536,
        conflate: bool = False,
    ) -> MarketSubscription[Any]:
        """Statistics of a rolling window: ``<symbol>@ticker_<window>``; without symbols, of all: ``!ticker_1h@arr``."""
        if window not in WINDOWS:
            raise InvalidRequest(f"window: expected one of {', '.join(WINDOWS)}, got {shown(window)}")
        if not symbols:
            name = f"!ticker_{window}@arr"
            return await self.subscribe(name, on_event=on_event, buffer=buffer, conflate=conflate)
        return await self._of(symbols, f"ticker_{window}", on_event, buffer, conflate)

    async def avg_price(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[AvgPriceEvent]:
        """The average price: ``<symbol>@avgPrice``; JSON only."""
        return await self._of(symbols, "avgPrice", on_event, buffer, conflate)

    async def reference_price(
        self, *symbols: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[ReferencePriceEvent]:
        """The reference price, None without one: ``<symbol>@referencePrice``; JSON only."""
        return await self._of(symbols, "referencePrice", on_event, buffer, conflate)

    def _speed(self, speed: int | None) -> str:
        """The end of the name of a depth stream."""
        if speed is not None and (isinstance(speed, bool) or speed not in (100, 1000)):
            raise InvalidRequest(f"speed: expected 100 or 1000 milliseconds, got {shown(speed)}")
        if self._sbe:
            if speed is not None:
                raise InvalidRequest("speed: SBE has one speed for each stream; leave it out")
            return ""
        return "" if speed == 1000 else "@100ms"
