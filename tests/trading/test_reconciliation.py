"""fastws.trading.reconciliation: how a request of unknown outcome is compared with what the exchange shows."""

from decimal import Decimal

import pytest

import fastws
from fastws._native.request import make_client_order_id
from fastws.trading.open_requests import open_request
from fastws.trading.reconciliation import Reconciliation, is_generated_id
from fastws.trading.results import compare_decimals
from helpers.resolving import an_order
from helpers.support import ORDER


def test_decimals_are_compared_as_the_reply_rounds_them():
    assert compare_decimals("0.10", "0.1") == 0
    assert compare_decimals(Decimal("0.1"), Decimal("0.100")) == 0
    assert compare_decimals("0.1", 1) == -1
    assert compare_decimals("1.0", Decimal("0.9")) == 1
    assert compare_decimals("0.3", None) == 1
    # 18 digits, more than a float keeps
    long = "1234567890.12345678"
    assert compare_decimals(float(long), long) == 0
    assert compare_decimals(float(long), Decimal(long)) == 0
    assert compare_decimals(1e-08, "0.00000001") == 0
    assert compare_decimals(0.1, "0.2") == -1


def reconciliation_of(**params):
    sent = {**ORDER, "newClientOrderId": "mine", "timestamp": 10**15, **params}
    error = fastws.ExecutionUnknown(fastws.RequestTimeout("late"), "order.place", sent)
    client = fastws.connect("testnet").__resolver__._client
    return Reconciliation(client, open_request(error, client.clock), ())


@pytest.mark.parametrize(
    ("fields", "params", "same"),
    [
        ({}, {}, True),
        ({"side": "SELL"}, {}, False),
        ({"price": "1.00000001"}, {}, False),
        ({"origQty": "2.00000001"}, {}, False),
        ({"time": 10**12 - 2000}, {}, True),  # a timestamp may be a second ahead
        ({"time": 10**12 - 2001}, {}, False),
        ({"time": 10**12 + 16_000}, {}, True),
        ({"time": 10**12 + 16_001}, {}, False),
        ({"time": 10**15 + 16_000_000}, {}, True),
        ({"time": 10**15 + 16_000_001}, {}, False),
        ({"time": 10**12 + 71_000}, {"recvWindow": 60000}, True),
        # a pegged order's price moves; it may be given nevertheless
        ({"price": "3.00000000"}, {"pegPriceType": "PRIMARY_PEG"}, True),
        ({"price": "3.00000000"}, {"pegPriceType": "PRIMARY_PEG", "price": None}, True),
        # the total of an iceberg is its quantity; what triggers an order is not compared
        ({"icebergQty": "0.5"}, {"icebergQty": "0.5"}, True),
        ({"stopPrice": "5.00000000", "trailingDelta": 10}, {"trailingDelta": 10}, True),
        # what a quote amount comes to is known afterwards
        ({"origQty": "9.1", "origQuoteOrderQty": "50.00"}, {"quantity": None, "quoteOrderQty": 50}, True),
        ({"origQty": "9.1", "origQuoteOrderQty": "51.00"}, {"quantity": None, "quoteOrderQty": 50}, False),
    ],
    ids=str,
)
def test_what_must_agree(fields, params, same):
    reconciliation = reconciliation_of(**params)
    order = an_order(**fields)
    assert (reconciliation.resembles(order) and reconciliation.has_requested_quantity(order)) == same


def test_the_names_that_fastws_makes_are_known_again():
    for prefix in ("", "bot-7_", "x" * 23):
        for _ in range(300):
            assert is_generated_id(make_client_order_id(prefix), prefix)
        assert not is_generated_id(make_client_order_id(prefix), "y")
    assert not is_generated_id(make_client_order_id("bot-7_"), "")
    assert not is_generated_id("x" * 22, "")
    assert not is_generated_id(None, "")
