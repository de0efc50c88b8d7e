"""Replies as the exchange sends them, made up: hundreds of distinct ones, the same in every run.

Shapes and order of the fields are those of the examples in Binance's web-socket-api.md; the JSON is
compact. Each generator has a seed of its own, so that a benchmark run alone sees the messages that it
sees in a full run.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ETHBTC", "BNBBTC", "ADAUSDT", "DOGEUSDT")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_T0 = 1_750_000_000_000  # ms


def compact(value: object) -> bytes:
    """JSON without spaces, as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _decimal(number: float, places: int = 8) -> str:
    return f"{number:.{places}f}"


def _reply(rng: random.Random, result: object, limits: list[Json]) -> bytes:
    return compact({"id": rng.randrange(1, 2**40), "status": 200, "result": result, "rateLimits": limits})


def _weight(count: int) -> Json:
    return {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
        "count": count,
    }


def _orders(interval: str, number: int, limit: int, count: int) -> Json:
    return {
        "rateLimitType": "ORDERS",
        "interval": interval,
        "intervalNum": number,
        "limit": limit,
        "count": count,
    }


def _order_limits(rng: random.Random) -> list[Json]:
    return [
        _orders("SECOND", 10, 100, rng.randrange(100)),
        _orders("DAY", 1, 200000, rng.randrange(200000)),
        _weight(rng.randrange(6000)),
    ]


def _accepted(rng: random.Random) -> Json:
    return {
        "symbol": rng.choice(_SYMBOLS),
        "orderId": rng.randrange(10**10, 10**11),
        "orderListId": -1,
        "clientOrderId": "".join(rng.choices(_ALPHABET, k=22)),
        "transactTime": _T0 + rng.randrange(10**9),
    }


def order_ack(rng: random.Random) -> bytes:
    """A reply to order.place with newOrderRespType=ACK."""
    return _reply(rng, _accepted(rng), _order_limits(rng))


def order_full(rng: random.Random) -> bytes:
    """A reply to order.place with newOrderRespType=FULL: an order that was filled in two to four trades."""
    price = rng.uniform(100, 99_999)
    fills: list[Json] = []
    quantity = quote = 0.0
    trade = rng.randrange(10**9, 10**10)
    for i in range(rng.randrange(2, 5)):
        part = rng.uniform(0.0001, 0.1)
        quantity += part
        quote += part * price
        fills.append(
            {
                "price": _decimal(price + i * 0.01),
                "qty": _decimal(part),
                "commission": _decimal(part * 0.001),
                "commissionAsset": rng.choice(("BNB", "BTC", "USDT")),
                "tradeId": trade + i,
            }
        )
    order = _accepted(rng)
    order.update(
        price=_decimal(price),
        origQty=_decimal(quantity),
        executedQty=_decimal(quantity),
        origQuoteOrderQty="0.00000000",
        cummulativeQuoteQty=_decimal(quote),
        status="FILLED",
        timeInForce="GTC",
        type="LIMIT",
        side=rng.choice(("BUY", "SELL")),
        workingTime=order["transactTime"],
        fills=fills,
        selfTradePreventionMode=rng.choice(("EXPIRE_MAKER", "NONE")),
    )
    return _reply(rng, order, _order_limits(rng))


def execution_report(rng: random.Random) -> Json:
    """The event of an order that trades."""
    price, quantity = rng.uniform(100, 99_999), rng.uniform(0.0001, 9)
    now = _T0 + rng.randrange(10**9)
    return {
        "e": "executionReport",
        "E": now,
        "s": rng.choice(_SYMBOLS),
        "c": "".join(rng.choices(_ALPHABET, k=22)),
        "S": rng.choice(("BUY", "SELL")),
        "o": "LIMIT",
        "f": "GTC",
        "q": _decimal(quantity * 2),
        "p": _decimal(price),
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "r": "NONE",
        "i": rng.randrange(10**10, 10**11),
        "l": _decimal(quantity),
        "z": _decimal(quantity),
        "L": _decimal(price),
        "n": _decimal(quantity * 0.001),
        "N": rng.choice(("BNB", "BTC", "USDT")),
        "T": now,
        "t": rng.randrange(10**9, 10**10),
        "v": rng.randrange(10**6),
        "I": rng.randrange(10**10, 10**11),
        "w": False,
        "m": rng.random() < 0.5,
        "M": True,
        "O": now - rng.randrange(1000),
        "Z": _decimal(price * quantity),
        "Y": _decimal(price * quantity),
        "Q": "0.00000000",
        "W": now - rng.randrange(1000),
        "V": "EXPIRE_MAKER",
    }


def event(rng: random.Random) -> bytes:
    """The message of an event of subscription 0."""
    return compact({"subscriptionId": 0, "event": execution_report(rng)})


