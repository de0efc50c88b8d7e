"""fastws.lifecycle.supervisor: attempts to connect that are lost, closed, cancelled or refused at each moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.losing import keyed, lose, nothing_left, silent, until, watched
from helpers.support import KEY, answer_all, run, serving


@pytest.mark.parametrize("phase", ["handshake", "time", "session.logon"])
def test_a_loss_in_each_await_of_an_attempt_fails_it_and_the_next_one_follows(phase: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            if phase == "time":
                exchange.faults.add("error", "session.logon", status=400, code=-1021, times=1)
            if phase == "handshake":
                exchange.faults.add("refuse", status=502)
            else:
                exchange.faults.add("cut_before", phase)
            lose(client)
            await until(lambda: client.connection == 2 or client.connection == 3)
            assert steps.count(("connecting", "waiting")) == 1
            assert client.logged_on
            assert await client.ping() == {}

    run(main())


@pytest.mark.parametrize("phase", ["handshake", "time", "session.logon"])
@pytest.mark.parametrize("first", [True, False])
def test_closing_in_each_await_of_an_attempt_leaves_nothing(phase: str, first: bool) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        async with Emulator() as exchange:
            account = exchange.add_account("Ed25519")
            options = {"sync_every": 60.0} if phase == "time" and first else {}
            client, _, _ = watched(
                exchange.url, api_key=account.api_key, private_key=account.private_key, **options
            )
            if not first:
                await client
            if phase == "time" and not first:
                exchange.faults.add("error", "session.logon", status=400, code=-1021)
            if phase == "handshake":
                exchange.faults.add("hang")  # else the client may be open before the test looks
            else:
                exchange.faults.add("hold", phase, seconds=60)
            tasks = asyncio.all_tasks()
            if first:
                opening = asyncio.ensure_future(client.__aenter__())
            else:
                lose(client)
            if phase == "handshake" and first:
                await asyncio.sleep(0)
                assert client.state == "connecting"
            elif phase == "handshake":
                exchange.faults.add("hang")
                await until(lambda: client.state == "connecting")
            else:
                await until(lambda: exchange.journal and exchange.journal[-1].method == phase)
            await client.close(timeout=0.05)
            if first:
                with pytest.raises(fastws.NotConnected, match="closed while"):
                    await opening
            await nothing_left(client, tasks)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(main())


def test_a_server_that_accepts_and_drops_at_once_is_not_asked_in_a_tight_loop() -> None:
    connections = 0

    async def script(peer: Any) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await peer.request()
        await peer.drop()

    async def main() -> None:
        asked: list[float] = []
        async with serving(script) as url:
            client = fastws.connect(url)
            client._supervisor.backoff.uniform = lambda low, high: asked.append(high) or 0.0  # type: ignore[func-returns-value]
            await client
            with pytest.raises(fastws.ConnectionLost):
                await client.ping()
            await until(lambda: len(asked) >= 9)
            assert asked[:9] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
            await client.close()

    run(main())
    assert connections >= 9


def test_the_attempts_start_again_after_a_minute() -> None:
    async def main() -> None:
        async with keyed() as (_, client, _steps, __):
            now = 1000.0
            backoff = client._supervisor.backoff
            backoff.clock = lambda: now
            for open_for, attempts in ((1.0, 1), (59.0, 2), (61.0, 1), (5.0, 2)):
                backoff.opened()
                now += open_for
                number = client.connection
                lose(client)
                await until(lambda number=number: client.connection > number)
                assert backoff.attempts == attempts, open_for

    run(main())


def test_a_program_that_cancels_all_its_tasks_closes_the_client_that_is_connecting() -> None:
    async def main() -> None:
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            client, steps, _ = watched(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            opening = asyncio.ensure_future(client.__aenter__())
            await asyncio.sleep(0.01)
            client._supervisor.attempts.task.cancel()  # type: ignore[union-attr]
            with pytest.raises(fastws.NotConnected, match="cancelled"):
                await opening
            assert steps[-1] == ("connecting", "closed")

    run(main())


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), True, "1"])
def test_a_wrong_timeout_is_refused(wrong: Any) -> None:
    async def main() -> None:
        async with serving(answer_all) as url, fastws.connect(url) as client:
            with pytest.raises(fastws.InvalidRequest, match="timeout: expected seconds above 0 or None"):
                await client.wait_open(wrong)

    run(main())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reconnect": 1}, "reconnect: expected True or False, got 1"),
        ({"on_state": 5}, "on_state: expected a callable, got 5"),
        ({"ports": ()}, "ports: expected a list of different numbers"),
        ({"ports": (443, 443)}, "ports: expected a list of different numbers"),
        ({"ports": "443"}, "ports: expected a list of different numbers"),
        ({"ports": (443, 0)}, "ports: expected a list of different numbers"),
        ({"ports": (443, True)}, "ports: expected a list of different numbers"),
        ({"ports": {443, 9443}}, "ports: expected a list of different numbers"),
        ({"ports": 443}, "ports: expected a list of different numbers"),
        ({"ports": (443, 1)}, 'port of "testnet" must be 443 or 9443, not 1'),
        ({"ports": (443, 9443), "port": 443}, "port is 443, so ports cannot be"),
        ({"ports": (443,), "port": 9443}, "port is 9443, so ports cannot be"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(fastws.InvalidRequest) as caught:
        fastws.connect("testnet", **options, **KEY)
    assert said in str(caught.value)
    with pytest.raises(fastws.InvalidRequest, match="the URL says port 1, but ports are 443 or 9443"):
        fastws.connect("ws://127.0.0.1:1", ports=(443, 9443))
