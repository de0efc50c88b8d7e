# Values: objects, arrays, true, false and null; see json.pyx.


# -------------------------------------------------------------------------------------------------- hot

cdef inline PyObject* _new(PyObject* value) noexcept:
    """The same object, with one reference more."""
    Py_INCREF(value)
    return value


cdef PyObject* _value(Decoder decoder) noexcept:
    """The value at the next mark. On failure it returns NULL, and `code` is set."""
    cdef uint32_t start
    cdef uint8_t c
    if decoder.at >= decoder.count:
        return _fail(decoder, SYNTAX)
    start = decoder.marks[decoder.at]
    decoder.at += 1
    c = decoder.text[start]
    if c == c'"':
        if decoder.convert:
            return decoder.decimal(
                decoder.text + start + 1, _string_size(decoder.text, start, decoder.marks[decoder.at])
            )
        return _string(decoder, decoder.text + start + 1, _string_size(decoder.text, start, decoder.marks[decoder.at]))
    if c == c"{":
        return decoder.object_behind()
    if c == c"[":
        return decoder.array_behind()
    return decoder.scalar_at(start)


cdef PyObject* _scalar(Decoder decoder, uint32_t start) noexcept:
    cdef const uint8_t* text = decoder.text + start
    cdef uint32_t size
    cdef PyObject* made
    if c"0" <= text[0] <= c"9" or text[0] == c"-":
        return _number(decoder, start)
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
        return _fail(decoder, SYNTAX)
    if start + size > decoder.size or not _ends(decoder, start + size):
        Py_DECREF(made)
        return _fail(decoder, SYNTAX)
    return made


cdef bint _ends(Decoder decoder, uint32_t after) noexcept:
    """Whether a number, true, false or null may end in front of this byte."""
    cdef uint8_t c
    if after >= decoder.size:
        return True
    c = decoder.text[after]
    return c == c"," or c == c"}" or c == c"]" or _is_space(c)


cdef PyObject* _object(Decoder decoder) noexcept:
    """The object whose `{` was read."""
    cdef:
        const uint8_t* text = decoder.text
        const uint32_t* marks = decoder.marks
        uint32_t count = decoder.count
        uint32_t at = decoder.at
        Py_ssize_t base = decoder.stack_size
        uint32_t start
        uint8_t c
        bint outer = decoder.convert
        Cached* key
        PyObject* value
    if at >= count:
        return _fail(decoder, SYNTAX)
    if decoder.depth >= MAX_DEPTH:
        return _fail(decoder, TOO_DEEP)
    if text[marks[at]] == c"}":
        decoder.at = at + 1
        value = fastws_new_dict(0)
        return value if value != NULL else _fail(decoder, MEMORY)
    decoder.depth += 1
    while True:
        # a key, `:`, a value, then `,` or `}`
        start = marks[at]
        if at + 3 >= count or text[start] != c'"' or text[marks[at + 1]] != c":":
            decoder.at = at + 1
            _drop(decoder, base)
            return _fail(decoder, SYNTAX)
        key = _key(decoder, text + start + 1, _string_size(text, start, marks[at + 1]))
        if key == NULL or not _push(decoder, _new(key.text)):
            decoder.at = at + 1
            _drop(decoder, base)
            return NULL
        start = marks[at + 2]
        at += 3
        c = text[start]
        if decoder.numbers != NUMBERS_STR:
            decoder.convert = key.flags == DECIMAL_FIELD or (key.flags == PAIR_FIELD and c == c"[")
            if decoder.convert and (c == c"{" or (c == c"[" and key.flags == DECIMAL_FIELD)):
                decoder.convert = False
        if c == c'"' and not decoder.convert:
            value = _string(decoder, text + start + 1, _string_size(text, start, marks[at]))
        elif c <= c"9" and c != c'"':
            value = decoder.scalar_at(start)
        else:
            decoder.at = at - 1
            value = _value(decoder)
            at = decoder.at
        decoder.convert = outer
        if value == NULL or not _push(decoder, value):
            decoder.at = at
            _drop(decoder, base)
            return NULL
        if at < count:
            c = text[marks[at]]
            at += 1
            if c == c",":
                continue
            if c == c"}":
                break
        decoder.at = at
        _drop(decoder, base)
        return _fail(decoder, SYNTAX)
    decoder.at = at
    decoder.depth -= 1
    return _make_dict(decoder, base)


