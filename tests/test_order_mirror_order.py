"""OrderMirror: events and answers overlap and come in any order; the mirror ends up with what is true."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from typing import Any

import pytest

import fastws
from fastws import OrderMirror, Recovery, order_mirror
from fastws.trading.results import progress
from helpers.streaming import make, subscribed
from helpers.support import run

Row = dict[str, Any]
START = 1_800_000_000_000  # milliseconds
STEPS = 60
OPEN = ("PENDING_NEW", "NEW", "PARTIALLY_FILLED")


class History:
    """Orders of one account that live at random, and what is shown of them after each step."""

    def __init__(self, rng: random.Random, steps: int) -> None:
        self.rng = rng
        self.now = START
        self.live: dict[int, Row] = {}
        self.trades: list[tuple[int, Row]] = []  # with the number of their step
        self.free, self.updated = 0, START
        self.events: list[Row] = []
        self.times: list[int] = []
        self.ends: list[int] = []  # of each step, how many events there are
        self.states: list[tuple[dict[int, Row], Row]] = []
        for _ in range(steps):
            self.now += rng.choice((0, 0, 0, 1))
            self._step()
            self.times.append(self.now)
            self.ends.append(len(self.events))
            self.states.append(({number: {**row} for number, row in self.live.items()}, self.account()))

    def account(self) -> Row:
        rows = [{"asset": "A", "free": str(self.free), "locked": "0"}]
        return {"updateTime": self.updated, "balances": rows}

    def _step(self) -> None:
        opened = [row for row in self.live.values() if row["status"] in OPEN]
        if not opened or self.rng.random() < 0.3:
            status = self.rng.choice(("NEW", "NEW", "PENDING_NEW"))
            row = {
                "symbol": "S",
                "orderId": len(self.live),
                "orderListId": -1,
                "clientOrderId": f"c{len(self.live)}",
            }
            row |= {"origQty": "10", "executedQty": "0", "cummulativeQuoteQty": "0", "status": status}
            row |= {
                "updateTime": self.now,
                "time": self.now,
                "isWorking": False,
                "price": "1",
                "preventedQuantity": "0",
                "side": "BUY",
            }
            self.live[row["orderId"]] = row
            self._tell(row, "NEW")
            return
        row = self.rng.choice(opened)
        left = int(row["origQty"]) - int(row["executedQty"]) - int(row["preventedQuantity"])
        action = self.rng.choice(("begin", "fill", "fill", "amend", "cancel", "prevent"))
        row["updateTime"] = self.now
        if action == "begin" and not row["isWorking"]:
            row |= {"isWorking": True, "status": "NEW" if row["status"] == "PENDING_NEW" else row["status"]}
            self._tell(row, "NEW")
        elif action == "fill" and row["status"] != "PENDING_NEW":
            done = self.rng.randint(1, left)
            row["executedQty"] = str(int(row["executedQty"]) + done)
            row["status"] = "FILLED" if done == left else "PARTIALLY_FILLED"
            self._tell(row, "TRADE", done)
        elif action == "amend" and left > 1:
            row["origQty"] = str(int(row["origQty"]) - self.rng.randint(1, left - 1))
            row["clientOrderId"] += "x"
            self._tell(row, "REPLACED")
        elif action == "prevent":
            row["preventedQuantity"] = str(int(row["preventedQuantity"]) + 1)
            row["status"] = "EXPIRED_IN_MATCH" if left == 1 else row["status"]
            self._tell(row, "TRADE_PREVENTION")
        else:
            row |= {"status": "CANCELED", "clientOrderId": "renamed"}
            self._tell(row, "CANCELED")

    def _tell(self, row: Row, kind: str, done: int = 0) -> None:
        names = {name: key for key, name in order_mirror._ORDER.items() if key != name}
        event = {names[name]: value for name, value in row.items()}
        event |= {"e": "executionReport", "E": self.now, "x": kind, "t": -1}
        if done:
            number = len(self.trades)
            event |= {
                "t": number,
                "L": "1",
                "l": str(done),
                "Y": str(done),
                "n": f"0.{done}",
                "N": "A",
                "m": False,
            }
            trade = {"symbol": "S", "id": number, "orderId": row["orderId"], "orderListId": -1, "price": "1"}
            trade |= {
                "qty": str(done),
                "quoteQty": str(done),
                "commission": f"0.{done}",
                "commissionAsset": "A",
            }
            self.trades.append(
                (len(self.states), {**trade, "time": self.now, "isBuyer": True, "isMaker": False})
            )
        self.events.append(event)
        self.free += self.rng.choice((-1, 1, 2))
        if self.rng.random() < 0.5:  # as of the embedded exchange, where a cancel does not count as an update
            self.updated = self.now
        balance = {"a": "A", "f": str(self.free), "l": "0"}
        self.events.append({"e": "outboundAccountPosition", "E": self.now, "u": self.updated, "B": [balance]})

    def recovery(self, gap: int, asked: int) -> Recovery:
        """What is found about a gap, which begins at a step: open orders may be shown a little older than the rest."""
        older = self.rng.randint(max(gap, asked - 3), asked)
        rows = {}
        for step in (older, asked):
            for number, row in self.states[step][0].items():
                changed = row["updateTime"] >= self.times[gap]
                if row["status"] in OPEN or changed:
                    known = rows.get(number)
                    if known is None or progress(row) > progress(known):
                        rows[number] = row
        trades = [{**row} for step, row in self.trades if gap <= step <= asked]
        return Recovery(list(rows.values()), trades, account=self.states[asked][1], complete=True)


def wrong(seeds: Iterable[int]) -> dict[int, set[str]]:
    """The seeds whose mirror is wrong, and in what."""

    async def main() -> dict[int, set[str]]:
        offline = make()
        subscription = await subscribed(offline)
        found = {seed: await wrong_in(seed, offline.client, subscription) for seed in seeds}
        offline.lose()
        return {seed: what for seed, what in found.items() if what}

    return run(main(), timeout=30)  # type: ignore[no-any-return]


async def wrong_in(seed: int, client: fastws.Client, subscription: fastws.Subscription) -> set[str]:
    """In what a mirror is wrong that lacks one or two runs of events, each of which is recovered a while later.

    It is compared with the truth whenever all that was missed is recovered, and no answer is ahead of the events.
    """
    rng = random.Random(seed)
    history = History(rng, STEPS)
    fills: list[Row] = []
    mirror = OrderMirror(client, subscription, on_fill=fills.append)  # nothing is awaited: it gets no turn
    mirror._began = 0
    waiting: list[tuple[int, Recovery, int]] = []  # when it comes; what; how many events came before the gap
    gaps = sorted(rng.sample(range(2, STEPS - 10), rng.choice((1, 2))))
    step = place = ahead = 0
    found: set[str] = set()
    while step < STEPS:
        if gaps and step >= gaps[0]:
            gaps.pop(0)
            first, step = step, min(STEPS - 1, step + rng.randint(1, 6))
            place = history.ends[step]
            # the answers show a state from the end of the gap on, maybe one whose events are still on their way
            asked = rng.randint(step, min(STEPS - 1, step + 8))
            ahead = max(ahead, asked)
            comes = rng.randint(step, min(STEPS - 1, step + 8))
            waiting.append((comes, history.recovery(first - 1, asked), mirror._heard))
        for event in history.events[place : history.ends[step]]:
            mirror._take_event(event)
        place = history.ends[step]
        while waiting and waiting[0][0] <= step:  # one is asked after the other
            _, recovery, heard = waiting.pop(0)
            mirror._take_recovery(recovery, heard)
        if not waiting and step >= ahead:
            found |= difference(mirror, history, step)
        step += 1
    assert not waiting
    await mirror.close()  # the loop calls on_fill meanwhile
    if sorted(row["id"] for row in fills) != [row["id"] for _, row in history.trades]:
        found.add("fills")
    return found


def difference(mirror: OrderMirror, history: History, step: int) -> set[str]:
    orders, account = history.states[step]
    found = set()
    truth = {("S", number): row for number, row in orders.items() if row["status"] in OPEN}
    if mirror.open_orders != truth:
        found.add("orders")
    trades = [row for at, row in history.trades if at <= step]
    if sorted(key[2] for key in mirror.fills) != [row["id"] for row in trades]:
        found.add("fills")
    if mirror.commission.get("A", 0) != sum((Decimal(row["commission"]) for row in trades), Decimal(0)):
        found.add("commission")
    if mirror.balances and mirror.balances != {"A": account["balances"][0]}:
        found.add("balances")
    return found


@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_events_and_answers_make_the_true_state(first: int) -> None:
    assert wrong(range(first, first + 250)) == {}


def test_sums_are_exact_whatever_the_context_and_the_form_of_numbers() -> None:
    async def main() -> None:
        offline = make()
        subscription = await subscribed(offline)
        for paid in ("0.12345678", 0.12345678, Decimal("0.12345678")):
            mirror = OrderMirror(offline.client, subscription)
            with localcontext() as context:
                context.prec = 3
                for number in range(100):
                    trade = {"symbol": "S", "orderId": 1, "id": number, "time": START, "commissionAsset": "A"}
                    for _ in range(2):
                        mirror._take_fill({**trade, "commission": paid})
            assert mirror.commission == {"A": Decimal("12.345678")}
            await mirror.close()
        offline.lose()

    run(main())


def _forget_ended(patch: pytest.MonkeyPatch) -> str:
    patch.setattr(order_mirror, "_REMEMBERED", 0)
    return "orders"


def _take_each_row(patch: pytest.MonkeyPatch) -> str:
    patch.setattr(order_mirror, "progress", lambda row: ())
    return "orders"


def _keep_what_was_before_a_gap(patch: pytest.MonkeyPatch) -> str:
    take = OrderMirror._take_recovery
    patch.setattr(OrderMirror, "_take_recovery", lambda self, found, heard: take(self, found, -1))
    return "balances"


def _take_older_balances(patch: pytest.MonkeyPatch) -> str:
    take = OrderMirror._take_recovery

    def mistaken(self: OrderMirror, found: Recovery, heard: int) -> None:
        take(self, found, heard)
        assert found.account is not None
        self._balances = {row["asset"]: (row, 0, 0) for row in found.account["balances"]}

    patch.setattr(OrderMirror, "_take_recovery", mistaken)
    return "balances"


def _count_each_fill(patch: pytest.MonkeyPatch) -> str:
    take = OrderMirror._take_fill

    def mistaken(self: OrderMirror, found: Row) -> None:
        known, self.fills = self.fills, {}
        take(self, found)
        self.fills = known | self.fills

    patch.setattr(OrderMirror, "_take_fill", mistaken)
    return "commission"


@pytest.mark.parametrize(
    "plant",
    [_forget_ended, _take_each_row, _keep_what_was_before_a_gap, _take_older_balances, _count_each_fill],
)
def test_a_bug_of_the_mirror_shows(
    plant: Callable[[pytest.MonkeyPatch], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    what = plant(monkeypatch)
    assert any(what in found for found in wrong(range(250)).values())
