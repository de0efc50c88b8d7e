"""``Options``: the arguments of connect() and their defaults, checked in one place."""

# Without `from __future__ import annotations`, so that inspect.signature() shows types, not texts.

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

from ._common.shown import plain_text, shown
from ._native.request import check_prefix, check_recv_window
from ._native.sbe import ResponseReader
from ._native.waiters import RequestInfo
from .errors import InvalidRequest
from .gaps import Gap
from .lifecycle.endpoints import Endpoint, resolve_endpoint
from .lifecycle.schema_choice import choose_schema
from .lifecycle.shared import Share
from .option_checks import (
    check_callback,
    check_choice,
    check_flags,
    check_network,
    check_numbers,
    keep_checked,
    share_at,
    untraced,
)
from .sbe import Schema
from .signing import Signer, load_signer
from .trading.firewall import Firewall

__all__ = ["Options", "make_endpoint", "make_reader", "make_schema", "make_share"]

_SYNC_EVERY = 60.0  # seconds, with a key
_MAX_WEIGHT = 1 << 30  # far above any limit
_LONGEST_LAG = 3600  # seconds
_SECONDS = ("timeout", "connect_timeout", "probe_interval", "probe_timeout", "drain_timeout")
_OPTIONAL_SECONDS = ("stall_after", "sync_every", "rotate_after")


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
        object.__setattr__(self, "client_order_id_prefix", plain_text(self.client_order_id_prefix))
        keep_checked(self, (*_SECONDS, *_OPTIONAL_SECONDS))
        make_endpoint(self)
        if self.waf_guard == "refuse":
            Firewall(self.waf_guard).check_prefix(self.client_order_id_prefix)
        signer = _choose_signer(self.signer, api_key, secret, private_key, passphrase)
        object.__setattr__(self, "signer", signer)
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
    check_choice("numbers", options.numbers, ("str", "float", "decimal"))
    check_choice("logon", options.logon, ("auto", "never"))
    check_choice("after_gap", options.after_gap, ("hold", "go"))
    check_choice("waf_guard", options.waf_guard, ("warn", "refuse", "off"))
    check_prefix(options.client_order_id_prefix)
    check_numbers(options, seconds=_SECONDS, optional=_OPTIONAL_SECONDS, sizes=("max_output", "max_message"))
    check_flags(options, "cork", "read_only", "allow_plaintext", "reconnect")
    check_network(options)
    weight = options.reserve_weight
    if weight is not None and (
        isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= _MAX_WEIGHT
    ):
        raise InvalidRequest(f"reserve_weight: expected an amount of weight or None, got {shown(weight)}")
    lag = options.database_lag
    if isinstance(lag, bool) or not isinstance(lag, (int, float)) or not 0 <= lag <= _LONGEST_LAG:
        raise InvalidRequest(f"database_lag: expected seconds from 0 to {_LONGEST_LAG}, got {shown(lag)}")
    for name in ("on_event", "on_orphan", "on_gap", "on_state"):
        check_callback(name, getattr(options, name))
    if options.recv_window is not None:
        check_recv_window(options.recv_window)


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


def make_share(options: Options) -> Share:
    """What the client shares with the others of this process that have its source address and its host."""
    return share_at(make_endpoint(options), options)


def make_reader(options: Options) -> ResponseReader | None:
    """The reader of the messages of one SBE connection; None for JSON."""
    schema = make_schema(options)
    if schema is None:
        return None
    return schema.response_reader(
        numbers=options.numbers, time_unit=options.time_unit, views=options.results == "view"
    )
