"""fastws.trading.resolve: on which connection and for whose account it is asked, and questions that fail."""

import asyncio
import pickle
import time

import pytest

import fastws
from fastws import Executed, NeverExecuted, StillOpen
from helpers.resolving import LIMIT, TOO_LATE, hurry, look, trading, unknown  # noqa: F401
from helpers.support import run

pytestmark = pytest.mark.usefixtures("hurry")


def test_many_outcomes_at_once():
    async def main():
        async with trading() as floor:
            floor.fail("drop_reply", "order.place", 10)
            executed = [floor.client.order_place(**LIMIT, timeout=0.1) for _ in range(10)]
            errors = await asyncio.gather(*executed, return_exceptions=True)
            floor.fail("unknown", "order.place", 10, executed=False)
            lost = [floor.client.order_place(**LIMIT) for _ in range(10)]
            errors += await asyncio.gather(*lost, return_exceptions=True)
            floor.later()
            verdicts = await asyncio.gather(*(error.resolve() for error in errors))
            assert [type(verdict) for verdict in verdicts] == [Executed] * 10 + [NeverExecuted] * 10
            ids = [
                record.order_id
                for record in floor.exchange.journal.find(outcome="executed", method="order.place")
            ]
            assert [verdict.order["orderId"] for verdict in verdicts[:10]] == ids

    run(main())


@pytest.mark.parametrize("logon", ["auto", "never"])
def test_a_session_that_is_logged_on_asks_as_well(logon):
    async def main():
        async with trading(kind="Ed25519", logon=logon) as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.fail("unknown", executed=False)
            lost = await unknown(floor.client.order_place(**LIMIT))
            floor.later()
            assert isinstance(await error.resolve(), Executed)
            assert await lost.resolve() == NeverExecuted()
            question = floor.exchange.journal.find(method="order.status")[0]
            assert ("apiKey" in question.params) == (logon == "never")

    run(main())


def test_a_key_that_was_revoked_meanwhile_leaves_the_question_to_another():
    async def main():
        async with trading(kind="Ed25519") as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            await floor.client.account_status()  # shows the uid, which both keys have
            account = floor.exchange.core.keys[floor.key["api_key"]].account
            floor.exchange.revoke(floor.key["api_key"])
            with pytest.raises(fastws.SessionRevoked):
                await error.resolve()
            new = floor.exchange.add_key(account, "HMAC")
            async with fastws.connect(floor.exchange.url, api_key=new.api_key, secret=new.secret) as client:
                assert isinstance(await error.resolve(client=client), Executed)

    run(main())


def test_a_client_that_is_closed_or_was_never_opened_cannot_ask():
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            await floor.client.close()
            for client in (None, floor.client, fastws.connect(floor.exchange.url)):
                with pytest.raises(fastws.NotConnected):
                    await error.resolve(client=client)
            assert isinstance(await error.resolve(client=floor.watcher), Executed)

    run(main())


@pytest.mark.parametrize("method", ["time", "order.status"])
def test_a_question_that_fails_is_asked_again(method):
    async def main():
        async with trading(timeout=0.2) as floor:
            floor.fail("unknown", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT))
            data = {"serverTime": 1, "retryAfter": 1}
            for kind, details in (
                ("error", {"status": 429, "code": -1003, "data": data}),
                ("error", {"status": 400, "code": -1021}),
                ("server_error", {}),
                ("raw", {"data": b"{no"}),
                ("drop_reply", {}),
            ):
                floor.fail(kind, method, **details)
                assert isinstance(await error.resolve(), Executed), kind
            floor.fail("unknown", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.fail("error", method, 100, status=403, code=-2015)
            with pytest.raises(fastws.Forbidden) as caught:
                await error.resolve()
            assert caught.value.info.method == method
            assert 3 < floor.questions(method) < 30

    run(main())


def test_an_order_of_another_account_is_looked_for_there():
    async def main():
        async with trading() as floor:
            other = floor.exchange.add_account("HMAC", name="other")
            signer = fastws.load_signer(api_key=other.api_key, secret=other.secret)
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT, signer=signer))
            assert error.info.signer is signer
            floor.later()
            for client in (floor.client, floor.watcher):
                assert isinstance(await error.resolve(client=client), Executed)
            assert {record.account for record in floor.exchange.journal.find(method="order.status")} == {
                "other"
            }

    run(main())


def test_an_order_that_the_caller_signed_for_another_account_needs_a_client_of_that():
    async def main():
        async with trading(recv_window=100) as floor:
            other = floor.exchange.add_account("HMAC", name="other")
            signer = fastws.load_signer(api_key=other.api_key, secret=other.secret)
            params = {**LIMIT, "newClientOrderId": "by-hand", "apiKey": signer.api_key}
            params["timestamp"] = time.time_ns() // 1_000_000
            params["signature"] = signer.sign(signer.payload(params))
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**params))
            assert "recvWindow" not in error.params, "nothing was added, so the exchange's default holds"
            floor.later()
            with pytest.raises(fastws.InvalidRequest, match="another key"):
                await error.resolve()
            async with fastws.connect(floor.exchange.url, signer=signer) as client:
                assert isinstance(await error.resolve(client=client), Executed)

    run(main())


def test_an_error_from_another_process_is_resolved_there():
    async def main():
        async with trading(recv_window=7000) as floor:
            floor.fail("unknown", executed=False)
            error = pickle.loads(pickle.dumps(await unknown(floor.client.order_place(**LIMIT))))
            assert error.info is None
            with pytest.raises(fastws.NotConnected, match="client="):
                await error.resolve()
            floor.later(21.5)  # less than 7 + 15 s after its timestamp
            assert await look(error, client=floor.watcher) == StillOpen()
            floor.later(2)
            assert await error.resolve(client=floor.watcher) == NeverExecuted()

    run(main())


def test_a_method_with_a_version_is_resolved_as_without():
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.request("v3/order.place", LIMIT))
            assert error.method == "v3/order.place"
            assert isinstance(await error.resolve(), Executed)

    run(main())


def test_every_trading_method_can_be_resolved():
    from fastws.methods import METHODS
    from fastws.trading.questions import QUESTIONS

    assert set(QUESTIONS) == {method.name for method in METHODS.values() if method.trading}
    assert TOO_LATE > 5 + 10 + 1 + 4
