#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/conn.h"
#include "worker/worker.h"

#define UNREAD_MIN 1024

static void conn_on_event(evutil_socket_t fd, short what, void *arg);

int conn_fd(const struct conn *c)
{
	return event_get_fd(&c->ev);
}

struct conn *conn_new(struct worker *w, int fd, unsigned listener)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->w = w;
	c->listener = (uint16_t)listener;
	c->max_backlog = w->conf->max_backlog;
	event_assign(&c->ev, w->base, fd, EV_READ | EV_PERSIST, conn_on_event, c);
	if (event_add(&c->ev, NULL) != 0) {
		close(fd);
		free(c);
		return NULL;
	}
	w->nconn++;
	counter_set(w->ct, COUNTER_CONNECTIONS, w->nconn);
	return c;
}

void conn_set_ops(struct conn *c, const struct conn_ops *ops, void *owner)
{
	c->ops = ops;
	c->owner = owner;
}

/* Makes libevent wait for exactly what the connection waits for. */
static void conn_watch(struct conn *c)
{
	short want = EV_PERSIST;

	if (!c->paused && c->held == 0)
		want |= EV_READ;
	if (c->blocked)
		want |= EV_WRITE;
	if ((event_get_events(&c->ev) & (EV_READ | EV_WRITE)) == (want & (EV_READ | EV_WRITE)))
		return;
	event_del(&c->ev);
	event_assign(&c->ev, c->w->base, conn_fd(c), want, conn_on_event, c);
	/* Fails only when out of memory; a connection that waits for nothing would never be heard of again. */
	if ((want & (EV_READ | EV_WRITE)) != 0 && event_add(&c->ev, NULL) != 0)
		worker_die(c->w, "event_add");
}

/* Appends to one of the worker's lists of connections. */
static void list_add(struct worker *w, struct conn ***list, unsigned *n, unsigned *cap, struct conn *c)
{
	if (*n == *cap) {
		unsigned more = *cap == 0 ? 256 : *cap * 2;
		struct conn **l = realloc(*list, more * sizeof(struct conn *));

		if (l == NULL)
			worker_die(w, "out of memory");
		*list = l;
		*cap = more;
	}
	(*list)[(*n)++] = c;
}

static void conn_enqueue(struct conn *c)
{
	struct worker *w = c->w;

	if (c->queued)
		return;
	list_add(w, &w->dirty, &w->ndirty, &w->dirty_cap, c);
	c->queued = true;
}

static void conn_hold(struct conn *c)
{
	struct worker *w = c->w;

	if (c->held != 0)
		return;
	list_add(w, &w->held, &w->nheld, &w->held_cap, c);
	c->held = w->nheld;
	conn_watch(c);
}

static void conn_unhold(struct conn *c)
{
	struct worker *w = c->w;
	struct conn *last;

	if (c->held == 0)
		return;
	last = w->held[--w->nheld];
	w->held[c->held - 1] = last;
	last->held = c->held;
	c->held = 0;
}

void conn_release_held(struct worker *w)
{
	while (w->nheld > 0) {
		struct conn *c = w->held[w->nheld - 1];

		conn_unhold(c);
		conn_watch(c);
	}
}

void conn_send(struct conn *c, const uint8_t *p, size_t n)
{
	if (c->state != CONN_OPEN)
		return;
	out_append(&c->out, &c->w->arena, p, n);
	conn_enqueue(c);
}

void conn_send_copy(struct conn *c, const void *p, size_t n)
{
	if (c->state == CONN_OPEN && n > 0)
		conn_send(c, arena_copy(&c->w->arena, p, n), n);
}

bool conn_is_writable(const struct conn *c)
{
	return c->state == CONN_OPEN && c->out.backlog == NULL;
}

void conn_pause(struct conn *c, bool paused)
{
	if (c->paused == paused || c->state != CONN_OPEN)
		return;
	c->paused = paused;
	conn_watch(c);
}

/* Keeps the worker's sum of backlogs true; BYTES: what this connection's is now. */
static void conn_count_kept(struct conn *c, size_t bytes)
{
	struct worker *w = c->w;

	if (c->kept == bytes)
		return;
	w->kept_bytes += bytes - c->kept;
	c->kept = (uint32_t)bytes;
	counter_set(w->ct, COUNTER_BACKLOG_BYTES, w->kept_bytes);
}

