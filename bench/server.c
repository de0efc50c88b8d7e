/* A WebSocket server that costs as little as a server can, for benchmarks of clients on the same machine.
 *
 *     server spin|hot|block DELAY [tls=FILE] [feed-NAME=FILE...] NAME=FILE...
 *
 * With tls, whose file has the certificate and its key as PEM, it speaks TLS by OpenSSL: only if it is compiled with
 * -DWITH_TLS.
 *
 * It listens on 127.0.0.1 and prints its port. A request to the path /NAME is answered from the lines of FILE, one after
 * the other: the reply is {"id":<id of the request> followed by the line. A request whose method is the NAME of a file
 * is answered from that file, and session.logon from the file named "logon". The requests of one read are answered by
 * one write, DELAY nanoseconds after they were read. A long reply is written in slices, between which the server serves
 * its other connections.
 *
 * A connection to /NAME?events=RATE gets RATE lines of the file "events" a second, from its userDataStream.subscribe on.
 * One to /NAME?drop=MILLISECONDS is closed so long after its handshake.
 *
 * With feeds of recorded market data (feeds.h), it takes SUBSCRIBE and UNSUBSCRIBE on /stream, and plays a feed to all
 * connections that subscribed, whatever they named: one of binary messages to those with the header X-MBX-APIKEY, as the
 * exchange's SBE connections have it, one of texts to the others.
 *
 * "spin" reads the busy connection in a loop, without sleeping, so that a round trip holds no wake-up of the server;
 * when all have been quiet for some milliseconds it sleeps. "hot" asks for all connections in a loop and never sleeps.
 * "block" sleeps until there is something to read.
 *
 * It obeys the lines on its standard input, and ends when that closes: when its parent closes it, or dies.
 *
 *     drop NAME       close the connections to /NAME
 *     play NAME RATE COUNT PING   send COUNT messages of a feed, RATE a second (0: as fast as the clients read); with
 *                     PING 1, a ping halfway
 *     played          print as JSON how many are left, when the first was sent and the last was written, how long the
 *                     pong took
 *     watch           measure the turns of the loop from now on, in "hot"
 *     late            print the turns that took longer than LATE, as JSON: [start, nanoseconds, CPU nanoseconds,
 *                     involuntary context switches] of each */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "accept.h"
#include "feeds.h"
#include "frames.h"
#include "late.h"
#include "peers.h"
#include "ready.h"
#include "requests.h"
#include "tls.h"

enum {
    MAX_PEERS = 4096,
    MAX_SETS = 16,
    BUFFER = 1 << 20,
    BACKLOG = 64 << 20, /* bytes that wait for a client which does not read, at most, beside one reply */
    LOOK_AROUND = 256,  /* empty reads in a row (some 100 us) until a spinning server looks at other connections */
    SPINS = 20000       /* and until it sleeps */
};

static struct set sets[MAX_SETS], *events, stream = {.name = "stream"};
static int set_count, places; /* places of `peers` that were ever used */
static struct peer peers[MAX_PEERS];
static int active; /* connections with events, with an end, or with bytes that wait */
static int64_t delay;
static SSL_CTX *tls; /* NULL: without TLS */
static int watching;

/* Answer the upgrade request; the bytes it took, 0 where it is not whole, -1 where it is none. */
static ssize_t handshake(struct peer *peer) {
    char *in = peer->in, *end, *key = NULL, text[29], reply[256];
    size_t size;
    in[peer->used] = 0;
    end = strstr(in, "\r\n\r\n");
    if (end == NULL) return 0;
    if (strncmp(in, "GET /", 5) != 0) return -1;
    size = strcspn(in + 5, "? \r");
    for (int i = 0; i < set_count; i++)
        if (strlen(sets[i].name) == size && strncmp(sets[i].name, in + 5, size) == 0) peer->set = &sets[i];
    if (feed_count && size == 6 && strncmp(in + 5, "stream", 6) == 0) peer->set = &stream;
    if (strncmp(in + 5 + size, "?events=", 8) == 0) peer->rate = atoll(in + 5 + size + 8);
    if (strncmp(in + 5 + size, "?drop=", 6) == 0) peer->ends = now() + atoll(in + 5 + size + 6) * 1000000;
    for (char *line = strstr(in, "\r\n"); line != NULL && line < end; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "sec-websocket-key:", 18) == 0) key = line + 20;
        if (strncasecmp(line + 2, "x-mbx-apikey:", 13) == 0) peer->binary = 1;
    }
    if (peer->set == NULL || key == NULL) {
        static const char refusal[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        put(peer, refusal, sizeof refusal - 1);
        flush(peer);
        return -1;
    }
    key += strspn(key, " ");
    if (strcspn(key, " \r") != 24) return -1;
    accept_key(key, text);
    size = (size_t)snprintf(reply, sizeof reply,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n\r\n",
                            text);
    put(peer, reply, size);
    peer->open = 1;
    return end + 4 - in;
}

