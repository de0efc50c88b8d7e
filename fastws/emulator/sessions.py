"""session.logon, session.status, session.logout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import refuse

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = ["logon", "logout", "status"]

_KEY_NAMES = {"HMAC": "HMAC_SHA256", "RSA": "RSA"}


def logon(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Make a key the connection's own, in place of the one that it may have."""
    key = request.key
    assert key is not None
    if key.key_type != "Ed25519":
        raise refuse(-4056, _KEY_NAMES[key.key_type])
    request.session.log_on(key, request.now_us)
    return status(exchange, request)


def logout(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Forget the connection's key. The connection stays open."""
    request.session.log_out()
    return status(exchange, request)


def status(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Whose connection this is. There are no user data streams yet, which is what the null says."""
    session = request.session
    divisor = session.time_divisor
    key = session.key
    return {
        "apiKey": None if key is None else key.api_key,
        "authorizedSince": None if key is None else session.authorized_since // divisor,
        "connectedSince": session.connected_since // divisor,
        "returnRateLimits": session.return_rate_limits,
        "serverTime": request.now_us // divisor,
        "userDataStream": None,
    }
