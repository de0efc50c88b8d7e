"""fastws.run(grace=…): how long a program may go on after a signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.halting import LIMIT, key
from helpers.support import ALL_LOOPS, way

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process"),
]

# Seconds that a machine with other work to do may take longer.
SLACK = 1.0


def ends_within(main: Coroutine[Any, Any, Any], grace: float, loop: Any = "asyncio") -> float:
    """The seconds that a program ran on that SIGTERM ends."""
    begun = time.monotonic()
    with pytest.raises(SystemExit) as caught:
        fastws.run(main, **way(loop), grace=grace)
    assert caught.value.code == 128 + signal.SIGTERM
    return time.monotonic() - begun


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_clean_up_that_does_not_end_is_ended_with_the_grace(
    loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    reached: list[str] = []

    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(10)
        finally:
            reached.append("clean-up")
            try:
                await asyncio.sleep(10)
            finally:
                reached.append("cancelled again")

    assert 0.2 <= ends_within(main(), 0.2, loop) < 0.2 + SLACK
    assert reached == ["clean-up", "cancelled again"]
    assert "the grace after the signal is over; these tasks are ended: Task-" in caplog.text


def test_a_task_that_refuses_to_end_is_left(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(10)

    assert ends_within(main(), 0.1) < 0.1 + SLACK
    assert "Task was destroyed" not in caplog.text


def test_tasks_and_generators_that_main_leaves_count_too() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(10)

    async def generator() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(10)

    left = []

    async def main() -> None:
        left.append(asyncio.ensure_future(stubborn()))
        left.append(numbers := generator())  # type: ignore[arg-type]
        await anext(numbers)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(10)

    assert 0.2 <= ends_within(main(), 0.2) < 0.2 + SLACK


def test_a_signal_that_comes_after_main_bounds_what_is_left() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(10)

    left = []

    async def main() -> None:
        left.append(asyncio.ensure_future(stubborn()))
        await asyncio.sleep(0)

    assert 0.2 <= ends_within(main(), 0.2) < 0.2 + SLACK


def test_a_clean_up_in_time_is_not_waited_for_longer() -> None:
    cleaned: list[bool] = []

    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(True)

    assert ends_within(main(), 30) < SLACK
    assert cleaned == [True]


def test_ctrl_c_ends_as_keyboard_interrupt() -> None:
    async def main() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell had
    try:
        with pytest.raises(KeyboardInterrupt):
            fastws.run(main(), grace=0.1)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_halt_ends_before_the_grace_and_reports(when: str) -> None:
    """The exchange does not answer: the halt's own timeout is far longer."""
    reports: list[fastws.HaltReport] = []
    took: list[float] = []

    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            await client.order_place(**LIMIT)
            for method in ("openOrders.cancelAll", "openOrders.status"):
                exchange.faults.add("drop_reply", method, times=0)
            halting = client.halt(timeout=60) if when == "meanwhile" else None
            begun = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                await (halting if halting is not None else asyncio.sleep(10))
            finally:
                reports.append(await client.halt(timeout=60))
                took.append(time.monotonic() - begun)
                await client.close(timeout=0)

    assert ends_within(main(), 1.6) < 1.6 + SLACK
    (report,) = reports
    assert took[0] < 1.0
    assert (
        isinstance(report.errors["BTCUSDT"], fastws.RequestTimeout | fastws.ExecutionUnknown) or report.left
    )


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "8", True])
def test_a_grace_that_is_no_time_is_refused(wrong: Any) -> None:
    async def main() -> None: ...

    with pytest.raises(fastws.InvalidRequest, match=r"grace: expected None or seconds, 0 or more, got "):
        fastws.run(main(), grace=wrong)


def test_without_a_limit_a_clean_up_takes_as_long_as_it_takes() -> None:
    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.3)

    begun = time.monotonic()
    with pytest.raises(SystemExit):
        fastws.run(main(), grace=None)
    assert time.monotonic() - begun >= 0.3
