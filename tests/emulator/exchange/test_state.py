from __future__ import annotations

import pytest

from fastws.emulator import Emulator
from fastws.emulator.values.auth import new_private_key
from fastws.emulator.values.decimals import UNIT
from helpers.emulator.wire import run, signed, wire


def test_accounts_have_generous_balances_unless_told_otherwise():
    async def main():
        async with Emulator() as exchange:
            rich = exchange.add_account("HMAC").account
            assert rich.balance("USDT").free == 1_000_000 * UNIT
            assert rich.balance("BTC").free == 10 * UNIT
            poor = exchange.add_account("HMAC", balances={"USDT": "0.5"}).account
            assert {asset: balance.free for asset, balance in poor.balances.items()} == {"USDT": UNIT // 2}
            assert poor.uid != rich.uid

    run(main)


def test_keys_may_be_given():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            pem = new_private_key("Ed25519")
            key = exchange.add_account("Ed25519", api_key="k" * 64, private_key=pem)
            assert (key.api_key, key.private_key, key.secret) == ("k" * 64, pem, None)
            secret = exchange.add_key(key.account, "HMAC", secret="s")
            assert secret.secret == "s"
            for one in (key, secret):
                assert (await client.result("account.status", signed(one)))["uid"] == key.account.uid

    run(main)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"key_type": "HMAC", "api_key": "short"}, "64 letters and digits"),
        ({"key_type": "HMAC", "permissions": ["FLY"]}, "no such permission: FLY"),
        ({"key_type": "RSA", "private_key": new_private_key("Ed25519")}, "not an RSA key"),
    ],
)
def test_keys_that_are_none(arguments, message):
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=message):
                exchange.add_account(**arguments)

    run(main)


def test_an_api_key_belongs_to_one_account():
    async def main():
        async with Emulator() as exchange:
            exchange.add_account("HMAC", api_key="k" * 64)
            with pytest.raises(ValueError, match="belongs to one account"):
                exchange.add_account("HMAC", api_key="k" * 64)

    run(main)
