# Read-only mappings over received bytes; they decode a field when it is read.
cdef object MISSING     # what _find() returns for an absent key


cdef class View:
    cdef object _find(self, object key)
    cpdef dict to_dict(self)
