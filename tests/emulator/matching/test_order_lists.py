"""Order lists: OCO, OTO, OTOCO and the deprecated OCO, from their placement to their end."""

from __future__ import annotations

import pytest

from fastws.emulator.values.errors import Refusal
from helpers.emulator.order_lists import market, otoco
from helpers.emulator.quiet_market import ACK, FULL, RESULT

LIST = [
    "orderListId",
    "contingencyType",
    "listStatusType",
    "listOrderStatus",
    "listClientOrderId",
    "transactionTime",
    "symbol",
    "orders",
]


def oco(floor, **params):
    defaults = {
        "side": "SELL",
        "quantity": "2",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": "110",
        "belowType": "STOP_LOSS_LIMIT",
        "belowPrice": "89",
        "belowStopPrice": "90",
        "belowTimeInForce": "GTC",
    }
    return floor.call("a", "orderList.place.oco", **{**defaults, **params})


def oto(floor, **params):
    defaults = {
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "95",
        "workingQuantity": "2",
        "workingTimeInForce": "GTC",
        "pendingType": "LIMIT",
        "pendingSide": "SELL",
        "pendingPrice": "105",
        "pendingQuantity": "2",
        "pendingTimeInForce": "GTC",
    }
    return floor.call("a", "orderList.place.oto", **{**defaults, **params})


def states(floor, placed):
    rows = [floor.call("a", "order.status", orderId=row["orderId"]) for row in placed["orders"]]
    return [(row["status"], row.get("expiryReason", "")) for row in rows]


@pytest.mark.parametrize(("resp_type", "fields"), [("ACK", ACK), ("RESULT", RESULT), ("FULL", FULL)])
def test_the_shapes_of_a_placed_oco(resp_type, fields):
    """SEMANTICS 83"""
    floor = market()
    placed = oco(floor, newOrderRespType=resp_type, listClientOrderId="mine")
    assert list(placed) == [*LIST, "orderReports"]
    assert (placed["contingencyType"], placed["listStatusType"], placed["listOrderStatus"]) == (
        "OCO",
        "EXEC_STARTED",
        "EXECUTING",
    )
    assert placed["listClientOrderId"] == "mine"
    stop, limit = placed["orderReports"]
    assert [list(row) for row in placed["orders"]] == [["symbol", "orderId", "clientOrderId"]] * 2
    assert list(limit) == fields
    assert [row["orderListId"] for row in (stop, limit)] == [placed["orderListId"]] * 2
    if resp_type != "ACK":
        assert [name for name in stop if name not in fields] == ["stopPrice"]
        assert (stop["type"], stop["workingTime"], limit["workingTime"]) == (
            "STOP_LOSS_LIMIT",
            -1,
            limit["transactTime"],
        )


def test_both_legs_of_an_oco_share_their_funds():
    floor = market()
    oco(floor)
    assert floor.balance("a", "BTC") == ("19998", "2")
    oco(
        floor,
        side="BUY",
        aboveType="STOP_LOSS_LIMIT",
        abovePrice="121",
        aboveStopPrice="120",
        aboveTimeInForce="GTC",
        belowType="LIMIT_MAKER",
        belowPrice="90",
        belowStopPrice=None,
        belowTimeInForce=None,
    )
    assert floor.balance("a", "USDT") == ("19758", "242")


