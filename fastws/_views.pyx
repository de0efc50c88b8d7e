# cython: language_level=3
"""Views: results that decode a field when it is read.

In: the bytes of an SBE message, or of a JSON object with its structural marks. Out: Mappings; an array is a list, whose
objects are Views.
Memory: a View owns a copy of its bytes; those within it share it. A View can outlive its session.
Failure: KeyError for a key that is not there; SbeError or JsonError when the bytes of the field are no valid ones.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from ._envelope cimport PAYLOAD_NONE, Envelope
from ._integers cimport read_u16, size_of
from ._json cimport DECIMAL_FIELD, PAIR_FIELD, SYNTAX, Cached, Decoder
from ._plans cimport GROUP, MESSAGE, OBJECT, SHAPE_OBJECT, SHAPE_VALUE, Op, Plan
from ._sbe cimport MAX_NESTED, Context, Reader, unknown_message

from collections.abc import Mapping

from .errors import DecodeError

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)  # NULL with an error set
    PyObject* PyDict_GetItemWithError(object target, object key) except? NULL
    void PyErr_Clear() noexcept
    void Py_DECREF(PyObject* value) noexcept

cdef enum:
    HEADER = 8
    PADDING = 64
    RESPONSE = 50
    ERROR = 100

cdef object _MISSING = object()
cdef str TRUNCATED = "the message ends within it"
cdef str TOO_DEEP = f"messages nest more than {MAX_NESTED} deep"


# Views refer to bytes and to the views around them, never in a circle: the collector need not know them.
@cython.no_gc
@cython.collection_type("mapping")
cdef class View:
    """A read-only Mapping over received bytes: ``view["orderId"]`` decodes that field, ``to_dict()`` all of them."""

    cdef object _find(self, object key):
        """The value of a key, or _MISSING."""
        raise NotImplementedError

    cpdef dict to_dict(self):
        """All fields, as a plain dict."""
        raise NotImplementedError

    def __getitem__(self, key):
        value = self._find(key)
        if value is _MISSING:
            raise KeyError(key)
        return value

    def get(self, key, default=None):
        """The value of a key, or the default."""
        value = self._find(key)
        return default if value is _MISSING else value

    def __contains__(self, key):
        return self._find(key) is not _MISSING

    def __iter__(self):
        return iter(self.to_dict())

    def __len__(self):
        return len(self.to_dict())

    def keys(self):
        """The keys that are there."""
        return self.to_dict().keys()

    def values(self):
        """The values, decoded."""
        return self.to_dict().values()

    def items(self):
        """Keys and decoded values."""
        return self.to_dict().items()

    def __eq__(self, other):
        if isinstance(other, View):
            other = (<View>other).to_dict()
        return self.to_dict() == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None

    def __repr__(self):
        try:
            return f"{type(self).__name__}({self.to_dict()!r})"
        except DecodeError as exc:      # a log line must not fail
            return f"<{type(self).__name__} that cannot be read: {exc}>"

    def __reduce__(self):
        # what another process gets is what the view shows
        return dict, (self.to_dict(),)


Mapping.register(View)


# --------------------------------------------------------------------------------------------------- SBE

@cython.no_gc
@cython.collection_type("mapping")
@cython.final
cdef class SbeView(View):
    """A View over an SBE message, or over an entry of one of its groups."""

    def __init__(self):
        raise TypeError("views are made of messages")

    def __dealloc__(self):
        PyMem_Free(self._places)

    cdef object _find(self, object key):
        cdef PyObject* number = PyDict_GetItemWithError(self._plan.by_key, key)
        if self._plan.template == RESPONSE and (key == "result" or key == "error"):
            return self._payload(key == "error")
        return _MISSING if number == NULL else self._value_of(<int><object>number)

    cdef object _payload(self, bint error):
        """A response's payload is its result, or its error."""
        cdef object number = self._plan.by_key.get("result")
        cdef const uint8_t* data
        cdef int prefix
        if number is None:
            return _MISSING
        data = self._place_of(number, self._reader.free())
        prefix = size_of(self._plan.ops[<int>number].primitive)
        is_error = self._end - data >= prefix + HEADER and read_u16(data + prefix + 2) == ERROR
        return self._value_of(number) if is_error == error else _MISSING

    cdef object _value_of(self, int number):
        """The value of an operation; _MISSING where it is not shown."""
        cdef:
            Op* op = &self._plan.ops[number]
            Reader reader
            Context context
            const uint8_t* cursor
            PyObject* made
        if op.kind == OBJECT:
            return self.to_dict().get(<object>op.key, _MISSING)
        reader = self._reader.free()
        if op.kind < GROUP:
            reader.busy = True
            made = reader._fixed(op, &self._frame, self._frame.length >= self._plan.block_length)
        else:
            cursor = self._place_of(number, reader)
            if op.kind == MESSAGE:
                return self._embedded(op, cursor, reader)
            if op.kind == GROUP and (<Plan>op.sub).of_views and cursor != self._end:
                return self._entries(op, cursor, reader)
            self._begin(&context)
            reader.busy = True
            made = reader._variable(op, &cursor, self._end, &self._frame, &context)
        reader.busy = False
        if made == NULL and reader.failure is None:
            return _MISSING
        return self._take(reader, made)

    cdef void _begin(self, Context* context) noexcept:
        context.version = <uint16_t>self._version
        context.depth = self._depth
        context.subscription = -1
        context.template = 0

    cdef object _take(self, Reader reader, PyObject* made):
        """What a reader made, or its error, whose path begins at the whole message."""
        cdef SbeView view = self
        if made == NULL:
            while view._outer is not None:
                if view._index >= 0:
                    reader.path.append(view._index)
                reader.path.append(<object>view._name)
                view = view._outer
        return reader.take(made)

    cdef const uint8_t* _place_of(self, int number, Reader reader) except NULL:
        """Where a group or data stands: found once, by passing over what is in front of it."""
        cdef int i
        cdef const uint8_t* cursor = self._rest
        if self._places == NULL:
            self._places = <const uint8_t**>PyMem_Calloc(self._plan.count, sizeof(uint8_t*))
            if self._places == NULL:
                raise MemoryError
        for i in range(number):
            if self._plan.ops[i].kind < GROUP:
                continue
            if self._places[i] == NULL:
                self._places[i] = cursor
            elif self._places[i + 1] != NULL:       # passed over before
                cursor = self._places[i + 1]
                continue
            if not reader.skip(&self._plan.ops[i], &cursor, self._end, self._version):
                self._take(reader, NULL)
        self._places[number] = cursor
        return cursor

    cdef SbeView _within(self, Plan plan, Op* op, Py_ssize_t index, const uint8_t* block, uint32_t length):
        """A View of an entry of a group, or of an embedded message, whose index is -1."""
        cdef SbeView view = SbeView.__new__(SbeView)
        view._owner = self._owner
        view._reader = self._reader
        view._plan = plan
        view._outer = self
        view._name = op.name
        view._index = index
        view._frame.block = block
        view._frame.length = length
        view._rest = block + length
        view._end = self._end
        view._version = self._version
        view._depth = self._depth
        if index >= 0:
            view._frame.outer = &self._frame
        return view

    cdef object _entries(self, Op* op, const uint8_t* data, Reader reader):
        """A group as a list of Views."""
        cdef:
            Plan plan = <Plan>op.sub
            uint64_t length = 0
            uint64_t count = 0
            Py_ssize_t i
            SbeView entry
            list entries = []
        if not reader._dimension(op, &data, self._end, &length, &count):
            self._take(reader, NULL)
        if count == 0 and op.omit_empty:
            return _MISSING
        for i in range(<Py_ssize_t>count):
            entry = self._within(plan, op, i, data, <uint32_t>length)
            if not reader.skip_entry(op, i, &data, self._end, length, self._version):
                self._take(reader, NULL)
            if plan.shape == SHAPE_OBJECT:
                entries.append(entry)
            else:
                value = entry._value_of(plan.value)
                entries.append(None if value is _MISSING else value)
        return entries

    cdef object _embedded(self, Op* op, const uint8_t* data, Reader reader):
        """An embedded message as a View of its own."""
        cdef:
            SbeView view
            PyObject* plan
            const uint8_t* cursor = data
            Py_ssize_t size
        if not reader.skip(op, &cursor, self._end, self._version):
            self._take(reader, NULL)
        size = cursor - data - size_of(op.primitive)
        if cursor == data or (size == 0 and op.optional):       # the former in a version that did not have it
            return _MISSING if op.absent == NULL else <object>op.absent
        data += size_of(op.primitive)
        view = self._within(None, op, -1, data, 0)
        view._end = cursor
        view._depth += 1
        if self._depth >= MAX_NESTED:
            reader._fail(TOO_DEEP)
            view._take(reader, NULL)
        plan = reader._plan(data, size)
        if plan == NULL:
            return view._take(reader, NULL) if reader.failure is not None else unknown_message(read_u16(data + 2))
        return view._message(<Plan>plan, data, reader)

    cdef object _message(self, Plan plan, const uint8_t* data, Reader reader):
        """This View, made one of a message; what the message becomes where that is no object."""
        cdef PyObject* made
        cdef Context context
        self._plan = plan
        self._version = read_u16(data + 6)
        self._frame.block = data + HEADER
        self._frame.length = read_u16(data)
        self._rest = self._frame.block + self._frame.length
        if self._frame.length > self._end - self._frame.block:
            reader._fail(TRUNCATED)
            self._take(reader, NULL)
        if plan.shape == SHAPE_OBJECT:
            return self
        if plan.shape == SHAPE_VALUE:
            value = self._value_of(plan.value)
            return None if value is _MISSING else value
        self._begin(&context)
        made = reader.message(data, self._end - data, &context)
        return self._take(reader, made)

    cpdef dict to_dict(self):
        cdef:
            Context context
            Reader reader = self._reader.free()
            const uint8_t* cursor = self._frame.block
            PyObject* made
        self._begin(&context)
        reader.busy = True
        made = reader._block(self._plan, &cursor, self._end, self._frame.length, self._frame.outer, &context)
        reader.busy = False
        value = self._take(reader, made)
        if self._plan.template == RESPONSE and context.template == ERROR and "result" in value:
            value["error"] = value.pop("result")
        return value


