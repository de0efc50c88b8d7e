"""How a view of market data is shown: with rich on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from .screen import Screen

__all__ = ["Display", "open_display"]

HINT = "fastws: pip install 'fastws[cli]' shows this in colours, and trades beside the ladder"
_OFTEN = 0.1  # seconds between two pictures on a terminal
_SELDOM = 1.0  # seconds between two lines in a file


class Shown(Protocol):
    """What can be shown, in the three ways."""

    def panels(self, columns: int, lines: int) -> Any:
        """What rich shows in so many columns and lines."""

    def lines(self, columns: int, unicode: bool) -> list[str]:
        """Lines for a terminal, which are drawn anew each time."""

    def line(self) -> list[str]:
        """Lines for a file, which stay."""


class Display(ABC):
    """A place that shows a view again and again.

    Attributes:
        every: seconds between two calls of show().
        stays: whether the last picture stays, so that nothing else need be said at the end.
    """

    every = _OFTEN
    stays = True

    @abstractmethod
    def show(self, shown: Shown) -> None:
        """Show the view as it is now."""

    def close(self) -> None:  # noqa: B027, only rich has something to end
        """Show nothing more. The last picture stays on a terminal."""


def open_display(*, plain: bool, color: bool) -> Display:
    """The best way that there is: rich, if it is installed and the output is a terminal.

    Args:
        plain: lines that stay, also on a terminal.
        color: whether colours are welcome.
    """
    screen = Screen(color=color)
    if plain or not screen.is_terminal:
        return _Lines(screen)
    try:
        from . import market_panels
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "rich":
            raise
        print(HINT, file=sys.stderr)
        return _Redrawn(screen)
    return _Rich(market_panels.Console(no_color=None if color else True, highlight=False), market_panels.Live)


class _Lines(Display):
    every = _SELDOM
    stays = False

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def show(self, shown: Shown) -> None:
        self._screen.lines(shown.line())


class _Redrawn(Display):
    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def show(self, shown: Shown) -> None:
        self._screen.live(shown.lines((self._screen.columns or 80) - 1, self._screen.unicode))


class _Rich(Display):
    def __init__(self, console: Any, live: Callable[..., Any]) -> None:
        self._console = console
        self._live = live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def show(self, shown: Shown) -> None:
        size = self._console.size
        self._live.update(shown.panels(size.width, size.height), refresh=True)

    def close(self) -> None:
        self._live.stop()
