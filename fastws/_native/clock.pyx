# cython: language_level=3
"""The exchange's time: this machine's monotonic clock and a measured difference.

In: lifecycle/clock_keeper.py measures the difference and calls adopt(). Out: exchange_us(), for the timestamps of
requests; before the first measurement it is the wall clock's time.
Memory: four integers. Failure: none.
When somebody sets the wall clock, the monotonic clock does not change, and so timestamps do not. But the monotonic
clock may stand still while the machine sleeps: jumped() sees that as a jump of the wall clock.
"""

cimport cython
from libc.stdint cimport int64_t

cdef:
    int64_t JUMP = 200000       # microseconds between two checks of the clocks; slewing changes 500 a second


@cython.final
cdef class Clock:
    """The exchange's time, as far as fastws knows it; ``client.clock``.

    Attributes:
        jumps: how often the wall clock was set, or the machine slept, since the client was made.
    """

    def __cinit__(self):
        self.wall = time_us() - monotonic_ns() // 1000

    cdef int64_t base_now(self) noexcept:
        """The exchange's microseconds less those of the monotonic clock."""
        return self.base if self.base else time_us() - monotonic_ns() // 1000

    @property
    def synced(self):
        """Whether the exchange's time was measured, by ``client.sync_time()``."""
        return self.base != 0

    @property
    def offset(self):
        """By how many microseconds the exchange is ahead of this machine's wall clock; 0 before a measurement."""
        return 0 if not self.base else self.base - (time_us() - monotonic_ns() // 1000)

    @property
    def uncertainty(self):
        """By how many microseconds ``offset`` may be wrong, in either direction; None before a measurement.

        It is the error of the measurement, without the drift since then, which is at most some 50 us a second.
        """
        return self.half if self.base else None

    @property
    def age(self):
        """Seconds since the measurement; None before one."""
        return (monotonic_ns() - self.synced_at) / 1e9 if self.base else None

    def now(self):
        """The exchange's time, in microseconds since 1970."""
        return exchange_us(self, monotonic_ns())

    def adopt(self, int64_t base, int64_t half):
        """Take a measurement: exchange's microseconds less monotonic ones, give or take ``half`` microseconds."""
        self.base = base
        self.half = half
        self.synced_at = monotonic_ns()

    def jumped(self):
        """By how many microseconds the wall clock jumped against the monotonic one, since the last call; 0 for none."""
        cdef int64_t wall = time_us() - monotonic_ns() // 1000
        cdef int64_t moved = wall - self.wall
        self.wall = wall
        if -JUMP < moved < JUMP:
            return 0
        self.jumps += 1
        return moved

    def __repr__(self):
        if not self.base:
            return "<fastws.Clock not measured>"
        return f"<fastws.Clock offset {self.offset} us, give or take {self.half} us, {self.age:.1f} s old>"
