"""What a client observed of its requests of unknown outcome, in replies to other requests and in user data events.

_native/evidence_ring.pyx keeps what was read while a trading request was open. This module searches it, outside of the
read callback, for orders of requests in flight and of requests of unknown outcome. proofs.py derives verdicts from
them.
"""

from __future__ import annotations

import contextlib
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

# How many requests of unknown outcome are watched, and how many observations of each are kept: the first half and the
# last half.
_WATCHED = 1024
_KEPT = 64

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


class Evidence:
    """What a client observed of requests of unknown outcome: its own, and those that it was asked to resolve.

    Attributes:
        on_found: called with a request when something was observed of it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.on_found: Callable[[RequestRecord | Watched], object] = lambda info: None
        # Each request with its account: the API key, or None for the client's own key.
        self._watched: weakref.WeakKeyDictionary[RequestRecord | Watched, str | None] = (
            weakref.WeakKeyDictionary()
        )
        self._found: weakref.WeakKeyDictionary[RequestRecord | Watched, list[Observation]] = (
            weakref.WeakKeyDictionary()
        )
        self._since: int | None = None  # when the earliest of them was written
        self._pending: list[tuple[Any, Any, int]] = []
        self._is_scheduled = False

    def watch(self, info: RequestRecord | Watched, account: str | None) -> None:
        """Look for a request of unknown outcome from now on. ``account`` is an API key; None is the client's own."""
        self._drop_oldest(len(self._watched) + 1 - _WATCHED)
        self._watched[info] = account
        self._keep_since(info.written_at if self._since is None else min(self._since, info.written_at))

    def watch_all(self, infos: Sequence[RequestInfo]) -> None:
        """Look for these requests of unknown outcome, the oldest first, or for the newest of them."""
        infos = infos[-_WATCHED:]
        self._drop_oldest(len(self._watched) + len(infos) - _WATCHED)
        self._watched.update((info, info.account) for info in infos)
        first = min(info.written_at for info in infos)
        self._keep_since(first if self._since is None else min(self._since, first))

    def _drop_oldest(self, count: int) -> None:
        for watched in list(islice(self._watched, max(0, count))):
            del self._watched[watched]

    def forget(self, info: RequestRecord | Watched) -> None:
        """Look for a request no longer, since its outcome is known."""
        self.collect()
        if info in self._watched:
            del self._watched[info]
            self._update_start()

    def of(self, info: RequestRecord | Watched) -> list[Observation]:
        """All that was observed of a request so far, the oldest first."""
        self.collect()
        return self._found.get(info, [])

    def add(self, entries: list[tuple[Any, Any, int]]) -> None:
        """Take what a connection kept, and search it in the next turn of the event loop.

        The connection calls this when it has kept too much, and when it ends.
        """
        self._pending += entries
        self.search_soon()

    def search_at_once(self, wanted: bool) -> None:
        """Search what the connections keep as soon as it is read, since somebody waits for it; or only when needed."""
        self._session.tell_evidence(wanted)

    def search_soon(self) -> None:
        """Search what was kept in the next turn of the event loop."""
        loop_guard = self._session.loop_guard
        if not self._is_scheduled and loop_guard is not None and not loop_guard.loop.is_closed():
            self._is_scheduled = True
            loop_guard.loop.call_soon(self.collect)

    def collect(self) -> None:
        """Search all that the connections kept for orders of the watched requests."""
        self._is_scheduled = False
        entries, self._pending = self._pending, []
        entries += self._session.take_evidence()
        if not entries:
            return
        found = []
        for what, account, at in entries:
            with contextlib.suppress(FastwsError):  # the fields of a view cannot be read
                found += [(observation, account, at) for observation in observations(as_dicts(what))]
        wanted = self._wanted() if found else {}
        if wanted:
            for observation, account, at in found:
                self._keep(observation, account, at, wanted)
        self._update_start()

    def _keep(
        self,
        observation: Observation,
        account: Any,
        at: int,
        wanted: dict[Any, list[tuple[RequestRecord | Watched, str | None]]],
    ) -> None:
        for key in observation.keys:
            for info, whose in wanted.get(key, ()):
                if whose != account or at < info.written_at:
                    continue
                kept = self._found.setdefault(info, [])
                if kept and kept[-1] is observation:
                    continue
                if len(kept) >= _KEPT:
                    del kept[_KEPT // 2]
                kept.append(observation)
                self.on_found(info)

    def _wanted(self) -> dict[Any, list[tuple[RequestRecord | Watched, str | None]]]:
        """The open requests with their accounts, by the client order ids and the ids in their parameters."""
        flying = self._session.trading_in_flight()
        everyone = {info: info.account for info in flying} | dict(self._watched.items())
        wanted: dict[Any, list[tuple[RequestRecord | Watched, str | None]]] = {}
        for info, account in everyone.items():
            for name, value in (info.params or {}).items():
                if name.endswith(_NAMES) or name in _IDS:
                    key = int(value) if name in _IDS and str(value).isdecimal() else value
                    if isinstance(key, (int, str)):
                        wanted.setdefault(key, []).append((info, account))
        return wanted

    def _update_start(self) -> None:
        """Let the session keep what it reads only for the requests that are still watched."""
        self._keep_since(min((info.written_at for info in self._watched), default=None))

    def _keep_since(self, since: int | None) -> None:
        """Tell the session since when it has to keep what it reads; None: not at all."""
        self._since = since
        self._session.watch(since)
