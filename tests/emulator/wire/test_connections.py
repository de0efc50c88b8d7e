"""Connections in SBE: the same exchange as in JSON, in binary frames."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.methods.table import METHODS
from fastws.emulator.values.auth import new_private_key
from fastws.emulator.wire.choice import RESULTS
from helpers.emulator.market_script import REFUSED_LAST, SYMBOLS
from helpers.emulator.quiet_market import FUNDS, QUIET, SOR, order, reference
from helpers.emulator.sbe_checks import check_same
from helpers.emulator.sbe_reader import sbe_wire
from helpers.emulator.session_script import SCRIPT
from helpers.emulator.wire import limit_order, now_ms, run, signed, wire

API_KEY = "k" * 64


@pytest.fixture(scope="module")
def private_key():
    return new_private_key("Ed25519")


EVENTS = {"executionReport", "listStatus", "outboundAccountPosition", "eventStreamTerminated"}


async def answers(private_key, connect, market):
    """The answers to the script. The exchange's clock moves a little with each request; in a live market, by
    more than a second, so that prices move.
    """
    clock = ManualClock()
    found = []
    async with Emulator(clock=clock, seed=7, symbols=[*SYMBOLS, *SOR], market=market) as exchange:
        key = exchange.add_account("Ed25519", api_key=API_KEY, private_key=private_key)
        async with connect(exchange) as client:
            for method, params in SCRIPT:
                clock.advance(1.000001 if market == "live" else 0.000001)
                stamp = clock.now_us()
                if params is None:
                    params = signed(key, timestamp=stamp)
                elif method in METHODS and METHODS[method].signed:
                    params = {**params, "timestamp": stamp}
                reply = await client.call(method, params)
                reply["id"] = str(reply["id"])
                found.append((method, reply))
            while not client.events or client.events[-1]["event"]["e"] != "eventStreamTerminated":
                client.events.append(await client.receive())
        return found, client.events


@pytest.mark.parametrize("market", ["still", "live"])
def test_a_session_is_answered_as_one_in_json_is(private_key, market):
    """SEMANTICS 11, 12, 14, 79, 85, 91"""
    assert {method for method, _ in SCRIPT} == {*METHODS, "nothing"}
    assert METHODS.keys() <= RESULTS.keys()

    async def main():
        in_json, told = await answers(
            private_key, lambda exchange: wire(exchange, "?timeUnit=MICROSECOND"), market
        )
        in_sbe, told_in_sbe = await answers(private_key, sbe_wire, market)
        assert {event["event"]["e"] for event in told} == EVENTS
        check_same(told, told_in_sbe, "events")
        statuses = set()
        for (method, expected), (_, got) in zip(in_json, in_sbe, strict=True):
            assert got.pop("deprecated") is False
            statuses.add(expected["status"])
            # The multipliers of filters and of rules share one exponent.
            exact = method not in ("exchangeInfo", "myFilters", "executionRules")
            if method == "sor.order.place":
                # An array of one order in JSON, an order in SBE (SEMANTICS 85).
                (expected["result"],) = expected["result"]
            check_same(expected, got, f"{expected['id']} {method}", exact)
        assert statuses == {200, 400, 409}
        ends = {method: reply["status"] for method, reply in in_json}
        if market == "still":
            assert [reply["status"] for method, reply in in_json if method == "order.amendments"] == [
                400,
                200,
            ]
        assert {method for method, status in ends.items() if status != 200} <= REFUSED_LAST

    run(main)


@pytest.mark.parametrize("unit", ["", "&timeUnit=MILLISECOND", "&timeUnit=MICROSECOND"])
def test_times_are_microseconds_whatever_the_unit(unit):
    async def main():
        async with Emulator() as exchange, sbe_wire(exchange, unit) as client:
            assert (await client.result("time"))["serverTime"] > 10**15

    run(main)


@pytest.mark.parametrize(
    ("request_id", "text"),
    [
        ("1", "1"),
        ("-7", "-7"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"1"', "1"),
        ('"a-b_C9"', "a-b_C9"),
        ("null", ""),
    ],
)
def test_ids_come_back_as_texts(request_id, text):
    """SEMANTICS 14"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            for method, status in (("ping", 200), ("no", 400)):
                await client.send_text(f'{{"id":{request_id},"method":"{method}"}}')
                reply = await client.receive()
                assert (reply["id"], reply["status"]) == (text, status)

    run(main)


