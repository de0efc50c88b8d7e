"""A model of an exchange that sends one account's events over connections that lag, and of a client that rotates.

It drives compiled Merges by hand, with a clock of its own. merge_checker.py checks what came out.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastws._native.merge import Merge, MergeCounts
from fastws._native.streams import Stream
from fastws.errors import EventOverflow
from fastws.gaps import EventGap
from helpers.merge_cases import Case

S = 1_000_000_000
START = 1_000 * S
NEVER = 1 << 62


@dataclass
class Told:
    """A gap in what the user got. ``until``: no event that was missed happened later."""

    until: int


@dataclass
class Delivered:
    """An event in what the user got: the number of what happened, and when the user had it."""

    what: int
    at: int


@dataclass
class Lost:
    """Events that the buffer had no room for."""

    count: int


@dataclass
class Link:
    """One connection: which events it carries, and when they are read."""

    lags: dict[str, Callable[[], int]]
    since: int = -1  # its subscription took effect
    until: int = NEVER  # ... and ended
    lost_at: int = NEVER
    reads: dict[int, int] = field(default_factory=dict)  # by the number of what happened
    latest: dict[str, int] = field(default_factory=dict)  # by type: they do not overtake one another
    notice_at: int = NEVER
    replied_at: int = NEVER

    def carries(self, happened: int) -> bool:
        return self.since <= happened < self.until


class _Owner:
    """A SessionOwner, as far as a Stream needs one."""

    def report(self, message: str, exception: BaseException | None) -> None:
        raise AssertionError(f"{message}: {exception!r}")

    def overflowed(self, stream: Any, close: bool) -> None:
        pass

    def stream_ended(self, stream: Any) -> None:
        pass


class Model:
    """Runs a case. ``got`` is what the user got, in order."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rng = random.Random(case.seed * 7919 + 1)
        self.now = START
        self.got: list[Delivered | Told | Lost] = []
        self.warned: list[str] = []
        self.counts = MergeCounts(self.warned.append)
        self.history: list[tuple[int, dict[str, Any]]] = []  # (when, event)
        self.what: dict[int, int] = {}  # by id() of a copy: which one it is
        self.copies: list[dict[str, Any]] = []  # they live, so that no id() comes twice
        self.links: list[Link] = []
        self.merge: Merge | None = None
        self.host: _Host | None = None
        self.given_up = False  # a successor was, before the Stream moved to it
        self.target: Stream = Stream(
            _Owner(), None, self._on_event if case.buffer == 0 else None, case.buffer or 65536
        )
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._make_history()

    # --------------------------------------------------------------------------------------------- the exchange

    def _make_history(self) -> None:
        rng = self.rng
        when = START
        execution = 100
        orders = [rng.randint(1, 9) for _ in range(3)]
        for _ in range(rng.randint(10, 22) * self.case.rotations):
            when += rng.choice([0, 1_000, 1_000_000, round(rng.random() * 150_000_000)])
            kind = rng.choice(["fill", "report", "balance", "balance", "account"])
            if kind in ("fill", "report"):
                execution += rng.choice([1, 1, 2])
                event = {
                    "e": "executionReport",
                    "s": rng.choice(["BTCUSDT", "ETHUSDT"]),
                    "i": rng.choice(orders),
                    "I": execution,
                    "x": "TRADE" if kind == "fill" else rng.choice(["NEW", "CANCELED", "REPLACED"]),
                    "t": execution if kind == "fill" else -1,
                    "z": str(rng.randint(0, 3)),
                }
            elif kind == "balance":  # few values: many are identical
                event = {
                    "e": "balanceUpdate",
                    "a": rng.choice(["BTC", "USDT"]),
                    "d": rng.choice(["1", "2"]),
                    "T": 0,
                }
            else:
                event = {"e": "outboundAccountPosition", "B": [{"a": "BTC", "f": str(rng.randint(0, 2))}]}
            if not self.case.twins and kind in ("balance", "account"):
                event["T"] = len(self.history)
            self.history.append((when, event))
        self.end = when + 3 * S

    def _lags(self) -> dict[str, Callable[[], int]]:
        rng = self.rng
        longest = (
            rng.choice([0.005, 0.05, 0.2]) if self.case.calm else rng.choice([0.005, 0.05, 0.2, 0.4, 1.5])
        )

        def lag(longest: float) -> Callable[[], int]:
            base = rng.random() * longest * 0.5
            return lambda: round((base + rng.random() * longest * 0.5) * S)

        return {
            kind: lag(longest * rng.choice([0.1, 1.0]))
            for kind in ("executionReport", "balanceUpdate", "outboundAccountPosition")
        }

    def at(self, when: int, call: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (when, self._order, call))

    def _send(self, number: int) -> None:
        """Something happens: each connection that has a subscription brings it, sooner or later."""
        when, event = self.history[number]
        for place, link in enumerate(self.links):
            if not link.carries(when):
                continue
            kind = event["e"]
            read = max(link.latest.get(kind, 0), when + link.lags[kind]())
            link.latest[kind] = read
            if read < link.lost_at:
                link.reads[number] = read
                self.at(read, lambda place=place, number=number: self._read(place, number))  # type: ignore[misc]

    # ----------------------------------------------------------------------------------------------- the client

    def run(self) -> None:
        first = Link(self._lags(), since=0, replied_at=0)
        self.links.append(first)
        self.at(
            START, self._begin
        )  # before anything happens: without a Merge nothing can be delivered by hand
        for number, (when, _) in enumerate(self.history):
            self.at(when, lambda number=number: self._send(number))  # type: ignore[misc]
        while self._queue:
            when, _, call = heapq.heappop(self._queue)
            self._tick(when)
            self.now = when
            call()
            if self.case.buffer and self.rng.random() < 0.4:
                self._consume()
        self._tick(self.now + 60 * S)
        self._consume()

    def _tick(self, until: int) -> None:
        while self.merge is not None and 0 < self.merge.due <= until:
            self.now = max(self.now, self.merge.due)
            self.merge.check(self.now)

    def _begin(self) -> None:
        """The client subscribes on a successor."""
        rng = self.rng
        for gone in self.links[:-1]:  # it was closed
            gone.lost_at = min(gone.lost_at, self.now)
            self._forget_reads(gone)
        link = Link(self._lags())
        self.links.append(link)
        self.host = _Host(self, len(self.links) - 1)
        before = self.merge if self.merge is not None and not self.merge.over else None
        assert before is None or before.live
        self.merge = Merge(
            self.target, self.target.shadow(), self.host, lambda delay, call: _Timer(), self.counts, before
        )
        self.host.merge = self.merge
        link.since = self.now + round(rng.random() * rng.choice([0.01, 0.05, 0.5]) * S)
        link.replied_at = link.since + round(rng.random() * 0.05 * S)
        self.at(link.replied_at, self.host.replied)
        self.at(link.replied_at + round(rng.random() * rng.choice([0.01, 0.3, 1.0]) * S), self.host.hand_over)
        if self.case.loses_old:
            lost = self.now + round(rng.random() * 1.0 * S)
            self.links[-2].lost_at = lost
            self._forget_reads(self.links[-2])
            self.at(lost, self.host.old_lost)
        if self.case.loses_new and len(self.links) > self.case.rotations:
            lost = self.now + round(rng.random() * 1.0 * S)
            link.lost_at = lost
            self.at(lost, self.host.new_lost)

    def _forget_reads(self, link: Link) -> None:
        for number, read in list(link.reads.items()):
            if read >= link.lost_at:
                del link.reads[number]

    def _copy(self, number: int, place: int) -> dict[str, Any]:
        """The event as one connection brings it."""
        event = dict(self.history[number][1])
        if "B" in event:
            event["B"] = [dict(each) for each in event["B"]]
        event["E"] = self.rng.randint(1, 1 << 40)
        if self.case.differing and event["e"] == "executionReport":
            event["W"] = place
        self.what[id(event)] = number
        self.copies.append(event)
        return event

    def _read(self, place: int, number: int) -> None:
        """The client reads an event from one connection."""
        link = self.links[place]
        if self.now >= link.lost_at:
            return
        event = self._copy(number, place)
        host = self.host
        assert host is not None
        if place == host.place:
            host.read_new(event)
        elif place == host.place - 1:
            host.read_old(event)

    def _on_event(self, event: dict[str, Any]) -> None:
        self.got.append(Delivered(self.what[id(event)], self.now))
        event.clear()  # the user may do what he likes with it

    def _consume(self) -> None:
        """Take what is in the buffer."""
        while self.case.buffer:
            try:
                events = self.target.take_all()
                last = self.target.take() if not events else None
                for event in [*events, *([] if last is None else [last])]:
                    self.got.append(Delivered(self.what[id(event)], -1))
                    event.clear()
                if not events and last is None:
                    return
            except EventOverflow as lost:
                self.got.append(Lost(lost.lost))
            except EventGap as gap:
                self.got.append(Told(gap.gap))

    def tell(self, until: int) -> None:
        """The user gets a gap."""
        if self.case.buffer:
            self.target.put_gap(EventGap("a gap", until), self.now)
        else:
            self.got.append(Told(until))


