"""CPU time and allocations of a user data event, by how it is taken, beside orjson, which only makes the dict.

A client without a socket reads the frames, as many in one read callback as its buffer holds. So nothing but the client
is in the time.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages, native
from bench.harness import Batch, Ratio, compare

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.offline import Offline
from helpers.support import KEY, frame, reply

EVENTS = messages.distinct(messages.user_data_event, 500)
EXPECTED = [orjson.loads(event)["event"] for event in EVENTS]


class Consumer:
    """A client that is subscribed to user data, and takes events in one way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, callback: bool, **options: Any) -> None:
        self.loop = loop
        self.last: Any = None
        self.data = b"".join(frame(1, event) for event in EVENTS)
        self.taken: list[Any] = []
        loop.run_until_complete(self.subscribe(callback, options))

    async def subscribe(self, callback: bool, options: dict[str, Any]) -> None:
        self.offline = Offline(**KEY, **options)
        on_event = self.on_event if callback else None
        asked = self.offline.client.user_data_stream_subscribe_signature(on_event=on_event)
        self.offline.client.flush()
        self.offline.send(reply(asked.info.id, {"subscriptionId": 0}))
        self.subscription = await asked

    def on_event(self, event: Any) -> None:
        self.last = event

    async def take(self) -> None:
        self.offline.feed(self.data)
        if self.subscription.on_event is None:
            left = len(EVENTS)
            async for event in self.subscription:
                self.last = event
                left -= 1
                if not left:
                    break

    def once(self) -> None:
        self.loop.run_until_complete(self.take())

    def close(self) -> None:
        self.offline.lose()


def timed(run: Callable[[], object]) -> Batch:
    def batch() -> float:
        start = time.process_time_ns()
        run()
        return (time.process_time_ns() - start) / len(EVENTS)

    return batch


def allocated(run: Callable[[], object]) -> float:
    """Calls of Python's allocators, for one event."""
    include = sysconfig.get_path("include")
    library = ctypes.PyDLL(str(native.compiled("allocations", "-shared", "-fPIC", f"-I{include}")))
    library.stop.restype = ctypes.c_size_t
    run()  # what is made once
    gc.collect()
    library.start()
    run()
    return int(library.stop()) / len(EVENTS)


def test_event(benchmark: BenchmarkFixture) -> None:
    loop = asyncio.new_event_loop()
    consumers = {
        "fastws, on_event": Consumer(loop, callback=True),
        "fastws, async for": Consumer(loop, callback=False),
        'fastws, on_event, results="view"': Consumer(loop, callback=True, results="view"),
    }
    by_orjson: list[Any] = []

    def decode() -> None:
        for event in EVENTS:
            by_orjson[:] = [orjson.loads(event)]

    runs: dict[str, Callable[[], object]] = {name: each.once for name, each in consumers.items()}
    runs["orjson.loads"] = decode
    try:
        for name, consumer in consumers.items():
            consumer.once()
            assert consumer.last == EXPECTED[-1], name
        compare(
            benchmark,
            {name: timed(run) for name, run in runs.items()},
            [
                Ratio("user data event, CPU: frame to callback", "fastws, on_event", "orjson.loads"),
                Ratio("user data event, CPU: frame to iterator", "fastws, async for", "orjson.loads"),
            ],
            operation="one user data event of an order that trades, in CPU time",
            compared="the last event of 500",
            rounds=40,
        )
        benchmark.extra_info["tables"] = [
            {
                "title": "Allocations of one user data event",
                "head": ["taken by", "calls of Python's allocators"],
                "rows": [[name, round(allocated(run), 1)] for name, run in runs.items()],
                "note": 'An event is a dict in each case, also with results="view". Dicts that Python keeps on a free '
                "list are no call.",
            }
        ]
        for consumer in consumers.values():
            consumer.close()
    finally:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
