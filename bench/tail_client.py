"""fastws under load, as a program of its own: what tail.c is in C. Both obey the same lines; tail.c explains them.

    python bench/tail_client.py URL AUTHORITY CPU [--gc freeze|off] [--objects N] [--kept N]
                                                  [--way callback|await] [--urgent] [--views]

Its loop never sleeps while it obeys a line, and sleeps in the read of the next one, so that another client can be
measured meanwhile on the same core. Strategy and client share the loop: orders are placed by a callback of the loop
that runs once a turn. CPU is the core that it is pinned to; a second thread leaves it.

"late" of orders, in nanoseconds, is from when an order was due to its reply in the callback, or in the task that
awaited it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import resource
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import fastws

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "52000.00",
    "quantity": "0.01000",
}
ELSEWHERE = os.sched_getaffinity(0)
SILENCE = 10_000_000_000  # nanoseconds without a reply, after the last order
now = time.monotonic_ns


class Load:
    """The connections of one process, and what is asked of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.loop = asyncio.get_running_loop()
        self.context = ssl.create_default_context(cafile=options.authority)
        self.clients: list[fastws.Client] = []
        self.subscriptions: list[fastws.Subscription] = []
        self.events = self.events_elsewhere = self.lost = 0
        self.kept: list[Any] = [None] * options.kept
        self.thread: threading.Thread | None = None
        self.end_thread: Callable[[], object] = lambda: None

    # ------------------------------------------------------------------------------------------- the lines

    async def obey(self, line: str) -> dict[str, Any]:
        name, *words = line.split()
        numbers = [int(word) for word in words if word.isdecimal()]
        if name == "open":
            for _ in range(numbers[0]):
                self.clients.append(await self.connect(words[1]))
            return {"connections": len(self.clients)}
        if name == "subscribe":
            client = self.clients[numbers[0]]
            self.subscriptions.append(await client.user_data_stream_subscribe(on_event=self.on_event))
        elif name == "thread":
            self.start_thread(words[0])
        elif name == "wait":
            await self.wait(float(words[0]))
        elif name == "orders":
            return await self.orders(*numbers)
        elif name == "slowest":
            return await self.slowest(numbers[0])
        elif name == "close":
            if self.thread is not None:
                self.end_thread()
                self.thread.join()
                self.thread = None
            for client in self.clients:
                await client.close()
            self.clients.clear()
            self.subscriptions.clear()
        return {}

    async def connect(self, path: str) -> fastws.Client:
        return await fastws.connect(
            f"{self.options.url}{path}",
            api_key="k" * 64,
            private_key=PEM,
            sync_every=None,
            ssl_context=self.context,
            results="view" if self.options.views else "dict",
            on_state=self.on_state,
            after_gap="go",
        )

    def on_state(self, old: str, new: str, reason: str) -> None:
        self.lost += old == "open"

    def on_event(self, event: Any) -> None:
        self.events += 1

    async def wait(self, seconds: float) -> None:
        over: asyncio.Future[None] = self.loop.create_future()
        until = now() + int(seconds * 1e9)

        def turn() -> None:
            if now() < until:
                self.loop.call_soon(turn)
            else:
                over.set_result(None)

        turn()
        await over

    def start_thread(self, path: str) -> None:
        """Events on an event loop of another thread, which sleeps while there are none."""

        async def subscribed() -> None:
            os.sched_setaffinity(0, ELSEWHERE - {self.options.cpu})
            ending = asyncio.Event()
            loop = asyncio.get_running_loop()
            self.end_thread = lambda: loop.call_soon_threadsafe(ending.set)
            async with await self.connect(path) as client:
                await client.user_data_stream_subscribe(on_event=on_event)
                await ending.wait()

        def on_event(event: Any) -> None:
            self.events_elsewhere += 1
            if self.events_elsewhere == 10:
                started.set()

        self.events_elsewhere = 0
        started = threading.Event()
        self.thread = threading.Thread(target=fastws.run, args=(subscribed(),))
        self.thread.start()
        if not started.wait(10):
            raise TimeoutError("no events in the other thread")

    # ---------------------------------------------------------------------------------------------- orders

    async def orders(
        self, first: int, count: int, rate: int, number: int, big: int = 0, every: int = 0
    ) -> dict[str, Any]:
        loop, clients, kept = self.loop, self.clients[first : first + count], self.kept
        took = [0] * number
        finished: asyncio.Future[None] = loop.create_future()
        tasks: set[asyncio.Task[None]] = set()
        start = now() + 1_000_000
        sent = done = large = asked = 0
        urgent, awaited = self.options.urgent, self.options.way == "await"
        self.lost = 0
        cpu, before = time.process_time_ns(), self.events + self.events_elsewhere

        def received(which: int, due: int, result: Any, error: BaseException | None) -> None:
            nonlocal done
            took[which] = now() - due
            if error is not None and not finished.done():
                finished.set_exception(error)
            kept[which % len(kept)] = result
            done += 1

        def received_large(result: Any, error: BaseException | None) -> None:
            nonlocal large
            if error is not None and not finished.done():
                finished.set_exception(error)
            large += 1

        async def place(client: fastws.Client, which: int, due: int) -> None:
            received(which, due, await client.order_place(**ORDER, urgent=urgent), None)

        def send(which: int, due: int) -> None:
            nonlocal asked
            if every and which % every == every // 2:
                asked += 1
                self.clients[big].exchange_info(on_reply=received_large)
            client = clients[which % count]
            if awaited:
                task = loop.create_task(place(client, which, due))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            else:
                client.order_place(
                    on_reply=lambda result, error: received(which, due, result, error), urgent=urgent, **ORDER
                )

        def turn() -> None:
            nonlocal sent
            if finished.done():
                return
            if done == number and large == asked:
                finished.set_result(None)
                return
            if sent == number and now() > start + SILENCE + (number * 1_000_000_000 // rate if rate else 0):
                finished.set_exception(TimeoutError("no reply"))
                return
            if rate:
                at = now()
                while sent < number and (due := start + sent * 1_000_000_000 // rate) <= at:
                    send(sent, due)
                    sent += 1
            elif sent == done and sent < number:
                sent += 1
                send(sent - 1, now())
            loop.call_soon(turn)

        loop.call_soon(turn)
        await finished
        return {
            "events": self.events + self.events_elsewhere - before,
            "big": large,
            "lost": self.lost,
            "cpu_ns": time.process_time_ns() - cpu,
            "late": took,
        }

    async def slowest(self, number: int) -> dict[str, Any]:
        """One order after the other; what the kernel and the garbage collector did during each; see slowest.py."""
        loop, client = self.loop, self.clients[0]
        finished: asyncio.Future[None] = loop.create_future()
        took: list[int] = []
        found: list[tuple[int, ...]] = []
        counters, collected = Counters(), Collected()
        start = turn_at = longest = waiting = 0
        last = counters.read()
        limit = 0

        def received(result: Any, error: BaseException | None) -> None:
            nonlocal waiting, last, limit
            end = now()
            if error is not None:
                finished.set_exception(error)
                return
            took.append(end - start)
            read = counters.read()
            if took[-1] > limit:
                cpu, queued, switches, faults = (new - old for new, old in zip(read, last, strict=True))
                turn = max(longest, end - turn_at)
                found.append(
                    (len(took), start, took[-1], cpu, queued, collected.time, turn, switches, faults)
                )
                if len(found) > 400:  # keep the slowest 100
                    found.sort(key=lambda order: -order[2])
                    del found[100:]
                    limit = found[-1][2]
            waiting = 0

        def turn() -> None:
            nonlocal start, turn_at, longest, waiting, last
            if finished.done():
                return
            at = now()
            if waiting:
                longest = max(longest, at - turn_at)
            elif len(took) == number:
                finished.set_result(None)
                return
            else:
                waiting, longest, collected.time = 1, 0, 0
                last = counters.read()
                at = start = now()
                client.order_place(on_reply=received, **ORDER)
            turn_at = at
            loop.call_soon(turn)

        gc.callbacks.append(collected)
        loop.call_soon(turn)
        try:
            await finished
        finally:
            gc.callbacks.remove(collected)
            counters.close()
        return {"late": took, "slowest": found}


class Counters:
    """What the kernel counts for this thread: CPU time and time in the run queue in ns, involuntary context switches,
    page faults."""

    def __init__(self) -> None:
        self.file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def read(self) -> tuple[int, int, int, int]:
        used = resource.getrusage(resource.RUSAGE_THREAD)
        queued = int(os.pread(self.file, 100, 0).split()[1])
        return time.thread_time_ns(), queued, used.ru_nivcsw, used.ru_minflt + used.ru_majflt

    def close(self) -> None:
        os.close(self.file)


class Collected:
    """A callback of the garbage collector: how long it ran, in ns."""

    def __init__(self) -> None:
        self.time = self.start = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.start = now()
        else:
            self.time += now() - self.start


async def main(options: argparse.Namespace) -> None:
    load = Load(options)
    while line := sys.stdin.readline():  # sleeps, and the loop with it
        answer = await load.obey(line)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("authority")
    parser.add_argument("cpu", type=int)
    parser.add_argument("--gc", choices=("freeze", "off"))
    parser.add_argument("--objects", type=int, default=0, help="how many objects live beside the client")
    parser.add_argument("--kept", type=int, default=1000, help="of how many orders it keeps the results")
    parser.add_argument("--way", choices=("callback", "await"), default="callback")
    parser.add_argument("--urgent", action="store_true")
    parser.add_argument("--views", action="store_true")
    chosen = parser.parse_args()
    logging.getLogger("fastws").setLevel(logging.CRITICAL)  # each loss is logged
    random.uniform = lambda low, high: low  # type: ignore[assignment]  # the shortest wait before a reconnect
    live = [{"number": number} for number in range(chosen.objects)]
    fastws.run(main(chosen), spin=True, cpu=chosen.cpu, gc=chosen.gc)
