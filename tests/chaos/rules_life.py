"""Rules 10 to 12: attempts to connect, the client's states, and what is left in the end."""

from __future__ import annotations

from collections.abc import Iterator

from .history import ClientHistory, ExchangeHistory

OPEN = ("open", "rotating", "draining")  # requests can be sent
# Of each state: the states that may follow.
STEPS: dict[str, frozenset[str]] = {
    "new": frozenset(("connecting", "closed")),
    "connecting": frozenset(("open", "waiting", "closing", "closed")),
    "waiting": frozenset(("connecting", "closing")),
    "open": frozenset(("open", "rotating", "connecting", "closing")),
    "rotating": frozenset(("rotating", "draining", "open", "connecting", "closing")),
    "draining": frozenset(("draining", "open", "connecting", "closing")),
    "closing": frozenset(("closed",)),
    "closed": frozenset(),
}


# ------------------------------------------------------------------------------------------------------------ rule 10


def within_budget(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    if client.budget is None:
        return
    most, seconds = client.budget
    times = sorted(exchange.attempts)
    start = 0
    for number, time in enumerate(times):
        while times[start] <= time - seconds:
            start += 1
        # attempts that connect() made are counted, and never refused
        asked_for = sum(time - seconds < opened <= time for opened in client.opened)
        count = number - start + 1
        if count > most + asked_for:
            yield f"{count} attempts in {seconds} s, and {most} are allowed"
            return


# ------------------------------------------------------------------------------------------------------------ rule 11


def steps_are_in_the_table(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    state: str | None = None
    told: str | None = None  # when the client was asked for its state, in the end
    opened = False
    for step in client.steps:
        if state is not None and step.old != state:
            yield f"the step from {state} to {step.old} was left out, before {step}"
        if step.new not in STEPS.get(step.old, ()):
            yield f"the table has no such step: {step}"
        if (step.old, step.new) == ("connecting", "closed") and opened:
            yield f"a client that was once open closed itself: {step}"
        state, opened = step.new, opened or step.new == "open"
        if client.finished_at is None or step.at <= client.finished_at:
            told = state
    if told not in (None, client.final_state):
        yield f"the last step was to {told}, and the client is {client.final_state}"
    for request in client.requests:
        for end in request.ends:
            lost = "ConnectionLost" in end.kinds + end.cause
            if lost and end.state in OPEN and end.connection == request.connection:
                yield f"it was lost before the state changed: {request}"


# ------------------------------------------------------------------------------------------------------------ rule 12


def all_is_as_at_the_start(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    if client.final_state != "open":
        yield f"in the end the client is {client.final_state}"
    if client.connections != 1:
        yield f"in the end the client has {client.connections} connections"
    if client.in_flight:
        yield f"in the end {client.in_flight} requests are in flight"
    if client.before is None or client.after is None:
        return
    for name in ("tasks", "sockets", "descriptors", "timers"):
        before, after = getattr(client.before, name), getattr(client.after, name)
        if after > before:
            yield f"at the start there were {before} {name}, and in the end {after}"
