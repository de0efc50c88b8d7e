"""ping, time, exchangeInfo."""

from __future__ import annotations

from typing import Any

from ..exchange.state import Exchange
from ..matching.sor import configurations
from ..values.errors import refuse
from ..values.symbols import Symbol
from .request import Request

__all__ = ["exchange_info", "ping", "time"]

# Without the parameter permissions, exchangeInfo shows symbols with one of these.
_SHOWN_PERMISSIONS = ("SPOT", "MARGIN", "LEVERAGED")


def ping(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Test connectivity."""
    return {}


def time(exchange: Exchange, request: Request) -> dict[str, Any]:
    """The exchange's time."""
    return {"serverTime": request.now_us // request.connection.time_divisor}


def exchange_info(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Trading rules and symbols."""
    values = request.values
    if sum(name in values for name in ("symbol", "symbols", "permissions")) > 1:
        raise refuse(-1128)
    symbols = [book.symbol for book in exchange.engine.books.values()]
    if "symbol" in values or "symbols" in values:
        if "symbolStatus" in values:
            raise refuse(-1128)
        names = values["symbols"] if "symbols" in values else [values["symbol"]]
        symbols = [exchange.book(name).symbol for name in names]
    else:
        wanted = values.get("permissions", _SHOWN_PERMISSIONS)
        symbols = [s for s in symbols if not _permissions(s).isdisjoint(wanted)]
    status = values.get("symbolStatus")
    permission_sets = values.get("showPermissionSets", True)
    info = {
        "timezone": "UTC",
        "serverTime": request.now_us // request.connection.time_divisor,
        "rateLimits": exchange.limits.info(),
        "exchangeFilters": exchange.filters.rows(),
        "symbols": [s.info(permission_sets) for s in symbols if status in (None, s.status)],
    }
    sors = configurations(exchange.engine)
    if sors:
        info["sors"] = sors
    return info


def _permissions(symbol: Symbol) -> set[str]:
    """All permissions in the symbol's sets."""
    return {name for names in symbol.info(True)["permissionSets"] for name in names}
