# Fields of a block -> Python objects: NULL, with reader.failure set, if one cannot be read; see sbe.pyx.

cdef:
    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    object _Decimal = Decimal


# -------------------------------------------------------------------------------------------------- hot

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
    """The same object, with one reference more."""
    Py_INCREF(value)
    return value


cdef inline uint64_t _word(const uint8_t* text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return word


cdef inline uint32_t _place(uint64_t first, uint64_t last, Py_ssize_t size) noexcept nogil:
    """The place of a text in the cache."""
    cdef uint64_t mixed = (first ^ ((last << 23) | (last >> 41)) ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15
    return <uint32_t>(mixed >> 54)


cdef inline int64_t _milliseconds(int64_t microseconds) noexcept nogil:
    """Rounded down, as Python's // does."""
    cdef int64_t rest = microseconds % 1000
    return microseconds // 1000 - (rest < 0)


cdef inline bint _holds(const Op* op, const Frame* frame) noexcept nogil:
    """Whether the field that this one depends on is set: not 0 if it has one byte (a bool), else not null."""
    if op.condition + op.condition_size > frame.length:
        return False
    if op.condition_size == 1:
        return frame.block[op.condition] == 1
    return read_i64(frame.block + op.condition) != INT64_MIN


cdef PyObject* _fixed(Reader reader, Op* op, Frame* frame, bint whole) noexcept:
    """A field of the block. NULL if it is not shown, or with reader.failure set."""
    cdef const uint8_t* data = frame.block + op.offset
    cdef int64_t number
    if op.plain and whole:
        # nearly all fields: present, and never hidden
        if op.kind == DECIMAL64:
            return _decimal(reader, op, frame, read_i64(data))
        if op.kind == TIME:
            number = read_i64(data)
            return PyLong_FromLongLong(number if reader.divisor == 1 else _milliseconds(number))
        if op.kind == ENUM and op.table != NULL and op.table[data[0]] != NULL:
            return _new(op.table[data[0]])
    if op.kind == CONST:
        return _new(op.value)
    if op.kind == OBJECT:
        return NULL
    if not whole and op.end > frame.length:
        return _absent(reader, op, frame)
    if op.condition_size and not _holds(op, frame):
        return NULL
    if op.optional and _is_null(op, data):
        return _absent(reader, op, frame)
    if op.unless_zero and _is_zero(op, data):
        return NULL
    if op.kind == DECIMAL64:
        return _decimal(reader, op, frame, read_i64(data))
    if op.kind == TIME:
        number = read_i64(data)
        return PyLong_FromLongLong(number if reader.divisor == 1 else _milliseconds(number))
    if op.kind == ENUM:
        if op.table != NULL and op.table[data[0]] != NULL:
            return _new(op.table[data[0]])
        return _enum(reader, op, data)
    if op.kind == INT:
        if op.primitive & 1:    # the odd ones are unsigned
            return PyLong_FromUnsignedLongLong(read_unsigned(data, op.primitive))
        return PyLong_FromLongLong(read_signed(data, op.primitive))
    if op.kind == DECIMAL128 or op.kind == INT128:
        return _wide_decimal(reader, op, frame, data)
    if op.kind == SET:
        return _set(reader, op, data)
    if op.kind == FLOAT:
        return _float_text(reader, op, _float(op.primitive, data))
    if op.kind == NATIVE_FLOAT:
        return PyFloat_FromDouble(_float(op.primitive, data))
    return _array(reader, op, data)


cdef PyObject* _decimal(Reader reader, Op* op, Frame* frame, int64_t mantissa) noexcept:
    cdef char room[LONGEST_DECIMAL]
    cdef char* start
    cdef PyObject* made
    cdef int exponent = 0
    if not _exponent(reader, op, frame, &exponent):
        return NULL
    if exponent == -8 and reader.numbers == NUMBERS_STR and 0 < mantissa < COMMON:
        return _common_decimal(reader, <uint64_t>mantissa)
    if mantissa == 0 and reader.zeros[exponent & 0xFF] != NULL:
        return _new(reader.zeros[exponent & 0xFF])
    if (
        reader.numbers == NUMBERS_FLOAT and -22 <= exponent <= 0
        and -(<int64_t>1 << 53) <= mantissa <= <int64_t>1 << 53
    ):
        # both are exact as doubles, so one division rounds correctly
        made = PyFloat_FromDouble(<double>mantissa / POWERS[-exponent])
    else:
        start = write_decimal(room + LONGEST_DECIMAL, mantissa, exponent)
        made = _number_text(reader, start, room + LONGEST_DECIMAL - start)
    if mantissa == 0 and made != NULL:
        reader.zeros[exponent & 0xFF] = _new(made)
    return made


cdef inline PyObject* _common_decimal(Reader reader, uint64_t mantissa) noexcept:
    """A positive decimal with eight digits behind the point and up to eight before it, written into its str."""
    cdef uint32_t whole = <uint32_t>(mantissa // 100000000)
    cdef uint64_t digits = whole
    cdef int size = 1
    cdef PyObject* made
    cdef char* to
    if whole >= 10:
        digits = eight_digits(whole)
        size = 8 - (fastws_lowest_bit(digits) >> 3)
        digits >>= 64 - 8 * size
    made = fastws_new_ascii(size + 9)
    if made == NULL:
        return _fail(reader, None)
    to = <char*>PyUnicode_DATA(made)
    put_word(to, digits)
    to += size
    to[0] = c"."
    put_word(to + 1, eight_digits(<uint32_t>(mantissa - <uint64_t>whole * 100000000)))
    return made


cdef bint _exponent(Reader reader, Op* op, Frame* frame, int* exponent) noexcept:
    cdef int level = op.level
    while level:
        frame = frame.outer
        level -= 1
    if op.exponent >= frame.length:
        _fail(reader, "its exponent is not in the message", op.name)
        return False
    exponent[0] = <int8_t>frame.block[op.exponent]
    return True


cdef PyObject* _number_text(Reader reader, const char* text, Py_ssize_t size) noexcept:
    """A decimal whose text is ready, converted as `numbers` says."""
    cdef char copy[LONGEST_DECIMAL + 1]
    cdef PyObject* made
    cdef PyObject* converted
    if reader.numbers == NUMBERS_FLOAT:
        memcpy(copy, text, size)
        copy[size] = 0
        return _made(reader, PyFloat_FromDouble(PyOS_string_to_double(copy, NULL, NULL)))
    made = fastws_new_ascii(size)
    if made == NULL:
        return _fail(reader, None)
    memcpy(PyUnicode_DATA(made), text, size)
    if reader.numbers == NUMBERS_STR:
        return made
    converted = PyObject_CallOneArg(<PyObject*>_Decimal, made)
    Py_DECREF(made)
    return _made(reader, converted)


cdef PyObject* _text(Reader reader, const uint8_t* text, Py_ssize_t size) noexcept:
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
            return _fail(reader, "not UTF-8")
        return made
    if size <= CACHED and size and text[0] > c"9":
        kept = &reader.texts[_place(first, last, size)]
        if kept.first == first and kept.last == last and kept.size == size and kept.text != NULL:
            return _new(kept.text)
        made = fastws_new_ascii(size)
        if made == NULL:
            return _fail(reader, None)
        memcpy(PyUnicode_DATA(made), text, size)
        Py_XDECREF(kept.text)
        kept.text = _new(made)
        kept.first = first
        kept.last = last
        kept.size = <uint32_t>size
        return made
    made = fastws_new_ascii(size)
    if made == NULL:
        return _fail(reader, None)
    memcpy(PyUnicode_DATA(made), text, size)
    return made


# ------------------------------------------------------------------------------------------------- cold

cdef PyObject* _absent(Reader reader, Op* op, Frame* frame) noexcept:
    """The value that is shown for null."""
    if op.zero:
        if op.kind == FLOAT:
            return _float_text(reader, op, 0.0)
        return _decimal(reader, op, frame, 0)
    return NULL if op.absent == NULL else _new(op.absent)


cdef PyObject* _wide_decimal(Reader reader, Op* op, Frame* frame, const uint8_t* data) noexcept:
    cdef char room[LONGEST_DECIMAL]
    cdef char* start
    cdef uint64_t low = <uint64_t>read_i64(data)
    cdef uint64_t high = <uint64_t>read_i64(data + 8)
    cdef int exponent = 0
    cdef bint negative
    if <int64_t>high == (-1 if <int64_t>low < 0 else 0):
        if op.kind == INT128:
            return PyLong_FromLongLong(<int64_t>low)
        return _decimal(reader, op, frame, <int64_t>low)
    if op.kind == INT128:
        return _made(reader, _int128(data))
    if not _exponent(reader, op, frame, &exponent):
        return NULL
    negative = <int64_t>high < 0
    if negative:
        low = 0 - low
        high = ~high + (low == 0)
    start = write_wide(room + LONGEST_DECIMAL, high, low, exponent)
    if negative:
        start -= 1
        start[0] = c"-"
    return _number_text(reader, start, room + LONGEST_DECIMAL - start)


cdef PyObject* _float_text(Reader reader, Op* op, double number) noexcept:
    """A float as the JSON API writes it, with three decimals."""
    cdef char* text
    cdef PyObject* made
    if not -1e100 < number < 1e100:
        return _odd_float(reader, number)
    text = PyOS_double_to_string(number, c"f", 3, 0, NULL)      # independent of the locale
    if text == NULL:
        return _fail(reader, None)
    made = _number_text(reader, text, strlen(text))
    PyMem_Free(text)
    return made


cdef PyObject* _odd_float(Reader reader, double number) noexcept:
    """A float of very many digits; NaN and the infinities are a text, whatever `numbers` says."""
    cdef object made
    try:
        if isnan(number) or isinf(number):
            made = "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
        else:
            made = f"{number:.3f}"
            if reader.numbers != NUMBERS_STR:
                made = number if reader.numbers == NUMBERS_FLOAT else _Decimal(made)
    except Exception:
        return _fail(reader, None)
    return _new(<PyObject*>made)


cdef PyObject* _enum(Reader reader, Op* op, const uint8_t* data) noexcept:
    """An enum's value that is not in the table of 256; the raw integer if it is unknown."""
    cdef PyObject* raw
    cdef PyObject* value
    if op.primitive & 1:
        raw = PyLong_FromUnsignedLongLong(read_unsigned(data, op.primitive))
    elif op.primitive == CHAR:
        raw = PyLong_FromLongLong(data[0])
    else:
        raw = PyLong_FromLongLong(read_signed(data, op.primitive))
    if raw == NULL:
        return _fail(reader, None)
    value = PyDict_GetItem(op.value, raw)
    if value == NULL:
        return raw
    Py_DECREF(raw)
    return _new(value)


cdef PyObject* _set(Reader reader, Op* op, const uint8_t* data) noexcept:
    """The names of the set bits, in their order; the number for an unknown bit."""
    try:
        bits = read_unsigned(data, op.primitive)
        values = <dict><object>op.value
        found = [values.get(bit, bit) for bit in range(8 * size_of(op.primitive)) if bits >> bit & 1]
    except Exception:
        return _fail(reader, None)
    return _new(<PyObject*>found)


cdef PyObject* _array(Reader reader, Op* op, const uint8_t* data) noexcept:
    """Characters, or several integers in a row."""
    cdef int step
    try:
        if op.kind == CHARS:
            found = data[:op.end - op.offset].split(b"\0", 1)[0].decode("utf-8")
        else:
            step = size_of(op.primitive)
            found = [_element(op.primitive, data + i) for i in range(0, op.end - op.offset, step)]
    except UnicodeDecodeError:
        return _fail(reader, "not UTF-8", op.name)
    except Exception:
        return _fail(reader, None)
    return _new(<PyObject*>found)


cdef PyObject* _made(Reader reader, PyObject* made) noexcept:
    """An object that Python code returned; NULL with reader.failure set if it raised."""
    if made == NULL or PyErr_Occurred() != NULL:
        PyErr_Clear()
        Py_XDECREF(made)
        return _fail(reader, "a number out of range")
    return made


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
