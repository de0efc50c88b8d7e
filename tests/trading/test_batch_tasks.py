"""client.batch(): what a request of it asks of asyncio and of the transport, and which task it belongs to."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, run

SPANNED = "must not span an await"


def methods(offline: Offline) -> list[str]:
    return [request["method"] for request in offline.requests()]


def logged_on(**options: Any) -> Offline:
    return Offline(**KEY, **options)


def test_a_request_of_a_batch_asks_neither_asyncio_nor_the_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first one does: while nothing else has run, the task is the same, and so is what waits to be written."""
    counts = {"task": 0, "transport": 0}
    current_task = asyncio.current_task

    def count_task(loop: asyncio.AbstractEventLoop | None = None) -> Any:
        counts["task"] += 1
        return current_task(loop)

    async def main() -> None:
        offline = logged_on()

        def count_transport() -> int:
            counts["transport"] += 1
            return 0

        offline.get_write_buffer_size = count_transport  # type: ignore[method-assign]
        monkeypatch.setattr("fastws._core.current_task", count_task)
        with offline.client.batch():
            for _ in range(50):
                offline.client.ping()
        assert counts["task"] <= 1
        assert counts["transport"] <= 1
        assert len(offline.requests()) == 50
        offline.lose()

    run(main())


def test_what_waits_in_the_transport_counts_in_each_batch() -> None:
    async def main() -> None:
        offline = logged_on(max_output=50_000)
        waiting = 0
        offline.get_write_buffer_size = lambda: waiting  # type: ignore[method-assign]
        for waiting in (0, 60_000, 0):
            with offline.client.batch():
                if waiting:
                    with pytest.raises(fastws.NotSent, match="the batch holds more than 50000 bytes"):
                        offline.client.ping()
                else:
                    offline.client.ping()
        assert methods(offline) == ["ping", "ping"]
        offline.lose()

    run(main())


@pytest.mark.parametrize("shared", [False, True])
def test_another_task_of_the_same_turn_is_no_part_of_the_batch(shared: bool) -> None:
    """Even if both tasks run in one contextvars context."""

    async def spanning() -> None:
        with offline.client.batch():
            replies.append(offline.client.ping())
            await asyncio.sleep(0)
            replies.append(offline.client.ping())

    async def other() -> None:
        replies.append(offline.client.time())

    async def main() -> None:
        nonlocal offline
        offline = logged_on()
        if shared and sys.version_info >= (3, 11):
            context = contextvars.copy_context()
            tasks = [asyncio.create_task(each(), context=context) for each in (spanning, other)]
        else:
            tasks = [asyncio.create_task(each()) for each in (spanning, other)]
        with pytest.raises(RuntimeError, match=SPANNED):
            await tasks[0]
        await tasks[1]
        offline.client.flush()
        assert methods(offline) == ["time"]
        with pytest.raises(fastws.NotSent, match="spanned an await"):
            await replies[0]
        offline.lose()

    replies: list[Any] = []
    offline: Any = None
    run(main())
