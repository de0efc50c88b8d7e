"""Several connections of the same streams, and SBE: who is first, losses without a gap, ports, rotations, keys."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

import fastws
from fastws.feeds.options import MarketOptions
from helpers.feeding import cut, exchanging, marketing, next_of, nothing_left, session
from helpers.losing import until
from helpers.support import in_loop

KEY = "k" * 64


@in_loop
async def test_sbe_shows_events_as_json_does_and_sends_the_key():
    async with exchanging() as exchange:
        async with fastws.market_data(
            exchange.emulator.sbe_stream_url, sbe=True, api_key=exchange.api_key
        ) as market:
            trades = await market.trades("BTCUSDT")
            quotes = await market.quotes("BTCUSDT")
            depth = await market.depth("BTCUSDT")
            await exchange.buy()
            assert list(await next_of(trades)) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
            top = await next_of(quotes)
            assert {"u", "s", "b", "B", "a", "A", "E"} == set(top)
            assert set(await next_of(depth)) == {"e", "E", "s", "U", "u", "b", "a"}
            assert quotes.stream == "btcusdt@bestBidAsk"
            with pytest.raises(fastws.InvalidRequest, match="only JSON has"):
                await market.subscribe("btcusdt@kline_1m")
        nothing_left(market)


@in_loop
async def test_the_key_is_in_no_repr_log_or_exception(caplog):
    for name in ("picows.fastws", "fastws.connection", "fastws.wire", "fastws.streams", "fastws"):
        caplog.set_level(1, name)
    caplog.set_level(logging.ERROR, "fastws.emulator")  # the other side, which has got the key
    async with exchanging() as exchange:
        url = exchange.emulator.sbe_stream_url
        market = fastws.market_data(url, sbe=True, api_key=exchange.api_key)
        async with market:
            trades = await market.trades("BTCUSDT")
            [connection] = market._feeds()[0].session.connections
            assert "X-MBX-APIKEY" not in connection.transport.request.headers
            shown = [
                repr(trades),
                repr(market),
                repr(market._options),
                repr(vars(market)),
                repr(vars(market._feeds()[0])),
            ]
        wrong = fastws.market_data(url, sbe=True, api_key=KEY)
        with pytest.raises(fastws.BadRequest, match="API key of an Ed25519 key only") as raised:
            await wrong
    shown += [str(raised.value), repr(raised.value), caplog.text]
    for text in shown:
        assert exchange.api_key not in text
        assert KEY not in text


def test_what_key_a_session_may_have():
    hmac = fastws.load_signer(KEY, secret="s")
    for options, error, match in (
        ({"sbe": True}, fastws.InvalidRequest, "SBE market data needs the API key"),
        ({"sbe": True, "signer": hmac}, fastws.InvalidKey, "HMAC key, but SBE .* Ed25519"),
        ({"sbe": True, "signer": hmac, "api_key": KEY}, fastws.InvalidRequest, "either"),
        ({"sbe": True, "api_key": "a b"}, fastws.InvalidKey, "without spaces"),
        ({"sbe": True, "api_key": "a\r\nHost: x"}, fastws.InvalidKey, "without spaces"),
        ({"sbe": True, "signer": "x"}, fastws.InvalidRequest, "load_signer"),
        ({"connections": 0}, fastws.InvalidRequest, "connections: expected a number from 1"),
        ({"connections": True}, fastws.InvalidRequest, "connections"),
        ({"timeout": 0}, fastws.InvalidRequest, "timeout: expected seconds above 0"),
        ({"rotate_after": "1"}, fastws.InvalidRequest, "rotate_after"),
        ({"on_gap": 1}, fastws.InvalidRequest, "on_gap: expected a callable"),
        ({"numbers": "int"}, fastws.InvalidRequest, "numbers: expected one of"),
        ({"time_unit": "s"}, fastws.InvalidRequest, "time_unit"),
        ({"proxy": "ftp://x"}, fastws.InvalidRequest, "proxy"),
    ):
        with pytest.raises(error, match=match):
            MarketOptions("prod", **options)
    assert MarketOptions("prod", signer=hmac).api_key == KEY
    assert KEY not in repr(MarketOptions("prod", sbe=True, api_key=KEY))


@pytest.mark.parametrize("first", ["client", "market"])
@in_loop
async def test_a_key_that_trades_is_warned_of_once(first, caplog):
    def warnings() -> list[str]:
        return [
            record.code for record in caplog.records if getattr(record, "code", None) == "market-data-key"
        ]

    async with exchanging() as exchange:
        url, key = exchange.emulator.sbe_stream_url, exchange.api_key
        if first == "market":
            account = exchange.emulator.add_account("Ed25519")
            key = account.api_key
            signer = fastws.load_signer(key, private_key=account.private_key)
        async with fastws.market_data(url, sbe=True, api_key=key):
            if first == "market":
                assert not warnings()
                async with fastws.connect(exchange.emulator.url, signer=signer):
                    pass
            assert warnings() == ["market-data-key"]
        async with fastws.market_data(url, sbe=True, api_key=key):
            assert warnings() == ["market-data-key"]


@pytest.mark.parametrize(
    ("endpoint", "sbe", "url", "turn"),
    [
        ("prod", False, "wss://stream.binance.com:9443/stream", (9443, 443)),
        ("testnet", False, "wss://stream.testnet.binance.vision/stream", (443, 9443)),
        ("demo", False, "wss://demo-stream.binance.com/stream", (443, 9443)),
        ("market_data_only", False, "wss://data-stream.binance.vision/stream", (443, 9443)),
        ("prod", True, "wss://stream-sbe.binance.com/stream", (443, 9443)),
        ("testnet", True, "wss://stream-sbe.testnet.binance.vision/stream", (443, 9443)),
        ("demo", True, "wss://demo-stream-sbe.binance.com/stream", (443, 9443)),
        ("ws://127.0.0.1:9/stream", True, "ws://127.0.0.1:9/stream", (9,)),
        ("ws://127.0.0.1:9", False, "ws://127.0.0.1:9/stream", (9,)),
    ],
)
def test_the_addresses_of_streams(endpoint, sbe, url, turn):
    """STREAMS 1, 2, 3, 4, 5, 6, 7, 8."""
    found = MarketOptions(endpoint, sbe=sbe, api_key=KEY if sbe else None).find_endpoint()
    assert (found.url, found.turn) == (url, turn)


def test_microseconds_are_asked_for_in_json_only():
    """STREAMS 13, 14, 22."""
    json = MarketOptions("prod", time_unit="us").find_endpoint().url
    assert json == "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND"
    sbe = MarketOptions("prod", time_unit="us", sbe=True, api_key=KEY).find_endpoint().url
    assert sbe == "wss://stream-sbe.binance.com/stream"


@pytest.mark.parametrize(
    ("endpoint", "options", "match"),
    [
        ("market_data_only", {"sbe": True, "api_key": KEY}, "has JSON only"),
        ("mainnet", {}, 'did you mean "prod"'),
        ("wss://example.com/ws", {}, "opens /stream"),
        ("wss://example.com/stream?streams=a@trade", {}, r"market\.subscribe\(\)"),
        ("wss://example.com/stream?timeUnit=MICROSECOND", {}, 'time_unit is "ms"'),
        ("ws://example.com", {}, "sends market data unencrypted"),
        ("https://example.com", {}, "did you mean wss://"),
        ("prod", {"port": 80}, "9443 or 443"),
    ],
)
def test_addresses_that_are_refused(endpoint, options, match):
    with pytest.raises(fastws.InvalidRequest, match=match):
        MarketOptions(endpoint, **options)


@in_loop
async def test_each_event_comes_once_and_the_loss_of_one_connection_is_no_gap():
    gaps = []
    async with marketing(connections=2, on_gap=gaps.append) as (exchange, market):
        await until(lambda: len(exchange.carried()) == 2)
        subscription = await market.trades("BTCUSDT")
        await until(lambda: exchange.carried() == [{"btcusdt@trade"}, {"btcusdt@trade"}])
        ids = []

        async def trade() -> None:
            await exchange.buy()
            ids.append((await next_of(subscription))["t"])

        for _ in range(3):
            await trade()
        rows = market.stats["connections"]
        assert [row["feed"] for row in rows] == [0, 1]
        await until(lambda: market.stats["duplicates"] == 3)
        cut(market, 0)
        await trade()
        await until(lambda: len(exchange.carried()) == 2 and all(exchange.carried()))
        cut(market, 1)
        await trade()
        assert ids == list(range(ids[0], ids[0] + 5))
        assert not gaps
        assert market.stats["gaps"] == 0
        assert market.stats["losses"] == 2
        assert market.state == "open"


@in_loop
async def test_the_loss_of_all_connections_is_a_gap():
    gaps = []
    async with marketing(connections=2, on_gap=gaps.append) as (exchange, market):
        await until(lambda: len(exchange.carried()) == 2)
        subscription = await market.trades("BTCUSDT")
        await until(lambda: all(exchange.carried()))
        cut(market, 0)
        cut(market, 1)
        with pytest.raises(fastws.EventGap):
            await next_of(subscription)
        assert len(gaps) == 1
        await market.wait_open(5)
        await exchange.buy()
        assert (await next_of(subscription))["e"] == "trade"


@in_loop
async def test_connections_take_the_ports_in_turn():
    async with exchanging(stream_ports=2) as exchange:
        ports = exchange.emulator.stream_ports
        async with fastws.market_data(f"ws://127.0.0.1:{ports[0]}", ports=ports, connections=2) as market:
            await until(lambda: len(market.stats["connections"]) == 2)
            assert {row["port"] for row in market.stats["connections"]} == set(ports)


@in_loop
async def test_a_second_connection_that_cannot_open_keeps_trying():
    async with exchanging(stream_ports=2) as exchange:
        ports = exchange.emulator.stream_ports
        exchange.emulator.listen(ports[1], False)
        market = session(f"ws://127.0.0.1:{ports[0]}", ports=ports, connections=2)
        async with market:
            assert market.connected
            await until(lambda: len(market.stats["connections"]) == 2)  # at the other port
        nothing_left(market)


def test_connections_are_replaced_at_different_times():
    market = fastws.market_data("prod", connections=4)
    assert [feed.supervisor.rotation.first_share for feed in market._feeds()] == [0.25, 0.5, 0.75, 1.0]
    assert [feed.supervisor.connector.opener.address_turn for feed in market._feeds()] == [0, 1, 2, 3]


@in_loop
async def test_rotate_after_replaces_the_connections_without_a_gap():
    gaps = []
    async with marketing(connections=2, rotate_after=0.4, on_gap=gaps.append) as (exchange, market):
        subscription = await market.trades("BTCUSDT")
        ids = []
        while market.stats["rotations"] < 2:
            await exchange.buy()
            ids.append((await next_of(subscription))["t"])
            await asyncio.sleep(0.02)  # an order at a time
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert not gaps


@in_loop
async def test_a_connection_that_sends_nothing_is_given_up():
    async with marketing(probe_interval=0.1, probe_timeout=0.1) as (exchange, market):
        await market.trades("BTCUSDT")
        exchange.emulator.answer_pings(False)
        await until(lambda: market.stats["losses"] == 1)
        exchange.emulator.answer_pings(True)
        await market.wait_open(5)


@in_loop
async def test_what_the_exchange_refuses_after_a_loss_is_asked_for_again(caplog):
    async with marketing() as (exchange, market):
        trades = await market.trades("BTCUSDT")
        quotes = await market.quotes("ETHUSDT")
        exchange.emulator.stream_faults.add("error", "SUBSCRIBE", code=2, msg="no", times=2)
        cut(market)
        await until(lambda: market.stats["losses"] == 1)
        await market.wait_open(5)
        assert exchange.carried()[-1] == {"ethusdt@bookTicker"}
        assert [each.code for each in caplog.records if each.levelno == logging.WARNING][
            -1
        ] == "stream-refused"
        await until(lambda: exchange.carried()[-1] == {"ethusdt@bookTicker", "btcusdt@trade"})
        assert quotes.active
        assert trades.active


@in_loop
async def test_a_session_in_another_thread_than_the_orders():
    """Its callbacks run in its own thread; orders go on in theirs."""
    async with exchanging() as exchange:
        seen: list[str] = []
        ready, done = threading.Event(), threading.Event()

        async def read() -> None:
            async with fastws.market_data(exchange.emulator.stream_url) as market:
                await market.trades(
                    "BTCUSDT",
                    on_event=lambda event: (seen.append(threading.current_thread().name), done.set()),
                )
                ready.set()
                await asyncio.to_thread(done.wait, 5)

        thread = threading.Thread(target=lambda: asyncio.run(read()), name="market")
        thread.start()
        await asyncio.to_thread(ready.wait, 5)
        await exchange.buy()
        await asyncio.to_thread(thread.join, 5)
        assert seen
        assert set(seen) == {"market"}
