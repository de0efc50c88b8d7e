"""How a connection is left: for how long requests follow others to it, how it is closed, and what is logged."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import fastws
from fastws._native import merge
from fastws.lifecycle import rotation as rotation_module
from helpers.losing import keyed, until
from helpers.rotating import rotating
from helpers.support import run


class Watched:
    """A session that notes for how long requests follow others behind a switch."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.sticky: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def switch(self, successor: Any, sticky_for: float) -> None:
        self.sticky.append(sticky_for)
        self.session.switch(successor, sticky_for)


def codes(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """The codes and levels of the warnings and errors."""
    found = [(vars(each).get("code"), each.levelno) for each in caplog.records]
    return [(code, level) for code, level in found if code is not None]


def test_the_times_of_a_hand_over_are_those_of_the_docs() -> None:
    assert (merge.HOLD, merge.COMPARE) == (0.25, 10.0)
    assert rotation_module._PATIENCE == 1.0

    async def main() -> None:
        async with keyed(rotate_after=None) as (exchange, client, steps, _):
            rotation: Any = client._supervisor.rotation
            rotation._session = watched = Watched(rotation._session)
            await client.rotate()
            exchange.connections.pick("newest").shutdown(seconds=None)
            await until(lambda: len(steps) == 6)
            assert watched.sticky == [1.0, 0.25]

    run(main())


def test_the_old_connection_is_closed_by_the_handshake(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "fastws.wire")

    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            await client.rotate()
            closes = [each.getMessage() for each in caplog.records if " close" in each.getMessage()]
            assert [text.split(",")[0] for text in closes] == [
                "connection 1 sent close",
                "connection 1 received close",
            ]

    run(main())


def test_a_notice_and_what_becomes_of_a_rotation_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add("refuse", status=503)
            exchange.faults.add("refuse", status=403)
            exchange.connections.pick("newest").shutdown(seconds=None)
            await until(lambda: client.connection == 2 and client.state == "open")
            assert codes(caplog) == [
                ("server-shutdown", logging.WARNING),
                ("rotation-failed", logging.WARNING),
                ("rotation-refused", logging.ERROR),
            ]

    run(main())


def test_a_request_that_nobody_awaits_is_brought_by_the_old_connection() -> None:
    """Replies count, awaited or not: the connection is not closed before them."""

    async def main() -> None:
        ends: list[Any] = []
        async with keyed(on_orphan=lambda info, outcome: ends.append(outcome)) as (exchange, client, _, __):
            exchange.faults.add("hold", "account.status", seconds=0.1)
            client.account_status().cancel()
            await client.rotate()
            assert len(ends) == 1
            assert not isinstance(ends[0], fastws.FastwsError), ends

    run(main())


@pytest.mark.parametrize("method", ["userDataStream.unsubscribe", "session.logout"])
def test_a_change_that_begins_while_the_successor_logs_on_is_waited_for(method: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            subscription = await client.user_data_stream_subscribe()
            exchange.faults.add("hold", "session.logon", seconds=0.05)
            exchange.faults.add("hold", method, seconds=0.2)
            answered: list[tuple[int, Any]] = []
            rotation = rotating(client)
            await until(lambda: exchange.journal.find(method="session.logon")[1:])
            client.request(method, on_reply=lambda _, error: answered.append((client.connection, error)))
            await rotation
            assert answered == [(1, None)], "it was in use until the reply"
            assert client.connection == 2
            assert client.logged_on == (method != "session.logout")
            assert not subscription.active

    run(main())
