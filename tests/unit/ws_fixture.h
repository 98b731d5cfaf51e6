/*
 * ws_fixture.h - a client's frames, and somebody who writes down what comes out of a lease.
 */
#ifndef FORKCAST_TESTS_WS_FIXTURE_H
#define FORKCAST_TESTS_WS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/ws.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FIN      0x80u

static const struct ws_limits lim = {.max_message = 100000, .max_fragments = 64};

/* What came out, as one text: "T5:hello P0: C1000:bye ". */
struct heard {
	char text[1024];
	size_t n;
	int stop_at; /* nonzero from this message on */
	int count;
	uint64_t hash; /* of all payloads */
};

static inline int hear(void *ctx, const struct ws_message *m)
{
	struct heard *h = ctx;
	char kind = m->event == WS_EVENT_PING ? 'P'
	    : m->event == WS_EVENT_CLOSE      ? 'C'
	    : m->opcode == WS_TEXT            ? 'T'
					      : 'B';

	assert_non_null(m->data);
	for (size_t i = 0; i < m->len; i++)
		h->hash = (h->hash ^ m->data[i]) * 0x100000001b3u;
	if (h->n < sizeof h->text - 64)
		h->n += (size_t)snprintf(h->text + h->n, sizeof h->text - h->n, "%c%zu:%.*s ", kind,
		    kind == 'C' ? m->close_code : m->len, m->len > 20 ? 20 : (int)m->len, (const char *)m->data);
	return ++h->count == h->stop_at;
}

/* Appends a masked frame; returns its length. */
static inline size_t frame(uint8_t *out, unsigned first, const void *payload, size_t len)
{
	const uint8_t *p = payload;
	uint8_t *start = out, mask[4] = {0x37, 0xfa, 0x21, (uint8_t)len};

	out += ws_header(out, (first & FIN) != 0, (enum ws_opcode)(first & 15), len);
	start[0] = (uint8_t)first;
	start[1] |= 0x80;
	memcpy(out, mask, 4);
	out += 4;
	for (size_t i = 0; i < len; i++)
		*out++ = p[i] ^ mask[i % 4];
	return (size_t)(out - start);
}

static inline size_t text_frame(uint8_t *out, unsigned first, const char *s)
{
	return frame(out, first, s, strlen(s));
}

static inline int feed(struct ws_lease *l, const uint8_t *p, size_t n, struct heard *h)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = ws_feed(l, NULL, copy, n, hear, h);
	free(copy);
	return rc;
}

#endif
