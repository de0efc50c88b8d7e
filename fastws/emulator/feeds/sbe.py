"""SBE messages of market data streams (stream_1_0.xml). Only the emulator uses this packer: it shares no code with the
client's decoder, so that a mistake in one cannot hide a mistake in the other.
"""

from __future__ import annotations

import struct

from .events import Diff, Partial, Payload, Top, Trades

__all__ = ["encode"]

_SCHEMA, _VERSION = 1, 0
_EXPONENT = -8


def encode(event: Payload) -> bytes:
    """The message of an event of the kinds that SBE has."""
    if isinstance(event, Trades):
        rows = b"".join(
            struct.pack("<qqqB", t.id, t.price, t.quantity, t.buyer_is_maker) for t in event.trades
        )
        block = struct.pack("<qqbb", event.now_us, event.trades[0].time, _EXPONENT, _EXPONENT)
        return _message(10000, block, struct.pack("<HI", 25, len(event.trades)) + rows, event.symbol)
    if isinstance(event, Top):
        block = struct.pack(
            "<qqbbqqqq", event.now_us, event.update_id, _EXPONENT, _EXPONENT, *event.bid, *event.ask
        )
        return _message(10001, block, b"", event.symbol)
    assert isinstance(event, (Partial, Diff))
    groups = _levels(event.bids) + _levels(event.asks)
    if isinstance(event, Partial):
        block = struct.pack("<qqbb", event.now_us, event.last_id, _EXPONENT, _EXPONENT)
        return _message(10002, block, groups, event.symbol)
    block = struct.pack("<qqqbb", event.now_us, event.first_id, event.last_id, _EXPONENT, _EXPONENT)
    return _message(10003, block, groups, event.symbol)


def _levels(levels: list[tuple[int, int]]) -> bytes:
    return struct.pack("<HH", 16, len(levels)) + b"".join(struct.pack("<qq", *level) for level in levels)


def _message(template: int, block: bytes, groups: bytes, symbol: str) -> bytes:
    name = symbol.encode()
    head = struct.pack("<HHHH", len(block), template, _SCHEMA, _VERSION)
    return head + block + groups + struct.pack("<B", len(name)) + name
