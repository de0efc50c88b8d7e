"""fastws.trading.halt: orders without a reply, refusals and lost connections while a client halts."""

# an exchange, and within it its clients

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import fastws
from fastws import Halted
from fastws.emulator import Emulator
from helpers.halting import ETHER, LIMIT, answering, key
from helpers.offline import Offline
from helpers.support import KEY, ORDER, answer_all, refusal, reply, run, talking


@pytest.mark.parametrize("wait", [False, True])
def test_an_order_without_a_reply_is_found_and_cancelled(wait: bool) -> None:
    """It was executed: before the halt (and its error seen), or while the halt waits."""

    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            exchange.faults.add("drop_reply", method="order.place")
            reply = client.order_place(**LIMIT, timeout=0.1)
            if wait:
                with pytest.raises(fastws.ExecutionUnknown):
                    await reply
            report = await client.halt()
            if not wait:
                with pytest.raises(fastws.ExecutionUnknown):
                    await reply
            assert report.clean, str(report)
            assert [order["symbol"] for order in report.cancelled] == ["BTCUSDT"]

    run(main())


def test_an_order_of_another_key_without_a_reply_is_found_and_cancelled() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            second = exchange.add_account("HMAC")
            other = fastws.load_signer(second.api_key, secret=second.secret)
            exchange.faults.add("drop_reply", method="order.place")
            market = {**LIMIT, "type": "MARKET", "price": None, "timeInForce": None}
            with pytest.raises(fastws.ExecutionUnknown):
                await client.order_place(**market, signer=other, timeout=0.1)
            report = await client.halt()
            assert report.clean, str(report)

    run(main())


def test_an_order_that_the_caller_signed_may_yet_be_executed() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            keys = key(exchange)
            signer = fastws.load_signer(**keys)
            async with fastws.connect(exchange.url, **keys) as client:
                exchange.faults.add("unknown", method="order.place", executed=False)
                params = {**LIMIT, "newClientOrderId": "by-hand", "apiKey": keys["api_key"]}
                params["timestamp"] = time.time_ns() // 1_000_000
                params["signature"] = signer.sign(signer.payload(params))
                with pytest.raises(fastws.ExecutionUnknown):
                    await client.order_place(**params)
                report = await client.halt(timeout=0.5)
                assert not report.clean
                assert [error.client_order_id for error in report.unknown] == ["by-hand"]

    run(main())


def test_orders_that_the_caller_signed_with_another_key_are_out_of_reach_and_said_to_be() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            second = exchange.add_account("HMAC")
            other = fastws.load_signer(second.api_key, secret=second.secret)
            await client.order_place(**LIMIT)
            params = {**LIMIT, "newClientOrderId": "by-hand", "apiKey": other.api_key}
            params["timestamp"] = time.time_ns() // 1_000_000
            await client.order_place(**params, signature=other.sign(other.payload(params)))
            report = await client.halt()
            assert not report.clean
            assert len(report.cancelled) == 1
            assert "signed with another key" in str(report.errors["BTCUSDT"])
            assert len(await client.open_orders_status(signer=other)) == 1

    run(main())


def test_a_session_of_another_key_is_another_account() -> None:
    """What the client's own key placed is cancelled and found by it, what the session placed by the session's."""

    async def main() -> None:
        async with Emulator() as exchange:
            first, second = exchange.add_account("Ed25519", name="first"), exchange.add_account("Ed25519")
            own = fastws.load_signer(first.api_key, private_key=first.private_key)
            other = fastws.load_signer(second.api_key, private_key=second.private_key)
            async with fastws.connect(exchange.url, signer=own, logon="never") as client:
                await client.order_place(**LIMIT)
                exchange.faults.add("drop_reply", method="order.place", times=2)
                with pytest.raises(fastws.ExecutionUnknown) as mine:
                    await client.order_place(**LIMIT, timeout=0.1)
                await client.session_logon(signer=other)
                with pytest.raises(fastws.ExecutionUnknown) as theirs:
                    await client.order_place(**LIMIT, timeout=0.1)
                assert theirs.value.info is not None
                assert theirs.value.info.signer is other
                for error in (mine.value, theirs.value):
                    assert isinstance(await error.resolve(), fastws.Executed)
                report = await client.halt()
                assert (report.clean, len(report.cancelled)) == (True, 3)
                for signer in (own, other):
                    assert await client.open_orders_status(signer=signer) == []
                await client.session_logout()
                client.resume()
                assert client.order_place(**LIMIT).info.signer is None

    run(main())


