from __future__ import annotations

import asyncio
import json
import logging

import pytest

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.methods import general as general_methods
from fastws.emulator.methods.table import METHODS
from helpers.emulator.wire import limit_order, logged_on, now_ms, run, signed, wire

BAD_ID = (
    "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
)


@pytest.mark.parametrize("request_id", ["1", "-7", "12345678901234567890123", '"1"', '"a-b_C9"', "null"])
def test_ids_are_echoed_with_their_type(request_id):
    """SEMANTICS 13"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            await client.send_text(f'{{"id":{request_id},"method":"ping"}}')
            reply = await client.socket.recv()
            assert reply.startswith(f'{{"id":{request_id},"status":200,"result":{{}},"rateLimits":[')
            await client.send_text(f'{{"id":{request_id},"method":"no"}}')
            assert (await client.socket.recv()).startswith(f'{{"id":{request_id},"status":400,"error":')

    run(main)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON Request"),
        ("{", "Invalid JSON Request"),
        ("[]", "Invalid JSON Request"),
        ('"ping"', "Invalid JSON Request"),
        ('{"id":1,"method":"ping"} x', "Invalid JSON Request"),
        ('{"id":NaN,"method":"ping"}', "Invalid JSON Request"),
        ('{"id":1,"id":2,"method":"ping"}', "Invalid JSON Request"),
        ("[" * 100_000, "Invalid JSON Request"),
        ('{"method":"ping"}', BAD_ID),
        ('{"id":1.5,"method":"ping"}', BAD_ID),
        ('{"id":true,"method":"ping"}', BAD_ID),
        ('{"id":[1],"method":"ping"}', BAD_ID),
        ('{"id":"","method":"ping"}', BAD_ID),
        ('{"id":"a b","method":"ping"}', BAD_ID),
        (f'{{"id":"{"a" * 37}","method":"ping"}}', BAD_ID),
    ],
)
def test_what_is_no_request_is_answered_without_an_id(text, message):
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            await client.send_text(text)
            assert await client.receive() == {
                "id": None,
                "status": 400,
                "error": {"code": -1135, "msg": message},
            }
            assert (await client.call("ping"))["status"] == 200

    run(main)


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, -1135, "Invalid 'method' in JSON request; expected a string."),
        ({"method": 5}, -1135, "Invalid 'method' in JSON request; expected a string."),
        ({"method": None}, -1135, "Invalid 'method' in JSON request; expected a string."),
        ({"method": "ping", "params": []}, -1135, "Invalid 'params' in JSON request; expected an object."),
        ({"method": "ping", "params": "x"}, -1135, "Invalid 'params' in JSON request; expected an object."),
        ({"method": "Ping"}, -1020, "This operation is not supported."),
        ({"method": "v1/ping"}, -1020, "This operation is not supported."),
        ({"method": "kline", "params": {"symbol": "BTCUSDT"}}, -1020, "This operation is not supported."),
    ],
)
def test_requests_that_lead_nowhere(fields, code, message):
    """SEMANTICS 19"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            await client.send_text(json.dumps({"id": 1, **fields}))
            reply = await client.receive()
            assert (reply["id"], reply["status"]) == (1, 400)
            assert reply["error"] == {"code": code, "msg": message}

    run(main)


def test_methods_may_carry_a_version_and_params_may_be_absent():
    """SEMANTICS 18, 19"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert await client.result("v3/ping") == {}
            assert await client.result("ping", {}) == {}
            await client.send_text('{"id":1,"method":"ping","params":null}')
            assert (await client.receive())["status"] == 200
            assert exchange.journal[0].method == "ping"

    run(main)


def test_a_name_that_comes_twice_is_refused():
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            await client.send_text(
                '{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","symbol":"BTCUSDT"}}'
            )
            reply = await client.receive()
            assert reply["error"] == {"code": -1101, "msg": "Duplicate values for a parameter detected."}

    run(main)


def test_replies_are_either_a_result_or_an_error():
    """SEMANTICS 21"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert list(await client.call("ping")) == ["id", "status", "result", "rateLimits"]
            assert list(await client.call("depth")) == ["id", "status", "error", "rateLimits"]

    run(main)


def test_the_gateways_delay_holds_replies_back_and_keeps_their_order():
    async def main():
        async with Emulator(gateway_delay=0.05) as exchange, wire(exchange) as client:
            start = asyncio.get_running_loop().time()
            for method in ("ping", "nothing", "time"):
                await client.send(method)
            replies = [await client.receive() for _ in range(3)]
            assert [reply["id"] for reply in replies] == [1, 2, 3]
            assert asyncio.get_running_loop().time() - start >= 0.05
            exchange.gateway_delay = 0
            assert exchange.gateway_delay == 0
            assert (await client.call("ping"))["status"] == 200

    run(main)


