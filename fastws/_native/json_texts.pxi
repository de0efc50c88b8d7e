# Strings, and the caches of keys and short strings; see json.pyx.


# -------------------------------------------------------------------------------------------------- hot

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
    """The place of a text in a cache."""
    cdef uint64_t mixed = (first ^ ((last << 23) | (last >> 41)) ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15
    return <uint32_t>(mixed >> 54)


cdef inline bint _needs_care(uint64_t word) noexcept nogil:
    """Whether a byte of the word is a backslash, or not ASCII."""
    cdef uint64_t flipped = word ^ BACKSLASHES
    return ((word | ((flipped - LOW_BITS) & ~flipped)) & HIGH_BITS) != 0


cdef inline bint _is_plain(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Whether a text is ASCII, without a backslash."""
    cdef Py_ssize_t i = 0
    while i + 8 <= size:
        if _needs_care(_word(text + i)):
            return False
        i += 8
    return i == size or not _needs_care(_first_word(text + i, size - i))


cdef inline Py_ssize_t _string_size(const uint8_t* text, uint32_t start, uint32_t next_mark) noexcept nogil:
    """How many bytes are between the quote at `start` and its closing quote, the last one before the next mark."""
    cdef uint32_t end = next_mark - 1
    while text[end] != c'"':
        end -= 1
    return end - start - 1


cdef inline PyObject* _string(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """The str of the text between two quotes."""
    if size > CACHED_VALUE or text[0] <= c"9":
        return _long_string(decoder, text, size)
    return _short_string(decoder, text, size)


cdef PyObject* _short_string(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """A short str, from the cache."""
    cdef:
        uint64_t first, last
        Cached* cached
        PyObject* made
    first = _first_word(text, size)
    last = _last_word(text, size)
    cached = &decoder.values[_place(first, last, size)]
    if cached.first == first and cached.last == last and cached.size == size and cached.text != NULL:
        return _new(cached.text)
    made = _long_string(decoder, text, size)
    if made != NULL and _is_plain(text, size):
        Py_XDECREF(cached.text)
        cached.text = _new(made)
        cached.first = first
        cached.last = last
        cached.size = <uint32_t>size
    return made


cdef PyObject* _long_string(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """A str that is not cached."""
    cdef PyObject* made
    cdef uint64_t first, last
    cdef char* to
    if 8 <= size <= 16:
        first = _word(text)
        last = _word(text + size - 8)       # overlaps the first
        if _needs_care(first) or _needs_care(last):
            return _escaped(decoder, text, size)
        made = fastws_new_ascii(size)
        if made == NULL:
            return _fail(decoder, MEMORY)
        to = <char*>PyUnicode_DATA(made)
        memcpy(to, &first, 8)
        memcpy(to + size - 8, &last, 8)
        return made
    if not _is_plain(text, size):
        return _escaped(decoder, text, size)
    made = fastws_new_ascii(size)
    if made == NULL:
        return _fail(decoder, MEMORY)
    memcpy(PyUnicode_DATA(made), text, size)
    return made


cdef Cached* _key(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """The key between two quotes, from the cache."""
    cdef:
        uint64_t first, last
        Cached* cached
        PyObject* made
    first = _first_word(text, size)
    last = _last_word(text, size)
    cached = &decoder.keys[_place(first, last, size)]
    if (
        cached.first == first and cached.last == last and cached.size == size and cached.text != NULL
        and (size <= 16 or memcmp(PyUnicode_DATA(cached.text), text, size) == 0)
    ):
        return cached
    made = _long_string(decoder, text, size)
    if made == NULL:
        return NULL
    if size > CACHED_KEY or not _is_plain(text, size):
        # not cached: it may be large, or its bytes differ from its text
        cached = &decoder.keys[CACHE_SIZE]
    else:
        made = _known(decoder, made)
    Py_XDECREF(cached.text)
    cached.text = made
    cached.first = first
    cached.last = last
    cached.size = <uint32_t>size
    cached.flags = 0
    if decoder.numbers != NUMBERS_STR:
        cached.flags = _flags(<object>made)
    return cached


# ------------------------------------------------------------------------------------------------- cold

cdef PyObject* _known(Decoder decoder, PyObject* key) noexcept:
    """The same key as made before, since a DictModel compares keys by address. Takes a reference, and returns one.

    Keys are not interned, since on CPython 3.12 interned strings are never freed, and the peer chooses the keys.
    """
    cdef PyObject* known
    if PyDict_Size(<PyObject*>decoder.names) >= KNOWN_KEYS:
        decoder.names.clear()
    known = PyDict_SetDefault(<PyObject*>decoder.names, key, key)
    if known == NULL:
        PyErr_Clear()
        return key
    Py_INCREF(known)
    Py_DECREF(key)
    return known


cdef PyObject* _escaped(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """A str with escapes, or with characters beyond ASCII."""
    cdef:
        const uint8_t* last = text + size
        uint8_t* copy
        uint8_t* to
        uint8_t c
        int32_t point, low
        PyObject* made
    if memchr(text, c"\\", size) == NULL:
        made = PyUnicode_DecodeUTF8(<const char*>text, size, NULL)
        return made if made != NULL else _fail_utf8(decoder)
    copy = to = <uint8_t*>PyMem_Malloc(size + 4)
    if copy == NULL:
        return _fail(decoder, MEMORY)
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
                return _fail(decoder, SYNTAX if point < 0 else SURROGATE)
            to += _utf8(point, to) - 1
        else:
            PyMem_Free(copy)
            return _fail(decoder, SYNTAX)
        to += 1
    made = PyUnicode_DecodeUTF8(<const char*>copy, to - copy, NULL)
    PyMem_Free(copy)
    return made if made != NULL else _fail_utf8(decoder)


cdef int32_t _hex4(const uint8_t* text, const uint8_t* last) noexcept:
    """The number in the four hexadecimal digits of a \\u escape; -1 if they are not such digits."""
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
    """Write a code point in UTF-8; return how many bytes."""
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


cdef uint8_t _flags(object key):
    return DECIMAL_FIELD if key in RESULT_FIELDS else PAIR_FIELD if key in PAIR_FIELDS else 0
