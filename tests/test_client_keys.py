"""fastws.client: how requests are authorised with keys of each kind, and that secrets stay secret."""

import json
import logging
import pickle
import time
import traceback
from decimal import Decimal
from pathlib import Path

import pytest

import fastws
from fastws import InvalidRequest, SessionRevoked
from fastws.emulator import Emulator
from helpers.support import answer_all, reply, run, talking

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
KINDS = ["HMAC", "RSA", "Ed25519"]
SECRET = "s3cr3t" * 10


def key_of(credentials):
    """The arguments of connect() for a key of the emulator."""
    if credentials.secret is not None:
        return {"api_key": credentials.api_key, "secret": credentials.secret}
    return {"api_key": credentials.api_key, "private_key": credentials.private_key}


def signer_of(credentials):
    return fastws.load_signer(**key_of(credentials))


# --- keys


@pytest.mark.parametrize("logon", ["auto", "never"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key_places_queries_and_cancels(kind, logon):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(kind, name="me")
            async with fastws.connect(exchange.url, logon=logon, recv_window=3000.5, **key_of(key)) as client:
                session = kind == "Ed25519" and logon == "auto"
                assert client.logged_on == session
                order = await client.order_place(**LIMIT)
                assert order["status"] == "NEW"
                found = await client.order_status(symbol="BTCUSDT", origClientOrderId=order["clientOrderId"])
                assert found["orderId"] == order["orderId"]
                gone = await client.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])
                assert gone["status"] == "CANCELED"
                assert (await client.account_status())["uid"] == key.account.uid
            placed = exchange.journal.find(method="order.place")[0]
            assert placed.account == "me"
            assert ("apiKey" in placed.params) == (not session)
            assert placed.params["recvWindow"] == "3000.5"
            assert len(exchange.journal.find(method="session.logon")) == session

    run(main())


def test_a_symbol_that_is_not_ascii_is_signed_as_sent():
    async def main():
        async with Emulator() as exchange:
            for kind in KINDS:
                key = exchange.add_account(kind)
                async with fastws.connect(exchange.url, logon="never", **key_of(key)) as client:
                    order = {**LIMIT, "symbol": "这是测试币456", "price": Decimal("1"), "quantity": 10}
                    assert (await client.order_place(**order))["symbol"] == "这是测试币456"
                    assert len(await client.open_orders_cancel_all(symbol="这是测试币456")) == 1

    run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_another_key_for_one_request(kind):
    async def main():
        async with Emulator() as exchange:
            mine, other = (
                exchange.add_account("Ed25519", name="mine"),
                exchange.add_account(kind, name="other"),
            )
            async with fastws.connect(exchange.url, **key_of(mine)) as client:
                await client.order_place(**LIMIT, signer=signer_of(other))
                await client.order_place(**LIMIT)
                await client.request("order.place", LIMIT, signer=signer_of(other))
                assert client.logged_on
                assert (await client.session_status())["apiKey"] == mine.api_key
            accounts = [record.account for record in exchange.journal.find(method="order.place")]
            assert accounts == ["other", "mine", "other"]

    run(main())


@pytest.mark.parametrize("session", [True, False])
def test_a_request_that_the_caller_signed_is_sent_as_it_is(session):
    async def main():
        async with Emulator() as exchange:
            mine, other = exchange.add_account("Ed25519"), exchange.add_account("HMAC", name="other")
            key = key_of(mine) if session else {}
            async with fastws.connect(exchange.url, recv_window=5000, **key) as client:
                signer = signer_of(other)
                params = {
                    **LIMIT,
                    "newClientOrderId": "by-hand",
                    "apiKey": signer.api_key,
                    "timestamp": time.time_ns() // 1_000_000,
                }
                signature = signer.sign(signer.payload(params))
                order = await client.order_place(**params, signature=signature)
                assert order["clientOrderId"] == "by-hand"
                query = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
                query |= {"apiKey": signer.api_key, "timestamp": time.time_ns() // 1000}
                query["signature"] = signer.sign(signer.payload(query))
                assert (await client.request("order.status", query))["clientOrderId"] == "by-hand"
            assert exchange.journal.find(method="order.place")[0].account == "other"

    run(main())


@pytest.mark.parametrize(
    "method", ["order.place", "order.cancel", "order.cancelReplace", "order.amend.keepPriority"]
)
def test_an_order_that_the_caller_signed_must_carry_its_id(method):
    """Nothing can be added to it, and without an id its outcome could not be found."""

    async def main():
        async with talking(answer_all) as client:
            with pytest.raises(InvalidRequest, match="lientOrderId"):
                client.request(method, {**LIMIT, "apiKey": "k", "timestamp": 1, "signature": "s"})
            assert client.in_flight == 0

    run(main())


def test_without_a_key():
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url) as client:
            for call in (
                lambda: client.order_place(**LIMIT),
                client.account_status,
                client.session_logon,
                client.user_data_stream_subscribe,
            ):
                with pytest.raises(InvalidRequest, match=r"needs a (key|connection)"):
                    call()
            assert await client.ping() == {}

    run(main())