def test_the_limit_order_of_an_oco_ends_the_stop_order_when_it_trades():
    """SEMANTICS 68"""
    floor = market()
    placed = oco(floor)
    assert floor.told("a") == [
        (3, "NEW", "NEW", ""),
        (4, "NEW", "NEW", ""),
        ("listStatus", "EXEC_STARTED", "EXECUTING"),
        "outboundAccountPosition",
    ]
    floor.order("b", "BUY", "0.5", "110")
    assert states(floor, placed) == [("EXPIRED", "OCO_TRIGGER"), ("PARTIALLY_FILLED", "")]
    assert floor.told("a") == [
        (3, "EXPIRED", "EXPIRED", "OCO_TRIGGER"),
        (4, "TRADE", "PARTIALLY_FILLED", ""),
        "outboundAccountPosition",
    ]
    assert len(floor.call("a", "openOrderLists.status")) == 1
    floor.order("b", "BUY", "1.5", "110")
    assert floor.told("a") == [
        (4, "TRADE", "FILLED", ""),
        ("listStatus", "ALL_DONE", "ALL_DONE"),
        "outboundAccountPosition",
    ]
    assert floor.call("a", "openOrderLists.status") == []
    shown = floor.call("a", "orderList.status", orderListId=placed["orderListId"])
    assert (shown["listStatusType"], shown["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert floor.balance("a", "BTC") == ("19998", "0")


def test_the_stop_order_of_an_oco_ends_the_limit_order_when_it_is_met():
    floor = market()
    placed = oco(floor)
    floor.events("a")
    floor.trade("90")
    assert states(floor, placed) == [("NEW", ""), ("EXPIRED", "OCO_TRIGGER")]
    assert floor.told("a") == [
        (4, "EXPIRED", "EXPIRED", "OCO_TRIGGER"),
        (3, "NEW", "NEW", ""),
    ]
    assert floor.depth() == ([], [("89", "2")])
    assert floor.balance("a", "BTC") == ("19998", "2")


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"aboveType": "MARKET"}, -1158, "Order type not supported in OCO."),
        ({"belowType": "LIMIT_MAKER"}, -1168, "At least one OCO order must be contingent."),
        ({"side": "BUY"}, -1165, "A limit order in a buy OCO must be below."),
        ({"aboveType": "STOP_LOSS"}, -1197, "A stop loss order in a sell OCO must be below."),
        ({"belowType": "TAKE_PROFIT"}, -1199, "A take profit order in a sell OCO must be above."),
        (
            {"aboveType": "TAKE_PROFIT", "side": "BUY"},
            -1198,
            "A take profit order in a buy OCO must be below.",
        ),
        (
            {"aboveType": "STOP_LOSS", "side": "BUY"},
            -1196,
            "A stop loss order in a buy OCO must be above.",
        ),
        (
            {"belowType": "LIMIT_MAKER", "aboveType": "TAKE_PROFIT"},
            -1166,
            "A limit order in a sell OCO must be above.",
        ),
        ({"abovePrice": None}, -1102, "Mandatory parameter 'abovePrice' was not sent, was empty/null"),
        (
            {"belowStopPrice": None},
            -1102,
            "Param 'belowStopPrice' or 'belowTrailingDelta' must be sent, but both were empty/null!",
        ),
        ({"belowTimeInForce": None}, -1102, "Mandatory parameter 'belowTimeInForce' was not sent"),
        (
            {"belowIcebergQty": "1", "belowTimeInForce": "IOC"},
            -1160,
            "Parameter 'belowIcebergQty' is not supported if `belowTimeInForce` is not GTC.",
        ),
        ({"aboveStopPrice": "120"}, -1106, "Parameter 'aboveStopPrice' sent when not required."),
        ({"aboveStrategyType": 5}, -1134, "`strategyType` was less than 1000000."),
        ({"abovePegPriceType": "BEST"}, -1210, "Invalid pegPriceType."),
        ({"quantity": None}, -1102, "Mandatory parameter 'quantity' was not sent"),
        ({"side": "LEFT"}, -1117, "Invalid side."),
        ({"aboveNothing": "1"}, -1104, "Not all sent parameters were read"),
        ({"abovePrice": "100"}, -2010, "The relationship of the prices for the orders is not correct."),
        ({"belowStopPrice": "100"}, -2010, "Order would trigger immediately."),
        ({"quantity": "20001"}, -1013, "Filter failure: LOT_SIZE"),
    ],
)
def test_ocos_that_are_refused(params, code, message):
    """SEMANTICS 45, 72, 83"""
    floor = market()
    with pytest.raises(Refusal) as caught:
        oco(floor, **params)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert message in caught.value.msg
    assert floor.balance("a", "BTC") == ("20000", "0")
    assert floor.events("a") == []


def test_client_ids_of_lists_and_their_orders_are_unique_among_what_is_open():
    floor = market()
    oco(floor, listClientOrderId="list", aboveClientOrderId="above")
    duplicate = (-2010, "Duplicate order sent.")
    base = {
        "side": "SELL",
        "quantity": "2",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": "110",
        "belowType": "STOP_LOSS",
        "belowStopPrice": "90",
    }
    for params in (
        {"listClientOrderId": "list"},
        {"belowClientOrderId": "above"},
        {"aboveClientOrderId": "same", "belowClientOrderId": "same"},
    ):
        assert floor.error("a", "orderList.place.oco", **base, **params) == duplicate
    floor.call("a", "openOrders.cancelAll")
    floor.call("a", "orderList.place.oco", **base, listClientOrderId="list", aboveClientOrderId="above")


