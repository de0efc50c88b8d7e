"""A hundred thousand random trading requests: sums, books, ends of orders, and the account state from the events."""

from __future__ import annotations

import pytest

from helpers.emulator.random_requests import Requests


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_asked_the_exchange_stays_sound(seed):
    market = Requests(seed)
    for number in range(10_000):
        market.step()
        if number % 500 == 0:
            market.check()
            market.check_picture()
    market.check()
    market.check_picture()
    # Many requests succeeded, and each kind of event happened.
    assert sum(market.served.values()) > 4_000
    for kind in ("NEW", "TRADE", "CANCELED", "EXPIRED", "REPLACED", "TRADE_PREVENTION", "REJECTED"):
        assert market.exchange.heard[kind], kind
    for kind in ("listStatus", "outboundAccountPosition", "balanceUpdate", "externalLockUpdate"):
        assert market.exchange.heard[kind], kind


def test_the_same_seed_has_the_same_course():
    first, second = Requests(3), Requests(3)
    for _ in range(500):
        one, other = first.step(), second.step()
        assert type(one) is type(other)
    assert first.codes == second.codes
    assert first.exchange.picture == second.exchange.picture
