"""session.logon, session.status, session.logout, session.subscriptions, and userDataStream.subscribe, its signed
form, and .unsubscribe.
"""

from __future__ import annotations

from typing import Any

from ..exchange.state import Exchange
from ..values.errors import refuse
from .request import Request

__all__ = [
    "logon",
    "logout",
    "status",
    "subscribe",
    "subscribe_by_signature",
    "subscriptions",
    "unsubscribe",
]

_KEY_NAMES = {"HMAC": "HMAC_SHA256", "RSA": "RSA"}
# The first SBE schema with subscriptions (web-socket-api.md, and the change log of 2025-08-12).
_SUBSCRIBE_SINCE = (2, 1)
_SIGNATURE_SINCE = (3, 1)


def logon(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Log the connection on with a key, instead of the key that it may have."""
    key = request.key
    assert key is not None
    if key.key_type != "Ed25519":
        raise refuse(-4056, _KEY_NAMES[key.key_type])
    request.connection.log_on(key, request.now_us)
    return status(exchange, request)


def logout(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Log the connection off, and end the subscription of its logon. The connection stays open."""
    request.connection.log_out()
    return status(exchange, request)


def status(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Which key is logged on, and whether the connection has a subscription."""
    connection = request.connection
    divisor = connection.time_divisor
    key = connection.key
    return {
        "apiKey": None if key is None else key.api_key,
        "authorizedSince": None if key is None else connection.authorized_since // divisor,
        "connectedSince": connection.connected_since // divisor,
        "returnRateLimits": connection.return_rate_limits,
        "serverTime": request.now_us // divisor,
        "userDataStream": bool(connection.subscriptions) if exchange.streams.available else None,
    }


def subscriptions(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The connection's subscriptions."""
    return [{"subscriptionId": number} for number in request.connection.subscriptions]


def subscribe(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Subscribe to the account that is logged on."""
    key = request.connection.live_key()
    if key is None or "USER_STREAM" not in key.permissions:
        raise refuse(-2015, status=401)
    _check_available(exchange, request, _SUBSCRIBE_SINCE)
    return {"subscriptionId": exchange.streams.subscribe(request.connection, key, logon=True).id}


def subscribe_by_signature(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Subscribe to the account whose key signed the request."""
    key = request.key
    assert key is not None
    _check_available(exchange, request, _SIGNATURE_SINCE)
    return {"subscriptionId": exchange.streams.subscribe(request.connection, key, logon=False).id}


def unsubscribe(exchange: Exchange, request: Request) -> dict[str, Any]:
    """End one subscription, or all."""
    connection = request.connection
    number = request.values.get("subscriptionId")
    if not connection.subscriptions or (number is not None and number not in connection.subscriptions):
        raise refuse(-2036)
    exchange.streams.end_all(connection, lambda subscription: number in (None, subscription.id))
    return {}


def _check_available(exchange: Exchange, request: Request, since: tuple[int, int]) -> None:
    if not exchange.streams.available:
        raise refuse(-1020)
    schema = request.connection.format.schema
    if schema is not None and schema < since:
        raise refuse(-1161, f"{schema[0]}:{schema[1]}", f"{since[0]}:{since[1]}")
