/* The connections of server.c, and what waits to be written to them. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frames.h"
#include "tls.h"

enum {
    SLICE = 1 << 16, /* bytes that one turn writes to a connection */
    LONG = 1 << 14   /* bytes, the same of a line that is longer, which is not copied */
};

struct set {
    const char *name;
    char **lines;
    size_t *sizes;
    size_t count;
};

struct peer {
    int fd; /* -1: the place is free */
    int open;
    SSL *ssl; /* NULL: without TLS */
    struct set *set;
    size_t next; /* the line of the next reply */
    size_t used; /* bytes in `in` */
    char *in;
    char *out; /* bytes from out_at to out_size wait to be written */
    size_t out_at, out_size, out_room;
    const char *rest; /* rest_size bytes of a long line, which stand before rest_at of `out` */
    size_t rest_size, rest_at;
    int64_t rate, every, next_event; /* events a second, nanoseconds between them, when the next is due (0: never) */
    size_t event;                    /* the line of the next event */
    int64_t ends;                    /* when it is closed (0: never) */
    int subscribed, binary;          /* to market data; whether in SBE */
};

static void die(const char *what) {
    fprintf(stderr, "server: %s\n", what);
    exit(1);
}

static int busy_with(const struct peer *peer) {
    return peer->next_event != 0 || peer->ends != 0 || peer->out_size > peer->out_at || peer->rest_size;
}

/* Room for `more` bytes at the end of what waits. */
static char *room_for(struct peer *peer, size_t more) {
    if (peer->out_at == peer->out_size && peer->rest_size == 0) peer->out_at = peer->out_size = 0;
    if (peer->out_size + more > peer->out_room) {
        peer->out_room = (peer->out_size + more) * 2;
        peer->out = realloc(peer->out, peer->out_room);
        if (peer->out == NULL) die("out of memory");
    }
    return peer->out + peer->out_size;
}

/* Write up to `size` bytes; how many they were, -1 where the client is gone. */
static ssize_t write_some(struct peer *peer, const char *data, size_t size) {
    size_t all = size;
    while (size) {
        ssize_t sent = peer->ssl != NULL ? tls_send(peer->ssl, data, size) : send(peer->fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) data += sent, size -= (size_t)sent;
        else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        else if (sent == 0 || errno != EINTR) return -1;
    }
    return (ssize_t)(all - size);
}

/* Write one slice of what waits; -1 where the client is gone. */
static int flush(struct peer *peer) {
    size_t end = peer->rest_size ? peer->rest_at : peer->out_size, size = end - peer->out_at;
    ssize_t sent;
    if (size) {
        sent = write_some(peer, peer->out + peer->out_at, size < SLICE ? size : SLICE);
        if (sent > 0) peer->out_at += (size_t)sent;
    } else {
        sent = write_some(peer, peer->rest, peer->rest_size < LONG ? peer->rest_size : LONG);
        if (sent > 0) peer->rest += sent, peer->rest_size -= (size_t)sent;
    }
    return sent < 0 ? -1 : 0;
}

static void put(struct peer *peer, const char *data, size_t size) {
    memcpy(room_for(peer, size), data, size);
    peer->out_size += size;
}

static void put_message(struct peer *peer, int opcode, const char *data, size_t size) {
    char *to = put_header(room_for(peer, 10 + size), opcode, size);
    memcpy(to, data, size);
    peer->out_size = (size_t)(to + size - peer->out);
}
