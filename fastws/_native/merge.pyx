# cython: language_level=3
"""Two subscriptions of one account → one Stream: when a connection takes the place of another one, each event once.

In: the EventRouters of both connections call take(), take_error() and take_late() in the place of the Streams in their
slots. Out: put() of the user's Stream.
Memory: keys of events, at most MAX_KEYS in each table and MAX_AGE old; the events that are held, each at most HOLD.
Failure: what cannot be proven is told as a gap, by the host (streams/handover.py).

The old connection's events go to the user at once, and their keys are remembered. The successor's events are held;
one that the old connection has brought, or brings, is dropped. The old connection's eventStreamTerminated, behind its
unsubscription, is the proof that nothing of it is missing. Then the held events go to the user, and the successor is
live. It may lag behind what the old connection brought, so the comparison goes on for COMPARE seconds.
Without that proof, an event is held for HOLD at most: the host tells a gap, and the successor is live from then on.
"""

cimport cython
from cpython.bool cimport PyBool_Check
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItemWithError, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyObject_Hash
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .clock cimport monotonic_ns
from .streams cimport EventRouter, EventTap, Stream

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef:
    enum:
        FIRST_ENTRIES = 64
        FIRST_HELD = 32
        MAX_KEYS = 100000       # in each table

    int64_t SECOND = 1000000000
    int64_t _HOLD = SECOND // 4
    int64_t _COMPARE = 10 * SECOND
    int64_t MAX_AGE = 600 * SECOND
    int64_t SWEEP_EVERY = 60 * SECOND
    int64_t BLOCKED = SECOND // 20      # so late, the event loop was blocked, and what came could not be read

    uint64_t UNREADABLE = 11            # the key of all events that cannot be read

# Seconds: for so long, an event is held at most.
HOLD = _HOLD / 1e9
# Seconds: for so long, the successor's events are compared with those of the old connection after the switch.
COMPARE = _COMPARE / 1e9

include "event_identity.pxi"
include "held_events.pxi"


def set_times(double hold, double compare):
    """Change HOLD and COMPARE, in seconds, for all Merges of the process, as tests do. Returns those of before."""
    global _HOLD, _COMPARE
    before = _HOLD / 1e9, _COMPARE / 1e9
    _HOLD = <int64_t>(hold * 1e9)
    _COMPARE = <int64_t>(compare * 1e9)
    return before


@cython.final
cdef class MergeCounts:
    """What the Merges of a client count. ``on_mismatch``: called once, with what differs between two connections."""

    def __cinit__(self, on_mismatch):
        self._on_mismatch = on_mismatch


