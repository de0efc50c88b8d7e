"""A Binance Spot exchange in a box, for demonstrations and tests: no keys, no network."""

from __future__ import annotations

from .auth import Credentials
from .clock import Clock, ManualClock
from .emulator import Emulator
from .journal import Record
from .limits import Limits
from .symbols import Symbol, spot_symbol
from .thread import EmulatorThread

__all__ = [
    "Clock",
    "Credentials",
    "Emulator",
    "EmulatorThread",
    "Limits",
    "ManualClock",
    "Record",
    "Symbol",
    "spot_symbol",
]
