"""fastws.types: the closed sets of values are those of enums.md of binance/binance-spot-api-docs, as of 2026-07-21."""

import typing

import pytest

from fastws import types
from fastws.emulator.values.symbols import ORDER_TYPES, STATUSES, STP_MODES
from fastws.emulator.wire.codes import ENUMS, SETS
from fastws.types.market import ExecutionRule

# Each enumeration of that page, in its order.
DOCUMENTED = {
    "SymbolStatus": "TRADING END_OF_DAY HALT BREAK CANCEL_ONLY",
    "Permission": "SPOT MARGIN LEVERAGED " + " ".join(f"TRD_GRP_{number:03}" for number in range(2, 26)),
    "OrderStatus": """
        NEW PENDING_NEW PARTIALLY_FILLED FILLED CANCELED PENDING_CANCEL REJECTED EXPIRED EXPIRED_IN_MATCH""",
    "ListStatusType": "RESPONSE EXEC_STARTED UPDATED ALL_DONE",
    "ListOrderStatus": "EXECUTING ALL_DONE REJECT",
    "ContingencyType": "OCO OTO",
    "AllocationType": "SOR",
    "OrderType": "LIMIT MARKET STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT TAKE_PROFIT_LIMIT LIMIT_MAKER",
    "NewOrderRespType": "ACK RESULT FULL",
    "WorkingFloor": "EXCHANGE SOR",
    "Side": "BUY SELL",
    "TimeInForce": "GTC IOC FOK",
    "RateLimitType": "REQUEST_WEIGHT ORDERS RAW_REQUESTS",
    "RateLimitInterval": "SECOND MINUTE DAY",
    "SelfTradePreventionMode": "NONE EXPIRE_MAKER EXPIRE_TAKER EXPIRE_BOTH DECREMENT TRANSFER",
    "ExecutionType": "NEW CANCELED REPLACED REJECTED TRADE EXPIRED TRADE_PREVENTION",
    "ExpiryReason": """
        NONE REJECTED EXCHANGE_CANCELED OCO_TRIGGER OTO_PHASE_ONE_EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED
        UNFILLED_FOK_ORDER_EXPIRED INSUFFICIENT_LIQUIDITY EXECUTION_RULE_PRICE_RANGE_EXCEEDED""",
}
# What web-socket-api.md and the SBE schemas show beside them.
ELSEWHERE = {"RateLimitType": {"CONNECTIONS"}, "RateLimitInterval": {"HOUR"}}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_enumeration_has_the_documented_values(name):
    values = typing.get_args(getattr(types, name))
    assert len(values) == len(set(values))
    assert set(values) == {*DOCUMENTED[name].split(), *ELSEWHERE.get(name, ())}


def test_the_execution_rules_are_the_documented_ones():
    assert typing.get_args(typing.get_type_hints(ExecutionRule)["ruleType"]) == ("PRICE_RANGE",)


def test_the_exchange_knows_the_same_values():
    assert set(STATUSES) == set(typing.get_args(types.SymbolStatus))
    assert set(ORDER_TYPES) == set(typing.get_args(types.OrderType))
    assert set(STP_MODES) == set(typing.get_args(types.SelfTradePreventionMode))
    named = {"orderSide": "Side", "floor": "WorkingFloor"}
    # UNKNOWN and BROKER are SBE's own, a null may say "NONE", and CANCELING is documented nowhere else.
    own = {"UNKNOWN", "BROKER", "CANCELING"}
    for sbe, values in {**ENUMS, **{name: values for name, (_, values, _) in SETS.items()}}.items():
        name = named.get(sbe, sbe[0].upper() + sbe[1:])
        if name in DOCUMENTED:
            known = set(typing.get_args(getattr(types, name)))
            assert set(values) - own in (known, known - {"NONE"}), sbe
