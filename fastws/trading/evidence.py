"""What a client itself saw of its requests of unknown outcome: replies to its other requests, and user data events.

_native/evidence.pyx holds what was read while a trading request was open. Here it is looked through, outside of the
read callback, for the requests that it names: those in flight, and those whose outcome is unknown. proofs.py says what
follows.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core import Session
from ..api_errors import RequestRecord
from ..errors import FastwsError
from .questions import plain

__all__ = ["Evidence", "Sighting", "sightings"]

# Requests of unknown outcome that are watched, and sightings of each that are kept: half of them the first ones, half
# the last ones.
_WATCHED = 1024
_KEPT = 64

# The fields of executionReport and listStatus, by their names in results.
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

# How a request names what it is about: parameters with client order ids, and with ids.
_NAMES = "lientOrderId"
_IDS = ("orderId", "cancelOrderId", "orderListId")


@dataclass(frozen=True)
class Sighting:
    """An order, or an order list, that was seen.

    Attributes:
        what: by the names of fields in results, whatever it was seen in.
        is_list: it is an order list.
        in_event: it was seen in an event, else in a reply.
    """

    what: dict[str, Any]
    is_list: bool = False
    in_event: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The client order ids that it has, or had until what it was seen in."""
        keys = ("listClientOrderId",) if self.is_list else ("clientOrderId", "origClientOrderId")
        found = [self.what.get(key) for key in keys]
        if self.is_list:
            rows = self.what.get("orders")
            legs = rows if isinstance(rows, list) else []
            found += [row.get("clientOrderId") for row in legs if isinstance(row, Mapping)]
        return frozenset(name for name in found if isinstance(name, str))

    @property
    def keys(self) -> Iterator[str | int]:
        """What may tell a request that it concerns it: its names and its id."""
        yield from self.names
        number = self.what.get("orderListId" if self.is_list else "orderId")
        if type(number) is int:
            yield number


def sightings(found: Any) -> Iterator[Sighting]:
    """The orders and order lists in a result, in the ``data`` of an error, or in an event."""
    if isinstance(found, list):
        for row in found:
            yield from sightings(row)
    elif not isinstance(found, dict):
        return
    elif "e" in found:
        yield from _in_event(found)
    elif "cancelResponse" in found:  # the other half is of the request's own order
        yield from sightings(found["cancelResponse"])
    elif "amendedOrder" in found:
        amended = found["amendedOrder"]
        if isinstance(amended, dict):
            yield Sighting({**amended, "origQty": amended.get("qty")})
        yield from sightings(found.get("listStatus"))
    elif "contingencyType" in found:
        yield Sighting(found, is_list=True)
        yield from sightings(found.get("orderReports"))
    elif "executionId" in found:  # a row of order.amendments
        yield Sighting(
            {**found, "clientOrderId": found.get("newClientOrderId"), "origQty": found.get("newQty")}
        )
    elif "orderId" in found:
        yield Sighting(found)


def _in_event(event: dict[str, Any]) -> Iterator[Sighting]:
    if event["e"] == "executionReport":
        order = {name: event[key] for key, name in _REPORT.items() if key in event}
        if not order.get("origClientOrderId"):
            order.pop("origClientOrderId", None)
        yield Sighting(order, in_event=True)
    elif event["e"] == "listStatus":
        found = {name: event[key] for key, name in _LIST_STATUS.items() if key in event}
        rows = event.get("O")
        found["orders"] = [
            {"symbol": row.get("s"), "orderId": row.get("i"), "clientOrderId": row.get("c")}
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
        ]
        yield Sighting(found, is_list=True, in_event=True)


class Evidence:
    """What the connection of a client showed of requests of unknown outcome, its own and those it was asked about."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # With whose account each is for: None for that of the client's own key, else an API key.
        self._watched: weakref.WeakKeyDictionary[RequestRecord, str | None] = weakref.WeakKeyDictionary()
        self._found: weakref.WeakKeyDictionary[RequestRecord, list[Sighting]] = weakref.WeakKeyDictionary()
        self._since: int | None = None  # when the first of them was written
        self._pending: list[tuple[Any, Any, int]] = []
        self._due = False

    def watch(self, info: RequestRecord, account: str | None) -> None:
        """The outcome of a request is unknown: what names it is of interest from now on."""
        while len(self._watched) >= _WATCHED:
            del self._watched[next(iter(self._watched))]
        self._watched[info] = account
        self._tell(info.written_at if self._since is None else min(self._since, info.written_at))

    def forget(self, info: RequestRecord) -> None:
        """The outcome of a request is known."""
        self.collect()
        if info in self._watched:
            del self._watched[info]
            self._look_after()

    def of(self, info: RequestRecord) -> list[Sighting]:
        """All that was seen of a request so far, the oldest first."""
        self.collect()
        return self._found.get(info, [])

    def seen(self, entries: list[tuple[Any, Any, int]]) -> None:
        """What the connection held is too much, or it is gone: look through it in the event loop's next turn."""
        self._pending += entries
        home = self._session.home
        if not self._due and home is not None and not home.loop.is_closed():
            self._due = True
            home.loop.call_soon(self.collect)

    def collect(self) -> None:
        """Look whom all that was seen names."""
        self._due = False
        entries, self._pending = self._pending, []
        entries += self._session.take_evidence()
        if not entries:
            return
        found = []
        for what, account, at in entries:
            with contextlib.suppress(FastwsError):  # a view that cannot be read
                found += [(sighting, account, at) for sighting in sightings(plain(what))]
        wanted = self._wanted() if found else {}
        if wanted:
            for sighting, account, at in found:
                self._keep(sighting, account, at, wanted)
        self._look_after()

    def _keep(
        self,
        sighting: Sighting,
        account: Any,
        at: int,
        wanted: dict[Any, list[tuple[RequestRecord, str | None]]],
    ) -> None:
        for key in sighting.keys:
            for info, whose in wanted.get(key, ()):
                if whose != account or at < info.written_at:
                    continue
                kept = self._found.setdefault(info, [])
                if kept and kept[-1] is sighting:
                    continue
                if len(kept) >= _KEPT:
                    del kept[_KEPT // 2]
                kept.append(sighting)

    def _wanted(self) -> dict[Any, list[tuple[RequestRecord, str | None]]]:
        """The requests that are open, by what may name them."""
        flying = self._session.trading_in_flight()
        everyone = {info: info.account for info in flying} | dict(self._watched.items())
        wanted: dict[Any, list[tuple[RequestRecord, str | None]]] = {}
        for info, account in everyone.items():
            for name, value in (info.params or {}).items():
                if name.endswith(_NAMES) or name in _IDS:
                    key = int(value) if name in _IDS and str(value).isdecimal() else value
                    if isinstance(key, (int, str)):
                        wanted.setdefault(key, []).append((info, account))
        return wanted

    def _look_after(self) -> None:
        """Some requests may be of interest no more."""
        self._tell(min((info.written_at for info in self._watched), default=None))

    def _tell(self, since: int | None) -> None:
        """Tell the connection whether to hold what it reads, and since when."""
        self._since = since
        self._session.watch(since)
