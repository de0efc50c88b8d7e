"""The methods that this exchange serves, each with its parameters, its price and its handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..market import reference
from ..values import params
from . import depth, general, klines, market_params, queries, sessions, tickers, trades, trading_methods

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange
    from .request import Request

__all__ = ["METHODS", "Method"]

Security = Literal["NONE", "TRADE", "USER_DATA", "USER_STREAM"]


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is served.

    Attributes:
        name: without a version prefix.
        security: the permission that its key needs.
        weight: its request weight, or a function of its parsed parameters.
        handler: carries it out, and returns its result.
        params: the parsers of all parameters that it knows.
        mandatory: the parameters without which it is refused.
        engine: the matching engine carries it out, not the gateway from memory.
        prepare: what the gateway checks before it is forwarded.
        orders: what it adds to the unfilled order count.
        survives_order_limit: tells whether it goes on although that count is exceeded.
        free: its weight is given back when it succeeds.
        logon: it is session.logon, which needs no permission.
        explicit: it always brings its own key, whoever is logged on.
    """

    name: str
    security: Security
    weight: int | Callable[[Mapping[str, Any]], int]
    handler: Callable[[Exchange, Request], Any]
    params: Mapping[str, params.Parser]
    mandatory: tuple[str, ...]
    engine: bool
    prepare: Callable[[Exchange, Request], None] | None
    orders: int
    survives_order_limit: Callable[[Request], bool] | None
    free: bool
    logon: bool
    explicit: bool

    @property
    def signed(self) -> bool:
        return self.logon or self.security != "NONE"


_SIGNED_PARAMS: Mapping[str, params.Parser] = {
    "apiKey": params.text,
    "recvWindow": params.recv_window,
    "signature": params.text,
    "timestamp": params.timestamp,
}


def _method(
    name: str,
    handler: Callable[[Exchange, Request], Any],
    weight: int | Callable[[Mapping[str, Any]], int],
    own: Mapping[str, params.Parser] | None = None,
    *,
    security: Security = "NONE",
    mandatory: Iterable[str] = (),
    engine: bool = False,
    prepare: Callable[[Exchange, Request], None] | None = None,
    orders: int = 0,
    survives_order_limit: Callable[[Request], bool] | None = None,
    free: bool = False,
    logon: bool = False,
    explicit: bool = False,
) -> Method:
    known = {"returnRateLimits": params.boolean, **(own or {})}
    if logon or security != "NONE":
        known.update(_SIGNED_PARAMS)
    return Method(
        name,
        security,
        weight,
        handler,
        known,
        tuple(mandatory),
        engine,
        prepare,
        orders,
        survives_order_limit,
        free,
        logon,
        explicit or logon,
    )


_symbol_status = params.enum("TRADING", "HALT", "BREAK", code=-1122)
_one_symbol = {"symbol": params.symbol_name}
_some_symbols = {**_one_symbol, "symbols": params.symbol_names, "symbolStatus": _symbol_status}
_one_order = {**_one_symbol, "orderId": params.integer, "origClientOrderId": params.text}

_time_span = {"startTime": params.timestamp, "endTime": market_params.end_time}
_limit = {"limit": params.integer}
_klines = {
    **_one_symbol,
    "interval": market_params.interval,
    **_time_span,
    "timeZone": market_params.time_zone,
    **_limit,
}
_statistics = {**_some_symbols, "type": market_params.ticker_type}

