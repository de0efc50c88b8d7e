"""Rules 8 and 9: events, and the gaps in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .history import ClientHistory, Event, ExchangeHistory, GapStory, Recovered, Told

# The end of a gap is a reply's time, which may be a little before the event that follows it.
_OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")


# ------------------------------------------------------------------------------------------------------------- rule 8


def events_come_once(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    truth = [event for event in exchange.events if event.account in ("", client.account)]
    for stream in client.streams:
        yield from _check_stream(client, truth, stream)


def _check_stream(client: ClientHistory, truth: list[Event], stream: list[Event | Told]) -> Iterator[str]:
    """Each run of events between two gaps must be a run of the true events; what lies between must be in the gaps."""
    place = 0
    for number, (gaps, run) in enumerate(_runs(client, stream)):
        start = _find(truth, run, place)
        if start is None:
            yield _say_where(truth, run, place)
            return
        for missing in truth[place:start]:
            if number == 0 and not gaps:
                if missing.connections:
                    yield f"the first events were lost: {missing}"
            elif not any(gap.start_us <= missing.time_us <= gap.end_us for gap in gaps):
                yield f"it is missing, and in no told gap: {missing}"
        place = start + len(run)
    for missing in truth[place:]:
        if not any(gap.start_us <= missing.time_us <= gap.end_us for gap in client.gaps):
            yield f"it is missing at the end, and in no told gap: {missing}"


def _runs(client: ClientHistory, stream: list[Event | Told]) -> Iterator[tuple[list[GapStory], list[Event]]]:
    """The events between gaps, each with the gaps that were told before them."""
    gaps: list[GapStory] = []
    run: list[Event] = []
    for each in stream:
        if isinstance(each, Told):
            if run or not gaps:
                yield gaps, run
                gaps, run = [], []
            gaps.append(client.gaps[each.gap])
        else:
            run.append(each)
    yield gaps, run


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
