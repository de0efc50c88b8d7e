# The monotonic and the wall clock, without a Python object; and the exchange's time, estimated from them.
from libc.stdint cimport int64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #ifdef _WIN32
    #include <windows.h>
    static int64_t fastws_monotonic_ns(void) {
        static int64_t frequency = 0;
        LARGE_INTEGER ticks;
        if (!frequency) { QueryPerformanceFrequency(&ticks); frequency = ticks.QuadPart; }
        QueryPerformanceCounter(&ticks);
        return ticks.QuadPart / frequency * 1000000000 + ticks.QuadPart % frequency * 1000000000 / frequency;
    }
    static int64_t fastws_time_us(void) {
        FILETIME now;
        GetSystemTimePreciseAsFileTime(&now);
        return ((((int64_t)now.dwHighDateTime << 32) | now.dwLowDateTime) - 116444736000000000LL) / 10;
    }
    #else
    #include <time.h>
    #ifdef __APPLE__
    static int64_t fastws_monotonic_ns(void) { return (int64_t)clock_gettime_nsec_np(CLOCK_UPTIME_RAW); }
    #else
    static int64_t fastws_monotonic_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    #endif
    static int64_t fastws_time_us(void) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    }
    #endif
    """
    # The clock of time.monotonic_ns(); on Windows that of time.perf_counter_ns(), which is finer.
    int64_t monotonic_ns "fastws_monotonic_ns"()
    # Microseconds since 1970.
    int64_t time_us "fastws_time_us"()


cdef class Clock:
    cdef:
        int64_t base        # exchange's microseconds - monotonic microseconds; 0 before a measurement
        int64_t wall        # wall clock's microseconds - monotonic microseconds, at the last check
        int64_t half        # by how many microseconds `base` may be wrong
        int64_t synced_at   # monotonic ns
        readonly int jumps

    cdef int64_t base_now(self) noexcept


cdef inline int64_t exchange_us(Clock clock, int64_t now) noexcept:
    """The exchange's time in microseconds at `now`, monotonic ns: measured, or else that of the wall clock."""
    if clock.base:
        return now // 1000 + clock.base
    return time_us()