cdef object sbe_view(Reader reader, bytes data, int depth):
    """A View of a whole message; a list of Views, or a plain value, where its JSON is no object.

    `depth` is how many messages are around it.
    """
    cdef:
        const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(data)
        SbeView view = SbeView.__new__(SbeView)
        Reader free = reader.free()
    view._owner = data
    view._reader = reader
    view._depth = depth
    view._end = start + PyBytes_GET_SIZE(data)
    return view._message(free.plan_of(start, PyBytes_GET_SIZE(data)), start, free)


def view_message(Reader reader not None, bytes data not None):
    """A View of a message, for ``sbe.Schema``."""
    view = sbe_view(reader, data, 0)
    if isinstance(view, SbeView) and (<SbeView>view)._plan.event is not None:
        return _EventFrame(view)
    return view


@cython.collection_type("mapping")
@cython.final
cdef class _EventFrame(View):
    """What stands around an event: ``event``, and ``subscriptionId`` where it is told."""

    cdef SbeView _event

    def __init__(self, SbeView event not None):
        self._event = event

    cdef object _find(self, object key):
        if key == "event":
            return self._event
        if key == "subscriptionId" and self._event._plan.aside >= 0:
            value = self._event._value_of(self._event._plan.aside)
            return value if type(value) is int and 0 <= value < 1 << 63 else _MISSING
        return _MISSING

    cpdef dict to_dict(self):
        return self._event._reader.framed(self._event._owner)


