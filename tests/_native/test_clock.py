"""The exchange's clock: what is measured, what timestamps are made of, and what a clock that is set does to them."""

# ruff: noqa: SIM117, ASYNC110  # an exchange, and within it its clients; waiting for a background task

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastws
from fastws._native import clock as _clock
from fastws.emulator import Emulator
from fastws.emulator.values.clock import Clock as ExchangeClock
from fastws.lifecycle import clock_keeper as clock
from fastws.lifecycle.clock_keeper import estimate
from helpers.offline import Offline
from helpers.support import CLOSE, KEY, ORDER, Peer, frame, refusal, reply, run, talking

LIMIT = {**ORDER, "price": "50000.00", "quantity": "0.001"}
MS = 1_000_000  # nanoseconds


def key(exchange: Emulator, kind: str = "HMAC") -> dict[str, Any]:
    account = exchange.add_account(kind)
    secret = {"secret": account.secret} if kind == "HMAC" else {"private_key": account.private_key}
    return {"api_key": account.api_key, **secret}


def test_the_quicker_half_counts_and_says_more_together() -> None:
    # (duration, least, most) in ns: the true difference is 5 ms
    assert estimate([(2 * MS, 4 * MS, 7 * MS)]) == (5500, 1500)
    assert estimate([(2 * MS, 4 * MS, 7 * MS), (3 * MS, 2 * MS, 6 * MS)]) == (5500, 1500), "the quicker one"
    several = [(MS, 4 * MS, 6 * MS), (MS, 4_900_000, 7 * MS), (MS, 3 * MS, 5_100_000), (9 * MS, 0, 1)]
    assert estimate(several) == (4550, 550)
    assert estimate([*several, (9 * MS, 0, 1)]) == (5000, 100)
    assert estimate([(MS, 4 * MS, 5 * MS), (2 * MS, 8 * MS, 9 * MS), (3 * MS, 0, 1)]) == (4500, 500), (
        "where they contradict each other, the quickest alone"
    )
    assert estimate([(0, 7000, 7000)]) == (7, 1), "nothing is certain to less than 1 us"


@given(
    st.integers(-(10**15), 10**15), st.lists(st.tuples(*[st.integers(0, 10**8)] * 3), min_size=1, max_size=20)
)
def test_the_truth_lies_within_the_uncertainty(truth: int, trips: list[tuple[int, int, int]]) -> None:
    """An exchange that is `truth` ns ahead, and cuts its time to milliseconds; there, back, and when it is asked."""
    found = []
    for there, back, sent in trips:
        server = (sent + there + truth) // MS * MS
        found.append((there + back, server - (sent + there + back), server + MS - sent))
    middle, half = estimate(found)
    assert abs(middle * 1000 - truth) <= half * 1000 + 2000


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("offset", [0.0, 3600.25, -5.5])
def test_timestamps_follow_the_exchange(unit: Any, sbe: bool, offset: float) -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(offset)) as exchange:
            async with fastws.connect(exchange.url, time_unit=unit, sbe=sbe, **key(exchange)) as client:
                assert (
                    client.clock.synced,
                    client.clock.offset,
                    client.clock.uncertainty,
                    client.clock.age,
                ) == (
                    False,
                    0,
                    None,
                    None,
                )
                assert repr(client.clock) == "<fastws.Clock not measured>"
                if offset:
                    with pytest.raises(fastws.BadRequest) as late:
                        await client.order_place(**LIMIT)
                    assert late.value.code == -1021
                found = await client.sync_time()
                assert found is client.clock
                assert found.synced
                assert found.uncertainty is not None
                assert found.uncertainty < 20_000
                assert abs(found.offset - offset * 1e6) <= found.uncertainty + 1000
                assert found.age is not None
                assert 0 <= found.age < 5
                assert abs(found.now() - exchange.core.clock.now_us()) <= found.uncertainty + 5000
                placed = client.order_place(**LIMIT)
                assert (await placed)["status"] == "NEW"
                assert abs(placed.info.timestamp - exchange.core.clock.now_us()) < 1e6
                assert abs((await client.sync_time(1)).offset - offset * 1e6) < 20_000

    run(main())


def test_microseconds_are_finer_than_the_exchanges_milliseconds() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, time_unit="us") as client:
            await client.sync_time(30)
            fine = client.clock.uncertainty
            assert fine is not None
            assert fine < 2000, "half a round trip on this machine"

    run(main())


