"""Requests through a proxy that does harm (tests/helpers/proxy.py), and what the client says of them, against the
exchange's journal: each request ends once, no order is placed twice, and every definite answer is true.

FASTWS_PROXY_SEEDS=5-20 walks with other seeds. A seed decides what is asked and what goes wrong; the event loop
decides when, so that a failure may need some runs to come again.
"""

# ruff: noqa: ASYNC110  # a record of the journal ends one way or the other

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from typing import Any

import pytest

import fastws
from fastws import ApiError, Executed, ExecutionUnknown, FastwsError, NeverExecuted, NotSent, Rejected
from fastws.emulator import Emulator
from fastws.emulator.values.journal import Record
from helpers.proxy import KINDS, Fault, Proxy
from helpers.resolving import LIMIT, SYMBOL, agrees, hurry, look  # noqa: F401
from helpers.support import LOOPS, run

REQUESTS, FAULTS = 300, 30
TIMEOUT = 0.05  # of a request, in seconds
LATER = 40.0  # what the exchange's clock jumps: no request can be executed any more, and its database has caught up


def seeds() -> list[int]:
    first, _, last = os.environ.get("FASTWS_PROXY_SEEDS", "1").partition("-")
    return list(range(int(first), int(last or first) + 1))


class Asked:
    """One request, and what its client was told of it."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        self.name, self.params = name, params
        self.info: Any = None
        self.ends: list[tuple[Any, BaseException | None]] = []
        self.ended = asyncio.Event()
        self.verdicts: list[Any] = []

    def end(self, result: Any, error: BaseException | None) -> None:
        self.ends.append((result, error))
        self.ended.set()

    def __repr__(self) -> str:
        return f"{self.name} {self.params} ended in {self.ends}, then {self.verdicts}"


class Walk:
    """A strategy whose every connection goes through the proxy."""

    def __init__(self, seed: int, exchange: Emulator, proxy: Proxy, options: dict[str, Any]) -> None:
        self.random = random.Random(seed)
        self.exchange, self.proxy, self.options = exchange, proxy, options
        self.client: fastws.Client | None = None
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.orders: list[dict[str, Any]] = []
        self.lists: list[int] = []

    async def go(self) -> None:
        while len(self.asked) < REQUESTS or sum(fault.struck for fault in self.faults) < FAULTS:
            if not self.proxy.waiting and len(self.faults) * REQUESTS <= len(self.asked) * FAULTS:
                self.faults.append(self.proxy.strike(self.fault()))
                if self.random.random() < 0.2:
                    await self.leave()  # it strikes the handshake
            self.exchange.engine_delay = self.random.choice((0.0, 0.0, 0.002))
            client = await self.connected()
            burst = [self.ask(client) for _ in range(self.random.randint(1, 6))]
            for asked in burst:
                await asyncio.wait_for(asked.ended.wait(), 5)
            if any(isinstance(error, (TimeoutError, ExecutionUnknown)) for _, error in map(last_end, burst)):
                await self.look(burst)
                await self.leave()  # behind a hole, all that follows would time out, too
        await self.leave()

    async def connected(self) -> fastws.Client:
        while self.client is None or not self.client.connected:
            await self.leave()
            with contextlib.suppress(FastwsError):  # the fault struck the handshake, or the logon
                self.client = await fastws.connect(self.proxy.url, **self.options)
        return self.client

    async def leave(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            await client.close(timeout=0.01)

    async def look(self, burst: list[Asked]) -> None:
        """Ask what became of some of them at once, on the connection that may be harmed."""
        for asked in burst:
            _, error = last_end(asked)
            if isinstance(error, ExecutionUnknown) and self.random.random() < 0.3:
                with contextlib.suppress(FastwsError):
                    asked.verdicts.append(await error.resolve(timeout=TIMEOUT, client=self.client))

    def fault(self) -> Fault:
        pick = self.random.choice
        kind = KINDS[len(self.faults) % len(KINDS)]
        # a delay may be longer than a request waits
        seconds = 0.0 if kind == "split" else self.random.uniform(0.001, 1.5 * TIMEOUT)
        after = self.random.randrange(pick((1, 30, 300, 3000)))
        return Fault(kind, pick(("in", "out")), after, seconds=seconds, size=pick((1, 2, 7, 100)))

    def ask(self, client: fastws.Client) -> Asked:
        """One request, by callback or by future."""
        name, params = self.request()
        asked = Asked(name, params)
        self.asked.append(asked)

        def end(result: Any, error: BaseException | None) -> None:
            asked.end(result, error)
            self.learn(result)

        by_callback = self.random.random() < 0.3
        call = getattr(client, name)
        try:
            made = call(**params, timeout=TIMEOUT, on_reply=end if by_callback else None)
        except NotSent as error:
            asked.end(None, error)
            return asked
        asked.info = made if by_callback else made.info
        if not by_callback:
            made.add_done_callback(
                lambda reply: end(None if reply.exception() else reply.result(), reply.exception())
            )
        return asked

    def learn(self, result: Any) -> None:
        """Orders and lists that there are, for later requests."""
        if isinstance(result, dict):
            order = result.get("newOrderResponse", result)
            if "orders" in order:
                self.lists.append(order["orderListId"])
            elif "orderId" in order:
                self.orders.append(order)

    def request(self) -> tuple[str, dict[str, Any]]:
        pick = self.random.choice
        new = {
            **LIMIT,
            "price": str(self.random.randrange(48_000, 50_000)),
            "quantity": pick(
                ("0.001", "0.001", "0.002", "30")
            ),  # the last one is more than there is money for
        }
        order = pick(self.orders) if self.orders else {"orderId": 1, "clientOrderId": "none"}
        old = pick(({"orderId": order["orderId"]}, {"origClientOrderId": order["clientOrderId"]}))
        kind = pick(
            ("place",) * 6 + ("cancel",) * 3 + ("replace", "amend", "list", "end list", "all", "read", "read")
        )
        if kind == "place":
            return "order_place", new
        if kind == "cancel":
            return "order_cancel", {"symbol": SYMBOL, **old}
        if kind == "replace":
            mode = pick(("STOP_ON_FAILURE", "ALLOW_FAILURE"))
            return "order_cancel_replace", {
                **new,
                "cancelReplaceMode": mode,
                "cancelOrderId": order["orderId"],
            }
        if kind == "amend":
            return "order_amend_keep_priority", {"symbol": SYMBOL, "newQty": "0.0005", **old}
        if kind == "list":
            return "order_list_place_oco", OCO
        if kind == "end list":
            return "order_list_cancel", {"symbol": SYMBOL, "orderListId": pick(self.lists or [1])}
        if kind == "all":
            return "open_orders_cancel_all", {"symbol": SYMBOL}
        return "depth", {"symbol": SYMBOL, "limit": self.random.randint(1, 3)}


OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "70000.00",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "50000.00",
}


def last_end(asked: Asked) -> tuple[Any, BaseException | None]:
    return asked.ends[-1]


def is_true(said: Any, error: ExecutionUnknown, record: Record | None, orders: dict[int, Any]) -> bool:
    """Whether a verdict agrees with the journal."""
    if record is None:  # it never arrived
        return not isinstance(said, Executed) or error.method == "openOrders.cancelAll"
    if error.method.startswith("orderList"):
        return not isinstance(said, NEVER if record.executed else Executed)
    return agrees(said, error, record, orders)


NEVER = (Rejected, NeverExecuted)


def check_end(asked: Asked, record: Record | None) -> None:
    """What a request ended in at first."""
    result, error = asked.ends[0]
    if not error and asked.name == "depth":
        assert len(result["bids"]) == asked.params["limit"], "another request's reply"
        return
    if isinstance(error, ExecutionUnknown):
        return
    if isinstance(error, NotSent):
        assert record is None, "it was sent all the same"
    elif isinstance(error, ApiError):
        assert record is not None
        if isinstance(error, fastws.PartialFailure):
            assert record.executed
            assert error.new_order_result == "SUCCESS" or record.client_order_id != asked.info.client_order_id
        else:
            assert not record.executed
    elif error is None:
        assert record is not None
        assert record.executed
        if isinstance(result, dict) and "orderId" in result:
            assert result["orderId"] == record.order_id
    else:
        assert not asked.info.trading
        assert isinstance(error, (fastws.ConnectionLost, fastws.RequestTimeout)), error


async def walk(seed: int, options: dict[str, Any]) -> None:
    lags = {"query_lag": (0.0, 0.02), "database_lag": (0.0, 0.05)}
    async with Emulator(enforce_limits=False, **lags) as exchange, Proxy(exchange.url) as proxy:
        made = exchange.add_account("Ed25519", name="me")
        options |= {"api_key": made.api_key, "private_key": made.private_key}
        hasty = {**options, "timeout": TIMEOUT, "connect_timeout": 2 * TIMEOUT}
        strategy = Walk(seed, exchange, proxy, hasty)
        await strategy.go()
        await at_rest(exchange)
        exchange.core.clock.offset += LATER
        unknown = [asked for asked in strategy.asked if isinstance(asked.ends[0][1], ExecutionUnknown)]
        async with fastws.connect(exchange.url, **options) as watcher:
            verdicts = await asyncio.gather(*(look(asked.ends[0][1], client=watcher) for asked in unknown))
        for asked, verdict in zip(unknown, verdicts, strict=True):
            asked.verdicts.append(verdict)
        judge(strategy, exchange)


async def at_rest(exchange: Emulator) -> None:
    """Wait until the engine has what it is to have: it takes its time by another clock than the one that jumps."""
    while any(record.outcome in ("pending", "accepted") for record in exchange.journal):
        await asyncio.sleep(0.001)


def judge(strategy: Walk, exchange: Emulator) -> None:
    orders = exchange.core.engine.books[SYMBOL].orders
    records = {(record.method, record.params.get("timestamp")): record for record in exchange.journal}
    for asked in strategy.asked:
        assert len(asked.ends) == 1, f"it ended {len(asked.ends)} times: {asked}"
        record = None
        if asked.info is not None:
            record = records.get((asked.info.method, str(asked.info.timestamp)))
        try:
            check_end(asked, record)
            for verdict in asked.verdicts:
                assert is_true(verdict, asked.ends[0][1], record, orders)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{asked}\nand truly: {record}, {record and record.params}"
            ) from None
    ids = Counter(
        record.params["newClientOrderId"]
        for record in exchange.journal
        if "newClientOrderId" in record.params and not record.method.endswith("status")
    )
    assert max(ids.values()) == 1, "a request was sent twice"
    placed = sum(orders_of(record) for record in exchange.journal if record.executed)
    assert sum(order.account.name == "me" for order in orders.values()) == placed, "an order was placed twice"


def orders_of(record: Record) -> int:
    """How many orders a request has placed that was executed."""
    if record.method == "order.cancelReplace":
        return int(record.client_order_id == record.params["newClientOrderId"])
    return {"order.place": 1, "orderList.place.oco": 2}.get(record.method, 0)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("seed", seeds())
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sbe", [False, True], ids=["JSON", "SBE"])
def test_what_a_client_says_is_true_whatever_happens_on_the_way(loop: str, sbe: bool, seed: int) -> None:
    try:
        run(walk(seed, {"sbe": sbe}), loop=loop, timeout=60)
    except BaseException:
        print(f"seed {seed}: FASTWS_PROXY_SEEDS={seed} walks the same way again")
        raise