# -------------------------------------------------------------------------------------------------- JSON

@cython.no_gc
@cython.final
cdef class JsonText:
    """The text of a result, with readable bytes behind it, and its marks: what Views share."""

    def __dealloc__(self):
        PyMem_Free(self.marks)      # and the text behind them

    cdef Decoder take(self):
        """A decoder that stands in front of the text; another one than that which is at work, if one is."""
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
        """The value at a mark, whole; the decoder is idle again."""
        global _idle
        cdef PyObject* made
        decoder.at = at
        made = decoder._value()
        if made == NULL:
            raise decoder.error(decoder.code)
        value = <object>made
        Py_DECREF(made)
        _idle = decoder
        return value

    cdef object value(self, uint32_t at, const uint8_t* key, Py_ssize_t key_size):
        """The value at a mark: an object is a View, an array of objects a list of them."""
        cdef Decoder decoder
        cdef Cached* known
        cdef uint8_t c = self.text[self.marks[at]]
        if c == c"{":
            return json_object(self, at)
        if c == c"[" and at + 1 < self.count and self.text[self.marks[at + 1]] == c"{":
            return self.objects(at)
        decoder = self.take()
        if decoder.numbers and key != NULL:
            known = decoder._key(key, key_size)
            decoder.convert = known != NULL and (
                (known.flags == DECIMAL_FIELD and c != c"[") or (known.flags == PAIR_FIELD and c == c"[")
            )
        return self.decoded(decoder, at)

    cdef list objects(self, uint32_t at):
        """An array whose first entry is an object."""
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


# The decoder that reads fields, while it is not at work: a finaliser that runs meanwhile may read one, too.
cdef Decoder _idle = None


