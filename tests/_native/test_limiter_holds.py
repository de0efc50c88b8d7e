"""fastws._native.limiter: holds, which refuse placements."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws import GapOpen, Halted, NotSent
from fastws.holds import PlacementHold
from fastws.methods import METHODS
from helpers.halting import LIMIT
from helpers.offline import Offline
from helpers.support import KEY, run


def hold_of(*accounts: str | None) -> PlacementHold:
    return PlacementHold(lambda method: GapOpen(f"{method}: a gap"), lambda account: account in accounts)


def make() -> Offline:
    return Offline(**KEY)


def test_a_hold_refuses_what_places_orders_and_lets_the_rest_pass() -> None:
    async def main() -> None:
        offline = make()
        client, hold = offline.client, PlacementHold(lambda method: GapOpen(f"{method}: a gap"))
        client._limiter.hold(hold)
        refused = set()
        for name in (*METHODS, "order.tomorrow"):
            if name == "userDataStream.subscribe":
                continue
            try:
                client.request(name, {"symbol": "BTCUSDT"})
            except GapOpen as error:
                refused.add(str(error).removesuffix(": a gap"))
        placing = {name for name, method in METHODS.items() if method.role == "CREATE"}
        assert refused == {*placing, "order.tomorrow"}
        assert {"order.place", "order.cancelReplace", "sor.order.place", "orderList.place.oco"} <= refused
        prepared = client.prepare("order.place", **LIMIT)
        with pytest.raises(GapOpen):
            prepared()
        with pytest.raises(GapOpen), client.batch():
            client.order_place(**LIMIT)
        client._limiter.release(hold)
        client._limiter.release(hold)
        client.order_place(**LIMIT)
        assert client._limiter.holds == ()
        offline.lose()

    run(main())


def test_a_hold_of_one_account_lets_another_account_trade() -> None:
    async def main() -> None:
        offline = make()
        client, other = offline.client, fastws.load_signer("o" * 64, secret="s" * 64)
        mine, others = hold_of(None), hold_of("o" * 64)
        client._limiter.hold(mine)
        client.order_place(**LIMIT, signer=other)
        client.request(
            "order.place",
            {**LIMIT, "newClientOrderId": "x", "timestamp": 1, "apiKey": "o" * 64, "signature": "s"},
        )
        with pytest.raises(GapOpen):
            client.order_place(**LIMIT)
        client._limiter.hold(others)
        client._limiter.release(mine)
        client.order_place(**LIMIT)
        prepared = client.prepare("order.place", **LIMIT)
        prepared()
        for place in (client.order_place, lambda **changes: prepared(signer=changes["signer"])):
            with pytest.raises(GapOpen):
                place(**LIMIT, signer=other)
        with pytest.raises(GapOpen):
            client.request(
                "order.place",
                {**LIMIT, "newClientOrderId": "x", "timestamp": 1, "apiKey": "o" * 64, "signature": "s"},
            )
        offline.lose()

    run(main())


def test_the_error_of_a_halt_comes_before_those_of_other_holds_and_each_ends_alone() -> None:
    async def main() -> None:
        offline = make()
        client, gap = offline.client, hold_of(None)
        client._limiter.hold(gap)
        offline.lose()  # so that the halt has nobody to ask
        await client.halt(0.01)
        assert client.halted
        assert [type(hold.error("order.place")) for hold in client._limiter.holds] == [Halted, GapOpen]
        client._limiter.hold(gap)
        assert len(client._limiter.holds) == 2
        client.resume()
        assert not client.halted
        assert client._limiter.holds == (gap,)
        assert issubclass(GapOpen, NotSent)

    run(main())


def test_corked_requests_that_a_hold_refuses_are_given_up_with_its_error() -> None:
    async def main() -> None:
        offline = make()
        client, hold = offline.client, hold_of(None)
        client.ping()  # written at once: what follows is corked
        mine = client.order_place(**LIMIT)
        unknown = client.request("order.tomorrow")
        read = client.request("openOrders.status")
        other = client.order_place(**LIMIT, signer=fastws.load_signer("o" * 64, secret="s" * 64))
        client._session.give_up_held(hold)
        for given_up in (mine, unknown):
            with pytest.raises(GapOpen, match="a gap"):
                await given_up
        await asyncio.sleep(0)
        sent: list[Any] = [request["id"] for request in offline.requests()]
        assert sent[1:] == [read.info.id, other.info.id]
        offline.lose()

    run(main())
