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

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { MAX_TRIPS = 1000000 };

static const int64_t SILENCE = 5000000000; /* nanoseconds */

static struct connection exchange;
static int spin;
static int64_t sent_at[MAX_TRIPS], took[MAX_TRIPS];

static void receive(void) {
    int64_t until = 0;
    for (;;) {
        ssize_t got = receive_some(&exchange, spin ? MSG_DONTWAIT : 0);
        if (got > 0) return;
        if (got == 0) die("the server closed the connection");
        if (errno == EINTR) continue;
        if (!spin || (errno != EAGAIN && errno != EWOULDBLOCK)) die("no reply");
        if (until == 0) until = now() + SILENCE;
        else if (now() > until) die("no reply");
    }
}

static void open_connection(int port, const char *path, const char *authority) {
    connect_socket(&exchange, port);
    if (authority != NULL) {
        if ((exchange.ssl = tls_connect(exchange.fd, authority)) == NULL) die("no TLS with the server");
        if (spin && fcntl(exchange.fd, F_SETFL, O_NONBLOCK) < 0) die("cannot set the socket");
    }
    send_upgrade(&exchange, path);
    do receive();
    while (!upgraded(&exchange));
}

static void request(int64_t number) {
    sent_at[number] = now();
    send_request(&exchange, number);
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void run(int64_t in_flight, int64_t count) {
    int64_t sent = 0, done = 0, start = now(), cpu = cpu_time(), elapsed;
    while (sent < in_flight && sent < count) request(sent++);
    while (done < count) {
        const char *at = exchange.in, *payload;
        size_t size;
        receive();
        while ((size = whole_frame(at, exchange.in + exchange.used, &payload)) != 0) {
            int64_t number = number_of(payload);
            if (number < 0 || number >= sent || sent_at[number] == 0) die("a reply to no request in flight");
            took[done++] = now() - sent_at[number];
            sent_at[number] = 0;
            at += size;
            if (sent < count) request(sent++);
        }
        exchange.used -= (size_t)(at - exchange.in);
        memmove(exchange.in, at, exchange.used);
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
