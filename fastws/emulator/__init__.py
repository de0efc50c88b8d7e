"""An embedded Binance Spot exchange, for demonstrations and tests: no keys, no network.

Each name is imported when it is first used, so that ``fastws.emulator.matching`` can be used without the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .network.control import ConnectionControl
    from .testing.emulator import Emulator
    from .testing.process import EmulatorProcess
    from .testing.thread import EmulatorThread
    from .values.auth import Credentials
    from .values.clock import Clock, ManualClock
    from .values.event_log import EventRecord
    from .values.journal import Record
    from .values.limits import Limits
    from .values.symbols import Symbol, spot_symbol

__all__ = [
    "Clock",
    "ConnectionControl",
    "Credentials",
    "Emulator",
    "EmulatorProcess",
    "EmulatorThread",
    "EventRecord",
    "Limits",
    "ManualClock",
    "Record",
    "Symbol",
    "spot_symbol",
]

_MODULES = {
    "Clock": "values.clock",
    "ConnectionControl": "network.control",
    "Credentials": "values.auth",
    "Emulator": "testing.emulator",
    "EmulatorProcess": "testing.process",
    "EmulatorThread": "testing.thread",
    "EventRecord": "values.event_log",
    "Limits": "values.limits",
    "ManualClock": "values.clock",
    "Record": "values.journal",
    "Symbol": "values.symbols",
    "spot_symbol": "values.symbols",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
