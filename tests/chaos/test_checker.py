"""The checker itself: it finds nothing in a true history, and each tampering is caught by its rule, and by no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from chaos.checker import RULES, check
from chaos.history import ClientHistory, End, Event, ExchangeHistory, Overflow, Request, Said, Step, Told
from chaos.true_history import LOST, make

Tamper = Callable[[ClientHistory, ExchangeHistory], object]
CASES: list[tuple[int, Tamper]] = []


def breaks(rule: int) -> Callable[[Tamper], Tamper]:
    """A decorator: what the function does to a true history breaks this rule."""

    def add(tamper: Tamper) -> Tamper:
        CASES.append((rule, tamper))
        return tamper

    return add


def named(client: ClientHistory, name: str) -> Request:
    return next(request for request in client.requests if request.client_order_id == name)


def error(at: int, *kinds: str, **more: object) -> End:
    return End(at, "error", error=kinds[-1], kinds=("FastwsError", *kinds), **more)  # type: ignore[arg-type]


@breaks(1)
def a_request_never_ends(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "rests").ends.clear()


@breaks(1)
def a_request_ends_twice(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "rests").ends *= 2


@breaks(1)
def a_request_that_was_given_up_ends_in_silence(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "given-up").ends.pop()


@breaks(2)
def an_executed_order_is_called_refused(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "rests").ends = [error(12, "ApiError", "BadRequest", status=400)]


@breaks(2)
def the_result_is_of_another_order(client: ClientHistory, exchange: ExchangeHistory) -> None:
    one, other = named(client, "rests"), named(client, "filled")
    one.ends, other.ends = other.ends, one.ends


@breaks(2)
def the_wrong_half_of_a_replacement_is_called_executed(
    client: ClientHistory, exchange: ExchangeHistory
) -> None:
    named(client, "new").ends[0].new_order = "FAILURE"


@breaks(2)
def a_late_answer_is_false(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "given-up").ends[1].result = {"symbol": "BTCUSDT", "orderId": 1}


@breaks(2)
def a_read_gets_the_answer_of_another(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.requests[3].ends[0].result = {"bids": [1]}


@breaks(3)
def a_lost_order_is_called_not_sent(client: ClientHistory, exchange: ExchangeHistory) -> None:
    request = named(client, "arrived")
    request.ends = [error(32, "NotSent", "NotConnected", state="connecting")]
    request.resolved.clear()


@breaks(3)
def an_order_that_was_refused_by_the_call_arrived(client: ClientHistory, exchange: ExchangeHistory) -> None:
    held = dataclasses.replace(
        exchange.arrivals[-1],
        seq=10,
        id="12",
        params=named(client, "held").params,
        executed=False,
    )
    exchange.arrivals.append(held)


@breaks(4)
def an_order_ends_as_a_lost_read_does(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "perished").ends = [End(33, "error", error=LOST[1], kinds=LOST, state="connecting")]


@breaks(4)
def an_open_client_says_that_it_is_not_connected(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "down").state = "open"


@breaks(4)
def a_request_is_taken_while_the_client_waits(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "last").state = "waiting"


@breaks(4)
def an_order_is_refused_after_the_gap(client: ClientHistory, exchange: ExchangeHistory) -> None:
    held = named(client, "held")
    held.at = held.ends[0].at = 56


@breaks(4)
def a_loss_is_told_to_a_request_of_a_live_connection(
    client: ClientHistory, exchange: ExchangeHistory
) -> None:
    client.requests[9].at = 56
    client.requests[9].ends[0].at = 59


@breaks(5)
def an_executed_order_is_called_never_executed(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "arrived").resolved[-1] = Said(60, "NeverExecuted")


@breaks(5)
def an_order_that_never_arrived_is_called_executed(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "perished").resolved[-1] = Said(60, "Executed", {"orderId": 5})


@breaks(5)
def a_verdict_names_another_order(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "arrived").resolved[-1] = Said(60, "Executed", {"orderId": 6})


@breaks(5)
def nothing_is_found_out(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "perished").resolved[-1] = Said(60, "StillOpen")


@breaks(6)
def an_order_arrives_twice(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.arrivals.append(dataclasses.replace(exchange.arrivals[7], seq=10, connection=2))


@breaks(6)
def an_order_is_sent_again_under_its_name(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.arrivals.append(dataclasses.replace(exchange.arrivals[7], seq=10, connection=2, id="99"))


@breaks(6)
def an_order_reaches_another_account(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.arrivals[-1].account = "another"


@breaks(7)
def two_orders_overtake_each_other(client: ClientHistory, exchange: ExchangeHistory) -> None:
    one, other = exchange.arrivals[:2]
    one.seq, other.seq = other.seq, one.seq


@breaks(7)
def a_request_of_on_state_is_not_the_first(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "filled").first = True


@breaks(8)
def an_event_comes_twice(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0].insert(2, client.streams[0][1])


@breaks(8)
def an_event_comes_again_behind_the_gap(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0].insert(5, client.streams[0][3])


@breaks(8)
def two_events_change_places(client: ClientHistory, exchange: ExchangeHistory) -> None:
    stream = client.streams[0]
    stream[1], stream[2] = stream[2], stream[1]


@breaks(8)
def an_event_is_lost_without_a_gap(client: ClientHistory, exchange: ExchangeHistory) -> None:
    del client.streams[0][2]


@breaks(8)
def the_last_event_is_lost(client: ClientHistory, exchange: ExchangeHistory) -> None:
    del client.streams[0][-1]


@breaks(8)
def no_gap_is_told_in_the_events(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0] = [each for each in client.streams[0] if not isinstance(each, Told)]


@breaks(8)
def a_gap_is_short(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].end_us = exchange.events[6].time_us


@breaks(8)
def an_event_is_made_up(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0].append(Event(("executionReport", 99), 1))


@breaks(8)
def an_execution_comes_behind_a_later_one(client: ClientHistory, exchange: ExchangeHistory) -> None:
    for number, event in enumerate(exchange.events):
        event.key = ("executionReport", "BTCUSDT", 1, 900 + (number == 8) - (number == 9))
    client.streams[0] = [Told(0), *exchange.events]
    client.seen = None


@breaks(8)
def more_is_missing_than_overflowed(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0][-2:-1] = [Overflow(1)]
    del client.streams[0][-3]


@breaks(8)
def more_is_missing_at_the_end_than_overflowed(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.streams[0][-2:] = [Overflow(1)]


@breaks(8)
def events_overtake_each_other_on_no_connection(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.types_overtake = True
    exchange.events[-2].key = ("balanceUpdate", 14)
    client.streams[0][-2:] = [exchange.events[-1], exchange.events[-2]]


@breaks(9)
def a_gap_never_ends(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].ended_at = client.gaps[0].closing_at = None
    del client.requests[-4:]  # what was placed after it
    del exchange.arrivals[-4:]


@breaks(9)
def a_gap_is_not_told(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].told_at = None


@breaks(9)
def an_order_is_placed_while_a_gap_is_open(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "last").at = 44


@breaks(9)
def a_recovery_lacks_a_trade(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].recovered[0].trades.pop()


@breaks(9)
def a_recovery_has_a_trade_twice(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].recovered[0].trades *= 2


@breaks(9)
def a_recovery_lacks_an_order(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].recovered[0].orders.pop()


@breaks(9)
def a_recovery_shows_an_order_as_it_never_was(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.gaps[0].recovered[0].orders[0]["status"] = "FILLED"


@breaks(10)
def there_are_more_attempts_than_the_budget_allows(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.attempts.append(299.0)


@breaks(11)
def a_state_is_skipped(client: ClientHistory, exchange: ExchangeHistory) -> None:
    del client.steps[3]


@breaks(11)
def a_step_is_not_in_the_table(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.steps[3:5] = [Step(36, "connecting", "closed"), Step(37, "closed", "connecting")]


@breaks(11)
def a_request_ends_before_the_state_changes(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "arrived").ends[0].state = "open"


@breaks(12)
def a_request_stays_in_flight(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.in_flight = 1


@breaks(12)
def a_client_stays_down(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.steps.append(Step(80, "open", "connecting", "reset"))
    client.final_state = "connecting"


@breaks(12)
def a_descriptor_is_left(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.after is not None
    client.after = dataclasses.replace(client.after, descriptors=10)


@breaks(13)
def the_mirror_is_stale(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.mirror is not None
    client.mirror.stale = True


@breaks(13)
def the_mirror_lacks_a_fill(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.mirror is not None
    client.mirror.shown["fills"].popitem()


@breaks(13)
def the_mirror_has_an_order_that_ended(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.mirror is not None
    client.mirror.shown["orders"]["BTCUSDT", 2] = {"status": "NEW"}


@breaks(13)
def the_mirror_counts_commission_twice(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.mirror is not None
    client.mirror.shown["commission"]["BTC"] *= 2


@breaks(13)
def the_mirror_calls_a_resolved_order_unknown(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.mirror is not None
    client.mirror.unknown = ("8",)


@breaks(13)
def the_mirror_calls_an_order_unknown_that_has_a_reply(
    client: ClientHistory, exchange: ExchangeHistory
) -> None:
    assert client.mirror is not None
    client.mirror.unknown = ("1",)


@breaks(12)
def a_timer_is_left(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.after is not None
    client.after = dataclasses.replace(client.after, timers=1)


@breaks(12)
def a_connection_is_left(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.connections = 2


@breaks(14)
def a_rotation_never_ends(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.rotations[0].ended_at = None


@breaks(14)
def a_rotation_ends_before_the_old_connection(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.rotations[0].left = False


@breaks(14)
def a_notice_is_ignored(client: ClientHistory, exchange: ExchangeHistory) -> None:
    exchange.announced.append(3)


@breaks(14)
def a_rotation_is_not_counted(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.stats["rotations"] = 0


@breaks(14)
def planned_ends_cost_a_gap(client: ClientHistory, exchange: ExchangeHistory) -> None:
    client.planned = True


@breaks(15)
def an_order_overtakes_one_on_the_old_connection(client: ClientHistory, exchange: ExchangeHistory) -> None:
    named(client, "late").connection = exchange.arrivals[-1].connection = 3
    exchange.arrivals[-1].seq = 10


@breaks(16)
def an_event_is_held_for_too_long(client: ClientHistory, exchange: ExchangeHistory) -> None:
    assert client.seen is not None
    client.seen[0].time -= 0.2


def test_a_true_history_breaks_no_rule() -> None:
    assert check(*make()) == []


@pytest.mark.parametrize(("rule", "tamper"), CASES, ids=[tamper.__name__ for _, tamper in CASES])
def test_a_tampered_history_is_caught_by_its_rule_and_by_no_other(rule: int, tamper: Tamper) -> None:
    histories = make()
    tamper(*histories)
    found = check(*histories)
    assert {violation.rule for violation in found} == {rule}, "\n".join(map(str, found))


def test_each_rule_is_broken_by_a_tampered_history() -> None:
    assert {rule for rule, _ in CASES} == set(RULES)
