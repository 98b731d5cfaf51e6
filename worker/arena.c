#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "worker/arena.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t cap, len;
	uint8_t data[];
};

static struct arena_chunk *chunk_new(size_t cap)
{
	struct arena_chunk *c = malloc(sizeof(*c) + cap);

	if (c == NULL) {
		log_error("out_of_memory", "bytes=%zu", cap);
		abort();
	}
	c->next = NULL;
	c->cap = cap;
	c->len = 0;
	return c;
}

void arena_init(struct arena *a)
{
	a->first = a->cur = chunk_new(ARENA_CHUNK);
	a->used = 0;
}

/* The current chunk cannot take N more bytes: moves on to one that can, reusing those of earlier turns. */
static void arena_grow(struct arena *a, size_t n)
{
	struct arena_chunk *next = a->cur->next, *c;

	if (next != NULL && next->cap >= n) {
		next->len = 0;
		a->cur = next;
		return;
	}
	c = chunk_new(n > ARENA_CHUNK ? n : ARENA_CHUNK);
	c->next = next;
	a->cur->next = c;
	a->cur = c;
}

uint8_t *arena_take(struct arena *a, size_t n)
{
	uint8_t *p;

	if (a->cur->cap - a->cur->len < n)
		arena_grow(a, n);
	p = a->cur->data + a->cur->len;
	a->cur->len += n;
	a->used += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t pad = -(a->cur->len + offsetof(struct arena_chunk, data)) & 7;

	if (a->cur->cap - a->cur->len < n + pad) {
		arena_grow(a, n);
		pad = 0;
	}
	a->cur->len += pad;
	return arena_take(a, n);
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	return n == 0 ? arena_take(a, 0) : memcpy(arena_take(a, n), p, n);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk **pp = &a->first;
	int kept = 0;

	while (*pp != NULL) {
		struct arena_chunk *c = *pp;

		if (c->cap == ARENA_CHUNK && kept < ARENA_KEEP) {
			kept++;
			pp = &c->next;
		} else {
			*pp = c->next;
			free(c);
		}
	}
	a->cur = a->first;
	a->cur->len = 0;
	a->used = 0;
}
