# cython: language_level=3
"""SBE messages -> Python objects.

In: the bytes of one message, and Plans, which say what they mean. Out: the value that the JSON API documents for the
same content, or a message's own names and raw integers; Views, which decode a field when it is read.
Memory: the bytes are borrowed while a call lasts; a View owns its bytes. Values of unfinished blocks stand on a stack,
owned. No byte beyond the message is read. A finaliser, or another thread, that reads while a Reader is at work gets
another one.
Failure: NULL, with a reason and a path that grows while the calls return; error() makes an SbeError of both. A count
that the bytes left cannot hold is refused before anything is made of it, and embedded messages nest 16 deep, so that
what a message costs is bounded by its bytes.

A message moves by its own block lengths: fields beyond its block read as null, and bytes beyond the known fields,
groups and data are passed over, so that older and newer versions of a schema are read as the SBE rules say.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.math cimport isinf, isnan
from libc.stdint cimport INT64_MIN, int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen

from ._digits cimport LONGEST_DECIMAL, eight_digits, put_word, write_decimal, write_wide
from ._envelope cimport NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR
from ._integers cimport (
    CHAR, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, read_i64, read_signed, read_u16,
    read_u32, read_unsigned, size_of,
)
from ._plans cimport (
    AS_ITEM, ASIDE, CHARS, CONST, DECIMAL64, DECIMAL128, ENUM, FLOAT, GROUP, INT, INT128, JOIN, MESSAGE, NATIVE_FLOAT,
    OBJECT, SET, SHAPE_OBJECT, SHAPE_VALUE, SINGLE, SKIP, TEXT, TIME, Op, Plan, Plans,
)

from decimal import Decimal

from ._shown import shown
from .errors import SbeError

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
    PyObject* PyUnicode_New(Py_ssize_t size, unsigned int biggest) noexcept
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

    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
    int64_t COMMON = 10000000000000000      # 10^16: decimals that have their own way
    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    object _Decimal = Decimal
    dict _NUMBERS = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}
    str TRUNCATED = "the message ends within it"


# ------------------------------------------------------------------------------------------------ hot: bytes

cdef inline bint _is_null(const Op* op, const uint8_t* data) noexcept nogil:
    """Whether these bytes are the null value of a field's type."""
    if op.kind == DECIMAL128 or op.kind == INT128:
        return read_i64(data) == 0 and read_i64(data + 8) == INT64_MIN
    if op.primitive == INT64:
        return read_i64(data) == INT64_MIN
    if op.primitive == UINT8:
        return data[0] == 255
    if op.primitive == INT32:
        return read_u32(data) == 0x80000000u
    if op.primitive == UINT16:
        return read_u16(data) == 0xFFFF
    if op.primitive == UINT32:
        return read_u32(data) == 0xFFFFFFFFu
    if op.primitive == UINT64:
        return read_i64(data) == -1
    if op.primitive == INT16:
        return read_u16(data) == 0x8000
    if op.primitive == INT8:
        return data[0] == 0x80
    if op.primitive == CHAR:
        return data[0] == 0
    return isnan(_float(op.primitive, data))


cdef inline bint _is_zero(const Op* op, const uint8_t* data) noexcept nogil:
    if op.kind == DECIMAL128:
        return read_i64(data) == 0 and read_i64(data + 8) == 0
    return read_unsigned(data, op.primitive) == 0


cdef inline double _float(int primitive, const uint8_t* data) noexcept nogil:
    cdef float narrow
    cdef double wide
    cdef uint64_t bits = read_unsigned(data, primitive)
    cdef uint32_t few = <uint32_t>bits
    if primitive == FLOAT32:
        memcpy(&narrow, &few, 4)
        return narrow
    memcpy(&wide, &bits, 8)
    return wide


cdef inline PyObject* _new(PyObject* value) noexcept:
    """Another reference."""
    Py_INCREF(value)
    return value


