"""What a client told its user, and what truly happened at the exchange: two histories that the checker compares.

``at`` is the number of a moment of the client's history: all that the client did or said is numbered in its order.
Times that end in ``_us`` are microseconds of the exchange's clock, other times are seconds of the event loop's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "Arrival",
    "ClientHistory",
    "End",
    "Event",
    "ExchangeHistory",
    "GapStory",
    "Mirrored",
    "Order",
    "Overflow",
    "Recovered",
    "Request",
    "Resources",
    "Rotated",
    "Said",
    "Seen",
    "Step",
    "Stream",
    "Told",
]


# ---------------------------------------------------------------------------------------------- the client's history


@dataclass
class End:
    """How a request ended: by a result or an error, told to its caller or to on_orphan; or its caller cancelled it.

    Attributes:
        error: the name of the error's class; "" for a result.
        kinds: the names of all its classes.
        cause: the names of the classes of an ExecutionUnknown's cause.
        status, code: of an ApiError, or of a cause that is one.
        new_order: a PartialFailure's or a BadRequest's new_order_result, or "".
        state, connection: the client's, at this moment.
    """

    at: int
    kind: Literal["result", "error", "cancelled", "orphan"]
    result: Any = None
    error: str = ""
    kinds: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    status: int = 0
    code: int = 0
    new_order: str = ""
    text: str = ""
    state: str = ""
    connection: int = 0


@dataclass
class Said:
    """A verdict of resolve(): its kind, and the orders that it names; candidates by their orderId."""

    at: int
    kind: str
    order: dict[str, Any] | None = None
    canceled: dict[str, Any] | None = None
    candidates: tuple[int, ...] = ()

    @property
    def final(self) -> bool:
        return self.kind in ("Executed", "Rejected", "NeverExecuted")


@dataclass
class Request:
    """A request that the user made.

    Attributes:
        number: requests are numbered in the order of their calls.
        id: its id on the wire; None if the call itself raised.
        client_order_id: the id that it gives to an order or a list, if that is known.
        trading, placing: whether it may change orders, and whether it may create one.
        connection: the number of the client's connection that it was given to; 0 if none.
        state: the client's state at the call.
        first: whether it was made in on_state, when the client had just opened.
        made: the time of the call.
        resolved: the verdicts that were asked for, in their order.
    """

    number: int
    at: int
    method: str
    params: dict[str, Any]
    trading: bool = False
    placing: bool = False
    id: str | None = None
    client_order_id: str | None = None
    connection: int = 0
    state: str = "open"
    first: bool = False
    made: float = 0.0
    ends: list[End] = field(default_factory=list)
    resolved: list[Said] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{end.kind} {end.error or end.result} {end.text}"[:200] for end in self.ends)
        said = "".join(f", then {verdict.kind}" for verdict in self.resolved)
        return f"#{self.number} {self.method} {self.params} (id {self.id}) ended in [{ends}]{said}"


@dataclass
class Step:
    """A change of the client's state, as on_state was told, and the connection that carries the requests from then."""

    at: int
    old: str
    new: str
    reason: str = ""
    time: float = 0.0
    connection: int = 0


@dataclass
class Rotated:
    """A call of rotate(): the connection that it was to leave, and how it ended; ``error``: the name of the error.

    Attributes:
        ended_at: None: it never ended.
        left: whether that connection had ended, when the call had.
    """

    at: int
    connection: int
    ended_at: int | None = None
    error: str = ""
    left: bool = False


@dataclass
class Event:
    """An event of a user data stream. ``key`` names it, whatever the format; ``connections``: those it was sent on;
    ``heard``: when the consumer got it; ``asked``: since when it has waited for it."""

    key: tuple[Any, ...]
    time_us: int
    account: str = ""
    connections: tuple[int, ...] = ()
    heard: float = 0.0
    asked: float = 0.0


@dataclass
class Seen:
    """An event as a connection of the client read it, before the client made anything of it."""

    key: tuple[Any, ...]
    connection: int
    time: float


@dataclass
class Told:
    """A gap, in its place among the events of a subscription: the index of its story."""

    gap: int


@dataclass
class Overflow:
    """So many events found the consumer's buffer full, here."""

    lost: int


# What the consumer of a subscription got.
Stream = list[Event | Told | Overflow]


@dataclass
class Recovered:
    """What one recover_gap() gave."""

    at: int
    orders: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    complete: bool
    symbols: tuple[str, ...] = ()
    missing: str = ""


