/*
 * conf_arena.h - memory that is given back all at once: what a configuration lives in, and what loading it scribbles.
 *
 * Nothing is freed one by one.  A process that has no memory left to read its configuration ends here: there is
 * nothing to go on with.
 */
#ifndef FORKCAST_CONF_CONF_ARENA_H
#define FORKCAST_CONF_CONF_ARENA_H

#include "conf/text.h"

struct conf_arena;

struct conf_arena *conf_arena_new(void);
void conf_arena_free(struct conf_arena *a);
/* Zeroed, aligned for anything; never NULL. */
void *conf_arena_alloc(struct conf_arena *a, size_t size);
/* A copy with a NUL behind it. */
struct text conf_arena_text(struct conf_arena *a, const char *p, size_t n);
struct text conf_arena_format(struct conf_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Makes room for element N of ARRAY, which has N elements of SIZE bytes and was made by this function (or is NULL with
 * N 0).  The new element is zeroed; pointers into the old array stay readable but belong to the past.
 */
void *conf_arena_push(struct conf_arena *a, void *array, size_t n, size_t size);

#endif
