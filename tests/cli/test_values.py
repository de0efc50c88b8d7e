"""fastws.cli.values: each value has the type that the documentation gives its parameter."""

from decimal import Decimal

import pytest

from fastws.cli.options import UsageError
from fastws.cli.values import read_params


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("symbol=BTCUSDT", "BTCUSDT"),
        ("symbol=这是测试币456", "这是测试币456"),
        ("price=52000.00", "52000.00"),
        ("limit=5", 5),
        ("orderId=-1", -1),
        ("omitZeroBalances=true", True),
        ("omitZeroBalances=false", False),
        ("symbols=A", ["A"]),
        ("symbols=A, B", ["A", "B"]),
        ('symbols=["A","B"]', ["A", "B"]),
        ("recvWindow=5000", 5000),
        ("recvWindow=5000.125", Decimal("5000.125")),
        ("newClientOrderId=123", "123"),
        ("newClientOrderId=a=b", "a=b"),
        ("invented=7", "7"),
        ("symbol=", ""),
    ],
)
def test_types(pair, value):
    (read,) = read_params([pair]).values()
    assert read == value
    assert type(read) is type(value)


def test_order_is_kept():
    assert list(read_params(["b=1", "a=2"])) == ["b", "a"]
    assert read_params([]) == {}


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["symbol"], "'symbol' is not name=value"),
        (["=BTCUSDT"], "not name=value"),
        (["limit=5", "limit=6"], "limit is given twice"),
        (["limit=5.0"], "limit must be a whole number, not '5.0'"),
        (["limit="], "limit must be a whole number"),
        (["limit=\u0665"], "limit must be a whole number"),
        (["omitZeroBalances=yes"], "omitZeroBalances must be true or false, not 'yes'"),
        (["symbols=[1]"], "symbols must be a list"),
        (["symbols=["], "symbols must be a list"),
        (["recvWindow=1e3"], "recvWindow must be a number of milliseconds"),
    ],
)
def test_refused(pairs, said):
    with pytest.raises(UsageError) as caught:
        read_params(pairs)
    assert said in str(caught.value)
