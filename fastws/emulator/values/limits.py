"""Rate limits: counters over calendar intervals (web-socket-api.md, Rate limits)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import BANNED, Refusal, refuse

__all__ = ["MAX_BAN", "AddressLimits", "Limits", "Window", "banned"]

_SECOND = 1_000_000
# Three days; the documentation says "from 2 minutes to 3 days".
MAX_BAN = 259_200.0
_INTERVALS = {"SECOND": _SECOND, "MINUTE": 60 * _SECOND, "DAY": 86_400 * _SECOND}


class Window:
    """A counter that restarts with each calendar interval (UTC); it is not a sliding window."""

    __slots__ = ("_count", "_prefix", "_start", "interval", "interval_num", "kind", "length", "limit")

    def __init__(self, kind: str, interval: str, interval_num: int, limit: int) -> None:
        self.kind = kind
        self.interval = interval
        self.interval_num = interval_num
        self.limit = limit
        self.length = _INTERVALS[interval] * interval_num
        self._start = 0
        self._count = 0
        self._prefix = (
            f'{{"rateLimitType":"{kind}","interval":"{interval}","intervalNum":{interval_num},'
            f'"limit":{limit},"count":'
        )

    def count(self, now_us: int) -> int:
        """The count of the interval that contains ``now_us``."""
        if now_us - self._start >= self.length or now_us < self._start:
            self._start = now_us - now_us % self.length
            self._count = 0
        return self._count

    def add(self, amount: int, now_us: int) -> None:
        """Add ``amount`` to the count. A negative amount lowers it, but never below zero."""
        self._count = max(0, self.count(now_us) + amount)

    def end(self, now_us: int) -> int:
        """The end of the interval that contains ``now_us``, in microseconds."""
        return now_us - now_us % self.length + self.length

    def label(self) -> str:
        """The interval's name in error texts, e.g. "10 SECOND"."""
        return f"{self.interval_num} {self.interval}"

    def info(self) -> dict[str, Any]:
        """The limit as exchangeInfo shows it."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_num,
            "limit": self.limit,
        }

    def usage(self, now_us: int) -> dict[str, Any]:
        """The limit with its count, as replies show it."""
        return {**self.info(), "count": self.count(now_us)}

    def usage_json(self, now_us: int) -> str:
        """``usage``, as JSON text."""
        return f"{self._prefix}{self.count(now_us)}}}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the exchange. The defaults are from the examples in web-socket-api.md; RAW_REQUESTS is from the
    change log of 2026-03-27; those of market data streams are from web-socket-streams.md.

    Attributes:
        request_weight: per address and minute.
        orders_10s: unfilled orders per account and 10 seconds.
        orders_day: unfilled orders per account and day.
        raw_requests: per address and 5 minutes.
        connections: connection attempts per address and 5 minutes.
        ban_after: an address is banned after so many requests and handshakes that were refused with 429 within a
            minute; 0 means never.
        first_ban: the length of the first ban in seconds; each further ban is twice as long, up to three days.
        account_subscriptions: subscriptions of an account over all connections, beyond which subscribing is refused
            with -2035; 0 means no limit. The documentation has one for each connection alone.
        streams: streams of a connection of market data streams.
        stream_messages: messages in a second, also pings and pongs, that such a connection may send.
    """

    request_weight: int = 6_000
    orders_10s: int = 50
    orders_day: int = 160_000
    raw_requests: int = 300_000
    connections: int = 300
    ban_after: int = 100
    first_ban: float = 120.0
    account_subscriptions: int = 0
    streams: int = 1_024
    stream_messages: int = 5

    def order_windows(self) -> tuple[Window, ...]:
        """New unfilled order counters for an account."""
        return (Window("ORDERS", "SECOND", 10, self.orders_10s), Window("ORDERS", "DAY", 1, self.orders_day))

    def info(self) -> list[dict[str, Any]]:
        """All limits as exchangeInfo lists them."""
        address = AddressLimits(self)
        windows = (address.weight, *self.order_windows(), address.raw_requests, address.connections)
        return [window.info() for window in windows]


class AddressLimits:
    """The counters of one address, shared by all of its connections, and its bans.

    Attributes:
        banned_until: the end of its ban, in microseconds; 0 without a ban.
    """

    __slots__ = ("_bans", "_limits", "_refused", "banned_until", "connections", "raw_requests", "weight")

    def __init__(self, limits: Limits) -> None:
        self.weight = Window("REQUEST_WEIGHT", "MINUTE", 1, limits.request_weight)
        self.raw_requests = Window("RAW_REQUESTS", "MINUTE", 5, limits.raw_requests)
        self.connections = Window("CONNECTIONS", "MINUTE", 5, limits.connections)
        self.banned_until = 0
        self._limits = limits
        self._refused = Window("RAW_REQUESTS", "MINUTE", 1, limits.ban_after)
        self._bans = 0

    def refused(self, now_us: int) -> None:
        """Count a refusal with 429, and ban the address after too many."""
        self._refused.add(1, now_us)
        if 0 < self._limits.ban_after < self._refused.count(now_us):
            self.ban(now_us)

    def ban(self, now_us: int, seconds: float | None = None) -> None:
        """Ban the address for ``seconds``; without them, for twice as long as the last time.

        After three days without a ban, the length starts again at ``first_ban``.
        """
        if seconds is None:
            if now_us - self.banned_until > MAX_BAN * _SECOND:
                self._bans = 0
            seconds = min(self._limits.first_ban * 2**self._bans, MAX_BAN)
            self._bans += 1
        self.banned_until = now_us + round(seconds * _SECOND)
        self._refused = Window("RAW_REQUESTS", "MINUTE", 1, self._limits.ban_after)

    def unban(self) -> None:
        """Lift the ban."""
        self.banned_until = 0


def banned(limits: AddressLimits, now_us: int, divisor: int) -> Refusal:
    """The refusal for a banned address, with times in the connection's unit; None without a ban."""
    end = limits.banned_until // divisor
    data = {"serverTime": now_us // divisor, "retryAfter": end}
    return refuse(-1003, end, status=418, msg=BANNED, data=data)
