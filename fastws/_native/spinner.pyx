# cython: language_level=3
"""A loop that spins: it reads the connections of fastws without a turn of the event loop in between.

In: the event loop calls turn() in each of its turns; call_soon() gets what shall run next, and add_reader() the sockets
of the connections. Out: the callbacks, in their order; the reader of a socket that has something to read.
Memory: a Spinner holds its loop, the callbacks that wait, and the readers; close() drops them.
Failure: the exception of a callback goes to the loop's exception handler; KeyboardInterrupt and SystemExit end the
loop. A socket that the system does not let us watch: OSError.

An event loop asks its selector before each read, and before each callback that another one has scheduled. A turn here
keeps the callbacks in a queue of its own, and reads the connections itself. After 50 us it goes back to the event loop:
for timers, other sockets, signals, and calls from other threads.

A few connections are read whether they have something or not: such a read costs less than the question. If there are
more of them, or other Python threads, which need Python's lock, an epoll object is asked, without the lock.
"""

cimport cython
from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t

from .clock cimport monotonic_ns

from threading import active_count

cdef extern from * nogil:
    """
    #ifdef __linux__
    #include <sys/epoll.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define FASTWS_SPINS 1
    static int fastws_epoll_open(void) { return epoll_create1(EPOLL_CLOEXEC); }
    static int fastws_epoll_change(int epoll, int operation, int fd) {
        struct epoll_event event = {0};
        event.events = EPOLLIN;
        event.data.fd = fd;
        return epoll_ctl(epoll, operation, fd, &event);
    }
    static int fastws_epoll_add(int epoll, int fd) { return fastws_epoll_change(epoll, EPOLL_CTL_ADD, fd); }
    static int fastws_epoll_remove(int epoll, int fd) { return fastws_epoll_change(epoll, EPOLL_CTL_DEL, fd); }
    /* not epoll_wait() of libc, which is a cancellation point: that costs half as much as the call of the system */
    static int fastws_epoll_ready(int epoll, int *ready) {
        struct epoll_event events[16];
        int i, count = (int)syscall(SYS_epoll_pwait, epoll, events, 16, 0, NULL, 8);
        for (i = 0; i < count; i++) ready[i] = events[i].data.fd;
        return count;
    }
    static void fastws_epoll_close(int epoll) { close(epoll); }
    #else
    #define FASTWS_SPINS 0
    static int fastws_epoll_open(void) { errno = ENOSYS; return -1; }
    static int fastws_epoll_add(int epoll, int fd) { return -1; }
    static int fastws_epoll_remove(int epoll, int fd) { return -1; }
    static int fastws_epoll_ready(int epoll, int *ready) { return 0; }
    static void fastws_epoll_close(int epoll) {}
    #endif
    """
    bint FASTWS_SPINS
    int epoll_open "fastws_epoll_open"()
    int epoll_add "fastws_epoll_add"(int epoll, int fd)
    int epoll_remove "fastws_epoll_remove"(int epoll, int fd)
    int epoll_ready "fastws_epoll_ready"(int epoll, int* ready)
    void epoll_close "fastws_epoll_close"(int epoll)

cdef extern from *:
    """
    static int fastws_raised(void) { return -1; }
    """
    # Raises the exception that is set.
    int raised "fastws_raised"() except -1

cdef extern from "Python.h":
    PyObject* PyObject_CallNoArgs(object function)
    PyObject* PyObject_CallOneArg(object function, object argument)
    PyObject* PyObject_Call(object function, tuple arguments, PyObject* keywords)

cdef enum:
    MOST = 16       # sockets that one question to the epoll object names
    FEW = 4         # connections that are read without a question
    PASSES = 4      # reads of a connection between two looks at the clock

cdef int64_t SLICE = 50_000     # ns, after which the event loop has its turn
cdef dict _spinners = {}        # by their loops

EXISTS = FASTWS_SPINS           # whether this system has what a Spinner needs: Linux


