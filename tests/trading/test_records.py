"""fastws.trading.records: a program stores what it is about to send, and resolves it in another process."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from decimal import Decimal

import pytest

import fastws
from fastws import Executed, InvalidRequest, NeverExecuted
from fastws.methods import METHODS
from fastws.trading.accounts import key_digest
from helpers.offline import Offline
from helpers.resolving import LIMIT, OCO, SYMBOL, TOO_LATE, hurry, look, trading, unknown  # noqa: F401
from helpers.support import run

RECORD = {
    "fastws": 1,
    "method": "order.place",
    "params": {**LIMIT, "newClientOrderId": "mine"},
    "timestamp": 10**15,
    "recvWindow": 5000,
    "account": "0123456789ab",
    "uid": None,
}
OLD = {"symbol": SYMBOL, "orderId": 7}
WORKING = {
    "symbol": SYMBOL,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": Decimal("1.50"),
    "workingQuantity": 2,
    "workingTimeInForce": "GTC",
}
PENDING = {"pendingType": "MARKET", "pendingSide": "SELL"}
PAIR = {"pendingSide": "SELL", "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": 9}
# A request of each method that trades.
CALLS = {
    "order.place": LIMIT,
    "sor.order.place": LIMIT,
    "order.cancel": OLD,
    "order.amend.keepPriority": {**OLD, "newQty": Decimal("0.10")},
    "order.cancelReplace": {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 7},
    "openOrders.cancelAll": {"symbol": SYMBOL},
    "orderList.place": {
        "symbol": SYMBOL,
        "side": "SELL",
        "quantity": 1,
        "price": 9,
        "stopPrice": 3,
        "stopLimitPrice": 2,
    },
    "orderList.place.oco": OCO,
    "orderList.place.oto": {**WORKING, **PENDING, "pendingQuantity": 1},
    "orderList.place.otoco": {**WORKING, **PAIR, "pendingQuantity": 1},
    "orderList.place.opo": {**WORKING, **PENDING},
    "orderList.place.opoco": {**WORKING, **PAIR},
    "orderList.cancel": {"symbol": SYMBOL, "orderListId": 5},
}
KEY = {"api_key": "k" * 64, "secret": "s" * 64}


def as_sent(message):
    """The parameters of a message that the client wrote, but for key and signature."""
    return {name: value for name, value in message["params"].items() if name not in ("apiKey", "signature")}


@pytest.mark.parametrize("how", ["by name", "prepared"])
@pytest.mark.parametrize("results", ["dict", "view"])
def test_a_record_is_what_was_sent_for_each_method(results, how):
    async def main():
        assert set(CALLS) == {method.name for method in METHODS.values() if method.trading}
        wire = Offline(results=results, recv_window=2500.5, **KEY)
        for method, params in CALLS.items():
            if how == "prepared":
                reply = wire.client.prepare(method, symbol=SYMBOL)(
                    **{name: value for name, value in params.items() if name != "symbol"}
                )
            else:
                reply = wire.client.request(method, params)
            record = reply.info.record()
            (message,) = wire.requests() or wire.client.flush() or wire.requests()
            assert json.loads(json.dumps(record)) == record
            assert record == {
                "fastws": 1,
                "method": method,
                "params": as_sent(message),
                "timestamp": message["params"]["timestamp"],
                "recvWindow": 2500.5,
                "account": key_digest("k" * 64),
                "uid": None,
            }
            assert "k" * 64 not in json.dumps(record)
            assert message["params"]["signature"] not in json.dumps(record)
        wire.lose()

    run(main())


def test_decimals_are_the_texts_that_were_sent():
    async def main():
        wire = Offline(**KEY)
        reply = wire.client.order_place(**{**LIMIT, "price": Decimal("50000.10"), "quantity": 3})
        record = reply.info.record()
        assert (record["params"]["price"], record["params"]["quantity"]) == ("50000.10", "3")
        assert record["recvWindow"] == 5000, "the exchange's own, as none was sent"
        assert "recvWindow" not in record["params"]
        wire.lose()

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
def test_a_record_does_not_depend_on_the_format(sbe):
    async def main():
        async with trading(kind="Ed25519", sbe=sbe, results="view") as floor:
            reply = floor.client.order_place(**LIMIT)
            record = reply.info.record()
            await reply
            sent = floor.exchange.journal.find(method="order.place")[0]
            params = {**sent.params, "timestamp": int(sent.params["timestamp"])}
            assert record["params"] == as_sent({"params": params})
            assert record["account"] == key_digest(floor.key["api_key"])

    run(main())


def test_in_a_batch_a_record_is_complete_before_anything_is_written():
    async def main():
        wire = Offline(**KEY)
        with wire.client.batch():
            placed = [wire.client.order_place(**LIMIT) for _ in range(3)]
            records = [reply.info.record() for reply in placed]
            assert not wire.written
            assert not any(reply.info.sent for reply in placed)
        assert [record["params"] for record in records] == [as_sent(each) for each in wire.requests()]
        wire.lose()

    run(main())


def test_a_read_has_no_record():
    async def main():
        wire = Offline(**KEY)
        for reply in (wire.client.order_status(**OLD), wire.client.ping()):
            with pytest.raises(InvalidRequest, match=rf"{reply.info.method} changes no orders"):
                reply.info.record()
            with pytest.raises(InvalidRequest, match="changes no orders"):
                await wire.client.resolve(reply.info)
        wire.lose()

    run(main())


def test_a_request_that_the_caller_signed_must_carry_what_its_record_needs():
    async def main():
        wire = Offline(**KEY)
        signer = fastws.load_signer("other", secret="s")
        mine = {**LIMIT, "newClientOrderId": "mine", "apiKey": "other", "signature": "x"}
        with pytest.raises(InvalidRequest, match="timestamp"):
            wire.client.request("order.place", mine)
        record = wire.client.request("order.place", {**mine, "timestamp": 10**12}).info.record()
        assert (record["timestamp"], record["account"]) == (10**12, key_digest("other"))
        assert record["recvWindow"] == 5000
        assert "recvWindow" not in record["params"]
        record = wire.client.order_place(**LIMIT, signer=signer).info.record()
        assert record["account"] == key_digest("other")
        wire.lose()

    run(main())


def test_an_error_has_the_record_of_its_request_and_keeps_it_when_it_is_pickled():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            reply = floor.client.order_place(**LIMIT)
            record = reply.info.record()
            error = await unknown(reply)
            assert error.record() == record
            copied = pickle.loads(pickle.dumps(error))
            assert copied.info is None
            assert copied.record() == record
            copied.record()["params"].clear()
            assert copied.record() == record
        by_hand = fastws.ExecutionUnknown(fastws.RequestTimeout("late"), "order.place", {})
        with pytest.raises(InvalidRequest, match="no client made this error"):
            by_hand.record()

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("kind", ["error", "info", "record", "pickled"])
def test_all_that_names_a_request_can_be_resolved(kind, executed):
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=executed)
            reply = floor.client.order_place(**LIMIT)
            record = json.loads(json.dumps(reply.info.record()))
            error = await unknown(reply)
            given = {
                "error": error,
                "info": reply.info,
                "record": record,
                "pickled": pickle.loads(pickle.dumps(error)),
            }[kind]
            floor.later()
            for client in (floor.client, floor.watcher):
                verdict = await client.resolve(given)
                assert isinstance(verdict, Executed if executed else NeverExecuted)

    run(main())


@pytest.mark.usefixtures("hurry")
def test_a_record_of_each_method_is_resolved_by_another_client():
    async def main():
        async with trading() as floor:
            replies, truths = [], []
            for number, (method, params) in enumerate(CALLS.items()):
                if method in ("orderList.place", "sor.order.place"):
                    continue
                order = await floor.placed(price=f"{40000 + number}.00")
                given = dict(params)
                for name in given.keys() & {"orderId", "cancelOrderId"}:
                    given[name] = order["orderId"]
                floor.fail("unknown", method, executed=False)
                replies.append(floor.client.request(method, given))
                truths.append(method)
            await asyncio.gather(*replies, return_exceptions=True)
            floor.later()
            for reply, method in zip(replies, truths, strict=True):
                verdict = await floor.watcher.resolve(json.loads(json.dumps(reply.info.record())))
                assert not isinstance(verdict, Executed), method

    run(main())


# ---------------------------------------------------------------------------------------------------- accounts


def test_a_record_of_another_account_is_refused():
    async def main():
        async with trading() as floor:
            other = floor.exchange.add_account("HMAC", name="other")
            key = {"api_key": other.api_key, "secret": other.secret}
            async with fastws.connect(floor.exchange.url, **key) as stranger:
                await stranger.account_status()
                uid = (await floor.client.account_status())["uid"]
                floor.fail("unknown")
                reply = floor.client.order_place(**LIMIT)
                error = await unknown(reply)
                assert error.record()["uid"] == uid
                for given in (error, reply.info, error.record(), {**error.record(), "uid": None}):
                    asked = len(floor.exchange.journal)
                    with pytest.raises(InvalidRequest, match=key_digest(floor.key["api_key"])):
                        await stranger.resolve(given)
                    assert len(floor.exchange.journal) == asked

    run(main())


@pytest.mark.parametrize("is_known", [True, False])
def test_another_key_of_the_same_account_may_ask(is_known):
    """The uid is asked for once, where no reply has shown it."""

    async def main():
        async with trading() as floor:
            await floor.client.account_status()
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            key = floor.exchange.add_key(floor.exchange.core.keys[floor.key["api_key"]].account, "HMAC")
            async with fastws.connect(floor.exchange.url, api_key=key.api_key, secret=key.secret) as client:
                if is_known:
                    await client.account_status()
                for _ in range(2):
                    assert isinstance(await client.resolve(error.record()), Executed)
            assert len(floor.exchange.journal.find(method="account.status")) == 2

    run(main())


def test_views_show_the_uid_as_well():
    async def main():
        for sbe in (False, True):
            async with trading(results="view", sbe=sbe) as floor:
                assert floor.client.order_place(**LIMIT).info.record()["uid"] is None
                uid = (await floor.client.account_status())["uid"]
                assert floor.client.order_place(**LIMIT).info.record()["uid"] == uid

    run(main())


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", RECORD)
def test_a_record_with_a_missing_field_is_refused(name):
    async def main():
        wire = Offline(**KEY)
        record = {field: value for field, value in RECORD.items() if field != name}
        with pytest.raises(InvalidRequest, match=f"record: '{name}' is missing"):
            await wire.client.resolve(record)
        wire.lose()

    run(main())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fastws": 2}, "version 1 .*got 2"),
        ({"fastws": True}, "got True"),
        ({"method": "order.fly"}, "'order.fly'"),
        ({"method": "order.status"}, "'order.status'"),
        ({"method": "no name"}, "'no name'"),
        ({"method": 5}, "got 5"),
        ({"params": []}, r"got \[\]"),
        ({"params": {**LIMIT}}, "'newClientOrderId' is missing"),
        ({"params": {"newClientOrderId": "mine"}}, "'symbol' is missing"),
        ({"params": {**RECORD["params"], "price": 0.1}}, "price: expected a decimal"),
        ({"timestamp": "now"}, "'now'"),
        ({"timestamp": None}, "None"),
        ({"timestamp": 0}, "got 0"),
        ({"recvWindow": 70_000}, "70000"),
        ({"recvWindow": None}, "None"),
        ({"account": "someone"}, "'someone'"),
        ({"account": None}, "None"),
        ({"uid": "7"}, "'7'"),
    ],
    ids=str,
)
def test_a_record_with_a_wrong_value_is_refused_and_the_value_named(fields, said):
    async def main():
        wire = Offline(**KEY)
        with pytest.raises(InvalidRequest, match=said):
            await wire.client.resolve({**RECORD, **fields})
        assert not wire.requests()
        wire.lose()

    run(main())


@pytest.mark.parametrize("given", [None, "order", 5, fastws.RequestTimeout("late")], ids=repr)
def test_what_is_no_request_is_refused(given):
    async def main():
        wire = Offline(**KEY)
        with pytest.raises(InvalidRequest, match="expected an ExecutionUnknown, a RequestInfo or a record"):
            await wire.client.resolve(given)
        wire.lose()

    run(main())


@pytest.mark.parametrize("others", [None, 5, "12", b"12", ["12"], [True], [1.5]], ids=repr)
def test_others_that_are_no_order_ids_are_refused(others):
    async def main():
        wire = Offline(**KEY)
        with pytest.raises(InvalidRequest, match="others: expected "):
            await wire.client.resolve(RECORD, others=others)
        assert not wire.requests()
        wire.lose()

    run(main())


# -------------------------------------------------------------------------------------------- another process

ANOTHER = """
import asyncio, json, sys
import fastws

