"""fastws.lifecycle.shared: what the clients of a process share: budget, bans, gates, and who tries to connect."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws import Options
from fastws.emulator import Emulator
from fastws.lifecycle import shared
from fastws.lifecycle.pacing import NotYet, Pace
from fastws.lifecycle.shared import Gates, Share, learn_account, share_of
from fastws.options import make_share
from helpers.losing import keyed, lose, until, watched
from helpers.support import KEY, run


class Clock:
    """A clock that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(shared, "clock", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Member:
    """A client, as far as a Share knows it."""

    def __init__(self) -> None:
        self.woken: list[float] = []

    def wake(self, delay: float) -> None:
        self.woken.append(delay)


# ----------------------------------------------------------------------------------------------------------- the budget


def test_the_budget_of_five_minutes(clock: Clock) -> None:
    share = Share(counted=True)
    for _ in range(3):
        assert share.wait_for_budget(3) == 0.0
        share.attempted()
        clock.now += 10.0
    assert share.wait_for_budget(3) == 270.0
    assert share.wait_for_budget(2) == 280.0
    assert share.wait_for_budget(4) == 0.0
    clock.now += 270.0
    assert share.wait_for_budget(3) == 0.0
    here = Share(counted=False)
    for _ in range(1000):
        here.attempted()
    assert here.wait_for_budget(1) == 0.0


def test_a_budget_that_is_used_up_is_waited_for_and_told(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with keyed(connect_budget=2) as (_, client, steps, reasons):
            share = client._supervisor._gates.share
            share.counted = True
            share.attempted()
            share.attempted()
            lose(client)
            await until(lambda: client.state == "waiting")
            assert (
                reasons[1]
                == "2 attempts were made in 5 minutes (connect_budget); the next attempt follows in 300 s"
            )
            assert steps == [("open", "connecting"), ("connecting", "waiting")]
            told = [each for each in caplog.records if each.levelname == "WARNING"][-1]
            assert (vars(told)["code"], vars(told)["state"], vars(told)["delay"]) == (
                "connect-budget-used-up",
                "waiting",
                300.0,
            )
            clock.now += 300.0
            client._supervisor.attempts._woken(0.0)
            await client.wait_open(5)

    run(main())


def test_opening_is_counted_and_never_refused() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client = fastws.connect(exchange.url, connect_budget=1)
            share = client._supervisor._gates.share
            share.counted = True
            for number in range(1, 4):
                async with fastws.connect(exchange.url, connect_budget=1):
                    assert len(share._attempts) == number

    run(main())


def test_who_shares_what() -> None:
    def share(endpoint: str = "testnet", **options: Any) -> Share:
        return make_share(Options(endpoint, **options))

    assert share() is share(port=9443) is share(ports=(9443,)) is share(**KEY)
    others = [
        share(),
        share("prod"),
        share(local_addr="10.0.0.5"),
        share(local_addr="10.0.0.6"),
        share(proxy="http://10.0.0.7"),
        share("ws://127.0.0.1:1"),
        share("ws://127.0.0.1:2"),
    ]
    assert len(set(map(id, others))) == len(others)
    assert share("ws://127.0.0.1:1", ports=(1, 2)) is share("ws://127.0.0.1:1", ports=(1, 2))
    assert share(local_addr=("10.0.0.5", 77)) is others[2]
    assert [each.counted for each in others] == [True] * 5 + [False] * 2
    for number in range(1100):
        share_of("", f"host-{number}", (), loopback=False)
    assert len(shared._shares) <= 1000


@pytest.mark.parametrize("wrong", [0, -1, 301, 60.0, True, None, "60"])
def test_a_wrong_budget_is_refused(wrong: Any) -> None:
    with pytest.raises(
        fastws.InvalidRequest, match="connect_budget: expected attempts in 5 minutes, from 1 to 300"
    ):
        fastws.connect("testnet", connect_budget=wrong)
    fastws.connect("testnet", connect_budget=300)


# ---------------------------------------------------------------------------------------------------------------- gates


def test_a_ban_and_used_up_weight_hold_for_all_clients_of_the_address() -> None:
    async def main() -> None:
        async with (
            Emulator() as exchange,
            fastws.connect(exchange.url) as first,
            fastws.connect(exchange.url) as second,
        ):
            exchange.faults.add("rate_limit", "ping", seconds=30)
            with pytest.raises(fastws.RateLimited):
                await first.ping()
            for client in (first, second):
                with pytest.raises(
                    fastws.LocallyLimited, match="the request weight of this address is used up"
                ):
                    client.time()
            with pytest.raises(fastws.LocallyLimited):  # a connection costs weight, too
                await fastws.connect(exchange.url)
            async with Emulator() as other, fastws.connect(other.url) as third:
                assert await third.ping() == {}
            await first.close()
            await second.close()

    run(main())


class Limiter:
    """Keeps which gates were closed."""

    def __init__(self) -> None:
        self.closed: set[tuple[str, str | None]] = set()

    def close_gate(self, which: str, us: int, until_us: int, why: str, account: str | None = None) -> None:
        self.closed.add((which, account))


def test_the_limit_of_orders_holds_for_the_account() -> None:
    def gates(key: str | None, share: Share) -> tuple[Gates, set[tuple[str, str | None]]]:
        limiter: Any = Limiter()
        made = Gates(share, limiter, key)
        made.join()
        return made, limiter.closed

    here, there = Share(counted=True), Share(counted=True)
    first, first_closed = gates("key", here)
    same, same_closed = gates("key", there)
    other, other_closed = gates("other", here)
    second, second_closed = gates("second", here)
    keyless, keyless_closed = gates(None, here)
    learn_account("second", 7)
    learn_account("key", 7)
    learn_account("other", 8)
    first.close("orders", 60_000_000, 1, "full")
    assert first_closed == {("orders", None)}
    assert same_closed == {("orders", None)}, "the same key, from another address"
    assert second_closed == {("orders", None)}, "another key of the same account"
    assert other_closed == {("orders", "key")}, "requests that it signs with that key"
    assert keyless_closed == {("orders", "key")}
    late, late_closed = gates("key", there)
    assert late_closed == {("orders", None)}, "it was opened later"
    other.close("orders", 60_000_000, 1, "full", "another")
    assert ("orders", "another") in first_closed
    first.leave()
    other.close("weight", 60_000_000, 1, "full")
    assert ("weight", None) not in first_closed | same_closed
    assert ("weight", None) in second_closed & keyless_closed
    late_here = gates(None, here)
    assert late_here[1] == {("weight", None)}
    assert {same, second, keyless, late, late_here[0]}


def test_a_gate_that_closes_for_less_time_does_not_open_the_other(clock: Clock) -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url) as client:
            gates = client._supervisor._gates
            gates.close("banned", 60_000_000, 2, "long")
            gates.close("banned", 1_000_000, 1, "short")
            gates.close("weight", 30_000_000, 3, "weight")
            gate = gates.share.closed_gate()
            assert gate is not None
            assert gate.why == "long"
            clock.now += 61.0
            assert gates.share.closed_gate() is None

    run(main())


# ----------------------------------------------------------------------------------------------------------- who tries


def test_after_a_minute_of_failures_one_client_tries_for_all(clock: Clock) -> None:
    share = Share(counted=True)
    one, two, three = Member(), Member(), Member()
    share.failed()
    clock.now += 59.0
    share.failed()
    assert all(share.may_try(member) for member in (one, two, three))
    clock.now += 1.0
    assert [share.may_try(member) for member in (one, two, three)] == [True, False, False]
    assert share.may_try(one), "its next attempt"
    assert not share.pass_on(two, 3.0), "it is not the one that tries"
    assert share.pass_on(one, 3.0)
    assert two.woken == [3.0]
    assert [share.may_try(member) for member in (one, two, three)] == [False, True, False]
    assert share.pass_on(two, 4.0)
    assert three.woken == [4.0]
    assert share.may_try(three)
    share.succeeded(lambda low, high: high)
    assert (one.woken, two.woken, three.woken) == ([5.0], [3.0, 5.0], [4.0])
    assert all(share.may_try(member) for member in (one, two, three))


def test_a_client_that_leaves_hands_over(clock: Clock) -> None:
    share = Share(counted=True)
    one, two = Member(), Member()
    share.failed()
    clock.now += 60.0
    share.failed()
    assert [share.may_try(member) for member in (one, two)] == [True, False]
    share.leave(one)
    assert two.woken == [0.0]
    assert share.may_try(two)
    assert not share.pass_on(two, 1.0), "nobody else waits"
    share.leave(two)
    assert share.trier is None
    assert share.may_try(one)
    assert not share.may_try(two)
    clock.now += 121.0
    share.failed()
    assert share.may_try(two), "the other one has not tried for long: its loop may be gone"


def test_old_failures_say_nothing(clock: Clock) -> None:
    share = Share(counted=True)
    one, two = Member(), Member()
    share.failed()
    clock.now += 3600.0
    assert share.may_try(one)
    assert share.may_try(two)
    share.failed()
    clock.now += 59.0
    assert share.may_try(one)
    assert share.may_try(two)


def test_many_clients_of_a_host_that_is_away_come_back_one_after_the_other(clock: Clock) -> None:
    async def main() -> None:
        async with Emulator(ports=2) as exchange:
            clients = [watched(exchange.url) for _ in range(5)]
            for client, _, _ in clients:
                await client
            share = clients[0][0]._supervisor._gates.share
            share.failed()
            clock.now += 60.0
            share.failed()
            exchange.faults.add("refuse", times=7, status=503)
            for client, steps, _ in clients:
                del steps[:]
                lose(client)
            await until(lambda: all(client.connection > 1 for client, _, _ in clients))
            reasons = [reason for _, _, reasons in clients for reason in reasons]
            follow = [reason for reason in reasons if "this one follows it" in reason]
            passed = [reason for reason in reasons if "another client of this process tries next" in reason]
            assert len(passed) == 7, "each failed attempt was followed by one of another client"
            assert follow
            assert share.trier is None
            await asyncio.gather(*(client.close() for client, _, _ in clients))

    run(main())


def test_a_pace_holds_to_backoff_gate_budget_and_turn_in_this_order(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    client = fastws.connect("testnet", connect_budget=1)
    backoff = client._supervisor.backoff
    backoff.uniform = lambda low, high: high
    gates = client._supervisor._gates
    share = gates.share
    pace = Pace(backoff, share, client.clock, 1)
    member = Member()
    pace.check(member, False)
    assert backoff.attempts == 1
    with pytest.raises(NotYet, match=r"soon lost; the next attempt follows in 0\.25 s"):
        pace.check(member, False)
    gates.close("weight", 30_000_000, 1, "weight is used up")
    with pytest.raises(NotYet, match=r"weight is used up; the next attempt follows in 31 s"):
        pace.check(member, True)
    clock.now += 30.0
    share.attempted()
    with pytest.raises(NotYet, match=r"1 attempts were made in 5 minutes.*in 300 s"):
        pace.check(member, True)
    clock.now += 300.0
    share.failed()
    clock.now += 60.0
    share.failed()
    assert share.may_try(Member())
    with pytest.raises(NotYet, match="follows it; the next attempt follows in 60 s"):
        pace.check(member, True)
    assert backoff.attempts == 1
    assert [vars(each)["code"] for each in caplog.records] == ["attempt-forbidden", "connect-budget-used-up"]