@cython.final
@cython.freelist(64)
cdef class Call:
    """A callback that waits for its turn, or the reader of a socket. For callers of call_soon() an asyncio.Handle."""

    cdef:
        object callback
        tuple arguments     # None for none
        object context
        bint is_cancelled

    def cancel(self):
        """The callback will not be called."""
        self.is_cancelled = True
        self.callback = None
        self.arguments = None

    def cancelled(self):
        """Whether cancel() was called."""
        return self.is_cancelled

    def get_context(self):
        """The context that the callback runs in."""
        return self.context

    def __repr__(self):
        return "<Handle cancelled>" if self.is_cancelled else f"<Handle {self.callback!r}>"

    cdef int run(self, object loop) except -1:
        cdef object callback = self.callback
        cdef tuple arguments = self.arguments
        cdef object context = self.context
        cdef PyObject* result
        PyContext_Enter(context)
        if arguments is None:
            result = PyObject_CallNoArgs(callback)
        elif len(arguments) == 1:
            result = PyObject_CallOneArg(callback, arguments[0])
        else:
            result = PyObject_Call(callback, arguments, NULL)
        if result == NULL:
            return self._failed(loop, callback, context)
        Py_DECREF(<object>result)
        PyContext_Exit(context)
        return 0

    cdef int _failed(self, object loop, object callback, object context) except -1:
        try:
            raised()
        except (KeyboardInterrupt, SystemExit):
            PyContext_Exit(context)
            raise
        except BaseException as exc:
            PyContext_Exit(context)
            loop.call_exception_handler(
                {"message": f"Exception in callback {callback!r}", "exception": exc, "handle": self}
            )
        return 0


cdef Call _new_call(object callback, tuple arguments, object context):
    cdef Call call = Call.__new__(Call)
    call.callback = callback
    call.arguments = arguments if arguments else None
    call.context = PyContext_CopyCurrent() if context is None else context
    return call


