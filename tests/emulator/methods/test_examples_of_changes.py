"""The documentation's example requests that change something or query what was changed, sent again over the wire.

The exchange has the orders, lists and sessions of each example; the reply has the example's keys and types.
"""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, ManualClock
from helpers import facts
from helpers.emulator.shapes import differences
from helpers.emulator.wire import run, signed, wire

SYMBOL = {"symbol": "BTCUSDT"}
RESTING = {
    **SYMBOL,
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "70000",
    "quantity": "0.00847",
}
PAIR = {
    **SYMBOL,
    "side": "BUY",
    "quantity": "0.0085",
    "aboveType": "STOP_LOSS_LIMIT",
    "aboveStopPrice": "70000",
}
PAIR |= {"abovePrice": "70001", "aboveTimeInForce": "GTC", "belowType": "LIMIT_MAKER", "belowPrice": "50000"}

# Replies that differ from their example, and the reason.
NOT_SET = "the example is of an order that has one (Conditional fields in Order Responses)"
OTHERS_SHOW = "other examples of the same reply show it"
OF_ONE = "shown of the order that has one; differences() holds every entry against the first"
EXPLAINED = "when to come back is shown, as the section on rate limits says"
SHOWN = "the example shows no rate limits, the table of the parameter returnRateLimits does"
SESSIONS = """
    session.logon session.status session.logout session.subscriptions
    userDataStream.subscribe userDataStream.subscribe.signature userDataStream.unsubscribe
""".split()
DIFFERENT = {
    **dict.fromkeys([(method, "$.rateLimits") for method in SESSIONS], SHOWN),
    **{
        (method, f"$.result{path}.{name}"): NOT_SET
        for method, path in (("order.cancel", ""), ("openOrders.cancelAll", "[0]"))
        for name in ("stopPrice", "trailingDelta", "icebergQty")
    },
    ("openOrders.cancelAll", "$.result[0].trailingTime"): NOT_SET,
    **{
        (method, f"$.result{path}.orderReports[].stopPrice"): OF_ONE
        for method, path in (("order.cancel", ""), ("openOrders.cancelAll", "[1]"), ("orderList.cancel", ""))
    },
    ("orderList.cancel", "$.result.orderReports[].origClientOrderId"): OTHERS_SHOW,
    **{
        ("order.cancelReplace", f"$.result.newOrderResponse.{name}"): OTHERS_SHOW
        for name in ("workingTime", "fills")
    },
    ("order.cancelReplace", "$.error.data"): EXPLAINED,
}


def example(name):
    (method,) = (row for row in facts.methods() if row["method"] == name)
    return method["requests"][0], method["responses"]


def unlike(name, expected, got):
    """The differences from the example without a known reason."""
    allowed = [path for method, path in DIFFERENT if method == name]
    expected = {**expected, "id": got["id"]}
    if name == "openOrders.cancelAll":  # an order and a list: no array of one kind
        assert len(got["result"]) == len(expected["result"])
        pairs = enumerate(zip(expected.pop("result"), got.pop("result"), strict=True))
        found = [
            text
            for number, (one, other) in pairs
            for text in differences(one, other, f"$.result[{number}]", allowed, allowed)
        ]
        return found + differences(expected, got)
    if "data" not in expected.get("error", {}):
        return differences(expected, got, extra=allowed, missing=allowed)
    return differences(expected, got, extra=[path for path in allowed if path != "$.error.data"])


class Replay:
    """The example's request, with the values of this exchange."""

    def __init__(self, name, client, key, clock):
        self.name, self.client, self.key, self.clock = name, client, key, clock
        self.request, self.responses = example(name)

    async def call(self, method, **params):
        params = {name: value for name, value in params.items() if value is not None}
        return await self.client.call(method, signed(self.key, timestamp=self.clock.now_us(), **params))

    async def again(self, number, **changes):
        """Send the example with these parameters in place of its own (None: without), and compare the reply."""
        params = {**self.request.get("params", {}), **changes}
        params = {
            name: value for name, value in params.items() if name not in ("apiKey", "signature", "timestamp")
        }
        got = await self.call(self.name, **params)
        expected = self.responses[number]
        assert got["status"] == expected["status"], got
        assert got.get("error", {}).get("code") == expected.get("error", {}).get("code"), got
        assert unlike(self.name, expected, got) == []
        return got

    async def rests(self, **params):
        """An order that rests in the book."""
        return (await self.call("order.place", **{**RESTING, **params}))["result"]


