# Where a client may be used: the thread, the event loop and the process that opened it.
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident


cdef extern from "Python.h":
    PyObject* PyThreadState_GetDict()


cdef class Home:
    cdef:
        unsigned long thread        # 0 in a forked child: no thread has that number
        readonly object loop
        object running              # what stands in the thread's dict while the loop runs, once it was seen there
        readonly bint forked
        object __weakref__

    cpdef int check(self, str what, str instead=?) except -1


cdef str RUNNING        # the key under which asyncio keeps it, up to Python 3.13


cdef inline bint is_home(Home home):
    """Whether the code at hand runs on the event loop; where it cannot be told that quickly, check() says it."""
    cdef PyObject* state
    if PyThread_get_thread_ident() != home.thread:
        return False
    state = PyThreadState_GetDict()
    return state != NULL and PyDict_GetItem(<object>state, RUNNING) == <PyObject*>home.running
