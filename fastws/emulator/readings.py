"""What the documentation leaves open, and how this exchange reads it.

Client, exchange and tests are written from one documentation: where it says nothing, all three would agree
on a mistake. So every such reading stands here, to be compared with the real exchange.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["READINGS", "Reading", "table"]


class Reading(NamedTuple):
    """One reading.

    ``status`` is "inferred" where nothing is known; "seen" where replies of the real exchange show it,
    although no page says so; "contradicted" where two places of the documentation differ.
    """

    topic: str
    reading: str
    status: Literal["inferred", "seen", "contradicted"]


READINGS: tuple[Reading, ...] = (
    Reading(
        "id", "a text must match ^[a-zA-Z0-9-_]{1,36}$; else -1135, with a null id and no rate limits", "seen"
    ),
    Reading("params", "anything but an object or null is -1135 under the request's id", "seen"),
    Reading("unknown method", "-1020, also for documented methods that are not served yet", "inferred"),
    Reading(
        "types of values", "a number is taken where a text is documented, and the other way round", "inferred"
    ),
    Reading(
        "order of checks",
        "parameters, weight, key, timing, signature, permission; then the method",
        "inferred",
    ),
    Reading("no parameters expected", "-1101 where a method takes none, -1104 elsewhere", "seen"),
    Reading("malformed values", "-1100 with the legal range", "seen"),
    Reading("client order ids", "match ^[a-zA-Z0-9-_]{1,36}$", "inferred"),
    Reading("bad API key", "-2014 has status 401, as -2015", "inferred"),
    Reading("logon with another type of key", "-4056", "seen"),
    Reading("apiKey without signature", "-1102, also in a session that is logged on", "inferred"),
    Reading("revoked key", "found out by the next request that relies on the session's key", "inferred"),
    Reading("signature", "covers returnRateLimits; numbers as sent; lists as compact JSON", "inferred"),
    Reading("input timestamps", "microseconds from 10^14 on", "inferred"),
    Reading("weight of failures", "the documented weight; 1 where no method could be read", "inferred"),
    Reading("raw requests over the limit", "-1003 'Too many requests queued.' with retryAfter", "inferred"),
    Reading("too many connections", "the handshake is refused with HTTP 429 and -1034", "inferred"),
    Reading("times in error data", "follow the time unit of the connection", "inferred"),
    Reading(
        "unfilled order count", "grows when an order is passed to the engine; filters come first", "inferred"
    ),
    Reading("first fill as a maker", "takes 5 off the unfilled order count", "inferred"),
    Reading(
        "cancelReplace over the limit, canceled",
        "409, as text and example say; the table says 429",
        "contradicted",
    ),
    Reading(
        "cancelReplace over the limit, not canceled",
        "STOP_ON_FAILURE: 429 with -2022, as the table says",
        "contradicted",
    ),
    Reading(
        "cancelReplace and filters", "a filter that fails refuses the whole request with -1013", "inferred"
    ),
    Reading("status of -1007", "504, after 10 seconds; the order is executed all the same", "inferred"),
    Reading("cancel with an id that is open", "-2011 'Duplicate order sent.'", "inferred"),
    Reading("amending to what was filled", "the order expires with what it has traded", "inferred"),
    Reading("amendments of an order that expired by one", "listed as the others", "inferred"),
    Reading(
        "orders by time", "both ends belong to the span; the time is that of the order's making", "inferred"
    ),
    Reading("amending an unknown order", "-2038 'Unknown order sent.'", "inferred"),
    Reading(
        "quoteOrderQty",
        "taken level by level, never beyond the amount; origQty is what came of it",
        "inferred",
    ),
    Reading("FOK and self-trade prevention", "own orders do not count as liquidity", "inferred"),
    Reading("expiryReason", "shown in queries only", "inferred"),
    Reading("commission", "always in the asset that is received, cut to eight places", "inferred"),
    Reading(
        "SBE schemas that are refused", "-1153, also where id or version is missing or malformed", "inferred"
    ),
    Reading(
        "SBE schemas that are deprecated",
        "known at the handshake; a session keeps what it was told",
        "inferred",
    ),
    Reading("SBE switched off", "every request is -1155 under its id, at its documented weight", "inferred"),
    Reading(
        "decimals in SBE",
        "as many places as the JSON text has; one exponent for all that share it",
        "inferred",
    ),
    Reading("SBE fields that JSON shows conditionally", "PRINCIPAL, EXCHANGE, AUTO_MATCH, 0, false", "seen"),
    Reading("prices in SBE where there are none yet", "null for what JSON shows as 0", "inferred"),
    Reading(
        "subscriptionId in SBE events",
        "the number; null in anonymised captures, see Emulator.sbe",
        "inferred",
    ),
    Reading("serverShutdown in SBE sessions", "610 in 3:5, whatever version was asked for", "inferred"),
    Reading("depth beyond 5000 levels", "cut to 5000, as in the REST API", "inferred"),
)


def table() -> str:
    """All readings, a line each."""
    width = max(len(reading.topic) for reading in READINGS)
    return "\n".join(f"{r.topic:<{width}}  {r.status:<12}  {r.reading}" for r in READINGS)