def test_a_logon_that_is_refused_closes_the_connection():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            exchange.revoke(key.api_key)
            with pytest.raises(SessionRevoked) as caught:
                await fastws.connect(exchange.url, **key_of(key))
            assert (caught.value.status, caught.value.code) == (401, -2015)
            assert len(exchange.connections) == 0

    run(main())


def test_a_key_revoked_during_the_session():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            async with fastws.connect(exchange.url, **key_of(key)) as client:
                exchange.revoke(key.api_key)
                with pytest.raises(SessionRevoked) as caught:
                    await client.order_place(**LIMIT)
                assert caught.value.info.method == "order.place"
                assert not client.logged_on
                with pytest.raises(fastws.ApiError):
                    await client.account_status()
                assert await client.ping() == {}, "the connection stays"
            assert {record.outcome for record in exchange.journal.find(method="order.place")} == {"rejected"}

    run(main())


def test_logon_and_logout_by_hand():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            async with fastws.connect(exchange.url, logon="never", **key_of(key)) as client:
                assert (await client.session_status())["apiKey"] is None
                assert (await client.session_logon())["apiKey"] == key.api_key
                assert client.logged_on
                await client.order_place(**LIMIT)
                assert (await client.session_logout())["apiKey"] is None
                assert not client.logged_on
                await client.order_place(**LIMIT)
            first, second = exchange.journal.find(method="order.place")
            assert "signature" not in first.params
            assert "apiKey" not in first.params
            assert second.params["apiKey"] == key.api_key

    run(main())


# --- secrets


def all_that_shows(error):
    """The text of an error with the locals of every frame of fastws."""
    text = traceback.TracebackException.from_exception(error, capture_locals=True)
    package = Path(fastws.__file__).parent
    frames = [frame for frame in text.stack if package in Path(frame.filename).parents]
    return repr(error) + str(vars(error)) + "".join(str(frame.locals) for frame in frames)


@pytest.mark.parametrize(
    "options",
    [
        {"secret": SECRET, "logon": "bad"},
        {"secret": SECRET, "timeout": 0},
        {"secret": SECRET + "\n"},
        {"secret": SECRET, "private_key": "x.pem"},
        {"secret": SECRET, "passphrase": "p"},
        {"private_key": SECRET.encode()},
        {"private_key": SECRET},
        {"private_key": "x.pem", "passphrase": SECRET},
        {"secret": SECRET, "proxy": f"http://user:{SECRET}@"},
    ],
    ids=lambda options: ",".join(options),
)
def test_a_refused_argument_shows_no_secret(options):
    with pytest.raises(InvalidRequest) as caught:
        fastws.connect("testnet", api_key="k" * 64, **options)
    assert SECRET not in all_that_shows(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("kind", ["HMAC", "Ed25519"])
def test_secrets_are_in_no_text(kind, caplog):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(kind)
            secrets = [key.secret] if key.secret else key.private_key.decode().splitlines()[1:-1]
            client = fastws.connect(exchange.url, **key_of(key))
            shown = [repr(client), str(vars(client))]
            async with client:
                exchange.faults.add("drop_reply", "order.place")
                with pytest.raises(fastws.ExecutionUnknown) as unknown:
                    await client.order_place(**LIMIT, timeout=0.02)
                with pytest.raises(fastws.ApiError) as refused:
                    await client.order_cancel(symbol="BTCUSDT", orderId=1)
                shown.append(all_that_shows(refused.value))
                error = unknown.value
                shown += [
                    repr(error.info),
                    str(error.params),
                    all_that_shows(error),
                    repr(client),
                    str(vars(client)),
                ]
                with pytest.raises(TypeError):
                    pickle.dumps(client)
            shown.append(caplog.text)
            for secret in secrets:
                for text in shown:
                    assert secret not in text

    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "picows.fastws")
    run(main())


def test_a_message_that_answers_no_request_is_logged_without_what_looks_like_a_key(caplog):
    async def script(peer):
        request = await peer.request()
        peer.send(json.dumps({"id": "x", "key": "A" * 64}), reply(request))

    async def main():
        async with talking(script) as client:
            await client.ping()

    run(main())
    assert "answers no request" in caplog.text
    assert "A" * 32 not in caplog.text
