"""What a client observed of its requests of unknown outcome, in replies to other requests and in user data events.

_native/evidence_ring.pyx keeps what was read while a trading request was open. This module searches it, outside of the
read callback, for orders of requests in flight and of requests of unknown outcome. proofs.py derives verdicts from
them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .._core import Session
from .._native.waiters import RequestInfo
from ..api_errors import RequestRecord
from ..errors import FastwsError
from .open_requests import Watched
from .results import as_dicts

__all__ = ["Evidence", "Observation", "observations"]

Request = RequestRecord | Watched

# How many requests of unknown outcome are watched, and how many observations of each are kept: the first half and the
# last half.
_WATCHED = 1 << 14
_KEPT = 64
_AT_ONCE = 500  # requests that begin to be watched in one turn of the event loop
_RECENT = 4096  # items: so many that were read while requests were in flight are kept without a search

# A result or an event, the account, when it was read, whether it may concern a request of unknown outcome.
_Entry = tuple[Any, Any, int, bool]

# The fields of the events executionReport and listStatus, and their names in results.
_REPORT = {
    "s": "symbol",
    "i": "orderId",
    "g": "orderListId",
    "c": "clientOrderId",
    "C": "origClientOrderId",
    "p": "price",
    "q": "origQty",
    "z": "executedQty",
    "Z": "cummulativeQuoteQty",
    "X": "status",
    "f": "timeInForce",
    "o": "type",
    "S": "side",
    "P": "stopPrice",
    "F": "icebergQty",
    "O": "time",
    "T": "updateTime",
    "w": "isWorking",
    "W": "workingTime",
    "Q": "origQuoteOrderQty",
    "V": "selfTradePreventionMode",
}
_LIST_STATUS = {
    "s": "symbol",
    "g": "orderListId",
    "c": "contingencyType",
    "l": "listStatusType",
    "L": "listOrderStatus",
    "C": "listClientOrderId",
    "T": "transactionTime",
}

# The parameters that name the orders of a request: the end of those with client order ids, and those with ids.
_NAMES = "lientOrderId"
_IDS = ("orderId", "cancelOrderId", "orderListId")


@dataclass(frozen=True)
class Observation:
    """An order, or an order list, as a reply or an event showed it.

    Attributes:
        fields: by their names in results, also where an event showed them.
        is_list: whether it is an order list.
        in_event: whether an event showed it; otherwise a reply did.
    """

    fields: dict[str, Any]
    is_list: bool = False
    in_event: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Its client order ids: the present one, and the one before."""
        keys = ("listClientOrderId",) if self.is_list else ("clientOrderId", "origClientOrderId")
        found = [self.fields.get(key) for key in keys]
        if self.is_list:
            rows = self.fields.get("orders")
            legs = rows if isinstance(rows, list) else []
            found += [row.get("clientOrderId") for row in legs if isinstance(row, Mapping)]
        return frozenset(name for name in found if isinstance(name, str))

    @property
    def keys(self) -> Iterator[str | int]:
        """Its client order ids and its id: a request that has one of them may be about it."""
        yield from self.names
        number = self.fields.get("orderListId" if self.is_list else "orderId")
        if type(number) is int:
            yield number


def observations(found: Any) -> Iterator[Observation]:
    """The orders and order lists in a result, in the ``data`` of an error, or in an event."""
    if isinstance(found, list):
        for row in found:
            yield from observations(row)
    elif not isinstance(found, dict):
        return
    elif "e" in found:
        yield from _in_event(found)
    elif "cancelResponse" in found:  # the other half shows the order of this very request
        yield from observations(found["cancelResponse"])
    elif "amendedOrder" in found:
        amended = found["amendedOrder"]
        if isinstance(amended, dict):
            yield Observation({**amended, "origQty": amended.get("qty")})
        yield from observations(found.get("listStatus"))
    elif "contingencyType" in found:
        yield Observation(found, is_list=True)
        yield from observations(found.get("orderReports"))
    elif "executionId" in found:  # a row of order.amendments
        yield Observation(
            {**found, "clientOrderId": found.get("newClientOrderId"), "origQty": found.get("newQty")}
        )
    elif "orderId" in found:
        yield Observation(found)


