# cython: language_level=3
"""JSON messages -> Python objects.

In: the bytes of one message. simdjson's first stage finds its structural characters, and checks its UTF-8 and the
control characters of its strings; what follows here is one walk along them. Out: the envelope (id, status, …) as C
values, and the payload as Python objects equal to json.loads's.
Memory: the bytes are borrowed from begin() to end(); 64 readable bytes stand behind them. Keys and short words are made
once, and kept in two caches of the decoder's own. Values of unfinished objects and arrays stand on a stack, owned.
Failure: a code, and NULL for a value; error() makes a JsonError of it, and finds the position by reading again.
Refused, other than by json.loads: NaN and Infinity, a byte order mark, lone surrogates, numbers beyond the range of a
double (but not texts of decimals: see _number_of()), integers of more than 4,300 digits, and nesting deeper than 1,024.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.math cimport isinf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from ._envelope cimport (
    ID_ABSENT, ID_INT, ID_NULL, ID_OTHER, MAX_LIMITS, NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR, PAYLOAD_ERROR,
    PAYLOAD_EVENT, PAYLOAD_NONE, PAYLOAD_RESULT, SHAPE_FIELDS, SHAPE_KLINES, Envelope, RateLimit,
)

import json
import re
from decimal import Decimal

from ._shown import plain_text, shown
from .decimal_fields import EVENT_ENTRY_FIELDS, EVENT_FIELDS, KLINE_COLUMNS, PAIR_FIELDS, RESULT_FIELDS
from .errors import JsonError

cdef extern from "_stage1.h" nogil:
    ctypedef struct fastws_stage1:
        pass
    fastws_stage1* fastws_stage1_new()
    void fastws_stage1_free(fastws_stage1* stage1)
    int fastws_stage1_run(
        fastws_stage1* stage1, const uint8_t* text, size_t size, const uint32_t** indexes, uint32_t* count
    )
    const char* fastws_stage1_kernel()
    int fastws_stage1_kernels(const char** names, int capacity)
    int fastws_stage1_select(const char* name)

cdef extern from *:
    """
    /* A dict with room for n keys. */
    #if PY_VERSION_HEX < 0x030D0000
    #define fastws_new_dict(n) ((n) > 5 ? _PyDict_NewPresized(n) : PyDict_New())
    #else
    #define fastws_new_dict(n) PyDict_New()
    #endif
    #define fastws_true() Py_NewRef(Py_True)
    #define fastws_false() Py_NewRef(Py_False)
    #define fastws_none() Py_NewRef(Py_None)
    """
    PyObject* fastws_new_dict(Py_ssize_t room) noexcept
    PyObject* fastws_true() noexcept
    PyObject* fastws_false() noexcept
    PyObject* fastws_none() noexcept

cdef extern from "Python.h":
    PyObject* PyUnicode_New(Py_ssize_t size, unsigned int biggest) noexcept
    void* PyUnicode_DATA(PyObject* text) noexcept
    PyObject* PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors) noexcept
    PyObject* PyLong_FromLongLong(long long number) noexcept
    PyObject* PyLong_FromString(const char* text, char** end, int base) noexcept
    PyObject* PyFloat_FromDouble(double number) noexcept
    double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) noexcept
    PyObject* PyList_New(Py_ssize_t size) noexcept
    void PyList_SET_ITEM(PyObject* target, Py_ssize_t at, PyObject* value) noexcept
    PyObject* PyDict_Copy(PyObject* source) noexcept
    PyObject* PyDict_SetDefault(PyObject* target, PyObject* key, PyObject* value) noexcept
    Py_ssize_t PyDict_Size(PyObject* target) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject* text) noexcept
    int PyDict_SetItem(PyObject* target, PyObject* key, PyObject* value) noexcept
    PyObject* PyObject_CallOneArg(PyObject* callable, PyObject* arg) noexcept
    PyObject* PyErr_Occurred() noexcept
    void PyErr_Clear() noexcept
    void Py_INCREF(PyObject* value) noexcept
    void Py_DECREF(PyObject* value) noexcept
    void Py_XDECREF(PyObject* value) noexcept

cdef:
    enum:
        MAX_DEPTH = 1024
        LARGEST_MODEL = 40
        CACHED_VALUE = 16       # bytes of the longest text that the value cache keeps
        CACHED_KEY = 48
        KNOWN_KEYS = 4096
        KEPT_BUFFER = 1 << 20   # bytes of the largest copy that loads() keeps

    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    uint64_t LOW_BITS = <uint64_t>0x0101010101010101
    uint64_t BACKSLASHES = <uint64_t>0x5C5C5C5C5C5C5C5C
    object _Decimal = Decimal
    object _is_decimal = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch


# ------------------------------------------------------------------------------------------------ hot

cdef inline uint64_t _word(const uint8_t* text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return word


cdef inline bint _is_space(uint8_t c) noexcept nogil:
    return c == c" " or c == c"\n" or c == c"\r" or c == c"\t"


cdef inline uint64_t _first_word(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """The first eight bytes; those beyond `size` are zero."""
    cdef uint64_t word = _word(text)
    return word if size >= 8 else word & (((<uint64_t>1) << (8 * size)) - 1)


cdef inline uint64_t _last_word(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    return _word(text + size - 8) if size > 8 else 0


cdef inline uint32_t _place(uint64_t first, uint64_t last, Py_ssize_t size) noexcept nogil:
    """Where in a cache a text stands."""
    cdef uint64_t mixed = (first ^ ((last << 23) | (last >> 41)) ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15
    return <uint32_t>(mixed >> 54)


cdef inline bint _needs_care(uint64_t word) noexcept nogil:
    """Whether a byte of the word is no ASCII, or a backslash."""
    cdef uint64_t flipped = word ^ BACKSLASHES
    return ((word | ((flipped - LOW_BITS) & ~flipped)) & HIGH_BITS) != 0


cdef inline bint _is_plain(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Whether a text is ASCII without a backslash."""
    cdef Py_ssize_t i = 0
    while i + 8 <= size:
        if _needs_care(_word(text + i)):
            return False
        i += 8
    return i == size or not _needs_care(_first_word(text + i, size - i))


