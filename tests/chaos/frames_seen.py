"""Writes down which events a client read from its connections, and when, before the client makes anything of them.

It stands in the place of the frame log, which is shown each frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import fastws
from fastws._native import frames

from .history import Seen
from .recorder import STREAM_END, event_key

__all__ = ["events_seen", "lateness"]

CONTINUATION, TEXT, BINARY = 0, 1, 2
TICK = 0.01  # seconds


@contextlib.contextmanager
def events_seen(seen: list[Seen]) -> Iterator[None]:
    """Write down each event that is read meanwhile."""
    loop = asyncio.get_running_loop()
    schema = fastws.sbe.Schema.bundled("spot")
    parts: dict[int, list[bytes]] = {}
    kinds: dict[int, int] = {}

    def shown(number: int, sent: bool, kind: int, payload: bytes, fin: bool = True, keys: Any = ()) -> None:
        if sent or kind not in (CONTINUATION, TEXT, BINARY):
            return
        if kind != CONTINUATION:
            parts[number], kinds[number] = [], kind
        parts.setdefault(number, []).append(payload)
        if fin:
            message, kind = b"".join(parts.pop(number)), kinds.pop(number, TEXT)
            event = _event(message, kind, schema)
            if event is not None and event["e"] != STREAM_END:
                key = event_key(event, 1000 if kind == BINARY else 1)
                seen.append(Seen(key, number, loop.time()))

    with mock.patch.multiple(frames, is_wanted=lambda: True, log_frame=shown):
        yield


def _event(message: bytes, kind: int, schema: Any) -> dict[str, Any] | None:
    """The event of a subscription that a message carries."""
    if kind == TEXT:
        if b'"event"' not in message:
            return None
        value = json.loads(message)
    else:
        try:
            value = schema.decode(message)
        except fastws.FastwsError:
            return None
    return value["event"] if "event" in value and value.get("subscriptionId") is not None else None


@contextlib.contextmanager
def lateness(late: list[tuple[float, float]]) -> Iterator[None]:
    """Write down when the event loop was late meanwhile, and by how much."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def tick(due: float) -> None:
        nonlocal timer
        now = loop.time()
        if now - due > TICK:
            late.append((now, now - due))
        timer = loop.call_at(now + TICK, tick, now + TICK)

    tick(loop.time())
    try:
        yield
    finally:
        timer.cancel()
