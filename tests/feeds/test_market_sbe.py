"""Messages of SBE market data streams → events: the vectors, a second reader of the same schema, damaged bytes.

Statements 64 to 76 of the facts about streams.
"""

from __future__ import annotations

import pickle
import random
import struct
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws import types
from fastws._native.market_sbe import SbeEvents
from fastws.errors import SbeError
from fastws.sbe import Schema
from helpers.typed import faults

SCHEMA = Schema.bundled("stream")
TRADE, TOP, DEPTH, DIFF = (
    bytes.fromhex(text)
    for text in (
        "1200102701000000ab491ef1154c06003c491ef1154c0600f8f81900010000004602000000000000002027b8ba040000"
        "40420f0000000000010742544355534454",
        "3200112701000000ab491ef1154c06007940e51700000000f8f8f0ed1b970000000040ae06ba00000000403930970000"
        "0000803c5af2000000000742544355534454",
        "1200122701000000ab491ef1154c0600a000000000000000f8f81000010080a903000000000000ca9a3b000000001000"
        "0100a0f703000000000000e40b54020000000742544355534454",
        "1a00132701000000ab491ef1154c06009d00000000000000a000000000000000f8f81000010080a90300000000000000"
        "000000000000100000000742544355534454",
    )
)
E_MS, T_MS = 1772506983582, 1772506983582

# ------------------------------------------------------------------------------------------- vectors


def test_the_vector_of_trades():
    assert SbeEvents().read(TRADE)[1] == [
        {
            "e": "trade",
            "E": E_MS,
            "s": "BTCUSDT",
            "t": 582,
            "p": "52000.00000000",
            "q": "0.01000000",
            "T": T_MS,
        }
        | {"m": True, "M": True}
    ]
    (trade,) = SbeEvents().values(TRADE)
    assert trade == {
        "event_time": 1772506983582123,
        "trade_time": 1772506983582012,
        "id": 582,
        "price": 5200000000000,
        "quantity": 1000000,
        "price_exponent": -8,
        "quantity_exponent": -8,
        "is_buyer_maker": True,
    }


def test_the_vector_of_the_best_bid_and_ask():
    head, events = SbeEvents(time_unit="us").read(TOP)
    assert events == [
        {"u": 400900217, "s": "BTCUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000"}
        | {"A": "40.66000000", "E": 1772506983582123}
    ]
    assert head == {
        "kind": 2,
        "name": "BTCUSDT",
        "template_id": 10001,
        "first_id": 400900217,
        "last_id": 400900217,
        "event_time": 1772506983582123,
        "timed": False,
    }
    (top,) = SbeEvents().values(TOP)
    assert (top["bid_price"], top["bid_quantity"]) == (2535190000, 3121000000)
    assert (top["ask_price"], top["ask_quantity"]) == (2536520000, 4066000000)


def test_the_vector_of_a_snapshot():
    assert SbeEvents().read(DEPTH)[1] == [
        {
            "lastUpdateId": 160,
            "bids": [["0.00240000", "10.00000000"]],
            "asks": [["0.00260000", "100.00000000"]],
        }
        | {"E": E_MS, "s": "BTCUSDT"}
    ]


def test_the_vector_of_a_diff():
    head, events = SbeEvents().read(DIFF)
    assert events == [
        {
            "e": "depthUpdate",
            "E": E_MS,
            "s": "BTCUSDT",
            "U": 157,
            "u": 160,
            "b": [["0.00240000", "0.00000000"]],
        }
        | {"a": []}
    ]
    assert (head["first_id"], head["last_id"]) == (157, 160)
    (depth,) = SbeEvents().values(DIFF)
    assert (depth["bids"], depth["asks"]) == ([(240000, 0)], [])


@pytest.mark.parametrize(
    ("message", "kind"),
    [(TRADE, types.TradeEvent), (TOP, types.BestBidAsk), (DEPTH, types.Depth20), (DIFF, types.DepthUpdate)],
)
def test_an_event_has_its_type(message, kind):
    assert faults(SbeEvents().read(message)[1], list[kind]) == []


