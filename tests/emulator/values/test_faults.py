from __future__ import annotations

import asyncio
import re

import pytest
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator
from helpers.emulator.wire import limit_order, logged_on, now_ms, run, wire


def test_a_dropped_reply_leaves_the_order_executed():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            fault = exchange.faults.add("drop_reply", "order.place")
            await client.send("order.place", limit_order(newClientOrderId="lost"))
            assert (await client.call("ping"))["status"] == 200
            (record,) = exchange.journal.find(fault="drop_reply")
            assert record.executed
            assert not record.reply_sent
            assert record.status == 0
            assert fault.hits == 1
            query = {"symbol": "BTCUSDT", "origClientOrderId": "lost", "timestamp": now_ms()}
            assert (await client.result("order.status", query))["status"] == "NEW"

    run(main)


@pytest.mark.parametrize(("kind", "executed"), [("cut_before", False), ("cut_after", True)])
def test_a_connection_can_be_cut_before_or_after_the_effect(kind, executed):
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add(kind, "order.place")
            await client.send("order.place", limit_order())
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd is None, "no close frame"
            (record,) = exchange.journal.find(fault=kind)
            assert record.executed == executed
            assert (record.order_id is not None) == executed
            assert not record.reply_sent

    run(main)


@pytest.mark.parametrize(
    ("kind", "details", "status", "code", "executed"),
    [
        ("unknown", {}, 504, -1007, True),
        ("unknown", {"executed": False}, 504, -1007, False),
        ("server_error", {}, 500, -1000, False),
        ("server_error", {"code": -1006, "status": 502, "executed": True}, 502, -1006, True),
        ("error", {"status": 418, "code": -1003, "msg": "Way too much"}, 418, -1003, False),
    ],
)
def test_errors_may_hide_an_execution(kind, details, status, code, executed):
    """SEMANTICS 22, 23"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add(kind, "order.place", **details)
            reply = await client.call("order.place", limit_order(newClientOrderId="maybe"))
            assert (reply["status"], reply["error"]["code"]) == (status, code)
            assert reply["error"]["msg"]
            (record,) = exchange.journal.find(fault=kind)
            assert (record.executed, record.reply_sent, record.code) == (executed, True, code)
            query = {"symbol": "BTCUSDT", "origClientOrderId": "maybe", "timestamp": now_ms()}
            assert (await client.call("order.status", query))["status"] == (200 if executed else 400)

    run(main)


def test_an_error_may_carry_data():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("error", status=418, code=-1003, msg="banned", data={"retryAfter": 5})
            reply = await client.call("ping")
            assert reply["error"] == {"code": -1003, "msg": "banned", "data": {"retryAfter": 5}}

    run(main)


def test_an_error_may_have_a_code_that_the_exchange_itself_never_gives():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("error", code=-9999)
            assert (await client.call("ping"))["error"] == {"code": -9999, "msg": "Error -9999."}

    run(main)


def test_a_delayed_reply_is_overtaken():
    """SEMANTICS 17"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add("delay", "order.place", seconds=0.05)
            first = await client.send("order.place", limit_order())
            second = await client.send("ping")
            assert [(await client.receive())["id"], (await client.receive())["id"]] == [second, first]
            record = exchange.journal.find(method="order.place")[0]
            assert record.replied_at - record.executed_at >= 50_000

    run(main)


def test_a_reply_may_come_twice():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("duplicate_reply")
            first = await client.call("time")
            assert await client.receive() == first
            assert (await client.call("time"))["status"] == 200

    run(main)


@pytest.mark.parametrize(
    ("frame", "data", "received"),
    [("text", b"not json", "not json"), ("binary", b"\x00\x01", b"\x00\x01"), ("wire", b"\x81\x02hi", "hi")],
)
def test_anything_may_be_sent_instead_of_a_reply(frame, data, received):
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.faults.add("raw", data=data, frame=frame)
            await client.send("order.place", limit_order())
            assert await client.socket.recv() == received
            (record,) = exchange.journal.find(fault="raw")
            assert record.executed
            assert record.reply_sent
            exchange.faults.add("raw", data=data, frame=frame, executed=False)
            await client.send("order.place", limit_order())
            assert await client.socket.recv() == received
            assert exchange.journal[-1].outcome == "rejected"

    run(main)


def test_faults_strike_the_method_and_the_number_of_times_they_were_made_for():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("error", "time", times=2)
            assert len(exchange.faults) == 1
            assert (await client.call("ping"))["status"] == 200
            for status in (400, 400, 200):
                assert (await client.call("time"))["status"] == status
            assert not exchange.faults
            fault = exchange.faults.add("error")
            assert list(exchange.faults) == [fault]
            exchange.faults.clear()
            assert (await client.call("time"))["status"] == 200
            exchange.faults.add("error", "time")
            assert (await client.call("v3/time"))["status"] == 400, "methods go by their names"

    run(main)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("error", "order.plac", "unknown method 'order.plac': did you mean 'order.place'?"),
        ("drop_reply", "order_place", "unknown method 'order_place': did you mean 'order.place'?"),
        ("cut_after", "executionReport", "unknown method 'executionReport'"),
        ("error", "v3/time", "unknown method 'v3/time'"),
        ("delay_event", "executionReprt", "unknown event 'executionReprt': did you mean 'executionReport'?"),
        ("drop_event", "order.place", "unknown event 'order.place'"),
        ("refuse", "time", "acts on handshakes"),
    ],
)
def test_a_fault_that_could_never_strike_is_refused(kind, name, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        Emulator().faults.add(kind, name)
    with pytest.raises(ValueError, match=re.escape(said)):
        Emulator().faults.add_text(f"{kind}@{name} times=2")


def test_a_request_that_is_refused_anyway_meets_its_fault():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add("drop_reply", "depth")
            await client.send("depth")
            assert (await client.call("ping"))["status"] == 200
            (record,) = exchange.journal.find(method="depth")
            assert (record.outcome, record.reply_sent) == ("rejected", False)

    run(main)


def test_faults_that_make_no_sense_are_refused():
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match="unknown kind of fault: 'explode'"):
                exchange.faults.add("explode")
            with pytest.raises(ValueError, match="'drop_reply' takes no seconds"):
                exchange.faults.add("drop_reply", seconds=1)

    run(main)


def test_nothing_is_sent_to_a_connection_that_closed_meanwhile():
    async def main():
        async with Emulator() as exchange:
            async with wire(exchange) as client:
                exchange.faults.add("delay", seconds=0.02)
                await client.send("ping")
                await exchange.journal.wait_for(outcome="executed")
            await asyncio.sleep(0.04)
            assert not exchange.journal[0].reply_sent

    run(main)
