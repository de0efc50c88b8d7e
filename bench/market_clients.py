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
    """What takes events: it keeps the newest of each symbol, counts, and knows when all have come."""

    def __init__(self) -> None:
        self.newest: dict[str, Any] = {}
        self.seen: list[int] | None = None  # gets the monotonic ns of each event
        self.got = 0
        self._wanted = 0
        self._done: asyncio.Future[int] | None = None

    def expect(self, count: int) -> asyncio.Future[int]:
        """A future of the monotonic ns at which ``count`` more events have come."""
        self.got, self._wanted = 0, count
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def take(self, event: Any) -> None:
        self.newest[event["s"]] = event
        self.got += 1
        if self.seen is not None:
            self.seen.append(time.monotonic_ns())
        if self.got == self._wanted and self._done is not None:
            self._done.set_result(time.monotonic_ns())


class Market(Counted):
    """fastws."""

    def __init__(self, *, sbe: bool) -> None:
        super().__init__()
        self.sbe = sbe
        self.market: Any = None
        self.subscription: Any = None

    async def open(self, server: Server, streams: list[str]) -> None:
        options = {"sbe": True, "api_key": KEY} if self.sbe else {}
        self.market = await fastws.market_data(server.url("stream"), reconnect=False, **options)
        self.subscription = await self.market.subscribe(*streams, on_event=self.take)

    async def close(self) -> None:
        await self.market.close()


class Aiohttp(Counted):
    """aiohttp and orjson, as a careful user would write it: no compression, nothing but the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Any = None
        self._reader: Any = None

    async def open(self, server: Server, streams: list[str]) -> None:
        self._session = aiohttp.ClientSession()
        socket = await self._session.ws_connect(server.url("stream"), compress=0, autoping=True)
        await socket.send_str(orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}).decode())
        self._reader = asyncio.ensure_future(self._read(socket, self.take, orjson.loads))
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
