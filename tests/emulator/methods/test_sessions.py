from __future__ import annotations

import pytest

from fastws.emulator import Emulator
from helpers.emulator.wire import limit_order, now_ms, run, sign, signed, wire

FIELDS = ["apiKey", "authorizedSince", "connectedSince", "returnRateLimits", "serverTime", "userDataStream"]


def test_logon_status_and_logout():
    """SEMANTICS 47, 50, 51, 52"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            before = await client.result("session.status")
            assert list(before) == FIELDS
            assert before["apiKey"] is None
            assert before["authorizedSince"] is None
            assert abs(before["connectedSince"] - now_ms()) < 5000
            assert before["returnRateLimits"] is True
            assert before["userDataStream"] is False

            logon = await client.result("session.logon", signed(key))
            assert list(logon) == FIELDS
            assert logon["apiKey"] == key.api_key
            assert logon["connectedSince"] <= logon["authorizedSince"] <= logon["serverTime"]
            await client.result("order.place", limit_order())
            assert (await client.error("order.place", {**limit_order(), "timestamp": None}))[1] in (
                -1102,
                -1105,
            )
            no_time = limit_order()
            del no_time["timestamp"]
            assert (await client.error("order.place", no_time))[1] == -1102

            status = await client.result("session.status")
            assert status["authorizedSince"] == logon["authorizedSince"]
            logout = await client.result("session.logout")
            assert list(logout) == FIELDS
            assert (logout["apiKey"], logout["authorizedSince"]) == (None, None)
            assert (await client.error("order.place", limit_order()))[1] == -1102
            await client.result("order.place", signed(key, **limit_order()))
            assert (await client.result("session.logout"))["apiKey"] is None, "nothing to do is no error"

    run(main)


@pytest.mark.parametrize(("key_type", "name"), [("HMAC", "HMAC_SHA256"), ("RSA", "RSA")])
def test_only_ed25519_keys_log_on(key_type, name):
    """SEMANTICS 46"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account(key_type)
            error = (400, -4056, f"{name} API key is not supported.")
            assert await client.error("session.logon", signed(key)) == error
            assert (await client.result("session.status"))["apiKey"] is None

    run(main)


def test_logon_needs_a_right_signature_even_when_logged_on():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            await client.log_on(key)
            wrong = {**signed(key), "signature": sign(key, b"something else")}
            assert (await client.error("session.logon", wrong))[1] == -1022
            assert (await client.error("session.logon", {"timestamp": now_ms()}))[1] == -1102
            assert (await client.result("session.status"))["apiKey"] == key.api_key

    run(main)


def test_a_second_logon_replaces_the_key():
    """SEMANTICS 49"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            first, second = exchange.add_account("Ed25519"), exchange.add_account("Ed25519")
            await client.log_on(first)
            await client.log_on(second)
            assert (await client.result("session.status"))["apiKey"] == second.api_key
            account = await client.result("account.status", timestamp=now_ms())
            assert account["uid"] == second.account.uid

    run(main)


def test_an_explicit_key_serves_one_request_and_leaves_the_session_alone():
    """SEMANTICS 48"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            own, other = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            await client.log_on(own)
            assert (await client.result("account.status", signed(other)))["uid"] == other.account.uid
            assert (await client.result("account.status", timestamp=now_ms()))["uid"] == own.account.uid
            params = signed(other)
            del params["signature"]
            assert (await client.error("account.status", params))[1] == -1102

    run(main)


def test_a_key_that_is_revoked_ends_the_session():
    """SEMANTICS 16, 53"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("Ed25519")
            await client.log_on(key)
            exchange.revoke(key.api_key)
            await client.send("order.place", limit_order())
            assert await client.receive() == {
                "id": None,
                "status": 401,
                "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
            }
            assert (await client.result("session.status"))["apiKey"] is None
            assert (await client.error("session.logon", signed(key)))[:2] == (401, -2015)

    run(main)


def test_a_session_keeps_to_the_permissions_of_its_key():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            reader = exchange.add_account("Ed25519", permissions=["USER_DATA"])
            await client.log_on(reader)
            await client.result("account.status", timestamp=now_ms())
            assert (await client.error("order.place", limit_order()))[:2] == (401, -2015)
            trader = exchange.add_key(reader.account, "HMAC", permissions=["TRADE"])
            await client.result("order.place", signed(trader, **limit_order()))
            assert (await client.error("account.status", signed(trader)))[:2] == (401, -2015)

    run(main)


def test_session_methods_cost_two():
    """SEMANTICS 54"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            counts = []
            for method in ("session.status", "session.logout"):
                counts += [r["count"] for r in (await client.call(method))["rateLimits"]]
            assert counts == [4, 6]

    run(main)
