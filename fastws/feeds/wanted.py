"""``Wanted``: which streams are wanted, by how many consumers, and the shards that bring them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from .._native.market_router import MarketEvents, MarketRouter, MarketStream
from .._native.market_sink import MarketSink
from ..errors import NotConnected
from .names import StreamName
from .shard import Shard

__all__ = ["Held", "Wanted"]


class Held:
    """A stream that somebody wants.

    Attributes:
        record: its consumers, in compiled code.
        count: how many consumers want it.
        shard: what brings it.
        pending: the subscribe under way; None when the exchange has subscribed.
    """

    def __init__(self, name: StreamName, record: MarketStream) -> None:
        self.name = name
        self.record = record
        self.count = 0
        self.shard: Shard | None = None
        self.pending: asyncio.Task[None] | None = None


class Wanted:
    """See the module's docstring.

    Attributes:
        held: the streams, by name.
        shards: the first one stays; others are opened when they are needed, and closed when they are empty.
        ended: the counters of shards that were closed.
    """

    def __init__(self, router: MarketRouter, make_shard: Callable[[], Shard]) -> None:
        self._router = router
        self._make_shard = make_shard
        self._tasks: set[asyncio.Task[None]] = set()
        self.held: dict[str, Held] = {}
        self.shards = [make_shard()]
        self.ended: Counter[str] = Counter()

    async def acquire(
        self,
        names: Iterable[StreamName],
        consumer: MarketEvents | MarketSink,
        tag: int = 0,
        into: list[Held] | None = None,
    ) -> list[Held]:
        """Deliver these streams to a consumer; it returns when the exchange has subscribed to them.

        ``into`` gets the result at once: a connection may be lost before this returns.

        Raises:
            FastwsError: a stream could not be subscribed to. The consumer gets none of them.
        """
        wanted = [] if into is None else into
        wanted.extend(self._hold(name) for name in names)
        for held in wanted:
            held.count += 1
            held.record.add(consumer, tag)
        self._place([held for held in wanted if held.shard is None])
        pending = {held.pending for held in wanted if held.pending is not None}
        try:
            if pending:
                await asyncio.wait(pending)
            for task in pending:
                if task.cancelled():
                    raise NotConnected("not subscribed: the market data session was closed")
                error = task.exception()
                if error is not None:
                    raise error.with_traceback(None)
        except BaseException:
            for held in wanted:
                held.record.remove(consumer)  # at once, though the exchange hears of it later
            self.do(self.release(wanted, consumer))
            raise
        return wanted

    async def release(self, wanted: Iterable[Held], consumer: MarketEvents | MarketSink) -> None:
        """Deliver these streams to a consumer no longer; what nobody wants is unsubscribed at the exchange.

        Raises:
            FastwsError: the exchange could not be asked, or refuses. The consumer gets none of them even so.
        """
        unwanted: dict[Shard, list[str]] = {}
        for held in wanted:
            name = held.name.name
            held.record.remove(consumer)
            held.count -= 1
            if held.count == 0 and self.held.get(name) is held and held.shard is not None:
                del self.held[name]
                unwanted.setdefault(held.shard, []).append(name)
        asking = [self.do(self._unsubscribe(shard, names)) for shard, names in unwanted.items()]
        if asking:
            await asyncio.wait(asking)
        for task in asking:
            if not task.cancelled():
                task.result()

    async def close(self, timeout: float) -> None:
        """Close all shards; nothing is left open."""
        for task in self._tasks:
            task.cancel()
        closing = [asyncio.ensure_future(shard.close(timeout)) for shard in self.shards]
        await asyncio.wait([*closing, *self._tasks])
        for each in closing:
            each.result()

    def do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that goes on when its caller is cancelled; close() ends it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieve it

    def _hold(self, name: StreamName) -> Held:
        held = self.held.get(name.name)
        if held is None:
            record = self._router.stream(name.name, name.kind, name.symbol, name.template_id)
            held = self.held[name.name] = Held(name, record)
        return held

    def _place(self, new: list[Held]) -> None:
        """Give new streams to shards that have room, and begin to subscribe there."""
        while new:
            shard = next((shard for shard in self.shards if shard.room > 0), None)
            if shard is None:
                shard = self._make_shard()
                self.shards.append(shard)
                shard.open()
            some, new = new[: shard.room], new[shard.room :]
            names = [held.name.name for held in some]
            shard.names.update(dict.fromkeys(names))
            task = self.do(shard.subscribe(names))
            for held in some:
                held.shard, held.pending = shard, task
            task.add_done_callback(lambda ended, some=some: self._placed(ended, some))  # type: ignore[misc]

    def _placed(self, ended: asyncio.Task[None], some: list[Held]) -> None:
        """A subscribe has ended; where it failed, the streams are wanted no longer."""
        failed = ended.cancelled() or ended.exception() is not None
        for held in some:
            held.pending = None
            name = held.name.name
            if failed and self.held.get(name) is held:
                del self.held[name]
                self._router.drop(name)
        if failed:
            for shard in self.shards[1:]:
                if not shard.names:
                    self.do(self._close_shard(shard))

    async def _unsubscribe(self, shard: Shard, names: list[str]) -> None:
        shard.drop(names)
        try:
            if not shard.names and shard is not self.shards[0]:
                await self._close_shard(shard)
            else:
                await shard.unsubscribe(names)
        finally:
            for name in names:
                if name not in self.held:
                    self._router.drop(name)

    async def _close_shard(self, shard: Shard) -> None:
        if shard in self.shards:
            self.shards.remove(shard)
            await shard.close(2.0)
            for feed in shard.feeds:
                self.ended.update(feed.session.counts)
