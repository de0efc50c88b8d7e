# Checks that a client is used on the event loop, in the thread and in the process that opened it.
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident


cdef extern from "Python.h":
    PyObject* PyThreadState_GetDict()


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