def _in_event(event: dict[str, Any]) -> Iterator[Observation]:
    if event["e"] == "executionReport":
        order = {name: event[key] for key, name in _REPORT.items() if key in event}
        if not order.get("origClientOrderId"):
            order.pop("origClientOrderId", None)
        yield Observation(order, in_event=True)
    elif event["e"] == "listStatus":
        found = {name: event[key] for key, name in _LIST_STATUS.items() if key in event}
        rows = event.get("O")
        found["orders"] = [
            {"symbol": row.get("s"), "orderId": row.get("i"), "clientOrderId": row.get("c")}
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
        ]
        yield Observation(found, is_list=True, in_event=True)


class _Watch(weakref.ref[Request]):
    """A request that is watched, as long as somebody has its RequestInfo or its error.

    Attributes:
        number: id() of the request.
        account: an API key; None for the client's own account.
        keys: the client order ids and the ids in its parameters.
        written_at: when it was written, in ns of time.monotonic_ns().
    """

    __slots__ = ("account", "keys", "number", "written_at")
    number: int
    account: str | None
    keys: tuple[str | int, ...]
    written_at: int


_Wanted = dict[Any, list[_Watch]]  # by client order ids and ids


class Evidence:
    """What a client observed of requests of unknown outcome: its own, and those that it was asked to resolve.

    Attributes:
        on_found: called with a request when something was observed of it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.on_found: Callable[[Request], object] = lambda info: None
        self._gone = _unwatching(weakref.ref(self))
        self._watched: dict[int, _Watch] = {}  # by id() of the requests, the oldest first
        self._added: list[tuple[Request, str | None]] = []  # to be watched, and not yet in _watched
        self._wanted: _Wanted = {}
        self._found: weakref.WeakKeyDictionary[Request, list[Observation]] = weakref.WeakKeyDictionary()
        self._pending: list[_Entry] = []
        # what was read while requests were in flight, whose outcome may become unknown
        self._recent: list[_Entry] = []
        self._is_scheduled = False

    # ------------------------------------------------------------------------------------------------- requests

    def watch(self, info: Request, account: str | None) -> None:
        """Look for a request of unknown outcome from now on. ``account`` is an API key; None is the client's own."""
        self._add([(info, account)])

    def watch_all(self, infos: Sequence[RequestInfo]) -> None:
        """Look for these requests of unknown outcome, the oldest first, or for the newest of them."""
        self._add([(info, info.account) for info in infos[-_WATCHED:]])

    def _add(self, requests: list[tuple[Request, str | None]]) -> None:
        # a loss adds thousands at once: what can wait is done by collect()
        self._added += requests
        self._session.want_evidence(self._wanted, (), True)
        self.search_soon()

    def forget(self, info: Request) -> None:
        """Look for a request no longer, since its outcome is known."""
        self._index(len(self._added))
        self._unwatch(self._watched.get(id(info)))
        self._tell_session()

    def _unwatch(self, watch: _Watch | None) -> None:
        if watch is None:
            return
        self._watched.pop(watch.number, None)
        for key in watch.keys:
            watches = self._wanted.get(key)
            if watches is not None:
                if watch in watches:
                    watches.remove(watch)
                if not watches:
                    del self._wanted[key]

    def _index(self, most: int) -> None:
        """Watch so many of the requests that were added, and search what was read while they were in flight."""
        added, self._added = self._added[:most], self._added[most:]
        if not added:
            return
        new = [self._watch(info, account) for info, account in added if id(info) not in self._watched]
        for watch in new:
            self._watched[watch.number] = watch
            for key in watch.keys:
                self._wanted.setdefault(key, []).append(watch)
        keys = [key for watch in new for key in watch.keys]
        self._session.want_evidence(self._wanted, keys, bool(self._added))
        if self._recent:
            self._search(self._recent, _by_key(new))
        for number in list(islice(self._watched, max(0, len(self._watched) - _WATCHED))):
            self._unwatch(self._watched[number])

    def _watch(self, info: Request, account: str | None) -> _Watch:
        watch = _Watch(info, self._gone)
        watch.number = id(info)
        watch.account = account
        watch.keys = tuple(_keys(info))
        watch.written_at = info.written_at
        return watch

    def _tell_session(self) -> None:
        self._session.want_evidence(self._wanted or None, (), bool(self._added))

    # ----------------------------------------------------------------------------------------------- observations

    def of(self, info: Request) -> list[Observation]:
        """All that was observed of a request so far, the oldest first."""
        self.collect()
        return self._found.get(info, [])

    def add(self, entries: list[_Entry]) -> None:
        """Take what a connection kept, and search it in the next turn of the event loop.

        The connection calls this when it has kept too much, and when it ends.
        """
        self._pending += entries
        self.search_soon()

    def search_soon(self) -> None:
        """Search what was kept in the next turn of the event loop."""
        loop_guard = self._session.loop_guard
        if not self._is_scheduled and loop_guard is not None and not loop_guard.loop.is_closed():
            self._is_scheduled = True
            loop_guard.loop.call_soon(self._collect, _AT_ONCE)

    def collect(self) -> None:
        """Search all that the connections kept for orders of the watched requests."""
        self._collect(len(self._added))

    def _collect(self, most: int) -> None:
        """collect(), but of the requests that were added only so many begin to be watched."""
        self._is_scheduled = False
        entries, self._pending = self._pending, []
        entries += self._session.take_evidence()
        if entries:
            self._search([entry for entry in entries if entry[3]], self._wanted)
            self._recent += entries
        if self._added:
            self._index(most)
            self._tell_session()
        if self._added:
            self.search_soon()
        elif not self._session.is_trading:
            self._recent.clear()
        elif len(self._recent) > _RECENT:
            self._search_in_flight()

    def _search_in_flight(self) -> None:
        """Too much was read while requests are in flight: search the older half of it for these."""
        infos = self._session.trading_in_flight()
        oldest = min((info.written_at for info in infos), default=0)
        self._recent = [entry for entry in self._recent if entry[2] >= oldest]
        half = max(0, len(self._recent) - _RECENT // 2)
        if half:
            wanted = _by_key([self._watch(info, info.account) for info in infos])
            self._search(self._recent[:half], wanted)
            del self._recent[:half]

    def _search(self, entries: list[_Entry], wanted: _Wanted) -> None:
        if not wanted:
            return
        for what, account, at, _ in entries:
            try:
                found = list(observations(as_dicts(what)))
            except FastwsError:  # the fields of a view cannot be read
                continue
            for observation in found:
                self._keep(observation, account, at, wanted)

    def _keep(self, observation: Observation, account: Any, at: int, wanted: _Wanted) -> None:
        for key in observation.keys:
            for watch in list(wanted.get(key, ())):
                info = watch()
                if info is None or watch.account != account or at < watch.written_at:
                    continue
                kept = self._found.setdefault(info, [])
                if kept and kept[-1] is observation:
                    continue
                if len(kept) >= _KEPT:
                    del kept[_KEPT // 2]
                kept.append(observation)
                self.on_found(info)


def _unwatching(mine: weakref.ref[Evidence]) -> Callable[[Any], None]:
    """What is called when nobody can ask for the verdict on a request any more."""

    def gone(watch: _Watch) -> None:
        evidence = mine()
        if evidence is not None:
            evidence._unwatch(watch)
            if not evidence._wanted:
                evidence._tell_session()

    return gone


def _by_key(watches: Sequence[_Watch]) -> _Wanted:
    wanted: _Wanted = {}
    for watch in watches:
        for key in watch.keys:
            wanted.setdefault(key, []).append(watch)
    return wanted


def _keys(info: Request) -> Iterator[str | int]:
    """The client order ids and the ids in the parameters of a request."""
    for name, value in (info.params or {}).items():
        if name.endswith(_NAMES) or name in _IDS:
            key = int(value) if name in _IDS and str(value).isdecimal() else value
            if isinstance(key, (int, str)):
                yield key