cdef inline uint64_t _word(const uint8_t* text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return word


cdef inline uint32_t _place(uint64_t first, uint64_t last, Py_ssize_t size) noexcept nogil:
    """Where in the cache a text stands."""
    cdef uint64_t mixed = (first ^ ((last << 23) | (last >> 41)) ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15
    return <uint32_t>(mixed >> 54)


cdef inline int64_t _milliseconds(int64_t microseconds) noexcept nogil:
    """Rounded down, as Python's // does."""
    cdef int64_t rest = microseconds % 1000
    return microseconds // 1000 - (rest < 0)


cdef inline bint _holds(const Op* op, const Frame* frame) noexcept nogil:
    """Whether the field that this one depends on is there: not 0 if it is one byte (a bool), else not null."""
    if op.condition + op.condition_size > frame.length:
        return False
    if op.condition_size == 1:
        return frame.block[op.condition] == 1
    return read_i64(frame.block + op.condition) != INT64_MIN


# -------------------------------------------------------------------------------------------------- the reader

@cython.final
cdef class Reader:
    """Reads messages along Plans; see the module's docstring."""

    def __cinit__(
        self, Plans plans not None, str numbers not None="str", str time_unit not None="us", bint native=False
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
        plan = self._plan(data, size)
        made = self._unknown(data) if plan == NULL else self._message(<Plan>plan, data, size, context)
        self.busy = busy
        return made

    cdef Reader free(self):
        """This reader, or while it is at work, as for a finaliser that runs meanwhile, another one like it."""
        return Reader(self.plans, self.mode, self.unit, self.native) if self.busy else self

    cdef Plan plan_of(self, const uint8_t* data, Py_ssize_t size):
        """The plan of a whole message; SbeError where it has none."""
        cdef PyObject* plan = self._plan(data, size)
        if plan == NULL:
            self._unknown(data)
            raise self.error()
        return <Plan>plan

    cdef object framed(self, bytes data):
        """A whole message as the JSON API documents it, with what stands around it."""
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
        """The value that message() returned, or its error."""
        if made == NULL:
            raise self.error()
        value = <object>made
        Py_DECREF(made)
        return value

    # -------------------------------------------------------------------------------------------- hot: the walker

    cdef PyObject* _message(self, Plan plan, const uint8_t* data, Py_ssize_t size, Context* context) noexcept:
        cdef const uint8_t* cursor = data + HEADER
        context.plan = <PyObject*>plan
        context.version = read_u16(data + 6)
        return self._block(plan, &cursor, data + size, read_u16(data), NULL, context)

    cdef PyObject* _plan(self, const uint8_t* data, Py_ssize_t size) noexcept:
        """The Plan of a message, borrowed; NULL where its template is unknown, and where self.failure says so."""
        cdef PyObject* plan
        if size < HEADER or read_u16(data + 4) != self.plans.schema_id:
            return self._no_header(data, size)
        plan = self.plans.recent(read_u16(data + 2), read_u16(data + 6))
        return plan if plan != NULL else self._first_plan(data)

    cdef PyObject* _embedded(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept:
        """A message within another one; one of an unknown template is told as such."""
        cdef Context inner
        cdef PyObject* made
        cdef PyObject* plan
        if context.depth >= MAX_NESTED:
            return self._fail(f"messages nest more than {MAX_NESTED} deep")
        inner.depth = context.depth + 1
        inner.subscription = -1
        inner.template = 0
        plan = self._plan(data, size)
        if plan == NULL:
            return _stranger(data) if self.failure is None else NULL
        context.template = read_u16(data + 2)
        made = self._message(<Plan>plan, data, size, &inner)
        if made != NULL and self.native:
            return _native_message(<Plan>plan, data, made)
        return made

    cdef PyObject* _block(
        self, Plan plan, const uint8_t** cursor, const uint8_t* end, uint32_t length, Frame* outer, Context* context
    ) noexcept:
        """One block and what belongs to it; `cursor` moves behind it."""
        cdef:
            Frame frame
            Py_ssize_t base = self.stack_size
            int i
            Op* op
            PyObject* value
            PyObject** stack
            bint whole = length >= plan.block_length
            uint64_t mask = 0

        if end - cursor[0] < <Py_ssize_t>length:
            return self._fail(TRUNCATED)
        frame.block = cursor[0]
        frame.length = length
        frame.outer = outer
        cursor[0] += length
        if base + plan.count > self.stack_room:
            stack = <PyObject**>PyMem_Realloc(self.stack, 2 * (base + plan.count) * sizeof(PyObject*))
            if stack == NULL:
                return self._fail(None)
            self.stack = stack
            self.stack_room = 2 * (base + plan.count)
        memset(self.stack + base, 0, plan.count * sizeof(PyObject*))
        self.stack_size = base + plan.count
        for i in range(plan.count):
            op = &plan.ops[i]
            if op.sparse and whole:
                if read_i64(frame.block + op.offset) == INT64_MIN if op.primitive == INT64 else (
                    frame.block[op.offset] == 255
                ):
                    continue
                value = self._fixed(op, &frame, whole)
            elif op.kind < GROUP:
                value = self._fixed(op, &frame, whole)
            else:
                value = self._variable(op, cursor, end, &frame, context)
            if value == NULL:
                if self.failure is not None:
                    self._drop(base)
                    return NULL
                continue
            if op.role == ASIDE:
                context.subscription = PyLong_AsLongLong(value)
                if context.subscription < 0:
                    PyErr_Clear()       # as of an id that is no such integer
                Py_DECREF(value)
                continue
            self.stack[base + i] = value
            mask |= op.bit
        if plan.shape == SHAPE_OBJECT and not plan.slots:
            return self._object(plan, base, mask)
        value = self._assemble(plan, base)
        self._drop(base)
        return value

    cdef PyObject* _flat_array(self, Plan plan, Frame* frame, bint whole) noexcept:
        """An entry that is an array of the values of its block, as a price level is."""
        cdef PyObject* made = PyList_New(plan.count)
        cdef PyObject* value
        cdef Frame* outer
        cdef Op* op
        cdef int64_t mantissa
        cdef int i
        if made == NULL:
            return self._fail(None)
        for i in range(plan.count):
            op = &plan.ops[i]
            if op.kind == DECIMAL64 and op.plain and whole:
                mantissa = read_i64(frame.block + op.offset)
                outer = frame.outer
                if (
                    op.level == 1 and op.exponent < outer.length and <int8_t>outer.block[op.exponent] == -8
                    and self.numbers == NUMBERS_STR and 0 < mantissa < COMMON
                ):
                    value = self._common_decimal(<uint64_t>mantissa)
                else:
                    value = self._decimal(op, frame, mantissa)
            else:
                value = self._fixed(op, frame, whole)
            if value == NULL:
                if self.failure is not None:
                    Py_DECREF(made)
                    return NULL
                value = _new(<PyObject*>None)
            PyList_SET_ITEM(made, i, value)
        return made

    cdef void _drop(self, Py_ssize_t base) noexcept:
        """Let go what stands on the stack from `base` on."""
        while self.stack_size > base:
            self.stack_size -= 1
            Py_XDECREF(self.stack[self.stack_size])

    cdef PyObject* _fixed(self, Op* op, Frame* frame, bint whole) noexcept:
        """A field of the block; NULL where it is not shown, and where self.failure says so."""
        cdef const uint8_t* data = frame.block + op.offset
        cdef int64_t number
        if op.plain and whole:
            # nearly all fields: there, and never hidden
            if op.kind == DECIMAL64:
                return self._decimal(op, frame, read_i64(data))
            if op.kind == TIME:
                number = read_i64(data)
                return PyLong_FromLongLong(number if self.divisor == 1 else _milliseconds(number))
            if op.kind == ENUM and op.table != NULL and op.table[data[0]] != NULL:
                return _new(op.table[data[0]])
        if op.kind == CONST:
            return _new(op.value)
        if op.kind == OBJECT:
            return NULL
        if not whole and op.end > frame.length:
            return self._absent(op, frame)
        if op.condition_size and not _holds(op, frame):
            return NULL
        if op.optional and _is_null(op, data):
            return self._absent(op, frame)
        if op.unless_zero and _is_zero(op, data):
            return NULL
        if op.kind == DECIMAL64:
            return self._decimal(op, frame, read_i64(data))
        if op.kind == TIME:
            number = read_i64(data)
            return PyLong_FromLongLong(number if self.divisor == 1 else _milliseconds(number))
        if op.kind == ENUM:
            if op.table != NULL and op.table[data[0]] != NULL:
                return _new(op.table[data[0]])
            return self._enum(op, data)
        if op.kind == INT:
            if op.primitive & 1:    # the odd ones are unsigned
                return PyLong_FromUnsignedLongLong(read_unsigned(data, op.primitive))
            return PyLong_FromLongLong(read_signed(data, op.primitive))
        if op.kind == DECIMAL128 or op.kind == INT128:
            return self._wide_decimal(op, frame, data)
        if op.kind == SET:
            return self._set(op, data)
        if op.kind == FLOAT:
            return self._float_text(op, _float(op.primitive, data))
        if op.kind == NATIVE_FLOAT:
            return PyFloat_FromDouble(_float(op.primitive, data))
        return self._array(op, data)

    cdef PyObject* _variable(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
    ) noexcept:
        """A group, or data; NULL as in _fixed()."""
        cdef uint64_t size
        cdef const uint8_t* data = cursor[0]
        cdef PyObject* value
        if context.version < op.added and data == end:
            # a message of a version that did not have it yet
            if op.kind == GROUP and op.omit_empty == 0 and op.role != SKIP:
                return PyList_New(0)
            return self._absent(op, frame)
        if op.kind == GROUP or op.kind == SINGLE:
            return self._group(op, cursor, end, frame, context)
        if end - data < size_of(op.primitive):
            return self._fail(TRUNCATED, op.name)
        size = read_unsigned(data, op.primitive)
        data += size_of(op.primitive)
        if size > <uint64_t>(end - data):
            return self._fail(TRUNCATED, op.name)
        cursor[0] = data + size
        if size == 0 and op.optional:
            return self._absent(op, frame)
        if op.kind == TEXT:
            if op.role == SKIP:
                return NULL
            value = self._text(data, <Py_ssize_t>size)
        else:
            value = self._embedded(data, <Py_ssize_t>size, context)
        if value == NULL:
            self.path.append(<object>op.name)
        elif op.role == SKIP:
            Py_DECREF(value)
            return NULL
        return value

    cdef bint _dimension(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, uint64_t* length, uint64_t* count
    ) noexcept:
        """Read what stands in front of a group's entries; a count cannot claim more than there is."""
        cdef const uint8_t* data = cursor[0]
        cdef int prefix = size_of(op.primitive) + size_of(op.count)
        cdef uint64_t least, left
        if end - data < prefix:
            self._fail(TRUNCATED, op.name)
            return False
        length[0] = read_unsigned(data, op.primitive)
        count[0] = read_unsigned(data + size_of(op.primitive), op.count)
        cursor[0] = data + prefix
        left = <uint64_t>(end - cursor[0])
        # a block of another version may be shorter than is known, but what it lacks costs nothing to claim
        least = (<Plan>op.sub).tail + min(max(length[0], (<Plan>op.sub).least), left + 1)
        if count[0] > (left // least if least else MAX_EMPTY):
            self._fail(
                f"{count[0]} entries of at least {least} bytes each, but {left} bytes are left", op.name
            )
            return False
        return True

    cdef PyObject* _group(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
    ) noexcept:
        cdef:
            uint64_t length = 0
            uint64_t count = 0
            uint64_t i
            Frame inner
            Plan plan = <Plan>op.sub
            PyObject* entries
            PyObject* entry
        if not self._dimension(op, cursor, end, &length, &count):
            return NULL
        if count == 0 and (op.omit_empty or op.kind == SINGLE):
            return NULL
        entries = PyList_New(<Py_ssize_t>count)
        if entries == NULL:
            return self._fail(None)
        inner.outer = frame
        inner.length = <uint32_t>length
        for i in range(count):
            if plan.flat:
                # the entries' bytes are there: the count was held against them
                inner.block = cursor[0]
                cursor[0] += length
                entry = self._flat_array(plan, &inner, length >= plan.block_length)
            else:
                entry = self._block(plan, cursor, end, <uint32_t>length, frame, context)
            if entry == NULL:
                Py_DECREF(entries)
                self.path.append(<Py_ssize_t>i)
                self.path.append(<object>op.name)
                return NULL
            PyList_SET_ITEM(entries, <Py_ssize_t>i, entry)
        if op.role == SKIP:
            Py_DECREF(entries)
            return NULL
        if op.kind == SINGLE and count == 1:
            entry = _new(<PyObject*>(<list><object>entries)[0])
            Py_DECREF(entries)
            return entry
        return entries

    # -------------------------------------------------------------------------------------- hot: values of fields

    cdef PyObject* _decimal(self, Op* op, Frame* frame, int64_t mantissa) noexcept:
        cdef char room[LONGEST_DECIMAL]
        cdef char* start
        cdef PyObject* made
        cdef int exponent = 0
        if not self._exponent(op, frame, &exponent):
            return NULL
        if exponent == -8 and self.numbers == NUMBERS_STR and 0 < mantissa < COMMON:
            return self._common_decimal(<uint64_t>mantissa)
        if mantissa == 0 and self.zeros[exponent & 0xFF] != NULL:
            return _new(self.zeros[exponent & 0xFF])
        if (
            self.numbers == NUMBERS_FLOAT and -22 <= exponent <= 0
            and -(<int64_t>1 << 53) <= mantissa <= <int64_t>1 << 53
        ):
            # both are exact as doubles, so one division rounds correctly
            made = PyFloat_FromDouble(<double>mantissa / POWERS[-exponent])
        else:
            start = write_decimal(room + LONGEST_DECIMAL, mantissa, exponent)
            made = self._number_text(start, room + LONGEST_DECIMAL - start)
        if mantissa == 0 and made != NULL:
            self.zeros[exponent & 0xFF] = _new(made)
        return made

    cdef inline PyObject* _common_decimal(self, uint64_t mantissa) noexcept:
        """A positive decimal with eight digits behind the point and up to eight before it: written where it stays."""
        cdef uint32_t whole = <uint32_t>(mantissa // 100000000)
        # the size is known before the digits are, so that the memory need not wait for them
        cdef int size = (
            1 + (whole >= 10) + (whole >= 100) + (whole >= 1000) + (whole >= 10000) + (whole >= 100000)
            + (whole >= 1000000) + (whole >= 10000000)
        )
        cdef PyObject* made = PyUnicode_New(size + 9, 127)
        cdef char* to
        if made == NULL:
            return self._fail(None)
        to = <char*>PyUnicode_DATA(made)
        put_word(to, eight_digits(whole) >> (64 - 8 * size))
        to += size
        to[0] = c"."
        put_word(to + 1, eight_digits(<uint32_t>(mantissa - <uint64_t>whole * 100000000)))
        return made

    cdef bint _exponent(self, Op* op, Frame* frame, int* exponent) noexcept:
        cdef int level = op.level
        while level:
            frame = frame.outer
            level -= 1
        if op.exponent >= frame.length:
            self._fail("its exponent is not in the message", op.name)
            return False
        exponent[0] = <int8_t>frame.block[op.exponent]
        return True

    cdef PyObject* _number_text(self, const char* text, Py_ssize_t size) noexcept:
        """A decimal whose text is ready, as `numbers` wants it."""
        cdef char copy[LONGEST_DECIMAL + 1]
        cdef PyObject* made
        cdef PyObject* converted
        if self.numbers == NUMBERS_FLOAT:
            memcpy(copy, text, size)
            copy[size] = 0
            return self._made(PyFloat_FromDouble(PyOS_string_to_double(copy, NULL, NULL)))
        made = PyUnicode_New(size, 127)
        if made == NULL:
            return self._fail(None)
        memcpy(PyUnicode_DATA(made), text, size)
        if self.numbers == NUMBERS_STR:
            return made
        converted = PyObject_CallOneArg(<PyObject*>_Decimal, made)
        Py_DECREF(made)
        return self._made(converted)

    cdef PyObject* _text(self, const uint8_t* text, Py_ssize_t size) noexcept:
        """The str of UTF-8 bytes. Short ones that begin with a letter, such as symbols and assets, are kept."""
        cdef:
            uint64_t first = 0
            uint64_t last = 0
            uint64_t high
            Py_ssize_t i
            Text* kept
            PyObject* made
        if size > CACHED:
            high = _word(text + size - 8)
            i = 0
            while i + 8 <= size:
                high |= _word(text + i)
                i += 8
        else:
            if size >= 8:
                first = _word(text)
                last = _word(text + size - 8)
            else:
                for i in range(size):
                    first = first << 8 | text[i]
            high = first | last
        if high & HIGH_BITS:
            made = PyUnicode_DecodeUTF8(<const char*>text, size, NULL)
            if made == NULL:
                PyErr_Clear()
                return self._fail("not UTF-8")
            return made
        if size <= CACHED and size and text[0] > c"9":
            kept = &self.texts[_place(first, last, size)]
            if kept.first == first and kept.last == last and kept.size == size and kept.text != NULL:
                return _new(kept.text)
            made = PyUnicode_New(size, 127)
            if made == NULL:
                return self._fail(None)
            memcpy(PyUnicode_DATA(made), text, size)
            Py_XDECREF(kept.text)
            kept.text = _new(made)
            kept.first = first
            kept.last = last
            kept.size = <uint32_t>size
            return made
        made = PyUnicode_New(size, 127)
        if made == NULL:
            return self._fail(None)
        memcpy(PyUnicode_DATA(made), text, size)
        return made

    # ------------------------------------------------------------------------------------------- hot: objects

    cdef PyObject* _object(self, Plan plan, Py_ssize_t base, uint64_t mask) noexcept:
        """The dict of the values on the stack from `base` on, which leave it.

        Messages repeat: a dict with the keys of the one before begins as its copy, and gets what differs.
        """
        cdef PyObject** values = self.stack + base
        cdef PyObject* value
        cdef PyObject* made
        cdef int i
        cdef bint failed = False
        if plan.model != NULL and plan.model_mask == mask:
            plan.copying += 1
            made = PyDict_Copy(plan.model)
            failed = made == NULL
            for i in range(plan.count):
                value = values[i]
                if value != NULL:
                    if value != plan.model_values[i] and not failed:
                        failed = PyDict_SetItem(made, plan.ops[i].key, value) < 0
                    Py_DECREF(value)
            plan.copying -= 1
            self.stack_size = base
        else:
            made = self._new_object(plan, values)
            failed = made == NULL
            if mask == plan.last_mask and plan.modelled and not failed:
                _keep_model(plan, made, values, mask)
            plan.last_mask = mask
            self._drop(base)
        if failed:
            Py_XDECREF(made)
            return self._fail(None)
        return made

    cdef PyObject* _new_object(self, Plan plan, PyObject** values) noexcept:
        cdef PyObject* made = fastws_sbe_new_dict(plan.count)
        cdef Op* op
        cdef int i
        if made == NULL:
            return self._fail(None)
        for i in range(plan.count):
            op = &plan.ops[i]
            if values[i] != NULL and op.key != NULL and op.target == 0:
                if PyDict_SetItem(made, op.key, values[i]) < 0:
                    Py_DECREF(made)
                    return self._fail(None)
        return made

    cdef PyObject* _assemble(self, Plan plan, Py_ssize_t base) noexcept:
        """What a block becomes that is no plain object, of the values on the stack."""
        cdef PyObject** values = self.stack + base
        cdef PyObject* made
        cdef Py_ssize_t i, count
        if plan.shape == SHAPE_OBJECT:
            return self._new_object(plan, values) if self._inner_objects(plan, values) else NULL
        if plan.shape == SHAPE_VALUE:
            made = values[plan.value]
            return _new(made if made != NULL else <PyObject*>None)
        count = 0
        for i in range(plan.count):
            count += plan.ops[i].role == AS_ITEM
        made = PyList_New(count)
        if made == NULL:
            return self._fail(None)
        count = 0
        for i in range(plan.count):
            if plan.ops[i].role == AS_ITEM:
                PyList_SET_ITEM(made, count, _new(values[i] if values[i] != NULL else <PyObject*>None))
                count += 1
        return made

    cdef bint _inner_objects(self, Plan plan, PyObject** values) noexcept:
        """Put values into the objects within the object; those without a key do not appear."""
        cdef:
            int slot, i
            Op* op
            PyObject* inner
            PyObject* value
        for slot in range(plan.slots, 0, -1):
            inner = NULL
            for i in range(plan.count):
                op = &plan.ops[i]
                if op.target != slot or values[i] == NULL:
                    continue
                value = values[i]
                if op.role == JOIN and (inner == NULL or not PyDict_CheckExact(value)):
                    if inner == NULL:   # an embedded message alone, whatever it is
                        inner = _new(value)
                    continue
                if inner == NULL:
                    inner = PyDict_New()
                if inner == NULL or (
                    PyDict_Update(inner, value) if op.role == JOIN else PyDict_SetItem(inner, op.key, value)
                ) < 0:
                    Py_XDECREF(inner)
                    self._fail(None)
                    return False
            for i in range(plan.count):
                if plan.ops[i].kind == OBJECT and plan.ops[i].slot == slot:
                    values[i] = inner
        return True

    # ------------------------------------------------------------------------------------------------- cold

    cdef PyObject* _no_header(self, const uint8_t* data, Py_ssize_t size) noexcept:
        if size < HEADER:
            return self._fail(TRUNCATED)
        return self._fail(f"schema {read_u16(data + 4)}, where {self.plans.schema_id} is expected")

    cdef PyObject* _first_plan(self, const uint8_t* data) noexcept:
        """The plan of a message that is not among those seen last; NULL as in _plan()."""
        cdef Plan plan
        try:
            plan = self.plans.find(read_u16(data + 2), read_u16(data + 6))
        except MemoryError:
            return self._fail(None)
        except Exception as exc:
            return self._fail(f"message {read_u16(data + 2)} of the schema cannot be used: {exc}")
        return NULL if plan is None else <PyObject*>plan    # which Plans keeps

    cdef PyObject* _unknown(self, const uint8_t* data) noexcept:
        return self._fail(f"no message has the template id {read_u16(data + 2)}") if self.failure is None else NULL

    cdef bint skip(self, Op* op, const uint8_t** cursor, const uint8_t* end, int version) noexcept:
        """Pass over a group or data; False, and self.failure, where it is not whole."""
        cdef uint64_t size
        cdef uint64_t length = 0
        cdef uint64_t count = 0
        cdef uint64_t i
        cdef Plan plan
        if version < op.added and cursor[0] == end:
            return True
        if op.kind != GROUP and op.kind != SINGLE:
            if end - cursor[0] < size_of(op.primitive):
                return self._short(op)
            size = read_unsigned(cursor[0], op.primitive)
            cursor[0] += size_of(op.primitive)
            if size > <uint64_t>(end - cursor[0]):
                return self._short(op)
            cursor[0] += size
            return True
        if not self._dimension(op, cursor, end, &length, &count):
            return False
        plan = <Plan>op.sub
        if plan.tail == 0:
            cursor[0] += count * length
            return True
        for i in range(count):
            if not self.skip_entry(op, i, cursor, end, length, version):
                return False
        return True

    cdef bint skip_entry(
        self, Op* op, uint64_t number, const uint8_t** cursor, const uint8_t* end, uint64_t length, int version
    ) noexcept:
        """Pass over an entry of a group."""
        cdef Plan plan = <Plan>op.sub
        cdef bint whole = length <= <uint64_t>(end - cursor[0])
        cdef int i
        if not whole:
            self._fail(TRUNCATED)
        else:
            cursor[0] += length
            for i in range(plan.count):
                if plan.ops[i].kind >= GROUP and not self.skip(&plan.ops[i], cursor, end, version):
                    whole = False
                    break
        if not whole:
            self.path.append(number)
            self.path.append(<object>op.name)
        return whole

    cdef bint whole(self, Plan plan, const uint8_t* data, Py_ssize_t size, int depth) noexcept:
        """Whether a message ends where its lengths say: nothing is decoded. False, and self.failure, where not."""
        cdef const uint8_t* cursor = data + 8
        cdef const uint8_t* end = data + size
        if read_u16(data) > end - cursor:
            self._fail(TRUNCATED)
            return False
        cursor += read_u16(data)
        return self._whole_rest(plan, &cursor, end, read_u16(data + 6), depth)

    cdef bint _whole_rest(
        self, Plan plan, const uint8_t** cursor, const uint8_t* end, int version, int depth
    ) noexcept:
        """The same of what stands behind a block: groups and data, and the messages in these."""
        cdef uint64_t length = 0
        cdef uint64_t count = 0
        cdef uint64_t number
        cdef const uint8_t* start
        cdef Op* op
        cdef Plan inner
        cdef int i
        for i in range(plan.count):
            op = &plan.ops[i]
            if op.kind < GROUP:
                continue
            start = cursor[0]
            if op.kind == MESSAGE:
                if not self.skip(op, cursor, end, version):
                    return False
                start += size_of(op.primitive)
                if start < cursor[0] and not self._whole_message(op, start, cursor[0] - start, depth):
                    return False
            elif (op.kind == GROUP or op.kind == SINGLE) and (<Plan>op.sub).tail and not (
                version < op.added and start == end
            ):
                inner = <Plan>op.sub
                if not self._dimension(op, cursor, end, &length, &count):
                    return False
                for number in range(count):
                    if length > <uint64_t>(end - cursor[0]):
                        self._fail(TRUNCATED)
                    else:
                        cursor[0] += length
                        if self._whole_rest(inner, cursor, end, version, depth):
                            continue
                    self.path.append(number)
                    self.path.append(<object>op.name)
                    return False
            elif not self.skip(op, cursor, end, version):
                return False
        return True

    cdef bint _whole_message(self, Op* op, const uint8_t* data, Py_ssize_t size, int depth) noexcept:
        """The same of a message within another one."""
        cdef PyObject* plan = NULL
        if depth >= MAX_NESTED:
            self._fail(f"messages nest more than {MAX_NESTED} deep")
        else:
            plan = self._plan(data, size)
            if plan == NULL and self.failure is None:
                return True         # of a kind that is not known
        if plan == NULL or not self.whole(<Plan>plan, data, size, depth + 1):
            self.path.append(<object>op.name)
            return False
        return True

    cdef bint _short(self, Op* op) noexcept:
        self._fail(TRUNCATED, op.name)
        return False

    cdef PyObject* _absent(self, Op* op, Frame* frame) noexcept:
        """What is shown for null."""
        if op.zero:
            if op.kind == FLOAT:
                return self._float_text(op, 0.0)
            return self._decimal(op, frame, 0)
        return NULL if op.absent == NULL else _new(op.absent)

    cdef PyObject* _wide_decimal(self, Op* op, Frame* frame, const uint8_t* data) noexcept:
        cdef char room[LONGEST_DECIMAL]
        cdef char* start
        cdef uint64_t low = <uint64_t>read_i64(data)
        cdef uint64_t high = <uint64_t>read_i64(data + 8)
        cdef int exponent = 0
        cdef bint negative
        if <int64_t>high == (-1 if <int64_t>low < 0 else 0):
            if op.kind == INT128:
                return PyLong_FromLongLong(<int64_t>low)
            return self._decimal(op, frame, <int64_t>low)
        if op.kind == INT128:
            return self._made(_int128(data))
        if not self._exponent(op, frame, &exponent):
            return NULL
        negative = <int64_t>high < 0
        if negative:
            low = 0 - low
            high = ~high + (low == 0)
        start = write_wide(room + LONGEST_DECIMAL, high, low, exponent)
        if negative:
            start -= 1
            start[0] = c"-"
        return self._number_text(start, room + LONGEST_DECIMAL - start)

    cdef PyObject* _float_text(self, Op* op, double number) noexcept:
        """A float as the JSON API writes it, with three decimals."""
        cdef char* text
        cdef PyObject* made
        if not -1e100 < number < 1e100:
            return self._odd_float(number)
        text = PyOS_double_to_string(number, c"f", 3, 0, NULL)      # whatever the locale
        if text == NULL:
            return self._fail(None)
        made = self._number_text(text, strlen(text))
        PyMem_Free(text)
        return made

    cdef PyObject* _odd_float(self, double number) noexcept:
        """A float of very many digits; one that is no number, or infinite, is a text, whatever `numbers` says."""
        cdef object made
        try:
            if isnan(number) or isinf(number):
                made = "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
            else:
                made = f"{number:.3f}"
                if self.numbers != NUMBERS_STR:
                    made = number if self.numbers == NUMBERS_FLOAT else _Decimal(made)
        except Exception:
            return self._fail(None)
        return _new(<PyObject*>made)

    cdef PyObject* _enum(self, Op* op, const uint8_t* data) noexcept:
        """An enum's value that has no place in a table of 256; an unknown one is its raw integer."""
        cdef PyObject* raw
        cdef PyObject* value
        if op.primitive & 1:
            raw = PyLong_FromUnsignedLongLong(read_unsigned(data, op.primitive))
        elif op.primitive == CHAR:
            raw = PyLong_FromLongLong(data[0])
        else:
            raw = PyLong_FromLongLong(read_signed(data, op.primitive))
        if raw == NULL:
            return self._fail(None)
        value = PyDict_GetItem(op.value, raw)
        if value == NULL:
            return raw
        Py_DECREF(raw)
        return _new(value)

    cdef PyObject* _set(self, Op* op, const uint8_t* data) noexcept:
        """The names of the bits that are set, in their order; an unknown bit is its number."""
        try:
            bits = read_unsigned(data, op.primitive)
            values = <dict><object>op.value
            found = [values.get(bit, bit) for bit in range(8 * size_of(op.primitive)) if bits >> bit & 1]
        except Exception:
            return self._fail(None)
        return _new(<PyObject*>found)

    cdef PyObject* _array(self, Op* op, const uint8_t* data) noexcept:
        """Characters, or several integers in a row."""
        cdef int step
        try:
            if op.kind == CHARS:
                found = data[:op.end - op.offset].split(b"\0", 1)[0].decode("utf-8")
            else:
                step = size_of(op.primitive)
                found = [_element(op.primitive, data + i) for i in range(0, op.end - op.offset, step)]
        except UnicodeDecodeError:
            return self._fail("not UTF-8", op.name)
        except Exception:
            return self._fail(None)
        return _new(<PyObject*>found)

    cdef PyObject* _made(self, PyObject* made) noexcept:
        """An object that Python made, or the failure that it was."""
        if made == NULL or PyErr_Occurred() != NULL:
            PyErr_Clear()
            Py_XDECREF(made)
            return self._fail("a number out of range")
        return made

    cdef PyObject* _fail(self, object reason, PyObject* name=NULL) noexcept:
        """Note what went wrong; None is for no memory."""
        PyErr_Clear()
        if self.failure is None:
            self.failure = MemoryError() if reason is None else reason
            self.path.clear()
            if name != NULL:
                self.path.append(<object>name)
        return NULL

    cdef object error(self):
        """The exception of what went wrong; forgotten then."""
        failure, self.failure = self.failure, None
        path = "$"
        for step in reversed(self.path):
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        self.path.clear()
        return failure if isinstance(failure, MemoryError) else SbeError(failure, path)


cdef void _keep_model(Plan plan, PyObject* made, PyObject** values, uint64_t mask) noexcept:
    """Keep a model of a dict whose keys came twice in a row; without its containers, which may be large."""
    cdef int i
    cdef bint failed = False
    if plan.copying:        # a finaliser runs while the walker copies the one there is
        return
    plan.forget_model()
    plan.model = PyDict_Copy(made)
    plan.model_values = <PyObject**>PyMem_Calloc(plan.count, sizeof(PyObject*))
    failed = plan.model == NULL or plan.model_values == NULL
    for i in range(plan.count):
        if failed:
            break
        if values[i] == NULL:
            continue
        if PyDict_CheckExact(values[i]) or PyList_CheckExact(values[i]):
            plan.model_values[i] = _new(<PyObject*>None)
            failed = PyDict_SetItem(plan.model, plan.ops[i].key, <PyObject*>None) < 0
        else:
            plan.model_values[i] = _new(values[i])
    plan.model_mask = mask
    if failed:      # one can do without
        PyErr_Clear()
        plan.forget_model()


cdef object _element(int primitive, const uint8_t* data):
    """A number of an array."""
    if primitive == FLOAT32 or primitive == FLOAT64:
        return _float(primitive, data)
    return read_unsigned(data, primitive) if primitive & 1 else read_signed(data, primitive)


cdef PyObject* _int128(const uint8_t* data) noexcept:
    cdef object number
    try:
        number = int.from_bytes(data[:16], "little", signed=True)
    except MemoryError:
        return NULL
    return _new(<PyObject*>number)


cdef object unknown_message(int template):
    """What stands for an embedded message of a newer schema, so that it does not spoil the rest."""
    return {"templateId": template, "$unknownTemplate": True}


cdef PyObject* _stranger(const uint8_t* data) noexcept:
    cdef object told = unknown_message(read_u16(data + 2))
    return _new(<PyObject*>told)


cdef PyObject* _native_message(Plan plan, const uint8_t* data, PyObject* made) noexcept:
    """An embedded message with its header, as native values have it; takes the reference."""
    cdef dict told = {
        "template": plan.name, "templateId": read_u16(data + 2), "schemaId": read_u16(data + 4),
        "version": read_u16(data + 6), "value": <object>made,
    }
    Py_DECREF(made)
    return _new(<PyObject*>told)


# ------------------------------------------------------------------------------------------- cold: what is around

cdef object _framed(Context* context, object value):
    """What stands around a response or an event in the JSON API."""
    cdef Plan plan = <Plan>context.plan
    if plan.event is not None:
        framed = {"event": value}
        if context.subscription >= 0:
            framed["subscriptionId"] = context.subscription
        return framed
    if plan.template == RESPONSE and context.template == ERROR and type(value) is dict and "result" in value:
        value["error"] = value.pop("result")
    return value
