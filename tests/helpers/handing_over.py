"""A client connected to nothing whose Streams the test hands over to a second connection, step by step."""

from __future__ import annotations

import asyncio
from typing import Any

import fastws
from fastws.gaps import EventGap
from helpers.offline import Wire
from helpers.reconnecting import Reconnecting
from helpers.streaming import ended, event_of
from helpers.support import refusal, reply


class HandingOver(Reconnecting):
    """`wire` is the old connection, `new` the successor."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"sync_every": None, **options})
        self.new: Wire
        self.preparing: asyncio.Task[None]
        self.asked_new: list[dict[str, Any]] = []

    async def prepare(self) -> list[dict[str, Any]]:
        """Open the successor, and begin to prepare it. Returns the requests that this sent there."""
        self.new = self.offline.another()
        requester = self.client._supervisor.connector.requester(self.new.connection)
        self.preparing = asyncio.ensure_future(
            self.keeper.prepare(requester, self.new.connection, self.wire.connection)
        )
        return await self.sent_on_new()

    async def sent_on_new(self) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.asked_new = self.new.requests()
        return self.asked_new

    def accept_new(self, number: int = 7, *events: dict[str, Any], which: int = 0) -> None:
        """Answer a subscribe on the successor, and send events in the same read."""
        self.new.send(reply(self._subscribes()[which]["id"], {"subscriptionId": number}), *events)

    def refuse_new(self, status: int = 400, code: int = -1191, which: int = 0) -> None:
        self.new.send(refusal(self._subscribes()[which]["id"], status, code))

    def _subscribes(self) -> list[dict[str, Any]]:
        return [each for each in self.asked_new if each["method"].startswith("userDataStream.subscribe")]

    async def prepared(self, number: int = 7) -> None:
        await self.prepare()
        self.accept_new(number)
        await self.preparing

    def switch(self) -> None:
        """The switch, as the lifecycle makes it."""
        self.session.switch(self.new.connection, 1.0)
        self.keeper.hand_over(self.wire.connection, self.new.connection)

    def unsubscribes(self, wire: Wire) -> list[dict[str, Any]]:
        return [each for each in wire.requests() if each["method"] == "userDataStream.unsubscribe"]

    async def switched(self, number: int = 7) -> dict[str, Any]:
        """Prepare and switch. Returns the unsubscribe that went out on the old connection."""
        await self.prepared(number)
        return await self.hand_over()

    async def hand_over(self) -> dict[str, Any]:
        """Switch. Returns the unsubscribe that went out on the old connection."""
        assert self.keeper.prepared(self.new.connection, self.wire.connection)
        self.switch()
        await asyncio.sleep(0)
        (sent,) = self.unsubscribes(self.wire)
        return sent

    def old_event(self, number: int, **more: Any) -> None:
        self.wire.send(_with(event_of(0, number), more))

    def new_event(self, number: int, subscription: int = 7, **more: Any) -> None:
        self.new.send(_with(event_of(subscription, number), more))

    def finish_old(self, unsubscribe: dict[str, Any]) -> None:
        """The old connection answers the unsubscribe, and says that the subscription has ended."""
        self.wire.send(reply(unsubscribe, {}), ended(0))

    def end(self) -> None:
        """The client is closed for good."""
        self.session.keep_streams = False
        for wire in (self.wire, getattr(self, "new", None)):
            if wire is not None:
                self.session.route = None
                wire.lose()
        self.keeper.closed("a test ends")
        self.client._supervisor._machine.state = "closed"


def _with(message: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    message["event"].update(more)
    return message


async def begun(**options: Any) -> tuple[HandingOver, fastws.Subscription]:
    """A client with a subscription on the old connection, which the successor has as well."""
    rotating = HandingOver()
    subscription = await rotating.subscribe(0, **options)
    await rotating.prepared()
    return rotating, subscription


def drained(subscription: Any) -> list[Any]:
    """All that a consumer would get now: numbers, and "gap" in the place of an EventGap."""
    found: list[Any] = []
    while subscription.buffered:
        try:
            found += [each["T"] for each in subscription.take_all()]
        except EventGap:
            found.append("gap")
    return found
