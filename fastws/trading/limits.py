"""The exchange's rate limits: what replies report, and how to follow refusals (web-socket-api.md, Rate limits)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._common.index import index_of
from .._common.log import logger
from .._common.times import microseconds, time_in, time_of
from .._native.clock import Clock
from .._native.limiter import RateLimiter
from .._native.waiters import RequestInfo
from ..errors import ApiError, RateLimited

__all__ = ["RateLimit"]

_SECOND = 1_000_000
_INTERVALS = {"SECOND": _SECOND, "MINUTE": 60 * _SECOND, "HOUR": 3600 * _SECOND, "DAY": 86400 * _SECOND}
_SHORTEST_BAN = 120 * _SECOND  # "from 2 minutes to 3 days"
_LONGEST = {"banned": 3 * 86400 * _SECOND}  # microseconds; a longer ban is not believed
_LONGEST_OTHERS = 86400 * _SECOND  # microseconds; no window of a limit is longer
_ORDERS_TEXT = re.compile(
    r"limit is (\d+) orders per ([1-9]\d{0,5}) ?(SECOND|MINUTE|HOUR|DAY)", re.IGNORECASE
)


@dataclass(frozen=True)
class RateLimit:
    """One rate limit: ``count`` of ``limit`` are used up in the current window.

    A window has ``intervalNum`` times the ``interval``, and is aligned with the calendar: windows of 10 SECOND start at
    0, 10, 20 … seconds.

    Attributes:
        rateLimitType, interval, intervalNum, limit: as Binance reports them.
        count: what the latest reply reported, or 0 if its window has ended.
        resets_at: the end of the current window by the exchange's clock, a ``datetime`` in UTC; None if it is unknown.
            ``client.sync_time()`` makes it exact.
    """

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int
    count: int
    resets_at: datetime | None = None

    @property
    def used(self) -> int:
        """The same as ``count``."""
        return self.count

    @property
    def remaining(self) -> int:
        """How much of the limit is left in this window."""
        return max(0, self.limit - self.count)


def rate_limits(limiter: RateLimiter, account: str | None = None) -> list[RateLimit]:
    """The limits that replies reported, of this address and an account: an API key; None for the client's own."""
    return [
        RateLimit(kind, interval, number, limit, count, None if end is None else time_of(end))
        for kind, interval, number, limit, count, end in limiter.rows(account)
    ]


def apply_refusal(
    limiter: RateLimiter,
    clock: Clock,
    error: ApiError,
    info: RequestInfo | None,
    close_gate: Callable[[str, int, int, str, str | None], object] | None = None,
) -> None:
    """Close the gate of the rate limit that a refusal names, so that later requests wait for it.

    ``close_gate`` closes it, for other clients as well; by default that of the limiter.

    Status 418 stops all requests; -1003 and status 429 with a time stop those that cost weight; -1015 stops those that
    place orders for the account. The time is in the error's ``data``, or in its text.
    """
    data = error.data if isinstance(error.data, dict) else {}
    until = _time(data.get("retryAfter"))
    if until is None:
        until = time_in(error.msg) if error._until_us is None else error._until_us
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
        account = None if info is None else limiter.own_account(info.signer, info.params)
        if until is None:
            until = _orders_window(
                limiter, error.msg if error.code == -1015 else half.get("msg"), account, now
            )
    elif error.code == -1003 or (error.status == 429 and until is not None):
        which, why = "weight", "the request weight of this address is used up"
        if until is None:
            ends = [row[5] for row in limiter.rows() if row[0] == "REQUEST_WEIGHT" and row[5] is not None]
            until = min(ends, default=_end(now, 60 * _SECOND))
    else:
        which = why = ""
    if which and until is not None:
        longest = _LONGEST.get(which, _LONGEST_OTHERS)
        if until - now > longest:
            logger.warning(
                "%s, for longer than can be: it is taken for %d s",
                why,
                longest // _SECOND,
                code="ban-too-long",
            )
            until = now + longest
        (close_gate or limiter.close_gate)(which, until - now, until, why, account)
    if isinstance(error, RateLimited):
        error._until_us = until


def _time(said: object) -> int | None:
    """A time of the exchange in microseconds; None if ``said`` cannot be a time."""
    return microseconds(said) if type(said) is int and 0 <= said < 10**17 else None


def _end(now: int, length: int) -> int:
    """When the present window of this length ends, in microseconds."""
    return now - now % length + length


def _orders_window(limiter: RateLimiter, text: object, account: str | None, now: int) -> int:
    """When the window of orders ends that is full according to -1015, in microseconds."""
    said = _ORDERS_TEXT.search(text) if isinstance(text, str) else None
    if said is not None:
        return _end(now, int(said[2]) * _INTERVALS[said[3].upper()])
    full = [row for row in limiter.rows(account) if row[0] == "ORDERS" and row[4] >= row[3] and row[5]]
    return max((row[5] or now for row in full), default=_end(now, 10 * _SECOND))


def weight_of(method: str, params: Mapping[str, Any]) -> int:
    """The documented weight of a read (web-socket-api.md; methods/table.py has it in words)."""
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
