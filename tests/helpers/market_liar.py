"""A server of market data streams that says what a test wants it to say, and a session at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from helpers.feeding import nothing_left, session
from helpers.support import CLOSE, TEXT, Peer, frame, serving

__all__ = ["SBE_TRADE", "accept", "control", "honest", "lied_to", "trade"]

# The vectors of the documentation's schema: trade 582, and a diff from 157 to 160, of BTCUSDT.
SBE_TRADE = bytes.fromhex(
    "1200102701000000ab491ef1154c06003c491ef1154c0600f8f81900010000004602000000000000002027b8ba04000040420f00000000"
    "00010742544355534454"
)


def trade(number: int, symbol: str = "BTCUSDT") -> dict[str, Any]:
    data = {
        "e": "trade",
        "E": 2,
        "s": symbol,
        "t": number,
        "p": "1.00",
        "q": "2.00",
        "T": 1,
        "m": True,
        "M": True,
    }
    return {"stream": f"{symbol.lower()}@trade", "data": data}


def accept(request: dict[str, Any]) -> dict[str, Any]:
    return {"result": None, "id": request["id"]}


async def honest(peer: Peer) -> None:
    """Accept all control requests; each is followed by a trade of its number."""
    while True:
        request = await control(peer)
        peer.send(accept(request), trade(request["id"]))


async def control(peer: Peer) -> dict[str, Any]:
    """The next control request."""
    while True:
        opcode, payload = await peer.frame()
        if opcode == CLOSE:
            peer.writer.write(frame(CLOSE, payload))
            raise asyncio.IncompleteReadError(b"", None)
        if opcode == TEXT:
            request: dict[str, Any] = json.loads(payload)
            return request


@contextlib.asynccontextmanager
async def lied_to(script: Callable[[Peer], Coroutine[Any, Any, Any]], **options: Any) -> AsyncIterator[Any]:
    """An open session at a server that runs `script` for each connection; nothing of it is left at the end."""
    async with serving(script) as url:
        market = session(url.replace("/ws-api/v3", ""), **{"timeout": 0.5, "connect_timeout": 0.5, **options})
        async with market:
            yield market
        nothing_left(market)