@cython.final
cdef class Merge(HeldEvents):
    """Merges the events of two subscriptions of one account; see the module's docstring.

    Args:
        target: the Stream of the user's Subscription, which the old connection carries.
        shadow: the Stream of the subscription on the successor; no connection carries it yet.
        host: it is called as a Handover (streams/handover.py) says.
        later: as ``loop.call_later``.
        before: the Merge of the same target that goes on; this one takes its place.

    Attributes:
        held: how many events are held.
        due: when check() is due, in ns of time.monotonic_ns(); 0 for never.
        live: whether the successor's events go to the user.
        proven: whether the old connection's part is complete.
        over: whether it has ended.
    """

    def __cinit__(
        self, Stream target not None, Stream shadow not None, host, later, MergeCounts counts not None,
        Merge before=None,
    ):
        self.target = self.old = target
        self.new = shadow
        self._host = host
        self._later = later
        self._counts = counts
        self._given = KeyTable()
        self._brought = KeyTable()
        if before is None:
            self._orders = KeyTable()
        else:
            self._orders = before._orders
            self._orders.forget(monotonic_ns() - _COMPARE)
            self._before = before._given
            self._before_until = before._compared_until
            before.stop()
        target._tap = self
        shadow._tap = self

    # ------------------------------------------------------------------------------------ hot: while it goes on

    cdef int take(
        self, EventRouter router, Stream stream, object event, bint ends, int64_t seq, int64_t now
    ) except -1:
        if stream is self.old:
            if ends:
                self._old_ends(router, stream, event, seq, now)
                return 0
            return self._from_old(event, seq, now)
        if not ends:
            return self._from_new(event, seq, now)
        if stream is self.target and not self.live:
            self._new_router = router
            return self._hold(event, NULL, True, seq, now)
        return router.end_by_notice(stream, event, seq, now)

    cdef int _from_old(self, object event, int64_t seq, int64_t now) except -1:
        cdef Identity identity
        cdef Entry* entry
        cdef bint alike
        if self.live:
            return 0    # it was released without a proof: the gap that was told covers this one
        _identify(event, &identity)
        if self._before is not None:
            entry = self._before.find(identity.key)
            if entry != NULL:       # the connection before the old one has brought it
                alike = entry.digest == identity.digest
                _count_down(self._before, entry)
                return self._paired(event, None, alike)
        if not self._pair_held(event, &identity):
            if self._given.size >= MAX_KEYS or self._orders.size >= MAX_KEYS:
                self._host.expired()
                if self.live or self.over:
                    return 0 if self.live else self.target.put(event, seq, now)
            entry = self._given.add(identity.key)
            if entry.count == 0:
                entry.digest = identity.digest
            entry.count += 1
            entry.last = now
            if now >= self._swept_at + SWEEP_EVERY:
                self._sweep(now)
        if identity.order:
            entry = self._orders.add(identity.order)
            if entry.count == 0 or entry.first < identity.execution:
                entry.first = identity.execution
            entry.count = 1
            entry.last = now
        return self.target.put(event, seq, now)

    cdef int _from_new(self, object event, int64_t seq, int64_t now) except -1:
        cdef Identity identity
        cdef Entry* entry
        cdef bint alike
        _identify(event, &identity)
        entry = self._given.find(identity.key)
        if entry != NULL:
            alike = entry.digest == identity.digest
            _count_down(self._given, entry)
            return self._paired(event, None, alike)
        if not self.live:
            return self._hold(event, &identity, False, seq, now)
        return self._give(event, &identity, seq, now)

    cdef int _give(self, object event, Identity* identity, int64_t seq, int64_t now) except -1:
        """Give the user an event that only the successor has brought."""
        cdef Entry* entry
        if identity.order:
            entry = self._orders.find(identity.order)
            if entry != NULL and identity.execution < entry.first:
                self._host.disordered()     # a gap in its place: the old connection has brought what follows it
                return 0
        if self._brought.size >= MAX_KEYS:
            self._brought = KeyTable()
        entry = self._brought.add(identity.key)
        entry.count += 1
        return self.target.put(event, seq, now)

    cdef bint _pair_held(self, object event, Identity* identity) except -1:
        """Drop the held event that the old connection brings now, if there is one."""
        cdef Entry* entry = self._waiting.find(identity.key)
        cdef bint alike
        if entry == NULL:
            return False
        alike = self._at(entry.first).identity.digest == identity.digest
        self._paired(event, self._take_out(entry), alike)
        return True

    cdef int _paired(self, object event, object other, bint alike) except -1:
        """Count an event that came on both connections. ``other``: the same on the other one, if it is still here."""
        self._counts.merged += 1
        if not alike:
            self._mismatch(event, other)
        return 0

    cdef int _hold(self, object event, Identity* identity, bint ends, int64_t seq, int64_t now) except -1:
        self._keep(event, identity, ends, seq, now)
        if not ends:
            self._counts.held += 1
        if self.held >= MAX_KEYS:
            self._host.expired()
        elif self.due == 0:
            self._arm(now + _HOLD, now)
        return 0

    # -------------------------------------------------------------------------------------------- cold

    cdef int take_error(self, Stream stream, object error, int64_t seq, int64_t now) except -1:
        """An event that cannot be read. It pairs with one that cannot be read on the other connection."""
        cdef Identity identity
        cdef Entry* entry
        identity.key = identity.digest = UNREADABLE
        identity.order = 0
        if stream is self.old:
            if self.live:
                return 0
            if not self._pair_held(error, &identity):
                entry = self._given.add(UNREADABLE)
                entry.digest = UNREADABLE
                entry.count += 1
                entry.last = now
            return self.target.put_error(error, seq, now)
        entry = self._given.find(UNREADABLE)
        if entry != NULL:
            _count_down(self._given, entry)
            return 0
        if not self.live:
            return self._hold(error, &identity, False, seq, now)
        return self.target.put_error(error, seq, now)

    cdef bint take_late(self, object event) except -1:
        cdef Identity identity
        cdef Entry* entry
        if self.over:
            return False
        _identify(event, &identity)
        entry = self._brought.find(identity.key)
        if entry != NULL:
            _count_down(self._brought, entry)
            self._paired(event, None, True)
        elif self._given.find(identity.key) == NULL:
            self._host.came_late()
        return True

    cdef int take_end(self, Stream stream) except -1:
        if stream is self.target and not self.live and self.held:
            self._host.conclude()
        return 0

    def _old_ends(self, EventRouter router not None, Stream stream not None, event, int64_t seq, int64_t now):
        """The old connection's subscription has ended: if fastws, or the exchange, ended it, its part is complete."""
        if stream is self.target:
            if router.leaving(stream) is None and self._host.comes_back():
                return
            if (
                self.new is None or not self.new.active or self.new._leave_reason is not None
                or router.leaving(stream) is not None
            ):
                self.stop()
                router.end_by_notice(stream, event, seq, now)
                return
            self._host.old_ended()      # which makes the successor carry the target, and `old` a tail
        self.proven = True
        router.end_tail(self.old, self)
        if not self.live:
            self.release(now)

    def feed(self, bint old, event, int64_t seq, int64_t now):
        """Take an event, or the exception of one that cannot be read, as a connection brings it; for tests."""
        cdef Stream stream = self.old if old else self.new
        if PyDict_CheckExact(event):
            self.take(None, stream, event, False, seq, now)
        else:
            self.take_error(stream, event, seq, now)

    def feed_late(self, event):
        """Take an event of the old connection that comes behind its end; for tests."""
        self.take_late(event)

    def moved(self, Stream tail not None):
        """The successor carries the target now, in the place of the shadow; the old connection has ``tail`` instead."""
        if self.new is not None and self.new is not self.target:
            self.new._tap = None
        self.old = tail
        self.new = self.target
        tail._tap = self

    def release(self, int64_t now):
        """Give the held events to the user. From now on the successor is live."""
        cdef HeldEvent item
        cdef Identity* identity
        if self.over:
            return
        self.live = True
        self._compared_until = now + _COMPARE
        self._before = None
        self._waiting = KeyTable()
        self._arm(self._compared_until, now)
        while self._first < self._end and not self.over:
            item = self._at(self._first)[0]
            self._first += 1
            if item.event == NULL:
                continue
            self.held -= 1
            event = <object>item.event
            Py_DECREF(event)
            if item.ends:
                router, self._new_router = self._new_router, None
                (<EventRouter>router).end_by_notice(self.target, event, item.seq, item.received_at)
            elif PyDict_CheckExact(event):
                identity = &item.identity
                self._give(event, identity, item.seq, item.received_at)
            else:
                self.target.put_error(event, item.seq, item.received_at)

    def withdraw(self):
        """The successor is given up before it was live: the old connection goes on alone."""
        if self._before is None:
            self.stop()
            return
        # the old connection is still compared with the one before it
        if self.new is not None:
            self.new._tap = None
        self._drop_held()
        self._given, self._before = self._before, None
        self.new = self.target
        self.old = None
        self.live = self.proven = True
        self._compared_until = self._before_until
        self._arm(self._compared_until, monotonic_ns())

    def stop(self):
        """End it: what is held is dropped, and the Streams are on their own."""
        cdef Stream stream
        self.over = True
        self.due = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for stream in (self.target, self.old, self.new):
            if stream is not None and stream._tap is self:
                stream._tap = None
        self._drop_held()
        self._host = self._later = self._new_router = None
        self._before = None
        self._given = self._brought = KeyTable()

    def check(self, int64_t now):
        """Do what is due."""
        if self.over:
            return
        if self.live:
            if now < self._compared_until:
                self._arm(self._compared_until, now)
            elif self._was_blocked(now):
                self._arm(now + SECOND, now)
            else:
                self._host.over()
        else:
            self._check_age(now)

    cdef int _check_age(self, int64_t now) except -1:
        """If the oldest held event has waited for HOLD, the host tells a gap and releases."""
        cdef HeldEvent* item
        cdef bint blocked = self._was_blocked(now)
        self.due = 0
        while self._first < self._end:
            item = self._at(self._first)
            if item.event == NULL:
                self._first += 1
            elif now < item.received_at + _HOLD:
                return self._arm(item.received_at + _HOLD, now)
            elif blocked:
                return self._arm(now + SECOND // 100, now)
            elif not PyDict_CheckExact(<object>item.event) and self.old is self.target:
                self._take_out(self._waiting.find(UNREADABLE))      # the old connection brings it, too
            else:
                self._host.expired()
                return 0
        return 0

    cdef bint _was_blocked(self, int64_t now) noexcept:
        """Whether the event loop was blocked, and may not have read yet what came; once in a row."""
        self._late = not self._late and self.due != 0 and now >= self.due + BLOCKED
        return self._late

    cdef int _arm(self, int64_t due, int64_t now) except -1:
        if self._timer is not None:
            self._timer.cancel()
        self.due = due
        self._timer = self._later(max(0, due - now) / 1e9, self._on_time)
        return 0

    def _on_time(self):
        self._timer = None
        self.check(monotonic_ns())

    def _sweep(self, int64_t now):
        """Forget keys that are older than MAX_AGE."""
        if self._swept_at:
            self._given.forget(now - MAX_AGE)
            self._orders.forget(now - MAX_AGE)
        self._swept_at = now

    def _mismatch(self, event, other):
        """Count, and once log, that an event differs between the connections."""
        self._counts.mismatches += 1
        if self._counts.mismatches > 1:
            return
        what = f"{event.get('e')} of {event.get('s') or event.get('a') or 'the account'}"
        if other is not None:
            names = sorted(
                name for name in {*event, *other} - {"E"} if event.get(name) != other.get(name) or (
                    (name in event) != (name in other) or type(event[name]) is not type(other[name])
                )
            )
            what += f", in {', '.join(map(str, names))}"
        self._counts._on_mismatch(
            f"two connections brought different fields of the same event: {what}; the first to come was delivered"
        )

cdef int _count_down(KeyTable table, Entry* entry) noexcept:
    entry.count -= 1
    if entry.count == 0:
        table.remove(entry)
    return 0
