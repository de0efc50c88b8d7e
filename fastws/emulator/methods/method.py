"""The description of a method of the API, for the gateway."""

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
    """A method as the gateway serves it.

    Attributes:
        name: without a version prefix.
        security: the permission that the API key needs.
        weight: its request weight, or a function of its parsed parameters.
        handler: executes it and returns its result.
        params: the parsers of all its parameters, by name.
        mandatory: the names of the mandatory parameters.
        engine: whether the matching engine executes it, after the engine delay; else the gateway answers.
        prepare: the gateway's checks before the request goes to the engine.
        orders: how much it adds to the unfilled order count.
        survives_order_limit: returns whether the request goes on although that count is exceeded.
        free: whether its weight is given back when it succeeds.
        logon: whether it is session.logon, which needs no permission.
        explicit: whether it must have an API key itself, even on a connection that is logged on.
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
