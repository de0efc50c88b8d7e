"""fastws.trading.resolve against the exchange's journal: random requests with random faults, and every verdict
compared with what truly happened.
"""

import asyncio
import random

import pytest

import fastws
from fastws import ExecutionUnknown, NeverExecuted, Rejected, StillOpen
from helpers.resolving import LIMIT, SYMBOL, agrees, hurry, look, trading  # noqa: F401
from helpers.support import run

pytestmark = pytest.mark.usefixtures("hurry")

REQUESTS = 150
FAULTS = [
    ("drop_reply", {}),
    ("unknown", {}),
    ("unknown", {"executed": False}),
    ("unknown", {"code": -1006, "status": 400}),
    ("server_error", {"executed": True}),
    ("server_error", {}),
    ("cut_before", {}),
    ("cut_after", {}),
    ("raw", {"data": b"{no"}),
    ("raw", {"data": b"{no", "executed": False}),
    ("delay", {"seconds": 0.05}),
]


class Trader:
    """Sends random requests about its own orders, and waits while its client reconnects."""

    def __init__(self, floor, seed):
        self.floor, self.random = floor, random.Random(seed)
        self.client = floor.client
        self.known = []
        self.errors = []

    async def go(self):
        for _ in range(REQUESTS):
            self.client._supervisor.backoff.uniform = lambda low, high: low
            await self.client.wait_open()
            if self.random.random() < 0.6:
                kind, details = self.random.choice(FAULTS)
                self.floor.fail(kind, **details)
            self.floor.exchange.engine_delay = self.random.choice((0, 0, 0, 0.002))
            try:
                result = await self.request()
            except ExecutionUnknown as error:
                self.errors.append(error)
            except fastws.ApiError:
                pass
            else:
                if isinstance(result, dict):
                    order = result.get("newOrderResponse") or result.get("amendedOrder") or result
                    self.known.append((order["orderId"], order["clientOrderId"]))
            self.floor.exchange.faults.clear()
        self.floor.exchange.engine_delay = 0

    def request(self):
        pick, client = self.random.choice, self.client
        new = {
            **LIMIT,
            "price": pick(("50000", str(self.random.randrange(48000, 50000)))),
            "quantity": pick(("0.001", "0.002", "30")),  # the last one is more than there is money for
            "timeout": 0.03,
        }
        if self.random.random() < 0.3:
            new |= {"type": "MARKET", "price": None, "timeInForce": None, "quantity": "0.001"}
        order_id, name = pick(self.known) if self.known else (1, "none")
        old = pick(({"orderId": order_id}, {"origClientOrderId": name}))
        kind = pick(
            "place place place place place cancel cancel cancel replace replace amend amend all".split()
        )
        if kind == "place":
            return client.order_place(**new)
        if kind == "cancel":
            return client.order_cancel(symbol=SYMBOL, timeout=0.03, **old)
        if kind == "replace":
            mode = pick(("STOP_ON_FAILURE", "ALLOW_FAILURE"))
            return client.order_cancel_replace(**new, cancelReplaceMode=mode, cancelOrderId=order_id)
        if kind == "amend":
            return client.order_amend_keep_priority(symbol=SYMBOL, newQty="0.0005", timeout=0.03, **old)
        return client.open_orders_cancel_all(symbol=SYMBOL, timeout=0.03)


def truth_of(journal, error):
    """The journal's record of a request, by the timestamp that it carried."""
    stamp = str(error.params["timestamp"])
    (record,) = (found for found in journal.find(method=error.method) if found.params["timestamp"] == stamp)
    return record


@pytest.mark.parametrize("seed", range(4))
def test_every_verdict_is_the_truth(seed):
    async def main():
        async with trading() as floor:
            floor.exchange.database_lag = (0.0, 3.0)[seed % 2]
            trader = Trader(floor, seed)
            await trader.go()
            exchange = floor.exchange
            orders = exchange.core.engine.books[SYMBOL].orders
            errors = trader.errors
            assert len(errors) > REQUESTS / 4
            assert len({error.method for error in errors}) == 5
            records = [truth_of(exchange.journal, error) for error in errors]

            async def all_verdicts():
                return await asyncio.gather(*(look(error, client=floor.watcher) for error in errors))

            early = await all_verdicts()
            floor.later()
            verdicts = await all_verdicts()
            for error, record, first, verdict in zip(errors, records, early, verdicts, strict=True):
                said = f"{error} {error.params}: {first}, then {verdict}, but truly {record}"
                assert agrees(first, error, record, orders), said
                assert agrees(verdict, error, record, orders), said
                assert not isinstance(first, NeverExecuted), said
                if not isinstance(first, StillOpen):
                    assert type(verdict) is type(first), said
                if isinstance(verdict, StillOpen) and error.method in ("order.place", "order.cancelReplace"):
                    assert verdict.candidates, said
                    # who knows which orders came from other requests knows which did not
                    placed = record.executed and record.client_order_id == error.client_order_id
                    others = [order_id for order_id in orders if not placed or order_id != record.order_id]
                    sure = await look(error, client=floor.watcher, others=others)
                    if placed:
                        assert [order["orderId"] for order in sure.candidates] == [record.order_id], said
                    else:
                        assert isinstance(sure, (NeverExecuted, Rejected)), said
            kinds = [type(verdict).__name__ for verdict in verdicts]
            assert kinds.count("StillOpen") < len(kinds) / 2, kinds
            assert {"Executed", "NeverExecuted", "Rejected"} <= set(kinds)
            if trader.client is not floor.client:
                await trader.client.close()

    run(main(), timeout=20)
