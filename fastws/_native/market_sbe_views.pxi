# Views over events; see market_sbe.pyx.

# The reader of Views; None while it is in use, since a finalizer may read a View then.
cdef SbeEvents _idle = None


@cython.no_gc
@cython.collection_type("mapping")
@cython.final
cdef class SbeEventView(View):
    """A View over one event of an SBE message."""

    def __init__(self):
        raise TypeError("views are made of messages")

    cdef SbeEvents opened(self):
        """A reader that is set to this message."""
        global _idle
        cdef EventHead head
        cdef SbeEvents reader = _idle
        _idle = None
        if reader is None or reader.numbers != self.numbers or reader.divisor != self.divisor:
            reader = SbeEvents(("str", "float", "decimal")[self.numbers], "us" if self.divisor == 1 else "ms")
        reader.open(<const uint8_t*>PyBytes_AS_STRING(self.data), PyBytes_GET_SIZE(self.data), &head)
        return reader

    cdef object _find(self, object key):
        global _idle
        if not isinstance(key, str):
            return MISSING
        reader = self.opened()
        value = _field(reader, self.i, key)
        _idle = reader
        return value

    cpdef dict to_dict(self):
        global _idle
        reader = self.opened()
        value = _decode(reader, self.i)
        _idle = reader
        return value
