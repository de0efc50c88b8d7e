# The events of the successor that wait until the old connection is done. Included by merge.pyx.

cdef class HeldEvents(EventTap):
    """A queue of events, from which those are taken out that came otherwise; Merge says when."""

    def __cinit__(self):
        self._waiting = KeyTable()

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self._first, self._end):
            Py_XDECREF(self._held[i & (self._capacity - 1)].event)
        PyMem_Free(self._held)

    cdef HeldEvent* _at(self, int64_t place) noexcept:
        return &self._held[place & (self._capacity - 1)]

    cdef int _keep(self, object event, Identity* identity, bint ends, int64_t seq, int64_t now) except -1:
        """Put an event behind the others. ``identity``: NULL for one that is not to be found."""
        cdef HeldEvent* item
        cdef Entry* entry
        if self._end - self._first == self._capacity:
            self._grow()
        item = self._at(self._end)
        item.ends = ends
        item.seq = seq
        item.received_at = now
        item.next = -1
        if identity != NULL:
            item.identity = identity[0]
            entry = self._waiting.add(identity.key)
            if entry.count == 0:
                entry.first = self._end
                entry.count = 1
            else:
                self._at(entry.last).next = self._end
            entry.last = self._end
        Py_INCREF(event)
        item.event = <PyObject*>event
        self._end += 1
        self.held += 1
        return 0

    cdef object _take_out(self, Entry* entry):
        """Take the first event with this key out of the queue."""
        cdef HeldEvent* item = self._at(entry.first)
        event = <object>item.event
        Py_DECREF(event)
        item.event = NULL
        self.held -= 1
        if item.next < 0:
            self._waiting.remove(entry)
        else:
            entry.first = item.next
        return event

    cdef int _drop_held(self) except -1:
        cdef HeldEvent* item
        while self._first < self._end:
            item = self._at(self._first)
            self._first += 1
            if item.event != NULL:
                event = <object>item.event
                item.event = NULL
                Py_DECREF(event)
        self.held = 0
        self._waiting = KeyTable()
        return 0

    def _grow(self):
        """Double the room for held events; their places stay."""
        cdef Py_ssize_t room = max(FIRST_HELD, 2 * self._capacity)
        cdef HeldEvent* held = <HeldEvent*>PyMem_Malloc(room * sizeof(HeldEvent))
        cdef int64_t i
        if held == NULL:
            raise MemoryError
        for i in range(self._first, self._end):
            held[i & (room - 1)] = self._held[i & (self._capacity - 1)]
        PyMem_Free(self._held)
        self._held = held
        self._capacity = room
