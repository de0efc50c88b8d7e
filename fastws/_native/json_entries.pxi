# The entries of an array of a large JSON result, read one by one; see json_views.pyx.


@cython.final
cdef class Entries:
    """The entries of an array of a large result. An entry is decoded when it is read; an object is a View then.

    Decimals are exact texts. open() raises DecodeError if the message is not a reply with such an array; an entry that
    cannot be read raises JsonError, and does not affect the others.
    """

    def __dealloc__(self):
        PyMem_Free(self.text)
        PyMem_Free(self.places)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t index):
        cdef uint32_t start, size
        cdef uint32_t end = 0
        cdef int code
        cdef Decoder decoder = self.decoder
        if not 0 <= index < self.count:
            raise IndexError(index)
        start = self.places[2 * index]
        size = self.places[2 * index + 1] - start
        code = decoder.index(<const char*>self.text + start, size)
        if code:
            raise decoder.error(code)
        if self.text[start] == c"{":
            return json_view(decoder, 0, &end)
        return decoder.whole_value(SHAPE_FIELDS)

    cdef int open(self, RateLimit* limits) except -1:
        cdef Envelope env
        cdef Decoder decoder = Decoder("str")
        cdef int code = decoder.begin(<const char*>self.text, self.size, &env)
        cdef uint32_t end = decoder.at
        if code:
            raise decoder.error(code)
        if env.payload != PAYLOAD_RESULT or not 200 <= env.status < 300:
            raise DecodeError(f"a reply with status {env.status} that has no result")
        self.decoder = decoder
        decoder.at = self.find(env.payload_at)
        if decoder.whole:
            decoder.at = end
        decoder.end(&env)
        return decoder.limits(&env, limits, MAX_LIMITS)

    cdef uint32_t find(self, uint32_t at) except 0:
        """Find the array in the object at a mark; returns the mark behind the object."""
        cdef:
            const uint8_t* text = self.text
            const uint32_t* marks = self.decoder.marks
            uint32_t count = self.decoder.count
            uint32_t end
            Py_ssize_t size = PyBytes_GET_SIZE(self.name)
            bint found = False
            uint8_t c = text[marks[at]]
        if c == c"{":
            at += 1
            while at < count and text[marks[at]] != c"}":
                if at + 3 >= count or text[marks[at]] != c'"' or text[marks[at + 1]] != c":":
                    _refuse(self.decoder, at)
                end = marks[at + 1] - 1
                while text[end] != c'"':
                    end -= 1
                c = text[marks[at + 2]]
                if c == c"[" and end - marks[at] - 1 == <uint32_t>size and (
                    memcmp(text + marks[at] + 1, PyBytes_AS_STRING(self.name), size) == 0
                ):
                    found = True
                    at = self.walk(at + 2)
                else:
                    at = behind(text, marks, count, at + 2)
                c = text[marks[at]] if at < count else 0
                if c == c",":
                    at += 1
                elif c != c"}":
                    _refuse(self.decoder, at)
        if not found:
            raise DecodeError(f"the result has no list of {self.name.decode()}")
        return at + 1

    cdef uint32_t walk(self, uint32_t at) except 0:
        """Note the entries of the array at a mark; returns the mark behind it."""
        cdef:
            const uint8_t* text = self.text
            const uint32_t* marks = self.decoder.marks
            uint32_t count = self.decoder.count
            uint32_t room = 0
            uint32_t* places
            uint8_t c
        PyMem_Free(self.places)     # of equal keys the last one counts
        self.places = NULL
        self.count = 0
        at += 1
        if at < count and text[marks[at]] == c"]":
            return at + 1
        while True:
            if self.count == room:
                room = 64 if room == 0 else 2 * room
                places = <uint32_t*>PyMem_Realloc(self.places, 2 * room * sizeof(uint32_t))
                if places == NULL:
                    raise MemoryError
                self.places = places
            if at >= count:
                _refuse(self.decoder, at)
            self.places[2 * self.count] = marks[at]
            at = behind(text, marks, count, at)
            if at >= count:
                _refuse(self.decoder, at)
            self.places[2 * self.count + 1] = marks[at]
            self.count += 1
            c = text[marks[at]]
            at += 1
            if c == c"]":
                return at
            if c != c",":
                _refuse(self.decoder, at)


cdef Entries keep_entries(const char* data, Py_ssize_t size, bytes name):
    cdef Entries entries = Entries.__new__(Entries)
    entries.text = <uint8_t*>PyMem_Malloc(size + PADDING)
    if entries.text == NULL:
        raise MemoryError
    memcpy(entries.text, data, size)
    memset(entries.text + size, 0, PADDING)
    entries.size = size
    entries.name = name
    return entries


cdef int _refuse(Decoder decoder, uint32_t at) except -1:
    decoder.at = min(at, decoder.count - 1)
    raise decoder.error(SYNTAX)
