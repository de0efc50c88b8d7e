/* A client in C that never sleeps, for the latency of orders under load: beside it stands tail_client.py, which obeys
 * the same lines.
 *
 *     tail PORT [AUTHORITY]        AUTHORITY as for floor.c
 *
 * On its standard input:
 *
 *     open COUNT PATH              open COUNT connections
 *     subscribe FIRST              user data events on connection FIRST; they are counted
 *     thread PATH                  open a connection in another thread, subscribe there, and count
 *     wait SECONDS                 read all connections for so long
 *     orders FIRST COUNT RATE ORDERS [BIG EVERY]
 *                                  place ORDERS orders on the connections FIRST to FIRST + COUNT - 1 in turn, RATE a
 *                                  second by the clock, whether or not replies come (0: the next order follows the
 *                                  reply). Each EVERY orders, exchangeInfo on connection BIG.
 *     close                        close all connections
 *
 * Each is answered by one line of JSON. That of orders: {"late": from when each order was due to its reply, in ns,
 * "events": events that came meanwhile, "big": how many replies to exchangeInfo came, "lost": connections that the server
 * closed, which were made anew, "cpu_ns"}. */

#include <pthread.h>

#include "client.h"
#include "ready.h"

enum { MAX_CONNECTIONS = 4000, MAX_ORDERS = 1000000, BIG_ID = 500000000, FEW = 2 };

static const int64_t SILENCE = 10000000000; /* nanoseconds */

static struct connection all[MAX_CONNECTIONS];
static char *paths[MAX_CONNECTIONS];
static const char *authority;
static int port, opened;
static int64_t due[MAX_ORDERS], took[MAX_ORDERS], done, events, big, lost;
static _Atomic int64_t others; /* events in the other thread */
static _Atomic int ending;     /* it is to end */

static void request_text(struct connection *to, const char *text) {
    char framed[256], *at = put_header(framed, 1, strlen(text));
    framed[1] = (char)(framed[1] | 0x80);
    memset(at, 0, 4);
    memcpy(at + 4, text, strlen(text));
    send_all(to, framed, (size_t)(at + 4 - framed) + strlen(text));
}

static void begin(int i) {
    connect_socket(&all[i], port);
    if (authority != NULL && (all[i].ssl = tls_begin(all[i].fd, authority)) == NULL) die("no TLS");
    fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
    watch(all[i].fd, i);
    if (authority == NULL) send_upgrade(&all[i], paths[i]);
    else tls_continue(all[i].ssl); /* speaks first */
}

/* The connection is closed; with `again` it is made anew. */
static void end(int i, int again) {
    if (all[i].ssl != NULL) tls_free(all[i].ssl);
    forget(all[i].fd);
    close(all[i].fd);
    free(all[i].in);
    if (again) begin(i);
}

static void take(struct connection *from) {
    const char *at = from->in, *payload;
    size_t size;
    while ((size = whole_frame(at, from->in + from->used, &payload)) != 0) {
        int64_t number = number_of(payload);
        at += size;
        if (number < 0) events++;
        else if (number >= BIG_ID) big++;
        else if (number >= MAX_ORDERS || due[number] == 0) die("a reply to no order in flight");
        else took[number] = now() - due[number], due[number] = 0, done++;
    }
    from->used -= (size_t)(at - from->in);
    memmove(from->in, at, from->used);
}

/* One read of a connection. */
static void read_once(int i) {
    struct connection *from = &all[i];
    ssize_t got;
    if (from->ssl != NULL && !from->shaken) {
        int state = tls_continue(from->ssl);
        if (state < 0) end(i, 1);
        if (state > 0) from->shaken = 1, send_upgrade(from, paths[i]);
        return;
    }
    got = receive_some(from, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got <= 0) {
        lost++;
        end(i, 1);
        return;
    }
    if (from->upgraded || upgraded(from)) take(from);
}

static void turn(void) {
    int which[MOST_READY], count = opened;
    if (opened > FEW) count = ready(which, 0);
    for (int i = 0; i < count; i++) {
        int at = opened > FEW ? which[i] : i;
        do read_once(at);
        while (all[at].ssl != NULL && tls_pending(all[at].ssl));
    }
}

