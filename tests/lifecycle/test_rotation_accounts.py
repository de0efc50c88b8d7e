"""Random logons, rotations, notices and losses: no order reaches another account than that of the latest logon."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from typing import Any

import pytest
from test_logon import ORDER, log_on_by_hand, signer_of

import fastws
from fastws.emulator import Emulator
from fastws.lifecycle import rotation as rotation_module
from fastws.lifecycle.shared import forget_all
from helpers.losing import keyed, lose
from helpers.support import run

SEEDS = range(int(os.environ.get("FASTWS_LOGON_SEEDS", "8")))


class Walk:
    """A client of three accounts, and which of them its next order may reach."""

    def __init__(self, seed: int, exchange: Emulator, client: fastws.Client) -> None:
        self.random = random.Random(seed)
        self.exchange = exchange
        self.client = client
        own = client._options.signer
        assert own is not None
        self.own = own
        self.others = [signer_of(exchange.add_account("Ed25519")) for _ in range(2)]
        self.expected = {own.api_key}  # the keys whose accounts an order may reach
        self.placed: list[tuple[Any, set[str]]] = []
        self.rotations: list[asyncio.Task[None]] = []

    async def change(self) -> None:
        """Log on or out. Until it is answered, an order may reach either account."""
        chance = self.random.random()
        key = self.own if chance < 0.25 else self.random.choice(self.others)
        before = self.expected
        self.expected = before | {key.api_key}
        try:
            if chance < 0.25:
                await self.client.session_logout()
            elif chance < 0.5:
                await log_on_by_hand(self.client, key)
            else:
                await self.client.session_logon(signer=key)
        except fastws.NotSent:
            self.expected = before
        except fastws.ConnectionLost:
            return  # it may have been executed
        else:
            self.expected = {key.api_key}

    def disturb(self) -> None:
        """A rotation, a notice, or a loss."""
        chance = self.random.random()
        which: Any = self.random.choice(["oldest", "newest"])
        if chance < 0.4:
            self.rotations.append(asyncio.ensure_future(self.client.rotate()))
        elif chance < 0.6 and self.client.connected:
            lose(self.client)
        elif len(self.exchange.connections):
            control = self.exchange.connections.pick(which)
            control.abort() if chance < 0.7 else control.shutdown(seconds=None)

    async def step(self) -> None:
        chance = self.random.random()
        if chance < 0.12:
            method = self.random.choice(["session.logon", "session.logout"])
            self.exchange.faults.add("hold", method, seconds=self.random.random() * 0.05)
            changing = asyncio.ensure_future(self.change())
            await asyncio.sleep(0.002)
            self.disturb()
            await changing
        elif chance < 0.3:
            self.disturb()
        elif chance < 0.33:
            self.exchange.faults.add("hold", "order.place", seconds=self.random.random() * 0.05)
        elif len(self.placed) < 45:  # the exchange takes 50 in 10 seconds
            with contextlib.suppress(fastws.NotSent):
                self.placed.append((self.client.order_place(**ORDER), set(self.expected)))
        await asyncio.sleep(self.random.random() * 0.005)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_reaches_another_account(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_module, "_PATIENCE", 0.01)
    forget_all()

    async def main() -> None:
        async with keyed(drain_timeout=0.2, connect_timeout=0.5, timeout=1.0) as (exchange, client, _, __):
            walk = Walk(seed, exchange, client)
            for _ in range(100):
                await walk.step()
            await asyncio.gather(*walk.rotations, return_exceptions=True)
            await asyncio.gather(*(reply for reply, _ in walk.placed), return_exceptions=True)
            accounts = {}
            for signer in (walk.own, *walk.others):  # one order each, which names the account in the journal
                await client.wait_open(5)
                exchange.faults.clear()
                seen = len(exchange.journal.find(method="order.test"))
                await client.order_test(**ORDER, signer=signer)
                accounts[signer.api_key] = exchange.journal.find(method="order.test")[seen].account
            assert len(set(accounts.values())) == 3
            allowed = {
                reply.info.client_order_id: {accounts[key] for key in keys} for reply, keys in walk.placed
            }
            executed = exchange.journal.find(method="order.place", executed=True)
            assert executed
            for record in executed:
                assert record.account in allowed[record.client_order_id], (record, client.stats)

    run(main())
