/* A WebSocket connection of the clients in C, floor.c and tail.c: to 127.0.0.1, in the clear or over TLS. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "frames.h"
#include "tls.h"

enum { ID_DIGITS = 15 };

/* An order as a client that has logged on sends it. The id is the part that changes: it is padded to a fixed length,
 * with a first digit that is not 0, so that only its bytes need to be written again. */
static const char REQUEST[] =
    "{\"id\":100000000000000,\"method\":\"order.place\",\"params\":{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"type\":"
    "\"LIMIT\",\"timeInForce\":\"GTC\",\"price\":\"52000.00\",\"quantity\":\"0.01000\",\"newClientOrderId\":\"bench-000001\","
    "\"timestamp\":1700000000000000}}";
static const int64_t FIRST_ID = 100000000000000;

struct connection {
    int fd;
    SSL *ssl; /* NULL: without TLS */
    char *in; /* `used` bytes that were read and are no whole frame yet */
    size_t used, room;
    int shaken;   /* the handshake of TLS is over, where it was made step by step */
    int upgraded; /* the handshake of WebSocket is over */
};

static char frame[sizeof REQUEST + 16];
static size_t frame_size, id_at;

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline void send_all(struct connection *to, const char *data, size_t size) {
    while (size) {
        ssize_t sent = to->ssl != NULL ? tls_send(to->ssl, data, size) : send(to->fd, data, size, 0);
        if (sent < 0 && errno != EINTR && errno != EAGAIN) die("the server is gone");
        if (sent > 0) data += sent, size -= (size_t)sent;
    }
}

/* Read once: as recv(). */
static inline ssize_t receive_some(struct connection *from, int flags) {
    ssize_t got;
    if (from->used == from->room - 1 && (from->in = realloc(from->in, from->room *= 2)) == NULL) die("out of memory");
    got = from->ssl != NULL ? tls_receive(from->ssl, from->in + from->used, from->room - 1 - from->used)
                            : recv(from->fd, from->in + from->used, from->room - 1 - from->used, flags);
    if (got > 0) from->used += (size_t)got;
    return got;
}

/* Connect the socket; the TLS handshake, if any, and the upgrade follow. */
static inline void connect_socket(struct connection *made, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {5, 0};
    int on = 1;
    address.sin_port = htons((uint16_t)port);
    *made = (struct connection){.fd = socket(AF_INET, SOCK_STREAM, 0), .room = 1 << 16, .in = malloc(1 << 16)};
    if (made->fd < 0 || made->in == NULL || connect(made->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("cannot connect");
    setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(made->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static inline void send_upgrade(struct connection *to, const char *path) {
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        path);
    if (size >= (int)sizeof request) die("the path is too long");
    send_all(to, request, (size_t)size);
}

/* Whether the answer to the upgrade was read, whole; it is removed. */
static inline int upgraded(struct connection *on) {
    char *end;
    on->in[on->used] = 0;
    end = strstr(on->in, "\r\n\r\n");
    if (end == NULL) return 0;
    if (strncmp(on->in, "HTTP/1.1 101", 12) != 0 || strstr(on->in, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL)
        die("the server refused the handshake");
    on->used = (size_t)(on->in + on->used - end - 4);
    memmove(on->in, end + 4, on->used);
    on->upgraded = 1;
    return 1;
}

/* Make the frame of REQUEST, masked by zeros: a key would cost some ten nanoseconds a request. */
static inline void make_frame(void) {
    size_t size = sizeof REQUEST - 1;
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | 126);
    frame[2] = (char)(size >> 8);
    frame[3] = (char)size;
    memset(frame + 4, 0, 4);
    memcpy(frame + 8, REQUEST, size);
    frame_size = 8 + size;
    id_at = 8 + 6;
}

static inline void send_request(struct connection *to, int64_t number) {
    int64_t id = FIRST_ID + number;
    for (int i = ID_DIGITS - 1; i >= 0; i--, id /= 10) frame[id_at + (size_t)i] = (char)('0' + id % 10);
    send_all(to, frame, frame_size);
}

/* The size of the whole frame at `at`, 0 where it is not whole; its payload at `*payload`. */
static inline size_t whole_frame(const char *at, const char *end, const char **payload) {
    size_t size, header = header_of(at, end, &size);
    if (header == 0 || (size_t)(end - at) < header + size) return 0;
    if ((unsigned char)*at != 0x81) die("a frame that is no whole text message");
    *payload = at + header;
    return header + size;
}

/* The number of the request that a reply answers; -1: it has no id, as events have none. */
static inline int64_t number_of(const char *payload) {
    int64_t id = 0;
    if (memcmp(payload, "{\"id\":", 6) != 0) return -1;
    for (payload += 6; *payload >= '0' && *payload <= '9'; payload++) id = id * 10 + (*payload - '0');
    return id - FIRST_ID;
}
