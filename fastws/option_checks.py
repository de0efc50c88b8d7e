"""Checks of options that connect() and market_data() have in common, and what their errors must not show."""

# Without `from __future__ import annotations`, so that inspect.signature() shows types, not texts.

import functools
import inspect
import ipaddress
import ssl
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import InitVar
from typing import Any, ParamSpec, TypeGuard, TypeVar

from ._common.shown import plain_text, shown
from .errors import InvalidRequest
from .lifecycle.endpoints import Endpoint, check_ports, is_loopback
from .lifecycle.proxy import Proxy
from .lifecycle.shared import Share, share_of
from .lifecycle.socket_options import check_socket_options

__all__ = [
    "HiddenText",
    "check_callback",
    "check_choice",
    "check_flags",
    "check_network",
    "check_numbers",
    "checked_timeout",
    "choose_local_addr",
    "keep_checked",
    "make_proxy",
    "share_at",
    "untraced",
    "with_parameters_of",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_MOST_CONNECTIONS = 300  # of an address in 5 minutes (web-socket-api.md, web-socket-streams.md)
_LONGEST_TIMEOUT = 1e9  # seconds; a longer timeout is cut to this


def untraced(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A decorator: an error leaves the function without traceback, because the frames contain its arguments."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        fault: BaseException
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            fault = error
        # Every argument may be a secret: callers mix them up.
        del args, kwargs
        fault.__cause__ = fault.__context__ = None
        raise fault.with_traceback(None)

    return call


def with_parameters_of(make: Callable[_P, object]) -> Callable[[Callable[..., _R]], Callable[_P, _R]]:
    """A decorator: gives the function the parameters of ``make``, for type checkers and for inspect.signature()."""

    def decorate(function: Callable[..., _R]) -> Callable[_P, _R]:
        parameters = [
            parameter.replace(annotation=parameter.annotation.type)
            if isinstance(parameter.annotation, InitVar)
            else parameter
            for parameter in inspect.signature(make).parameters.values()
        ]
        returned = typing.get_type_hints(function)["return"]
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            parameters, return_annotation=returned
        )
        function.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": returned}
        return function

    return decorate


class HiddenText(str):
    """A text that contains a password, so its repr() hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


def check_flags(options: Any, *names: str) -> None:
    """Check that these options are True or False."""
    for name in names:
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise InvalidRequest(f"{name}: expected True or False, got {shown(value)}")


def check_numbers(
    options: Any, *, seconds: Sequence[str] = (), optional: Sequence[str] = (), sizes: Sequence[str] = ()
) -> None:
    """Check options that are numbers: seconds, seconds or None, and sizes in bytes; all of them above 0."""
    for name in seconds:
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise InvalidRequest(f"{name}: expected seconds above 0, got {shown(value)}")
    for name in sizes:
        size = getattr(options, name)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= sys.maxsize:
            raise InvalidRequest(f"{name}: expected a number of bytes above 0, got {shown(size)}")
    for name in optional:
        value = getattr(options, name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0
        ):
            auto = ', "auto"' if name == "sync_every" else ""
            raise InvalidRequest(f"{name}: expected seconds above 0{auto} or None, got {shown(value)}")


def check_network(options: Any) -> None:
    """Check the budget of connections and the settings of TLS."""
    budget = options.connect_budget
    if isinstance(budget, bool) or not isinstance(budget, int) or not 0 < budget <= _MOST_CONNECTIONS:
        raise InvalidRequest(
            f"connect_budget: expected attempts in 5 minutes, from 1 to {_MOST_CONNECTIONS}, got {shown(budget)}"
        )
    context: object = options.ssl_context
    if context is not None and not isinstance(context, ssl.SSLContext):
        # asyncio takes False for no encryption at all
        raise InvalidRequest(f"ssl_context: expected an ssl.SSLContext or None, got {shown(context)}")


def keep_checked(options: Any, seconds: Sequence[str]) -> None:
    """Put checked and plain values in the place of what the caller gave.

    Raises:
        InvalidRequest: ``ports``, ``proxy``, ``local_addr`` or ``socket_options`` is wrong.
    """

    def keep(name: str, value: object) -> None:
        object.__setattr__(options, name, value)

    for name in ("numbers", "time_unit"):
        keep(name, plain_text(getattr(options, name)))
    for name in seconds:
        value = getattr(options, name)
        if value is not None:
            keep(name, float(min(value, _LONGEST_TIMEOUT)))
    if options.ports is not None:
        keep("ports", check_ports(options.ports))
    if make_proxy(options) is not None:
        keep("proxy", HiddenText(options.proxy))
    keep("local_addr", choose_local_addr(options.local_addr))
    if options.socket_options is not None:
        keep("socket_options", check_socket_options(options.socket_options))


def check_callback(name: str, callback: object) -> None:
    """Check what the client is to call.

    Raises:
        InvalidRequest: it is neither None nor a plain function: nobody would await a coroutine.
    """
    if callback is None:
        return
    if not callable(callback):
        raise InvalidRequest(f"{name}: expected a callable, got {shown(callback)}")
    if inspect.iscoroutinefunction(callback):
        raise InvalidRequest(
            f"{name}: expected a plain function, got one that returns a coroutine: {shown(callback)}"
        )


def checked_timeout(timeout: float | None) -> float | None:
    """The seconds that a method of the client was given, or None for no limit.

    Raises:
        InvalidRequest: they are no number above 0.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        raise InvalidRequest(f"timeout: expected seconds above 0 or None, got {shown(timeout)}")
    return float(min(timeout, _LONGEST_TIMEOUT))


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Check that an option is one of these texts."""
    if value not in choices:
        raise InvalidRequest(f"{name}: expected one of {', '.join(map(repr, choices))}, got {shown(value)}")


def choose_local_addr(given: Any) -> tuple[str, int] | None:
    """The address and the port to connect from; with port 0 the system chooses the port.

    Raises:
        InvalidRequest: ``given`` is no address of a machine.
    """
    if given is None:
        return None
    address, port = (given, 0) if isinstance(given, str) else given if _is_pair(given) else ("", 0)
    try:
        ipaddress.ip_address(address)
        good = isinstance(port, int) and not isinstance(port, bool) and 0 <= port < 65536
    except ValueError:
        good = False
    if not good:
        raise InvalidRequest(
            "local_addr: expected an address of this machine, such as '10.0.0.5', or (address, port),"
            f" got {shown(given)}"
        )
    return address, port


def _is_pair(value: object) -> TypeGuard[tuple[str, Any]]:
    return isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str)


def make_proxy(options: Any) -> Proxy | None:
    """The proxy between this machine and the exchange, or None."""
    return None if options.proxy is None else Proxy(options.proxy)


def share_at(endpoint: Endpoint, options: Any) -> Share:
    """What clients of this process share that have the same source address and the host of the endpoint."""
    local = choose_local_addr(options.local_addr)
    proxy = make_proxy(options)
    source = str(proxy) if proxy is not None else local[0] if local is not None else ""
    return share_of(source, endpoint.host, endpoint.ports, loopback=is_loopback(endpoint.host))
