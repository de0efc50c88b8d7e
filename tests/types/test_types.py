"""fastws.types: results and events have the keys and values that their types say."""

import asyncio
import subprocess
import sys
import typing

import pytest

import fastws
from fastws import types
from fastws.emulator import Emulator
from fastws.emulator.methods.table import METHODS as EMULATED_METHODS
from fastws.methods import METHODS
from helpers import facts
from helpers.support import run
from helpers.typed import best, faults, hints, kind_of, kinds_of

# --- the checker itself


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"apiKey": None, "authorizedSince": None}, None),
        ({"apiKey": 5}, "$.apiKey"),
        ({"serverTime": "1"}, "$.serverTime: '1' is no int"),
        ({"serverTime": True}, "$.serverTime: True is no int"),
        ({"returnRateLimits": 1}, "$.returnRateLimits: 1 is no bool"),
        ({"more": 1}, "$.more: is not in SessionStatus"),
        ({"serverTime": ...}, "$.serverTime: is missing"),
    ],
)
def test_the_checker_finds_faults(change, fault):
    status = {
        "apiKey": "k",
        "authorizedSince": 1,
        "connectedSince": 1,
        "returnRateLimits": False,
        "serverTime": 1,
        "userDataStream": None,
    }
    status = {name: value for name, value in {**status, **change}.items() if value is not ...}
    found = faults(status, types.SessionStatus)
    assert len(found) == (fault is not None)
    assert fault is None or found[0].startswith(fault)


def test_the_checker_looks_into_lists_and_unions():
    ack = {"symbol": "X", "orderId": 1, "orderListId": -1, "clientOrderId": "x", "transactTime": 1}
    assert faults([ack], list[types.OrderAck]) == []
    assert faults([ack, 5], list[types.OrderAck]) == ["$[1]: 5 is no dict"]
    assert faults(ack, types.PlacedOrder) == []
    assert faults({**ack, "status": "NEW"}, types.OrderAck) == ["$.status: is not in OrderAck"]
    depth = {"lastUpdateId": 1, "bids": [["1", "2"]], "asks": [["1", 2]]}
    assert faults(depth, types.Depth) == ["$.asks[0][1]: 2 is no decimal"]
    assert faults("NO", types.Side) == ["$: 'NO' is none of ('BUY', 'SELL')"]
    kline = [1, "1", "1", "1", "1", "1", 2, "1", 3, "1", "1", "0"]
    assert faults([kline], list[types.Kline]) == []
    assert faults([[*kline[:-1], 0]], list[types.Kline]) != []


# --- against the documentation


def test_every_method_has_a_type_of_its_result():
    for method in METHODS.values():
        for text in method.results.values():
            assert kind_of(text) is not None, method.name
    assert set(types.__all__) <= vars(types).keys()


def responses():
    for method in facts.methods():
        for i, response in enumerate(method["responses"]):
            if "result" in response:
                yield pytest.param(method["method"], response["result"], id=f"{method['method']}-{i}")
            elif not {"error", "code"} & response.keys():
                pytest.fail(f"a response of {method['method']} that is neither: {response}")


@pytest.mark.parametrize(("name", "result"), list(responses()))
def test_documented_results_are_of_their_types(name, result):
    assert best(result, kinds_of(METHODS[name])) == []


def test_each_method_but_those_without_results_has_an_example():
    seen = {name for name, _ in (param.values for param in responses())}
    assert seen == METHODS.keys()


EVENTS = {typing.get_args(hints(cls)["e"])[0]: cls for cls in typing.get_args(types.UserDataEvent)}


def test_documented_events_are_of_their_types():
    examples = [event["json"]["event"] for event in facts.events()]
    assert {event["e"] for event in examples} == EVENTS.keys()
    for event in examples:
        assert faults(event, EVENTS[event["e"]]) == []
        assert faults(event, types.UserDataEvent) == []


def test_an_event_is_told_by_its_type():
    event = {"e": "eventStreamTerminated", "E": 1}
    assert faults(event, types.UserDataEvent) == []
    assert faults({**event, "e": "other"}, types.UserDataEvent) != []


# --- against the emulator