@pytest.mark.parametrize("message", [TRADE, TOP, DEPTH, DIFF])
def test_a_view_decodes_when_it_is_read_and_owns_its_bytes(message):
    copy = bytearray(message)
    (view,) = SbeEvents(views=True, numbers="float").read(bytes(copy))[1]
    copy[:] = bytes(len(copy))
    (event,) = SbeEvents(numbers="float").read(message)[1]
    assert isinstance(view, Mapping)
    assert view == event
    assert {key: view[key] for key in view} == event
    assert "x" not in view
    assert view.get(5) is None
    assert pickle.loads(pickle.dumps(view)) == event


# ------------------------------------------------------------------- the same by the reader of schemas

INT64 = st.integers(-(2**63), 2**63 - 1)
MANTISSA = st.one_of(INT64, st.integers(0, 10**17), st.just(0))
EXPONENT = st.one_of(st.just(-8), st.integers(-128, 20))
TIME = st.one_of(st.integers(1_600_000_000_000_000, 1_900_000_000_000_000), INT64)
SYMBOL = st.one_of(
    st.sampled_from(["BTCUSDT", "A", "", "币安人生USDT", "1000SATSUSDT"]), st.text(max_size=60)
).filter(lambda text: len(text.encode("utf-8", "surrogatepass")) < 256 and text.isprintable())
ROW = st.fixed_dictionaries({"price": MANTISSA, "qty": MANTISSA})
ROWS = st.lists(ROW, max_size=5)
EXPONENTS = {"priceExponent": EXPONENT, "qtyExponent": EXPONENT}
BOOLEAN = st.sampled_from(["True", "False"])
MESSAGES = st.one_of(
    st.tuples(
        st.just(10000),
        st.fixed_dictionaries(
            {"eventTime": TIME, "transactTime": TIME, "symbol": SYMBOL, **EXPONENTS}
            | {
                "trades": st.lists(
                    st.fixed_dictionaries(
                        {"id": INT64, "price": MANTISSA, "qty": MANTISSA, "isBuyerMaker": BOOLEAN}
                    ),
                    max_size=5,
                )
            }
        ),
    ),
    st.tuples(
        st.just(10001),
        st.fixed_dictionaries(
            {"eventTime": TIME, "bookUpdateId": INT64, "symbol": SYMBOL, **EXPONENTS}
            | dict.fromkeys(("bidPrice", "bidQty", "askPrice", "askQty"), MANTISSA)
        ),
    ),
    st.tuples(
        st.just(10002),
        st.fixed_dictionaries(
            {
                "eventTime": TIME,
                "bookUpdateId": INT64,
                "symbol": SYMBOL,
                "bids": ROWS,
                "asks": ROWS,
                **EXPONENTS,
            }
        ),
    ),
    st.tuples(
        st.just(10003),
        st.fixed_dictionaries(
            {"eventTime": TIME, "firstBookUpdateId": INT64, "lastBookUpdateId": INT64, "symbol": SYMBOL}
            | {"bids": ROWS, "asks": ROWS, **EXPONENTS}
        ),
    ),
)


def expected(template, data, numbers, unit):
    """The events, by the reader that follows the schema, under the names of JSON (statement 74)."""
    value = SCHEMA.decode(data, numbers=numbers, time_unit=unit)
    base = {"E": value["eventTime"], "s": value["symbol"]}
    if template == 10000:
        return [
            {"e": "trade", **base, "t": each["id"], "p": each["price"], "q": each["qty"]}
            | {"T": value["transactTime"], "m": each["isBuyerMaker"], "M": True}
            for each in value["trades"]
        ]
    if template == 10001:
        names = {"u": "bookUpdateId", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}
        return [base | {key: value[name] for key, name in names.items()}]
    bids, asks = ([[row["price"], row["qty"]] for row in value[side]] for side in ("bids", "asks"))
    if template == 10002:
        return [base | {"lastUpdateId": value["bookUpdateId"], "bids": bids, "asks": asks}]
    ids = {"U": value["firstBookUpdateId"], "u": value["lastBookUpdateId"]}
    return [{"e": "depthUpdate", **base, **ids, "b": bids, "a": asks}]


