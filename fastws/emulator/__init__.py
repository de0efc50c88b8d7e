"""A Binance Spot exchange in a box, for demonstrations and tests: no keys, no network."""

from __future__ import annotations

from .testing.emulator import Emulator
from .testing.thread import EmulatorThread
from .values.auth import Credentials
from .values.clock import Clock, ManualClock
from .values.journal import Record
from .values.limits import Limits
from .values.symbols import Symbol, spot_symbol

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
