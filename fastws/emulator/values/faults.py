"""Faults to inject: what goes wrong on networks and exchanges, at a chosen request, handshake or event.

A fault can be written as a line of text, for the command line, files and tests alike:

    KIND[@METHOD] [times=N] [after=N] [chance=P] [connection=N|oldest|newest] [DETAIL=VALUE …]

as in ``drop_reply@order.place``, ``error times=3 status=429 code=-1003`` or ``delay_event@executionReport
seconds=0.2``. See README.md beside this file.
"""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from .checks import Which, check_close_code, check_count, check_flag, check_seconds, check_which
from .fault_kinds import EVENTS, KINDS, STREAM_EVENTS, FaultKind, Point

__all__ = ["KINDS", "Fault", "FaultKind", "Faults", "parse_fault", "parse_values"]


@dataclass(slots=True)
class Fault:
    """A fault that waits for its requests. ``times`` counts down; ``hits`` counts up.

    Attributes:
        method: the method, or the event type for a fault of events; None means any.
        times: how many more times it acts; a fault that was added with 0 acts for ever.
        after: how many more matching requests or events pass before it acts.
        chance: the probability that it acts, from 0 to 1.
        connection: the connection that it acts on: a number, or the "oldest" or "newest" of those that are open when
            it would act; None means any. For a handshake, it is the connection that the handshake would make.
    """

    kind: str
    method: str | None
    times: int
    details: dict[str, Any] = field(default_factory=dict)
    after: int = 0
    chance: float = 1.0
    hits: int = 0
    connection: Which | None = None

    @property
    def before(self) -> bool:
        """Whether it acts before the request takes effect, and prevents the effect."""
        return KINDS[self.kind].before or not self.details.get("executed", True)

    def concerns(self, number: int, open_now: Sequence[int]) -> bool:
        """Whether it can act on the connection of a number; ``open_now`` has the open ones, oldest first."""
        which = self.connection
        if which is None or which == number:
            return True
        if isinstance(which, int) or not open_now:
            return False
        return number == (open_now[0] if which == "oldest" else open_now[-1])


class Faults:
    """The faults that wait for their requests.

    Args:
        seed: the random seed for faults with a chance.
        methods: the names of the methods; without them, any name is accepted.
        events: the types of events that faults can be of.

    Attributes:
        open_connections: returns the numbers of the open connections, oldest first.
    """

    def __init__(
        self, seed: int = 1, methods: Collection[str] | None = None, events: Collection[str] = EVENTS
    ) -> None:
        self._methods = methods
        self._events = events
        self._random = random.Random(f"faults {seed}")
        self.open_connections: Callable[[], Sequence[int]] = tuple
        self._waiting: dict[Point, list[Fault]] = {"request": [], "handshake": [], "event": []}
        self.requests = self._waiting["request"]

    def add(
        self,
        kind: str,
        method: str | None = None,
        times: int = 1,
        *,
        after: int = 0,
        chance: float = 1.0,
        connection: Which | None = None,
        **details: Any,
    ) -> Fault:
        """Add a fault for the next ``times`` requests of ``method``, or of any method if it is None.

        The fault that was added first acts first. KINDS lists the kinds and their details; for a fault of
        events, ``method`` is an event type.

        Args:
            kind: what goes wrong.
            method: the method, without a version prefix.
            times: how many times; 0 means for ever.
            after: the number of matching requests that pass first.
            chance: the probability that it acts on a request.
            connection: the connection that it acts on: its number, "oldest" or "newest"; None means any.
            details: the details of the kind.

        Raises:
            ValueError: the kind, method or event is unknown, the kind does not have such a detail, or a value is out
                of range.
        """
        fault = self.check(kind, method, times, after=after, chance=chance, connection=connection, **details)
        self._waiting[KINDS[kind].point].append(fault)
        return fault

    def check(
        self,
        kind: str,
        method: str | None = None,
        times: int = 1,
        *,
        after: int = 0,
        chance: float = 1.0,
        connection: Which | None = None,
        **details: Any,
    ) -> Fault:
        """Make the fault that ``add`` would add.

        Raises:
            ValueError: as in ``add``.
        """
        known = KINDS.get(kind)
        if known is None:
            raise ValueError(f"unknown kind of fault: {kind!r}; known are {', '.join(KINDS)}")
        unknown = details.keys() - known.details.keys()
        if unknown:
            raise ValueError(f"a fault of kind {kind!r} takes no {', '.join(sorted(unknown))}")
        if method is not None:
            self._check_name(kind, known.point, method)
        check_count("times", times)
        check_count("after", after)
        if isinstance(chance, bool) or not isinstance(chance, (int, float)) or not 0 <= chance <= 1:
            raise ValueError(f"chance is a probability from 0 to 1, not {chance!r}")
        if connection is not None:
            check_which(connection)
        whole = {**known.details, **details}
        _check_details(kind, known, whole)
        return Fault(kind, method, times, whole, after, chance, connection=connection)

    def _check_name(self, kind: str, point: Point, name: str) -> None:
        """Raise ValueError for an unknown method or event: such a fault would never act."""
        if point == "handshake":
            raise ValueError(f"a fault of kind {kind!r} acts on handshakes and takes no method")
        what, names = ("event", self._events) if point == "event" else ("method", self._methods)
        if names is STREAM_EVENTS and ("@" in name or name.startswith("!")):
            return  # the whole name of a stream
        if names is not None and name not in names:
            meant = get_close_matches(name, names, 1)
            hint = f": did you mean {meant[0]!r}?" if meant else ""
            raise ValueError(f"a fault of kind {kind!r}: unknown {what} {name!r}{hint}")

    def add_text(self, text: str) -> Fault:
        """Add a fault from a line of text.

        Raises:
            ValueError: the line is not a fault.
        """
        kind, method, values = parse_fault(text)
        return self.add(kind, method, **values)

    def take(self, method: str, connection: int) -> Fault | None:
        """The fault that acts on this request of ``method`` on a connection, or None."""
        return self._take("request", (method,), connection, ())

    def of_handshake(self, connection: int) -> Fault | None:
        """The fault that acts on the handshake that would make the connection of this number, or None."""
        return self._take("handshake", (), connection, (connection,))

    def of_event(self, event: str, connections: Sequence[int]) -> list[tuple[float, int]]:
        """What happens to an event on each of the connections that it is sent on.

        At most one fault acts on each connection; a fault acts on all connections that it is for, and that counts once.

        Returns:
            For each connection, the additional delay in seconds, and how many times the event is sent.
        """
        effects: list[tuple[float, int] | None] = [None] * len(connections)
        waiting = self._waiting["event"]
        open_now = self.open_connections() if waiting else ()
        for fault in list(waiting):
            if fault.method is not None and fault.method != event:
                continue
            places = [
                place
                for place, number in enumerate(connections)
                if effects[place] is None and fault.concerns(number, open_now)
            ]
            if places and self._acts(fault, waiting):
                copies = {"drop_event": 0, "duplicate_event": 2}.get(fault.kind, 1)
                for place in places:
                    effects[place] = (fault.details.get("seconds", 0.0), copies)
        return [(0.0, 1) if effect is None else effect for effect in effects]

    def of_stream(self, names: Collection[str], connection: int) -> Fault | None:
        """The fault that acts on an event of a market data stream on a connection, or None.

        Args:
            names: the names by which a fault can mean this event.
        """
        return self._take("event", names, connection, ())

    def _take(
        self, point: Point, names: Collection[str], connection: int, beginning: tuple[int, ...]
    ) -> Fault | None:
        waiting = self._waiting[point]
        open_now: Sequence[int] | None = None
        for fault in waiting:
            if fault.method is not None and fault.method not in names:
                continue
            if fault.connection is not None:
                if open_now is None:
                    open_now = (*self.open_connections(), *beginning)
                if not fault.concerns(connection, open_now):
                    continue
            if self._acts(fault, waiting):
                return fault
        return None

    def _acts(self, fault: Fault, waiting: list[Fault]) -> bool:
        """Whether a fault acts now, where it could act."""
        if fault.after > 0:
            fault.after -= 1
            return False
        if fault.chance < 1.0 and self._random.random() >= fault.chance:
            return False
        fault.hits += 1
        if fault.times > 0:
            fault.times -= 1
            if fault.times == 0:
                waiting.remove(fault)
        return True

    def clear(self) -> None:
        """Remove all faults."""
        for waiting in self._waiting.values():
            waiting.clear()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[Fault]:
        return (fault for waiting in self._waiting.values() for fault in waiting)

    def __bool__(self) -> bool:
        return any(self._waiting.values())


