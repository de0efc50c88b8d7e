"""fastws' loggers: what a filter of the user's raises harms nothing.

A filter of a logger or a handler is called within the read callback, and what it raises would end the connection. It is
shown as ``logging`` shows the error of a handler, and goes no further.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

__all__ = ["SafeLogger", "logger"]

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class SafeLogger(_Adapter):
    """A logger whose methods do not raise."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        try:
            self.logger.log(level, msg, *args, **{"stacklevel": 2, **kwargs})
        except Exception:
            complain("a logging filter or handler raised an exception")


def complain(what: str) -> None:
    """Show the exception at hand on stderr, if logging.raiseExceptions is set: nobody else can be told."""
    if logging.raiseExceptions and sys.stderr is not None:
        try:
            print(f"fastws: {what}", file=sys.stderr)
            traceback.print_exc()
        except Exception:
            pass


logger = SafeLogger(logging.getLogger("fastws"), {})
