/* Which descriptors can be read: by epoll, and by poll() where there is none; for server.c and the clients in C. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MOST_READY = 64 }; /* that one call tells */

#ifdef __linux__
#include <sys/epoll.h>

static int epoll = -1;

/* Watch a descriptor; ready() tells it by `tag`. */
static inline void watch(int fd, int tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)tag};
    if (epoll < 0) epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Before the descriptor is closed. */
static inline void forget(int fd) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

/* The tags of what can be read, after `wait` milliseconds at most; -1: however long that is. */
static inline int ready(int tags[MOST_READY], int wait) {
    struct epoll_event found[MOST_READY];
    int count = epoll_wait(epoll, found, MOST_READY, wait);
    for (int i = 0; i < count; i++) tags[i] = (int)found[i].data.u32;
    return count;
}

#else
#include <poll.h>

static struct pollfd watched[4200];
static int tag_of[4200], watched_count;

static inline void watch(int fd, int tag) {
    watched[watched_count] = (struct pollfd){fd, POLLIN, 0};
    tag_of[watched_count++] = tag;
}

static inline void forget(int fd) {
    for (int i = 0; i < watched_count; i++) {
        if (watched[i].fd != fd) continue;
        watched[i] = watched[--watched_count];
        tag_of[i] = tag_of[watched_count];
        return;
    }
}

static inline int ready(int tags[MOST_READY], int wait) {
    int count = 0;
    if (poll(watched, (nfds_t)watched_count, wait) <= 0) return 0;
    for (int i = 0; i < watched_count && count < MOST_READY; i++)
        if (watched[i].revents) tags[count++] = tag_of[i];
    return count;
}
#endif