def _check_details(kind: str, known: FaultKind, details: dict[str, Any]) -> None:
    """Check the values of a fault's details, and give ``data`` that was written as JSON its text.

    Raises:
        ValueError: a value is out of range.
    """
    for name, value in details.items():
        if value is None and known.details[name] is None:
            continue
        if name in ("delay", "seconds", "size", "replies", "byte"):
            if name in ("delay", "seconds"):
                check_seconds(name, value)
            else:
                check_count(name, value, 0 if name == "byte" else 1)
        elif name == "retry_after" and not isinstance(value, str):
            check_seconds(name, value)
        elif name in ("executed", "only"):
            check_flag(name, value)
        elif name == "frame" and value not in ("text", "binary", "wire"):
            raise ValueError(f"frame is text, binary or wire, not {value!r}")
        elif name == "at":
            if not isinstance(value, (int, list, tuple)):
                raise ValueError(f"at is a byte, or a list of bytes, not {value!r}")
            for byte in (value,) if isinstance(value, int) else value:
                check_count(name, byte)
        elif name == "code" and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"code is an integer, not {value!r}")
        elif name in ("msg", "reason") and not isinstance(value, str):
            raise ValueError(f"{name} is a text, not {value!r}")
        elif name == "status":
            check_count(name, value, 100)
        elif (
            name == "data"
            and kind in ("raw", "garbage", "stray_event")
            and not isinstance(value, (str, bytes))
        ):
            details[name] = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if kind == "close":
        check_close_code(details["code"], details["reason"])
    elif kind == "refuse" and details["status"] not in [
        status.value for status in HTTPStatus if status >= 400
    ]:
        raise ValueError(
            f"status of a refused handshake is an HTTP status from 400 on, not {details['status']!r}"
        )


def parse_fault(text: str) -> tuple[str, str | None, dict[str, Any]]:
    """Read the kind, the method and the values of a fault from a line of text.

    Raises:
        ValueError: a word is malformed.
    """
    words = shlex.split(text)
    if not words:
        raise ValueError("an empty text is not a fault")
    kind, _, method = words[0].partition("@")
    return kind, method or None, parse_values(words[1:])


def parse_values(words: list[str]) -> dict[str, Any]:
    """Read the values of words such as ``seconds=0.2``: JSON, or bytes after "hex:", else a text.

    Raises:
        ValueError: a word has no "=", or its name is not an identifier.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise ValueError(f"{word!r} is not of the form name=value")
        if value.startswith("hex:"):
            values[name] = bytes.fromhex(value[4:])
            continue
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values
