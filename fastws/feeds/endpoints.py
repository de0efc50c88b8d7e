"""The addresses of market data streams: production, testnet, demo mode, market data only, or a URL.

Sources: web-socket-streams.md, sbe-market-data-streams.md, testnet/general-info.md, demo-mode/general-info.md and
faqs/market_data_only.md of Binance's documentation, as of 2026-07-21. The path is ``/stream``: there each event names
its stream, and two payloads of ``/ws`` do not say what they are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from .._common.shown import short, shown
from ..errors import InvalidRequest
from ..lifecycle.endpoints import Endpoint, Hosts, locate, time_unit_of

__all__ = ["resolve_feed"]

PATH = "/stream"
_ONLY = "market_data_only"

_JSON = Hosts(
    {
        "prod": ("stream.binance.com", (9443, 443)),
        "testnet": ("stream.testnet.binance.vision", (443, 9443)),
        "demo": ("demo-stream.binance.com", (443, 9443)),
        _ONLY: ("data-stream.binance.vision", (443, 9443)),
    },
    PATH,
    "market_data()",
    "market data",
)
_SBE = Hosts(
    {
        "prod": ("stream-sbe.binance.com", (443, 9443)),
        "testnet": ("stream-sbe.testnet.binance.vision", (443, 9443)),
        "demo": ("demo-stream-sbe.binance.com", (443, 9443)),
    },
    PATH,
    "market_data()",
    "the API key",
)


def resolve_feed(
    endpoint: str,
    *,
    sbe: bool,
    port: int | None = None,
    ports: Sequence[int] | None = None,
    time_unit: str = "ms",
    allow_plaintext: bool = False,
) -> Endpoint:
    """The address of market data streams.

    Args:
        endpoint: "prod", "testnet", "demo", "market_data_only" (JSON), or a URL with the path ``/stream`` or none.
        time_unit: "us" adds ``timeUnit=MICROSECOND`` in JSON; SBE always has microseconds.

    Raises:
        InvalidRequest: the endpoint is unknown or does not have the port, or the URL is malformed or names streams.
    """
    if sbe and endpoint == _ONLY:
        raise InvalidRequest(
            f'endpoint "{_ONLY}" has JSON only: give sbe=False, or one of {_SBE.choices} for SBE'
        )
    if time_unit not in ("ms", "us"):
        raise InvalidRequest(f'time_unit must be "ms" or "us", not {shown(time_unit)}')
    found = locate(
        _SBE if sbe else _JSON,
        endpoint,
        port,
        ports,
        lambda query: _query(query, time_unit, sbe),
        allow_plaintext=allow_plaintext,
    )
    path = urlsplit(found.url).path
    if path.rstrip("/").endswith("/stream"):
        return found
    raise InvalidRequest(
        f"the URL has the path {short(path)}, but fastws opens /stream, where each event names its stream:"
        " leave the path out"
    )


def _query(query: str, time_unit: str, sbe: bool) -> str:
    """``query`` with what the options add."""
    given = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in given]
    if "streams" in names:
        raise InvalidRequest("the URL names streams: leave them out, and call market.subscribe() with them")
    if "timeUnit" in names:
        if sbe or names.count("timeUnit") > 1:
            why = "SBE has microseconds, always" if sbe else "more than once"
            raise InvalidRequest(f"the URL has timeUnit: {why}; time_unit says what events show")
        unit = dict(given)["timeUnit"]
        if time_unit_of(unit) != time_unit:
            raise InvalidRequest(f'the URL says timeUnit={unit}, but time_unit is "{time_unit}"')
        return query
    # In milliseconds the parameter is left out: the documentation of streams names only MICROSECOND.
    added = ["timeUnit=MICROSECOND"] if time_unit == "us" and not sbe else []
    return "&".join([*([query] if query else []), *added])
