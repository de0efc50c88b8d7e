"""Clients whose rotations the test holds at one step: what they are made of, and what must be left of them."""

from __future__ import annotations

import asyncio
from typing import Any

import fastws
from fastws.emulator import Emulator
from helpers.losing import until

ROTATED = [("open", "rotating"), ("rotating", "draining"), ("draining", "open")]


def rotating(client: fastws.Client) -> asyncio.Task[None]:
    """client.rotate(), which has begun when the next turn of the loop is over."""
    return asyncio.ensure_future(client.rotate())


def unanswered(exchange: Emulator, client: fastws.Client, method: str = "time") -> asyncio.Future[Any]:
    """A request that the exchange does not answer."""
    exchange.faults.add("hold", method, seconds=30.0)
    reply: asyncio.Future[Any] = client.request(method)
    return reply


async def draining(
    exchange: Emulator, client: fastws.Client
) -> tuple[asyncio.Task[None], asyncio.Future[Any]]:
    """A client on the successor, and an old connection that waits for a reply: rotate(), and that reply."""
    reply = unanswered(exchange, client)
    rotation = rotating(client)
    await until(lambda: client.state == "draining")
    return rotation, reply


def old_of(client: fastws.Client) -> Any:
    """The connection that was left."""
    old = client._supervisor.rotation.old
    assert old is not None
    return old


def due_now(client: fastws.Client) -> None:
    """The rotation of the connection in use is due now."""
    rotation = client._supervisor.rotation
    rotation._due_at[client.connection] = 0.0
    rotation.plan()


async def key_of(client: fastws.Client) -> Any:
    """The API key that the connection in use is logged on with."""
    return (await client.session_status())["apiKey"]
