"""Random losses, refusals, late answers, ends and events of subscriptions, and what must hold all the time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

import fastws
from fastws import EventGap
from helpers.reconnecting import SERVER_TIME, Reconnecting
from helpers.streaming import event_of
from helpers.support import refusal, reply, run

SIGNERS = {letter: fastws.load_signer(letter * 64, secret="s" * 64) for letter in "abc"}


class Walk:
    """A client with subscriptions of several accounts, and an exchange that the random numbers play.

    `sent` has for each account what the exchange sent, with "gap" where the connection changed; `got` what came.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.back = Reconnecting(on_event=lambda event, number: None)
        self.subscriptions: dict[str, Any] = {}
        self.sent: dict[str, list[Any]] = {}
        self.got: dict[str, list[Any]] = {}
        self.ids: dict[int, str] = {}  # of the connection: the account of a subscription
        self.unanswered: list[dict[str, Any]] = []
        self.next_id = 0
        self.number = 0
        self.up = True

    async def subscribe(self) -> None:
        left = [letter for letter in SIGNERS if letter not in self.sent]
        if not left or not self.up or self.unanswered:
            return
        account = self.rng.choice(left)
        self.got[account], self.sent[account] = [], []
        options: dict[str, Any] = {"signer": SIGNERS[account]}
        if self.rng.random() < 0.3:
            got = self.got[account]
            options["on_event"] = lambda event: event["e"] != "balanceUpdate" or got.append(event["E"])
        else:
            options["buffer"] = 1000
        self.ids[self.next_id] = account
        self.subscriptions[account] = await self.back.subscribe(self.next_id, **options)
        self.next_id += 1
        self.read()

    def read(self) -> None:
        """Take what the client wrote; requests for accounts are answered in answer()."""
        for request in self.back.wire.requests() if self.up else ():
            if request["method"] == "time":
                if self.rng.random() < 0.8:
                    self.back.wire.send(reply(request, {"serverTime": SERVER_TIME}))
            elif request["method"] == "userDataStream.unsubscribe":
                number = request["params"]["subscriptionId"]
                self.ids.pop(number, None)
                ending = {"subscriptionId": number, "event": {"e": "eventStreamTerminated", "E": 1}}
                self.back.wire.send(reply(request), ending)
            elif request["method"] == "session.subscriptions":
                self.back.wire.send(reply(request, [{"subscriptionId": number} for number in self.ids]))
            else:
                self.unanswered.append(request)

    async def answer(self) -> None:
        self.read()
        if not self.unanswered:
            return
        request = self.unanswered.pop(self.rng.randrange(len(self.unanswered)))
        account = request["params"]["apiKey"][0]
        if account not in self.sent:  # it was unsubscribed while the subscribe was on its way
            self.ids[self.next_id] = "nobody"
            self.back.wire.send(reply(request, {"subscriptionId": self.next_id}), event_of(self.next_id, 0))
            self.next_id += 1
        elif account in self.ids.values():
            self.back.wire.send(refusal(request, 400, -2035))
        elif self.rng.random() < 0.4:
            self.back.wire.send(refusal(request, self.rng.choice([400, 500]), -1000))
        else:
            self.ids[self.next_id] = account
            self.sent[account].append("gap")
            answer = reply(request, {"subscriptionId": self.next_id})
            self.number += 1
            self.sent[account].append(self.number)
            self.back.wire.send(answer, event_of(self.next_id, self.number))
            self.next_id += 1

    async def event(self) -> None:
        if self.ids and self.up:
            number = self.rng.choice(list(self.ids))
            self.number += 1
            self.sent.get(self.ids[number], []).append(self.number)
            self.back.event(number, self.number)

    async def lose(self) -> None:
        if self.up:
            self.read()
            self.up = False
            self.ids, self.unanswered, self.next_id = {}, [], 0
            if self.restoring():
                self.back.session.route = None
                self.back.wire.lose()
                with pytest.raises(fastws.ConnectionLost):
                    await self.back.restoring  # type: ignore[misc]
            else:
                self.back.lose()

    def restoring(self) -> bool:
        return self.back.restoring is not None and not self.back.restoring.done()

    async def open(self) -> None:
        if not self.up:
            self.up = True
            wire = self.back.wire = self.back.offline.another()
            self.back.session.route = wire.connection
            self.back.restoring = asyncio.ensure_future(
                self.back.keeper.restore(self.back.client, wire.connection)
            )
            await asyncio.sleep(0)

    async def leave(self) -> None:
        """Unsubscribe, with a connection or without one."""
        if self.subscriptions and self.rng.random() < 0.3 and not (self.up and self.unanswered):
            account = self.rng.choice(list(self.subscriptions))
            leaving = asyncio.ensure_future(self.subscriptions[account].unsubscribe())
            await asyncio.sleep(0)
            self.read()
            await leaving
            await self.check_end(account)

    async def take(self) -> None:
        for account, subscription in self.subscriptions.items():
            if subscription._stream.on_event is None:
                while subscription.buffered:
                    try:
                        self.got[account].append((await anext(subscription))["E"])
                    except EventGap:
                        self.got[account].append("gap")

    async def check_end(self, account: str) -> None:
        await self.take()
        subscription = self.subscriptions.pop(account)
        assert subscription.reason == "unsubscribed"
        self.compare(account, subscription)
        self.ids = {number: each for number, each in self.ids.items() if each != account}
        del self.sent[account], self.got[account]

    def compare(self, account: str, subscription: Any) -> None:
        wanted = self.sent[account]
        if subscription._stream.on_event is not None:
            wanted = [each for each in wanted if each != "gap"]
        assert self.got[account] == wanted

    def check(self) -> None:
        """What holds after each step."""
        keeper, session = self.back.keeper, self.back.session
        wanted = keeper._wanted
        assert set(wanted) == {each._stream for each in self.subscriptions.values()}
        missing = {each.stream for each in wanted.values() if each.missing}
        if self.up and not self.restoring():
            assert set(session.detached) == missing
            for stream in missing:
                assert wanted[stream].timer is not None or self.unanswered or self.back.wire.written
        pending = {each.gap for each in wanted.values() if each.gap is not None}
        assert pending <= set(keeper.gaps._open)
        assert len(self.back.client._limiter.holds) == len(keeper.gaps._open)
        assert all(opened.gap is not None or opened in pending for opened in keeper.gaps._open)
        for account, subscription in self.subscriptions.items():
            assert (subscription.connection > 0) == (account in self.ids.values())


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_each_event_comes_once_and_each_gap_is_told(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastws.streams.loss_keeper.random.uniform", lambda low, high: 0.0)

    async def main() -> None:
        walk = Walk(seed)
        steps = [walk.subscribe, walk.lose, walk.open, walk.leave, walk.take, *[walk.answer, walk.event] * 2]
        for _ in range(150):
            await walk.rng.choice(steps)()
            for _ in range(3):
                await asyncio.sleep(0)
            walk.check()
        await asyncio.sleep(0)
        walk.read()
        assert "nobody" not in walk.ids.values()
        await walk.open()
        await walk.take()
        for account, subscription in walk.subscriptions.items():
            walk.compare(account, subscription)
        if walk.restoring():
            walk.back.restoring.cancel()  # type: ignore[union-attr]
        assert len(walk.back.gaps) == walk.back.keeper.gaps.count
        walk.back.end()
        assert all(subscription.reason for subscription in walk.subscriptions.values())
        assert walk.back.session.detached == []

    run(main())
