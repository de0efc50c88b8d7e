# Responses: the envelope of a message as C values, and its payload. See sbe.pyx.


@cython.final
cdef class ResponseReader:
    """Reads the messages of a connection in SBE.

    Args:
        reader: decodes the messages of the schema; SbeError if it has no WebSocketResponse.
        layout: the places of the elements of a WebSocketResponse: see ``Schema.response_layout``.
        views: whether results are Views.
    """

    def __init__(self, Reader reader not None, dict layout not None, bint views):
        cdef int i
        self._reader = reader
        self._views = views
        self._plan = reader.plans.find(RESPONSE, reader.plans.version)
        self._status = layout["status"]
        self._deprecated = layout["sbeSchemaIdVersionDeprecated"]
        self._least = max(self._status + 2, self._deprecated + 1)
        for i in range(5):
            self._limit_fields[i] = layout["rateLimits"][i]
            self._least_limit = max(self._least_limit, self._limit_fields[i] + (1 if i < 3 else 8))
        if self._plan is None:
            raise SbeError("the schema has no WebSocketResponse")
        for raw, name in layout["kinds"].items():     # enums of uint8: see response_layout()
            self._kinds[<int>raw] = <char>ord("A" if name == "RAW_REQUESTS" else name[0])
        for raw, name in layout["intervals"].items():
            self._intervals[<int>raw] = <char>ord(name[0])
        for i in range(self._plan.count):   # there is one of each: response_layout() has checked that
            if self._plan.ops[i].kind == GROUP:
                self._rate_limits = &self._plan.ops[i]
            elif self._plan.ops[i].kind == TEXT:
                self._id = &self._plan.ops[i]
            elif self._plan.ops[i].kind == MESSAGE:
                self._result = &self._plan.ops[i]

    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept:
        cdef const uint8_t* header = <const uint8_t*>data
        cdef DecodePlan plan
        env.id_kind = ID_ABSENT
        env.id = 0
        env.status = 0
        env.payload = PAYLOAD_NONE
        env.payload_at = 0
        env.limits_at = -1
        env.subscription = -1
        self._seen_count = 0
        self._data = header
        self._size = size
        self._reader.failure = None
        if size >= HEADER and read_u16(header + 2) == RESPONSE and read_u16(header + 4) == self._reader.plans.schema_id:
            return not self._response(env, read_u16(header))
        try:
            plan = self._reader.plan_of(header, size)
        except Exception as exc:
            _fail(self._reader, getattr(exc, "reason", str(exc)))
            return 1
        if plan.event is not None:
            env.payload = PAYLOAD_EVENT
            self._payload_size = size
        return 0

    cdef bint _response(self, Envelope* env, uint32_t length) noexcept:
        cdef const uint8_t* block = self._data + HEADER
        cdef const uint8_t* cursor = block + length
        cdef const uint8_t* end = self._data + self._size
        cdef uint64_t size
        cdef DecodePlan plan
        if length > <uint64_t>(end - block) or length < self._least:
            return self._short(NULL)
        env.status = read_u16(block + self._status)
        if block[self._deprecated] == 1:
            self.deprecated = True
        env.limits_at = 0
        if not self._read_limits(&cursor, end):
            return False
        if end - cursor < size_of(self._id.primitive):
            return self._short(self._id)
        size = read_unsigned(cursor, self._id.primitive)
        cursor += size_of(self._id.primitive)
        if size > <uint64_t>(end - cursor):
            return self._short(self._id)
        self._read_id(env, cursor, <Py_ssize_t>size)
        cursor += size
        if end - cursor < size_of(self._result.primitive):
            return self._short(self._result)
        size = read_unsigned(cursor, self._result.primitive)
        cursor += size_of(self._result.primitive)
        if size > <uint64_t>(end - cursor) or size < HEADER:
            return self._short(self._result)
        self._payload_size = <Py_ssize_t>size
        env.payload_at = <uint32_t>(cursor - self._data)
        env.payload = PAYLOAD_ERROR if read_u16(cursor + 2) == ERROR else PAYLOAD_RESULT
        if env.payload == PAYLOAD_RESULT and env.id_kind != ID_INT:
            # so far events come without a response around them, but the API does not promise that
            plan = self._reader.plans.find(read_u16(cursor + 2), read_u16(cursor + 6))
            if plan is not None and plan.event is not None:
                env.payload = PAYLOAD_EVENT
        return True

    cdef bint _short(self, Op* op) noexcept:
        _fail(self._reader, TRUNCATED, NULL if op == NULL else op.name)
        return False

    cdef bint _read_limits(self, const uint8_t** cursor, const uint8_t* end) noexcept:
        cdef uint64_t length = 0
        cdef uint64_t count = 0
        cdef uint64_t _i
        cdef const uint8_t* entry
        cdef RateLimit* limit
        if not _dimension(self._reader, self._rate_limits, cursor, end, &length, &count):
            return False
        for _i in range(count):
            entry = cursor[0]
            cursor[0] += length
            if self._seen_count < MAX_LIMITS and self._least_limit <= length:
                limit = &self._seen[self._seen_count]
                limit.kind = self._kinds[entry[self._limit_fields[0]]]
                limit.interval = self._intervals[entry[self._limit_fields[1]]]
                limit.interval_num = entry[self._limit_fields[2]]
                limit.limit = read_i64(entry + self._limit_fields[3])
                limit.count = read_i64(entry + self._limit_fields[4])
                self._seen_count += 1
        return True

    cdef void _read_id(self, Envelope* env, const uint8_t* text, Py_ssize_t size) noexcept:
        """Read the id, which is a text in SBE: fastws' own ids are decimal integers; null is an empty text."""
        cdef Py_ssize_t i
        cdef int64_t number = 0
        env.id_kind = ID_NULL if size == 0 else ID_OTHER
        if size == 0 or size > 18 or (text[0] == c"0" and size > 1):
            return
        for i in range(size):
            if not c"0" <= text[i] <= c"9":
                return
            number = number * 10 + (text[i] - c"0")
        env.id_kind = ID_INT
        env.id = number

    cdef object value(self, Envelope* env, int shape):
        cdef Context context
        cdef const uint8_t* data = self._data + env.payload_at
        cdef PyObject* made
        if self._views and env.payload == PAYLOAD_RESULT:
            value = sbe_view(self._reader, PyBytes_FromStringAndSize(<const char*>data, self._payload_size), 1)
            return [value] if shape == SHAPE_ONE else value
        context.depth = 1
        context.subscription = -1
        context.template = 0
        made = self._reader.message(data, self._payload_size, &context)
        if env.payload == PAYLOAD_EVENT:
            env.subscription = context.subscription
        value = self._reader.take(made)
        return [value] if shape == SHAPE_ONE and env.payload == PAYLOAD_RESULT else value

    cdef object exact_view(self, Envelope* env):
        cdef const char* data = <const char*>self._data + env.payload_at
        cdef Reader reader = self._reader
        if reader.mode != "str":
            reader = Reader(reader.plans, "str", reader.unit)
        return sbe_view(reader, PyBytes_FromStringAndSize(data, self._payload_size), 1)

    cdef int check_whole(self, Envelope* env) except -1:
        """Raise SbeError if the bytes of the result are not all there."""
        cdef const uint8_t* data = self._data + env.payload_at
        if not _is_whole(self._reader, self._reader.plan_of(data, self._payload_size), data, self._payload_size, 1):
            raise self._reader.error()
        return 0

    cdef int limits(self, RateLimit* out, int capacity) noexcept:
        cdef int count = min(self._seen_count, capacity)
        memcpy(out, self._seen, count * sizeof(RateLimit))
        return count

    cdef object error(self):
        return self._reader.error()

    def read(self, bytes data not None):
        """(id, status, payload) of a message, as a connection reads it; for tests and benchmarks."""
        cdef Envelope env
        if self.begin(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &env):
            raise self.error()
        return env.id if env.id_kind == ID_INT else None, env.status, self.value(&env, 0)
