# Read-only mappings over received bytes, which decode a field when it is read.
cdef object MISSING     # what _find() returns for a key that is not there


cdef class View:
    cdef object _find(self, object key)
    cpdef dict to_dict(self)
