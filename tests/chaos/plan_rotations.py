"""Rotations in a plan: when the client changes its connection, what the exchange announces, what goes wrong then."""

from __future__ import annotations

import random
from typing import Any

__all__ = [
    "MOMENTS",
    "old_lags",
    "options_of",
    "planned_fault",
    "rotation_steps",
    "setup_of",
    "successor_lags",
]

Step = dict[str, Any]

# The steps of a hand-over, as the exchange or the client shows them.
MOMENTS = (
    "rotating",
    "connected",
    "session.logon",
    "userDataStream.subscribe",
    "draining",
    "userDataStream.unsubscribe",
    "eventStreamTerminated",
    "open",
)
# What is done to a connection then.
ENDS = ("abort", "close", "freeze", "stall", "notice")
# Faults of the successor alone, before it is in use: the old connection carries on.
OF_SUCCESSORS = (
    "hang",
    "reset",
    "refuse status=503",
    "garbage",
    "cut_before@session.logon",
    "cut_after@session.logon",
    "cut_before@userDataStream.subscribe",
    "cut_after@userDataStream.subscribe",
    "drop_reply@userDataStream.subscribe",
    "error@session.logon status=500 code=-1001",
    "error@userDataStream.subscribe status=400 code=-1191",
)
# Faults that delay or repeat, and break nothing. None delays events by as much as HOLD.
HARMLESS = (
    "duplicate_reply",
    "delay seconds=0.05",
    "reorder seconds=0.05",
    "split size=400 seconds=0.001",
    "fragment size=16",
    "hold@order.place seconds=0.1",
    "hold@order.cancelReplace seconds=0.05",
    "delay_event@executionReport seconds=0.05",
)
DELAYS = (0.0, 0.0, (0.0, 0.003), (0.0, 0.02), 0.03, 0.05)


def options_of(seed: int, planned: bool) -> dict[str, Any]:
    """The options of the client that concern rotations; ``buffer`` is that of the subscription; ``close_after``: how
    long a last rotation is under way when the client is closed; None: there is none."""
    rng = random.Random(f"options {seed}")
    return {
        "rotate_after": rng.choice((None, None, 0.4, 1.0)),
        "drain_timeout": 5.0 if planned else rng.choice((0.05, 0.3, 2.0)),
        "buffer": 65_536 if planned else rng.choice((2, 65_536, 65_536)),
        "close_after": rng.choice((None, 0.0, 0.005, 0.02, 0.05)),
    }


def setup_of(seed: int) -> Step:
    """How the exchange shows events on two connections."""
    rng = random.Random(f"setup {seed}")
    return {
        "do": "set up",
        "types_overtake": rng.random() < 0.3,
        "differing": rng.choice(((), ("E",))),
        "seconds": rng.choice(DELAYS),
    }


def planned_fault(rng: random.Random) -> str:
    return rng.choice(HARMLESS)


def old_lags(rng: random.Random, burst: Any) -> list[Step]:
    """The events of the old connection come half a second late, and those of its successor at once."""
    return [
        {"do": "event delays", "seconds": 0.5, "all": True},
        {"do": "burst", **burst(rng)},
        {"do": "event delays", "seconds": 0.0, "all": False},
        {"do": "rotate", "times": 1, "wait": False, "pause": 0.05},
        {"do": "burst", **burst(rng), "when": "open"},
        {"do": "trade", "symbol": "BTCUSDT"},
        {"do": "rest", "seconds": 0.4},
    ]


def successor_lags(rng: random.Random, burst: Any) -> list[Step]:
    """What happens while both connections are subscribed, the old one shows at once, and its successor late."""
    return [
        {"do": "event delays", "seconds": 0.0, "all": True},
        {"do": "event delays", "seconds": 0.05, "all": False},
        _rotate_behind(rng, burst),
    ]


def _rotate_behind(rng: random.Random, burst: Any) -> Step:
    """Requests are in flight on the old connection, when the successor takes over."""
    before, after = burst(rng), burst(rng)
    for each in (before, after):
        each |= {"when": "any", "wait": False, "pause": 0.0}
        for ask in each["asks"]:
            ask["how"] = rng.choice(("future", "callback", "prepared"))
    return {
        "do": "rotate behind",
        "before": before,
        "after": after,
        "pause": rng.choice((0.0, 0.005, 0.03)),
    }


def rotation_steps(rng: random.Random, planned: bool, burst: Any) -> list[Step]:
    """Steps around a rotation. ``burst`` makes the step of a burst of requests."""
    kind = rng.choice(
        ("rotate", "rotate", "notice", "behind", "behind", "new", "delays", "successor", "harm")
    )
    if kind == "rotate":
        times = rng.choice((1, 1, 2, 3))
        return [
            {
                "do": "rotate",
                "times": times,
                "wait": rng.random() < 0.3,
                "pause": rng.choice((0.0, 0.01, 0.05)),
            }
        ]
    if kind == "notice":
        return [
            {
                "do": "notice",
                "all": rng.random() < 0.3,
                "seconds": rng.choice((None, None, 1.5) if planned else (None, 0.0, 0.02, 0.2, 1.5)),
            }
        ]
    if kind == "behind":
        return [_rotate_behind(rng, burst)]
    if kind == "new":
        return [
            {
                "do": "fault",
                "line": f"shutdown_new times={rng.randint(1, 2)} delay={rng.choice((0.0, 0.01))}",
            },
            {"do": "rotate", "times": 1, "wait": False, "pause": 0.05},
        ]
    if kind == "delays":
        return [{"do": "event delays", "seconds": rng.choice(DELAYS), "all": rng.random() < 0.3}]
    if kind == "successor" or planned:
        return [
            {"do": "fault", "line": rng.choice(OF_SUCCESSORS)},
            {"do": "rotate", "times": 1, "wait": False, "pause": 0.02},
        ]
    harm = {
        "do": "rotate and",
        "moment": rng.choice(MOMENTS),
        "what": rng.choice(ENDS),
        "whom": rng.choice(("old", "new")),
        "notice": rng.random() < 0.25,
    }
    if rng.random() < 0.2:
        return [
            {"do": "account limit", "most": 1},
            {"do": "rotate", "times": 1, "wait": True, "pause": 0.0},
            {"do": "account limit", "most": 0},
        ]
    return [harm]
