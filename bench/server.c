/* A WebSocket server that costs as little as a server can, for benchmarks of clients on the same machine.
 *
 *     server spin|block DELAY [tls=FILE] NAME=FILE...
 *
 * With tls, whose file has the certificate and its key as PEM, it speaks TLS by OpenSSL: only if it is compiled with
 * -DWITH_TLS.
 *
 * It listens on 127.0.0.1 and prints its port. A request to the path /NAME is answered from the lines of FILE, one after
 * the other: the reply is {"id":<id of the request> followed by the line. A session.logon is answered from the file
 * named "logon". The requests of one read are answered by one write,
 * DELAY nanoseconds after they were read.
 *
 * "spin" reads the busy connection in a loop, without sleeping, so that a round trip holds no wake-up of the server;
 * when all have been quiet for some milliseconds it sleeps. "block" always sleeps until there is
 * something to read.
 *
 * The server ends when its standard input closes: that is when its parent closes it, or dies. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tls.h"

enum {
    MAX_PEERS = 32,
    MAX_SETS = 8,
    BUFFER = 1 << 20,
    LOOK_AROUND = 256,  /* empty reads in a row (some 100 us) until a spinning server looks at other connections */
    SPINS = 20000,      /* and until it sleeps */
    SEND_TIMEOUT = 5000 /* milliseconds */
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
};

static struct set sets[MAX_SETS];
static int set_count;
static struct peer peers[MAX_PEERS];
static char out[2 * BUFFER];
static int64_t delay;
static SSL_CTX *tls; /* NULL: without TLS */

static void die(const char *what) {
    fprintf(stderr, "server: %s\n", what);
    exit(1);
}

/* ------------------------------------------------------------------------------------------- handshake */

static uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

static void sha1_block(uint32_t h[5], const unsigned char *p) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, k, t;
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else f = b ^ c ^ d, k = 0xCA62C1D6;
        t = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* SHA-1 of at most 119 bytes: the key of a handshake and its GUID have 60. */
