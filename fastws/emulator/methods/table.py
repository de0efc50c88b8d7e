"""The methods that this exchange serves, each with its parameters, its weight and its handler."""

from __future__ import annotations

from collections.abc import Mapping

from ..values import params
from . import (
    depth,
    general,
    klines,
    market_params,
    queries,
    reference_prices,
    sessions,
    tickers,
    trades,
    trading_methods,
)
from .method import Method, method

__all__ = ["METHODS"]

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

# General requests and market data, which need no API key.
_MARKET = (
    method("ping", general.ping, 1),
    method("time", general.time, 1),
    method(
        "exchangeInfo",
        general.exchange_info,
        20,
        {
            **_some_symbols,
            "permissions": market_params.known_permissions,
            "showPermissionSets": params.boolean,
        },
    ),
    method("executionRules", reference_prices.execution_rules, reference_prices.rules_weight, _some_symbols),
    method(
        "depth",
        depth.depth,
        depth.depth_weight,
        {**_one_symbol, **_limit, "symbolStatus": _symbol_status},
        mandatory=("symbol",),
    ),
    method("trades.recent", trades.recent, 25, {**_one_symbol, **_limit}, mandatory=("symbol",)),
    method(
        "trades.historical",
        trades.historical,
        25,
        {**_one_symbol, "fromId": params.integer, **_limit},
        mandatory=("symbol",),
    ),
    method(
        "blockTrades.historical",
        trades.block,
        25,
        {**_one_symbol, "fromId": params.integer, **_limit},
        mandatory=("symbol", "fromId"),
    ),
    method(
        "trades.aggregate",
        trades.aggregate,
        4,
        {**_one_symbol, "fromId": params.integer, **_time_span, **_limit},
        mandatory=("symbol",),
    ),
    method("klines", klines.klines, 2, _klines, mandatory=("symbol", "interval")),
    method("uiKlines", klines.klines, 2, _klines, mandatory=("symbol", "interval")),
    method("avgPrice", tickers.average_price, 2, _one_symbol, mandatory=("symbol",)),
    method("ticker.24hr", tickers.day, tickers.day_weight, _statistics),
    method(
        "ticker.tradingDay",
        tickers.trading_day,
        tickers.window_weight,
        {**_statistics, "timeZone": market_params.time_zone},
    ),
    method(
        "ticker",
        tickers.window,
        tickers.window_weight,
        {**_statistics, "windowSize": market_params.window_size},
    ),
    method("ticker.price", tickers.price, tickers.few_weight, _some_symbols),
    method("ticker.book", tickers.best, tickers.few_weight, _some_symbols),
    method("referencePrice", reference_prices.price, 2, _one_symbol, mandatory=("symbol",)),
    method(
        "referencePrice.calculation",
        reference_prices.calculation,
        2,
        {**_one_symbol, "symbolStatus": _symbol_status},
        mandatory=("symbol",),
    ),
)

# Queries of an account.
_QUERIES = (
    method("order.status", queries.order_status, 4, _one_order, security="USER_DATA", mandatory=("symbol",)),
    method(
        "openOrders.status",
        queries.open_orders,
        queries.open_orders_weight,
        _one_symbol,
        security="USER_DATA",
    ),
    method(
        "allOrders",
        queries.all_orders,
        20,
        {**_one_symbol, "orderId": params.integer, **_time_span, **_limit},
        security="USER_DATA",
        mandatory=("symbol",),
    ),
    method(
        "order.amendments",
        queries.amendments,
        4,
        {**_one_symbol, "orderId": params.integer, "fromExecutionId": params.integer, **_limit},
        security="USER_DATA",
        mandatory=("symbol", "orderId"),
    ),
    method(
        "account.status",
        queries.account_status,
        20,
        {"omitZeroBalances": params.boolean},
        security="USER_DATA",
    ),
    method("account.rateLimits.orders", queries.unfilled_orders, 40, security="USER_DATA"),
    method(
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

# Logons and user data streams. userDataStream.subscribe is of the type USER_STREAM, but neither signed nor timed:
# it looks at the connection's key itself.
_STREAMS: tuple[Method, ...] = (
    method("session.logon", sessions.logon, 2, logon=True, mandatory=("apiKey", "signature", "timestamp")),
    method("session.status", sessions.status, 2),
    method("session.logout", sessions.logout, 2),
    method("session.subscriptions", sessions.subscriptions, 2),
    method("userDataStream.subscribe", sessions.subscribe, 2),
    method(
        "userDataStream.subscribe.signature",
        sessions.subscribe_by_signature,
        2,
        security="USER_STREAM",
        mandatory=("apiKey", "signature", "timestamp"),
        explicit=True,
    ),
    method("userDataStream.unsubscribe", sessions.unsubscribe, 2, {"subscriptionId": params.integer}),
)

METHODS: Mapping[str, Method] = {
    served.name: served
    for served in (
        *_MARKET,
        *trading_methods.TRADING,
        *_QUERIES,
        *trading_methods.QUERIES,
        *_STREAMS,
    )
}
