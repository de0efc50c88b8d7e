"""fastws.run(spin=, cpu=, gc=): what they set, refuse and restore. How a spinning loop reads: tests/lifecycle."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fastws.errors import InvalidRequest
from fastws.lifecycle.lookup import Lookup
from fastws.run import run
from helpers.support import LOOPS, SPINNING, needs_affinity, needs_two_cores, way


def cores() -> set[int]:
    return set(os.sched_getaffinity(0))


async def never() -> None:
    raise AssertionError("never runs")


async def worked() -> float:
    """Seconds of CPU that the loop's thread uses in a tenth of a second in which it has nothing to do."""
    await asyncio.sleep(0.01)
    start = time.thread_time()
    await asyncio.sleep(0.1)
    return time.thread_time() - start


@pytest.mark.parametrize("loop", SPINNING)
def test_a_loop_that_spins_does_not_sleep(loop: str) -> None:
    assert run(worked(), **way(loop)) > 0.005
    assert run(worked(), loop=way(loop)["loop"]) < 0.005


@pytest.mark.parametrize("loop", SPINNING)
def test_others_on_the_loop_have_their_turns(loop: str) -> None:
    """Tasks, timers, other sockets, calls from other threads, and the executor's."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = loop.create_task(count())
        begun = loop.time()
        await asyncio.sleep(0.05)
        slept = loop.time() - begun
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello")
        said = await reader.readexactly(5)
        writer.close()
        server.close()
        called = asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(called.set,))
        thread.start()
        await asyncio.wait_for(called.wait(), 5)
        thread.join()
        found = await asyncio.wait_for(loop.run_in_executor(None, lambda: 42), 5)
        counting.cancel()
        return [turns > 100, 0.04 < slept < 0.5, said, found]

    assert run(main(), **way(loop)) == [True, True, b"hello", 42]


@needs_affinity
@needs_two_cores
@pytest.mark.parametrize("loop", [*LOOPS, *SPINNING])
@pytest.mark.parametrize("fails", [False, True])
def test_the_thread_is_pinned_and_freed_at_the_end(loop: str, fails: bool) -> None:
    before = cores()
    chosen = max(before)

    async def main() -> list[set[int]]:
        if fails:
            raise KeyError("mine")
        return [cores(), await asyncio.get_running_loop().run_in_executor(None, cores)]

    if fails:
        with pytest.raises(KeyError):
            run(main(), **way(loop), cpu=chosen)
    else:
        # the executor's threads do not share the loop's core
        assert run(main(), **way(loop), cpu=chosen) == [{chosen}, before]
    assert cores() == before


@needs_affinity
@needs_two_cores
def test_a_name_is_looked_up_on_the_other_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    def getaddrinfo(*args: Any, **more: Any) -> list[Any]:
        seen.append(cores())
        return [(0, 0, 0, "", ("127.0.0.1", 0))]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    before = cores()
    assert run(Lookup().find("exchange.test"), cpu=min(before)) == ["127.0.0.1"]
    assert seen == [before]


@needs_affinity
def test_only_the_thread_of_the_loop_is_pinned() -> None:
    before = cores()

    async def main() -> None:
        pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: run(main(), cpu=min(before))).result(10)
        assert pool.submit(cores).result(10) == before
    assert cores() == before


@needs_affinity
def test_a_core_that_is_not_there_is_refused() -> None:
    before = cores()
    for cpu in (1_000_000, 10**30):
        with pytest.raises(
            InvalidRequest, match=rf"^cpu={cpu}: the system does not let this process use that core"
        ):
            run(never(), cpu=cpu)
    assert cores() == before


def test_a_system_that_pins_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_setaffinity", raising=False)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    with pytest.raises(InvalidRequest, match=r"^cpu=0: this system .* cannot pin a thread to a core"):
        run(never(), cpu=0)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with pytest.raises(
        InvalidRequest, match=r"^spin=True needs a second core: this process may only use one core"
    ):
        run(never(), spin=True)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert run(worked(), spin=True) > 0.005


@needs_affinity
def test_a_loop_does_not_spin_on_the_only_core() -> None:
    def on_one_core() -> None:
        only = min(cores())
        os.sched_setaffinity(0, {only})
        for cpu in (None, only):
            with pytest.raises(
                InvalidRequest, match=f"^spin=True needs a second core: .* only use core {only},"
            ):
                run(never(), spin=True, cpu=cpu)
        others = before - {only}
        if others:  # an isolated core is none of those that the process begins with
            other = min(others)

            async def main() -> set[int]:
                return cores()

            assert run(main(), spin=True, cpu=other) == {other}
            assert cores() == {only}

    before = cores()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(on_one_core).result(10)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"spin": 1}, "spin: expected True or False, got 1"),
        ({"cpu": -1}, "cpu: expected None or the number of a core, 0 or more, got -1"),
        ({"cpu": True}, "cpu: .*, got True"),
        ({"cpu": "3"}, "cpu: .*, got '3'"),
        ({"gc": "on"}, 'gc: expected "freeze", "off" or None, got \'on\''),
        ({"gc": False}, "gc: .*, got False"),
        ({"gc": []}, r"gc: .*, got \[\]"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{text}$"):
        run(never(), **arguments)


@pytest.fixture
def collector() -> Iterator[None]:
    """The garbage collector as Python starts it; its state is restored."""
    was_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()
    if was_frozen:
        gc.freeze()


async def state() -> tuple[bool, bool]:
    return gc.isenabled(), gc.get_freeze_count() > 1000


@pytest.mark.usefixtures("collector")
def test_the_collector_is_frozen_or_off_for_the_run() -> None:
    assert run(state(), gc=None) == (True, False)
    assert run(state(), gc="freeze") == (True, True)
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
    assert run(state(), gc="off") == (False, False)
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_what_the_program_set_before_stays() -> None:
    gc.freeze()
    gc.disable()
    frozen = gc.get_freeze_count()
    run(state(), gc="freeze")
    assert gc.get_freeze_count() >= frozen
    run(state(), gc="off")
    assert not gc.isenabled()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("mode", ["freeze", "off"])
def test_the_last_of_several_loops_restores_the_collector(mode: Any) -> None:
    first, second = threading.Event(), threading.Event()

    async def waits(own: threading.Event, other: threading.Event) -> None:
        own.set()
        assert other.wait(10)

    async def ends_first() -> None:
        assert first.wait(10)

    with ThreadPoolExecutor(2) as pool:
        longer = pool.submit(lambda: run(waits(first, second), gc=mode))
        pool.submit(lambda: run(ends_first(), gc=mode)).result(10)
        during = gc.isenabled(), gc.get_freeze_count() > 1000
        second.set()
        longer.result(10)
    assert during == ((False, False) if mode == "off" else (True, True))
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
