#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conf/log.h"
#include "worker/arena.h"
#include "worker/out.h"

#define OUT_IOV	    64
#define BACKLOG_MIN 4096

void out_append(struct out *o, struct arena *a, const uint8_t *p, size_t n)
{
	struct out_more *m;

	if (n == 0)
		return;
	if (o->last == NULL) {
		o->first = (struct span){p, n};
		o->last = &o->first;
		return;
	}
	if (o->last->p + o->last->n == p) {
		o->last->n += n;
		return;
	}
	m = o->last_more;
	if (m == NULL || m->n == OUT_MORE) {
		struct out_more *fresh = arena_alloc(a, sizeof(*fresh));

		fresh->next = NULL;
		fresh->n = 0;
		if (m == NULL)
			o->more = fresh;
		else
			m->next = fresh;
		o->last_more = m = fresh;
	}
	m->span[m->n] = (struct span){p, n};
	o->last = &m->span[m->n++];
}

void out_drop(struct out *o)
{
	o->first = (struct span){NULL, 0};
	o->more = o->last_more = NULL;
	o->last = NULL;
}

void out_fini(struct out *o)
{
	out_drop(o);
	free(o->backlog);
	o->backlog = NULL;
}

/* Room for N more bytes behind the backlog's end. */
static uint8_t *backlog_room(struct out *o, size_t n)
{
	struct backlog *b = o->backlog;
	size_t cap;

	if (b != NULL && b->start + b->len + n <= b->cap)
		return b->data + b->start + b->len;
	if (b != NULL && b->len + n <= b->cap) {
		memmove(b->data, b->data + b->start, b->len);
		b->start = 0;
		return b->data + b->len;
	}
	cap = b != NULL ? b->cap : BACKLOG_MIN;
	while (cap < (b != NULL ? b->len : 0) + n)
		cap *= 2;
	b = malloc(sizeof(*b) + cap);
	if (b == NULL) {
		log_error("out_of_memory", "bytes=%zu", cap);
		abort();
	}
	b->start = b->len = 0;
	b->cap = cap;
	if (o->backlog != NULL) {
		memcpy(b->data, o->backlog->data + o->backlog->start, o->backlog->len);
		b->len = o->backlog->len;
		free(o->backlog);
	}
	o->backlog = b;
	return b->data + b->len;
}

static bool backlog_put(struct out *o, const struct span *s, size_t skip, size_t cap)
{
	size_t n = s->n - skip;

	if (n == 0)
		return true;
	if (out_backlog_bytes(o) + n > cap)
		return false;
	memcpy(backlog_room(o, n), s->p + skip, n);
	o->backlog->len += n;
	return true;
}

/* Keeps everything behind the first SKIP bytes of the turn's spans. */
static bool out_keep(struct out *o, size_t skip, size_t cap)
{
	const struct span *s = &o->first;
	const struct out_more *m = o->more;
	unsigned i = 0;

	for (;;) {
		size_t k = skip < s->n ? skip : s->n;

		if (!backlog_put(o, s, k, cap))
			return false;
		skip -= k;
		if (m != NULL && i == m->n) {
			m = m->next;
			i = 0;
		}
		if (m == NULL)
			return true;
		s = &m->span[i++];
	}
}

static ssize_t send_once(int fd, const struct iovec *iov, int n, uint64_t *calls)
{
	struct msghdr mh = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	ssize_t w;

	do {
		w = n == 1 ? send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
			   : sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
		++*calls;
	} while (w < 0 && errno == EINTR);
	return w;
}

/* Writes the backlog first: order. */
static enum out_result flush_backlog(struct out *o, int fd, uint64_t *written, uint64_t *calls)
{
	struct backlog *b = o->backlog;

	while (b->len > 0) {
		struct iovec iov = {b->data + b->start, b->len};
		ssize_t w = send_once(fd, &iov, 1, calls);

		if (w < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? OUT_BLOCKED : OUT_ERROR;
		*written += (uint64_t)w;
		b->start += (size_t)w;
		b->len -= (size_t)w;
	}
	free(b);
	o->backlog = NULL;
	return OUT_DONE;
}

/*
 * Writes the turn's spans, OUT_IOV at a time.  *DONE counts the bytes taken, so that the caller keeps the rest.
 */
static enum out_result flush_spans(const struct out *o, int fd, size_t *done, uint64_t *calls)
{
	const struct out_more *m = o->more;
	struct iovec iov[OUT_IOV];
	unsigned i = 0;
	int n = 1;
	size_t want = o->first.n;

	iov[0] = (struct iovec){(void *)(uintptr_t)o->first.p, o->first.n};
	for (;;) {
		ssize_t w;

		while (m != NULL && n < OUT_IOV) {
			if (i == m->n) {
				m = m->next;
				i = 0;
				continue;
			}
			iov[n++] = (struct iovec){(void *)(uintptr_t)m->span[i].p, m->span[i].n};
			want += m->span[i++].n;
		}
		if (n == 0)
			return OUT_DONE;
		w = send_once(fd, iov, n, calls);
		if (w < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? OUT_BLOCKED : OUT_ERROR;
		*done += (size_t)w;
		if ((size_t)w < want)
			return OUT_BLOCKED;
		n = 0;
		want = 0;
	}
}

enum out_result out_flush(struct out *o, int fd, size_t cap, uint64_t *written, uint64_t *calls)
{
	enum out_result r = OUT_DONE;
	size_t done = 0;

	if (o->backlog != NULL)
		r = flush_backlog(o, fd, written, calls);
	if (r == OUT_DONE && o->last != NULL)
		r = flush_spans(o, fd, &done, calls);
	*written += done;
	if (r == OUT_BLOCKED && o->last != NULL && !out_keep(o, done, cap))
		r = OUT_OVER;
	out_drop(o);
	return r;
}

enum out_result out_defer(struct out *o, size_t cap)
{
	enum out_result r = o->last == NULL || out_keep(o, 0, cap) ? OUT_BLOCKED : OUT_OVER;

	out_drop(o);
	return r;
}

const struct span *out_single(const struct out *o)
{
	return o->backlog == NULL && o->last == &o->first ? &o->first : NULL;
}

enum out_result out_taken(struct out *o, ssize_t n, size_t cap)
{
	enum out_result r = OUT_DONE;

	if (n < 0 && n != -EAGAIN && n != -EINTR)
		r = OUT_ERROR;
	else if (n < 0 || (size_t)n < o->first.n)
		r = out_keep(o, n < 0 ? 0 : (size_t)n, cap) ? OUT_BLOCKED : OUT_OVER;
	out_drop(o);
	return r;
}
