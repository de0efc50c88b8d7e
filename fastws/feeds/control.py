"""``Control``: the control requests of one connection of market data, in their order.

Those of one turn of the event loop leave together. The exchange closes a connection that sends it more than 5 messages
in a second, pings and pongs included, so at most 4 leave in any second, and a pong always has its place.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..api_errors import api_error
from ..errors import ConnectionLost, FastwsError, NotConnected, RequestTimeout

__all__ = ["MOST_BYTES", "MOST_NAMES", "Control"]

MOST_NAMES = 200  # of a message; the exchange documents no limit, and messages with more got no answer
MOST_BYTES = 4000
MOST_MESSAGES = 4  # in any SECOND
# In seconds: a little more than one, since messages may be nearer to each other when they arrive than when they leave.
SECOND = 1.05

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FRAME = len(_dumps({"method": "UNSUBSCRIBE", "params": [], "id": 10**9}))


class _Connection(Protocol):
    """A MarketConnection, as far as a Control uses it."""

    @property
    def number(self) -> int: ...
    @property
    def close_reason(self) -> str | None: ...
    @property
    def can_send(self) -> bool: ...
    def send_text(self, data: bytes) -> None: ...
    def carries(self, name: str) -> None: ...
    def forgets(self, name: str) -> None: ...


class _Group:
    """The names of one call; ``parts`` counts the messages that are not answered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.done.add_done_callback(_retrieved)
        self.parts = 0

    def part_ended(self, error: FastwsError | None) -> None:
        self.parts -= 1
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(error)
        elif self.parts == 0:
            self.done.set_result(None)


class _Part:
    """Names of a call that travel in one message. ``alone``: no other call's names may be with them."""

    def __init__(self, method: str, names: list[str], group: _Group) -> None:
        self.method = method
        self.names = names
        self.size = sum(map(_size, names))
        self.group = group
        self.alone = False