/* ---------------------------------------------------------------------------------------------- requests */

/* The set that answers a request's method, whatever the path; NULL where there is none. */
static struct set *set_of(char *request, size_t size) {
    char *method = find(request, size < 200 ? size : 200, "\"method\":", 9), *end = request + size;
    size_t length = 0;
    if (method == NULL) return NULL;
    method += 9;
    while (method < end && (*method == ' ' || *method == '"')) method++;
    while (method + length < end && method[length] != '"') length++;
    for (int i = 0; i < set_count; i++) {
        const char *name = strcmp(sets[i].name, "logon") == 0 ? "session.logon" : sets[i].name;
        if (name[0] == method[0] && strlen(name) == length && memcmp(name, method, length) == 0) return &sets[i];
    }
    return NULL;
}

static void put_reply(struct peer *peer, char *request, size_t size) {
    struct set *set = set_of(request, size);
    size_t line = 0, id_size;
    const char *id;
    char *to;
    id_size = id_of(request, size, &id);
    if (peer->set == &stream) {
        char text[128];
        peer->subscribed = 1;
        put_message(peer, 1, text, (size_t)snprintf(text, sizeof text, "{\"result\":null,\"id\":%.*s}", (int)id_size, id));
        return;
    }
    if (set == NULL) {
        set = peer->set;
        if (set->count == 0) return;
        line = peer->next;
        peer->next = line + 1 == set->count ? 0 : line + 1;
    } else if (peer->rate && events != NULL && strcmp(set->name, "userDataStream.subscribe") == 0) {
        peer->every = 1000000000 / peer->rate;
        peer->next_event = now() + peer->every;
    }
    to = put_header(room_for(peer, 16 + id_size + set->sizes[line]), 1, 6 + id_size + set->sizes[line]);
    memcpy(to, "{\"id\":", 6);
    memcpy(to + 6, id, id_size);
    to += 6 + id_size;
    if (set->sizes[line] > LONG && peer->rest_size == 0) {
        peer->rest = set->lines[line];
        peer->rest_size = set->sizes[line];
        peer->rest_at = (size_t)(to - peer->out);
    } else {
        memcpy(to, set->lines[line], set->sizes[line]);
        to += set->sizes[line];
    }
    peer->out_size = (size_t)(to - peer->out);
}

/* Answer the whole frames that were read; -1 where the connection is to be closed. */
static int answer(struct peer *peer) {
    char *at = peer->in, *end = peer->in + peer->used;
    int closing = 0;
    if (!peer->open) {
        ssize_t taken = handshake(peer);
        if (taken < 0) return -1;
        at += taken;
    }
    while (peer->open && !closing && end - at >= 6) {
        const unsigned char *head = (const unsigned char *)at;
        size_t size, header = header_of(at, end, &size);
        int opcode = head[0] & 15;
        if (!(head[0] & 128) || !(head[1] & 128)) return -1; /* fragments and unmasked frames: no client here sends them */
        if (header == 10) return -1;
        if (header == 0 || (size_t)(end - at) < header + 4 + size) break;
        at += header + 4;
        unmask(at, size, (const unsigned char *)at - 4);
        if (opcode == 1) {
            put_reply(peer, at, size);
        } else if (opcode == 8 || opcode == 9) {
            put_message(peer, opcode == 8 ? 8 : 10, at, size);
            closing = opcode == 8;
        } else if (opcode != 10) {
            return -1;
        } else if (playing.pinged && !playing.pong) {
            playing.pong = now() - playing.pinged;
        }
        at += size;
        if (peer->out_size - peer->out_at > BACKLOG) return -1;
    }
    peer->used = (size_t)(end - at);
    memmove(peer->in, at, peer->used);
    if (flush(peer) < 0) return -1;
    return closing ? -1 : 0;
}

