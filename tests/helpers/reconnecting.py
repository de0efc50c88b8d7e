"""A client connected to nothing whose connection the test loses and replaces, step by step."""

from __future__ import annotations

import asyncio
from typing import Any

import fastws
from fastws import EventGap, EventOverflow
from helpers.halting import LIMIT
from helpers.offline import Offline, Wire
from helpers.streaming import event_of
from helpers.support import KEY, refusal, reply

SERVER_TIME = 1_800_000_000_000  # milliseconds: the exchange's time when a new connection asks for it


class Reconnecting:
    """A client of which `wire` is the connection in use; lose() ends it, and restore() brings up another one.

    `gaps` has what on_gap was called with.
    """

    def __init__(self, **options: Any) -> None:
        self.gaps: list[fastws.Gap] = []
        self.offline = Offline(**{**KEY, "on_gap": self.gaps.append, "reconnect": True, **options})
        self.client = self.offline.client
        self.session = self.offline.session
        self.keeper = self.client._handler.keeper
        self.wire: Wire = self.offline
        self.restoring: asyncio.Task[None] | None = None
        self.asked: list[dict[str, Any]] = []

    def place(self, **changes: Any) -> None:
        """Place an order, and ignore its outcome."""
        self.client.order_place(**{**LIMIT, **changes}, on_reply=lambda result, error: None)

    async def subscribe(self, number: int = 0, **options: Any) -> Any:
        """A subscription by signature; the exchange gives it this id. The caller must keep it."""
        waiting = self.client.user_data_stream_subscribe_signature(**options)
        self.client.flush()
        self.wire.send(reply(waiting.info.id, {"subscriptionId": number}))
        return await waiting

    def event(self, subscription: int, number: int) -> None:
        self.wire.send(event_of(subscription, number))

    def lose(self, reason: str = "a test") -> None:
        """The connection is lost, in the order in which the session tells it."""
        self.session.route = None
        self.keeper.lost(self.wire.connection, reason)
        self.wire.lose()

    async def begin(self) -> list[dict[str, Any]]:
        """Open another connection, and start to restore the subscriptions. Returns the requests that this sent."""
        self.wire = self.offline.another()
        self.session.route = self.wire.connection
        self.restoring = asyncio.ensure_future(self.keeper.restore(self.client, self.wire.connection))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.asked = self.wire.requests()
        return self.asked

    async def sent(self, count: int) -> list[dict[str, Any]]:
        """Wait until the client has written so many requests since the last time."""
        found = self.wire.requests()
        while len(found) < count:
            await asyncio.sleep(0.001)
            found += self.wire.requests()
        self.asked = found
        return found

    def answer_time(self, server_time: int = SERVER_TIME) -> None:
        (asked,) = [each for each in self.asked if each["method"] == "time"]
        self.wire.send(reply(asked["id"], {"serverTime": server_time}))

    def accept(self, number: int, *events: int, which: int = 0) -> None:
        """Answer a subscribe, and send events of it in the same read."""
        asked = [each for each in self.asked if each["method"].startswith("userDataStream.subscribe")]
        answer = reply(asked[which]["id"], {"subscriptionId": number})
        self.wire.send(answer, *(event_of(number, event) for event in events))

    def refuse(self, status: int = 400, code: int = -1191, which: int = 0) -> None:
        """Refuse a subscribe."""
        asked = [each for each in self.asked if each["method"].startswith("userDataStream.subscribe")]
        self.wire.send(refusal(asked[which]["id"], status, code))

    async def restore(self, number: int, *events: int) -> None:
        """Bring up another connection, with the only subscription as `number`, and events of it in the same read."""
        await self.begin()
        self.answer_time()
        self.accept(number, *events)
        assert self.restoring is not None
        await self.restoring

    def end(self) -> None:
        """The client is closed for good."""
        self.session.keep_streams = False
        self.keeper.closed("a test ends")
        self.wire.lose()
        self.client._supervisor._machine.state = "closed"


async def taken(subscription: Any, count: int) -> list[Any]:
    """What a consumer gets: the numbers of events, and the types of errors."""
    found: list[Any] = []
    for _ in range(count):
        try:
            found.append((await anext(subscription))["E"])
        except (EventGap, EventOverflow) as error:
            found.append(type(error))
    return found