def test_a_placement_that_a_short_halt_found_in_flight_is_not_unknown_once_it_is_answered() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            exchange.faults.add("hold", method="order.place", seconds=0.3)
            reply = client.order_place(**LIMIT)
            report = await client.halt(timeout=0.05)
            assert [error.info for error in report.unknown] == [reply.info]
            assert client.unknown_placements() == [reply.info]
            await reply
            assert client.unknown_placements() == []

    run(main())


def test_an_order_that_may_yet_be_executed_is_reported() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            exchange.faults.add("unknown", method="order.place", executed=False)
            reply = client.order_place(**LIMIT)
            report = await client.halt(timeout=0.5)
            assert not report.clean
            (error,) = report.unknown
            assert error.info is reply.info
            assert str(report) == "halted, but 1 placements have no known outcome"
            assert isinstance(await error.resolve(timeout=0.1), fastws.StillOpen)
            with pytest.raises(fastws.ExecutionUnknown):
                await reply
            again = await client.halt(timeout=0.3)
            assert [error.info for error in again.unknown] == [reply.info], "it is looked for again"

    run(main())


def test_an_order_that_nobody_waits_for_is_waited_for() -> None:
    async def main() -> None:
        async with (
            Emulator() as exchange,
            fastws.connect(exchange.url, reconnect=False, **key(exchange)) as client,
        ):
            exchange.faults.add("cut_before", method="openOrders.status")
            exchange.faults.add("drop_reply", method="order.place")
            reply = client.order_place(
                **{**LIMIT, "type": "MARKET", "price": None, "timeInForce": None}, timeout=0.1
            )
            reply.cancel()
            report = await client.halt()
            assert [error.info for error in report.unknown] == [reply.info]
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            exchange.faults.add("drop_reply", method="order.place")
            client.order_place(
                **{**LIMIT, "type": "MARKET", "price": None, "timeInForce": None}, timeout=0.1
            ).cancel()
            report = await client.halt()
            assert report.clean, "it was found, filled"

    run(main())


def test_on_a_connection_that_is_lost_nothing_is_verified() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            keys = key(exchange)
            async with fastws.connect(exchange.url, reconnect=False, **keys) as client:
                await client.order_place(**ETHER)
                exchange.faults.add("cut_after", method="order.place")
                reply = client.order_place(**LIMIT)
                report = await client.halt()
                with pytest.raises(fastws.ExecutionUnknown):
                    await reply
                assert not report.clean
                assert set(report.errors) == {"BTCUSDT", "ETHUSDT"}
                assert isinstance(report.errors["ETHUSDT"], (fastws.NotConnected, fastws.ConnectionLost))
                assert [error.info for error in report.unknown] == [reply.info]
                assert client.halted
                again = await client.halt()
                assert set(again.errors) == {"BTCUSDT", "ETHUSDT"}
            async with fastws.connect(exchange.url, **keys) as other:
                assert len(await other.open_orders_status()) == 2
                assert (await other.halt(symbols=["BTCUSDT", "ETHUSDT"])).clean

    run(main())


def test_the_connection_is_lost_while_halting() -> None:
    async def main() -> None:
        script = answering(lambda r: None if r["method"] == "openOrders.status" else reply(r, []))
        async with talking(script, **KEY) as client:
            await client.order_place(**ORDER)
            report = await client.halt()
            assert isinstance(report.errors["BTCUSDT"], fastws.ConnectionLost)
            assert "BTCUSDT is not verified (no reply to openOrders.status" in str(report)

    run(main())


def test_orders_that_stay_open_are_cancelled_again_and_then_reported() -> None:
    cancels, stay = 0, 3

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal cancels
        if request["method"] == "openOrders.status":
            return reply(request, [{"orderId": 7}] if cancels < stay else [])
        if request["method"] == "openOrders.cancelAll":
            cancels += 1
            return refusal(request, 400, -2011)
        return reply(request)

    async def main() -> None:
        nonlocal cancels, stay
        async with talking(answering(answer), **KEY) as client:
            await client.order_place(**ORDER)
            report = await client.halt()
            assert report.clean
            assert cancels == 3
            cancels, stay = 0, 1000
            report = await client.halt()
            assert report.left == [{"orderId": 7}]
            assert str(report) == "halted, but 1 orders are open"
            assert cancels == 5

    run(main())


