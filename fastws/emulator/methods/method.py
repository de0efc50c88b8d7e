"""How a method of the API is served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..exchange.state import Exchange
from ..values import params
from .request import Request

__all__ = ["Method", "method"]

Security = Literal["NONE", "TRADE", "USER_DATA", "USER_STREAM"]


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is served.

    Attributes:
        name: without a version prefix.
        security: the permission that its key needs.
        weight: its request weight, or a function of its parsed parameters.
        handler: carries it out, and returns its result.
        params: the parsers of all parameters that it knows.
        mandatory: the parameters without which it is refused.
        engine: the matching engine carries it out, not the gateway from memory.
        prepare: what the gateway checks before it is forwarded.
        orders: what it adds to the unfilled order count.
        survives_order_limit: tells whether it goes on although that count is exceeded.
        free: its weight is given back when it succeeds.
        logon: it is session.logon, which needs no permission.
        explicit: it always brings its own key, whoever is logged on.
    """

    name: str
    security: Security
    weight: int | Callable[[Mapping[str, Any]], int]
    handler: Callable[[Exchange, Request], Any]
    params: Mapping[str, params.Parser]
    mandatory: tuple[str, ...]
    engine: bool
    prepare: Callable[[Exchange, Request], None] | None
    orders: int
    survives_order_limit: Callable[[Request], bool] | None
    free: bool
    logon: bool
    explicit: bool

    @property
    def signed(self) -> bool:
        return self.logon or self.security != "NONE"


_SIGNED_PARAMS: Mapping[str, params.Parser] = {
    "apiKey": params.text,
    "recvWindow": params.recv_window,
    "signature": params.text,
    "timestamp": params.timestamp,
}


def method(
    name: str,
    handler: Callable[[Exchange, Request], Any],
    weight: int | Callable[[Mapping[str, Any]], int],
    own: Mapping[str, params.Parser] | None = None,
    *,
    security: Security = "NONE",
    mandatory: Iterable[str] = (),
    engine: bool = False,
    prepare: Callable[[Exchange, Request], None] | None = None,
    orders: int = 0,
    survives_order_limit: Callable[[Request], bool] | None = None,
    free: bool = False,
    logon: bool = False,
    explicit: bool = False,
) -> Method:
    """A row of the table of methods; see Method."""
    known = {"returnRateLimits": params.boolean, **(own or {})}
    if logon or security != "NONE":
        known.update(_SIGNED_PARAMS)
    return Method(
        name,
        security,
        weight,
        handler,
        known,
        tuple(mandatory),
        engine,
        prepare,
        orders,
        survives_order_limit,
        free,
        logon,
        explicit or logon,
    )
