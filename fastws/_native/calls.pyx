# cython: language_level=3
"""What is called with keywords and sends a request: the methods of Client, and prepared requests.

In: a call, with the values of its arguments and the names of its keywords in C arrays (vectorcall.pxd). Out: the
session's send_named() or send_changes() gets both; what it returns is the result.
Memory: the arrays belong to the caller, and are valid until the call returns. A Wrapper owns the Python function that
it stands for, once somebody has looked at it.
Failure: that of the session. A call with positional arguments raises TypeError, as of a Python function.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject, PyObject_GenericGetAttr
from libc.stdint cimport int64_t

from .connection cimport SessionBase
from .methods cimport MethodSpec
from .prepared cimport Template
from .request cimport HEADROOM, Auth, Encoder
from .vectorcall cimport PyObject_Vectorcall, PyVectorcall_NARGS, take_vectorcalls, vectorcallfunc

from types import FunctionType

cdef extern from "Python.h":
    object PyMethod_New(object function, object target)
    object PyObject_GetAttr(object target, object name)

cdef str _SESSION = "_session"


@cython.final
cdef class Wrapper:
    # A method of Client: sends a method of the API; client.order_place(...).
    #
    # For whoever looks at it, it is a Python function: that which make() returns, and which does the same in more time.
    # make() is called at the first look, so docstring and signature cost nothing until somebody wants them. `spec` is
    # the method of the API; None if a call shall call the Python function.

    cdef vectorcallfunc vectorcall
    cdef MethodSpec spec
    cdef object _make
    cdef object _function
    cdef object __weakref__

    def __cinit__(self, make, MethodSpec spec=None):
        self.vectorcall = <vectorcallfunc>_call_wrapper
        self.spec = spec
        self._make = make

    cdef object function(self):
        """The Python function."""
        if self._function is None:
            self._function = self._make()
        return self._function

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __getattribute__(self, name):
        if name == "__class__":
            return FunctionType
        if name in ("__get__", "__reduce__", "__reduce_ex__"):
            return PyObject_GenericGetAttr(self, name)
        return PyObject_GetAttr(self.function(), name)

    def __setattr__(self, name, value):
        setattr(self.function(), name, value)

    def __delattr__(self, name):
        delattr(self.function(), name)

    def __reduce__(self):
        return self.function().__qualname__     # to be found by its name, as a function is

    @property
    def __doc__(self):      # for pydoc, which does not ask __getattribute__
        return self.function().__doc__

    def __repr__(self):
        return f"<function {self.function().__qualname__} at {<size_t><PyObject*>self:#x}>"


@cython.final
cdef class PreparedRequest:
    """A request that is ready except for a few parameters; ``client.prepare()`` makes it.

    A call sends the request: ``await`` its Future, or give it to ``asyncio.ensure_future`` (``asyncio.create_task``
    refuses it). Call it with the parameters that change, and with ``on_reply``, ``timeout``, ``urgent`` or ``signer``:
    it returns and raises the same as a method of the client. A given parameter replaces the prepared one; None does
    not.
    """

    cdef vectorcallfunc vectorcall
    cdef SessionBase _session
    cdef Template _template

    def __cinit__(self, SessionBase session, method, dict fixed):
        self.vectorcall = <vectorcallfunc>_call_prepared
        self._session = session
        self._template = Template(method, fixed)

    def __call__(self, **changes):      # for `prepared.__call__`; a call of the object is a vectorcall
        return self(**changes)

    @property
    def method(self):
        """Binance's name of the method."""
        return self._template.spec.name

    @property
    def params(self):
        """The prepared parameters."""
        return dict(self._template.fixed)

    def __repr__(self):
        given = " ".join(f"{name}={value}" for name, value in self._template.fixed.items())
        return f"<fastws.PreparedRequest {self._template.spec.name} {given}".rstrip() + ">"


# ---------------------------------------------------------------------------------------------------- hot

cdef object _call_wrapper(Wrapper self, PyObject* const* values, size_t flags, PyObject* names):
    cdef object session
    if self.spec is not None and PyVectorcall_NARGS(flags) == 1:
        session = PyObject_GetAttr(<object>values[0], _SESSION)
        if isinstance(session, SessionBase):
            return (<SessionBase>session).send_named(self.spec, names, values + 1)
    return PyObject_Vectorcall(self.function(), values, flags, names)


cdef object _call_prepared(PreparedRequest self, PyObject* const* values, size_t flags, PyObject* names):
    if PyVectorcall_NARGS(flags):
        raise TypeError(f"__call__() takes exactly 0 positional arguments ({PyVectorcall_NARGS(flags)} given)")
    return self._session.send_changes(self._template, names, values)


# --------------------------------------------------------------------------------------------------- cold

cdef int _take_vectorcalls() except -1:
    # The offset of the field `vectorcall` in an object. The type stands for an object here: its memory is not read,
    # only the address of the field is calculated.
    cdef PyObject* at = <PyObject*>Wrapper
    take_vectorcalls(<PyObject*>Wrapper, <char*>&(<Wrapper>at).vectorcall - <char*>at, True)
    take_vectorcalls(<PyObject*>PreparedRequest, <char*>&(<PreparedRequest>at).vectorcall - <char*>at, False)
    return 0


_take_vectorcalls()


def encode_prepared(
    PreparedRequest prepared not None, dict params not None, int64_t id, signer=None, int64_t timestamp=0, *,
    recv_window=None,
):
    """The JSON text of one prepared request, as a session would send it, for tests; see request.encode()."""
    cdef Encoder encoder = Encoder(recv_window)
    cdef Auth auth = None if signer is None else Auth(signer)
    size = prepared._template.write(encoder, params, id, auth, timestamp)
    return PyBytes_FromStringAndSize(encoder.out.data + HEADROOM, size)
