"""When connections are replaced: notices, storms, budgets, bans; and that many rotations leave nothing."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path
from typing import Any

import pytest
from test_losses import is_of_exchange, timers
from test_shared import Clock

import fastws
from fastws.emulator import Emulator
from fastws.lifecycle import shared
from fastws.lifecycle.shared import Share
from helpers.losing import keyed, lose, until, watched
from helpers.rotating import ROTATED, due_now
from helpers.support import run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


# ---------------------------------------------------------------------------------------------------------------- times


def test_a_connection_is_replaced_after_its_time_less_what_chance_takes() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            rotation = client._supervisor.rotation
            found = []
            for chance in (0.0, 1.0):
                rotation.chance = lambda chance=chance: chance  # type: ignore[misc]
                before = asyncio.get_running_loop().time()
                await client.rotate()
                found.append(rotation._due_at[client.connection] - before)
                assert rotation._timer is not None
            assert 82800.0 <= found[0] <= 82801.0
            assert 82800.0 * 0.95 <= found[1] <= 82800.0 * 0.95 + 1
            assert 0.0 <= fastws.connect("testnet")._supervisor.rotation.chance() < 1.0

    run(main())


def test_one_that_is_due_while_the_one_before_is_left_waits_for_its_end() -> None:
    async def main() -> None:
        async with keyed(rotate_after=0.05, drain_timeout=0.2) as (exchange, client, steps, _):
            await client.ping()
            exchange.faults.add("hold", "time", seconds=30.0)
            waiting = client.time()
            await until(lambda: client.state == "draining")
            await asyncio.sleep(0.1)
            assert (client.state, client.connection) == ("draining", 2)
            assert steps == ROTATED[:2]
            with pytest.raises(fastws.ConnectionLost):
                await waiting
            await until(lambda: client.connection == 3)

    run(main())


def test_without_rotate_after_a_connection_is_replaced_by_request_and_notice_alone() -> None:
    async def main() -> None:
        async with keyed(rotate_after=None) as (exchange, client, steps, _):
            assert client._supervisor.rotation._timer is None
            await client.rotate()
            assert client._supervisor.rotation._timer is None
            exchange.connections.pick("newest").shutdown(seconds=None)
            await until(lambda: len(steps) == 6)

    run(main())


@pytest.mark.parametrize("name", ["rotate_after", "drain_timeout"])
@pytest.mark.parametrize("wrong", [0, -1.0, True, "60", float("nan")])
def test_wrong_times_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match=rf"{name}: expected seconds above 0.*, got "):
        fastws.connect("testnet", **{name: wrong})


def test_times_are_seconds() -> None:
    assert fastws.Options("testnet").rotate_after == 82800.0
    assert fastws.Options("testnet").drain_timeout == 15.0
    assert fastws.Options("testnet", rotate_after=None).rotate_after is None
    assert fastws.Options("testnet", rotate_after=1 << 80).rotate_after == 1e9
    with pytest.raises(fastws.InvalidRequest, match="drain_timeout"):
        fastws.connect("testnet", drain_timeout=None)


# -------------------------------------------------------------------------------------------------------------- notices


def test_an_end_without_notice_is_a_loss() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.connections.pick("newest").shutdown(seconds=0)
            await until(lambda: client.connection == 2 and client.state == "open")
            assert client.stats["losses"] == 1
            assert steps[-1] == ("connecting", "open")

    run(main())


def test_a_notice_that_comes_twice_is_one() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("refuse", status=503)
            exchange.connections.pick("newest").shutdown(seconds=None)
            exchange.connections.pick("newest").shutdown(seconds=None)
            await until(lambda: len(steps) == 5)
            assert steps == [("open", "rotating"), ("rotating", "open"), *ROTATED]
            await asyncio.sleep(0.02)
            assert client.connection == 2
            assert client._supervisor.rotation._noticed == set()

    run(main())


def test_a_notice_while_a_successor_is_made_counts_for_its_backoff() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("refuse", status=503)
            exchange.faults.add("hold", "session.logon", seconds=0.05)
            await asyncio.gather(client.rotate(), return_exceptions=True)
            rotation = asyncio.ensure_future(client.rotate())
            await until(lambda: len(client._session.connections) == 2)
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await rotation
            await asyncio.sleep(0.02)
            assert client.connection == 2
            assert steps[2:] == ROTATED

    run(main())


def test_notices_on_every_new_connection_cause_no_storm() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            waits: list[float] = []

            def uniform(low: float, high: float) -> float:
                waits.append(high)
                return 0.0

            client._supervisor.rotation.backoff.uniform = uniform
            exchange.faults.add("shutdown_new", times=0)
            exchange.connections.pick("newest").shutdown(seconds=None)
            await until(lambda: client.connection >= 9)
            assert waits[:8] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
            assert client.stats["losses"] == 0
            client._supervisor.rotation.backoff.uniform = lambda low, high: 60.0
            count = client.stats["attempts"]
            await asyncio.sleep(0.05)
            assert client.stats["attempts"] <= count + 1

    run(main())


def test_a_connection_that_lives_long_starts_the_backoff_anew() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, __, ___):
            backoff = client._supervisor.rotation.backoff
            exchange.faults.add("refuse", times=3, status=503)
            due_now(client)
            await until(lambda: client.connection == 2 and client.state == "open")
            assert backoff.attempts == 4
            backoff._opened_at -= 60.0
            await client.rotate()
            assert backoff.attempts == 0

    run(main())


def test_a_rotation_that_the_user_asks_for_does_not_count_for_the_backoff() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            backoff = client._supervisor.rotation.backoff
            for _ in range(3):
                await client.rotate()
            assert backoff.attempts == 0, "a notice would have to wait"

    run(main())


def test_many_clients_do_not_rotate_all_at_once_because_of_one_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        monkeypatch.setattr(shared, "ROTATE_EVERY", 0.02)
        begun: list[float] = []
        loop = asyncio.get_running_loop()

        def on_state(old: str, new: str, reason: str) -> None:
            if new == "rotating":
                begun.append(loop.time())

        async with Emulator() as exchange:
            clients = [fastws.connect(exchange.url, on_state=on_state) for _ in range(6)]
            await asyncio.gather(*(client.__aenter__() for client in clients))
            exchange.shutdown_notice(None)
            await until(lambda: all(client.connection == 2 and client.state == "open" for client in clients))
            assert len(begun) == 6
            assert begun[-1] - begun[0] >= 0.09
            await asyncio.gather(*(client.close() for client in clients))

    run(main())


def test_turns_to_rotate(clock: Clock) -> None:
    share = Share(counted=False)
    turns = [share.turn_to_rotate() for _ in range(60)]
    assert turns[:3] == pytest.approx([0.0, 0.1, 0.2])
    assert max(turns) == pytest.approx(5.0)
    clock.now += 3.0
    assert share.turn_to_rotate() == pytest.approx(2.1)
    clock.now += 60.0
    assert share.turn_to_rotate() == 0.0


# ------------------------------------------------------------------------------------------- what the process may do


def test_the_budget_holds_for_rotations(clock: Clock) -> None:
    async def main() -> None:
        async with keyed(connect_budget=2) as (_, client, steps, reasons):
            share = client._supervisor._gates.share
            share.counted = True
            await client.rotate()
            share.attempted()
            with pytest.raises(
                fastws.LocallyLimited, match=r"not rotated: 2 attempts were made in 5 minutes"
            ):
                await client.rotate()
            assert steps[3:] == [("open", "rotating"), ("rotating", "open")]
            assert client.connection == 2
            due_now(client)
            await until(lambda: len(steps) == 7)
            assert reasons[-1].endswith("(connect_budget); the next attempt follows in 300 s")
            clock.now += 300.0
            client._supervisor.attempts._woken(0.0)
            await until(lambda: client.connection == 3)

    run(main())


def test_a_gate_that_is_closed_holds_for_rotations() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            exchange.faults.add("rate_limit", "ping", seconds=30)
            with pytest.raises(fastws.RateLimited):
                await client.ping()
            with pytest.raises(fastws.LocallyLimited, match="not rotated: ") as caught:
                await client.rotate()
            assert caught.value.until.timestamp() > 0
            assert client.stats["attempts"] == 1
            assert steps == [("open", "rotating"), ("rotating", "open")]

    run(main())


def test_a_ban_that_ends_the_connection_ends_a_rotation() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add("ban", "ping", seconds=150)
            with pytest.raises(fastws.Banned):
                await client.ping()
            with pytest.raises((fastws.LocallyLimited, fastws.NotConnected), match="not rotated: "):
                await client.rotate()
            assert client.stats["attempts"] == 1

    run(main())


def test_a_refusal_for_all_that_answers_the_attempt_is_told_to_all() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add("refuse", status=429, code=-1003, msg="no", retry_after=30)
            with pytest.raises(fastws.RateLimited):
                await client.rotate()
            gate = client._supervisor._gates.share.closed_gate()
            assert gate is not None
            assert client.connection == 1

    run(main())


def test_a_client_that_follows_others_is_woken_when_one_succeeds(clock: Clock) -> None:
    async def main() -> None:
        async with keyed() as (_, client, steps, reasons):
            share = client._supervisor._gates.share
            share.failed()
            clock.now += 60.0
            share.failed()

            class Other:
                def wake(self, delay: float) -> None: ...

            assert share.may_try(Other())
            due_now(client)
            await until(lambda: len(steps) == 2)
            assert "this one follows it" in reasons[1]
            share.succeeded(lambda low, high: low)
            await until(lambda: client.connection == 2)

    run(main())


def test_a_client_that_tries_for_all_passes_it_on_when_it_fails(clock: Clock) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            share = client._supervisor._gates.share
            share.failed()
            clock.now += 60.0
            share.failed()
            woken: list[float] = []

            class Other:
                def wake(self, delay: float) -> None:
                    woken.append(delay)

            exchange.faults.add("refuse", status=503)
            assert share.may_try(client._supervisor.attempts)
            assert not share.may_try(Other())
            due_now(client)
            await until(lambda: len(steps) == 2)
            assert len(woken) == 1
            assert client.connection == 1

    run(main())


def test_the_next_port_is_tried_after_a_failure() -> None:
    async def main() -> None:
        async with Emulator(ports=2) as exchange:
            client, _, __ = watched(exchange.url, ports=exchange.ports)
            async with client:
                await client.rotate()
                turn = client._supervisor.connector.turn
                assert turn == 0, "the port works"
                exchange.faults.add("refuse", status=503)
                await asyncio.gather(client.rotate(), return_exceptions=True)
                assert client._supervisor.connector.turn == 1
                await client.rotate()
                assert client.connection == 3

    run(main())


# -------------------------------------------------------------------------------------------------- nothing is left


def test_many_rotations_leave_nothing() -> None:
    async def main() -> None:
        async with keyed() as (_, client, steps, __):
            for _ in range(3):
                await client.rotate()
            tasks = len(asyncio.all_tasks())
            gc.collect()
            opened, waiting = open_files(), len([each for each in timers() if not is_of_exchange(each)])
            for _ in range(30):
                await client.rotate()
            await asyncio.sleep(0.02)
            gc.collect()
            assert len(steps) == 3 * 33
            assert client.stats["rotations"] == 33
            assert len(asyncio.all_tasks()) == tasks
            assert len([each for each in timers() if not is_of_exchange(each)]) <= waiting
            assert open_files() <= opened
            rotation = client._supervisor.rotation
            assert list(rotation._due_at) == [client.connection]
            assert rotation._noticed == set()
            assert rotation._leaving == {}
            assert len(client._supervisor._ending.connections()) <= 2

    run(main())


def open_files() -> int:
    """How many descriptors this process has, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder)) if folder.exists() else 0


def test_losses_and_rotations_in_any_order() -> None:
    """Each request ends once, and the client is open in the end."""

    async def main() -> None:
        async with keyed(drain_timeout=0.1) as (exchange, client, _, __):
            ends = 0

            def on_reply(result: Any, error: Any) -> None:
                nonlocal ends
                ends += 1

            sent = 0
            rotations: list[asyncio.Future[None]] = []
            for number in range(60):
                if client.connected:
                    sent += 1
                    client.ping(on_reply=on_reply)
                if number % 4 == 0:
                    rotations.append(asyncio.ensure_future(client.rotate()))
                if number % 7 == 3 and client.connected:
                    lose(client)
                if number % 11 == 5 and len(exchange.connections):
                    exchange.connections.pick("newest").shutdown(seconds=0.01)
                await asyncio.sleep(0.003)
            outcomes = await asyncio.gather(*rotations, return_exceptions=True)
            assert all(each is None or isinstance(each, fastws.FastwsError) for each in outcomes)
            await until(lambda: client.state == "open")
            assert await client.ping() == {}
            assert ends == sent
            assert client.in_flight == 0

    run(main())
