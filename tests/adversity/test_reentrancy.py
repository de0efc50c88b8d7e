"""Code of the user that runs while a request is made or written: values, signers, finalizers. No id is given twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fastws import InvalidRequest
from helpers.offline import Offline
from helpers.support import KEY, run

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}


class Calling(Decimal):
    """A number whose own code runs when it is written."""

    hook: Callable[[], None] | None = None

    def is_finite(self) -> bool:
        if Calling.hook is not None:
            Calling.hook()
        return super().is_finite()


@pytest.mark.parametrize("signed", [False, True])
def test_a_prepared_value_that_requests_is_refused_and_the_order_gets_its_own_reply(signed: bool) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        refused: list[Exception] = []

        def hook() -> None:
            try:
                client.time()
            except InvalidRequest as error:
                refused.append(error)

        method, fixed = ("order.place", LIMIT) if signed else ("depth", {"symbol": "BTCUSDT"})
        more = {"price": Calling(1)} if signed else {"limit": 5}
        prepared = client.prepare(method, **fixed, **more)
        Calling.hook = hook
        try:
            waiting = prepared()
        finally:
            Calling.hook = None
        (request,) = offline.requests()
        assert request["method"] == method
        assert bool(refused) == signed
        offline.send({"id": request["id"], "status": 200, "result": {"it": "is"}})
        assert waiting.result() == {"it": "is"}
        assert client.in_flight == 0
        offline.lose()

    run(main())


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("urgent", [False, True])
def test_a_finalizer_that_requests_while_a_request_is_made_takes_no_id_of_it(
    prepared: bool, urgent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection may run wherever objects are made: here, where the future is."""

    async def main() -> None:
        inner: list[Any] = []
        due: list[bool] = []
        loop = asyncio.get_running_loop()
        original = loop.create_future

        def create_future() -> Any:
            if due:
                due.clear()
                inner.append(client.time())
            return original()

        monkeypatch.setattr(loop, "create_future", create_future)
        offline = Offline(**KEY)
        client = offline.client
        call = client.prepare("order.place", **LIMIT) if prepared else client.order_place
        due.append(True)
        params = {"price": "5"} if prepared else {**LIMIT, "price": "5"}
        outer = call(**params, urgent=urgent)
        assert len(inner) == 1
        client.flush()
        requests = offline.requests()
        assert sorted(request["method"] for request in requests) == ["order.place", "time"]
        assert len({request["id"] for request in requests}) == 2
        assert client.in_flight == 2
        for request in requests:
            offline.send({"id": request["id"], "status": 200, "result": {"of": request["method"]}})
        assert outer.result() == {"of": "order.place"}
        assert inner[0].result() == {"of": "time"}
        assert client.in_flight == 0
        offline.lose()

    run(main())


class Finalizing(Offline):
    """Its write() is where a finalizer runs, before the bytes are taken."""

    hook: Callable[[], None] | None = None

    def write(self, data: bytes) -> None:
        if self.hook is not None:
            self.hook()
        super().write(data)


def test_a_finalizer_that_requests_while_a_text_is_written_does_not_change_it() -> None:
    async def main() -> None:
        offline = Finalizing(**KEY)
        client = offline.client
        refused: list[Exception] = []

        def hook() -> None:
            offline.hook = None
            try:
                client.ping()
            except InvalidRequest as error:
                refused.append(error)

        offline.hook = hook
        waiting = client.time(urgent=True)
        assert [request["method"] for request in offline.requests()] == ["time"]
        assert len(refused) == 1
        client.ping()
        assert client.in_flight == 2
        assert not waiting.done()
        offline.lose()

    run(main())