def test_what_is_no_request_is_answered_in_sbe():
    """SEMANTICS 16"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.send_text("{")
            assert await client.receive() == {
                "id": "",
                "status": 400,
                "error": {"code": -1135, "msg": "Invalid JSON Request"},
                "deprecated": False,
            }

    run(main)


def test_requests_are_text_frames():
    """SEMANTICS 12"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.socket.send(b'{"id":1,"method":"ping"}')
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd.code == 1003

    run(main)


def test_a_revoked_key_ends_a_session_with_an_empty_id():
    """SEMANTICS 16, 53"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            await client.log_on(key)
            exchange.revoke(key.api_key)
            await client.send("order.place", limit_order())
            reply = await client.receive()
            assert (reply["id"], reply["status"], reply["error"]["code"]) == ("", 401, -2015)
            assert "rateLimits" not in reply

    run(main)


def test_return_rate_limits():
    """SEMANTICS 27"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange, "&returnRateLimits=false") as client:
            assert "rateLimits" not in await client.call("ping")
            reply = await client.call("ping", returnRateLimits=True)
            assert reply["rateLimits"] == [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": 6000,
                    "count": 4,
                }
            ]

    run(main)


def test_too_much_weight_is_told_with_flat_times():
    """SEMANTICS 92, 96"""

    async def main():
        clock = ManualClock()
        async with Emulator(clock=clock) as exchange, sbe_wire(exchange) as client:
            for _ in range(23):
                await client.result("depth", symbol="BTCUSDT", limit=5000)
            reply = await client.call("depth", symbol="BTCUSDT", limit=5000)
            assert (reply["status"], reply["error"]["code"]) == (429, -1003)
            now_us = clock.now_us()
            data = {"serverTime": now_us, "retryAfter": now_us - now_us % 60_000_000 + 60_000_000}
            assert reply["error"]["data"] == data

    run(main)


def test_both_formats_speak_of_one_state():
    async def main():
        async with (
            Emulator(symbols=[QUIET]) as exchange,
            wire(exchange) as in_json,
            sbe_wire(exchange) as in_sbe,
        ):
            key = exchange.add_account("Ed25519", balances=FUNDS)
            await in_json.log_on(key)
            await in_sbe.log_on(key)
            placed = await in_json.result("order.place", order(newClientOrderId="mine"))
            status = await in_sbe.result("order.status", reference(origClientOrderId="mine"))
            assert status["orderId"] == placed["orderId"]
            assert status["time"] // 1000 == placed["transactTime"]
            await in_sbe.result("order.cancel", reference(orderId=placed["orderId"]))
            query = reference(orderId=placed["orderId"])
            assert (await in_json.result("order.status", query))["status"] == "CANCELED"
            assert [record.connection for record in exchange.journal.find(method="order.status")] == [2, 1]

    run(main)


def test_prevented_matches():
    async def main():
        async with Emulator(symbols=[QUIET]) as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519", balances=FUNDS))
            maker = await client.result("order.place", order(side="SELL"))
            taker = await client.result("order.place", order(selfTradePreventionMode="EXPIRE_TAKER"))
            assert taker["status"] == "EXPIRED_IN_MATCH"
            assert taker["preventedQuantity"] == "1.00000000"
            (match,) = taker["preventedMatches"]
            assert match["makerOrderId"] == maker["orderId"]
            assert match["takerPreventedQuantity"] == "1.00000000"
            assert "makerPreventedQuantity" not in match
            found = await client.result("order.status", reference(orderId=taker["orderId"]))
            assert found["preventedMatchId"] == match["preventedMatchId"]

    run(main)


def test_a_balance_beyond_64_bits_in_eight_places_is_shown_with_fewer():
    async def main():
        funds = {"BTC": "10", "ETH": "1", "USDT": "1000000000000"}
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519", balances=funds))
            rows = (await client.result("account.status", timestamp=now_ms()))["balances"]
            assert {row["asset"]: row["free"] for row in rows} == {
                "BTC": "10.00000000",
                "ETH": "1.00000000",
                "USDT": "1000000000000",
            }

    run(main)


