# Counters of latencies, by kind and size.
from libc.stdint cimport int64_t, uint64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #ifdef _MSC_VER
    #include <intrin.h>
    static __forceinline int fastws_highest_bit(uint64_t value) {
        unsigned long index;
        _BitScanReverse64(&index, value);
        return (int)index;
    }
    #else
    static inline int fastws_highest_bit(uint64_t value) { return 63 - __builtin_clzll(value); }
    #endif
    """
    # The number of the highest bit of a value that is not 0.
    int highest_bit "fastws_highest_bit"(uint64_t value)


cdef enum:
    EVENT = 5               # a kind; the other kinds are the Roles of methods
    KINDS = 6
    FINE = 64               # counters for each power of two; below FINE each value has its own
    FINE_BITS = 6
    HIGHEST = 40            # longer latencies, above 18 minutes, count as 2^40 - 1 ns
    POWERS = HIGHEST - FINE_BITS + 1
    COUNTERS = POWERS * FINE


cdef class Latencies:
    cdef:
        int64_t* counters[KINDS][POWERS]    # FINE of them; NULL until a latency of this kind and power comes
        int64_t longest[KINDS]              # ns


cdef int64_t* new_counters(Latencies latencies, int kind, int64_t power) noexcept


cdef inline void count_latency(Latencies latencies, int kind, int64_t ns) noexcept:
    """Count one latency of this kind."""
    cdef int64_t power = 0, place = ns if ns > 0 else 0
    cdef int64_t* counters
    cdef int shift
    if ns > latencies.longest[kind]:
        latencies.longest[kind] = ns
    if ns >= FINE:
        if ns >> HIGHEST:
            ns = (<int64_t>1 << HIGHEST) - 1
        shift = highest_bit(<uint64_t>ns) - FINE_BITS
        # the six bits behind the highest one choose among the FINE counters of its power of two
        power = shift + 1
        place = (ns >> shift) - FINE
    counters = latencies.counters[kind][power]
    if counters == NULL:
        counters = new_counters(latencies, kind, power)
        if counters == NULL:
            return
    counters[place] += 1
