"""Faults of replies: how each kind of fault changes the reply and its delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

from ..exchange.state import Exchange
from ..values.delays import Delay
from ..values.errors import MESSAGES, Refusal, refuse
from ..values.faults import Fault
from ..values.limits import banned
from .inbound import InboundRequest

__all__ = ["Replier", "respond_badly", "revoke_key"]


class Replier(Protocol):
    """The gateway, as faults use it to write and send replies; see Gateway."""

    exchange: Exchange
    reply_delay: Delay

    def reply(self, request: InboundRequest, outcome: Any) -> bytes:
        """Encode the reply to a request: its result, or the error of a Refusal."""

    def send(self, request: InboundRequest, reply: bytes, then: Callable[[], None] | None = None) -> None:
        """Send a reply after the reply delay, and call ``then``."""

    def deliver(self, send: Callable[..., Any], *args: Any) -> None:
        """Call ``send`` after the reply delay."""

    def sent(self, request: InboundRequest) -> None:
        """Note that a reply was written to a live connection."""


# The last argument is the request's outcome: its result, a Refusal, or None if the fault prevented its effect.
_Delivery: TypeAlias = "Callable[[Replier, InboundRequest, Fault, Any], None]"


def respond_badly(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    """Answer a request in the way of its fault."""
    _DELIVERIES.get(fault.kind, _as_usual)(gateway, request, fault, outcome)


def revoke_key(gateway: Replier, request: InboundRequest) -> None:
    """Revoke the API key of a request."""
    key = gateway.exchange.keys.get(request.params.get("apiKey", "")) or request.connection.key
    if key is not None:
        gateway.exchange.revoke(key)


def _as_usual(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    gateway.send(request, gateway.reply(request, outcome))


def _nothing(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    """Send no reply."""


def _cut(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    request.connection.abort()


def _error(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    details = fault.details
    code = details["code"]
    text = details["msg"] or MESSAGES.get(code, f"Error {code}.")
    gateway.send(request, gateway.reply(request, Refusal(details["status"], code, text, details.get("data"))))


def _raw(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    data = fault.details["data"]
    if isinstance(data, str):
        data = data.encode()
    gateway.deliver(_send_raw, gateway, request, data, fault.details["frame"])


def _send_raw(gateway: Replier, request: InboundRequest, data: bytes, frame: str) -> None:
    if request.connection.send_raw(data, frame):
        gateway.sent(request)


def _duplicate(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    reply = gateway.reply(request, outcome)
    gateway.send(request, reply)
    gateway.send(request, reply)


def _delay(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    reply = gateway.reply(request, outcome)
    request.connection.loop.call_later(fault.details["seconds"], gateway.send, request, reply)


def _reorder(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    reply, connection = gateway.reply(request, outcome), request.connection
    sent = False

    def send() -> None:
        nonlocal sent
        if not sent:
            sent = True
            gateway.send(request, reply)

    connection.after_replies(fault.details["replies"], send)
    connection.loop.call_later(fault.details["seconds"], send)


def _split(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    reply, details = gateway.reply(request, outcome), fault.details
    frame = request.connection.frame(reply)
    at = [details["at"]] if isinstance(details["at"], int) else list(details["at"])
    cuts = at or range(details["size"], len(frame), details["size"])
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(frame)), len(frame)]
    pieces = [frame[start:end] for start, end in pairwise(bounds)]
    _wire(gateway, request, pieces, details["seconds"])


def _fragment(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    reply, size = gateway.reply(request, outcome), fault.details["size"]
    parts = [reply[start : start + size] for start in range(0, len(reply), size)]
    last = len(parts) - 1
    frames = [request.connection.frame(part, first=n == 0, fin=n == last) for n, part in enumerate(parts)]
    _wire(gateway, request, frames, 0.0)


def _cut_reply(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    frame = request.connection.frame(gateway.reply(request, outcome))
    gateway.deliver(request.connection.cut_behind, frame[: fault.details["byte"]])


def _wire(gateway: Replier, request: InboundRequest, pieces: list[bytes], seconds: float) -> None:
    gateway.deliver(_send_pieces, gateway, request, pieces, seconds)


def _send_pieces(gateway: Replier, request: InboundRequest, pieces: list[bytes], seconds: float) -> None:
    if request.connection.send_pieces(pieces, seconds):
        gateway.sent(request)


def _rate_limit(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    now_us, seconds = gateway.exchange.clock.now_us(), fault.details["seconds"]
    window, divisor = request.connection.limits.weight, request.connection.time_divisor
    end = window.end(now_us) if seconds is None else now_us + round(seconds * 1e6)
    data = {"serverTime": now_us // divisor, "retryAfter": end // divisor}
    refusal = refuse(-1003, window.limit, window.label(), status=429, data=data)
    gateway.send(request, gateway.reply(request, refusal))


def _ban(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    now_us, connection = gateway.exchange.clock.now_us(), request.connection
    connection.limits.ban(now_us, fault.details["seconds"])
    gateway.send(request, gateway.reply(request, banned(connection.limits, now_us, connection.time_divisor)))
    connection.end_address(gateway.reply_delay.most)


def _close(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    code, connection = fault.details["code"], request.connection
    end = connection.abort if code == 1006 else partial(connection.close, code, fault.details["reason"])
    gateway.send(request, gateway.reply(request, outcome), end)


def _no_pong(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    request.connection.answers_pings = False
    _as_usual(gateway, request, fault, outcome)


def _stall(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    gateway.send(request, gateway.reply(request, outcome), request.connection.stall)


def _freeze(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    request.connection.freeze()


def _shutdown(gateway: Replier, request: InboundRequest, fault: Fault, outcome: Any) -> None:
    connection, details = request.connection, fault.details
    chosen = (connection,) if details["only"] else None
    announce = partial(connection.server.announce_shutdown, details["seconds"], chosen)
    gateway.send(request, gateway.reply(request, outcome), announce)


_DELIVERIES: Mapping[str, _Delivery] = {
    "ban": _ban,
    "close": _close,
    "cut_after": _cut,
    "cut_before": _cut,
    "cut_reply": _cut_reply,
    "delay": _delay,
    "drop_reply": _nothing,
    "duplicate_reply": _duplicate,
    "error": _error,
    "fragment": _fragment,
    "freeze": _freeze,
    "no_pong": _no_pong,
    "rate_limit": _rate_limit,
    "raw": _raw,
    "reorder": _reorder,
    "server_error": _error,
    "shutdown": _shutdown,
    "split": _split,
    "stall": _stall,
    "unknown": _error,
}