static ssize_t receive(struct peer *peer) {
    char *to = peer->in + peer->used;
    size_t room = BUFFER - 1 - peer->used;
    return peer->ssl != NULL ? tls_receive(peer->ssl, to, room) : recv(peer->fd, to, room, 0);
}

static void drop(struct peer *peer) {
    if (busy_with(peer)) active--;
    if (peer->ssl != NULL) tls_free(peer->ssl);
    forget(peer->fd);
    close(peer->fd);
    free(peer->in);
    free(peer->out);
    *peer = (struct peer){.fd = -1};
}

/* Read what there is and answer it: 1 done, 0 there was nothing. A connection that ended is closed. */
static int serve(struct peer *peer) {
    ssize_t got = receive(peer), more;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    if (got > 0) {
        int64_t until = delay ? now() + delay : 0;
        int was = busy_with(peer);
        while (delay && now() < until) continue;
        peer->used += (size_t)got;
        while (peer->ssl != NULL && tls_pending(peer->ssl) && (more = receive(peer)) > 0) peer->used += (size_t)more;
        if (answer(peer) == 0 && peer->used < BUFFER - 1) {
            active += busy_with(peer) - was;
            return 1;
        }
        active += busy_with(peer) - was;
    }
    drop(peer);
    return 1;
}

/* Send the events that are due, and a slice of what waits, of each connection that has any; close those whose time is
 * over. */
static void push(void) {
    for (int i = 0; i < places; i++) {
        struct peer *peer = &peers[i];
        int64_t at;
        if (peer->fd < 0 || !busy_with(peer)) continue;
        at = now();
        if (peer->ends && peer->ends <= at) {
            drop(peer);
            continue;
        }
        for (; peer->next_event && peer->next_event <= at; peer->next_event += peer->every) {
            put_message(peer, 1, events->lines[peer->event], events->sizes[peer->event]);
            if (++peer->event == events->count) peer->event = 0;
        }
        if (peer->out_size == peer->out_at && peer->rest_size == 0) continue;
        if (flush(peer) < 0 || ((peer->next_event || peer->subscribed) && peer->out_size - peer->out_at > BACKLOG)) drop(peer);
        else if (!busy_with(peer)) active--;
    }
}

static int gets(const struct peer *peer, const struct feed *feed) {
    return peer->fd >= 0 && peer->subscribed && peer->binary == feed->binary;
}

/* Put the messages of the feed that are due, for all that subscribed; without a rate, a slice of them when all that was
 * put is written. */
static void put_feed(void) {
    const struct feed *feed = playing.feed;
    uint64_t clock = microseconds_now();
    int64_t at = now();
    size_t put_now = 0;
    for (int i = 0; i < places; i++) {
        if (!gets(&peers[i], feed) || peers[i].out_size == peers[i].out_at) continue;
        if (playing.every == 0 || playing.left == 0) return;
    }
    if (playing.left == 0) {
        playing.ended = at;
        return;
    }
    if (playing.began == 0) playing.began = at;
    while (playing.left && (playing.every ? playing.next <= at : put_now < SLICE)) {
        size_t from = feed->starts[playing.at], size = feed->starts[playing.at + 1] - from;
        patch_before(feed, playing.at, clock);
        for (int i = 0; i < places; i++) {
            struct peer *peer = &peers[i];
            if (!gets(peer, feed)) continue;
            active += !busy_with(peer);
            put(peer, feed->bytes + from, size);
            if (playing.left == playing.ping_at) {
                put_message(peer, 9, "halfway", 7);
                playing.pinged = at;
            }
        }
        patch_after(feed, playing.at);
        if (++playing.at == feed->count) playing.at = 0;
        playing.left--;
        playing.next += playing.every;
        put_now += size;
    }
}

/* ------------------------------------------------------------------------------------------------ main */

