"""Batches, corking, cancelled replies, and turns of the loop in any order: what is written is what should be."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, run


class GivenUp(Exception):
    pass


class Walk:
    """A random walk over a client."""

    def __init__(self, seed: int, offline: Offline) -> None:
        self.random = random.Random(seed)
        self.offline = offline
        self.client = offline.client
        self.prepared = self.client.prepare("order.place", **{k: v for k, v in ORDER.items() if k != "price"})
        self.replies: list[Any] = []
        self.callbacks: list[Any] = []

    def request(self) -> list[Any]:
        """One request of a random kind; what is written of it, unless it is given up."""
        kind = self.random.randrange(5)
        urgent = self.random.choice([None, True, False])
        if kind == 0:
            made = self.client.order_place(**ORDER, urgent=urgent)
        elif kind == 1:
            made = self.prepared(price="1" * self.random.randrange(1, 30), urgent=urgent)
        elif kind == 2:
            made = self.client.order_cancel(symbol="X", orderId=1, urgent=urgent)
        elif kind == 3:
            made = self.client.depth(symbol="Y" * self.random.randrange(1, 3000), urgent=urgent)
        else:
            info: Any = self.client.ping(
                urgent=urgent, on_reply=lambda *outcome: self.callbacks.append(outcome)
            )
            return [info]
        self.replies.append(made)
        return [made]

    def inside(self, depth: int) -> list[Any]:
        """What a batch requests and does not give up."""
        kept: list[Any] = []
        for _ in range(self.random.randrange(6)):
            what = self.random.randrange(7)
            if what == 0 and depth < 4:
                with contextlib.suppress(GivenUp):
                    inner: list[Any] = []
                    with self.client.batch():
                        inner = self.inside(depth + 1)
                        if self.random.random() < 0.4:
                            raise GivenUp
                    kept += inner
            elif what == 1:
                self.client.flush()
            elif what == 2 and self.replies:
                self.random.choice(self.replies).cancel()
            elif what == 3:
                with pytest.raises(fastws.InvalidRequest):
                    self.client.order_place(symbol="X")
            else:
                kept += self.request()
        return kept

    def step(self) -> list[Any]:
        if self.random.random() < 0.5:
            return self.request()
        with contextlib.suppress(GivenUp), self.client.batch():
            kept = self.inside(0)
            if self.random.random() < 0.3:
                raise GivenUp
            return kept
        return []


@pytest.mark.parametrize("cork", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_any_walk(seed: int, cork: bool) -> None:
    async def main() -> None:
        offline = Offline(cork=cork, **KEY)
        walk = Walk(seed, offline)
        kept: list[Any] = []
        for _ in range(150):
            kept += walk.step()
            if walk.random.random() < 0.2:
                await asyncio.sleep(0)
            if walk.random.random() < 0.1:
                walk.client.flush()
        await asyncio.sleep(0)
        written = [request["id"] for request in offline.requests()]
        infos = [getattr(made, "info", made) for made in kept]
        assert [info.id for info in infos if info.sent] == written, (
            "in the order of the requests, and only those"
        )
        for made, info in zip(kept, infos, strict=True):
            assert info.sent or made.cancelled(), "what nobody gave up was sent"
        for reply in walk.replies:
            if not reply.info.sent:
                assert reply.cancelled() or type(reply.exception()) is fastws.NotSent
            else:
                assert reply.cancelled() or not reply.done()
        assert walk.client.in_flight == len(written)
        assert all(type(error) is fastws.NotSent for _, error in walk.callbacks)
        offline.lose()
        await asyncio.gather(*walk.replies, return_exceptions=True)
        assert walk.client.in_flight == 0

    run(main())
