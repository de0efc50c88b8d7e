"""Facts of the JSON API that no attribute of a schema has: the form of some results, and when a field appears.

SBE messages always have some fields that the JSON API shows only under a condition, and do not distinguish an explicit
null from a missing field. ``Schema.decode`` follows the documentation (web-socket-api.md and user-data-stream.md of
binance/binance-spot-api-docs, as of 2026-07-21). ``Schema.decode_native`` shows the message as it is. Elements are
named by their path in the message, without the JSON names of groups.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PLAIN", "Rule", "closing_values", "rule_for"]


@dataclass(frozen=True)
class Rule:
    """How an element appears in JSON, if its attributes do not say so.

    Attributes:
        path: its JSON path. "name.*" adds the keys of an embedded message to the object "name".
        null: whether null is shown as an explicit null.
        default: the value that null is shown as, like mbx:jsonDefaultValue.
        hidden: whether it is never shown.
        unless_zero: whether it is left out if it is 0 or false.
        only_with: the name of a field of the same block: if that one is null or false, this one is left out.
        single: whether a group with one entry is shown as that entry; with several entries it is shown as an array.
        omit_empty: whether a group without entries is left out.
        aside: whether it belongs to the frame around the message, and not to the message.
    """

    path: str | None = None
    null: bool = False
    default: str | None = None
    hidden: bool = False
    unless_zero: bool = False
    only_with: str | None = None
    single: bool = False
    omit_empty: bool = False
    aside: bool = False


PLAIN = Rule()

# By the name of a field, in whatever message it stands.
_FIELDS: Mapping[str, Rule] = {
    "orderCapacity": Rule(hidden=True),  # no JSON example has it
    "workingFloor": Rule(only_with="usedSor"),
    "usedSor": Rule(unless_zero=True),
    "preventedQuantity": Rule(unless_zero=True),  # "only if the order expired due to STP"
    "sbeSchemaIdVersionDeprecated": Rule(hidden=True),
}

_SHOWS_NULL = Rule(null=True)
_OF_FRAME = Rule(aside=True)

# Of an order whose result lists its executions.
_EXECUTED = {
    # a fill that is an allocation shows its matchType, and has no trade
    "fills.matchType": Rule(only_with="allocId"),
    "fills.tradeId": Rule(default="-1"),
    "preventedMatches": Rule(omit_empty=True),
}

# Of the orders of a list: a pending order whose quantity depends on the working order has none yet.
_UNKNOWN_YET = {"orderReports.origQty": Rule(unless_zero=True)}

_ELEMENTS: Mapping[str, Mapping[str, Rule]] = {
    "WebSocketResponse": {"rateLimits": Rule(omit_empty=True)},
    **{
        f"WebSocketSession{name}Response": {
            "authorizedSince": _SHOWS_NULL,
            "userDataStream": _SHOWS_NULL,
            "loggedOnApiKey": _SHOWS_NULL,
            "apiKey": _SHOWS_NULL,
        }
        for name in ("Logon", "Status", "Logout")
    },
    "WebSocketSessionSubscriptionsResponse": {"subscriptions": Rule(path="..")},
    "ErrorResponse": {
        "serverTime": Rule(path="data.serverTime"),
        "retryAfter": Rule(path="data.retryAfter"),
        "data": Rule(path="data.*"),
    },
    "ReferencePriceResponse": {"referencePrice": _SHOWS_NULL},
    "NewOrderFullResponse": _EXECUTED,
    "NewOrderListFullResponse": {f"orderReports.{path}": rule for path, rule in _EXECUTED.items()}
    | _UNKNOWN_YET,
    "NewOrderListResultResponse": _UNKNOWN_YET,
    "CancelOrderListResponse": _UNKNOWN_YET,
    "AccountResponse": {"reduceOnlyAssets": Rule(omit_empty=True)},  # no JSON example has it
    "CancelOpenOrdersResponse": {"responses.response": Rule(path="..")},
    "CancelReplaceOrderResponse": {"cancelResponse": _SHOWS_NULL, "newOrderResponse": _SHOWS_NULL},
    "OrderAmendKeepPriorityResponse": {
        "transactTime": PLAIN,
        "executionId": PLAIN,
        "listStatus": Rule(single=True),
        "relatedOrders": Rule(omit_empty=True),
    },
    "ExecutionReportEvent": {
        "commissionAsset": _SHOWS_NULL,
        "matchType": Rule(only_with="allocId"),
        "preventedQty": Rule(unless_zero=True),
    },
}

# Messages whose elements are in an object of this name, except for those in _ELEMENTS.
_WITHIN: Mapping[str, str] = {"OrderAmendKeepPriorityResponse": "amendedOrder"}

# Values that the JSON API adds at the end of a group's entries, by the group's path: klines have a twelfth column.
_CLOSING: Mapping[str, tuple[object, ...]] = {"KlinesResponse.klines": ("0",)}


def rule_for(schema_id: int, message: str, path: str, json_path: str) -> Rule:
    """The rule for an element.

    Args:
        schema_id: the id of the schema; there are rules only for the spot schema, 3.
        message: the name of the message.
        path: the names of its groups and its own name, joined by dots.
        json_path: its JSON path according to its attributes.
    """
    if schema_id != 3:
        return PLAIN
    name = path.rpartition(".")[2]
    if name == "subscriptionId" and message.endswith("Event") and "." not in path:
        return _OF_FRAME
    own = _ELEMENTS.get(message, {})
    rule = own.get(path) or _FIELDS.get(name, PLAIN)
    if message in _WITHIN and "." not in path and path not in own:
        return dataclasses.replace(rule, path=f"{_WITHIN[message]}.{rule.path or json_path}")
    return rule


def closing_values(schema_id: int, message: str, path: str) -> tuple[object, ...]:
    """The values that the JSON API adds at the end of a group's entries."""
    return _CLOSING.get(f"{message}.{path}", ()) if schema_id == 3 else ()
