/* The least that a client can cost: round trips over a plain socket, in C, without an event loop and without JSON.
 *
 *     floor PORT PATH block|spin [AUTHORITY]
 *
 * With the authority of the server's certificate, a PEM file, it goes through TLS by OpenSSL: only if it is compiled with
 * -DWITH_TLS.
 *
 * It connects to a WebSocket server on 127.0.0.1 and then obeys the lines on its standard input:
 *
 *     IN_FLIGHT COUNT     make COUNT round trips, IN_FLIGHT at a time, one send a request, and print as JSON how long
 *                         they took: {"trips", "elapsed_ns", "cpu_ns", "median_ns", "p99_ns"}; the last two are of a
 *                         request's send to its reply.
 *
 * Each reply is held against an id that is in flight, so a wrong or missing reply ends the program with an error. It
 * ends when its standard input closes, and when the server is silent for five seconds. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tls.h"

enum { BUFFER = 1 << 20, MAX_TRIPS = 1000000, ID_DIGITS = 15 };

static const int64_t SILENCE = 5000000000; /* nanoseconds */

/* An order as a client that has logged on sends it. The id is the part that changes: it is padded to a fixed length,
 * with a first digit that is not 0, so that only its bytes need to be written again. */
static const char REQUEST[] =
    "{\"id\":100000000000000,\"method\":\"order.place\",\"params\":{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"type\":"
    "\"LIMIT\",\"timeInForce\":\"GTC\",\"price\":\"52000.00\",\"quantity\":\"0.01000\",\"newClientOrderId\":\"bench-000001\","
    "\"timestamp\":1700000000000000}}";
static const int64_t FIRST_ID = 100000000000000;

static int fd, spin;
static SSL *ssl; /* NULL: without TLS */
static char in[BUFFER], frame[sizeof REQUEST + 16];
static size_t used, frame_size, id_at;
static int64_t sent_at[MAX_TRIPS], took[MAX_TRIPS];

static void die(const char *what) {
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t cpu_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void send_all(const char *data, size_t size) {
    while (size) {
        ssize_t sent = ssl != NULL ? tls_send(ssl, data, size) : send(fd, data, size, 0);
        if (sent < 0 && errno != EINTR && errno != EAGAIN) die("the server is gone");
        if (sent > 0) data += sent, size -= (size_t)sent;
    }
}

static void receive(void) {
    int64_t until = 0;
    for (;;) {
        char *to = in + used;
        size_t room = BUFFER - 1 - used;
        ssize_t got = ssl != NULL ? tls_receive(ssl, to, room) : recv(fd, to, room, spin ? MSG_DONTWAIT : 0);
        if (got > 0) {
            used += (size_t)got;
            return;
        }
        if (got == 0) die("the server closed the connection");
        if (errno == EINTR) continue;
        if (!spin || (errno != EAGAIN && errno != EWOULDBLOCK)) die("no reply");
        if (until == 0) until = now() + SILENCE;
        else if (now() > until) die("no reply");
    }
}

static void open_connection(int port, const char *path, const char *authority) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {5, 0};
    char request[512], *end;
    int on = 1, size;
    address.sin_port = htons((uint16_t)port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (authority != NULL) {
        if ((ssl = tls_connect(fd, authority)) == NULL) die("no TLS with the server");
        if (spin && fcntl(fd, F_SETFL, O_NONBLOCK) < 0) die("cannot set the socket");
    }
    size = snprintf(request, sizeof request,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                    path);
    if (size >= (int)sizeof request) die("the path is too long");
    send_all(request, (size_t)size);
    do {
        receive();
        in[used] = 0;
        end = strstr(in, "\r\n\r\n");
    } while (end == NULL);
    if (strncmp(in, "HTTP/1.1 101", 12) != 0 || strstr(in, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL)
        die("the server refused the handshake");
    used = 0;
}

/* Make the frame of REQUEST, masked by zeros: a key would cost some ten nanoseconds a request. */
static void make_frame(void) {
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

static void request(int64_t number) {
    int64_t id = FIRST_ID + number;
    for (int i = ID_DIGITS - 1; i >= 0; i--, id /= 10) frame[id_at + (size_t)i] = (char)('0' + id % 10);
    sent_at[number] = now();
    send_all(frame, frame_size);
}

/* The size of the whole frame at `at`, 0 where it is not whole; its payload at `*payload`. */
static size_t whole_frame(const char *at, const char *end, const char **payload) {
    const unsigned char *head = (const unsigned char *)at;
    size_t header = 2, size;
    if (end - at < 2) return 0;
    size = head[1];
    if (size == 126) {
        if (end - at < 4) return 0;
        size = (size_t)head[2] << 8 | head[3];
        header = 4;
    } else if (size == 127) {
        if (end - at < 10) return 0;
        size = 0;
        for (int i = 2; i < 10; i++) size = size << 8 | head[i];
        header = 10;
    }
    if ((size_t)(end - at) < header + size) return 0;
    if (head[0] != 0x81) die("a frame that is no whole text message");
    *payload = at + header;
    return header + size;
}

static int64_t id_of(const char *payload) {
    int64_t id = 0;
    if (memcmp(payload, "{\"id\":", 6) != 0) die("a reply that does not begin with its id");
    for (payload += 6; *payload >= '0' && *payload <= '9'; payload++) id = id * 10 + (*payload - '0');
    return id;
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void run(int64_t in_flight, int64_t count) {
    int64_t sent = 0, done = 0, start = now(), cpu = cpu_time(), elapsed;
    while (sent < in_flight && sent < count) request(sent++);
    while (done < count) {
        const char *at = in, *payload;
        size_t size;
        receive();
        while ((size = whole_frame(at, in + used, &payload)) != 0) {
            int64_t number = id_of(payload) - FIRST_ID;
            if (number < 0 || number >= sent || sent_at[number] == 0) die("a reply to no request in flight");
            took[done++] = now() - sent_at[number];
            sent_at[number] = 0;
            at += size;
            if (sent < count) request(sent++);
        }
        used -= (size_t)(at - in);
        memmove(in, at, used);
    }
    elapsed = now() - start;
    cpu = cpu_time() - cpu;
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("{\"trips\": %lld, \"elapsed_ns\": %lld, \"cpu_ns\": %lld, \"median_ns\": %lld, \"p99_ns\": %lld}\n",
           (long long)count, (long long)elapsed, (long long)cpu, (long long)took[count / 2],
           (long long)took[count * 99 / 100]);
    fflush(stdout);
}

int main(int argc, char **argv) {
    char line[64];
    if (argc < 4 || argc > 5 || (strcmp(argv[3], "block") != 0 && strcmp(argv[3], "spin") != 0))
        die("usage: floor PORT PATH block|spin [AUTHORITY]");
    spin = strcmp(argv[3], "spin") == 0;
    open_connection(atoi(argv[1]), argv[2], argc == 5 ? argv[4] : NULL);
    make_frame();
    while (fgets(line, sizeof line, stdin) != NULL) {
        long long in_flight, count;
        if (sscanf(line, "%lld %lld", &in_flight, &count) != 2 || in_flight < 1 || count < 1 || count > MAX_TRIPS)
            die("expected IN_FLIGHT COUNT, at most 1000000");
        run(in_flight, count);
    }
    return 0;
}
