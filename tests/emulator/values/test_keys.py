"""Keys that are revoked and restored, and several keys of one account."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, EmulatorThread
from helpers.emulator.wire import limit_order, now_ms, run, signed, wire


def test_a_key_is_restored_after_its_revocation():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            await client.log_on(key)
            await client.result("userDataStream.subscribe")
            await client.result("userDataStream.unsubscribe")
            exchange.revoke(key.api_key)
            exchange.restore(key.api_key)
            reply = None
            await client.send("order.place", limit_order())
            while reply is None or "event" in reply:
                reply = await client.receive()
            assert (reply["id"], reply["status"], reply["error"]["code"]) == (None, 401, -2015), (
                "the logon does not come back"
            )
            await client.log_on(key)
            await client.result("order.place", limit_order())
            exchange.restore(key.api_key)
            await client.result("order.place", limit_order(quantity="0.02"))

    run(main)


def test_a_revoked_key_is_unknown_until_it_is_restored():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            exchange.revoke(key.api_key)
            assert (await client.error("account.status", signed(key)))[:2] == (401, -2015)
            exchange.restore(key.api_key)
            await client.result("account.status", signed(key))
            for method in (exchange.revoke, exchange.restore):
                with pytest.raises(ValueError, match="unknown API key"):
                    method("x" * 64)

    run(main)


def test_two_keys_of_one_account():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            first = exchange.add_account("Ed25519", name="trader")
            second = exchange.add_key(first.account)
            third = exchange.add_key("trader", "HMAC")
            other = exchange.add_account("Ed25519", name="other")
            uids = [
                (await client.result("account.status", signed(key)))["uid"]
                for key in (first, second, third, other)
            ]
            assert uids[0] == uids[1] == uids[2] != uids[3]
            await client.log_on(first)
            placed = await client.result("order.place", limit_order())
            await client.log_on(second)
            cancel = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "timestamp": now_ms()}
            await client.result("order.cancel", cancel)
            exchange.revoke(first.api_key)
            await client.result("order.place", limit_order())
            with pytest.raises(ValueError, match="there is no account 'nobody'; there are trader, other"):
                exchange.add_key("nobody")
            with pytest.raises(ValueError, match="account is an account of this exchange or its name, not 5"):
                exchange.add_key(5)
            exchange.add_account("HMAC", name="other")
            with pytest.raises(ValueError, match="there is more than one account 'other'"):
                exchange.add_key("other")

    run(main)


def test_keys_of_an_exchange_in_a_thread():
    with EmulatorThread() as exchange:
        key = exchange.add_account("HMAC", name="trader")
        second = exchange.add_key("trader", "HMAC")
        assert second.account is key.account
        exchange.revoke(key.api_key)
        assert exchange.call(lambda e: e.core.keys[key.api_key].revoked)
        exchange.restore(key.api_key)
        assert not exchange.call(lambda e: e.core.keys[key.api_key].revoked)
        with pytest.raises(ValueError, match="unknown API key"):
            exchange.restore("x")
