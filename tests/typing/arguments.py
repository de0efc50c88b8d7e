"""Calls with one wrong argument, which a type checker must name in few words; see test_typing.py."""

from __future__ import annotations

import fastws
from fastws import types


def placing(client: fastws.Client, side: str, kind: str, price: float) -> None:
    client.order_place(symbol="X", side=side, type="LIMIT", price="1", quantity="1")  # wrong: side
    client.order_place(symbol="X", side="BUY", type=kind, price="1", quantity="1")  # wrong: type
    client.order_place(symbol="X", side="BUY", type="LIMIT", price=price)  # wrong: price
    client.order_place(symbol="X", side="BUY", type="LIMIT", newOrderRespType=kind)  # wrong: newOrderRespType
    client.order_place(symbol="X", side=side, type="MARKET", newOrderRespType="ACK")  # wrong: side
    client.order_place(symbol=5, side="BUY", type="MARKET", on_reply=print)  # wrong: symbol
    client.order_place(symbol="X", side="BUY", type="MARKET", on_reply=5)  # wrong: on_reply
    client.order_place(symbol="X", side="BUY", type="MARKET", timeout="1")  # wrong: timeout
    client.order_test(symbol="X", side=side, type="LIMIT")  # wrong: side
    client.sor_order_place(symbol="X", side=side, type="LIMIT", quantity="1")  # wrong: side


def changing(client: fastws.Client, side: str, number: str, kind: types.OrderType) -> None:
    client.order_cancel(symbol="X", orderId=number)  # wrong: orderId
    client.order_cancel(symbol=5, origClientOrderId="mine")  # wrong: symbol
    client.order_status(symbol=5, orderId=1)  # wrong: symbol
    swap = client.order_cancel_replace
    mode: types.CancelReplaceMode = "ALLOW_FAILURE"
    swap(symbol="X", side=side, type="LIMIT", cancelReplaceMode=mode, cancelOrderId=1)  # wrong: side
    swap(symbol=5, side="BUY", type="LIMIT", cancelReplaceMode=mode, cancelOrderId=1)  # wrong: symbol
    swap(symbol="X", side="BUY", type=kind, cancelReplaceMode="", cancelOrderId=1)  # wrong: cancelReplaceMode
    oco = client.order_list_place_oco
    oco(symbol="X", side=side, quantity=1, aboveType="LIMIT_MAKER", belowType="STOP_LOSS")  # wrong: side


def asking(client: fastws.Client, kind: str) -> None:
    client.ticker(symbol=5)  # wrong: symbol
    client.ticker_24hr(symbol="X", type=kind)  # wrong: type
    client.klines(symbol="X", interval=kind)  # wrong: interval
    client.depth(symbol=5)  # wrong: symbol