def test_the_engines_delay_lets_queries_overtake():
    """SEMANTICS 17, 76"""

    async def main():
        async with Emulator(engine_delay=0.05) as exchange, logged_on(exchange) as client:
            placed = await client.send("order.place", limit_order(newClientOrderId="slow"))
            query = {"symbol": "BTCUSDT", "origClientOrderId": "slow", "timestamp": now_ms()}
            asked = await client.send("order.status", query)
            first, second = await client.receive(), await client.receive()
            assert (first["id"], first["error"]["code"]) == (asked, -2013)
            assert (second["id"], second["status"]) == (placed, 200)
            (record,) = exchange.journal.find(method="order.place")
            assert record.received_at <= record.accepted_at <= record.executed_at <= record.replied_at
            assert record.executed_at - record.accepted_at >= 50_000
            exchange.engine_delay = 0
            assert exchange.engine_delay == 0
            assert (await client.result("order.status", query))["status"] == "NEW"

    run(main)


def test_an_order_executes_after_its_connection_died():
    async def main():
        async with Emulator(engine_delay=0.05) as exchange:
            key = exchange.add_account("HMAC")
            async with wire(exchange) as client:
                await client.send("order.place", signed(key, **limit_order()))
                record = await exchange.journal.wait_for(outcome="accepted")
                exchange.disconnect_all(1006)
            assert await exchange.journal.wait_for(method="order.place", outcome="executed") is record
            assert record.executed
            assert not record.reply_sent
            assert record.order_id is not None
            assert record.replied_at == 0

    run(main)


def test_a_slow_engine_is_given_up_on_but_executes():
    """SEMANTICS 22, 23"""

    async def main():
        async with (
            Emulator(engine_delay=0.1, processing_timeout=0.02) as exchange,
            logged_on(exchange) as client,
        ):
            reply = await client.call("order.place", limit_order(newClientOrderId="late"))
            assert reply["status"] == 504
            assert reply["error"] == {
                "code": -1007,
                "msg": "Timeout waiting for response from backend server. "
                "Send status unknown; execution status unknown.",
            }
            (record,) = exchange.journal.find(method="order.place")
            assert (record.outcome, record.code) == ("accepted", -1007)
            assert await exchange.journal.wait_for(method="order.place", outcome="executed") is record
            query = {"symbol": "BTCUSDT", "origClientOrderId": "late", "timestamp": now_ms()}
            assert (await client.result("order.status", query))["orderId"] == record.order_id

    run(main)


def test_time_is_checked_again_before_the_engine_and_that_costs_an_order():
    """SEMANTICS 41, 44"""

    async def main():
        clock = ManualClock()
        async with Emulator(clock=clock, gateway_delay=0.02) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            stamp = clock.now_us() // 1000

            async def place(age_ms, wait):
                params = signed(key, **limit_order(timestamp=stamp - age_ms), recvWindow=100)
                await client.send("order.place", params)
                await (await client.socket.ping())
                clock.advance(wait)
                reply = await client.receive()
                return reply.get("error", {}).get("code"), [r["count"] for r in reply["rateLimits"]]

            # Two for connecting, and one for each of the requests that fail.
            assert await place(101, 0) == (-1021, [0, 0, 3]), "at receipt"
            assert await place(100, 0.001) == (-1021, [1, 1, 4]), "before the engine"
            assert all(record.outcome == "rejected" for record in exchange.journal)

    run(main)


def test_a_failure_of_the_exchange_itself_is_answered_and_logged(monkeypatch, caplog):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            broken = object.__new__(type(METHODS["ping"]))
            for name in METHODS["ping"].__slots__:
                object.__setattr__(broken, name, getattr(METHODS["ping"], name))
            object.__setattr__(broken, "handler", lambda exchange, request: 1 / 0)
            monkeypatch.setitem(METHODS, "ping", broken)
            with caplog.at_level(logging.ERROR, "fastws.emulator"):
                assert (await client.error("ping"))[:2] == (500, -1000)
            assert "ping failed" in caplog.text
            monkeypatch.undo()
            assert (await client.call("ping"))["status"] == 200

    assert METHODS["ping"].handler is general_methods.ping
    run(main)


def test_a_logon_counts_for_what_follows_it_at_once():
    """SEMANTICS 103"""

    async def main():
        async with Emulator(gateway_delay=0.01) as exchange, wire(exchange) as client:
            await client.send("session.logon", signed(exchange.add_account("Ed25519")))
            await client.send("order.place", limit_order())
            await client.send("session.logout")
            await client.send("order.place", limit_order())
            assert [(await client.receive())["status"] for _ in range(4)] == [200, 200, 200, 400]

    run(main)