# General requests and market data: whoever asks is answered.
_MARKET = (
    _method("ping", general.ping, 1),
    _method("time", general.time, 1),
    _method(
        "exchangeInfo",
        general.exchange_info,
        20,
        {
            **_some_symbols,
            "permissions": market_params.known_permissions,
            "showPermissionSets": params.boolean,
        },
    ),
    _method("executionRules", reference.execution_rules, reference.rules_weight, _some_symbols),
    _method(
        "depth",
        depth.depth,
        depth.depth_weight,
        {**_one_symbol, **_limit, "symbolStatus": _symbol_status},
        mandatory=("symbol",),
    ),
    _method("trades.recent", trades.recent, 25, {**_one_symbol, **_limit}, mandatory=("symbol",)),
    _method(
        "trades.historical",
        trades.historical,
        25,
        {**_one_symbol, "fromId": params.integer, **_limit},
        mandatory=("symbol",),
    ),
    _method(
        "blockTrades.historical",
        trades.block,
        25,
        {**_one_symbol, "fromId": params.integer, **_limit},
        mandatory=("symbol", "fromId"),
    ),
    _method(
        "trades.aggregate",
        trades.aggregate,
        4,
        {**_one_symbol, "fromId": params.integer, **_time_span, **_limit},
        mandatory=("symbol",),
    ),
    _method("klines", klines.klines, 2, _klines, mandatory=("symbol", "interval")),
    _method("uiKlines", klines.klines, 2, _klines, mandatory=("symbol", "interval")),
    _method("avgPrice", tickers.average_price, 2, _one_symbol, mandatory=("symbol",)),
    _method("ticker.24hr", tickers.day, tickers.day_weight, _statistics),
    _method(
        "ticker.tradingDay",
        tickers.trading_day,
        tickers.window_weight,
        {**_statistics, "timeZone": market_params.time_zone},
    ),
    _method(
        "ticker",
        tickers.window,
        tickers.window_weight,
        {**_statistics, "windowSize": market_params.window_size},
    ),
    _method("ticker.price", tickers.price, tickers.few_weight, _some_symbols),
    _method("ticker.book", tickers.best, tickers.few_weight, _some_symbols),
    _method("referencePrice", reference.price, 2, _one_symbol, mandatory=("symbol",)),
    _method(
        "referencePrice.calculation",
        reference.calculation,
        2,
        {**_one_symbol, "symbolStatus": _symbol_status},
        mandatory=("symbol",),
    ),
)

# What an account asks about itself.
_QUERIES = (
    _method("order.status", queries.order_status, 4, _one_order, security="USER_DATA", mandatory=("symbol",)),
    _method(
        "openOrders.status",
        queries.open_orders,
        queries.open_orders_weight,
        _one_symbol,
        security="USER_DATA",
    ),
    _method(
        "allOrders",
        queries.all_orders,
        20,
        {**_one_symbol, "orderId": params.integer, **_time_span, **_limit},
        security="USER_DATA",
        mandatory=("symbol",),
    ),
    _method(
        "order.amendments",
        queries.amendments,
        4,
        {**_one_symbol, "orderId": params.integer, "fromExecutionId": params.integer, **_limit},
        security="USER_DATA",
        mandatory=("symbol", "orderId"),
    ),
    _method(
        "account.status",
        queries.account_status,
        20,
        {"omitZeroBalances": params.boolean},
        security="USER_DATA",
    ),
    _method("account.rateLimits.orders", queries.unfilled_orders, 40, security="USER_DATA"),
    _method(
        "myTrades",
        queries.my_trades,
        queries.my_trades_weight,
        {
            **_one_symbol,
            "orderId": params.integer,
            **_time_span,
            "fromId": params.integer,
            **_limit,
        },
        security="USER_DATA",
        mandatory=("symbol",),
    ),
)

# Sessions and user data streams. userDataStream.subscribe is of the type USER_STREAM, but neither signed nor timed:
# it looks at the session's key itself.
_STREAMS: tuple[Method, ...] = (
    _method("session.logon", sessions.logon, 2, logon=True, mandatory=("apiKey", "signature", "timestamp")),
    _method("session.status", sessions.status, 2),
    _method("session.logout", sessions.logout, 2),
    _method("session.subscriptions", sessions.subscriptions, 2),
    _method("userDataStream.subscribe", sessions.subscribe, 2),
    _method(
        "userDataStream.subscribe.signature",
        sessions.subscribe_by_signature,
        2,
        security="USER_STREAM",
        mandatory=("apiKey", "signature", "timestamp"),
        explicit=True,
    ),
    _method("userDataStream.unsubscribe", sessions.unsubscribe, 2, {"subscriptionId": params.integer}),
)

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        *_MARKET,
        *trading_methods.trading(_method),
        *_QUERIES,
        *trading_methods.queries(_method),
        *_STREAMS,
    )
}
