"""User data streams: the subscriptions of connections to accounts, and how events reach them.

The engine emits an account's events in their order, with times in microseconds. Each subscription delays them by
random times of its own, so two subscriptions to one account lag differently. Then it sends them in their order, in the
format of its connection. Without a delay, they are sent right after the replies of the event loop's turn.

A subscription carries exactly what happens between its begin and its end, and ``eventStreamTerminated`` comes behind
all of it. Options of Streams break these rules, for tests of clients that rely on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Protocol

from ..values.accounts import Account
from ..values.auth import ApiKey
from ..values.checks import check_names
from ..values.delays import Delay, DelayQueue, Seconds
from ..values.errors import refuse
from ..values.event_log import EventLog, EventRecord
from ..values.faults import Faults
from ..values.logs import logger
from .differences import differing

__all__ = ["MAX_ACTIVE", "MAX_IDS", "Streams", "Subscriber", "Subscription", "with_times"]


MAX_ACTIVE = 1_000
MAX_IDS = 65_535
_TERMINATED = "eventStreamTerminated"

# The keys of an event that hold times, besides "E" and "T" (user-data-stream.md). They differ by event: "u" is a time
# in one event and the trade group in another; "O" is an order's creation time or the orders of a list.
_TIMES = {
    "executionReport": ("E", "T", "O", "W", "D"),
    "outboundAccountPosition": ("E", "u"),
}
_OTHER_TIMES = ("E", "T")


def with_times(event: dict[str, Any], divisor: int) -> dict[str, Any]:
    """Divide the times of an event, which are in microseconds, by ``divisor``."""
    if divisor == 1:
        return event
    event = dict(event)
    for name in _TIMES.get(event["e"], _OTHER_TIMES):
        if name in event:
            # -1 means that there is no time.
            event[name] //= divisor
    return event


class Subscriber(Protocol):
    """A connection that can subscribe to accounts.

    Attributes:
        number: the connection's number at the exchange, from 1.
        loop: the event loop.
        subscriptions: its subscriptions, by their ids.
        next_subscription: the id of the next subscription; no id is used twice.
        event_delay: seconds by which its subscriptions delay events; None: as the exchange does.
    """

    number: int
    loop: asyncio.AbstractEventLoop
    subscriptions: dict[int, Subscription]
    next_subscription: int
    event_delay: Seconds | None

    @property
    def ended(self) -> bool:
        """Whether the connection has ended; requests of it may still be executed."""

    @property
    def time_divisor(self) -> int:
        """1000 if the connection's timestamps are milliseconds, 1 if they are microseconds."""

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event of a subscription or of the connection itself, with its times already divided."""


class Subscription:
    """The subscription of a connection to the events of one account.

    Attributes:
        id: its number on the connection, from 0.
        account: the account whose events it sends.
        key: the API key that subscribed.
        logon: whether ``userDataStream.subscribe`` made it, so that it ends with the connection's logout.
        delay: the queue in which its events wait.
        active: False once it has ended; it sends no more events.
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
        # One queue for all events, under "", or one for each type.
        self._queues: dict[str, DelayQueue] = {}
        self._waiting = 0  # events in the queues, without the notice of the end
        self._notices: list[
            tuple[dict[str, Any], EventRecord | None]
        ] = []  # of the end; a fault makes more than one
        self._ready: list[tuple[dict[str, Any], EventRecord | None]] = []

    def push(self, event: dict[str, Any], record: EventRecord | None, seconds: float = 0.0) -> None:
        """Send an event after the subscription's delay plus ``seconds``; ``record`` is its record, if there is one."""
        kind = event["e"]
        if kind != _TERMINATED:
            self._waiting += 1
            self._queue(kind).put(self.delay.draw() + seconds, self._arrived, event, record)
        elif self._streams.termination_overtakes:
            DelayQueue(self.connection.loop).put(seconds, self._ready_to_send, event, record)
        else:
            self._queue(kind).put(self.delay.draw() + seconds, self._terminated, event, record)

    def _queue(self, kind: str) -> DelayQueue:
        name = kind if self._streams.types_overtake else ""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = DelayQueue(self.connection.loop)
        return queue

    def _arrived(self, event: dict[str, Any], record: EventRecord | None) -> None:
        self._waiting -= 1
        self._ready_to_send(event, record)
        if self._notices and not self._waiting:
            for notice in self._notices:
                self._ready_to_send(*notice)
            self._notices.clear()

    def _terminated(self, event: dict[str, Any], record: EventRecord | None) -> None:
        """Send the notice of the end, behind the events that still wait in other queues."""
        if self._waiting:
            self._notices.append((event, record))
        else:
            self._ready_to_send(event, record)

    def _ready_to_send(self, event: dict[str, Any], record: EventRecord | None) -> None:
        if not self._ready:
            self.connection.loop.call_soon(self._flush)
        self._ready.append((event, record))

    def _flush(self) -> None:
        events, self._ready = self._ready, []
        connection, streams = self.connection, self._streams
        for event, record in events:
            try:
                shown = with_times(event, connection.time_divisor)
                if streams.differing_fields:
                    shown = differing(shown, streams.differing_fields, connection.number)
                sent = connection.send_event(shown, self.id)
            except Exception:
                logger.exception("cannot encode the event %s", event.get("e"))
                continue
            if sent and record is not None:
                streams.events.sent(record, connection.number)
            if sent and streams.log is not None:
                streams.log(f"#{connection.number} event {event['e']} of {self.account.name}")


