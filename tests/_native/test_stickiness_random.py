"""_native/stickiness.pyx: random requests, beside a model of the rule."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import uuid4

import pytest

import fastws
from helpers.leaving import OCO, REPLACE, SOR, Leaving, where
from helpers.support import refusal, reply, run


class Model:
    """The rule of the requests while a connection is left, in plain Python, from what a caller can see."""

    def __init__(self) -> None:
        self.old: list[Any] = []  # RequestInfos of trading requests on the old connection, in order
        self.ended: set[int] = set()  # answered, timed out, or given up
        self.switched = self.time_over = self.logged_on_elsewhere = False

    @staticmethod
    def names(params: dict[str, Any]) -> set[tuple[str, Any]]:
        kinds = {"orderId": "order", "cancelOrderId": "order", "orderListId": "list"}
        return {
            (kinds.get(name, "text"), value)
            for name, value in params.items()
            if name in kinds or name.endswith("ClientOrderId")
        }

    def stays(self, method: str, params: dict[str, Any]) -> bool:
        if not self.switched:
            return True
        if self.logged_on_elsewhere:
            return False
        waiting = [
            info
            for info in self.old
            if info.id not in self.ended and info.params["symbol"] == params["symbol"]
        ]
        if not self.time_over:
            return bool(waiting)
        if any(self.names(info.params) & self.names(params) for info in waiting):
            return True
        places = method.startswith("order.place") or ".place" in method or method == "order.cancelReplace"
        return places and any(info.method == "openOrders.cancelAll" for info in waiting)


class Walk:
    """Random trading requests before, while and after a client changes from one connection to another."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.both = Leaving(logon="never")
        self.model = Model()
        self.open: list[Any] = []  # RequestInfos without an end
        self.wrong: list[Any] = []
        self.placed = ["x-1", "x-2"]  # names that requests may use
        self.sent: list[Any] = []
        self.reading = False
        self.given_up: set[int] = set()
        self.written: dict[int, str] = {}
        self.prepared = {
            method: self.both.client.prepare(method, symbol=symbol)
            for method, symbol in (("order.cancel", "BTCUSDT"), ("openOrders.cancelAll", "ETHUSDT"))
        }

    def params(self, method: str) -> dict[str, Any]:
        pick, chance = self.random.choice, self.random.random
        base = {"symbol": pick(("BTCUSDT", "ETHUSDT"))}
        named = (
            {pick(("orderId",)): pick((1, 2, 3))}
            if chance() < 0.3
            else {"origClientOrderId": pick(self.placed)}
        )
        given = {"newClientOrderId": f"c-{uuid4().hex[:8]}"} if chance() < 0.5 else {}
        order = {name: value for name, value in SOR.items() if name != "symbol"}
        match method:
            case "order.place" | "sor.order.place":
                return {**base, **order, **given}
            case "orderList.place.oco":
                return {**OCO, **base}
            case "order.cancel":
                return {**base, **named, **given}
            case "order.amend.keepPriority":
                return {**base, "newQty": "1", **named, **given}
            case "order.cancelReplace":
                cancelled = {f"cancelO{name[1:]}": value for name, value in named.items()}
                return {**base, **REPLACE, **base, **cancelled, **given}
            case "orderList.cancel":
                lists = (
                    {"orderListId": pick((1, 2))}
                    if chance() < 0.3
                    else {"listClientOrderId": pick(self.placed)}
                )
                return {**base, **lists}
        return base

    def request(self) -> None:
        method = self.random.choice(
            "order.place sor.order.place orderList.place.oco order.cancel order.cancel order.amend.keepPriority"
            " order.cancelReplace orderList.cancel openOrders.cancelAll".split()
        )
        params = self.params(method)
        stays = self.model.stays(method, params)
        call = self.both.client.request
        options: dict[str, Any] = {"on_reply": self.ended, "urgent": self.random.choice((None, True, False))}
        if method in self.prepared and params["symbol"] == self.prepared[method].params["symbol"]:
            info: Any = self.prepared[method](**{k: v for k, v in params.items() if k != "symbol"}, **options)
        else:
            info = call(method, dict(params), **options)
        if where(info) != ("o" if stays else "n"):  # not raised: it may be a callback
            self.wrong.append((method, params, stays))
        if stays:
            self.model.old.append(info)
        self.open.append(info)
        self.sent.append(info)
        self.placed += [text for name, text in info.params.items() if name.endswith("ClientOrderId")]
        self.placed = self.placed[-12:]

    def ended(self, result: Any, error: Any) -> None:
        if isinstance(error, fastws.NotSent):
            self.given_up.add(error.info.id)  # type: ignore[union-attr]
        if self.reading and self.random.random() < 0.3:
            self.request()

    def batch(self) -> None:
        inside = self.both.client.batch()
        self.look()
        writes = self.both.writes, self.both.new.writes
        inside.__enter__()
        first = len(self.sent)
        for _ in range(self.random.randrange(5)):
            self.request()
        if self.random.random() < 0.2 and not self.model.switched:
            self.switch()
            self.request()
        fault = ValueError() if self.random.random() < 0.3 else None
        assert list(self.both.requests()) == list(self.both.new.requests()) == []
        inside.__exit__(type(fault) if fault else None, fault, None)
        if fault:
            made = self.sent[first:]
            self.model.ended |= {info.id for info in made}
            self.open = [info for info in self.open if info not in made]
            assert {info.id for info in made} <= self.given_up
        assert self.both.writes <= writes[0] + 1
        assert self.both.new.writes <= writes[1] + 1

    def switch(self) -> None:
        if not self.model.switched:
            self.model.switched = True
            self.model.time_over = self.random.random() < 0.5
            self.both.switch(0.0 if self.model.time_over else 1000.0)

    def look(self) -> None:
        """Take what was written: each request once, on its connection."""
        self.both.client.flush()
        for name, wire in (("o", self.both), ("n", self.both.new)):
            for request in wire.requests():
                assert request["id"] not in self.written
                self.written[request["id"]] = name

    def answer(self) -> None:
        """Answer a few requests of one connection in one read; callbacks make more."""
        self.look()
        chosen = [info for info in self.open if self.random.random() < 0.4]
        wire = self.random.choice((self.both, self.both.new))
        chosen = [info for info in chosen if self.both.wire_of(info) is wire]
        self.reading = True
        for info in chosen:
            self.open.remove(info)
            self.model.ended.add(info.id)
            wire.send(reply(info.id) if self.random.random() < 0.7 else refusal(info.id, 400, -2010))
        self.reading = False

    def time_out(self) -> None:
        self.look()
        info: Any = self.both.place(timeout=1e-9, on_reply=lambda *_: None, newClientOrderId="late")
        stayed = where(info) == "o"
        assert stayed == self.model.stays("order.place", {"symbol": "BTCUSDT", "newClientOrderId": "late"})
        self.look()
        sweep: Any = self.both.session
        sweep._sweep()
        self.placed.append("late")

    def log_on(self) -> None:
        if self.model.switched:
            assert where(self.both.client.session_logon(urgent=True)) == "n"
            self.model.logged_on_elsewhere = True

    async def walk(self, steps: int) -> None:
        choices = (
            [self.request] * 8
            + [self.answer] * 4
            + [self.batch] * 2
            + [self.switch, self.time_out, self.settle]
        )
        for _ in range(steps):
            self.random.choice(choices)()
            if self.random.random() < 0.3:
                await asyncio.sleep(0)
            if self.random.random() < 0.01:
                self.log_on()
        self.look()
        assert self.wrong == []
        assert {info.id for info in self.sent} - self.given_up <= self.written.keys()
        assert not self.given_up & self.written.keys()
        for info in self.sent:
            if info.id in self.written:
                assert self.written[info.id] == where(info)
        self.both.lose_both()

    def settle(self) -> None:
        """Answer all that is unanswered on the old connection."""
        self.look()
        for info in list(self.open):
            if self.both.wire_of(info) is self.both:
                self.open.remove(info)
                self.model.ended.add(info.id)
                self.both.send(reply(info.id))


@pytest.mark.parametrize("seed", range(150))
def test_random_requests_go_where_the_rule_says(seed: int) -> None:
    async def main() -> None:
        await Walk(seed).walk(120)

    run(main())
