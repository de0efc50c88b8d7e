"""User data streams: subscriptions, and the delivery of events."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.exchange.streams import with_times
from fastws.emulator.values.delays import Delay, DelayQueue
from helpers.emulator.events import BALANCE, LIST, NOW, POSITION, REPORT, emit, numbered, subscribe
from helpers.emulator.sbe_reader import sbe_wire
from helpers.emulator.wire import logged_on, now_ms, run, signed, wire

ENDED = "eventStreamTerminated"


async def ids(client):
    return [row["subscriptionId"] for row in await client.result("session.subscriptions")]


# --- subscriptions


def test_a_session_that_is_logged_on_subscribes_without_parameters():
    """SEMANTICS 36, 52, 55, 62, 64"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            assert await client.error("userDataStream.subscribe") == (
                401,
                -2015,
                "Invalid API-key, IP, or permissions for action.",
            )
            assert (await client.result("session.status"))["userDataStream"] is False
            await client.log_on(key)
            assert not exchange.core.streams.listening(key.account)
            assert await client.result("userDataStream.subscribe") == {"subscriptionId": 0}
            assert exchange.core.streams.listening(key.account)
            assert (await client.result("session.status"))["userDataStream"] is True
            assert await client.result("session.subscriptions") == [{"subscriptionId": 0}]
            emit(exchange, key, BALANCE)
            event = {**BALANCE, "E": NOW // 1000, "T": (NOW - 1000) // 1000}
            message = await client.receive()
            assert message == {"subscriptionId": 0, "event": event}
            assert list(message) == ["subscriptionId", "event"]

    run(main)


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_any_key_subscribes_with_a_signature_in_any_session(key_type):
    """SEMANTICS 56"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key, own = exchange.add_account(key_type), exchange.add_account("Ed25519")
            assert await subscribe(client, key, recvWindow=5000.125) == 0
            await client.log_on(own)
            assert await client.result("userDataStream.subscribe") == {"subscriptionId": 1}
            emit(exchange, own, BALANCE)
            emit(exchange, key, POSITION)
            assert [(await client.receive())["subscriptionId"] for _ in range(2)] == [1, 0]
            params = {"timestamp": now_ms()}
            method = "userDataStream.subscribe.signature"
            assert (await client.error(method, params))[1] == -1102, "never the session's key"
            wrong = {**signed(key), "signature": "0" * 64}
            assert (await client.error(method, wrong))[1] == -1022

    run(main)


def test_a_key_needs_the_permission():
    """SEMANTICS 36"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519", permissions=["TRADE", "USER_DATA"])
            await client.log_on(key)
            assert (await client.error("userDataStream.subscribe"))[:2] == (401, -2015)
            refused = await client.error("userDataStream.subscribe.signature", signed(key))
            assert refused[:2] == (401, -2015)

    run(main)


def test_an_account_is_subscribed_once_on_a_connection():
    """SEMANTICS 57"""

    async def main():
        active = (400, -2035, "User Data Stream subscription already active.")
        async with (
            Emulator() as exchange,
            logged_on(exchange) as client,
            wire(exchange) as other,
        ):
            account = exchange.core.accounts[-1]
            second = exchange.add_key(account, "HMAC")
            await client.result("userDataStream.subscribe")
            assert await client.error("userDataStream.subscribe") == active
            assert await client.error("userDataStream.subscribe.signature", signed(second)) == active
            assert await ids(client) == [0]
            assert await subscribe(other, second) == 0, "another connection"

    run(main)