def test_what_cannot_be_written_is_an_internal_error_that_the_journal_knows_of(caplog):
    async def main():
        funds = {"ETH": "1234567890123.00000001"}
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519", balances=funds))
            with caplog.at_level(logging.ERROR, "fastws.emulator"):
                assert (await client.error("account.status", timestamp=now_ms()))[:2] == (500, -1000)
            assert "cannot encode the result of account.status" in caplog.text
            record = exchange.journal[-1]
            assert (record.executed, record.status, record.code) == (True, 500, -1000)

    run(main)


def test_events_go_out_in_binary_frames():
    """SEMANTICS 8, 11"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as in_sbe, wire(exchange) as in_json:
            await in_sbe.result("ping")
            await in_json.result("ping")
            exchange.shutdown_notice()
            bare, text = await in_sbe.receive(), await in_json.receive()
            assert bare["event"]["e"] == text["event"]["e"] == "serverShutdown"
            assert bare["event"]["E"] // 1000 == text["event"]["E"]
            assert "subscriptionId" not in bare

    run(main)


@pytest.mark.parametrize("subscription_ids", [True, False])
def test_events_of_a_subscription(subscription_ids):
    """SEMANTICS 64"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client, wire(exchange) as in_json:
            exchange.sbe.subscription_ids = subscription_ids
            await client.result("ping")
            await in_json.result("ping")
            event = {"e": "balanceUpdate", "E": 2, "a": "BTC", "d": "-1.00000000", "T": 1}
            for session in exchange._live.connections.values():
                assert session.send_event(event, 4)
            whole = {"subscriptionId": 4, "event": event}
            assert await in_json.receive() == whole
            assert await client.receive() == (whole if subscription_ids else {"event": event})

    run(main)


# --- faults


@pytest.mark.parametrize(
    ("kind", "details", "status", "code", "executed"),
    [
        ("unknown", {}, 504, -1007, True),
        ("server_error", {"code": -1006, "status": 502, "executed": True}, 502, -1006, True),
        (
            "error",
            {"status": 418, "code": -1003, "msg": "Way too much", "data": {"retryAfter": 5}},
            418,
            -1003,
            False,
        ),
    ],
)
def test_injected_errors(kind, details, status, code, executed):
    """SEMANTICS 22, 23"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519"))
            exchange.faults.add(kind, "order.place", **details)
            reply = await client.call("order.place", limit_order())
            assert (reply["status"], reply["error"]["code"]) == (status, code)
            assert reply["error"].get("data") == details.get("data")
            (record,) = exchange.journal.find(fault=kind)
            assert (record.executed, record.reply_sent, record.code) == (executed, True, code)

    run(main)


def test_replies_can_be_delayed_doubled_dropped():
    """SEMANTICS 17"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            exchange.faults.add("delay", "time", seconds=0.02)
            exchange.faults.add("duplicate_reply", "ping")
            exchange.faults.add("drop_reply", "depth")
            await client.send("time")
            await client.send("ping")
            await client.send("depth", {"symbol": "BTCUSDT"})
            assert [(await client.receive())["id"] for _ in range(3)] == ["2", "2", "1"]
            assert not exchange.journal.find(method="depth")[0].reply_sent

    run(main)


@pytest.mark.parametrize(
    ("frame", "data", "received"),
    [("binary", b"\x00\x01", b"\x00\x01"), ("text", b"{}", "{}"), ("wire", b"\x82\x02hi", b"hi")],
)
def test_anything_may_be_sent_instead_of_a_reply(frame, data, received):
    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            exchange.faults.add("raw", data=data, frame=frame)
            await client.send("ping")
            assert await client.socket.recv() == received

    run(main)


def test_a_connection_can_be_cut():
    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519"))
            exchange.faults.add("cut_after", "order.place")
            await client.send("order.place", limit_order())
            with pytest.raises(ConnectionClosed):
                await client.receive()
            assert exchange.journal[-1].executed

    run(main)


def test_a_thousand_orders_in_flight_are_all_answered():
    async def main():
        async with Emulator(enforce_limits=False) as exchange, sbe_wire(exchange) as client:
            await client.log_on(exchange.add_account("Ed25519"))
            texts = [
                json.dumps({"id": n, "method": "order.test", "params": limit_order()}) for n in range(1000)
            ]
            sending = asyncio.gather(*[client.send_text(text) for text in texts])
            ids = {(await client.receive())["id"] for _ in texts}
            await sending
            assert ids == {str(n) for n in range(1000)}

    run(main)