class Streams:
    """All subscriptions, by account.

    Args:
        delay: seconds by which new subscriptions delay events; from a range, each draws its own.
        seed: the random seed of these delays.
        faults: the faults that can act on events.
        now_us: returns the exchange's time in microseconds.
        events: the event log.

    Attributes:
        events: the event log.
        log: called with a line of text for each event that is sent, or None.
        available: whether the exchange serves user data streams; if not, ``session.status`` shows null.
        account_limit: subscriptions of an account over all connections; 0: no limit.
        termination_overtakes: whether ``eventStreamTerminated`` overtakes the events that wait; by default, it comes
            behind all events of its subscription.
        types_overtake: whether events of different types can overtake one another on their way to a subscription,
            while those of one type keep their order; by default, all keep their order.
    """

    def __init__(
        self, delay: Seconds, seed: int, faults: Faults, now_us: Callable[[], int], events: EventLog
    ) -> None:
        self._delay = Delay(delay, "")
        self._differing_fields: frozenset[str] = frozenset()
        self.events = events
        self.available = True
        self.account_limit = 0
        self.termination_overtakes = False
        self.types_overtake = False
        self.log: Callable[[str], None] | None = None
        self._seed = seed
        self._faults = faults
        self._now_us = now_us
        self._made = 0
        self._by_account: dict[Account, list[Subscription]] = {}

    @property
    def delay(self) -> Seconds:
        """Seconds by which subscriptions made from now on delay their events."""
        return self._delay.seconds

    @delay.setter
    def delay(self, seconds: Seconds) -> None:
        self._delay.seconds = seconds

    @property
    def differing_fields(self) -> Collection[str]:
        """The names of fields whose values differ between connections, such as "E"; see differences.py.

        Raises:
            ValueError: on a change, they are not a collection of texts.
        """
        return self._differing_fields

    @differing_fields.setter
    def differing_fields(self, names: Collection[str]) -> None:
        check_names("differing_fields", names)
        self._differing_fields = frozenset(names)

    def listening(self, account: Account) -> bool:
        """Whether a connection is subscribed to the account."""
        return account in self._by_account

    def emit(self, account: Account, event: dict[str, Any]) -> None:
        """Send an event to all subscriptions of an account. Its times are in microseconds; it must not change later."""
        record = self.events.new(account.name, event) if self.events.on else None
        subscriptions = self._by_account.get(account)
        if subscriptions is None:
            return
        if self._faults:
            self._send_badly(event, record, subscriptions)
            return
        for subscription in subscriptions:
            subscription.push(event, record)

    def _send_badly(
        self, event: dict[str, Any], record: EventRecord | None, subscriptions: list[Subscription]
    ) -> None:
        """Send an event to subscriptions in the way of the faults that act on it."""
        numbers = [subscription.connection.number for subscription in subscriptions]
        effects = self._faults.of_event(event["e"], numbers)
        for subscription, (seconds, copies) in zip(subscriptions, effects, strict=True):
            for _ in range(copies):
                subscription.push(event, record, seconds)

    def subscribe(self, connection: Subscriber, key: ApiKey, *, logon: bool) -> Subscription:
        """Subscribe a connection to a key's account.

        Raises:
            Refusal: -2035, it is subscribed already, or the account has too many subscriptions; -1191, the connection
                has too many; -2042, no id is left.
        """
        mine = connection.subscriptions
        if any(subscription.account is key.account for subscription in mine.values()):
            raise refuse(-2035)
        if 0 < self.account_limit <= len(self._by_account.get(key.account, ())):
            raise refuse(-2035)
        if len(mine) >= MAX_ACTIVE:
            raise refuse(-1191, MAX_ACTIVE)
        number = connection.next_subscription
        if number >= MAX_IDS:
            raise refuse(-2042)
        connection.next_subscription += 1
        self._made += 1
        seconds = self.delay if connection.event_delay is None else connection.event_delay
        delay = Delay(seconds, f"events {self._made} {self._seed}")
        subscription = Subscription(number, key.account, key, logon, connection, delay, self)
        mine[number] = subscription
        self._by_account.setdefault(key.account, []).append(subscription)
        if connection.ended:
            self.end(subscription, notify=False)
        return subscription

    def end(self, subscription: Subscription, *, notify: bool = True) -> None:
        """End a subscription. ``eventStreamTerminated`` is its last event, behind those that still wait."""
        if not subscription.active:
            return
        subscription.active = False
        del subscription.connection.subscriptions[subscription.id]
        remaining = self._by_account[subscription.account]
        remaining.remove(subscription)
        if not remaining:
            del self._by_account[subscription.account]
        if notify:
            event = {"e": _TERMINATED, "E": self._now_us()}
            record = self.events.new(subscription.account.name, event) if self.events.on else None
            self._send_badly(event, record, [subscription])

    def end_all(
        self, connection: Subscriber, wanted: Callable[[Subscription], bool], *, notify: bool = True
    ) -> None:
        """End the subscriptions of a connection that ``wanted`` selects."""
        for subscription in list(connection.subscriptions.values()):
            if wanted(subscription):
                self.end(subscription, notify=notify)

    def end_of_key(self, key: ApiKey) -> None:
        """End the subscriptions that a revoked key made with ``userDataStream.subscribe.signature``."""
        for subscription in list(self._by_account.get(key.account, ())):
            if subscription.key is key and not subscription.logon:
                self.end(subscription)
