"""client.halt(orders="own"): cancels by the client's prefix, in an account that several strategies share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.halting import ETHER, LIMIT, key
from helpers.resolving import OCO
from helpers.support import KEY, answer_all, run, talking


class Shared(NamedTuple):
    """Two strategies with one account."""

    exchange: Emulator
    own: fastws.Client
    other: fastws.Client
    key: dict[str, Any]


@contextlib.asynccontextmanager
async def shared(**options: Any) -> AsyncIterator[Shared]:
    async with Emulator() as exchange:
        keys = key(exchange)
        async with (
            fastws.connect(exchange.url, client_order_id_prefix="one-", **keys, **options) as own,
            fastws.connect(exchange.url, client_order_id_prefix="two-", **keys) as other,
        ):
            yield Shared(exchange, own, other, keys)


async def names(client: fastws.Client) -> set[str]:
    return {order["clientOrderId"][:4] for order in await client.open_orders_status()}


@pytest.mark.parametrize(
    "options", [{}, {"sbe": True}, {"results": "view"}, {"sbe": True, "results": "view"}], ids=repr
)
def test_it_leaves_the_orders_of_other_strategies(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with shared(**options) as floor:
            for client in (floor.own, floor.other):
                for params in (LIMIT, LIMIT, ETHER):
                    await client.order_place(**params)
                await client.order_list_place_oco(**OCO)
            report = await floor.own.halt(orders="own")
            assert report.clean, report
            assert report.symbols == ("BTCUSDT", "ETHUSDT")
            assert len(report.cancelled) == 4, "three orders and a list"
            assert await names(floor.own) == {"two-"}
            assert len(await floor.other.open_orders_status()) == 5

    run(main())


def test_a_new_process_cancels_what_the_old_one_left_in_any_symbol() -> None:
    async def main() -> None:
        async with shared() as floor:
            for client in (floor.own, floor.other):
                for params in (LIMIT, ETHER):
                    await client.order_place(**params)
            await floor.own.close()
            async with fastws.connect(
                floor.exchange.url, client_order_id_prefix="one-", **floor.key
            ) as again:
                report = await again.halt(orders="own")
                assert report.clean
                assert {order["symbol"] for order in report.cancelled} == {"BTCUSDT", "ETHUSDT"}
                assert await names(again) == {"two-"}

    run(main())


def test_what_cannot_be_cancelled_is_left_and_named() -> None:
    async def main() -> None:
        async with shared() as floor:
            await floor.own.order_place(**LIMIT)
            await floor.other.order_place(**LIMIT)
            floor.exchange.faults.add("error", "order.cancel", times=0, status=400, code=-1013, msg="not now")
            report = await floor.own.halt(timeout=1.0, orders="own")
            assert not report.clean
            assert [order["clientOrderId"][:4] for order in report.left] == ["one-"]

    run(main())


def test_all_orders_after_own_ones_halt_once_more() -> None:
    async def main() -> None:
        async with shared() as floor:
            await floor.own.order_place(**LIMIT)
            await floor.other.order_place(**LIMIT)
            first = floor.own.halt(orders="own")
            second = floor.own.halt()
            assert floor.own.halt(orders="own") is not None, "joins"
            assert [order["clientOrderId"][:4] for order in (await first).cancelled]
            assert (await second).clean
            assert await names(floor.own) == set()

    run(main())


def test_a_client_without_a_prefix_or_with_another_word_is_refused() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            with pytest.raises(fastws.InvalidRequest, match=r"give connect\(\) a client_order_id_prefix"):
                client.halt(orders="own")
            for wrong in ("mine", None, 1, ["all"]):
                with pytest.raises(fastws.InvalidRequest, match='orders: expected "all" or "own", got'):
                    client.halt(orders=wrong)  # type: ignore[arg-type]
            assert not client.halted

    run(main())


def test_a_closed_client_says_that_it_could_not_ask() -> None:
    async def main() -> None:
        async with shared() as floor:
            await floor.own.close()
            report = await floor.own.halt(orders="own")
            assert isinstance(report.errors["*"], fastws.NotConnected)

    run(main())
