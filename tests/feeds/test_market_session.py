"""A session of market data on the embedded exchange: opening, subscribing, losses, rotations, closing."""

from __future__ import annotations

import asyncio
import gc
import pickle

import pytest

import fastws
from helpers.feeding import cut, exchanging, marketing, next_of, nothing_left, session
from helpers.losing import until
from helpers.support import in_loop


@in_loop
async def test_events_of_several_streams_come_in_the_order_of_the_wire():
    async with marketing() as (exchange, market):
        subscription = await market.subscribe("btcusdt@trade", "btcusdt@bookTicker")
        assert subscription.streams == ("btcusdt@trade", "btcusdt@bookTicker")
        await exchange.buy()
        trade = await next_of(subscription)
        assert (subscription.stream, subscription.connection) == ("btcusdt@trade", 1)
        assert (trade["e"], trade["s"], trade["q"]) == ("trade", "BTCUSDT", "0.00100000")
        assert subscription.received_at > 0
        top = await next_of(subscription)
        assert subscription.stream == "btcusdt@bookTicker"
        assert list(top) == ["u", "s", "b", "B", "a", "A"]


@in_loop
async def test_on_event_is_called_with_each_event():
    async with marketing() as (exchange, market):
        seen = []
        subscription = await market.trades("BTCUSDT", on_event=seen.append)
        await exchange.buy()
        await until(lambda: seen)
        assert seen[0]["e"] == "trade"
        with pytest.raises(fastws.InvalidRequest, match="go to its on_event"):
            await anext(subscription)


@in_loop
async def test_two_subscriptions_of_a_stream_share_it_and_the_last_one_ends_it_at_the_exchange():
    async with marketing() as (exchange, market):
        one, two = await asyncio.gather(market.trades("BTCUSDT"), market.trades("btcusdt"))
        assert exchange.carried() == [{"btcusdt@trade"}]
        await exchange.buy()
        assert await next_of(one) == await next_of(two)
        await one.unsubscribe()
        assert exchange.carried() == [{"btcusdt@trade"}]
        assert one.reason == "unsubscribed"
        assert not one.active
        with pytest.raises(StopAsyncIteration):
            await anext(one)
        await exchange.buy()
        await next_of(two)
        await two.unsubscribe()
        assert exchange.carried() == [set()]
        assert market.streams == ()
        again = await market.trades("BTCUSDT")
        await exchange.buy()
        assert (await next_of(again))["e"] == "trade"


@in_loop
async def test_a_subscription_that_nothing_refers_to_is_ended():
    async with marketing() as (exchange, market):
        await market.trades("BTCUSDT")
        gc.collect()
        await until(lambda: exchange.carried() == [set()])


@in_loop
async def test_a_loss_is_a_gap_in_its_place_and_all_is_subscribed_again():
    gaps = []
    async with marketing(on_gap=gaps.append) as (exchange, market):
        subscription = await market.subscribe("btcusdt@trade", "btcusdt@bookTicker")
        other = await market.trades("ETHUSDT")
        await exchange.buy()
        await next_of(subscription, "trade")
        await next_of(subscription)
        cut(market)
        with pytest.raises(fastws.EventGap, match="btcusdt@trade, btcusdt@bookTicker") as raised:
            await next_of(subscription)
        assert raised.value.gap.streams == ("btcusdt@trade", "btcusdt@bookTicker")
        with pytest.raises(fastws.EventGap, match="ethusdt@trade"):
            await next_of(other)
        [gap] = gaps
        assert gap.streams == ("btcusdt@bookTicker", "btcusdt@trade", "ethusdt@trade")
        assert gap.symbols == ("BTCUSDT", "ETHUSDT")
        await market.wait_open(5)
        assert exchange.carried()[-1] == {"btcusdt@trade", "btcusdt@bookTicker", "ethusdt@trade"}
        await exchange.buy()
        assert (await next_of(subscription))["e"] == "trade"
        assert subscription.connection == 2
        assert (market.stats["losses"], market.stats["gaps"]) == (1, 1)


@in_loop
async def test_a_rotation_has_no_gap_and_no_event_comes_twice():
    gaps = []
    async with marketing(on_gap=gaps.append) as (exchange, market):
        subscription = await market.trades("BTCUSDT")
        rotating = asyncio.ensure_future(market.rotate())
        ids = []
        while not rotating.done():
            await exchange.buy()
            ids.append((await next_of(subscription))["t"])
            await asyncio.sleep(0.02)  # an order at a time
        await rotating
        await exchange.buy()
        ids.append((await next_of(subscription))["t"])
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert subscription.connection == 2
        assert not gaps
        assert market.stats["rotations"] == 1
        assert market.stats["duplicates"] > 0


@in_loop
async def test_a_notice_of_the_exchange_begins_a_rotation_at_once():
    async with marketing() as (exchange, market):
        subscription = await market.trades("BTCUSDT")
        exchange.emulator.shutdown_notice()
        await until(lambda: market.stats["rotations"] == 1)
        await exchange.buy()
        assert (await next_of(subscription))["e"] == "trade"
        await until(lambda: market.state == "open")


@in_loop
async def test_a_session_of_many_streams_opens_another_connection_and_closes_it_when_it_is_empty(monkeypatch):
    monkeypatch.setattr("fastws.feeds.shard.MOST_STREAMS", 3)
    async with marketing() as (exchange, market):
        first = await market.subscribe("btcusdt@trade", "ethusdt@trade")
        more = await market.subscribe("btcusdt@bookTicker", "ethusdt@bookTicker", "bnbbtc@bookTicker")
        assert exchange.carried() == [
            {"btcusdt@trade", "ethusdt@trade", "btcusdt@bookTicker"},
            {"ethusdt@bookTicker", "bnbbtc@bookTicker"},
        ]
        await exchange.buy(symbol="ETHUSDT", quantity="0.01")
        assert (await next_of(first))["s"] == "ETHUSDT"
        assert (await next_of(more))["s"] == "ETHUSDT"
        assert len(market.stats["connections"]) == 2
        await more.unsubscribe()
        await until(lambda: len(exchange.carried()) == 1)
        assert len(market.stats["connections"]) == 1
        assert market.state == "open"


