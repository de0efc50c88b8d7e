"""``Snapshots``: asks for the order books of a market session by ``depth``, all through one queue that obeys limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from .._common.log import streams_log
from ..api import connect
from ..api_errors import Banned, RateLimited, ServerError
from ..client import Client
from ..errors import ConnectionLost, DecodeError, FastwsError, NotSent, RequestTimeout
from ..lifecycle.endpoints import resolve_endpoint
from ..trading.limits import weight_of
from .options import MarketOptions

__all__ = ["Snapshots"]

_MOST_IN_FLIGHT = 4
# The share of the weight of each window that is left to others of the same address, such as the client that trades.
_RESERVE = 0.1
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 10.0  # seconds, after a failure
_SYNC_EVERY = 60.0  # seconds between measurements of the exchange's time


class _Turn:
    """A snapshot that is wanted."""

    def __init__(
        self, symbol: str, limit: int, begin: Callable[[], bool], explain: Callable[[str], None]
    ) -> None:
        self.params = {"symbol": symbol, "limit": limit}
        self.weight = weight_of("depth", self.params)
        self.begin = begin
        self.explain = explain
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Snapshots:
    """See the module's docstring.

    Args:
        source: a client; or the endpoint of a WebSocket API, to which a client without a key is opened when a snapshot
            is wanted.
        options: of the market session, whose network options that client shares.

    Attributes:
        taken: how many snapshots came.
        weight: what they weighed together.
        refused: how many were refused by a limit (429 or 418).
    """

    def __init__(self, source: Client | str, options: MarketOptions) -> None:
        self._options = options
        self._given = source if isinstance(source, Client) else None
        self._url = source if isinstance(source, str) else ""
        if self._given is None:
            resolve_endpoint(self._url, allow_plaintext=options.allow_plaintext)
        self._client: Client | None = self._given
        self._turns: deque[_Turn] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._in_flight = 0  # weight
        self._failures = 0
        self._told = 0.0
        self._closed = False
        self.taken = self.weight = self.refused = 0

    @property
    def waiting(self) -> int:
        """How many snapshots are wanted and have not come."""
        return len(self._turns) + len(self._asking)

    @property
    def clock(self) -> Any:
        """The exchange's time as the client measured it; None before it is open."""
        return None if self._client is None else self._client.clock

    def open(self) -> None:
        """Open the client now, if it is this object's own."""
        if self._client is None and self._opening is None and not self._closed:
            self._opening = asyncio.ensure_future(self._open())

    async def fetch(
        self, symbol: str, limit: int, begin: Callable[[], bool], explain: Callable[[str], None]
    ) -> dict[str, Any] | None:
        """The result of ``depth``.

        Args:
            begin: called when the request is about to be sent; False: it is not wanted any more.
            explain: called with what it waits for.

        Returns:
            None: it is not wanted any more.

        Raises:
            ApiError: the exchange refuses the request.
        """
        turn = _Turn(symbol, limit, begin, explain)
        self._turns.append(turn)
        self.open()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        try:
            result: dict[str, Any] | None = await turn.result
            return result
        finally:
            if turn in self._turns:
                self._turns.remove(turn)

    async def close(self) -> None:
        """End everything; a client that was given stays open."""
        self._closed = True
        tasks = [task for task in (self._worker, self._opening, *self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for turn in self._turns:
            turn.result.cancel()
        self._turns.clear()
        client, self._client = self._client, self._given
        if client is not None and client is not self._given:
            await client.close(0.5)

    # ----------------------------------------------------------------------------------------------------- the queue

    async def _work(self) -> None:
        """Send the requests in turn, as limits allow."""
        while self._turns:
            delay, why = self._delay(self._turns[0].weight)
            if delay > 0:
                self._explain(delay, why)
                await asyncio.sleep(min(delay, 1.0))
                continue
            turn = self._turns.popleft()
            if turn.result.done():
                continue
            if not turn.begin():
                turn.result.set_result(None)
                continue
            self._in_flight += turn.weight
            task = asyncio.ensure_future(self._ask(turn))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def _delay(self, weight: int) -> tuple[float, str]:
        """The seconds until a request of this weight may be sent, and why; 0: now."""
        client = self._client
        if client is None or not client.connected:
            reason = "is being opened" if client is None else f"is not open: {client.close_reason}"
            return 0.05, f"the connection for snapshots {reason}"
        if len(self._asking) >= _MOST_IN_FLIGHT:
            return 0.005, "others are asked for"
        delay = client.read_delay(self._in_flight + weight)
        rows = [row for row in client.limits if row.rateLimitType == "REQUEST_WEIGHT"]
        if not rows and self._asking:
            return 0.005, "the first reply shows the limit"
        for row in rows:
            reserve = min(int(row.limit * _RESERVE), max(0, row.limit - weight))
            if row.count + self._in_flight + weight + reserve > row.limit:
                end = row.resets_at
                left = 1.0 if end is None else end.timestamp() - client.clock.now() / 1e6
                delay = max(delay, 0.05, left)
        return delay, "the weight of requests in a minute is limited"

    def _explain(self, delay: float, why: str) -> None:
        for place, turn in enumerate(self._turns):
            turn.explain(f"its snapshot waits, {place} others before it: {why}")
        now = asyncio.get_running_loop().time()
        if delay >= 1.0 and now - self._told >= 10.0:
            self._told = now
            streams_log.warning(
                "%d snapshots of order books wait %.0f s or more: %s",
                len(self._turns),
                delay,
                why,
                code="snapshots-wait",
            )

    async def _ask(self, turn: _Turn) -> None:
        assert self._client is not None
        try:
            result = await self._client.request("depth", turn.params)
        except (
            NotSent,
            ConnectionLost,
            RequestTimeout,
            DecodeError,
            ServerError,
            RateLimited,
            Banned,
        ) as error:
            self.refused += isinstance(error, (RateLimited, Banned))
            self._failures += 1
            turn.explain(f"its snapshot failed, and is asked for again: {error}")
            await asyncio.sleep(min(_FIRST_WAIT * 2 ** min(self._failures, 8), _LONGEST_WAIT))
            if not turn.result.done():
                self._turns.appendleft(turn)
        except FastwsError as error:
            if not turn.result.done():
                turn.result.set_exception(error)
        else:
            self._failures = 0
            self.taken += 1
            self.weight += turn.weight
            if not turn.result.done():
                turn.result.set_result(result)
        finally:
            self._in_flight -= turn.weight
            if self._turns and (self._worker is None or self._worker.done()) and not self._closed:
                self._worker = asyncio.ensure_future(self._work())

    # ---------------------------------------------------------------------------------------------------- the client

    async def _open(self) -> None:
        """Open a client without a key; try until it is open."""
        options = self._options
        wait = _FIRST_WAIT
        while True:
            client = connect(
                self._url,
                allow_plaintext=options.allow_plaintext,
                connect_timeout=options.connect_timeout,
                ssl_context=options.ssl_context,
                proxy=options.proxy,
                local_addr=options.local_addr,
                sync_every=_SYNC_EVERY,
            )
            try:
                self._client = await client
            except FastwsError as error:
                for turn in self._turns:
                    turn.explain(f"its snapshot waits: no connection for it could be opened: {error}")
                await client.close(0.0)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except BaseException:
                await client.close(0.0)
                raise
            else:
                return
