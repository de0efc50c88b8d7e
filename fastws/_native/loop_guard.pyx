# cython: language_level=3
"""Checks that a client is used on the event loop, in the thread and in the process that opened it.

In: a method that uses a connection calls is_own_loop() first, and check() when the answer is no. Out: check() returns,
or raises RuntimeError with the reason, before anything is written.
Memory: a LoopGuard holds a reference to its event loop. Failure: RuntimeError only.

A loop that is not running is accepted: ``loop.run_until_complete(client.ping())`` calls ping() before the loop runs.

asyncio.get_running_loop() costs a system call up to Python 3.11. So is_own_loop() compares what asyncio keeps in the
thread's dict: the loop, or a record that asyncio replaces whenever a loop starts or stops. From Python 3.14 on asyncio
keeps it elsewhere, and get_running_loop() is cheap.
A child process inherits the socket and the serial numbers of the requests: after a fork, each call in the child raises.
"""

cimport cython
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident

import os
import weakref
from asyncio import _get_running_loop

cdef str RUNNING = "__asyncio_running_event_loop__"
loop_guards = weakref.WeakSet()      # all of this process, for the handler of fork()
cdef object _NOWHERE = object()


def _forget_guards():
    cdef LoopGuard loop_guard
    for loop_guard in list(loop_guards):
        loop_guard.thread = 0
        loop_guard.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_guards)


@cython.final
cdef class LoopGuard:
    """Remembers the running thread, the event loop ``loop`` and this process; see the module's docstring."""

    def __cinit__(self, loop):
        self.thread = PyThread_get_thread_ident()
        self.loop = loop
        self.running = _NOWHERE
        loop_guards.add(self)

    cpdef int check(self, str what, str instead="loop.call_soon_threadsafe") except -1:
        """Raise RuntimeError unless the caller runs on this loop, in its thread and process.

        ``what`` is the method that was called; ``instead`` is what another thread should use, both for the text.
        """
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
