"""client.latency(): which replies and events count, and how exact it is; client.stats over connections."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
import time
from typing import Any

import pytest

import fastws
from fastws._native.latency import KINDS_OF, Latencies
from fastws.emulator import Emulator
from helpers.offline import Offline
from helpers.support import KEY, ORDER, refusal, reply, run

BOUGHT = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
NONE = fastws.Latency(0, 0, 0, 0, 0, 0)


def test_each_kind_of_reply_counts_where_it_belongs_and_whatever_it_says() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        cancel = {"symbol": "BTCUSDT", "orderId": 1}
        made: list[Any] = [
            *[client.order_place(**ORDER) for _ in range(3)],
            client.order_amend_keep_priority(**cancel, newQty="1"),
            client.order_cancel(**cancel),
            client.order_cancel(**cancel),
            client.ping(),
            client.session_logout(),
        ]
        client.flush()
        assert [client.latency(kind) for kind in KINDS_OF] == [NONE] * 4  # type: ignore[arg-type]
        for each in made[:-2]:
            offline.send(reply(each.info.id, {"orderId": 1}))
        offline.send(refusal(made[-2].info.id, 400, -1121), reply(made[-1].info.id, {}))
        for each in made:
            assert each.done()
            each.exception()
        counts = {kind: client.latency(kind).count for kind in KINDS_OF}  # type: ignore[arg-type]
        assert counts == {"place": 4, "cancel": 2, "read": 1, "event": 0}
        assert client.latency().max == max(each.info.latency for each in made[:4])
        offline.lose()
        assert client.latency("place").count == 4, "it outlives the connection"

    run(main())


def test_the_percentiles_are_those_of_the_replies() -> None:
    async def main() -> None:
        offline = Offline()
        client = offline.client
        taken = []
        for number in range(400):
            each = client.ping()
            client.flush()
            if number % 20 == 0:
                time.sleep(0.001)  # noqa: ASYNC251
            offline.send(reply(each.info.id))
            taken.append(each.info.latency)
        taken.sort()
        found = client.latency("read")
        assert found.count == 400
        assert found.max == taken[-1]
        for value, per_mille in ((found.p50, 500), (found.p90, 900), (found.p99, 990), (found.p999, 999)):
            exact = taken[math.ceil(400 * per_mille / 1000) - 1]
            assert abs(value - exact) <= 0.01 * exact, per_mille
        offline.lose()

    run(main())


def test_the_error_is_below_2_per_cent_at_any_size() -> None:
    """The times of the exchange are given, so that the latencies of events are known, to a microsecond."""
    rng = random.Random(7)

    async def main() -> None:
        for exponent in range(1, 29):
            offline = Offline(time_unit="us", on_event=lambda event, subscription: None)
            client = offline.client
            now = time.time_ns() // 1000
            client.clock.adopt(now - time.monotonic_ns() // 1000, 1)
            sizes = []
            for _ in range(51):
                wanted = rng.randrange(1 << exponent, 2 << exponent) + 5000  # us
                before = client.clock.now()
                offline.send({"event": {"e": "x", "E": before - wanted}})
                sizes.append(((client.clock.now() - before) / 2 + wanted) * 1000)
            found = client.latency("event")
            exact = statistics.median(sizes)
            assert found.count == 51
            assert abs(found.p50 - exact) <= 0.02 * exact + 300_000, exponent
            offline.lose()

    run(main())


@pytest.mark.parametrize(("unit", "factor"), [("ms", 1000), ("us", 1)])
@pytest.mark.parametrize("sbe", [False, True])
def test_events_count_from_the_exchanges_time_once_it_is_measured(sbe: bool, unit: Any, factor: int) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account()
            async with fastws.connect(
                exchange.url,
                api_key=account.api_key,
                private_key=account.private_key,
                sbe=sbe,
                time_unit=unit,
            ) as client:
                subscription = await client.user_data_stream_subscribe()
                if client.clock.synced:
                    before = client.latency("event").count
                else:
                    before = 0
                    await client.order_place(**BOUGHT)
                    await anext(aiter(subscription))
                    assert client.latency("event") == NONE, "the exchange's time is not measured"
                    subscription.take_all()
                    await client.sync_time()
                await client.order_place(**BOUGHT)
                event = await anext(aiter(subscription))
                assert event["E"] > 10**12 * (1000 // factor)
                found = client.latency("event")
                assert found.count > before
                assert 0 <= found.p50 <= found.max < 2_000_000_000

    run(main())


@pytest.mark.parametrize("sent", [None, "1", 1.5, True, 10**30, 2**62, -5, 0])
def test_an_event_without_a_time_does_not_count(sent: Any) -> None:
    async def main() -> None:
        offline = Offline(on_event=lambda event, subscription: None)
        offline.client.clock.adopt(time.time_ns() // 1000 - time.monotonic_ns() // 1000, 1)
        offline.send({"event": {"e": "x", "E": sent}}, {"event": {"e": "x"}})
        assert offline.client.latency("event") == NONE
        ahead = (offline.client.clock.now() + 5_000_000) // 1000
        offline.send({"event": {"e": "x", "E": ahead}})
        assert offline.client.latency("event") == fastws.Latency(1, 0, 0, 0, 0, 0), "no time is negative"
        offline.lose()

    run(main())


@pytest.mark.parametrize("kind", ["", "placement", None, 1, [], b"place"])
def test_a_wrong_kind_is_named(kind: Any) -> None:
    client = fastws.connect("testnet")
    with pytest.raises(
        fastws.InvalidRequest, match="kind: expected one of 'place', 'cancel', 'read', 'event', got"
    ):
        client.latency(kind)


def test_a_latency_is_a_frozen_record() -> None:
    latency = fastws.connect("testnet").latency()
    assert dataclasses.asdict(latency) == dict.fromkeys(("count", "p50", "p90", "p99", "p999", "max"), 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        latency.count = 1  # type: ignore[misc]


def test_stats_count_attempts_connects_and_losses() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client = fastws.connect(exchange.url)
            names = ("attempts", "connects", "losses", "gaps")
            assert [client.stats[name] for name in names] == [0, 0, 0, 0]
            async with client:
                assert [client.stats[name] for name in names] == [1, 1, 0, 0]
                await client.ping()
                exchange.faults.add("refuse", status=503)
                lost = client.ping()
                exchange.connections.pick("newest").abort()
                with pytest.raises(fastws.ConnectionLost):
                    await lost
                await client.wait_open(timeout=5.0)
                await client.ping()
                assert [client.stats[name] for name in names] == [3, 2, 1, 0]
                assert client.stats["replies"] >= 2
            assert [client.stats[name] for name in names] == [3, 2, 1, 0], "a close is no loss"

    run(main())


def test_counters_take_memory_when_they_count() -> None:
    assert Latencies.__basicsize__ < 4_000, "all counters would be 108 kB for each client"
