"""A run: a client on the embedded exchange, behind the proxy, carries out a plan; and what the checker finds."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import time
import traceback
from collections.abc import Iterator
from typing import Any
from unittest import mock

import fastws
from fastws import FastwsError
from fastws.emulator import Emulator
from fastws.emulator.values.accounts import Account
from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.new_orders import NewOrder
from helpers.proxy import Fault, Proxy
from helpers.support import run

from .checker import Violation, check
from .frames_seen import events_seen, lateness
from .handing_over import HandOvers, close_while_rotating
from .history import ClientHistory, ExchangeHistory
from .overhearing import Overheard
from .plan import SYMBOLS, TIMEOUT, Step, make_burst, make_plan, parameters
from .plan_rotations import options_of
from .recorder import STREAM_END, Asked, Recorder, announced, event_key, exchange_history, resources
from .rules_requests import may_stay_open
from .setting import BUDGET, LATER, PATIENCE, PATIENT, Setting, at_rest, haste, hurry, loop_of
from .waiting import until

__all__ = ["Walk", "carry_out", "violations"]


class Walk(HandOvers):
    """One client, through one plan; ``planned``: its connections end only as planned or announced."""

    def __init__(self, plan: list[Step], setting: Setting, planned: bool = False, **options: Any) -> None:
        super().__init__()
        self.plan, self.setting, self.options, self.planned = plan, setting, options, planned
        self.recorder = Recorder("me", holds=options.get("after_gap", "hold") == "hold")
        self.recorder.learnt = self._learn
        self.recorder.opened = self._opened
        self.recorder.switched = self.switched
        self.recorder.history.planned = planned
        self.recorder.history.drain_timeout = self.options.get("drain_timeout", 15.0)
        self.buffer = self.options.pop("buffer", 65_536)
        self.close_after: float | None = self.options.pop("close_after", None)
        self.timeout = PATIENT["timeout"] if planned else TIMEOUT
        self._when_open: list[Step] = []
        self.orders: list[dict[str, Any]] = []
        self.lists: list[tuple[str, int]] = []
        self.exchange: Emulator
        self.proxy: Proxy
        self.api_key = ""
        self.account: Account
        self.other: Account  # whose orders trade with those of the client
        self.mirror: fastws.OrderMirror | None = None
        self._sent: dict[int, list[tuple[Any, ...]]] = {}
        self.accepts = False

    @property
    def client(self) -> fastws.Client:
        assert self.recorder.client is not None
        return self.recorder.client

    async def go(self) -> tuple[ClientHistory, ExchangeHistory]:
        symbols = [dataclasses.replace(each, sor=each.name == SYMBOLS[0]) for each in DEFAULT_SYMBOLS]
        lags: dict[str, Any] = {"query_lag": (0.0, 0.02), "database_lag": (0.0, 0.05)}
        tls = self.setting.tls
        async with (
            haste(),
            Emulator(
                tls=tls, enforce_limits=False, max_connection_age=0, symbols=symbols, **lags
            ) as exchange,
            Proxy(exchange.url, ports=2) as proxy,
        ):
            self.exchange, self.proxy = exchange, proxy
            key = exchange.add_account("Ed25519", name="me")
            self.api_key = key.api_key
            self.account, self.other = key.account, exchange.add_account("HMAC", name="other").account
            history = self.recorder.history
            # an attempt arrives a little later than it is made, now sooner and now later
            history.budget = None if self.planned else (BUDGET[0], 0.8 * BUDGET[1])
            history.before = resources()
            options = {
                "api_key": key.api_key,
                "private_key": key.private_key,
                "sbe": self.setting.sbe,
                "ssl_context": exchange.client_ssl_context() if tls else None,
                "timeout": TIMEOUT,
                "client_order_id_prefix": "c",
                "database_lag": 0.1,
                "connect_timeout": 0.25,
                "stall_after": 0.1,
                "probe_interval": 0.3,
                "probe_timeout": 0.1,
                "connect_budget": BUDGET[0],
                "ports": proxy.ports,
                **self.recorder.options(),
                **(PATIENT if self.planned else {}),
                **self.options,
            }
            history.opened.append(asyncio.get_running_loop().time())
            self.recorder.watch(fastws.connect(proxy.url, **options))
            hurry(self.client)
            with self._listening():
                await self._walk()
            if self.mirror is not None:  # it ends with its subscription
                await until(
                    lambda: self.mirror is None or self.mirror.reason, "the mirror has not ended", 1.0
                )
                await self.mirror.close()
            history.after = await self._settled(history.before)
            return history, self.exchange_history

    async def _walk(self) -> None:
        await self.client
        try:
            await self._subscribe()
            for step in self.plan:
                await self._do(step)
            await self._heal()
        finally:
            history = exchange_history(self.exchange, "me", self.proxy, alone=True)
            self.exchange_history = history
            history.sent = self._sent
            self.recorder.finish(self.mirror)
            if self.close_after is None:
                await self.client.close(timeout=1.0)
            else:
                await close_while_rotating(self, self.client, self.close_after)
            await self.end_rotations(1.0)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Write down what the exchange sends and the client reads, and when."""
        history, log = self.recorder.history, self.exchange.events
        sent = log.sent

        def noted(record: Any, connection: int) -> None:
            sent(record, connection)
            if record.account == "me" and record.type != STREAM_END:
                self._sent.setdefault(connection, []).append(event_key(record.event, 1000))

        history.seen = [] if self.setting.listens else None
        listener = contextlib.nullcontext() if history.seen is None else events_seen(history.seen)
        with mock.patch.object(log, "sent", noted), listener, lateness(history.late):
            yield

    async def _settled(self, before: Any) -> Any:
        """What the process holds, once the other ends have closed, too."""
        self.proxy.relieve()
        for connection in list(self.exchange.connections):
            connection.abort()
        with contextlib.suppress(AssertionError):
            await until(lambda: resources() == before, "more is held than before", 1.0, 0.01)
        return resources()

    async def _subscribe(self) -> None:
        stream: list[Any] = []
        self.recorder.history.streams.append(stream)
        client = self.client
        subscribe = client.user_data_stream_subscribe
        if self.setting.signature:
            subscribe = client.user_data_stream_subscribe_signature
        overheard = Overheard(self.recorder, stream, fed=not self.setting.iterator)
        if self.setting.iterator:
            self.subscription = await subscribe(buffer=self.buffer)
        else:
            self.recorder.callback_streams.append(stream)
            self.recorder.gap_told = overheard.on_gap
            self.subscription = await subscribe(on_event=overheard.hear)
        overheard.begin(self.subscription)
        await client.sync_time()
        self.mirror = fastws.OrderMirror(client, overheard)

    # ----------------------------------------------------------------------------------------------------- the steps

    async def _do(self, step: Step) -> None:
        await getattr(self, f"_do_{step['do'].replace(' ', '_')}")(step)

    async def _do_burst(self, step: Step) -> None:
        if step["when"] == "open":
            with contextlib.suppress(TimeoutError):
                await self.client.wait_open(0.5)
        burst = self.make(step)
        if step["wait"]:
            for asked in burst:
                await asyncio.wait_for(asked.ended.wait(), 5)
        await asyncio.sleep(step["pause"])

    def make(self, burst: Step) -> list[Asked]:
        """Make the requests of a burst."""
        asked: list[Asked] = []
        with (
            contextlib.suppress(fastws.NotConnected),
            self.client.batch() if burst["batch"] else contextlib.nullcontext(),
        ):
            asked += [self._ask(ask) for ask in burst["asks"]]
        return asked

    def _ask(self, step: Step) -> Asked:
        name = f"c{len(self.recorder.asked) + 1}"
        method, params = parameters(step, name, self.orders, self.lists)
        return self.recorder.ask(method, params, step["how"], timeout=self.timeout, urgent=step["urgent"])

    def _opened(self) -> None:
        """What is asked in on_state."""
        asks, self._when_open = self._when_open, []
        for ask in asks:
            self._ask(ask)

    async def _do_when_open(self, step: Step) -> None:
        self._when_open = step["asks"]

    def _learn(self, result: Any) -> None:
        """Orders and lists that there are, for later requests."""
        if isinstance(result, dict):
            order = result.get("newOrderResponse", result)
            if "orders" in order:
                self.lists.append((order["symbol"], order["orderListId"]))
            elif "orderId" in order:
                self.orders.append(order)

    async def _do_strike(self, step: Step) -> None:
        fault = {name: value for name, value in step.items() if name != "do"}
        self.proxy.strike(Fault(**fault))

    async def _do_strike_now(self, step: Step) -> None:
        await self.proxy.strike_now(step["kind"], step["way"])

    async def _do_relieve(self, step: Step) -> None:
        self.proxy.relieve()

    async def _do_refuse(self, step: Step) -> None:
        self.proxy.refuse(step["times"], step["how"])

    async def _do_close_port(self, step: Step) -> None:
        await self.proxy.listen(self.proxy.ports[step["port"]], False)

    async def _do_open_ports(self, step: Step) -> None:
        for port in self.proxy.ports:
            await self.proxy.listen(port)

    async def _do_fault(self, step: Step) -> None:
        self.exchange.faults.add_text(step["line"])

    async def _do_control(self, step: Step) -> None:
        alive = [each for each in self.exchange.connections if each.open]
        if alive:
            getattr(alive[-1], step["what"])()

    async def _do_trade(self, step: Step) -> None:
        """Another account sells, whatever becomes of the client's connection."""
        core = self.exchange.core
        book, now_us = core.engine.books[step["symbol"]], core.clock.now_us()
        quantity = {"BTCUSDT": UNIT // 20, "ETHUSDT": UNIT // 2}[step["symbol"]]
        core.engine.submit(
            self.other,
            NewOrder(book.symbol, "SELL", "MARKET", "GTC", 0, quantity, 0, "", "ACK", "NONE", None, None),
            now_us,
        )
        core.settle(now_us)
        core.publish()

    async def _do_deposit(self, step: Step) -> None:
        self.exchange.core.deposit(self.account, "USDT", "1")

    async def _do_halt(self, step: Step) -> None:
        """Halt, with requests that were made before and some that are made meanwhile."""
        halting = self.client.halt(step["timeout"], orders=step["orders"])
        self._ask(_LIMIT)
        await halting
        assert self.client.halted
        self.client.resume()

    async def _do_clock(self, step: Step) -> None:
        # an order that the engine holds would be executed later than it can be
        await until(lambda: at_rest(self.exchange), "the exchange is not at rest")
        self.exchange.core.clock.offset += step["seconds"]

    async def _do_revoke(self, step: Step) -> None:
        self.recorder.history.revoked = True
        if not self.setting.signature:  # the exchange ends such a subscription with its key, and says so
            self.exchange.revoke(self.api_key)

    async def _do_restore(self, step: Step) -> None:
        self.exchange.restore(self.api_key)

    async def _do_delays(self, step: Step) -> None:
        self.exchange.engine_delay = step["engine"]
        self.exchange.database_lag = step["lag"]

    async def _do_resolve(self, step: Step) -> None:
        unknown = [asked for asked in self.recorder.asked if asked.unknown]
        for asked in unknown[int(step["share"] * len(unknown)) :][:3]:
            with contextlib.suppress(FastwsError):
                await self.recorder.resolve(asked, timeout=step["timeout"])

    async def _do_recover(self, step: Step) -> None:
        for number in self.recorder.open_gaps():
            if step["accept"]:
                self.recorder.accept(number)
            elif self.client.connected:
                await self.recorder.recover(number, SYMBOLS, 1.0)

    # ------------------------------------------------------------------------------------------------------- the end

    async def _heal(self) -> None:
        """Let all be well again; the client must come back, and find out what is open."""
        exchange = self.exchange
        self.proxy.relieve()
        exchange.faults.clear()
        exchange.core.streams.account_limit = 0
        exchange.engine_delay = exchange.query_lag = exchange.database_lag = 0.0
        await self._do_event_delays({"seconds": 0.0, "all": True})
        await self._do_open_ports({})
        await self._do_restore({})
        await self.end_rotations(PATIENCE)
        await self._works()
        if not self.planned:
            for connection in list(exchange.connections):  # what was done to it may last, such as "no_pong"
                connection.abort()
            await self._works()
        await self._quiet()
        exchange.core.clock.offset += LATER
        await self.client.sync_time()
        await self._recover_all()
        unknown = [asked for asked in self.recorder.asked if asked.unknown]
        await asyncio.gather(*(self.recorder.resolve(asked, timeout=0.8) for asked in unknown))
        slow = [asked for asked in unknown if not may_stay_open(asked.request, None)]
        await asyncio.gather(*(self.recorder.resolve(asked, timeout=5.0) for asked in slow))
        last = self.recorder.ask("order.test", _LAST, "future")
        await asyncio.wait_for(last.ended.wait(), 5)
        await self._all_events()
        with contextlib.suppress(AssertionError):
            await until(lambda: self._rests(), "it rotates", 3.0)
        await self._recover_all()
        if self.mirror is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.mirror.ready(), PATIENCE)
            mirror = self.mirror  # it may still ask for balances, and its questions be in flight
            with contextlib.suppress(AssertionError):
                await until(lambda: not mirror._faults, "the mirror asks")
        with contextlib.suppress(AssertionError):
            await until(lambda: self._rests(), "it rotates", 3.0)

    def _rests(self) -> bool:
        """Whether no rotation is under way, or wanted, and nobody, such as the mirror, waits for an answer."""
        one = len(self.exchange.connections) == 1 and self.client.state == "open"
        return one and not announced(self.exchange) and not self.recorder.in_flight()

    async def _recover_all(self) -> None:
        """Close all gaps, those of rotations meanwhile, too."""
        for _ in range(3):
            for number in self.recorder.open_gaps():
                await self.recorder.recover(number, SYMBOLS, 3.0)

    async def _works(self) -> None:
        """Wait until the client is open, and a request is answered."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(FastwsError, TimeoutError):
                await self.client.wait_open(deadline - time.monotonic())
                await self.client.time(timeout=self.timeout)
                if self.subscription.id >= 0:
                    return
            await asyncio.sleep(0.01)
        raise AssertionError(
            f"the client does not come back: {self.client!r}, {self.recorder.history.steps[-5:]}"
        )

    async def _quiet(self) -> None:
        """Wait until all requests have ended, and the engine has what it is to have."""
        for asked in self.recorder.asked:
            await asyncio.wait_for(asked.ended.wait(), 5)
        await until(lambda: at_rest(self.exchange), "the exchange is not at rest")
        with contextlib.suppress(AssertionError):
            await until(lambda: not self.recorder.in_flight(), "requests are in flight")

    async def _all_events(self) -> None:
        """Wait a moment for the events that are on the way."""
        events = [record for record in self.exchange.events if record.account == "me"]
        latest = events[-1:]
        if self.exchange.types_overtake:  # then the last one of each type
            latest = list({record.type: record for record in events}.values())
        with contextlib.suppress(AssertionError):
            await until(lambda: all(record.connections for record in latest), "an event was not sent", 1.0)
        await self.client.time()
        await asyncio.sleep(0.01)


_LIMIT = make_burst(random.Random(1))["asks"][0] | {"what": "limit", "how": "future"}
_LAST = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


def violations(seed: int, planned: bool = False, **options: Any) -> tuple[Walk, list[Violation]]:
    """Carry out the plan of a seed, or its plan in which connections end only as planned; what the checker finds."""
    plan = make_plan(seed, losses=not planned)
    walk = Walk(plan, Setting.of(seed), planned, **{**options_of(seed, planned), **options})
    return walk, check(*run(walk.go(), loop=loop_of(seed), timeout=60))


def carry_out(seed: int, planned: bool = False) -> int:
    """Carry out the plan of a seed, or the one in which connections end only as planned; returns how many requests were
    made.

    Raises:
        AssertionError: a rule broke. The text has the seed, the plan, and the command that repeats it.
    """
    try:
        walk, found = violations(seed, planned)
        texts = list(map(str, found))
    except (Exception, asyncio.CancelledError) as error:
        texts = [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-6:]]
    if texts:
        kind = "planned ends alone" if planned else "all faults"
        raise AssertionError(
            "\n".join(
                [
                    f"{len(texts)} violations",
                    *texts[:20],
                    f"seed {seed}, {kind}, {Setting.of(seed)}, {loop_of(seed)}; make chaos SEED={seed}; its plan:",
                    *map(json.dumps, make_plan(seed, losses=not planned)),
                ]
            )
        )
    return len(walk.recorder.asked)