@pytest.mark.parametrize("samples", [0, 101, 1.5, True, "8"])
def test_a_wrong_number_of_samples_is_named(samples: Any) -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url) as client:
            with pytest.raises(fastws.InvalidRequest, match="samples"):
                await client.sync_time(samples)

    run(main())


@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan")])
def test_a_wrong_interval_is_named(value: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match="sync_every"):
        fastws.connect("testnet", sync_every=value)


def test_a_failed_measurement_keeps_what_was_known() -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(7.0)) as exchange, fastws.connect(exchange.url) as client:
            await client.sync_time()
            before = client.clock.uncertainty
            exchange.faults.add("error", method="time")
            with pytest.raises(fastws.BadRequest):
                await client.sync_time()
            assert client.clock.uncertainty == before
            assert abs(client.clock.offset - 7e6) < 50_000
            exchange.faults.add("cut_after", method="time")
            with pytest.raises(fastws.ConnectionLost):
                await client.sync_time()
            with pytest.raises(fastws.NotConnected):
                await client.sync_time()
            assert abs(client.clock.offset - 7e6) < 50_000

    run(main())


def test_a_logon_that_is_out_of_time_is_repeated_once() -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(-30.0)) as exchange:
            async with fastws.connect(exchange.url, **key(exchange, "Ed25519")) as client:
                assert client.logged_on
                assert client.clock.synced
                methods = [record.method for record in exchange.journal]
                assert methods == ["session.logon", *["time"] * 8, "session.logon"]
                assert (await client.order_place(**LIMIT))["status"] == "NEW"

    async def never() -> None:
        got = []

        async def script(peer: Peer) -> None:
            while True:
                request = await peer.request()
                got.append(request["method"])
                if request["method"] == "time":
                    peer.send(reply(request, {"serverTime": 5}))
                else:
                    peer.send(refusal(request, 400, -1021))

        signer = Emulator().add_account("Ed25519")
        with pytest.raises(fastws.BadRequest, match="-1021"):
            async with talking(script, api_key=signer.api_key, private_key=signer.private_key):
                pass
        assert got.count("session.logon") == 2

    run(main())
    run(never())


@pytest.mark.parametrize("kind", ["HMAC", "RSA"])
@pytest.mark.parametrize("offset", [3600.0, -60.0])
def test_a_refused_timestamp_has_the_clock_measured_once_and_repeats_no_order(
    kind: str, offset: float
) -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(offset)) as exchange:
            async with fastws.connect(exchange.url, **key(exchange, kind)) as client:
                refused = await asyncio.gather(
                    *(client.order_place(**LIMIT) for _ in range(3)), return_exceptions=True
                )
                for error in refused:
                    assert isinstance(error, fastws.BadRequest)
                    assert error.code == -1021
                    assert "being measured" in str(error)
                    assert "connect(sync_every=60)" in str(error)
                while not client.clock.synced:
                    await asyncio.sleep(0.001)
                assert (await client.order_place(**LIMIT))["status"] == "NEW"
                exchange.faults.add("error", method="order.place", code=-1021, msg="Too late.")
                with pytest.raises(fastws.BadRequest, match=r"Too late.*was measured 0\.\d s ago"):
                    await client.order_place(**LIMIT)
                assert len(await client.open_orders_status(symbol="BTCUSDT")) == 1
                methods = [record.method for record in exchange.journal]
                assert methods == [
                    *["order.place"] * 3,
                    *["time"] * 8,
                    *["order.place"] * 2,
                    "openOrders.status",
                ]

    run(main())


def test_a_measurement_after_a_refused_timestamp_that_fails_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(60.0)) as exchange:
            exchange.faults.add("error", method="time", msg="not now")
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                for synced in (False, True):
                    with pytest.raises(fastws.BadRequest, match="sync_every"):
                        await client.order_place(**LIMIT)
                    assert client._clock_keeper.check is not None
                    assert await client._clock_keeper.check is synced
            assert [record.message for record in caplog.records if "not now" in record.message] != []

    with caplog.at_level(logging.WARNING, "fastws"):
        run(main())