EMULATED = set(EMULATED_METHODS) & set(METHODS)
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
LISTED = {"这是测试币456", "BTCUSDT"}
# What to ask for, so that lists are not empty; (method, parameters). $id is the id of the last order placed.
SAMPLES = [
    ("exchangeInfo", {"symbols": sorted(LISTED)}),
    ("depth", {"symbol": "这是测试币456", "limit": 5}),
    ("ticker.price", {"symbol": "BTCUSDT"}),
    ("ticker.price", {"symbols": sorted(LISTED)}),
    ("ticker.book", {"symbols": sorted(LISTED)}),
    ("ticker.24hr", {"symbol": "BTCUSDT", "type": "MINI"}),
    ("ticker.tradingDay", {"symbols": sorted(LISTED), "type": "MINI"}),
    ("ticker", {"symbols": sorted(LISTED)}),
    ("order.test", {**LIMIT, "price": "52000"}),
    ("order.test", {**LIMIT, "price": "52000", "computeCommissionRates": True}),
    ("order.place", {**LIMIT, "price": "52000", "newOrderRespType": "ACK"}),
    ("order.place", {**LIMIT, "price": "52001", "newOrderRespType": "RESULT"}),
    ("order.place", {**LIMIT, "price": "52002", "strategyId": 7, "strategyType": 1000000}),
    ("order.amend.keepPriority", {"symbol": "BTCUSDT", "orderId": "$id", "newQty": "0.005"}),
    ("order.amendments", {"symbol": "BTCUSDT", "orderId": "$id"}),
    ("order.status", {"symbol": "BTCUSDT", "orderId": "$id"}),
    (
        "order.cancelReplace",
        {**LIMIT, "price": "51000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": "$id"},
    ),
    ("order.place", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "900"}),
    ("openOrders.status", {}),
    ("order.cancel", {"symbol": "BTCUSDT", "orderId": "$id"}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("myTrades", {"symbol": "BTCUSDT"}),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}),
    ("uiKlines", {"symbol": "BTCUSDT", "interval": "1h", "limit": 2}),
]
# Methods that the emulator may not have yet: lists, smart order routing, the market's past.
STOP = {"belowType": "STOP_LOSS", "belowStopPrice": "1000"}
PAIR = {"pendingSide": "SELL", "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "69000"}
PAIR |= {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "40000"}
WORKING = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "50000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
}
PENDING = {"pendingType": "MARKET", "pendingSide": "SELL"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "69000",
}
OLD_OCO = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "69000", "stopPrice": "40000"}
SOR = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
SAMPLES += [
    ("trades.historical", {"symbol": "BTCUSDT", "fromId": 0}),
    ("trades.aggregate", {"symbol": "BTCUSDT", "limit": 3}),
    ("blockTrades.historical", {"symbol": "BTCUSDT", "fromId": 0}),
    ("executionRules", {"symbols": sorted(LISTED)}),
    ("orderList.place", OLD_OCO),
    ("orderList.place.oco", {**OCO, **STOP}),
    ("orderList.place.oco", {**OCO, **STOP, "newOrderRespType": "ACK"}),
    ("orderList.status", {"orderListId": "$list"}),
    ("openOrderLists.status", {}),
    ("orderList.cancel", {"symbol": "BTCUSDT", "orderListId": "$list"}),
    ("orderList.place.oto", {**WORKING, **PENDING, "pendingQuantity": "0.01"}),
    ("orderList.place.otoco", {**WORKING, **PAIR, "pendingQuantity": "0.01"}),
    ("orderList.place.opo", {**WORKING, **PENDING}),
    ("orderList.place.opoco", {**WORKING, **PAIR}),
    ("order.place", {**LIMIT, "price": "50000", "icebergQty": None}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("allOrderLists", {}),
    ("sor.order.test", {**SOR, "computeCommissionRates": True}),
    ("sor.order.place", SOR),
    ("sor.order.place", {**SOR, "newOrderRespType": "ACK"}),
    ("myAllocations", {"symbol": "BTCUSDT"}),
    ("myPreventedMatches", {"symbol": "BTCUSDT", "orderId": "$id"}),
]
# Methods that need no parameters, or a symbol alone.
TRADED = {name for name, _ in SAMPLES}
SAMPLES += [
    (name, {"symbol": "BTCUSDT"} if "symbol" in method.params else {})
    for name, method in METHODS.items()
    if set(method.required) <= {"symbol"}
    and not method.groups
    and name not in TRADED
    and name not in ("session.logout", "userDataStream.subscribe", "userDataStream.unsubscribe")
]
# by signature, the account has a subscription already
SAMPLES += [
    ("userDataStream.unsubscribe", {}),
    ("userDataStream.subscribe", {}),
    ("session.subscriptions", {}),
    ("userDataStream.unsubscribe", {}),
]
# What the emulator refuses though it has the method: BTCUSDT has no reference price, say.
REFUSED = {"referencePrice", "referencePrice.calculation", "sor.order.place", "sor.order.test"}


async def replies(exchange, options):
    """(method, parameters, result or error) of the samples; what the exchange refuses has no result."""
    account = exchange.add_account("Ed25519")
    key = {"api_key": account.api_key, "private_key": account.private_key}
    found = []
    async with fastws.connect(exchange.url, **key, **options) as client:
        last = {"$id": 0, "$list": 0}
        for name, params in SAMPLES:
            if name not in EMULATED:
                continue
            given = {key: last.get(str(value), value) for key, value in params.items()}
            if name == "order.cancel":
                given["orderId"] = (await client.order_place(**LIMIT, price="50000"))["orderId"]
            try:
                # not by the wrapper: that of userDataStream.subscribe may give more than the result
                result = await client.request(name, given)
            except fastws.BadRequest as error:
                found.append((name, params, error))
                continue
            if name == "order.place" and result.get("status", "NEW") == "NEW":
                last["$id"] = result["orderId"]
            if name == "orderList.place.oco":
                last["$list"] = result["orderListId"]
            found.append((name, params, result))
    return found


@pytest.mark.parametrize("numbers", ["str", "decimal"])
@pytest.mark.parametrize("sbe", [False, True], ids=["json", "sbe"])
def test_the_emulators_results_are_of_their_types(sbe, numbers):
    async def main():
        async with Emulator() as exchange:
            return await asyncio.wait_for(replies(exchange, {"sbe": sbe, "numbers": numbers}), 30)

    answered = set()
    for name, params, result in run(main()):
        if isinstance(result, fastws.BadRequest) and name in REFUSED:
            continue
        assert best(result, kinds_of(METHODS[name])) == [], (name, params)
        answered.add(name)
    assert answered >= EMULATED - REFUSED - {"session.logout"}


# --- events in both formats

REPORT = {
    "e": "executionReport",
    "E": 1_700_000_000_001,
    "s": "这是测试币456",
    "c": "mine",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "0.10264410",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 4293153,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1_700_000_000_000,
    "t": -1,
    "I": 8641984,
    "w": True,
    "m": False,
    "M": False,
    "O": 1_700_000_000_000,
    "Z": "0.00000000",
    "Y": "0.00000000",
    "Q": "0.00000000",
    "W": 1_700_000_000_000,
    "V": "NONE",
}
SENT = [
    REPORT,
    {**REPORT, "x": "TRADE", "X": "FILLED", "l": "1.00000000", "n": "0.10000000", "N": "测试", "t": 5},
    {**REPORT, "x": "CANCELED", "X": "CANCELED", "C": "old", "w": False},
    {**REPORT, "x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED", "w": False},
    {**REPORT, "o": "STOP_LOSS_LIMIT", "d": 4, "D": 1_700_000_000_000, "j": 1, "J": 1000000},
    {
        **REPORT,
        "x": "TRADE_PREVENTION",
        "X": "EXPIRED_IN_MATCH",
        "V": "EXPIRE_TAKER",
        "v": 3,
        "A": "3.00000000",
        "B": "3.00000000",
        "u": 1,
        "U": 37,
        "Cs": "这是测试币456",
        "pl": "2.12345600",
        "pL": "0.10000001",
        "pY": "0.21234562",
    },
    {**REPORT, "x": "TRADE", "b": "ONE_PARTY_TRADE_REPORT", "a": 1234, "k": "SOR", "uS": True},
    {**REPORT, "gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 5, "gp": "1.00000000"},
    {
        "e": "outboundAccountPosition",
        "E": 1_700_000_000_001,
        "u": 1_700_000_000_000,
        "B": [{"a": "测试", "f": "1.00000000", "l": "0.00000000"}],
    },
    {"e": "balanceUpdate", "E": 1_700_000_000_001, "a": "币", "d": "-0.10000000", "T": 1_700_000_000_000},
    {"e": "externalLockUpdate", "E": 1_700_000_000_001, "a": "币", "d": "0.1000", "T": 1_700_000_000_000},
    {
        "e": "listStatus",
        "E": 1_700_000_000_001,
        "s": "这是测试币456",
        "g": 2,
        "c": "OCO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "list",
        "T": 1_700_000_000_000,
        "O": [{"s": "这是测试币456", "i": 17, "c": "one"}, {"s": "这是测试币456", "i": 18, "c": "two"}],
    },
    {"e": "eventStreamTerminated", "E": 1_700_000_000_001},
    {"e": "serverShutdown", "E": 1_700_000_000_001},
]


@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
@pytest.mark.parametrize("sbe", [False, True], ids=["json", "sbe"])
def test_events_are_of_their_types_as_they_are_delivered(sbe, numbers):
    async def main():
        heard = []
        arrived = asyncio.Event()

        def on_event(event, subscription):
            heard.append(event)
            if len(heard) == len(SENT):
                arrived.set()

        async with (
            Emulator() as exchange,
            fastws.connect(exchange.url, sbe=sbe, numbers=numbers, on_event=on_event),
        ):
            (session,) = exchange._live.connections.values()
            for event in SENT:
                session.send_event(event, 0)
            await asyncio.wait_for(arrived.wait(), 5)
        return heard

    heard = run(main())
    assert {event["e"] for event in heard} == EVENTS.keys()
    for sent, event in zip(SENT, heard, strict=True):
        assert faults(event, EVENTS[event["e"]]) == []
        assert faults(event, types.UserDataEvent) == []
        for name in ("e", "s", "a", "N", "c", "C"):
            assert event.get(name) == sent.get(name), name


def test_an_import_makes_no_types_of_results():
    program = (
        "import sys, fastws; assert 'fastws.types.orders' not in sys.modules; fastws.types.Order;"
        "from fastws.types import *; assert Account and Order;"
        "shown = dir(fastws.types); assert 'Order' in shown; assert len(shown) == len(set(shown)), 'a name twice'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
