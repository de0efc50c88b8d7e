/* TLS by OpenSSL for server.c and the clients in C, if they are compiled with -DWITH_TLS. Without it, no connection has
 * TLS: its SSL is NULL. */

#pragma once

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef WITH_TLS
#include <openssl/ssl.h>

/* As recv() and send() of a socket: -1 with EAGAIN where the other side must write or read first. */
static inline ssize_t tls_receive(SSL *ssl, char *to, size_t room) {
    int got = SSL_read(ssl, to, (int)room), error = SSL_get_error(ssl, got);
    if (got > 0) return got;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return 0;
    errno = EAGAIN;
    return -1;
}

static inline ssize_t tls_send(SSL *ssl, const char *data, size_t size) {
    int sent = SSL_write(ssl, data, (int)size);
    if (sent > 0) return sent;
    errno = SSL_get_error(ssl, sent) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return -1;
}

/* Whether there is more to read that poll() does not report. */
static inline int tls_pending(SSL *ssl) { return SSL_has_pending(ssl); }

/* The context of a server whose certificate and key are in a PEM file; NULL where they cannot be used. */
static inline SSL_CTX *tls_server(const char *path) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, path) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1)
        return NULL;
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

static inline SSL *tls_accept(SSL_CTX *context, int fd) {
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) return NULL;
    SSL_set_accept_state(ssl); /* the first read shakes hands */
    return ssl;
}

/* A client's connection to a server whose certificate is signed by the authority in a PEM file; NULL without success. */
static inline SSL *tls_connect(int fd, const char *authority) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl;
    if (context == NULL || SSL_CTX_load_verify_locations(context, authority, NULL) != 1) return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(context, 1);
    ssl = SSL_new(context);
    return ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1 ? ssl : NULL;
}

/* The same without its handshake, which tls_continue() does, as far as it can without waiting: 1 done, 0 not yet, -1
 * failed. */
static inline SSL *tls_begin(int fd, const char *authority) {
    static SSL_CTX *context;
    SSL *ssl;
    if (context == NULL) {
        context = SSL_CTX_new(TLS_client_method());
        if (context == NULL || SSL_CTX_load_verify_locations(context, authority, NULL) != 1) return NULL;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_read_ahead(context, 1);
    }
    ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) return NULL;
    SSL_set_connect_state(ssl);
    return ssl;
}

static inline int tls_continue(SSL *ssl) {
    int result = SSL_do_handshake(ssl), error = SSL_get_error(ssl, result);
    if (result == 1) return 1;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static inline void tls_free(SSL *ssl) { SSL_free(ssl); }

#else
typedef void SSL;
typedef void SSL_CTX;

static inline ssize_t tls_receive(SSL *ssl, char *to, size_t room) { return (void)ssl, (void)to, (void)room, 0; }
static inline ssize_t tls_send(SSL *ssl, const char *data, size_t size) { return (void)ssl, (void)data, (void)size, 0; }
static inline int tls_pending(SSL *ssl) { return (void)ssl, 0; }
static inline SSL_CTX *tls_server(const char *path) { return (void)path, NULL; }
static inline SSL *tls_accept(SSL_CTX *context, int fd) { return (void)context, (void)fd, NULL; }
static inline SSL *tls_connect(int fd, const char *authority) { return (void)fd, (void)authority, NULL; }
static inline SSL *tls_begin(int fd, const char *authority) { return (void)fd, (void)authority, NULL; }
static inline int tls_continue(SSL *ssl) { return (void)ssl, -1; }
static inline void tls_free(SSL *ssl) { (void)ssl; }
#endif
