"""fastws._native.limiter: a client that is read-only."""

# an exchange, and within it its clients

from __future__ import annotations

import asyncio

import pytest

import fastws
from fastws import ReadOnly
from fastws.methods import METHODS
from helpers.halting import LIMIT
from helpers.offline import Offline
from helpers.support import KEY, run


def test_a_client_that_is_read_only_sends_nothing_that_trades() -> None:
    async def main() -> None:
        offline = Offline(read_only=True, **KEY)
        client = offline.client
        assert client.read_only
        for name, method in METHODS.items():
            spec = method.trading
            for variant in (name, f"v3/{name}"):
                if spec:
                    with pytest.raises(ReadOnly, match="was not sent: the client is read-only"):
                        client.request(variant, {"symbol": "X"})
                elif name != "userDataStream.subscribe":
                    client.request(variant, {"symbol": "X"})
        with pytest.raises(ReadOnly, match=r"order\.tomorrow, which fastws does not know to be harmless"):
            client.request("order.tomorrow")
        prepared = client.prepare("order.place", **LIMIT)
        with pytest.raises(ReadOnly):
            prepared()
        with pytest.raises(ReadOnly), client.batch():
            client.order_cancel(symbol="X", orderId=1)
        await asyncio.sleep(0)
        sent = [request["method"] for request in offline.requests()]
        assert not any(METHODS[name.removeprefix("v3/")].trading for name in sent)
        assert "order.test" in sent
        report = await client.halt()
        assert report.clean
        assert isinstance(ReadOnly("x"), fastws.NotSent)

    run(main())


def test_read_only_is_a_bool() -> None:
    with pytest.raises(fastws.InvalidRequest, match="read_only"):
        fastws.connect("testnet", read_only=1)  # type: ignore[arg-type]
    assert not fastws.connect("testnet").read_only
