"""The kinds of faults: what goes wrong, where, and with which details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CONTROL_METHODS", "EVENTS", "KINDS", "STREAM_EVENTS", "STREAM_KINDS", "FaultKind", "Point"]

Point = Literal["request", "handshake", "event"]

# The events of user data streams; faults can delay, drop and duplicate them.
EVENTS = (
    "executionReport",
    "listStatus",
    "outboundAccountPosition",
    "balanceUpdate",
    "externalLockUpdate",
    "eventStreamTerminated",
)


# The requests of connections of market data streams.
CONTROL_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
# Their events, as faults name them: by kind, where ``depth`` is a diff in any speed, ``partial`` the best levels,
# ``bookTicker`` also SBE's bestBidAsk; or by what stands behind the last "@" of the stream's name.
STREAM_EVENTS = (
    "trade",
    "aggTrade",
    "blockTrade",
    "bookTicker",
    "depth",
    "partial",
    "kline",
    "miniTicker",
    "miniTickers",
    "ticker",
    "rolling",
    "rollings",
    "avgPrice",
    "referencePrice",
    "bestBidAsk",
    "depth5",
    "depth10",
    "depth20",
    "100ms",
)


# Kinds of faults that only market data streams have.
STREAM_KINDS = ("late_reply", "join_event", "stray_event")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    Attributes:
        summary: what it does.
        details: the names of its details, and their defaults.
        point: where it acts: at a request, a handshake or an event.
        before: whether the request does not take effect.
    """

    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)
    point: Point = "request"
    before: bool = False


KINDS: Mapping[str, FaultKind] = {
    # The reply
    "drop_reply": FaultKind("the request is executed, but gets no reply"),
    "duplicate_reply": FaultKind("the reply comes twice"),
    "delay": FaultKind("the reply comes `seconds` after the effect", {"seconds": 0.05}),
    "reorder": FaultKind(
        "the reply comes after the connection's next `replies`, or after `seconds`",
        {"replies": 1, "seconds": 1.0},
    ),
    "split": FaultKind(
        "the reply's frame goes out in pieces of `size` bytes, or is cut at the bytes `at`, a list; "
        "`seconds` between two pieces",
        {"size": 1, "at": (), "seconds": 0.0},
    ),
    "fragment": FaultKind("the reply is a message of several frames, of `size` bytes each", {"size": 16}),
    "raw": FaultKind(
        "`data` (a text, or hex:…) is sent instead of the reply, as a `frame` of kind text or binary; "
        "with kind wire, without a frame",
        {"executed": True, "data": b"", "frame": "text"},
    ),
    # Errors
    "unknown": FaultKind(
        "504 with -1007; `status`, `executed`", {"executed": True, "status": 504, "code": -1007, "msg": None}
    ),
    "server_error": FaultKind(
        "500 with -1000; `status`, `code` (e.g. -1006), `msg`, `executed`",
        {"executed": False, "status": 500, "code": -1000, "msg": None},
    ),
    "error": FaultKind(
        "any error: `status`, `code`, `msg`, `data`, `executed`",
        {"executed": False, "status": 400, "code": -1000, "msg": None, "data": None},
    ),
    "rate_limit": FaultKind(
        "429 with -1003; retryAfter is the end of the minute, or `seconds` from now",
        {"seconds": None},
        before=True,
    ),
    "ban": FaultKind(
        "the address is banned for `seconds`: 418, and all its connections end",
        {"seconds": 120.0},
        before=True,
    ),
    "revoke": FaultKind("the request's key is revoked when the request arrives: 401"),
    # The engine
    "hold": FaultKind(
        "the engine takes `seconds` more; beyond the processing timeout, -1007 comes before the execution",
        {"seconds": 0.1},
    ),
    # The connection
    "cut_before": FaultKind("the connection is cut before the request takes effect", before=True),
    "cut_after": FaultKind("the connection is cut after the request took effect, before its reply"),
    "cut_reply": FaultKind(
        "the connection is cut after `byte` bytes of the reply's frame; nothing is sent after them",
        {"byte": 1},
    ),
    "close": FaultKind(
        "a close frame with `code` (1006: an end without one) and `reason` follows the reply",
        {"code": 1001, "reason": ""},
    ),
    "no_pong": FaultKind("from now on, the connection's pings are not answered"),
    "stall": FaultKind(
        "from the reply on, the connection reads nothing more; replies and events still go out"
    ),
    "freeze": FaultKind(
        "the connection is half open from the request on: it gets no reply, and nothing is read or sent any more; "
        "`executed`",
        {"executed": True},
    ),
    "shutdown": FaultKind(
        "after the reply, all connections get serverShutdown, or the request's own if `only` is true; they end "
        "`seconds` later, if given",
        {"seconds": None, "only": False},
    ),
    # The handshake
    "refuse": FaultKind(
        "the handshake is refused with `status`; with `code`, `msg` and the header Retry-After: `retry_after` "
        "(seconds, or any text), if given",
        {"status": 503, "code": None, "msg": None, "retry_after": None},
        "handshake",
    ),
    "hang": FaultKind("the handshake gets no answer, and the socket stays open", point="handshake"),
    "reset": FaultKind("the handshake is answered with a reset of the TCP connection", point="handshake"),
    "garbage": FaultKind(
        "the handshake is answered with `data` (a text, or hex:…), which is not HTTP; then the socket is closed",
        {"data": b"SSH-2.0-OpenSSH_9.6\r\n\r\n"},
        "handshake",
    ),
    "shutdown_new": FaultKind(
        "the connection that the handshake makes gets serverShutdown `delay` seconds later; it ends `seconds` after "
        "that, if given",
        {"delay": 0.0, "seconds": None},
        "handshake",
    ),
    # Events
    "delay_event": FaultKind(
        "the event comes `seconds` later, and the events after it wait for it", {"seconds": 0.05}, "event"
    ),
    "drop_event": FaultKind("the event is lost", point="event"),
    "duplicate_event": FaultKind("the event comes twice", point="event"),
    "late_reply": FaultKind(
        "only for market data: the reply to a control request comes after the connection's next event, or after "
        "`seconds`",
        {"seconds": 1.0},
    ),
    "join_event": FaultKind(
        "only for market data: a diff does not come, the next one holds its changes as well", point="event"
    ),
    "stray_event": FaultKind(
        "only for market data: `data` (a text, or hex:…) comes before the event, in a `frame` of kind text or binary",
        {"data": b"{}", "frame": "text"},
        "event",
    ),
}
