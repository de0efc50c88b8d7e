"""Filters (filters.md) and the execution rule."""

from __future__ import annotations

import pytest

from fastws.emulator.values.decimals import units
from fastws.emulator.values.symbols import PriceRange
from helpers.emulator.floor import Floor

LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "100"}
SELL = {**LIMIT, "side": "SELL"}
MARKET = {"side": "BUY", "type": "MARKET", "quantity": "1"}
STOP = {"side": "BUY", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "120"}
TRAIL = {"side": "BUY", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": 100}
PROFIT = {**TRAIL, "type": "TAKE_PROFIT"}


def failure(name):
    return -1013, f"Filter failure: {name}"


@pytest.mark.parametrize(
    ("settings", "params", "name"),
    [
        ({}, {**LIMIT, "price": "100.001"}, "PRICE_FILTER"),
        ({"max_price": "200"}, {**LIMIT, "price": "201"}, "PRICE_FILTER"),
        ({}, {**STOP, "stopPrice": "120.001"}, "PRICE_FILTER"),
        ({}, {**STOP, "stopPrice": "0"}, "PRICE_FILTER"),
        ({"multiplier_up": "1.2"}, {**LIMIT, "price": "120.01"}, "PERCENT_PRICE_BY_SIDE"),
        ({"multiplier_down": "0.8"}, {**LIMIT, "price": "79.99"}, "PERCENT_PRICE_BY_SIDE"),
        (
            {"multiplier_up": "1.2", "ask_multiplier_up": "1.1"},
            {**SELL, "price": "115"},
            "PERCENT_PRICE_BY_SIDE",
        ),
        (
            {"multiplier_up": "1.2", "percent_filter": "PERCENT_PRICE"},
            {**LIMIT, "price": "121"},
            "PERCENT_PRICE",
        ),
        ({"max_qty": "5"}, {**LIMIT, "quantity": "6"}, "LOT_SIZE"),
        ({"step_size": "0.1"}, {**LIMIT, "quantity": "1.05"}, "LOT_SIZE"),
        ({"market_max_qty": "5"}, {**MARKET, "quantity": "6"}, "MARKET_LOT_SIZE"),
        ({"market_max_qty": "5"}, {**STOP, "quantity": "6"}, "MARKET_LOT_SIZE"),
        ({"min_notional": "101"}, LIMIT, "NOTIONAL"),
        ({"max_notional": "99"}, LIMIT, "NOTIONAL"),
        ({"min_notional": "101", "notional_filter": "MIN_NOTIONAL"}, LIMIT, "MIN_NOTIONAL"),
        ({"min_notional": "101"}, MARKET, "NOTIONAL"),
        ({"max_position": "10000"}, LIMIT, "MAX_POSITION"),
        ({}, {**TRAIL, "trailingDelta": 9}, "TRAILING_DELTA"),
        ({}, {**TRAIL, "trailingDelta": 2001}, "TRAILING_DELTA"),
        ({}, {**TRAIL, "trailingDelta": 0}, "TRAILING_DELTA"),
        ({"trailing_above": (50, 60)}, TRAIL, "TRAILING_DELTA"),
        ({"trailing_below": (50, 60)}, PROFIT, "TRAILING_DELTA"),
    ],
)
def test_an_order_that_a_filter_refuses(settings, params, name):
    settings = {"reference_price": "100", **settings}
    floor = Floor(**settings)
    assert floor.error("a", "order.place", **params) == failure(name)
    shown = [row["filterType"] for row in floor.call("a", "exchangeInfo")["symbols"][0]["filters"]]
    assert name in shown


@pytest.mark.parametrize(
    ("settings", "params"),
    [
        ({"multiplier_up": "1.2", "ask_multiplier_up": "1.3"}, {**SELL, "price": "125"}),
        ({"min_notional": "101", "apply_to_market": False}, MARKET),
        ({"max_notional": "99", "apply_to_market": False}, MARKET),
        ({"max_notional": "99", "notional_filter": "MIN_NOTIONAL"}, LIMIT),
        ({"max_position": "20001"}, LIMIT),
        ({"max_position": "5"}, SELL),
        ({"trailing_above": (50, 60)}, PROFIT),
        ({"trailing_below": (50, 60)}, TRAIL),
    ],
)
def test_an_order_that_passes(settings, params):
    settings = {"reference_price": "100", **settings}
    floor = Floor(**settings)
    floor.call("a", "order.place", **params)


def test_the_position_counts_open_bids():
    floor = Floor(reference_price="100", max_position="20003")
    for _ in range(3):
        floor.call("a", "order.place", **LIMIT)
    assert floor.error("a", "order.place", **LIMIT) == failure("MAX_POSITION")


def test_filters_that_count():
    floor = Floor(reference_price="100", max_num_orders=4, max_num_algo_orders=2, max_num_order_lists=1)
    for _ in range(2):
        floor.call("a", "order.place", **STOP)
    assert floor.error("a", "order.place", **STOP) == failure("MAX_NUM_ALGO_ORDERS")
    floor.call("a", "order.place", **LIMIT)
    working = {
        "workingType": "LIMIT_MAKER",
        "workingSide": "BUY",
        "workingPrice": "90",
        "workingQuantity": "1",
    }
    pending = {"pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "1"}
    assert floor.error("a", "orderList.place.oto", **working, **pending) == failure("MAX_NUM_ORDERS")
    floor.call("a", "openOrders.cancelAll")
    floor.call("a", "orderList.place.oto", **working, **pending)
    assert floor.error("a", "orderList.place.oto", **working, **pending) == failure("MAX_NUM_ORDER_LISTS")
    floor.call("b", "orderList.place.oto", **working, **pending)


def test_filters_of_the_whole_exchange():
    floor = Floor(reference_price="100")
    filters = floor.exchange.filters
    assert floor.call("a", "exchangeInfo", symbol=None)["exchangeFilters"] == []
    filters.max_num_orders, filters.max_num_algo_orders = 3, 1
    filters.max_num_iceberg_orders, filters.max_num_order_lists = 1, 1
    assert [row["filterType"] for row in floor.call("a", "myFilters")["exchangeFilters"]] == [
        "EXCHANGE_MAX_NUM_ORDERS",
        "EXCHANGE_MAX_NUM_ALGO_ORDERS",
        "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
        "EXCHANGE_MAX_NUM_ORDER_LISTS",
    ]
    floor.call("a", "order.place", **STOP)
    assert floor.error("a", "order.place", **STOP) == failure("EXCHANGE_MAX_NUM_ALGO_ORDERS")
    floor.call("a", "order.place", **LIMIT, icebergQty="0.5")
    refused = floor.error("a", "order.place", **LIMIT, icebergQty="0.5")
    assert refused == failure("EXCHANGE_MAX_NUM_ICEBERG_ORDERS")
    floor.call("a", "order.place", **LIMIT)
    assert floor.error("a", "order.place", **LIMIT) == failure("EXCHANGE_MAX_NUM_ORDERS")


def test_max_asset_is_shown_by_my_filters_alone():
    floor = Floor(reference_price="100")
    floor.accounts["a"].max_assets = {"BTC": units("5"), "USDT": units("300"), "JPY": units("1")}
    assert floor.call("a", "myFilters")["assetFilters"] == [
        {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "5.00000000"},
        {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "300.00000000"},
    ]
    assert floor.error("a", "order.place", **{**LIMIT, "quantity": "6", "price": "1"}) == failure("MAX_ASSET")
    assert floor.error("a", "order.place", **{**LIMIT, "quantity": "4"}) == failure("MAX_ASSET")
    floor.call("a", "order.place", **{**LIMIT, "quantity": "3"})
    floor.call("b", "order.place", **{**LIMIT, "quantity": "6"})


def test_the_average_price_of_the_last_minutes():
    floor = Floor(reference_price="100", multiplier_up="1.2", avg_price_mins=1)
    floor.trade("100", "3")
    floor.trade("120", "1")
    over = {**LIMIT, "price": "126.01"}
    assert floor.error("a", "order.place", **over) == failure("PERCENT_PRICE_BY_SIDE"), "105 x 1.2"
    floor.call("a", "order.place", **{**LIMIT, "price": "126"})
    floor.exchange.clock.advance(120)
    floor.call("a", "order.place", **over)
    book = floor.engine.books["BTCUSDT"]
    book.reference_price_at = lambda now_us: units("100")
    assert floor.error("a", "order.place", **over) == failure("PERCENT_PRICE_BY_SIDE"), "100 x 1.2"


# Execution rules (faqs/price_range_execution_rules.md)

RANGE = PriceRange(units("1.1"), units("0.9"), units("1.1"), None)


def ranged():
    floor = Floor(reference_price="100", price_range=RANGE)
    floor.engine.books["BTCUSDT"].reference_price_at = lambda now_us: units("100")
    return floor


def test_execution_rules_are_shown():
    assert ranged().call("a", "executionRules") == {
        "symbolRules": [
            {
                "symbol": "BTCUSDT",
                "rules": [
                    {
                        "ruleType": "PRICE_RANGE",
                        "bidLimitMultUp": "1.1",
                        "bidLimitMultDown": "0.9",
                        "askLimitMultUp": "1.1",
                    }
                ],
            }
        ]
    }
    floor = Floor()
    assert (
        floor.call("a", "executionRules", symbol=None, symbols=["BTCUSDT"])["symbolRules"][0]["rules"] == []
    )
    assert floor.call("a", "executionRules", symbol=None, symbolStatus="HALT") == {"symbolRules": []}
    assert floor.error("a", "executionRules", symbolStatus="HALT")[0] == -1128


def test_a_taker_beyond_the_range_expires():
    floor = ranged()
    for price in ("105", "110", "110.01"):
        floor.order("b", "SELL", "1", price)
    taken = floor.order("a", "BUY", "3", "120")
    assert (taken["status"], taken["executedQty"]) == ("EXPIRED", "2.00000000")
    assert taken["expiryReason"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert floor.events("a", "executionReport")[-1]["eR"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert (
        floor.order("a", "BUY", "1", "120", timeInForce="FOK")["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
    )
    assert floor.order("a", "BUY", "1")["status"] == "EXPIRED"


def test_a_multiplier_that_is_not_set_limits_nothing():
    floor = ranged()
    floor.order("b", "BUY", "1", "10")
    assert floor.order("a", "SELL", "1")["status"] == "FILLED"


def test_no_reference_price_no_rule():
    floor = ranged()
    floor.engine.books["BTCUSDT"].reference_price_at = lambda now_us: None
    floor.order("b", "SELL", "1", "500")
    assert floor.order("a", "BUY", "1")["status"] == "FILLED"


# Features that a symbol does not allow


@pytest.mark.parametrize(
    ("settings", "params", "message"),
    [
        ({"order_types": ["LIMIT"]}, MARKET, "Market orders are not supported for this symbol."),
        ({"order_types": ["LIMIT"]}, STOP, "Stop loss orders are not supported for this symbol."),
        ({"order_types": ["LIMIT"]}, PROFIT, "Take profit orders are not supported for this symbol."),
        (
            {"order_types": ["LIMIT"]},
            {**STOP, "type": "STOP_LOSS_LIMIT", "price": "100", "timeInForce": "GTC"},
            "Stop loss limit orders are not supported for this symbol.",
        ),
        ({"trailing_stop": False}, TRAIL, "Trailing stop orders are not supported for this symbol."),
        (
            {"quote_order_qty": False},
            {"side": "BUY", "type": "MARKET", "quoteOrderQty": "100"},
            "Quote order qty market orders are not support for this symbol.",
        ),
        ({"status": "BREAK"}, LIMIT, "Market is closed."),
    ],
)
def test_what_a_symbol_does_not_allow(settings, params, message):
    settings = {"reference_price": "100", **settings}
    assert Floor(**settings).error("a", "order.place", **params) == (-1013, message)


def test_symbols_without_cancel_replace_or_amendments():
    floor = Floor(cancel_replace=False, amend=False)
    placed = floor.order("a", "BUY", "2", "1")
    replace = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": placed["orderId"], **LIMIT}
    assert floor.error("a", "order.cancelReplace", **replace) == (
        -1013,
        "Order cancel-replace is not supported for this symbol.",
    )
    assert floor.error("a", "order.amend.keepPriority", orderId=placed["orderId"], newQty="1") == (
        -2038,
        "Order amend is not supported for this symbol.",
    )


def test_quote_quantities_that_come_to_too_little_or_too_much():
    floor = Floor(reference_price="100", market_max_qty="5")
    quote = {"side": "BUY", "type": "MARKET"}
    text = "Order book liquidity is less than {} minimum quantity."
    assert floor.error("a", "order.place", **quote, quoteOrderQty="100") == (-2010, text.format("symbol"))
    floor.order("b", "SELL", "9", "100")
    tiny = floor.error("a", "order.place", **quote, quoteOrderQty="0.001")
    assert tiny == (-2010, text.format("`LOT_SIZE` filter"))
    assert floor.error("a", "order.place", **quote, quoteOrderQty="600") == (
        -2010,
        "Filter failure: MARKET_LOT_SIZE",
    )
    floor.call("a", "order.place", **quote, quoteOrderQty="500")


def test_an_account_that_may_not_trade():
    floor = Floor()
    placed = floor.order("a", "BUY", "1", "1")
    floor.accounts["a"].can_trade = False
    message = "This account may not place or cancel orders."
    assert floor.error("a", "order.place", **LIMIT) == (-2010, message)
    assert floor.error("a", "order.cancel", orderId=placed["orderId"]) == (-2011, message)
    assert floor.call("a", "account.status")["canTrade"] is False
