# The unanswered trading requests of a connection that is being left, and which requests must follow them there.
from libc.stdint cimport int64_t

from .methods cimport MethodSpec
from .waiters cimport RequestInfo


cdef class SymbolRequests:
    # Those of one symbol. Requests that have ended are taken off when they are met.
    cdef:
        list infos          # in the order in which they were made
        list cancel_alls    # the openOrders.cancelAll among them
        dict names          # what an order or a list is named by -> the request that names it, or a list of them
        Py_ssize_t named    # so many of `infos` are in `names`

    cdef int add(self, RequestInfo info) except -1
    cdef bint names_one(self, MethodSpec spec, dict params, dict fixed) except -1
    cdef bint _walk(self, MethodSpec spec, dict params, dict fixed, RequestInfo info) except -1
    cdef bint _take(self, object name, RequestInfo info) except -1


cdef class Stickiness:
    cdef:
        int64_t _until      # monotonic ns: until then each request of such a symbol follows; 0: that time is over
        list _infos         # all, in the order in which they were made; None for those that have ended
        Py_ssize_t _first   # the requests before it have ended
        dict _symbols       # symbol -> SymbolRequests

    cdef int add(self, RequestInfo info) except -1
    cdef bint holds(self, MethodSpec spec, dict params, dict fixed) except -1
    cdef bint _all_follow(self) except -1
