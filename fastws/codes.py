"""The exchange's error codes, by name: ``fastws.codes.BAD_SYMBOL`` is -1121.

    except fastws.ApiError as error:
        if error.code == fastws.codes.NO_SUCH_ORDER: ...

``name(code)`` gives the name, ``text(code)`` what errors.md says of it, in which %s stands for what varies. Names are
those of errors.md of binance/binance-spot-api-docs, as of 2026-07-21, with these exceptions: -2021 and -2022 have a
sentence for a name there; -1010 and -2038 stand in the heading of a table there, without an own section; BAD_API_ID, which
the exchange sends, is missing there; and INVALID_SYMBOL is another name of BAD_SYMBOL, since everybody looks for it.
"""

from __future__ import annotations

UNKNOWN = -1000
DISCONNECTED = -1001
UNAUTHORIZED = -1002
TOO_MANY_REQUESTS = -1003
UNEXPECTED_RESP = -1006
TIMEOUT = -1007
SERVER_BUSY = -1008
ERROR_MSG_RECEIVED = -1010
INVALID_MESSAGE = -1013
UNKNOWN_ORDER_COMPOSITION = -1014
TOO_MANY_ORDERS = -1015
SERVICE_SHUTTING_DOWN = -1016
UNSUPPORTED_OPERATION = -1020
INVALID_TIMESTAMP = -1021
INVALID_SIGNATURE = -1022
COMP_ID_IN_USE = -1033
TOO_MANY_CONNECTIONS = -1034
LOGGED_OUT = -1035
ILLEGAL_CHARS = -1100
TOO_MANY_PARAMETERS = -1101
MANDATORY_PARAM_EMPTY_OR_MALFORMED = -1102
UNKNOWN_PARAM = -1103
UNREAD_PARAMETERS = -1104
PARAM_EMPTY = -1105
PARAM_NOT_REQUIRED = -1106
PARAM_OVERFLOW = -1108
BAD_PRECISION = -1111
NO_DEPTH = -1112
TIF_NOT_REQUIRED = -1114
INVALID_TIF = -1115
INVALID_ORDER_TYPE = -1116
INVALID_SIDE = -1117
EMPTY_NEW_CL_ORD_ID = -1118
EMPTY_ORG_CL_ORD_ID = -1119
BAD_INTERVAL = -1120
BAD_SYMBOL = -1121
INVALID_SYMBOLSTATUS = -1122
INVALID_LISTEN_KEY = -1125
MORE_THAN_XX_HOURS = -1127
OPTIONAL_PARAMS_BAD_COMBO = -1128
INVALID_PARAMETER = -1130
BAD_STRATEGY_TYPE = -1134
INVALID_JSON = -1135
INVALID_TICKER_TYPE = -1139
INVALID_CANCEL_RESTRICTIONS = -1145
DUPLICATE_SYMBOLS = -1151
INVALID_SBE_HEADER = -1152
UNSUPPORTED_SCHEMA_ID = -1153
SBE_DISABLED = -1155
OCO_ORDER_TYPE_REJECTED = -1158
OCO_ICEBERGQTY_TIMEINFORCE = -1160
DEPRECATED_SCHEMA = -1161
BUY_OCO_LIMIT_MUST_BE_BELOW = -1165
SELL_OCO_LIMIT_MUST_BE_ABOVE = -1166
BOTH_OCO_ORDERS_CANNOT_BE_LIMIT = -1168
INVALID_TAG_NUMBER = -1169
TAG_NOT_DEFINED_IN_MESSAGE = -1170
TAG_APPEARS_MORE_THAN_ONCE = -1171
TAG_OUT_OF_ORDER = -1172
GROUP_FIELDS_OUT_OF_ORDER = -1173
INVALID_COMPONENT = -1174
RESET_SEQ_NUM_SUPPORT = -1175
ALREADY_LOGGED_IN = -1176
GARBLED_MESSAGE = -1177
BAD_SENDER_COMPID = -1178
BAD_SEQ_NUM = -1179
EXPECTED_LOGON = -1180
TOO_MANY_MESSAGES = -1181
PARAMS_BAD_COMBO = -1182
NOT_ALLOWED_IN_DROP_COPY_SESSIONS = -1183
DROP_COPY_SESSION_NOT_ALLOWED = -1184
DROP_COPY_SESSION_REQUIRED = -1185
NOT_ALLOWED_IN_ORDER_ENTRY_SESSIONS = -1186
NOT_ALLOWED_IN_MARKET_DATA_SESSIONS = -1187
INCORRECT_NUM_IN_GROUP_COUNT = -1188
DUPLICATE_ENTRIES_IN_A_GROUP = -1189
INVALID_REQUEST_ID = -1190
TOO_MANY_SUBSCRIPTIONS = -1191
INVALID_TIME_UNIT = -1194
BUY_OCO_STOP_LOSS_MUST_BE_ABOVE = -1196
SELL_OCO_STOP_LOSS_MUST_BE_BELOW = -1197
BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW = -1198
SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE = -1199
INVALID_PEG_PRICE_TYPE = -1210
INVALID_PEG_OFFSET_TYPE = -1211
SYMBOL_DOES_NOT_MATCH_STATUS = -1220
INVALID_SBE_MESSAGE_FIELD = -1221
OPO_WORKING_MUST_BE_BUY = -1222
OPO_PENDING_MUST_BE_SELL = -1223
WORKING_PARAM_REQUIRED = -1224
PENDING_PARAM_NOT_REQUIRED = -1225
NEW_ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
BAD_API_ID = -2008
NO_SUCH_ORDER = -2013
BAD_API_KEY_FMT = -2014
REJECTED_MBX_KEY = -2015
NO_TRADING_WINDOW = -2016
CANCEL_REPLACE_PARTIALLY_FAILED = -2021
CANCEL_REPLACE_FAILED = -2022
ORDER_ARCHIVED = -2026
SUBSCRIPTION_ACTIVE = -2035
SUBSCRIPTION_INACTIVE = -2036
ORDER_AMEND_REJECTED = -2038
CLIENT_ORDER_ID_INVALID = -2039
MAXIMUM_SUBSCRIPTION_IDS = -2042
NO_REFERENCE_PRICE = -2043

