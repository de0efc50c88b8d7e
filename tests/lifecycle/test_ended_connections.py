"""A connection that has ended is freed at once, with its buffers: it does not wait for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from helpers.losing import keyed, until
from helpers.support import ALL_LOOPS, run


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("sbe", [False, True], ids=["JSON", "SBE"])
@pytest.mark.parametrize("lost", [False, True], ids=["replaced", "lost"])
def test_it_is_freed_without_the_collector(lost: bool, sbe: bool, loop: str) -> None:
    """The client keeps the one that ended last until the next one ends."""

    async def main() -> None:
        async with keyed(sbe=sbe, after_gap="go") as (exchange, client, *_):
            await client.user_data_stream_subscribe(on_event=lambda event: None)
            await client.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
            ended = weakref.ref(client._session.route)
            with no_collector():
                if lost:
                    exchange.connections.pick("newest").abort()
                    await until(lambda: client.connection > 1)
                for _ in range(2):
                    await client.rotate()
                await until(lambda: ended() is None)

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_rotation_leaves_no_cycle_of_objects(loop: str) -> None:
    async def main() -> None:
        async with keyed() as (_, client, *__):
            await client.user_data_stream_subscribe(on_event=lambda event: None)
            await client.rotate()
            await asyncio.sleep(0)
            with no_collector():
                gc.set_debug(gc.DEBUG_SAVEALL)
                try:
                    await client.rotate()
                    await asyncio.sleep(0)
                    gc.collect()
                    left = {type(each).__qualname__ for each in gc.garbage if _is_ours(each)}
                finally:
                    gc.set_debug(0)
                    gc.garbage.clear()
            assert not left

    run(main(), loop=loop)


def _is_ours(each: object) -> bool:
    """Whether an object is of the client; the exchange runs in the same process."""
    module = type(each).__module__
    return module.startswith("fastws.") and not module.startswith("fastws.emulator")
