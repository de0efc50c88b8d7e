"""The scripted strategy of the demonstration: the requests of a trading program; it shows each step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from .histogram import duration
from .screen import Screen, narrowed, pad

if TYPE_CHECKING:
    from ..client import Client
    from ..types import Reply

SYMBOL, BASE, QUOTE = "BTCUSDT", "BTC", "USDT"
_FINAL = {"FILLED": "green", "CANCELED": "dim", "EXPIRED": "yellow", "REJECTED": "red"}

Order = dict[str, Any]
Balances = dict[str, tuple[Decimal, Decimal]]


class Strategy:
    """Trades on ``client`` and shows each step on ``screen``; on a terminal it pauses ``pace`` seconds after each."""

    def __init__(self, client: Client, screen: Screen, pace: float) -> None:
        self._client = client
        self._pace = pace
        self._screen = screen
        self._step = 0
        self.orders: dict[int, Order] = {}

    async def run(self) -> None:
        """The whole script, from the first look at the market to the last balance."""
        client = self._client
        tick, step = await self._rules()
        before = await self._balances("before")
        bid, ask = await self._market()
        size = Decimal("0.02") // step * step
        low, high = (price // tick * tick for price in (bid * Decimal("0.995"), ask * Decimal("1.005")))

        buy = await self._order(
            "order.place",
            f"buy {_short(size)} at {_short(low)}, 0.5 % below the market",
            client.order_place(
                symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", price=low, quantity=size
            ),
        )
        await self._order(
            "order.status", f"query order {buy}", client.order_status(symbol=SYMBOL, orderId=buy)
        )
        await self._order(
            "order.amend.keepPriority",
            f"reduce it to {_short(size / 2)}, at its place in the queue",
            client.order_amend_keep_priority(symbol=SYMBOL, orderId=buy, newQty=size / 2),
        )
        await self._order(
            "order.place",
            f"buy {_short(size / 2)} at the market",
            client.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quantity=size / 2),
        )
        await self._refusal(
            "order.place",
            "buy more than the account can pay",
            client.order_place(
                symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", price=low, quantity=step * 10**7
            ),
        )
        sell = await self._order(
            "order.cancelReplace",
            f"cancel order {buy}, sell {_short(size / 2)} at {_short(high)} instead",
            client.order_cancel_replace(
                symbol=SYMBOL,
                cancelReplaceMode="STOP_ON_FAILURE",
                cancelOrderId=buy,
                side="SELL",
                type="LIMIT",
                timeInForce="GTC",
                price=high,
                quantity=size / 2,
            ),
        )
        await self._order(
            "order.place",
            f"sell {_short(size / 2)} at {_short(high + tick)}, as a maker only",
            client.order_place(
                symbol=SYMBOL,
                side="SELL",
                type="LIMIT_MAKER",
                price=high + tick,
                quantity=size / 2,
                newOrderRespType="RESULT",
            ),
        )
        await self._open_orders()
        await self._order(
            "order.cancel", f"cancel order {sell}", client.order_cancel(symbol=SYMBOL, orderId=sell)
        )
        await self._cancel_all()
        after = await self._balances("after")
        self._finish(before, after)

    # --- steps that query

    async def _rules(self) -> tuple[Decimal, Decimal]:
        reply = self._client.exchange_info(symbol=SYMBOL)
        result = await reply
        filters: dict[str, Any] = {entry["filterType"]: entry for entry in result["symbols"][0]["filters"]}
        tick = Decimal(filters["PRICE_FILTER"]["tickSize"]).normalize()
        step = Decimal(filters["LOT_SIZE"]["stepSize"]).normalize()
        await self._tell("exchangeInfo", f"{SYMBOL}: ticks of {tick:f}, lots of {step:f}", "", _took(reply))
        return tick, step

    async def _market(self) -> tuple[Decimal, Decimal]:
        reply = self._client.depth(symbol=SYMBOL, limit=5)
        result = await reply
        bid, ask = Decimal(result["bids"][0][0]), Decimal(result["asks"][0][0])
        await self._tell("depth", f"best bid {_short(bid)}, best ask {_short(ask)}", "", _took(reply))
        return bid, ask

    async def _balances(self, when: str) -> Balances:
        reply = self._client.account_status(omitZeroBalances=True)
        result = await reply
        balances = {
            entry["asset"]: (Decimal(entry["free"]), Decimal(entry["locked"])) for entry in result["balances"]
        }
        text = ", ".join(f"{_short(_whole(balances, asset))} {asset}" for asset in (BASE, QUOTE))
        await self._tell("account.status", f"balances {when}: {text}", "", _took(reply))
        return balances

    async def _open_orders(self) -> None:
        reply = self._client.open_orders_status(symbol=SYMBOL)
        result = await reply
        text = " and ".join(f"order {order['orderId']}" for order in result)
        await self._tell("openOrders.status", f"open: {text}", "", _took(reply))

    # --- steps that trade

    async def _order(self, method: str, what: str, reply: Reply[Any]) -> int:
        """A step whose reply shows one order; its id."""
        result = await reply
        if "cancelResponse" in result:
            self._note(result["cancelResponse"])
            result = result["newOrderResponse"]
        order = self._note(result.get("amendedOrder", result))
        status = order["status"]
        answer = f"order {order['orderId']} {self._screen.style(status, _FINAL.get(status, 'cyan'))}"
        if status == "FILLED" and "fills" in order:
            answer += f" at {_average_price(order)}"
        await self._tell(method, what, answer, _took(reply))
        return int(order["orderId"])

    async def _cancel_all(self) -> None:
        reply = self._client.open_orders_cancel_all(symbol=SYMBOL)
        result = await reply
        orders = [order for order in result if "status" in order]  # it places no order lists
        for order in orders:
            self._note(order)
        text = ", ".join(f"order {order['orderId']} {order['status']}" for order in orders)
        await self._tell("openOrders.cancelAll", "cancel all open orders", text, _took(reply))

    async def _refusal(self, method: str, what: str, reply: Reply[Any]) -> None:
        """A step that the exchange refuses."""
        try:
            await reply
        except ApiError as error:
            text = self._screen.style(f"{type(error).__name__} {error.code}: {error.msg}", "yellow")
            await self._tell(method, what, text, _took(reply))

    # --- telling

    async def _tell(self, method: str, what: str, answer: str, took: int) -> None:
        screen = self._screen
        self._step += 1
        name = screen.style(pad(method, 24), "bold")
        time = screen.style(pad(duration(took), 7, right=True), "dim")
        screen.entry(f"{self._step:2}  {name}  {time}", what, answer)
        screen.live(self.table())
        if screen.is_terminal:
            await asyncio.sleep(self._pace)

    def _note(self, order: Mapping[str, Any]) -> Order:
        """Remember what a reply says of an order: a reply may know less than an earlier one."""
        known = self.orders.setdefault(int(order["orderId"]), {})
        known.update(order)
        if "qty" in order:  # an amended order has its quantity under another name
            known["origQty"] = order["qty"]
        return known

    def table(self) -> list[str]:
        """The orders so far and their states, as lines."""
        if not self.orders:
            return []
        head = ("order", "side", "type", "price", "quantity", "executed", "status")
        rows = [
            (
                str(number),
                order.get("side", ""),
                order.get("type", ""),
                _short(order["price"]) if Decimal(order.get("price", 0)) else _average_price(order),
                _short(order.get("origQty", 0)),
                _short(order.get("executedQty", 0)),
                order.get("status", ""),
            )
            for number, order in self.orders.items()
        ]
        numbers = ("order", "price", "quantity", "executed")
        lines = narrowed(rows, head, numbers, self._screen.room, drop=("executed", "type", "quantity"))
        return ["", *(f"  {line}" for line in lines)]

    def _finish(self, before: Balances, after: Balances) -> None:
        screen = self._screen
        lines = self.table()
        screen.line()
        screen.line("Orders", "bold")
        screen.lines(lines[1:])
        rows = []
        for asset in (BASE, QUOTE):
            old, new = _whole(before, asset), _whole(after, asset)
            rows.append(
                (asset, _short(old), _short(new), f"{(new - old).normalize():+f}", _short(after[asset][1]))
            )
        screen.line()
        screen.line("Balances", "bold")
        head = ("asset", "before", "after", "change", "locked")
        lines = narrowed(rows, head, head[1:], screen.room, drop=("locked", "before"))
        screen.lines(f"  {line}" for line in lines)


def _whole(balances: Balances, asset: str) -> Decimal:
    free, locked = balances[asset]
    return free + locked


def _short(number: object) -> str:
    """A decimal without the zeros behind its last digit."""
    return f"{Decimal(str(number)).normalize():f}"


def _took(reply: Reply[Any]) -> int:
    """From the request's call to the reading of its reply, in nanoseconds."""
    return int(reply.info.received_at - reply.info.queued_at)


def _average_price(order: Order) -> str:
    executed = Decimal(order.get("executedQty", 0))
    return f"{Decimal(order['cummulativeQuoteQty']) / executed:.2f}" if executed else ""
