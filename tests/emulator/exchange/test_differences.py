"""Events whose fields differ between connections."""

from __future__ import annotations

import pytest

from fastws.emulator.exchange.differences import differing


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, 12),
        (-1, 6),
        (0.5, 7.5),
        ("0.00000000", "0.00000007"),
        ("12.50", "12.57"),
        ("12.99", "12.06"),
        ("-0.5", "-0.2"),
        ("41", "48"),
        ("-41", "-48"),
        ("mine", "mine7"),
        ("a.5", "a.57"),
        ("", "7"),
        (True, True),
        (None, None),
        ([{"a": "BTC", "f": "1.00"}], [{"a": "BTC7", "f": "1.07"}]),
        ({"x": [1]}, {"x": [8]}),
    ],
)
def test_a_value_of_each_type(value, shown):
    event = {"e": "x", "v": value}
    assert differing(event, ("v",), 7) == {"e": "x", "v": shown}
    assert event == {"e": "x", "v": value}, "the event of the other connections"


@pytest.mark.parametrize("value", [5, "0.00000000", "12", "mine", [1], {"a": "1.000"}])
def test_connections_differ_from_one_another(value):
    shown = [differing({"v": value}, ("v",), number)["v"] for number in range(1, 10)]
    assert all(one != other for n, one in enumerate(shown) for other in shown[:n])


def test_an_event_without_the_field_stays():
    event = {"e": "x", "v": 1}
    assert differing(event, ("w",), 7) is event
