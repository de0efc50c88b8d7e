"""The loggers of fastws, whose methods do not raise.

Filters of the user are called inside the read callback, where an exception would end the connection. So an exception of
a filter or a handler is printed, as ``logging`` prints the error of a handler, and not raised.

Each record has the attributes of FIELDS, for handlers that write JSON or count; an attribute that does not apply is
None. Give them as keyword arguments::

    connection_log.warning("connection %d was lost: %s", number, reason, code="connection-lost", connection=number)

Each warning and each error has a stable ``code``. docs/logging.md lists the codes, and a test compares the list.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

__all__ = [
    "FIELDS",
    "SafeLogger",
    "connection_log",
    "logger",
    "resolve_log",
    "streams_log",
    "wire_log",
]

# What a record of fastws has as attributes: the number of the connection, the state of the client, why it came about,
# the number of the attempt to connect, the seconds until the next one, and the code of a warning or an error.
FIELDS = ("connection", "state", "reason", "attempt", "delay", "code")

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class SafeLogger(_Adapter):
    """A logger whose methods take FIELDS as keyword arguments, and do not raise what filters and handlers raise."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        try:
            extra = {name: kwargs.pop(name, None) for name in FIELDS}
            self.logger.log(level, msg, *args, **{"stacklevel": 2, "extra": extra, **kwargs})
        except Exception:
            complain("a logging filter or handler raised an exception")


def complain(what: str) -> None:
    """Print the exception that is being handled on stderr, if logging.raiseExceptions is set."""
    if logging.raiseExceptions and sys.stderr is not None:
        try:
            print(f"fastws: {what}", file=sys.stderr)
            traceback.print_exc()
        except Exception:
            pass


def _safe(name: str) -> SafeLogger:
    return SafeLogger(logging.getLogger(name), {})


logger = _safe("fastws")  # what belongs to none of the others
connection_log = _safe("fastws.connection")  # connections: opened, lost, opened again; logons; the clock
streams_log = _safe("fastws.streams")  # user data streams: subscriptions, events, gaps
resolve_log = _safe("fastws.resolve")  # requests of unknown outcome
wire_log = _safe("fastws.wire")  # each frame, at DEBUG; see frame_log.py