static void open_all(int count, const char *path) {
    int64_t until = now() + SILENCE;
    for (int i = opened, last = opened + count; i < last; i++) {
        if (i == MAX_CONNECTIONS) die("too many connections");
        paths[i] = strdup(path);
        begin(i);
        opened++;
        while (!all[i].upgraded) {
            turn();
            if (now() > until) die("a connection does not open");
        }
    }
}

static void *in_thread(void *path) {
    struct connection own;
    const char *at, *payload;
    size_t size;
    connect_socket(&own, port);
    if (authority != NULL && (own.ssl = tls_connect(own.fd, authority)) == NULL) die("no TLS with the server");
    send_upgrade(&own, path);
    do receive_some(&own, 0);
    while (!upgraded(&own));
    request_text(&own, "{\"id\":99,\"method\":\"userDataStream.subscribe\"}");
    while (!ending && receive_some(&own, 0) > 0) {
        for (at = own.in; (size = whole_frame(at, own.in + own.used, &payload)) != 0; at += size) others++;
        own.used -= (size_t)(at - own.in);
        memmove(own.in, at, own.used);
    }
    if (own.ssl != NULL) tls_free(own.ssl);
    close(own.fd);
    free(own.in);
    return NULL;
}

static void orders(int first, int count, long long rate, int64_t number, int at_big, int64_t every) {
    int64_t sent = 0, asked = 0, start = now() + 1000000, at, cpu = cpu_time(), before = events + others;
    int64_t last = start;
    done = big = lost = 0;
    while (done < number || big < asked) {
        at = now();
        if (done == number && at > last + SILENCE) die("no reply");
        while (sent < number && (rate ? at >= start + sent * 1000000000 / rate : sent == done)) {
            if (every && sent % every == every / 2) {
                char text[80];
                snprintf(text, sizeof text, "{\"id\":%lld,\"method\":\"exchangeInfo\"}",
                         (long long)(FIRST_ID + BIG_ID + asked++));
                request_text(&all[at_big], text);
            }
            due[sent] = rate ? start + sent * 1000000000 / rate : now();
            send_request(&all[first + sent % count], sent);
            last = at;
            sent++;
        }
        turn();
    }
    printf("{\"events\": %lld, \"big\": %lld, \"lost\": %lld, \"cpu_ns\": %lld, \"late\": [",
           (long long)(events + others - before), (long long)big, (long long)lost, (long long)(cpu_time() - cpu));
    for (int64_t i = 0; i < number; i++) printf("%s%lld", i ? ", " : "", (long long)took[i]);
    printf("]}\n");
}

int main(int argc, char **argv) {
    char line[256], path[128];
    pthread_t thread;
    int threads = 0; /* one at most */
    if (argc < 2) die("usage: tail PORT [AUTHORITY]");
    port = atoi(argv[1]);
    authority = argc > 2 ? argv[2] : NULL;
    make_frame();
    while (fgets(line, sizeof line, stdin) != NULL) {
        int first, count, at_big = 0;
        long long rate, number, every = 0;
        double seconds;
        if (sscanf(line, "open %d %127s", &count, path) == 2) {
            open_all(count, path);
            printf("{\"connections\": %d}\n", opened);
        } else if (sscanf(line, "subscribe %d", &first) == 1) {
            request_text(&all[first], "{\"id\":99,\"method\":\"userDataStream.subscribe\"}");
            printf("{}\n");
        } else if (sscanf(line, "thread %127s", path) == 1) {
            others = ending = 0;
            if (pthread_create(&thread, NULL, in_thread, strdup(path)) != 0) die("no thread");
            threads++;
            while (others < 10) continue;
            printf("{}\n");
        } else if (sscanf(line, "wait %lf", &seconds) == 1) {
            for (int64_t until = now() + (int64_t)(seconds * 1e9); now() < until;) turn();
            printf("{}\n");
        } else if (sscanf(line, "orders %d %d %lld %lld %d %lld", &first, &count, &rate, &number, &at_big, &every) >= 4) {
            if (number > MAX_ORDERS || first + count > opened) die("more orders or connections than there are");
            orders(first, count, rate, number, at_big, every);
        } else if (strncmp(line, "close", 5) == 0) {
            ending = 1;
            for (; threads > 0; threads--) pthread_join(thread, NULL);
            for (; opened > 0; opened--) end(opened - 1, 0);
            printf("{}\n");
        } else {
            die("a line that is no command");
        }
        fflush(stdout);
    }
    return 0;
}
