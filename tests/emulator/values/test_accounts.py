from __future__ import annotations

from fastws.emulator.values.accounts import Account
from fastws.emulator.values.decimals import UNIT


def test_balances_are_made_on_first_use_and_add_up():
    account = Account(1, "me", 0, 0, ())
    account.deposit("BTC", 3 * UNIT)
    account.deposit("BTC", UNIT)
    balance = account.balance("BTC")
    balance.free -= UNIT
    balance.locked += UNIT
    assert balance.total == 4 * UNIT
    assert account.balance("ETH").total == 0
    assert repr(balance) == "Balance(free=3.00000000, locked=1.00000000)"
