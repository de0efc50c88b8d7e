"""User data streams: who listens to which account, and how events reach them.

The engine emits an account's events in their order, with times in microseconds. Each subscription has them wait
for a delay of its own, so that two subscriptions to one account lag differently, and then sends them in their
order, in the format of its connection. Without a delay they leave right after the replies of the event loop's turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from ..values.accounts import Account
from ..values.auth import ApiKey
from ..values.delays import Delay, DelayQueue, Seconds
from ..values.errors import refuse
from ..values.faults import Faults
from ..values.logs import logger

__all__ = ["MAX_ACTIVE", "MAX_IDS", "Streams", "Subscriber", "Subscription", "with_times"]


MAX_ACTIVE = 1_000
MAX_IDS = 65_535

# Which values of an event are times, besides "E" and "T" (user-data-stream.md). "u" is a time in one event and the
# trade group of an order in another, "O" the creation of an order or the orders of a list.
_TIMES = {
    "executionReport": ("E", "T", "O", "W", "D"),
    "outboundAccountPosition": ("E", "u"),
}
_OTHER_TIMES = ("E", "T")


def with_times(event: dict[str, Any], divisor: int) -> dict[str, Any]:
    """An event whose times are in microseconds, with its times divided."""
    if divisor == 1:
        return event
    event = dict(event)
    for name in _TIMES.get(event["e"], _OTHER_TIMES):
        if name in event:
            # What is -1 stays -1.
            event[name] //= divisor
    return event


class Subscriber(Protocol):
    """A connection that listens to accounts.

    Attributes:
        number: counts the connections of the exchange, from 1.
        loop: the event loop.
        subscriptions: what it listens to, by their ids.
        next_subscription: the id of the next one; ids are never used again.
    """

    number: int
    loop: asyncio.AbstractEventLoop
    subscriptions: dict[int, Subscription]
    next_subscription: int

    @property
    def time_divisor(self) -> int:
        """What timestamps in microseconds are divided by in this connection."""

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event, of a subscription or of the connection itself; its times are divided already."""


class Subscription:
    """One account's events on one connection.

    Attributes:
        id: counts the subscriptions of the connection, from 0.
        account: whose events it carries.
        key: the key that it was made with.
        logon: it was made by ``userDataStream.subscribe``, and ends with the connection's logout.
        delay: what its events wait for before they are sent.
        active: no event comes any more once it is False.
    """

    def __init__(
        self,
        number: int,
        account: Account,
        key: ApiKey,
        logon: bool,
        connection: Subscriber,
        delay: Delay,
        streams: Streams,
    ) -> None:
        self.id = number
        self.account = account
        self.key = key
        self.logon = logon
        self.delay = delay
        self.active = True
        self.connection = connection
        self._streams = streams
        self._queue = DelayQueue(connection.loop)
        self._ready: list[dict[str, Any]] = []

    def push(self, event: dict[str, Any], seconds: float = 0.0) -> None:
        """Send an event, after the subscription's delay and ``seconds`` more."""
        self._queue.put(self.delay.draw() + seconds, self._arrived, event)

    def _arrived(self, event: dict[str, Any]) -> None:
        if not self._ready:
            self.connection.loop.call_soon(self._flush)
        self._ready.append(event)

    def _flush(self) -> None:
        events, self._ready = self._ready, []
        for event in events:
            try:
                self.connection.send_event(with_times(event, self.connection.time_divisor), self.id)
                if self._streams.log is not None:
                    self._streams.log(f"#{self.connection.number} event {event['e']} of {self.account.name}")
            except Exception:
                logger.exception("the event %s cannot be written", event.get("e"))


class Streams:
    """All subscriptions, by account.

    Args:
        delay: seconds that events wait, of every new subscription; a range has each draw differently.
        seed: of these draws.
        faults: the faults that strike events.
        now_us: the exchange's time.

    Attributes:
        log: called with a line for each event that is sent, or None.
        available: without it the exchange serves no user data streams, which ``session.status`` says with a null.
    """

    def __init__(self, delay: Seconds, seed: int, faults: Faults, now_us: Callable[[], int]) -> None:
        self._delay = Delay(delay, "")
        self.available = True
        self.log: Callable[[str], None] | None = None
        self._seed = seed
        self._faults = faults
        self._now_us = now_us
        self._made = 0
        self._by_account: dict[Account, list[Subscription]] = {}

    @property
    def delay(self) -> Seconds:
        """Seconds that the events of subscriptions made from now on wait."""
        return self._delay.seconds

    @delay.setter
    def delay(self, seconds: Seconds) -> None:
        self._delay.seconds = seconds

    def listening(self, account: Account) -> bool:
        """Whether anyone would get this account's events."""
        return account in self._by_account

    def emit(self, account: Account, event: dict[str, Any]) -> None:
        """Tell all who listen to an account. The event's times are in microseconds; it is not changed later."""
        subscriptions = self._by_account.get(account)
        if subscriptions is None:
            return
        seconds, copies = self._faults.of_event(event["e"]) if self._faults else (0.0, 1)
        for subscription in subscriptions:
            for _ in range(copies):
                subscription.push(event, seconds)

    def subscribe(self, connection: Subscriber, key: ApiKey, *, logon: bool) -> Subscription:
        """Let a connection listen to a key's account.

        Raises:
            Refusal: -2035 it does already; -1191 it listens to too many; -2042 no id is left.
        """
        mine = connection.subscriptions
        if any(subscription.account is key.account for subscription in mine.values()):
            raise refuse(-2035)
        if len(mine) >= MAX_ACTIVE:
            raise refuse(-1191, MAX_ACTIVE)
        number = connection.next_subscription
        if number >= MAX_IDS:
            raise refuse(-2042)
        connection.next_subscription += 1
        self._made += 1
        delay = Delay(self.delay, f"events {self._made} {self._seed}")
        subscription = Subscription(number, key.account, key, logon, connection, delay, self)
        mine[number] = subscription
        self._by_account.setdefault(key.account, []).append(subscription)
        return subscription

    def end(self, subscription: Subscription, *, tell: bool = True) -> None:
        """End a subscription; its last event says so, after those that wait."""
        if not subscription.active:
            return
        subscription.active = False
        del subscription.connection.subscriptions[subscription.id]
        remaining = self._by_account[subscription.account]
        remaining.remove(subscription)
        if not remaining:
            del self._by_account[subscription.account]
        if tell:
            subscription.push({"e": "eventStreamTerminated", "E": self._now_us()})

    def end_all(
        self, connection: Subscriber, wanted: Callable[[Subscription], bool], *, tell: bool = True
    ) -> None:
        """End those subscriptions of a connection that are wanted to end."""
        for subscription in list(connection.subscriptions.values()):
            if wanted(subscription):
                self.end(subscription, tell=tell)

    def end_of_key(self, key: ApiKey) -> None:
        """End what was made with a key by ``userDataStream.subscribe.signature``: it is valid no more."""
        for subscription in list(self._by_account.get(key.account, ())):
            if subscription.key is key and not subscription.logon:
                self.end(subscription)
