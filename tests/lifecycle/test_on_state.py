"""connect(on_state=): what a callback may do, and what it cannot break."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.losing import keyed, lose, nothing_left, until
from helpers.support import run


def test_an_on_state_that_raises_is_reported_and_harms_nothing() -> None:
    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        async with keyed() as (_, client, __, ___):

            def fail(old: str, new: str, reason: str) -> None:
                raise ZeroDivisionError

            client.on_state = fail
            lose(client)
            await until(lambda: client.connection == 2)
            assert await client.ping() == {}
        assert len(reported) == 4
        assert {type(context["exception"]) for context in reported} == {ZeroDivisionError}

    run(main())


def test_requests_in_on_state_are_the_first_on_the_new_connection() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            replies: list[Any] = []

            def on_state(old: str, new: str, reason: str) -> None:
                if new == "open":
                    replies.append(client.time())

            async def other() -> None:
                await client.wait_open()
                await client.ping()

            client.on_state = on_state
            lose(client)
            while client.state == "open":  # noqa: ASYNC110 -- until() would miss the state
                await asyncio.sleep(0)
            await other()
            assert (await replies[0])["serverTime"]
            assert [each.method for each in exchange.journal][-2:] == ["time", "ping"]

    run(main())


def test_an_on_state_may_close_the_client() -> None:
    async def main() -> None:
        async with keyed() as (_, client, steps, __):
            tasks: list[asyncio.Task[None]] = []

            def on_state(old: str, new: str, reason: str) -> None:
                steps.append((old, new))
                if new == "connecting":
                    tasks.append(asyncio.ensure_future(client.close()))

            client.on_state = on_state
            lose(client)
            await client.wait_closed()
            await asyncio.gather(*tasks)
            assert steps == [("open", "connecting"), ("connecting", "closing"), ("closing", "closed")]
            await nothing_left(client, asyncio.all_tasks())

    run(main())
