"""What facts say about a reading: pure functions, each from what came to a verdict and a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from .. import Options
from .verify_wire import Event, Reply

__all__ = [
    "Finding",
    "Round",
    "Verdict",
    "amended",
    "both_subscribed",
    "canceled",
    "carried",
    "closed_after_notice",
    "key",
    "lagged",
    "pinged",
    "same_fields",
    "same_order",
    "terminated",
    "unknown_parameters",
]

Verdict: TypeAlias = Literal["observed", "refuted", "unclear"]

TERMINATED = "eventStreamTerminated"
DATABASE_LAG = float(Options.database_lag)
_PING_WITHIN_MS = 10_000  # how far the time in a ping may be from the time at which it came
_GOING_AWAY = 1001


class Finding(NamedTuple):
    """What was found about one reading: the verdict, a sentence, and the raw facts."""

    verdict: Verdict
    text: str
    facts: dict[str, Any]


class Round(NamedTuple):
    """One change of B's subscription while events were in flight.

    Attributes:
        reference: A's reports of the orders, by their keys, in their order.
        events: what B got for its subscription, from before its change until everything was quiet.
        sent: when the request of the change was sent.
        replied: when its reply came.
    """

    reference: Sequence[Hashable]
    events: Sequence[Event]
    sent: float
    replied: float


def key(event: dict[str, Any]) -> Hashable:
    """The identity of a report: symbol, order, execution and type."""
    return tuple(event.get(name) for name in ("s", "i", "I", "x"))


def both_subscribed(first: Reply, second: Reply) -> Finding:
    """Of two connections that subscribed to one account, one after the other."""
    facts = {"first": str(first), "second": str(second)}
    if second.ok:
        return Finding("observed", "both were accepted", facts)
    return Finding("refuted", f"the second one got {second}", facts)


def same_fields(first: Sequence[Event], second: Sequence[Event], foreign: int) -> Finding:
    """Of the events of two connections for the same orders.

    Args:
        foreign: how many events of other orders there were; with them, only reports of our orders can be compared.
    """
    names: Counter[str] = Counter()
    examples: dict[str, list[Any]] = {}
    pairs, alone = _paired(first, second, reports_only=foreign > 0)
    for one, other in pairs:
        for name in {*one, *other}:
            if one.get(name) != other.get(name) or type(one.get(name)) is not type(other.get(name)):
                names[name] += 1
                # The values of other events are balances, which nobody else should read.
                if one["e"] == "executionReport" or name == "E":
                    examples.setdefault(name, [one.get(name), other.get(name)])
    facts = {
        "compared": len(pairs),
        "differences": dict(sorted(names.items())),
        "examples": examples,
        "on_one_only": alone,
        "foreign_events": foreign,
    }
    others = sorted(set(names) - {"E"})
    if others:
        return Finding("refuted", f"{', '.join(others)} differ; {len(pairs)} events were compared", facts)
    if alone:
        return Finding("refuted", f"{alone} events came on one connection only", facts)
    if not pairs:
        return Finding("unclear", "there were no events to compare", facts)
    e = f"E differed in {names['E']}" if names["E"] else "E agreed as well"
    return Finding("observed", f"{len(pairs)} events agreed; {e}", facts)


def _paired(
    first: Sequence[Event], second: Sequence[Event], reports_only: bool
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], int]:
    """Pairs of the same event, and how many events have no partner.

    Reports are paired by their keys; of other types, the nth of one connection with the nth of the other.
    """
    sides: list[dict[Hashable, dict[str, Any]]] = []
    for events in (first, second):
        seen: Counter[Hashable] = Counter()
        side: dict[Hashable, dict[str, Any]] = {}
        for each in events:
            report = each.kind == "executionReport"
            if report or not reports_only:
                name = (each.kind, key(each.event) if report else None)
                side[name, seen[name]] = each.event
                seen[name] += 1
        sides.append(side)
    one, other = sides
    pairs = [(event, other[name]) for name, event in one.items() if name in other]
    return pairs, len(one) + len(other) - 2 * len(pairs)


def same_order(first: Sequence[Event], second: Sequence[Event], foreign: int) -> Finding:
    """Of the order of the events of two connections."""
    orders = []
    for events in (first, second):
        shown = [each for each in events if not foreign or each.kind == "executionReport"]
        orders.append(
            [f"{each.kind} {key(each.event)}" if "I" in each.event else each.kind for each in shown]
        )
    facts = {"events": len(orders[0]), "first": orders[0], "second": orders[1], "foreign_events": foreign}
    if Counter(orders[0]) != Counter(orders[1]) or not orders[0]:
        return Finding("unclear", "the two connections had different events", facts)
    if orders[0] != orders[1]:
        place = next(n for n, (one, other) in enumerate(zip(*orders, strict=True), 1) if one != other)
        return Finding("refuted", f"they differ from event {place} on", facts)
    return Finding("observed", f"{len(orders[0])} events had the same order", facts)


def _named(event: dict[str, Any]) -> str:
    """The type of an event; of a report, also its own type, the order, and the execution."""
    return str(event["e"]) + (f" {event.get('x')} {event.get('i')}/{event['I']}" if "I" in event else "")


def terminated(rounds: Sequence[Round]) -> Finding:
    """Of the place of the notice that a subscription has ended, in rounds that unsubscribed."""
    facts: dict[str, Any] = {"rounds": []}
    late = missing = early = in_flight = 0
    for each in rounds:
        kinds = [event.kind for event in each.events]
        notices = [place for place, kind in enumerate(kinds) if kind == TERMINATED]
        if not notices:
            missing += 1
            facts["rounds"].append({"events": kinds, "notice": None})
            continue
        place = notices[0]
        behind = [kind for kind in kinds[place + 1 :] if kind != TERMINATED]
        flying = sum(event.at >= each.sent for event in each.events[:place])
        late += len(behind)
        in_flight += flying
        early += each.events[place].at < each.replied
        facts["rounds"].append(
            {"in_flight": flying, "behind": behind, "before_reply": each.events[place].at < each.replied}
        )
    if late:
        return Finding("refuted", f"{late} events came behind it", facts)
    if missing:
        return Finding("refuted", f"none came in {missing} of {len(rounds)} rounds", facts)
    if early:
        return Finding("refuted", f"it came before the reply in {early} of {len(rounds)} rounds", facts)
    if not in_flight:
        return Finding("unclear", "no event was in flight at any unsubscription", facts)
    return Finding(
        "observed", f"it came last, behind {in_flight} events in flight, in {len(rounds)} rounds", facts
    )


def carried(begins: Sequence[Round], ends: Sequence[Round]) -> Finding:
    """Of which events a subscription carries, in rounds that began and ended one while orders changed."""
    facts: dict[str, Any] = {"begins": [], "ends": []}
    wrong = within = 0
    for name, rounds in (("begins", begins), ("ends", ends)):
        for each in rounds:
            got = [key(event.event) for event in each.events if event.kind == "executionReport"]
            count, whole = len(got), list(each.reference)
            part = whole[:count] if name == "ends" else whole[len(whole) - count :]
            fits = count <= len(whole) and got == part
            wrong += not fits
            within += 0 < count < len(whole)
            facts[name].append({"reports": len(whole), "carried": count, "without_holes": fits})
    if wrong:
        return Finding(
            "refuted",
            f"events were missing or too many in {wrong} of {len(begins) + len(ends)} rounds",
            facts,
        )
    if not within:
        return Finding("unclear", "no change of a subscription fell between the events", facts)
    return Finding(
        "observed",
        f"no event was missing in {len(begins) + len(ends)} rounds, {within} of them amid events",
        facts,
    )


def canceled(cancels: Sequence[dict[str, Any]]) -> Finding:
    """Of the client order id of canceled orders. Each fact has ``method``, ``before``, ``reply``, ``later`` (that of
    order.status by the order id) and ``by_old`` (what order.status by the old one gets).
    """
    facts = {"cancels": list(cancels)}
    kept = sorted({each["method"] for each in cancels if each["before"] in (each["reply"], each["later"])})
    if kept:
        return Finding("refuted", f"{' and '.join(kept)} left it as it was", facts)
    found = sorted({each["method"] for each in cancels if not str(each["by_old"]).startswith("-2013")})
    if found:
        return Finding("refuted", f"the old one still names the order after {' and '.join(found)}", facts)
    if not cancels:
        return Finding("unclear", "no order was canceled", facts)
    return Finding(
        "observed", f"{' and '.join(each['method'] for each in cancels)} gave the order a new one", facts
    )


def amended(before: str, reply: str, later: str) -> Finding:
    """Of the client order id of an order that was amended without newClientOrderId."""
    facts = {"before": before, "reply": reply, "later": later}
    if before in (reply, later):
        return Finding("refuted", "the order kept it", facts)
    return Finding("observed", "the order got a new one", facts)


def lagged(seconds: Sequence[float | None], waited: float) -> Finding:
    """Of how long after a reply allOrders showed the change; None: it did not in ``waited`` seconds."""
    facts = {"seconds": [None if each is None else round(each, 4) for each in seconds], "waited": waited}
    if not seconds:
        return Finding("unclear", "nothing was asked", facts)
    known = [each for each in seconds if each is not None]
    if len(known) < len(seconds):
        return Finding("refuted", f"a change was not shown after {waited:g} s", facts)
    text = f"the longest of {len(known)} lags was {max(known):.3f} s"
    return Finding("observed" if max(known) <= DATABASE_LAG else "refuted", text, facts)


def unknown_parameters(without: Reply, elsewhere: Reply) -> Finding:
    """Of a parameter that the exchange does not know, at a method without parameters, and at another one."""
    facts = {"ping": str(without), "order.test": str(elsewhere)}
    text = f"ping: {without.code or 'accepted'}, order.test: {elsewhere.code or 'accepted'}"
    right = (without.code, elsewhere.code) == (-1101, -1104)
    return Finding("observed" if right else "refuted", text, facts)


def pinged(pings: Sequence[tuple[bytes, int]], offset_ms: int) -> Finding:
    """Of the payloads of pings, each with the time of its arrival in milliseconds."""
    shown = [payload.decode("utf-8", "backslashreplace") for payload, _ in pings]
    facts = {"payloads": shown[:20], "arrived_ms": [at for _, at in pings[:20]], "offset_ms": offset_ms}
    if not pings:
        return Finding("unclear", "no ping came", facts)
    times = [
        payload.isdigit() and abs(int(payload) - at - offset_ms) <= _PING_WITHIN_MS for payload, at in pings
    ]
    if all(times):
        return Finding("observed", f"{len(pings)} pings had the time in milliseconds", facts)
    return Finding("refuted", f"a ping had {shown[times.index(False)][:40]!r}", facts)


def closed_after_notice(lead: float | None, code: int | None, waited: float) -> Finding:
    """Of the end of a connection behind serverShutdown; ``lead`` is None if it did not end while we waited."""
    facts = {"lead": None if lead is None else round(lead, 3), "close_code": code, "waited": round(waited, 3)}
    if lead is None:
        return Finding(
            "unclear", f"serverShutdown came; the connection was still open after {waited:.1f} s", facts
        )
    text = f"it ended {lead:.1f} s after serverShutdown, with {code or 'no close frame'}"
    return Finding("observed" if code == _GOING_AWAY else "refuted", text, facts)
