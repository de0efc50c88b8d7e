"""client.halt(): which placements it may call settled."""

# ruff: noqa: SIM117  # an exchange, and within it its clients

from __future__ import annotations

from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.resolving import LIMIT, unknown
from helpers.support import run


def key(exchange: Emulator) -> dict[str, Any]:
    account = exchange.add_account("HMAC")
    return {"api_key": account.api_key, "secret": account.secret}


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("results", ["dict", "view"])
@pytest.mark.parametrize("known", [False, True])
def test_a_replacement_under_way_is_not_settled_by_the_cancel_of_its_old_order(
    known: bool, results: Any, sbe: bool
) -> None:
    """The old order is cancelled by the halt; the new one may be placed afterwards."""

    async def main() -> None:
        async with Emulator() as exchange:
            async with fastws.connect(exchange.url, sbe=sbe, results=results, **key(exchange)) as client:
                order = await client.order_place(**LIMIT, newClientOrderId="old")
                assert order["clientOrderId"] == "old"
                exchange.faults.add("hold", "order.cancelReplace", seconds=0.8)
                reply = client.order_cancel_replace(
                    **LIMIT,
                    cancelReplaceMode="ALLOW_FAILURE",
                    cancelOrigClientOrderId="old",
                    timeout=0.05 if known else 20,
                )
                if known:
                    await unknown(reply)
                report = await client.halt(timeout=0.4)
                assert [found["origClientOrderId"] for found in report.cancelled] == ["old"]
                assert not report.clean
                (error,) = report.unknown
                assert error.info is reply.info
                record = await exchange.journal.wait_for(
                    method="order.cancelReplace", fault="hold", outcome="executed"
                )
                assert record.client_order_id == error.client_order_id
                assert [found["orderId"] for found in await client.open_orders_status()] == [record.order_id]
                assert (await client.halt()).clean
                assert await client.open_orders_status() == []
                reply.cancel()

    run(main())


def test_a_cancelled_order_settles_no_placement_of_its_name_in_another_account_or_symbol() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            async with fastws.connect(exchange.url, **key(exchange)) as client:
                second = exchange.add_account("HMAC")
                other = fastws.load_signer(second.api_key, secret=second.secret)
                await client.order_place(**LIMIT, newClientOrderId="quote-1")
                exchange.faults.add("hold", "order.place", times=2, seconds=0.8)
                ether = {**LIMIT, "symbol": "ETHUSDT", "price": "3000.00", "quantity": "0.01"}
                errors = [
                    await unknown(client.order_place(**params, newClientOrderId="quote-1", timeout=0.05))
                    for params in (ether, {**LIMIT, "signer": other})
                ]
                report = await client.halt(timeout=0.3)
                assert [found["origClientOrderId"] for found in report.cancelled] == ["quote-1"]
                assert {error.info for error in report.unknown} == {error.info for error in errors}

    run(main())


def test_a_client_that_used_no_symbol_tells_what_is_open_and_cancels_what_is_named() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            options = key(exchange)
            async with fastws.connect(exchange.url, **options) as client:
                assert (await client.halt()).clean
                client.resume()
                placed = await client.order_place(**LIMIT)
            async with fastws.connect(exchange.url, **options) as client:
                report = await client.halt()
                assert [order["orderId"] for order in report.left] == [placed["orderId"]]
                assert (report.clean, str(report)) == (False, "halted, but 1 orders are open")
                report = await client.halt(symbols=["BTCUSDT"])
                assert (report.clean, str(report)) == (True, "halted: nothing is open in BTCUSDT")
                exchange.faults.add("error", "openOrders.status", msg="not now")
                report = await client.halt()
                assert (report.clean, list(report.errors)) == (False, ["*"])
            async with fastws.connect(exchange.url) as client:
                assert (await client.halt()).clean, "without a key there are no orders"

    run(main())