class _Timer:
    def cancel(self) -> None:
        pass


class _Host:
    """What handover.py does for one rotation, without connections."""

    def __init__(self, model: Model, place: int) -> None:
        self.model = model
        self.place = place
        self.merge: Merge
        self.early: list[tuple[dict[str, Any], int]] = []  # events before the reply to the subscribe
        self.replied_ = False
        self.moved = False
        self.alone = False  # the successor was given up
        self.old_over = False

    @property
    def old(self) -> Link:
        return self.model.links[self.place - 1]

    @property
    def new(self) -> Link:
        return self.model.links[self.place]

    # ---------------------------------------------------------------------------------------------- what is read

    def read_old(self, event: dict[str, Any]) -> None:
        model = self.model
        if self.alone:
            if self.merge.over:  # a Merge without a successor lets everything pass
                self.merge = model.merge = Merge(
                    model.target, model.target.shadow(), self, lambda delay, call: _Timer(), model.counts
                )
            self.merge.feed(not self.merge.live, event, model.now, model.now)
        elif self.old_over:
            self.merge.feed_late(event)
        else:
            self.merge.feed(True, event, model.now, model.now)

    def read_new(self, event: dict[str, Any]) -> None:
        if self.alone:
            return
        if not self.replied_:
            self.early.append((event, self.model.now))
        else:
            self.merge.feed(False, event, self.model.now, self.model.now)

    def replied(self) -> None:
        if self.alone or self.model.now >= self.new.lost_at:
            return
        self.replied_ = True
        if self.old_over:  # it was lost meanwhile: the reply brings the Stream back
            self._gap(self.new.replied_at)
            self.merge.release(self.model.now)
            self._next()
        early, self.early = self.early, []
        for event, read in early:
            self.merge.feed(False, event, read, read)

    def hand_over(self) -> None:
        """The Stream moves, and the old connection is unsubscribed."""
        model = self.model
        if self.moved or self.alone or self.old_over or not self.replied_ or model.now >= self.new.lost_at:
            return
        self._move()
        rng = model.rng
        old = self.old
        old.until = model.now + round(rng.random() * 0.03 * S)

        def ended() -> None:
            quick = old.lags["balanceUpdate"]()
            notice = old.until + quick
            if not model.case.overtaking:
                notice = max([notice, *old.latest.values()])
            if notice < old.lost_at:
                old.notice_at = notice
                model.at(notice, self.notice)

        model.at(old.until, ended)

    def _move(self) -> None:
        self.moved = True
        self.merge.moved(self.model.target.shadow())

    def notice(self) -> None:
        """The old connection says that its subscription has ended."""
        if self.old_over:
            return
        self.old_over = True
        if not self.merge.live:
            self.merge.release(self.model.now)
        self._next()

    def _next(self) -> None:
        model = self.model
        if len(model.links) <= model.case.rotations:
            model.at(model.now + round(model.rng.random() * 0.5 * S), model._begin)

    def old_lost(self) -> None:
        if self.alone:
            self.model.tell(NEVER)
        if self.old_over or self.alone:
            return
        self.old_over = True
        if self.moved or self.replied_:
            if not self.moved:
                self._move()
            if not self.merge.live:
                self._gap(self.new.replied_at)
                self.merge.release(self.model.now)
            self._next()

    def new_lost(self) -> None:
        if self.old_over:
            self.model.tell(NEVER)
        elif self.moved:  # what is left of the old one comes; then the user subscribes again
            self.model.at(self.model.end, lambda: self.model.tell(NEVER))
        else:
            self.alone = self.model.given_up = True
            self.merge.withdraw()

    def _gap(self, until: int) -> None:
        self.model.tell(until)

    # ---------------------------------------------------------------------------------------- what the Merge calls

    def expired(self) -> None:
        if not self.moved:
            assert self.replied_
            self.hand_over()
            assert self.moved
        self._gap(self.new.replied_at)
        self.merge.release(self.model.now)

    def disordered(self) -> None:
        self._gap(self.model.now)

    def came_late(self) -> None:
        self._gap(self.model.now)

    def comes_back(self) -> bool:
        return False

    def old_ended(self) -> None:
        raise AssertionError("the model sends no notice before the Stream moved")

    def conclude(self) -> None: ...
    def over(self) -> None:
        self.merge.stop()
