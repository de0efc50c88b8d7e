"""How a result reaches its future: one that waits, is done, is cancelled, or is of another class than asyncio's."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from unittest import mock

import pytest

from helpers.offline import Offline
from helpers.support import KEY


class Noted(asyncio.Future):  # type: ignore[type-arg]
    """A future of another class, as a loop of its own may make: its methods must be called."""

    def set_result(self, result: Any) -> None:
        self.noted = result
        super().set_result(result)


def pinged(offline: Offline) -> asyncio.Future[Any]:
    """A request that was sent, with a reference that the client does not hold."""
    future = offline.client.ping()
    offline.client.flush()
    return future


def answer(offline: Offline, future: asyncio.Future[Any]) -> None:
    offline.send({"id": future.info.id, "status": 200, "result": {"a": 1}})  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", ["cancel", "result", "exception"])
def test_the_result_of_a_future_that_is_done_goes_to_on_orphan(end: str) -> None:
    async def scenario() -> None:
        orphans: list[Any] = []
        offline = Offline(on_orphan=lambda info, outcome: orphans.append(outcome), **KEY)
        future = pinged(offline)
        if end == "cancel":
            future.cancel()
        elif end == "result":
            future.set_result("the caller's")
        else:
            future.set_exception(ValueError("the caller's"))
        info = future.info  # type: ignore[attr-defined]
        answer(offline, future)
        assert orphans == [{"a": 1}]
        assert info.outcome == {"a": 1}
        if end == "result":
            assert future.result() == "the caller's"
        elif end == "exception":
            assert isinstance(future.exception(), ValueError)
        following = pinged(offline)
        answer(offline, following)
        assert following.result() == {"a": 1}
        offline.lose()

    asyncio.run(scenario())


def test_a_future_of_another_class_gets_its_result_by_its_own_method() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with mock.patch.object(loop, "create_future", side_effect=lambda: Noted(loop=loop)):
            offline = Offline(**KEY)
            future = pinged(offline)
            given_up = pinged(offline)
        given_up.cancel()
        answer(offline, future)
        answer(offline, given_up)
        assert isinstance(future, Noted)
        assert future.noted == future.result() == {"a": 1}
        assert given_up.cancelled()
        offline.lose()

    asyncio.run(scenario())


def test_a_done_callback_runs_after_the_read_callback_and_once() -> None:
    async def scenario() -> None:
        offline = Offline(**KEY)
        future = pinged(offline)
        calls: list[Any] = []
        future.add_done_callback(lambda done: calls.append(done.result()))
        answer(offline, future)
        assert calls == []
        answer(offline, future)  # a repeated reply is for nobody
        await asyncio.sleep(0)
        assert calls == [{"a": 1}]
        assert offline.client.stats["stale"] == 1
        offline.lose()

    asyncio.run(scenario())


def test_an_error_of_set_result_that_is_not_about_its_state_is_not_hidden() -> None:
    """The loop refuses to call the future's callbacks: the result is the future's all the same, and no orphan."""

    async def scenario() -> None:
        offline = Offline(**KEY)
        future = pinged(offline)
        future.add_done_callback(lambda done: None)
        loop = asyncio.get_running_loop()
        with (
            mock.patch.object(loop, "call_soon", side_effect=RuntimeError("no more calls")),
            contextlib.suppress(RuntimeError),
        ):
            answer(offline, future)
        assert future.result() == {"a": 1}
        assert offline.client.stats["orphans"] == 0
        offline.lose()

    asyncio.run(scenario())