def test_a_measurement_under_way_ends_with_the_client(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Emulator(clock=ExchangeClock(60.0), reply_delay=0.05) as exchange:
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                with pytest.raises(fastws.BadRequest, match="-1021"):
                    await client.order_place(**LIMIT)
            assert client._clock_keeper.check is not None
            await asyncio.wait([client._clock_keeper.check])
            assert not client.clock.synced
            assert [record.message for record in caplog.records if record.name == "fastws"] == []

    run(main())


def test_it_is_measured_again_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        asked = 0

        async def script(peer: Peer) -> None:
            nonlocal asked
            while True:
                opcode, payload = await peer.frame()
                if opcode == CLOSE:
                    peer.writer.write(frame(CLOSE, payload))
                    return
                request = json.loads(payload)
                if request["method"] == "time":
                    asked += 1
                    peer.send(reply(request, {"serverTime": time.time_ns() // MS}))
                else:
                    peer.send(refusal(request, 400, -1021))

        async def until(count: int) -> None:
            while asked < count:
                await asyncio.sleep(0.005)

        async with talking(script, sync_every=0.02, **KEY) as client:
            assert client.clock.synced
            assert asked == 8, "before anything else"
            await until(24)
        count = asked
        await asyncio.sleep(0.05)
        assert asked == count, "not after the end"
        assert client._clock_keeper.task is not None
        assert client._clock_keeper.task.done()
        asked = 0
        async with talking(script, sync_every=1000, **KEY) as client:
            with pytest.raises(fastws.BadRequest):
                await client.order_place(**LIMIT)
            await until(16)  # -1021 says that it is due

    run(main())


def test_a_background_measurement_that_fails_is_logged_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with (
            Emulator() as exchange,
            fastws.connect(exchange.url, sync_every=0.02, reconnect=False) as client,
        ):
            exchange.faults.add("error", method="time", msg="not now")
            while exchange.faults:
                await asyncio.sleep(0.005)
            count = len(exchange.journal)
            while len(exchange.journal) < count + 10:
                await asyncio.sleep(0.005)
            assert client.connected
            exchange.faults.add("cut_after", method="time")
            await client.wait_closed()
            await asyncio.sleep(0)

    run(main())
    assert "the exchange's time could not be measured: time: not now" in caplog.text


def test_a_jump_of_this_machines_clock_is_noticed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = fastws.Clock()
    assert measured.jumped() == 0
    assert measured.jumps == 0

    class Set:
        """A clock whose machine's clock was set forward, once."""

        jumps = iter([0, 5_000_000, 0])

        def jumped(self) -> int:
            return next(self.jumps)

    seen: Any = Set()
    with caplog.at_level(logging.WARNING, "fastws"):
        assert [clock.notice_jump(seen) for _ in range(3)] == [False, True, False]
    assert "this machine's clock jumped by +5.000 s" in caplog.text

    async def main() -> None:
        jumps = iter([0, 0, 5_000_000])
        monkeypatch.setattr(clock, "LOOK_EVERY", 0.005)
        monkeypatch.setattr(clock, "notice_jump", lambda _: bool(next(jumps, 0)))
        async with Emulator() as exchange, fastws.connect(exchange.url, sync_every=1000):
            while len(exchange.journal) < 16:
                await asyncio.sleep(0.005)  # measured again, long before it was due

    run(main())


def test_a_clock_that_was_measured_does_not_follow_the_wall_clock() -> None:
    measured = fastws.Clock()
    measured.adopt(1_000_000_000_000_000, 5)
    first = measured.now()
    time.sleep(0.01)
    assert 9_000 < measured.now() - first < 1_000_000
    assert 1_000_000_000_000_000 < first < time.time() * 1e6
    assert measured.offset < -1e12
    assert measured.uncertainty == 5
    assert "give or take 5 us" in repr(measured)
    assert isinstance(measured, _clock.Clock)


def test_the_clock_is_read_once_for_a_request_that_is_not_signed() -> None:
    """Its timestamp, and when it was made and written, are of one reading; a signature takes time, and so one more."""

    async def main() -> None:
        for key, reads in ((KEY, 1), ({**KEY, "logon": "never"}, 2)):
            offline = Offline(**key)
            if reads == 1:
                logon = offline.client.session_logon()
                offline.client.flush()
                offline.send({"id": logon.info.id, "status": 200, "result": {"apiKey": KEY["api_key"]}})
            base = 10**15
            offline.client.clock.adopt(base, 5)
            info = offline.client.order_place(**ORDER, urgent=True).info
            assert info.sent
            assert info.written_at == info.queued_at
            made_at = (info.timestamp - base) * 1000
            assert (made_at // 1000 == info.queued_at // 1000) == (reads == 1)
            assert made_at <= info.queued_at
            offline.lose()

    run(main())
