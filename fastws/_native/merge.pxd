# Two subscriptions of one account → the events of one Stream, each once.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from .streams cimport EventRouter, EventTap, Stream


# What is known by the key of an event; see KeyTable.
cdef struct Entry:
    uint64_t key            # 0: the place is free
    uint64_t digest         # of all fields but E
    int64_t first
    int64_t last
    int64_t count


cdef class KeyTable:
    # entries[0 .. mask]: a hash table with linear probing, at most half full.
    cdef:
        Entry* entries
        Py_ssize_t mask
        Py_ssize_t size

    cdef Entry* find(self, uint64_t key) noexcept
    cdef Entry* add(self, uint64_t key) except NULL
    cdef int remove(self, Entry* entry) noexcept
    cdef int forget(self, int64_t before) except -1
    cdef int _grow(self) except -1


# How an event is recognised.
cdef struct Identity:
    uint64_t key            # who it is
    uint64_t digest         # of all its fields but E
    uint64_t order          # of an executionReport: its symbol and order id; else 0
    int64_t execution       # of an executionReport: its execution id


# An event of the successor that waits until the old connection is done.
cdef struct HeldEvent:
    PyObject* event         # owned; a dict, or an exception; NULL once the old connection brought it
    Identity identity
    int64_t next            # the next held event with the same key; -1 for none
    int64_t seq
    int64_t received_at     # monotonic ns
    bint ends               # it is eventStreamTerminated


cdef class MergeCounts:
    cdef:
        object _on_mismatch
        readonly int64_t held           # events of successors that were held
        readonly int64_t merged         # events that came twice and were delivered once
        readonly int64_t mismatches     # of these, how many differ in a field


cdef class HeldEvents(EventTap):
    # held[first .. end), modulo capacity (a power of two), has the events; those that were taken out are empty.
    cdef:
        KeyTable _waiting               # by key: `first` and `last` are places of a chain
        HeldEvent* _held
        Py_ssize_t _capacity
        int64_t _first
        int64_t _end
        readonly Py_ssize_t held        # how many events are held

    cdef HeldEvent* _at(self, int64_t place) noexcept
    cdef int _keep(self, object event, Identity* identity, bint ends, int64_t seq, int64_t now) except -1
    cdef object _take_out(self, Entry* entry)
    cdef int _drop_held(self) except -1


cdef class Merge(HeldEvents):
    cdef:
        readonly Stream target          # the Stream of the user's Subscription
        readonly Stream old             # the Stream in the old connection's router: the target, or the tail behind it
        readonly Stream new             # ... in the successor's: a shadow, or the target; None if there is none
        object _host
        object _later
        object _timer
        EventRouter _new_router         # where the held eventStreamTerminated came
        MergeCounts _counts
        KeyTable _given                 # what the old connection brought and the successor did not, yet
        KeyTable _before                # ... of the merge before this one, whose successor is the old connection
        KeyTable _brought               # what the successor brought since it is live
        KeyTable _orders                # `first` is the newest execution id that the old connection brought
        readonly int64_t due            # when check() has something to do, monotonic ns; 0 for never
        int64_t _compared_until         # monotonic ns
        int64_t _before_until
        int64_t _swept_at
        bint _late                      # the latest check() came late: the event loop was blocked
        readonly bint live              # the successor's events go to the user
        readonly bint proven            # the old connection's part is complete
        readonly bint over

    cdef int _from_old(self, object event, int64_t seq, int64_t now) except -1
    cdef int _from_new(self, object event, int64_t seq, int64_t now) except -1
    cdef int _give(self, object event, Identity* identity, int64_t seq, int64_t now) except -1
    cdef bint _pair_held(self, object event, Identity* identity) except -1
    cdef int _paired(self, object event, object other, bint alike) except -1
    cdef int _hold(self, object event, Identity* identity, bint ends, int64_t seq, int64_t now) except -1
    cdef int _arm(self, int64_t due, int64_t now) except -1
    cdef int _check_age(self, int64_t now) except -1
    cdef bint _was_blocked(self, int64_t now) noexcept
