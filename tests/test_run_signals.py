"""Signals that end a program: a strategy in a process of its own, and what it leaves open on the exchange."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fastws.emulator import Emulator
from helpers.support import ALL_LOOPS, needs_uvloop, run, way

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")

ROOT = Path(__file__).parents[1]
NAMES = ["SIGINT", "SIGTERM", "SIGHUP"]

STRATEGY = """
    import asyncio, json, signal, sys
    import fastws

    url, api_key, secret, way, then = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)    # whatever the shell had
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    quote = dict(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001")

    def on_orphan(info, outcome):                               # what the signal left unawaited: halt() knows of it
        pass

    async def main():
        async with fastws.connect(url, api_key=api_key, secret=secret, on_orphan=on_orphan) as client:
            try:
                await asyncio.gather(*(client.order_place(price=f"{30000 + n}.00", **quote) for n in range(3)))
                for n in range(1_000_000):                      # at work: something is in flight at any time
                    order = await client.order_place(price=f"{40000 + n % 100}.00", **quote)
                    if n == 3:
                        print("ready", flush=True)
                    await client.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])
            finally:
                print("halting", flush=True)
                report = await client.halt()
                named = [[order["orderId"], order["clientOrderId"]] for order in report.left]
                named += [[None, error.client_order_id] for error in report.unknown]
                print(json.dumps({"clean": report.clean, "named": named}), flush=True)
                if then == "stay":
                    await asyncio.Event().wait()
                if then == "fail":
                    raise ValueError("of the clean-up")

    fastws.run(main(), **json.loads(way))
