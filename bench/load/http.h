/*
 * http.h - keep-alive connections to the admin API: POST /v1/emit or /v1/batch without waiting, and one blocking GET.
 */
#ifndef BENCH_LOAD_HTTP_H
#define BENCH_LOAD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/load/client.h"

#define HTTP_REPLY_MAX 8192
#define HTTP_LINES_MAX 5000
#define HTTP_LINE_MAX  256 /* bytes of a line's result */
#define HTTP_GET_MAX   (256 * 1024)

struct http {
	struct endpoint end;
	const struct plan *plan;
	void *owner;
	/* status -1: the connection is lost */
	void (*on_reply)(struct http *h, int status, const char *body, size_t len, uint64_t now);
	bool busy;
	uint64_t asked_at;
	char *in;
	size_t in_len, in_size;
};

/* A whole response with Content-Length, in a buffer of max bytes: its length, 0 = need more, -1 = not understood. */
ssize_t http_whole(const char *in, size_t len, size_t max, int *status, const char **body);

/* Connects; 0 or -errno.  id chooses the source address. */
int http_open(struct http *h, int epoll, unsigned id);

/* POST /v1/emit of data (JSON, len bytes) as event "tick" to room "market:NNNN".  One at a time a connection.  0 or
 * -errno. */
int http_emit(struct http *h, unsigned room, const char *data, size_t len, uint64_t now);

/* POST /v1/batch of those lines.  0 or -errno. */
int http_batch(struct http *h, const char *lines, size_t len, uint64_t now);

/* GET path on a connection of its own; the body as a string into out.  The status, or -errno. */
int http_get(const struct plan *plan, const char *path, char *out, size_t size);

#endif
