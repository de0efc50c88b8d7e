"""Clients that keep their steps from state to state, and whose attempts to connect do not wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import fastws
from fastws.emulator import Emulator

Steps = list[tuple[str, str]]


def watched(url: str, **options: Any) -> tuple[fastws.Client, Steps, list[str]]:
    """A client that keeps its steps and their reasons, and whose attempts do not wait."""
    steps: Steps = []
    reasons: list[str] = []

    def on_state(old: str, new: str, reason: str) -> None:
        steps.append((old, new))
        reasons.append(reason)

    client = fastws.connect(url, on_state=on_state, **options)
    for backoff in (client._supervisor.backoff, client._supervisor.rotation.backoff):
        backoff.uniform = lambda low, high: low
        backoff.refused = 0.0
    return client, steps, reasons


async def nothing_left(client: fastws.Client, before: set[asyncio.Task[Any]]) -> None:
    """No task, no connection and no timer of the client is left."""
    assert client.state == "closed"
    assert asyncio.all_tasks() <= before
    supervisor = client._supervisor
    assert client._session.connections == []
    assert all(each.is_disconnected for each in supervisor._ending.connections())
    assert supervisor.attempts._timer is None
    assert supervisor._relogon._timer is None
    assert supervisor.rotation._timer is None
    assert supervisor.rotation._leaving == {}
    assert supervisor.rotation._callers == supervisor.rotation._later == []
    assert client._session._timer is None if hasattr(client._session, "_timer") else True


def lose(client: fastws.Client) -> None:
    """Cut the connection of the client, from its own side."""
    client._session.route.abort()  # type: ignore[union-attr]


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 -- the conditions have no event
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def keyed(**options: Any) -> AsyncIterator[tuple[Emulator, fastws.Client, Steps, list[str]]]:
    """An exchange, and an open client that is logged on there."""
    async with Emulator() as exchange:
        account = exchange.add_account("Ed25519")
        key = {"api_key": account.api_key, "private_key": account.private_key}
        client, steps, reasons = watched(exchange.url, **{**key, **options})
        await client
        del steps[:], reasons[:]
        try:
            yield exchange, client, steps, reasons
        finally:
            await client.close(0.1)  # some tests leave requests without a reply


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that reads, and answers nothing."""
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()
