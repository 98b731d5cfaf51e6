#include "conf/conf_arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 16384

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct conf_arena {
	struct chunk *chunk; /* the one being filled; behind it the full ones */
};

static void *must(void *p)
{
	if (p == NULL) {
		fputs("forkcast: no memory for the configuration\n", stderr);
		abort();
	}
	return p;
}

struct conf_arena *conf_arena_new(void)
{
	return must(calloc(1, sizeof(struct conf_arena)));
}

void conf_arena_free(struct conf_arena *a)
{
	if (a == NULL)
		return;
	while (a->chunk != NULL) {
		struct chunk *next = a->chunk->next;

		free(a->chunk);
		a->chunk = next;
	}
	free(a);
}

void *conf_arena_alloc(struct conf_arena *a, size_t size)
{
	size_t align = _Alignof(max_align_t);
	struct chunk *c = a->chunk;
	void *p;

	size = (size + align - 1) / align * align;
	if (c == NULL || size > c->size - c->used) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = must(calloc(1, sizeof *c + room));
		c->size = room;
		/* A chunk made for one large object does not replace one that still has room. */
		if (a->chunk != NULL && room > CHUNK) {
			c->next = a->chunk->next;
			a->chunk->next = c;
		} else {
			c->next = a->chunk;
			a->chunk = c;
		}
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

struct text conf_arena_text(struct conf_arena *a, const char *p, size_t n)
{
	char *copy = conf_arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return (struct text){copy, n};
}

struct text conf_arena_format(struct conf_arena *a, const char *format, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	p = conf_arena_alloc(a, (size_t)n + 1);
	va_start(ap, format);
	vsnprintf(p, (size_t)n + 1, format, ap);
	va_end(ap);
	return (struct text){p, (size_t)n};
}

void *conf_arena_push(struct conf_arena *a, void *array, size_t n, size_t size)
{
	void *more;

	if (n >= 4 ? (n & (n - 1)) != 0 : n != 0)
		return array;
	more = conf_arena_alloc(a, (n > 0 ? n * 2 : 4) * size);
	if (n > 0)
		memcpy(more, array, n * size);
	return more;
}
