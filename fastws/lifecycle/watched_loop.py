"""uvloop's event loop for aiofastnet's transports, so that these miss no reset.

uvloop reports the error of a socket once: libuv calls the reader a last time, and stops watching the socket. aiofastnet
reads once a call. If data came together with the reset, that one call reads the data, and nothing reads the error.

Here, an epoll object watches the same sockets for nothing but errors and hang-ups, which epoll always reports
(epoll_ctl(2)), and uvloop watches the epoll object. While a socket has an error, its reader is called in each turn of
the loop, as on asyncio, until the transport removes it. Data does not make the epoll object readable, so reading
data costs no call here.

In: add_reader() and remove_reader() of the transports. Out: additional calls of their readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import select
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

__all__ = ["EXISTS", "WatchedLoop", "watched"]

# Whether this system has epoll: Linux. uvloop's loop on macOS (kqueue) was not examined.
EXISTS = hasattr(select, "epoll")


class WatchedLoop:
    """An event loop that calls the reader of a socket as long as the socket has an error.

    It is one object for each loop, with one epoll object, which exists while there are readers. All that is not
    defined here is the loop's own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._readers: dict[int, tuple[contextvars.Context, Callable[..., object], tuple[Any, ...]]] = {}
        self._errors: select.epoll | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """As ``loop.add_reader()``; ``fd`` is the number of a descriptor."""
        if fd in self._readers:
            # a closed socket with this number may still have it; the loop would not watch the new socket
            self.remove_reader(fd)
        self._watch(fd)
        self._readers[fd] = contextvars.copy_context(), callback, args
        try:
            self._loop.add_reader(fd, callback, *args)
        except BaseException:
            self._forget(fd)
            raise

    def remove_reader(self, fd: int) -> Any:
        """As ``loop.remove_reader()``."""
        self._forget(fd)
        return self._loop.remove_reader(fd)

    def _watch(self, fd: int) -> None:
        errors = self._errors
        if errors is None:
            errors = select.epoll()
            try:
                self._loop.add_reader(errors.fileno(), self._on_errors)
            except BaseException:
                errors.close()
                raise
            self._errors = errors
        try:
            errors.register(fd, 0)
        except BaseException:
            self._end_if_idle()
            raise

    def _forget(self, fd: int) -> None:
        if self._readers.pop(fd, None) is None:
            return
        assert self._errors is not None
        with contextlib.suppress(OSError):  # the descriptor is closed already
            self._errors.unregister(fd)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self._readers and self._errors is not None:
            errors, self._errors = self._errors, None
            self._loop.remove_reader(errors.fileno())
            errors.close()

    def _on_errors(self) -> None:
        """Call the reader of each socket that has an error; it reads on, and so receives the error."""
        assert self._errors is not None
        for fd, _ in self._errors.poll(0):
            reader = self._readers.get(fd)  # None: a reader before it in this list has removed it
            if reader is not None:
                context, callback, args = reader
                context.run(callback, *args)


_LOOPS: WeakValueDictionary[asyncio.AbstractEventLoop, WatchedLoop] = WeakValueDictionary()


def watched(loop: asyncio.AbstractEventLoop) -> WatchedLoop:
    """The WatchedLoop of an event loop."""
    found = _LOOPS.get(loop)
    if found is None:
        found = _LOOPS[loop] = WatchedLoop(loop)
    return found
