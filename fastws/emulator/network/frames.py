"""The bytes of frames from a server, for faults that picows cannot send."""

from __future__ import annotations

import struct

__all__ = ["frame_bytes"]


def frame_bytes(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """The bytes of one frame, not masked."""
    first = (0x80 if fin else 0) | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 126, size)
    else:
        head = struct.pack("!BBQ", first, 127, size)
    return head + payload
