/* Recorded market data, for server.c: who subscribed gets it at a rate, with ids that go on rising when it is repeated.
 *
 * A file has for each message: its size (uint32, little endian), the opcode of its frame (uint8), the number of its
 * patches (uint8), the patches, and the message. A patch is an offset (uint32), a kind, a width (uint8 each) and a step
 * (uint64). */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frames.h"

enum { MAX_FEEDS = 16 };

/* What a patch does: adds its step to an integer after each time the message was sent, so that ids rise; or writes the
 * present time before. Each in eight bytes, or in `width` digits: microseconds in the bytes, milliseconds in the digits. */
enum { ADD_BYTES, ADD_DIGITS, NOW_BYTES, NOW_DIGITS };

struct patch {
    char *at;
    uint64_t step;
    int kind, width;
};

struct feed {
    const char *name;
    char *bytes; /* the frames of all messages */
    size_t *starts, *patch_starts; /* of each message, and of what is behind the last */
    struct patch *patches;
    size_t count;
    int binary;
};

static struct feed feeds[MAX_FEEDS];
static int feed_count;

/* What is being played. */
static struct {
    struct feed *feed;
    size_t at, left, ping_at;     /* the next message, how many more, how many are left when the ping is sent */
    int64_t every, next;          /* nanoseconds between messages (0: as fast as the clients read), when the next is due */
    int64_t began, ended;         /* 0: not yet */
    int64_t pinged, pong;         /* when the ping was put, how long its pong took (0: none yet) */
} playing;

static uint64_t little(const unsigned char *from, int size) {
    uint64_t value = 0;
    while (size--) value = value << 8 | from[size];
    return value;
}

/* Load a file; 0 where it cannot be read, or is none. */
static int load_feed(const char *name, size_t name_size, const char *path) {
    struct feed *feed = &feeds[feed_count];
    FILE *file = fopen(path, "rb");
    unsigned char *data, *at, *end;
    char *to;
    long size;
    size_t patches = 0;
    if (file == NULL || feed_count == MAX_FEEDS || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) <= 0) return 0;
    rewind(file);
    data = malloc((size_t)size);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) return 0;
    fclose(file);
    end = data + size;
    for (at = data; at < end; at += 6 + at[5] * 14 + little(at, 4)) feed->count++, patches += at[5];
    feed->name = strndup(name, name_size);
    feed->bytes = to = malloc((size_t)size + feed->count * 10);
    feed->starts = malloc((feed->count + 1) * sizeof *feed->starts);
    feed->patch_starts = malloc((feed->count + 1) * sizeof *feed->patch_starts);
    feed->patches = malloc((patches + 1) * sizeof *feed->patches);
    if (at != end || to == NULL || feed->starts == NULL || feed->patch_starts == NULL || feed->patches == NULL) return 0;
    at = data;
    patches = 0;
    for (size_t i = 0; i < feed->count; i++) {
        size_t length = little(at, 4);
        int opcode = at[4], many = at[5];
        feed->binary = opcode == 2;
        feed->starts[i] = (size_t)(to - feed->bytes);
        feed->patch_starts[i] = patches;
        to = put_header(to, opcode, length);
        for (at += 6; many--; at += 14)
            feed->patches[patches++] = (struct patch){to + little(at, 4), little(at + 6, 8), at[4], at[5]};
        memcpy(to, at, length);
        to += length;
        at += length;
    }
    feed->starts[feed->count] = (size_t)(to - feed->bytes);
    feed->patch_starts[feed->count] = patches;
    free(data);
    feed_count++;
    return 1;
}

static void put_digits(char *at, int width, uint64_t value) {
    while (width--) at[width] = (char)('0' + value % 10), value /= 10;
}

static void patch_before(const struct feed *feed, size_t i, uint64_t microseconds) {
    for (size_t p = feed->patch_starts[i]; p < feed->patch_starts[i + 1]; p++) {
        const struct patch *patch = &feed->patches[p];
        if (patch->kind == NOW_BYTES) memcpy(patch->at, &microseconds, 8);
        if (patch->kind == NOW_DIGITS) put_digits(patch->at, patch->width, microseconds / 1000);
    }
}

static void patch_after(const struct feed *feed, size_t i) {
    for (size_t p = feed->patch_starts[i]; p < feed->patch_starts[i + 1]; p++) {
        const struct patch *patch = &feed->patches[p];
        uint64_t value = 0;
        if (patch->kind == ADD_BYTES) {
            memcpy(&value, patch->at, 8);
            value += patch->step;
            memcpy(patch->at, &value, 8);
        } else if (patch->kind == ADD_DIGITS) {
            for (int digit = 0; digit < patch->width; digit++) value = value * 10 + (uint64_t)(patch->at[digit] - '0');
            put_digits(patch->at, patch->width, value + patch->step);
        }
    }
}

static uint64_t microseconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Begin as a line says: NAME RATE COUNT, and 1 where a ping is to be sent halfway; 0 where there is no such feed. */
static int play(const char *line) {
    char name[64];
    long long rate, count;
    int ping;
    if (sscanf(line, "%63s %lld %lld %d", name, &rate, &count, &ping) != 4) return 0;
    for (int i = 0; i < feed_count; i++) {
        if (strcmp(feeds[i].name, name) != 0) continue;
        if (playing.feed != &feeds[i]) playing.at = 0;
        playing.feed = &feeds[i];
        playing.left = (size_t)count;
        playing.ping_at = ping ? (size_t)count / 2 + 1 : 0;
        playing.every = rate ? 1000000000 / rate : 0;
        playing.next = now();
        playing.began = playing.ended = playing.pinged = playing.pong = 0;
        return 1;
    }
    return 0;
}

static void print_played(void) {
    printf("{\"left\": %zu, \"began\": %lld, \"ended\": %lld, \"pong\": %lld}\n", playing.left, (long long)playing.began,
           (long long)playing.ended, (long long)playing.pong);
    fflush(stdout);
}
