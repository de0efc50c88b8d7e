"""Connections of market data streams: their limits, their life, their control requests, as STREAMS.md has them."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets

from fastws.emulator import Emulator, Limits, ManualClock
from fastws.sbe import Schema
from helpers.support import in_loop

from .test_market_streams import ask, buy, connect, receive, trading


@in_loop
async def test_pings_and_the_answer_to_them():
    """STREAMS 33, 34"""
    async with (
        trading(ping_interval=0.02, pong_timeout=0.2, clock=None) as (exchange, _),
        connect(exchange.stream_url) as socket,
    ):
        await ask(socket, "LIST_SUBSCRIPTIONS")
        await socket.pong(b"")  # an unsolicited one changes nothing
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        exchange.core.enforce_limits = False  # more than 5 pongs in a second
        await asyncio.sleep(0.3)
        assert socket.close_code is None
        connection = exchange.stream_connections[0]
        connection.stall()
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert (socket.close_code, socket.close_reason) == (1008, "no pong")


@in_loop
async def test_attempts_to_connect_are_limited():
    """STREAMS 32"""
    async with trading(limits=Limits(connections=3)) as (exchange, _):
        for _ in range(3):
            async with connect(exchange.stream_url):
                pass
        with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
            async with connect(exchange.stream_url):
                pass
        assert caught.value.response.status_code == 429
        exchange.core.clock.advance(300)
        async with connect(exchange.stream_url):
            pass


@in_loop
async def test_events_of_the_server_do_not_count():
    """STREAMS 26, 27, 28: neither do those of other connections."""
    async with (
        trading() as (exchange, client),
        connect(exchange.stream_url, "/ws/btcusdt@trade") as socket,
        connect(exchange.stream_url) as other,
    ):
        for _ in range(5):
            await ask(socket, "LIST_SUBSCRIPTIONS")
            await ask(other, "LIST_SUBSCRIPTIONS")
        for _ in range(8):
            await buy(client)
            assert (await receive(socket))["e"] == "trade"
        await socket.pong()
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert (socket.close_code, socket.close_reason) == (1008, "Too many requests")
        assert other.close_code is None


@in_loop
async def test_a_connection_ends_after_24_hours():
    """STREAMS 35"""
    async with trading() as (exchange, _):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        for url in (exchange.stream_url, exchange.sbe_stream_url):
            async with connect(url, additional_headers=headers) as socket:
                await ask(socket, "LIST_SUBSCRIPTIONS")
                exchange.core.clock.advance(86_399)
                await ask(socket, "LIST_SUBSCRIPTIONS")
                exchange.core.clock.advance(1)
                await asyncio.wait_for(socket.wait_closed(), 5)


@pytest.mark.parametrize("service", ["/ws", "/stream", "sbe"])
@in_loop
async def test_server_shutdown_in_its_forms(service):
    """STREAMS 36, 37, 38"""
    async with trading() as (exchange, _):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        url = exchange.sbe_stream_url + "/stream" if service == "sbe" else exchange.stream_url + service
        async with connect(url, "", additional_headers=headers) as socket:
            await ask(socket, "LIST_SUBSCRIPTIONS")
            exchange.shutdown_notice(0.01, service="streams")
            now_us = exchange.core.clock.now_us()
            event = {"e": "serverShutdown", "E": now_us if service == "sbe" else now_us // 1000}
            wanted = {"stream": "!serverShutdown", "data": event} if service == "/stream" else event
            assert await receive(socket) == wanted
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code == 1001


@pytest.mark.parametrize(
    ("sent", "code", "text", "request_id"),
    [
        ('{"method":"SET_PROPERTY","params":["nosuch",true],"id":1}', 0, "Unknown property", 1),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean", 1),
        ('{"method":"GET_PROPERTY","params":[5],"id":1}', 2, "property name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "too many parameters", 1),
        ('{"method":"LIST_SUBSCRIPTIONS","x":1,"id":1}', 2, "too many parameters", 1),
        ('{"method":"NOSUCH","id":"a"}', 2, "unknown variant `NOSUCH`", "a"),
        ('{"id":9223372036854775807}', 2, "missing field `method`", 2**63 - 1),
        ('{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775808}', 2, "request ID", None),
        ('{"method":"LIST_SUBSCRIPTIONS","id":"a b"}', 2, "request ID", None),
        ('{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2, "params must be an array", 1),
        ('{"method":"SUBSCRIBE","params":[],"id":1}', 2, "streams must have non-zero length", 1),
        ("nonsense", 3, "Invalid JSON", None),
        ('["SUBSCRIBE"]', 3, "Invalid JSON", None),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
@in_loop
async def test_errors_of_control_requests(sent, code, text, request_id, nested):
    """STREAMS 44, 46, 47"""
    async with trading(nested_stream_errors=nested) as (exchange, _), connect(exchange.stream_url) as socket:
        await socket.send(sent)
        reply = await receive(socket)
        error = reply["error"] if nested else reply
        assert error["code"] == code
        assert text in error["msg"]
        assert reply.get("id") == request_id
        assert set(reply) == ({"error"} if nested else {"code", "msg"}) | (
            set() if request_id is None else {"id"}
        )
        record = exchange.journal[-1]
        assert (record.outcome, record.code, record.reply_sent) == ("rejected", code, True)


@pytest.mark.parametrize("request_id", [1, -(2**63), 2**63 - 1, "a" * 36, None])
@in_loop
async def test_ids_of_control_requests(request_id):
    """STREAMS 44, 45, 53"""
    async with trading() as (exchange, _), connect(exchange.stream_url) as socket:
        assert await ask(socket, "UNSUBSCRIBE", ["x"], request_id) == {"result": None, "id": request_id}


@in_loop
async def test_the_key_of_sbe_needs_no_permission():
    """STREAMS 12, 17, 18, 19, 23"""
    async with trading() as (exchange, _):
        key = exchange.add_account("Ed25519", permissions=()).api_key
        async with connect(exchange.sbe_stream_url, additional_headers={"X-MBX-APIKEY": key}) as socket:
            await ask(socket, "LIST_SUBSCRIPTIONS")
        exchange.revoke(key)
        for headers in ({"X-MBX-APIKEY": key}, {"X-MBX-APIKEY": "unknown"}, {}):
            with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
                async with connect(exchange.sbe_stream_url, additional_headers=headers):
                    pass
            assert caught.value.response.status_code == 400


@in_loop
async def test_combined_changes_nothing_in_sbe():
    """STREAMS 25, 42, 43"""
    schema = Schema.bundled("stream")
    async with trading() as (exchange, client):
        headers = {"X-MBX-APIKEY": exchange.add_account("Ed25519").api_key}
        path = "/ws/btcusdt@trade"
        async with connect(exchange.sbe_stream_url, path, additional_headers=headers) as socket:
            assert await ask(socket, "SET_PROPERTY", ["combined", True]) == {"result": None, "id": 1}
            assert await ask(socket, "GET_PROPERTY", ["combined"]) == {"result": True, "id": 1}
            await buy(client)
            assert schema.decode_native(await receive(socket))["symbol"] == "BTCUSDT"


@in_loop
async def test_what_a_manual_clock_allows():
    """STREAMS 26: the limit counts seconds of the machine, so a clock that stands still forbids nothing."""
    async with Emulator(clock=ManualClock()) as exchange, connect(exchange.stream_url) as socket:
        for _ in range(7):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
            await receive(socket)
            await asyncio.sleep(0.22)
        assert socket.close_code is None
