"""fastws.run: what asyncio.wait_for() loses of a cancellation, up to Python 3.11, is made good."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import fastws
from helpers.support import ALL_LOOPS, way

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process"),
    pytest.mark.parametrize("loop", ALL_LOOPS),
]


async def struck(went_on: list[str], before: int) -> None:
    """Wait for a reply that comes together with SIGTERM."""
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[str] = loop.create_future()

    def strike() -> None:
        if before:
            signal.raise_signal(signal.SIGTERM)
        reply.set_result("here")
        if not before:
            signal.raise_signal(signal.SIGTERM)

    loop.call_soon(strike)
    await asyncio.wait_for(reply, 5)
    await asyncio.sleep(0.5)
    went_on.append("struck")


async def gathered(went_on: list[str], before: int) -> None:
    await asyncio.gather(struck(went_on, before), asyncio.sleep(5))


async def nested(went_on: list[str], before: int) -> None:
    async def deeper() -> None:
        await struck(went_on, before)

    await deeper()


@pytest.mark.parametrize("before", [0, 1], ids=["behind the reply", "before the reply"])
@pytest.mark.parametrize("main", [struck, gathered, nested])
def test_a_signal_at_the_moment_of_a_reply_that_wait_for_waits_for_ends_main(
    main: Callable[[list[str], int], Coroutine[Any, Any, None]], before: int, loop: Any
) -> None:
    went_on: list[str] = []
    with pytest.raises(SystemExit) as caught:
        fastws.run(main(went_on, before), **way(loop))
    assert caught.value.code == 128 + signal.SIGTERM
    assert not went_on


def test_the_clean_up_behind_such_a_reply_is_not_cancelled_again(loop: Any) -> None:
    cleaned: list[str] = []

    async def main() -> None:
        try:
            await struck([], 1)
        finally:
            await asyncio.wait_for(asyncio.sleep(0.05), 5)
            cleaned.append("all")

    with pytest.raises(SystemExit):
        fastws.run(main(), **way(loop))
    assert cleaned == ["all"]


def test_a_task_that_main_leaves_ends_although_its_reply_has_just_come(loop: Any) -> None:
    went_on: list[str] = []

    async def left(reply: asyncio.Future[None]) -> None:
        await asyncio.wait_for(reply, 5)
        await asyncio.sleep(0.5)
        went_on.append("left")

    async def main() -> None:
        reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(left(reply))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(reply.set_result, None)
        await asyncio.sleep(0)
        del task

    fastws.run(main(), **way(loop))
    assert not went_on