def test_a_cancel_that_is_refused_is_reported_unless_nothing_is_open_after_all() -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "openOrders.cancelAll":
            return refusal(request, 400, -1000, "later")
        if request["method"] == "openOrders.status" and request["params"]["symbol"] == "A":
            return refusal(request, 500, -1000, "not now")
        return reply(request, [])

    async def main() -> None:
        async with talking(answering(answer), **KEY) as client:
            for symbol in ("A", "B"):
                await client.order_place(**{**ORDER, "symbol": symbol})
            report = await client.halt()
            assert list(report.errors) == ["A"]
            assert isinstance(report.errors["A"], fastws.ServerError)

    run(main())


def test_what_is_not_verified_of_one_account_is_not_forgotten_for_another_one() -> None:
    """Both accounts traded the symbol: the second one is never verified, the first one at the second question."""
    left = 1

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal left
        if request["method"] != "openOrders.status":
            return reply(request, [])
        if request["params"]["apiKey"] != KEY["api_key"]:
            return refusal(request, 500, -1000, "not now")
        left -= 1
        return reply(request, [{"orderId": 7}] if left >= 0 else [])

    async def main() -> None:
        other = fastws.load_signer("o" * 64, secret="s" * 64)
        async with talking(answering(answer), **KEY) as client:
            await client.order_place(**ORDER)
            await client.order_place(**ORDER, signer=other)
            report = await client.halt()
            assert report.left == []
            assert list(report.errors) == ["BTCUSDT"]
            assert not report.clean

    run(main())


def test_a_symbol_that_is_none_is_no_symbol_that_was_used() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            with pytest.raises(fastws.BadRequest):
                await client.request("order.place", {**LIMIT, "symbol": None})
            await client.prepare("order.place", **LIMIT)(symbol=None)
            report = await client.halt()
            assert report.symbols == ("BTCUSDT",)
            assert (report.clean, len(report.cancelled)) == (True, 1)

    run(main())


def test_the_gate_lets_a_halt_cancel() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        first = client.order_place(**ORDER)
        offline.send(reply(first.info.id))
        client._limiter.close_gate("weight", 60_000_000, 0, "the request weight of this address is used up")
        halting = client.halt()
        await asyncio.sleep(0.01)
        (cancel,) = [r for r in offline.requests() if r["method"] == "openOrders.cancelAll"]
        offline.send(reply(cancel, []))
        report = await halting
        assert isinstance(report.errors["BTCUSDT"], fastws.LocallyLimited), "it cannot be verified"

    run(main())


def test_before_the_client_is_open_and_after_it_was_closed() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            pass
        for ended in (client, fresh := fastws.connect("testnet", **KEY)):
            assert list((await ended.halt()).errors) == ["*"], "nobody asked what is open"
        assert fresh.halted

    run(main())


def test_callbacks_may_halt_and_requests_of_callbacks_are_refused() -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, **key(exchange)) as client:
            done = asyncio.get_running_loop().create_future()

            def on_reply(result: Any, error: Any) -> None:
                done.set_result(client.halt())
                with pytest.raises(Halted):
                    client.order_place(**LIMIT)

            client.order_place(**LIMIT, on_reply=on_reply)
            report = await (await done)
            assert report.clean
            assert len(report.cancelled) == 1

    run(main())


def test_more_unknown_placements_than_are_remembered_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("unresolved", "halt_steps"):
        monkeypatch.setattr(f"fastws.trading.{module}.REMEMBERED", 256)

    async def main() -> None:
        offline = Offline(**KEY)
        replies = [offline.client.order_place(**ORDER) for _ in range(300)]
        offline.client.flush()
        offline.lose()
        await asyncio.gather(*replies, return_exceptions=True)
        report = await offline.client.halt()
        assert len(report.unknown) == 256
        assert "more than 256 placements" in str(report.errors["*"])

    run(main())


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"m": 1},
        None,
        5,
        "text",
        [5],
        ["x"],
        [None],
        [[]],
        [{"orderReports": None}],
        [{"orderReports": [5, "x"]}],
        [{"origClientOrderId": [1]}],
        [{"orderReports": [{"origClientOrderId": {}}]}],
    ],
    ids=repr,
)
@pytest.mark.parametrize("results", ["dict", "view"])
def test_a_halt_ends_whatever_the_exchange_calls_cancelled_or_open(result: Any, results: Any) -> None:
    """Its task must reach its end: what it cannot read is in the report's errors."""

    async def main() -> None:
        script = answering(lambda request: reply(request, result))
        async with talking(script, results=results, **KEY) as client:
            report = await client.halt(1, symbols=["BTCUSDT"])
            listed = isinstance(result, list) and all(isinstance(order, dict) for order in result)
            assert bool(report.errors) == (not listed)
            assert not report.clean
            assert str(report)

    run(main())
