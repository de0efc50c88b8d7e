"""Fixed sets of values (enums.md, and the parameter tables of web-socket-api.md)."""

from __future__ import annotations

from typing import Literal

Side = Literal["BUY", "SELL"]
OrderType = Literal[
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
# By what newOrderRespType is where it is not given: FULL for LIMIT and MARKET, ACK for the others.
FullType = Literal["LIMIT", "MARKET"]
AckType = Literal["LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
# The working order of an OTO, OTOCO, OPO or OPOCO; legs of an OCO; an order by smart order routing.
LimitType = Literal["LIMIT", "LIMIT_MAKER"]
OcoType = Literal["LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
StopType = Literal["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
NewOrderRespType = Literal["ACK", "RESULT", "FULL"]
SelfTradePreventionMode = Literal[
    "NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"
]
CancelReplaceMode = Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
CancelRestrictions = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
OrderRateLimitExceededMode = Literal["DO_NOTHING", "CANCEL_ONLY"]
PegPriceType = Literal["PRIMARY_PEG", "MARKET_PEG"]
PegOffsetType = Literal["PRICE_LEVEL"]
SymbolStatus = Literal["TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"]
# Those that symbols can be asked for by.
SymbolStatusFilter = Literal["TRADING", "HALT", "BREAK"]
Permission = Literal[
    "SPOT",
    "MARGIN",
    "LEVERAGED",
    "TRD_GRP_002",
    "TRD_GRP_003",
    "TRD_GRP_004",
    "TRD_GRP_005",
    "TRD_GRP_006",
    "TRD_GRP_007",
    "TRD_GRP_008",
    "TRD_GRP_009",
    "TRD_GRP_010",
    "TRD_GRP_011",
    "TRD_GRP_012",
    "TRD_GRP_013",
    "TRD_GRP_014",
    "TRD_GRP_015",
    "TRD_GRP_016",
    "TRD_GRP_017",
    "TRD_GRP_018",
    "TRD_GRP_019",
    "TRD_GRP_020",
    "TRD_GRP_021",
    "TRD_GRP_022",
    "TRD_GRP_023",
    "TRD_GRP_024",
    "TRD_GRP_025",
]
TickerType = Literal["FULL", "MINI"]
Interval = Literal[
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]

OrderStatus = Literal[
    "NEW",
    "PENDING_NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "PENDING_CANCEL",
    "REJECTED",
    "EXPIRED",
    "EXPIRED_IN_MATCH",
]
ExecutionType = Literal["NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"]
RejectReason = Literal[
    "NONE",
    "INSUFFICIENT_BALANCES",
    "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    "WOULD_MATCH_IMMEDIATELY",
    "OCO_BAD_PRICES",
]
ExpiryReason = Literal[
    "NONE",
    "REJECTED",
    "EXCHANGE_CANCELED",
    "OCO_TRIGGER",
    "OTO_PHASE_ONE_EXPIRED",
    "UNFILLED_IOC_QUANTITY_EXPIRED",
    "UNFILLED_FOK_ORDER_EXPIRED",
    "INSUFFICIENT_LIQUIDITY",
    "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
]
ContingencyType = Literal["OCO", "OTO"]
ListStatusType = Literal["RESPONSE", "EXEC_STARTED", "UPDATED", "ALL_DONE"]
ListOrderStatus = Literal["EXECUTING", "ALL_DONE", "REJECT"]
AllocationType = Literal["SOR"]
WorkingFloor = Literal["EXCHANGE", "SOR"]
RateLimitType = Literal["REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS", "CONNECTIONS"]
RateLimitInterval = Literal["SECOND", "MINUTE", "HOUR", "DAY"]