async def main():
    url, api_key, secret, path = sys.argv[1:]
    async with fastws.connect(url, api_key=api_key, secret=secret) as client:
        for line in open(path):
            verdict = await client.resolve(json.loads(line))
            print(json.dumps([type(verdict).__name__, (getattr(verdict, "order", None) or {}).get("orderId")]))

fastws.run(main())
"""


def test_a_new_process_resolves_what_an_old_one_had_in_flight(tmp_path):
    async def main():
        async with trading() as floor:
            path = tmp_path / "sent"
            floor.fail("cut_after", "order.place")
            reply = floor.client.order_place(**LIMIT)
            path.write_text(json.dumps(reply.info.record()))
            await unknown(reply)
            truth = floor.exchange.journal.find(method="order.place")[0]
            arguments = (floor.exchange.url, floor.key["api_key"], floor.key["secret"], str(path))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", ANOTHER, *arguments, stdout=subprocess.PIPE
            )
            out, _ = await process.communicate()
            assert json.loads(out) == ["Executed", truth.order_id]

    run(main(), timeout=30)


def test_the_time_of_a_record_may_be_in_milliseconds():
    async def main():
        async with trading() as floor:
            placing = floor.client.order_place(**LIMIT, newClientOrderId="mine")
            order = await placing
            record = {
                **RECORD,
                "timestamp": placing.info.timestamp // 1000,
                "account": key_digest(floor.key["api_key"]),
            }
            verdict = await floor.client.resolve(record, timeout=5)
            assert verdict.order["orderId"] == order["orderId"]
            floor.later(TOO_LATE)

    run(main())
