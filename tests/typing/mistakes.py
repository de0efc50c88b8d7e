"""Mistakes that a type checker must find: each line with a "wrong:" comment, and no other. See test_typing.py."""

from __future__ import annotations

import asyncio

import fastws
from fastws import types


async def parameters(client: fastws.Client) -> None:
    client.depth("BTCUSDT")  # wrong: positional
    client.depth()  # wrong: required
    client.depth(symbol=5)  # wrong: type
    client.depth(symbol="X", limt=5)  # wrong: name
    client.depth(symbol="X", symbolStatus="OPEN")  # wrong: enum
    client.klines(symbol="X", interval="1x")  # wrong: enum
    client.order_place(symbol="X", side="BOTH", type="LIMIT")  # wrong: enum
    client.order_place(symbol="X", side="BUY", type="STOP")  # wrong: enum
    client.order_place(symbol="X", side="BUY")  # wrong: required
    client.order_place(symbol="X", side="BUY", type="MARKET", quantity=0.1)  # wrong: a float
    client.order_place(symbol="X", side="BUY", type="LIMIT", timeInForce="GTX")  # wrong: enum
    client.order_place(symbol="X", side="BUY", type="LIMIT", newOrderRespType="NONE")  # wrong: enum
    client.order_cancel(symbol="X")  # wrong: one of two
    client.order_cancel(symbol="X", orderId="1")  # wrong: type
    client.order_amend_keep_priority(symbol="X", newQty="1")  # wrong: one of two
    client.ticker()  # wrong: one of two
    client.ticker_price(symbol="X", symbols=["Y"])  # wrong: only one of two
    client.exchange_info(symbols="X")  # wrong: a list
    client.order_list_place_oto(symbol="X", workingType="MARKET")  # wrong: enum, required
    client.ping(symbol="X")  # wrong: none
    client.orderPlace()  # wrong: name


async def tasks(client: fastws.Client, loop: asyncio.AbstractEventLoop) -> None:
    order = client.order_place(symbol="X", side="BUY", type="MARKET", quantity=1)
    first = asyncio.create_task(order)  # wrong: a Future, not a coroutine
    other = loop.create_task(client.ping())  # wrong: a Future, not a coroutine
    print(first, other)


async def results(client: fastws.Client) -> None:
    depth = await client.depth(symbol="X")
    print(depth["bid"])  # wrong: key
    order = await client.order_status(symbol="X", orderId=1)
    print(order["orderid"])  # wrong: key
    ack = await client.order_place(symbol="X", side="BUY", type="STOP_LOSS", quantity=1)
    print(ack["status"])  # wrong: an ACK has none
    cancelled = await client.order_cancel(symbol="X", orderId=1)
    print(cancelled["status"])  # wrong: it may be a list
    tickers = await client.ticker_price()
    print(tickers["price"])  # wrong: a list
    stamp: str = (await client.time())["serverTime"]  # wrong: int
    print(stamp)


def events(event: types.UserDataEvent) -> None:
    print(event["X"])  # wrong: not of every event
    if event["e"] == "balanceUpdate":
        print(event["c"])  # wrong: of an executionReport


async def mirrors(client: fastws.Client, subscription: fastws.Subscription) -> None:
    fastws.OrderMirror(client, None)  # wrong: type
    fastws.OrderMirror(client)  # wrong: required
    fastws.OrderMirror(client, subscription, on_fill=5)  # wrong: type
    await client.rotate(5)  # wrong: positional


def opening() -> None:
    fastws.connect()  # wrong: required
    fastws.connect("testnet", "key")  # wrong: positional
    fastws.connect("testnet", timeout="5")  # wrong: type
    fastws.connect("testnet", time_out=5)  # wrong: name
    fastws.connect("testnet", results="list")  # wrong: enum
    fastws.connect("testnet", on_event=5)  # wrong: type
    fastws.connect("testnet", rotate_after="1 h")  # wrong: type
    fastws.connect("testnet", drain_timeout=None)  # wrong: type
    fastws.Options("testnet", secret=5)  # wrong: type
    fastws.Options("testnet", nope=5)  # wrong: name
    fastws.Client("testnet")  # wrong: type
    client: int = fastws.connect("testnet")  # wrong: result
    print(client)