def _symbol(rng: random.Random, name: str) -> Json:
    quote = "USDT" if name.endswith("USDT") else "BTC"
    tick = rng.choice(("0.01000000", "0.00010000", "0.00000100"))
    lot = rng.choice(("0.00001000", "0.00010000", "0.00100000"))
    return {
        "symbol": name,
        "status": "TRADING",
        "baseAsset": name.removesuffix(quote),
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": rng.random() < 0.5,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": rng.random() < 0.5,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": _decimal(rng.randrange(1000, 1_000_000)),
                "tickSize": tick,
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": lot,
                "maxQty": _decimal(rng.randrange(1000, 100_000)),
                "stepSize": lot,
            },
            {"filterType": "ICEBERG_PARTS", "limit": rng.choice((10, 25, 100))},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": "0.00000000",
                "maxQty": _decimal(rng.uniform(10, 9_999)),
                "stepSize": "0.00000000",
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": rng.choice(("5", "1.2")),
                "bidMultiplierDown": rng.choice(("0.2", "0.8")),
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        ],
        "permissions": [],
        "permissionSets": [
            ["SPOT", "MARGIN", *(f"TRD_GRP_{number:03d}" for number in range(4, 4 + rng.randrange(20, 40)))]
        ],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def exchange_info(rng: random.Random) -> bytes:
    """A reply to exchangeInfo with nine symbols: 21 kB."""
    limits = [_weight(0), _orders("SECOND", 10, 100, 0), _orders("DAY", 1, 200000, 0)]
    result = {
        "timezone": "UTC",
        "serverTime": _T0 + rng.randrange(10**9),
        "rateLimits": [{name: limit[name] for name in limit if name != "count"} for limit in limits],
        "exchangeFilters": [],
        "symbols": [_symbol(rng, name) for name in _SYMBOLS],
        "sors": [{"baseAsset": "BTC", "symbols": ["BTCUSDT", "BTCUSDC"]}],
    }
    return _reply(rng, result, [_weight(rng.randrange(6000))])


def depth(rng: random.Random) -> bytes:
    """A reply to depth with limit=100: 100 bids and 100 asks."""
    middle = rng.randrange(1_000_000, 9_000_000)

    def side(step: int) -> list[list[str]]:
        cents, levels = middle, []
        for _ in range(100):
            cents += step * rng.randrange(1, 20)
            levels.append([_decimal(cents / 100), _decimal(rng.expovariate(0.5) + 0.00001)])
        return levels

    result = {"lastUpdateId": rng.randrange(10**10, 10**11), "bids": side(-1), "asks": side(1)}
    return _reply(rng, result, [_weight(rng.randrange(6000))])


def klines(rng: random.Random) -> bytes:
    """A reply to klines with limit=500, of minutes."""
    opened, price, rows = _T0 + rng.randrange(10**6) * 60_000, rng.uniform(10, 99_999), []
    for i in range(500):
        volume, buys = rng.expovariate(0.01), rng.random()
        moved = price * rng.uniform(0.999, 1.001)
        rows.append(
            [
                opened + i * 60_000,
                _decimal(price),
                _decimal(max(price, moved) * 1.0002),
                _decimal(min(price, moved) * 0.9998),
                _decimal(moved),
                _decimal(volume),
                opened + i * 60_000 + 59_999,
                _decimal(volume * price),
                rng.randrange(1, 5000),
                _decimal(volume * buys),
                _decimal(volume * buys * price),
                "0",
            ]
        )
        price = moved
    return _reply(rng, rows, [_weight(rng.randrange(6000))])


def trades(size: int) -> bytes:
    """A reply to trades.historical of about this size."""
    made: list[Json] = []
    room = size - 60
    while True:
        number = len(made)
        trade = {
            "id": 10**9 + number,
            "price": _decimal(50_000 + number % 9_973 / 100),
            "qty": _decimal(number % 7_919 / 1_000 + 0.001),
            "time": _T0 + number,
            "isBuyerMaker": number % 3 == 0,
        }
        room -= len(compact(trade)) + 1
        if room < 0:
            return compact({"id": 1, "status": 200, "result": made, "rateLimits": []})
        made.append(trade)


def logon(rng: random.Random) -> bytes:
    """A reply to session.logon."""
    result = {
        "apiKey": "".join(rng.choices(_ALPHABET, k=64)),
        "authorizedSince": _T0,
        "connectedSince": _T0 - 5,
        "returnRateLimits": True,
        "serverTime": _T0 + 1,
        "userDataStream": False,
    }
    return _reply(rng, result, [_weight(2)])


def large_exchange_info(rng: random.Random) -> bytes:
    """A reply to exchangeInfo with all symbols: 16 MB."""
    limits = [_weight(0), _orders("SECOND", 10, 100, 0), _orders("DAY", 1, 200000, 0)]
    symbols, size = [], 0
    while size < 16_000_000:
        symbols.append(_symbol(rng, f"{rng.choice(_SYMBOLS)}{len(symbols)}"))
        size += len(compact(symbols[-1])) + 1
    result = {
        "timezone": "UTC",
        "serverTime": _T0,
        "rateLimits": [{name: limit[name] for name in limit if name != "count"} for limit in limits],
        "exchangeFilters": [],
        "symbols": symbols,
    }
    return _reply(rng, result, [_weight(rng.randrange(6000))])


def subscribed(rng: random.Random) -> bytes:
    """A reply to userDataStream.subscribe."""
    return _reply(rng, {"subscriptionId": 0}, [_weight(2)])


def user_data_event(rng: random.Random) -> bytes:
    """The event of an order that trades, as subscription 0 sends it."""
    return compact({"subscriptionId": 0, "event": execution_report(rng)})


def distinct(make: Callable[[random.Random], bytes], count: int) -> list[bytes]:
    """``count`` different messages of one kind, the same ones each time."""
    rng = random.Random(make.__name__)
    made = [make(rng) for _ in range(count)]
    if len(set(made)) != count:
        raise ValueError(f"{make.__name__} repeats itself")
    return made


def order_params(count: int) -> list[Json]:
    """Parameters of ``count`` different orders, as a strategy passes them to order.place."""
    rng = random.Random("order_params")
    return [
        {
            "symbol": rng.choice(_SYMBOLS),
            "side": rng.choice(("BUY", "SELL")),
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": _decimal(rng.uniform(100, 99_999), 2),
            "quantity": _decimal(rng.uniform(0.001, 9), 5),
            "newClientOrderId": f"bench-{number:06d}",
        }
        for number in range(count)
    ]
