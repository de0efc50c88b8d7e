"""How events travel, by default as the documentation is read, and otherwise by request: fields that differ between
connections, a notice of the end that overtakes, types that overtake one another, subscriptions of an account."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, Limits
from fastws.emulator.testing.script import ScriptError
from helpers.emulator.events import BALANCE, LIST, NOW, POSITION, REPORT, emit, numbered, subscribe
from helpers.emulator.sbe_reader import sbe_wire
from helpers.emulator.wire import limit_order, logged_on, now_ms, run, signed, wire

ENDED = "eventStreamTerminated"
ACTIVE = (400, -2035, "User Data Stream subscription already active.")


async def received(client, count):
    return [(await client.receive())["event"] for _ in range(count)]


async def until_the_end(client):
    """The events up to the notice of the end, with it."""
    events = await received(client, 1)
    while events[-1]["e"] != ENDED:
        events += await received(client, 1)
    return events


# --- the readings


def test_two_connections_may_subscribe_to_one_account_and_get_the_same_events():
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            key = exchange.add_account("HMAC")
            assert await subscribe(one, key) == await subscribe(two, key) == 0
            emit(exchange, key, BALANCE, REPORT, POSITION)
            assert await received(one, 3) == await received(two, 3)

    run(main)


def test_a_subscription_carries_exactly_what_happens_between_its_begin_and_its_end():
    async def main():
        async with Emulator(event_delay=0.02) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            emit(exchange, key, *numbered(2))
            await subscribe(client, key)
            emit(exchange, key, *numbered(5)[2:4])
            await client.result("userDataStream.unsubscribe")
            emit(exchange, key, numbered(5)[4])
            events = [*(reply["event"] for reply in client.events), *await until_the_end(client)]
            assert [event.get("d") for event in events] == ["2.00000000", "3.00000000", None]
            assert (await client.call("ping"))["status"] == 200
            assert exchange.events[5].event["d"] == "4.00000000"
            assert exchange.events[5].connections == ()

    run(main)


@pytest.mark.parametrize("types_overtake", [False, True])
@pytest.mark.parametrize("how", ["userDataStream.unsubscribe", "session.logout"])
def test_the_notice_comes_behind_all_events_of_its_subscription(how, types_overtake):
    async def main():
        delays = (0.0, 0.03)
        async with (
            Emulator(event_delay=delays, types_overtake=types_overtake) as exchange,
            logged_on(exchange) as client,
        ):
            (account,) = exchange.core.accounts[-1:]
            for _ in range(10):
                await client.result("userDataStream.subscribe")
                for _ in range(5):
                    for event in (BALANCE, REPORT, POSITION):
                        exchange.core.emit(account, event)
                await client.result(how)
                early = [reply["event"]["e"] for reply in client.events]
                assert ENDED not in early
                assert len(early) + len(await until_the_end(client)) == 16
                client.events.clear()
                if how == "session.logout":
                    await client.log_on(exchange.add_key(account))

    run(main)


def test_events_of_one_connection_may_differ_in_type_and_lag():
    """exchange.event_delay holds for subscriptions that are made after it: the successor lags behind."""

    async def main():
        async with Emulator() as exchange, wire(exchange) as prompt, wire(exchange) as late:
            key = exchange.add_account("HMAC")
            await subscribe(prompt, key)
            exchange.event_delay = 0.03
            await subscribe(late, key)
            emit(exchange, key, BALANCE)
            await prompt.receive()
            assert exchange.events[-1].connections == (1,)
            await late.receive()

    run(main)


# --- fields that differ


@pytest.mark.parametrize("query", ["", "?timeUnit=MICROSECOND"])
def test_fields_differ_between_connections(query):
    async def main():
        fields = ("E", "W", "c", "Z", "u")
        async with (
            Emulator(differing_fields=fields) as exchange,
            wire(exchange, query) as one,
            wire(exchange, query) as two,
        ):
            key = exchange.add_account("HMAC")
            await subscribe(one, key)
            await subscribe(two, key)
            emit(exchange, key, REPORT, POSITION)
            now = NOW if query else NOW // 1000
            for number, client in enumerate((one, two), 1):
                report, position = await received(client, 2)
                assert report["E"] == position["E"] == now + number
                assert (report["c"], report["Z"]) == (f"mine{number}", f"0.0000000{number}")
                if number == 1:
                    first = report, position
            names = {name for name in REPORT if report[name] != first[0][name]}
            assert names == set(fields), "and no other field"
            assert {name for name in POSITION if position[name] != first[1][name]} == {"E", "u"}
            (record, _) = exchange.events
            assert record.event == REPORT, "what truly happened"

    run(main)


def test_fields_of_an_order_that_differ_come_also_in_sbe():
    async def main():
        async with (
            Emulator(differing_fields=["E", "Z"]) as exchange,
            wire(exchange) as json_client,
            sbe_wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC")
            for each in (json_client, client):
                await subscribe(each, key)
            emit(exchange, key, REPORT)
            (event,) = await received(client, 1)
            assert event["Z"] == "0.00000002"
            assert (await received(json_client, 1))[0]["Z"] == "0.00000001"

    run(main)


def test_nothing_differs_without_the_option():
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            assert list(exchange.differing_fields) == []
            key = exchange.add_account("HMAC")
            await subscribe(one, key)
            await subscribe(two, key)
            await one.result("order.place", signed(key, **limit_order()))
            while len(one.events) < 2:
                one.events.append(await one.receive())
            assert [reply["event"] for reply in one.events] == await received(two, 2)
            exchange.script("set differing_fields=E")
            emit(exchange, key, BALANCE)
            assert (await received(one, 1))[0]["E"] != (await received(two, 1))[0]["E"]
            exchange.differing_fields = ()
            emit(exchange, key, BALANCE)
            assert await received(one, 1) == await received(two, 1)

    run(main)


# --- the notice of the end


def test_the_notice_overtakes_events_that_wait():
    async def main():
        async with (
            Emulator(event_delay=0.03, termination_overtakes=True) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            emit(exchange, key, *numbered(2))
            await client.result("userDataStream.unsubscribe")
            events = [*(reply["event"] for reply in client.events), *await received(client, 3)]
            assert [event["e"] for event in events] == [ENDED, "balanceUpdate", "balanceUpdate"]

    run(main)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("delay_event@eventStreamTerminated seconds=0.03", ["balanceUpdate", ENDED]),
        ("duplicate_event@eventStreamTerminated", [ENDED, ENDED, "balanceUpdate"]),
    ],
)
def test_a_notice_that_overtakes_can_have_a_fault(fault, kinds):
    async def main():
        async with (
            Emulator(event_delay=0.01, termination_overtakes=True) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            exchange.faults.add_text(fault)
            emit(exchange, key, BALANCE)
            await client.result("userDataStream.unsubscribe")
            while len(client.events) < len(kinds):
                client.events.append(await client.receive())
            assert [reply["event"]["e"] for reply in client.events] == kinds

    run(main)


def test_two_notices_wait_for_the_events_of_other_types():
    async def main():
        async with Emulator(types_overtake=True) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            exchange.faults.add_text("delay_event@balanceUpdate seconds=0.02")
            exchange.faults.add_text("duplicate_event@eventStreamTerminated")
            emit(exchange, key, BALANCE)
            await client.result("userDataStream.unsubscribe")
            assert [event["e"] for event in await received(client, 3)] == ["balanceUpdate", ENDED, ENDED]

    run(main)


# --- types


def test_types_overtake_one_another_and_each_keeps_its_order():
    async def main():
        async with (
            Emulator(event_delay=(0.0, 0.02), types_overtake=True) as exchange,
            wire(exchange) as one,
            wire(exchange) as two,
        ):
            key = exchange.add_account("HMAC")
            await subscribe(one, key)
            await subscribe(two, key)
            for event in numbered(20):
                number = event["d"]
                emit(exchange, key, {**REPORT, "q": number}, {**POSITION, "n": number}, event)
            first, second = await received(one, 60), await received(two, 60)
            for events in (first, second):
                for kind, name in (
                    ("executionReport", "q"),
                    ("outboundAccountPosition", "n"),
                    ("balanceUpdate", "d"),
                ):
                    numbers = [event[name] for event in events if event["e"] == kind]
                    assert numbers == [event["d"] for event in numbered(20)]
                assert [event["e"] for event in events] != [
                    event["e"] for event in (REPORT, POSITION, BALANCE)
                ] * 20
            assert [event["e"] for event in first] != [event["e"] for event in second]

    run(main)


def test_by_default_all_types_keep_their_order():
    async def main():
        async with Emulator(event_delay=(0.0, 0.02)) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            emit(exchange, key, *[REPORT, POSITION, BALANCE, LIST] * 5)
            kinds = [event["e"] for event in await received(client, 20)]
            assert kinds == [event["e"] for event in [REPORT, POSITION, BALANCE, LIST] * 5]

    run(main)


# --- subscriptions of an account


def test_an_account_has_no_more_subscriptions_than_its_limit():
    async def main():
        async with (
            Emulator(limits=Limits(account_subscriptions=2)) as exchange,
            wire(exchange) as a,
            wire(exchange) as b,
            logged_on(exchange) as c,
        ):
            key, other = exchange.add_account("HMAC"), exchange.add_account("HMAC")
            assert await subscribe(a, key) == await subscribe(b, key) == 0
            assert await c.error("userDataStream.subscribe.signature", signed(key)) == ACTIVE
            assert await c.result("userDataStream.subscribe") == {"subscriptionId": 0}, "another account"
            assert await subscribe(c, other) == 1
            await a.result("userDataStream.unsubscribe")
            assert await subscribe(c, key) == 2, "one of the other two has ended"
            await a.receive()
            exchange.connections[1].abort()
            await b.socket.wait_closed()
            await a.call("ping")
            assert await subscribe(a, key) == 1, "the other one was lost"

    run(main)


def test_the_limit_holds_for_logons_and_can_change():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as one, wire(exchange) as two:
            await two.log_on(exchange.add_key(exchange.core.accounts[-1]))
            await one.result("userDataStream.subscribe")
            exchange.core.streams.account_limit = 1
            assert await two.error("userDataStream.subscribe") == ACTIVE
            exchange.core.streams.account_limit = 0
            assert await two.result("userDataStream.subscribe") == {"subscriptionId": 0}

    run(main)


def test_the_limit_is_not_enforced_where_no_limit_is():
    async def main():
        limits = Limits(account_subscriptions=1)
        async with (
            Emulator(limits=limits, enforce_limits=False) as exchange,
            wire(exchange) as one,
            wire(exchange) as two,
        ):
            key = exchange.add_account("HMAC")
            assert await subscribe(one, key, timestamp=now_ms()) == await subscribe(two, key) == 0

    run(main)


# --- odd values


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("differing_fields", "E", "differing_fields is a list of names, not 'E'"),
        ("differing_fields", b"E", "not b'E'"),
        ("differing_fields", 5, "not 5"),
        ("differing_fields", ["E", 1], "not \\['E', 1\\]"),
        ("differing_fields", [""], "not \\[''\\]"),
        ("termination_overtakes", 1, "termination_overtakes is true or false, not 1"),
        ("types_overtake", "yes", "types_overtake is true or false, not 'yes'"),
    ],
)
def test_odd_values_are_refused(name, value, text):
    async def main():
        with pytest.raises(ValueError, match=text):
            Emulator(**{name: value})
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=text):
                setattr(exchange, name, value)
            assert not getattr(exchange, name)

    run(main)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("set differing_fields=5", "differing_fields is a list of names, not 5"),
        ('set differing_fields=["E","W"]', "differing_fields is a list of names, not"),
        ("set types_overtake=1", "types_overtake is true or false, not 1"),
        (
            "set termination_overtakes=true connection=1",
            "termination_overtakes cannot be set for one connection",
        ),
    ],
)
def test_odd_lines_are_refused(line, text):
    async def main():
        async with Emulator() as exchange, wire(exchange):
            with pytest.raises(ScriptError, match=text):
                exchange.script(line)

    run(main)


def test_lines_set_them():
    async def main():
        async with Emulator() as exchange:
            exchange.script("set types_overtake=true termination_overtakes=true differing_fields=E,W")
            assert exchange.types_overtake is exchange.termination_overtakes is True
            assert set(exchange.differing_fields) == {"E", "W"}
            exchange.script("set differing_fields=")
            assert not exchange.differing_fields

    run(main)
