# How an event is recognised on another connection, and a hash table of what was recognised. Included by merge.pyx.

cdef uint64_t _mix(uint64_t number) noexcept:
    """Spread the bits of a number (the finalizer of splitmix64)."""
    number ^= number >> 30
    number *= <uint64_t>0xBF58476D1CE4E5B9
    number ^= number >> 27
    number *= <uint64_t>0x94D049BB133111EB
    return number ^ number >> 31


cdef inline uint64_t _fold(uint64_t hash, uint64_t value) noexcept:
    return _mix(hash * 31 + value + <uint64_t>0x9E3779B97F4A7C15)


cdef uint64_t _hash(object value) except? 0:
    """A hash of a value that the decoders make; values of different types have different ones."""
    cdef:
        int overflow = 0
        int64_t number
        double real
        uint64_t bits, hash
        Py_ssize_t position = 0
        PyObject* name
        PyObject* item
    if PyUnicode_CheckExact(value):
        return _fold(1, <uint64_t>PyObject_Hash(value))
    if PyLong_CheckExact(value):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        return _fold(2, <uint64_t>(number if overflow == 0 else PyObject_Hash(value)))
    if value is None:
        return _fold(3, 0)
    if PyBool_Check(value):
        return _fold(4, value is True)
    if PyFloat_CheckExact(value):
        real = PyFloat_AS_DOUBLE(value)
        memcpy(&bits, &real, sizeof(bits))
        return _fold(5, bits)
    if PyDict_CheckExact(value):
        hash = 6
        while PyDict_Next(value, &position, &name, &item):     # in whatever order the fields are
            hash += _fold(_hash(<object>name), _hash(<object>item))
        return _mix(hash)
    if PyList_CheckExact(value):
        hash = 7
        for each in <list>value:
            hash = _fold(hash, _hash(each))
        return hash
    return _fold(_fold(8, <uint64_t>PyObject_Hash(type(value))), <uint64_t>PyObject_Hash(value))


cdef int _identify(dict event, Identity* identity) except -1:
    """Find out who an event is. The user must not have seen it yet: a callback may change it."""
    cdef:
        Py_ssize_t position = 0
        PyObject* name
        PyObject* value
        PyObject* kind
        PyObject* symbol
        PyObject* order
        PyObject* execution
        PyObject* trade
        uint64_t digest = 0
        int overflow = 0
        int64_t number
    while PyDict_Next(event, &position, &name, &value):
        if PyUnicode_GET_LENGTH(<object>name) != 1 or <str><object>name != "E":
            digest += _fold(_hash(<object>name), _hash(<object>value))
    identity.digest = identity.key = _mix(digest) or 1
    identity.order = 0
    kind = PyDict_GetItemWithError(event, "e")
    if kind == NULL or not PyUnicode_CheckExact(<object>kind) or <str><object>kind != "executionReport":
        return 0
    symbol = PyDict_GetItemWithError(event, "s")
    order = PyDict_GetItemWithError(event, "i")
    if (
        symbol == NULL or not PyUnicode_CheckExact(<object>symbol)
        or order == NULL or not PyLong_CheckExact(<object>order)
    ):
        return 0
    digest = _fold(_hash(<object>symbol), _hash(<object>order))
    execution = PyDict_GetItemWithError(event, "I")
    if execution != NULL and PyLong_CheckExact(<object>execution):
        number = PyLong_AsLongLongAndOverflow(<object>execution, &overflow)
        if overflow == 0:
            identity.order = digest or 1
            identity.execution = number
    kind = PyDict_GetItemWithError(event, "x")
    if kind == NULL or not PyUnicode_CheckExact(<object>kind):
        return 0
    if <str><object>kind == "TRADE":
        trade = PyDict_GetItemWithError(event, "t")
        if trade != NULL and PyLong_CheckExact(<object>trade):
            identity.key = _fold(_fold(digest, 9), _hash(<object>trade)) or 1
    elif identity.order:
        identity.key = _fold(_fold(_fold(digest, 10), <uint64_t>identity.execution), _hash(<object>kind)) or 1
    return 0


@cython.final
cdef class KeyTable:
    """Entries by the key of an event. It holds no Python objects."""

    def __dealloc__(self):
        PyMem_Free(self.entries)

    cdef Entry* find(self, uint64_t key) noexcept:
        cdef Py_ssize_t place
        if self.size == 0:
            return NULL
        place = key & self.mask
        while self.entries[place].key:
            if self.entries[place].key == key:
                return &self.entries[place]
            place = (place + 1) & self.mask
        return NULL

    cdef Entry* add(self, uint64_t key) except NULL:
        """The entry of a key: a new one if there is none."""
        cdef Py_ssize_t place
        cdef Entry* entry = self.find(key)
        if entry != NULL:
            return entry
        if self.entries == NULL or 2 * self.size > self.mask:
            self._grow()
        place = key & self.mask
        while self.entries[place].key:
            place = (place + 1) & self.mask
        self.size += 1
        entry = &self.entries[place]
        entry.key = key
        entry.count = 0
        return entry

    cdef int remove(self, Entry* entry) noexcept:
        cdef Py_ssize_t free = entry - self.entries
        cdef Py_ssize_t place = free
        cdef Py_ssize_t wanted
        self.size -= 1
        while True:
            place = (place + 1) & self.mask
            if not self.entries[place].key:
                break
            wanted = self.entries[place].key & self.mask
            if ((place - wanted) & self.mask) >= ((place - free) & self.mask):
                self.entries[free] = self.entries[place]
                free = place
        self.entries[free].key = 0
        return 0

    cdef int forget(self, int64_t before) except -1:
        """Remove the entries whose `last` is a time before this one."""
        cdef Py_ssize_t i, place
        cdef Entry* entries = self.entries
        cdef Py_ssize_t count = self.mask + 1 if entries != NULL else 0
        if count == 0:
            return 0
        self.entries = <Entry*>PyMem_Calloc(count, sizeof(Entry))
        if self.entries == NULL:
            self.entries = entries
            raise MemoryError
        self.size = 0
        for i in range(count):
            if entries[i].key and entries[i].last >= before:
                place = entries[i].key & self.mask
                while self.entries[place].key:
                    place = (place + 1) & self.mask
                self.entries[place] = entries[i]
                self.size += 1
        PyMem_Free(entries)
        return 0

    cdef int _grow(self) except -1:
        cdef Py_ssize_t i, place
        cdef Py_ssize_t count = self.mask + 1 if self.entries != NULL else 0
        cdef Py_ssize_t room = max(FIRST_ENTRIES, 2 * count)
        cdef Entry* entries = <Entry*>PyMem_Calloc(room, sizeof(Entry))
        if entries == NULL:
            raise MemoryError
        for i in range(count):
            if self.entries[i].key:
                place = self.entries[i].key & (room - 1)
                while entries[place].key:
                    place = (place + 1) & (room - 1)
                entries[place] = self.entries[i]
        PyMem_Free(self.entries)
        self.entries = entries
        self.mask = room - 1
        return 0
