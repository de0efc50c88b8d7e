"""fastws.rekey: another key of the same account takes the place of the client's, and no other key does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.losing import lose, until, watched
from helpers.support import run

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",
    "quantity": "0.001",
}


def signer_of(account: Any) -> fastws.Signer:
    if account.secret:
        return fastws.load_signer(account.api_key, secret=account.secret)
    return fastws.load_signer(account.api_key, private_key=account.private_key)


@asynccontextmanager
async def two_keys(first: str, second: str, **options: Any) -> AsyncIterator[Any]:
    """An exchange, an open client, and the signers of two keys of its account, and of a key of another account."""
    async with Emulator() as exchange:
        account = exchange.add_account(first)
        old = signer_of(account)
        new = signer_of(exchange.add_key(account.account, second))
        foreign = signer_of(exchange.add_account("Ed25519"))
        client, _, _ = watched(exchange.url, signer=old, **options)
        async with client:
            yield exchange, client, old, new, foreign


@pytest.mark.parametrize("sbe", [False, True])
def test_another_key_of_the_account_is_used_and_logged_on(sbe: bool) -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519", sbe=sbe) as (_exchange, client, old, new, _):
            placed = await client.order_place(**ORDER)
            await client.rekey(new)
            assert (await client.session_status())["apiKey"] == new.api_key
            assert client.connection == 1
            assert client._handler.accounts.own_key == new.api_key
            assert (await client.order_status(symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "NEW"
            lose(client)
            await until(lambda: client.connection == 2)
            assert (await client.session_status())["apiKey"] == new.api_key
            await client.session_logout()
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            assert client._limiter.used_symbols() == {(None, "BTCUSDT")}, (
                "it is still the client's own account"
            )
            await client.rekey(old)
            assert not client.logged_on, "the user has logged out"
            assert (await client.halt()).clean

    run(main())


@pytest.mark.parametrize(
    ("first", "second", "logged_on"),
    [("HMAC", "RSA", False), ("HMAC", "Ed25519", True), ("RSA", "HMAC", False)],
)
def test_each_kind_of_key(first: str, second: str, logged_on: bool) -> None:
    async def main() -> None:
        async with two_keys(first, second) as (_, client, __, new, ___):
            subscription = await client.user_data_stream_subscribe_signature()
            await client.rekey(new)
            assert client.logged_on == logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            lose(client)
            await until(lambda: client.connection == 2 and subscription.active)
            assert client.logged_on == logged_on

    run(main())


def test_what_is_refused_changes_nothing() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "HMAC") as (exchange, client, old, weak, foreign):
            for wrong, said in (
                (foreign, "the new key is of another account"),
                (weak, "a key of the kind HMAC cannot log on"),
                ("key", "expected what load_signer"),
                (None, "expected what load_signer"),
            ):
                with pytest.raises(fastws.InvalidRequest, match=said):
                    await client.rekey(wrong)
            unknown = fastws.load_signer("u" * 64, secret="s" * 64)
            await client.session_logout()
            with pytest.raises(fastws.ApiError):
                await client.rekey(unknown)
            await client.session_logon()
            assert (await client.session_status())["apiKey"] == old.api_key
            assert client._handler.accounts.own_key == old.api_key
            async with fastws.connect(exchange.url) as keyless:
                with pytest.raises(fastws.InvalidRequest, match="has no key"):
                    await keyless.rekey(old)
            await client.close()
            with pytest.raises(fastws.NotConnected):
                await client.rekey(foreign)

    run(main())


def test_a_refused_logon_gives_the_old_key_back() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (exchange, client, old, new, _):
            exchange.faults.add("error", "session.logon", status=400, code=-1022, msg="no")
            with pytest.raises(fastws.BadRequest):
                await client.rekey(new)
            assert client._handler.accounts.own_key == old.api_key
            assert client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            exchange.faults.add("cut_before", "session.logon")
            with pytest.raises(fastws.ConnectionLost):
                await client.rekey(new)
            await client.wait_open(5)
            assert (await client.session_status())["apiKey"] == new.api_key

    run(main())


def test_two_at_once_follow_one_another() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (_, client, old, new, __):
            await asyncio.gather(client.rekey(new), client.rekey(old), client.rekey(new))
            assert (await client.session_status())["apiKey"] == new.api_key

    run(main())


def test_a_new_key_ends_the_wait_for_a_revoked_one() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (exchange, client, _old, new, _):
            client._supervisor.backoff.refused = 60.0
            await client.account_status()  # so that the uid of the old key is known
            exchange.faults.add("revoke", "account.status")
            with pytest.raises(fastws.SessionRevoked):
                await client.account_status()
            with pytest.raises(fastws.NotSent):
                client.order_place(**ORDER)
            await client.rekey(new)
            assert client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_a_revoked_key_whose_account_is_unknown_is_not_replaced() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (exchange, client, old, new, _):
            exchange.revoke(old.api_key)
            with pytest.raises(fastws.InvalidRequest, match=r"signer: it cannot be shown.*account.status"):
                await client.rekey(new)
            assert client._handler.accounts.own_key == old.api_key

    run(main())
