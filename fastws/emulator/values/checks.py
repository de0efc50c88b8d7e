"""Checks of values that users of the exchange give: seconds, codes of close frames, choices of a connection."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypeAlias

__all__ = [
    "ServiceName",
    "Which",
    "check_close_code",
    "check_count",
    "check_flag",
    "check_names",
    "check_seconds",
    "check_service",
    "check_which",
]

# A connection by its number, or by its age among those that are open.
Which: TypeAlias = int | Literal["oldest", "newest"]

# The WebSocket API, or the market data streams in JSON and SBE.
ServiceName: TypeAlias = Literal["api", "streams"]

_MAX_REASON = 123  # bytes, of the 125 of a control frame


def check_seconds(name: str, seconds: Any) -> None:
    """Check a number of seconds.

    Raises:
        ValueError: it is not a finite number, or it is negative; the text has ``name`` and the value.
    """
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds < float("inf"):
        raise ValueError(f"{name} is a number of seconds, 0 or more, not {seconds!r}")


def check_service(service: Any) -> None:
    """Check the choice of a service.

    Raises:
        ValueError: there is no such service.
    """
    if service not in ("api", "streams"):
        raise ValueError(f"service is api or streams, not {service!r}")


def check_count(name: str, count: Any, least: int = 0) -> None:
    """Check an integer.

    Raises:
        ValueError: it is not one, or it is below ``least``; the text has ``name`` and the value.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < least:
        raise ValueError(f"{name} is an integer, {least} or more, not {count!r}")


def check_flag(name: str, flag: Any) -> None:
    """Check a choice between true and false.

    Raises:
        ValueError: it is neither; the text has ``name`` and the value.
    """
    if not isinstance(flag, bool):
        raise ValueError(f"{name} is true or false, not {flag!r}")


def check_names(name: str, names: Any) -> None:
    """Check a collection of names.

    Raises:
        ValueError: it is not one, or has anything but texts of letters and digits; the text has ``name`` and the value.
    """
    collection = isinstance(names, Collection) and not isinstance(names, (str, bytes))
    if not collection or not all(isinstance(each, str) and each.isalnum() for each in names):
        raise ValueError(f"{name} is a list of names, not {names!r}")


def check_close_code(code: Any, reason: Any = "") -> None:
    """Check the code and the reason of a close frame to send; 1006 stands for an end without one.

    Raises:
        ValueError: no close frame can have them.
    """
    number = isinstance(code, int) and not isinstance(code, bool)
    if not number or not 1000 <= code < 5000 or code in (1004, 1005, 1015):
        raise ValueError(
            f"a close code is a number from 1000 to 4999, except 1004, 1005 and 1015, not {code!r}"
        )
    if not isinstance(reason, str) or len(reason.encode()) > _MAX_REASON:
        raise ValueError(
            f"the reason of a close frame is a text of at most {_MAX_REASON} bytes, not {reason!r}"
        )


def check_which(which: Any) -> None:
    """Check the choice of a connection.

    Raises:
        ValueError: it is no number of a connection, and neither "oldest" nor "newest".
    """
    number = isinstance(which, int) and not isinstance(which, bool) and which > 0
    if not number and which not in ("oldest", "newest"):
        raise ValueError(f'connection is a number from 1, "oldest" or "newest", not {which!r}')
