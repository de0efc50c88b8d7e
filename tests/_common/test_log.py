"""fastws' loggers: a filter of the user's that raises harms nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

import fastws
from fastws._common import log
from helpers.offline import Offline
from helpers.support import KEY, ORDER, reply, run, talking


class Raising(logging.Filter):
    """Counts what it refuses to let pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "asyncio" and record.levelno < logging.ERROR:
            return True  # of the loop itself, which is not ours to guard
        self.seen.append(record.getMessage())
        raise ZeroDivisionError("a filter")


@pytest.fixture(params=["of the loggers", "of a handler"])
def raising(request: Any) -> Iterator[Raising]:
    raising, root, handler = Raising(), logging.getLogger(), logging.StreamHandler()
    loggers = [each.logger for each in vars(log).values() if isinstance(each, log.SafeLogger)]
    targets: list[Any] = loggers if request.param == "of the loggers" else [handler]
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    for target in targets:
        target.addFilter(raising)
    yield raising
    for target in targets:
        target.removeFilter(raising)
    root.removeHandler(handler)
    root.setLevel(level)


def test_what_is_read_is_delivered_whatever_a_logging_filter_does(
    raising: Raising, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        heard: list[Any] = []
        offline = Offline(on_event=lambda *told: heard.append(told), **KEY)
        order = offline.client.order_place(**ORDER)
        order.cancel()
        last = offline.client.ping()
        offline.client.flush()
        offline.send(
            {"event": {"e": "serverShutdown"}},
            {"subscriptionId": 4, "event": {"e": "x"}},
            "{no json",
            {"id": None, "status": 200},
            reply(order.info.id, {"orderId": 7}),
            reply(last.info.id),
        )
        assert await last == {}
        assert len(heard) == 2
        assert offline.client.connected
        offline.lose()
        assert offline.client.close_reason == "the connection was lost"

    run(main())
    assert len(raising.seen) >= 5
    shown = capsys.readouterr().err
    assert "a logging filter or handler raised an exception" in shown
    assert "ZeroDivisionError" in shown


def test_a_request_ends_with_its_connection_whatever_a_logging_filter_does(raising: Raising) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.drop()

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.ExecutionUnknown):
                await client.order_place(**ORDER)

    run(main())


def test_a_callback_that_raises_is_no_harm_where_the_report_of_it_cannot_be_logged(raising: Raising) -> None:
    def callback(*args: Any) -> None:
        raise ValueError("a callback")

    async def main() -> None:
        offline = Offline()
        asyncio.get_running_loop().set_exception_handler(callback)
        first: Any = offline.client.ping(on_reply=callback)
        last = offline.client.ping()
        offline.client.flush()
        offline.send(reply(first.id), reply(last.info.id))
        assert await last == {}
        offline.lose()

    run(main())
