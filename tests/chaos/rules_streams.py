"""Rules 8 and 9: events, and the gaps in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .history import ClientHistory, Event, ExchangeHistory, GapStory, Overflow, Recovered, Stream

_NEAR = 50  # events that may overtake one another are not further apart
_OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")


# ------------------------------------------------------------------------------------------------------------- rule 8


def events_come_once(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    truth = [event for event in exchange.events if event.account in ("", client.account)]
    for stream in client.streams:
        yield from _check_executions(stream)
        broken = list(_check_all(client, exchange, truth, stream))
        if broken and not list(_check_all(client, exchange, _merged(truth, stream), stream)):
            broken = []
        yield from broken


def _check_all(
    client: ClientHistory, exchange: ExchangeHistory, truth: list[Event], stream: Stream
) -> Iterator[str]:
    if not exchange.types_overtake:
        yield from _check_stream(client, truth, stream)
        return
    yield from _check_order(stream, truth, exchange)
    for kind in sorted({event.key[0] for event in truth}):
        yield from _check_stream(
            client,
            [event for event in truth if event.key[0] == kind],
            [each for each in stream if not isinstance(each, Event) or each.key[0] == kind],
        )


def _merged(truth: list[Event], stream: Stream) -> list[Event]:
    """The true events, where some that are equal in all but "E" count as one: the known limit of a rotation."""
    left = Counter(each.key for each in stream if isinstance(each, Event))
    count = Counter(event.key for event in truth)
    merged = []
    for event in truth:
        left[event.key] -= 1
        if left[event.key] >= 0 or count[event.key] == 1 or event.key[0] == "executionReport":
            merged.append(event)
    return merged


def _check_executions(stream: Stream) -> Iterator[str]:
    """The executions of an order come in the order of their ids."""
    latest: dict[Any, int] = {}
    for each in stream:
        if isinstance(each, Event) and each.key[0] == "executionReport" and len(each.key) > 3:
            order, execution = each.key[1:3], each.key[3]
            if latest.get(order, -1) > execution:
                yield f"it came behind execution {latest[order]} of its order: {each}"
            latest[order] = execution


def _check_order(stream: Stream, truth: list[Event], exchange: ExchangeHistory) -> Iterator[str]:
    """Two events come in an order that is not the true one only if a connection had them so, or around a gap."""
    count = Counter(event.key for event in truth)
    true = {event.key: place for place, event in enumerate(truth) if count[event.key] == 1}
    places = [{key: place for place, key in enumerate(keys)} for keys in exchange.sent.values()]
    keys: list[tuple[Any, ...]] = []  # since the latest gap
    for later in stream:
        if not isinstance(later, Event):
            keys.clear()
        elif later.key in true:
            for earlier in keys[-_NEAR:]:
                if true[earlier] < true[later.key] or earlier[0] == later.key[0]:
                    continue
                if not any(_is_before(each, earlier, later.key) for each in places):
                    yield f"no connection had it before {later.key}: {earlier}"
                    return
            keys.append(later.key)


def _is_before(places: dict[tuple[Any, ...], int], one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return one in places and other in places and places[one] < places[other]


def _check_stream(client: ClientHistory, truth: list[Event], stream: Stream) -> Iterator[str]:
    """Each run of events between two gaps must be a run of the true events; what lies between must be in the gaps."""
    place = at_end = 0
    for number, (gaps, lost, run) in enumerate(_runs(client, stream)):
        start = _find(truth, run, place)
        if start is None:
            yield _say_where(truth, run, place)
            return
        for missing in truth[place:start]:
            if number == 0 and not gaps:
                if missing.connections:
                    yield f"the first events were lost: {missing}"
            elif not _is_in(missing, gaps):
                lost -= 1
                if lost < 0:
                    yield f"it is missing, and in no told gap: {missing}"
        place = start + len(run)
        at_end = 0 if run else lost  # what found the buffer full last of all
    for missing in truth[place:]:
        if not _is_in(missing, client.gaps):
            at_end -= 1
            if at_end < 0:
                yield f"it is missing at the end, and in no told gap: {missing}"


def _is_in(event: Event, gaps: list[GapStory]) -> bool:
    return any(gap.start_us <= event.time_us <= gap.end_us for gap in gaps)


def _runs(client: ClientHistory, stream: Stream) -> Iterator[tuple[list[GapStory], int, list[Event]]]:
    """The events between gaps, each with the gaps that were told before them, and how many events overflowed there."""
    gaps: list[GapStory] = []
    lost = 0
    run: list[Event] = []
    for each in stream:
        if isinstance(each, Event):
            run.append(each)
            continue
        if run or not (gaps or lost):
            yield gaps, lost, run
            gaps, lost, run = [], 0, []
        if isinstance(each, Overflow):
            lost += each.lost
        else:
            gaps.append(client.gaps[each.gap])
    yield gaps, lost, run


def _find(truth: list[Event], run: list[Event], place: int) -> int | None:
    """Where the run begins among the true events, from a place on."""
    if not run:
        return place
    keys = [event.key for event in run]
    for start in range(place, len(truth) - len(run) + 1):
        if [event.key for event in truth[start : start + len(run)]] == keys:
            return start
    return None


def _say_where(truth: list[Event], run: list[Event], place: int) -> str:
    left = Counter(event.key for event in truth[place:])
    before = Counter(event.key for event in truth[:place])
    for event in run:
        if not left[event.key]:
            known = event.key in before or event.key in left
            return f"it came {'twice, or too late' if known else 'and never was'}: {event}"
        left[event.key] -= 1
    return f"its events are not in order, or some are missing without a told gap: {run}"


# ------------------------------------------------------------------------------------------------------------- rule 9


def gaps_end(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    for number, gap in enumerate(client.gaps):
        name = f"gap {number} ({gap.start_us} to {gap.end_us})"
        if gap.told_at is None:
            yield f"on_gap was not told of {name}"
        if gap.ended_at is None:
            yield f"{name} never ended"
        if client.holds and gap.told_at is not None:
            yield from _check_hold(client, gap, name)
        for recovered in gap.recovered:
            yield from _check_recovery(gap, recovered, exchange, name)
        if gap.ended_at is not None and not gap.accepted and not any(each.complete for each in gap.recovered):
            yield f"{name} ended, and was neither recovered nor accepted"


def _check_hold(client: ClientHistory, gap: GapStory, name: str) -> Iterator[str]:
    assert gap.told_at is not None
    for request in client.requests:
        blind = request.at > gap.told_at and (gap.closing_at is None or request.at < gap.closing_at)
        if blind and request.placing and request.id is not None:
            yield f"an order was placed while {name} was open: {request}"


def _check_recovery(
    gap: GapStory, recovered: Recovered, exchange: ExchangeHistory, name: str
) -> Iterator[str]:
    # two orders of one account may have traded with each other: then each has its row of the trade
    trades = Counter((row["symbol"], row["id"], row["orderId"]) for row in recovered.trades)
    truly = {(trade.symbol, trade.id, trade.order_id): trade for trade in exchange.trades}
    for row, count in trades.items():
        if count > 1:
            yield f"the recovery of {name} has trade {row} {count} times"
        if row not in truly:
            yield f"the recovery of {name} has trade {row}, which never was"
    shown = {(row["symbol"], row["orderId"]): row for row in recovered.orders}
    for key, shown_row in shown.items():
        order = exchange.orders.get(key)
        if order is None:
            yield f"the recovery of {name} has order {key}, which never was"
        elif shown_row["status"] not in (*_OPEN_STATUSES, order.status):
            yield f"the recovery of {name} has order {key} as {shown_row['status']}; it is {order.status}"
    if not recovered.complete:
        return
    asked = {*gap.symbols, *recovered.symbols}
    for trade in truly.values():
        inside = trade.symbol in asked and gap.start_us <= trade.time_us <= gap.end_us
        if inside and (trade.symbol, trade.id, trade.order_id) not in trades:
            yield f"the recovery of {name} lacks {trade}"
    for order in exchange.orders.values():
        inside = order.symbol in asked and gap.start_us <= order.update_us <= gap.end_us
        if inside and (order.symbol, order.id) not in shown:
            yield f"the recovery of {name} lacks {order}"
