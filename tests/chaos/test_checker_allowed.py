"""What the checker allows: a late event loop, a full buffer, and the known limits of a rotation."""

from __future__ import annotations

import pytest

from chaos.checker import check
from chaos.history import Event, Overflow, Told
from chaos.test_checker import (
    an_event_is_held_for_too_long,
    an_order_overtakes_one_on_the_old_connection,
    events_overtake_each_other_on_no_connection,
    named,
)
from chaos.true_history import make


def test_a_late_event_loop_is_no_delay_of_events() -> None:
    client, exchange = make()
    an_event_is_held_for_too_long(client, exchange)
    client.late.append((100.9, 0.15))
    assert check(client, exchange) == []


@pytest.mark.parametrize("place", [slice(-2, -1), slice(-1, None)], ids=["before others", "last of all"])
def test_events_that_found_the_buffer_full_are_not_missing(place: slice) -> None:
    client, exchange = make()
    client.streams[0][place] = [Overflow(1)]
    assert check(client, exchange) == []


def test_two_balance_events_that_are_equal_in_all_but_their_time_may_count_as_one() -> None:
    client, exchange = make()
    for event, heard in zip(exchange.events[-2:], client.streams[0][-2:], strict=True):
        assert isinstance(heard, Event)
        event.key = heard.key = ("outboundAccountPosition", 1, ())
    assert client.seen is not None
    client.seen.clear()
    client.streams[0].pop()
    assert check(client, exchange) == []


def test_events_of_two_types_come_as_a_connection_had_them() -> None:
    client, exchange = make()
    events_overtake_each_other_on_no_connection(client, exchange)
    exchange.sent[3] = [event.key for event in client.streams[0][-2:] if isinstance(event, Event)]
    assert check(client, exchange) == []


def test_behind_the_time_of_the_rule_an_order_may_overtake() -> None:
    client, exchange = make()
    an_order_overtakes_one_on_the_old_connection(client, exchange)
    named(client, "late").made = 100.4
    assert check(client, exchange) == []


def test_around_a_gap_the_order_of_two_types_is_open() -> None:
    client, exchange = make()
    events_overtake_each_other_on_no_connection(client, exchange)
    client.streams[0].insert(-1, Told(0))
    assert check(client, exchange) == []


def test_behind_the_drain_timeout_an_order_may_overtake() -> None:
    client, exchange = make()
    an_order_overtakes_one_on_the_old_connection(client, exchange)
    client.drain_timeout = 0.005
    assert check(client, exchange) == []
