"""The states of a client, as data: which event leads from which state to which, and what is done then.

``Machine`` follows this table, docs/lifecycle.md is made of it, and a test proves that each pair of a state and an
event has a row, or is declared impossible, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["EVENTS", "IMPOSSIBLE", "OPEN", "ROWS", "STATES", "Row"]

STATES: Final = {
    "new": "connect() made the client, nobody has opened it",
    "connecting": "an attempt is under way: TCP, TLS, handshake, clock, logon, subscriptions",
    "waiting": "the next attempt has its time",
    "open": "requests can be sent",
    "rotating": "the same; a successor of the connection is being made",
    "draining": "the same, on the successor; the old connection has replies or events to bring",
    "closing": "close() was called: replies are awaited, then connections, tasks and timers end",
    "closed": "the end; connect() makes another client",
}

OPEN: Final = ("open", "rotating", "draining")  # requests can be sent

EVENTS: Final = {
    "open": "`await connect(…)`, or `async with connect(…)`",
    "up": "connected, the clock measured, logged on, subscribed, in that order",
    "failed": "the attempt to connect failed, or may not be made yet",
    "refused": "the exchange or a proxy refuses this client",
    "gave up": "the first opening failed on each port, or was refused; or the program cancelled its tasks",
    "time": "the time of the next attempt has come",
    "lost": "the connection of the requests has ended",
    "lost for good": "the same, with reconnect=False",
    "revoked": "the exchange revoked the logon",
    "logon failed": "the attempt to restore the logon failed",
    "logon refused": "the exchange refuses the logon",
    "logon due": "the time of the next attempt to log on has come",
    "logged on": "the revoked logon is restored, or the user logged on or out",
    "due": "`rotate_after` is over",
    "notice": "the exchange announced the end of the connection of the requests (`serverShutdown`)",
    "rotate": "`rotate()`",
    "drained": "the old connection brought its last replies and events, and is closed",
    "time over": "`drain_timeout` is over, and the old connection is closed",
    "old lost": "the old connection ended before that",
    "went back": "the successor ended, and the old connection carries the requests again",
    "close": "`close()`, or the end of `async with`",
    "done": "connections, tasks and timers have ended",
}


class Row(NamedTuple):
    """One row: in ``state``, ``event`` leads to ``next``, and the Supervisor carries out the ``actions``, in order.

    ``test`` is the test of the row in tests/lifecycle/; ``says`` explains it for the docs.
    """

    state: str
    event: str
    next: str
    actions: tuple[str, ...]
    test: str
    says: str


def _while_open(event: str, actions: tuple[str, ...], test: str, says: str) -> tuple[Row, ...]:
    """The rows of an event that changes no state while requests can be sent."""
    return tuple(Row(state, event, state, actions, test, says) for state in OPEN)


def _rotation_begins(event: str, test: str) -> tuple[Row, ...]:
    """The rows of an event that asks for a rotation."""
    makes = "makes a successor; the old connection carries all requests until it is ready"
    joins = "waits for the rotation under way"
    if event == "notice":
        joins = "the rotation under way waits at most 1 s for requests that change the logon or subscriptions"
    kept = "is kept until the client is open; then it is a rotation of its own"
    begins = Row("open", event, "rotating", ("rotate",), test, makes)
    under_way = () if event == "due" else (Row("rotating", event, "rotating", (), test, joins),)
    return begins, *under_way, Row("draining", event, "draining", (), test, kept)


ROWS: Final = (
    Row("new", "open", "connecting", ("attempt",), "test_opening", "tries each port once"),
    Row("new", "close", "closed", ("finish",), "test_closing_a_client_that_is_new", "it can never be opened"),
    Row("connecting", "up", "open", ("install",), "test_opening", "requests go to the new connection"),
    Row(
        "connecting",
        "failed",
        "waiting",
        ("wait",),
        "test_attempts_that_fail",
        "waits for a random time, up to min(30 s, 0.25 s · 2ⁿ), or as long as the exchange says",
    ),
    Row("connecting", "refused", "waiting", ("wait",), "test_attempts_that_are_refused", "waits 60 s"),
    Row(
        "connecting",
        "gave up",
        "closed",
        ("finish",),
        "test_a_first_opening_that_fails",
        "`connect()` raises the error",
    ),
    Row(
        "connecting",
        "close",
        "closing",
        ("stop", "shut"),
        "test_closing_while_connecting",
        "ends the attempt",
    ),
    Row("waiting", "time", "connecting", ("attempt",), "test_attempts_that_fail", "tries the next port"),
    Row("waiting", "close", "closing", ("stop", "shut"), "test_closing_while_waiting", "ends the wait"),
    Row(
        "open",
        "lost",
        "connecting",
        ("detach", "attempt"),
        "test_a_loss",
        "then ends the requests in flight; the first attempt is immediate",
    ),
    Row(
        "open",
        "lost for good",
        "closed",
        ("finish",),
        "test_a_loss_without_reconnect",
        "then ends the requests in flight",
    ),
    Row("open", "close", "closing", ("stop", "shut"), "test_closing", "waits for replies, then closes"),
    *_while_open(
        "revoked",
        ("hold", "log_on"),
        "test_a_revoked_logon",
        "refuses trading locally, and logs on again; a logon that the caller signed, only the caller can restore",
    ),
    *_while_open(
        "logon failed", ("wait_to_log_on",), "test_a_logon_that_fails", "logs on again after a random time"
    ),
    *_while_open(
        "logon refused", ("wait_to_log_on",), "test_a_logon_that_is_refused", "logs on again after 60 s"
    ),
    *_while_open("logon due", ("log_on",), "test_a_logon_that_is_refused", "logs on again"),
    *_while_open("logged on", ("release",), "test_a_revoked_logon", "trading goes on"),
    *_rotation_begins("due", "test_a_rotation_that_is_due"),
    *_rotation_begins("notice", "test_a_notice"),
    *_rotation_begins("rotate", "test_rotate"),
    Row("rotating", "up", "draining", ("switch",), "test_rotate", "new requests go to the successor"),
    Row(
        "rotating",
        "failed",
        "open",
        ("end_rotation",),
        "test_a_rotation_that_fails",
        "the old connection stays; where the rotation is due or announced, another attempt follows after a random time",
    ),
    Row(
        "rotating",
        "refused",
        "open",
        ("end_rotation",),
        "test_a_rotation_that_is_refused",
        "the same, after 60 s",
    ),
    Row(
        "rotating",
        "lost",
        "connecting",
        ("detach",),
        "test_a_loss_while_rotating",
        "then ends the requests in flight; the attempt under way goes on",
    ),
    Row(
        "rotating",
        "lost for good",
        "closed",
        ("stop", "finish"),
        "test_a_loss_while_rotating_without_reconnect",
        "then ends the requests in flight, and the attempt",
    ),
    Row(
        "rotating",
        "close",
        "closing",
        ("stop", "shut"),
        "test_closing_while_rotating",
        "ends the attempt, waits for replies, then closes",
    ),
    Row("draining", "drained", "open", ("end_rotation",), "test_rotate", "`rotate()` returns"),
    Row(
        "draining",
        "time over",
        "open",
        ("end_rotation",),
        "test_an_old_connection_whose_time_is_over",
        "what was unanswered there ends as with a loss",
    ),
    Row(
        "draining",
        "old lost",
        "open",
        ("end_rotation",),
        "test_an_old_connection_that_is_lost",
        "the same",
    ),
    Row(
        "draining",
        "went back",
        "open",
        ("end_rotation",),
        "test_a_successor_that_is_lost",
        "ends the requests in flight on the successor; where the rotation is due, another attempt follows",
    ),
    Row(
        "draining",
        "lost",
        "connecting",
        ("detach", "attempt"),
        "test_a_successor_that_is_lost_after_a_notice",
        "the successor, while the old one is about to end: as in the state open",
    ),
    Row(
        "draining",
        "lost for good",
        "closed",
        ("stop", "finish"),
        "test_a_successor_that_is_lost_without_reconnect",
        "the same, with reconnect=False; the old connection ends as well",
    ),
    Row(
        "draining",
        "close",
        "closing",
        ("stop", "shut"),
        "test_closing_while_draining",
        "waits for the replies of both connections, then closes them",
    ),
    Row("closing", "close", "closing", (), "test_closing_twice", "waits for the same end"),
    Row("closing", "lost", "closing", (), "test_a_loss_while_closing", "nothing is awaited any more"),
    Row("closing", "done", "closed", ("finish",), "test_closing", "`wait_closed()` returns"),
    Row("closed", "close", "closed", (), "test_closing_twice", "nothing is left to do"),
)

_NOT_STARTED = "no connection, task or timer exists before the first opening"
_ONCE = "open() raises InvalidRequest: a client is opened once"
_ENDED = "all connections, tasks and timers have ended"
_NOT_IN_USE = "no connection carries requests; the attempt fails if its own connection ends"
_NO_ATTEMPT = "no attempt is under way"
_NO_TIMER = "no timer runs"
_CANCELLED = "close() has ended the attempt and the timer"
_NOT_CLOSING = "only the end of close() says so"
_ONLY_WITH = "`lost` or `lost for good`, as `reconnect` says; while closing it is `lost`"

_NO_ROTATION = "no rotation is under way"
_NOT_USED = "no connection carries requests that another one could take over"
_OF_ATTEMPTS = "the waits of a rotation, and of a logon, have events of their own"
_LOGON = ("revoked", "logon failed", "logon refused", "logon due", "logged on")
_ROTATION = ("due", "notice", "rotate", "drained", "time over", "old lost", "went back")
_END_OF_ROTATION = ("drained", "time over", "old lost", "went back")


def _each(states: Iterable[str], events: Iterable[str], why: str) -> dict[tuple[str, str], str]:
    return dict.fromkeys(((state, event) for state in states for event in events), why)


IMPOSSIBLE: Final = {
    **_each(("new",), (event for event in EVENTS if event not in ("open", "close")), _NOT_STARTED),
    **_each((state for state in STATES if state != "new"), ("open",), _ONCE),
    **_each(("closed",), (event for event in EVENTS if event not in ("open", "close")), _ENDED),
    **_each(("connecting", "waiting"), ("lost", "lost for good", *_LOGON), _NOT_IN_USE),
    **_each(("connecting", "waiting"), _ROTATION, _NOT_USED),
    ("connecting", "time"): _NO_TIMER,
    **_each(("waiting",), ("up", "failed", "refused", "gave up"), _NO_ATTEMPT),
    **_each(("open", "draining"), ("up", "failed", "refused", "gave up"), _NO_ATTEMPT),
    ("rotating", "gave up"): "the old connection stays in use",
    **_each(OPEN, ("time",), _OF_ATTEMPTS),
    ("rotating", "due"): _NO_TIMER,
    **_each(("open", "rotating"), _END_OF_ROTATION, _NO_ROTATION),
    **_each(("connecting", "waiting", *OPEN), ("done",), _NOT_CLOSING),
    **_each(("closing",), ("up", "failed", "refused", "gave up", "time", *_ROTATION), _CANCELLED),
    **_each(("closing",), _LOGON, "nothing is logged on again"),
    ("closing", "lost for good"): _ONLY_WITH,
}
