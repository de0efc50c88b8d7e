"""The types of single values in parameters and results, and of what a call returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from .._native.waiters import RequestInfo

T = TypeVar("T")

if TYPE_CHECKING:

    class Reply(asyncio.Future[T]):
        """What a call returns: a Future of the result, and the record of the request."""

        info: RequestInfo

else:

    class Reply(asyncio.Future):
        """What a call returns: a Future of the result, and the record of the request. For annotations only."""


OnReply = Callable[[Any, Exception | None], object]

# A decimal of a request. A float is refused, because its decimal text may not be the expected one.
Decimals = str | int | Decimal
# A recvWindow: milliseconds, with up to three decimals.
Milliseconds = int | float | str | Decimal

# A decimal of a result or an event: a str, the exchange's exact text, by default; a float or a decimal.Decimal where
# connect(numbers=…) says so. Which of them is known to the one who called connect(), so it is Any to a type checker.
Number = Annotated[Any, "decimal"]

# A time of a result or an event: milliseconds since 1970, or microseconds with connect(time_unit="us").
Timestamp = int


class Empty(TypedDict):
    """A result without keys."""


class Time(TypedDict):
    """``time``."""

    serverTime: Timestamp
