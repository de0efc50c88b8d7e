"""Gaps in the user data events of an account: what is missing, and what ``client.recover_gap()`` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from ._common.digests import key_digest
from ._common.shown import plain_text, shown
from ._common.times import time_of, us_of
from .errors import FastwsError, InvalidRequest, NotSent

__all__ = ["EventGap", "Gap", "GapOpen", "Recovery", "StreamGap", "checked_symbols"]


@dataclass(frozen=True)
class Gap:
    """A time in which user data events of an account may have been missed.

    ``dataclasses.asdict(gap)`` is a dict that JSON can store; ``Gap(**stored)`` makes the Gap again, for
    ``client.recover_gap()`` of the same or another process. Times are integers, in microseconds of the exchange's
    clock, whatever the client's ``time_unit`` is.

    Attributes:
        account: a short digest of the API key; None in ``Gap.since()`` without a key, for the account of the client
            that is asked.
        start: 10 seconds before the time (``E``) of the last event of the account that was delivered: put into the
            buffer of its Subscription, or given to its callback. Without such an event, 10 seconds before the reply to
            the subscribe.
        end: not before the reply that brought the subscription back; in a rotation, not before the one that made it on
            the new connection. The exchange can have no later event that was missed.
        reason: why the connection ended; in a rotation, why nothing could be proven.
        symbols: the symbols that the client placed orders for, on this account.
        uid: the exchange's number of the account; None if no reply has shown it.
    """

    account: str | None
    start: int
    end: int
    reason: str
    symbols: tuple[str, ...] = ()
    uid: int | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value = getattr(self, name)
            if type(value) is not int or not 0 < value < 10**17:
                raise InvalidRequest(
                    f"{name} of a Gap: expected microseconds since 1970 as an int above 0, got {shown(value)}"
                )
        if self.start > self.end:
            raise InvalidRequest(
                f"start of a Gap: expected a time before its end {self.end}, got {self.start}"
            )
        if self.account is not None and not isinstance(self.account, str):
            raise InvalidRequest(f"account of a Gap: expected the digest of a key, got {shown(self.account)}")
        if not isinstance(self.reason, str):
            raise InvalidRequest(f"reason of a Gap: expected a text, got {shown(self.reason)}")
        if self.uid is not None and type(self.uid) is not int:
            raise InvalidRequest(f"uid of a Gap: expected an int or None, got {shown(self.uid)}")
        object.__setattr__(self, "symbols", tuple(sorted(checked_symbols(self.symbols))))

    @classmethod
    def since(cls, time: int | datetime, symbols: Iterable[str] = (), *, api_key: str | None = None) -> Gap:
        """A gap from ``time`` until ``recover_gap()`` is called, for a process that starts with orders open.

        It begins 10 seconds before ``time``. It refuses no placements. ``recover_gap()`` also asks for the symbols that
        its client placed orders for.

        Args:
            time: milliseconds or microseconds since 1970, such as the ``E`` of the last event that the old process
                stored; or a ``datetime`` with a time zone. (Not seconds, as of ``time.time()``.)
            symbols: the symbols that the old process placed orders for.
            api_key: the key of another account than the client's own, which the client has subscribed or placed orders
                with (``signer=``).

        Raises:
            InvalidRequest: an argument is wrong.
        """
        if api_key is not None and not isinstance(api_key, str):
            raise InvalidRequest(f"api_key: expected the text of a key or None, got {shown(api_key)}")
        us = us_of(time)
        if us is None:
            raise InvalidRequest(
                "time: expected milliseconds or microseconds since 1970, or a datetime with a time zone,"
                f" got {shown(time)}"
            )
        account = None if api_key is None else key_digest(api_key)
        symbols = tuple(checked_symbols(symbols))
        return cls(account, max(1, us - SLACK), _UNTIL_ASKED, "the process started", symbols)

    @property
    def open_ended(self) -> bool:
        """Whether it ends when ``recover_gap()`` is called: ``Gap.since()`` made it."""
        return self.end == _UNTIL_ASKED

    def accept(self) -> None:
        """Allow placements of the account again, without knowing what happened in the gap.

        It has an effect on the Gap that EventGap, GapOpen or ``on_gap`` gave; on a copy it has none.
        """
        accept: Callable[[], None] | None = self.__dict__.get("_accept")
        if accept is not None:
            accept()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        end = "now" if self.open_ended else f"{time_of(self.end):%Y-%m-%d %H:%M:%S.%f} UTC"
        return f"from {time_of(self.start):%Y-%m-%d %H:%M:%S.%f} to {end} ({self.reason})"


SLACK = 10_000_000  # microseconds
_UNTIL_ASKED = 10**17 - 1


@dataclass(frozen=True)
class StreamGap(Gap):
    """A time, which begins now, in which events of market data streams may be missed: no connection brings them.

    It ends with the next event of each stream. It is of no account, and nothing is to be recovered.

    Attributes:
        start: when it was noticed, by this machine's clock.
        streams: the names of the streams.
    """

    streams: tuple[str, ...] = ()

    @classmethod
    def beginning(cls, streams: Iterable[str], symbols: Iterable[str], time: int, reason: str) -> StreamGap:
        """A gap that begins at ``time``, in microseconds since 1970."""
        return cls(None, time, _UNTIL_ASKED, reason, tuple(symbols), streams=tuple(streams))

    def __str__(self) -> str:
        more = len(self.streams) - 3
        names = ", ".join(self.streams[:3]) + (f" and {more} more" if more > 0 else "")
        return f"of {names} from {time_of(self.start):%Y-%m-%d %H:%M:%S.%f} UTC on ({self.reason})"


@dataclass(frozen=True)
class Recovery:
    """What ``client.recover_gap()`` found: rows of the exchange as they are, by time; no row is repeated.

    Attributes:
        orders: the orders that were changed in the gap, and those that are open now. Each row has one field more,
            ``ours``: whether its client order id begins with this client's ``client_order_id_prefix``. Without a
            prefix: whether it has the form of the ids that fastws generates. A cancel by another client changes the id.
        trades: the account's trades in the gap, each once.
        lists: the order lists that were changed in the gap.
        account: the result of ``account.status``; None if it could not be asked. Deposits, withdrawals and transfers
            show only in its balances.
        complete: whether everything was asked. Then the gap is closed, and placements are allowed again.
        missing: what was not asked or not answered, and why; empty if it is complete.
        allocations: what the found orders of smart order routing (SOR) were allocated in the gap, each once: rows of
            ``myAllocations``. Allocations are no trades of the account: ``trades`` has none of them.
    """

    orders: list[dict[str, Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    lists: list[dict[str, Any]] = field(default_factory=list)
    account: dict[str, Any] | None = None
    complete: bool = False
    missing: list[str] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)


class GapOpen(NotSent):
    """The request places orders for an account whose user data events were missed, as after a loss of the connection.

    Nothing of that account is placed until the strategy knows what happened in the gap, or says that it may go on:

    - ``await client.recover_gap(gap)`` asks the exchange; placements are sent again when its ``complete`` is True;
    - ``gap.accept()`` allows them at once.

    ``connect(after_gap="go")`` never refuses placements for a gap.

    Attributes:
        gap: the Gap; None while the subscription is not back yet, so that the gap has no end.
    """

    def __init__(self, message: str, gap: Gap | None = None) -> None:
        super().__init__(message)
        self.gap = gap

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.gap)


class EventGap(FastwsError):
    """Events were missed, or may have been: the connection was lost, or replaced without a proof that all had come.

    The consumer gets it in the place of the missed events, and then the events of the new connection.
    ``await client.recover_gap(error.gap)`` asks the exchange what happened. Until that is complete, or
    ``error.gap.accept()`` is called, requests that place orders for the account are refused as GapOpen (unless
    ``connect(after_gap="go")`` allows them).

    Of market data it is told as soon as no connection brings a stream any more, behind the last event before; its gap
    is a StreamGap, and nothing is to be recovered.

    Attributes:
        gap: the Gap: account, start, end, reason, symbols.
    """

    def __init__(self, message: str, gap: Gap) -> None:
        super().__init__(message)
        self.gap = gap

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.gap)


def checked_symbols(symbols: Any, *, may_be_empty: bool = False) -> set[str]:
    """The symbols as a set of str.

    Raises:
        InvalidRequest: they are no iterable of texts; or one is empty, where that is not allowed.
    """
    if isinstance(symbols, (str, bytes)) or not isinstance(symbols, Iterable):
        raise InvalidRequest(f"symbols: expected several symbols, got {shown(symbols)}")
    found = list(symbols)
    for symbol in found:
        if not isinstance(symbol, str) or not (symbol or may_be_empty):
            raise InvalidRequest(f"symbols: expected texts such as 'BTCUSDT', got {shown(symbol)} among them")
    return set(map(plain_text, found))
