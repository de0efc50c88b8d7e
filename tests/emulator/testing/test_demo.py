from __future__ import annotations

from fastws.emulator import Emulator
from fastws.emulator.testing.demo import add_demo_account
from helpers.emulator.wire import run, signed, wire


def test_the_demo_account_has_the_same_keys_everywhere():
    async def main():
        keys = []
        for seed in (1, 2):
            async with Emulator(seed=seed) as exchange, wire(exchange) as client:
                hmac_key, ed25519_key = add_demo_account(exchange)
                for key in (hmac_key, ed25519_key):
                    await client.result("account.status", signed(key))
                keys.append((hmac_key.api_key, hmac_key.secret, ed25519_key.api_key, ed25519_key.private_key))
        assert keys[0] == keys[1]

    run(main)
