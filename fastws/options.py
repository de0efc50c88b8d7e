"""``Options``: the arguments of connect() and their defaults, checked in one place."""

# Without `from __future__ import annotations`, so that inspect.signature() shows types, not texts.

import functools
import inspect
import ipaddress
import ssl
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, ParamSpec, TypeGuard, TypeVar

from ._common.shown import plain_text, shown
from ._native.request import check_prefix, check_recv_window
from ._native.sbe import ResponseReader
from ._native.waiters import RequestInfo
from .errors import InvalidRequest
from .gaps import Gap
from .lifecycle.endpoints import Endpoint, check_ports, is_loopback, resolve_endpoint
from .lifecycle.proxy import Proxy
from .lifecycle.schema_choice import choose_schema
from .lifecycle.shared import Share, share_of
from .lifecycle.socket_options import check_socket_options
from .sbe import Schema
from .signing import Signer, load_signer
from .trading.firewall import Firewall

__all__ = [
    "Options",
    "checked_timeout",
    "choose_local_addr",
    "make_endpoint",
    "make_proxy",
    "make_reader",
    "make_schema",
    "make_share",
    "untraced",
    "with_parameters_of",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SYNC_EVERY = 60.0  # seconds, with a key
_MOST_CONNECTIONS = 300  # of an address in 5 minutes (web-socket-api.md, Connection limits)
_MAX_WEIGHT = 1 << 30  # far above any limit
_LONGEST_LAG = 3600  # seconds
_LONGEST_TIMEOUT = 1e9  # seconds; a longer timeout is cut to this
_SECONDS = ("timeout", "connect_timeout", "probe_interval", "probe_timeout", "drain_timeout")
_OPTIONAL_SECONDS = ("stall_after", "sync_every", "rotate_after")


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


class _HiddenText(str):
    """A text that contains a password, so its repr() hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


@dataclass(frozen=True)
class Options:
    """The arguments of connect(), which documents each of them. ``Client(Options(…))`` is the same as ``connect(…)``.

    They are checked when they are created, and immutable; ``dataclasses.replace()`` creates changed ones. ``api_key``,
    ``secret``, ``private_key`` and ``passphrase`` become the ``signer``, and are not kept. A signer and the URL of a
    proxy may be secret, so Options cannot be pickled or copied, and their repr() does not show these two.

    Raises:
        InvalidRequest: an option is wrong (InvalidKey: the key is wrong). The message names the option.
    """

    endpoint: str
    _: KW_ONLY
    api_key: InitVar[str | None] = None
    secret: InitVar[str | None] = None
    private_key: InitVar[str | Path | bytes | None] = None
    passphrase: InitVar[str | bytes | None] = None
    signer: Signer | None = field(default=None, repr=False)
    port: int | None = None
    ports: Sequence[int] | None = None
    allow_plaintext: bool = False
    sbe: bool = False
    schema: Schema | None = None
    results: Literal["dict", "view"] = "dict"
    numbers: Literal["str", "float", "decimal"] = "str"
    time_unit: Literal["ms", "us"] = "ms"
    rate_limits: bool = True
    recv_window: float | None = None
    timeout: float = 15.0
    connect_timeout: float = 10.0
    probe_interval: float = 25.0
    probe_timeout: float = 5.0
    stall_after: float | None = 1.0
    reconnect: bool = True
    connect_budget: int = 60
    rotate_after: float | None = 82800.0
    drain_timeout: float = 15.0
    logon: Literal["auto", "never"] = "auto"
    read_only: bool = False
    reserve_weight: int | None = None
    database_lag: float = 4.0
    sync_every: float | Literal["auto"] | None = "auto"
    cork: bool = True
    waf_guard: Literal["warn", "refuse", "off"] = "warn"
    client_order_id_prefix: str = ""
    max_output: int = 4 << 20
    max_message: int = 64 << 20
    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    local_addr: str | tuple[str, int] | None = None
    socket_options: Mapping[str, int] | None = field(default=None, hash=False)
    on_event: Callable[[dict[str, Any], int | None], object] | None = None
    on_orphan: Callable[[RequestInfo, Any], object] | None = None
    after_gap: Literal["hold", "go"] = "hold"
    on_gap: Callable[[Gap], object] | None = None
    on_state: Callable[[str, str, str], object] | None = None

    def __post_init__(
        self,
        api_key: str | None,
        secret: str | None,
        private_key: str | Path | bytes | None,
        passphrase: str | bytes | None,
    ) -> None:
        if self.sync_every == "auto":
            has_key = self.signer is not None or api_key is not None
            object.__setattr__(self, "sync_every", _SYNC_EVERY if has_key else None)
        _check_values(self)
        for name in ("numbers", "time_unit", "client_order_id_prefix"):
            object.__setattr__(self, name, plain_text(getattr(self, name)))
        for name in (*_SECONDS, *_OPTIONAL_SECONDS):
            seconds = getattr(self, name)
            if seconds is not None:
                object.__setattr__(self, name, float(min(seconds, _LONGEST_TIMEOUT)))
        if self.ports is not None:
            object.__setattr__(self, "ports", check_ports(self.ports))
        make_endpoint(self)
        if self.waf_guard == "refuse":
            Firewall(self.waf_guard).check_prefix(self.client_order_id_prefix)
        signer = _choose_signer(self.signer, api_key, secret, private_key, passphrase)
        object.__setattr__(self, "signer", signer)
        if make_proxy(self) is not None:
            object.__setattr__(self, "proxy", _HiddenText(self.proxy))
        object.__setattr__(self, "local_addr", choose_local_addr(self.local_addr))
        if self.socket_options is not None:
            object.__setattr__(self, "socket_options", check_socket_options(self.socket_options))
        make_reader(self)  # raises if no connection can use the schema

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "Options may hold a key and a proxy's password, so they are neither pickled nor copied;"
            " dataclasses.replace() makes others"
        )


# The frames of __init__ hold the secret.
Options.__init__ = untraced(Options.__init__)  # type: ignore[method-assign]


def _check_values(options: Options) -> None:
    """Check all options but those of the endpoint and the key."""
    _check_choice("numbers", options.numbers, ("str", "float", "decimal"))
    _check_choice("logon", options.logon, ("auto", "never"))
    _check_choice("after_gap", options.after_gap, ("hold", "go"))
    _check_choice("waf_guard", options.waf_guard, ("warn", "refuse", "off"))
    check_prefix(options.client_order_id_prefix)
    for name in _SECONDS:
        seconds = getattr(options, name)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
            raise InvalidRequest(f"{name}: expected seconds above 0, got {shown(seconds)}")
    for name in ("max_output", "max_message"):
        size = getattr(options, name)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= sys.maxsize:
            raise InvalidRequest(f"{name}: expected a number of bytes above 0, got {shown(size)}")
    for name in ("cork", "read_only", "allow_plaintext", "reconnect"):
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise InvalidRequest(f"{name}: expected True or False, got {shown(value)}")
    budget = options.connect_budget
    if isinstance(budget, bool) or not isinstance(budget, int) or not 0 < budget <= _MOST_CONNECTIONS:
        raise InvalidRequest(
            f"connect_budget: expected attempts in 5 minutes, from 1 to {_MOST_CONNECTIONS}, got {shown(budget)}"
        )
    weight = options.reserve_weight
    if weight is not None and (
        isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= _MAX_WEIGHT
    ):
        raise InvalidRequest(f"reserve_weight: expected an amount of weight or None, got {shown(weight)}")
    lag = options.database_lag
    if isinstance(lag, bool) or not isinstance(lag, (int, float)) or not 0 <= lag <= _LONGEST_LAG:
        raise InvalidRequest(f"database_lag: expected seconds from 0 to {_LONGEST_LAG}, got {shown(lag)}")
    for name in _OPTIONAL_SECONDS:
        seconds = getattr(options, name)
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0
        ):
            auto = ', "auto"' if name == "sync_every" else ""
            raise InvalidRequest(f"{name}: expected seconds above 0{auto} or None, got {shown(seconds)}")
    for name in ("on_event", "on_orphan", "on_gap", "on_state"):
        check_callback(name, getattr(options, name))
    if options.recv_window is not None:
        check_recv_window(options.recv_window)
    context: object = options.ssl_context
    if context is not None and not isinstance(context, ssl.SSLContext):
        # asyncio takes False for no encryption at all
        raise InvalidRequest(f"ssl_context: expected an ssl.SSLContext or None, got {shown(context)}")


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


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
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


def _choose_signer(
    signer: Signer | None,
    api_key: str | None,
    secret: str | None,
    private_key: str | Path | bytes | None,
    passphrase: str | bytes | None,
) -> Signer | None:
    """The signer that connect() got, or one made of the key that it got; None without a key.

    Raises:
        InvalidRequest: the arguments exclude each other, or one is missing. InvalidKey: the key cannot be used.
    """
    given = [value for value in (api_key, secret, private_key, passphrase) if value is not None]
    if signer is not None:
        if not isinstance(signer, Signer):
            raise InvalidRequest(
                f"signer: expected what load_signer() returns, got a value of type {type(signer).__name__}"
            )
        if given:
            raise InvalidRequest("give either a signer, or api_key with secret or private_key")
        return signer
    if not given:
        return None
    if api_key is None:
        raise InvalidRequest(
            "api_key is missing: a secret, a private_key or a passphrase is of no use without it"
        )
    return load_signer(api_key, secret=secret, private_key=private_key, passphrase=passphrase)


def _is_pair(value: object) -> TypeGuard[tuple[str, Any]]:
    return isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str)


# ------------------------------------------------------------------------------ the objects that the options describe


def make_schema(options: Options) -> Schema | None:
    """The SBE schema to ask the exchange for; None for JSON."""
    return choose_schema(options.sbe, options.schema, options.results)


def make_endpoint(options: Options) -> Endpoint:
    """The exchange's address."""
    schema = make_schema(options)
    return resolve_endpoint(
        options.endpoint,
        port=options.port,
        ports=options.ports,
        time_unit=options.time_unit,
        rate_limits=options.rate_limits,
        schema=None if schema is None else (schema.id, schema.version),
        allow_plaintext=options.allow_plaintext,
    )


def make_proxy(options: Options) -> Proxy | None:
    """The proxy between this machine and the exchange, or None."""
    return None if options.proxy is None else Proxy(options.proxy)


def make_share(options: Options) -> Share:
    """What the client shares with the others of this process that have its source address and its host."""
    endpoint = make_endpoint(options)
    local = choose_local_addr(options.local_addr)
    proxy = make_proxy(options)
    source = str(proxy) if proxy is not None else local[0] if local is not None else ""
    return share_of(source, endpoint.host, endpoint.ports, loopback=is_loopback(endpoint.host))


def make_reader(options: Options) -> ResponseReader | None:
    """The reader of the messages of one SBE connection; None for JSON."""
    schema = make_schema(options)
    if schema is None:
        return None
    return schema.response_reader(
        numbers=options.numbers, time_unit=options.time_unit, views=options.results == "view"
    )