class Control:
    """See the module's docstring.

    Args:
        timeout: seconds until a request without a reply ends.
        warn: called with a code and a text for a reply that has no use.

    Attributes:
        names: the streams to which the exchange has subscribed the connection.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: _Connection,
        timeout: float,
        warn: Callable[[str, str], object],
    ) -> None:
        self.names: set[str] = set()
        self._loop = loop
        self._connection = connection
        self._timeout = timeout
        self._warn = warn
        self._ids = itertools.count(1)
        self._waiting: deque[_Part] = deque()
        self._in_flight: dict[int, tuple[list[_Part], asyncio.TimerHandle]] = {}
        self._late: set[int] = set()  # the ids of requests that timed out
        self._left: deque[float] = deque(maxlen=MOST_MESSAGES)  # when the latest messages left
        self._timer: asyncio.Handle | None = None
        self._ended: FastwsError | None = None

    def subscribe(self, names: Iterable[str]) -> asyncio.Future[None]:
        """Subscribe to these streams; the future ends when the exchange has.

        It ends with ApiError: the exchange refuses one of them. ConnectionLost, NotConnected: the connection has ended.
        RequestTimeout: no reply came.
        """
        return self._ask("SUBSCRIBE", names)

    def unsubscribe(self, names: Iterable[str]) -> asyncio.Future[None]:
        """As subscribe(), for the end of subscriptions."""
        return self._ask("UNSUBSCRIBE", names)

    def count(self) -> None:
        """Another message than a control request, and than a pong, is sent now."""
        self._left.append(self._loop.time())

    def replied(self, request_id: int | str | None, result: Any, code: int | None, msg: str) -> None:
        """A reply came. ``code``: of an error; None for a success."""
        if request_id is None and len(self._in_flight) == 1:
            request_id = next(iter(self._in_flight))  # the only request that it can be for
        found = self._in_flight.pop(request_id, None) if isinstance(request_id, int) else None
        if found is None:
            if request_id in self._late:
                return
            if code is None:
                self._warn("unmatched-message", f"a reply came that answers no request: id {request_id!r}")
            else:
                said = f"the exchange refused a control request, and did not say which: {code} {msg}"
                self._warn("unmatched-refusal", said)
            return
        parts, timer = found
        timer.cancel()
        if code is None:
            for part in parts:
                self._succeeded(part)
            return
        if len({part.group for part in parts}) > 1:
            for part in reversed(parts):  # each on its own, to know which one is refused
                part.alone = True
                self._waiting.appendleft(part)
            self._plan()
            return
        error = api_error(400, {"code": code, "msg": msg}, parts[0].method)
        for part in parts:
            part.group.part_ended(error)

    def end(self, error: FastwsError) -> None:
        """The connection has ended."""
        self._ended = error
        if self._timer is not None:
            self._timer.cancel()
        for part in self._waiting:
            part.group.part_ended(NotConnected(f"{part.method} was not sent: {error}"))
        for parts, timer in self._in_flight.values():
            timer.cancel()
            for part in parts:
                part.group.part_ended(ConnectionLost(f"{part.method} got no reply: {error}"))
        self._waiting.clear()
        self._in_flight.clear()

    def _ask(self, method: str, names: Iterable[str]) -> asyncio.Future[None]:
        group = _Group(self._loop)
        for names_of_part in _cut(names):
            group.parts += 1
            self._waiting.append(_Part(method, names_of_part, group))
        if group.parts == 0:
            group.done.set_result(None)
        elif self._ended is not None:
            self.end(self._ended)
        else:
            self._plan()
        return group.done

    def _succeeded(self, part: _Part) -> None:
        if part.method == "SUBSCRIBE":
            for name in part.names:
                self.names.add(name)
                self._connection.carries(name)
        part.group.part_ended(None)

    def _plan(self) -> None:
        """Send what waits at the end of this turn of the event loop, or when the pace allows it."""
        if self._timer is not None or not self._waiting:
            return
        delay = 0.0
        if len(self._left) == MOST_MESSAGES:
            delay = self._left[0] + SECOND - self._loop.time()
        self._timer = (
            self._loop.call_later(delay, self._send) if delay > 0 else self._loop.call_soon(self._send)
        )

    def _send(self) -> None:
        self._timer = None
        if self._ended is not None or not self._waiting:
            return
        if len(self._left) == MOST_MESSAGES and self._left[0] + SECOND > self._loop.time():
            self._plan()
            return
        if not self._connection.can_send:
            self.end(NotConnected(self._connection.close_reason or "the connection is closing"))
            return
        parts = self._next()
        request_id = next(self._ids)
        names = [name for part in parts for name in part.names]
        if parts[0].method == "UNSUBSCRIBE":
            for name in names:
                self.names.discard(name)
                self._connection.forgets(name)
        timer = self._loop.call_later(self._timeout, self._time_out, request_id)
        self._in_flight[request_id] = parts, timer
        self._left.append(self._loop.time())
        message = _dumps({"method": parts[0].method, "params": names, "id": request_id})
        try:
            self._connection.send_text(message.encode())
        except FastwsError as error:
            self.end(error)
        self._plan()

    def _next(self) -> list[_Part]:
        """Take the parts of the next message."""
        parts = [self._waiting.popleft()]
        first = parts[0]
        count, size = len(first.names), first.size
        while self._waiting and not first.alone:
            part = self._waiting[0]
            count += len(part.names)
            size += part.size
            if (
                part.method != first.method
                or part.alone
                or count > MOST_NAMES
                or size > MOST_BYTES - _FRAME
                or part.group is first.group
            ):
                break
            parts.append(self._waiting.popleft())
        return parts

    def _time_out(self, request_id: int) -> None:
        parts, _ = self._in_flight.pop(request_id)
        self._late.add(request_id)
        for part in parts:
            part.group.part_ended(RequestTimeout(f"no reply to {part.method} within {self._timeout:g} s"))


def _size(name: str) -> int:
    """The bytes of a name within a message."""
    return len(_dumps(name).encode()) + 1


def _cut(names: Iterable[str]) -> Iterable[list[str]]:
    """The names in pieces that fit in a message."""
    piece: list[str] = []
    size = 0
    for name in names:
        size += _size(name)
        if piece and (len(piece) == MOST_NAMES or size > MOST_BYTES - _FRAME):
            yield piece
            piece, size = [], _size(name)
        piece.append(name)
    if piece:
        yield piece


def _retrieved(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()
