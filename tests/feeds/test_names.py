"""The names of market data streams (statements 50, 51, 56, 57, 60 to 63), and what is said of other names."""

from __future__ import annotations

import pytest

from fastws.errors import InvalidRequest
from fastws.feeds import names
from fastws.feeds.names import DEPTH, DIFF, OTHER, TOP, TRADE, parse, stream_name

JSON_STREAMS = {
    "trade": (TRADE, None, False),
    "aggTrade": (TRADE, None, False),
    "blockTrade": (TRADE, None, False),
    "bookTicker": (TOP, None, True),
    "depth": (DIFF, 1.0, False),
    "depth@100ms": (DIFF, 0.1, False),
    "depth5": (DEPTH, 1.0, True),
    "depth20@100ms": (DEPTH, 0.1, True),
    "kline_1s": (OTHER, 1.0, True),
    "kline_1M": (OTHER, 2.0, True),
    "kline_1d@+08:00": (OTHER, 2.0, True),
    "miniTicker": (OTHER, 1.0, True),
    "ticker": (OTHER, 1.0, True),
    "ticker_4h": (OTHER, 1.0, True),
    "avgPrice": (OTHER, 1.0, True),
    "referencePrice": (OTHER, 1.0, True),
}
SBE_STREAMS = {
    "trade": (10000, TRADE, None),
    "bestBidAsk": (10001, TOP, None),
    "depth20": (10002, DEPTH, 0.05),
    "depth": (10003, DIFF, 0.02),
}


@pytest.mark.parametrize("event", JSON_STREAMS)
def test_a_stream_of_json(event):
    found = stream_name("BTCUSDT", event)
    assert (found.kind, found.seconds, found.conflates) == JSON_STREAMS[event]
    assert (found.name, found.symbol, found.event) == (f"btcusdt@{event}", "BTCUSDT", event)
    assert found.template_id == 0
    assert parse(found.name) == found


@pytest.mark.parametrize("event", SBE_STREAMS)
def test_a_stream_of_sbe(event):
    found = parse(f"bnbbtc@{event}", sbe=True)
    assert (found.template_id, found.kind, found.seconds) == SBE_STREAMS[event]


@pytest.mark.parametrize("name", ["!miniTicker@arr", "!ticker_1h@arr", "!ticker_4h@arr", "!ticker_1d@arr"])
def test_a_stream_of_all_symbols_is_not_conflated(name):
    """Its events hold only the symbols that changed."""
    found = parse(name)
    assert (found.symbol, found.kind, found.conflates) == ("", OTHER, False)


def test_each_kline_interval_has_a_stream():
    for interval in names.INTERVALS:
        assert parse(f"btcusdt@kline_{interval}").event == f"kline_{interval}"
    assert len(names.INTERVALS) == 16


def test_symbols_beyond_ascii_keep_their_case():
    found = stream_name("币安人生USDT", "trade")
    assert (found.name, found.symbol) == ("币安人生usdt@trade", "币安人生USDT")
    assert stream_name("ÄUSDT", "depth").name == "Äusdt@depth"


@pytest.mark.parametrize(
    ("name", "sbe", "said"),
    [
        ("BTCUSDT@trade", False, 'lower case here; did you mean "btcusdt@trade"?'),
        ("BTCUSDT", False, 'such as "btcusdt@trade"'),
        ("btcusdt@aggtrade", False, 'did you mean "btcusdt@aggTrade"?'),
        ("btcusdt@trades", False, 'did you mean "btcusdt@trade"?'),
        (" btcusdt@trade", False, 'a space; did you mean "btcusdt@trade"?'),
        ("btc usdt@trade", False, "its symbol has a space"),
        ("btc\u00a0usdt@trade", False, "its symbol has a space"),
        ("btc/usdt@trade", False, "'/' cannot be in a symbol"),
        ("btc\nusdt@trade", False, "space"),
        ("btc\u200busdt@trade", False, "cannot be in a symbol"),
        ("btc\ud800usdt@trade", False, "cannot be in a symbol"),
        ("@trade", False, "a symbol is missing"),
        ("x" * 65 + "@trade", False, "more than 64 characters"),
        ("btcusdt@", False, "of a symbol there are @trade, "),
        ("", False, "a name has a symbol and a stream"),
        ("!ticker@arr", False, "retired it on 2026-03-26; use <symbol>@ticker, or !miniTicker@arr"),
        ("!bookTicker", False, "retired it in 2022; use <symbol>@bookTicker"),
        ("!bookTicker", True, "use <symbol>@bookTicker"),
        ("!miniticker@arr", False, 'did you mean "!miniTicker@arr"?'),
        ("!nothing", False, "of all symbols there are !miniTicker@arr"),
        ("!miniTicker@arr", True, "JSON has this one"),
        ("btcusdt@markPrice", False, "of the futures"),
        ("btcusdt@markPrice@1s", False, "of the futures"),
        ("!markPrice@arr", False, "of the futures"),
        ("btcusdt@depth@0ms", False, "of Spot there are @depth and @depth@100ms"),
        ("btcusdt@depth20@500ms", True, "of the futures"),
        ("btcusdt@depth@1000ms", False, 'did you mean "btcusdt@depth@100ms"?'),
        ("btcusdt@depth50", False, "did you mean"),
        ("btcusdt@kline_2m", False, "intervals are 1s, 1m"),
        ("btcusdt@kline_1H", False, 'did you mean "btcusdt@kline_1h"?'),
        ("btcusdt@kline_1h@+07:00", False, 'there is "btcusdt@kline_1h@+08:00"'),
        ("btcusdt@ticker_2h", False, "windows are 1h, 4h, 1d"),
        ("btcusdt@bestBidAsk", False, 'only SBE has it; JSON has "btcusdt@bookTicker"'),
        (
            "btcusdt@bookTicker",
            True,
            'only JSON has "btcusdt@bookTicker": market_data(…, sbe=False), and SBE has "btcusdt@bestBidAsk"',
        ),
        ("btcusdt@depth@100ms", True, 'and SBE has "btcusdt@depth"'),
        ("btcusdt@depth5", True, 'and SBE has "btcusdt@depth20"'),
        ("btcusdt@aggTrade", True, 'only JSON has "btcusdt@aggTrade"'),
        ("btcusdt@kline_1m", True, 'only JSON has "btcusdt@kline_1m"'),
        ("btcusdt@nothing", True, "of a symbol there are @trade, @bestBidAsk, @depth, @depth20"),
        (
            "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1",
            False,
            "a listenKey is no stream",
        ),
        (None, False, 'expected a name such as "btcusdt@trade", got None'),
        (b"btcusdt@trade", False, "expected a name"),
    ],
)
def test_a_name_that_is_refused_says_what_is_meant(name, sbe, said):
    with pytest.raises(InvalidRequest) as caught:
        parse(name, sbe=sbe)
    assert said in str(caught.value)


@pytest.mark.parametrize("symbol", ["", "BTC USDT", "BTC@USDT", None, 5, "a" * 65, "BTC/USDT"])
def test_a_symbol_that_cannot_be_one_is_refused(symbol):
    with pytest.raises(InvalidRequest, match=r"^symbol: expected one such as"):
        stream_name(symbol, "trade")