static void conn_die(struct conn *c)
{
	struct worker *w = c->w;

	conn_count_kept(c, 0);

	timed_leave(&c->timed);
	conn_unhold(c);
	/* in this order: epoll watches what the descriptor stands for, which may live on in another process */
	event_del(&c->ev);
	close(conn_fd(c));
	out_drop(&c->out);
	c->state = CONN_DEAD;
	list_add(w, &w->dead, &w->ndead, &w->dead_cap, c);
	w->nconn--;
	counter_set(w->ct, COUNTER_CONNECTIONS, w->nconn);
}

static void conn_let_go(struct conn *c, enum close_reason reason)
{
	const struct conn_ops *ops = c->ops;

	c->ops = NULL;
	if (ops != NULL)
		ops->gone(c, reason);
	c->owner = NULL;
	free(c->unread);
	c->unread = NULL;
}

void conn_close(struct conn *c, enum close_reason reason)
{
	if (c->state == CONN_DEAD)
		return;
	conn_let_go(c, reason);
	/* gone() may have said goodbye by conn_finish(); closing wins. */
	if (c->state != CONN_DEAD)
		conn_die(c);
}

void conn_detach(struct conn *c)
{
	assert(c->owner == NULL && out_is_empty(&c->out) && out_backlog_bytes(&c->out) == 0);
	c->ops = NULL;
	conn_die(c);
}

void conn_finish(struct conn *c)
{
	if (c->state != CONN_OPEN)
		return;
	c->ops = NULL;
	c->owner = NULL;
	free(c->unread);
	c->unread = NULL;
	c->state = CONN_FLUSHING;
	c->paused = false;
	conn_unhold(c);
	conn_watch(c);
	timeq_enter(&c->w->lingers, &c->timed, c->w->now_ns);
	conn_enqueue(c);
}

void conn_linger_due(struct conn *c)
{
	conn_die(c);
}

void conn_flushed(struct conn *c, enum out_result r, uint64_t bytes, uint64_t calls)
{
	struct worker *w = c->w;

	counter_add(w->ct, COUNTER_BYTES_OUT, bytes);
	counter_add(w->ct, COUNTER_WRITES, calls);
	conn_count_kept(c, out_backlog_bytes(&c->out));
	if (r == OUT_ERROR || r == OUT_OVER) {
		conn_close(c, r == OUT_OVER ? CLOSE_SLOW : CLOSE_TRANSPORT_ERROR);
		return;
	}
	if (c->blocked != (r == OUT_BLOCKED)) {
		c->blocked = r == OUT_BLOCKED;
		conn_watch(c);
	}
	if (c->state == CONN_FLUSHING && r == OUT_DONE) {
		if (c->paused) {
			conn_die(c);
			return;
		}
		shutdown(conn_fd(c), SHUT_WR);
		c->state = CONN_LINGER;
	}
}

void conn_flush(struct conn *c)
{
	uint64_t bytes = 0, calls = 0;
	enum out_result r;

	if (c->state == CONN_DEAD)
		return;
	if (c->blocked)
		r = out_defer(&c->out, c->max_backlog);
	else
		r = out_flush(&c->out, conn_fd(c), c->max_backlog, &bytes, &calls);
	conn_flushed(c, r, bytes, calls);
}

/* Keeps the N bytes at P (a read of this turn, or the tail of the unread bytes themselves) for later. */
static bool conn_keep(struct conn *c, const uint8_t *p, size_t n)
{
	struct conn_unread *u = c->unread;

	if (u != NULL && p >= u->data && p <= u->data + u->cap) {
		memmove(u->data, p, n);
		u->len = n;
		if (n == 0) {
			free(u);
			c->unread = NULL;
		}
		return true;
	}
	if (n == 0)
		return true;
	u = malloc(sizeof(*u) + (n < UNREAD_MIN ? UNREAD_MIN : n));
	if (u == NULL)
		return false;
	u->cap = n < UNREAD_MIN ? UNREAD_MIN : n;
	u->len = n;
	memcpy(u->data, p, n);
	c->unread = u;
	return true;
}

