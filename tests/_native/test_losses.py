"""The end of a connection: who is told first, what is counted over connections, and that its cost is in proportion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, frame, reply, run


def told(offline: Offline) -> list[tuple[Any, ...]]:
    """What the owner of the session hears of losses: (number, reason, whether requests can be sent, in flight)."""
    heard: list[tuple[Any, ...]] = []
    session, handler = offline.session, offline.client._handler
    before = handler.on_lost

    def on_lost(connection: Any, reason: str) -> None:
        heard.append((connection.number, reason, session.route is not None, session.in_flight_count))
        before(connection, reason)

    handler.on_lost = on_lost
    return heard


def test_the_owner_is_told_of_a_loss_before_the_first_request_ends() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        order: list[Any] = told(offline)

        def ended(result: Any, error: Any) -> None:
            order.append(type(error))
            assert not offline.client.connected
            with pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"):
                offline.client.ping()
            with (
                pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"),
                offline.client.batch(),
            ):
                pass
            with pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"):
                offline.client.flush()

        offline.client.ping(on_reply=ended)
        offline.client.order_place(on_reply=ended, **ORDER)
        offline.client.flush()
        offline.lose()
        assert order == [
            (1, "the connection was lost", False, 2),
            fastws.ConnectionLost,
            fastws.ExecutionUnknown,
        ]
        assert offline.client.close_reason == "the connection was lost"

    run(main())


def test_each_connection_is_told_of_once_and_only_the_one_in_use_takes_the_route() -> None:
    async def main() -> None:
        offline = Offline()
        heard = told(offline)
        other = offline.another()
        first = offline.client.ping()
        other.lose()
        other.connection.finish("once more")
        assert heard == [(2, "the connection was lost", True, 1)]
        offline.send(reply(first.info.id, {}))
        assert await first == {}
        offline.connection.close()
        offline.lose()
        assert heard[1:] == [(1, "the connection was closed by the client", False, 0)]

    run(main())


def test_the_requests_end_whatever_the_owner_makes_of_the_loss() -> None:
    async def main() -> None:
        offline = Offline()
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

        def on_lost(connection: Any, reason: str) -> None:
            raise ZeroDivisionError(reason)

        offline.client._handler.on_lost = on_lost
        ping = offline.client.ping()
        offline.lose()
        with pytest.raises(fastws.ConnectionLost):
            await ping
        assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]

    run(main())


def test_what_is_read_is_numbered_over_all_connections() -> None:
    async def main() -> None:
        offline = Offline()
        client, session = offline.client, offline.session
        seen: list[int] = []
        first = client.ping(on_reply=lambda *_: seen.append(client.seq))
        offline.send(reply(first.id, {}))
        other = offline.another()
        session.route = other.connection
        second = client.ping(on_reply=lambda *_: seen.append(client.seq))
        other.send('{"event":{"e":"x"}}', reply(second.id, {}))
        session.route = offline.connection
        third = client.ping(on_reply=lambda *_: seen.append(client.seq))
        other.lose()
        offline.send(frame(1, b'{"id":', fin=False), frame(0, b'%d,"status":200,"result":{}}' % third.id))
        assert [info.seq for info in (first, second, third)] == seen == [1, 3, 4]
        offline.lose()
        assert client.seq == 4

    run(main())


def test_counters_are_sums_over_connections_also_while_one_ends() -> None:
    async def main() -> None:
        offline = Offline()
        client, session = offline.client, offline.session
        assert set(client.stats.values()) == {0}
        seen: list[dict[str, int]] = []
        client.ping(on_reply=lambda *_: seen.append(client.stats))
        other = offline.another()
        session.route = other.connection
        second = client.ping()
        other.send(frame(9), reply(second.info.id, {}), {"subscriptionId": 9, "event": {"e": "x"}})
        before = client.stats
        offline.lose()
        assert seen == [before]
        other.lose()
        assert client.stats == before
        counted = {"requests": 2, "replies": 1, "messages": 2, "events": 1, "pings": 1, "unknown_events": 1}
        assert {name: before[name] for name in counted} == counted

    run(main())
