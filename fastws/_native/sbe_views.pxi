# Views over SBE messages: a field is decoded when it is read. See sbe.pyx.

cdef str TOO_DEEP = f"messages nest more than {MAX_NESTED} deep"


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
        cdef PyObject* number
        cdef DecodePlan plan = self._plan
        cdef int i
        if plan.template != RESPONSE:
            for i in range(plan.count):
                if plan.keys[i] == <PyObject*>key:      # a name in a program is one object, and so is a key of a plan
                    return self._value_of(i)
        number = PyDict_GetItemWithError(plan.by_key, key)
        if plan.template == RESPONSE and (key == "result" or key == "error"):
            return self._payload(key == "error")
        return MISSING if number == NULL else self._value_of(<int><object>number)

    cdef object _payload(self, bint error):
        """The payload of a response if it is an error, or (``error`` False) a result; else MISSING."""
        cdef object number = self._plan.by_key.get("result")
        cdef const uint8_t* data
        cdef int prefix
        if number is None:
            return MISSING
        data = self._place_of(number, self._reader.free())
        prefix = size_of(self._plan.ops[<int>number].primitive)
        is_error = self._end - data >= prefix + HEADER and read_u16(data + prefix + 2) == ERROR
        return self._value_of(number) if is_error == error else MISSING

    cdef object _value_of(self, int number):
        """The value of an operation; MISSING if it is not shown."""
        cdef:
            Op* op = &self._plan.ops[number]
            Reader reader
            Context context
            const uint8_t* cursor
            PyObject* made
        if op.kind == OBJECT:
            return self.to_dict().get(<object>op.key, MISSING)
        reader = self._reader.free()
        if op.kind < GROUP:
            reader.busy = True
            made = _fixed(reader, op, &self._frame, self._frame.length >= self._plan.block_length)
        else:
            cursor = self._place_of(number, reader)
            if op.kind == MESSAGE:
                return self._embedded(op, cursor, reader)
            if op.kind == GROUP and (<DecodePlan>op.sub).of_views and cursor != self._end:
                return self._entries(op, cursor, reader)
            self._begin(&context)
            reader.busy = True
            made = _variable(reader, op, &cursor, self._end, &self._frame, &context)
        reader.busy = False
        if made != NULL:
            value = <object>made
            Py_DECREF(made)
            return value
        return MISSING if reader.failure is None else self._take(reader, NULL)

    cdef void _begin(self, Context* context) noexcept:
        context.version = <uint16_t>self._version
        context.depth = self._depth
        context.subscription = -1
        context.template = 0

    cdef object _take(self, Reader reader, PyObject* made):
        """The value that a reader made; for NULL, raise its error, with the path from the whole message."""
        cdef SbeView view = self
        if made == NULL:
            while view._outer is not None:
                if view._index >= 0:
                    reader.path.append(view._index)
                reader.path.append(<object>view._name)
                view = view._outer
        return reader.take(made)

    cdef const uint8_t* _place_of(self, int number, Reader reader) except NULL:
        """Where a group or data begins: found once, by skipping those in front of it."""
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
            elif self._places[i + 1] != NULL:       # skipped before
                cursor = self._places[i + 1]
                continue
            if not _skip(reader, &self._plan.ops[i], &cursor, self._end, self._version):
                self._take(reader, NULL)
        self._places[number] = cursor
        return cursor

    cdef SbeView _within(self, DecodePlan plan, Op* op, Py_ssize_t index, const uint8_t* block, uint32_t length):
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
            DecodePlan plan = <DecodePlan>op.sub
            uint64_t length = 0
            uint64_t count = 0
            Py_ssize_t i
            SbeView entry
            list entries = []
        if not _dimension(reader, op, &data, self._end, &length, &count):
            self._take(reader, NULL)
        if count == 0 and op.omit_empty:
            return MISSING
        for i in range(<Py_ssize_t>count):
            entry = self._within(plan, op, i, data, <uint32_t>length)
            if not _skip_entry(reader, op, i, &data, self._end, length, self._version):
                self._take(reader, NULL)
            if plan.shape == SHAPE_OBJECT:
                entries.append(entry)
            else:
                value = entry._value_of(plan.value)
                entries.append(None if value is MISSING else value)
        return entries

    cdef object _embedded(self, Op* op, const uint8_t* data, Reader reader):
        """An embedded message as a View of its own."""
        cdef:
            SbeView view
            PyObject* plan
            const uint8_t* cursor = data
            Py_ssize_t size
        if not _skip(reader, op, &cursor, self._end, self._version):
            self._take(reader, NULL)
        size = cursor - data - size_of(op.primitive)
        if cursor == data or (size == 0 and op.optional):       # the former: a message of an older version, without it
            return MISSING if op.absent == NULL else <object>op.absent
        data += size_of(op.primitive)
        view = self._within(None, op, -1, data, 0)
        view._end = cursor
        view._depth += 1
        if self._depth >= MAX_NESTED:
            _fail(reader, TOO_DEEP)
            view._take(reader, NULL)
        plan = _plan(reader, data, size)
        if plan == NULL:
            return view._take(reader, NULL) if reader.failure is not None else unknown_message(read_u16(data + 2))
        return view._message(<DecodePlan>plan, data, reader)

    cdef object _message(self, DecodePlan plan, const uint8_t* data, Reader reader):
        """Make this View one of a message, and return it; or the value of a message that is not an object."""
        cdef PyObject* made
        cdef Context context
        self._plan = plan
        self._version = read_u16(data + 6)
        self._frame.block = data + HEADER
        self._frame.length = read_u16(data)
        self._rest = self._frame.block + self._frame.length
        if self._frame.length > self._end - self._frame.block:
            _fail(reader, TRUNCATED)
            self._take(reader, NULL)
        if plan.shape == SHAPE_OBJECT:
            return self
        if plan.shape == SHAPE_VALUE:
            value = self._value_of(plan.value)
            return None if value is MISSING else value
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
        made = _block(reader, self._plan, &cursor, self._end, self._frame.length, self._frame.outer, &context)
        reader.busy = False
        value = self._take(reader, made)
        if self._plan.template == RESPONSE and context.template == ERROR and "result" in value:
            value["error"] = value.pop("result")
        return value


cdef object sbe_view(Reader reader, bytes data, int depth):
    """A View of a whole message; if its JSON is not an object, a list of Views or a plain value.

    `depth`: how many messages are around it.
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
    """The View around an event: ``event``, and ``subscriptionId`` if the message has one."""

    cdef SbeView _event

    def __init__(self, SbeView event not None):
        self._event = event

    cdef object _find(self, object key):
        if key == "event":
            return self._event
        if key == "subscriptionId" and self._event._plan.aside >= 0:
            value = self._event._value_of(self._event._plan.aside)
            return value if type(value) is int and 0 <= value < 1 << 63 else MISSING
        return MISSING

    cpdef dict to_dict(self):
        return self._event._reader.framed(self._event._owner)
