/*
 * hook_io.h - bytes to and from a backend, plain or over TLS: what the connection's states need, and nothing that waits.
 *
 * TLS is OpenSSL's client with the peer verified against the system's certificates, or against the hook's `ca_file`
 * alone, and for the url's host; SNI for names.
 */
#ifndef FORKCAST_WORKER_HOOK_IO_H
#define FORKCAST_WORKER_HOOK_IO_H

#include <openssl/types.h>
#include <stdbool.h>
#include <sys/types.h>

#include "conf/hook.h"
#include "worker/hook_lookup.h"

struct hook_io {
	int fd;
	SSL *ssl; /* NULL: plain */
	bool wants_write; /* the last -EAGAIN waits for writability, else for readability */
};

/* What all connections of an https hook share; NULL: the store cannot be read, or no memory. */
SSL_CTX *hook_tls_new(const struct hook *h);
/* Opens a socket and begins to connect to A.  0 or -errno; then IO is closed. */
int hook_io_open(struct hook_io *io, const struct hook *h, SSL_CTX *tls, const struct hook_address *a);
/* Whether the socket is connected now: 0, -EAGAIN or -errno. */
int hook_io_connected(struct hook_io *io);
/* The handshake: 0, -EAGAIN, or -EPROTO with what went wrong as text in WHY. */
int hook_io_handshake(struct hook_io *io, char *why, size_t why_len);
/* Bytes read or written; 0: the peer has closed (reading); -EAGAIN, -errno. */
ssize_t hook_io_read(struct hook_io *io, void *p, size_t n);
ssize_t hook_io_write(struct hook_io *io, const void *p, size_t n);
void hook_io_close(struct hook_io *io);

#endif
