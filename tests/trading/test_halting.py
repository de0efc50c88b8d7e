"""fastws.trading.halt: whose orders a halt cancels, and which requests it gives up or waits for."""

# ruff: noqa: SIM117  # an exchange, and within it its clients

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws import Halted
from fastws.emulator import Emulator
from fastws.methods import METHODS
from helpers.halting import ETHER, LIMIT, key
from helpers.offline import Offline
from helpers.support import KEY, ORDER, answer_all, run, talking


@pytest.mark.parametrize("sbe", [False, True])
def test_halting_cancels_what_is_open_and_says_so(sbe: bool) -> None:
    async def main() -> None:
        async with Emulator() as exchange, fastws.connect(exchange.url, sbe=sbe, **key(exchange)) as client:
            for params in (LIMIT, LIMIT, ETHER):
                await client.order_place(**params)
            halting = client.halt()
            assert client.halted, "at once, not when it is awaited"
            with pytest.raises(Halted, match=r"order\.place was not sent: the client is halted"):
                client.order_place(**LIMIT)
            report = await halting
            assert report.clean
            assert report.symbols == ("BTCUSDT", "ETHUSDT")
            assert len(report.cancelled) == 3
            assert {order["status"] for order in report.cancelled} == {"CANCELED"}
            assert str(report) == "halted: nothing is open in BTCUSDT, ETHUSDT"
            assert await client.open_orders_status() == []
            for method, params in (
                ("order.place", LIMIT),
                ("sor.order.place", LIMIT),
                ("order.cancelReplace", {**LIMIT, "cancelOrderId": 1, "cancelReplaceMode": "ALLOW_FAILURE"}),
                ("orderList.place.oco", {"symbol": "X"}),
                ("v3/order.place", LIMIT),
                ("order.tomorrow", {}),
            ):
                with pytest.raises(Halted):
                    client.request(method, params)
            with pytest.raises(fastws.BadRequest):
                await client.order_cancel(symbol="BTCUSDT", orderId=1)  # was sent
            assert (await client.halt()).clean
            client.resume()
            assert not client.halted
            assert (await client.order_place(**LIMIT))["status"] == "NEW"

    run(main())


def test_orders_that_are_not_written_yet_are_given_up_and_those_in_flight_waited_for() -> None:
    async def main() -> None:
        async with Emulator(engine_delay=0.05) as exchange:
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                flown = client.order_place(**LIMIT)
                corked = client.order_place(**LIMIT)
                called: list[Any] = []
                client.order_place(**LIMIT, on_reply=lambda *outcome: called.append(outcome))
                read = client.depth(symbol="BTCUSDT")
                assert (flown.info.sent, corked.info.sent) == (True, False)
                halting = client.halt()
                with pytest.raises(Halted):
                    await corked
                ((result, error),) = called
                assert (result, type(error)) == (None, Halted)
                report = await halting
                assert flown.done()
                assert (await flown)["status"] == "NEW"
                assert report.clean
                assert [order["orderId"] for order in report.cancelled] == [(await flown)["orderId"]]
                await read

    run(main())


def test_a_halt_within_a_batch_gives_up_its_orders_and_sends_the_rest() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        with offline.client.batch():
            orders = [offline.client.order_place(**ORDER) for _ in range(3)]
            cancel = offline.client.order_cancel(symbol="X", orderId=1)
            halting = offline.client.halt(timeout=1)
            late = offline.client.ping()
        assert [request["method"] for request in offline.requests()] == ["order.cancel", "ping"]
        for order in orders:
            assert isinstance(order.exception(), Halted)
        offline.lose()
        report = await halting
        assert not report.clean
        await asyncio.gather(cancel, late, return_exceptions=True)

    run(main())


def test_several_halts_are_one_and_who_gives_up_waiting_does_not_end_it() -> None:
    async def main() -> None:
        async with Emulator(engine_delay=0.05) as exchange:
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                await client.order_place(**LIMIT)
                first, second = client.halt(), client.halt()
                with pytest.raises(RuntimeError, match="under way"):
                    client.resume()
                first.cancel()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.halt(), 0.001)
                report = await second
                assert report.clean
                assert len(report.cancelled) == 1
                assert await client.halt() is not report

    run(main())


def test_a_halt_that_is_joined_with_more_symbols_cancels_those_too() -> None:
    async def main() -> None:
        async with Emulator(engine_delay=0.02) as exchange:
            keys = key(exchange)
            async with fastws.connect(exchange.url, **keys) as before:
                await before.order_place(**ETHER)
            async with fastws.connect(exchange.url, **keys) as client:
                await client.order_place(**LIMIT)
                first = client.halt()
                await asyncio.sleep(0)
                second, third = client.halt(symbols=["ETHUSDT"]), client.halt(symbols=["ETHUSDT"])
                assert (await first).symbols == ("BTCUSDT",)
                assert (await second).symbols == ("BTCUSDT", "ETHUSDT")
                assert await third is await second
                assert await client.open_orders_status() == []

    run(main())


def test_halting_from_another_thread_is_refused() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:

            async def elsewhere() -> None:
                with pytest.raises(RuntimeError, match="another thread"):
                    client.halt()

            await asyncio.to_thread(asyncio.run, elsewhere())
            assert not client.halted

    run(main())


def test_every_method_has_a_role() -> None:
    roles = {name: method.role for name, method in METHODS.items()}
    assert {name for name, role in roles.items() if role == "CANCEL"} == {
        "order.cancel",
        "orderList.cancel",
        "openOrders.cancelAll",
    }
    assert {name for name, role in roles.items() if role == "CHANGE"} == {"order.amend.keepPriority"}
    assert {name for name, role in roles.items() if role in ("CREATE", "CANCEL", "CHANGE")} == {
        name for name, method in METHODS.items() if method.trading
    }
    assert roles["order.cancelReplace"] == roles["sor.order.place"] == "CREATE"
    assert roles["order.test"] == roles["depth"] == "READ"
    assert roles["session.logon"] == roles["userDataStream.subscribe.signature"] == "SESSION"


def test_accounts_of_other_keys_are_cancelled_with_them() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            second = exchange.add_account("HMAC")
            other = fastws.load_signer(second.api_key, secret=second.secret)
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                await client.order_place(**LIMIT)
                await client.order_place(**ETHER, signer=other)
                await client.prepare("order.place", **LIMIT)(signer=other)
                report = await client.halt()
                assert report.clean
                assert len(report.cancelled) == 3
                assert await client.open_orders_status(signer=other) == []

    run(main())


def test_more_symbols_can_be_named() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            keys = key(exchange)
            async with fastws.connect(exchange.url, **keys) as before:
                await before.order_place(**ETHER)
            async with fastws.connect(exchange.url, **keys) as client:
                assert (await client.halt()).symbols == ()
                report = await client.halt(symbols=["ETHUSDT"])
                assert (report.symbols, len(report.cancelled)) == (("ETHUSDT",), 1)
                for wrong in ({"symbols": "ETHUSDT"}, {"timeout": 0}, {"timeout": "x"}, {"timeout": True}):
                    with pytest.raises(fastws.InvalidRequest):
                        client.halt(**wrong)
                report = await client.halt(symbols=["NOSUCH"])
                assert not report.clean
                assert "NOSUCH is not verified" in str(report)

    run(main())
