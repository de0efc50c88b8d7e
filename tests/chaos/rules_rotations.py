"""Rules 14 to 16: what a planned end may cost, the order of requests across it, and how long events wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .history import ClientHistory, Event, ExchangeHistory, Request, Step
from .rules_life import OPEN
from .rules_requests import Index

__all__ = ["HOLD", "no_event_waits", "order_survives_the_switch", "planned_ends_cost_nothing"]

HOLD = 0.25  # seconds: for so long may a hand-over delay an event
SLACK = 0.06  # seconds: what a task needs to run, beyond what the event loop was late
# Seconds, a little less than the contract's, since the two clocks are read at different moments: for so long after a
# switch, and behind requests that are not older, requests follow those of their symbol to the connection that is left.
STICKY = 0.2
FAILS = ("NotSent", "ConnectionLost", "RequestTimeout", "ExecutionUnknown", "DecodeError", "SessionRevoked")


# ------------------------------------------------------------------------------------------------------------ rule 14


def planned_ends_cost_nothing(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    for rotated in client.rotations:
        if rotated.ended_at is None:
            yield f"rotate() never ended: {rotated}"
        elif not rotated.error and not rotated.left:
            yield f"rotate() ended, and the old connection had not: {rotated}"
    for number in exchange.announced:
        yield f"its end was announced, and connection {number} is still in use"
    until = client.finished_at or client.steps[-1].at
    switches = sum(
        step.old == "rotating" and step.new == "draining" for step in client.steps if step.at <= until
    )
    if client.stats and client.stats["rotations"] != switches:
        yield f"the client counts {client.stats['rotations']} rotations, and told {switches}"
    if client.planned:
        yield from _costs(client)


def _costs(client: ClientHistory) -> Iterator[str]:
    """What nothing but planned ends may not cause."""
    for request in client.requests:
        for end in request.ends:
            if not set(FAILS).isdisjoint(end.kinds) and "Halted" not in end.kinds:
                yield f"it failed, and nothing but planned ends went wrong: {request}"
    for gap in client.gaps:
        yield f"there is a gap, and nothing but planned ends went wrong: {gap}"
    opened = False
    for step in client.steps:
        if opened and step.old in OPEN and step.new in ("connecting", "closed"):
            yield f"the client was down, and nothing but planned ends went wrong: {step}"
        opened = opened or step.new == "open"
    for name in ("losses", "lost_events", "merge_mismatch"):
        if client.stats.get(name):
            yield f"the client counts {client.stats[name]} {name}, and nothing but planned ends went wrong"


# ------------------------------------------------------------------------------------------------------------ rule 15


def order_survives_the_switch(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    """Behind a switch, a trading request must not overtake one of its symbol that is in flight elsewhere."""
    if client.revoked:  # then the connections may not be logged on alike
        return
    index = Index(client, exchange)
    sticky = min(STICKY, client.drain_timeout)  # then the old connection is closed
    trading = [request for request in client.requests if request.trading and request.id is not None]
    for switch, old in _switches(client.steps):
        before: dict[Any, list[Request]] = defaultdict(list)
        for request in trading:
            symbol = request.params.get("symbol")
            if request.connection == old:
                before[symbol].append(request)
            elif request.connection == switch.connection and request.made < switch.time + sticky:
                waiting = [each for each in trading if each.connection == old and _in_flight(each, request)]
                if waiting and request.made - waiting[0].made > STICKY:
                    continue
                own = index.of(request)
                for each in before[symbol]:
                    first = index.of(each)
                    if own and first and own.seq < first.seq and _in_flight(each, request):
                        yield f"it overtook one that was in flight on connection {old}, {each}: {request}"
                        break


def _switches(steps: list[Step]) -> Iterator[tuple[Step, int]]:
    """Each step behind which another connection carries the requests, with the connection that did before."""
    old = 0
    for step in steps:
        if step.new == "draining" and step.old == "rotating":
            yield step, old
        if step.connection:
            old = step.connection


def _in_flight(request: Request, later: Request) -> bool:
    """Whether this request was in flight when a later one was made."""
    if request.at > later.at:
        return False
    ends = [end for end in request.ends if end.kind != "cancelled"]
    return not ends or ends[0].at > later.at


# ------------------------------------------------------------------------------------------------------------ rule 16


def no_event_waits(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    if client.seen is None:
        return
    first: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for seen in client.seen:
        first[seen.key].append(seen.time)
    for stream in client.streams:
        for event in stream:
            if not isinstance(event, Event) or event.key not in first:
                continue
            came = max(first[event.key][0], event.asked)
            late = sum(lateness for time, lateness in client.late if came <= time <= event.heard + lateness)
            waited = event.heard - came
            if waited > HOLD + SLACK + late:
                yield f"it waited for {waited:.3f} s after it was first read: {event}"
