"""The logger of fastws, whose methods do not raise.

Filters of the user are called inside the read callback, where an exception would end the connection. So an exception of
a filter or a handler is printed, as ``logging`` prints the error of a handler, and not raised.
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
    """A logger whose methods do not raise what filters and handlers raise."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        try:
            self.logger.log(level, msg, *args, **{"stacklevel": 2, **kwargs})
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


logger = SafeLogger(logging.getLogger("fastws"), {})
