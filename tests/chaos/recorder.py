"""Writes down the client's history while it happens, and reads the exchange's history from the emulator."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import fastws
from fastws import ApiError, ExecutionUnknown, FastwsError
from fastws._native.methods import ROLES, method_spec
from fastws.emulator import Emulator
from helpers.mirrors import shown_by, true_of
from helpers.proxy import Proxy

from .history import (
    Arrival,
    ClientHistory,
    End,
    Event,
    ExchangeHistory,
    GapStory,
    Mirrored,
    Order,
    Overflow,
    Recovered,
    Request,
    Resources,
    Rotated,
    Said,
    Step,
    Stream,
    Told,
    Trade,
)
from .rules_life import OPEN
from .rules_requests import is_timeout, name_given

__all__ = ["Asked", "Recorder", "announced", "event_key", "exchange_history", "resources", "said_of"]


# Parameters that are prepared; the others are given to each call.
_FIXED = ("symbol", "side", "type", "timeInForce")
STREAM_END = "eventStreamTerminated"  # of one stream, and no event of the account


class Asked:
    """A request of the run: what is written down of it, and what the run needs to go on."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.ended = asyncio.Event()
        self.error: BaseException | None = None
        self.reply: Any = None

    @property
    def unknown(self) -> ExecutionUnknown | None:
        return self.error if isinstance(self.error, ExecutionUnknown) else None


