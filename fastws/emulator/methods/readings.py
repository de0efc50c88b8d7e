"""How this exchange reads the documentation where it is silent or unclear.

The client, the exchange and the tests are written from the same documentation, so all three can share a mistake.
Therefore this list has every such reading, to be compared with the real exchange. ``python -m fastws verify`` tests
some of them there; ``observations.py`` reads what it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from .observations import RECORD, Observation, load

__all__ = ["READINGS", "Reading", "markdown", "observations", "table"]


class Reading(NamedTuple):
    """One reading.

    ``status`` is "inferred" if it is an assumption; "seen" if replies of the real exchange show it, although no page
    says so; "contradicted" if two places of the documentation differ.
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
        "types of values",
        "a number is accepted where a text is documented, and a text for a number",
        "inferred",
    ),
    Reading(
        "order of checks",
        "parameters, weight, key, timing, signature, permission; then the method",
        "inferred",
    ),
    Reading("unknown parameters", "-1101 where a method takes none, -1104 elsewhere", "seen"),
    Reading("malformed values", "-1100 with the legal range", "seen"),
    Reading("client order ids", "match ^[a-zA-Z0-9-_]{1,36}$", "inferred"),
    Reading("bad API key", "-2014 has status 401, as -2015", "inferred"),
    Reading("logon with another type of key", "-4056", "seen"),
    Reading("apiKey without signature", "-1102, also on a connection that is logged on", "inferred"),
    Reading("revoked key", "detected by the next request that uses the connection's logon", "inferred"),
    Reading("signature", "covers returnRateLimits; numbers as sent; lists as compact JSON", "inferred"),
    Reading("input timestamps", "microseconds from 10^14 on", "inferred"),
    Reading("weight of failures", "the documented weight; 1 where no method could be read", "inferred"),
    Reading("raw requests over the limit", "-1003 'Too many requests queued.' with retryAfter", "inferred"),
    Reading("too many connections", "the handshake is refused with HTTP 429 and -1034", "inferred"),
    Reading("times in error data", "follow the time unit of the connection", "inferred"),
    Reading(
        "unfilled order count", "grows when an order is passed to the engine; filters come first", "inferred"
    ),
    Reading("first fill as a maker", "reduces the unfilled order count by 5", "inferred"),
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
    Reading("status of -1007", "504, after 10 seconds; the order is executed nevertheless", "inferred"),
    Reading("cancel with an id that is open", "-2011 'Duplicate order sent.'", "inferred"),
    Reading("amending to the filled quantity", "the order expires with its filled quantity", "inferred"),
    Reading("amendments that made an order expire", "listed like all others", "inferred"),
    Reading(
        "time ranges",
        "include both ends; an end in milliseconds includes that whole millisecond; empty if it is before the start",
        "inferred",
    ),
    Reading("archived orders", "order.status says -2026, allOrders leaves them out", "inferred"),
    Reading("amending an unknown order", "-2038 'Unknown order sent.'", "inferred"),
    Reading(
        "filters of cancel-replace and of amendments",
        "checked with all current orders, including the old one",
        "inferred",
    ),
    Reading(
        "quoteOrderQty",
        "filled level by level, never above the amount; origQty is the resulting quantity",
        "inferred",
    ),
    Reading("FOK and self-trade prevention", "own orders do not count as liquidity", "inferred"),
    Reading("commission", "one sum of all rates, truncated to eight places", "inferred"),
    Reading(
        "commission in BNB",
        "at the last price of a market of the asset and BNB; without such a market, paid in the asset",
        "inferred",
    ),
    Reading(
        "discount of commissions",
        "the standard commission is multiplied by it, as in the example; the text says 'reduced by'",
        "contradicted",
    ),
    Reading(
        "refusals before the engine",
        "-1013, also for 'Market is closed.' and '... orders are not supported for this symbol.'",
        "seen",
    ),
    Reading(
        "icebergQty",
        "also accepted by STOP_LOSS_LIMIT and TAKE_PROFIT_LIMIT, as in the REST API",
        "contradicted",
    ),
    Reading(
        "stop orders", "trigger after the command that reached their price, best price first", "inferred"
    ),
    Reading("stop orders that trigger", "are reported as NEW a second time, now on the book", "inferred"),
    Reading(
        "stop orders that buy at the market",
        "lock funds at the stop price, or at the last price; the rest when they trigger",
        "inferred",
    ),
    Reading("MARKET_LOT_SIZE", "also for STOP_LOSS and TAKE_PROFIT", "inferred"),
    Reading(
        "pegged orders",
        "keep the price at which they entered the book, as FIX's PegMoveType must be",
        "inferred",
    ),
    Reading("price of a pegged order", "the worst price that it accepts", "inferred"),
    Reading("pegOffsetValue over 100", "-1130", "inferred"),
    Reading("icebergs and self-trade prevention", "DECREMENT counts the visible part", "inferred"),
    Reading(
        "makerSymbol of prevented matches", "in placements, too, as in the newest example", "contradicted"
    ),
    Reading("order lists by id", "of a pair, the stop loss comes first", "seen"),
    Reading("newOrderRespType of order lists", "FULL, also for the newer methods", "seen"),
    Reading("pending orders", "lock nothing; their funds are checked when they are placed", "inferred"),
    Reading(
        "a pair that cannot be placed",
        "the stop loss is REJECTED, the other order has OCO_TRIGGER",
        "inferred",
    ),
    Reading("prices of an OCO", "TAKE_PROFIT BUY below the last price, as its code says", "contradicted"),
    Reading("prices of a pending pair", "compared with the last price when it is placed", "inferred"),
    Reading("limit order below in an OTOCO that sells", "-1166, although an example has it", "contradicted"),
    Reading(
        "unfilled order count of orderList.place", "1, as the text says; an example has 2", "contradicted"
    ),
    Reading(
        "client order id of a canceled order",
        "a new one, the request's or one that the exchange makes; order.status by the old one is -2013",
        "seen",
    ),
    Reading(
        "client order id of an amended order",
        "a new one, the request's or one that the exchange makes",
        "inferred",
    ),
    Reading("canceled orders of a list", "all take newClientOrderId of order.cancel", "seen"),
    Reading("orderList.cancel", "the list takes newClientOrderId, its orders keep theirs", "seen"),
    Reading(
        "listStatus events",
        "sent at the placement, when a client order id changes, and at the end",
        "inferred",
    ),
    Reading("sequence of events", "executionReport, listStatus, then outboundAccountPosition", "seen"),
    Reading("deposits", "outboundAccountPosition, then balanceUpdate", "inferred"),
    Reading(
        "w in executionReport", "a market order is on the book when it is NEW, not when it trades", "seen"
    ),
    Reading("rejected replacements", "executionReport REJECTED with i = -1", "inferred"),
    Reading(
        "SOR", "fills from the order's own book are allocations, too, as in the examples", "contradicted"
    ),
    Reading(
        "SOR and self-trade prevention", "none: allocations come from the exchange's account", "inferred"
    ),
    Reading("orderList.status of an unknown list", "-2013", "inferred"),
    Reading(
        "SBE schemas that are refused", "-1153, also where id or version is missing or malformed", "inferred"
    ),
    Reading(
        "SBE schemas that are deprecated",
        "determined at the handshake, for the whole connection",
        "inferred",
    ),
    Reading("SBE switched off", "every request is -1155 under its id, at its documented weight", "inferred"),
    Reading(
        "decimals in SBE",
        "as many places as the JSON text has; one exponent for all fields that share it",
        "inferred",
    ),
    Reading("SBE fields that JSON shows conditionally", "PRINCIPAL, EXCHANGE, AUTO_MATCH, 0, false", "seen"),
    Reading("prices in SBE where there are none yet", "null for what JSON shows as 0", "inferred"),
    Reading(
        "subscriptionId in SBE events",
        "the number; null in anonymised captures, see Emulator.sbe",
        "inferred",
    ),
    Reading("serverShutdown in SBE", "610 in 3:5, for any requested version", "inferred"),
    # Logons and user data streams
    Reading(
        "subscribing without a logon", "401 with -2015, as without the permission USER_STREAM", "inferred"
    ),
    Reading("more than 1000 subscriptions", "-1191; ids go from 0 to 65534, then -2042", "inferred"),
    Reading("unsubscribing without a subscription", "-2036, also when unsubscribing from all", "inferred"),
    Reading(
        "a second logon", "the subscription of the first logon stays, and ends with the logout", "inferred"
    ),
    Reading(
        "subscriptions of a revoked key",
        "a signed one ends at once; the other one ends with the logon",
        "inferred",
    ),
    Reading(
        "eventStreamTerminated", "sent after the reply, behind all events of its subscription", "inferred"
    ),
    Reading(
        "events of a subscription",
        "exactly those of what happens after it took effect, until its end",
        "inferred",
    ),
    Reading("subscriptions of two connections", "may be to one account at the same time", "inferred"),
    Reading("events on two connections", "have the same values in all fields, perhaps except E", "inferred"),
    Reading("order of events on two connections", "the same", "inferred"),
    Reading("subscribing in an SBE schema that is too old", "-1161", "inferred"),
    Reading("user data streams that are not available", "subscribing is -1020", "inferred"),
    Reading(
        "order of replies and events",
        "requests of one connection take effect in their order; nothing else is guaranteed",
        "inferred",
    ),
    Reading("an order that order.status does not see yet", "-2013", "inferred"),
    # Limits and connections
    Reading(
        "when an address is banned",
        "after 100 requests or handshakes that were refused with 429 within a minute",
        "inferred",
    ),
    Reading(
        "length of bans",
        "2 minutes, then twice the previous one, up to 3 days; reset after 3 days without a ban",
        "inferred",
    ),
    Reading(
        "requests of a banned address", "418 under their id, then its connections are closed", "inferred"
    ),
    Reading("handshakes of a banned address", "HTTP 418 with the error as JSON and Retry-After", "inferred"),
    Reading("what looks like SQL", "403 with -1002 for a request, HTTP 403 for a URL; weight 1", "inferred"),
    Reading("close codes", "1008 after 24 hours, without a pong, and at a ban", "inferred"),
    Reading("end after serverShutdown", "a close frame with 1001, some time after it", "inferred"),
    Reading("ping payloads", "the time in milliseconds, as digits", "inferred"),
    Reading("lag of allOrders", "4 seconds at most, as connect(database_lag=4.0) assumes", "inferred"),
    Reading("depth beyond 5000 levels", "limited to 5000, as in the REST API", "inferred"),
    Reading("other limits above their maximum", "reduced to it", "inferred"),
    Reading("malformed timeZone or windowSize", "-1130, also if out of range", "inferred"),
    Reading("unknown permissions", "-1130", "inferred"),
    Reading("more than 200 symbols in a ticker", "-1101 with both numbers", "inferred"),
    Reading("aggregate trades", "numbered from 0; one taker, price and microsecond each", "inferred"),
    Reading("klines of a time range", "those that begin in it; never before the first trade", "inferred"),
    Reading(
        "a symbol in CANCEL_ONLY",
        "placements are -1013 'Market is closed.'; no kline begins in that time; everything else works",
        "inferred",
    ),
    Reading("klines without a trade", "shown, at the previous price, with zeros", "inferred"),
    Reading("uiKlines", "the same as klines", "inferred"),
    Reading("klines of 3 days and of a week", "3d from 1970-01-01 on; weeks begin on Mondays", "inferred"),
    Reading("ticker.24hr without a trade", "0, trade ids -1, lastPrice of the last trade ever", "inferred"),
    Reading("prevClosePrice", "the price of the last trade before the window, else 0", "inferred"),
    Reading("ticker without a trade", "as ticker.24hr; -2016 if the symbol never traded", "inferred"),
    Reading(
        "avgPrice", "weighted by quantity; the last price if nothing was traded in its minutes", "inferred"
    ),
    Reading("closeTime of avgPrice", "-1 if the symbol never traded", "inferred"),
    Reading("a mean reference price without trades", "null", "inferred"),
    Reading("symbols of executionRules", "a JSON array, as in other methods", "inferred"),
    Reading("executionRules of a symbol without rules", "listed, with an empty array", "inferred"),
    Reading("time unit of streams", "timeUnit other than microseconds is ignored", "inferred"),
    Reading(
        "length of a stream's URL",
        "not limited; more than 1024 streams in it are refused with HTTP 400",
        "inferred",
    ),
    Reading("SBE streams without a key", "HTTP 400 with the text 'No X-MBX-APIKEY header'", "seen"),
    Reading(
        "SBE streams with another key",
        "HTTP 400, also for a key that is unknown, revoked, HMAC or RSA",
        "inferred",
    ),
    Reading("combined in SBE", "is kept and changes nothing", "inferred"),
    Reading("more than 5 messages in a second", "a close frame with 1008 'Too many requests'", "seen"),
    Reading(
        "too many attempts to connect to streams", "HTTP 429; counted for each service alone", "inferred"
    ),
    Reading("more than 1024 streams", "code 4, 'Too many subscriptions'; the request has no effect", "seen"),
    Reading("size of a control request", "not limited, but for the size of a message", "inferred"),
    Reading("serverShutdown of streams", "sent without a subscription", "inferred"),
    Reading(
        "form of errors of control requests",
        "with the id if the request had a valid one; nested as an option",
        "seen",
    ),
    Reading("params of SUBSCRIBE that are no list of names", "code 2", "inferred"),
    Reading("unknown keys of a control request", "code 2, 'too many parameters'", "inferred"),
    Reading("names of no stream", "subscribed with success; nothing is sent", "inferred"),
    Reading(
        "case of stream names", "ASCII letters are lower-case; other letters stay as they are", "inferred"
    ),
    Reading("reply to SUBSCRIBE", "comes before the first event, unless a fault delays it", "inferred"),
    Reading("ids of streams in JSON and SBE", "the same numbers, also as lastUpdateId of depth", "inferred"),
    Reading("diffs on two connections", "of one stream are cut at the same ids", "inferred"),
    Reading("diffs without a changed level", "sent with empty lists if the update id has risen", "inferred"),
    Reading("partial depth without a change", "not sent again, except when somebody subscribes", "inferred"),
    Reading(
        "arrays of tickers",
        "the symbols that have traded since the last array; none without a trade",
        "inferred",
    ),
    Reading(
        "trades in one SBE message", "consecutive trades of one taker's side and one microsecond", "inferred"
    ),
    Reading("exponents of SBE streams", "-8", "inferred"),
    Reading(
        "bestBidAsk that is culled",
        "while the client reads too slowly, only the newest of each symbol is kept",
        "inferred",
    ),
    Reading("types of rolling window tickers", "1hTicker, 4hTicker and 1dTicker", "inferred"),
    Reading("referencePrice stream", "r is null for a symbol that has no reference price", "inferred"),
    Reading(
        "kline streams", "sent with each period also without a trade; once with x true at the end", "inferred"
    ),
)


