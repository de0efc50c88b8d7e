"""Error replies: Binance's codes and their messages, as errors.md lists them."""

from __future__ import annotations

from typing import Any

__all__ = ["BANNED", "MESSAGES", "Refusal", "filter_failure", "refuse"]

# The texts are those of errors.md; "%s" is a placeholder there, too. The three texts of -1135 that name a
# field, and the one of -4056, are not in errors.md: they were seen in replies of the exchange.
MESSAGES: dict[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1002: "You are not authorized to execute this request.",
    -1003: "Too much request weight used; current limit is %s request weight per %s. "
    "Please use WebSocket Streams for live updates to avoid polling the API.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1015: "Too many new orders; current limit is %s orders per %s.",
    -1020: "This operation is not supported.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1034: "Too many connection attempts from IP; current limit is %s per '%s'.",
    -1100: "Illegal characters found in parameter '%s'; legal range is '%s'.",
    -1101: "Duplicate values for a parameter detected.",
    -1102: "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
    -1104: "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    -1105: "Parameter '%s' was empty.",
    -1106: "Parameter '%s' sent when not required.",
    -1108: "Parameter '%s' overflowed.",
    -1111: "Parameter '%s' has too much precision.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid symbolStatus.",
    -1127: "More than %s hours between startTime and endTime.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '%s' is not valid.",
    -1134: "`strategyType` was less than 1000000.",
    -1135: "Invalid JSON Request",
    -1139: "Invalid ticker type.",
    -1145: "Invalid cancelRestrictions",
    -1151: "Symbol is present multiple times in the list.",
    -1153: "Invalid SBE schema ID or version specified.",
    -1155: "SBE is not enabled.",
    -1158: "Order type not supported in OCO.",
    -1160: "Parameter '%s' is not supported if `%s` is not GTC.",
    -1161: "Unable to encode the response in SBE schema '%s'. Please use schema '%s' or higher.",
    -1165: "A limit order in a buy OCO must be below.",
    -1166: "A limit order in a sell OCO must be above.",
    -1168: "At least one OCO order must be contingent.",
    -1191: "Too many subscriptions. Connection may create up to '%s' subscriptions at a time.",
    -1194: "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    -1196: "A stop loss order in a buy OCO must be above.",
    -1197: "A stop loss order in a sell OCO must be below.",
    -1198: "A take profit order in a buy OCO must be below.",
    -1199: "A take profit order in a sell OCO must be above.",
    -1210: "Invalid pegPriceType.",
    -1211: "Invalid pegOffsetType.",
    -1220: "The symbol's status does not match the requested symbolStatus.",
    -1222: "Working order in an OPO list must be a bid.",
    -1223: "Pending orders in an OPO list must be asks.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2016: "No trading window could be found for the symbol. Try ticker/24hrs instead.",
    -2021: "Order cancel-replace partially failed.",
    -2022: "Order cancel-replace failed.",
    -2026: "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
    -2035: "User Data Stream subscription already active.",
    -2036: "User Data Stream subscription not active.",
    -2038: "Unknown order sent.",
    -2039: "Client order ID is not correct for this order ID.",
    -2042: "Maximum subscription ID reached for this connection.",
    -2043: "This symbol doesn't have a reference price.",
    -4056: "%s API key is not supported.",
}


# Another text of -1003.
BANNED = (
    "Way too much request weight used; IP banned until %s. Please use WebSocket Streams for live updates to "
    "avoid bans."
)


class Refusal(Exception):
    """Raised when a request ends in an error reply.

    Attributes:
        status: the reply's ``status``, like an HTTP status.
        code: Binance's code, e.g. -1121.
        msg: Binance's text.
        data: the ``data`` of the error object, or None.
        null_id: whether the reply has ``"id": null`` instead of the request's id, and no rate limits.
    """

    def __init__(
        self, status: int, code: int, msg: str, data: dict[str, Any] | None = None, null_id: bool = False
    ) -> None:
        super().__init__(status, code, msg)
        self.status = status
        self.code = code
        self.msg = msg
        self.data = data
        self.null_id = null_id

    def brief(self) -> dict[str, Any]:
        """The error object without its data, as in a part of a cancel-replace."""
        return {"code": self.code, "msg": self.msg}

    def body(self) -> dict[str, Any]:
        """The whole error object of a reply."""
        body = self.brief()
        if self.data is not None:
            body["data"] = self.data
        return body


def refuse(
    code: int, *args: object, status: int = 400, msg: str | None = None, data: dict[str, Any] | None = None
) -> Refusal:
    """Make a Refusal. Its text is ``msg``, or the documented text of ``code``, formatted with ``args``."""
    text = MESSAGES[code] if msg is None else msg
    return Refusal(status, code, text % args if args else text, data)


def filter_failure(name: str, code: int = -1013) -> Refusal:
    """The refusal of an order by a filter (errors.md, Filter failures)."""
    return Refusal(400, code, f"Filter failure: {name}")
