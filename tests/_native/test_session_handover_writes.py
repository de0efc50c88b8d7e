"""_native/session_handover.pxi: batches, corked requests and read callbacks while a connection is left."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

import fastws
from helpers.leaving import Leaving, methods, where
from helpers.support import reply, run


def test_a_batch_that_touches_both_is_one_write_on_each() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        both.requests(), both.new.requests()
        writes = both.writes, both.new.writes
        with both.client.batch():
            asked = [both.place(symbol) for symbol in ("BTCUSDT", "ETHUSDT") * 3]
            with both.client.batch():
                asked += [both.client.open_orders_cancel_all(symbol="BTCUSDT"), both.client.ping()]
            both.client.flush()
            assert (both.writes, both.new.writes) == writes
        assert where(*asked) == "onononon"
        assert (both.writes, both.new.writes) == (writes[0] + 1, writes[1] + 1)
        assert methods(both) == ["order.place"] * 3 + ["openOrders.cancelAll"]
        assert methods(both.new) == ["order.place"] * 3 + ["ping"]
        both.lose_both()

    run(main())


def test_a_batch_left_by_an_exception_sends_nothing_on_either() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        both.requests()
        with contextlib.suppress(ValueError), both.client.batch():
            outer = both.place()
            with contextlib.suppress(KeyError), both.client.batch():
                inner = [both.place(), both.place("ETHUSDT")]
                raise KeyError
            raise ValueError
        for asked in (outer, *inner):
            with pytest.raises(fastws.NotSent, match="batch"):
                await asked
        assert methods(both) == methods(both.new) == []
        with both.client.batch():
            with contextlib.suppress(KeyError), both.client.batch():
                both.place(), both.place("ETHUSDT")
                raise KeyError
            both.place(), both.place("ETHUSDT")
        assert methods(both) == methods(both.new) == ["order.place"]
        both.lose_both()

    run(main())


def test_a_batch_that_spans_an_await_sends_nothing_on_either() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        both.requests()
        with contextlib.suppress(RuntimeError), both.client.batch():
            asked = [both.place(), both.place("ETHUSDT")]
            await asyncio.sleep(0)
        for each in asked:
            with pytest.raises(fastws.NotSent, match="await"):
                await each
        assert methods(both) == methods(both.new) == []
        both.lose_both()

    run(main())


@pytest.mark.parametrize("fails", [False, True])
def test_a_switch_in_the_middle_of_a_batch(fails: bool) -> None:
    async def main() -> None:
        both = Leaving()
        with contextlib.suppress(ValueError), both.client.batch():
            asked = [both.place(), both.client.ping()]
            both.switch()
            assert methods(both) == []
            asked += [both.place(), both.place("ETHUSDT"), both.client.ping()]
            if fails:
                raise ValueError
        assert where(*asked) == "oo" + "onn"
        assert (both.writes, both.new.writes) == ((0, 0) if fails else (1, 1))
        await asyncio.sleep(0)
        assert both.left == ([both.connection] if fails else [])
        both.lose_both()

    run(main())


def test_an_abandoned_corked_request_leaves_nothing_behind() -> None:
    async def main() -> None:
        both = Leaving()
        with both.client.batch():
            asked = both.place()
            both.switch()
        asked.cancel()
        assert both.connection.in_flight == 1  # it was written
        both.answer(asked)
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        both.lose_both()
        both = Leaving()
        with both.client.batch():
            asked = both.place()
            both.switch()
            asked.cancel()
        await asyncio.sleep(0)
        assert (methods(both), both.left) == ([], [both.connection])
        both.lose_both()

    run(main())


@pytest.mark.parametrize("reader", ["old", "new"])
def test_requests_of_an_on_reply_are_written_when_the_read_of_either_connection_ends(reader: str) -> None:
    async def main() -> None:
        both = Leaving()
        asked: list[Any] = []
        during: list[Any] = []

        def ask(result: Any, error: Any) -> None:
            for symbol in ("BTCUSDT", "ETHUSDT") * 2:
                asked.append(both.place(symbol))
            during.append((both.writes, both.new.writes))

        both.place()
        if reader == "old":
            first = both.client.ping(on_reply=ask)
            both.switch()
        else:
            both.switch()
            first = both.client.ping(on_reply=ask)
        both.client.flush()
        wire = both.wire_of(first)
        assert wire is (both if reader == "old" else both.new)
        both.requests(), both.new.requests()
        writes = both.writes, both.new.writes
        wire.send(reply(first.id))
        assert where(*asked) == "onon"
        assert during == [(writes[0] + 1, writes[1])]  # the first is written at once
        assert (both.writes, both.new.writes) == (writes[0] + 2, writes[1] + 1)
        assert len(both.requests()) == len(both.new.requests()) == 2
        both.lose_both()

    run(main())


def test_a_full_or_closing_old_connection_takes_no_more() -> None:
    async def main() -> None:
        both = Leaving(max_output=2000)
        both.place()
        both.switch()
        with both.client.batch():
            asked = [both.place() for _ in range(10)]
        kept = where(*asked).count("o")
        assert 3 < kept < 10
        assert where(*asked) == "o" * kept + "n" * (10 - kept)
        both.lose_both()
        both = Leaving()
        both.place()
        both.switch()
        assert where(both.place()) == "o"
        both.connection.close()
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())
