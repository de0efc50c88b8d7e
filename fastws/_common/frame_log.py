"""The frame log: each frame that is sent or received, as a DEBUG record of the logger ``fastws.wire``.

A connection asks is_wanted() when it opens, and its session asks again every second; in between a flag in C stands for
the answer. API keys, signatures and listen tokens are masked, and so is whatever looks like one: 40 or more characters
of base64. (A client order id has at most 36.)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

from .log import wire_log

__all__ = ["SHOWN", "is_wanted", "log_frame", "log_frames", "shown_payload"]

SHOWN = 4096  # of a text frame so many bytes are shown, of a binary one as many hexadecimal digits

_MASK = "***"
_CUT = b"\0fastws cuts here\0"  # stands for a secret until it is masked
_KINDS = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

# The members of JSON objects that hold a key, a signature or a token, whatever their length.
_SECRETS = rb"apiKey|signature|listenToken|listenKey|token|secret"
_MEMBER = re.compile(rb'("(?:' + _SECRETS + rb')"\s*:\s*")(?:[^"\\]|\\.)*', re.DOTALL)
_LONG = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
# What the cut of a long frame may leave of a key or a signature: too short to be known as one.
_REST = re.compile(rb"[A-Za-z0-9+/=_-]+\Z")


def is_wanted() -> bool:
    """Whether the frame log is on: whether ``fastws.wire`` takes DEBUG records."""
    try:
        return wire_log.isEnabledFor(logging.DEBUG)
    except Exception:  # of a logger class of the user's
        return False


def log_frame(
    number: int | None, sent: bool, kind: int, payload: bytes, fin: bool = True, keys: Iterable[str] = ()
) -> None:
    """Log one frame.

    Args:
        number: the number of its connection.
        sent: whether fastws sent it; otherwise it was received.
        kind: its opcode, RFC 6455, 5.2.
        payload: its payload, unmasked.
        fin: whether it ends its message.
        keys: API keys that are masked wherever they stand, also where they are short.
    """
    wire_log.debug(
        "connection %s %s %s%s, %d bytes: %s",
        number,
        "sent" if sent else "received",
        _KINDS.get(kind, f"opcode {kind}"),
        "" if fin else " (to be continued)",
        len(payload),
        shown_payload(kind, payload, keys),
        connection=number,
    )


def log_frames(number: int | None, frames: bytes, keys: Iterable[str] = ()) -> None:
    """Log the frames of one write of fastws: complete, and masked as a client masks them."""
    for kind, payload in _unmasked(frames):
        log_frame(number, True, kind, payload, True, keys)


def _unmasked(frames: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(frames):
        kind, size = frames[at] & 0x0F, frames[at + 1] & 0x7F
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(frames[at : at + width], "big")
            at += width
        mask = frames[at : at + 4] * (size // 4 + 1)
        payload = frames[at + 4 : at + 4 + size]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask[:size], "big")
        yield kind, masked.to_bytes(size, "big")
        at += 4 + size


def shown_payload(kind: int, payload: bytes, keys: Iterable[str] = ()) -> str:
    """The payload of a frame as text, without secrets: JSON as it is, SBE in hexadecimal digits."""
    if kind == 8 and len(payload) >= 2:
        return f"{int.from_bytes(payload[:2], 'big')} {shown_payload(1, payload[2:], keys)}"
    most = SHOWN // 2 if kind == 2 else SHOWN
    parts = _parts(payload, most, keys)
    if kind == 2:
        ids = [int.from_bytes(payload[at : at + 2], "little") for at in (2, 4, 6)]
        head = f"SBE message {ids[0]} of schema {ids[1]}:{ids[2]}: "
        text = (head if len(payload) >= 8 else "") + _MASK.join(part.hex() for part in parts)
    else:
        text = _MASK.encode().join(parts).decode("utf-8", "backslashreplace")
    return text + "..." * (len(payload) > most)


def _parts(payload: bytes, most: int, keys: Iterable[str]) -> list[bytes]:
    """The first bytes of a payload, cut at each secret, and without it."""
    shown = payload[:most]
    if len(payload) > most:
        shown = _REST.sub(b"", shown)
    shown = _MEMBER.sub(lambda found: found[1] + _CUT, shown)
    for key in keys:
        shown = shown.replace(key.encode("utf-8", "replace"), _CUT)
    return _LONG.sub(_CUT, shown).split(_CUT)
