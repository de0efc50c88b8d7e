"""Subscriptions on the embedded exchange, in JSON and in SBE: several accounts, their ends, and what is refused."""

from __future__ import annotations

import asyncio
import gc

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.support import run

BALANCE = {
    "e": "balanceUpdate",
    "E": 1_700_000_000_000_001,
    "a": "这是测试币456",
    "d": "1.50000000",
    "T": 1_700_000_000_000_000,
}
FORMATS = pytest.mark.parametrize("options", [{}, {"sbe": True}, {"sbe": True, "results": "view"}])


@FORMATS
def test_several_accounts_on_one_connection(options):
    async def main():
        async with Emulator() as exchange:
            own, rsa, hmac = (exchange.add_account(kind) for kind in ("Ed25519", "RSA", "HMAC"))
            keys = {"api_key": own.api_key, "private_key": own.private_key}
            async with fastws.connect(exchange.url, **keys, time_unit="us", **options) as client:
                heard = []
                mine = await client.user_data_stream_subscribe()
                signer = fastws.load_signer(rsa.api_key, private_key=rsa.private_key)
                theirs = await client.user_data_stream_subscribe_signature(signer=signer)
                signer = fastws.load_signer(hmac.api_key, secret=hmac.secret)
                await client.user_data_stream_subscribe_signature(signer=signer, on_event=heard.append)
                assert (mine.api_key, theirs.api_key) == (own.api_key, rsa.api_key)
                listed = await client.session_subscriptions()
                assert [dict(entry) for entry in listed] == [{"subscriptionId": n} for n in range(3)]
                assert (await client.session_status())["userDataStream"] is True
                for number, key in enumerate((own, rsa, hmac)):
                    exchange.core.emit(key.account, {**BALANCE, "d": f"{number}.00000000"})
                assert await anext(mine) == {**BALANCE, "d": "0.00000000"}
                assert await anext(theirs) == {**BALANCE, "d": "1.00000000"}
                while not heard:
                    await client.ping()
                assert heard == [{**BALANCE, "d": "2.00000000"}]

                await client.session_logout()
                assert await mine.wait_closed() == "logged out"
                assert [event async for event in mine] == []
                assert theirs.active
                await theirs.unsubscribe()
                assert theirs.reason == "unsubscribed"
                await client.user_data_stream_unsubscribe()
                assert await client.session_subscriptions() == []
                assert heard[-1]["e"] == "eventStreamTerminated"
                stats = client.stats
                assert (stats["unknown_events"], stats["lost_events"], stats["unreadable"]) == (0, 0, 0)

    run(main())


@FORMATS
def test_what_the_exchange_refuses(options):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            keys = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, **keys, **options) as client:
                subscription = await client.user_data_stream_subscribe()
                with pytest.raises(fastws.BadRequest) as caught:
                    await client.user_data_stream_subscribe()
                assert caught.value.code == -2035
                assert subscription.active
                with pytest.raises(fastws.BadRequest) as caught:
                    await client.user_data_stream_unsubscribe(subscriptionId=77)
                assert caught.value.code == -2036
                await subscription.unsubscribe()
                (session,) = exchange._live.connections.values()
                session.next_subscription = 65_535
                with pytest.raises(fastws.BadRequest) as caught:
                    await client.user_data_stream_subscribe()
                assert caught.value.code == -2042

    run(main())


@FORMATS
def test_a_revoked_key_and_a_shutdown(options):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            keys = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, reconnect=False, **keys, **options) as client:
                subscription = await client.user_data_stream_subscribe()
                exchange.core.emit(key.account, BALANCE)
                await client.ping()
                exchange.revoke(key.api_key)
                with pytest.raises(fastws.SessionRevoked):
                    await client.open_orders_status()
                seen = []
                try:
                    async for event in subscription:
                        seen.append(event["e"])
                except fastws.SessionRevoked:
                    seen.append("revoked")
                assert seen in (["balanceUpdate", "revoked"], ["balanceUpdate"])
                assert not subscription.active

    run(main())


@FORMATS
def test_a_subscription_that_was_left_lying_about_can_be_made_again(options):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            keys = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, **keys, **options) as client:
                for _ in range(3):
                    waiting = client.user_data_stream_subscribe()
                    client.flush()
                    waiting.cancel()
                    await client.ping()
                    await client.user_data_stream_subscribe()
                    gc.collect()
                    await asyncio.sleep(0)
                    await client.ping()
                assert await client.session_subscriptions() == []

    run(main())


@pytest.mark.parametrize("kind", ["HMAC", "RSA"])
def test_a_key_that_cannot_log_on_is_told_how_it_can_subscribe(kind):
    async def main():
        async with Emulator() as exchange:
            signer = exchange.add_account(kind)
            keys = {"secret": signer.secret} if kind == "HMAC" else {"private_key": signer.private_key}
            async with fastws.connect(exchange.url, api_key=signer.api_key, **keys) as client:
                said = f"takes no {kind} key: use client.user_data_stream_subscribe_signature"
                with pytest.raises(fastws.InvalidRequest, match=said):
                    client.user_data_stream_subscribe()
                with pytest.raises(fastws.InvalidRequest, match=said):
                    client.request("userDataStream.subscribe")
                async with await client.user_data_stream_subscribe_signature() as subscription:
                    assert subscription.active
            async with fastws.connect(exchange.url) as client:
                with pytest.raises(fastws.InvalidRequest, match="subscribe_signature\\(\\) needs none"):
                    client.user_data_stream_subscribe()

    run(main())
