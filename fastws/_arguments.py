"""What connect() takes, checked at once: a wrong argument is told when it is given, not when it matters."""

from __future__ import annotations

import ipaddress
import ssl
import sys
from pathlib import Path
from typing import Any, TypeGuard

from ._request import check_prefix, check_recv_window
from ._shown import shown
from .errors import InvalidRequest
from .signing import Signer, load_signer

_MAX_WEIGHT = 1 << 30  # far above any limit


def check_options(options: dict[str, Any]) -> None:
    """Check the arguments of connect() that are neither the endpoint's nor the key's.

    Raises:
        InvalidRequest: it names the argument.
    """
    _choice("numbers", options["numbers"], ("str", "float", "decimal"))
    _choice("logon", options["logon"], ("auto", "never"))
    _choice("waf_guard", options["waf_guard"], ("warn", "refuse", "off"))
    check_prefix(options["client_order_id_prefix"])
    for name in ("timeout", "connect_timeout"):
        seconds = options[name]
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
            raise InvalidRequest(f"{name}: expected seconds above 0, got {shown(seconds)}")
    for name in ("max_output", "max_message"):
        size = options[name]
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= sys.maxsize:
            raise InvalidRequest(f"{name}: expected a number of bytes above 0, got {shown(size)}")
    for name in ("cork", "read_only", "allow_plaintext"):
        if not isinstance(options[name], bool):
            raise InvalidRequest(f"{name}: expected True or False, got {shown(options[name])}")
    weight = options["reserve_weight"]
    if weight is not None and (
        isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= _MAX_WEIGHT
    ):
        raise InvalidRequest(f"reserve_weight: expected an amount of weight or None, got {shown(weight)}")
    every = options["sync_every"]
    if every is not None and (
        isinstance(every, bool) or not isinstance(every, (int, float)) or not every > 0
    ):
        raise InvalidRequest(f"sync_every: expected seconds above 0 or None, got {shown(every)}")
    for name in ("on_event", "on_orphan"):
        if options[name] is not None and not callable(options[name]):
            raise InvalidRequest(f"{name}: expected a callable, got {shown(options[name])}")
    if options["recv_window"] is not None:
        check_recv_window(options["recv_window"])
    context = options["ssl_context"]
    if context is not None and not isinstance(context, ssl.SSLContext):
        # False would mean no encryption at all
        raise InvalidRequest(f"ssl_context: expected an ssl.SSLContext or None, got {shown(context)}")


def choose_local_addr(given: Any) -> tuple[str, int] | None:
    """The address and port to connect from; port 0 is for the system to choose.

    Raises:
        InvalidRequest: it is none.
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


def choose_signer(
    signer: Signer | None,
    api_key: str | None,
    secret: str | None,
    private_key: str | Path | bytes | None,
    passphrase: str | bytes | None,
) -> Signer | None:
    """The signer that connect() was given, or the means to make one; None without a key.

    Raises:
        InvalidRequest: the arguments do not go together. InvalidKey: the key cannot be used.
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


def _choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidRequest(f"{name}: expected one of {', '.join(map(repr, choices))}, got {shown(value)}")
