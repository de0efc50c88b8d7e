"""fastws and its peers behind one interface, for round trips against the compiled server.

Each peer is what a careful user of that library writes: integer ids, a dict of futures, orjson, no
compression, no pings of its own, bytes where the library takes bytes. All send the same order.place with
a timestamp, as a session that is logged on does; none of them checks parameters or times a request out,
as fastws does.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, Protocol

import aiohttp
import orjson
import picows
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect

import fastws

Json = dict[str, Any]
OnReply = Callable[[Any, BaseException | None], object]


class Awaited(Protocol):
    """A client whose replies are awaited."""

    async def open(self, url: str, context: ssl.SSLContext | None = None) -> None: ...

    def place(self, params: Json) -> Awaitable[Any]:
        """Send an order; the result of its reply."""
        ...

    async def close(self) -> None: ...


class Callback(Protocol):
    """A client whose replies are delivered inside the read callback."""

    def place_then(self, params: Json, on_reply: OnReply) -> object: ...


def _order(number: int, params: Json) -> bytes:
    return orjson.dumps(
        {
            "id": number,
            "method": "order.place",
            "params": {**params, "timestamp": time.time_ns() // 1000},
        }
    )


def pem() -> bytes:
    """A private key, with which a client logs on."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Fastws:
    """fastws, logged on by session.logon with an Ed25519 key."""

    async def open(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self.client = await fastws.connect(
            url, api_key="k" * 64, private_key=pem(), sync_every=None, ssl_context=context
        )

    def place(self, params: Json) -> Awaitable[Any]:
        reply: Awaitable[Any] = self.client.order_place(**params)
        return reply

    def place_then(self, params: Json, on_reply: OnReply) -> object:
        return self.client.order_place(on_reply=on_reply, **params)

    async def close(self) -> None:
        await self.client.close()


class Picows(picows.WSListener):
    """Raw picows: the transport that fastws is built on, with a dict and orjson instead of fastws' core."""

    _transport: picows.WSTransport

    def __init__(self) -> None:
        super().__init__()
        self._next_id = count(1).__next__
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._callbacks: dict[int, OnReply] = {}
        self._loop = asyncio.get_running_loop()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type != picows.WSMsgType.TEXT:
            return
        reply = orjson.loads(frame.get_payload_as_memoryview())
        future = self._futures.pop(reply["id"], None)
        if future is not None:
            future.set_result(reply["result"])
        else:
            self._callbacks.pop(reply["id"])(reply["result"], None)

    async def open(self, url: str, context: ssl.SSLContext | None = None) -> None:
        await picows.ws_connect(lambda: self, url, ssl_context=context)

    def place(self, params: Json) -> Awaitable[Any]:
        number = self._next_id()
        future = self._futures[number] = self._loop.create_future()
        self._transport.send(picows.WSMsgType.TEXT, _order(number, params))
        return future

    def place_then(self, params: Json, on_reply: OnReply) -> object:
        number = self._next_id()
        self._callbacks[number] = on_reply
        self._transport.send(picows.WSMsgType.TEXT, _order(number, params))
        return None

    async def close(self) -> None:
        self._transport.disconnect()
        await self._transport.wait_disconnected()


class Websockets:
    """websockets, its asyncio client."""

    def __init__(self) -> None:
        self._next_id = count(1).__next__
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()

    async def open(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._socket: ClientConnection = await websockets_connect(
            url, compression=None, ping_interval=None, proxy=None, ssl=context
        )
        self._reader = self._loop.create_task(self._read())

    async def _read(self) -> None:
        while True:
            reply = orjson.loads(await self._socket.recv(decode=False))
            self._futures.pop(reply["id"]).set_result(reply["result"])

    async def place(self, params: Json) -> Any:
        number = self._next_id()
        future = self._futures[number] = self._loop.create_future()
        await self._socket.send(_order(number, params), text=True)
        return await future

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._socket.close()


class Aiohttp:
    """aiohttp's WebSocket client."""

    def __init__(self) -> None:
        self._next_id = count(1).__next__
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()

    async def open(
        self, url: str, context: ssl.SSLContext | None = None, session: aiohttp.ClientSession | None = None
    ) -> None:
        """``session``: one that several connections share, which the caller closes."""
        self._session = session or aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(url, ssl=context or True)
        self._reader = self._loop.create_task(self._read())

    async def _read(self) -> None:
        while True:
            reply = orjson.loads((await self._socket.receive()).data)
            self._futures.pop(reply["id"]).set_result(reply["result"])

    async def place(self, params: Json) -> Any:
        number = self._next_id()
        future = self._futures[number] = self._loop.create_future()
        await self._socket.send_frame(_order(number, params), aiohttp.WSMsgType.TEXT)
        return await future

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._socket.close()
        await self._session.close()


async def awaited(client: Awaited, orders: Sequence[Json], in_flight: int) -> None:
    """Place the orders, by as many tasks as may be in flight; each awaits its reply."""
    rest = iter(orders)

    async def place_some() -> None:
        for params in rest:
            await client.place(params)

    await asyncio.gather(*[place_some() for _ in range(in_flight)])


def by_callback(client: Callback, orders: Sequence[Json], in_flight: int) -> asyncio.Future[None]:
    """Place the orders, each of them inside the callback of a reply to one before it."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    rest = iter(orders)
    waiting = in_flight

    def on_reply(result: Any, error: BaseException | None) -> None:
        nonlocal waiting
        params = next(rest, None)
        if params is not None:
            client.place_then(params, on_reply)
            return
        waiting -= 1
        if waiting == 0:
            done.set_result(None)

    for _ in range(in_flight):
        client.place_then(next(rest), on_reply)
    return done


async def awaited_trips(client: Awaited, orders: Sequence[Json]) -> list[int]:
    """Place one order after the other and await each; nanoseconds from the call to the result."""
    now, took = time.perf_counter_ns, []
    for params in orders:
        start = now()
        await client.place(params)
        took.append(now() - start)
    return took


async def callback_trips(client: Callback, orders: Sequence[Json]) -> list[int]:
    """Place one order after the other by callback; nanoseconds from the call to the callback."""
    now, took = time.perf_counter_ns, []
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    rest = iter(orders)
    start = 0

    def place_next() -> None:
        nonlocal start
        params = next(rest, None)
        if params is None:
            done.set_result(None)
        else:
            start = now()
            client.place_then(params, on_reply)

    def on_reply(result: Any, error: BaseException | None) -> None:
        took.append(now() - start)
        place_next()

    place_next()
    await done
    return took
