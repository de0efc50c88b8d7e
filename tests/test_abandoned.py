"""Replies that nobody awaits any more: what becomes of their requests, and who is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
from typing import Any

import pytest

import fastws
import fastws.methods
from helpers.offline import Offline
from helpers.resolving import LIMIT, trading
from helpers.support import KEY, ORDER, refusal, reply, run


def gone(offline: Offline, **options: Any) -> Any:
    """The info of an order that was sent, and whose waiter gave up."""
    order = offline.client.order_place(**ORDER, **options)
    assert order.info.sent
    order.cancel()
    return order.info


# ------------------------------------------------------------------------------------------ without an answer


def test_a_timeout_that_nobody_awaits_is_told_to_on_orphan_and_so_is_the_late_reply() -> None:
    async def main() -> None:
        reported: asyncio.Queue[Any] = asyncio.Queue()
        offline = Offline(on_orphan=lambda *orphan: reported.put_nowait(orphan), **KEY)
        info = gone(offline, timeout=0.02)
        first, error = await reported.get()
        assert first is info
        assert isinstance(error, fastws.ExecutionUnknown)
        assert isinstance(error.cause, fastws.RequestTimeout)
        assert error.client_order_id == info.client_order_id
        assert info.outcome is error
        offline.send(reply(info.id, {"orderId": 7}))
        assert reported.get_nowait() == (info, {"orderId": 7})
        assert offline.client.stats["orphans"] == 2

        read = offline.client.ping(timeout=0.02)
        read.cancel()
        info, error = await reported.get()
        assert info is read.info
        assert isinstance(error, fastws.RequestTimeout)
        offline.lose()
        assert reported.empty(), "both were told of their end"

    run(main())


def test_what_was_never_written_is_taken_back_without_a_word() -> None:
    async def main() -> None:
        orphans: list[Any] = []
        ticked = asyncio.Event()
        offline = Offline(on_orphan=lambda *orphan: orphans.append(orphan), **KEY)
        with offline.client.batch():
            order = offline.client.order_place(**ORDER)
            order.cancel()
        asyncio.get_running_loop().call_later(0.02, ticked.set)
        await ticked.wait()
        assert orphans == []
        assert offline.client.in_flight == 0
        offline.lose()

    run(main())


@pytest.mark.parametrize("gives_up", ["wait_for", "cancel"])
def test_a_halt_names_a_placement_that_nobody_awaits_and_that_may_still_be_executed(gives_up: str) -> None:
    async def main() -> None:
        reported = asyncio.Event()
        async with trading(on_orphan=lambda info, outcome: reported.set()) as floor:
            floor.fail("hold", "order.place", seconds=30)
            order = floor.client.order_place(**LIMIT, timeout=0.1)
            if gives_up == "cancel":
                order.cancel()
            else:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(order, 0.02)
            await reported.wait()
            report = await floor.client.halt(timeout=0.2)
            assert not report.clean
            assert [error.client_order_id for error in report.unknown] == [order.info.client_order_id]

    run(main())


# -------------------------------------------------------------------------------------------- without on_orphan


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (lambda offline, info: offline.send(reply(info.id, {"orderId": 7})), "succeeded"),
        (lambda offline, info: offline.send(refusal({"id": info.id}, 400, -2010, "no money")), "no money"),
        (lambda offline, info: offline.lose(), "its outcome is unknown"),
    ],
)
def test_the_end_of_a_trading_request_that_nobody_awaits_is_logged(
    end: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        info = gone(offline)
        read = offline.client.ping()
        offline.client.flush()
        read.cancel()
        end(offline, info)
        offline.lose()
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.name == "fastws.resolve"
        assert info.client_order_id in record.message
        assert "order.place" in record.message
        assert says in record.message

    with caplog.at_level(logging.WARNING):
        run(main())


def test_a_timeout_of_a_trading_request_that_nobody_awaits_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        info = gone(offline, timeout=0.02)
        with pytest.raises(fastws.RequestTimeout):
            await offline.client.ping(timeout=0.03)
        (record,) = caplog.records
        assert info.client_order_id in record.message
        assert "no reply to order.place within" in record.message
        offline.lose()

    with caplog.at_level(logging.WARNING):
        run(main())


# --------------------------------------------------------------------------------------- that nobody refers to


async def refused_by_create_task(client: fastws.Client) -> None:
    with contextlib.suppress(TypeError):
        asyncio.create_task(client.order_place(**ORDER))  # type: ignore[arg-type]  # noqa: RUF006


async def refused_by_a_task_group(client: fastws.Client) -> None:
    with contextlib.suppress(BaseException):
        async with asyncio.TaskGroup() as group:
            group.create_task(client.order_place(**ORDER))  # type: ignore[arg-type]
    gc.collect()  # the exception group and its frames refer to one another


async def not_kept(client: fastws.Client) -> None:
    client.order_place(**ORDER)


async def waited_for_and_left(client: fastws.Client) -> None:
    await asyncio.wait([client.order_place(**ORDER)], timeout=0.001)


async def shielded(client: fastws.Client) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(client.order_place(**ORDER)), 0.001)


WAYS = [refused_by_create_task, not_kept, waited_for_and_left, shielded]
if sys.version_info >= (3, 11):
    WAYS.append(refused_by_a_task_group)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["result", "refusal", "loss"])
def test_the_end_of_an_order_that_nobody_refers_to_is_told(way: Any, end: str) -> None:
    async def main() -> None:
        reported: list[Any] = []
        offline = Offline(on_orphan=lambda *orphan: reported.append(orphan), **KEY)
        await way(offline.client)
        (request,) = offline.requests()
        if end == "result":
            offline.send(reply(request, {"orderId": 7}))
        elif end == "refusal":
            offline.send(refusal(request, 400, -2010))
        else:
            offline.lose()
        ((info, outcome),) = reported
        assert info.id == request["id"]
        assert info.outcome is outcome
        if end == "result":
            assert outcome == {"orderId": 7}
        else:
            assert isinstance(outcome, fastws.BadRequest if end == "refusal" else fastws.ExecutionUnknown)
        offline.lose()

    run(main())


def test_the_end_of_an_order_that_nobody_refers_to_is_told_while_the_client_closes() -> None:
    async def main() -> None:
        reported: list[Any] = []
        offline = Offline(on_orphan=lambda *orphan: reported.append(orphan), **KEY)
        await not_kept(offline.client)
        (request,) = offline.requests()
        closing = asyncio.ensure_future(offline.client.close(timeout=0.2))
        await asyncio.sleep(0)
        offline.send(reply(request, {"orderId": 7}))
        assert [outcome for _, outcome in reported] == [{"orderId": 7}]
        await offline.close_frame.wait()
        offline.lose()
        await closing

    run(main())


def test_who_refers_to_a_reply_or_is_called_by_it_is_told_by_it() -> None:
    async def main() -> None:
        reported: list[Any] = []
        offline = Offline(on_orphan=lambda *orphan: reported.append(orphan), **KEY)
        client = offline.client
        with client.batch():
            held = client.order_place(**ORDER)
            client.order_place(**ORDER).add_done_callback(lambda reply: done.append(reply.result()))
            waiting = asyncio.ensure_future(asyncio.wait_for(client.order_place(**ORDER), 5))
            gathered = asyncio.gather(client.order_place(**ORDER))
            client.ping()
        done: list[Any] = []
        await asyncio.sleep(0)
        for request in offline.requests():
            offline.send(reply(request, {"orderId": 7}))
        assert held.result() == {"orderId": 7}
        assert await waiting == {"orderId": 7}
        assert await gathered == [{"orderId": 7}]
        assert done == [{"orderId": 7}]
        assert reported == []
        offline.lose()

    run(main())


def test_every_wrapper_says_in_its_first_lines_how_to_await_it() -> None:
    for name, method in fastws.methods.METHODS.items():
        first = getattr(fastws.Client, method.wrapper).__doc__.splitlines()[:5]
        assert "ensure_future" in "\n".join(first), name
        assert "create_task" in "\n".join(first), name


def test_a_callback_that_compares_as_it_likes_ends_no_connection() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, future: Any) -> None:
            called.append(future.result())

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

    called: list[Any] = []

    async def main() -> None:
        offline = Offline(**KEY)
        order = offline.client.order_place(**ORDER)
        order.add_done_callback(Odd())
        info = order.info
        del order
        offline.send(reply(info.id, {"orderId": 7}))
        await asyncio.sleep(0)
        assert called == [{"orderId": 7}]
        assert offline.client.connected
        offline.lose()

    run(main())
