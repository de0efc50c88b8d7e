"""fastws.trading.resolve: its timeout bounds all that it does, whatever the exchange leaves unanswered."""

from __future__ import annotations

import asyncio
import json
import math
import time

import pytest

import fastws
import fastws.trading.resolve
from fastws import Executed, NeverExecuted, StillOpen
from helpers.resolving import LIMIT, SYMBOL, finish, hurry, trading, unknown  # noqa: F401
from helpers.support import CLOSE, KEY, ORDER, frame, refusal, reply, run, talking

# Seconds that a machine with other work to do may take longer.
SLACK = 0.35


class Watch:
    """Measures how long a block took."""

    def __enter__(self):
        self._start = time.monotonic()
        return self

    def __exit__(self, *exc_info):
        self.took = time.monotonic() - self._start


def answering(*answered, ago=0):
    """A peer whose orders end in -1007, and that answers these methods and no other; and the methods that came."""
    came = []

    async def script(peer):
        sent = None
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            method = request["method"]
            came.append(method)
            if method == "order.place":
                sent = request["params"]
                peer.send(refusal(request, 504, -1007))
            elif method in answered:
                peer.send(
                    reply(request, {"serverTime": sent["timestamp"] + ago})
                    if method == "time"
                    else refusal(request, 400, -2013)
                )

    return script, came


@pytest.mark.parametrize(
    ("answered", "asked"),
    [((), ["time"]), (("time",), ["time", "order.status"])],
    ids=["silent", "only the time"],
)
def test_a_question_that_is_cut_short_is_no_error(answered, asked):
    async def main():
        script, came = answering(*answered)
        async with talking(script, **KEY) as client:
            error = await unknown(client.order_place(**ORDER))
            with Watch() as watch:
                assert await error.resolve(timeout=0.2) == StillOpen()
            assert 0.15 < watch.took < 0.2 + SLACK
            assert came == ["order.place", *asked]
            await client.close(timeout=0)

    run(main())


def test_the_last_question_is_cut_short_as_well():
    async def main():
        script, came = answering("time", "order.status", ago=21_000_000)
        async with talking(script, **KEY) as client:
            error = await unknown(client.order_place(**ORDER))
            with Watch() as watch:
                assert await error.resolve(timeout=0.5) == StillOpen()
            assert watch.took < 0.5 + SLACK
            assert came[-1] == "allOrders"
            await client.close(timeout=0)

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("method", ["time", "order.status"])
def test_what_the_exchange_does_not_answer_is_open_in_both_formats(method, sbe):
    async def main():
        async with trading(sbe=sbe) as floor:
            floor.fail("unknown", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.fail("drop_reply", method)
            with Watch() as watch:
                assert await error.resolve(timeout=0.2) == StillOpen()
            assert watch.took < 0.2 + SLACK
            assert isinstance(await error.resolve(), Executed)

    run(main())


def test_a_question_without_a_reply_within_the_clients_own_timeout_is_asked_again():
    async def main():
        script, came = answering()
        async with talking(script, timeout=0.1, **KEY) as client:
            error = await unknown(client.order_place(**ORDER))
            with Watch() as watch:
                assert await error.resolve(timeout=0.5) == StillOpen()
            assert watch.took < 0.5 + SLACK
            assert came.count("time") > 1
            await client.close(timeout=0)

    run(main())


def test_without_time_nothing_is_asked():
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            before = len(floor.exchange.journal)
            assert await error.resolve(timeout=0) == StillOpen()
            assert len(floor.exchange.journal) == before
            assert isinstance(await error.resolve(timeout=math.inf), Executed)

    run(main())


@pytest.mark.parametrize("timeout", [-1, math.nan, "2", True])
def test_a_timeout_that_is_none_is_refused(timeout):
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            before = len(floor.exchange.journal)
            with pytest.raises(fastws.InvalidRequest, match="timeout: expected seconds"):
                await error.resolve(timeout=timeout)
            assert len(floor.exchange.journal) == before

    run(main())


@pytest.mark.usefixtures("hurry")
def test_what_an_earlier_round_left_open_is_told_when_a_later_one_is_cut_short():
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, orderId=order["orderId"]))
            asking = asyncio.ensure_future(error.resolve(timeout=0.3))
            await floor.exchange.journal.wait_for(method="order.status")
            await floor.client.ping()
            floor.fail("drop_reply", "time", 100)
            verdict = await asking
            assert isinstance(verdict, StillOpen)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.parametrize("method", ["time", "order.status"])
@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("reconnect", [False, True])
def test_a_connection_that_is_lost_meanwhile(method, sbe, reconnect):
    """The questions go on over the next one; if there is none, it ends at once."""

    async def main():
        async with trading(sbe=sbe, reconnect=reconnect) as floor:
            floor.fail("unknown", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.fail("drop_reply", method)
            asking = asyncio.ensure_future(error.resolve())
            await floor.exchange.journal.wait_for(method=method)
            with Watch() as watch:
                floor.exchange.disconnect_all(1006)
                if reconnect:
                    assert isinstance(await asking, Executed)
                    assert floor.client.connection == 2
                else:
                    with pytest.raises(fastws.NotConnected, match="give client="):
                        await asking
            assert watch.took < 5 * SLACK

    run(main())


@pytest.mark.parametrize("end", ["timeout", "connection lost"])
def test_what_was_seen_during_a_question_that_failed_is_proof(end):
    async def main():
        async with trading(kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            order = await floor.placed()
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, orderId=order["orderId"]))
            floor.fail("drop_reply", "time", 10)
            asking = asyncio.ensure_future(error.resolve(timeout=0.5 if end == "timeout" else 20))
            await floor.exchange.journal.wait_for(method="time")
            events = floor.client.stats["events"]
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            while floor.client.stats["events"] == events:
                await floor.client.ping()
            if end == "connection lost":
                floor.exchange.disconnect_all(1006)
            verdict = await asking
            assert isinstance(verdict, fastws.Rejected)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("opens", [True, False])
def test_a_rate_limit_is_waited_for_before_the_time_is_asked_for(opens):
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.later()
            client, wait = floor.client, 200_000 if opens else 60_000_000
            client._limiter.close_gate("weight", wait, client.clock.now() + wait, "weight is used up")
            with Watch() as watch:
                if opens:
                    assert await error.resolve(timeout=5) == NeverExecuted()
                else:
                    with pytest.raises(fastws.LocallyLimited):
                        await error.resolve(timeout=0.5)
            assert watch.took < 0.2 + SLACK

    run(main())