static void load(const char *argument) {
    const char *path = strchr(argument, '=');
    struct set *set = &sets[set_count];
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (path == NULL || set_count == MAX_SETS) die("expected NAME=FILE, at most 16 of them");
    if (strncmp(argument, "feed-", 5) == 0) {
        if (!load_feed(argument + 5, (size_t)(path - argument - 5), path + 1)) die("a file of a feed cannot be read");
        return;
    }
    if (strncmp(argument, "tls=", 4) == 0) {
        if ((tls = tls_server(path + 1)) == NULL) die("there is no TLS, or its certificate or key cannot be used");
        return;
    }
    file = fopen(path + 1, "rb");
    if (file == NULL) die("a file of replies cannot be opened");
    set->name = strndup(argument, (size_t)(path - argument));
    if (strcmp(set->name, "events") == 0) events = set;
    while ((size = getline(&line, &room, file)) > 0) {
        if (line[size - 1] == '\n') size--;
        set->lines = realloc(set->lines, (set->count + 1) * sizeof *set->lines);
        set->sizes = realloc(set->sizes, (set->count + 1) * sizeof *set->sizes);
        set->lines[set->count] = malloc((size_t)size);
        memcpy(set->lines[set->count], line, (size_t)size);
        set->sizes[set->count++] = (size_t)size;
    }
    free(line);
    fclose(file);
    set_count++;
}

static void accept_one(int listener) {
    int fd = accept(listener, NULL, NULL), on = 1, i = 0;
    if (fd < 0) return;
    while (i < places && peers[i].fd >= 0) i++;
    if (i == MAX_PEERS) {
        close(fd);
        return;
    }
    if (i == places) places++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peers[i] = (struct peer){.fd = fd, .in = malloc(BUFFER)};
    if (peers[i].in == NULL) die("out of memory");
    if (tls != NULL && (peers[i].ssl = tls_accept(tls, fd)) == NULL) die("out of memory");
    watch(fd, i);
}

static void obey(void) {
    char text[256], *line, *rest = text;
    ssize_t got = read(0, text, sizeof text - 1);
    if (got <= 0) exit(0);
    text[got] = 0;
    while ((line = strsep(&rest, "\n")) != NULL && *line) {
        if (strncmp(line, "drop ", 5) == 0) {
            for (int i = 0; i < places; i++)
                if (peers[i].fd >= 0 && peers[i].set != NULL && strcmp(peers[i].set->name, line + 5) == 0) drop(&peers[i]);
        } else if (strncmp(line, "play ", 5) == 0) {
            if (!play(line + 5)) die("no such feed: play NAME RATE COUNT PING");
        } else if (strcmp(line, "played") == 0) {
            print_played();
        } else if (strcmp(line, "watch") == 0) {
            watching = 1;
        } else if (strcmp(line, "late") == 0) {
            print_late();
        }
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), spin, hot, idle = 0, on = 1;
    struct peer *busy = NULL;

    if (argc < 4 || (strcmp(argv[1], "spin") != 0 && strcmp(argv[1], "hot") != 0 && strcmp(argv[1], "block") != 0))
        die("usage: server spin|hot|block DELAY NAME=FILE...");
    spin = strcmp(argv[1], "spin") == 0;
    hot = strcmp(argv[1], "hot") == 0;
    delay = atoll(argv[2]);
    for (int i = 3; i < argc; i++) load(argv[i]);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("cannot listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(0, -1);
    watch(listener, -2);

    for (;;) {
        int which[MOST_READY], count, wait = hot ? 0 : -1;
        if (playing.feed != NULL && playing.ended == 0) put_feed(), wait = 0;
        if (active) push(), wait = 0;
        if (watching) turn();
        if (busy != NULL && busy->fd >= 0 && idle < SPINS) {
            idle = serve(busy) ? 0 : idle + 1;
            if (idle == 0 || idle % LOOK_AROUND != 0) continue;
            wait = 0;
        }
        count = ready(which, active || (playing.feed != NULL && playing.ended == 0) ? 0 : wait);
        for (int i = 0; i < count; i++) {
            if (which[i] == -1) obey();
            if (which[i] == -2) accept_one(listener);
            if (which[i] < 0 || peers[which[i]].fd < 0) continue;
            serve(&peers[which[i]]);
            if (spin) {
                busy = &peers[which[i]];
                idle = 0;
            }
        }
    }
}
