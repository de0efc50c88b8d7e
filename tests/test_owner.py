"""fastws.owner: what a session calls is what its owner has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from fastws.owner import SessionOwner
from fastws.session_handler import SessionHandler

FOLDER = Path(inspect.getfile(SessionOwner)).parent
SOURCES = [*FOLDER.rglob("*.pyx"), *FOLDER.rglob("*.pxi")]
OF_MARKET_DATA = {"lost", "opened", "reply", "report", "shutdown_notice", "warn"}  # docs: MarketRouter
NAMES = [name for name in vars(SessionOwner) if not name.startswith("_")]


def called(market: bool) -> set[str]:
    """The methods of owners that compiled modules call: those of market data, or all others."""
    return {
        name
        for path in SOURCES
        if path.name.startswith("market_") == market
        for name in re.findall(r"\b_?owner\.(\w+)\(", path.read_text(encoding="utf-8"))
    }


def test_the_compiled_modules_call_these_and_no_others() -> None:
    assert called(market=False) == set(NAMES)
    assert called(market=True) == OF_MARKET_DATA


def test_an_owner_has_all_of_them() -> None:
    assert SessionOwner.__abstractmethods__ == set(NAMES)
    with pytest.raises(TypeError, match="abstract"):
        SessionOwner()  # type: ignore[abstract]
    for name in NAMES:
        mine = inspect.signature(getattr(SessionHandler, name)).parameters
        assert list(mine) == list(inspect.signature(getattr(SessionOwner, name)).parameters)
    groups = re.findall(r"``(\w+)``", (SessionOwner.__doc__ or ""))
    assert groups == NAMES
