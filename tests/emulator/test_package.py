"""The emulator as a package: its public names, and matching without the rest."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap

import pytest

import fastws.emulator


def run(program: str) -> str:
    """Run code in a new interpreter, and return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


def test_matching_is_used_alone():
    printed = run(
        """
        import sys
        from fastws.emulator.matching.engine import Engine
        from fastws.emulator.values.accounts import Account
        from fastws.emulator.values.decimals import UNIT
        from fastws.emulator.values.new_orders import NewOrder
        from fastws.emulator.values.symbols import spot_symbol

        symbol = spot_symbol(
            "ABCXYZ", base="ABC", quote="XYZ", reference_price="2", tick_size="1", step_size="1", min_notional="1"
        )
        fees, seller, buyer = (Account(uid, str(uid), 0, 0, ()) for uid in range(3))
        seller.deposit("ABC", 5 * UNIT)
        buyer.deposit("XYZ", 10 * UNIT)
        engine = Engine((symbol,), fees)

        def place(account, side, quantity):
            new = NewOrder(
                symbol=symbol, side=side, type="LIMIT", tif="GTC", price=2 * UNIT, quantity=quantity * UNIT,
                quote_quantity=0, client_id="", resp_type="FULL", stp="NONE", strategy_id=None, strategy_type=None,
            )
            return engine.place(account, new, 1)

        asked, bid = place(seller, "SELL", 5), place(buyer, "BUY", 3)
        print(asked.status, bid.status, buyer.balance("ABC"), seller.balance("XYZ"))
        print({name.split(".")[2] for name in sys.modules if name.startswith("fastws.emulator.")})
        """
    )
    trade, rooms = printed.splitlines()
    assert trade == (
        "PARTIALLY_FILLED FILLED Balance(free=3.00000000, locked=0.00000000)"
        " Balance(free=6.00000000, locked=0.00000000)"
    )
    assert ast.literal_eval(rooms) == {"matching", "values"}


@pytest.mark.parametrize("name", fastws.emulator.__all__)
def test_the_public_names(name):
    assert name in dir(fastws.emulator)
    assert getattr(fastws.emulator, name).__name__ == name


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match="no attribute 'Exchange'"):
        fastws.emulator.Exchange  # noqa: B018
    with pytest.raises(ImportError):
        from fastws.emulator import Exchange  # noqa: F401
