"""client.halt() and client.close(): their timeout on a connection that is silent; and what halt() takes."""

# an exchange, and within it its clients

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.resolving import LIMIT, trading, unknown
from helpers.support import KEY, ORDER, Peer, refusal, run, talking

# Seconds that a machine with other work to do may take longer.
SLACK = 0.4


async def silent(peer: Peer) -> None:
    """Refuse orders with -1007; answer nothing else, a close frame neither."""
    while True:
        _, payload = await peer.frame()
        if payload.startswith(b"{") and (request := json.loads(payload))["method"] == "order.place":
            peer.send(refusal(request, 504, -1007))


@pytest.mark.parametrize("timeout", [0.3, 1.2])
@pytest.mark.parametrize("flying", [False, True])
def test_a_halt_ends_in_time_on_a_silent_connection(flying: bool, timeout: float) -> None:
    async def main() -> None:
        async with talking(silent, **KEY) as client:
            error = await unknown(client.order_place(**ORDER))
            amend = {"symbol": "BTCUSDT", "orderId": 1, "newQty": "1"}
            reply = client.order_amend_keep_priority(**amend) if flying else None
            start = time.monotonic()
            report = await client.halt(timeout=timeout, symbols=["ETHUSDT"])
            assert time.monotonic() - start < timeout + SLACK
            assert sorted(report.errors) == ["BTCUSDT", "ETHUSDT"]
            found = {error.info for error in report.unknown}
            assert found == {error.info, *([reply.info] if reply is not None else [])}
            assert not report.clean
            await client.close(timeout=0)
            if reply is not None:
                await unknown(reply)

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("method", ["openOrders.cancelAll", "openOrders.status", "time", "order.status"])
def test_a_halt_ends_in_time_whichever_answer_does_not_come(method: str, sbe: bool) -> None:
    async def main() -> None:
        async with trading(sbe=sbe) as floor:
            floor.fail("unknown", "order.place", executed=False)
            await unknown(floor.client.order_place(**LIMIT))
            floor.fail("drop_reply", method, 100)
            start = time.monotonic()
            report = await floor.client.halt(timeout=0.5)
            assert time.monotonic() - start < 0.5 + SLACK
            assert not report.clean
            assert len(report.unknown) == 1

    run(main())


def test_one_answer_that_does_not_come_leaves_time_to_cancel_once_more() -> None:
    """The placement is executed while the first cancel waits for its reply."""

    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account("HMAC")
            async with fastws.connect(exchange.url, api_key=account.api_key, secret=account.secret) as client:
                exchange.faults.add("drop_reply", "openOrders.cancelAll")
                exchange.faults.add("hold", "order.place", seconds=0.5)
                reply = client.order_place(**LIMIT)
                start = time.monotonic()
                report = await client.halt(timeout=2.4)
                assert time.monotonic() - start < 2.4 + SLACK
                assert report.clean
                order = await reply
                assert [found["orderId"] for found in report.cancelled] == [order["orderId"]]

    run(main())


def test_a_halt_ends_at_once_when_the_only_connection_is_lost_meanwhile() -> None:
    async def main() -> None:
        async with trading(reconnect=False) as floor:
            await floor.placed()
            floor.fail("drop_reply", "openOrders.cancelAll")
            halting = floor.client.halt(timeout=20)
            await floor.exchange.journal.wait_for(method="openOrders.cancelAll")
            floor.exchange.disconnect_all(1006)
            start = time.monotonic()
            report = await halting
            assert time.monotonic() - start < SLACK
            assert not report.clean

    run(main())


@pytest.mark.parametrize("timeout", [0, 0.2, math.nan, -1])
def test_closing_ends_in_time_on_a_silent_connection(timeout: float) -> None:
    async def main() -> None:
        async with talking(silent, **KEY) as client:
            reply = client.ping()
            start = time.monotonic()
            await client.close(timeout=timeout)
            assert time.monotonic() - start < 0.3 + SLACK
            with pytest.raises(fastws.ConnectionLost):
                await reply

    run(main())


@pytest.mark.parametrize(
    ("symbols", "named"),
    [
        (["BTCUSDT", 5], "5"),
        ([None], "None"),
        (["BTCUSDT", b"ETHUSDT"], "b'ETHUSDT'"),
        ([["BTCUSDT"]], r"\['BTCUSDT'\]"),
        (b"BTCUSDT", "b'BTCUSDT'"),
        ("BTCUSDT", "'BTCUSDT'"),
        (None, "None"),
        (5, "5"),
    ],
    ids=repr,
)
def test_symbols_that_are_no_texts_are_refused_before_anything_is_halted(symbols: Any, named: str) -> None:
    async def main() -> None:
        async with trading() as floor:
            await floor.placed()
            with pytest.raises(fastws.InvalidRequest, match=f"symbols: expected .*, got {named}"):
                floor.client.halt(symbols=symbols)
            assert not floor.client.halted
            await floor.placed()
            assert (await floor.client.halt()).clean

    run(main())


class Symbol(str):
    """A text with a hash and an order of its own."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7

    def __lt__(self, other: object) -> bool:
        raise TypeError("no order")


@pytest.mark.parametrize("timeout", [5, 1e-9, 1e-300, 10**400, math.inf])
def test_a_halt_never_raises_for_what_it_accepted(timeout: float) -> None:
    async def main() -> None:
        async with trading() as floor:
            second = floor.exchange.add_account("HMAC")
            other = fastws.load_signer(second.api_key, secret=second.secret)
            await floor.placed()
            await floor.placed(signer=other)
            odd = [
                "",
                "\ud800",
                "é",
                "\x00",
                "X" * 100_000,
                Symbol("ETHUSDT"),
                Symbol("A"),
                "BTCUSDT",
                "BTCUSDT",
            ]
            report = await floor.client.halt(timeout, symbols=iter(odd))
            assert set(report.symbols) == set(map(str.__str__, odd))
            assert {"", "\ud800", "é", "\x00", "X" * 100_000} <= set(report.errors)
            assert str(report)
            assert not report.clean
            assert (await asyncio.wait_for(floor.client.halt(symbols={"BTCUSDT": 1}), 5)).clean

    run(main())