@in_loop
async def test_a_refused_subscribe_is_the_error_of_that_one_only():
    async with marketing() as (exchange, market):
        exchange.emulator.stream_faults.add("error", "SUBSCRIBE", code=2, msg="Invalid request: no", times=2)
        results = await asyncio.gather(
            market.trades("BTCUSDT"), market.quotes("ETHUSDT"), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, fastws.ApiError)]
        taken = [result for result in results if not isinstance(result, BaseException)]
        assert len(refused) == len(taken) == 1
        assert refused[0].code == 2
        assert "Invalid request: no" in str(refused[0])
        assert exchange.carried() == [set(taken[0].streams)]
        assert market.streams == taken[0].streams


@in_loop
async def test_conflate_keeps_the_newest_event_of_each_stream():
    async with marketing() as (exchange, market):
        quotes = await market.quotes("BTCUSDT", conflate=True)
        every = await market.quotes("BTCUSDT")
        for _ in range(3):
            await exchange.buy("0.01")
        tops = [await next_of(every) for _ in range(3)]
        assert await next_of(quotes) == tops[-1]
        assert (quotes.skipped, quotes.buffered, quotes.events) == (2, 0, 3)


@in_loop
async def test_what_cannot_be_conflated_is_refused():
    async with marketing() as (_, market):
        with pytest.raises(fastws.InvalidRequest, match=r'did you mean market\.book\("BTCUSDT"\)'):
            await market.subscribe("btcusdt@depth@100ms", conflate=True)
        with pytest.raises(fastws.InvalidRequest, match="take them all"):
            await market.subscribe("btcusdt@trade", conflate=True)


@in_loop
async def test_close_ends_subscriptions_and_leaves_nothing_open():
    async with exchanging() as exchange:
        before = asyncio.all_tasks()
        market = await session(exchange.emulator.stream_url)
        subscription = await market.trades("BTCUSDT")
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        await asyncio.gather(market.close(), market.close())
        with pytest.raises(StopAsyncIteration):
            await waiting
        nothing_left(market)
        assert asyncio.all_tasks() <= before
        assert await market.wait_closed() == "the market data session was closed"
        with pytest.raises(fastws.NotConnected, match="closed"):
            await market.trades("BTCUSDT")
        with pytest.raises(fastws.InvalidRequest, match="opened before"):
            await market
        await market.close()


@in_loop
async def test_states_are_told_and_waited_for():
    steps = []
    async with marketing(on_state=lambda old, new, reason: steps.append((old, new))) as (exchange, market):
        assert steps == [("new", "connecting"), ("connecting", "open")]
        assert market.connected
        port = exchange.emulator.stream_ports[0]
        exchange.emulator.listen(port, False)  # it stays without a connection for as long as the test looks
        cut(market)
        await until(lambda: not market.connected)
        with pytest.raises(fastws.NotConnected):
            await market.trades("BTCUSDT")
        assert steps[2] == ("open", "connecting")
        exchange.emulator.listen(port)
        await market.wait_open(5)
        assert steps[-1] == ("connecting", "open")
    assert steps[-2:] == [("open", "closing"), ("closing", "closed")]


@in_loop
async def test_without_reconnect_a_loss_closes_the_session():
    async with exchanging() as exchange:
        market = await session(exchange.emulator.stream_url, reconnect=False)
        subscription = await market.trades("BTCUSDT")
        cut(market)
        with pytest.raises(fastws.ConnectionLost):
            await next_of(subscription)
        assert "lost" in await market.wait_closed()
        assert isinstance(market.error, fastws.ConnectionLost)
        nothing_left(market)


@in_loop
async def test_an_opening_that_fails_says_why_and_leaves_nothing():
    before = asyncio.all_tasks()
    market = fastws.market_data("ws://127.0.0.1:1", connect_timeout=1)
    with pytest.raises(fastws.NotConnected, match="connection refused"):
        await market
    nothing_left(market)
    assert asyncio.all_tasks() <= before


@in_loop
async def test_calls_from_elsewhere_raise():
    async with marketing() as (_, market):
        with pytest.raises(RuntimeError, match="another thread"):
            await asyncio.to_thread(lambda: asyncio.run(market.trades("BTCUSDT")))
        with pytest.raises(TypeError, match="cannot be copied"):
            pickle.dumps(market)


@in_loop
async def test_an_unclosed_session_warns():
    async with exchanging() as exchange:
        market = await session(exchange.emulator.stream_url)
        with pytest.warns(ResourceWarning, match="unclosed <fastws.MarketData ws://"):
            market.__del__()
        assert "open, 0 streams" in repr(market)
        await market.close()


@in_loop
async def test_nothing_is_sent_for_names_that_are_wrong():
    async with marketing() as (exchange, market):
        for names, match in (
            ((), "expected one or more"),
            (("btcusdt@trad",), 'did you mean "btcusdt@trade"'),
            (("btcusdt @trade",), "space"),
            (("BTCUSDT@trade",), 'did you mean "btcusdt@trade"'),
            ((7,), "expected a name"),
            (("!ticker@arr",), "retired"),
        ):
            with pytest.raises(fastws.InvalidRequest, match=match):
                await market.subscribe(*names)
        assert exchange.carried() == [set()]
        assert market.streams == ()
