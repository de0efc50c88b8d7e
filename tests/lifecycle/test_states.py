"""fastws.lifecycle.table: each row of the table of states, and that each pair of state and event is in it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.lifecycle.machine import Machine
from fastws.lifecycle.supervisor import Supervisor
from fastws.lifecycle.table import EVENTS, IMPOSSIBLE, ROWS, STATES
from helpers.losing import keyed, lose, nothing_left, silent, until, watched
from helpers.support import ALL_LOOPS, answer_all, run, serving

OPENED = [("new", "connecting"), ("connecting", "open")]
CLOSED = [("open", "closing"), ("closing", "closed")]


def test_each_pair_has_a_row_or_is_impossible() -> None:
    pairs = [(state, event) for state in STATES for event in EVENTS]
    rows = [(row.state, row.event) for row in ROWS]
    assert len(set(rows)) == len(rows)
    assert set(rows).isdisjoint(IMPOSSIBLE)
    assert {*rows, *IMPOSSIBLE} == set(pairs)
    assert {row.next for row in ROWS} <= set(STATES)
    assert all(IMPOSSIBLE.values())
    assert all(row.says for row in ROWS)


def test_each_row_names_a_test_and_each_action_is_one_of_the_supervisor() -> None:
    tests = {
        name: test
        for module in (__name__, "test_logon", "test_rotation")
        for name, test in vars(importlib.import_module(module)).items()
    }
    for row in ROWS:
        assert inspect.isfunction(tests[row.test]), row
        for action in row.actions:
            assert callable(getattr(Supervisor, f"_do_{action}")), row


def test_an_impossible_event_is_reported_and_changes_nothing() -> None:
    told: list[Any] = []
    machine = Machine({}, lambda *step: told.append(step), lambda: None, lambda *error: told.append(error))
    machine.fire("lost", "why")
    assert machine.state == "new"
    assert told == [("the event 'lost' came in the state 'new' (why)", None)]


def test_a_step_within_a_step_is_told_in_its_turn() -> None:
    told: list[tuple[str, str, str]] = []

    def on_step(*step: str) -> None:
        told.append(step)  # type: ignore[arg-type]
        if step[1] == "open":
            machine.fire("lost", "at once")
            assert machine.state == "connecting"

    actions = dict.fromkeys({name for row in ROWS for name in row.actions}, lambda reason: None)
    machine = Machine(actions, on_step, lambda: told.append(("all", "", "")), pytest.fail)  # type: ignore[arg-type]
    machine.fire("open", "a")
    machine.fire("up", "b")
    assert told == [
        ("new", "connecting", "a"),
        ("all", "", ""),
        ("connecting", "open", "b"),
        ("open", "connecting", "at once"),
        ("all", "", ""),
    ]


def test_a_step_within_an_action_is_told_behind_the_one_that_it_is_in() -> None:
    told: list[Any] = []
    actions: dict[str, Any] = dict.fromkeys(
        {name for row in ROWS for name in row.actions}, lambda reason: None
    )
    actions["install"] = lambda reason: machine.fire("lost", "at once")
    machine = Machine(actions, lambda *step: told.append(step), lambda: told.append("all"), pytest.fail)  # type: ignore[arg-type]
    machine.fire("open", "a")
    machine.fire("up", "b")
    assert told[2:] == [("connecting", "open", "b"), ("open", "connecting", "at once"), "all"]


def test_an_end_of_the_program_within_a_step_does_not_stop_the_steps_that_follow() -> None:
    told: list[Any] = []

    def end(reason: str) -> None:
        raise KeyboardInterrupt

    actions: dict[str, Any] = dict.fromkeys(
        {name for row in ROWS for name in row.actions}, lambda reason: None
    )
    machine = Machine({**actions, "install": end}, lambda *step: told.append(step), lambda: None, pytest.fail)  # type: ignore[arg-type]
    machine.fire("open", "a")
    with pytest.raises(KeyboardInterrupt):
        machine.fire("up", "b")
    machine.fire("lost", "c")
    assert told == [("new", "connecting", "a"), ("connecting", "open", "b"), ("open", "connecting", "c")]


def test_an_error_within_a_step_is_reported_and_the_client_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with keyed() as (_exchange, client, steps, _):
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: reported.append(context["message"])
            )
            monkeypatch.setattr(client._handler.keeper, "lost", lambda *args: 1 / 0)
            lose(client)
            await until(lambda: client.connection == 2)
            assert steps == [("open", "connecting"), ("connecting", "open")]
            assert reported == ["fastws: the action 'detach' at the event 'lost' failed"]
            monkeypatch.setattr(client._handler.keeper, "closed", lambda *args: 1 / 0)
            await asyncio.wait_for(client.close(), 5)
            assert await asyncio.wait_for(client.wait_closed(), 5)
            assert len(reported) == 2

    run(main())


# ------------------------------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_opening(loop: str) -> None:
    async def main() -> None:
        async with serving(answer_all) as url:
            client, steps, reasons = watched(url)
            assert (client.state, client.connection, client.error) == ("new", 0, None)
            with pytest.raises(fastws.NotConnected, match="never opened"):
                await client.wait_open()
            assert await client is client
            assert (client.state, client.connection, client.connected) == ("open", 1, True)
            await client.wait_open()
            assert steps == OPENED
            assert reasons == ["connect() was called", "connection 1 is open"]
            await client.close()

    run(main(), loop=loop)


def test_closing_a_client_that_is_new() -> None:
    async def main() -> None:
        client, steps, _ = watched("ws://127.0.0.1:1")
        await client.close()
        assert client.state == "closed"
        assert steps == [("new", "closed")]
        assert str(client.error) == "the client was closed"
        with pytest.raises(fastws.InvalidRequest, match="closed before"):
            await client
        await client.close()

    run(main())


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_loss(loop: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            seen: list[Any] = []

            def on_reply(result: Any, error: Exception | None) -> None:
                seen.append((client.state, type(error)))

            exchange.faults.add("cut_before", "ping")
            client.ping(on_reply=on_reply)
            with pytest.raises(fastws.ConnectionLost):
                await client.time()
            assert seen == [("connecting", fastws.ConnectionLost)], "the new state is there before"
            await client.wait_open(5)
            assert (client.connection, client.logged_on) == (2, True)
            assert steps == [("open", "connecting"), ("connecting", "open")]
            assert reasons[1] == "connection 2 is open"
            assert await client.ping() == {}
            assert client.error is None

    run(main(), loop=loop)


def test_attempts_that_fail() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            exchange.faults.add("refuse", times=3, status=503)
            lose(client)
            await until(lambda: steps)
            await client.wait_open(5)
            assert steps == [
                ("open", "connecting"),
                *[("connecting", "waiting"), ("waiting", "connecting")] * 3,
                ("connecting", "open"),
            ]
            assert "(status 503)" in reasons[1]
            assert "the next attempt follows in 0.00 s" in reasons[1]

    run(main())


@pytest.mark.parametrize("status", [403, 400])
def test_attempts_that_are_refused(status: int) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            exchange.faults.add("refuse", times=2, status=status)
            assert fastws.connect("testnet")._supervisor.backoff.refused == 60.0
            lose(client)
            await until(lambda: steps)
            await client.wait_open(5)
            assert steps.count(("connecting", "waiting")) == 2
            assert reasons[1].startswith("refused: ")
            assert f"(status {status})" in reasons[1]

    run(main())


@pytest.mark.parametrize("reconnect", [True, False])
def test_a_first_opening_that_fails(reconnect: bool) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        async with Emulator() as exchange:
            exchange.faults.add("refuse", status=503)
            client, steps, _ = watched(exchange.url, reconnect=reconnect)
            with pytest.raises(fastws.ServerError) as caught:
                await client
            assert client.error is caught.value
            assert steps == [("new", "connecting"), ("connecting", "closed")]
            assert await client.wait_closed() == str(caught.value) == client.close_reason
            with pytest.raises(fastws.NotConnected, match="503"):
                await client.wait_open()
            with pytest.raises(fastws.NotConnected, match="503"):
                client.ping()
            await client.close()
            await nothing_left(client, before | asyncio.all_tasks())

    run(main())


def test_a_first_opening_tries_each_port_once() -> None:
    async def main() -> None:
        async with serving(answer_all) as url, await asyncio.start_server(_hang_up, "127.0.0.1", 0) as other:
            good = int(url.rpartition(":")[2].partition("/")[0])
            bad = other.sockets[0].getsockname()[1]
            client, steps, _ = watched(f"ws://127.0.0.1:{bad}", ports=(bad, good))
            async with client:
                assert client.connected
            assert steps == OPENED + CLOSED
            with pytest.raises(fastws.NotConnected, match="in place of a handshake"):
                await fastws.connect(f"ws://127.0.0.1:{bad}", port=bad)

    run(main())


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_closing_while_connecting() -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            client, steps, _ = watched(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            opening = asyncio.ensure_future(client.__aenter__())
            await asyncio.sleep(0.01)
            assert client.state == "connecting"
            with pytest.raises(fastws.NotConnected):
                client.ping()
            await client.close()
            with pytest.raises(fastws.NotConnected, match="closed while it was opening"):
                await opening
            assert steps == [("new", "connecting"), ("connecting", "closing"), ("closing", "closed")]
            await nothing_left(client, asyncio.all_tasks())
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(main())


def test_closing_while_waiting() -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        async with Emulator() as exchange:
            client, steps, _ = watched(exchange.url)
            await client
            client._supervisor.backoff.uniform = lambda low, high: 1000.0
            exchange.faults.add("refuse", times=0, status=503)
            lose(client)
            await until(lambda: client.state == "waiting")
            opening = asyncio.ensure_future(client.wait_open())
            with pytest.raises(fastws.NotConnected, match=r"reconnecting.*wait_open"):
                client.ping()
            with pytest.raises(fastws.NotConnected):
                client.batch()
            with pytest.raises(TimeoutError, match=r"not open after 0\.01 s: .*503.*") as late:
                await client.wait_open(0.01)
            assert "wait_open()" not in str(late.value)  # who waits needs no advice to wait
            assert repr(client).endswith(" waiting>")
            await client.close()
            with pytest.raises(fastws.NotConnected, match="the client is closed"):
                await opening
            assert steps[-2:] == [("waiting", "closing"), ("closing", "closed")]
            await nothing_left(client, asyncio.all_tasks())
        assert asyncio.all_tasks() == before

    run(main())


def test_a_loss_without_reconnect() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client, steps, _ = watched(exchange.url, reconnect=False)
            await client
            lose(client)
            assert await client.wait_closed() == "the connection was lost"
            assert steps == [*OPENED, ("open", "closed")]
            assert isinstance(client.error, fastws.ConnectionLost)
            assert str(client.error) == client.close_reason == "the connection was lost"
            with pytest.raises(fastws.NotConnected, match="the connection was lost"):
                client.ping()
            await client.close()
            await nothing_left(client, asyncio.all_tasks())

    run(main())


def test_closing() -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        async with Emulator() as exchange:
            client, steps, reasons = watched(exchange.url)
            async with client:
                pass
            assert steps == OPENED + CLOSED
            assert reasons[-2:] == ["close() was called", "the connection was closed by the client"]
            assert isinstance(client.error, fastws.NotConnected)
            await nothing_left(client, asyncio.all_tasks())
        assert asyncio.all_tasks() == before

    run(main())


def test_closing_twice() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client, steps, _ = watched(exchange.url)
            await client
            await asyncio.gather(client.close(), client.close())
            await client.close()
            assert steps == OPENED + CLOSED

    run(main())


def test_a_loss_while_closing() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client, steps, _ = watched(exchange.url)
            await client
            exchange.faults.add("hold", "ping", seconds=30)
            exchange.faults.add("cut_before", "time")
            ping, time = client.ping(), client.time()
            await client.close(timeout=5)
            for reply in (ping, time):
                with pytest.raises(fastws.ConnectionLost):
                    await reply
            assert steps == OPENED + CLOSED
            await nothing_left(client, asyncio.all_tasks())

    run(main())


# ------------------------------------------------------------------------------------------------------------ logons


def test_logged_on_as_the_last_logon_was() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _steps, _):
            other = exchange.add_account("Ed25519")
            signer = fastws.load_signer(other.api_key, private_key=other.private_key)

            async def again() -> Any:
                number = client.connection
                lose(client)
                await until(lambda: client.connection > number)
                return (await client.session_status())["apiKey"]

            assert await again() == client._options.signer.api_key  # type: ignore[union-attr]
            await client.session_logon(signer=signer)
            assert await again() == other.api_key
            await client.session_logout()
            assert await again() is None
            assert not client.logged_on
            client._supervisor.backoff.attempts = 0

    run(main())


def test_a_logon_that_the_caller_signed_is_not_restored_under_another_key() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _steps, _):
            other = exchange.add_account("Ed25519")
            signer = fastws.load_signer(other.api_key, private_key=other.private_key)
            params = {"apiKey": other.api_key, "timestamp": client.clock.now() // 1000}
            await client.session_logon(**params, signature=signer.sign(signer.payload(params)))
            lose(client)
            await until(lambda: client.connection == 2)
            assert not client.logged_on
            assert (await client.session_status())["apiKey"] is None

    run(main())
