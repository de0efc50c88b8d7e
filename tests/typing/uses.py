"""Uses of fastws that a type checker must accept, and what it must find in them. Never run: see test_typing.py."""

from __future__ import annotations

from decimal import Decimal

from typing_extensions import assert_type

import fastws
from fastws import codes, types


async def market(client: fastws.Client) -> None:
    assert_type(await client.ping(), types.Empty)
    assert_type((await client.time())["serverTime"], int)
    depth = await client.depth(symbol="这是测试币456", limit=5)
    price, quantity = depth["bids"][0]
    print(float(price), Decimal(quantity))
    assert_type(await client.ticker_price(symbol="BTCUSDT"), types.TickerPrice)
    assert_type(await client.ticker_price(symbols=["BTCUSDT"]), list[types.TickerPrice])
    assert_type(await client.ticker_price(), list[types.TickerPrice])
    assert_type(await client.ticker_24hr(symbol="BTCUSDT"), types.Ticker24hr)
    assert_type(await client.ticker_24hr(symbol="BTCUSDT", type="MINI"), types.TickerMini)
    assert_type(await client.ticker_24hr(), list[types.Ticker24hr])
    assert_type(await client.ticker(symbols=("BTCUSDT", "ETHUSDT"), type="MINI"), list[types.TickerMini])
    assert_type(await client.klines(symbol="BTCUSDT", interval="1m"), list[types.Kline])
    assert_type(await client.trades_recent(symbol="BTCUSDT"), list[types.PublicTrade])
    for symbol in (await client.exchange_info())["symbols"]:
        for each in symbol["filters"]:
            if each["filterType"] == "PRICE_FILTER":
                assert_type(each, types.filters.PriceFilter)
                print(each["tickSize"])
    reference = await client.reference_price(symbol="BTCUSDT")
    if "code" in reference:
        assert_type(reference, types.NoReferencePrice)
    elif reference["referencePrice"] is None:
        assert_type(reference, types.ReferencePrice)


async def streams(market: fastws.MarketData) -> None:
    async for trade in await market.trades("BTCUSDT", "ETHUSDT"):
        assert_type(trade, types.TradeEvent)
        print(trade["p"], trade["m"])
    async for quote in await market.quotes("BTCUSDT", conflate=True):
        assert_type(quote, types.BookTicker)
    async for diff in await market.depth("BTCUSDT"):
        assert_type(diff["U"], int)
    async for kline in await market.klines("BTCUSDT", interval="1m"):
        assert_type(kline["k"], types.StreamKline)
    async for ticker in await market.mini_ticker("BTCUSDT"):
        assert_type(ticker, types.MiniTickerEvent)
    async for tickers in await market.mini_ticker():
        assert_type(tickers, list[types.MiniTickerEvent])
    async for rolling in await market.rolling_ticker(window="4h"):
        assert_type(rolling, list[types.RollingTickerEvent])


def kinds(event: types.MarketEvent) -> None:
    if event["e"] == "trade":
        assert_type(event, types.TradeEvent)
    elif event["e"] == "kline":
        assert_type(event, types.KlineEvent)


async def orders(client: fastws.Client, kind: types.OrderType, response: types.NewOrderRespType) -> None:
    full = await client.order_place(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", price="52000.00", quantity=Decimal(1)
    )
    assert_type(full, types.OrderFull)
    print(full["status"] == "FILLED", full["fills"][0]["tradeId"] + 1, full.get("stopPrice"))
    ack = await client.order_place(symbol="BTCUSDT", side="SELL", type="LIMIT_MAKER", price=1, quantity=1)
    assert_type(ack, types.OrderAck)
    ack = await client.order_place(symbol="X", side="BUY", type="MARKET", quantity=1, newOrderRespType="ACK")
    assert_type(ack, types.OrderAck)
    result = await client.order_place(
        symbol="X", side="BUY", type="STOP_LOSS", stopPrice="1", quantity=1, newOrderRespType="RESULT"
    )
    assert_type(result, types.OrderResult)
    placed: types.PlacedOrder = await client.order_place(symbol="X", side="BUY", type=kind, quantity=1)
    placed = await client.order_place(
        symbol="X", side="BUY", type=kind, quantity=1, newOrderRespType=response
    )
    print(placed["orderId"])

    cancelled = await client.order_cancel(symbol="X", orderId=full["orderId"], urgent=True)
    if "orderReports" in cancelled:
        assert_type(cancelled, types.CancelledList)
    else:
        assert_type(cancelled, types.CancelledOrder)
    await client.order_cancel(symbol="X", origClientOrderId="mine")
    await client.order_cancel(symbol="X", orderId=1, origClientOrderId="mine")
    replaced = await client.order_cancel_replace(
        symbol="X",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=1,
        side="BUY",
        type="MARKET",
        newOrderRespType="RESULT",
    )
    assert_type(replaced["newOrderResponse"], types.OrderResult)
    listed = await client.order_list_place_oco(
        symbol="X", side="SELL", quantity=1, aboveType="LIMIT_MAKER", belowType="STOP_LOSS"
    )
    assert_type(listed, types.PlacedList)
    (sor,) = await client.sor_order_place(symbol="X", side="BUY", type="LIMIT", quantity=1)
    assert_type(sor, types.SorOrder)
    assert_type(await client.order_status(symbol="X", orderId=1), types.Order)
    assert_type(await client.open_orders_status(), list[types.Order])


