/* What server.c reads of a request, without parsing it. */

#include <stdint.h>
#include <string.h>

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
