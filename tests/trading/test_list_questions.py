"""fastws.trading.list_questions: order lists and smart order routing, on a peer that plays the exchange's records."""

import json
import time

import pytest

import fastws
from fastws import Executed, NeverExecuted, Rejected, StillOpen
from helpers.resolving import hurry, look, unknown  # noqa: F401
from helpers.support import CLOSE, KEY, ORDER, frame, refusal, reply, run, talking

pytestmark = pytest.mark.usefixtures("hurry")

OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "2",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "9",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "5",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "1",
    "workingQuantity": "2",
    "workingTimeInForce": "GTC",
}
LISTS = {
    "orderList.place": {"symbol": "BTCUSDT", "side": "SELL", "quantity": "2", "price": "9", "stopPrice": "5"},
    "orderList.place.oco": OCO,
    "orderList.place.oto": {**OTO, "pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "2"},
    "orderList.place.otoco": {
        **OTO,
        "pendingSide": "SELL",
        "pendingQuantity": "2",
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": "9",
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowStopPrice": "1",
    },
    "orderList.place.opo": {**OTO, "pendingType": "MARKET", "pendingSide": "SELL"},
    "orderList.place.opoco": {
        **OTO,
        "pendingSide": "SELL",
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": "9",
    },
}


class Records:
    """What the exchange would show, and what was asked."""

    def __init__(self):
        self.orders, self.lists, self.asked = [], [], []
        self.sent = None  # the parameters of the request whose reply is lost
        self.passed = 1.0  # seconds since then
        self.hidden = False  # from lookups by name

    @property
    def stamp(self):
        return self.sent["timestamp"] // 1000

    async def serve(self, peer):
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            peer.send(self.answer(request, request["method"], request.get("params", {})))

    def answer(self, request, method, params):
        if method == "time":
            return reply(request, {"serverTime": self.stamp + round(self.passed * 1000)})
        if method in ("allOrders", "allOrderLists"):
            self.asked.append(method)
            return reply(request, self.orders if method == "allOrders" else self.lists)
        if not method.endswith(".status"):
            self.sent = params
            return refusal(request, 504, -1007)
        self.asked.append(method)
        records, id_name, name = (
            (self.lists, "orderListId", "listClientOrderId")
            if method == "orderList.status"
            else (self.orders, "orderId", "clientOrderId")
        )
        for record in () if self.hidden else records:
            if params.get(id_name) == record[id_name] or params.get("origClientOrderId") == record[name]:
                return reply(request, record)
        return refusal(request, 400, -2013)

    def add(
        self, names=(), *, age=0, name=None, status="EXECUTING", kind="OCO", legs=("NEW", "NEW"), **fields
    ):
        """A list with its orders, made `age` seconds before the request was sent."""
        first = len(self.orders) + 1
        time = self.stamp - age * 1000
        for i, leg in enumerate(legs):
            self.orders.append(
                {
                    "symbol": "BTCUSDT",
                    "orderId": first + i,
                    "orderListId": 50 + len(self.lists),
                    "clientOrderId": (*names, "a", "b", "c")[i],
                    "status": leg,
                    "side": "SELL",
                    "price": "9.00000000",
                    "origQty": "2.00000000",
                    "time": time,
                    "updateTime": time,
                    **fields,
                }
            )
        self.lists.append(
            {
                "orderListId": 50 + len(self.lists),
                "contingencyType": kind,
                "listOrderStatus": status,
                "listClientOrderId": name or self.sent.get("listClientOrderId") or "list",
                "symbol": "BTCUSDT",
                "orders": [{"symbol": "BTCUSDT", "orderId": first + i} for i in range(len(legs))],
            }
        )
        return self.lists[-1]


def with_records(scenario):
    async def main():
        records = Records()
        async with talking(records.serve, **KEY) as client:
            await scenario(client, records)

    run(main())


# --- placing


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("status", ["EXECUTING", "REJECT"])
def test_a_list_is_found_under_its_name(method, status):
    async def scenario(client, records):
        error = await unknown(client.request(method, LISTS[method]))
        assert error.client_order_id == records.sent["listClientOrderId"]
        assert await look(error) == StillOpen()
        found = records.add(status=status)
        verdict = await look(error)
        assert verdict == (Executed(found) if status == "EXECUTING" else Rejected(order=found))

    with_records(scenario)


@pytest.mark.parametrize("method", LISTS)
def test_a_list_that_never_came(method):
    async def scenario(client, records):
        error = await unknown(client.request(method, LISTS[method]))
        assert await look(error) == StillOpen()
        records.passed = 19.9
        assert await look(error) == StillOpen()
        records.passed = 20.1
        assert await look(error) == NeverExecuted()
        assert records.asked[-1] == "allOrders"

    with_records(scenario)


@pytest.mark.parametrize("method", LISTS)
def test_a_list_with_another_name_is_found_by_its_orders(method):
    async def scenario(client, records):
        error = await unknown(client.request(method, LISTS[method]))
        legs = [value for name, value in records.sent.items() if name.endswith("ClientOrderId")]
        legs.remove(error.client_order_id)
        assert legs, "fastws names an order of the list, too"
        found = records.add(legs[-1:], name="renamed")
        assert await look(error) == Executed(found)
        records.lists.clear()
        assert await look(error) == Executed(records.orders[0])

    with_records(scenario)


def test_a_list_of_the_same_name_from_before():
    async def scenario(client, records):
        names = {"listClientOrderId": "mine", "aboveClientOrderId": "up", "belowClientOrderId": "down"}
        error = await unknown(client.order_list_place_oco(**OCO, **names))
        records.add(("up", "down"), age=90_000)
        assert await look(error) == StillOpen()
        records.orders[0]["orderListId"] = -1
        records.passed = 21
        assert await look(error) == NeverExecuted()

    with_records(scenario)


def test_a_list_whose_orders_do_not_show_yet():
    async def scenario(client, records):
        names = {"listClientOrderId": "mine", "aboveClientOrderId": "up", "belowClientOrderId": "down"}
        for given in (names, {}):
            error = await unknown(client.order_list_place_oco(**OCO, **given))
            found = records.add(legs=())
            found["orders"] = [{"symbol": "BTCUSDT", "orderId": 99}]
            # a name that fastws made is nobody else's
            assert await look(error) == (StillOpen() if given else Executed(found))

    with_records(scenario)


@pytest.mark.parametrize(
    ("legs", "fields", "candidates"),
    [
        (("CANCELED", "CANCELED"), {}, 2),  # cancelled, and renamed by it
        (("NEW", "NEW"), {"origQty": "1.5"}, 2),  # amended, and renamed by it
        (("NEW", "FILLED"), {}, 0),  # somebody else's: it still has its name
        (("CANCELED", "CANCELED"), {"orderListId": -1}, 0),
        (("CANCELED", "CANCELED"), {"time": 5}, 0),
    ],
)
def test_orders_that_may_be_of_the_list(legs, fields, candidates):
    async def scenario(client, records):
        error = await unknown(client.order_list_place_oco(**OCO))
        records.add(name="other", legs=legs, **fields)
        records.passed = 21
        verdict = await look(error)
        assert verdict == (StillOpen(candidates=tuple(records.orders)) if candidates else NeverExecuted())
        assert await look(error, others=[1, 2]) == NeverExecuted()

    with_records(scenario)


# --- cancelling


def cancel(client, by):
    return client.order_list_cancel(
        symbol="BTCUSDT", **({"orderListId": 50} if by == "id" else {"listClientOrderId": "list"})
    )


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_list_that_goes_on_was_not_cancelled(by):
    async def scenario(client, records):
        error = await unknown(cancel(client, by))
        found = records.add(name="list", age=100)
        assert await look(error) == StillOpen(found)
        records.passed = 21
        assert await look(error) == NeverExecuted(found)

    with_records(scenario)


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize(
    ("kind", "legs"), [("OCO", ("CANCELED", "CANCELED")), ("OTO", ("FILLED", "CANCELED"))]
)
def test_a_list_that_was_cancelled(by, kind, legs):
    async def scenario(client, records):
        error = await unknown(cancel(client, by))
        found = records.add(name=error.client_order_id, kind=kind, legs=legs, status="ALL_DONE")
        assert await look(error) == Executed(found)

    with_records(scenario)


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize(
    ("kind", "legs", "age"),
    [
        ("OCO", ("FILLED", "EXPIRED"), 0),
        ("OCO", ("FILLED", "CANCELED"), 0),  # filled as the other was cancelled for it
        ("OTO", ("FILLED", "FILLED"), 0),
        ("OTO", ("EXPIRED", "EXPIRED"), 0),
        ("OCO", ("CANCELED", "CANCELED"), 0),  # by somebody else
        ("OCO", ("CANCELED", "CANCELED"), 100),  # by somebody else, before
    ],
)
def test_a_list_that_was_over(by, kind, legs, age):
    async def scenario(client, records):
        error = await unknown(cancel(client, by))
        found = records.add(name="list", kind=kind, legs=legs, status="ALL_DONE", age=age)
        verdict = await look(error)
        if by == "name" and age:
            assert verdict == StillOpen(found), "a namesake may hide the list that is meant"
            records.passed = 21
            verdict = await look(error)
        assert verdict == Rejected(order=found)

    with_records(scenario)


def test_a_list_whose_end_does_not_show_whole():
    async def scenario(client, records):
        error = await unknown(cancel(client, "name"))
        found = records.add(name="list", legs=("CANCELED", "CANCELED"), status="ALL_DONE")
        del records.orders[1]
        assert await look(error) == StillOpen(found)

    with_records(scenario)


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_list_that_is_not_there(by):
    async def scenario(client, records):
        error = await unknown(cancel(client, by))
        records.passed = 21
        assert await look(error) == NeverExecuted()
        if by == "name":  # it may have been there, and have got another one
            records.add(name="other", status="ALL_DONE")
            assert await look(error) == NeverExecuted()
            records.hidden = True
            found = records.add(name=error.client_order_id, status="ALL_DONE")
            assert await look(error) == Executed(found)

    with_records(scenario)


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_name_that_the_list_had_before_is_no_proof(by):
    async def scenario(client, records):
        which = {"orderListId": 51} if by == "id" else {"listClientOrderId": "list"}
        records.sent = {"timestamp": time.time_ns() // 1000}
        records.add(name="gone", legs=("CANCELED", "CANCELED"), status="ALL_DONE", age=90_000)
        error = await unknown(client.order_list_cancel(symbol="BTCUSDT", **which, newClientOrderId="gone"))
        found = records.add(name="list")
        assert await look(error) == StillOpen(found)
        records.passed = 21
        assert await look(error) == NeverExecuted(found)

    with_records(scenario)


def test_a_list_whose_name_the_cancel_keeps_may_have_been_cancelled_by_anybody():
    async def scenario(client, records):
        names = {"listClientOrderId": "list", "newClientOrderId": "list"}
        error = await unknown(client.order_list_cancel(symbol="BTCUSDT", **names))
        found = records.add(name="list", legs=("CANCELED", "CANCELED"), status="ALL_DONE")
        records.passed = 21
        assert await look(error) == StillOpen(found)

    with_records(scenario)


def test_another_error_of_a_lookup_is_told():
    async def script(peer):
        sent = await peer.request()
        peer.send(refusal(sent, 504, -1007))
        for _ in range(6):  # asked again and again, as the first answer may have been a mistake
            peer.send(reply(await peer.request(), {"serverTime": sent["params"]["timestamp"]}))
            peer.send(refusal(await peer.request(), 400, -1102))

    async def main():
        async with talking(script, **KEY) as client:
            error = await unknown(cancel(client, "id"))
            with pytest.raises(fastws.BadRequest, match="-1102"):
                await error.resolve()

    run(main())


# --- smart order routing


@pytest.mark.parametrize("late", [False, True])
def test_an_order_by_smart_order_routing(late):
    async def scenario(client, records):
        error = await unknown(client.sor_order_place(**ORDER))
        assert await look(error) == StillOpen()
        if late:
            records.passed = 21
            assert await look(error) == NeverExecuted()
        order = {
            "orderId": 3,
            "clientOrderId": error.client_order_id,
            "side": "BUY",
            "type": "LIMIT",
            "price": "1.00000000",
            "origQty": "2.00000000",
            "time": records.stamp,
            "status": "FILLED",
            "usedSor": True,
        }
        records.orders.append(order)
        assert await look(error) == Executed(order)

    with_records(scenario)
