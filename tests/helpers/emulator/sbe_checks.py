"""Comparisons of SBE messages with the JSON of the same results."""

from __future__ import annotations

import struct
from decimal import Decimal

from fastws.emulator.wire.sbe import SbeFormat, SbeSettings

# Fields that the schema requires and the JSON has only under a condition, and the reverse.
NEUTRAL = {
    "matchType": "AUTO_MATCH",
    "orderCapacity": "PRINCIPAL",
    "origClientOrderId": "",
    "origQty": "0",
    "origQuoteOrderQty": "0",
    "preventedQuantity": "0",
    "reduceOnlyAssets": [],
    "preventedMatches": [],
    "selfTradePreventionMode": "NONE",
    "usedSor": False,
    "workingFloor": "EXCHANGE",
    # of executionReport
    "A": "0",
    "b": "AUTO_MATCH",
    "k": "EXCHANGE",
    "uS": False,
    "y": "PRINCIPAL",
    # how a JSON without it reads
    "workingTime": -1,
}
JSON_ONLY = {
    *("timezone", "serverTime", "opoAllowed", "quotePrecision", "permissions"),
    *("makerCommission", "takerCommission", "buyerCommission", "sellerCommission", "quoteOrderQty"),
}


def is_decimal(value):
    return isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit()


def check_same(expected, got, path="$", exact=False):
    """Compare documented JSON with what was read. Decimals can differ in zeros at the end, unless ``exact``."""
    if isinstance(expected, dict):
        assert isinstance(got, dict), path
        for name in expected.keys() | got.keys():
            where = f"{path}.{name}"
            if name not in got:
                assert name in JSON_ONLY or expected[name] is None, where
            elif name not in expected:
                neutral = NEUTRAL[name]
                number = is_decimal(neutral) and is_decimal(got[name])
                assert Decimal(got[name]) == Decimal(neutral) if number else got[name] == neutral, where
            elif name in ("orderTypes", "allowedSelfTradePreventionModes"):
                assert sorted(expected[name]) == sorted(got[name]), where
            else:
                check_same(expected[name], got[name], where, exact)
    elif isinstance(expected, list):
        assert isinstance(got, list), path
        assert len(expected) == len(got), path
        for n, (one, other) in enumerate(zip(expected, got, strict=True)):
            check_same(one, other, f"{path}[{n}]", exact)
    elif not exact and is_decimal(expected) and is_decimal(got):
        assert Decimal(expected) == Decimal(got), path
    else:
        assert type(expected) is type(got), path
        assert expected == got, path


def form(**settings):
    made = SbeFormat(SbeSettings(), deprecated=settings.pop("deprecated", False))
    for name, value in settings.items():
        setattr(made._settings, name, value)
    return made


def embedded(data):
    """The message in a WebSocketResponse, cut out by hand."""
    length, template, schema, version, deprecated, status = struct.unpack_from("<HHHHBH", data)
    assert (length, template, schema, version, deprecated) == (3, 50, 3, 5, 0)
    assert status >= 200
    entry, count = struct.unpack_from("<HH", data, 11)
    assert entry == 19
    at = 15 + entry * count
    at += 1 + data[at]
    (size,) = struct.unpack_from("<I", data, at)
    assert len(data) == at + 4 + size
    return data[at + 4 :]