@given(MESSAGES, st.sampled_from(["str", "float", "decimal"]), st.sampled_from(["ms", "us"]))
def test_events_are_those_that_the_reader_of_schemas_finds(message, numbers, unit):
    template, value = message
    data = SCHEMA.encode(template, value)
    head, events = SbeEvents(numbers, unit).read(data)
    wanted = expected(template, data, numbers, unit)
    assert events == wanted
    for event, other in zip(events, wanted, strict=True):
        assert [type(event[key]) for key in event] == [type(other[key]) for key in event]
    views = SbeEvents(numbers, unit, views=True).read(data)[1]
    assert [{key: view[key] for key in view} for view in views] == wanted
    assert (head["name"], head["template_id"]) == (value["symbol"], template)
    assert head["event_time"] == value["eventTime"]


@given(MESSAGES)
def test_values_in_c_are_those_of_the_message(message):
    template, value = message
    found = SbeEvents().values(SCHEMA.encode(template, value))
    exponents = (value["priceExponent"], value["qtyExponent"])
    for each in found:
        assert (each["price_exponent"], each["quantity_exponent"]) == exponents
        assert each["event_time"] == value["eventTime"]
    if template == 10000:
        assert [(each["id"], each["price"], each["quantity"], each["is_buyer_maker"]) for each in found] == [
            (each["id"], each["price"], each["qty"], each["isBuyerMaker"] == "True")
            for each in value["trades"]
        ]
    elif template == 10001:
        names = ("bid_price", "bid_quantity", "ask_price", "ask_quantity")
        assert [found[0][name] for name in names] == [
            value[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")
        ]
    else:
        for side in ("bids", "asks"):
            assert found[0][side] == [(row["price"], row["qty"]) for row in value[side]]


# --------------------------------------------------------------- other versions, and what is refused


def message_of(template, block, *groups, symbol=b"BTCUSDT", schema=1, version=0, tail=b""):
    """A message, of a block, of groups (length of an entry, width of the count, entries) and a symbol."""
    data = struct.pack("<4H", len(block), template, schema, version) + block
    for length, width, entries in groups:
        data += struct.pack("<HI" if width == 4 else "<HH", length, len(entries)) + b"".join(entries)
    return data + bytes((len(symbol),)) + symbol + tail


TRADES_BLOCK = struct.pack("<qqbb", 1000, 2000, -2, -3)
ENTRY = struct.pack("<qqqB", 7, 12345, 678, 0)


def test_what_a_newer_version_adds_is_skipped():
    data = message_of(
        10000, TRADES_BLOCK + b"new", (30, 4, [ENTRY + b"fresh"] * 2), version=9, tail=b"\x03and more"
    )
    events = SbeEvents().read(data)[1]
    assert [event["p"] for event in events] == ["123.45"] * 2
    assert [event["q"] for event in events] == ["0.678"] * 2
    rows = [struct.pack("<qq", 5, 6) + b"x"]
    data = message_of(10003, struct.pack("<qqqbb", 1, 2, 3, 0, 0) + b"??", (17, 2, rows * 3), (17, 2, rows))
    (depth,) = SbeEvents().values(data)
    assert (depth["bids"], depth["asks"]) == ([(5, 6)] * 3, [(5, 6)])


def test_an_empty_group_may_have_any_entry_length():
    data = message_of(10002, struct.pack("<qqbb", 1, 2, 0, 0), (0, 2, []), (0, 2, []))
    assert SbeEvents().read(data)[1][0]["bids"] == []


BLOCK_26 = struct.pack("<qqqbb", 1, 2, 3, 0, 0)
LEVEL = struct.pack("<qq", 5, 6)


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        (b"", "$", "0 bytes are no message: its header has 8"),
        (TRADE[:7], "$", "7 bytes are no message"),
        (message_of(10000, TRADES_BLOCK, (25, 4, [ENTRY]), schema=3), "$", "schema id 3, not 1"),
        (message_of(10004, TRADES_BLOCK), "$", "no template 10004"),
        (message_of(10000, TRADES_BLOCK[:-1], (25, 4, [ENTRY])), "$", "a block of 17 bytes is shorter"),
        (TOP[:40], "$", "ends within its block"),
        (TRADE[:28], "$.trades", "ends within the group's header"),
        (message_of(10000, TRADES_BLOCK, (24, 4, [ENTRY[1:]])), "$.trades", "entries are shorter"),
        (message_of(10003, BLOCK_26, (0, 2, [b""] * 5), (16, 2, [])), "$.bids", "entries are shorter"),
        (message_of(10003, BLOCK_26, (16, 2, []), (15, 2, [LEVEL[1:]])), "$.asks", "entries are shorter"),
        (TRADE[:28] + b"\xff\xff\xff\xff" + TRADE[32:], "$.trades", "more entries than"),
        (DIFF[:36] + b"\xff\xff" + DIFF[38:], "$.bids", "more entries than"),
        (TRADE[:57], "$.symbol", "ends within it"),
        (TRADE[:-1], "$.symbol", "ends within it"),
        (message_of(10000, TRADES_BLOCK, (25, 4, [ENTRY]), symbol=b"BTC\xff"), "$.symbol", "not UTF-8"),
        (
            message_of(10000, TRADES_BLOCK, (25, 4, [ENTRY]), symbol=b"A" * 40 + b"\xe5\xb8"),
            "$.symbol",
            "not UTF-8",
        ),
        (
            message_of(10000, TRADES_BLOCK, (25, 4, [ENTRY, ENTRY[:-1] + b"\x02"])),
            "$.trades[1].isBuyerMaker",
            "0 nor",
        ),
    ],
)
def test_what_is_refused_says_where_and_why(data, path, reason):
    with pytest.raises(SbeError) as caught:
        SbeEvents().read(data)
    assert caught.value.path == path
    assert reason in caught.value.reason