def observations(path: Path = RECORD) -> Mapping[str, Observation]:
    """What was observed of the readings, by their topics: by the record of this package, or by another one.

    Raises:
        RecordError: the file is no record of these readings.
    """
    return load(path, frozenset(reading.topic for reading in READINGS))


def _shown(observed: Mapping[str, Observation]) -> list[tuple[str, str, str]]:
    """The topic, the reading and the status of each reading; of one that is refuted, also what was observed."""
    rows = []
    for topic, reading, status in READINGS:
        found = observed.get(topic)
        if found is not None and found.verdict == "refuted":
            reading += f"; but {found.text}"
        rows.append((topic, reading, str(found or status)))
    return rows


def markdown() -> str:
    """All readings as a table of README.md, by their topics."""
    rows = [
        f"| {_cell(topic)} | {_cell(text)} | {status} |" for topic, text, status in _shown(observations())
    ]
    return "\n".join(
        ["| where it is silent or unclear | our reading | status |", "| --- | --- | --- |", *rows]
    )


def _cell(text: str) -> str:
    """A text as a cell of a table; words that look like expressions are marked as code."""
    return " ".join(
        f"`{word.rstrip(';')}`{';' if word.endswith(';') else ''}" if "^" in word or "_" in word else word
        for word in text.split(" ")
    )


def table(path: Path = RECORD) -> str:
    """All readings as text, one per line, with what a record has of them.

    Raises:
        RecordError: the file is no record of these readings.
    """
    rows = _shown(observations(path))
    topics, statuses = (max(len(row[column]) for row in rows) for column in (0, 2))
    return "\n".join(f"{topic:<{topics}}  {status:<{statuses}}  {text}" for topic, text, status in rows)