/* Offers bytes to the protocol until it takes no more; keeps the rest. */
static void conn_offer(struct conn *c, const uint8_t *p, size_t n)
{
	while (n > 0 && c->state == CONN_OPEN && c->ops != NULL && !c->paused) {
		size_t k = c->ops->input(c, p, n);

		if (c->state != CONN_OPEN)
			return;
		p += k;
		n -= k;
		if (k == 0)
			break;
	}
	if (c->state != CONN_OPEN || c->ops == NULL)
		return;
	if (!c->paused && n > c->ops->hold(c))
		conn_close(c, CLOSE_TOO_BIG);
	else if (!conn_keep(c, p, n))
		conn_close(c, CLOSE_TRANSPORT_ERROR);
}

void conn_reoffer(struct conn *c)
{
	struct conn_unread *u = c->unread;

	if (u != NULL && c->state == CONN_OPEN)
		conn_offer(c, u->data, u->len);
}

void conn_feed(struct conn *c, const uint8_t *p, size_t n)
{
	conn_offer(c, p, n);
}

/* Makes room to read behind the unread bytes; geometric, so a slow peer's declared length costs nothing. */
static bool conn_unread_room(struct conn *c, size_t hold)
{
	struct conn_unread *u = c->unread;
	size_t cap = u->cap * 2;

	if (u->len < u->cap)
		return true;
	if (cap > hold + WORKER_READ_SIZE)
		cap = hold + WORKER_READ_SIZE;
	u = realloc(u, sizeof(*u) + cap);
	if (u == NULL)
		return false;
	u->cap = cap;
	c->unread = u;
	return true;
}

static void conn_read(struct conn *c)
{
	struct worker *w = c->w;
	uint8_t *p = w->rbuf;
	size_t room = worker_is_late(w) ? WORKER_READ_LATE : WORKER_READ_SIZE, most = room;
	ssize_t r;

	if (c->unread != NULL) {
		if (!conn_unread_room(c, c->ops->hold(c))) {
			conn_close(c, CLOSE_TRANSPORT_ERROR);
			return;
		}
		p = c->unread->data + c->unread->len;
		room = c->unread->cap - c->unread->len;
		if (room > most)
			room = most;
	}
	r = recv(conn_fd(c), p, room, MSG_DONTWAIT);
	if (r < 0) {
		/* a reset is an end like any other, for the reference too */
		if (errno == ECONNRESET)
			conn_close(c, CLOSE_TRANSPORT_CLOSE);
		else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			conn_close(c, CLOSE_TRANSPORT_ERROR);
		return;
	}
	if (r == 0) {
		conn_close(c, CLOSE_TRANSPORT_CLOSE);
		return;
	}
	counter_add(w->ct, COUNTER_BYTES_IN, (uint64_t)r);
	if (c->unread != NULL) {
		c->unread->len += (size_t)r;
		conn_offer(c, c->unread->data, c->unread->len);
	} else {
		conn_offer(c, p, (size_t)r);
	}
}

/* FLUSHING and LINGER: what still comes is thrown away; a peer that only half-closed still gets its output. */
static void conn_discard(struct conn *c)
{
	ssize_t r = recv(conn_fd(c), c->w->rbuf, WORKER_READ_SIZE, MSG_DONTWAIT);

	if (r == 0 && c->state == CONN_FLUSHING) {
		c->paused = true;
		conn_watch(c);
	} else if (r == 0 || (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		conn_die(c);
}

static void conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	worker_wake_clock(c->w);
	if (c->state == CONN_DEAD)
		return;
	if (what & EV_WRITE) {
		c->blocked = false;
		conn_watch(c);
		conn_enqueue(c);
	}
	if (!(what & EV_READ))
		return;
	if (c->state != CONN_OPEN) {
		conn_discard(c);
	} else if (c->w->congested && c->ops != NULL) {
		conn_hold(c);
	} else {
		conn_read(c);
	}
}

void conn_reap(struct worker *w)
{
	while (w->ndead > 0) {
		struct conn *c = w->dead[--w->ndead];

		out_fini(&c->out);
		free(c->unread);
		free(c);
	}
}
