/* Frames of WebSocket (RFC 6455, 5.2) and the clocks, for server.c and the clients in C. */

#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Nanoseconds of the monotonic clock. */
static inline int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The CPU time of the process, in nanoseconds. */
static inline int64_t cpu_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The header of a frame, at most 10 bytes; what follows it. */
static inline char *put_header(char *to, int opcode, size_t size) {
    *to++ = (char)(0x80 | opcode);
    if (size < 126) {
        *to++ = (char)size;
    } else if (size < 65536) {
        *to++ = 126;
        *to++ = (char)(size >> 8);
        *to++ = (char)size;
    } else {
        *to++ = 127;
        for (int shift = 56; shift >= 0; shift -= 8) *to++ = (char)((uint64_t)size >> shift);
    }
    return to;
}

/* The size of the header at `at` without its mask, and that of the payload at `*size`; 0: it is not whole. */
static inline size_t header_of(const char *at, const char *end, size_t *size) {
    const unsigned char *head = (const unsigned char *)at;
    if (end - at < 2) return 0;
    *size = head[1] & 127;
    if (*size < 126) return 2;
    if (*size == 126) {
        if (end - at < 4) return 0;
        *size = (size_t)head[2] << 8 | head[3];
        return 4;
    }
    if (end - at < 10) return 0;
    *size = 0;
    for (int i = 2; i < 10; i++) *size = *size << 8 | head[i];
    return 10;
}
