"""The seeded plan of a run: what is asked, and what goes wrong meanwhile.

A plan is a list of steps that JSON can hold; a run that fails prints it. A seed decides on the plan; the event loop
decides when things happen, so that a failure may need some runs to come again.
"""

from __future__ import annotations

import random
from typing import Any

from helpers.proxy import KINDS as PROXY_KINDS

from .plan_rotations import old_lags, planned_fault, rotation_steps, setup_of, successor_lags

__all__ = ["SYMBOLS", "TIMEOUT", "make_burst", "make_plan", "parameters"]

Step = dict[str, Any]

SYMBOLS = ("BTCUSDT", "ETHUSDT")
TIMEOUT = 0.15  # of a request, in seconds

PLACINGS = ("limit", "limit", "limit", "market", "market", "maker", "stop", "replace", "replace", "sor")
LISTS = ("list", "oco", "oto", "otoco", "opo", "opoco")
CHANGES = ("cancel", "cancel", "cancel", "amend", "amend", "end list", "cancel all")
READS = ("depth", "depth", "status", "open orders", "time")
HOW = ("future", "future", "future", "callback", "callback", "prepared", "cancelled")

# The emulator's faults of single requests, as its lines of text.
REQUEST_FAULTS = (
    "drop_reply",
    "drop_reply@order.place",
    "duplicate_reply",
    "delay seconds=0.05",
    "reorder seconds=0.05",
    "split size=7 seconds=0.001",
    "fragment size=16",
    "unknown@order.place",
    "unknown@order.cancel executed=false",
    "server_error@order.place code=-1006",
    "hold@order.place seconds=0.1",
    "hold@order.cancelReplace seconds=0.05",
    "delay_event@executionReport seconds=0.05",
    "rate_limit seconds=0.1",
)
# Those that end connections, or make new ones fail.
LOSSES = (
    "cut_before",
    "cut_after",
    "cut_after@order.place",
    "cut_after@order.cancelReplace",
    "cut_before@userDataStream.subscribe",
    "cut_before@session.logon",
    "cut_reply byte=3",
    "freeze@order.place",
    "freeze executed=false",
    "stall@order.cancel",
    "no_pong",
    "close code=1012",
    "shutdown seconds=0.01",
)
REFUSALS = (
    "refuse status=503",
    "refuse status=429 code=-1003 retry_after=0",
    "hang",
    "reset",
    "garbage",
    "error@userDataStream.subscribe status=400 code=-1191",
    "error@session.logon status=500 code=-1001",
)
# What is done to the connections at once.
CONTROLS = ("abort", "close", "freeze", "stall", "shutdown")
ENDS = ("cut", "reset", "hole", "half-open")


def make_plan(seed: int, steps: int = 20, losses: bool = True) -> list[Step]:
    """The steps of a run. Without `losses`, connections end only as planned or announced, and all requests succeed."""
    rng = random.Random(f"chaos {seed}")
    rotating = random.Random(f"rotations {seed}")
    plan: list[Step] = [setup_of(seed)]
    scenes = {rng.randrange(steps): scene for scene in (_executed_late, _refused_often)} if losses else {}
    lagging = rotating.randrange(steps)
    closed: int | None = None  # until which step a port is closed, and the key revoked
    revoked: int | None = None
    for number in range(steps):
        if rotating.random() < (0.3 if losses else 0.6):
            plan += rotation_steps(rotating, not losses, make_burst)
        if number == lagging:
            plan += (old_lags if losses else successor_lags)(rotating, make_burst)
        if number in scenes:
            plan += scenes[number](rng)
        if rng.random() < 0.35:
            plan += _harm(rng, losses)
            if rng.random() < 0.6:
                plan.append({"do": rng.choice(("trade", "trade", "deposit")), "symbol": rng.choice(SYMBOLS)})
        if closed is None and losses and rng.random() < 0.05:
            closed = number + rng.randint(1, 3)
            plan.append({"do": "close port", "port": rng.randrange(2)})
        elif closed == number:
            closed = None
            plan.append({"do": "open ports"})
        if losses and rng.random() < 0.15:
            plan.append({"do": "when open", "asks": [_ask(rng) for _ in range(rng.randint(1, 3))]})
        if revoked == number:
            revoked = None
            plan.append({"do": "restore"})
        elif revoked is None and losses and rng.random() < 0.03:
            revoked = number + rng.randint(1, 3)
            plan.append({"do": "revoke"})
        plan.append({"do": "burst", **make_burst(rng)})
        if rng.random() < 0.15:
            plan.append({"do": "resolve", "share": rng.random(), "timeout": rng.choice((0.0, 0.05, 0.2))})
        if rng.random() < 0.5:
            plan.append({"do": "recover", "accept": rng.random() < 0.1})
        if rng.random() < 0.04:
            plan.append(
                {"do": "halt", "timeout": rng.choice((0.05, 0.3)), "orders": rng.choice(("all", "own"))}
            )
        if losses and rng.random() < 0.02:
            plan.append({"do": "clock", "seconds": rng.choice((2.0, 3600.0))})
        if rng.random() < 0.1:
            plan.append({"do": "delays", "engine": rng.choice((0.0, 0.002)), "lag": rng.choice((0.0, 0.05))})
    return plan


