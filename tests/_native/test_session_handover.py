"""_native/session_handover.pxi: a client that changes from one connection to another; the ends of either."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws.holds import PlacementHold
from helpers.leaving import Leaving, methods, where
from helpers.streaming import event_of
from helpers.support import PING, reply, run


def test_requests_go_to_the_successor_but_those_of_a_symbol_with_an_unanswered_one() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        assert both.session.draining is both.connection
        follower, other = both.place(), both.place("ETHUSDT")
        assert where(first, follower, other) == "oon"
        both.answer(first)
        last = both.place()
        assert where(last) == "o"
        both.answer(follower)
        await asyncio.sleep(0)
        assert both.left == []
        both.answer(last)
        assert where(both.place()) == "n"
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        both.lose_both()

    run(main())


def test_what_is_corked_is_written_on_the_old_connection_at_the_switch() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        assert methods(both) == ["order.place"]
        both.place()
        both.client.ping()
        assert methods(both) == []
        both.switch()
        assert methods(both) == ["order.place", "ping"]
        both.lose_both()

    run(main())


def test_the_old_connection_is_left_when_nothing_was_in_flight() -> None:
    async def main() -> None:
        both = Leaving()
        both.switch()
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        both.session.check_left()
        await asyncio.sleep(0)
        assert len(both.left) == 1
        both.lose()
        assert both.session.draining is None
        assert both.client.connected
        both.lose_both()

    run(main())


def test_it_is_left_when_its_last_stream_has_ended() -> None:
    async def main() -> None:
        both = Leaving()
        asked = both.client.user_data_stream_subscribe_signature()
        both.client.flush()
        both.send(reply(asked.info.id, {"subscriptionId": 0}))
        subscription = await asked
        both.switch()
        await asyncio.sleep(0)
        assert both.left == []
        both.send(event_of(0, 1), {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 2}})
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        assert subscription.reason is not None
        both.lose_both()

    run(main())


def test_a_notice_says_on_which_connection_it_came() -> None:
    async def main() -> None:
        events: list[Any] = []
        both = Leaving(on_event=lambda event, subscription: events.append(event["e"]))
        both.new.send({"event": {"e": "serverShutdown", "E": 1}})
        assert (both.notices, events) == ([2], ["serverShutdown"])
        both.lose_both()

    run(main())


def test_a_switch_needs_an_open_connection_beside_the_one_in_use() -> None:
    async def main() -> None:
        both = Leaving()
        with pytest.raises(RuntimeError, match="beside the one in use"):
            both.session.switch(both.connection)
        both.new.lose()
        with pytest.raises(RuntimeError, match="beside the one in use"):
            both.switch()
        assert both.session.draining is None
        both.lose()
        with pytest.raises(RuntimeError, match="beside the one in use"):
            both.switch()

    run(main())


def test_unchanged_ends_with_the_callers_last_request_that_changes_the_connection() -> None:
    async def main() -> None:
        both = Leaving()
        assert both.session.unchanged(both.connection).done()
        logon = both.client.session_logon()
        both.client.flush()
        assert both.connection.changing
        assert not both.new.connection.changing
        waiting = both.session.unchanged(both.connection)
        both.client.account_status()  # changes nothing
        both.send(reply(logon.info.id, {"apiKey": "k" * 64}))
        await waiting
        assert not both.connection.changing
        lost = both.client.session_logout()
        both.client.flush()
        waiting = both.session.unchanged(both.connection)
        both.lose()
        await waiting
        with pytest.raises(fastws.ConnectionLost):
            await lost
        both.lose_both()

    run(main())


def test_the_loss_of_the_old_connection_ends_what_was_unanswered_there() -> None:
    async def main() -> None:
        both = Leaving()
        first, read = both.place(), both.client.ping()
        both.switch()
        follower, other = both.place(), both.place("ETHUSDT")
        both.client.flush()
        seen: list[Any] = []
        both.client._handler.on_lost = lambda connection, reason: seen.append(both.session.draining)
        both.lose()
        assert seen == [both.connection]
        assert both.session.draining is None
        for asked in (first, follower):
            with pytest.raises(fastws.ExecutionUnknown):
                await asked
        with pytest.raises(fastws.ConnectionLost):
            await read
        assert (both.session.is_open, both.session.close_reason) == (True, None)
        assert where(both.place()) == "n"
        both.answer(other)
        assert (await other)["orderId"] == 1
        assert both.left == []
        both.lose_both()

    run(main())


def test_the_old_connection_is_in_use_again_when_the_successor_is_lost() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        other = both.place("ETHUSDT")
        both.client.flush()

        def back(connection: Any, reason: str) -> None:
            assert both.session.route is None
            both.session.route = both.session.draining
            both.session.stop_draining()

        both.client._handler.on_lost = back
        both.new.lose()
        with pytest.raises(fastws.ExecutionUnknown):
            await other
        assert (both.session.is_open, both.session.close_reason) == (True, None)
        assert where(both.place(), both.place("ETHUSDT"), both.client.ping()) == "ooo"
        both.answer(first)
        await asyncio.sleep(0)
        assert (await first)["orderId"] == 1
        assert both.left == []
        both.lose_both()

    run(main())


def test_a_write_that_fails_at_the_switch_is_a_loss_of_the_old_connection() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        second = both.place()
        both.broken = OSError("broken pipe")
        both.switch()
        assert both.session.draining is None
        assert both.session.route is both.new.connection
        for asked in (first, second):
            with pytest.raises(fastws.ExecutionUnknown):
                await asked
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())


def test_a_signer_that_ends_the_old_connection_harms_no_request() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        signer = Ending(both.connection)
        asked = both.place(signer=signer)
        assert where(asked) == "n"
        both.client.flush()
        assert methods(both.new) == ["order.place"]
        with pytest.raises(fastws.ExecutionUnknown):
            await first
        both.lose_both()

    run(main())


class Ending(fastws.Signer):
    """A key whose signature ends a connection, the first time."""

    api_key = "o" * 64
    kind = "HMAC"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def sign(self, payload: bytes) -> str:
        if self._connection.is_open:
            self._connection.abort()
            self._connection.finish("a test")
        return "signature"


def test_close_waits_for_the_replies_of_both_connections() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        second, corked = both.place("ETHUSDT"), both.place()
        closing = asyncio.ensure_future(both.client.close())
        await asyncio.sleep(0)
        for wire in (both, both.new):
            assert not wire.close_frame.is_set()
        with pytest.raises(fastws.NotConnected, match="closing"):
            both.place()
        both.send(reply(first.info.id, {"orderId": 1}), reply(corked.info.id, {"orderId": 3}))
        await asyncio.sleep(0)
        assert not both.close_frame.is_set()
        both.new.send(reply(second.info.id, {"orderId": 2}))
        for wire in (both, both.new):
            await wire.close_frame.wait()
            wire.lose()
        await closing
        assert [(await asked)["orderId"] for asked in (first, second, corked)] == [1, 2, 3]

    run(main())


def test_settled_and_placements_are_of_both_connections() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        second = both.place("ETHUSDT")
        both.client.flush()
        assert [info.id for info in both.session.placements()] == [first.info.id, second.info.id]
        settled = both.session.settled()
        both.answer(first)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not settled.done()
        assert both.left == [both.connection]
        both.answer(second)
        await settled
        both.lose_both()

    run(main())


def test_a_hold_gives_up_what_is_corked_on_either() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        both.requests()
        with both.client.batch():
            asked = [both.place(), both.place("ETHUSDT"), both.client.ping()]
            both.session.give_up_held(PlacementHold(lambda method: fastws.NotSent(f"{method} is held")))
        assert where(*asked) == "onn"
        for each in asked[:2]:
            with pytest.raises(fastws.NotSent, match="held"):
                await each
        assert (methods(both), methods(both.new)) == ([], ["ping"])
        both.lose_both()

    run(main())


def test_both_connections_are_probed_and_counted() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        both.place(), both.place("ETHUSDT")
        both.client.flush()
        both.session.probe(5.0)
        assert [opcode for wire in (both, both.new) for opcode, _ in wire.frames()].count(PING) == 2
        assert both.session.in_flight_count == 3
        both.answer(first)
        counters = both.session.counters()
        assert (counters["requests"], counters["replies"], counters["pings"]) == (3, 1, 0)
        both.lose()
        assert both.session.counters()["requests"] == 3
        both.lose_both()

    run(main())


def test_a_second_switch_forgets_the_first() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        third = both.another()
        second = both.place("ETHUSDT")
        both.session.switch(third.connection)
        assert both.session.draining is both.new.connection
        asked = both.place(), both.place("ETHUSDT")
        assert [each.info.connection for each in asked] == [3, 2]
        both.answer(first)
        await asyncio.sleep(0)
        assert both.left == []
        both.client.flush()
        for each in (second, asked[1]):
            both.new.send(reply(each.info.id, {"orderId": 1}))
        await asyncio.sleep(0)
        assert both.left == [both.new.connection]
        third.lose()
        both.lose_both()

    run(main())
