"""Prepared requests: they say what a plain call says, and obey every rule that a plain call obeys."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastws
from fastws._native.calls import encode_prepared
from fastws._native.request import encode
from fastws.emulator import Emulator
from fastws.methods import METHODS, PARAMETERS
from helpers.support import KEY, ORDER, Peer, answer_all, run, talking

SIGNER = fastws.load_signer("k" * 64, secret="s" * 64)
FIXED = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
CHANGES = {"price": "52000.00", "quantity": "0.01"}


def prepare(method: str = "order.place", **params: Any) -> fastws.PreparedRequest:
    return fastws.connect("testnet").prepare(method, **params)


def values(kind: str) -> st.SearchStrategy[Any]:
    return {
        "TEXT": st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=12),
        "DECIMAL": st.integers(-(10**9), 10**9).map(str)
        | st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**9), max_value=10**9),
        "INTEGER": st.integers(-(2**70), 2**70),
        "BOOLEAN": st.booleans(),
        "LIST": st.lists(st.text("ABC这", max_size=5), max_size=3),
        "WINDOW": st.integers(1, 60000),
    }[kind]


@st.composite
def split(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """A method, what is fixed, and what some calls give: some of it replaces what is fixed."""
    method = METHODS[draw(st.sampled_from(sorted(METHODS)))]
    names = [*method.params, *(["recvWindow"] if method.signed else []), "returnRateLimits"]
    full = {name: draw(values(PARAMETERS[name])) for name in names}
    own = [
        name for name in names if name.endswith("lientOrderId") and not name.startswith(("orig", "cancelO"))
    ]
    fixed = {n: full[n] for n in draw(st.lists(st.sampled_from(names), unique=True)) if n not in own}
    calls = []
    for _ in range(3):
        more = {name: full[name] for name in names if name not in fixed}
        for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=2)):
            more[name] = draw(st.none() | values(PARAMETERS[name])) if name in fixed else full[name]
        calls.append(more)
    return method.name, fixed, calls


@settings(max_examples=150, deadline=None)
@given(split(), st.booleans(), st.sampled_from([0, 1_750_000_000_000_000]), st.sampled_from([None, 4000]))
def test_the_text_and_its_signature_are_those_of_a_plain_call(
    case: Any, signed: bool, timestamp: int, window: Any
) -> None:
    method, fixed, calls = case
    signer = SIGNER if signed else None
    prepared = prepare(method, **fixed)
    strict = {"recv_window": window, "strict": True}
    for number, more in enumerate(calls):
        merged = {**fixed, **{name: value for name, value in more.items() if value is not None}}
        if "timestamp" in METHODS[method].params:
            continue
        try:
            plain = encode(method, merged, number, signer, timestamp, **strict)
        except fastws.InvalidRequest as error:
            with pytest.raises(fastws.InvalidRequest, match=re.escape(str(error))):
                encode_prepared(prepared, more, number, signer, timestamp, recv_window=window)
            continue
        made = encode_prepared(prepared, more, number, signer, timestamp, recv_window=window)
        assert json.loads(made) == json.loads(plain)
        document = json.loads(made)
        assert list(document) == list(json.loads(plain)), "id, method, params"


def test_a_changed_length_is_fine_and_what_is_replaced_stays_prepared() -> None:
    prepared = prepare(**FIXED, price="1")
    for signer in (None, SIGNER):
        for price in ("52000.00", None, "7", Decimal("0.00000001"), None):
            text = encode_prepared(prepared, {"price": price, "quantity": 2}, 5, signer, 17)
            plain = encode("order.place", {**FIXED, "price": price or "1", "quantity": 2}, 5, signer, 17)
            assert json.loads(text) == json.loads(plain)
    assert prepared.params == {**FIXED, "price": "1"}
    assert repr(prepared) == (
        "<fastws.PreparedRequest order.place symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC price=1>"
    )


@pytest.mark.parametrize(
    ("method", "fixed", "said"),
    [
        ("order.place", {"newClientOrderId": "a"}, "newClientOrderId cannot be fixed: each request"),
        ("order.cancel", {"newClientOrderId": "a"}, "newClientOrderId cannot be fixed"),
        ("order.cancelReplace", {"cancelNewClientOrderId": "a"}, "cancelNewClientOrderId cannot be fixed"),
        ("orderList.place.oco", {"aboveClientOrderId": "a"}, "aboveClientOrderId cannot be fixed"),
        ("order.place", {"timestamp": 1}, "timestamp cannot be fixed"),
        ("order.place", {"signature": "x"}, "signature cannot be fixed"),
        ("order.place", {"apiKey": "x"}, "apiKey cannot be fixed"),
        ("order.place", {"pric": "1"}, "takes no parameter 'pric'; did you mean 'price'"),
        ("order.place", {"price": 0.1}, "price: expected a decimal.*a float is refused"),
        ("order.place", {"symbol": 5}, "symbol: expected a str"),
        ("order place", {}, "no name of a method"),
    ],
)
def test_what_cannot_be_prepared_is_refused_when_it_is_prepared(method: str, fixed: Any, said: str) -> None:
    with pytest.raises(fastws.InvalidRequest, match=said):
        prepare(method, **fixed)


def test_what_a_call_gets_wrong_is_told_as_by_a_plain_call() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            order = client.prepare("order.place", **FIXED)
            cancel = client.prepare("order.cancel", symbol="BTCUSDT")
            for call, options, said in (
                (order, {**CHANGES, "pric": "1"}, "did you mean 'price'"),
                (order, {**CHANGES, "price": 0.1}, "a float is refused"),
                (order, {**CHANGES, "no such": "1"}, "no such"),
                (order, {**CHANGES, "signature": "x", "newClientOrderId": "a"}, "takes no signature"),
                (order, {**CHANGES, "timeout": 0}, "timeout"),
                (order, {**CHANGES, "signer": "me"}, "signer"),
                (order, {**CHANGES, "apiKey": "z" * 64}, "apiKey is not the key that signs"),
                (cancel, {}, "needs 'orderId' or 'origClientOrderId'"),
                (client.prepare("order.place", symbol="X", side="BUY"), CHANGES, "needs 'type'"),
            ):
                with pytest.raises(fastws.InvalidRequest, match=said):
                    call(**options)
            assert (client.stats["requests"], client.in_flight) == (0, 0)
            sent = await order(**CHANGES)
            assert sent["params"].items() >= {**FIXED, **CHANGES}.items(), "a refusal leaves nothing behind"

    run(main())


def test_each_request_has_a_fresh_client_order_id_and_a_record_of_all_parameters() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            order = client.prepare("order.place", **FIXED)
            replies = [order(**CHANGES) for _ in range(20)]
            ids = {reply.info.client_order_id for reply in replies}
            assert len(ids) == 20
            for reply in replies:
                result = await reply
                assert result["params"]["newClientOrderId"] == reply.info.client_order_id
                assert reply.info.params.items() >= {**FIXED, **CHANGES}.items()
                assert (reply.info.method, reply.info.trading) == ("order.place", True)
            own = await order(**CHANGES, newClientOrderId="mine")
            assert own["params"]["newClientOrderId"] == "mine"

    run(main())


def test_options_corking_and_urgency_are_those_of_a_plain_call() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            order, cancel = client.prepare("order.place", **FIXED), client.prepare("order.cancel", symbol="X")
            done = asyncio.get_running_loop().create_future()
            first, second = client.ping(), order(**CHANGES)
            assert (first.info.sent, second.info.sent) == (True, False)
            third = cancel(orderId=1)
            assert third.info.sent, "a cancel is urgent"
            assert second.info.sent
            info = order(**CHANGES, on_reply=lambda *outcome: done.set_result(outcome), urgent=True)
            assert isinstance(info, fastws.RequestInfo)
            assert info.sent
            result, error = await done
            assert error is None
            assert result["method"] == "order.place"
            await asyncio.gather(first, second, third)

    run(main())


def test_an_order_with_another_key_is_signed_with_it() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            first, second = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            async with fastws.connect(
                exchange.url, api_key=first.api_key, private_key=first.private_key
            ) as client:
                order = client.prepare("order.place", **FIXED)
                other = fastws.load_signer(second.api_key, secret=second.secret)
                for signer in (None, other, None, other):
                    placed = await order(**CHANGES, signer=signer)
                    assert placed["status"] == "NEW"
                accounts = [record.account for record in exchange.journal if record.method == "order.place"]
                assert accounts[0] == accounts[2]
                assert accounts[1] == accounts[3]
                assert accounts[0] != accounts[1]

    run(main())


@pytest.mark.parametrize("kind", ["HMAC", "RSA", "Ed25519"])
def test_signatures_of_all_keys_are_accepted(kind: str) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account(kind)
            key = {"secret": account.secret} if kind == "HMAC" else {"private_key": account.private_key}
            async with fastws.connect(
                exchange.url, api_key=account.api_key, logon="never", recv_window=4000, **key
            ) as client:
                order = client.prepare("order.place", **FIXED)
                for price in ("52000.00", "51000.0", "52000.5"):
                    assert (await order(price=price, quantity="0.01"))["status"] == "NEW"
                status = client.prepare("order.status", symbol="BTCUSDT", recvWindow=3000.5)
                placed = await order(**CHANGES)
                assert (await status(orderId=placed["orderId"]))["price"] == "52000.00000000"

    run(main())


def test_a_lost_order_is_found_from_what_was_prepared_and_what_was_given() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account("HMAC")
            key = {"api_key": account.api_key, "secret": account.secret}
            async with fastws.connect(exchange.url, **key) as client:
                order = client.prepare("order.place", **FIXED)
                exchange.faults.add("drop_reply", method="order.place")
                with pytest.raises(fastws.ExecutionUnknown) as caught:
                    await order(**CHANGES, symbol=None, timeout=0.1)
                assert caught.value.params.items() >= {**FIXED, **CHANGES}.items()
                assert isinstance(await caught.value.resolve(), fastws.Executed)

    run(main())


def test_methods_without_parameters_and_methods_that_nobody_knows() -> None:
    async def script(peer: Peer) -> None:
        await answer_all(peer)

    async def main() -> None:
        async with talking(script, **KEY) as client:
            assert await client.prepare("ping")() == {"method": "ping", "params": None}
            assert (await client.prepare("time")(returnRateLimits=False))["params"] == {
                "returnRateLimits": False
            }
            tomorrow = client.prepare("order.tomorrow", symbol="X", shiny=True, price="1")
            assert await tomorrow(dull=[1, 2], price=2) == {
                "method": "order.tomorrow",
                "params": {"symbol": "X", "shiny": True, "price": "2", "dull": [1, 2]},
            }
            versioned = await client.prepare("v3/order.place", **FIXED)(**CHANGES)
            assert versioned["method"] == "v3/order.place"
            assert versioned["params"]["newClientOrderId"]

    run(main())


def test_a_client_that_is_not_open_refuses_and_another_thread_too() -> None:
    async def main() -> None:
        client = fastws.connect("testnet", **KEY)
        order = client.prepare("order.place", **FIXED)
        with pytest.raises(fastws.NotConnected, match="not open"):
            order(**CHANGES)
        async with talking(answer_all, **KEY) as client:
            order = client.prepare("order.place", **FIXED)
            raised: list[BaseException] = []

            def elsewhere() -> None:
                try:
                    order(**CHANGES)
                except RuntimeError as error:
                    raised.append(error)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            assert "another thread" in str(raised[0])
            assert client.stats["requests"] == 0

    run(main())


def test_a_prepared_request_is_prepared_before_its_client_is_open() -> None:
    order = ORDER.copy()
    prepared = prepare(**order)
    order["price"] = "9"
    assert json.loads(encode_prepared(prepared, {}, 1))["params"]["price"] == "1"
