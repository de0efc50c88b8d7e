"""No order reaches another account, whoever logs on or out while a connection is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.halting import LIMIT
from helpers.losing import until
from helpers.rotating import draining, rotating
from helpers.support import run


@asynccontextmanager
async def accounts() -> AsyncIterator[Any]:
    """A client of one account, and the key of another one; `of(orders)` says for which account each was."""
    async with Emulator() as exchange:
        own, other = [exchange.add_account("Ed25519", name=name) for name in ("own", "other")]
        key = {"api_key": own.api_key, "private_key": own.private_key}
        signer = fastws.load_signer(other.api_key, private_key=other.private_key)

        def of(*orders: Any) -> list[str]:
            records = {
                record.client_order_id: record
                for record in exchange.journal
                if record.method == "order.place"
            }
            return [records[order.info.client_order_id].account for order in orders]

        async with fastws.connect(exchange.url, **key) as client:
            yield SimpleNamespace(exchange=exchange, client=client, signer=signer, of=of)


@pytest.mark.parametrize("awaited", [False, True])
def test_a_logon_while_draining_takes_all_orders_with_it(awaited: bool) -> None:
    async def main() -> None:
        async with accounts() as of:
            of.exchange.faults.add("hold", "order.place", seconds=0.4)
            orders = [of.client.order_place(**LIMIT)]
            rotation = rotating(of.client)
            await until(lambda: of.client.state == "draining")
            orders.append(of.client.order_place(**LIMIT))
            logon = of.client.session_logon(signer=of.signer)
            if awaited:
                await logon
            orders.append(of.client.order_place(**LIMIT))
            assert [order.info.connection for order in (*orders, logon)] == [1, 1, 2, 2]
            await rotation
            orders.append(of.client.order_place(**LIMIT))
            await asyncio.gather(logon, *orders)
            assert of.of(*orders) == ["own", "own", "other", "other"]
            rotation = rotating(of.client)
            await until(lambda: of.client.connection == 3)
            orders = [of.client.order_place(**LIMIT)]
            await of.client.session_logout()
            orders.append(of.client.order_place(**LIMIT))
            await asyncio.gather(rotation, *orders)
            assert of.of(*orders) == ["other", "own"]

    run(main())


def test_orders_stay_behind_a_logon_that_is_unanswered_when_a_notice_cannot_wait() -> None:
    async def main() -> None:
        async with accounts() as of:
            of.exchange.faults.add("delay", "session.logon", seconds=1.5)
            logon = of.client.session_logon(signer=of.signer)
            orders = [of.client.order_place(**LIMIT)]
            of.exchange.connections.pick("newest").shutdown(10.0)
            await until(lambda: of.client.state == "draining")
            orders.append(of.client.order_place(**LIMIT))
            await logon
            while of.client.state != "open":
                orders.append(of.client.order_place(**LIMIT))
                await asyncio.sleep(0.01)
            orders.append(of.client.order_place(**LIMIT))
            await asyncio.gather(*orders)
            assert set(of.of(*orders)) == {"other"}
            assert {order.info.connection for order in orders} == {1, 2}

    run(main())


def test_the_loss_of_a_successor_brings_no_order_back_to_the_account_before() -> None:
    async def main() -> None:
        async with accounts() as of:
            rotation, reply = await draining(of.exchange, of.client)
            await of.client.session_logon(signer=of.signer)
            of.exchange.connections.pick("newest").abort()
            await until(lambda: of.client.state == "open")
            order = of.client.order_place(**LIMIT)
            await order
            assert of.of(order) == ["other"]
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            reply.cancel()

    run(main())
