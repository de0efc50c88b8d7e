# cython: language_level=3
"""The exchange's clock: this machine's monotonic clock and a measured difference.

In: lifecycle/clock_keeper.py measures, adopt() takes what came out. Out: exchange_us(), of which a request's timestamp
is made. Before the first measurement the machine's wall clock stands in. The monotonic clock does not follow a wall
clock that is set, so neither do timestamps; but it may stand still while the machine sleeps, which shows as a jump of
the wall clock.
"""

cimport cython
from libc.stdint cimport int64_t

cdef:
    int64_t JUMP = 200000       # microseconds between two looks at the clocks; slewing makes 500 a second


@cython.final
cdef class Clock:
    """What fastws knows of the exchange's time; ``client.clock``.

    Attributes:
        jumps: how often this machine's wall clock was found set, or the machine asleep, since the client was made.
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
        """By how many microseconds ``offset`` may be wrong, either way; None before a measurement.

        It is what the measurement left open; drift since then, some 50 us a second at the very most, is not in it.
        """
        return self.half if self.base else None

    @property
    def age(self):
        """Seconds since the measurement; None before one."""
        return (monotonic_ns() - self.synced_at) / 1e9 if self.base else None

    def now(self):
        """The exchange's time, in microseconds since 1970."""
        return exchange_us(self)

    def adopt(self, int64_t base, int64_t half):
        """Take what a measurement found: the exchange's microseconds less the monotonic ones, give or take ``half``."""
        self.base = base
        self.half = half
        self.synced_at = monotonic_ns()

    def jumped(self):
        """How many microseconds the wall clock went ahead of the monotonic one since this was asked last.

        0 for what is no jump.
        """
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