@pytest.mark.parametrize("message", [TRADE, TOP, DEPTH, DIFF])
def test_each_cut_is_refused(message):
    events = SbeEvents()
    for size in range(len(message)):
        with pytest.raises(SbeError):
            events.read(message[:size])
    assert events.read(message)


def test_damaged_messages_end_in_an_error_or_in_a_value():
    """Only SbeError comes out, and what is read costs no more than its bytes."""
    rng = random.Random(13)
    events = SbeEvents(), SbeEvents("float", views=True), SbeEvents("decimal")
    read = 0
    paths = set()
    for _ in range(20_000):
        data = bytearray(rng.choice((TRADE, TOP, DEPTH, DIFF)))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        try:
            _, found = rng.choice(events).read(bytes(data))
            assert len(found) <= 3
            read += len([dict(event) for event in found])
        except SbeError as exc:
            paths.add(exc.path)
    assert read > 1000
    assert all(path.startswith("$") for path in paths)


def test_symbols_beyond_the_kept_ones_are_told_apart():
    """More symbols than the cache has places for, and some longer than it keeps."""
    events = SbeEvents()
    names = (
        [f"S{number}USDT" for number in range(5000)]
        + [f"{'X' * 14}{number}" for number in range(300)]
        + ["Ж" * 9]
    )
    for name in names * 2:
        data = message_of(10000, TRADES_BLOCK, (25, 4, [ENTRY]), symbol=name.encode())
        assert events.read(data)[1][0]["s"] == name


def test_wrong_arguments():
    with pytest.raises(ValueError, match="numbers: expected"):
        SbeEvents("text")
    with pytest.raises(ValueError, match="time_unit: expected"):
        SbeEvents(time_unit="ns")


def test_decimals_are_exact():
    data = SCHEMA.encode(
        10001,
        {"eventTime": 1, "bookUpdateId": 2, "priceExponent": -1, "qtyExponent": 3, "symbol": "X"}
        | {"bidPrice": -5, "bidQty": 7, "askPrice": 2**63 - 1, "askQty": 0},
    )
    (event,) = SbeEvents().read(data)[1]
    assert (event["b"], event["B"], event["a"], event["A"]) == ("-0.5", "7000", "922337203685477580.7", "0")
    (event,) = SbeEvents("decimal").read(data)[1]
    assert event["a"] == Decimal("922337203685477580.7")
