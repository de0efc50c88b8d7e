/* The key of a WebSocket handshake and its answer (RFC 6455, 1.3), for server.c. */

#include <stdint.h>
#include <string.h>

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

/* The 28 characters that answer a key of 24. */
static void accept_key(const char *key, char text[29]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20];
    char joined[24 + sizeof guid];
    memcpy(joined, key, 24);
    memcpy(joined + 24, guid, sizeof guid - 1);
    sha1(joined, 24 + sizeof guid - 1, digest);
    base64(digest, text);
}
