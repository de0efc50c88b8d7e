"""A small REST API for clients that insist on one: it answers from the exchange's WebSocket API.

``GET /api/v3/depth?symbol=BTCUSDT&limit=1000`` is the method ``depth`` with these parameters, and so are ``ping``,
``time`` and ``exchangeInfo``. It knows no POST and no signatures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import fastws

__all__ = ["rest_api"]

HEADERS = (
    "Content-Type: application/json\r\nX-MBX-USED-WEIGHT: 1\r\nX-MBX-USED-WEIGHT-1M: 1\r\nConnection: close"
)


@asynccontextmanager
async def rest_api(url: str, *, asked: Callable[[str], None] = lambda method: None) -> AsyncIterator[str]:
    """Serve the WebSocket API at ``url`` as REST; the URL to put before ``/v3/depth``.

    Args:
        asked: called with each method, before it is passed on.

    The headers with the used weight and the date are always those of a client that has asked for nothing yet.
    """

    async def answer(target: str) -> tuple[HTTPStatus, object]:
        parts = urlsplit(target)
        method = parts.path.rpartition("/")[2]
        params: dict[str, Any] = dict(parse_qsl(parts.query))
        if "limit" in params:
            params["limit"] = int(params["limit"])
        asked(method)
        try:
            return HTTPStatus.OK, await client.request(method, params)
        except fastws.FastwsError as error:
            return HTTPStatus.BAD_REQUEST, {"code": getattr(error, "code", -1000), "msg": str(error)}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status, content = await answer(head.split()[1])
            body = json.dumps(content).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\n{HEADERS}\r\nDate: {formatdate(usegmt=True)}\r\n"
            )
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has gone away
        finally:
            writer.close()

    async with fastws.connect(url, sync_every=None) as client:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
