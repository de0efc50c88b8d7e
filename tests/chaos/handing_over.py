"""What a run does around rotations: it begins them, announces ends, and strikes at a step of a hand-over."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import fastws
from fastws.emulator import Emulator
from helpers.proxy import Proxy

from .plan import Step
from .recorder import Asked, Recorder
from .waiting import until

__all__ = ["HandOvers", "close_while_rotating"]

MOMENT = 0.5  # seconds in which a step of a hand-over must come, or is not waited for


class HandOvers:
    """Steps of a plan; part of Walk."""

    recorder: Recorder
    exchange: Emulator
    proxy: Proxy

    def __init__(self) -> None:
        self.rotations: list[asyncio.Task[None]] = []
        self._at_switch: list[Step] = []
        self._release: Any = None

    def begin_rotation(self) -> asyncio.Task[None]:
        rotation = asyncio.ensure_future(self.recorder.rotate())
        self.rotations.append(rotation)
        return rotation

    async def end_rotations(self, seconds: float) -> None:
        """Wait for the rotations that were asked for."""
        if self.rotations:
            await asyncio.wait(self.rotations, timeout=seconds)

    def switched(self) -> None:
        """In on_state: the successor has taken the requests."""
        bursts, self._at_switch = self._at_switch, []
        for burst in bursts:
            self.make(burst)
        if self._release is not None:
            asyncio.get_running_loop().call_later(0.005, self._release)
            self._release = None

    def make(self, burst: Step) -> list[Asked]:
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------------------- the steps

    async def _do_set_up(self, step: Step) -> None:
        self.exchange.types_overtake = step["types_overtake"]
        self.exchange.differing_fields = step["differing"]
        self.exchange.event_delay = step["seconds"]

    async def _do_rotate(self, step: Step) -> None:
        rotations = [self.begin_rotation() for _ in range(step["times"])]
        await asyncio.sleep(step["pause"])
        if step["wait"]:
            await asyncio.wait(rotations, timeout=2.0)

    async def _do_notice(self, step: Step) -> None:
        connections = [each for each in self.exchange.connections if each.open]
        for each in connections if step["all"] else connections[-1:]:
            each.shutdown(step["seconds"])

    async def _do_rotate_behind(self, step: Step) -> None:
        """What is sent on the old connection arrives only when the successor has taken over."""
        held = self.proxy.hold("out")
        self.make(step["before"])
        self._at_switch.append(step["after"])
        self._release = held
        rotation = self.begin_rotation()
        with contextlib.suppress(AssertionError):
            await until(lambda: self._release is None or rotation.done(), "there was no switch", MOMENT)
        await asyncio.sleep(step["pause"])
        self._release = None
        self._at_switch.clear()
        held()

    async def _do_event_delays(self, step: Step) -> None:
        self.exchange.event_delay = step["seconds"]
        if step["all"]:
            for each in self.exchange.connections:
                with contextlib.suppress(RuntimeError):  # it has ended
                    each.event_delay = step["seconds"]

    async def _do_rest(self, step: Step) -> None:
        await asyncio.sleep(step["seconds"])

    async def _do_account_limit(self, step: Step) -> None:
        self.exchange.core.streams.account_limit = step["most"]

    async def _do_rotate_and(self, step: Step) -> None:
        """Do something to one of the two connections, at a moment of the hand-over."""
        exchange, moment = self.exchange, step["moment"]
        old = exchange.connections[-1] if exchange.connections else None
        if old is None or not old.open:
            return
        arrived, events = exchange.journal.total, exchange.events.total
        if step["notice"]:
            old.shutdown()
        rotation = self.begin_rotation()

        def come() -> bool:
            if moment in ("rotating", "draining", "open"):
                return self.recorder.history.steps[-1].new == moment
            if moment == "connected":
                return any(each.number > old.number for each in exchange.connections)
            if moment == "eventStreamTerminated":
                return any(
                    each.seq > events and each.type == moment and each.connections for each in exchange.events
                )
            return any(record.seq > arrived and record.method == moment for record in exchange.journal)

        await asyncio.sleep(0)
        with contextlib.suppress(AssertionError):
            await until(lambda: come() or rotation.done(), "this moment did not come", MOMENT, 0.0)
        new = exchange.connections[-1] if exchange.connections else old
        struck = old if step["whom"] == "old" else new
        with contextlib.suppress(RuntimeError):  # it has ended
            if step["what"] == "notice":
                struck.shutdown()
            else:
                getattr(struck, step["what"])()


async def close_while_rotating(walk: HandOvers, client: fastws.Client, seconds: float) -> None:
    """Close the client a moment after a rotation began."""
    walk.begin_rotation()
    await asyncio.sleep(seconds)
    await client.close(timeout=1.0)