def replayed(name):
    def decorate(story):
        def test():
            async def main():
                clock = ManualClock(1_700_000_050_000_000)
                async with Emulator(clock=clock) as exchange, wire(exchange) as client:
                    key = exchange.add_account("Ed25519")
                    await story(Replay(name, client, key, clock))

            run(main)

        test.__doc__ = story.__doc__
        return test

    return decorate


@replayed("order.cancel")
async def test_an_order_is_canceled(replay):
    name = replay.request["params"]["origClientOrderId"]
    await replay.rests(newClientOrderId=name, strategyId=37463720, strategyType=1000000)
    await replay.again(0)
    placed = await replay.call("orderList.place.oco", **PAIR)
    await replay.again(1, origClientOrderId=None, orderId=placed["result"]["orders"][0]["orderId"])


@replayed("openOrders.cancelAll")
async def test_all_orders_are_canceled(replay):
    await replay.rests(strategyId=37463720, strategyType=1000000)
    await replay.call("orderList.place.oco", **PAIR)
    await replay.again(0)


@replayed("orderList.cancel")
async def test_a_list_is_canceled(replay):
    placed = await replay.call("orderList.place.oco", **PAIR)
    await replay.again(0, orderListId=placed["result"]["orderListId"])


@replayed("orderList.status")
async def test_a_list_is_asked_for(replay):
    await replay.call(
        "orderList.place.oco", **PAIR, listClientOrderId=replay.request["params"]["origClientOrderId"]
    )
    await replay.again(0)


@replayed("order.amend.keepPriority")
async def test_an_order_is_amended(replay):
    name = replay.request["params"]["origClientOrderId"]
    await replay.rests(newClientOrderId=name, side="BUY", price="50000", quantity="7")
    await replay.again(0)
    working = {
        "workingType": "LIMIT_MAKER",
        "workingSide": "BUY",
        "workingPrice": "50000",
        "workingQuantity": "1",
    }
    pending = {
        "pendingType": "LIMIT_MAKER",
        "pendingSide": "BUY",
        "pendingPrice": "50001",
        "pendingQuantity": "7",
    }
    placed = await replay.call("orderList.place.oto", **SYMBOL, **working, **pending)
    await replay.again(1, origClientOrderId=placed["result"]["orders"][1]["clientOrderId"])


@pytest.mark.parametrize("number", range(7))
def test_an_order_is_replaced(number):
    async def story(replay):
        name = replay.request["params"]["cancelOrigClientOrderId"]
        new = {"price": "70000"}
        if number in (0, 2, 6):
            await replay.rests(newClientOrderId=name)
        if number == 1:
            new["cancelReplaceMode"] = "STOP_ON_FAILURE"
        if number in (2, 4):
            new |= {"side": "BUY", "type": "LIMIT_MAKER", "timeInForce": None, "price": "80000"}
        if number in (5, 6):
            while (await replay.call("order.place", **RESTING))["status"] == 200:
                pass
            new["orderRateLimitExceededMode"] = "DO_NOTHING" if number == 5 else "CANCEL_ONLY"
        await replay.again(number, **new)

    replayed("order.cancelReplace")(story)()


@replayed("session.logon")
async def test_a_session_is_logged_on(replay):
    await replay.again(0)


async def unsigned(replay, expected=0):
    """The example of a method that takes no signature."""
    got = await replay.client.call(replay.name)
    assert unlike(replay.name, replay.responses[expected], got) == []


@replayed("session.status")
async def test_a_session_is_asked_for(replay):
    await replay.call("session.logon")
    await unsigned(replay)


@replayed("session.logout")
async def test_a_session_is_logged_out(replay):
    await replay.call("session.logon")
    await unsigned(replay)


@replayed("userDataStream.subscribe")
async def test_a_session_subscribes(replay):
    await replay.call("session.logon")
    await unsigned(replay)


@replayed("userDataStream.subscribe.signature")
async def test_a_subscription_by_signature(replay):
    await replay.again(0)


@replayed("session.subscriptions")
async def test_subscriptions_are_asked_for(replay):
    await replay.call("userDataStream.subscribe.signature")
    await unsigned(replay)


@replayed("userDataStream.unsubscribe")
async def test_subscriptions_end(replay):
    await replay.call("userDataStream.subscribe.signature")
    await unsigned(replay)
