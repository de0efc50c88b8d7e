"""Whole clients behind one interface: fastws and its peers, each as its documentation says, each signing with HMAC.

Each runs in a process of its own (client_process.py), some of them in an environment of their own. So a client is
imported only when it is opened, and this file needs nothing but Python.
"""

from __future__ import annotations

import asyncio
import hmac
import queue
import ssl
import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from typing import Any

API_KEY, SECRET = "k" * 64, "s" * 64
Json = dict[str, Any]


def signed_order(dumps: Callable[[Json], bytes]) -> Callable[[int, Json], bytes]:
    """What a careful user of a WebSocket library writes: the text of a signed order."""
    key = SECRET.encode()
    digest, now = hmac.digest, time.time_ns

    def write(number: int, params: Json) -> bytes:
        signed = {**params, "apiKey": API_KEY, "timestamp": now() // 1_000_000}
        payload = "&".join([f"{name}={signed[name]}" for name in sorted(signed)])
        signed["signature"] = digest(key, payload.encode(), "sha256").hex()
        return dumps({"id": number, "method": "order.place", "params": signed})

    return write


@cache
def _context(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


class Client:
    """A client whose ``place()`` is a coroutine on the event loop of the process."""

    packages: tuple[str, ...] = ()
    loop_used = "uvloop, polling"

    def __init__(self, url: str, authority: str) -> None:
        self.url, self.authority = url, authority

    def context(self) -> ssl.SSLContext:
        """One for all connections of the process."""
        return _context(self.authority)

    def arguments(self, params: Json) -> Any:
        """The parameters of an order in the form that the client takes; this is not timed."""
        return params

    async def open(self) -> None: ...

    async def place(self, arguments: Any) -> Any: ...

    def ids(self, reply: Any) -> tuple[int, str]:
        """Order id and client order id of a reply."""
        return reply["orderId"], reply["clientOrderId"]

    # ------------------------------------------------------------------------------------------ measured

    def start(self) -> None:
        try:
            import uvloop

            self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        except ImportError:
            self.loop, self.loop_used = asyncio.new_event_loop(), "asyncio, polling"
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.open())

    def trips(self, orders: Sequence[Any], spin: bool) -> tuple[list[int], int, list[Any]]:
        """Nanoseconds of each trip, CPU time, and replies."""
        if not spin:
            return self.loop.run_until_complete(self._trips(orders))
        spinning = True

        def again() -> None:
            if spinning:
                self.loop.call_soon(again)  # a loop with something to do does not sleep

        again()
        try:
            return self.loop.run_until_complete(self._trips(orders))
        finally:
            spinning = False

    async def _trips(self, orders: Sequence[Any]) -> tuple[list[int], int, list[Any]]:
        place, now, took, replies = self.place, time.perf_counter_ns, [], []
        cpu = time.process_time_ns()
        for order in orders:
            start = now()
            reply = await place(order)
            took.append(now() - start)
            replies.append(reply)
        return took, time.process_time_ns() - cpu, replies

    def at_once(self, orders: Sequence[Any], in_flight: int) -> list[Any]:
        return self.loop.run_until_complete(self._at_once(orders, in_flight))

    async def _at_once(self, orders: Sequence[Any], in_flight: int) -> list[Any]:
        place, rest, replies = self.place, iter(orders), []

        async def some() -> None:
            for order in rest:
                replies.append(await place(order))

        await asyncio.gather(*[some() for _ in range(in_flight)])
        return replies

    def another(self) -> Client:
        """One more client with a connection of its own, on the same loop."""
        more = type(self)(self.url, self.authority)
        more.loop = self.loop
        self.loop.run_until_complete(more.open())
        return more


class Fastws(Client):
    packages = ("fastws", "picows", "aiofastnet")

    async def open(self) -> None:
        import fastws

        options: Json = {"ssl_context": self.context(), "sync_every": None}  # the server knows no `time`
        self.made = await fastws.connect(self.url, api_key=API_KEY, secret=SECRET, **options)
        self._order_place = self.made.order_place

    async def place(self, arguments: Json) -> Any:
        return await self._order_place(**arguments)


class Picows(Client):
    """picows, orjson and hmac, as an expert writes it: integer ids, a dict of futures, one write an order."""

    packages = ("picows", "aiofastnet", "orjson")

    async def open(self) -> None:
        import orjson
        import picows

        text, loads = picows.WSMsgType.TEXT, orjson.loads
        self.futures: dict[int, asyncio.Future[Any]] = {}
        self.next_id, self.write = count(1).__next__, signed_order(orjson.dumps)
        futures, running = self.futures, asyncio.get_running_loop()
        self.create_future = running.create_future

        class Listener(picows.WSListener):
            def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
                if frame.msg_type == text:
                    reply = loads(frame.get_payload_as_memoryview())
                    future = futures.pop(reply["id"], None)
                    if future is not None and not future.done():
                        future.set_result(reply["result"])

        self.transport, _ = await picows.ws_connect(Listener, self.url, ssl_context=self.context())
        self.send = lambda data: self.transport.send(text, data)

    async def place(self, arguments: Json) -> Any:
        number = self.next_id()
        future = self.futures[number] = self.create_future()
        self.send(self.write(number, arguments))
        return await future


class Reading(Client):
    """A client on a library whose messages are read by a task."""

    def begin(self) -> None:
        import orjson

        self.loads, self.write = orjson.loads, signed_order(orjson.dumps)
        self.futures: dict[int, asyncio.Future[Any]] = {}
        self.next_id = count(1).__next__
        running = asyncio.get_running_loop()
        self.create_future, self.reader = running.create_future, running.create_task(self.read())

    async def read(self) -> None: ...

    async def send(self, data: bytes) -> None: ...

    def got(self, data: bytes) -> None:
        reply = self.loads(data)
        future = self.futures.pop(reply["id"], None)
        if future is not None and not future.done():
            future.set_result(reply["result"])

    async def place(self, arguments: Json) -> Any:
        number = self.next_id()
        future = self.futures[number] = self.create_future()
        await self.send(self.write(number, arguments))
        return await future


class Aiohttp(Reading):
    packages = ("aiohttp", "orjson")

    async def open(self) -> None:
        import aiohttp

        self.kind, self.session = aiohttp.WSMsgType.TEXT, aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(self.url, ssl=self.context())
        self.begin()

    async def read(self) -> None:
        async for message in self.socket:
            self.got(message.data)

    async def send(self, data: bytes) -> None:
        await self.socket.send_frame(data, self.kind)


class Websockets(Reading):
    packages = ("websockets", "orjson")

    async def open(self) -> None:
        from websockets.asyncio.client import connect

        self.socket = await connect(self.url, compression=None, proxy=None, ssl=self.context())
        self.begin()

    async def read(self) -> None:
        while True:
            self.got(await self.socket.recv(decode=False))

    async def send(self, data: bytes) -> None:
        await self.socket.send(data, text=True)


class PythonBinance(Client):
    packages = ("python-binance", "websockets")

    async def open(self) -> None:
        from binance import AsyncClient

        # It reads its authorities from SSL_CERT_FILE, and has no option for the URL.
        self.made = AsyncClient(API_KEY, SECRET)
        self.made.ws_api._url = self.url
        await self.made.ws_api.connect()

    async def place(self, arguments: Json) -> Any:
        return await self.made.ws_create_order(**arguments)


class BinanceSdk(Client):
    packages = ("binance-sdk-spot", "aiohttp")

    async def open(self) -> None:
        from binance_sdk_spot.spot import ConfigurationWebSocketAPI, Spot

        options = ConfigurationWebSocketAPI(
            api_key=API_KEY, api_secret=SECRET, stream_url=self.url, https_agent=self.context()
        )
        self.made = await Spot(config_ws_api=options).websocket_api.create_connection()

    def arguments(self, params: Json) -> Json:
        names = {"timeInForce": "time_in_force", "newClientOrderId": "new_client_order_id"}
        renamed = {names.get(name, name): value for name, value in params.items()}
        return {**renamed, "price": float(params["price"]), "quantity": float(params["quantity"])}

    async def place(self, arguments: Json) -> Any:
        return (await self.made.order_place(**arguments)).data().result

    def ids(self, reply: Any) -> tuple[int, str]:
        return reply.order_id, reply.client_order_id


class Ccxt(Client):
    packages = ("ccxt", "aiohttp", "orjson")

    async def open(self) -> None:
        import ccxt.pro

        # Its own throttle, which is on by default, is off.
        options = {"apiKey": API_KEY, "secret": SECRET, "enableRateLimit": False, "cafile": self.authority}
        self.made = ccxt.pro.binance(options)
        self.made.urls["api"]["ws"]["ws-api"]["spot"] = self.url
        self.made.set_markets([MARKET])

    def arguments(self, params: Json) -> tuple[Any, ...]:
        more = {"newClientOrderId": params["newClientOrderId"], "timeInForce": params["timeInForce"]}
        price, amount = float(params["price"]), float(params["quantity"])
        return "BTC/USDT", "limit", params["side"].lower(), amount, price, more

    async def place(self, arguments: Any) -> Any:
        return await self.made.create_order_ws(*arguments)

    def ids(self, reply: Any) -> tuple[int, str]:
        return int(reply["id"]), reply["clientOrderId"]


class Unicorn(Client):
    """Its manager, which runs each connection in a thread of its own; called from the main thread.

    ``return_response=True`` waits for ever if the reply comes before the manager has noted that somebody waits. So
    replies come through the callback of the stream, and go to the main thread through a queue.
    """

    packages = ("unicorn-binance-websocket-api", "websockets")
    loop_used = "threads of its own; uvloop, sleeping"

    def start(self) -> None:
        import unicorn_binance_websocket_api as unicorn
        from unicorn_binance_websocket_api import connection_settings

        try:
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        except ImportError:
            self.loop_used = "threads of its own; asyncio, sleeping"
        connection_settings.CONNECTION_SETTINGS["binance.com"] = (1024, "wss://127.0.0.1:1/", self.url)
        options: Json = {"output_default": "dict", "warn_on_update": False, "high_performance": True}
        self.made = unicorn.BinanceWebSocketApiManager(exchange="binance.com", **options)
        self.made.websocket_ssl_context = self.context()
        self.connect()

    def connect(self) -> None:
        self.replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.stream = self.made.create_stream(
            api=True,
            api_key=API_KEY,
            api_secret=SECRET,
            process_stream_data=lambda data, **_: self.replies.put(data),
        )
        self.create_order = self.made.api.spot.create_order

    def arguments(self, params: Json) -> Json:
        return {
            "symbol": params["symbol"],
            "side": params["side"],
            "order_type": params["type"],
            "time_in_force": params["timeInForce"],
            "price": float(params["price"]),
            "quantity": float(params["quantity"]),
            "new_client_order_id": params["newClientOrderId"],
            "stream_id": self.stream,
        }

    def ids(self, reply: Any) -> tuple[int, str]:
        return reply["result"]["orderId"], reply["result"]["clientOrderId"]

    def trips(self, orders: Sequence[Any], spin: bool) -> tuple[list[int], int, list[Any]]:
        now, took, replies = time.perf_counter_ns, [], []
        cpu = time.process_time_ns()
        for order in orders:
            start = now()
            self.create_order(**order)
            replies.append(self.replies.get(timeout=10))
            took.append(now() - start)
        return took, time.process_time_ns() - cpu, replies

    def at_once(self, orders: Sequence[Any], in_flight: int) -> list[Any]:
        replies: list[Any] = []
        for number, order in enumerate(orders):
            if number >= in_flight:
                replies.append(self.replies.get(timeout=10))
            self.create_order(**order)
        while len(replies) < len(orders):
            replies.append(self.replies.get(timeout=10))
        return replies

    def another(self) -> Client:
        more = type(self)(self.url, self.authority)
        more.made = self.made  # one manager has many connections
        more.connect()
        return more


CLIENTS: dict[str, type[Client]] = {
    "fastws": Fastws,
    "careful picows client": Picows,
    "aiohttp + orjson": Aiohttp,
    "websockets + orjson": Websockets,
    "python-binance": PythonBinance,
    "binance-sdk-spot": BinanceSdk,
    "unicorn-binance-websocket-api": Unicorn,
    "ccxt": Ccxt,
}
MARKET: Json = {  # of ccxt
    "id": "BTCUSDT",
    "lowercaseId": "btcusdt",
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "type": "spot",
    "spot": True,
    "margin": False,
    "swap": False,
    "future": False,
    "option": False,
    "contract": False,
    "active": True,
    "linear": None,
    "inverse": None,
    "precision": {"amount": 0.00001, "price": 0.01},
    "limits": {},
    "info": {"orderTypes": ["LIMIT", "MARKET"]},
}
