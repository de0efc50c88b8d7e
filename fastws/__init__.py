"""fastws: the Binance Spot WebSocket API from Python, fast and dependable.

``connect()`` opens a client; its methods are those of the API, e.g. ``client.order_place(…)``. The errors that a
request can end in stand in ``fastws.errors``, and all of them here.
"""

from . import _guard, codes, sbe  # noqa: F401  # _guard refuses another picows before a compiled module is loaded
from ._json import loads
from ._views import View
from ._waiters import RequestInfo
from .client import Client, connect
from .errors import (
    ApiError,
    BadRequest,
    Banned,
    ConnectionLost,
    DecodeError,
    EventOverflow,
    ExecutionUnknown,
    FastwsError,
    Forbidden,
    InvalidKey,
    InvalidRequest,
    JsonError,
    NotConnected,
    NotSent,
    PartialFailure,
    RateLimited,
    RequestTimeout,
    SbeError,
    ServerError,
    SessionRevoked,
)
from .resolve import Executed, NeverExecuted, Rejected, StillOpen
from .run import run
from .signing import KeyFileNotFound, KeyFileUnreadable, Signer, WrongKeyKind, WrongPassphrase, load_signer
from .streams import Subscription

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "BadRequest",
    "Banned",
    "Client",
    "ConnectionLost",
    "DecodeError",
    "EventOverflow",
    "Executed",
    "ExecutionUnknown",
    "FastwsError",
    "Forbidden",
    "InvalidKey",
    "InvalidRequest",
    "JsonError",
    "KeyFileNotFound",
    "KeyFileUnreadable",
    "NeverExecuted",
    "NotConnected",
    "NotSent",
    "PartialFailure",
    "RateLimited",
    "Rejected",
    "RequestInfo",
    "RequestTimeout",
    "SbeError",
    "ServerError",
    "SessionRevoked",
    "Signer",
    "StillOpen",
    "Subscription",
    "View",
    "WrongKeyKind",
    "WrongPassphrase",
    "codes",
    "connect",
    "load_signer",
    "loads",
    "run",
    "sbe",
]
