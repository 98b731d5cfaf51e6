#include <liburing.h>
#include <stdlib.h>

#include "conf/log.h"
#include "worker/conn.h"
#include "worker/flush.h"
#include "worker/worker.h"

#define FLUSH_BATCH 512u /* sends in one call */
#define FLUSH_FEW   4u	 /* below this, a call each costs no more */

struct flush {
	struct io_uring ring;
	bool has_ring;
	unsigned n; /* prepared and not submitted */
	struct conn *conn[FLUSH_BATCH];
};

struct flush *flush_new(void)
{
	struct flush *f = calloc(1, sizeof(*f));
	int err;

	if (f == NULL)
		return NULL;
	err = io_uring_queue_init(FLUSH_BATCH, &f->ring, 0);
	f->has_ring = err == 0;
	if (err != 0)
		log_info("no_io_uring", "error=%s", strerror(-err));
	return f;
}

/*
 * A ring that fails is not used again.  What it had not taken is written one by one; whether it took the rest is not
 * known any more, so those connections end rather than get bytes twice or never.
 */
static void flush_give_up(struct flush *f, unsigned done, int err)
{
	unsigned ready = io_uring_sq_ready(&f->ring), taken = f->n - ready;

	log_error("io_uring_failed", "error=%s sends=%u taken=%u done=%u", strerror(-err), f->n, taken, done);
	for (unsigned i = 0; i < f->n; i++) {
		struct conn *c = f->conn[i];

		if (c == NULL)
			continue;
		if (i < taken)
			conn_close(c, CLOSE_TRANSPORT_ERROR);
		else
			conn_flush(c);
	}
	io_uring_queue_exit(&f->ring);
	f->has_ring = false;
	f->n = 0;
}

/* Completions of this batch that are there; returns how many. */
static unsigned flush_reap(struct flush *f)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe (&f->ring, head, cqe) {
		struct conn *c = f->conn[cqe->user_data];
		ssize_t res = cqe->res;

		f->conn[cqe->user_data] = NULL;
		conn_flushed(c, out_taken(&c->out, res, c->max_backlog), res > 0 ? (uint64_t)res : 0, 1);
		n++;
	}
	io_uring_cq_advance(&f->ring, n);
	return n;
}

static void flush_submit(struct flush *f)
{
	unsigned done = 0;

	while (done < f->n) {
		/* MSG_DONTWAIT sends complete in the call; waiting for them costs nothing and makes sure. */
		int r = io_uring_submit_and_wait(&f->ring, f->n - done);

		done += flush_reap(f);
		if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
			flush_give_up(f, done, r);
			return;
		}
	}
	f->n = 0;
}

static void flush_prepare(struct flush *f, struct conn *c, const struct span *sp)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);

	io_uring_prep_send(sqe, conn_fd(c), sp->p, sp->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	sqe->user_data = f->n;
	f->conn[f->n++] = c;
}

void flush_turn(struct worker *w)
{
	struct flush *f = w->flush;
	bool many = w->ndirty >= FLUSH_FEW;
	unsigned i = 0;

	/* Closing one connection may queue another: the list may grow while it is walked, and by the last submission. */
	do {
		for (; i < w->ndirty; i++) {
			struct conn *c = w->dirty[i];
			const struct span *sp = NULL;

			c->queued = false;
			if (many && f->has_ring && c->state != CONN_DEAD && !c->blocked)
				sp = out_single(&c->out);
			if (sp == NULL) {
				conn_flush(c);
				continue;
			}
			flush_prepare(f, c, sp);
			if (f->n == FLUSH_BATCH)
				flush_submit(f);
		}
		if (f->n > 0)
			flush_submit(f);
	} while (i < w->ndirty);
	w->ndirty = 0;
}
