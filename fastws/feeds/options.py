"""``MarketOptions``: the arguments of market_data() and their defaults, checked in one place."""

# Without `from __future__ import annotations`, so that inspect.signature() shows types, not texts.

import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, NoReturn

from .._common.shown import shown
from ..errors import InvalidKey, InvalidRequest
from ..gaps import StreamGap
from ..lifecycle.endpoints import Endpoint
from ..lifecycle.shared import Share
from ..option_checks import (
    HiddenText,
    check_callback,
    check_choice,
    check_flags,
    check_network,
    check_numbers,
    keep_checked,
    share_at,
    untraced,
)
from ..signing import Signer
from .endpoints import resolve_feed

__all__ = ["MarketOptions"]

_MOST_CONNECTIONS = 8  # of the same streams
_SECONDS = ("timeout", "connect_timeout", "probe_interval", "probe_timeout")
_OPTIONAL_SECONDS = ("rotate_after",)
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True)
class MarketOptions:
    """The arguments of market_data(), which documents each of them.

    They are checked when they are created, and immutable; ``dataclasses.replace()`` creates changed ones. The API key
    and the URL of a proxy may be secret, so MarketOptions cannot be pickled or copied, and their repr() does not show
    these two.

    Raises:
        InvalidRequest: an option is wrong (InvalidKey: the key is wrong). The message names the option.
    """

    endpoint: str
    _: KW_ONLY
    sbe: bool = False
    api_key: str | None = field(default=None, repr=False)
    signer: Signer | None = field(default=None, repr=False)
    connections: int = 1
    numbers: Literal["str", "float", "decimal"] = "str"
    results: Literal["dict", "view"] = "dict"
    time_unit: Literal["ms", "us"] = "ms"
    port: int | None = None
    ports: Sequence[int] | None = None
    allow_plaintext: bool = False
    timeout: float = 15.0
    connect_timeout: float = 10.0
    probe_interval: float = 25.0
    probe_timeout: float = 5.0
    reconnect: bool = True
    connect_budget: int = 60
    rotate_after: float | None = 82800.0
    max_message: int = 64 << 20
    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    local_addr: str | tuple[str, int] | None = None
    socket_options: Mapping[str, int] | None = field(default=None, hash=False)
    snapshots: Any = field(default=None, repr=False)
    on_gap: Callable[[StreamGap], object] | None = None
    on_state: Callable[[str, str, str], object] | None = None

    def __post_init__(self) -> None:
        check_choice("numbers", self.numbers, ("str", "float", "decimal"))
        check_choice("results", self.results, ("dict", "view"))
        check_numbers(self, seconds=_SECONDS, optional=_OPTIONAL_SECONDS, sizes=("max_message",))
        check_flags(self, "sbe", "allow_plaintext", "reconnect")
        check_network(self)
        count = self.connections
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST_CONNECTIONS:
            raise InvalidRequest(
                f"connections: expected a number from 1 to {_MOST_CONNECTIONS}, got {shown(count)}"
            )
        for name in ("on_gap", "on_state"):
            check_callback(name, getattr(self, name))
        self.find_endpoint()
        keep_checked(self, (*_SECONDS, *_OPTIONAL_SECONDS))
        key = _choose_key(self.sbe, self.api_key, self.signer)
        object.__setattr__(self, "api_key", None if key is None else HiddenText(key))
        # the signer signs nothing here, and a process of market data needs no secret
        object.__setattr__(self, "signer", None)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "MarketOptions may hold a key and a proxy's password, so they are neither pickled nor copied;"
            " dataclasses.replace() makes others"
        )

    @property
    def sync_every(self) -> None:
        """The exchange's time is not asked for: no timestamp is sent."""
        return

    @property
    def drain_timeout(self) -> float:
        """Seconds that a connection which was replaced is kept at most."""
        return 15.0

    def find_endpoint(self) -> Endpoint:
        """The exchange's address."""
        return resolve_feed(
            self.endpoint,
            sbe=self.sbe,
            port=self.port,
            ports=self.ports,
            time_unit=self.time_unit,
            allow_plaintext=self.allow_plaintext,
        )

    def find_share(self) -> Share:
        """What this session shares with the others of this process that have its source address and its host."""
        return share_at(self.find_endpoint(), self)


# The frames of __init__ hold the key.
MarketOptions.__init__ = untraced(MarketOptions.__init__)  # type: ignore[method-assign]


def _choose_key(sbe: bool, api_key: object, signer: object) -> str | None:
    """The API key that the handshake carries; None without one.

    Raises:
        InvalidRequest: it is missing, or given twice. InvalidKey: it cannot be one, or the exchange takes no such key.
    """
    if signer is not None:
        if not isinstance(signer, Signer):
            raise InvalidRequest(
                f"signer: expected what load_signer() returns, got a value of type {type(signer).__name__}"
            )
        if api_key is not None:
            raise InvalidRequest("give either api_key or a signer, whose API key is taken")
        if sbe and signer.kind != "Ed25519":
            raise InvalidKey(
                f"the signer is of an {signer.kind} key, but SBE market data takes the API key of an Ed25519 key only"
            )
        api_key = signer.api_key
    if api_key is None:
        if sbe:
            raise InvalidRequest(
                "api_key is missing: SBE market data needs the API key of an Ed25519 key (no secret, no permission);"
                " JSON needs none (sbe=False)"
            )
        return None
    if not isinstance(api_key, str) or _KEY.fullmatch(api_key) is None:
        raise InvalidKey("api_key: expected the text of an API key, without spaces and in ASCII")
    return api_key
