"""A client of the emulator that shares no code with it, nor with fastws: the `websockets` library and json.

Signatures are made here with cryptography and hmac, by the rule of the documentation.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.asyncio.client import ClientConnection, connect

from fastws.emulator import Credentials, Emulator

Reply = dict[str, Any]


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine, for half a minute at most."""

    async def limited() -> None:
        await asyncio.wait_for(main(), 30.0)

    asyncio.run(limited())


def payload(params: dict[str, Any]) -> bytes:
    """The signature payload of parameters whose values are texts, numbers, booleans and lists."""

    def text(value: Any) -> str:
        return (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        )

    return "&".join(f"{name}={text(params[name])}" for name in sorted(params)).encode()


def sign(key: Credentials, message: bytes) -> str:
    """Sign a message with a key of any type."""
    if key.secret is not None:
        return hmac.new(key.secret.encode(), message, "sha256").hexdigest()
    assert key.private_key is not None
    private = load_pem_private_key(key.private_key, None)
    if isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(private, ed25519.Ed25519PrivateKey)
        signature = private.sign(message)
    return base64.b64encode(signature).decode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def signed(key: Credentials, **params: Any) -> dict[str, Any]:
    """The parameters with apiKey, timestamp (now, if none is given) and signature."""
    whole = {"timestamp": now_ms(), **params, "apiKey": key.api_key}
    return {**whole, "signature": sign(key, payload(whole))}


class Wire:
    """One connection. ``decode`` reads the binary messages of a connection in SBE, in which ids come back as texts.

    ``events`` has the events that came while replies were awaited.
    """

    def __init__(self, socket: ClientConnection, decode: Callable[[bytes], Reply] | None = None) -> None:
        self.socket = socket
        self.decode = decode
        self.events: list[Reply] = []
        self._ids = 0

    async def send(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Send a request; its id is returned."""
        self._ids += 1
        message: dict[str, Any] = {"id": self._ids, "method": method}
        if params is not None:
            message["params"] = params
        await self.socket.send(json.dumps(message, ensure_ascii=False))
        return self._ids

    async def send_text(self, text: str) -> None:
        await self.socket.send(text)

    async def receive(self) -> Reply:
        """The next message, parsed."""
        message = await self.socket.recv()
        if self.decode is not None:
            assert isinstance(message, bytes), "a message in a text frame"
            return self.decode(message)
        assert isinstance(message, str), "a message in a binary frame"
        reply = json.loads(message)
        assert isinstance(reply, dict)
        return reply

    async def call(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> Reply:
        """Send a request and return its reply, which must be the next message besides ``events``."""
        whole = {**(params or {}), **more}
        sent = await self.send(method, whole if whole else None)
        reply = await self.receive()
        while "event" in reply:
            self.events.append(reply)
            reply = await self.receive()
        assert reply["id"] == (sent if self.decode is None else str(sent)), reply
        return reply

    async def result(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> Any:
        """The result of a request that must succeed."""
        reply = await self.call(method, params, **more)
        assert reply["status"] == 200, reply
        assert "error" not in reply
        return reply["result"]

    async def error(
        self, method: str, params: dict[str, Any] | None = None, **more: Any
    ) -> tuple[int, int, str]:
        """Status, code and message of a request that must fail."""
        reply = await self.call(method, params, **more)
        assert "result" not in reply, reply
        return reply["status"], reply["error"]["code"], reply["error"]["msg"]

    async def log_on(self, key: Credentials) -> None:
        await self.result("session.logon", signed(key))


@asynccontextmanager
async def wire(
    exchange: Emulator, query: str = "", decode: Callable[[bytes], Reply] | None = None
) -> AsyncIterator[Wire]:
    """A connection to the exchange, with a URL query such as "?timeUnit=MICROSECOND"."""
    context = exchange.client_ssl_context() if exchange.url.startswith("wss:") else None
    async with connect(exchange.url + query, ssl=context) as socket:
        yield Wire(socket, decode)


@asynccontextmanager
async def logged_on(exchange: Emulator, query: str = "", **account: Any) -> AsyncIterator[Wire]:
    """A connection that is logged on with the Ed25519 key of a new account."""
    async with wire(exchange, query) as connection:
        await connection.log_on(exchange.add_account("Ed25519", **account))
        yield connection


def limit_order(**params: Any) -> dict[str, Any]:
    """The parameters of an order that rests far below the market, with a timestamp of now."""
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "52000.00",
        "quantity": "0.01",
        "timestamp": now_ms(),
        **params,
    }