cdef uint32_t behind(const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at) noexcept:
    cdef int depth = 0
    cdef uint8_t c
    while at < count:
        c = text[marks[at]]
        at += 1
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
        PyMem_Free(self._keys)

    cdef object _find(self, object key):
        cdef:
            Py_ssize_t size = 0
            const char* wanted
            const uint8_t* name
            int i
        if not isinstance(key, str):
            return _MISSING
        if self._text.escapes and self.escaped_keys():      # whose bytes are not their texts
            return self.to_dict().get(key, _MISSING)
        wanted = PyUnicode_AsUTF8AndSize(key, &size)
        if wanted == NULL:
            PyErr_Clear()
            return _MISSING
        # of several same keys the last one counts, as in json.loads
        for i in range(self._count - 1, -1, -1):
            if self._keys[i].size == <uint32_t>size:
                name = self._text.text + self._text.marks[self._keys[i].mark] + 1
                if memcmp(name, wanted, size) == 0:
                    return self._text.value(self._keys[i].mark + 2, name, size)
        return _MISSING

    cdef bint escaped_keys(self) noexcept:
        cdef int i
        for i in range(self._count):
            if memchr(self._text.text + self._text.marks[self._keys[i].mark] + 1, c"\\", self._keys[i].size) != NULL:
                return True
        return False

    cpdef dict to_dict(self):
        return self._text.decoded(self._text.take(), self._at)


cdef int note_keys(
    JsonView view, const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at, uint32_t first
) except -2:
    """Note the keys of the object at a mark, numbered from `first` on; return the mark behind it, -1 if it is none."""
    cdef int room = 0
    cdef uint8_t c
    cdef uint32_t end
    cdef Key* keys
    at += 1
    if at < count and text[marks[at]] == c"}":
        return <int>at + 1
    while True:
        if at + 3 >= count or text[marks[at]] != c'"' or text[marks[at + 1]] != c":":
            return -1
        if view._count == room:
            room = 24 if room == 0 else 2 * room
            keys = <Key*>PyMem_Realloc(view._keys, room * sizeof(Key))
            if keys == NULL:
                raise MemoryError
            view._keys = keys
        end = marks[at + 1] - 1
        while text[end] != c'"':
            end -= 1
        view._keys[view._count].mark = at - first
        view._keys[view._count].size = end - marks[at] - 1
        view._count += 1
        at += 2
        c = text[marks[at]]
        at = at + 1 if c != c"{" and c != c"[" else behind(text, marks, count, at)
        c = text[marks[at]] if at < count else 0
        at += 1
        if c == c"}":
            return <int>at
        if c != c",":
            return -1


cdef JsonView json_object(JsonText text, uint32_t at):
    """A View of the object at a mark: its keys are noted, its values are not looked at."""
    cdef JsonView view = JsonView.__new__(JsonView)
    view._text = text
    view._at = at
    if note_keys(view, text.text, text.marks, text.count, at, 0) < 0:
        text.refuse(at)
    return view


cdef object json_view(Decoder decoder, uint32_t at, uint32_t* whole_at):
    """A View of the value at a mark of a decoder's text, which is copied.

    The decoder stands behind the value then; at `whole_at` where it had read the whole message.
    """
    cdef:
        JsonText text = JsonText.__new__(JsonText)
        JsonView view = None
        uint32_t start = decoder.marks[at]
        uint32_t i
        int last = -1
    if decoder.text[start] == c"{":
        view = JsonView.__new__(JsonView)
        view._text = text
        last = note_keys(view, decoder.text, decoder.marks, decoder.count, at, at)
    if last < 0:
        view = None
        last = <int>behind(decoder.text, decoder.marks, decoder.count, at)
    text.size = (decoder.marks[last] if <uint32_t>last < decoder.count else decoder.size) - start
    text.count = <uint32_t>last - at
    text.numbers = decoder.numbers
    text.marks = <uint32_t*>PyMem_Malloc((text.count + 1) * sizeof(uint32_t) + text.size + PADDING)
    if text.marks == NULL:
        raise MemoryError
    text.text = <uint8_t*>(text.marks + text.count + 1)
    memcpy(text.text, decoder.text + start, text.size)
    memset(text.text + text.size, 0, PADDING)
    for i in range(text.count):
        text.marks[i] = decoder.marks[at + i] - start
    text.marks[text.count] = text.size
    text.escapes = memchr(text.text, c"\\", text.size) != NULL
    decoder.at = whole_at[0] if decoder.whole else <uint32_t>last
    return text.value(0, NULL, 0) if view is None else view


def payload_view(bytes data not None, *, str numbers not None="str"):
    """The payload of a JSON message as a View, as a session makes it; for tests and benchmarks."""
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