def test_a_thousand_subscriptions_and_no_more():
    """SEMANTICS 58"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            keys = [exchange.add_account("HMAC", balances={}) for _ in range(1001)]
            (session,) = exchange._live.connections.values()
            for key in keys[:1000]:
                exchange.core.streams.subscribe(session, exchange.core.keys[key.api_key], logon=False)
            assert await client.error("userDataStream.subscribe.signature", signed(keys[1000])) == (
                400,
                -1191,
                "Too many subscriptions. Connection may create up to '1000' subscriptions at a time.",
            )
            await client.result("userDataStream.unsubscribe", subscriptionId=5)
            assert (await client.receive())["event"]["e"] == ENDED
            assert await subscribe(client, keys[1000]) == 1000
            assert len(await ids(client)) == 1000

    run(main)


def test_a_subscribe_that_is_executed_behind_the_end_of_its_connection_leaves_nothing():
    async def main():
        async with Emulator(gateway_delay=0.1) as exchange:
            key = exchange.add_account("HMAC")
            async with wire(exchange) as client:
                await client.send("userDataStream.subscribe.signature", signed(key))
                await (await client.socket.ping())  # the request has arrived
                exchange.connections.pick("oldest").abort()
                await client.socket.wait_closed()
            record = await exchange.journal.wait_for(executed=True)
            assert not record.reply_sent
            assert not exchange.core.streams.listening(key.account)

    run(main)


def test_ids_end_at_65534():
    """SEMANTICS 58"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            (session,) = exchange._live.connections.values()
            session.next_subscription = 65_534
            assert await subscribe(client, key) == 65_534
            await client.result("userDataStream.unsubscribe")
            assert (await client.receive())["event"]["e"] == ENDED
            refused = await client.error("userDataStream.subscribe.signature", signed(key))
            assert refused == (400, -2042, "Maximum subscription ID reached for this connection.")
        async with Emulator() as exchange, wire(exchange) as client:
            assert await subscribe(client, exchange.add_account("HMAC")) == 0

    run(main)


