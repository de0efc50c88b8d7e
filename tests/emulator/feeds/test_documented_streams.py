"""Each stream as STREAMS.md has it: its keys, its speed, and what it says of the market that requests show."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fastws.emulator import Emulator
from fastws.emulator.feeds.events import Diff, Partial, Top, Trade, Trades
from fastws.emulator.feeds.sbe import encode
from fastws.sbe import Schema
from helpers.support import in_loop

from .test_market_streams import ask, buy, connect, receive, trading

KLINE = ["t", "T", "s", "i", "f", "L", "o", "c", "h", "l", "v", "n", "x", "q", "V", "Q", "B"]
# The first columns: the type of the events ("" for none), their keys, and after how many seconds the next one comes.
STREAMS = {
    "btcusdt@aggTrade": ("aggTrade", "E s a p q f l T m M", None),
    "btcusdt@trade": ("trade", "E s t p q T m M", None),
    "btcusdt@bookTicker": ("", "u s b B a A", None),
    "btcusdt@depth": ("depthUpdate", "E s U u b a", 1),
    "btcusdt@depth@100ms": ("depthUpdate", "E s U u b a", 0.1),
    "btcusdt@depth5": ("", "lastUpdateId bids asks", 1),
    "btcusdt@depth10@100ms": ("", "lastUpdateId bids asks", 0.1),
    "btcusdt@depth20@100ms": ("", "lastUpdateId bids asks", 0.1),
    "btcusdt@kline_1s": ("kline", "E s k", 1),
    "btcusdt@kline_1M@+08:00": ("kline", "E s k", 2),
    "btcusdt@miniTicker": ("24hrMiniTicker", "E s c o h l v q", 1),
    "!miniTicker@arr": ("24hrMiniTicker", "E s c o h l v q", 1),
    "btcusdt@ticker": ("24hrTicker", "E s p P w x c Q b B a A o h l v q O C F L n", 1),
    "btcusdt@ticker_1h": ("1hTicker", "E s p P o h l c w v q O C F L n", 1),
    "btcusdt@ticker_4h": ("4hTicker", "E s p P o h l c w v q O C F L n", 1),
    "!ticker_1d@arr": ("1dTicker", "E s p P o h l c w v q O C F L n", 1),
    "btcusdt@avgPrice": ("avgPrice", "E s i w T", 1),
    "btcusdt@referencePrice": ("referencePrice", "s r t", 1),
}


@pytest.mark.parametrize("name", STREAMS)
@in_loop
async def test_keys_and_speed(name):
    """STREAMS 50, 54, 56, 59, 61"""
    kind, keys, seconds = STREAMS[name]
    async with trading() as (exchange, client), connect(exchange.stream_url) as socket:
        assert await ask(socket, "SUBSCRIBE", [name]) == {"result": None, "id": 1}
        await buy(client)
        if seconds is not None:
            exchange.core.clock.advance(seconds - 0.01)
            assert await ask(socket, "GET_PROPERTY", ["combined"]) == {"result": True, "id": 1}, (
                "it came early"
            )
            exchange.core.clock.advance(0.01)
        event = await receive(socket)
        assert list(event) == ["stream", "data"]
        assert event["stream"] == name
        data = event["data"]
        if name.endswith("@arr"):
            [data] = data
        assert list(data) == (["e"] if kind else []) + keys.split()
        assert data.get("e", "") == kind
        assert data.get("s", "BTCUSDT") == "BTCUSDT"
        for levels in (data[key] for key in ("bids", "asks") if key in data):
            assert all(len(level) == 2 for level in levels)
            assert len(levels) == int(name.partition("@depth")[2].partition("@")[0])
        if kind == "kline":
            assert list(data["k"]) == KLINE


@pytest.mark.parametrize(
    "name", [f"btcusdt@kline_{i}" for i in "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()]
)
@in_loop
async def test_klines_are_those_of_requests(name):
    """STREAMS 57, 58"""
    async with trading() as (exchange, client), connect(exchange.stream_url, f"/ws/{name}") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        await buy(client)
        exchange.core.clock.advance(0.5)
        while "k" not in (event := await receive_after(exchange, socket)) or event["k"]["x"]:
            pass
        [row] = await client.klines(symbol="BTCUSDT", interval=event["k"]["i"], limit=1)
        assert [event["k"][key] for key in "tohlcvTqnVQ"] == row[:11]


async def receive_after(exchange: Emulator, socket: Any, seconds: float = 2.0) -> Any:
    exchange.core.clock.advance(seconds)
    return await receive(socket)


@in_loop
async def test_an_array_has_those_that_changed():
    """STREAMS 56"""
    async with trading() as (exchange, client), connect(exchange.stream_url, "/ws/!miniTicker@arr") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.core.clock.advance(1)
        await client.order_place(symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
        assert [row["s"] for row in await receive_after(exchange, socket, 1)] == ["ETHUSDT"]
        await buy(client)
        assert [row["s"] for row in await receive_after(exchange, socket, 1)] == ["BTCUSDT"]


@in_loop
async def test_a_reference_price_that_does_not_exist_is_null():
    """STREAMS 56"""
    path = "/ws/btcusdt@referencePrice/ethusdt@referencePrice"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.core.clock.advance(1)
        found = {event["s"]: event for event in [await receive(socket), await receive(socket)]}
        assert found["BTCUSDT"]["r"] is None
        shown = await client.reference_price(symbol="ETHUSDT")
        assert (found["ETHUSDT"]["r"], found["ETHUSDT"]["t"]) == (shown["referencePrice"], shown["timestamp"])


@in_loop
async def test_aggregate_trades_are_those_of_requests():
    """STREAMS 56"""
    async with (
        trading() as (exchange, client),
        connect(exchange.stream_url, "/ws/btcusdt@aggTrade") as socket,
    ):
        await ask(socket, "LIST_SUBSCRIPTIONS")
        await buy(client)
        event = await receive(socket)
        [row] = await client.trades_aggregate(symbol="BTCUSDT", limit=1)
        assert {key: event[key] for key in row} == row


@in_loop
async def test_a_trade_and_the_best_bid_and_ask_in_both_encodings():
    """STREAMS 24, 62, 65, 66, 67, 73, 74, 75, 96"""
    schema = Schema.bundled("stream")
    async with trading() as (exchange, client):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        path, sbe_path = "/ws/btcusdt@trade/btcusdt@bookTicker", "/ws/btcusdt@trade/btcusdt@bestBidAsk"
        async with (
            connect(exchange.stream_url, f"{path}?timeUnit=MICROSECOND") as in_json,
            connect(exchange.sbe_stream_url, sbe_path, additional_headers=headers) as in_sbe,
        ):
            await ask(in_json, "LIST_SUBSCRIPTIONS")
            assert isinstance(await ask(in_sbe, "LIST_SUBSCRIPTIONS"), dict)
            top = (await client.depth(symbol="BTCUSDT", limit=5))["asks"]
            quantity = sum(round(float(level[1]) * 10**5) for level in top[:3]) / 10**5
            await buy(client, f"{quantity:.5f}")
            message = await receive(in_sbe)
            assert message[:8] == bytes.fromhex("1200102701000000")
            trades = schema.decode_native(message)
            assert len(trades["trades"]) == 3
            for row in trades["trades"]:
                event = await receive(in_json)
                assert (event["E"], event["T"]) == (trades["eventTime"], trades["transactTime"])
                assert (event["t"], str(event["m"]), event["M"]) == (row["id"], row["isBuyerMaker"], True)
                assert round(float(event["p"]) * 10**8) == row["price"]
                assert round(float(event["q"]) * 10**8) == row["qty"]
            best, event = schema.decode_native(await receive(in_sbe)), await receive(in_json)
            assert event["u"] == best["bookUpdateId"]
            assert (event["s"], best["eventTime"]) == (best["symbol"], exchange.core.clock.now_us())
            for key, name in (("b", "bidPrice"), ("B", "bidQty"), ("a", "askPrice"), ("A", "askQty")):
                assert round(float(event[key]) * 10**8) == best[name]


VECTORS = {
    10000: "1200102701000000ab491ef1154c06003c491ef1154c0600f8f81900010000004602000000000000002027b8ba0400004042"
    "0f0000000000010742544355534454",
    10001: "3200112701000000ab491ef1154c06007940e51700000000f8f8f0ed1b970000000040ae06ba000000004039309700000000"
    "803c5af2000000000742544355534454",
    10002: "1200122701000000ab491ef1154c0600a000000000000000f8f81000010080a903000000000000ca9a3b0000000010000100"
    "a0f703000000000000e40b54020000000742544355534454",
    10003: "1a00132701000000ab491ef1154c06009d00000000000000a000000000000000f8f81000010080a903000000000000000000"
    "00000000100000000742544355534454",
}


def _made(kind: type, **values: Any) -> Any:
    event = kind.__new__(kind)
    for name, value in {"now_us": 1772506983582123, "symbol": "BTCUSDT", **values}.items():
        setattr(event, name, value)
    return event


@pytest.mark.parametrize(
    ("template", "event"),
    [
        (
            10000,
            _made(Trades, trades=[Trade(1772506983582012, 582, 5200000000000, 1000000, True)]),
        ),
        (
            10001,
            _made(Top, update_id=400900217, bid=(2535190000, 3121000000), ask=(2536520000, 4066000000)),
        ),
        (
            10002,
            _made(Partial, last_id=160, bids=[(240000, 10 * 10**8)], asks=[(260000, 100 * 10**8)]),
        ),
        (10003, _made(Diff, first_id=157, last_id=160, bids=[(240000, 0)], asks=[])),
    ],
)
def test_messages_are_those_made_by_hand(template, event):
    """STREAMS 65, 66, 67, 68, 69, 71, 76"""
    assert encode(event).hex() == VECTORS[template]


class Book:
    """A book that is kept by the rules of the documentation, in plain dictionaries."""

    def __init__(self, snapshot: Any) -> None:
        self.id = snapshot["lastUpdateId"]
        self.bids = {_units(price): _units(quantity) for price, quantity in snapshot["bids"]}
        self.asks = {_units(price): _units(quantity) for price, quantity in snapshot["asks"]}

    def apply(self, first: int, last: int, bids: Any, asks: Any) -> None:
        if last <= self.id:
            return
        assert first <= self.id + 1, "a diff is missing"
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in levels:
                side[price] = quantity
                if not quantity:
                    del side[price]
        self.id = last

    def shown(self, limit: int) -> tuple[Any, Any]:
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        return bids, sorted(self.asks.items())[:limit]


def _units(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 10**8 + int(fraction.ljust(8, "0"))


@in_loop
async def test_books_equal_depth_at_the_same_update_id():
    """STREAMS 10, 77, 80, 82, 84, 85, 86, 88, 96, 101"""
    schema, draw = Schema.bundled("stream"), random.Random(1)
    async with trading(market="live", enforce_limits=False) as (exchange, client):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        async with (
            connect(exchange.stream_url, "/ws/btcusdt@depth@100ms") as in_json,
            connect(exchange.sbe_stream_url, "/ws/btcusdt@depth", additional_headers=headers) as in_sbe,
        ):
            await ask(in_json, "LIST_SUBSCRIPTIONS")
            await ask(in_sbe, "LIST_SUBSCRIPTIONS")
            snapshot = await client.depth(symbol="BTCUSDT", limit=5000)
            books = Book(snapshot), Book(snapshot)
            for turn in range(30):
                side = draw.choice(["BUY", "SELL"])
                order = {"symbol": "BTCUSDT", "side": side, "quantity": "0.05", "recvWindow": 60_000}
                if turn % 2:
                    await client.order_place(**order, type="MARKET")
                else:
                    price = str((46_000, 58_000)[side == "SELL"] + draw.randrange(2000))
                    await client.order_place(**order, type="LIMIT", timeInForce="GTC", price=price)
                exchange.core.clock.advance(draw.choice([0.1, 1.0]))
                event = await receive(in_json)
                books[0].apply(
                    event["U"],
                    event["u"],
                    *([(_units(p), _units(q)) for p, q in event[key]] for key in ("b", "a")),
                )
                while books[1].id < event["u"]:
                    diff = schema.decode_native(await receive(in_sbe))
                    books[1].apply(
                        diff["firstBookUpdateId"],
                        diff["lastBookUpdateId"],
                        *([(row["price"], row["qty"]) for row in diff[key]] for key in ("bids", "asks")),
                    )
                for limit in (5, 10, 20, 50, 100, 500, 1000, 5000):
                    depth = await client.depth(symbol="BTCUSDT", limit=limit)
                    assert [book.id for book in books] == [depth["lastUpdateId"]] * 2
                    for book in books:
                        assert book.shown(limit) == Book(depth).shown(limit)


@pytest.mark.parametrize(
    "name", ["btcusdt@aggTrade", "btcusdt@depth@100ms", "btcusdt@depth5", "btcusdt@bookTicker"]
)
@in_loop
async def test_sbe_has_no_other_streams(name):
    """STREAMS 63"""
    async with trading() as (exchange, client):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        async with connect(exchange.sbe_stream_url, additional_headers=headers) as socket:
            assert await ask(socket, "SUBSCRIBE", [name]) == {"result": None, "id": 1}
            await buy(client)
            exchange.core.clock.advance(2)
            assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == [name]


@in_loop
async def test_a_symbol_beyond_ascii():
    """STREAMS 51"""
    name = "这是测试币456@trade"
    path = f"/stream?streams={'%E8%BF%99%E6%98%AF%E6%B5%8B%E8%AF%95%E5%B8%81456'}@trade"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == [name]
        await client.order_place(symbol="这是测试币456", side="BUY", type="MARKET", quantity="100")
        event = await receive(socket)
        assert (event["stream"], event["data"]["s"]) == (name, "这是测试币456")


@in_loop
async def test_two_connections_are_cut_alike_and_one_may_be_cut_differently():
    """STREAMS 92, 95, 102"""
    path = "/ws/btcusdt@depth@100ms"
    async with (
        trading() as (exchange, client),
        connect(exchange.stream_url, path) as one,
        connect(exchange.stream_url, path) as two,
    ):
        await ask(one, "LIST_SUBSCRIPTIONS")
        await ask(two, "LIST_SUBSCRIPTIONS")
        number = exchange.stream_connections[1].number
        for _ in range(2):
            await buy(client)
            exchange.core.clock.advance(0.1)
            assert await receive(one) == await receive(two)
        exchange.stream_faults.add("join_event", "depth", connection=number)
        for _ in range(2):
            await buy(client)
            exchange.core.clock.advance(0.1)
        first, second, joined = await receive(one), await receive(one), await receive(two)
        assert (joined["U"], joined["u"]) == (first["U"], second["u"])
        for side in "ba":
            assert dict(joined[side]) == {**dict(first[side]), **dict(second[side])}