@dataclass
class GapStory:
    """A gap that the client told.

    Attributes:
        lost_at: when the connection was lost, or the client heard of the gap otherwise.
        told_at: when on_gap was called; None: it never was.
        closing_at: when the call began that ended it: the last recover_gap(), or accept().
        ended_at: when that call had ended; None: the gap is open.
        accepted: whether accept() ended it.
    """

    account: str
    start_us: int
    end_us: int
    symbols: tuple[str, ...] = ()
    lost_at: int = 0
    told_at: int | None = None
    closing_at: int | None = None
    ended_at: int | None = None
    accepted: bool = False
    recovered: list[Recovered] = field(default_factory=list)


@dataclass
class Mirrored:
    """What the mirror of the account showed in the end.

    Attributes:
        shown: orders, fills, commission and balances, as helpers/mirrors.py gives them.
        stale: whether it called itself stale; ``text``: how it showed itself.
        unknown: the ids of the requests that it called unknown.
    """

    shown: dict[str, Any]
    stale: bool = False
    text: str = ""
    unknown: tuple[str, ...] = ()


@dataclass
class Resources:
    """What a process holds: of the client, and of the system."""

    tasks: int
    sockets: int
    descriptors: int
    timers: int = 0


@dataclass
class ClientHistory:
    """What a client did, and what it told its user.

    Attributes:
        account: the account's name at the exchange.
        streams: the events and gaps of each subscription, in the order in which its consumer got them.
        holds: whether placements are refused after a told gap.
        planned: whether nothing goes wrong but what was planned or announced.
        drain_timeout: the client's.
        rotations: the calls of rotate().
        seen: each event that a connection read; None if nobody looked.
        late: when the event loop was late, and by how much.
        revoked: whether the logon was revoked meanwhile.
        stats: the client's, in the end.
        budget: attempts of a window, and its seconds; None: not counted.
        opened: the times of the calls of connect().
        finished_at: when the client was asked for what follows, after all was quiet; None: at the very end.
        final_state, in_flight: then.
        connections: how many it has then.
        before, after: what the process held before connect(), and after close().
        mirror: what an OrderMirror showed; None if there was none.
    """

    account: str = ""
    requests: list[Request] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    gaps: list[GapStory] = field(default_factory=list)
    holds: bool = True
    planned: bool = False
    drain_timeout: float = 15.0
    rotations: list[Rotated] = field(default_factory=list)
    seen: list[Seen] | None = None
    late: list[tuple[float, float]] = field(default_factory=list)
    revoked: bool = False
    stats: dict[str, int] = field(default_factory=dict)
    budget: tuple[int, float] | None = None
    opened: list[float] = field(default_factory=list)
    finished_at: int | None = None
    final_state: str = "open"
    in_flight: int = 0
    connections: int = 1
    before: Resources | None = None
    after: Resources | None = None
    mirror: Mirrored | None = None


# -------------------------------------------------------------------------------------------- the exchange's history


@dataclass
class Arrival:
    """A request at the exchange: a record of its journal."""

    seq: int
    connection: int
    id: str | None
    method: str
    params: dict[str, Any]
    account: str
    executed: bool
    order_id: int | None = None
    client_order_id: str | None = None
    status: int = 0
    code: int = 0
    reply_sent: bool = False
    received_us: int = 0
    executed_us: int = 0
    fault: str = ""

    def __str__(self) -> str:
        done = "executed" if self.executed else "not executed"
        return f"arrival {self.seq} on connection {self.connection}, {done}, {self.status} {self.code} {self.fault}"


@dataclass
class Order:
    """An order of the account, as the engine has it in the end. ``names``: all client order ids that it had."""

    id: int
    symbol: str
    names: tuple[str, ...]
    status: str
    executed_qty: str
    time_us: int
    update_us: int


@dataclass
class Trade:
    """A trade of the account."""

    id: int
    order_id: int
    symbol: str
    time_us: int


@dataclass
class ExchangeHistory:
    """What truly happened at the exchange.

    Attributes:
        events: each event of the account, in the true order.
        orders: the account's orders, by symbol and orderId.
        attempts: the times at which the client tried to connect.
        shown: what a mirror of the account should show in the end.
        sent: the keys of the events that each connection was sent, in their order.
        types_overtake: whether events of different types overtook one another.
        announced: the connections whose end was announced, and that the client has in the end.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    orders: dict[tuple[str, int], Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    sent: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)
    types_overtake: bool = False
    announced: list[int] = field(default_factory=list)
