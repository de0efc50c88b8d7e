# Checks that a client is used on the event loop, in the thread and in the process that opened it.
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t


cdef extern from "Python.h":
    PyObject* PyThreadState_GetDict()


cdef extern from *:
    """
    /* A number that is another one when the event loop has begun to run something else: each task and callback runs
       in a contextvars context of its own, and to enter or leave one changes it. With the same number, nothing else
       has run. 0 where CPython does not show it. */
    static uint64_t fastws_context_version(void) {
    #if PY_VERSION_HEX < 0x030F0000
        return PyThreadState_Get()->context_ver;
    #else
        return 0;
    #endif
    }
    """
    uint64_t context_version "fastws_context_version"()


cdef class LoopGuard:
    cdef:
        unsigned long thread        # 0 in a forked child: no thread has that number
        readonly object loop
        object running              # what asyncio keeps in the thread's dict while the loop runs; set by check()
        readonly bint forked
        object __weakref__

    cpdef int check(self, str what, str instead=?) except -1


cdef str RUNNING        # the key in the thread's dict under which asyncio keeps the running loop, up to Python 3.13


cdef inline bint is_own_loop(LoopGuard loop_guard):
    """Whether the caller runs on the event loop; False also where this quick test cannot know: then call check()."""
    cdef PyObject* state
    if PyThread_get_thread_ident() != loop_guard.thread:
        return False
    state = PyThreadState_GetDict()
    return state != NULL and PyDict_GetItem(<object>state, RUNNING) == <PyObject*>loop_guard.running
