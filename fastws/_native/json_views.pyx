# cython: language_level=3
"""Views over JSON, and the entries of large arrays, one by one.

In: the text of a message, with its structural marks. Out: Views, which are Mappings; an array is a list, and the
objects in it are Views. Entries: a sequence after open(), which decodes an entry when it is read; an object is a View
then, and decimals are exact texts.
Memory: a View owns a copy of its text; the Views within it share that copy. Entries own a copy of the message; the
Views of entries own copies of their own.
Failure: KeyError for an absent key; JsonError if the text of a field is not valid; DecodeError if a message is not a
reply with such an array.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy, memset

from .envelope cimport MAX_LIMITS, PAYLOAD_NONE, PAYLOAD_RESULT, SHAPE_FIELDS, Envelope, RateLimit
from .json cimport DECIMAL_FIELD, PADDING, PAIR_FIELD, SYNTAX, Cached, Decoder
from .views cimport MISSING, View

from ..errors import DecodeError

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)  # NULL with an error set
    void PyErr_Clear() noexcept
    void Py_DECREF(PyObject* value) noexcept

cdef enum:
    FEW_KEYS = 48       # of an object: noted on the stack first

include "json_entries.pxi"


@cython.freelist(32)
@cython.no_gc
@cython.final
cdef class JsonText:
    """The text of a result, with readable bytes behind it, and its marks. The Views of a result share it."""

    def __dealloc__(self):
        PyMem_Free(self.marks)      # keys and text are in the same block of memory

    cdef Decoder take(self):
        """A decoder that is set to this text: the idle one, or a new one if that is in use."""
        global _idle
        cdef Decoder decoder = _idle
        if decoder is None or decoder.numbers != self.numbers:
            decoder = Decoder(("str", "float", "decimal")[self.numbers])
        _idle = None
        decoder.text = self.text
        decoder.size = self.size
        decoder.marks = self.marks
        decoder.count = self.count
        decoder.depth = 0
        decoder.code = 0
        decoder.convert = False
        return decoder

    cdef object decoded(self, Decoder decoder, uint32_t at):
        """Decode the whole value at a mark; the decoder is idle afterwards."""
        global _idle
        cdef PyObject* made
        decoder.at = at
        made = decoder.next_value()
        if made == NULL:
            raise decoder.error(decoder.code)
        value = <object>made
        Py_DECREF(made)
        _idle = decoder
        return value

    cdef object value(self, uint32_t at, const uint8_t* key, Py_ssize_t key_size):
        """The value at a mark: an object is a View, an array of objects a list of Views."""
        cdef Decoder decoder
        cdef Cached* known
        cdef uint8_t c = self.text[self.marks[at]]
        if c == c"{":
            return json_object(self, at)
        if c == c"[" and at + 1 < self.count and self.text[self.marks[at + 1]] == c"{":
            return self.objects(at)
        decoder = self.take()
        if decoder.numbers and key != NULL:
            known = decoder.key(key, key_size)
            decoder.convert = known != NULL and (
                (known.flags == DECIMAL_FIELD and c != c"[") or (known.flags == PAIR_FIELD and c == c"[")
            )
        return self.decoded(decoder, at)

    cdef list objects(self, uint32_t at):
        """The list of an array whose first entry is an object."""
        cdef list found = []
        cdef uint8_t c
        at += 1
        while True:
            found.append(self.value(at, NULL, 0))
            at = self.behind(at)
            c = self.text[self.marks[at]] if at < self.count else 0
            if c == c"]":
                return found
            if c != c"," or at + 1 >= self.count:
                self.refuse(at)
            at += 1

    cdef uint32_t behind(self, uint32_t at) noexcept:
        """The mark behind the value at a mark."""
        return behind(self.text, self.marks, self.count, at)

    cdef int refuse(self, uint32_t at) except -1:
        cdef Decoder decoder = self.take()
        decoder.at = min(at, self.count - 1)
        raise decoder.error(SYNTAX)


# The decoder that reads fields; None while it is in use, since a finalizer may read a View then.
cdef Decoder _idle = None


cdef uint32_t behind(const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at) noexcept nogil:
    cdef int depth = 0
    cdef uint8_t c
    while at < count:
        c = text[marks[at]]
        at += 1
        if c < c"[" and depth:      # most marks: quotes, colons, commas, digits
            continue
        if c == c"{" or c == c"[":
            depth += 1
        elif c == c"}" or c == c"]":
            depth -= 1
        if depth <= 0:
            break
    return at


@cython.no_gc
@cython.collection_type("mapping")
@cython.final
cdef class JsonView(View):
    """A View over a JSON object."""

    def __init__(self):
        raise TypeError("views are made of messages")

    def __dealloc__(self):
        if self._owns_keys:
            PyMem_Free(self._keys)

    cdef object _find(self, object key):
        cdef:
            Py_ssize_t size = 0
            const char* wanted
            const uint8_t* name
            int i
        if not isinstance(key, str):
            return MISSING
        if self._text.escapes and self.escaped_keys():      # the bytes of an escaped key differ from its text
            return self.to_dict().get(key, MISSING)
        wanted = PyUnicode_AsUTF8AndSize(key, &size)
        if wanted == NULL:
            PyErr_Clear()
            return MISSING
        # of several same keys the last one counts, as in json.loads
        for i in range(self._count - 1, -1, -1):
            if self._keys[i].size == <uint32_t>size:
                name = self._text.text + self._text.marks[self._keys[i].mark] + 1
                if memcmp(name, wanted, size) == 0:
                    return self._text.value(self._keys[i].mark + 2, name, size)
        return MISSING

    cdef bint escaped_keys(self) noexcept:
        cdef int i
        for i in range(self._count):
            if memchr(self._text.text + self._text.marks[self._keys[i].mark] + 1, c"\\", self._keys[i].size) != NULL:
                return True
        return False

    cpdef dict to_dict(self):
        return self._text.decoded(self._text.take(), self._at)


cdef int note_keys(
    Key* keys, int room, int* found, const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at,
    uint32_t first
) noexcept nogil:
    """Note the keys of the object at a mark, counting marks from `first`; return the mark behind it, or -1.

    `found` becomes the number of keys; those beyond `room` are only counted.
    """
    cdef int number = 0
    cdef uint8_t c
    cdef uint32_t end
    found[0] = 0
    at += 1
    if at < count and text[marks[at]] == c"}":
        return <int>at + 1
    while True:
        if at + 3 >= count or text[marks[at]] != c'"' or text[marks[at + 1]] != c":":
            return -1
        if number < room:
            end = marks[at + 1] - 1
            while text[end] != c'"':
                end -= 1
            keys[number].mark = at - first
            keys[number].size = end - marks[at] - 1
        number += 1
        at += 2
        c = text[marks[at]]
        at = at + 1 if c != c"{" and c != c"[" else behind(text, marks, count, at)
        c = text[marks[at]] if at < count else 0
        at += 1
        if c == c"}":
            found[0] = number
            return <int>at
        if c != c",":
            return -1


cdef JsonView json_object(JsonText text, uint32_t at):
    """A View of the object at a mark: its keys are noted, its values are not read."""
    cdef Key[FEW_KEYS] few
    cdef int count
    cdef JsonView view = JsonView.__new__(JsonView)
    view._text = text
    view._at = at
    if note_keys(few, FEW_KEYS, &count, text.text, text.marks, text.count, at, 0) < 0:
        text.refuse(at)
    view._keys = <Key*>PyMem_Malloc(count * sizeof(Key))
    if view._keys == NULL:
        raise MemoryError
    view._owns_keys = True
    view._count = count
    if count <= FEW_KEYS:
        memcpy(view._keys, few, count * sizeof(Key))
    else:
        note_keys(view._keys, count, &count, text.text, text.marks, text.count, at, 0)
    return view


cdef object json_view(Decoder decoder, uint32_t at, uint32_t* whole_at):
    """A View of the value at a mark of a decoder's text, which is copied.

    Afterwards the decoder is behind the value; or at `whole_at`, if it has read the whole message before.
    """
    cdef:
        JsonText text = JsonText.__new__(JsonText)
        JsonView view
        Key[FEW_KEYS] few
        const uint32_t* source = decoder.marks + at
        uint32_t* marks
        uint32_t start = source[0]
        uint32_t count, size, i
        int keys = 0
        int last = -1
        bint is_object
    if decoder.text[start] == c"{":
        last = note_keys(few, FEW_KEYS, &keys, decoder.text, decoder.marks, decoder.count, at, at)
    is_object = last >= 0
    if not is_object:
        last = <int>behind(decoder.text, decoder.marks, decoder.count, at)
    size = (decoder.marks[last] if <uint32_t>last < decoder.count else decoder.size) - start
    count = <uint32_t>last - at
    # one block of memory: marks, keys, text
    marks = <uint32_t*>PyMem_Malloc((count + 1) * sizeof(uint32_t) + keys * sizeof(Key) + size + PADDING)
    if marks == NULL:
        raise MemoryError
    for i in range(count):
        marks[i] = source[i] - start
    marks[count] = size
    text.marks = marks
    text.keys = <Key*>(marks + count + 1)
    text.text = <uint8_t*>(text.keys + keys)
    text.size = size
    text.count = count
    text.numbers = decoder.numbers
    memcpy(text.text, decoder.text + start, size)
    memset(text.text + size, 0, PADDING)
    text.escapes = memchr(text.text, c"\\", size) != NULL
    decoder.at = whole_at[0] if decoder.whole else <uint32_t>last
    if not is_object:
        return text.value(0, NULL, 0)
    if keys <= FEW_KEYS:
        memcpy(text.keys, few, keys * sizeof(Key))
    else:
        note_keys(text.keys, keys, &keys, text.text, marks, count, 0, 0)
    view = JsonView.__new__(JsonView)
    view._text = text
    view._keys = text.keys
    view._count = keys
    return view


def payload_view(bytes data not None, *, str numbers not None="str"):
    """The payload of a JSON message as a View, as a connection makes it; for tests and benchmarks."""
    global _reader
    cdef Envelope env
    cdef uint32_t end
    cdef int code
    if _reader is None or _reader.mode != numbers:
        _reader = Decoder(numbers)
    code = _reader.begin(_reader.copy(data), PyBytes_GET_SIZE(data), &env)
    if code:
        raise _reader.error(code)
    if env.payload == PAYLOAD_NONE:
        return None
    end = _reader.at
    view = json_view(_reader, env.payload_at, &end)
    _reader.end(&env)
    return view


cdef Decoder _reader = None