def _executed_late(rng: random.Random) -> list[Step]:
    """Orders are in flight at a loss, and executed a while after it; meanwhile, somebody asks for them."""
    asks = [_ask(rng) | {"what": "limit", "how": rng.choice(("future", "callback"))} for _ in range(2)]
    burst = {"batch": False, "asks": asks, "when": "open", "wait": False, "pause": 0.01}
    return [
        {"do": "recover", "accept": False},
        {"do": "recover", "accept": True},
        {"do": "fault", "line": "hold@order.place times=2 seconds=0.2"},
        {"do": "burst", **burst},
        {"do": "strike now", "kind": rng.choice(("cut", "reset")), "way": "in"},
        {"do": "burst", **make_burst(rng), "when": "open"},
        {"do": "resolve", "share": 0.0, "timeout": 0.05},
    ]


def _refused_often(rng: random.Random) -> list[Step]:
    """A loss, and attempts to connect that fail at once, more of them than the budget allows."""
    return [
        {"do": "refuse", "times": 7, "how": rng.choice(("close", "reset"))},
        {"do": "strike now", "kind": rng.choice(("cut", "reset")), "way": "in"},
        {"do": "burst", **make_burst(rng), "when": "open"},
    ]


def make_burst(rng: random.Random) -> Step:
    """Requests that are made in one turn of the event loop."""
    return {
        "batch": rng.random() < 0.2,
        "asks": [_ask(rng) for _ in range(rng.randint(1, 6))],
        "when": rng.choice(("open", "open", "open", "any")),
        "wait": rng.random() < 0.6,
        "pause": rng.choice((0.0, 0.0, 0.002, 0.01)),
    }


def _ask(rng: random.Random) -> Step:
    what = rng.choice(rng.choice((PLACINGS, PLACINGS, LISTS, CHANGES, CHANGES, READS)))
    return {
        "what": what,
        "how": rng.choice(HOW),
        "symbol": rng.choice((SYMBOLS[0], SYMBOLS[0], SYMBOLS[1])),
        "pick": rng.randrange(1000) / 1000,
        "number": rng.randrange(1000),
        "named": rng.random() < 0.6,
        "urgent": rng.choice((None, None, None, True, False)),
    }


def _harm(rng: random.Random, losses: bool) -> list[Step]:
    kind = rng.choice(
        ("proxy", "request", "loss", "now", "control", "refuse") if losses else ("proxy", "request")
    )
    if kind == "request":
        return [{"do": "fault", "line": rng.choice(REQUEST_FAULTS) if losses else planned_fault(rng)}]
    if kind == "loss":
        return [{"do": "fault", "line": rng.choice(LOSSES)}]
    if kind == "now":
        return [{"do": "strike now", "kind": rng.choice(ENDS), "way": rng.choice(("in", "out"))}]
    if kind == "control":
        return [{"do": "control", "what": rng.choice(CONTROLS)}]
    if kind == "refuse":
        refusal: Step = {"do": "fault", "line": rng.choice(REFUSALS)}
        if rng.random() < 0.5:
            refusal = {
                "do": "refuse",
                "times": rng.randint(1, 2),
                "how": rng.choice(("close", "reset", "silence")),
            }
        return [refusal, {"do": "strike now", "kind": rng.choice(("cut", "reset")), "way": "in"}]
    strike: Step = {
        "do": "strike",
        "kind": rng.choice(PROXY_KINDS if losses else ("delay", "split", "merge")),
        "way": rng.choice(("in", "out")),
        "after": rng.randrange(rng.choice((1, 30, 300, 3000))),
        "seconds": rng.choice((0.001, 0.005, 0.05)),
        "size": rng.choice((1, 7, 100)) if losses else 100,  # byte by byte, much data takes longer than HOLD
    }
    if strike["kind"] == "throttle":
        return [
            strike | {"seconds": 0.001, "size": 40},
            {"do": "burst", **make_burst(rng)},
            {"do": "relieve"},
        ]
    return [strike | {"seconds": 0.0}] if strike["kind"] == "split" else [strike]


