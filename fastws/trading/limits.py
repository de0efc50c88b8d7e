"""The exchange's rate limits: as replies show them, and what its refusals mean (web-socket-api.md, Rate limits)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._common.index import index_of
from .._common.log import logger
from .._common.times import microseconds, time_in, time_of
from .._native.brakes import Brakes
from .._native.clock import Clock
from .._native.waiters import RequestInfo
from ..errors import ApiError, RateLimited

__all__ = ["RateLimit"]

_SECOND = 1_000_000
_INTERVALS = {"SECOND": _SECOND, "MINUTE": 60 * _SECOND, "HOUR": 3600 * _SECOND, "DAY": 86400 * _SECOND}
_SHORTEST_BAN = 120 * _SECOND  # "from 2 minutes to 3 days"
_LONGEST = {"banned": 3 * 86400 * _SECOND}  # what is said beyond that is not believed
_LONGEST_OTHERS = 86400 * _SECOND  # no limit's window is longer
_ORDERS_TEXT = re.compile(
    r"limit is (\d+) orders per ([1-9]\d{0,5}) ?(SECOND|MINUTE|HOUR|DAY)", re.IGNORECASE
)


@dataclass(frozen=True)
class RateLimit:
    """One limit: ``count`` of ``limit`` are used up in the current window of ``intervalNum`` ``interval``.

    Windows are aligned with the calendar: one of 10 SECOND starts at 0, 10, 20 … seconds. ``count`` is what the latest
    reply said, or 0 where its window has ended; ``resets_at`` is the end of the current window, by the exchange's
    clock, as far as that is known (``client.sync_time()``).
    """

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int
    count: int
    resets_at: datetime | None = None

    @property
    def used(self) -> int:
        """``count``, by another name."""
        return self.count

    @property
    def remaining(self) -> int:
        """What is left of the limit in this window."""
        return max(0, self.limit - self.count)


def rate_limits(brakes: Brakes, account: str | None = None) -> list[RateLimit]:
    """The limits that replies showed; of the client's account and address, or those of another API key's account."""
    return [
        RateLimit(kind, interval, number, limit, count, None if end is None else time_of(end))
        for kind, interval, number, limit, count, end in brakes.rows(account)
    ]


def heed(brakes: Brakes, clock: Clock, error: ApiError, info: RequestInfo | None) -> None:
    """Close the gate that a refusal tells of, if it tells of one.

    418 closes everything; ``retryAfter`` and -1003 what costs weight; -1015 what places orders for that account. A text
    without ``data`` may say until when.
    """
    data = error.data if isinstance(error.data, dict) else {}
    until = _time(data.get("retryAfter"))
    if until is None:
        until = time_in(error.msg)
    server = None if until is None else _time(data.get("serverTime"))
    now = clock.now() if server is None else server  # the exchange's own clock
    half = data.get("newOrderResponse")  # of a cancelReplace
    half = half if isinstance(half, dict) else {}
    account = None
    if error.status == 418:
        which, why = "banned", "the exchange has banned this address"
        until = now + _SHORTEST_BAN if until is None else until
    elif error.code == -1015 or half.get("code") == -1015:
        which, why = "orders", "the limit of new orders of this account is used up"
        account = None if info is None else brakes.own_account(info.signer, info.params)
        if until is None:
            until = _orders_window(
                brakes, error.msg if error.code == -1015 else half.get("msg"), account, now
            )
    elif error.code == -1003 or (error.status == 429 and until is not None):
        which, why = "weight", "the request weight of this address is used up"
        if until is None:
            ends = [row[5] for row in brakes.rows() if row[0] == "REQUEST_WEIGHT" and row[5] is not None]
            until = min(ends, default=_end(now, 60 * _SECOND))
    else:
        which = why = ""
    if which and until is not None:
        longest = _LONGEST.get(which, _LONGEST_OTHERS)
        if until - now > longest:
            logger.warning("%s, for longer than can be: it is taken for %d s", why, longest // _SECOND)
            until = now + longest
        brakes.close_gate(which, until - now, until, why, account)
    if isinstance(error, RateLimited):
        error._until_us = until


def _time(said: object) -> int | None:
    """A time of the exchange in microseconds; None for what can be none."""
    return microseconds(said) if type(said) is int and 0 <= said < 10**17 else None


def _end(now: int, length: int) -> int:
    """When the calendar's window of this length ends."""
    return now - now % length + length


def _orders_window(brakes: Brakes, text: object, account: str | None, now: int) -> int:
    """When the window ends of which -1015 says that it is full."""
    said = _ORDERS_TEXT.search(text) if isinstance(text, str) else None
    if said is not None:
        return _end(now, int(said[2]) * _INTERVALS[said[3].upper()])
    full = [row for row in brakes.rows(account) if row[0] == "ORDERS" and row[4] >= row[3] and row[5]]
    return max((row[5] or now for row in full), default=_end(now, 10 * _SECOND))


def weight_of(method: str, params: Mapping[str, Any]) -> int:
    """The documented weight of a read (web-socket-api.md, and methods.py, which holds it in words)."""
    name = method.rpartition("/")[2]
    symbols = params.get("symbols")
    several = len(symbols) if isinstance(symbols, (list, tuple)) else 0
    one = params.get("symbol") is not None
    if name == "depth":
        limit = index_of(params.get("limit") or 100)
        if limit is None:
            return 250
        return next((weight for top, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= top), 250)
    if name == "ticker.24hr":
        return 2 if one or 0 < several <= 20 else 40 if 0 < several <= 100 else 80
    if name in ("ticker.tradingDay", "ticker"):
        return 4 if one else min(200, 4 * several) or 4
    if name in ("ticker.price", "ticker.book"):
        return 2 if one else 4
    if name == "executionRules":
        return 2 if one else min(40, 2 * several) or 40
    if name in ("order.test", "sor.order.test"):
        return 20 if params.get("computeCommissionRates") else 1
    if name == "openOrders.status":
        return 6 if one else 80
    if name == "myTrades":
        return 20 if params.get("orderId") is None else 5
    if name == "myPreventedMatches":
        return 2 if params.get("preventedMatchId") is not None else 20
    return _WEIGHTS.get(name, 1)


_WEIGHTS = {
    name: weight
    for weight, names in {
        1: "ping time",
        2: "klines uiKlines avgPrice referencePrice referencePrice.calculation",
        4: "trades.aggregate order.status orderList.status order.amendments",
        6: "openOrderLists.status",
        20: "exchangeInfo account.status allOrders allOrderLists myAllocations account.commission",
        25: "trades.recent trades.historical blockTrades.historical",
        40: "account.rateLimits.orders myFilters",
    }.items()
    for name in names.split()
}
