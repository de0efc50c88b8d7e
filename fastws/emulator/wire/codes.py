"""The codes of SBE's enumerations, and the bits of its sets, by the texts of the JSON API."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ENUMS", "NON_REPRESENTABLE", "SETS"]

# The text for a value that the schema does not have.
NON_REPRESENTABLE = 254


def _enums(table: str) -> Mapping[str, Mapping[str, int]]:
    rows = {}
    for line in table.strip().splitlines():
        name, *values = line.split()
        rows[name] = {text: int(code) for text, _, code in (value.partition("=") for value in values)}
    return rows


# All enumerations have NON_REPRESENTABLE, too, except boolEnum, whose values are JSON's.
ENUMS: Mapping[str, Mapping[str, int]] = _enums("""
accountType SPOT=0 UNKNOWN=2
allocationReportType Accept=1
allocationStatus Accepted=1
allocationTransactionType New=1
allocationType UNKNOWN=0 SOR=2
calculationType EXTERNAL=1 ARITHMETIC_MEAN=2
cancelReplaceStatus SUCCESS=0 FAILURE=1 NOT_ATTEMPTED=2
commissionType RECV_ASSET=0 QUOTE_ASSET=1 GAS_OR_RECV_STRICT=2 GAS_OR_RECV_OPTIONAL=3
contingencyType OCO=1 OTO=2
counterPartyRole Client=1
executionRuleType PRICE_RANGE=1
executionType NEW=0 CANCELED=1 REPLACED=2 REJECTED=3 TRADE=4 EXPIRED=5 TRADE_PREVENTION=8 UNKNOWN=253
expiryReason REJECTED=1 EXCHANGE_CANCELED=2 OCO_TRIGGER=3 OTO_PHASE_ONE_EXPIRED=4 \
    UNFILLED_IOC_QUANTITY_EXPIRED=5 UNFILLED_FOK_ORDER_EXPIRED=6 INSUFFICIENT_LIQUIDITY=7 \
    EXECUTION_RULE_PRICE_RANGE_EXCEEDED=8
externalSettlementSide DEBIT=0 CREDIT=1
filterType MAX_POSITION=0 PRICE_FILTER=1 T_PLUS_SELL=2 LOT_SIZE=3 MAX_NUM_ORDERS=4 MIN_NOTIONAL=5 \
    MAX_NUM_ALGO_ORDERS=6 EXCHANGE_MAX_NUM_ORDERS=7 EXCHANGE_MAX_NUM_ALGO_ORDERS=8 ICEBERG_PARTS=9 \
    MARKET_LOT_SIZE=10 PERCENT_PRICE=11 MAX_NUM_ICEBERG_ORDERS=12 EXCHANGE_MAX_NUM_ICEBERG_ORDERS=13 \
    TRAILING_DELTA=14 PERCENT_PRICE_BY_SIDE=15 NOTIONAL=16 MAX_NUM_ORDER_LISTS=17 \
    EXCHANGE_MAX_NUM_ORDER_LISTS=18 MAX_NUM_ORDER_AMENDS=19 MAX_ASSET=20
floor EXCHANGE=1 BROKER=2 SOR=3
listOrderStatus CANCELING=0 EXECUTING=1 ALL_DONE=2 REJECT=3
listStatusType RESPONSE=0 EXEC_STARTED=1 ALL_DONE=2 UPDATED=3
matchType AUTO_MATCH=1 ONE_PARTY_TRADE_REPORT=2
orderCapacity PRINCIPAL=1 AGENCY=2
orderSide BUY=0 SELL=1
orderStatus NEW=0 PARTIALLY_FILLED=1 FILLED=2 CANCELED=3 PENDING_CANCEL=4 REJECTED=5 EXPIRED=6 \
    EXPIRED_IN_MATCH=9 PENDING_NEW=11 UNKNOWN=253
orderType MARKET=0 LIMIT=1 STOP_LOSS=2 STOP_LOSS_LIMIT=3 TAKE_PROFIT=4 TAKE_PROFIT_LIMIT=5 LIMIT_MAKER=6
pegOffsetType PRICE_LEVEL=1
pegPriceType PRIMARY_PEG=1 MARKET_PEG=2
rateLimitInterval SECOND=0 MINUTE=1 HOUR=2 DAY=3
rateLimitType RAW_REQUESTS=0 CONNECTIONS=1 REQUEST_WEIGHT=2 ORDERS=3
selfTradePreventionMode NONE=1 EXPIRE_TAKER=2 EXPIRE_MAKER=3 EXPIRE_BOTH=4 DECREMENT=5 TRANSFER=6
symbolStatus TRADING=0 END_OF_DAY=1 HALT=2 BREAK=3 CANCEL_ONLY=4
timeInForce GTC=0 IOC=1 FOK=2
tradeType BLOCK_TRADE=0
""")


def _sets(table: str) -> Mapping[str, tuple[str, Mapping[str, int], int]]:
    rows: dict[str, tuple[str, Mapping[str, int], int]] = {}
    for line in table.strip().splitlines():
        name, code, other, *values = line.split()
        rows[name] = (code, {text: 1 << bit for bit, text in enumerate(values)}, 1 << int(other))
    return rows


# For each set: its integer type, the bit of NON_REPRESENTABLE, and the texts of the bits from 0 on.
SETS: Mapping[str, tuple[str, Mapping[str, int], int]] = _sets("""
allowedSelfTradePreventionModes B 7 NONE EXPIRE_TAKER EXPIRE_MAKER EXPIRE_BOTH DECREMENT TRANSFER
externalSettlementFlags Q 63 MOVE_TO_AVAILABLE DEBIT_COMM_ALLOW_GAS CREDIT_COMM_ALLOW_GAS \
    DEBIT_COMM_ALLOW_AVAILABLE CREDIT_COMM_ALLOW_AVAILABLE
orderTypes H 15 MARKET LIMIT STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT TAKE_PROFIT_LIMIT LIMIT_MAKER
""")
