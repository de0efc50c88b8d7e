"""The steps of ``python -m fastws verify``: what is sent on two connections of one account, and what comes."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ..signing import Signer
from . import verify_judges as judges
from .verify_judges import Finding, Round
from .verify_orders import Orders
from .verify_wire import Event, Stop, Wire

__all__ = ["PLACED", "TOPICS", "Place", "Run"]

ROUNDS = 3
_AT_ONCE = 3  # orders that are placed and canceled in a round
_BETWEEN = 0.02  # seconds between these requests
PLACED = 3 + ROUNDS * _AT_ONCE
_STATUS_WITHIN = 5.0
_LAG_WITHIN = 10.0
_PING_WITHIN = 25.0
_CLEANING_WITHIN = 5.0
_CLEANING_REPLY = 3.0
_UNKNOWN: dict[str, Any] = {"fastwsVerifies": "1"}  # a parameter that no method has

# The topics of methods/readings.py that are verified, in the order of the table.
SUBSCRIPTIONS = "subscriptions of two connections"
FIELDS = "events on two connections"
ORDER = "order of events on two connections"
NOTICE = "eventStreamTerminated"
CARRIED = "events of a subscription"
CANCELED = "client order id of a canceled order"
AMENDED = "client order id of an amended order"
LAG = "lag of allOrders"
PARAMETERS = "unknown parameters"
PINGS = "ping payloads"
SHUTDOWN = "end after serverShutdown"
TOPICS = (SUBSCRIPTIONS, FIELDS, ORDER, NOTICE, CARRIED, CANCELED, AMENDED, LAG, PARAMETERS, PINGS, SHUTDOWN)


class Place(NamedTuple):
    """Where to verify: the URL, an SSL context or None, the key, seconds to wait for a reply."""

    url: str
    context: ssl.SSLContext | None
    signer: Signer
    timeout: float


class Run:
    """One run.

    Args:
        place: the endpoint and the key.
        symbol: the symbol of the orders.
        quiet: seconds without an event after which all events have come.
        wait: seconds to stay connected at the end, for serverShutdown.
        say: called with what is done now.

    Attributes:
        findings: what was found, by topic.
        left: what to do about orders that may be open; "" if there are none.
    """

    def __init__(
        self, place: Place, symbol: str, quiet: float, wait: float, say: Callable[[str], None]
    ) -> None:
        self.findings: dict[str, Finding] = {}
        self.left = ""
        self._place = place
        self._orders = Orders(symbol)
        self._quiet = quiet
        self._wait = wait
        self._say = say
        self._wires: list[Wire] = []
        self._cancels: list[dict[str, Any]] = []
        self._lags: list[float | None] = []
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Take all steps, and cancel all orders at the end, whatever happens.

        Raises:
            Stop: the run could not go on, or orders may be open.
        """
        try:
            await self._steps()
        finally:
            try:
                await self._clean_up()
            finally:
                await asyncio.gather(*(wire.close() for wire in self._wires))
        if self.left:
            raise Stop("not all orders could be canceled")

    async def _steps(self) -> None:
        self._say("connecting")
        a, b = await self._connect("A"), await self._connect("B")
        try:
            await a.log_on()
            await b.log_on()
            await self._orders.choose(a)
            self._say("subscribing on both connections")
            both = await self._subscribe(a, b)
            await self._ask_with_unknown_parameter(a)
            await self._change_orders(a, b, both)
            if both:
                await self._rounds(a, b)
            self._say("waiting for pings")
            await self._wait_at_the_end(a, b)
        finally:
            for wire in (a, b):
                self._note_shutdown(wire)

    async def _connect(self, name: str) -> Wire:
        place = self._place
        wire = Wire(name, place.signer, place.timeout)
        self._wires.append(wire)
        await wire.connect(place.url, place.context)
        before = time.time_ns()
        server_time = (await wire.result("time"))["serverTime"]
        now = (before + time.time_ns()) // 2_000_000
        wire.offset_ms = int(server_time if server_time < 10**14 else server_time // 1000) - now
        return wire

    async def _subscribe(self, a: Wire, b: Wire) -> bool:
        """Subscribe on both connections; whether both are subscribed."""
        answers = []
        for wire in (a, b):
            answer = await wire.reply_to("userDataStream.subscribe", wire.subscribe())
            answers.append(answer)
            if not answer.ok and (wire is a or answer.code != -2035):
                needs = "; the key needs the permission USER_STREAM" if answer.code == -2015 else ""
                raise Stop(
                    f"userDataStream.subscribe was refused with {answer} on connection {wire.name}{needs}"
                )
        finding = self.findings[SUBSCRIPTIONS] = judges.both_subscribed(*answers)
        if finding.verdict == "observed":
            return True
        for topic in (FIELDS, ORDER, NOTICE, CARRIED):
            self.findings[topic] = Finding("unclear", "two connections could not subscribe", {})
        return False

    async def _ask_with_unknown_parameter(self, a: Wire) -> None:
        order = self._orders.params(self._orders.new_id())
        without = await a.ask("ping", **_UNKNOWN)
        elsewhere = await a.ask("order.test", signed=True, **order, **_UNKNOWN)
        self.findings[PARAMETERS] = judges.unknown_parameters(without, elsewhere)

    async def _change_orders(self, a: Wire, b: Wire, both: bool) -> None:
        """Place, amend, cancel and replace orders, one after the other."""
        orders, symbol = self._orders, self._orders.symbol
        await self._quiet_on(a, b)
        marks = len(a.events), len(b.events)
        self._say("placing, amending, canceling and replacing orders")
        name, order_id, at = await orders.place(a)
        self._lags.append(await self._lag(a, order_id, at, "NEW"))
        by_id = {"symbol": symbol, "orderId": order_id}
        answer = await a.ask("order.amend.keepPriority", signed=True, **by_id, newQty=orders.reduced)
        if answer.ok:
            later = await self._status(
                a, order_id, lambda order: order["origQty"] == answer.result["amendedOrder"]["qty"]
            )
            reply = answer.result["amendedOrder"]["clientOrderId"]
            self.findings[AMENDED] = judges.amended(name, reply, later["clientOrderId"])
            name = later["clientOrderId"]
        else:
            self.findings[AMENDED] = Finding("unclear", f"the amendment got {answer}", {"reply": str(answer)})
        canceled = await a.reply_to("order.cancel", orders.send_cancel(a, order_id))
        result = orders.canceled(order_id, canceled)
        self._lags.append(await self._lag(a, order_id, canceled.at, "CANCELED"))
        await self._note_cancel(a, "order.cancel", order_id, name, result["clientOrderId"])
        self.findings[LAG] = judges.lagged(self._lags, _LAG_WITHIN)
        await self._replace(a)
        self.findings[CANCELED] = judges.canceled(self._cancels)
        if both:
            await self._quiet_on(a, b)
            first, second = a.events[marks[0] :], b.events[marks[1] :]
            foreign = sum(self._foreign(each) for each in (*first, *second))
            first, second = ([each for each in events if self._counts(each)] for events in (first, second))
            self.findings[FIELDS] = judges.same_fields(first, second, foreign)
            self.findings[ORDER] = judges.same_order(first, second, foreign)

    async def _replace(self, a: Wire) -> None:
        orders = self._orders
        name, order_id, _ = await orders.place(a)
        new = orders.new_id()
        orders.open[new] = None
        params = {**orders.params(new), "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order_id}
        answer = await a.ask("order.cancelReplace", signed=True, **params)
        if not answer.ok:
            raise Stop(f"order.cancelReplace was refused with {answer}")
        replaced = int(answer.result["newOrderResponse"]["orderId"])
        orders.forget(order_id)
        orders.open[new] = replaced
        orders.ids.add(replaced)
        reply = answer.result["cancelResponse"]["clientOrderId"]
        await self._note_cancel(a, "order.cancelReplace", order_id, name, reply)
        orders.canceled(replaced, await a.reply_to("order.cancel", orders.send_cancel(a, replaced)))

    async def _note_cancel(self, a: Wire, method: str, order_id: int, before: str, reply: str) -> None:
        later = await self._status(a, order_id, lambda order: order["status"] == "CANCELED")
        by_old = await a.ask(
            "order.status", signed=True, symbol=self._orders.symbol, origClientOrderId=before
        )
        fact = {"method": method, "before": before, "reply": reply, "later": later["clientOrderId"]}
        self._cancels.append({**fact, "by_old": str(by_old)})

    async def _status(
        self, a: Wire, order_id: int, wanted: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """order.status of an order, as soon as it is as wanted."""
        began = self._loop.time()
        while True:
            answer = await a.ask("order.status", signed=True, symbol=self._orders.symbol, orderId=order_id)
            if answer.ok and wanted(answer.result):
                return dict(answer.result)
            if self._loop.time() - began > _STATUS_WITHIN:
                raise Stop(f"order.status did not show a change of order {order_id} in {_STATUS_WITHIN:g} s")
            await asyncio.sleep(0.05)

    async def _lag(self, a: Wire, order_id: int, at: float, status: str) -> float | None:
        """Seconds from a reply, which came ``at``, to the first question whose answer showed the change.

        allOrders is dear, so the questions become rarer.
        """
        pause = 0.01
        while (asked := self._loop.time()) - at <= _LAG_WITHIN:
            params = {"symbol": self._orders.symbol, "orderId": order_id, "limit": 1}
            shown = await a.result("allOrders", signed=True, **params)
            if any(order["orderId"] == order_id and order["status"] == status for order in shown):
                return asked - at
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)
        return None

    async def _rounds(self, a: Wire, b: Wire) -> None:
        """End B's subscription while orders are placed, and begin it while they are canceled."""
        self._say("ending and beginning a subscription while orders change")
        ends, begins = [], []
        for number in range(ROUNDS):
            placements: list[tuple[str, asyncio.Future[Any]]] = []
            ends.append(
                await self._round(a, b, lambda: b.send("userDataStream.unsubscribe"), number, placements, [])
            )
            cancels = [self._orders.open[name] or 0 for name, _ in placements]
            begins.append(await self._round(a, b, b.subscribe, number, [], cancels))
            self.findings[NOTICE] = judges.terminated(ends)
            self.findings[CARRIED] = judges.carried(begins, ends)

    async def _round(
        self,
        a: Wire,
        b: Wire,
        change: Callable[[], asyncio.Future[Any]],
        number: int,
        placements: list[tuple[str, asyncio.Future[Any]]],
        cancels: list[int],
    ) -> Round:
        """Change B's subscription after ``number`` of the requests on A: the cancels of orders, or else placements,
        which are added to ``placements``.
        """
        orders = self._orders
        await self._quiet_on(a, b)
        marks = len(a.events), len(b.events)
        sent, changed, canceled = 0.0, None, []
        for n in range(_AT_ONCE):
            if cancels:
                canceled.append(orders.send_cancel(a, cancels[n]))
            else:
                placements.append(orders.send(a))
            if n == number % _AT_ONCE:
                sent, changed = self._loop.time(), change()
            if n + 1 < _AT_ONCE:
                await asyncio.sleep(_BETWEEN)  # else the change would always come behind all of them
        assert changed is not None
        answer = await b.reply_to("a change of the subscription", changed)
        for name, reply in placements:
            orders.placed(name, await a.reply_to("order.place", reply))
        for order_id, reply in zip(cancels, canceled, strict=False):
            orders.canceled(order_id, await a.reply_to("order.cancel", reply))
        if not answer.ok:
            raise Stop(f"a change of the subscription was refused with {answer}")
        await self._quiet_on(a, b)
        reference = [
            judges.key(each.event) for each in a.events[marks[0] :] if self._counts(each, only_reports=True)
        ]
        return Round(
            reference, [each for each in b.events[marks[1] :] if self._counts(each)], sent, answer.at
        )

    async def _quiet_on(self, *wires: Wire) -> None:
        await asyncio.gather(*(wire.quiet(self._quiet) for wire in wires))

    def _foreign(self, each: Event) -> bool:
        """Whether an event is a report of an order of somebody else who uses the account."""
        return each.kind == "executionReport" and each.event.get("i") not in self._orders.ids

    def _counts(self, each: Event, only_reports: bool = False) -> bool:
        """Whether an event is of the subscription and of our orders."""
        if each.subscription is None or self._foreign(each):
            return False
        return each.kind == "executionReport" or not only_reports

    async def _wait_at_the_end(self, a: Wire, b: Wire) -> None:
        """Wait for a ping on each connection, and for serverShutdown and the end of a connection."""
        try:
            began = self._loop.time()
            for wire in (a, b):
                await wire.until(partial(bool, wire.pings), _PING_WITHIN - (self._loop.time() - began))
        finally:
            self.findings[PINGS] = judges.pinged([*a.pings, *b.pings], a.offset_ms)
        if self._wait > 0:
            self._say("waiting for serverShutdown")
            ends = [asyncio.ensure_future(wire.end(self._wait)) for wire in (a, b)]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()

    def _note_shutdown(self, wire: Wire) -> None:
        """Note how the connection ended after serverShutdown, if that came."""
        for each in wire.events:
            if each.kind == "serverShutdown":
                now = self._loop.time()
                lead = wire.ended_at - each.at if wire.ended else None
                finding = judges.closed_after_notice(lead, wire.close_code, now - each.at)
                known = self.findings.get(SHUTDOWN)
                if known is None or known.verdict == "unclear" or finding.verdict == "refuted":
                    self.findings[SHUTDOWN] = finding
                return
        self.findings.setdefault(SHUTDOWN, Finding("unclear", "serverShutdown did not come", {}))

    async def _clean_up(self) -> None:
        """Cancel what may be open, on a connection that still works or on a new one."""
        orders, reason = self._orders, ""
        if orders.open:
            self._say("canceling orders")
        for wire in (*self._wires, None):
            if not orders.open:
                break
            try:
                if wire is None:
                    wire = await self._connect("C")
                    await wire.log_on()
                wire.timeout = min(wire.timeout, _CLEANING_REPLY)
                await orders.clean_up(wire, _CLEANING_WITHIN)
            except Stop as error:
                reason = f"{error}; "
        if orders.open:
            self.left = reason + orders.left()
