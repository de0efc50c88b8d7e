"""Stage "call": what it costs to hand an order over, from the call to its return, as the strategy sees it.

The orders are corked, few enough that they leave after the clock was stopped: no system call is in the time.
`client.request` is the least that fastws offers: a dict of parameters, and no check against the table.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.clients import Fastws, Json
from bench.harness import Added, Batch, Ratio, compare
from bench.native import Server

ORDERS = [
    {**params, "newOrderRespType": "ACK"} if i % 2 else {**params, "selfTradePreventionMode": "NONE"}
    for i, params in enumerate(messages.order_params(800))
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "logon": messages.distinct(messages.logon, 1),
    }
    with Server("block", replies) as server:
        yield server


CORKED = 40  # fewer than 16 kB, at which they would leave


def test_wrapper(benchmark: BenchmarkFixture, server: Server) -> None:
    loop = asyncio.SelectorEventLoop()
    fastws = Fastws()

    async def run(place: Callable[[Json], asyncio.Future[Json]]) -> float:
        took = []
        for i in range(0, len(ORDERS), CORKED):
            first = fastws.client.ping()  # is written at once, and what follows is corked
            start = time.perf_counter_ns()
            replies = [place(params) for params in ORDERS[i : i + CORKED]]
            took.append((time.perf_counter_ns() - start) / CORKED)
            await asyncio.gather(first, *replies)
        return statistics.median(took)

    def batch(place: Callable[[Json], asyncio.Future[Json]]) -> Batch:
        return lambda: loop.run_until_complete(run(place))

    try:
        loop.run_until_complete(fastws.open(server.url("ack")))
        client = fastws.client
        kind = {name: ORDERS[0][name] for name in ("symbol", "side", "type", "timeInForce")}
        prepared = client.prepare("order.place", **kind)
        candidates = {
            "order_place(**params)": batch(lambda params: client.order_place(**params)),
            'request("order.place", params)': batch(lambda params: client.request("order.place", params)),
            "prepared(**changes)": batch(
                lambda params: prepared(
                    price=params["price"],
                    quantity=params["quantity"],
                    newClientOrderId=params["newClientOrderId"],
                )
            ),
        }
        compare(
            benchmark,
            candidates,
            [
                Added(
                    "call of a wrapper", "order_place(**params)", 'request("order.place", params)', budget=60
                ),
                Ratio("call of a prepared request", "prepared(**changes)", "order_place(**params)"),
            ],
            operation="one order.place with eight parameters, from the call to its return",
            compared="nothing: both make the same text, as the tests of the wrappers say",
        )
    finally:
        loop.run_until_complete(fastws.close())
        loop.close()
