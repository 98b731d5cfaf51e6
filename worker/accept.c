#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/log.h"
#include "worker/accept.h"
#include "worker/conn.h"
#include "worker/peer.h"
#include "worker/request.h"
#include "worker/worker.h"

/* One listening socket that this worker may serve: listener I's socket of worker number INDEX. */
struct accept_point {
	struct worker *w;
	unsigned listener, index;
	bool own;     /* always served */
	bool serving; /* in the event loop now */
	int fd;
	struct event ev;
};

static void refuse(struct worker *w, int fd, enum refused why)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\n\r\n";

	counter_add_to(&w->ct->refused[why], 1);
	if (fd >= 0) {
		(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
}

/*
 * No descriptor left: the reserve is closed to accept one connection and close it, so the peer hears "no" at once and
 * the level-triggered listener does not spin.
 */
static void refuse_without_descriptor(struct worker *w, int listen_fd)
{
	int fd;

	if (w->reserve_fd >= 0)
		close(w->reserve_fd);
	fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	refuse(w, fd, REFUSED_DESCRIPTORS);
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_warn("descriptors_exhausted", "connections=%lu", (unsigned long)w->nconn);
}

struct conn *accept_begin(struct worker *w, int fd, unsigned listener, const struct peer *from)
{
	struct conn *c;

	if (w->nconn >= w->max_conn) {
		refuse(w, fd, REFUSED_MAX_CONNECTIONS);
		return NULL;
	}
	c = conn_new(w, fd, listener);
	if (c == NULL)
		return NULL;
	c->admin = w->h->listener[listener].kind == HERITAGE_ADMIN;
	request_start(c, from);
	return c;
}

static void accept_one(struct accept_point *ap, int fd, const struct sockaddr *peer)
{
	struct peer from;

	peer_from_sockaddr(&from, peer);
	if (accept_begin(ap->w, fd, ap->listener, &from) != NULL)
		counter_add(ap->w->ct, COUNTER_ACCEPTED, 1);
}

static void accept_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct accept_point *ap = arg;

	(void)what;
	worker_wake_clock(ap->w);
	for (int i = 0; i < ACCEPT_BUDGET; i++) {
		struct sockaddr_storage ss = {.ss_family = AF_UNIX};
		socklen_t len = sizeof(ss);
		int c = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (c >= 0) {
			accept_one(ap, c, (struct sockaddr *)&ss);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			refuse_without_descriptor(ap->w, fd);
			return;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* EINTR, ECONNABORTED and the network's errors concern one connection only */
	}
}

static void point_serve(struct accept_point *ap, bool serve)
{
	if (ap->serving == serve)
		return;
	if (serve) {
		event_assign(&ap->ev, ap->w->base, ap->fd, EV_READ | EV_PERSIST, accept_on_event, ap);
		if (event_add(&ap->ev, NULL) != 0)
			return;
	} else {
		event_del(&ap->ev);
	}
	ap->serving = serve;
}

int accept_open(struct worker *w)
{
	const struct heritage *h = w->h;
	unsigned n = 0;

	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (w->reserve_fd < 0)
		return -errno;
	for (unsigned i = 0; i < h->nlistener; i++)
		n += h->listener[i].nfd;
	w->points = calloc(n == 0 ? 1 : n, sizeof(*w->points));
	if (w->points == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < h->nlistener; i++) {
		const struct heritage_listener *l = &h->listener[i];

		for (unsigned k = 0; k < l->nfd; k++) {
			struct accept_point *ap = &w->points[w->npoint++];

			*ap = (struct accept_point){.w = w, .listener = i, .index = k, .fd = l->fd[k]};
			ap->own = l->shared || k == h->index;
			if (ap->own)
				point_serve(ap, true);
		}
	}
	return 0;
}

/* Which worker numbers have no live process, or one that has not beaten lately. */
static void look_for_silence(const struct worker *w, bool silent[SLOT_MAX])
{
	for (unsigned i = 0; i < w->h->nworker; i++)
		silent[i] = true;
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(w->h->seg, i);
		uint32_t index = atomic_load_explicit(&s->index, memory_order_relaxed);

		if (atomic_load_explicit(&s->state, memory_order_acquire) == SLOT_LIVE &&
		    atomic_load_explicit(&s->role, memory_order_relaxed) == SLOT_ROLE_WORKER &&
		    index < w->h->nworker &&
		    atomic_load_explicit(&s->heartbeat_ns, memory_order_relaxed) + ACCEPT_SILENT_NS >= w->now_ns)
			silent[index] = false;
	}
}

/* True when worker number SELF is the first that is not silent after INDEX. */
static bool adopts(const bool *silent, unsigned n, unsigned self, unsigned index)
{
	for (unsigned i = (index + 1) % n; i != index; i = (i + 1) % n) {
		if (i == self)
			return true;
		if (!silent[i])
			return false;
	}
	return false;
}

void accept_neighbours(struct worker *w)
{
	bool silent[SLOT_MAX];
	unsigned adopted = 0;

	if (w->stopping)
		return;
	look_for_silence(w, silent);
	for (unsigned index = 0; index < w->h->nworker; index++) {
		bool serve;

		if (index == w->h->index)
			continue;
		serve = silent[index] && adopts(silent, w->h->nworker, w->h->index, index);
		adopted += serve;
		for (unsigned i = 0; i < w->npoint; i++) {
			struct accept_point *ap = &w->points[i];

			if (!ap->own && ap->index == index)
				point_serve(ap, serve);
		}
	}
	atomic_store_explicit(&w->slot->adopted, adopted, memory_order_relaxed);
}

void accept_close(struct worker *w)
{
	for (unsigned i = 0; i < w->npoint; i++) {
		point_serve(&w->points[i], false);
		close(w->points[i].fd);
		w->points[i].fd = -1;
	}
	w->npoint = 0;
	if (w->reserve_fd >= 0)
		close(w->reserve_fd);
	w->reserve_fd = -1;
}
