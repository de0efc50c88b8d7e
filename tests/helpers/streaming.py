"""Messages of user data streams, and subscriptions of a client that is connected to nothing."""

from __future__ import annotations

from typing import Any

import fastws
from helpers.offline import Offline
from helpers.support import KEY, reply


def event(number: int, kind: str = "balanceUpdate") -> dict[str, Any]:
    return {"e": kind, "E": number, "a": "BTC", "d": "0.10000000", "T": number}


def event_of(subscription: int | None, number: int, kind: str = "balanceUpdate") -> dict[str, Any]:
    """The message of an event."""
    of = {} if subscription is None else {"subscriptionId": subscription}
    return {**of, "event": event(number, kind)}


def ended(subscription: int | None, number: int = 9) -> dict[str, Any]:
    of = {} if subscription is None else {"subscriptionId": subscription}
    return {**of, "event": {"e": "eventStreamTerminated", "E": number}}


SHUTDOWN = {"event": {"e": "serverShutdown", "E": 1}}


def make(**options: Any) -> Offline:
    return Offline(**{**KEY, **options})


async def subscribed(offline: Offline, number: int = 0, **options: Any) -> fastws.Subscription:
    reply_ = offline.client.user_data_stream_subscribe_signature(**options)
    offline.client.flush()
    offline.send(reply(reply_.info.id, {"subscriptionId": number}))
    return await reply_


async def logged_on(offline: Offline, number: int | None = 0, **options: Any) -> Any:
    """The session's own subscription, on a connection that is logged on."""
    logon = offline.client.session_logon()
    offline.client.flush()
    offline.send(reply(logon.info.id, {"apiKey": "k" * 64}))
    await logon
    if number is None:
        return None
    reply_ = offline.client.user_data_stream_subscribe(**options)
    offline.client.flush()
    offline.send(reply(reply_.info.id, {"subscriptionId": number}))
    return await reply_


def numbers(events: list[Any]) -> list[int]:
    return [event["E"] for event in events]
