/* The turns of a loop that took long, for server.c. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "frames.h"

enum { MAX_LATE = 4096 };

static const int64_t LATE = 50000; /* nanoseconds */
static int64_t late[MAX_LATE][4];
static int late_count;

/* The end of a turn of the loop: keep it where it took long. */
static void turn(void) {
    static int64_t last, last_cpu, last_switches;
    int64_t at = now(), cpu = cpu_time();
    if (last && at - last > LATE && late_count < MAX_LATE) {
        struct rusage used;
        getrusage(RUSAGE_SELF, &used);
        memcpy(late[late_count++], (int64_t[4]){last, at - last, cpu - last_cpu, used.ru_nivcsw - last_switches},
               sizeof late[0]);
        last_switches = used.ru_nivcsw;
        at = now();
    }
    last = at;
    last_cpu = cpu;
}

/* Print them, as JSON, and forget them. */
static void print_late(void) {
    printf("[");
    for (int i = 0; i < late_count; i++)
        printf("%s[%lld, %lld, %lld, %lld]", i ? ", " : "", (long long)late[i][0], (long long)late[i][1],
               (long long)late[i][2], (long long)late[i][3]);
    printf("]\n");
    fflush(stdout);
    late_count = 0;
}
