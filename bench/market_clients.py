"""Clients that read recorded market data from the compiled server: fastws, and aiohttp with orjson."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

import fastws
from bench.native import Server

KEY = "k" * 64  # of an SBE connection; the server asks for none


class Counted:
    """What takes events: it keeps the newest of each symbol, and knows when all have come.

    Attributes:
        newest: the newest event of each symbol, where it keeps them.
        take: takes an event; the same function for each client.
        seen: gets the monotonic ns of each event, where it is a list.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self.newest: dict[str, Any] = {}
        self.seen: list[int] | None = None
        self.expect, self.take = self._counting(keep)

    def _counting(self, keep: bool) -> tuple[Callable[[int], asyncio.Future[int]], Callable[[Any], None]]:
        newest, left = self.newest, 0
        done: Any = None

        def expect(count: int) -> asyncio.Future[int]:
            """A future of the monotonic ns at which ``count`` more events have come."""
            nonlocal left, done
            left, done = count, asyncio.get_running_loop().create_future()
            return done  # type: ignore[no-any-return]

        def take(event: Any) -> None:
            nonlocal left
            newest[event["s"]] = event
            left -= 1
            if not left:
                done.set_result(time.monotonic_ns())

        def count_only(event: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set_result(time.monotonic_ns())

        return expect, take if keep else count_only

    def _taker(self) -> Callable[[Any], None]:
        """What takes events of a session that is opened now."""
        seen, take, now = self.seen, self.take, time.monotonic_ns
        if seen is None:
            return take

        def take_seen(event: Any) -> None:
            seen.append(now())
            take(event)

        return take_seen


class Market(Counted):
    """fastws."""

    def __init__(self, *, sbe: bool, keep: bool = True, **options: Any) -> None:
        super().__init__(keep=keep)
        self.sbe, self._options = sbe, options
        self.market: Any = None
        self.subscription: Any = None

    async def open(self, server: Server, streams: list[str]) -> None:
        options = {"sbe": True, "api_key": KEY} if self.sbe else {}
        self.market = await fastws.market_data(
            server.url("stream"), reconnect=False, **self._options, **options
        )
        self.subscription = await self.market.subscribe(*streams, on_event=self._taker())

    async def close(self) -> None:
        await self.market.close()


class Aiohttp(Counted):
    """aiohttp and orjson, as a careful user would write it: no compression, nothing but the loop."""

    def __init__(self, *, keep: bool = True) -> None:
        super().__init__(keep=keep)
        self._session: Any = None
        self._reader: Any = None

    async def open(self, server: Server, streams: list[str]) -> None:
        self._session = aiohttp.ClientSession()
        socket = await self._session.ws_connect(server.url("stream"), compress=0, autoping=True)
        await socket.send_str(orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}).decode())
        self._reader = asyncio.ensure_future(self._read(socket, self._taker(), orjson.loads))
        self._socket = socket

    @staticmethod
    async def _read(socket: Any, take: Callable[[Any], None], loads: Callable[[str], Any]) -> None:
        await socket.receive()  # the reply to SUBSCRIBE
        async for message in socket:
            take(loads(message.data)["data"])

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._socket.close()
        await self._session.close()
