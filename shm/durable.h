/*
 * durable.h - the durable LMDB environment on disk: a copy of the rows of the volatile store that are to survive.
 *
 *	DIR/store	"r" + key of STORE_KEPT	-> its value
 *			"m"			-> struct durable_mark: whose journal it is copied from, and up to where
 *	DIR/lock	held (flock) by the keeper that has it open
 *
 * Only the keeper opens it, after fork.  Its commits are LMDB's own synchronous ones, so a file system that keeps what
 * it says it kept has either a whole batch or none of it.
 */
#ifndef FORKCAST_SHM_DURABLE_H
#define FORKCAST_SHM_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURABLE_LAYOUT 1u

struct durable;

/*
 * Opens the environment in DIR, which MAKE creates when it is missing, its parent too.  0, -ENOENT (no MAKE, and none
 * there), -EBUSY (another keeper has it), -EPROTO (of another layout) or -errno.
 */
int durable_open(struct durable **out, const char *dir, size_t map_size, bool make);
void durable_close(struct durable *d);
/* What was copied last: 0 and 0 when nothing ever was. */
void durable_mark(const struct durable *d, uint64_t *nonce, uint64_t *sequence);

/*
 * Rows whose key is behind AFTER (LEN 0: from the first), at most MAX.  FN returns 0, or -errno to end it.  How many FN got, or
 * -errno.
 */
typedef int (*durable_fn)(void *ctx, const void *key, size_t key_len, const void *val, size_t len);
int durable_each(struct durable *d, const void *after, size_t after_len, unsigned max, durable_fn fn, void *ctx);

/* A batch of changes; durable_commit() is on disk when it returns 0.  After an error only durable_abort() may follow. */
int durable_begin(struct durable *d);
int durable_put(struct durable *d, const void *key, size_t key_len, const void *val, size_t len);
int durable_del(struct durable *d, const void *key, size_t key_len);
int durable_commit(struct durable *d, uint64_t nonce, uint64_t sequence);
void durable_abort(struct durable *d);

#endif
