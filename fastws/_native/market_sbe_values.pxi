# The opened event -> Python objects; see market_sbe.pyx.

# ------------------------------------------------------------------------------------------------- hot


cdef inline int _put(dict target, str key, PyObject* value) except -1:
    """Set a value, which is taken over."""
    cdef int done = PyDict_SetItem(target, key, value)
    Py_DECREF(value)
    return done


cdef object _decode(SbeEvents events, Py_ssize_t i):
    cdef const uint8_t* block = events.block
    cdef dict made
    cdef PyObject* text = _text(events)
    if events.template_id == TOP:
        made = PyDict_Copy(TOP_MODEL)
        _put(made, "u", PyLong_FromLongLong(read_i64(block + 8)))
        PyDict_SetItem(made, "s", text)
        _put(made, "b", _number(events, read_i64(block + 18), events.price_exponent))
        _put(made, "B", _number(events, read_i64(block + 26), events.quantity_exponent))
        _put(made, "a", _number(events, read_i64(block + 34), events.price_exponent))
        _put(made, "A", _number(events, read_i64(block + 42), events.quantity_exponent))
    elif events.template_id == TRADES:
        made = PyDict_Copy(TRADE_MODEL)
        PyDict_SetItem(made, "s", text)
        _trade(events, made, events.rows.first + i * events.rows.stride)
    elif events.template_id == DIFF:
        made = PyDict_Copy(DIFF_MODEL)
        PyDict_SetItem(made, "s", text)
        _put(made, "U", PyLong_FromLongLong(read_i64(block + 8)))
        _put(made, "u", PyLong_FromLongLong(read_i64(block + 16)))
        made["b"] = _levels(events, &events.rows)
        made["a"] = _levels(events, &events.asks)
    else:
        made = PyDict_Copy(DEPTH_MODEL)
        _put(made, "lastUpdateId", PyLong_FromLongLong(read_i64(block + 8)))
        made["bids"] = _levels(events, &events.rows)
        made["asks"] = _levels(events, &events.asks)
        PyDict_SetItem(made, "s", text)
    PyDict_SetItem(made, "E", _time(events, &events.event_time, read_i64(block)))
    return made


cdef inline int _trade(SbeEvents events, dict made, const uint8_t* entry) except -1:
    _put(made, "t", PyLong_FromLongLong(read_i64(entry)))
    _put(made, "p", _number(events, read_i64(entry + 8), events.price_exponent))
    _put(made, "q", _number(events, read_i64(entry + 16), events.quantity_exponent))
    PyDict_SetItem(made, "T", _time(events, &events.trade_time, read_i64(events.block + 8)))
    if entry[24]:
        made["m"] = True
    return 0


cdef list _levels(SbeEvents events, const Rows* rows):
    """[price, quantity] of each row."""
    cdef list found = PyList_New(rows.count)
    cdef list level
    cdef const uint8_t* row = rows.first
    cdef Py_ssize_t i
    for i in range(rows.count):
        level = PyList_New(2)
        PyList_SET_ITEM(level, 0, _number(events, read_i64(row), events.price_exponent))
        PyList_SET_ITEM(level, 1, _number(events, read_i64(row + 8), events.quantity_exponent))
        Py_INCREF(<PyObject*>level)
        PyList_SET_ITEM(found, i, <PyObject*>level)
        row += rows.stride
    return found


cdef PyObject* _time(SbeEvents events, Moment* kept, int64_t microseconds) except NULL:
    """The int of a time: borrowed, since the events of a message share it."""
    cdef int64_t rest
    cdef PyObject* made
    if kept.microseconds != microseconds or kept.number == NULL:
        rest = 0 if events.divisor == 1 else microseconds % 1000
        made = PyLong_FromLongLong(
            microseconds if events.divisor == 1 else microseconds // 1000 - (rest < 0)    # rounded down
        )
        Py_XDECREF(kept.number)
        kept.number = made
        kept.microseconds = microseconds
    return kept.number


