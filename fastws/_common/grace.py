"""How long a program may go on after the signal that ends it: ``fastws.run(main(), grace=8)``.

``run()`` sets the limit for its event loop, and ``halt()`` reads it. So both know it without knowing each other.
"""

from __future__ import annotations

import asyncio
import weakref

__all__ = ["Grace", "grace_of"]


class Grace:
    """The time that a program has left after a signal.

    Attributes:
        deadline: when the program is ended, by the clock of its event loop, in seconds; None as long as no signal came.
        begun: a Future that is done when the signal came.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.deadline: float | None = None
        self.begun: asyncio.Future[None] = loop.create_future()

    def begin(self, deadline: float) -> None:
        """A signal came. ``deadline`` is in seconds of the event loop's clock."""
        if not self.begun.done():
            self.deadline = deadline
            self.begun.set_result(None)


_graces: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Grace] = weakref.WeakKeyDictionary()


def grace_of(loop: asyncio.AbstractEventLoop) -> Grace:
    """The Grace of an event loop. In a loop that ``fastws.run()`` did not start, it never begins."""
    grace = _graces.get(loop)
    if grace is None:
        grace = _graces[loop] = Grace(loop)
    return grace
