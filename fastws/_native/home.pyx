# cython: language_level=3
"""Where a client may be used: the thread, the event loop and the process that opened it.

In: whoever is about to use a connection asks is_home(), and check() where that says no. Out: nothing, or a RuntimeError
that says what is wrong, before anything is written.
An event loop that rests is home as well: ``loop.run_until_complete(client.ping())`` calls in front of the loop.

asyncio.get_running_loop() costs a system call up to Python 3.11. What asyncio keeps in the thread's dict is compared
instead: the loop, or a record that is made anew whenever a loop starts or stops. From Python 3.14 on it is
kept elsewhere, and asking is cheap.
A child process inherits the socket and the numbers of the requests: after a fork no thread of the child is home.
"""

cimport cython
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident

import os
import weakref
from asyncio import _get_running_loop

cdef str RUNNING = "__asyncio_running_event_loop__"
homes = weakref.WeakSet()      # those that exist
cdef object _NOWHERE = object()


def _forget_homes():
    cdef Home home
    for home in list(homes):
        home.thread = 0
        home.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_homes)


@cython.final
cdef class Home:
    """The running thread, this event loop, and this process; see the module's docstring."""

    def __cinit__(self, loop):
        self.thread = PyThread_get_thread_ident()
        self.loop = loop
        self.running = _NOWHERE
        homes.add(self)

    cpdef int check(self, str what, str instead="loop.call_soon_threadsafe") except -1:
        """Raise RuntimeError where ``what`` is called elsewhere; ``instead`` is for other threads."""
        cdef PyObject* state
        cdef PyObject* running
        if self.forked:
            raise RuntimeError(
                f"{what} was called in a child process (fork), but the connection is that of the parent process: open"
                " a client of the child's own"
            )
        if PyThread_get_thread_ident() != self.thread:
            raise RuntimeError(f"{what} was called from another thread than the client's; use {instead}")
        loop = _get_running_loop()
        if loop is self.loop:
            state = PyThreadState_GetDict()
            running = NULL if state == NULL else PyDict_GetItem(<object>state, RUNNING)
            if running != NULL:
                self.running = <object>running
        elif loop is not None:
            raise RuntimeError(
                f"{what} was called on another event loop than the client's: use the client on the loop that opened it,"
                " or open another one here"
            )
        elif self.loop.is_closed():
            raise RuntimeError(f"{what} was called, but the client's event loop is closed: open another client")
        return 0
