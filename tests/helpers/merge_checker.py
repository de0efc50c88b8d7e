"""A checker of what a user got from the model in merging.py.

It knows the true history and what each connection had. It shares nothing with the Merge: not its keys, nor its states.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastws._native.merge import HOLD
from helpers.merge_cases import Case
from helpers.merging import NEVER, Delivered, Lost, Model, S, Told

HELD_FOR = round(HOLD * S)


def check(model: Model) -> int:
    """Check what the user got against what happened. Returns how many gaps were told."""
    checker = _Checker(model)
    checker.once()
    checker.in_order()
    checker.by_execution()
    checker.in_time()
    checker.told()
    gaps = sum(isinstance(each, Told) for each in model.got)
    if model.case.calm and not model.case.twins:
        assert gaps == 0, "a gap was told, although nothing was missing and no lag was long"
    if model.case.differing:
        assert len(model.warned) == (model.counts.mismatches > 0)
    else:
        assert model.counts.mismatches == 0
    return gaps


class _Checker:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.got = model.got
        self.place = {each.what: place for place, each in enumerate(self.got) if isinstance(each, Delivered)}
        self.told_at = [place for place, each in enumerate(self.got) if isinstance(each, Told)]
        self.lost_at = [place for place, each in enumerate(self.got) if isinstance(each, Lost)]

    def twins(self, what: int) -> tuple[Any, ...]:
        """Events with the same of these cannot be told from one another."""
        event = self.model.history[what][1]
        if event["e"] == "executionReport":
            return (what,)
        return tuple(sorted((name, str(value)) for name, value in event.items()))

    def once(self) -> None:
        """(a): nothing comes twice."""
        happened = Counter(self.twins(what) for what in range(len(self.model.history)))
        found = Counter(self.twins(each.what) for each in self.got if isinstance(each, Delivered))
        for twins, count in found.items():
            assert count <= happened[twins], f"{count} instead of {happened[twins]} times: {twins}"

    def _before(self, first: int, then: int) -> bool:
        """Whether a connection had one before the other, or had ended its part before the other happened."""
        for place, link in enumerate(self.model.links):
            if first not in link.reads:
                continue
            if then in link.reads:
                if link.reads[first] <= link.reads[then]:
                    return True
            elif link.carries(self.model.history[then][0]):
                return True  # it would have come, if the connection had not been lost
            elif self.model.history[first][0] <= self.model.history[then][0] and any(
                then in later.reads for later in self.model.links[place:]
            ):
                return True
        return False

    def in_order(self) -> None:
        """(b): in the order of one of the connections, where no gap lies between."""
        segment: list[int] = []
        for each in [*self.got, Told(0)]:
            if isinstance(each, Delivered):
                segment.append(each.what)
            elif isinstance(each, Told):
                for place, then in enumerate(segment):
                    for first in segment[:place]:
                        if not self._before(first, then) and not self._twin_before(first, then):
                            raise AssertionError(f"{first} came before {then}")
                segment = []

    def _twin_before(self, first: int, then: int) -> bool:
        """The same for events that cannot be told from them: one may stand for the other."""
        numbers = range(len(self.model.history))
        firsts = [each for each in numbers if self.twins(each) == self.twins(first)]
        thens = [each for each in numbers if self.twins(each) == self.twins(then)]
        return any(self._before(one, other) for one in firsts for other in thens if one != other)

    def by_execution(self) -> None:
        """(b): the execution reports of an order come by execution id, even over a gap."""
        latest: dict[Any, int] = {}
        for each in self.got:
            if not isinstance(each, Delivered):
                continue
            event = self.model.history[each.what][1]
            if event["e"] == "executionReport":
                order = event["s"], event["i"]
                assert latest.get(order, 0) < event["I"], f"{each.what} came behind a later one of its order"
                latest[order] = event["I"]

    def in_time(self) -> None:
        """(c): nobody waits longer than HOLD for an event that was read."""
        for each in self.got:
            if not isinstance(each, Delivered) or each.at < 0:
                continue
            reads = []
            for place, link in enumerate(self.model.links):
                if each.what in link.reads:
                    # before the reply to the subscribe nobody knows whose event it is
                    reads.append(max(link.reads[each.what], link.replied_at if place else 0))
            assert reads, f"{each.what} came from nowhere"
            if self.model.case.twins or self.model.case.overtaking:
                continue  # one may have waited for another one; or its other copy came too late
            # behind a gap the successor's copy counts, and with a successor that was given up the old one's
            one_counts = self.model.given_up or any(told < self.place[each.what] for told in self.told_at)
            read = max(reads) if one_counts else min(reads)
            assert each.at <= read + HELD_FOR, f"{each.what} was held for {(each.at - read) / S} s"

    def told(self) -> None:
        """(d): where an event is missing, a gap was told in its place; or the buffer was full there."""
        got = Counter(self.twins(each.what) for each in self.got if isinstance(each, Delivered))
        lost = sum(each.count for each in self.got if isinstance(each, Lost))
        for what, (happened, _) in enumerate(self.model.history):
            if what in self.place:
                continue
            twins = self.twins(what)
            others = [each for each in range(len(self.model.history)) if self.twins(each) == twins]
            if len(others) > 1:
                # the known limit: two of them, one on each side, count as one
                most = max(sum(each in link.reads for each in others) for link in self.model.links)
                if got[twins] >= most or self.told_at:
                    continue
            if any(self._covers(place, what, happened) for place in self.told_at):
                continue
            if self.model.case.overtaking and not any(what in link.reads for link in self.model.links):
                continue  # it came behind the notice that was to be the last, and behind the close
            if lost:
                lost -= 1
                continue
            raise AssertionError(f"{what} is missing, and no gap was told in its place")

    def _covers(self, place: int, what: int, happened: int) -> bool:
        """Whether this gap stands for this event: nothing that every connection had behind it came before the gap."""
        told = self.got[place]
        assert isinstance(told, Told)
        if happened > told.until:
            return False
        if not any(what in link.reads for link in self.model.links):
            return True  # it never came: its place is the end of its connection
        if self.model.case.overtaking:
            return True  # the notice was no proof: the gap is told when that shows, behind what follows
        if told.until == NEVER:
            return (
                True  # the connection that carried the Stream was lost: it stands for all that did not come
            )
        return all(
            self._before(each.what, what) or self._twin_before(each.what, what)
            for each in self.got[:place]
            if isinstance(each, Delivered)
        )


def run_case(case: Case) -> Model:
    """Run a case and check it. The error names the case."""
    model = Model(case)
    try:
        model.run()
        check(model)
    except AssertionError as error:
        raise AssertionError(f"{case}: {error}") from error
    return model
