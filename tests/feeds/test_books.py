"""Order books of a market session at the embedded exchange: they equal ``depth``, or they say that they do not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator, Limits
from fastws.errors import InvalidRequest
from fastws.feeds.api import market_data
from helpers.crowd import SYMBOL, a_market, awaited, until
from helpers.proxy import Proxy


def an_exchange(**options: Any) -> Emulator:
    return Emulator(enforce_limits=False, limits=Limits(request_weight=10**8), **options)


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("connections", [1, 2])
@awaited
async def test_books_equal_depth_at_every_limit(sbe: bool, connections: int) -> None:
    async with an_exchange() as exchange, a_market(exchange, sbe, connections=connections) as (market, crowd):
        books = [
            await market.book(SYMBOL, depth=depth, on_change=crowd.look) for depth in (5, 20, 100, 1000, 5000)
        ]
        for _ in range(3):
            await crowd.act(10)
            await crowd.compare(*books)
        assert crowd.compared > 0
        assert market.stats["books_live"] == 5


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize(
    "fault",
    [
        ("drop_event", {"chance": 0.3}),
        ("duplicate_event", {"chance": 0.5}),
        ("join_event", {"chance": 0.5, "connection": "oldest"}),
        ("delay_event", {"chance": 0.5, "seconds": 0.03, "connection": "oldest"}),
        ("stray_event", {"chance": 0.5}),
        ("stray_event", {"chance": 0.5, "data": "not JSON"}),
    ],
    ids=lambda fault: fault[0],
)
@awaited
async def test_a_book_survives_faults(sbe: bool, connections: int, fault: Any) -> None:
    kind, details = fault
    async with an_exchange() as exchange, a_market(exchange, sbe, connections=connections) as (market, crowd):
        book = await market.book(SYMBOL, on_change=crowd.look)
        exchange.stream_faults.add(kind, "depth", times=0, **details)
        for _ in range(4):
            await crowd.act(5)
            await asyncio.sleep(0.05)  # in JSON, a diff has what changed in 100 ms
        exchange.stream_faults.clear()
        await crowd.act(2)
        await crowd.compare(book)


@awaited
async def test_a_missing_diff_makes_it_stale_and_a_new_snapshot_live() -> None:
    async with an_exchange() as exchange, a_market(exchange) as (market, crowd):
        steps: list[tuple[str, str, str]] = []
        book = await market.book(SYMBOL, on_state=lambda book, *step: steps.append(step))
        steps.clear()
        await crowd.act(1)
        await crowd.compare(book)
        exchange.stream_faults.add("drop_event", "depth")
        await crowd.act(1)
        await asyncio.sleep(0.15)
        await crowd.act(1)
        await crowd.compare(book)
        assert [step[:2] for step in steps] == [("live", "stale"), ("stale", "syncing"), ("syncing", "live")]
        assert steps[0][2].endswith("are missing")
        assert (book.stats["gaps"], book.stats["snapshots"]) == (1, 2)


@awaited
async def test_what_one_connection_lacks_the_other_has() -> None:
    async with an_exchange() as exchange, a_market(exchange, connections=2) as (market, crowd):
        book = await market.book(SYMBOL, on_change=crowd.look)
        await crowd.compare(book)
        exchange.stream_faults.add("drop_event", "depth", times=0, chance=0.5, connection="oldest")
        for _ in range(4):
            await crowd.act(3)
            await asyncio.sleep(0.1)
        await crowd.compare(book)
        assert (book.stats["gaps"], book.stats["snapshots"]) == (0, 1)


@awaited
async def test_a_late_snapshot_is_not_taken() -> None:
    async with an_exchange(query_lag=0.3) as exchange, a_market(exchange) as (market, crowd):
        await crowd.act(3)
        opening = asyncio.ensure_future(market.book(SYMBOL, on_change=crowd.look))
        for _ in range(8):
            await crowd.act(1)
        book = await opening
        await asyncio.sleep(0.4)
        await crowd.compare(book)


@pytest.mark.parametrize("sbe", [False, True])
@awaited
async def test_after_a_loss_the_book_is_stale_and_then_right(sbe: bool) -> None:
    async with an_exchange() as exchange, a_market(exchange, sbe) as (market, crowd):
        states: list[str] = []
        book = await market.book(SYMBOL, on_change=crowd.look, on_state=lambda *step: states.append(step[2]))
        await crowd.act(2)
        for connection in list(exchange.stream_connections):
            connection.abort()
        await crowd.act(3)
        await crowd.compare(book)
        assert "stale" in states


@awaited
async def test_a_silent_connection_makes_a_book_stale_within_its_second() -> None:
    async with (
        an_exchange() as exchange,
        Proxy(exchange.stream_url) as proxy,
        a_market(exchange, url=proxy.url) as (market, crowd),
    ):
        book = await market.book(SYMBOL)
        release = proxy.hold("in")
        await until(lambda: book.state != "live")
        assert book.reason.startswith("nothing came for 1.")
        assert await _next_top(book) == "stale"
        release()
        await book.wait_live(3)
        await crowd.act(1)
        await crowd.compare(book)


async def _next_top(book: Any) -> str:
    async for top in book.tops():
        return str(top.state)
    return "ended"


@awaited
async def test_a_quiet_book_stays_live() -> None:
    async with an_exchange() as exchange, a_market(exchange) as (market, _):
        states: list[str] = []
        book = await market.book(SYMBOL, on_state=lambda *step: states.append(step[2]))
        await asyncio.sleep(1.8)
        assert (book.state, states[-1:]) == ("live", ["live"])


@awaited
async def test_events_behind_the_exchanges_clock_make_it_stale() -> None:
    async with an_exchange(event_delay=0.0) as exchange, a_market(exchange) as (market, crowd):
        book = await market.book(SYMBOL, max_lag=0.3)
        await crowd.act(1)
        await crowd.compare(book)
        assert book.lag is not None
        assert abs(book.lag) < 0.3
        exchange.stream_faults.add("delay_event", "depth", seconds=0.7)
        await crowd.act(1)
        await until(lambda: book.state != "live")
        assert "behind the exchange's clock: more than max_lag" in book.reason
        await asyncio.sleep(0.1)
        await crowd.act(1)
        await book.wait_live(3)


@awaited
async def test_books_of_a_symbol_share_and_end_alone() -> None:
    async with an_exchange() as exchange, a_market(exchange) as (market, crowd):
        first = await market.book(SYMBOL)
        second = await market.book(SYMBOL, stale_ok=True)
        assert market.stats["snapshots"] == 1
        await first.close()
        with pytest.raises(fastws.BookNotLive, match="is closed: it was closed"):
            first.bid  # noqa: B018
        await crowd.act(1)
        await crowd.compare(second)
        await second.close()
        assert (market.stats["books"], market.streams) == (0, ())


@awaited
async def test_closing_the_market_closes_its_books() -> None:
    async with an_exchange() as exchange:
        async with a_market(exchange) as (market, _):
            book = await market.book(SYMBOL)
            waiting = asyncio.ensure_future(_last_top(book))
            await asyncio.sleep(0)
        assert await waiting == "closed"
        with pytest.raises(fastws.BookNotLive, match="the market data session was closed"):
            await book.wait_live(1)


async def _last_top(book: Any) -> str:
    state = ""
    async for top in book.tops():
        state = top.state
    return str(state)


@awaited
async def test_a_client_that_is_given_stays_open() -> None:
    async with an_exchange() as exchange, fastws.connect(exchange.url) as client:
        async with market_data(exchange.stream_url, snapshots=client) as market:
            book = await market.book(SYMBOL)
            assert book.state == "live"
        assert client.connected


@awaited
async def test_wrong_arguments_are_named() -> None:
    async with an_exchange() as exchange, market_data(exchange.stream_url) as market:
        with pytest.raises(InvalidRequest, match="snapshots is missing: the endpoint is a URL of streams"):
            await market.book(SYMBOL)
        for option, value, said in (
            ("depth", 0, "depth: expected a number of levels from 1 to 5000, got 0"),
            ("depth", 5001, "depth: expected"),
            ("depth", True, "depth: expected"),
            ("max_lag", 0, "max_lag: expected seconds above 0, got 0"),
            ("stale_ok", 1, "stale_ok: expected True or False, got 1"),
            ("snapshots", 5, "snapshots: expected a client, an endpoint or a URL, got 5"),
            ("on_change", 5, "on_change"),
        ):
            with pytest.raises(InvalidRequest, match=said):
                await market.book(SYMBOL, **{"snapshots": exchange.url, option: value})
        assert market.streams == ()


@awaited
async def test_a_symbol_that_does_not_exist_is_refused() -> None:
    async with an_exchange() as exchange, a_market(exchange) as (market, _):
        with pytest.raises(fastws.BadRequest, match="-1121"):
            await market.book("NOSUCHCOIN")
        assert (market.stats["books"], market.streams) == (0, ())


@awaited
async def test_snapshots_provoke_no_429() -> None:
    """12 books at 50 of a weight of 300 a minute: five come at once, the others say what they wait for."""
    limits = Limits(request_weight=300)
    async with (
        Emulator(limits=limits) as exchange,
        market_data(exchange.stream_url, snapshots=exchange.url) as market,
    ):
        names = list(exchange.core.engine.books)
        books = [await market.book(names[i % len(names)], depth=1000 - i, wait=False) for i in range(12)]
        await until(lambda: sum(book.state == "live" for book in books) >= 3)
        await asyncio.sleep(1.2)
        waiting = [book for book in books if book.state != "live"]
        assert len(waiting) >= 6
        assert "the weight of requests in a minute is limited" in waiting[-1].reason
        assert market.stats["snapshots_waiting"] == len(waiting)
        assert all(record.status != 429 for record in exchange.journal if hasattr(record, "status"))
