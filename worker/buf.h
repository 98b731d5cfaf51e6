/*
 * buf.h - a growable byte buffer for building one packet, reply or record; reused, so it settles at the largest seen.
 */
#ifndef FORKCAST_WORKER_BUF_H
#define FORKCAST_WORKER_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/slice.h"

struct buf {
	char *p;
	size_t n, cap;
};

void buf_fini(struct buf *b);
/* Room for N more bytes behind b->n; the bytes are the caller's to count. */
char *buf_reserve(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_slice(struct buf *b, struct slice s);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v);
void buf_uint(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* TEXT as a JSON string, with its quotes. */
void buf_json_string(struct buf *b, struct slice text);
/* TEXT as the inside of a JSON string. */
void buf_json_escaped(struct buf *b, struct slice text);

static inline void buf_reset(struct buf *b)
{
	b->n = 0;
}

static inline struct slice buf_as_slice(const struct buf *b)
{
	return slice_make(b->p, b->n);
}

#endif
