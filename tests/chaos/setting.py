"""What a run is carried out with: formats and loops, by its seed, and how much faster than in life all goes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from importlib.util import find_spec
from unittest import mock

import fastws
from fastws import order_mirror
from fastws.emulator import Emulator
from fastws.lifecycle import pacing, shared
from fastws.streams import loss_keeper
from fastws.trading import cases

__all__ = ["BUDGET", "LATER", "PATIENCE", "PATIENT", "Setting", "at_rest", "haste", "hurry", "loop_of"]

LATER = 40.0  # what the exchange's clock jumps: no request can be executed any more, and its database has caught up
BUDGET = 4, 0.5  # attempts to connect, in so many seconds
# Of a run in which connections end only as planned or announced: nothing is given up early.
PATIENT = {
    "timeout": 3.0,
    "connect_timeout": 0.5,
    "stall_after": 2.0,
    "probe_interval": 10.0,
    "probe_timeout": 5.0,
    "connect_budget": 300,
}
PATIENCE = 10.0  # seconds in which a client must be open again, once all is well


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a run is carried out with; ``listens``: whether it writes down what the client reads."""

    sbe: bool = False
    tls: bool = False
    iterator: bool = True
    signature: bool = False
    listens: bool = True

    @classmethod
    def of(cls, seed: int) -> Setting:
        return cls(bool(seed & 1), bool(seed & 2), bool(seed & 4), bool(seed & 8), not seed & 16)


@contextlib.asynccontextmanager
async def haste() -> AsyncIterator[None]:
    """Shorten what clients wait, and the window of the budget of attempts."""
    with (
        mock.patch.multiple(loss_keeper, _FIRST_DELAY=0.01, _LONGEST_DELAY=0.05),
        # the mirror leaves resolve() to the run, whose clock jumps
        mock.patch.multiple(order_mirror, _PAUSE=0.01, _LONGEST_PAUSE=0.1, _LOOK=1e6),
        mock.patch.object(pacing, "_BEHIND_A_GATE", 0.02),
        mock.patch.multiple(shared, WINDOW=BUDGET[1], ROTATE_EVERY=0.0),
        mock.patch.object(cases, "_CONFIRMATION", 0.05),  # more than the database lags here
    ):
        shared.forget_all()
        yield
        shared.forget_all()


def hurry(client: fastws.Client) -> None:
    """Shorten what a client waits between attempts to connect, which count here."""
    client._handler._gates.share.counted = True
    for backoff in (client._supervisor.backoff, client._supervisor.rotation.backoff):
        backoff.first, backoff.longest, backoff.refused = 0.01, 0.05, 0.1


def at_rest(exchange: Emulator) -> bool:
    """Whether the engine has all that it is to have."""
    return not any(record.outcome in ("pending", "accepted") for record in exchange.journal)


def loop_of(seed: int) -> str:
    """The event loop of a seed."""
    return "uvloop" if seed % 3 == 0 and find_spec("uvloop") is not None else "asyncio"