"""


class Left(NamedTuple):
    """What a strategy printed and left: orders as (order id, client order id)."""

    report: dict[str, Any] | None
    open: set[tuple[int, str]]
    returncode: int
    errors: str


class Strategy:
    def __init__(self, process: asyncio.subprocess.Process, exchange: Emulator, key: Any) -> None:
        self.process = process
        self.exchange = exchange
        self._key = key

    async def says(self, line: str) -> None:
        assert self.process.stdout is not None
        said = (await self.process.stdout.readline()).decode()
        assert said.startswith(line), (said, await self.process.stderr.read())  # type: ignore[union-attr]

    def kill(self, name: str) -> None:
        self.process.send_signal(getattr(signal, name))

    async def ends(self) -> Left:
        out, errors = await self.process.communicate()
        reports = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
        books = self.exchange.core.engine.books.values()
        orders = [order for book in books for order in book.open_of(self._key.account)]
        return Left(
            reports[0] if reports else None,
            {(order.id, order.client_id) for order in orders},
            self.process.returncode or 0,
            errors.decode(),
        )


@contextlib.asynccontextmanager
async def strategy(loop: str, then: str = "", **options: Any) -> AsyncIterator[Strategy]:
    """A strategy at work on an exchange of its own."""
    async with Emulator(enforce_limits=False, **options) as exchange:
        key = exchange.add_account("HMAC")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            textwrap.dedent(STRATEGY),
            exchange.url,
            key.api_key,
            str(key.secret),
            json.dumps(way(loop)),
            then,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        strategy = Strategy(process, exchange, key)
        try:
            await strategy.says("ready")
            yield strategy
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


def exit_of(name: str) -> int:
    """What asyncio's subprocesses say of a program that fastws.run() ended after that signal."""
    # Python ends itself by SIGINT after a KeyboardInterrupt that nobody takes
    return -signal.SIGINT if name == "SIGINT" else 128 + getattr(signal, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_strategy_that_is_ended_by_a_signal_halts_and_leaves_no_order_open(loop: str, name: str) -> None:
    async def main() -> None:
        async with strategy(loop) as trading:
            trading.kill(name)
            left = await trading.ends()
        assert left.report == {"clean": True, "named": []}, left
        assert left.open == set()
        assert left.returncode == exit_of(name)
        assert left.errors.strip().splitlines()[-1:] == (["KeyboardInterrupt"] if name == "SIGINT" else [])

    run(main())


@pytest.mark.parametrize("name", NAMES)
def test_orders_that_a_strategy_cannot_cancel_before_it_is_ended_are_named_in_its_report(name: str) -> None:
    async def main() -> None:
        async with strategy("asyncio") as trading:
            refusal = {"status": 400, "code": -1013, "msg": "not now"}
            trading.exchange.faults.add("error", method="openOrders.cancelAll", times=0, **refusal)
            trading.kill(name)
            left = await trading.ends()
        assert left.report is not None
        assert left.report["clean"] is False
        assert len(left.open) >= 3
        assert {tuple(each) for each in left.report["named"]} == left.open
        assert left.returncode == exit_of(name)

    run(main())


@pytest.mark.parametrize(
    ("first", "second", "loop"),
    [
        *((name, name, "asyncio") for name in NAMES),
        *(pytest.param(name, name, "uvloop", marks=needs_uvloop) for name in ("SIGINT", "SIGTERM")),
        ("SIGINT", "SIGTERM", "asyncio"),
    ],
)
def test_a_second_signal_ends_a_clean_up_that_takes_too_long(first: str, second: str, loop: str) -> None:
    """It hangs behind its halt, so that nothing is open."""

    async def main() -> None:
        async with strategy(loop, "stay") as trading:
            trading.kill(first)
            await trading.says("halting")
            await trading.says('{"clean": true')
            trading.kill(second)
            left = await trading.ends()
        assert left.open == set()
        assert left.returncode == -getattr(signal, second)

    run(main())


@pytest.mark.parametrize("name", NAMES)
def test_a_second_signal_in_the_midst_of_a_halt_comes_after_its_cancels(name: str) -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        def on_record(record: Any) -> None:
            if record.method == "openOrders.cancelAll":
                cancelled.set()

        async with strategy("asyncio", on_record=on_record) as trading:
            trading.exchange.faults.add("drop_reply", method="openOrders.status", times=0)
            trading.kill(name)
            await cancelled.wait()
            trading.kill(name)
            left = await trading.ends()
        assert left.report is None
        assert left.open == set()
        assert left.returncode == -getattr(signal, name)

    run(main())


@pytest.mark.parametrize("name", NAMES)
def test_an_error_of_the_clean_up_is_raised_in_place_of_the_signals_end(name: str) -> None:
    async def main() -> None:
        async with strategy("asyncio", "fail") as trading:
            trading.kill(name)
            left = await trading.ends()
        assert left.open == set()
        assert left.returncode == 1
        assert left.errors.endswith("ValueError: of the clean-up\n")

    run(main())


ENDED = """
    import asyncio, json, os, signal, sys
    from fastws import run

    way, name, at = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    number = getattr(signal, name)
    signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)

    async def left():
        try:
            await asyncio.Event().wait()
        finally:
            if at == "teardown":
                os.kill(os.getpid(), number)
            await asyncio.sleep(0)
            print("cleaned up", flush=True)

    async def main():
        task = asyncio.ensure_future(left())
        await asyncio.sleep(0)
        if at == "main":
            os.kill(os.getpid(), number)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
        return task

    try:
        task = run(main(), **json.loads(way))
    except BaseException as error:
        print(repr(error))
    else:
        print("a result")
    default = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    assert signal.getsignal(number) is default
"""


@pytest.mark.parametrize("at", ["main", "teardown"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_signal_counts_while_what_is_left_is_ended_and_when_main_returns_all_the_same(
    loop: str, name: str, at: str
) -> None:
    async def main() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            textwrap.dedent(ENDED),
            json.dumps(way(loop)),
            name,
            at,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        out, errors = await process.communicate()
        assert errors.decode() == ""
        ended = f"SystemExit({128 + getattr(signal, name)})"
        if name == "SIGINT":
            ended = "a result" if at == "main" else "KeyboardInterrupt()"  # as asyncio.run has it
        assert out.decode() == f"cleaned up\n{ended}\n"
        assert process.returncode == 0

    run(main())
