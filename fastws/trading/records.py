"""Records of trading requests: what a program stores, so that it can resolve a request after a crash.

``RequestInfo.record()`` and ``ExecutionUnknown.record()`` make them; ``client.resolve()`` takes them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .._common.shown import shown
from .._native.methods import MethodSpec, method_spec
from .._native.request import check_recv_window, encode
from .._native.waiters import RequestInfo
from ..errors import InvalidRequest
from .accounts import Accounts, key_digest

__all__ = ["DEFAULT_WINDOW_MS", "VERSION", "Records", "check_record"]

VERSION = 1
DEFAULT_WINDOW_MS = 5000  # the exchange's own recvWindow (web-socket-api.md, Timing security)

_FIELDS = ("fastws", "method", "params", "timestamp", "recvWindow", "account", "uid")
_HIDDEN = ("apiKey", "signature")
_DIGEST = re.compile("[0-9a-f]{12}")
_LATEST = 10**17  # microseconds; later is no time


class Records:
    """Makes the records of a client's requests. ``recv_window``: the client's own, in milliseconds, or None."""

    def __init__(self, accounts: Accounts, recv_window: float | None) -> None:
        self._accounts = accounts
        self._recv_window = recv_window

    def record(self, info: RequestInfo) -> dict[str, Any]:
        """The record of a trading request; ``RequestInfo.record()`` documents it."""
        given = {name: value for name, value in (info.params or {}).items() if name not in _HIDDEN}
        is_signed = (info.params or {}).get("signature") is not None
        # the encoder writes the values as it did for the request
        sent: dict[str, Any] = json.loads(encode(info.method, given, 1)).get("params", {})
        if not is_signed:  # to a request that the caller signed fastws adds nothing
            if info.timestamp:
                sent.setdefault("timestamp", info.timestamp)
            if self._recv_window is not None:
                sent.setdefault("recvWindow", _number(self._recv_window))
        account = self._accounts.own_digest if info.account is None else key_digest(info.account)
        return {
            "fastws": VERSION,
            "method": info.method,
            "params": sent,
            "timestamp": sent.get("timestamp"),
            "recvWindow": sent.get("recvWindow", DEFAULT_WINDOW_MS),
            "account": account,
            "uid": self._accounts.uid_of(account),
        }


def _number(window: object) -> int | float:
    """A recvWindow as a number of JSON."""
    exact = Decimal(str(window))
    return int(exact) if exact == int(exact) else float(exact)


def check_record(record: Mapping[str, Any]) -> None:
    """Raise InvalidRequest, with the field and its value, for what record() cannot have made."""
    missing = [name for name in _FIELDS if name not in record]
    if missing:
        raise InvalidRequest(f"record: {' and '.join(map(repr, missing))} is missing")
    version, method, params = record["fastws"], record["method"], record["params"]
    if type(version) is not int or version != VERSION:
        raise InvalidRequest(f"record: expected version {VERSION} in 'fastws', got {shown(version)}")
    spec = _spec(method)
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise InvalidRequest(f"record: expected a dict of parameters in 'params', got {shown(params)}")
    for name in ("symbol", *spec.own_ids):
        if params.get(name) is None:
            raise InvalidRequest(f"record: {name!r} is missing in the 'params' of {method}")
    try:
        encode(method, dict(params), 1)
    except InvalidRequest as error:
        raise InvalidRequest(f"record: 'params': {error}") from None
    timestamp, window = record["timestamp"], record["recvWindow"]
    if type(timestamp) is not int or not 0 < timestamp < _LATEST:
        raise InvalidRequest(
            f"record: expected a time in milliseconds or microseconds in 'timestamp', got {shown(timestamp)}"
        )
    try:
        check_recv_window(window)
    except InvalidRequest as error:
        raise InvalidRequest(f"record: {error}") from None
    account, uid = record["account"], record["uid"]
    if not isinstance(account, str) or not _DIGEST.fullmatch(account):
        raise InvalidRequest(
            f"record: expected 12 hexadecimal digits of the key's digest in 'account', got {shown(account)}"
        )
    if uid is not None and type(uid) is not int:
        raise InvalidRequest(f"record: expected an int or None in 'uid', got {shown(uid)}")


def _spec(method: object) -> MethodSpec:
    """The spec of a trading method.

    Raises:
        InvalidRequest: it is no such method.
    """
    if isinstance(method, str):
        spec = None
        with contextlib.suppress(InvalidRequest):
            spec = method_spec(method)
        if spec is not None and spec.trading:
            return spec
    raise InvalidRequest(f"record: expected a method that trades in 'method', got {shown(method)}")