def test_ids_count_from_0_and_are_never_used_again():
    """SEMANTICS 59, 60, 63"""

    async def main():
        clock = ManualClock(NOW)
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            keys = [exchange.add_account("HMAC") for _ in range(3)]

            async def join(key):
                return await subscribe(client, key, timestamp=NOW)

            assert [await join(key) for key in keys] == [0, 1, 2]
            assert await client.result("userDataStream.unsubscribe", subscriptionId=1) == {}
            terminated = {"e": ENDED, "E": NOW // 1000}
            assert await client.receive() == {"subscriptionId": 1, "event": terminated}
            assert await ids(client) == [0, 2]
            assert await join(keys[1]) == 3
            assert await client.result("userDataStream.unsubscribe") == {}
            for number in (0, 2, 3):
                assert await client.receive() == {"subscriptionId": number, "event": terminated}
            assert await ids(client) == []
            assert await join(keys[0]) == 4

    run(main)


@pytest.mark.parametrize("params", [{}, {"subscriptionId": 0}, {"subscriptionId": 9}])
def test_what_is_not_active_cannot_be_left(params):
    """SEMANTICS 60, 101"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            await client.result("userDataStream.unsubscribe")
            await client.receive()
            inactive = (400, -2036, "User Data Stream subscription not active.")
            assert await client.error("userDataStream.unsubscribe", params) == inactive

    run(main)


def test_a_logout_ends_the_subscription_of_the_logon_alone():
    """SEMANTICS 61, 63"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            own, other = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            await client.log_on(own)
            assert await subscribe(client, other) == 0
            await client.result("userDataStream.subscribe")
            logout = await client.result("session.logout")
            assert logout["userDataStream"] is True, "the other one is active"
            ended = await client.receive()
            assert (ended["subscriptionId"], ended["event"]["e"]) == (1, ENDED)
            assert await ids(client) == [0]
            emit(exchange, own, BALANCE)
            emit(exchange, other, POSITION)
            assert (await client.receive())["event"]["e"] == "outboundAccountPosition"

    run(main)


def test_a_revoked_key_ends_what_was_made_with_it():
    """SEMANTICS 16, 53, 63"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            own, other = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            await client.log_on(own)
            await client.result("userDataStream.subscribe")
            await subscribe(client, other)
            exchange.revoke(other.api_key)
            assert (await client.receive())["subscriptionId"] == 1
            exchange.revoke(own.api_key)
            await client.send("userDataStream.subscribe")
            reply, ended = await client.receive(), await client.receive()
            assert (reply["id"], reply["status"], reply["error"]["code"]) == (None, 401, -2015)
            assert (ended["subscriptionId"], ended["event"]["e"]) == (0, ENDED)
            assert (await client.result("session.status"))["apiKey"] is None

    run(main)


def test_a_second_logon_leaves_the_first_ones_subscription():
    """SEMANTICS 49, 57"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            first, second = exchange.add_account("Ed25519"), exchange.add_account("Ed25519")
            for number, key in enumerate((first, second)):
                await client.log_on(key)
                assert await client.result("userDataStream.subscribe") == {"subscriptionId": number}
            emit(exchange, first, BALANCE)
            assert (await client.receive())["subscriptionId"] == 0

    run(main)


def test_where_there_are_no_user_data_streams():
    """SEMANTICS 52"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            exchange.core.streams.available = False
            assert (await client.result("session.status"))["userDataStream"] is None
            assert (await client.error("userDataStream.subscribe"))[1] == -1020

    run(main)


def test_subscriptions_go_with_their_connection():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            async with wire(exchange) as client:
                await subscribe(client, key)
                assert exchange.core.streams.listening(key.account)
            await asyncio.sleep(0.01)
            assert len(exchange.connections) == 0
            assert not exchange.core.streams.listening(key.account)
            emit(exchange, key, BALANCE)

    run(main)


@pytest.mark.parametrize(
    ("schema", "plain", "signature"), [("2:0", -1161, -1161), ("2:1", 0, -1161), ("3:1", 0, 0)]
)
def test_old_schemas_cannot_subscribe(schema, plain, signature):
    """SEMANTICS 35, 99"""

    async def main():
        number, version = schema.split(":")
        query = f"?responseFormat=sbe&sbeSchemaId={number}&sbeSchemaVersion={version}"
        async with Emulator(schemas={schema: "deprecated"}) as exchange:
            key, own = exchange.add_account("HMAC"), exchange.add_account("Ed25519")
            async with wire(exchange, query, decode=lambda data: {"template": data[2]}) as client:
                await client.send("session.logon", signed(own))
                await client.send("userDataStream.subscribe")
                await client.send("userDataStream.subscribe.signature", signed(key))
                await exchange.journal.wait_for(id="3")
                await asyncio.sleep(0)
                assert [record.code for record in exchange.journal] == [0, plain, signature]

    run(main)


# --- events


def test_times_follow_the_unit_and_other_numbers_stay():
    """SEMANTICS 25, 64, 66"""
    divided = with_times(REPORT, 1000)
    times = {name for name in REPORT if divided[name] != REPORT[name]}
    assert times == {"E", "T", "O", "W", "D"}
    assert all(divided[name] == REPORT[name] // 1000 for name in times)
    assert {n for n in POSITION if with_times(POSITION, 1000)[n] != POSITION[n]} == {"E", "u"}
    assert {n for n in LIST if with_times(LIST, 1000)[n] != LIST[n]} == {"E", "T"}
    assert with_times({**REPORT, "W": -1}, 1000)["W"] == -1
    assert with_times(REPORT, 1) is REPORT


def test_two_connections_get_an_event_in_their_units():
    """SEMANTICS 25, 63, 65"""

    async def main():
        async with (
            Emulator() as exchange,
            wire(exchange) as in_ms,
            wire(exchange, "?timeUnit=MICROSECOND") as in_us,
        ):
            key = exchange.add_account("HMAC")
            for client in (in_ms, in_us):
                await subscribe(client, key)
            events = [REPORT, POSITION, BALANCE, LIST, {**BALANCE, "e": "externalLockUpdate"}]
            emit(exchange, key, *events)
            for event in events:
                assert (await in_us.receive())["event"] == event
                assert (await in_ms.receive())["event"] == with_times(event, 1000)

    run(main)


def test_events_in_sbe_say_the_same():
    """SEMANTICS 11, 64"""

    async def main():
        async with Emulator() as exchange, sbe_wire(exchange) as client:
            key = exchange.add_account("HMAC")
            assert await subscribe(client, key) == 0
            emit(exchange, key, BALANCE)
            assert await client.receive() == {"subscriptionId": 0, "event": BALANCE}
            exchange.sbe.subscription_ids = False
            emit(exchange, key, BALANCE)
            assert await client.receive() == {"event": BALANCE}
            exchange.sbe.subscription_ids = True
            await client.result("userDataStream.unsubscribe")
            ended = await client.receive()
            assert (ended["subscriptionId"], ended["event"]["e"]) == (0, ENDED)

    run(main)


def test_events_come_right_after_the_reply_that_they_belong_to():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await client.send("userDataStream.subscribe.signature", signed(key))
            await exchange.journal.wait_for(outcome="executed")
            emit(exchange, key, BALANCE)
            assert "result" in await client.receive()
            assert "event" in await client.receive()

    run(main)


def test_two_subscriptions_lag_differently_and_each_keeps_the_order():
    """SEMANTICS 103"""

    async def main():
        async with (
            Emulator(event_delay=(0.0, 0.02)) as exchange,
            wire(exchange) as one,
            wire(exchange) as two,
        ):
            key = exchange.add_account("HMAC")
            await subscribe(one, key)
            await subscribe(two, key)
            events = numbered(20)
            arrivals = []

            async def read(client, name):
                for event in events:
                    assert (await client.receive())["event"]["d"] == event["d"]
                    arrivals.append(name)

            emit(exchange, key, *events)
            await asyncio.gather(read(one, 1), read(two, 2))
            assert len(list(itertools.groupby(arrivals))) > 2, "sometimes one leads, sometimes the other"

    run(main)


def test_the_seed_decides_how_long_events_wait():
    def draws(seed):
        delay = Delay((0.1, 0.3), f"events 1 {seed}")
        return [delay.draw() for _ in range(5)]

    assert draws(1) == draws(1) != draws(2)
    assert all(0.1 <= seconds <= 0.3 for seconds in draws(1))
    fixed = Delay(0.5, "x")
    assert (fixed.draw(), fixed.seconds) == (0.5, 0.5)
    fixed.seconds = (1.0, 2.0)
    assert fixed.seconds == (1.0, 2.0)
    for wrong in (-1.0, (2.0, 1.0), float("inf"), float("nan")):
        with pytest.raises(ValueError, match="a delay is a number"):
            Delay(wrong, "x")


def test_what_waits_in_a_lane_keeps_its_order():
    async def main():
        done = []
        queue = DelayQueue(asyncio.get_running_loop())
        assert queue.put(0, done.append, 0) == 0
        assert done == [0]
        assert queue.put(0.02, done.append, 1) == pytest.approx(0.02, abs=0.01)
        assert queue.put(0, done.append, 2) == pytest.approx(0.02, abs=0.01)
        assert done == [0]
        finished = asyncio.Event()
        queue.put(0.001, lambda: finished.set())
        await finished.wait()
        assert done == [0, 1, 2]
        queue.put(0, done.append, 3)
        assert done == [0, 1, 2, 3]

    run(main)


def test_an_event_that_cannot_be_written_is_logged_and_the_rest_arrives(caplog):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            emit(exchange, key, {**BALANCE, "d": object()}, BALANCE)
            assert (await client.receive())["event"]["a"] == "BTC"
            assert "cannot encode the event balanceUpdate" in caplog.text

    run(main)


def test_events_are_one_per_frame_in_utf8():
    """SEMANTICS 20, 64"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            emit(exchange, key, {**BALANCE, "a": "这是测试币"}, BALANCE)
            text = await client.socket.recv()
            assert "这是测试币" in text
            assert json.loads(text)["event"]["a"] == "这是测试币"
            assert json.loads(await client.socket.recv())["event"]["a"] == "BTC"

    run(main)