cdef PyObject* _text(SbeEvents events) except NULL:
    """The str of the symbol, borrowed."""
    cdef:
        const uint8_t* symbol = events.symbol
        Py_ssize_t size = events.symbol_size
        uint64_t first = 0
        uint64_t last = 0
        uint64_t place = 0
        Symbol* kept
        PyObject* made
    if size <= CACHED:
        if size:
            last = _word(symbol + size - 8)
        if size < 8:
            last = last >> (64 - 8 * size) if size else 0
        else:
            first = _word(symbol)
        place = (first ^ (last << 23 | last >> 41) ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15 >> 54
    kept = &events.symbols[place]
    if size <= CACHED and kept.first == first and kept.last == last and kept.size == size and kept.text != NULL:
        return kept.text
    made = PyUnicode_DecodeUTF8(<const char*>symbol, size, NULL)
    Py_XDECREF(kept.text)
    kept.text = made
    kept.first = first
    kept.last = last
    kept.size = <uint32_t>size
    return made


cdef PyObject* _number(SbeEvents events, int64_t mantissa, int exponent) except NULL:
    """A decimal, as `numbers` says."""
    cdef uint32_t whole
    cdef uint64_t digits
    cdef int size = 1
    cdef PyObject* made
    cdef char* to
    if exponent != -8 or events.numbers != NUMBERS_STR or not 0 < mantissa < COMMON:
        return _rare_number(events, mantissa, exponent)
    # written into its str: up to eight digits before the point, and eight behind it
    whole = <uint32_t>(<uint64_t>mantissa // 100000000)
    digits = whole
    if whole >= 10:
        digits = eight_digits(whole)
        size = 8 - (fastws_lowest_bit(digits) >> 3)
        digits >>= 64 - 8 * size
    made = fastws_new_ascii(size + 9)
    if made == NULL:
        raise MemoryError
    to = <char*>PyUnicode_DATA(made)
    put_word(to, digits)
    to += size
    to[0] = c"."
    put_word(to + 1, eight_digits(<uint32_t>(<uint64_t>mantissa - <uint64_t>whole * 100000000)))
    return made


# ------------------------------------------------------------------------------------------------- cold


cdef PyObject* _rare_number(SbeEvents events, int64_t mantissa, int exponent) except NULL:
    cdef char room[LONGEST_DECIMAL + 1]
    cdef char* start
    cdef Py_ssize_t size
    cdef PyObject* made
    if mantissa == 0 and events.zeros[exponent & 0xFF] != NULL:
        made = events.zeros[exponent & 0xFF]
        Py_INCREF(made)
        return made
    if (
        events.numbers == NUMBERS_FLOAT and -22 <= exponent <= 0
        and -(<int64_t>1 << 53) <= mantissa <= <int64_t>1 << 53
    ):
        # both are exact as doubles, so one division rounds correctly
        made = PyFloat_FromDouble(<double>mantissa / POWERS[-exponent])
    else:
        start = write_decimal(room + LONGEST_DECIMAL, mantissa, exponent)
        size = room + LONGEST_DECIMAL - start
        room[LONGEST_DECIMAL] = 0
        if events.numbers == NUMBERS_FLOAT:
            made = PyFloat_FromDouble(PyOS_string_to_double(start, NULL, NULL))
        else:
            made = fastws_new_ascii(size)
            if made == NULL:
                raise MemoryError
            memcpy(PyUnicode_DATA(made), start, size)
            if events.numbers == NUMBERS_DECIMAL:
                converted = _Decimal(<object>made)
                Py_DECREF(made)
                made = <PyObject*>converted
                Py_INCREF(made)
    if mantissa == 0:
        events.zeros[exponent & 0xFF] = made
        Py_INCREF(made)
    return made


cdef object _field(SbeEvents events, Py_ssize_t i, str key):
    """The value of one key of an event, or MISSING."""
    cdef const uint8_t* block = events.block
    cdef const uint8_t* entry
    model = _MODELS[events.template_id]
    if key not in model:
        return MISSING
    if key == "e" or key == "M":
        return model[key]
    if key == "s":
        return <object>_text(events)
    if key == "E":
        return <object>_time(events, &events.event_time, read_i64(block))
    if events.template_id == TRADES:
        made = {"m": False}
        entry = events.rows.first + i * events.rows.stride
        _trade(events, made, entry)
        return made[key]
    if events.template_id == TOP:
        return read_i64(block + 8) if key == "u" else _decode(events, i)[key]
    if key in ("b", "bids"):
        return _levels(events, &events.rows)
    if key in ("a", "asks"):
        return _levels(events, &events.asks)
    return read_i64(block + (16 if key == "u" else 8))
