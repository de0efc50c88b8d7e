"""The gateway: the way of a request from its frame to the engine, and of its reply back.

receive:  a record in the journal
admit:    (after the gateway's delay) JSON, id, method ─▶ parameters ─▶ weight ─▶ key, timing, signature
forward:  filters ─▶ order count ─▶ timing again
execute:  (after the engine's delay) the method itself ─▶ reply

The requests of a connection are admitted in their order, so that requests after a logon use its key. The first check of
the timing uses the time of the receipt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from ..exchange.state import Exchange
from ..methods.method import Method
from ..methods.table import METHODS
from ..values import auth, params
from ..values.auth import API_KEY_FORMAT, Number
from ..values.delays import Delay, DelayQueue, Seconds
from ..values.errors import Refusal, refuse
from ..values.faults import Fault, Faults
from ..values.journal import Journal, Record
from ..values.limits import Window, banned
from ..values.logs import logger
from ..wire.sbe import SbeSettings
from .connection import Connection
from .delivery import respond_badly, revoke_key
from .envelope import DuplicateNames, read_envelope
from .inbound import InboundRequest
from .waf import looks_like_sql

__all__ = ["Gateway"]


_UNPARSED_WEIGHT = 1
_OF_MEMORY = frozenset(("order.status", "openOrders.status"))


class Gateway:
    """Handles the requests of all connections.

    Attributes:
        sbe: the settings of SBE.
        gateway_delay: the delay of each request in the gateway.
        engine_delay: the delay from the gateway to the engine, for methods of the engine.
        reply_delay: the delay of a reply to its client. If it is a range, replies can overtake one another.
        timeout: seconds after which the gateway answers -1007 if the engine has not answered; the engine still
            executes the request.
    """

    def __init__(
        self,
        exchange: Exchange,
        journal: Journal,
        faults: Faults,
        sbe: SbeSettings,
        *,
        gateway_delay: Seconds,
        engine_delay: Seconds,
        reply_delay: Seconds = 0.0,
        seed: int = 1,
        timeout: float,
        on_record: Callable[[Record], None] | None,
    ) -> None:
        self.exchange = exchange
        self.journal = journal
        self.faults = faults
        self.sbe = sbe
        self.gateway_delay = Delay(gateway_delay, f"gateway {seed}")
        self.engine_delay = Delay(engine_delay, f"engine {seed}")
        self.reply_delay = Delay(reply_delay, f"reply {seed}")
        self.timeout = timeout
        self._on_record = on_record
        self._loop = asyncio.get_running_loop()

    def receive(self, connection: Connection, text: str) -> None:
        """Take the text of a request."""
        now_us = self.exchange.clock.now_us()
        record = self.journal.new(connection.number, now_us)
        connection.unanswered[record.seq] = record
        request = InboundRequest(connection, record)
        connection.limits.raw_requests.add(1, now_us)
        delay = self.gateway_delay
        seconds = delay.draw() if delay.most else 0.0
        connection.to_gateway.put(seconds, self._admit, request, text, now_us)

    # In the gateway

    def _admit(self, request: InboundRequest, text: str, now_us: int) -> None:
        try:
            self._read(request, text, now_us)
            if looks_like_sql(text):
                self._charge(request, _UNPARSED_WEIGHT, now_us)
                raise refuse(-1002, status=403)
            self._check(request, now_us)
        except Refusal as refusal:
            self._refuse(request, refusal)
        else:
            self._forward(request)

    def _read(self, request: InboundRequest, text: str, now_us: int) -> None:
        try:
            message = read_envelope(text)
            record, message_id, sent = request.record, message["id"], message.get("params")
            if message_id is not None:
                record.id = str(message_id)
                request.id_json = message_id if isinstance(message_id, Number) else f'"{message_id}"'
            if sent is None:
                sent = {}
            elif not isinstance(sent, dict):
                raise refuse(-1135, msg="Invalid 'params' in JSON request; expected an object.")
            name = message.get("method")
            if not isinstance(name, str) or isinstance(name, Number):
                raise refuse(-1135, msg="Invalid 'method' in JSON request; expected a string.")
        except Refusal:
            self._charge(request, _UNPARSED_WEIGHT, now_us)
            raise
        request.params = sent
        record.params = {name: value for name, value in sent.items() if name != "signature"}
        shown = sent.get("returnRateLimits")
        request.show_limits = shown if isinstance(shown, bool) else request.connection.return_rate_limits
        name = name.removeprefix("v3/")
        record.method = name
        if self.faults.requests:
            fault = request.fault = self.faults.take(name, request.connection.number)
            if fault is not None:
                record.fault = fault.kind
                if fault.kind == "revoke":
                    revoke_key(self, request)
        request.method = METHODS.get(name)

    def _check(self, request: InboundRequest, now_us: int) -> None:
        method, sent = request.method, request.params
        weight = _UNPARSED_WEIGHT if method is None or not isinstance(method.weight, int) else method.weight
        try:
            if not self.sbe.enabled and request.connection.format.binary:
                raise refuse(-1155)
            if method is None:
                # errors.md has no error code for a method that does not exist.
                raise refuse(-1020)
            if type(sent) is DuplicateNames:
                raise refuse(-1101)
            request.values = params.parse_all(sent, method.params, method.mandatory)
            request.show_limits = request.values.get("returnRateLimits", request.show_limits)
            if not isinstance(method.weight, int):
                weight = method.weight(request.values)
        finally:
            self._charge(request, weight, now_us)
        if method.signed:
            self._authenticate(request, method, now_us)

    def _charge(self, request: InboundRequest, weight: int, now_us: int) -> None:
        limits = request.connection.limits
        request.weight = weight
        limits.weight.add(weight, now_us)
        if limits.banned_until > now_us:
            raise banned(limits, now_us, request.connection.time_divisor)
        if not self.exchange.enforce_limits:
            return
        for window in (limits.weight, limits.raw_requests):
            if window.count(now_us) > window.limit:
                divisor = request.connection.time_divisor
                limits.refused(now_us)
                if limits.banned_until > now_us:
                    raise banned(limits, now_us, divisor)
                data = {"serverTime": now_us // divisor, "retryAfter": window.end(now_us) // divisor}
                if window is limits.weight:
                    raise refuse(-1003, window.limit, window.label(), status=429, data=data)
                raise refuse(-1003, status=429, msg="Too many requests queued.", data=data)

    def _authenticate(self, request: InboundRequest, method: Method, now_us: int) -> None:
        values, connection = request.values, request.connection
        explicit = method.explicit or "apiKey" in values or "signature" in values or connection.key is None
        if explicit:
            for name in ("apiKey", "signature"):
                if name not in values:
                    raise refuse(-1102, name)
            if API_KEY_FORMAT.fullmatch(values["apiKey"]) is None:
                raise refuse(-2014, status=401)
            key = self.exchange.keys.get(values["apiKey"])
            if key is None or key.revoked:
                raise refuse(-2015, status=401)
        else:
            key = connection.live_key()
            assert key is not None
        if "timestamp" not in values:
            raise refuse(-1102, "timestamp")
        request.key = key
        request.account = key.account
        request.record.account = key.account.name
        auth.check_ahead(values["timestamp"], now_us)
        request.timestamp = values["timestamp"]
        request.recv_window = values.get("recvWindow", request.recv_window)
        auth.check_late(request.timestamp, request.recv_window, now_us)
        if explicit and not _verified(key, request):
            raise refuse(-1022)
        if method.security not in key.permissions and not method.logon:
            raise refuse(-2015, status=401)

    # On the way to the engine

    def _forward(self, request: InboundRequest) -> None:
        method = request.method
        assert method is not None
        held = 0.0 if request.fault is None else _held(request.fault)
        if not method.engine:
            if held:
                self._loop.call_later(held, self._execute, request)
            else:
                self._execute(request)
            return
        exchange, now_us = self.exchange, self.exchange.clock.now_us()
        try:
            if method.prepare is not None:
                method.prepare(exchange, request)
            if method.orders:
                self._count_orders(request, method, now_us)
            auth.check_late(request.timestamp, request.recv_window, now_us)
        except Refusal as refusal:
            self._refuse(request, refusal)
            return
        record = request.record
        record.outcome = "accepted"
        record.accepted_at = now_us
        self.journal.changed(record)
        queue = DelayQueue(self._loop) if held else request.connection.to_engine
        if queue.put(self.engine_delay.draw() + held, self._execute, request) > self.timeout:
            self._loop.call_later(self.timeout, self._time_out, request)

    def _count_orders(self, request: InboundRequest, method: Method, now_us: int) -> None:
        windows = request.account.order_windows
        if self.exchange.enforce_limits:
            for window in windows:
                if window.count(now_us) >= window.limit:
                    request.over_order_limit = refuse(-1015, window.limit, window.label(), status=429)
                    if method.survives_order_limit is not None and method.survives_order_limit(request):
                        return
                    raise request.over_order_limit
        for window in windows:
            window.add(method.orders, now_us)

    def _time_out(self, request: InboundRequest) -> None:
        self._respond(request, refuse(-1007, status=504))

    # Execution

    def _execute(self, request: InboundRequest) -> None:
        fault, record, method = request.fault, request.record, request.method
        assert method is not None
        now_us = request.now_us = self.exchange.clock.now_us()
        outcome: Any
        if fault is not None and fault.before:
            record.outcome = "rejected"
            self._respond(request, None)
            return
        try:
            if self.exchange.memory.on and method.name in _OF_MEMORY:
                outcome = self._remembered(method, request)
            else:
                outcome = method.handler(self.exchange, request)
        except Refusal as refusal:
            outcome = refusal
            # 409: one of the two parts was executed.
            executed = refusal.status == 409
        except Exception:
            logger.exception("%s failed", record.method)
            outcome = refuse(-1000, status=500)
            executed = False
        else:
            executed = True
            if method.free:
                request.connection.limits.weight.add(-request.weight, now_us)
        if executed:
            record.outcome = "executed"
            record.executed_at = now_us
        else:
            record.outcome = "rejected"
        self.exchange.publish()
        self._respond(request, outcome)
        self.exchange.credit_first_fills()

    def _remembered(self, method: Method, request: InboundRequest) -> Any:
        """The result of a query that the memory answers."""
        memory, values, divisor = self.exchange.memory, request.values, request.connection.time_divisor
        now = partial(method.handler, self.exchange, request)
        if method.name == "order.status":
            return memory.order_status(request.account, values, divisor, now)
        return memory.open_orders(request.account, values.get("symbol"), divisor, now)

    def _refuse(self, request: InboundRequest, refusal: Refusal) -> None:
        request.record.outcome = "rejected"
        self._respond(request, refusal)
        if refusal.status == 418:
            request.connection.end_address(self.reply_delay.most)

    # The reply

    def _respond(self, request: InboundRequest, outcome: Any) -> None:
        """Answer a request with a result or a Refusal, unless it was answered before."""
        if not request.answered:
            request.answered = True
            if request.fault is None:
                self.send(request, self.reply(request, outcome))
            else:
                respond_badly(self, request, request.fault, outcome)
            if self._on_record is not None:
                self._on_record(request.record)
        self.journal.changed(request.record)

    def reply(self, request: InboundRequest, outcome: Any) -> bytes:
        """Encode the reply to a request: its result, or the error of a Refusal."""
        record, connection, now_us = request.record, request.connection, self.exchange.clock.now_us()
        windows: list[Window] | None = None
        if request.show_limits:
            method = request.method
            windows = [connection.limits.weight]
            if method is not None and method.orders and request.key is not None:
                windows[:0] = request.account.order_windows
        form, request_id = connection.format, request.id_json
        if not isinstance(outcome, Refusal):
            try:
                reply = form.success(request_id, outcome, windows, now_us, record.method)
            except Exception:
                # A number can be too large for SBE's integers.
                logger.exception("cannot encode the result of %s", record.method)
                outcome = refuse(-1000, status=500)
            else:
                record.status = 200
                return reply
        record.status, record.code = outcome.status, outcome.code
        if outcome.null_id:
            return form.failure("null", outcome, None, now_us)
        return form.failure(request_id, outcome, windows, now_us)

    def send(self, request: InboundRequest, reply: bytes, then: Callable[[], None] | None = None) -> None:
        """Send a reply after the reply delay, and call ``then``."""
        self.deliver(self._send_now, request, reply, then)

    def deliver(self, send: Callable[..., None], *args: Any) -> None:
        """Call ``send`` after the reply delay."""
        if self.reply_delay.most:
            self._loop.call_later(self.reply_delay.draw(), send, *args)
        else:
            send(*args)

    def _send_now(self, request: InboundRequest, reply: bytes, then: Callable[[], None] | None) -> None:
        if request.connection.send_reply(reply):
            self.sent(request)
        if then is not None:
            then()

    def sent(self, request: InboundRequest) -> None:
        """Note that a reply was written to a live connection."""
        record = request.record
        request.connection.unanswered.pop(record.seq, None)
        record.reply_sent = True
        record.replied_at = self.exchange.clock.now_us()
        self.journal.changed(record)


def _held(fault: Fault) -> float:
    return float(fault.details["seconds"]) if fault.kind == "hold" else 0.0


def _verified(key: auth.ApiKey, request: InboundRequest) -> bool:
    try:
        payload = auth.signature_payload(request.params)
        return key.verify(payload, request.values["signature"])
    except UnicodeEncodeError:
        return False