class Recorder:
    """The client's history. Give connect() its `options()`, and then `client` the client."""

    def __init__(self, account: str, *, holds: bool = True) -> None:
        self.history = ClientHistory(account=account, holds=holds)
        self.client: fastws.Client | None = None
        self.asked: list[Asked] = []
        self.gaps: list[Any] = []  # the client's own objects, in the order of the stories
        self.learnt: Callable[[Any], object] = lambda result: None
        self.gap_told: Callable[[Any], object] = lambda gap: None
        self.opened: Callable[[], object] = lambda: None  # called in on_state, when the client has opened
        self.switched: Callable[[], object] = lambda: None  # ... when a successor has taken the requests
        self._in_on_state = False
        self.callback_streams: list[Stream] = []
        self._moments = itertools.count(1)
        self._by_id: dict[str, Asked] = {}
        self._recovering: Counter[int] = Counter()  # calls of recover_gap(), by the number of the gap
        self._prepared: dict[Any, Any] = {}  # used again, also on later connections
        self._lost_at = 0  # of the first loss since a gap was told

    def moment(self) -> int:
        return next(self._moments)

    def options(self) -> dict[str, Any]:
        return {"on_state": self._on_state, "on_gap": self._on_gap, "on_orphan": self._on_orphan}

    # ------------------------------------------------------------------------------------------------ what is told

    def _on_state(self, old: str, new: str, reason: str) -> None:
        now, client = asyncio.get_running_loop().time(), self.client
        number = 0 if client is None else client.connection
        step = Step(self.moment(), old, new, str(reason), now, number)
        self.history.steps.append(step)
        if old in OPEN and new != "rotating":  # a connection was lost or left, or the logon was revoked
            self._lost_at = self._lost_at or step.at
        if old == "rotating" and new == "draining":
            self.switched()
        elif new == "open" and old not in OPEN:
            self._in_on_state = True
            self.opened()
            self._in_on_state = False

    def _on_gap(self, gap: Any) -> None:
        self.gaps.append(gap)
        story = GapStory(
            self.history.account,
            gap.start,
            gap.end,
            gap.symbols,
            lost_at=self._lost_at,
            told_at=self.moment(),
        )
        self._lost_at = 0
        self.history.gaps.append(story)
        for stream in self.callback_streams:
            stream.append(Told(len(self.history.gaps) - 1))
        self.gap_told(gap)

    def _on_orphan(self, info: Any, outcome: Any) -> None:
        if isinstance(outcome, fastws.Subscription):
            return
        asked = self._by_id.get(str(info.id))
        if asked is not None:
            error = outcome if isinstance(outcome, BaseException) else None
            asked.request.ends.append(self._end("orphan", None if error else outcome, error))

    async def take(self, subscription: Any, stream: Stream) -> Any:
        """Take the next event of a subscription, and write it down, or what is raised in its place."""
        asked = asyncio.get_running_loop().time()
        try:
            event = await anext(subscription)
        except fastws.EventGap as error:
            stream.append(Told(next(n for n, gap in enumerate(self.gaps) if gap is error.gap)))
            raise
        except fastws.EventOverflow as error:
            stream.append(Overflow(error.lost))
            raise
        hear(stream, event, asked)
        return event

    # ------------------------------------------------------------------------------------------------ what is asked

    def ask(self, method: str, params: dict[str, Any], how: str, **options: Any) -> Asked:
        """Make a request: by "future", by "callback", "prepared", or "cancelled" in the same turn."""
        client = self._client()
        spec = method_spec(method)
        request = Request(
            len(self.asked) + 1,
            self.moment(),
            method,
            params,
            trading=spec.trading,
            placing=spec.role == ROLES["CREATE"],
            client_order_id=name_given(method, params),
            state=client.state,
            first=self._in_on_state,
            made=asyncio.get_running_loop().time(),
        )
        asked = Asked(request)
        self.asked.append(asked)
        self.history.requests.append(request)

        def end(result: Any, error: BaseException | None) -> None:
            asked.error = error
            request.ends.append(self._end("error" if error else "result", result, error))
            asked.ended.set()
            self.learnt(result)

        def done(reply: asyncio.Future[Any]) -> None:
            if reply.cancelled():
                request.ends.append(self._end("cancelled", None, None))
                asked.ended.set()
            else:
                end(None if reply.exception() else reply.result(), reply.exception())

        try:
            if how == "callback":
                info = client.request(method, params, on_reply=end, **options)
            else:
                if how == "prepared":
                    fixed = {name: value for name, value in params.items() if name in _FIXED}
                    changing = {name: value for name, value in params.items() if name not in _FIXED}
                    key = (method, *fixed.items(), *changing)
                    if key not in self._prepared:
                        self._prepared[key] = client.prepare(method, **fixed)
                    asked.reply = self._prepared[key](**changing, **options)
                else:
                    asked.reply = client.request(method, params, **options)
                info = asked.reply.info
        except FastwsError as error:
            end(None, error)
            return asked
        request.id = str(info.id)
        request.client_order_id = info.client_order_id or request.client_order_id
        request.connection = info.connection
        self._by_id[request.id] = asked
        if asked.reply is not None:
            asked.reply.add_done_callback(done)
            if how == "cancelled":
                asked.reply.cancel()
        return asked

    def _end(self, kind: Any, result: Any, error: BaseException | None) -> End:
        end = End(
            self.moment(), kind, result, state=self._client().state, connection=self._client().connection
        )
        if error is not None:
            end.error, end.kinds, end.text = type(error).__name__, _names(error), str(error)
            said: BaseException = error
            if isinstance(error, ExecutionUnknown):
                end.cause, said = _names(error.cause), error.cause
            if isinstance(said, ApiError):
                end.status, end.code = said.status, said.code or 0
            end.new_order = getattr(error, "new_order_result", None) or ""
        return end

    async def resolve(self, asked: Asked, **options: Any) -> None:
        """Ask what became of a request of unknown outcome, and write the verdict down."""
        assert asked.unknown is not None
        verdict = await self._client().resolve(asked.unknown, **options)
        said = said_of(self.moment(), verdict)
        asked.request.resolved.append(said)

    def watch(self, client: fastws.Client) -> None:
        """Write down each recover_gap() of this client, whoever calls it."""
        self.client = client
        recover_gap = client.recover_gap

        async def recover(gap: Any, *, symbols: Any = (), timeout: float = 30.0) -> fastws.Recovery:
            number = next((n for n, told in enumerate(self.gaps) if told is gap), None)
            if number is None:  # a mirror's own
                return await recover_gap(gap, symbols=symbols, timeout=timeout)
            story, complete = self.history.gaps[number], False
            story.closing_at = story.closing_at or self.moment()
            self._recovering[number] += 1
            try:
                found = await recover_gap(gap, symbols=symbols, timeout=timeout)
                recovered = Recovered(
                    self.moment(), found.orders, found.trades, found.complete, tuple(symbols)
                )
                recovered.missing = str(found.missing)
                story.recovered.append(recovered)
                complete = found.complete
            finally:
                self._recovering[number] -= 1
                if complete:
                    story.ended_at = story.ended_at or recovered.at
                elif story.ended_at is None and not self._recovering[number]:
                    story.closing_at = None
            return found

        client.recover_gap = recover  # type: ignore[method-assign]

    async def recover(self, number: int, symbols: tuple[str, ...], timeout: float) -> bool:
        """Ask for what happened in a gap; whether it is complete."""
        try:
            found = await self._client().recover_gap(self.gaps[number], symbols=symbols, timeout=timeout)
        except FastwsError:
            return False
        return found.complete

    def accept(self, number: int) -> None:
        """Go on without knowing what happened in a gap."""
        story = self.history.gaps[number]
        story.closing_at = self.moment()
        self.gaps[number].accept()
        story.ended_at = self.moment()
        story.accepted = True

    def open_gaps(self) -> list[int]:
        return [number for number, story in enumerate(self.history.gaps) if story.ended_at is None]

    def in_flight(self) -> int:
        """How many requests are in flight, without those that timed out: fastws remembers these for a while."""
        timed_out = sum(is_timeout(end) for request in self.history.requests for end in request.ends)
        return max(0, self._client().in_flight - timed_out)

    async def rotate(self) -> None:
        """Replace the connection, and write down how that ended."""
        client = self._client()
        rotated = Rotated(self.moment(), client.connection)
        self.history.rotations.append(rotated)
        try:
            await client.rotate()
        except FastwsError as error:
            rotated.error = type(error).__name__
        rotated.ended_at = self.moment()
        rotated.left = all(each.number != rotated.connection for each in client._session.connections)

    def finish(self, mirror: fastws.OrderMirror | None = None) -> None:
        """Write down what the client is in the end, and what a mirror shows."""
        client = self._client()
        if mirror is not None:
            unknown = tuple(str(info.id) for info in mirror.unknown)
            self.history.mirror = Mirrored(shown_by(mirror), mirror.stale, repr(mirror), unknown)
        self.history.finished_at = self.moment()
        self.history.final_state = client.state
        self.history.in_flight = self.in_flight()
        self.history.connections = len(client._session.connections)
        self.history.stats = dict(client.stats)

    def _client(self) -> fastws.Client:
        assert self.client is not None
        return self.client