# --------------------------------------------------------------------------------------------------------- parameters

_PRICES = {"BTCUSDT": 60_000, "ETHUSDT": 3_000}
_QUANTITIES = {"BTCUSDT": "0.001", "ETHUSDT": "0.01"}


def parameters(
    step: Step, name: str, orders: list[dict[str, Any]], lists: list[tuple[str, int]]
) -> tuple[str, dict[str, Any]]:
    """The method and the parameters of a step.

    Args:
        name: a client order id that nothing else has.
        orders: orders that there are, or were.
        lists: order lists that there are, or were, with their symbols.
    """
    what, symbol, number = step["what"], step["symbol"], step["number"]
    price, quantity = _PRICES[symbol], _QUANTITIES[symbol]
    low, high = f"{price * (0.8 + number / 10_000):.2f}", f"{price * (1.2 + number / 10_000):.2f}"
    own = {"newClientOrderId": name} if step["named"] else {}
    near = f"{price * (0.999 + number / 1_000_000):.2f}"
    limit = {
        "symbol": symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": (low, near)[number % 2],
    }
    limit |= {"quantity": quantity, "newOrderRespType": ("ACK", "RESULT", "FULL")[number % 3]}
    order = orders[int(step["pick"] * len(orders))] if orders else {"symbol": symbol, "orderId": 1}
    of = {"symbol": order["symbol"], "orderId": order["orderId"]}
    if number % 2 and "clientOrderId" in order:
        of = {"symbol": order["symbol"], "origClientOrderId": order["clientOrderId"]}
    if what in ("limit", "sor"):
        method = "order.place" if what == "limit" else "sor.order.place"
        return method, {**limit, **own, **({"quantity": "30"} if number % 20 == 0 else {})}
    if what == "market":
        side = ("BUY", "SELL")[number % 2]
        return "order.place", {"symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity, **own}
    if what == "maker":
        maker = {"symbol": symbol, "side": "SELL", "type": "LIMIT_MAKER", "price": high, "quantity": quantity}
        return "order.place", {**maker, **own}
    if what == "stop":
        stop = {"symbol": symbol, "side": "SELL", "type": "STOP_LOSS", "stopPrice": low, "quantity": quantity}
        return "order.place", {**stop, **own}
    if what == "replace":
        mode = ("STOP_ON_FAILURE", "ALLOW_FAILURE")[number % 2]
        old = {("cancelOrderId" if key == "orderId" else key): value for key, value in of.items()}
        if "origClientOrderId" in old:
            old["cancelOrigClientOrderId"] = old.pop("origClientOrderId")
        return "order.cancelReplace", {**limit, "cancelReplaceMode": mode, **old, **own}
    if what == "amend":
        return "order.amend.keepPriority", {**of, "newQty": f"0.{number % 9 + 1:04}", **own}
    if what == "cancel":
        return "order.cancel", {**of, **own}
    if what == "end list":
        where, number = lists[int(step["pick"] * len(lists))] if lists else (symbol, 1)
        return "orderList.cancel", {"symbol": where, "orderListId": number}
    if what == "cancel all":
        return "openOrders.cancelAll", {"symbol": symbol}
    if what in LISTS:
        return _list(what, symbol, low, high, quantity, {"listClientOrderId": name} if step["named"] else {})
    if what == "depth":
        return "depth", {"symbol": symbol, "limit": number % 3 + 1}
    if what == "status":
        return "order.status", of
    if what == "open orders":
        return "openOrders.status", {"symbol": symbol}
    return "time", {}


def _list(
    what: str, symbol: str, low: str, high: str, quantity: str, own: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    if what == "list":  # the deprecated one
        pair = {"side": "SELL", "quantity": quantity, "price": high, "stopPrice": low}
        return "orderList.place", {"symbol": symbol, **pair, **own}
    if what == "oco":
        legs = {
            "aboveType": "LIMIT_MAKER",
            "abovePrice": high,
            "belowType": "STOP_LOSS",
            "belowStopPrice": low,
        }
        return "orderList.place.oco", {"symbol": symbol, "side": "SELL", "quantity": quantity, **legs, **own}
    working = {"symbol": symbol, "workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC"}
    working |= {"workingPrice": low, "workingQuantity": quantity, "pendingSide": "SELL", **own}
    pending = {"pendingQuantity": quantity} if what in ("oto", "otoco") else {}
    if what in ("oto", "opo"):
        pending |= {"pendingType": "LIMIT", "pendingTimeInForce": "GTC", "pendingPrice": high}
    else:
        pending |= {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": high}
        pending |= {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": low}
    return f"orderList.place.{what}", {**working, **pending}
