"""Messages of JSON market data connections → events, ids, values in C, replies and notices.

Statements 37, 46, 53 to 59 of the facts about streams. json.loads is the second reader.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws import types
from fastws._native.market_json import JsonEvents
from fastws.errors import JsonError
from helpers.typed import faults

TRADE, TOP, DIFF, DEPTH, OTHER = 1, 2, 3, 4, 0
E = 1772506983582
KLINE = {
    "t": 1,
    "T": 2,
    "s": "BNBBTC",
    "i": "1m",
    "f": 100,
    "L": 200,
    "o": "0.0010",
    "c": "0.0020",
    "h": "0.0025",
}
KLINE |= {
    "l": "0.0015",
    "v": "1000",
    "n": 100,
    "x": False,
    "q": "1.0000",
    "V": "500",
    "Q": "0.500",
    "B": "123456",
}
LEVELS = [["0.00240000", "10.00000000"], ["0.00230000", "0.00000000"]]
ROLLING = {"p": "0.1", "P": "250.00", "o": "1.0", "h": "2.0", "l": "3.0", "c": "4.0", "w": "5.0", "v": "6.0"}
ROLLING |= {"q": "7.0", "O": 0, "C": 86400000, "F": 0, "L": 18150, "n": 18151}
# name: (event, kind, first id, last id, whether these are times, the keys of its decimals)
EVENTS = {
    "btcusdt@trade": (
        {"e": "trade", "E": E, "s": "BTCUSDT", "t": 12345, "p": "0.00100000", "q": "100.00000000", "T": E - 1}
        | {"m": True, "M": True},
        (TRADE, 12345, 12345, False),
        "pq",
    ),
    "btcusdt@aggTrade": (
        {
            "e": "aggTrade",
            "E": E,
            "s": "BTCUSDT",
            "a": 5933014,
            "p": "0.00100000",
            "q": "100.00000000",
            "f": 100,
        }
        | {"l": 105, "T": E, "m": False, "M": True},
        (TRADE, 5933014, 5933014, False),
        "pq",
    ),
    "btcusdt@blockTrade": (
        {
            "e": "blockTrade",
            "E": E,
            "s": "BTCUSDT",
            "t": 9,
            "p": "0.00100000",
            "q": "100.00000000",
            "T": E,
            "m": True,
        },
        (TRADE, 9, 9, False),
        "pq",
    ),
    "btcusdt@bookTicker": (
        {"u": 400900217, "s": "BTCUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000"}
        | {"A": "40.66000000"},
        (TOP, 400900217, 400900217, False),
        "bBaA",
    ),
    "btcusdt@depth": (
        {
            "e": "depthUpdate",
            "E": E,
            "s": "BTCUSDT",
            "U": 157,
            "u": 160,
            "b": LEVELS,
            "a": [["0.0026", "100"]],
        },
        (DIFF, 157, 160, False),
        "",
    ),
    "btcusdt@depth@100ms": (
        {"e": "depthUpdate", "E": E, "s": "BTCUSDT", "U": 1, "u": 2, "b": [], "a": LEVELS},
        (DIFF, 1, 2, False),
        "",
    ),
    "btcusdt@depth20": ({"lastUpdateId": 160, "bids": LEVELS, "asks": []}, (DEPTH, 160, 160, False), ""),
    "btcusdt@kline_1m": ({"e": "kline", "E": E, "s": "BNBBTC", "k": KLINE}, (OTHER, E, E, True), ""),
    "btcusdt@ticker": (
        {
            "e": "24hrTicker",
            "E": E,
            "s": "BTCUSDT",
            "x": "0.0009",
            "Q": "10",
            "b": "0.0024",
            "B": "10",
            "a": "0.0026",
        }
        | {"A": "100", **ROLLING},
        (OTHER, E, E, True),
        "pPwxcQbBaAohlvq",
    ),
    "btcusdt@ticker_1h": (
        {"e": "1hTicker", "E": E, "s": "BTCUSDT", **ROLLING},
        (OTHER, E, E, True),
        "pPohlcwvq",
    ),
    "btcusdt@miniTicker": (
        {
            "e": "24hrMiniTicker",
            "E": E,
            "s": "BTCUSDT",
            "c": "0.0025",
            "o": "1",
            "h": "2",
            "l": "3",
            "v": "4",
            "q": "5",
        },
        (OTHER, E, E, True),
        "cohlvq",
    ),
    "!miniTicker@arr": (
        [
            {
                "e": "24hrMiniTicker",
                "E": E,
                "s": "A",
                "c": "1.5",
                "o": "1",
                "h": "2",
                "l": "3",
                "v": "4",
                "q": "5",
            }
        ]
        * 2,
        (OTHER, E, E, True),
        "cohlvq",
    ),
    "btcusdt@avgPrice": (
        {"e": "avgPrice", "E": E, "s": "BTCUSDT", "i": "5m", "w": "25776.86000000", "T": E - 20},
        (OTHER, E, E, True),
        "w",
    ),
    "btcusdt@referencePrice": (
        {"e": "referencePrice", "s": "BAZUSD", "r": "1.00000000", "t": E},
        (OTHER, E, E, True),
        "r",
    ),
    "bazusd@referencePrice": (
        {"e": "referencePrice", "s": "BAZUSD", "r": None, "t": E},
        (OTHER, E, E, True),
        "",
    ),
    "币安人生usdt@trade": (
        {
            "e": "trade",
            "E": E,
            "s": "币安人生USDT",
            "t": 1,
            "p": "1.00000000",
            "q": "2.00000000",
            "T": E,
            "m": True,
        }
        | {"M": True},
        (TRADE, 1, 1, False),
        "pq",
    ),
}


def combined(name, event, **options):
    return json.dumps(
        {"stream": name, "data": event}, separators=(",", ":"), ensure_ascii=False, **options
    ).encode()


WAYS = {
    "as the exchange writes it": combined,
    "with spaces": lambda name, event: json.dumps({"stream": name, "data": event}, indent=2).encode(),
    "with a line at the end": lambda name, event: combined(name, event) + b"\n",
    "the event first": lambda name, event: json.dumps({"data": event, "stream": name}).encode(),
    "keys in another order": lambda name, event: combined(name, event, sort_keys=True),
    "letters as escapes": lambda name, event: (
        combined(name, event).replace(b"USDT", b"USD\\u0054").replace(b"@", b"\\u0040")
    ),
    "with a key more": lambda name, event: combined(name, event).replace(b'"}}', b'","new":[1]}}'),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_that_of_json_loads_in_whatever_way_it_is_written(name, way):
    event, (kind, first, last, timed), _ = EVENTS[name]
    message = WAYS[way](name, event)
    head, found = JsonEvents().read(message)
    assert found == json.loads(message)["data"]
    assert head["name"] == name
    assert (head["kind"], head["first_id"], head["last_id"], head["timed"]) == (kind, first, last, timed)
    event = event[0] if isinstance(event, list) else event
    assert head["event_time"] == event.get("E", 0) * 1000
    assert JsonEvents(time_unit="us").read(message)[0]["event_time"] == event.get("E", 0)


@pytest.mark.parametrize(("numbers", "convert"), [("decimal", Decimal), ("float", float)])
@pytest.mark.parametrize("name", EVENTS)
def test_decimals_are_known_by_event_and_key(name, numbers, convert):
    """The letter B is a quantity of a bookTicker, and to be ignored in a kline (statement 58)."""
    event, _, keys = EVENTS[name]
    wanted = json.loads(json.dumps(event))
    for each in wanted if isinstance(wanted, list) else [wanted]:
        each.update({key: convert(each[key]) for key in keys})
        if "k" in each:
            each["k"].update({key: convert(each["k"][key]) for key in "ochlvqVQ"})
        for side in ("bids", "asks", "b", "a"):
            if isinstance(each.get(side), list):
                each[side] = [[convert(text) for text in row] for row in each[side]]
    assert repr(JsonEvents(numbers).read(combined(name, event))[1]) == repr(wanted)


@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("way", ["as the exchange writes it", "with spaces"])
def test_a_view_is_the_event(name, numbers, way):
    message = WAYS[way](name, EVENTS[name][0])
    event = JsonEvents(numbers).read(message)[1]
    view = JsonEvents(numbers, views=True).read(message)[1]
    assert view == event
    if isinstance(event, dict):
        assert isinstance(view, Mapping)
        assert {key: view[key] for key in view} == event
        assert "x" not in view or name == "btcusdt@ticker"
        assert pickle.loads(pickle.dumps(view)) == event


TYPES = {
    "trade": types.TradeEvent,
    "aggTrade": types.AggTradeEvent,
    "blockTrade": types.BlockTradeEvent,
    "bookTicker": types.BookTicker,
    "depth": types.DepthUpdate,
    "depth@100ms": types.DepthUpdate,
    "depth20": types.PartialDepth,
    "kline_1m": types.KlineEvent,
    "ticker": types.TickerEvent,
    "ticker_1h": types.RollingTickerEvent,
    "miniTicker": types.MiniTickerEvent,
    "arr": list[types.MiniTickerEvent],
    "avgPrice": types.AvgPriceEvent,
    "referencePrice": types.ReferencePriceEvent,
}


@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_has_its_type(name, numbers):
    event = JsonEvents(numbers).read(combined(name, EVENTS[name][0]))[1]
    assert faults(event, TYPES[name.partition("@")[2]]) == []


VALUED = [name for name, (_, (kind, *_), _) in EVENTS.items() if kind]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VALUED)
def test_values_in_c_are_the_same_in_whatever_way_the_event_is_written(name, way):
    event = EVENTS[name][0]
    found = JsonEvents().values(WAYS[way](name, event))
    scaled = lambda text: int(Decimal(text) * 10**8)  # noqa: E731
    assert (found["price_exponent"], found["quantity_exponent"]) == (-8, -8)
    assert found["event_time"] == event.get("E", 0) * 1000
    if "p" in event:
        assert (found["price"], found["quantity"]) == (scaled(event["p"]), scaled(event["q"]))
        assert found["id"] == event["a" if event["e"] == "aggTrade" else "t"]
        assert (found["trade_time"], found["is_buyer_maker"]) == (event["T"] * 1000, event["m"])
    elif "B" in event:
        names = ("bid_price", "bid_quantity", "ask_price", "ask_quantity")
        assert [found[key] for key in names] == [scaled(event[key]) for key in "bBaA"]
        assert found["update_id"] == event["u"]
    else:
        for side, key in (("bids", "b"), ("asks", "a")):
            rows = event.get(key, event.get(side))
            assert found[side] == [(scaled(price), scaled(quantity)) for price, quantity in rows]
        assert found["last_id"] == event.get("u", event.get("lastUpdateId"))
        assert found["first_id"] == event.get("U", event.get("lastUpdateId"))


def test_what_the_exchange_writes_is_read_by_comparing():
    """So the quick way is tested above, and not only the general one."""
    events = JsonEvents()
    for name, (event, _, _) in EVENTS.items():
        events.read(combined(name, event))
        assert events.is_general() == (not name.isascii() or "referencePrice" in name), name


# ------------------------------------------------------------------------------ numbers that do not fit


def top_of(bid="1.00000000", quantity="2.00000000"):
    return combined(
        "a@bookTicker", {"u": 1, "s": "A", "b": bid, "B": quantity, "a": "3.00000000", "A": "4.00000000"}
    )


@pytest.mark.parametrize(
    ("text", "mantissa", "exponent"),
    [
        ("9999999999.99999999", 999999999999999999, -8),
        ("10000000000.00000000", 1000000000000000000, -8),
        ("92233720368.54775807", 2**63 - 1, -8),
        ("92233720368.54775800", 9223372036854775800, -8),
        ("150000000000.00000000", 150000000000, 0),
        ("150000000000.50000000", 1500000000005, -1),
        ("0.000000000001", 1, -12),
        ("5", 500000000, -8),
        ("-5.00000000", -500000000, -8),
        ("1e3", 100000000000, -8),
    ],
)
def test_a_quantity_of_any_size_is_exact(text, mantissa, exponent):
    found = JsonEvents().values(top_of(quantity=text))
    assert (found["bid_quantity"], found["quantity_exponent"]) == (mantissa, exponent)
    assert found["ask_quantity"] * Decimal(10) ** exponent == 4
    assert (found["bid_price"], found["price_exponent"]) == (100000000, -8)


@pytest.mark.parametrize(
    "text",
    [
        "92233720368547758081",
        "1" + "0" * 18 + ".5",
        "1e200",
        "1e-200",
        "",
        "1,5",
        "NaN",
        "Infinity",
        " 1",
        "0x10",
        "1.",
    ],
)
def test_a_number_that_does_not_fit_is_an_error_and_not_another_number(text):
    with pytest.raises(JsonError):
        JsonEvents().values(top_of(quantity=text))


PARTS = st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.booleans())


@given(st.lists(st.tuples(PARTS, PARTS), max_size=6), st.lists(st.tuples(PARTS, PARTS), max_size=6))
def test_rows_are_exact(bids, asks):
    def text(part):
        mantissa, digits, usual = part
        return (
            f"{Decimal(mantissa).scaleb(-digits):.8f}" if usual else f"{Decimal(mantissa).scaleb(-digits):f}"
        )

    event = {"lastUpdateId": 5, "bids": [[text(p), text(q)] for p, q in bids]}
    event["asks"] = [[text(p), text(q)] for p, q in asks]
    found = JsonEvents().values(combined("a@depth20", event))
    for side in ("bids", "asks"):
        wanted = [(Decimal(price), Decimal(quantity)) for price, quantity in event[side]]
        scales = [Decimal(1).scaleb(found[key]) for key in ("price_exponent", "quantity_exponent")]
        assert [(price * scales[0], quantity * scales[1]) for price, quantity in found[side]] == wanted


# ----------------------------------------------------------------------- replies, notices, and the rest


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ({"result": None, "id": 1}, (1, None, None, None)),
        ({"id": 2, "result": True}, (2, True, None, None)),
        ({"result": ["btcusdt@aggTrade"], "id": 3}, (3, ["btcusdt@aggTrade"], None, None)),
        ({"code": 2, "msg": "Invalid request: x", "id": 4}, (4, None, 2, "Invalid request: x")),
        ({"code": 3, "msg": "Invalid JSON: x"}, (None, None, 3, "Invalid JSON: x")),
        ({"error": {"code": 2, "msg": "Invalid request: x"}, "id": 11}, (11, None, 2, "Invalid request: x")),
        ({"error": {"code": 4, "msg": "Too many"}}, (None, None, 4, "Too many")),
        ({"error": "no", "id": "abc"}, ("abc", None, -1, "'no'")),
        ({"error": {}, "id": [1]}, (None, None, -1, "None")),
        ({"result": None, "id": None}, (None, None, None, None)),
        ({"result": None, "error": None, "id": 7}, (7, None, None, None)),
    ],
)
def test_a_reply_in_either_shape(message, reply):
    assert JsonEvents().read(json.dumps(message).encode()) == ("reply", reply)


@pytest.mark.parametrize(
    "message",
    [
        {"e": "serverShutdown", "E": E},
        {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": E}},
        {"data": {"E": E, "e": "serverShutdown"}, "stream": "!serverShutdown"},
    ],
)
def test_the_notice_of_a_shutdown(message):
    for text in (json.dumps(message), json.dumps(message, separators=(",", ":"))):
        assert JsonEvents().read(text.encode()) == ("shutdown", None)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"5",
        b"{}",
        b'{"id":5}',
        b'{"stream":"a@trade"}',
        b'{"stream":5,"data":{}}',
        b'{"stream":"a@trade","data":5}',
        b'{"stream":"a@trade","data":{"e":"trade","E":1,"s":"A","t":"5"}}',
        b'{"stream":"a@trade","data":{"e":"trade","E":1,"s":"A"}}',
        b'{"stream":"a@depth","data":{"e":"depthUpdate","E":"x","U":1,"u":2}}',
        b'{"stream":"a@depth","data":{"e":"depthUpdate","E":1,"U":1}}',
        b'{"stream":"a@depth5","data":{"lastUpdateId":99999999999999999999,"bids":[],"asks":[]}}',
        b'{"stream":"a@trade","data":[5]}',
        b'{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"2","T":1,"m":true,"M":true}',
        b'{"lastUpdateId":160,"bids":[],"asks":[]}',
        b"hello",
        b'{"stream":"a@bookTicker","data":{"u":1,"s":"A","b":"1","B":"2","a":"3","A":"4"}',
        b'{"stream":"a@bookTicker","data":{"u":1,"s":"A","b":"1","B":"2","a":"3","A":"4"}}}',
        b'{"stream":"a@bookTicker","data":{"u":1,"s":"A","b":\xff}}',
        b'{"stream":"a\xff@trade","data":{}}',
        b"[" * 5000,
    ],
)
def test_a_text_of_another_shape_is_a_json_error(message):
    with pytest.raises(JsonError):
        JsonEvents().read(message)


@pytest.mark.parametrize(
    "event",
    [
        b'{"u":1,"s":"A","b":"1.00000000","B":"2.00000000","a":"3.00000000"}',
        b'{"u":1,"s":"A","b":1.5,"B":"2","a":"3","A":"4"}',
        b'{"e":"trade","E":1,"s":"A","t":1,"p":"1.00000000","q":"2.00000000","T":1,"m":1,"M":true}',
        b'{"e":"trade","E":1,"s":"A","t":1,"p":"1.00000000","q":"2.00000000","T":"1","m":true,"M":true}',
        b'{"lastUpdateId":1,"bids":[["1.00000000"]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[["1.00000000","2.00000000"],],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[5],"asks":[]}',
        b'{"e":"depthUpdate","E":1,"s":"A","U":1,"u":2,"b":[["x","1"]],"a":[]}',
        b'{"e":"depthUpdate","E":1,"s":"A","U":1,"u":2,"b":[]}',
    ],
)
def test_an_event_without_its_values_is_a_json_error(event):
    with pytest.raises(JsonError):
        JsonEvents().values(b'{"stream":"a@x","data":' + event + b"}")


def test_a_third_element_of_a_level_is_ignored():
    """Old captures have one: an empty list (statement 59)."""
    found = JsonEvents().values(
        combined("a@depth5", {"lastUpdateId": 1, "bids": [["1.5", "2", []]], "asks": []})
    )
    assert found["bids"] == [(150000000, 200000000)]


@pytest.mark.parametrize("name", VALUED)
def test_each_cut_is_refused(name):
    message = combined(name, EVENTS[name][0])
    events = JsonEvents()
    for size in range(len(message)):
        with pytest.raises(JsonError):
            events.values(message[:size])
        with pytest.raises(JsonError):
            events.read(message[:size])
    assert events.values(message)


def test_damaged_messages_end_in_an_error_or_in_what_json_loads_gives():
    rng = random.Random(7)
    messages = [combined(name, event) for name, (event, _, _) in EVENTS.items()]
    readers = JsonEvents(), JsonEvents("float"), JsonEvents("decimal", views=True)
    same = 0
    for _ in range(20_000):
        data = bytearray(rng.choice(messages))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(2)] = bytes([rng.choice(b'{}[]",:\\0123456789etrue \xc3\xff')])
        message = bytes(data)
        try:
            readers[2].read(message)[1]
            readers[1].values(message)
            readers[1].read(message)
        except JsonError:
            pass
        try:
            head, event = readers[0].read(message)
        except JsonError:
            continue
        if isinstance(head, dict):
            whole = json.loads(message)
            assert event == whole["data"]
            assert head["name"] == whole["stream"]
            same += 1
    assert same > 5000


def test_wrong_arguments():
    with pytest.raises(ValueError, match="numbers: expected"):
        JsonEvents("text")
    with pytest.raises(ValueError, match="time_unit: expected"):
        JsonEvents(time_unit="ns")
