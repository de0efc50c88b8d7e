"""fastws: the Binance Spot WebSocket API from Python, fast and dependable.

``connect()`` opens a client; its methods are those of the API, e.g. ``client.order_place(…)``. The errors that a
request can end in stand in ``fastws.errors``, and all of them here.
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import _guard, codes, sbe, types  # noqa: F401  # _guard refuses another picows before a compiled module is loaded
from ._native.calls import PreparedRequest
from ._native.clock import Clock
from ._native.json import loads
from ._native.views import View
from ._native.waiters import RequestInfo
from .api import connect
from .book_errors import BookNotLive, BookTooShallow
from .client import Client
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
    Halted,
    InvalidKey,
    InvalidRequest,
    JsonError,
    LocallyLimited,
    NotConnected,
    NotSent,
    PartialFailure,
    RateLimited,
    ReadOnly,
    RequestTimeout,
    SbeError,
    ServerError,
    SessionRevoked,
)
from .gaps import EventGap, Gap, GapOpen, Recovery, StreamGap
from .latency import Latency
from .options import Options
from .run import run
from .signing import KeyFileNotFound, KeyFileUnreadable, Signer, WrongKeyKind, WrongPassphrase, load_signer
from .streams import Subscription
from .trading.halt import HaltReport
from .trading.limits import RateLimit
from .trading.resolve import Executed, NeverExecuted, Rejected, StillOpen
from .trading.symbols import Symbol, UnknownSymbol
from .transport_info import TransportInfo

if TYPE_CHECKING:
    from .feeds.api import market_data
    from .feeds.book import Book
    from .feeds.market import MarketData
    from .feeds.options import MarketOptions
    from .feeds.subscription import MarketSubscription
    from .order_mirror import OrderMirror

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "BadRequest",
    "Banned",
    "Book",
    "BookNotLive",
    "BookTooShallow",
    "Client",
    "Clock",
    "ConnectionLost",
    "DecodeError",
    "EventGap",
    "EventOverflow",
    "Executed",
    "ExecutionUnknown",
    "FastwsError",
    "Forbidden",
    "Gap",
    "GapOpen",
    "HaltReport",
    "Halted",
    "InvalidKey",
    "InvalidRequest",
    "JsonError",
    "KeyFileNotFound",
    "KeyFileUnreadable",
    "Latency",
    "LocallyLimited",
    "MarketData",
    "MarketOptions",
    "MarketSubscription",
    "NeverExecuted",
    "NotConnected",
    "NotSent",
    "Options",
    "OrderMirror",
    "PartialFailure",
    "PreparedRequest",
    "RateLimit",
    "RateLimited",
    "ReadOnly",
    "Recovery",
    "Rejected",
    "RequestInfo",
    "RequestTimeout",
    "SbeError",
    "ServerError",
    "SessionRevoked",
    "Signer",
    "StillOpen",
    "StreamGap",
    "Subscription",
    "Symbol",
    "TransportInfo",
    "UnknownSymbol",
    "View",
    "WrongKeyKind",
    "WrongPassphrase",
    "codes",
    "connect",
    "load_signer",
    "loads",
    "market_data",
    "run",
    "sbe",
    "types",
]


_LATE = {
    "Book": ".feeds.book",
    "MarketData": ".feeds.market",
    "MarketOptions": ".feeds.options",
    "MarketSubscription": ".feeds.subscription",
    "OrderMirror": ".order_mirror",
    "market_data": ".feeds.api",
}


def __getattr__(name: str) -> Any:
    """Import at the first look what few programs use."""
    module = _LATE.get(name)
    if module is not None:
        globals()[name] = found = getattr(importlib.import_module(module, __name__), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
