/* Tells callgrind what to count: loaded by workloads.py with ctypes. Outside of valgrind each call does nothing. */

#include <valgrind/callgrind.h>
#include <valgrind/valgrind.h>

int counting_works(void) { return RUNNING_ON_VALGRIND; }

void start(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

/* Keep what was counted since start() under this name. */
void stop(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}