def test_canceling_one_order_cancels_its_list():
    """SEMANTICS 77"""
    floor = market()
    placed = oco(floor, aboveClientOrderId="up", belowClientOrderId="down")
    floor.events("a")
    canceled = floor.call("a", "order.cancel", origClientOrderId="up", newClientOrderId="gone")
    assert list(canceled) == [*LIST, "orderReports"]
    assert (canceled["listStatusType"], canceled["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [row["clientOrderId"] for row in canceled["orders"]] == ["down", "up"]
    reports = canceled["orderReports"]
    assert [row["origClientOrderId"] for row in reports] == ["down", "up"]
    assert [row["clientOrderId"] for row in reports] == ["gone", "gone"]
    assert [row["status"] for row in reports] == ["CANCELED", "CANCELED"]
    assert floor.told("a") == [
        (3, "CANCELED", "CANCELED", ""),
        (4, "CANCELED", "CANCELED", ""),
        ("listStatus", "ALL_DONE", "ALL_DONE"),
        "outboundAccountPosition",
    ]
    assert floor.error("a", "order.cancel", orderId=placed["orders"][0]["orderId"]) == (
        -2011,
        "Unknown order sent.",
    )


def test_canceling_a_list():
    floor = market()
    placed = oco(floor, listClientOrderId="list", aboveClientOrderId="up", belowClientOrderId="down")
    canceled = floor.call("a", "orderList.cancel", orderListId=placed["orderListId"], newClientOrderId="gone")
    assert list(canceled) == [*LIST, "orderReports"]
    assert canceled["listClientOrderId"] == "gone"
    assert [row["clientOrderId"] for row in canceled["orders"]] == ["down", "up"]
    assert ["origClientOrderId" in row for row in canceled["orderReports"]] == [False, False]
    unknown = (-2011, "Unknown order sent.")
    assert floor.error("a", "orderList.cancel", orderListId=placed["orderListId"]) == unknown
    assert floor.error("a", "orderList.cancel", listClientOrderId="list") == unknown
    neither = "Param 'listClientOrderId' or 'orderListId' must be sent, but both were empty/null!"
    assert floor.error("a", "orderList.cancel") == (-1102, neither)
    again = oco(floor, listClientOrderId="list")
    mismatch = {"orderListId": again["orderListId"], "listClientOrderId": "other"}
    assert floor.error("a", "orderList.cancel", **mismatch) == unknown
    assert floor.error("b", "orderList.cancel", orderListId=again["orderListId"]) == unknown


def test_cancel_all_shows_orders_and_lists():
    """SEMANTICS 86"""
    floor = market()
    floor.order("a", "BUY", "1", "90")
    oco(floor)
    otoco(floor)
    rows = floor.call("a", "openOrders.cancelAll")
    assert [row.get("contingencyType", "order") for row in rows] == ["order", "OCO", "OTO"]
    assert [len(row.get("orderReports", ())) for row in rows] == [0, 2, 3]
    assert (floor.balance("a", "BTC"), floor.balance("a", "USDT")) == (("20000", "0"), ("20000", "0"))


def test_a_replacing_order_cancels_the_list():
    floor = market()
    placed = oco(floor)
    result = floor.call(
        "a",
        "order.cancelReplace",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=placed["orders"][0]["orderId"],
        side="SELL",
        type="LIMIT",
        timeInForce="GTC",
        price="120",
        quantity="9000",
    )
    assert result["cancelResponse"]["contingencyType"] == "OCO"
    assert result["newOrderResponse"]["status"] == "NEW"


def test_an_oto_places_its_second_order_when_the_first_is_filled():
    """SEMANTICS 83"""
    floor = market()
    placed = oto(floor, newOrderRespType="RESULT")
    working, pending = placed["orderReports"]
    assert (working["status"], pending["status"], pending["workingTime"]) == ("NEW", "PENDING_NEW", -1)
    assert floor.told("a") == [
        (3, "NEW", "NEW", ""),
        (4, "NEW", "PENDING_NEW", ""),
        ("listStatus", "EXEC_STARTED", "EXECUTING"),
        "outboundAccountPosition",
    ]
    assert floor.depth() == ([("95", "2")], [])
    floor.order("b", "SELL", "1", "95")
    assert states(floor, placed) == [("PARTIALLY_FILLED", ""), ("PENDING_NEW", "")]
    floor.events("a")
    floor.order("b", "SELL", "1", "95")
    assert floor.told("a") == [
        (3, "TRADE", "FILLED", ""),
        (4, "NEW", "NEW", ""),
        "outboundAccountPosition",
    ]
    assert floor.depth() == ([], [("105", "2")])
    floor.order("b", "BUY", "2", "105")
    assert floor.told("a")[-2:] == [("listStatus", "ALL_DONE", "ALL_DONE"), "outboundAccountPosition"]


def test_a_reply_shows_what_is_pending_although_it_was_filled_at_once():
    """SEMANTICS 83"""
    floor = market()
    floor.order("b", "SELL", "2", "95")
    floor.order("b", "BUY", "2", "90")
    placed = oto(
        floor, pendingType="MARKET", pendingPrice=None, pendingTimeInForce=None, newOrderRespType="RESULT"
    )
    assert [row["status"] for row in placed["orderReports"]] == ["FILLED", "PENDING_NEW"]
    assert states(floor, placed) == [("FILLED", ""), ("FILLED", "")]


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_a_first_order_that_expires_ends_the_list(tif):
    floor = market()
    placed = oto(floor, workingTimeInForce=tif)
    reason = f"UNFILLED_{tif}_QUANTITY_EXPIRED" if tif == "IOC" else "UNFILLED_FOK_ORDER_EXPIRED"
    assert states(floor, placed) == [("EXPIRED", reason), ("EXPIRED", "OTO_PHASE_ONE_EXPIRED")]
    assert floor.told("a")[-2][0] == "listStatus"


def test_a_second_order_that_cannot_be_placed():
    floor = market()
    floor.accounts["a"].balance("BTC").free = 0
    placed = oto(floor, pendingQuantity="3")
    floor.order("b", "SELL", "2", "95")
    assert states(floor, placed) == [("FILLED", ""), ("EXPIRED", "REJECTED")]
    assert floor.call("a", "openOrderLists.status") == []


def test_an_otoco_places_a_pair():
    floor = market()
    placed = otoco(floor)
    assert [row["type"] for row in placed["orderReports"]] == ["LIMIT", "STOP_LOSS", "LIMIT_MAKER"]
    floor.order("b", "SELL", "2", "95")
    assert states(floor, placed) == [("FILLED", ""), ("NEW", ""), ("NEW", "")]
    assert floor.balance("a", "BTC") == ("20000", "2")
    floor.order("b", "BUY", "2", "110")
    assert states(floor, placed) == [("FILLED", ""), ("EXPIRED", "OCO_TRIGGER"), ("FILLED", "")]


def test_a_pair_that_would_trigger_at_once_is_rejected_as_a_whole():
    floor = market()
    placed = otoco(floor, pendingBelowStopPrice="96")
    floor.order("b", "SELL", "2", "95")
    assert states(floor, placed) == [("FILLED", ""), ("EXPIRED", "REJECTED"), ("EXPIRED", "OCO_TRIGGER")]


def test_canceling_a_pending_order_cancels_the_list():
    floor = market()
    placed = otoco(floor)
    floor.call("a", "order.cancel", orderId=placed["orders"][2]["orderId"])
    assert states(floor, placed) == [("CANCELED", "")] * 3
    assert floor.balance("a", "USDT") == ("20000", "0")


def test_the_deprecated_oco():
    floor = market()
    params = {"side": "SELL", "quantity": "2", "price": "110", "stopPrice": "90"}
    placed = floor.call("a", "orderList.place", **params, stopClientOrderId="s", limitClientOrderId="l")
    assert [(row["type"], row["clientOrderId"]) for row in placed["orderReports"]] == [
        ("STOP_LOSS", "s"),
        ("LIMIT_MAKER", "l"),
    ]
    limits = {"stopLimitPrice": "89", "stopLimitTimeInForce": "GTC"}
    placed = floor.call("a", "orderList.place", **params, **limits)
    assert placed["orderReports"][0]["type"] == "STOP_LOSS_LIMIT"
    missing = "Mandatory parameter 'stopLimitTimeInForce' was not sent, was empty/null, or malformed."
    assert floor.error("a", "orderList.place", **params, stopLimitPrice="89") == (-1102, missing)
    bad = {**params, "price": "99"}
    relation = "The relationship of the prices for the orders is not correct."
    assert floor.error("a", "orderList.place", **bad) == (-2010, relation)


def test_symbols_without_lists():
    floor = market(oco=False, oto=False, opo=False)
    for place in (oco, oto, otoco):
        with pytest.raises(Exception, match="orders are not supported for this symbol"):
            place(floor)


def test_amending_an_order_of_a_list():
    """SEMANTICS 82"""
    floor = market()
    placed = oco(floor, aboveClientOrderId="up")
    floor.events("a")
    amended = floor.call("a", "order.amend.keepPriority", origClientOrderId="up", newQty="1.5")
    assert list(amended) == ["transactTime", "executionId", "amendedOrder", "listStatus"]
    assert list(amended["listStatus"]) == [
        "orderListId",
        "contingencyType",
        "listOrderStatus",
        "listClientOrderId",
        "symbol",
        "orders",
    ]
    assert amended["listStatus"]["orders"][1]["clientOrderId"] == amended["amendedOrder"]["clientOrderId"]
    shown = [floor.call("a", "order.status", orderId=row["orderId"]) for row in placed["orders"]]
    assert [row["origQty"] for row in shown] == ["1.50000000"] * 2, "both orders of a pair are amended"
    assert floor.balance("a", "BTC") == ("19998.5", "1.5")
    assert floor.told("a") == [
        (4, "REPLACED", "NEW", ""),
        (3, "REPLACED", "NEW", ""),
        ("listStatus", "UPDATED", "EXECUTING"),
        "outboundAccountPosition",
    ]
    keep = {"origClientOrderId": amended["amendedOrder"]["clientOrderId"]}
    floor.call(
        "a", "order.amend.keepPriority", **keep, newClientOrderId=keep["origClientOrderId"], newQty="1"
    )
    assert "listStatus" not in [row[0] for row in floor.told("a")], "no client order id has changed"


def test_amending_a_pending_order():
    floor = market()
    placed = oto(floor)
    amended = floor.call("a", "order.amend.keepPriority", orderId=placed["orders"][1]["orderId"], newQty="1")
    assert amended["amendedOrder"]["status"] == "PENDING_NEW"
    floor.order("b", "SELL", "2", "95")
    assert floor.depth() == ([], [("105", "1")])


def test_the_exchange_cancels_a_list():
    floor = market()
    placed = oco(floor)
    order = floor.engine.books["BTCUSDT"].orders[placed["orders"][0]["orderId"]]
    floor.engine.evict(order, floor.exchange.clock.now_us())
    assert states(floor, placed)[0] == ("EXPIRED", "EXCHANGE_CANCELED")
    assert floor.call("a", "openOrderLists.status") == []


def test_queries_of_order_lists():
    floor = market()
    first = oco(floor, listClientOrderId="first")
    second = oto(floor)
    assert list(floor.call("a", "orderList.status", origClientOrderId="first")) == LIST
    both = {"origClientOrderId": "first", "orderListId": second["orderListId"]}
    assert floor.call("a", "orderList.status", **both)["orderListId"] == first["orderListId"]
    unknown = (-2013, "Order does not exist.")
    assert floor.error("a", "orderList.status", orderListId=99) == unknown
    assert floor.error("b", "orderList.status", orderListId=first["orderListId"]) == unknown
    assert floor.error("a", "orderList.status")[0] == -1102
    ids = [row["orderListId"] for row in floor.call("a", "openOrderLists.status")]
    assert ids == [first["orderListId"], second["orderListId"]]
    floor.call("a", "orderList.cancel", listClientOrderId="first", newClientOrderId="x")
    assert [row["orderListId"] for row in floor.call("a", "openOrderLists.status")] == ids[1:]
    assert [row["orderListId"] for row in floor.call("a", "allOrderLists")] == ids
    assert [row["orderListId"] for row in floor.call("a", "allOrderLists", fromId=1)] == ids[1:]
    assert [row["orderListId"] for row in floor.call("a", "allOrderLists", limit=1)] == ids[1:]
    assert floor.call("b", "allOrderLists") == []
    now = floor.exchange.clock.now_us() // 1000
    assert len(floor.call("a", "allOrderLists", startTime=now - 60_000, endTime=now)) == 2
    assert floor.call("a", "allOrderLists", endTime=now - 60_000) == []
    hours = (-1127, "More than 24 hours between startTime and endTime.")
    assert floor.error("a", "allOrderLists", startTime=now - 86_400_001, endTime=now) == hours
