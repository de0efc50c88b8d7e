"""The checker: a pure function of the client's and the exchange's histories. It names each rule that they break.

1. Each request ends exactly once. 2. Each definite answer is true. 3. What was NotSent never arrived. 4. Requests end
only in errors that are allowed where they are. 5. Each final verdict is true, and stays so. 6. No trading request
arrived twice, or for another account. 7. The requests of a symbol arrive in the order of their calls, on each
connection. 8. Each event comes once, in order, or lies inside a told gap, or found the buffer full. 9. Told gaps end;
until then nothing is placed; what recover_gap() gives is what happened. 10. Attempts to connect stay within the budget.
11. Steps are in the table of states, and none is left out. 12. In the end the client is open, nothing is in flight, and
what the process held at the start it holds again. 13. In the end the mirror of the account shows what the exchange
has: open orders, fills, commission, balances. 14. rotate() ends, and leaves no old connection; where connections
end only as planned or announced, no request fails, and no gap is told. 15. Behind a switch, no trading request
overtakes one of its symbol on the old connection. 16. No event waits longer than HOLD after the client read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import rules_life, rules_mirror, rules_requests, rules_rotations, rules_streams
from .history import ClientHistory, ExchangeHistory

__all__ = ["Violation", "check"]

Rule = Callable[[ClientHistory, ExchangeHistory], Iterator[str]]

RULES: dict[int, Rule] = {
    1: rules_requests.ends_once,
    2: rules_requests.answers_are_true,
    3: rules_requests.not_sent_never_arrived,
    4: rules_requests.errors_are_allowed,
    5: rules_requests.verdicts_are_true,
    6: rules_requests.nothing_arrived_twice,
    7: rules_requests.order_is_kept,
    8: rules_streams.events_come_once,
    9: rules_streams.gaps_end,
    10: rules_life.within_budget,
    11: rules_life.steps_are_in_the_table,
    12: rules_life.all_is_as_at_the_start,
    13: rules_mirror.mirror_equals_exchange,
    14: rules_rotations.planned_ends_cost_nothing,
    15: rules_rotations.order_survives_the_switch,
    16: rules_rotations.no_event_waits,
}


@dataclass(frozen=True)
class Violation:
    """A rule, and what broke it."""

    rule: int
    what: str

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.what}"


def check(client: ClientHistory, exchange: ExchangeHistory) -> list[Violation]:
    """What the two histories break."""
    return [Violation(number, what) for number, rule in RULES.items() for what in rule(client, exchange)]
