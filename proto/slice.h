/*
 * slice.h - bytes that belong to somebody else: what codecs take and give.
 */
#ifndef FORKCAST_PROTO_SLICE_H
#define FORKCAST_PROTO_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(lit) ((struct slice){(lit), sizeof(lit) - 1})

static inline struct slice slice_make(const void *p, size_t n)
{
	return (struct slice){p, n};
}

/* Copies S, with a NUL behind it, to *AT, which moves behind both: s.n + 1 bytes.  What is absent (p NULL) stays so. */
static inline struct slice slice_keep(char **at, struct slice s)
{
	struct slice out = {*at, s.n};

	if (s.p == NULL)
		return s;
	memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return out;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *s)
{
	return slice_eq(a, slice_make(s, strlen(s)));
}

static inline bool slice_is_nocase(struct slice a, const char *s)
{
	return a.n == strlen(s) && strncasecmp(a.p, s, a.n) == 0;
}

#endif