def on_reply(result: object, error: Exception | None) -> None:
    print(result, error)


async def called_back(client: fastws.Client, kind: types.OrderType, may_be: types.OnReply | None) -> None:
    assert_type(client.ping(on_reply=on_reply), fastws.RequestInfo)
    assert_type(client.order_cancel(symbol="X", orderId=1, on_reply=on_reply), fastws.RequestInfo)
    info = client.order_place(symbol="X", side="BUY", type=kind, quantity=1, on_reply=on_reply)
    assert_type(info, fastws.RequestInfo)
    print(info.client_order_id, info.sent)
    assert_type(client.request("order.place", {"symbol": "X"}, on_reply=on_reply), fastws.RequestInfo)
    quote = client.prepare("order.place", symbol="X", side="BUY", type="LIMIT")
    assert_type(quote(price="1", on_reply=on_reply), fastws.RequestInfo)
    assert_type(client.user_data_stream_subscribe(on_reply=on_reply), fastws.RequestInfo)
    assert_type(client.user_data_stream_subscribe_signature(on_reply=on_reply), fastws.RequestInfo)
    async with await client.user_data_stream_subscribe() as subscription:
        assert_type(subscription, fastws.Subscription)
    print(quote(price="1").info, client.request("ping").info.id, client.ping(on_reply=None).info.sent)
    print(client.ping(on_reply=may_be))
    reply = client.ping()
    try:
        await reply
    except fastws.FastwsError as error:
        print(method_of(reply.info), None if error.info is None else method_of(error.info))


def method_of(record: fastws.errors.RequestRecord) -> str:
    """Takes the record of a reply and of an error."""
    return record.method


async def account(client: fastws.Client) -> None:
    for balance in (await client.account_status(omitZeroBalances=True))["balances"]:
        print(balance["asset"], Decimal(balance["free"]))
    for trade in await client.my_trades(symbol="BTCUSDT", startTime=1):
        print(trade["isMaker"], trade["commissionAsset"].lower())
    assert_type([each["subscriptionId"] for each in await client.session_subscriptions()], list[int])


def event(event: types.UserDataEvent) -> None:
    if event["e"] == "executionReport":
        assert_type(event, types.ExecutionReport)
        print(event["c"].lower(), event.get("W"), event["N"] or "")
        if event["X"] == "FILLED":
            print(Decimal(event["Z"]) / Decimal(event["z"]))
    elif event["e"] == "outboundAccountPosition":
        for balance in event["B"]:
            print(balance["a"], balance["f"])
    elif event["e"] == "listStatus":
        print([order["i"] for order in event["O"]])


def on_fill(row: dict[str, object]) -> None:
    print(row["id"])


async def planned_ends(client: fastws.Client) -> None:
    fastws.connect("testnet", rotate_after=None, drain_timeout=3)
    assert_type(await client.rotate(), None)
    assert_type(client.stats["rotations"], int)
    subscription = await client.user_data_stream_subscribe()
    async with fastws.OrderMirror(client, subscription, symbols=["BTCUSDT"], on_fill=on_fill) as mirror:
        assert_type(mirror, fastws.OrderMirror)
        await mirror.ready()
        for (symbol, order_id), order in mirror.open_orders.items():
            print(symbol.lower(), order_id + 1, order["status"])
        assert_type(mirror.commission, dict[str, Decimal])
        for info in mirror.unknown:
            assert_type(info, fastws.RequestInfo)
    assert_type(client.unknown_placements(), list[fastws.RequestInfo])


async def errors(client: fastws.Client) -> None:
    try:
        await client.depth(symbol="NONE")
    except fastws.ApiError as error:
        if error.code == codes.INVALID_SYMBOL:
            assert_type(error.name, "str | None")
            print(codes.text(error.code))
