"""The orders of ``python -m fastws verify``: small ones, far below the market, none of which may stay."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Any

from .verify_wire import Reply, Stop, Wire

__all__ = ["Orders"]

_FAR = Decimal("0.5")  # of the last price, if the symbol's filter does not require a nearer one
_ROOM = Decimal("2.5")  # how often the least notional value fits, so that an amended order still has it
_UNKNOWN_ORDER = (-2011, -2013)
_SURELY_EXECUTED = 3.0  # seconds after which an order that is unknown to the exchange does not come any more


class Orders:
    """Places and cancels orders, and knows which of them may be open.

    Attributes:
        symbol: the symbol of all orders.
        price, quantity, reduced: the price and quantity of each order, and the quantity after an amendment.
        ids: the ids of all orders that were placed.
        open: the client order ids, at their placement, of orders that may be open, with their ids if these are known.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.price = self.quantity = self.reduced = ""
        self.ids: set[int] = set()
        self.open: dict[str, int | None] = {}
        self._prefix = f"verify-{secrets.token_hex(4)}-"
        self._count = 0

    async def choose(self, wire: Wire) -> None:
        """Choose price and quantity by the filters of the symbol.

        Raises:
            Stop: there is no such symbol, or the exchange does not answer.
        """
        info = await wire.result("exchangeInfo", symbol=self.symbol)
        last = Decimal((await wire.result("ticker.price", symbol=self.symbol))["price"])
        filters = {each["filterType"]: each for each in info["symbols"][0]["filters"]}
        self.price, self.quantity, self.reduced = sizes(last, filters)

    def new_id(self) -> str:
        """A client order id for an order or for a change of one; it was not used before."""
        self._count += 1
        return f"{self._prefix}{self._count}"

    def params(self, client_order_id: str) -> dict[str, Any]:
        """The parameters that place an order."""
        return {
            "symbol": self.symbol,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": self.price,
            "quantity": self.quantity,
            "newClientOrderId": client_order_id,
        }

    def send(self, wire: Wire) -> tuple[str, asyncio.Future[Reply]]:
        """Send a placement; the client order id and the Future of its reply, which goes to ``placed``."""
        client_order_id = self.new_id()
        self.open[client_order_id] = None
        return client_order_id, wire.send("order.place", signed=True, **self.params(client_order_id))

    def placed(self, client_order_id: str, answer: Reply) -> int:
        """Take the reply to a placement; the id of the order.

        Raises:
            Stop: it was refused.
        """
        if not answer.ok:
            if answer.status < 500:
                del self.open[client_order_id]
            needs = "; the key needs the permission TRADE" if answer.code == -2015 else ""
            raise Stop(f"order.place was refused with {answer}{needs}")
        order_id = int(answer.result["orderId"])
        self.open[client_order_id] = order_id
        self.ids.add(order_id)
        return order_id

    async def place(self, wire: Wire) -> tuple[str, int, float]:
        """Place an order: its client order id, its id, and when the reply came.

        Raises:
            Stop: it was refused, or the connection was lost.
        """
        client_order_id, reply = self.send(wire)
        answer = await wire.reply_to("order.place", reply)
        return client_order_id, self.placed(client_order_id, answer), answer.at

    def send_cancel(self, wire: Wire, order_id: int) -> asyncio.Future[Reply]:
        """Send the cancel of an order; its reply goes to ``canceled``."""
        return wire.send("order.cancel", signed=True, symbol=self.symbol, orderId=order_id)

    def canceled(self, order_id: int, answer: Reply) -> dict[str, Any]:
        """Take the reply to a cancel.

        Raises:
            Stop: it was refused.
        """
        if not answer.ok:
            raise Stop(f"order.cancel was refused with {answer}")
        self.forget(order_id)
        return dict(answer.result)

    def forget(self, order_id: int) -> None:
        """Note that an order has ended."""
        self.open = {name: each for name, each in self.open.items() if each != order_id}

    async def clean_up(self, wire: Wire, within: float) -> None:
        """Cancel all orders that may be open.

        Raises:
            Stop: it did not succeed; ``left`` says what is left.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.open:
            for name, order_id in list(self.open.items()):
                by: dict[str, Any] = (
                    {"origClientOrderId": name} if order_id is None else {"orderId": order_id}
                )
                answer = await wire.ask("order.cancel", signed=True, symbol=self.symbol, **by)
                unknown = answer.code in _UNKNOWN_ORDER
                # The order of a placement without a reply may still be on its way.
                ended = unknown and (order_id is not None or loop.time() - began > _SURELY_EXECUTED)
                if answer.ok or ended:
                    del self.open[name]
                elif not unknown:
                    raise Stop(f"order.cancel was refused with {answer}")
            if self.open:
                if loop.time() - began > within:
                    return
                await asyncio.sleep(0.2)

    def left(self) -> str:
        """What to do about the orders that may be open."""
        call = ("python", "-m", "fastws", "call", "order.cancel", f"symbol={self.symbol}")
        commands = [
            shlex.join([*call, f"origClientOrderId={name}" if order_id is None else f"orderId={order_id}"])
            for name, order_id in self.open.items()
        ]
        return "these orders may be open; cancel them:\n  " + "\n  ".join(commands)


def sizes(last: Decimal, filters: dict[str, dict[str, Any]]) -> tuple[str, str, str]:
    """Price, quantity and reduced quantity of an order far below the market, by the filters of its symbol."""
    with localcontext() as context:
        context.prec = 40
        far = _FAR
        for name in ("PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"):
            bounds = filters.get(name, {})
            down = Decimal(bounds.get("bidMultiplierDown", bounds.get("multiplierDown", "0")))
            far = max(far, down * Decimal("1.02"))
        tick = Decimal(filters["PRICE_FILTER"]["tickSize"])
        price = _whole(last * far, tick, ROUND_FLOOR)
        lot = filters["LOT_SIZE"]
        step, least = Decimal(lot["stepSize"]), Decimal(lot["minQty"])
        notional = Decimal(filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", {})).get("minNotional", "0"))
        reduced = max(least, _whole(notional * Decimal("1.05") / price, step, ROUND_CEILING))
        quantity = max(reduced + step, _whole(reduced * _ROOM / 2, step, ROUND_CEILING))
        return f"{price:f}", f"{quantity:f}", f"{reduced:f}"


def _whole(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """``value``, rounded to a multiple of ``step``; a step of 0 means that there is none."""
    return value if not step else (value / step).to_integral_value(rounding) * step
