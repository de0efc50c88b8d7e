"""fastws.trading.gap_recovery: time, faults, whose gap it is, and how it is closed."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

import pytest

import fastws
from fastws import Gap, GapOpen, InvalidRequest
from helpers.gaps import LIMIT, SECOND, START, SYMBOL, Floor, floor, ids
from helpers.halting import answering
from helpers.support import KEY, run, talking

# ------------------------------------------------------------------------------------------------ time and faults


def test_it_waits_until_the_database_shows_the_end_of_the_gap() -> None:
    async def main() -> None:
        async with floor(lag=0.2) as here:
            before = time.monotonic()
            await here.recover(here.gap(symbols=(SYMBOL,)))
            assert time.monotonic() - before >= 0.2
            asked = [record.method for record in here.exchange.journal if record.method != "time"]
            assert asked[0] in ("openOrders.status", "allOrderLists", "account.status")
            here.later(SECOND)
            before = time.monotonic()
            await here.recover(here.gap(end=here.clock.now_us() - SECOND))
            assert time.monotonic() - before < 0.2

    run(main())


def test_without_time_for_the_database_it_asks_at_once_and_says_what_is_missing() -> None:
    async def main() -> None:
        async with floor(lag=4.0) as here:
            order = await here.client.order_place(**LIMIT)
            recovery = await here.client.recover_gap(here.gap(symbols=(SYMBOL,)), timeout=2.0)
            assert not recovery.complete
            (missing,) = recovery.missing
            assert "database does not show yet: it may lag for 4.0 s more" in missing
            assert ids(recovery.orders) == [order["orderId"]]

    run(main())


def test_what_is_not_answered_in_time_is_missing_and_the_rest_is_there() -> None:
    async def main() -> None:
        async with floor(timeout=0.1) as here:
            order = await here.client.order_place(**LIMIT)
            here.exchange.faults.add("drop_reply", "myTrades", 1000)
            before = time.monotonic()
            recovery = await here.client.recover_gap(here.gap(), timeout=0.5)
            assert time.monotonic() - before < 1.0
            assert (recovery.complete, recovery.missing) == (
                False,
                [f"myTrades of {SYMBOL}: no time was left"],
            )
            assert ids(recovery.orders) == [order["orderId"]]

    run(main())


def test_an_unanswered_question_and_a_server_error_are_asked_again() -> None:
    async def main() -> None:
        async with floor(timeout=0.1) as here:
            here.exchange.faults.add("drop_reply", "account.status", 1)
            here.exchange.faults.add("server_error", "openOrders.status", 2)
            recovery = await here.recover(here.gap(), timeout=5.0)
            assert recovery.account is not None

    run(main())


def test_a_refused_question_is_missing_with_its_reason() -> None:
    async def main() -> None:
        async with floor() as here:
            recovery = await here.client.recover_gap(here.gap(), symbols=["NOSUCH"])
            assert not recovery.complete
            assert len(recovery.missing) == 2
            assert all("of NOSUCH" in each and "-1121" in each for each in recovery.missing)
            assert recovery.account is not None

    run(main())


def test_a_closed_gate_is_waited_for_and_a_longer_one_is_said() -> None:
    async def main() -> None:
        async with floor() as here:
            limiter = here.client._limiter
            limiter.close_gate("weight", 200_000, here.clock.now_us() + 200_000, "a test")
            before = time.monotonic()
            await here.recover(here.gap())
            assert time.monotonic() - before >= 0.2
            limiter.close_gate("weight", 20_000_000, here.clock.now_us() + 20_000_000, "a test")
            recovery = await here.client.recover_gap(here.gap(), timeout=0.2)
            assert recovery.missing == ["the time: no time was left"]

    run(main())


# ------------------------------------------------------------------------------------------------ whose gap, and which


def test_a_gap_of_another_account_is_refused_and_bad_arguments_are() -> None:
    async def main() -> None:
        async with floor() as here:
            client = here.client
            other = Gap("0123456789ab", START, START + 1, "a test", uid=77)
            with pytest.raises(InvalidRequest, match="the gap is of another account"):
                await client.recover_gap(other)
            for wrong, named in (("x", "gap: expected a Gap, got 'x'"), (None, "gap: expected")):
                with pytest.raises(InvalidRequest, match=named):
                    await client.recover_gap(wrong)  # type: ignore[arg-type]
            for timeout in (0, -1, True, "1", float("nan")):
                with pytest.raises(InvalidRequest, match="timeout: expected seconds above 0"):
                    await client.recover_gap(here.gap(), timeout=timeout)  # type: ignore[arg-type]
            for symbols in ("BTCUSDT", 5, [5]):
                with pytest.raises(InvalidRequest, match="symbols: expected"):
                    await client.recover_gap(here.gap(), symbols=symbols)  # type: ignore[arg-type]

    run(main())


def test_another_key_of_the_same_uid_may_ask() -> None:
    async def main() -> None:
        async with floor() as here:
            await here.client.account_status()
            gap = here.gap()
            assert gap.uid is not None
            second = here.exchange.add_key(here.account, "HMAC")
            async with fastws.connect(
                here.exchange.url, api_key=second.api_key, secret=second.secret, database_lag=0
            ) as client:
                assert (await client.recover_gap(gap)).complete

    run(main())


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"start": 0}, "start of a Gap: expected microseconds"),
        ({"start": "1"}, "start of a Gap: expected microseconds"),
        ({"end": 1.5}, "end of a Gap: expected microseconds"),
        ({"end": True}, "end of a Gap: expected microseconds"),
        ({"start": 9, "end": 8}, "start of a Gap: expected a time before its end 8, got 9"),
        ({"account": 5}, "account of a Gap"),
        ({"reason": None}, "reason of a Gap"),
        ({"uid": "7"}, "uid of a Gap"),
        ({"symbols": "BTCUSDT"}, "symbols: expected several symbols"),
        ({"symbols": [7]}, "symbols: expected texts"),
    ],
)
def test_a_gap_with_a_wrong_field_is_refused(fields: dict[str, Any], named: str) -> None:
    good = {
        "account": "0123456789ab",
        "start": 5,
        "end": 8,
        "reason": "x",
        "symbols": ["B", "A", "B"],
        "uid": None,
    }
    assert Gap(**good).symbols == ("A", "B")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match=named):
        Gap(**{**good, **fields})


@pytest.mark.parametrize("wrong", [None, "2026-01-01", 0, -5, 12.5, True, 10**18, 1_795_893_418])
def test_gap_since_refuses_what_is_no_time(wrong: Any) -> None:
    with pytest.raises(
        InvalidRequest, match="time: expected milliseconds or microseconds since 1970, or a datetime"
    ):
        Gap.since(wrong)


def open_gap(here: Floor, gap: Gap) -> Gap:
    """Let the client have this gap open, as after a loss."""
    gaps = here.client._handler.keeper.gaps
    opened = gaps.open(None, None, "a test")
    return gaps.complete(opened, gap.start, gap.end)


def test_a_complete_recovery_allows_placements_again_and_an_incomplete_one_does_not() -> None:
    async def main() -> None:
        async with floor() as here:
            gap = open_gap(here, here.gap())
            here.exchange.faults.add("error", "account.status", 1, code=-1100)
            recovery = await here.client.recover_gap(gap)
            assert not recovery.complete
            with pytest.raises(GapOpen) as caught:
                here.client.order_place(**LIMIT)
            assert caught.value.gap is gap
            stored = Gap(**json.loads(json.dumps(asdict(gap))))
            await here.recover(stored)
            await here.client.order_place(**LIMIT)

    run(main())


def test_gaps_that_overlap_are_asked_once_and_each_stays_open_until_it_is_asked_for() -> None:
    async def main() -> None:
        async with floor() as here:
            now = here.clock.now_us()
            first = open_gap(here, here.gap(now - 100, now - 50))
            second = open_gap(here, here.gap(now - 60, now))
            apart = open_gap(here, here.gap(now - 500, now - 400))
            found, also = await asyncio.gather(here.recover(first), here.recover(second))
            assert also is found
            asked = [record.method for record in here.exchange.journal]
            assert asked.count("allOrderLists") == 1
            with pytest.raises(GapOpen):
                here.client.order_place(**LIMIT)
            assert await here.recover(apart) is not found
            await here.client.order_place(**LIMIT)

    run(main())


def test_more_symbols_than_the_first_asking_had_are_asked() -> None:
    async def main() -> None:
        async with floor() as here:
            now = here.clock.now_us()
            first = open_gap(here, here.gap(now - 100, now - 50))
            second = open_gap(here, here.gap(now - 60, now))
            await here.recover(first)
            await here.recover(second, symbols=["ETHUSDT"])
            asked = [record.method for record in here.exchange.journal]
            assert (asked.count("allOrderLists"), asked.count("allOrders")) == (2, 1)

    run(main())


def test_a_cancelled_recovery_leaves_no_task_and_the_next_one_goes_on() -> None:
    async def main() -> None:
        async with floor() as here:
            gap = open_gap(here, here.gap())
            here.exchange.faults.add("drop_reply", "account.status", 1)
            before = asyncio.all_tasks()
            asking = asyncio.ensure_future(here.client.recover_gap(gap))
            await asyncio.wait([asking], timeout=0.1)
            assert "account.status" in [record.method for record in here.exchange.journal]
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert asyncio.all_tasks() == before
            await here.recover(gap)

    run(main())


ABSURD = [{}, [], [1], [{}], [{"symbol": "X"}], "text", None, 7, [{"orderId": "x", "symbol": 5}]]


@pytest.mark.parametrize("absurd", ABSURD)
@pytest.mark.parametrize(
    "method", ["time", "openOrders.status", "allOrderLists", "account.status", "allOrders", "myTrades"]
)
def test_an_absurd_answer_is_missing_and_the_rest_is_there(method: str, absurd: Any) -> None:
    good = {
        "time": {"serverTime": START // 1000 + 1000},
        "account.status": {"uid": 1},
        "openOrders.status": [],
        "allOrderLists": [],
        "allOrders": [],
        "myTrades": [],
    }

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked = request["method"]
        result = absurd if asked == method else good[asked]
        return {"id": request["id"], "status": 200, "result": result}

    async def main() -> None:
        async with talking(answering(answer), database_lag=0, **KEY) as client:
            gap = Gap(client._handler.accounts.own_digest, START, START + 1, "a test", ("BTCUSDT",))
            recovery = await client.recover_gap(gap, timeout=0.5)
            fits = method != "time" and type(absurd) is type(good[method]) and absurd in ([], {})
            assert recovery.complete == fits, recovery
            if not fits:
                assert any(("the time" if method == "time" else method) in each for each in recovery.missing)
            json.dumps(asdict(recovery))

    run(main())


def test_on_gap_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="on_gap: expected a callable, got 5"):
        fastws.connect("testnet", on_gap=5)  # type: ignore[arg-type]


def test_a_cancel_is_never_lost_and_leaves_the_account_free_for_the_next_call() -> None:
    """asyncio.wait_for() loses a cancel that comes together with the result, up to Python 3.11."""

    async def main() -> None:
        async with floor() as here:
            gap = here.gap(symbols=(SYMBOL,))
            for turns in range(60):
                recovering = asyncio.ensure_future(here.client.recover_gap(gap))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if recovering.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await recovering
            assert (await asyncio.wait_for(here.client.recover_gap(gap), 5)).complete

    run(main())
