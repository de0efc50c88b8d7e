"""The states of a client, as data: which event leads from which state to which, and what is done then.

``Machine`` follows this table, docs/lifecycle.md is made of it, and a test proves that each pair of a state and an
event has a row, or is declared impossible, with the reason.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EVENTS", "IMPOSSIBLE", "ROWS", "STATES", "Row"]

STATES: Final = {
    "new": "connect() made the client, nobody has opened it",
    "connecting": "an attempt is under way: TCP, TLS, handshake, clock, logon, subscriptions",
    "waiting": "the next attempt has its time",
    "open": "requests can be sent",
    "closing": "close() was called: replies are awaited, then connections, tasks and timers end",
    "closed": "the end; connect() makes another client",
}

EVENTS: Final = {
    "open": "`await connect(…)`, or `async with connect(…)`",
    "up": "connected, the clock measured, logged on, subscribed, in that order",
    "failed": "the attempt to connect, or to restore the logon, failed, or may not be made yet",
    "refused": "the exchange or a proxy refuses this client",
    "gave up": "the first opening failed on each port, or was refused; or the program cancelled its tasks",
    "time": "the time of the next attempt has come",
    "lost": "the connection of the requests has ended",
    "lost for good": "the same, with reconnect=False",
    "revoked": "the exchange revoked the logon",
    "logged on": "the revoked logon is restored, or the user logged on or out",
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
    Row(
        "open",
        "revoked",
        "open",
        ("hold", "log_on"),
        "test_a_revoked_logon",
        "refuses trading locally, and logs on again; a logon that the caller signed, only the caller can restore",
    ),
    Row("open", "failed", "open", ("wait",), "test_a_logon_that_fails", "logs on again after a random time"),
    Row("open", "refused", "open", ("wait",), "test_a_logon_that_is_refused", "logs on again after 60 s"),
    Row("open", "time", "open", ("log_on",), "test_a_logon_that_is_refused", "logs on again"),
    Row("open", "logged on", "open", ("release",), "test_a_revoked_logon", "trading goes on"),
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

IMPOSSIBLE: Final = {
    **dict.fromkeys(
        (("new", event) for event in EVENTS if event not in ("open", "close")),
        _NOT_STARTED,
    ),
    **dict.fromkeys(((state, "open") for state in STATES if state != "new"), _ONCE),
    **dict.fromkeys(
        (("closed", event) for event in EVENTS if event not in ("open", "close")),
        _ENDED,
    ),
    **dict.fromkeys(
        ((state, event) for state in ("connecting", "waiting") for event in ("lost", "lost for good")),
        _NOT_IN_USE,
    ),
    **dict.fromkeys(
        ((state, event) for state in ("connecting", "waiting") for event in ("revoked", "logged on")),
        _NOT_IN_USE,
    ),
    ("connecting", "time"): _NO_TIMER,
    **dict.fromkeys(
        (("waiting", event) for event in ("up", "failed", "refused", "gave up")),
        _NO_ATTEMPT,
    ),
    **dict.fromkeys((("open", event) for event in ("up", "gave up")), _NO_ATTEMPT),
    **dict.fromkeys(((state, "done") for state in ("connecting", "waiting", "open")), _NOT_CLOSING),
    **dict.fromkeys(
        (("closing", event) for event in ("up", "failed", "refused", "gave up", "time")),
        _CANCELLED,
    ),
    **dict.fromkeys((("closing", event) for event in ("revoked", "logged on")), "nothing is logged on again"),
    ("closing", "lost for good"): _ONLY_WITH,
}
