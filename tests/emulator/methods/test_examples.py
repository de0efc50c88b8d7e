"""The documentation's example requests, sent again with fresh values: the replies have the examples' keys and types."""

from __future__ import annotations

import json

import pytest

from fastws.emulator import Emulator, ManualClock, spot_symbol
from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.symbols import PriceRange
from helpers import facts
from helpers.emulator.shapes import differences
from helpers.emulator.wire import run, signed, wire

METHODS = (
    "ping time exchangeInfo executionRules depth trades.recent trades.historical blockTrades.historical "
    "trades.aggregate klines uiKlines avgPrice ticker.24hr ticker.tradingDay ticker ticker.price ticker.book "
    "referencePrice referencePrice.calculation account.status order.status openOrders.status allOrders myTrades "
    "order.amendments account.rateLimits.orders"
).split()

# The symbols of the examples, which this exchange does not have: one whose reference price it calculates, one whose
# reference price is set or not, one that has none.
BAZ = "BAZUSD"
SYMBOLS = tuple(
    spot_symbol(
        name,
        base="BAZ",
        quote="USD",
        reference_price="0.00501900",
        tick_size="0.00000001",
        step_size="1",
        min_notional="1",
        max_qty="100000000",
        price_range=PriceRange(10001 * UNIT // 10000, 9999 * UNIT // 10000, UNIT * 2, UNIT // 2)
        if name == BAZ
        else None,
    )
    for name in (BAZ, "BAZEUR", "BAZGBP")
)

# Parameters instead of the example's, if those are not possible here, or for the example's other replies.
ONE, TWO = {"symbol": "BNBBTC"}, {"symbols": ["BNBBTC", "BTCUSDT"]}
FRESH = {
    "blockTrades.historical": [{"fromId": 5}],
    "trades.aggregate": [{"fromId": 500}],
    "klines": [{"startTime": "fresh"}],
    "uiKlines": [{"startTime": "fresh"}],
    "ticker.24hr": [ONE, {**ONE, "type": "MINI"}, TWO],
    "ticker.tradingDay": [ONE, TWO, {**ONE, "type": "MINI"}, {**TWO, "type": "MINI"}],
    "ticker": [ONE, {**ONE, "type": "MINI"}, TWO],
    "ticker.price": [ONE, TWO],
    "ticker.book": [ONE, TWO],
    "referencePrice": [{"symbol": BAZ}, {"symbol": "BAZEUR"}, {"symbol": "BAZGBP"}],
    "referencePrice.calculation": [{"symbol": "BAZGBP"}, {"symbol": BAZ}, {"symbol": "BAZEUR"}],
    "allOrders": [{"startTime": "fresh", "endTime": "fresh"}],
    "myTrades": [{"startTime": "fresh", "endTime": "fresh"}],
}

# Replies with other keys than the example, and the reason.
SHOWN = "the example shows no rate limits, the table of the parameter returnRateLimits does"
SOR = "there is no smart order routing between these symbols"
FILTERS = "each filter has keys of its own; the example shows two of them"
STP = "shown of an order that self-trade prevention ended, which the example is not (status FILLED)"
NOT_SET = "shown of an order that has one"
TWICE = "the example has the key twice; it stands at its first place there"
DIFFERENT = {
    ("executionRules", "$.rateLimits"): SHOWN,
    ("referencePrice", "$.rateLimits"): SHOWN,
    ("referencePrice.calculation", "$.rateLimits"): SHOWN,
    ("exchangeInfo", "$.result.sors"): SOR,
    ("exchangeInfo", "$.result.symbols[].filters[]"): FILTERS,
    **{
        (method, f"$.{path}.{name}"): STP
        for method, path in (("order.status", "result"), ("allOrders", "result[]"))
        for name in ("preventedMatchId", "preventedQuantity")
    },
    **{
        ("order.status", f"$.result.{name}"): NOT_SET
        for name in ("trailingDelta", "trailingTime", "strategyId", "strategyType")
    },
}


def examples():
    return [
        pytest.param(m["method"], m["requests"][0], number, reply, id=f"{m['method']}-{number}")
        for m in facts.methods()
        if m["method"] in METHODS
        for number, reply in enumerate(m["responses"])
    ]


async def trade(client, key, clock):
    """An order that was amended, then filled in two parts, and one that is open."""

    async def call(method, **params):
        return await client.result(method, signed(key, symbol="BTCUSDT", timestamp=clock.now_us(), **params))

    placed = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    first = await call("order.place", price="59000", newClientOrderId="taker", **placed)
    second = await call("order.place", price="70000", newClientOrderId="amended", **placed)
    await call("order.amend.keepPriority", orderId=second["orderId"], newQty="0.005")
    return first["orderId"], second["orderId"]


def fresh(value, clock, name):
    if value != "fresh":
        return value
    now_ms = clock.now_us() // 1000
    return now_ms - 80_000_000 if name == "startTime" else now_ms + 1


def reorder(method, expected):
    """The example of an order without the second of its keys origQuoteOrderQty: it has it twice."""
    rows = expected.get("result")
    if method in ("openOrders.status", "allOrders") and isinstance(rows, list):
        for row in rows:
            row["origQuoteOrderQty"] = row.pop("origQuoteOrderQty")
            row["selfTradePreventionMode"] = row.pop("selfTradePreventionMode")


@pytest.mark.parametrize(("method", "request_", "number", "expected"), examples())
def test_an_example_is_answered_as_the_documentation_shows(method, request_, number, expected):
    async def main():
        clock = ManualClock(1_700_000_050_000_000)
        async with (
            Emulator(clock=clock, symbols=(*DEFAULT_SYMBOLS, *SYMBOLS)) as exchange,
            wire(exchange) as client,
        ):
            references = exchange.core.references
            references.means[BAZ] = references.means["BNBBTC"]
            references.set("BAZEUR", None, clock.now_us())
            key = exchange.add_account("HMAC")
            taker, amended = await trade(client, key, clock)
            params = dict(request_.get("params", {}))
            if method in FRESH:
                params.update(FRESH[method][number])
                if "symbols" in FRESH[method][number]:
                    params.pop("symbol", None)
                elif "symbol" in FRESH[method][number]:
                    params.pop("symbols", None)
            params = {name: fresh(value, clock, name) for name, value in params.items()}
            if "orderId" in params:
                params["orderId"] = str(amended) if method == "order.amendments" else taker
            if "signature" in params:
                for name in ("apiKey", "signature", "timestamp"):
                    del params[name]
                params = signed(key, timestamp=clock.now_us() // 1000, **params)
            # Two of the examples have ids of 37 characters, of which the exchange takes 36.
            message = {"id": request_["id"][:36], "method": method, **({"params": params} if params else {})}
            await client.send_text(json.dumps(message))
            got = await client.receive()
            assert got["id"] == message["id"]
            assert got["status"] == expected["status"], got
            reorder(method, expected)
            allowed = [path for name, path in DIFFERENT if name == method]
            expected["id"] = got["id"]
            assert differences(expected, got, extra=allowed, missing=allowed) == []
            for path in allowed:
                others = [other for other in allowed if other != path]
                assert differences(expected, got, extra=others, missing=others), f"{path} needs no reason"

    run(main)


def test_shapes():
    one = {"a": 1, "b": "1.5", "c": [{"d": "x"}], "e": None}
    assert differences(one, {"a": 2, "b": "-3", "c": [{"d": "y"}, {"d": "z"}], "e": None}) == []
    assert differences(one, {"a": "2", "b": "x", "c": [], "f": 1}) == [
        "$.a is decimal, not int",
        "$.b is text, not decimal",
        "$.c is empty",
        "$.e is missing",
        "$.f is new",
    ]
    assert differences(one, {"b": "1", "a": 1, "c": [{"d": "x"}], "e": None}) == ["$ has another order"]
    assert differences([1, "2"], [1]) == ["$ has 1 places"]
    assert differences(one, {"a": 1, "b": "1", "c": [{"d": "x", "z": 1}], "e": None}, extra=["$.c[].z"]) == []
    assert differences({"a": True}, {"a": 1}) == ["$.a is int, not bool"]
