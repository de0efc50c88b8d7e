"""The market data streams of the emulator, read by a client that knows nothing of fastws (STREAMS.md, A to G, J)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

import fastws
from fastws.emulator import Emulator, ManualClock
from fastws.sbe import Schema
from helpers.support import in_loop


@contextlib.asynccontextmanager
async def trading(**options: Any) -> AsyncIterator[tuple[Emulator, fastws.Client]]:
    async with Emulator(**{"clock": ManualClock(), **options}) as exchange:
        key = exchange.add_account("Ed25519")
        signer = fastws.load_signer(key.api_key, private_key=key.private_key)
        async with fastws.connect(exchange.url, signer=signer) as client:
            yield exchange, client


async def buy(client: fastws.Client, quantity: str = "0.01") -> None:
    await client.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=quantity)


def connect(url: str, path: str = "/stream", **options: Any) -> Any:
    return websockets.connect(url + path, proxy=None, **options)


async def receive(socket: Any) -> Any:
    message = await asyncio.wait_for(socket.recv(), 5)
    return json.loads(message) if isinstance(message, str) else message


async def ask(socket: Any, method: str, params: Any = None, request_id: Any = 1) -> Any:
    request = {"method": method, "id": request_id} | ({} if params is None else {"params": params})
    await socket.send(json.dumps(request))
    return await receive(socket)


@pytest.mark.parametrize(
    ("path", "combined"), [("/ws", False), ("/ws/btcusdt@trade", False), ("/stream", True)]
)
@in_loop
async def test_the_path_chooses_the_property_combined(path, combined):
    """STREAMS 8, 15, 39, 43, 54, 55, 100"""
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        assert await ask(socket, "GET_PROPERTY", ["combined"]) == {"result": combined, "id": 1}
        assert await ask(socket, "SUBSCRIBE", ["btcusdt@trade"], 2) == {"result": None, "id": 2}
        await buy(client)
        event = await receive(socket)
        assert ("stream" in event) == combined
        assert (event["data"] if combined else event)["e"] == "trade"


@in_loop
async def test_streams_of_the_url_and_the_unit_of_time():
    """STREAMS 8, 13, 54, 56, 58"""
    path = "/stream?streams=btcusdt@trade/btcusdt@bookTicker&timeUnit=MICROSECOND"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await buy(client)
        first, second = await receive(socket), await receive(socket)
        assert (first["stream"], second["stream"]) == ("btcusdt@trade", "btcusdt@bookTicker")
        assert first["data"]["E"] == exchange.core.clock.now_us()
        assert list(first["data"]) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
        assert list(second["data"]) == ["u", "s", "b", "B", "a", "A"]
        best = await client.ticker_book(symbol="BTCUSDT")
        assert second["data"]["a"] == best["askPrice"]


@in_loop
async def test_diffs_lead_from_one_snapshot_to_the_next():
    """STREAMS 84, 85, 86"""
    path = "/stream?streams=btcusdt@depth@100ms"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        before = await client.depth(symbol="BTCUSDT", limit=5000)
        book = {side: dict(before[side]) for side in ("bids", "asks")}
        last = before["lastUpdateId"]
        for _ in range(3):
            await buy(client, "0.3")
            exchange.core.clock.advance(0.1)
            diff = (await receive(socket))["data"]
            assert diff["U"] == last + 1
            last = diff["u"]
            for side, letter in (("bids", "b"), ("asks", "a")):
                for price, quantity in diff[letter]:
                    book[side][price] = quantity
                    if float(quantity) == 0:
                        del book[side][price]
        after = await client.depth(symbol="BTCUSDT", limit=5000)
        assert after["lastUpdateId"] == last
        assert {side: dict(after[side]) for side in book} == book


@in_loop
async def test_control_requests_and_their_errors():
    """STREAMS 39, 40, 41, 45, 46, 47"""
    async with (
        trading(enforce_limits=False) as (exchange, _),
        connect(exchange.stream_url, "/ws/btcusdt@trade") as socket,
    ):
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == {"result": ["btcusdt@trade"], "id": 1}
        assert await ask(socket, "UNSUBSCRIBE", ["btcusdt@trade"], "a1") == {"result": None, "id": "a1"}
        uuid = "f73c1efd-648a-4d37-ad69-9dca8d0c8d16"  # as Binance's own SDK sends
        assert await ask(socket, "LIST_SUBSCRIPTIONS", None, uuid) == {"result": [], "id": uuid}
        assert await ask(socket, "SUBSCRIBE", [""]) == {
            "code": 2,
            "msg": "Invalid request: streams must have non-zero length",
            "id": 1,
        }
        assert (await ask(socket, "SET_PROPERTY", ["other", True]))["code"] == 0
        assert (await ask(socket, "SET_PROPERTY", ["combined", 1]))["code"] == 1
        await socket.send("{")
        error = await receive(socket)
        assert error["code"] == 3
        assert "id" not in error


@in_loop
async def test_errors_as_they_were_seen():
    """STREAMS 46"""
    async with trading(nested_stream_errors=True) as (exchange, _), connect(exchange.stream_url) as socket:
        assert (await ask(socket, "SUBSCRIBE", [])) == {
            "error": {"code": 2, "msg": "Invalid request: streams must have non-zero length"},
            "id": 1,
        }


@in_loop
async def test_too_many_streams():
    """STREAMS 30, 31"""
    async with trading() as (exchange, _), connect(exchange.stream_url) as socket:
        names = [f"s{n}@trade" for n in range(1024)]
        assert (await ask(socket, "SUBSCRIBE", names))["result"] is None
        assert (await ask(socket, "SUBSCRIBE", ["btcusdt@trade"]))["code"] == 4
        assert len((await ask(socket, "LIST_SUBSCRIPTIONS"))["result"]) == 1024


@in_loop
async def test_a_sixth_message_in_a_second_closes():
    """STREAMS 26, 28"""
    async with trading() as (exchange, _), connect(exchange.stream_url) as socket:
        for _ in range(5):
            await ask(socket, "LIST_SUBSCRIPTIONS")
        assert socket.close_code is None
        await socket.ping()
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert (socket.close_code, socket.close_reason) == (1008, "Too many requests")


@in_loop
async def test_sbe():
    """STREAMS 8, 22, 24, 37, 62"""
    schema = Schema.bundled("stream")
    async with trading() as (exchange, client):
        key = exchange.add_account("Ed25519").api_key
        path = "/ws/btcusdt@trade/btcusdt@bestBidAsk/btcusdt@depth/btcusdt@depth20"
        async with connect(exchange.sbe_stream_url, path, additional_headers={"X-MBX-APIKEY": key}) as socket:
            assert len((await ask(socket, "LIST_SUBSCRIPTIONS"))["result"]) == 4
            await buy(client)
            trade = schema.decode_native(await receive(socket))
            assert [row["qty"] for row in trade["trades"]] == [1000000]
            best = schema.decode_native(await receive(socket))
            ticker = await client.ticker_book(symbol="BTCUSDT")
            assert best["askPrice"] == round(float(ticker["askPrice"]) * 10**8)
            exchange.core.clock.advance(0.05)
            kinds = [schema.decode_native(await receive(socket)) for _ in range(2)]
            diff, whole = sorted(kinds, key=lambda message: "bookUpdateId" in message)
            assert diff["firstBookUpdateId"] <= diff["lastBookUpdateId"] == whole["bookUpdateId"]
            assert len(whole["bids"]) == 20
            exchange.connections  # noqa: B018  those of the WebSocket API
            exchange.stream_connections[0].shutdown(None)
            assert (await receive(socket))["e"] == "serverShutdown"


@pytest.mark.parametrize(("key_type", "said"), [(None, "No X-MBX-APIKEY header"), ("HMAC", "Only Ed25519")])
@in_loop
async def test_sbe_needs_an_ed25519_key(key_type, said):
    """STREAMS 17, 18, 19"""
    async with trading() as (exchange, _):
        headers = {} if key_type is None else {"X-MBX-APIKEY": exchange.add_account(key_type).api_key}
        with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
            async with connect(exchange.sbe_stream_url, additional_headers=headers):
                pass
        assert caught.value.response.status_code == 400
        assert said in caught.value.response.body.decode()


@in_loop
async def test_server_shutdown_and_age_in_json():
    """STREAMS 35, 37"""
    async with trading() as (exchange, _), connect(exchange.stream_url) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.stream_connections[0].shutdown(None)
        event = await receive(socket)
        assert event["stream"] == "!serverShutdown"
        assert event["data"] == {"e": "serverShutdown", "E": exchange.core.clock.now_us() // 1000}
        exchange.core.clock.advance(86_400)
        await asyncio.wait_for(socket.wait_closed(), 5)


@in_loop
async def test_faults_of_events_and_control_requests():
    """STREAMS 52, 83, 102"""
    path = "/stream?streams=btcusdt@depth@100ms"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        faults = exchange.stream_faults

        async def diff() -> dict[str, Any]:
            event: dict[str, Any] = (await receive(socket))["data"]
            return event

        async def move() -> None:
            await buy(client)
            exchange.core.clock.advance(0.1)

        await move()
        first = await diff()
        faults.add("drop_event", "depth")
        await move()
        await move()
        second = await diff()
        assert second["U"] > first["u"] + 1
        faults.add("join_event", "depth")
        await move()
        await move()
        third = await diff()
        assert third["U"] == second["u"] + 1
        assert third["u"] > third["U"]
        faults.add("duplicate_event", "depth")
        await move()
        assert await diff() == await diff()
        faults.add("stray_event", "depth", data='{"x":1}')
        await move()
        assert await receive(socket) == {"x": 1}
        await diff()
        faults.add("error", "SUBSCRIBE", code=2, msg="Invalid request: no")
        assert await ask(socket, "SUBSCRIBE", ["btcusdt@trade"]) == {
            "code": 2,
            "msg": "Invalid request: no",
            "id": 1,
        }
        faults.add("delay", "SUBSCRIBE", seconds=0.05)
        await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":5}')
        while "btcusdt@trade" not in str(await ask(socket, "LIST_SUBSCRIPTIONS")):
            pass
        await buy(client)
        assert (await receive(socket))["stream"] == "btcusdt@trade"
        assert await receive(socket) == {"result": None, "id": 5}


@pytest.mark.parametrize("name", ["!ticker@arr", "btcusdt@depth@0ms", "BTCUSDT@trade", "nosuch@trade", "x"])
@in_loop
async def test_a_name_of_no_stream_is_accepted_and_silent(name):
    """STREAMS 49, 50, 60, 61"""
    async with trading() as (exchange, client), connect(exchange.stream_url) as socket:
        assert await ask(socket, "SUBSCRIBE", [name]) == {"result": None, "id": 1}
        await buy(client)
        exchange.core.clock.advance(2)
        assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == [name]


@in_loop
async def test_a_kline_that_ends_is_closed():
    """STREAMS 56, 57"""
    path = "/stream?streams=btcusdt@kline_1m/btcusdt@kline_1d@+08:00"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.core.clock.advance(2)
        for _ in range(2):
            event = (await receive(socket))["data"]
            assert event["k"]["x"] is False
        exchange.core.clock.advance(60)
        found = [(await receive(socket))["data"]["k"] for _ in range(3)]
        assert [kline["x"] for kline in found if kline["i"] == "1m"] == [True, False]
        rows = await client.klines(symbol="BTCUSDT", interval="1m", limit=2)
        closed = next(kline for kline in found if kline["x"])
        assert [closed[k] for k in "tohlcvTqnVQ"] == rows[0][:11]


@in_loop
async def test_a_stream_without_receivers_costs_no_timer():
    async with trading() as (exchange, _):
        before = len(exchange.core.clock._periodic)
        async with connect(exchange.stream_url, "/ws/btcusdt@depth") as socket:
            await ask(socket, "LIST_SUBSCRIPTIONS")
            assert len(exchange.core.clock._periodic) == before + 1
            await ask(socket, "UNSUBSCRIBE", ["btcusdt@depth"])
            exchange.core.clock.advance(2)
            assert len(exchange.core.clock._periodic) == before


@in_loop
async def test_a_block_trade_by_hand():
    """STREAMS 56"""
    path = "/stream?streams=btcusdt@blockTrade"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.add_block_trade("BTCUSDT", "50000.5", "12")
        event = (await receive(socket))["data"]
        assert list(event) == ["e", "E", "s", "t", "p", "q", "T", "m"]
        row = (await client.block_trades_historical(symbol="BTCUSDT", fromId=event["t"]))[-1]
        assert (row["id"], row["price"], row["qty"]) == (event["t"], event["p"], event["q"])
        with pytest.raises(ValueError, match="there is no symbol"):
            exchange.add_block_trade("X", "1", "1")
        with pytest.raises(ValueError, match="quantity is a decimal above 0"):
            exchange.add_block_trade("BTCUSDT", "1", "0")


@in_loop
async def test_events_behind_a_delayed_one_wait_for_it():
    path = "/stream?streams=btcusdt@bookTicker"
    async with trading() as (exchange, client), connect(exchange.stream_url, path) as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.stream_faults.add("delay_event", "btcusdt@bookTicker", seconds=0.05)
        await buy(client)
        await buy(client)
        first, second = await receive(socket), await receive(socket)
        assert first["data"]["u"] < second["data"]["u"]


@in_loop
async def test_one_connection_lags():
    path = "/stream?streams=btcusdt@trade"
    async with (
        trading() as (exchange, client),
        connect(exchange.stream_url, path) as slow,
        connect(exchange.stream_url, path) as quick,
    ):
        await ask(slow, "LIST_SUBSCRIPTIONS")
        await ask(quick, "LIST_SUBSCRIPTIONS")
        lagging = exchange.stream_connections.pick("oldest")
        assert lagging.streams == ("btcusdt@trade",)
        lagging.event_delay = 0.1
        await buy(client)
        event = await receive(quick)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(slow.recv(), 0.02)
        assert await receive(slow) == event


@in_loop
async def test_the_reply_after_the_first_event():
    """STREAMS 52, 53, 102"""
    async with trading() as (exchange, client), connect(exchange.stream_url) as socket:
        exchange.stream_faults.add("late_reply", "SUBSCRIBE", seconds=5)
        await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7}')
        record = await exchange.journal.wait_for(method="SUBSCRIBE")
        assert record.params == {"params": ["btcusdt@trade"]}
        await buy(client)
        assert (await receive(socket))["stream"] == "btcusdt@trade"
        assert await receive(socket) == {"result": None, "id": 7}
        assert record.reply_sent


@pytest.mark.parametrize(
    ("fault", "details"),
    [("split", {"size": 3}), ("fragment", {"size": 3}), ("hold", {"seconds": 0.01}), ("revoke", {})],
)
@in_loop
async def test_faults_of_requests_act_on_control_requests(fault, details):
    async with trading() as (exchange, _), connect(exchange.stream_url) as socket:
        exchange.stream_faults.add(fault, "LIST_SUBSCRIPTIONS", **details)
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}


@in_loop
async def test_best_bids_and_asks_in_sbe_are_culled_while_the_client_does_not_read():
    """STREAMS 64, 102"""
    schema = Schema.bundled("stream")
    async with trading() as (exchange, client):
        key = exchange.add_account("Ed25519").api_key
        headers = {"X-MBX-APIKEY": key}
        async with connect(
            exchange.sbe_stream_url, "/ws/btcusdt@bestBidAsk", additional_headers=headers
        ) as socket:
            await ask(socket, "LIST_SUBSCRIPTIONS")
            [connection] = exchange._stream_services.connections.values()
            connection.pause_writing()
            for _ in range(3):
                await buy(client)
            connection.resume_writing()
            newest = schema.decode_native(await receive(socket))
            assert newest["bookUpdateId"] == (await client.depth(symbol="BTCUSDT"))["lastUpdateId"]
            await buy(client)
            assert schema.decode_native(await receive(socket))["bookUpdateId"] > newest["bookUpdateId"]