def said_of(at: int, verdict: Any) -> Said:
    """A verdict, as the histories have it."""
    return Said(
        at,
        type(verdict).__name__,
        getattr(verdict, "order", None),
        getattr(verdict, "canceled", None),
        tuple(row.get("orderId", row["orderListId"]) for row in getattr(verdict, "candidates", ())),
    )


def _names(error: BaseException) -> tuple[str, ...]:
    return tuple(
        kind.__name__ for kind in type(error).__mro__ if kind not in (object, BaseException, Exception)
    )


# ------------------------------------------------------------------------------------------------------------- events


def event_key(event: Any, divisor: int = 1) -> tuple[Any, ...]:
    """What tells an event from all others; `divisor` makes its times milliseconds."""
    kind = event["e"]
    if kind == "executionReport":
        return kind, event["s"], event["i"], event["I"], event["x"], event["X"], event["z"]
    time = (
        event["u" if kind == "outboundAccountPosition" else "T"] // divisor
    )  # "E" may differ between connections
    if kind == "listStatus":
        return kind, event["g"], event["l"], event["L"], time
    if kind == "outboundAccountPosition":
        return kind, time, tuple((row["a"], row["f"], row["l"]) for row in event["B"])
    return kind, time, event.get("a"), event.get("d")


def hear(stream: Stream, event: Any, asked: float = 0.0) -> None:
    """Write down an event that was delivered now, to a consumer that has waited for it since ``asked``."""
    if event["e"] != STREAM_END:
        now = asyncio.get_running_loop().time()
        stream.append(Event(event_key(event), event["E"] * 1000, heard=now, asked=asked))


# ---------------------------------------------------------------------------------------- what happened at the exchange


def exchange_history(
    exchange: Emulator, account: str, proxy: Proxy | None = None, *, alone: bool = False
) -> ExchangeHistory:
    """What truly happened to an account's requests, orders and events; ``alone``: nobody else makes requests."""
    history = ExchangeHistory(
        attempts=[] if proxy is None else [attempt.time for attempt in proxy.attempts],
        arrivals=[
            Arrival(
                record.seq,
                record.connection,
                record.id,
                record.method,
                dict(record.params),
                record.account,
                record.executed,
                record.order_id,
                record.client_order_id,
                record.status,
                record.code,
                record.reply_sent,
                record.received_at,
                record.executed_at,
                record.fault,
            )
            for record in exchange.journal
            if alone or record.account in (account, "")
        ],
    )
    history.shown = true_of(exchange, account)
    names: dict[int, list[str]] = {}
    history.types_overtake = exchange.types_overtake
    history.announced = announced(exchange)
    for record in exchange.events:
        if record.account != account or record.type == STREAM_END:
            continue
        event = record.event
        history.events.append(Event(event_key(event, 1000), record.time, account, record.connections))
        if record.type == "executionReport":
            names.setdefault(event["i"], []).extend(filter(None, (event["C"], event["c"])))
            if event["x"] == "TRADE":
                history.trades.append(Trade(event["t"], event["i"], event["s"], event["T"]))
    for symbol, book in exchange.core.engine.books.items():
        for order in book.orders.values():
            if order.account.name == account:
                history.orders[symbol, order.id] = Order(
                    order.id,
                    symbol,
                    (*names.get(order.id, ()), order.client_id),
                    order.status,
                    str(order.executed),
                    order.time,
                    order.update_time,
                )
    return history


def announced(exchange: Emulator) -> list[int]:
    """The connections that are open, though their end was announced."""
    live = {each.number for each in exchange.connections if each.open}
    told: set[int] = set()
    for record in exchange.events:
        if record.type == "serverShutdown":
            told.update(record.connections)
    return sorted(live & told)


def resources() -> Resources:
    """What this process holds; descriptors and sockets only where the system can tell, timers only with asyncio."""
    gc.collect()
    tasks, folder, sockets, descriptors = len(asyncio.all_tasks()), "/proc/self/fd", 0, 0
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            try:
                target = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            descriptors += 1
            sockets += target.startswith("socket:")
    scheduled = getattr(asyncio.get_running_loop(), "_scheduled", ())
    timers = sum(_is_of_client(handle) for handle in list(scheduled) if not handle.cancelled())
    return Resources(tasks, sockets, descriptors, timers)


def _is_of_client(timer: Any) -> bool:
    """Whether fastws set this timer, and not its emulator or a test."""
    callback = timer._callback
    owner = (
        f"{type(getattr(callback, '__self__', callback)).__module__} {getattr(callback, '__module__', '')}"
    )
    return "fastws." in owner and "fastws.emulator" not in owner
