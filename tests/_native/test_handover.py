"""_native/session_handover.pxi: the requests of a client while it changes from one connection to another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from helpers.halting import LIMIT
from helpers.offline import Offline, Wire
from helpers.streaming import event_of
from helpers.support import KEY, reply, run


class Leaving(Offline):
    """A client that changes from `self` (the old connection) to `new`; `left` has what SessionOwner.left() was told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**KEY, **options})
        self.new = self.another()
        self.left: list[Any] = []
        self.notices: list[int] = []
        self.client._handler.on_left = self.left.append
        self.client._handler.on_shutdown_notice = self.notices.append

    def switch(self, sticky_for: float = 1.0) -> None:
        self.session.switch(self.new.connection, sticky_for)

    def place(self, symbol: str = "BTCUSDT", **changes: Any) -> Any:
        return self.client.order_place(**{**LIMIT, "symbol": symbol, **changes})

    def answer(self, asked: Any, result: Any = None) -> None:
        """Answer a request on the connection that it was written to."""
        wire: Wire = self if asked.info.connection == self.connection.number else self.new
        wire.send(reply(asked.info.id, {"orderId": 1} if result is None else result))

    def lose_both(self) -> None:
        self.new.lose()
        self.lose()


def methods(wire: Wire) -> list[str]:
    return [asked["method"] for asked in wire.requests()]


def test_requests_go_to_the_successor_but_those_of_a_symbol_with_an_unanswered_one() -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place()
        both.switch()
        assert both.session.draining is both.connection
        sticky, other = both.place(), both.place("ETHUSDT")
        both.client.flush()
        assert [asked.info.connection for asked in (first, sticky, other)] == [1, 1, 2]
        both.answer(first)
        assert both.place().info.connection == 1
        both.client.flush()
        for asked in both.requests():
            both.send(reply(asked["id"], {"orderId": 1}))
        assert both.place().info.connection == 2
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
