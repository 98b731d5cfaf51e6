/*
 * out.h - what a connection has to send: the spans of this turn, and the backlog of turns the kernel did not take.
 *
 * Spans point into the turn's arena; consecutive appends that lie behind one another become one span, so a connection
 * whose messages are contiguous is written with one write(2) straight from where they were built.  Only what the kernel
 * does not take is copied, to the backlog, whose size is capped by the owner.
 */
#ifndef FORKCAST_WORKER_OUT_H
#define FORKCAST_WORKER_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;

struct span {
	const uint8_t *p;
	size_t n;
};

#define OUT_MORE 15

/* Spans beyond the first, in the arena. */
struct out_more {
	struct out_more *next;
	unsigned n;
	struct span span[OUT_MORE];
};

struct backlog {
	size_t start, len, cap;
	uint8_t data[];
};

struct out {
	struct span first;
	struct out_more *more, *last_more;
	struct span *last; /* the span to extend; NULL while empty */
	struct backlog *backlog;
};

static inline bool out_is_empty(const struct out *o)
{
	return o->last == NULL;
}

static inline size_t out_backlog_bytes(const struct out *o)
{
	return o->backlog != NULL ? o->backlog->len : 0;
}

/* Appends N bytes at P that live until the turn's end. */
void out_append(struct out *o, struct arena *a, const uint8_t *p, size_t n);

enum out_result {
	OUT_DONE,    /* nothing left */
	OUT_BLOCKED, /* the rest is in the backlog: wait until FD is writable */
	OUT_ERROR,   /* the peer is gone */
	OUT_OVER,    /* the backlog would pass CAP: nothing more was queued */
};

/* Writes backlog and spans to FD, keeps what is not taken.  *WRITTEN and *CALLS are added to. */
enum out_result out_flush(struct out *o, int fd, size_t cap, uint64_t *written, uint64_t *calls);
/* For whoever sends the spans himself: the turn's only span, or NULL when there are more, none, or a backlog before it. */
const struct span *out_single(const struct out *o);
/* Result of such a send: N bytes were taken, or -errno.  As out_flush(). */
enum out_result out_taken(struct out *o, ssize_t n, size_t cap);
/* The kernel is known to take nothing now: moves the spans to the backlog.  OUT_BLOCKED or OUT_OVER. */
enum out_result out_defer(struct out *o, size_t cap);
/* Forgets the turn's spans. */
void out_drop(struct out *o);
void out_fini(struct out *o);

#endif