static void sha1(const char *text, size_t size, unsigned char digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char block[128] = {0};
    size_t total = size < 56 ? 64 : 128;
    memcpy(block, text, size);
    block[size] = 0x80;
    block[total - 2] = (unsigned char)(size * 8 >> 8);
    block[total - 1] = (unsigned char)(size * 8);
    for (size_t i = 0; i < total; i += 64) sha1_block(h, block + i);
    for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

/* The 28 characters of base64 of a SHA-1 digest. */
static void base64(const unsigned char digest[20], char text[29]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char in[21] = {0};
    memcpy(in, digest, 20);
    for (int i = 0; i < 7; i++) {
        uint32_t v = (uint32_t)in[i * 3] << 16 | (uint32_t)in[i * 3 + 1] << 8 | in[i * 3 + 2];
        for (int j = 0; j < 4; j++) text[i * 4 + j] = alphabet[v >> (18 - 6 * j) & 63];
    }
    text[27] = '=';
    text[28] = 0;
}

static int send_all(struct peer *peer, const char *data, size_t size) {
    while (size) {
        ssize_t sent = peer->ssl != NULL ? tls_send(peer->ssl, data, size) : send(peer->fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd wait = {peer->fd, POLLOUT, 0};
            if (poll(&wait, 1, SEND_TIMEOUT) <= 0) return -1;
        } else if (sent < 0 && errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

/* Answer the upgrade request; the bytes it took, 0 where it is not whole, -1 where it is none. */
static ssize_t handshake(struct peer *peer) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char *in = peer->in, *end, *key = NULL, text[29], joined[100], reply[256];
    unsigned char digest[20];
    size_t size;
    in[peer->used] = 0;
    end = strstr(in, "\r\n\r\n");
    if (end == NULL) return 0;
    if (strncmp(in, "GET /", 5) != 0) return -1;
    size = strcspn(in + 5, "? \r");
    for (int i = 0; i < set_count; i++)
        if (strlen(sets[i].name) == size && strncmp(sets[i].name, in + 5, size) == 0) peer->set = &sets[i];
    for (char *line = strstr(in, "\r\n"); line != NULL && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, "sec-websocket-key:", 18) == 0) key = line + 20;
    if (peer->set == NULL || key == NULL) {
        static const char refusal[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        send_all(peer, refusal, sizeof refusal - 1);
        return -1;
    }
    key += strspn(key, " ");
    size = strcspn(key, " \r");
    if (size != 24) return -1;
    memcpy(joined, key, size);
    memcpy(joined + size, guid, sizeof guid - 1);
    sha1(joined, size + sizeof guid - 1, digest);
    base64(digest, text);
    size = (size_t)snprintf(reply, sizeof reply,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n\r\n",
                            text);
    if (send_all(peer, reply, size) < 0) return -1;
    peer->open = 1;
    return end + 4 - in;
}

/* ---------------------------------------------------------------------------------------------- frames */

static char *put_header(char *to, int opcode, size_t size) {
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

static void unmask(char *data, size_t size, const unsigned char mask[4]) {
    uint64_t wide;
    uint32_t narrow;
    size_t i = 0;
    memcpy(&narrow, mask, 4);
    wide = (uint64_t)narrow << 32 | narrow;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < size; i++) data[i] ^= (char)mask[i & 3];
}

static char *find(char *data, size_t size, const char *what, size_t length) {
    char *end = data + size;
    while ((size_t)(end - data) >= length) {
        data = memchr(data, what[0], (size_t)(end - data) - length + 1);
        if (data == NULL) return NULL;
        if (memcmp(data, what, length) == 0) return data;
        data++;
    }
    return NULL;
}

/* The text of the id of a request, an integer, a string or null; "null" where it has none. */
static size_t id_of(char *request, size_t size, const char **id) {
    char *end = request + size, *at = find(request, size, "\"id\":", 5), *to;
    *id = "null";
    if (at == NULL) return 4;
    at += 5;
    while (at < end && *at == ' ') at++;
    to = at;
    if (to < end && *to == '"') {
        for (to++; to < end && *to != '"'; to++)
            if (*to == '\\') to++;
        to++;
    } else {
        while (to < end && *to != ',' && *to != '}' && *to != ' ') to++;
    }
    if (to > end) return 4;
    *id = at;
    return (size_t)(to - at);
}

static struct set *logon_set(void) {
    for (int i = 0; i < set_count; i++)
        if (strcmp(sets[i].name, "logon") == 0) return &sets[i];
    return NULL;
}

static char *put_reply(struct peer *peer, char *to, char *request, size_t size) {
    static const char logon[] = "\"session.logon\"";
    struct set *set = peer->set;
    size_t line = peer->next;
    const char *id;
    size_t id_size = id_of(request, size, &id);
    if (set->count == 0) return to;
    if (logon_set() != NULL && find(request, size < 80 ? size : 80, logon, sizeof logon - 1) != NULL) {
        set = logon_set();
        line = 0;
    } else {
        peer->next = line + 1 == set->count ? 0 : line + 1;
    }
    to = put_header(to, 1, 6 + id_size + set->sizes[line]);
    memcpy(to, "{\"id\":", 6);
    memcpy(to + 6, id, id_size);
    memcpy(to + 6 + id_size, set->lines[line], set->sizes[line]);
    return to + 6 + id_size + set->sizes[line];
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Answer the whole frames that were read; -1 where the connection is to be closed. */
static int answer(struct peer *peer) {
    char *at = peer->in, *end = peer->in + peer->used, *to = out;
    int closing = 0;
    if (!peer->open) {
        ssize_t taken = handshake(peer);
        if (taken < 0) return -1;
        at += taken;
    }
    while (peer->open && !closing && end - at >= 6) {
        const unsigned char *head = (const unsigned char *)at;
        size_t size = head[1] & 127;
        int header = 2, opcode = head[0] & 15;
        if (!(head[0] & 128) || !(head[1] & 128)) return -1; /* fragments and unmasked frames: no client here sends them */
        if (size == 126) {
            if (end - at < 8) break;
            size = (size_t)head[2] << 8 | head[3];
            header = 4;
        } else if (size == 127) {
            return -1;
        }
        if ((size_t)(end - at) < header + 4 + size) break;
        at += header + 4;
        unmask(at, size, (const unsigned char *)at - 4);
        if (opcode == 1) {
            to = put_reply(peer, to, at, size);
        } else if (opcode == 8 || opcode == 9) {
            to = put_header(to, opcode == 8 ? 8 : 10, size);
            memcpy(to, at, size);
            to += size;
            closing = opcode == 8;
        } else if (opcode != 10) {
            return -1;
        }
        at += size;
        if (to - out > BUFFER) { /* no reply is longer than the other half of `out` */
            if (send_all(peer, out, (size_t)(to - out)) < 0) return -1;
            to = out;
        }
    }
    peer->used = (size_t)(end - at);
    memmove(peer->in, at, peer->used);
    if (to > out && send_all(peer, out, (size_t)(to - out)) < 0) return -1;
    return closing ? -1 : 0;
}

static ssize_t receive(struct peer *peer) {
    char *to = peer->in + peer->used;
    size_t room = BUFFER - 1 - peer->used;
    return peer->ssl != NULL ? tls_receive(peer->ssl, to, room) : recv(peer->fd, to, room, 0);
}

/* Read what there is and answer it: 1 done, 0 there was nothing. A connection that ended is closed. */
static int serve(struct peer *peer) {
    ssize_t got = receive(peer), more;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    if (got > 0) {
        int64_t until = delay ? now() + delay : 0;
        while (delay && now() < until) continue;
        peer->used += (size_t)got;
        while (peer->ssl != NULL && tls_pending(peer->ssl) && (more = receive(peer)) > 0) peer->used += (size_t)more;
        if (answer(peer) == 0 && peer->used < BUFFER - 1) return 1;
    }
    if (peer->ssl != NULL) tls_free(peer->ssl);
    close(peer->fd);
    free(peer->in);
    peer->fd = -1;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ main */

static void load(const char *argument) {
    const char *path = strchr(argument, '=');
    struct set *set = &sets[set_count];
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (path == NULL || set_count == MAX_SETS) die("expected NAME=FILE, at most 8 of them");
    if (strncmp(argument, "tls=", 4) == 0) {
        if ((tls = tls_server(path + 1)) == NULL) die("there is no TLS, or its certificate or key cannot be used");
        return;
    }
    file = fopen(path + 1, "rb");
    if (file == NULL) die("a file of replies cannot be opened");
    set->name = strndup(argument, (size_t)(path - argument));
    while ((size = getline(&line, &room, file)) > 0) {
        if (line[size - 1] == '\n') size--;
        if (size > BUFFER / 2) die("a reply is longer than 512 kB");
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
    int fd = accept(listener, NULL, NULL), on = 1;
    if (fd < 0) return;
    for (int i = 0; i < MAX_PEERS; i++) {
        if (peers[i].fd >= 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        peers[i] = (struct peer){.fd = fd, .in = malloc(BUFFER)};
        if (peers[i].in == NULL) die("out of memory");
        if (tls != NULL && (peers[i].ssl = tls_accept(tls, fd)) == NULL) die("out of memory");
        return;
    }
    close(fd);
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), spin, idle = 0, on = 1;
    struct peer *busy = NULL;

    if (argc < 4 || (strcmp(argv[1], "spin") != 0 && strcmp(argv[1], "block") != 0))
        die("usage: server spin|block DELAY NAME=FILE...");
    spin = strcmp(argv[1], "spin") == 0;
    delay = atoll(argv[2]);
    for (int i = 3; i < argc; i++) load(argv[i]);
    for (int i = 0; i < MAX_PEERS; i++) peers[i].fd = -1;
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("cannot listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    for (;;) {
        struct pollfd fds[MAX_PEERS + 2] = {{0, POLLIN, 0}, {listener, POLLIN, 0}};
        int which[MAX_PEERS + 2], count = 2, wait = -1;
        if (busy != NULL && busy->fd >= 0 && idle < SPINS) {
            idle = serve(busy) ? 0 : idle + 1;
            if (idle == 0 || idle % LOOK_AROUND != 0) continue;
            wait = 0;
        }
        for (int i = 0; i < MAX_PEERS; i++) {
            if (peers[i].fd < 0) continue;
            which[count] = i;
            fds[count++] = (struct pollfd){peers[i].fd, POLLIN, 0};
        }
        if (poll(fds, (nfds_t)count, wait) <= 0) continue;
        if (fds[0].revents) {
            char sink[64];
            if (read(0, sink, sizeof sink) <= 0) return 0;
        }
        for (int i = 2; i < count; i++) {
            if (!fds[i].revents) continue;
            serve(&peers[which[i]]);
            if (spin) {
                busy = &peers[which[i]];
                idle = 0;
            }
        }
        if (fds[1].revents) accept_one(listener);
    }
}