cdef inline Py_ssize_t _string_size(const uint8_t* text, uint32_t start, uint32_t next_mark) noexcept nogil:
    """How many bytes stand between the quote at `start` and its closing one: the last in front of the next mark."""
    cdef uint32_t end = next_mark - 1
    while text[end] != c'"':
        end -= 1
    return end - start - 1


cdef inline PyObject* _new(PyObject* value) noexcept:
    """Another reference."""
    Py_INCREF(value)
    return value


@cython.final
cdef class Decoder:
    """Reads one message at a time; see the module's docstring."""

    def __cinit__(self, str numbers not None="str"):
        modes = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}
        if numbers not in modes:
            raise ValueError(f"numbers: expected 'str', 'float' or 'decimal', got {shown(numbers)}")
        self.numbers = modes[numbers]
        self.mode = numbers
        self.stage1 = fastws_stage1_new()
        self.keys = <Cached*>PyMem_Calloc(CACHE_SIZE + 1, sizeof(Cached))   # the last: a key that is not to be kept
        self.values = <Cached*>PyMem_Calloc(CACHE_SIZE, sizeof(Cached))
        self.names = {}
        self.models = <DictModel*>PyMem_Calloc(MODELS, sizeof(DictModel))
        self.stack_room = 256
        self.stack = <PyObject**>PyMem_Malloc(self.stack_room * sizeof(PyObject*))
        if self.stage1 == NULL or self.keys == NULL or self.values == NULL or self.models == NULL or self.stack == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.keys != NULL:
            Py_XDECREF(self.keys[CACHE_SIZE].text)
        for i in range(CACHE_SIZE):
            if self.keys != NULL:
                Py_XDECREF(self.keys[i].text)
            if self.values != NULL:
                Py_XDECREF(self.values[i].text)
        for i in range(MODELS):
            if self.models != NULL:
                self._forget_model(&self.models[i])
        PyMem_Free(self.keys)
        PyMem_Free(self.values)
        PyMem_Free(self.models)
        PyMem_Free(self.stack)
        PyMem_Free(self.copied)
        fastws_stage1_free(<fastws_stage1*>self.stage1)

    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept:
        env.id_kind = ID_ABSENT
        env.id = 0
        env.status = 0
        env.payload = PAYLOAD_NONE
        env.payload_at = 0
        env.limits_at = -1
        env.subscription = -1
        self.whole = False
        cdef int code = self.index(data, size)
        if code:
            return code
        if self.text[self.marks[0]] != c"{":
            return NOT_OBJECT
        self.at = 1
        return self._keys(env, True)

    cdef object value(self, Envelope* env, int shape):
        cdef PyObject* made
        cdef uint32_t back = self.at
        self.at = env.payload_at
        made = self._value()
        if made == NULL:
            raise self.error(self.code)
        if self.whole:
            self.at = back
        result = <object>made
        Py_DECREF(made)
        if self.numbers != NUMBERS_STR and (env.payload == PAYLOAD_EVENT or shape == SHAPE_KLINES):
            result = self._event(result) if env.payload == PAYLOAD_EVENT else self._klines(result)
        return result

    cdef int end(self, Envelope* env) except -1:
        cdef int code
        cdef PyObject* made
        if self.whole:
            return 0
        if self.at == env.payload_at:   # value() was not called
            made = self._value()
            if made == NULL:
                raise self.error(self.code)
            Py_DECREF(made)
        code = self._keys(env, False)
        if code:
            raise self.error(code)
        return 0

    cdef int check_whole(self, Envelope* env) except -1:
        """Raise JsonError where the payload is not closed as it was opened, or lacks a key or a value.

        Nothing is decoded.
        """
        cdef uint8_t[MAX_DEPTH] opened
        cdef int depth = 0
        cdef uint32_t at = env.payload_at
        cdef bint behind
        cdef uint8_t c
        while True:
            # in front of a value
            if at >= self.count:
                break
            c = self.text[self.marks[at]]
            at += 1
            behind = True
            if c == c"{" or c == c"[":
                if at < self.count and self.text[self.marks[at]] == c + 2:      # it is empty
                    at += 1
                elif depth == MAX_DEPTH:
                    break
                else:
                    opened[depth] = c
                    depth += 1
                    behind = False
            elif c == c"}" or c == c"]" or c == c"," or c == c":":
                break
            while behind:
                if depth == 0:
                    return 0
                if at >= self.count:
                    raise self.error(SYNTAX)
                c = self.text[self.marks[at]]
                at += 1
                if c == opened[depth - 1] + 2:
                    depth -= 1
                elif c == c",":
                    behind = False
                else:
                    raise self.error(SYNTAX)
            if opened[depth - 1] == c"{":
                if at + 1 >= self.count or self.text[self.marks[at]] != c'"' or self.text[self.marks[at + 1]] != c":":
                    break
                at += 2
        raise self.error(SYNTAX)

    cdef int limits(self, Envelope* env, RateLimit* out, int capacity) noexcept:
        cdef int count = min(self.seen_count, capacity)
        memcpy(out, self.seen, count * sizeof(RateLimit))
        return count

    cdef int index(self, const char* data, Py_ssize_t size) noexcept:
        """Run stage 1. Returns 0 when there is at least one token."""
        cdef int code
        self.text = <const uint8_t*>data
        self.size = <uint32_t>size
        self.at = 0
        self.count = 0
        self.depth = 0
        self.code = 0
        self.convert = False
        self.seen_count = 0
        code = fastws_stage1_run(<fastws_stage1*>self.stage1, self.text, size, &self.marks, &self.count)
        if code == 0 and self.count == 0:
            code = SYNTAX
        self.code = code
        return code

    cdef int _keys(self, Envelope* env, bint stop) noexcept:
        """Read top-level keys and what belongs to them; with `stop`, up to a payload whose id is known."""
        cdef:
            const uint8_t* key
            Py_ssize_t size
            uint32_t start, end, at
            int64_t number
            int payload
            PyObject* made
            uint8_t c
        while True:
            # in front of a key, or of what ends the object; behind a payload, in front of what follows a value
            if self.at >= self.count:
                self._fail(SYNTAX)
                return self.code
            c = self.text[self.marks[self.at]]
            if self.at != 1:
                self.at += 1
                if c == c"}":
                    break
                if c != c"," or self.at >= self.count:
                    self._fail(SYNTAX)
                    return self.code
                c = self.text[self.marks[self.at]]
            elif c == c"}":
                self.at += 1
                break
            if c != c'"' or self.at + 2 >= self.count or self.text[self.marks[self.at + 1]] != c":":
                self._fail(SYNTAX)
                return self.code
            start = self.marks[self.at]
            end = self.marks[self.at + 1] - 1
            while _is_space(self.text[end]):
                end -= 1
            key = self.text + start + 1
            size = end - start - 1
            self.at += 2
            at = self.at
            payload = PAYLOAD_NONE
            c = self.text[self.marks[self.at]]
            if size == 2 and memcmp(key, b"id", 2) == 0:
                if self._integer(&number):
                    env.id_kind = ID_INT
                    env.id = number
                    continue
                env.id_kind = ID_NULL if c == c"n" else ID_OTHER
            elif size == 6 and memcmp(key, b"status", 6) == 0:
                if not self._integer(&number) or not 0 <= number < 1000:
                    self.at = at + 1
                    self._fail(STATUS)
                    return self.code
                env.status = <int>number
                continue
            elif size == 6 and memcmp(key, b"result", 6) == 0:
                payload = PAYLOAD_RESULT
            elif size == 5 and memcmp(key, b"error", 5) == 0:
                payload = PAYLOAD_ERROR
            elif size == 5 and memcmp(key, b"event", 5) == 0:
                payload = PAYLOAD_EVENT
            elif size == 10 and memcmp(key, b"rateLimits", 10) == 0:
                env.limits_at = <int>at
                self.seen_count = 0
                if self._limits():
                    continue
                self.at = at
                self.seen_count = 0
            elif size == 14 and memcmp(key, b"subscriptionId", 14) == 0:
                if self._integer(&number):
                    env.subscription = number
                    continue
                env.subscription = -1
            elif memchr(key, c"\\", size) != NULL:
                # a key that is none of these, to be sure, but is it one?
                made = self._escaped(key, size)
                if made == NULL:
                    self.at = at - 1
                    return self.code
                Py_DECREF(made)
            if payload != PAYLOAD_NONE:
                if not stop or env.payload != PAYLOAD_NONE:
                    self._fail(REPEATED)
                    return self.code
                env.payload = payload
                env.payload_at = at
                if env.id_kind != ID_ABSENT and payload != PAYLOAD_EVENT:
                    return 0
            # a value that nobody asked for, or a payload in front of its id: read, and let go
            made = self._value()
            if made == NULL:
                return self.code
            Py_DECREF(made)
        self.whole = True
        if self.at != self.count:
            self._fail(TRAILING)
        return self.code

    cdef int _integer(self, int64_t* out) noexcept:
        """Take an integer of up to 18 digits; 0, and nothing taken, for anything else."""
        cdef const uint8_t* text = self.text + self.marks[self.at]
        cdef const uint8_t* last = self.text + self.size
        cdef const uint8_t* start
        cdef bint negative = text[0] == c"-"
        cdef int64_t number = 0
        text += negative
        start = text
        while text < last and c"0" <= text[0] <= c"9":
            number = number * 10 + (text[0] - c"0")
            text += 1
            if text - start > 18:
                return 0
        if text == start or (start[0] == c"0" and text - start > 1):
            return 0
        if text < last and not _is_space(text[0]) and text[0] != c"," and text[0] != c"}" and text[0] != c"]":
            return 0
        out[0] = -number if negative else number
        self.at += 1
        return 1

    cdef bint _limits(self) noexcept:
        """Take rateLimits as the exchange writes them, without an object; False for anything else."""
        cdef RateLimit* limit
        cdef const uint8_t* opening = self.text + self.marks[self.at]
        cdef const uint8_t* text
        cdef const uint8_t* key
        cdef Py_ssize_t size
        cdef int64_t number
        if opening[0] != c"[":
            return False
        self.at += 1
        if self.at < self.count and self.text[self.marks[self.at]] == c"]":
            self.at += 1
            return True
        while True:
            if self.seen_count == MAX_LIMITS or self.at >= self.count or self.text[self.marks[self.at]] != c"{":
                return False
            limit = &self.seen[self.seen_count]
            limit.kind = limit.interval = 0
            limit.interval_num = 0
            limit.limit = limit.count = 0
            while True:
                # `{` or `,`, a key, `:`, a value, and something behind it
                if self.at + 4 >= self.count or self.text[self.marks[self.at + 2]] != c":":
                    return False
                key = self.text + self.marks[self.at + 1]
                size = self.marks[self.at + 2] - self.marks[self.at + 1] - 2
                self.at += 3
                text = self.text + self.marks[self.at]
                if key[0] != c'"' or key[size + 1] != c'"':
                    return False
                key += 1
                if text[0] == c'"':
                    if not c"A" <= text[1] <= c"Z":
                        return False
                    if size == 13 and memcmp(key, b"rateLimitType", 13) == 0:
                        limit.kind = <char>text[2] if text[1] == c"R" and text[2] == c"A" else <char>text[1]
                    elif size == 8 and memcmp(key, b"interval", 8) == 0:
                        limit.interval = <char>text[1]
                    else:
                        return False
                    self.at += 1
                elif not self._integer(&number):
                    return False
                elif size == 11 and memcmp(key, b"intervalNum", 11) == 0:
                    limit.interval_num = <int32_t>number
                    if limit.interval_num != number:
                        return False
                elif size == 5 and memcmp(key, b"limit", 5) == 0:
                    limit.limit = number
                elif size == 5 and memcmp(key, b"count", 5) == 0:
                    limit.count = number
                else:
                    return False
                if self.text[self.marks[self.at]] == c"}":
                    break
                if self.text[self.marks[self.at]] != c",":
                    return False
            self.seen_count += 1
            self.at += 1
            if self.at >= self.count:
                return False
            text = self.text + self.marks[self.at]
            if text[0] == c"]":
                self.at += 1
                # its strings were looked at, not read: an escape is for who reads it
                return memchr(opening, c"\\", text - opening) == NULL
            if text[0] != c",":
                return False
            self.at += 1

    cdef PyObject* _value(self) noexcept:
        """The value at the next mark, which exists; NULL with `code` set."""
        cdef uint32_t start
        cdef uint8_t c
        if self.at >= self.count:
            return self._fail(SYNTAX)
        start = self.marks[self.at]
        self.at += 1
        c = self.text[start]
        if c == c'"':
            if self.convert:
                return self._decimal(start)
            return self._string(self.text + start + 1, _string_size(self.text, start, self.marks[self.at]))
        if c == c"{":
            return self._object()
        if c == c"[":
            return self._array()
        return self._scalar(start)

    cdef PyObject* _scalar(self, uint32_t start) noexcept:
        cdef const uint8_t* text = self.text + start
        cdef uint32_t size
        cdef PyObject* made
        if c"0" <= text[0] <= c"9" or text[0] == c"-":
            return self._number(start)
        if text[0] == c"t" and memcmp(text, b"true", 4) == 0:
            size = 4
            made = fastws_true()
        elif text[0] == c"f" and memcmp(text, b"false", 5) == 0:
            size = 5
            made = fastws_false()
        elif text[0] == c"n" and memcmp(text, b"null", 4) == 0:
            size = 4
            made = fastws_none()
        else:
            return self._fail(SYNTAX)
        if start + size > self.size or not self._ends(start + size):
            Py_DECREF(made)
            return self._fail(SYNTAX)
        return made

    cdef bint _ends(self, uint32_t after) noexcept:
        """Whether a number or a word may end in front of this byte."""
        cdef uint8_t c
        if after >= self.size:
            return True
        c = self.text[after]
        return c == c"," or c == c"}" or c == c"]" or _is_space(c)

    cdef PyObject* _object(self) noexcept:
        """Behind `{`."""
        cdef:
            const uint8_t* text = self.text
            const uint32_t* marks = self.marks
            uint32_t count = self.count
            uint32_t at = self.at
            Py_ssize_t base = self.stack_size
            uint32_t start
            uint8_t c
            bint outer = self.convert
            Cached* key
            PyObject* value
        if at >= count:
            return self._fail(SYNTAX)
        if self.depth >= MAX_DEPTH:
            return self._fail(TOO_DEEP)
        if text[marks[at]] == c"}":
            self.at = at + 1
            value = fastws_new_dict(0)
            return value if value != NULL else self._fail(MEMORY)
        self.depth += 1
        while True:
            # a key, `:`, a value, and what ends it
            start = marks[at]
            if at + 3 >= count or text[start] != c'"' or text[marks[at + 1]] != c":":
                self.at = at + 1
                self._drop(base)
                return self._fail(SYNTAX)
            key = self._key(text + start + 1, _string_size(text, start, marks[at + 1]))
            if key == NULL or not self._push(_new(key.text)):
                self.at = at + 1
                self._drop(base)
                return NULL
            start = marks[at + 2]
            at += 3
            c = text[start]
            if self.numbers != NUMBERS_STR:
                self.convert = key.flags == DECIMAL_FIELD or (key.flags == PAIR_FIELD and c == c"[")
                if self.convert and (c == c"{" or (c == c"[" and key.flags == DECIMAL_FIELD)):
                    self.convert = False
            if c == c'"' and not self.convert:
                value = self._string(text + start + 1, _string_size(text, start, marks[at]))
            else:
                self.at = at - 1
                value = self._value()
                at = self.at
            self.convert = outer
            if value == NULL or not self._push(value):
                self.at = at
                self._drop(base)
                return NULL
            if at < count:
                c = text[marks[at]]
                at += 1
                if c == c",":
                    continue
                if c == c"}":
                    break
            self.at = at
            self._drop(base)
            return self._fail(SYNTAX)
        self.at = at
        self.depth -= 1
        return self._make_dict(base)

    cdef PyObject* _make_dict(self, Py_ssize_t base) noexcept:
        """The dict of the keys and values on the stack from `base` on, which leave it.

        Messages repeat: a dict with the keys of one before, in the same order, begins as a copy of that one, and only
        the values that differ are set. That is a third to a half of the cost of a dict made key by key.
        """
        cdef:
            PyObject** entry = self.stack + base
            Py_ssize_t size = (self.stack_size - base) // 2
            Py_ssize_t i
            PyObject* made = NULL
            PyObject* first = entry[0]
            PyObject* last = entry[2 * size - 2]
            DictModel* model = &self.models[(<size_t>first >> 4 ^ <size_t>last >> 5 ^ <size_t>size) % MODELS]
            bint failed = False
        if model.size == size and model.entries != NULL:
            for i in range(size):
                if entry[2 * i] != model.entries[2 * i]:
                    break
            else:
                made = PyDict_Copy(model.copied)
        if made != NULL:
            for i in range(size):
                if entry[2 * i + 1] != model.entries[2 * i + 1]:
                    failed |= PyDict_SetItem(made, entry[2 * i], entry[2 * i + 1]) < 0
        else:
            made = fastws_new_dict(size)
            failed = made == NULL
            if not failed:
                for i in range(size):
                    failed |= PyDict_SetItem(made, entry[2 * i], entry[2 * i + 1]) < 0
            if not failed and 2 <= size <= LARGEST_MODEL:
                if model.size == size and model.first == first and model.last == last:
                    self._keep_model(model, made, entry, size)
                else:
                    self._forget_model(model)
                    model.size = size
                    model.first = first
                    model.last = last
        self._drop(base)
        if failed:
            Py_XDECREF(made)
            PyErr_Clear()
            return self._fail(MEMORY)
        return made

    cdef void _keep_model(self, DictModel* model, PyObject* made, PyObject** entry, Py_ssize_t size) noexcept:
        """Keep a model of a dict whose keys came twice in a row; without what may be large: containers, long texts."""
        cdef Py_ssize_t i
        cdef PyObject* value
        self._forget_model(model)
        if PyDict_Size(made) != size:
            return
        for i in range(size):
            if PyUnicode_GET_LENGTH(entry[2 * i]) > CACHED_KEY:
                return
        model.copied = PyDict_Copy(made)
        model.entries = <PyObject**>PyMem_Malloc(2 * size * sizeof(PyObject*))
        model.size = size
        if model.copied == NULL or model.entries == NULL:
            PyMem_Free(model.entries)
            model.entries = NULL
            PyErr_Clear()
            return
        for i in range(size):
            value = entry[2 * i + 1]
            if isinstance(<object>value, (dict, list)) or (
                isinstance(<object>value, str) and PyUnicode_GET_LENGTH(value) > CACHED_VALUE
            ):
                value = <PyObject*>None
                if PyDict_SetItem(model.copied, entry[2 * i], value) < 0:
                    PyErr_Clear()
            model.entries[2 * i] = _new(entry[2 * i])
            model.entries[2 * i + 1] = _new(value)

    cdef void _forget_model(self, DictModel* model) noexcept:
        cdef Py_ssize_t i
        Py_XDECREF(model.copied)
        model.copied = NULL
        if model.entries != NULL:
            for i in range(2 * model.size):
                Py_DECREF(model.entries[i])
            PyMem_Free(model.entries)
            model.entries = NULL
        model.size = 0

    cdef PyObject* _array(self) noexcept:
        """Behind `[`."""
        cdef:
            const uint8_t* text = self.text
            const uint32_t* marks = self.marks
            uint32_t count = self.count
            uint32_t at = self.at
            uint32_t start
            Py_ssize_t base = self.stack_size
            Py_ssize_t size, i
            uint8_t c
            PyObject* value
        if at >= count:
            return self._fail(SYNTAX)
        if self.depth >= MAX_DEPTH:
            return self._fail(TOO_DEEP)
        if text[marks[at]] == c"]":
            self.at = at + 1
            value = PyList_New(0)
            return value if value != NULL else self._fail(MEMORY)
        self.depth += 1
        while True:
            start = marks[at]
            if at < count and text[start] == c'"' and not self.convert:
                at += 1
                value = self._string(text + start + 1, _string_size(text, start, marks[at]))
            else:
                self.at = at
                value = self._value()
                at = self.at
            if value == NULL or not self._push(value):
                self.at = at
                self._drop(base)
                return NULL
            if at < count:
                c = text[marks[at]]
                at += 1
                if c == c",":
                    continue
                if c == c"]":
                    break
            self.at = at
            self._drop(base)
            return self._fail(SYNTAX)
        self.at = at
        self.depth -= 1
        size = self.stack_size - base
        value = PyList_New(size)
        if value == NULL:
            self._drop(base)
            return self._fail(MEMORY)
        for i in range(size):
            PyList_SET_ITEM(value, i, self.stack[base + i])
        self.stack_size = base
        return value

    cdef PyObject* _string(self, const uint8_t* text, Py_ssize_t size) noexcept:
        """The str of what stands between two quotes."""
        cdef:
            uint64_t first, last
            Cached* cached
            PyObject* made
        if size > CACHED_VALUE or text[0] <= c"9":
            return self._long_string(text, size)
        first = _first_word(text, size)
        last = _last_word(text, size)
        cached = &self.values[_place(first, last, size)]
        if cached.first == first and cached.last == last and cached.size == size and cached.text != NULL:
            return _new(cached.text)
        made = self._long_string(text, size)
        if made != NULL and _is_plain(text, size):
            Py_XDECREF(cached.text)
            cached.text = _new(made)
            cached.first = first
            cached.last = last
            cached.size = <uint32_t>size
        return made

    cdef PyObject* _long_string(self, const uint8_t* text, Py_ssize_t size) noexcept:
        """A str that is not worth keeping."""
        cdef PyObject* made
        if not _is_plain(text, size):
            return self._escaped(text, size)
        made = PyUnicode_New(size, 127)
        if made == NULL:
            return self._fail(MEMORY)
        memcpy(PyUnicode_DATA(made), text, size)
        return made

    cdef Cached* _key(self, const uint8_t* text, Py_ssize_t size) noexcept:
        """The key that stands between two quotes, made once."""
        cdef:
            uint64_t first, last
            Cached* cached
            PyObject* made
        first = _first_word(text, size)
        last = _last_word(text, size)
        cached = &self.keys[_place(first, last, size)]
        if (
            cached.first == first and cached.last == last and cached.size == size and cached.text != NULL
            and (size <= 16 or memcmp(PyUnicode_DATA(cached.text), text, size) == 0)
        ):
            return cached
        made = self._long_string(text, size)
        if made == NULL:
            return NULL
        if size > CACHED_KEY or not _is_plain(text, size):
            # made anew each time: it may be large, or its bytes are not its text
            cached = &self.keys[CACHE_SIZE]
        else:
            made = self._known(made)
        Py_XDECREF(cached.text)
        cached.text = made
        cached.first = first
        cached.last = last
        cached.size = <uint32_t>size
        cached.flags = 0
        if self.numbers != NUMBERS_STR:
            cached.flags = _flags(<object>made)
        return cached

    cdef PyObject* _number(self, uint32_t start) noexcept:
        cdef:
            const uint8_t* text = self.text + start
            const uint8_t* last = self.text + self.size
            const uint8_t* p = text
            const uint8_t* digits
            uint64_t mantissa = 0
            Py_ssize_t count, fraction = 0
            int64_t exponent = 0
            bint negative = text[0] == c"-"
            bint real = False
            bint down
            double number
        p += negative
        digits = p
        while p < last and c"0" <= p[0] <= c"9":
            mantissa = mantissa * 10 + (p[0] - c"0")
            p += 1
        count = p - digits
        if count == 0 or (digits[0] == c"0" and count > 1):
            return self._fail(NUMBER)
        if p < last and p[0] == c".":
            real = True
            p += 1
            digits = p
            while p < last and c"0" <= p[0] <= c"9":
                mantissa = mantissa * 10 + (p[0] - c"0")
                p += 1
            fraction = p - digits
            if fraction == 0:
                return self._fail(NUMBER)
        if p < last and (p[0] == c"e" or p[0] == c"E"):
            real = True
            p += 1
            down = p < last and p[0] == c"-"
            if p < last and (p[0] == c"-" or p[0] == c"+"):
                p += 1
            digits = p
            while p < last and c"0" <= p[0] <= c"9":
                if exponent < 100000:
                    exponent = exponent * 10 + (p[0] - c"0")
                p += 1
            if p == digits:
                return self._fail(NUMBER)
            if down:
                exponent = -exponent
        if not self._ends(<uint32_t>(p - self.text)):
            return self._fail(NUMBER)
        if not real:
            if count <= 18:
                return PyLong_FromLongLong(-<int64_t>mantissa if negative else <int64_t>mantissa)
            return self._slow_number(text, p - text, False)
        exponent -= fraction
        # Clinger's fast path: both are exact as doubles, so one operation rounds correctly.
        if count + fraction <= 19 and mantissa <= <uint64_t>1 << 53 and -22 <= exponent <= 22:
            number = <double>mantissa
            number = number / POWERS[-exponent] if exponent < 0 else number * POWERS[exponent]
            return PyFloat_FromDouble(-number if negative else number)
        return self._slow_number(text, p - text, True)

    # ------------------------------------------------------------------------------------------- cold

    cdef PyObject* _known(self, PyObject* key) noexcept:
        """The key as it was made before, for models know keys by their addresses; takes and gives a reference.

        Not by interning: on CPython 3.12 whatever a peer names would stay for ever.
        """
        cdef PyObject* known
        if PyDict_Size(<PyObject*>self.names) >= KNOWN_KEYS:
            self.names.clear()
        known = PyDict_SetDefault(<PyObject*>self.names, key, key)
        if known == NULL:
            PyErr_Clear()
            return key
        Py_INCREF(known)
        Py_DECREF(key)
        return known

    cdef PyObject* _slow_number(self, const uint8_t* text, Py_ssize_t size, bint real) noexcept:
        """A number whose grammar was checked, by Python's own functions, which want a NUL behind it."""
        cdef char* copy = <char*>PyMem_Malloc(size + 1)
        cdef PyObject* made = NULL
        cdef double number
        if copy == NULL:
            return self._fail(MEMORY)
        memcpy(copy, text, size)
        copy[size] = 0
        if real:
            number = PyOS_string_to_double(copy, NULL, NULL)
            if not isinf(number) and PyErr_Occurred() == NULL:
                made = PyFloat_FromDouble(number)
        else:
            made = PyLong_FromString(copy, NULL, 10)
        PyMem_Free(copy)
        if made == NULL:
            PyErr_Clear()
            return self._fail(TOO_LARGE)
        return made

    cdef PyObject* _decimal(self, uint32_t start) noexcept:
        """The decimal whose text opens at `start`, as a number; a text that is none, or out of range, stays a str."""
        cdef:
            const uint8_t* text = self.text + start + 1
            Py_ssize_t size = _string_size(self.text, start, self.marks[self.at])
            const uint8_t* last = text + size
            const uint8_t* p = text
            const uint8_t* digits
            uint64_t mantissa = 0
            Py_ssize_t count, fraction = 0
            bint negative = size > 0 and text[0] == c"-"
            double number
            PyObject* made
            PyObject* converted
        p += negative
        digits = p
        while p < last and c"0" <= p[0] <= c"9":
            mantissa = mantissa * 10 + (p[0] - c"0")
            p += 1
        count = p - digits
        if count and p < last and p[0] == c".":
            p += 1
            digits = p
            while p < last and c"0" <= p[0] <= c"9":
                mantissa = mantissa * 10 + (p[0] - c"0")
                p += 1
            fraction = p - digits
            if fraction == 0:
                count = 0
        if count == 0 or p != last:
            return self._odd_decimal(text, size, count and _is_exponent(p, last))
        if self.numbers == NUMBERS_FLOAT:
            if count + fraction <= 19 and mantissa <= <uint64_t>1 << 53 and fraction <= 22:
                number = <double>mantissa / POWERS[fraction]
                return PyFloat_FromDouble(-number if negative else number)
            return self._odd_decimal(text, size, True)
        made = self._long_string(text, size)
        if made == NULL:
            return NULL
        converted = PyObject_CallOneArg(<PyObject*>_Decimal, made)
        Py_DECREF(made)
        if converted == NULL:
            PyErr_Clear()
            return self._fail(NUMBER)
        return converted

    cdef PyObject* _odd_decimal(self, const uint8_t* text, Py_ssize_t size, bint is_decimal) noexcept:
        """A decimal with an exponent or many digits, or a text that is none, which stays what it is."""
        cdef PyObject* made = self._string(text, size)
        cdef object number
        if made == NULL or not is_decimal:
            return made
        try:
            number = self._number_of(<object>made)
        except MemoryError:
            Py_DECREF(made)
            return self._fail(MEMORY)
        Py_DECREF(made)
        return _new(<PyObject*>number)

    cdef object _number_of(self, str text):
        """The number of a decimal's text; the text itself where no such number reaches as far."""
        if self.numbers == NUMBERS_FLOAT:
            number = float(text)
            return text if isinf(number) else number
        try:
            number = _Decimal(text)
        except ArithmeticError:
            return text
        return number if number.is_finite() else text   # NaN, where the decimal context does not raise

    cdef PyObject* _escaped(self, const uint8_t* text, Py_ssize_t size) noexcept:
        """A str with escapes, or with more than ASCII."""
        cdef:
            const uint8_t* last = text + size
            uint8_t* copy
            uint8_t* to
            uint8_t c
            int32_t point, low
            PyObject* made
        if memchr(text, c"\\", size) == NULL:
            made = PyUnicode_DecodeUTF8(<const char*>text, size, NULL)
            return made if made != NULL else self._fail_utf8()
        copy = to = <uint8_t*>PyMem_Malloc(size + 4)
        if copy == NULL:
            return self._fail(MEMORY)
        while text < last:
            c = text[0]
            text += 1
            if c != c"\\":
                to[0] = c
                to += 1
                continue
            c = text[0] if text < last else 0
            text += 1
            if c == c'"' or c == c"\\" or c == c"/":
                to[0] = c
            elif c == c"b":
                to[0] = 8
            elif c == c"f":
                to[0] = 12
            elif c == c"n":
                to[0] = 10
            elif c == c"r":
                to[0] = 13
            elif c == c"t":
                to[0] = 9
            elif c == c"u":
                point = _hex4(text, last)
                text += 4
                if 0xD800 <= point < 0xDC00 and last - text >= 6 and text[0] == c"\\" and text[1] == c"u":
                    low = _hex4(text + 2, last)
                    if 0xDC00 <= low < 0xE000:
                        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
                        text += 6
                if point < 0 or 0xD800 <= point < 0xE000:
                    PyMem_Free(copy)
                    return self._fail(SYNTAX if point < 0 else SURROGATE)
                to += _utf8(point, to) - 1
            else:
                PyMem_Free(copy)
                return self._fail(SYNTAX)
            to += 1
        made = PyUnicode_DecodeUTF8(<const char*>copy, to - copy, NULL)
        PyMem_Free(copy)
        return made if made != NULL else self._fail_utf8()

    cdef PyObject* _fail_utf8(self) noexcept:
        PyErr_Clear()
        return self._fail(UTF8_ERROR)

    cdef const char* copy(self, bytes data) except NULL:
        """The bytes, with padding behind them; good until the next copy."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef char* room
        if size + PADDING > self.copy_room:
            room = <char*>PyMem_Realloc(self.copied, 2 * size + PADDING)
            if room == NULL:
                raise MemoryError
            self.copied = room
            self.copy_room = 2 * size + PADDING
        memcpy(self.copied, PyBytes_AS_STRING(data), size)
        memset(self.copied + size, 0, PADDING)
        return self.copied

    cdef PyObject* _fail(self, int code) noexcept:
        if self.code == 0:
            self.code = code
        return NULL

    cdef bint _push(self, PyObject* value) noexcept:
        """Put a value on the stack, which owns it then; lets it go when there is no memory."""
        cdef PyObject** stack
        if self.stack_size == self.stack_room:
            stack = <PyObject**>PyMem_Realloc(self.stack, 2 * self.stack_room * sizeof(PyObject*))
            if stack == NULL:
                Py_DECREF(value)
                self._fail(MEMORY)
                return False
            self.stack = stack
            self.stack_room *= 2
        self.stack[self.stack_size] = value
        self.stack_size += 1
        return True

    cdef void _drop(self, Py_ssize_t base) noexcept:
        """Let go what stands on the stack from `base` on."""
        while self.stack_size > base:
            self.stack_size -= 1
            Py_XDECREF(self.stack[self.stack_size])

    cdef object _whole(self, int shape):
        """The one value of an indexed document."""
        cdef PyObject* made = self._value()
        if made != NULL and self.at != self.count:
            Py_DECREF(made)
            made = self._fail(TRAILING)
        if made == NULL:
            raise self.error(self.code)
        result = <object>made
        Py_DECREF(made)
        return self._klines(result) if shape == SHAPE_KLINES and self.numbers != NUMBERS_STR else result

    cdef object _klines(self, object rows):
        """Klines have their decimals by position."""
        if isinstance(rows, list):
            for row in rows:
                if isinstance(row, list):
                    for column in KLINE_COLUMNS:
                        if column < len(row):
                            row[column] = self._convert(row[column])
        return rows

    cdef object _event(self, object event):
        """Events have their decimals by their type and key."""
        kind = event.get("e") if isinstance(event, dict) else None
        if isinstance(kind, str):
            self._fields(event, EVENT_FIELDS.get(kind, ()))
            for key, fields in EVENT_ENTRY_FIELDS.get(kind, {}).items():
                entries = event.get(key)
                if isinstance(entries, list):
                    for entry in entries:
                        self._fields(entry, fields)
        return event

    cdef int _fields(self, object entry, object fields) except -1:
        if isinstance(entry, dict):
            for field in fields:
                if field in entry:
                    entry[field] = self._convert(entry[field])
        return 0

    cdef object _convert(self, object value):
        """A text that is a decimal, as a number; anything else as it is."""
        return self._number_of(value) if isinstance(value, str) and _is_decimal(value) else value

    cdef object error(self, int code):
        """The JsonError of a code, with the position at which json.loads fails too, or our own."""
        cdef bytes data
        if code == MEMORY:
            return MemoryError()
        data = PyBytes_FromStringAndSize(<const char*>self.text, self.size)
        self.stack_size = 0
        try:
            text = data.decode()
        except UnicodeDecodeError as exc:
            return JsonError("not UTF-8", exc.start)
        try:
            json.loads(text)
        except json.JSONDecodeError as exc:
            return JsonError(exc.msg, len(text[: exc.pos].encode()))
        except (ValueError, RecursionError):
            pass
        position = self.marks[min(max(self.at, 1) - 1, self.count - 1)] if self.count else 0
        return JsonError(_REASONS.get(code, "not a message"), position)


_REASONS = {
    TOO_DEEP: f"nested more than {MAX_DEPTH} deep",
    SURROGATE: "a lone surrogate",
    NUMBER: "not a number of JSON",
    TOO_LARGE: "a number out of range",
    SYNTAX: "not JSON",
    NOT_OBJECT: "not an object",
    REPEATED: "a second result, error or event",
    STATUS: "a status that is no number of three digits",
}


cdef int32_t _hex4(const uint8_t* text, const uint8_t* last) noexcept:
    """The four hexadecimal digits of a \\u escape; -1 if they are none."""
    cdef int32_t point = 0
    cdef uint8_t c
    cdef int i
    if last - text < 4:
        return -1
    for i in range(4):
        c = text[i]
        if c"0" <= c <= c"9":
            point = point << 4 | (c - c"0")
        elif c"a" <= c | 0x20 <= c"f":
            point = point << 4 | ((c | 0x20) - c"a" + 10)
        else:
            return -1
    return point


cdef int _utf8(int32_t point, uint8_t* to) noexcept:
    """Write a code point; return how many bytes."""
    if point < 0x80:
        to[0] = <uint8_t>point
        return 1
    if point < 0x800:
        to[0] = <uint8_t>(0xC0 | point >> 6)
        to[1] = <uint8_t>(0x80 | point & 0x3F)
        return 2
    if point < 0x10000:
        to[0] = <uint8_t>(0xE0 | point >> 12)
        to[1] = <uint8_t>(0x80 | point >> 6 & 0x3F)
        to[2] = <uint8_t>(0x80 | point & 0x3F)
        return 3
    to[0] = <uint8_t>(0xF0 | point >> 18)
    to[1] = <uint8_t>(0x80 | point >> 12 & 0x3F)
    to[2] = <uint8_t>(0x80 | point >> 6 & 0x3F)
    to[3] = <uint8_t>(0x80 | point & 0x3F)
    return 4


cdef bint _is_exponent(const uint8_t* text, const uint8_t* last) noexcept:
    if text == last or text[0] | 0x20 != c"e":
        return False
    text += 1
    if text < last and (text[0] == c"-" or text[0] == c"+"):
        text += 1
    if text == last:
        return False
    while text < last and c"0" <= text[0] <= c"9":
        text += 1
    return text == last


cdef uint8_t _flags(object key):
    return DECIMAL_FIELD if key in RESULT_FIELDS else PAIR_FIELD if key in PAIR_FIELDS else 0


# The decoder of loads() while it is not at work: a finaliser that runs meanwhile may decode too.
cdef Decoder _idle = None


cdef Decoder _take(str numbers):
    global _idle
    cdef Decoder decoder = _idle
    if decoder is not None and (numbers is decoder.mode or numbers == decoder.mode):
        _idle = None
        return decoder
    return Decoder(numbers)


def loads(data, *, numbers not None="str"):
    """Read a JSON document.

    Args:
        data: bytes, bytearray, memoryview, or str.
        numbers: decimals of Binance's fields as their exact texts ("str"), as "float" or "decimal".

    Raises:
        JsonError: it is no valid document; `position` says where.
    """
    global _idle
    cdef Decoder decoder
    cdef int code
    if isinstance(data, str):
        try:
            data = str.encode(data)
        except UnicodeEncodeError as exc:
            raise JsonError("a lone surrogate", len(data[: exc.start].encode())) from None
    elif type(data) is not bytes:
        data = bytes(memoryview(data))
    decoder = _take(numbers if type(numbers) is str else plain_text(numbers))
    code = decoder.index(decoder.copy(data), PyBytes_GET_SIZE(data))
    if code:
        raise decoder.error(code)
    result = decoder._whole(SHAPE_FIELDS)
    if decoder.copy_room <= KEPT_BUFFER:
        _idle = decoder
    return result


def envelope(bytes data not None):
    """What a session reads of a message before it decodes the payload: (id, status); the id is None unless an int.

    Raises JsonError like loads(), for what stands in front of the payload.
    """
    global _idle
    cdef Decoder decoder = _take("str")
    cdef Envelope env
    cdef int code = decoder.begin(decoder.copy(data), PyBytes_GET_SIZE(data), &env)
    if code:
        raise decoder.error(code)
    _idle = decoder
    return env.id if env.id_kind == ID_INT else None, env.status


def read_message(bytes data not None, *, str numbers not None="str", int shape=0, int behind=0):
    """A message as a session reads it, for tests: a dict of what the envelope holds, and the decoded payload.

    `behind` is the byte that fills the padding.
    """
    cdef Decoder decoder = Decoder(numbers)
    cdef Envelope env
    cdef RateLimit limits[MAX_LIMITS]
    cdef const char* text = decoder.copy(data)
    cdef int i, count, code
    memset(decoder.copied + len(data), behind, PADDING)
    code = decoder.begin(text, len(data), &env)
    if code:
        raise decoder.error(code)
    payload = decoder.value(&env, shape) if env.payload != PAYLOAD_NONE else None
    decoder.end(&env)
    count = decoder.limits(&env, limits, MAX_LIMITS)
    return {
        "id": env.id if env.id_kind == ID_INT else None,
        "id_kind": ("absent", "int", "null", "other")[env.id_kind],
        "status": env.status,
        "payload": (None, "result", "error", "event")[env.payload],
        "value": payload,
        "subscription": env.subscription,
        "limits": [
            (chr(limits[i].kind), chr(limits[i].interval), limits[i].interval_num, limits[i].limit, limits[i].count)
            for i in range(count)
        ],
    }


def kernels():
    """simdjson's kernels that this processor can run."""
    cdef const char* names[8]
    cdef int i
    return [names[i].decode() for i in range(fastws_stage1_kernels(names, 8))]


def kernel():
    """The kernel in use."""
    return fastws_stage1_kernel().decode()


def select_kernel(str name not None):
    """Use another kernel, for tests; ValueError for one that this processor cannot run."""
    if fastws_stage1_select(name.encode()) < 0:
        raise ValueError(f"no kernel {shown(name)}; there are {', '.join(kernels())}")
