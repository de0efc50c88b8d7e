"""An exchange, a client of an account that mirrors watch, and a second client of it that nothing disturbs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import fastws
from fastws import OrderMirror
from fastws.emulator import Emulator
from helpers.losing import until
from helpers.mirrors import shown_by, true_of

__all__ = ["LIMIT", "MARKET", "Place", "place"]

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000.00"}
LIMIT["quantity"] = "0.001"
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


class Place:
    """See the module's docstring. ``key`` has the arguments of connect() for one more client."""

    exchange: Emulator
    client: fastws.Client
    other: fastws.Client
    account: Any
    key: dict[str, Any]

    async def mirror(self, **options: Any) -> OrderMirror:
        subscription = await self.client.user_data_stream_subscribe()
        return OrderMirror(self.client, subscription, **options)

    def truth(self) -> dict[str, Any]:
        return true_of(self.exchange, self.account.name)

    async def agrees(self, mirror: OrderMirror, seconds: float = 2.0) -> None:
        """Wait until all events have come; then the mirror must show what is true."""
        await asyncio.wait_for(mirror.ready(), 5)
        deadline = time.monotonic() + seconds
        await until(lambda: shown_by(mirror) == self.truth() or time.monotonic() > deadline)
        assert shown_by(mirror) == self.truth()
        assert not mirror.stale

    def lose(self) -> None:
        """Cut the connection of the client."""
        for connection in list(self.exchange.connections):
            if connection.port == self.exchange.ports[0]:
                connection.abort()


@contextlib.asynccontextmanager
async def place(options: dict[str, Any] | None = None, **client: Any) -> AsyncIterator[Place]:
    """The client is at the first port, the other one at the second."""
    found = Place()
    async with Emulator(seed=3, enforce_limits=False, ports=2, **(options or {})) as exchange:
        key = exchange.add_account("Ed25519", name="me")
        found.exchange, found.account = exchange, key.account
        found.key = {"api_key": key.api_key, "private_key": key.private_key}
        async with (
            fastws.connect(exchange.urls[1], **found.key) as found.other,
            fastws.connect(exchange.urls[0], **found.key, **{"database_lag": 0.02, **client}) as found.client,
        ):
            found.client._supervisor.backoff.uniform = lambda low, high: 0.0
            await found.client.sync_time()  # else the end of a gap is told ten seconds late
            yield found