# Another name.
INVALID_SYMBOL = BAD_SYMBOL

_TEXTS: dict[int, tuple[str, ...]] = {
    UNKNOWN: ("An unknown error occurred while processing the request.",),
    DISCONNECTED: ("Internal error; unable to process your request. Please try again.",),
    UNAUTHORIZED: ("You are not authorized to execute this request.",),
    TOO_MANY_REQUESTS: (
        "Too many requests queued.",
        "Too much request weight used; current limit is %s request weight per %s. Please use WebSocket Streams for live updates to avoid polling the API.",
        "Way too much request weight used; IP banned until %s. Please use WebSocket Streams for live updates to avoid bans.",
    ),
    UNEXPECTED_RESP: ("An unexpected response was received from the message bus. Execution status unknown.",),
    TIMEOUT: (
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    SERVER_BUSY: ("Server is currently overloaded with other requests. Please try again in a few minutes.",),
    ERROR_MSG_RECEIVED: ("An error has been returned by the matching engine.",),
    INVALID_MESSAGE: (
        "The request is rejected by the API. (i.e. The request didn't reach the Matching Engine.)",
        "Potential error messages can be found in [Filter Failures](#filter-failures) or [Failures during order placement](#other-errors).",
    ),
    UNKNOWN_ORDER_COMPOSITION: ("Unsupported order combination.",),
    TOO_MANY_ORDERS: (
        "Too many new orders.",
        "Too many new orders; current limit is %s orders per %s.",
    ),
    SERVICE_SHUTTING_DOWN: ("This service is no longer available.",),
    UNSUPPORTED_OPERATION: ("This operation is not supported.",),
    INVALID_TIMESTAMP: (
        "Timestamp for this request is outside of the recvWindow.",
        "Timestamp for this request was 1000ms ahead of the server's time.",
    ),
    INVALID_SIGNATURE: ("Signature for this request is not valid.",),
    COMP_ID_IN_USE: (
        "`SenderCompId(49)` is currently in use. Concurrent use of the same SenderCompId within one account is not allowed.",
    ),
    TOO_MANY_CONNECTIONS: (
        "Too many concurrent connections; current limit is '%s'.",
        "Too many connection attempts for account; current limit is %s per '%s'.",
        "Too many connection attempts from IP; current limit is %s per '%s'.",
    ),
    LOGGED_OUT: ("Please send [Logout`<5>`](fix-api.md#logout) message to close the session.",),
    ILLEGAL_CHARS: (
        "Illegal characters found in a parameter.",
        "Illegal characters found in parameter '%s'; legal range is '%s'.",
    ),
    TOO_MANY_PARAMETERS: (
        "Too many parameters sent for this endpoint.",
        "Too many parameters; expected '%s' and received '%s'.",
        "Duplicate values for a parameter detected.",
    ),
    MANDATORY_PARAM_EMPTY_OR_MALFORMED: (
        "A mandatory parameter was not sent, was empty/null, or malformed.",
        "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
        "Param '%s' or '%s' must be sent, but both were empty/null!",
        "Required tag '%s' missing.",
        "Field value was empty or malformed.",
        "'%s' contains unexpected value. Cannot be greater than %s.",
    ),
    UNKNOWN_PARAM: (
        "An unknown parameter was sent.",
        "Undefined Tag.",
    ),
    UNREAD_PARAMETERS: (
        "Not all sent parameters were read.",
        "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    ),
    PARAM_EMPTY: (
        "A parameter was empty.",
        "Parameter '%s' was empty.",
    ),
    PARAM_NOT_REQUIRED: (
        "A parameter was sent when not required.",
        "Parameter '%s' sent when not required.",
        "A tag '%s' was sent when not required.",
    ),
    PARAM_OVERFLOW: ("Parameter '%s' overflowed.",),
    BAD_PRECISION: ("Parameter '%s' has too much precision.",),
    NO_DEPTH: ("No orders on book for symbol.",),
    TIF_NOT_REQUIRED: ("TimeInForce parameter sent when not required.",),
    INVALID_TIF: ("Invalid timeInForce.",),
    INVALID_ORDER_TYPE: ("Invalid orderType.",),
    INVALID_SIDE: ("Invalid side.",),
    EMPTY_NEW_CL_ORD_ID: ("New client order ID was empty.",),
    EMPTY_ORG_CL_ORD_ID: ("Original client order ID was empty.",),
    BAD_INTERVAL: ("Invalid interval.",),
    BAD_SYMBOL: ("Invalid symbol.",),
    INVALID_SYMBOLSTATUS: ("Invalid symbolStatus.",),
    INVALID_LISTEN_KEY: ("This listenKey does not exist.",),
    MORE_THAN_XX_HOURS: (
        "Lookup interval is too big.",
        "More than %s hours between startTime and endTime.",
    ),
    OPTIONAL_PARAMS_BAD_COMBO: (
        "Combination of optional parameters invalid.",
        "Combination of optional fields invalid. Recommendation: '%s' and '%s' must both be sent.",
        "Fields [%s] must be sent together or omitted entirely.",
        "Invalid `MDEntryType (269)` combination. BID and OFFER must be requested together.",
        "Conflicting fields: ['%s'...]",
    ),
    INVALID_PARAMETER: (
        "Invalid data sent for a parameter.",
        "Data sent for parameter '%s' is not valid.",
    ),
    BAD_STRATEGY_TYPE: (
        "`strategyType` was less than 1000000.",
        "`TargetStrategy (847)` was less than 1000000.",
    ),
    INVALID_JSON: (
        "Invalid JSON Request",
        "JSON sent for parameter '%s' is not valid",
    ),
    INVALID_TICKER_TYPE: ("Invalid ticker type.",),
    INVALID_CANCEL_RESTRICTIONS: (
        "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.",
    ),
    DUPLICATE_SYMBOLS: ("Symbol is present multiple times in the list.",),
    INVALID_SBE_HEADER: (
        "Invalid `X-MBX-SBE` header; expected `<SCHEMA_ID>:<VERSION>`.",
        "Invalid SBE message header.",
    ),
    UNSUPPORTED_SCHEMA_ID: (
        "Unsupported SBE schema ID or version specified in the `X-MBX-SBE` header.",
        "Invalid SBE schema ID or version specified.",
    ),
    SBE_DISABLED: ("SBE is not enabled.",),
    OCO_ORDER_TYPE_REJECTED: (
        "Order type not supported in OCO.",
        "If the order type provided in the `aboveType` and/or `belowType` is not supported.",
    ),
    OCO_ICEBERGQTY_TIMEINFORCE: (
        "Parameter '%s' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.",
        "If the order type for the above or below leg is `STOP_LOSS_LIMIT`, and `icebergQty` is provided for that leg, the `timeInForce` has to be `GTC` else it will throw an error.",
        "`TimeInForce (59)` must be `GTC (1)` when `MaxFloor (111)` is used.",
    ),
    DEPRECATED_SCHEMA: ("Unable to encode the response in SBE schema 'x'. Please use schema 'y' or higher.",),
    BUY_OCO_LIMIT_MUST_BE_BELOW: ("A limit order in a buy OCO must be below.",),
    SELL_OCO_LIMIT_MUST_BE_ABOVE: ("A limit order in a sell OCO must be above.",),
    BOTH_OCO_ORDERS_CANNOT_BE_LIMIT: ("At least one OCO order must be contingent.",),
    INVALID_TAG_NUMBER: ("Invalid tag number.",),
    TAG_NOT_DEFINED_IN_MESSAGE: ("Tag '%s' not defined for this message type.",),
    TAG_APPEARS_MORE_THAN_ONCE: ("Tag '%s' appears more than once.",),
    TAG_OUT_OF_ORDER: ("Tag '%s' specified out of required order.",),
    GROUP_FIELDS_OUT_OF_ORDER: ("Repeating group '%s' fields out of order.",),
    INVALID_COMPONENT: ("Component '%s' is incorrectly populated on '%s' order. Recommendation: '%s'",),
    RESET_SEQ_NUM_SUPPORT: (
        "Continuation of sequence numbers to new session is currently unsupported. Sequence numbers must be reset for each new session.",
    ),
    ALREADY_LOGGED_IN: ("[Logon`<A>`](fix-api.md#logon-main) should only be sent once.",),
    GARBLED_MESSAGE: (
        "`CheckSum(10)` contains an incorrect value.",
        "`BeginString (8)` is not the first tag in a message.",
        "`MsgType (35)` is not the third tag in a message.",
        "`BodyLength (9)` does not contain the correct byte count.",
        "Only printable ASCII characters and SOH (Start of Header) are allowed.",
        "Tag specified without a value.",
        "Invalid encodingType.",
    ),
    BAD_SENDER_COMPID: (
        "`SenderCompId(49)` contains an incorrect value. The SenderCompID value should not change throughout the lifetime of a session.",
    ),
    BAD_SEQ_NUM: ("`MsgSeqNum(34)` contains an unexpected value. Expected: '%d'.",),
    EXPECTED_LOGON: ("[Logon`<A>`](fix-api.md#logon-main) must be the first message in the session.",),
    TOO_MANY_MESSAGES: ("Too many messages; current limit is '%d' messages per '%s'.",),
    PARAMS_BAD_COMBO: ("Conflicting fields: [%s]",),
    NOT_ALLOWED_IN_DROP_COPY_SESSIONS: ("Requested operation is not allowed in DropCopy sessions.",),
    DROP_COPY_SESSION_NOT_ALLOWED: (
        "DropCopy sessions are not supported on this server. Please reconnect to a drop copy server.",
    ),
    DROP_COPY_SESSION_REQUIRED: (
        "Only DropCopy sessions are supported on this server. Either reconnect to order entry server or send `DropCopyFlag (9406)` field.",
    ),
    NOT_ALLOWED_IN_ORDER_ENTRY_SESSIONS: ("Requested operation is not allowed in order entry sessions.",),
    NOT_ALLOWED_IN_MARKET_DATA_SESSIONS: ("Requested operation is not allowed in market data sessions.",),
    INCORRECT_NUM_IN_GROUP_COUNT: ("Incorrect NumInGroup count for repeating group '%s'.",),
    DUPLICATE_ENTRIES_IN_A_GROUP: ("Group '%s' contains duplicate entries.",),
    INVALID_REQUEST_ID: (
        "`MDReqID (262)` contains a subscription request id that is already in use on this connection.",
        "`MDReqID (262)` contains an unsubscription request id that does not match any active subscription.",
    ),
    TOO_MANY_SUBSCRIPTIONS: (
        "Too many subscriptions. Connection may create up to '%s' subscriptions at a time.",
        "Similar subscription is already active on this connection. Symbol='%s', active subscription id: '%s'.",
    ),
    INVALID_TIME_UNIT: ("Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",),
    BUY_OCO_STOP_LOSS_MUST_BE_ABOVE: ("A stop loss order in a buy OCO must be above.",),
    SELL_OCO_STOP_LOSS_MUST_BE_BELOW: ("A stop loss order in a sell OCO must be below.",),
    BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW: ("A take profit order in a buy OCO must be below.",),
    SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE: ("A take profit order in a sell OCO must be above.",),
    INVALID_PEG_PRICE_TYPE: ("Invalid pegPriceType.",),
    INVALID_PEG_OFFSET_TYPE: ("Invalid pegOffsetType.",),
    SYMBOL_DOES_NOT_MATCH_STATUS: ("The symbol's status does not match the requested symbolStatus.",),
    INVALID_SBE_MESSAGE_FIELD: ("Invalid/missing field(s) in SBE message.",),
    OPO_WORKING_MUST_BE_BUY: ("Working order in an OPO list must be a bid.",),
    OPO_PENDING_MUST_BE_SELL: ("Pending orders in an OPO list must be asks.",),
    WORKING_PARAM_REQUIRED: ("Working order must include the '{param}' tag.",),
    PENDING_PARAM_NOT_REQUIRED: ("Pending orders should not include the '%s' tag.",),
    NEW_ORDER_REJECTED: ("NEW_ORDER_REJECTED",),
    CANCEL_REJECTED: ("CANCEL_REJECTED",),
    BAD_API_ID: ("Invalid Api-Key ID.",),
    NO_SUCH_ORDER: ("Order does not exist.",),
    BAD_API_KEY_FMT: ("API-key format invalid.",),
    REJECTED_MBX_KEY: ("Invalid API-key, IP, or permissions for action.",),
    NO_TRADING_WINDOW: ("No trading window could be found for the symbol. Try ticker/24hrs instead.",),
    CANCEL_REPLACE_PARTIALLY_FAILED: (
        "This code is sent when either the cancellation of the order failed or the new order placement failed but not both.",
    ),
    CANCEL_REPLACE_FAILED: (
        "This code is sent when both the cancellation of the order failed and the new order placement failed.",
    ),
    ORDER_ARCHIVED: (
        "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
    ),
    SUBSCRIPTION_ACTIVE: ("User Data Stream subscription already active.",),
    SUBSCRIPTION_INACTIVE: ("User Data Stream subscription not active.",),
    ORDER_AMEND_REJECTED: ("An error has been returned by the matching engine.",),
    CLIENT_ORDER_ID_INVALID: ("Client order ID is not correct for this order ID.",),
    MAXIMUM_SUBSCRIPTION_IDS: ("Maximum subscription ID reached for this connection.",),
    NO_REFERENCE_PRICE: ("This symbol doesn't have a reference price.",),
}

# By name, the other ones included.
CODES: dict[str, int] = {
    name: code for name, code in list(globals().items()) if name.isupper() and isinstance(code, int)
}
_NAMES = {code: name for name, code in reversed(CODES.items())}


def name(code: int) -> str | None:
    """The name of an error code; None for one that is not known."""
    return _NAMES.get(code)


def text(code: int) -> str | None:
    """What errors.md says of an error code, its texts joined by a line break; None for one that is not known."""
    texts = _TEXTS.get(code)
    return None if texts is None else "\n".join(texts)
