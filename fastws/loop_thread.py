"""What ``fastws.run(spin=, cpu=, gc=)`` sets, and restores: a loop that polls, its core, the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ._common import affinity
from ._common.shown import shown
from ._native.spinner import EXISTS, Spinner
from .errors import InvalidRequest

__all__ = ["LoopThread", "spin"]


class LoopThread:
    """The settings of the thread that runs an event loop; a context manager that applies and restores them.

    Raises:
        InvalidRequest: an argument has a wrong type, or the system cannot do what it asks for.
    """

    def __init__(self, spin: bool, cpu: int | None, gc_mode: str | None) -> None:
        if not isinstance(spin, bool):
            raise InvalidRequest(f"spin: expected True or False, got {shown(spin)}")
        if cpu is not None and (isinstance(cpu, bool) or not isinstance(cpu, int) or cpu < 0):
            raise InvalidRequest(f"cpu: expected None or the number of a core, 0 or more, got {shown(cpu)}")
        if gc_mode not in (None, "freeze", "off"):
            raise InvalidRequest(f'gc: expected "freeze", "off" or None, got {shown(gc_mode)}')
        self._spin = spin
        self._cpu = cpu
        self._gc = _GC.get(gc_mode)
        self._end_spin: Callable[[], None] | None = None

    def __enter__(self) -> LoopThread:
        if self._spin:
            _check_cores(self._cpu)
        if self._cpu is not None:
            _pin(self._cpu)
        try:
            if self._gc is not None:
                self._gc.begin()
        except BaseException:
            affinity.unpin()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._end_spin is not None:
            self._end_spin()
        if self._gc is not None:
            self._gc.end()
        if self._cpu is not None:
            affinity.unpin()

    def prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let this loop spin, if that is asked for; and its default executor use the other cores."""
        if self._spin:
            self._end_spin = spin(loop)
        cores = affinity.before_pin()
        if cores is not None:
            loop.set_default_executor(
                ThreadPoolExecutor(thread_name_prefix="asyncio", initializer=affinity.free, initargs=(cores,))
            )


def spin(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Let an event loop of this thread poll instead of sleeping; to be called before it runs.

    Returns what ends it, for when the loop is closed. In debug mode the loop itself runs its callbacks, since it checks
    them.
    """
    if EXISTS and not loop.get_debug():
        return Spinner(loop).close

    # A loop that always has something to do looks at its sockets without waiting.
    def again() -> None:
        loop.call_soon(again)

    again()
    return lambda: None


def _check_cores(cpu: int | None) -> None:
    """Refuse to spin on the only core that the process has: nothing else would run there."""
    cores = set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    count = (os.cpu_count() or 1) if cores is None else len(cores if cpu is None else cores | {cpu})
    if count < 2:
        only = f"core {min(cores)}" if cores else "one core"
        raise InvalidRequest(
            f"spin=True needs a second core: this process may only use {only}, which a loop that never sleeps "
            "would take from all else"
        )


def _pin(cpu: int) -> None:
    if not hasattr(os, "sched_setaffinity"):
        raise InvalidRequest(f"cpu={cpu}: this system ({sys.platform}) cannot pin a thread to a core")
    try:
        affinity.pin(cpu)
    except (OSError, OverflowError) as error:
        cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise InvalidRequest(
            f"cpu={shown(cpu)}: the system does not let this process use that core; its cores are {cores}"
        ) from error


class _Collector:
    """A setting of the garbage collector, which is one for the whole process: the last user ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._restores = False

    def begin(self) -> None:
        with self._lock:
            if not self._users:
                self._restores = self._set()
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._restores:
                self._restore()

    def _set(self) -> bool:
        """Set it; returns whether this changed what was before."""
        raise NotImplementedError

    def _restore(self) -> None:
        raise NotImplementedError


class _Frozen(_Collector):
    def _set(self) -> bool:
        was_thawed = not gc.get_freeze_count()
        gc.collect()  # what is garbage now would be kept for ever
        gc.freeze()
        return was_thawed

    def _restore(self) -> None:
        gc.unfreeze()


class _Off(_Collector):
    def _set(self) -> bool:
        was_on = gc.isenabled()
        gc.disable()
        return was_on

    def _restore(self) -> None:
        gc.enable()


_GC: dict[Any, _Collector] = {"freeze": _Frozen(), "off": _Off()}
