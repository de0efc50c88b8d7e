"""Processes to kill: ``python -m chaos.victim`` forks one for each line of JSON that it reads, and prints its pid.

A victim trades until it is killed. Before a request is written to the socket, its record is in the user's log.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from typing import Any, TextIO

import fastws

from .plan import make_burst, parameters

__all__ = ["main", "trade"]


async def trade(order: dict[str, Any], log: TextIO) -> None:
    """Trade on, with a write-ahead log of three lines."""
    rng = random.Random(order["seed"])
    orders: list[dict[str, Any]] = []
    lists: list[tuple[str, int]] = []

    def learn(result: Any, error: Exception | None) -> None:
        if isinstance(result, dict) and "orders" in result:
            lists.append((result["symbol"], result["orderListId"]))
        elif isinstance(result, dict) and "orderId" in result:
            orders.append(result)

    client = await fastws.connect(
        order["url"], api_key=order["api_key"], private_key=order["private_key"].encode()
    )
    for number in range(1_000_000):
        asks = [ask for ask in make_burst(rng)["asks"] if ask["what"] not in ("status", "time")]
        with client.batch():
            for place, ask in enumerate(asks):
                method, params = parameters(ask, f"s{order['seed']}-{number}-{place}", orders, lists)
                info = client.request(method, params, on_reply=learn)
                if info.trading:
                    log.write(json.dumps(info.record()) + "\n")
            log.flush()
        await asyncio.sleep(rng.choice((0.0, 0.001, 0.003)))


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            order = json.loads(line)
            with open(order["log"], "a", encoding="ascii") as log:
                fastws.run(trade(order, log))
            os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
