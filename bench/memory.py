"""What things weigh, in a process of their own: it makes many of them and looks at its resident memory.

    python bench/memory.py connections CLIENT URL AUTHORITY     bytes for a connection; AUTHORITY: "-" without TLS
    python bench/memory.py long CLIENT URL AUTHORITY            bytes that stay after a long reply, whose result is gone
    python bench/memory.py in-flight WAY                        bytes for a request in flight
    python bench/memory.py results KIND                         bytes for a result that is kept

It prints one number. A few things are made before the first look, so that what is shared by all is not counted. What
the kernel holds for a socket is not in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import operator
import os
import ssl
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

PAGE = 4096
WARM_UP = 40
CONNECTIONS = 200
REQUESTS = 30_000
RESULTS = 8_000
STEP = 200  # requests in flight at once, for results


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def of_connections(client: str, url: str, authority: str) -> float:
    from bench import clients, messages

    context = None if authority == "-" else ssl.create_default_context(cafile=authority)
    order = messages.order_params(1)[0]
    kept: list[Any] = []

    async def open_one(make: Callable[[], Awaitable[Any]]) -> None:
        kept.append(await make())
        await kept[-1].place(order)

    make = await _opener(clients, client, url, context)
    for _ in range(WARM_UP):
        await open_one(make)
    before = resident()
    for _ in range(CONNECTIONS):
        await open_one(make)
    return (resident() - before) / CONNECTIONS


async def of_long_replies(client: str, url: str, authority: str) -> float:
    from bench import clients, messages

    context = None if authority == "-" else ssl.create_default_context(cafile=authority)
    opened = await (await _opener(clients, client, url, context))()
    before = resident()
    if client == "fastws":
        result = await opened.client.request("trades.historical", {"symbol": "BTCUSDT"})
    else:
        result = await opened.place(messages.order_params(1)[0])
    assert len(result) > 50_000
    del result
    await asyncio.sleep(0.01)
    return float(resident() - before)


async def _opener(
    clients: Any, name: str, url: str, context: ssl.SSLContext | None
) -> Callable[[], Awaitable[Any]]:
    """What opens one more connection, with all that connections can share shared."""
    if name == "aiohttp":
        import aiohttp

        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def make() -> Any:
        if name == "fastws":
            import fastws

            client = clients.Fastws()
            client.client = await fastws.connect(
                url,
                ssl_context=context,
                api_key="k" * 64,
                private_key=clients.pem(),
                sync_every=None,
                connect_budget=300,
            )
            return client
        client = {"picows": clients.Picows, "websockets": clients.Websockets, "aiohttp": clients.Aiohttp}[
            name
        ]()
        if name == "aiohttp":
            await client.open(url, context, session=session)
        else:
            await client.open(url, context)
        return client

    return make


async def of_requests(way: str) -> float:
    from bench import messages

    orders = messages.order_params(1_280)
    kept: list[Any] = []
    if way == "by hand":
        loop, waiting = asyncio.get_running_loop(), {}

        def place(number: int) -> object:
            waiting[number] = loop.create_future()
            return waiting[number]
    else:
        from helpers.offline import Offline
        from helpers.support import KEY

        offline = Offline(timeout=600.0, max_output=1 << 30, cork=False, **KEY)
        offline.write = deque(maxlen=0).append
        order_place = offline.client.order_place

        def place(number: int) -> object:
            order = orders[number % 1_280]
            return order_place(**order, on_reply=operator.is_) if way == "callback" else order_place(**order)

    for number in range(1_000):
        kept.append(place(number))
    before = resident()
    for number in range(1_000, REQUESTS):
        kept.append(place(number))
    return (resident() - before) / (REQUESTS - 1_000)


async def of_results(kind: str) -> float:
    import orjson

    from bench import messages, sbe_messages
    from helpers.offline import Offline
    from helpers.support import KEY, frame

    replies = messages.distinct(messages.order_full, RESULTS)
    kept: list[Any] = []
    if kind == "orjson":
        for reply in replies[:1_000]:
            kept.append(orjson.loads(reply)["result"])
        before = resident()
        for reply in replies[1_000:]:
            kept.append(orjson.loads(reply)["result"])
        return (resident() - before) / (RESULTS - 1_000)
    sbe = kind.startswith("SBE")
    offline = Offline(sbe=sbe, results="view" if kind.endswith("view") else "dict", max_output=1 << 30, **KEY)
    offline.write = deque(maxlen=0).append
    order = messages.order_params(1)[0]
    before = 0
    for start in range(0, RESULTS, STEP):
        if start == 1_000:
            before = resident()
        infos = [
            offline.client.order_place(**order, on_reply=lambda result, error: kept.append(result))
            for _ in range(STEP)
        ]
        offline.client.flush()
        for info, reply in zip(infos, replies[start : start + STEP], strict=True):
            text = messages.compact({**json.loads(reply), "id": info.id})
            offline.feed(frame(2, sbe_messages.order_full(text)) if sbe else frame(1, text))
        del infos
    assert len(kept) == RESULTS
    assert kept[-1]["status"] == "FILLED"
    return (resident() - before) / (RESULTS - 1_000)


OF = {"connections": of_connections, "long": of_long_replies, "in-flight": of_requests, "results": of_results}

if __name__ == "__main__":
    print(round(asyncio.run(OF[sys.argv[1]](*sys.argv[2:]))), flush=True)
    os._exit(0)  # the connections end with the process
