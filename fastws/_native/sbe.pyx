# cython: language_level=3
"""SBE messages -> Python objects.

In: the bytes of one message, and the DecodePlans of its schema. Out: the value that the JSON API documents for the same
content, or (native) a message's own names and raw integers; Views, which decode a field when it is read; the envelope
of a connection's messages.
Memory: the bytes are borrowed during a call; a View owns its bytes. A stack owns the values of unfinished blocks. No
byte beyond the message is read. While a Reader decodes, a finalizer or another thread uses a second Reader.
Failure: the C functions return NULL, with a reason and a path that grows as the calls return; error() makes an SbeError
of both. A count of entries that the remaining bytes cannot hold is refused before any entry is made, and embedded
messages nest at most 16 deep: the size of a message limits what decoding it costs.

The message's own block lengths say where the next block begins: fields beyond its block are null, and bytes behind the
known fields, groups and data are skipped. So older and newer versions of a schema are read as the SBE rules say.

This module includes its parts as files, because calls between modules are not inlined: decode plans, values of fields,
price levels, walker, lengths of skipped parts, Views, responses.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.math cimport isinf, isnan
from libc.stdint cimport INT64_MIN, int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen

from .ascii cimport fastws_new_ascii, fastws_prepare_ascii
from .digits cimport LONGEST_DECIMAL, eight_digits, put_word, write_decimal, write_wide
from .envelope cimport (
    ID_ABSENT, ID_INT, ID_NULL, ID_OTHER, MAX_LIMITS, NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR, PAYLOAD_ERROR,
    PAYLOAD_EVENT, PAYLOAD_NONE, PAYLOAD_RESULT, SHAPE_ONE, Envelope, RateLimit,
)
from .integers cimport (
    CHAR, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, fastws_lowest_bit, read_i64,
    read_signed, read_u16, read_u32, read_unsigned, size_of,
)
from .views cimport MISSING, View

import sys
from decimal import Decimal

from .._common.shown import shown
from ..errors import SbeError

cdef extern from *:
    """
    /* A dict with room for n keys. */
    #if PY_VERSION_HEX < 0x030D0000
    #define fastws_sbe_new_dict(n) ((n) > 5 ? _PyDict_NewPresized(n) : PyDict_New())
    #else
    #define fastws_sbe_new_dict(n) PyDict_New()
    #endif
    """
    PyObject* fastws_sbe_new_dict(Py_ssize_t room) noexcept

cdef extern from "Python.h":
    void* PyUnicode_DATA(PyObject* text) noexcept
    PyObject* PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors) noexcept
    PyObject* PyLong_FromLongLong(long long number) noexcept
    PyObject* PyLong_FromUnsignedLongLong(unsigned long long number) noexcept
    PyObject* PyFloat_FromDouble(double number) noexcept
    double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) noexcept
    char* PyOS_double_to_string(double number, char code, int precision, int flags, int* kind) noexcept
    long long PyLong_AsLongLong(PyObject* number) noexcept
    PyObject* PyList_New(Py_ssize_t size) noexcept
    void PyList_SET_ITEM(PyObject* target, Py_ssize_t at, PyObject* value) noexcept
    PyObject* PyDict_New() noexcept
    PyObject* PyDict_Copy(PyObject* source) noexcept
    PyObject* PyDict_GetItem(PyObject* target, PyObject* key) noexcept
    PyObject* PyDict_GetItemWithError(object target, object key) except? NULL
    int PyDict_SetItem(PyObject* target, PyObject* key, PyObject* value) noexcept
    int PyDict_Update(PyObject* target, PyObject* source) noexcept
    int PyDict_CheckExact(PyObject* value) noexcept
    int PyList_CheckExact(PyObject* value) noexcept
    PyObject* PyObject_CallOneArg(PyObject* callable, PyObject* arg) noexcept
    PyObject* PyErr_Occurred() noexcept
    void PyErr_Clear() noexcept
    void Py_INCREF(PyObject* value) noexcept
    void Py_DECREF(PyObject* value) noexcept
    void Py_XDECREF(PyObject* value) noexcept

cdef:
    enum:
        HEADER = 8
        RESPONSE = 50           # template id of WebSocketResponse
        ERROR = 100             # of ErrorResponse
        MAX_EMPTY = 16          # entries of a group that take no bytes
        CACHED = 16             # bytes of the longest text that is kept
        CACHE_SIZE = 1024

    int64_t COMMON = 10000000000000000      # 10^16: decimals that have their own way
    dict _NUMBERS = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}
    str TRUNCATED = "the message ends within it"


fastws_prepare_ascii()

include "sbe_plans.pxi"
include "sbe_values.pxi"
include "sbe_levels.pxi"
include "sbe_walker.pxi"
include "sbe_lengths.pxi"
include "sbe_views.pxi"
include "sbe_responses.pxi"


@cython.final
cdef class Reader:
    """Decodes messages by their DecodePlans; see the module's docstring."""

    def __cinit__(
        self, DecodePlans plans not None, str numbers not None="str", str time_unit not None="us", bint native=False
    ):
        if numbers not in _NUMBERS:
            raise ValueError(f"numbers: expected 'str', 'float' or 'decimal', got {shown(numbers)}")
        if time_unit not in ("ms", "us"):
            raise ValueError(f"time_unit: expected 'ms' or 'us', got {shown(time_unit)}")
        self.plans = plans
        self.numbers = _NUMBERS[numbers]
        self.divisor = 1000 if time_unit == "ms" else 1
        self.native = native
        self.mode = numbers
        self.unit = time_unit
        self.path = []
        self.stack_room = 256
        self.stack = <PyObject**>PyMem_Malloc(self.stack_room * sizeof(PyObject*))
        self.texts = <Text*>PyMem_Calloc(CACHE_SIZE, sizeof(Text))
        if self.stack == NULL or self.texts == NULL:
            raise MemoryError

    def __call__(self, bytes data not None):
        """The value of a whole message."""
        return self.framed(data)

    def __dealloc__(self):
        cdef int i
        if self.texts != NULL:
            for i in range(CACHE_SIZE):
                Py_XDECREF(self.texts[i].text)
        for i in range(256):
            Py_XDECREF(self.zeros[i])
        PyMem_Free(self.stack)
        PyMem_Free(self.texts)

    cdef PyObject* message(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept:
        """The value of a whole message."""
        cdef bint busy = self.busy
        cdef PyObject* made
        cdef PyObject* plan
        self.busy = True
        plan = _plan(self, data, size)
        made = _unknown(self, data) if plan == NULL else _message(self, <DecodePlan>plan, data, size, context)
        self.busy = busy
        return made

    cdef Reader free(self):
        """This reader; or a new one like it while this one is decoding, as when a finalizer reads a View."""
        return Reader(self.plans, self.mode, self.unit, self.native) if self.busy else self

    cdef DecodePlan plan_of(self, const uint8_t* data, Py_ssize_t size):
        """The plan of a whole message; SbeError if it has none."""
        cdef PyObject* plan = _plan(self, data, size)
        if plan == NULL:
            _unknown(self, data)
            raise self.error()
        return <DecodePlan>plan

    cdef object framed(self, bytes data):
        """A whole message as the JSON API documents it, with the keys around a result or an event."""
        cdef Context context
        cdef Reader reader = self.free()
        cdef PyObject* made
        context.depth = 0
        context.subscription = -1
        context.template = 0
        made = reader.message(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &context)
        value = reader.take(made)
        return value if reader.native else _framed(&context, value)

    cdef object take(self, PyObject* made):
        """The value that message() returned; for NULL, raise the error."""
        if made == NULL:
            raise self.error()
        value = <object>made
        Py_DECREF(made)
        return value

    cdef object error(self):
        """The exception of the failure, which is cleared."""
        failure, self.failure = self.failure, None
        path = "$"
        for step in reversed(self.path):
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        self.path.clear()
        return failure if isinstance(failure, MemoryError) else SbeError(failure, path)
