from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws.emulator import Emulator
from fastws.emulator.values import params
from fastws.emulator.values.auth import Number
from fastws.emulator.values.decimals import decimal_text
from fastws.emulator.values.errors import Refusal
from helpers.emulator.wire import limit_order, logged_on, now_ms, run, wire

DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER = r"^[0-9]{1,20}$"
CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"


@given(st.integers(0, 10**20))
def test_decimals_are_read_exactly(value):
    assert params.decimal("price", decimal_text(value)) == value
    assert params.decimal("price", Number(decimal_text(value))) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1", 10**8), ("0.1", 10**7), ("0.100000000000", 10**7), ("0.00000001", 1)]
)
def test_decimals_of_all_lengths(text, value):
    assert params.decimal("price", text) == value


@pytest.mark.parametrize("value", ["", None])
def test_empty_values(value):
    """SEMANTICS 45"""
    for parser in (params.text, params.integer, params.decimal, params.boolean, params.client_order_id):
        with pytest.raises(Refusal) as caught:
            parser("name", value)
        assert (caught.value.code, caught.value.msg) == (-1105, "Parameter 'name' was empty.")


@pytest.mark.parametrize(
    ("parser", "value", "code", "message"),
    [
        (
            params.decimal,
            "1e5",
            -1100,
            f"Illegal characters found in parameter 'x'; legal range is '{DECIMAL}'.",
        ),
        (params.decimal, "-1", -1100, None),
        (params.decimal, ".5", -1100, None),
        (params.decimal, "5.", -1100, None),
        (params.decimal, "1,5", -1100, None),
        (params.decimal, "\u0661", -1100, None),
        (params.decimal, "1\n", -1100, None),
        (params.decimal, "0.000000001", -1111, "Parameter 'x' has too much precision."),
        (params.decimal, True, -1130, "Data sent for parameter 'x' is not valid."),
        (
            params.integer,
            "1.0",
            -1100,
            f"Illegal characters found in parameter 'x'; legal range is '{INTEGER}'.",
        ),
        (params.integer, "99999999999999999999", -1108, "Parameter 'x' overflowed."),
        (params.integer, [1], -1130, None),
        (params.text, {"a": 1}, -1130, None),
        (params.boolean, "yes", -1100, None),
        (
            params.client_order_id,
            "a b",
            -1100,
            f"Illegal characters found in parameter 'x'; legal range is '{CLIENT_ID}'.",
        ),
        (params.client_order_id, "a" * 37, -1100, None),
        (params.strategy_type, "999999", -1134, "`strategyType` was less than 1000000."),
        (params.cancel_restrictions, "ONLY_OLD", -1145, "Invalid cancelRestrictions"),
        (params.enum("A", "B"), "C", -1130, "Data sent for parameter 'x' is not valid."),
        (params.symbol_names, "BTCUSDT", -1135, "JSON sent for parameter 'x' is not valid"),
        (params.symbol_names, ["A", 1], -1135, None),
        (params.symbol_names, ["A", "A"], -1151, "Symbol is present multiple times in the list."),
        (params.symbol_names, [], -1105, None),
        (params.symbol_names, [""], -1105, None),
    ],
)
def test_malformed_values(parser, value, code, message):
    """SEMANTICS 45, 72, 78, 88, 98"""
    with pytest.raises(Refusal) as caught:
        parser("x", value)
    assert caught.value.status == 400
    assert caught.value.code == code
    assert message in (None, caught.value.msg)


@pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_booleans(value, flag):
    assert params.boolean("x", value) is flag


@pytest.mark.parametrize(
    ("value", "us"), [("5000", 5_000_000), ("6000.346", 6_000_346), ("0.001", 1), ("60000.000", 60_000_000)]
)
def test_receive_windows_are_milliseconds_with_three_places(value, us):
    """SEMANTICS 42"""
    assert params.recv_window("recvWindow", value) == us


def test_permissions_are_a_list_or_one_name():
    """SEMANTICS 88"""
    assert params.permissions("permissions", "SPOT") == ["SPOT"]
    assert params.permissions("permissions", ["SPOT", "MARGIN"]) == ["SPOT", "MARGIN"]


@pytest.mark.parametrize("name", ["symbol", "side", "type"])
def test_mandatory_parameters(name):
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            without = limit_order()
            del without[name]
            assert await client.error("order.place", without) == (400, -1102, text)
            assert await client.error("order.place", {**without, name: None}) == (400, -1102, text)
            assert await client.error("order.place", {**without, name: ""}) == (
                400,
                -1105,
                f"Parameter '{name}' was empty.",
            )

    run(main)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("timeInForce", -1115, "Invalid timeInForce."),
        ("type", -1116, "Invalid orderType."),
        ("side", -1117, "Invalid side."),
        ("symbol", -1121, "Invalid symbol."),
        ("newOrderRespType", -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ("selfTradePreventionMode", -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."),
    ],
)
def test_values_that_are_not_of_the_documented_ones(name, code, message):
    """SEMANTICS 19, 45"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            good = limit_order(newOrderRespType="FULL", selfTradePreventionMode="NONE")
            for value in (str(good[name]).lower(), "X"):
                assert await client.error("order.place", {**good, name: value}) == (400, code, message)

    run(main)


def test_unknown_parameters():
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert await client.error("depth", symbol="BTCUSDT", speed=1, Limit=5) == (
                400,
                -1104,
                "Not all sent parameters were read; read '1' parameter(s) but was sent '3'.",
            )
            assert await client.error("ping", symbol="BTCUSDT", returnRateLimits=True) == (
                400,
                -1101,
                "Too many parameters; expected '0' and received '1'.",
            )

    run(main)


def test_numbers_may_come_as_texts_and_texts_as_numbers():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            order = limit_order(price=52000.00, quantity=0.01, newClientOrderId=123, timestamp=str(now_ms()))
            placed = await client.result("order.place", order)
            assert (placed["price"], placed["clientOrderId"]) == ("52000.00000000", "123")
            reference = {"symbol": "BTCUSDT", "orderId": str(placed["orderId"]), "timestamp": now_ms()}
            assert (await client.result("order.status", reference))["origQty"] == "0.01000000"

    run(main)
