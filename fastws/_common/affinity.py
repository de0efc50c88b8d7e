"""The cores on which threads may run: pins the thread of an event loop, and frees the threads that help it.

On Linux a new thread inherits the cores of the thread that starts it. So a thread that helps a pinned event loop, such
as one that looks up names, would take time from the loop on its only core.
"""

from __future__ import annotations

import contextlib
import os
import threading

__all__ = ["before_pin", "free", "pin", "unpin"]

_before: dict[int, set[int]] = {}  # by the ident of a pinned thread: the cores that it had


def pin(core: int) -> None:
    """Let this thread run on this core only. Needs ``os.sched_setaffinity``.

    Raises:
        OSError: the system refuses it.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    _before[threading.get_ident()] = before


def unpin() -> None:
    """Let this thread run where it could before pin()."""
    free(_before.pop(threading.get_ident(), None))


def before_pin() -> set[int] | None:
    """The cores that this thread had before pin(); None if it is not pinned."""
    return _before.get(threading.get_ident())


def free(cores: set[int] | None) -> None:
    """Let this thread run on these cores: what before_pin() said in the thread that started this one."""
    if cores is not None:
        with contextlib.suppress(OSError):  # the system has taken them from the process
            os.sched_setaffinity(0, cores)