@cython.final
cdef class Spinner:
    """Lets an event loop of the running thread spin, until close(); see the module's docstring.

    A transport may use it as its loop: whatever is not defined here is the loop's own.
    """

    cdef:
        object _loop
        unsigned long _thread
        object _call_soon               # of the loop, as those that follow
        object _call_soon_threadsafe
        object _stop
        object _turn                    # self.turn
        list _ready                     # the calls that wait
        dict _readers                   # by the number of the socket
        tuple _in_order                 # the same readers
        int _epoll
        bint _stopping
        bint _closed

    def __cinit__(self, loop):
        self._epoll = epoll_open()
        if self._epoll < 0:
            PyErr_SetFromErrno(OSError)
        self._loop = loop
        self._thread = PyThread_get_thread_ident()
        self._call_soon = loop.call_soon
        self._call_soon_threadsafe = loop.call_soon_threadsafe
        self._stop = loop.stop
        self._ready = []
        self._readers = {}
        self._in_order = ()
        loop.call_soon = self.call_soon
        loop.call_soon_threadsafe = self.call_soon_threadsafe
        loop.stop = self.stop
        self._turn = self.turn
        _spinners[loop] = self
        self._call_soon(self._turn)

    def __dealloc__(self):
        if self._epoll >= 0:
            epoll_close(self._epoll)

    def __getattr__(self, name):
        return getattr(self._loop, name)

    def close(self):
        """Give the loop its own methods back, when it runs no more; what waits does not run."""
        if self._closed:
            return
        self._closed = True
        del _spinners[self._loop]
        del self._loop.call_soon, self._loop.call_soon_threadsafe, self._loop.stop
        self._ready.clear()
        self._readers.clear()
        self._in_order = ()

    # ------------------------------------------------------------------------------------- hot: callbacks

    def call_soon(self, callback, *args, context=None):
        """As ``loop.call_soon()``: the callback runs behind those that wait already."""
        if self._closed:
            return self._call_soon(callback, *args, context=context)
        cdef Call call = _new_call(callback, args, context)
        self._ready.append(call)
        return call

    def call_soon_threadsafe(self, callback, *args, context=None):
        """As ``loop.call_soon_threadsafe()``. From another thread, the callback comes with the event loop's turn."""
        if self._closed or PyThread_get_thread_ident() != self._thread:
            return self._call_soon_threadsafe(callback, *args, context=context)
        cdef Call call = _new_call(callback, args, context)
        self._ready.append(call)
        return call

    def stop(self):
        """As ``loop.stop()``."""
        self._stopping = True
        self._stop()

    # ------------------------------------------------------------------------------------- hot: turns

    def turn(self):
        """Run the callbacks and read the connections, until the event loop has to have its turn."""
        cdef int64_t until
        cdef bint alone
        cdef bint is_last = self._stopping      # uvloop ends with the turn behind the one that calls stop()
        if self._closed:
            return
        self._call_soon(self._turn)
        until = monotonic_ns() + SLICE
        alone = active_count() == 1
        while True:
            if self._ready:
                self._run_ready()
            if is_last:
                self._stopping = False
                return
            if self._stopping or not self._in_order:
                return
            if alone and len(self._in_order) <= FEW:
                self._read_all()
            else:
                self._read_some(until)
            if monotonic_ns() >= until:
                return

    cdef int _run_ready(self) except -1:
        """Run the callbacks that wait, and none that they schedule."""
        cdef list batch = self._ready
        cdef Call call
        cdef Py_ssize_t at = 0
        self._ready = []
        try:
            while at < len(batch):
                call = <Call>batch[at]
                at += 1
                if not call.is_cancelled:
                    call.run(self._loop)
        except BaseException:
            self._ready[:0] = batch[at:]
            raise
        return 0

    cdef int _read_all(self) except -1:
        """Read each connection, several times, or until a callback waits."""
        cdef tuple readers = self._in_order
        cdef Call reader
        cdef int _
        for _ in range(PASSES):
            for reader in readers:
                if not reader.is_cancelled:     # one in front of it may have ended it
                    reader.run(self._loop)
            if self._ready or readers is not self._in_order:
                break
        return 0

    cdef int _read_some(self, int64_t until) except -1:
        """Read the connections that have something to read; wait for one until then, unless a callback waits."""
        cdef int ready[MOST]
        cdef int epoll = self._epoll
        cdef bint waits = not self._ready
        cdef int count, i
        cdef object reader
        with nogil:
            while True:
                count = epoll_ready(epoll, ready)
                if count > 0 or not waits or monotonic_ns() >= until:
                    break
        for i in range(count):
            reader = self._readers.get(ready[i])
            if reader is not None:              # one in front of it may have ended it
                (<Call>reader).run(self._loop)
        return 0

    # ------------------------------------------------------------------------------------- cold: sockets

    def add_reader(self, int fd, callback, *args):
        """As ``loop.add_reader()``; ``fd`` is the number of a descriptor. The callback reads without blocking."""
        if self._closed:
            return self._loop.add_reader(fd, callback, *args)
        self.remove_reader(fd)      # a closed socket with this number may still have one
        if epoll_add(self._epoll, fd) < 0:
            PyErr_SetFromErrno(OSError)
        self._readers[fd] = _new_call(callback, args, None)
        self._in_order = tuple(self._readers.values())

    def remove_reader(self, int fd):
        """As ``loop.remove_reader()``: returns whether there was a reader."""
        cdef Call reader = self._readers.pop(fd, None)
        if reader is None:
            return False
        reader.cancel()
        self._in_order = tuple(self._readers.values())
        epoll_remove(self._epoll, fd)       # fails if the descriptor is closed already
        return True


def spinner_of(loop):
    """The Spinner of an event loop; None if the loop sleeps, or polls its selector."""
    return _spinners.get(loop)