cdef inline DictModel* _model(Decoder decoder, PyObject* first, PyObject* last, Py_ssize_t size) noexcept:
    """The model with these keys; else the older one of the two at their place."""
    cdef size_t mixed = (<size_t>first ^ <size_t>last << 7 ^ <size_t>size << 3) * <size_t>0x9E3779B9u
    cdef DictModel* model = &decoder.models[(mixed >> 16) % (MODELS // 2) * 2]
    cdef DictModel older
    if model.size == size and model.first == first and model.last == last:
        return model
    if model[1].size == size and model[1].first == first and model[1].last == last:
        return model + 1
    older = model[1]
    model[1] = model[0]
    model[0] = older
    return model


cdef PyObject* _make_dict(Decoder decoder, Py_ssize_t base) noexcept:
    """Make a dict of the keys and values on the stack from `base` on, and remove them from the stack.

    Messages repeat. If an earlier dict had the same keys in the same order, that dict is copied, and only the values
    that differ are set: this costs a third to a half of making a dict key by key.
    """
    cdef:
        PyObject** entry = decoder.stack + base
        Py_ssize_t size = (decoder.stack_size - base) // 2
        Py_ssize_t i
        PyObject* made = NULL
        PyObject* first = entry[0]
        PyObject* last = entry[2 * size - 2]
        DictModel* model = _model(decoder, first, last, size)
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
                _keep_model(model, made, entry, size)
            else:
                _forget_model(model)
                model.size = size
                model.first = first
                model.last = last
    _drop(decoder, base)
    if failed:
        Py_XDECREF(made)
        PyErr_Clear()
        return _fail(decoder, MEMORY)
    return made


cdef PyObject* _array(Decoder decoder) noexcept:
    """The array whose `[` was read."""
    cdef:
        const uint8_t* text = decoder.text
        const uint32_t* marks = decoder.marks
        uint32_t count = decoder.count
        uint32_t at = decoder.at
        uint32_t start
        Py_ssize_t base = decoder.stack_size
        uint8_t c
        PyObject* value
    if at >= count:
        return _fail(decoder, SYNTAX)
    if decoder.depth >= MAX_DEPTH:
        return _fail(decoder, TOO_DEEP)
    if text[marks[at]] == c"]":
        decoder.at = at + 1
        value = PyList_New(0)
        return value if value != NULL else _fail(decoder, MEMORY)
    decoder.depth += 1
    while True:
        start = marks[at]
        if at < count and text[start] == c'"' and not decoder.convert:
            at += 1
            value = _string(decoder, text + start + 1, _string_size(text, start, marks[at]))
        else:
            decoder.at = at
            value = _value(decoder)
            at = decoder.at
        if value == NULL or not _push(decoder, value):
            decoder.at = at
            _drop(decoder, base)
            return NULL
        if at < count:
            c = text[marks[at]]
            at += 1
            if c == c",":
                continue
            if c == c"]":
                break
        decoder.at = at
        _drop(decoder, base)
        return _fail(decoder, SYNTAX)
    decoder.at = at
    decoder.depth -= 1
    return _make_list(decoder, base)


cdef inline PyObject* _make_list(Decoder decoder, Py_ssize_t base) noexcept:
    """Make a list of the values on the stack from `base` on, and remove them from the stack."""
    cdef Py_ssize_t size = decoder.stack_size - base
    cdef Py_ssize_t i
    cdef PyObject* made = PyList_New(size)
    if made == NULL:
        _drop(decoder, base)
        return _fail(decoder, MEMORY)
    for i in range(size):
        PyList_SET_ITEM(made, i, decoder.stack[base + i])
    decoder.stack_size = base
    return made


cdef PyObject* _klines(Decoder decoder) noexcept:
    """The value at the next mark: an array of klines. Anything else is read as it is."""
    cdef:
        const uint8_t* text = decoder.text
        const uint32_t* marks = decoder.marks
        uint32_t count = decoder.count
        Py_ssize_t base = decoder.stack_size
        uint8_t c
        PyObject* value
    if decoder.at + 1 >= count or text[marks[decoder.at]] != c"[" or text[marks[decoder.at + 1]] == c"]":
        return _value(decoder)
    decoder.at += 1
    decoder.depth += 1
    while True:
        if decoder.at + 1 < count and text[marks[decoder.at]] == c"[" and text[marks[decoder.at + 1]] != c"]":
            decoder.at += 1
            value = _kline(decoder)
        else:
            value = _value(decoder)
        if value == NULL or not _push(decoder, value):
            _drop(decoder, base)
            return NULL
        c = text[marks[decoder.at]] if decoder.at < count else 0
        decoder.at += 1
        if c == c"]":
            decoder.depth -= 1
            return _make_list(decoder, base)
        if c != c",":
            _drop(decoder, base)
            return _fail(decoder, SYNTAX)


cdef PyObject* _kline(Decoder decoder) noexcept:
    """The kline whose `[` was read, with something in it: its decimals are known by their position."""
    cdef:
        const uint8_t* text = decoder.text
        const uint32_t* marks = decoder.marks
        uint32_t count = decoder.count
        uint32_t at = decoder.at
        uint32_t start
        Py_ssize_t base = decoder.stack_size
        uint64_t columns = KLINE_DECIMALS
        uint8_t c
        PyObject* value
    decoder.depth += 1
    while True:
        start = marks[at]
        if columns & 1 and at < count and text[start] == c'"':
            at += 1
            value = _decimal(decoder, text + start + 1, _string_size(text, start, marks[at]))
        elif at < count and c"0" <= text[start] <= c"9":
            at += 1
            value = decoder.scalar_at(start)
        else:
            decoder.at = at
            value = _value(decoder)
            at = decoder.at
        columns >>= 1
        if value == NULL or not _push(decoder, value):
            decoder.at = at
            _drop(decoder, base)
            return NULL
        if at < count:
            c = text[marks[at]]
            at += 1
            if c == c",":
                continue
            if c == c"]":
                break
        decoder.at = at
        _drop(decoder, base)
        return _fail(decoder, SYNTAX)
    decoder.at = at
    decoder.depth -= 1
    return _make_list(decoder, base)


cdef bint _push(Decoder decoder, PyObject* value) noexcept:
    """Put a value on the stack, which owns it from now on; without memory the value is dropped."""
    cdef PyObject** stack
    if decoder.stack_size == decoder.stack_room:
        stack = <PyObject**>PyMem_Realloc(decoder.stack, 2 * decoder.stack_room * sizeof(PyObject*))
        if stack == NULL:
            Py_DECREF(value)
            _fail(decoder, MEMORY)
            return False
        decoder.stack = stack
        decoder.stack_room *= 2
    decoder.stack[decoder.stack_size] = value
    decoder.stack_size += 1
    return True


cdef void _drop(Decoder decoder, Py_ssize_t base) noexcept:
    """Let go what stands on the stack from `base` on."""
    while decoder.stack_size > base:
        decoder.stack_size -= 1
        Py_XDECREF(decoder.stack[decoder.stack_size])


# ------------------------------------------------------------------------------------------------- cold

cdef void _keep_model(DictModel* model, PyObject* made, PyObject** entry, Py_ssize_t size) noexcept:
    """Keep a model of a dict whose keys came twice in a row; without what may be large: containers, long texts."""
    cdef Py_ssize_t i
    cdef PyObject* value
    _forget_model(model)
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


cdef void _forget_model(DictModel* model) noexcept:
    cdef Py_ssize_t i
    Py_XDECREF(model.copied)
    model.copied = NULL
    if model.entries != NULL:
        for i in range(2 * model.size):
            Py_DECREF(model.entries[i])
        PyMem_Free(model.entries)
        model.entries = NULL
    model.size = 0


cdef object _whole_value(Decoder decoder, int shape):
    """The one value of a document after index()."""
    cdef PyObject* made = decoder.shaped_value(shape)
    if made != NULL and decoder.at != decoder.count:
        Py_DECREF(made)
        made = _fail(decoder, TRAILING)
    if made == NULL:
        raise decoder.error(decoder.code)
    result = <object>made
    Py_DECREF(made)
    return result


cdef object _event(Decoder decoder, object event):
    """Convert the decimals of an event, which are known by its type and their keys."""
    kind = event.get("e") if isinstance(event, dict) else None
    if isinstance(kind, str):
        _fields(decoder, event, EVENT_FIELDS.get(kind, ()))
        for key, fields in EVENT_ENTRY_FIELDS.get(kind, {}).items():
            entries = event.get(key)
            if isinstance(entries, list):
                for entry in entries:
                    _fields(decoder, entry, fields)
    return event


cdef int _fields(Decoder decoder, object entry, object fields) except -1:
    if isinstance(entry, dict):
        for field in fields:
            if field in entry:
                entry[field] = _convert(decoder, entry[field])
    return 0


cdef object _convert(Decoder decoder, object value):
    """The number of a text that is a decimal; anything else unchanged."""
    cdef uint8_t[LONGEST_COPIED + 8] copy
    cdef Py_ssize_t size
    cdef PyObject* made
    if type(value) is not str:
        return value
    size = PyUnicode_GET_LENGTH(<PyObject*>value)
    if size > LONGEST_COPIED or not PyUnicode_IS_COMPACT_ASCII(value):
        return _number_of(decoder, value) if _is_decimal(value) else value
    memcpy(copy, PyUnicode_DATA(<PyObject*>value), size)
    memset(copy + size, 0, 8)       # _decimal() reads eight bytes at a time
    made = _decimal(decoder, copy, size)
    if made == NULL:
        raise decoder.error(decoder.code)
    number = <object>made
    Py_DECREF(made)
    return number
