#include "bench/load/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/http.h"

static void set(char **p, size_t *n, const char *from, size_t len)
{
	char *copy = NULL;

	if (len) {
		copy = malloc(len);
		if (!copy)
			abort();
		memcpy(copy, from, len);
	}
	free(*p);
	*p = copy;
	*n = len;
}

void link_drop(struct link *l)
{
	if (l->end.fd >= 0)
		close(l->end.fd);
	l->end.fd = -1;
	l->where = -1;
	l->waiting = false;
	set(&l->request, &l->request_len, NULL, 0);
	set(&l->rest, &l->rest_len, NULL, 0);
}

static void broken(struct link *l, const char *why)
{
	bool waited = l->waiting;

	link_drop(l);
	if (waited)
		l->on_answer(l, -1, why, strlen(why), client_now());
}

/* 0 or -errno. */
static int put(struct link *l)
{
	struct epoll_event ev = {.data.ptr = &l->end};
	ssize_t n = send(l->end.fd, l->request, l->request_len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		return -errno;
	n = n < 0 ? 0 : n;
	set(&l->request, &l->request_len, l->request + n, l->request_len - (size_t)n);
	ev.events = l->request_len ? EPOLLIN | EPOLLOUT : EPOLLIN;
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->end.fd, &ev) < 0 ? -errno : 0;
}

static void on_readable(struct link *l)
{
	static char buf[INPUT_MAX];
	size_t len = l->rest_len;
	const char *body;
	char why[160];
	int status;
	ssize_t n;

	if (len)
		memcpy(buf, l->rest, len);
	n = recv(l->end.fd, buf + len, sizeof buf - len, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			broken(l, n == 0 ? "closed by the server" : strerror(errno));
		return;
	}
	len += (size_t)n;
	n = http_whole(buf, len, sizeof buf, &status, &body);
	if (n < 0 || (n > 0 && (!l->waiting || (size_t)n < len))) {
		snprintf(why, sizeof why, "not understood: %.*s", (int)(len < 120 ? len : 120), buf);
		broken(l, why);
		return;
	}
	if (n == 0) {
		set(&l->rest, &l->rest_len, buf, len);
		return;
	}
	set(&l->rest, &l->rest_len, NULL, 0);
	l->waiting = false;
	if (memmem(buf, (size_t)(body - buf), "\r\nConnection: close\r\n", 21))
		link_drop(l);
	l->on_answer(l, status, body, (size_t)(buf + n - body), client_now());
}

static void on_event(struct endpoint *e, uint32_t events)
{
	struct link *l = (struct link *)e;
	int error;

	if (l->end.fd < 0)
		return;
	if (l->request_len && events & EPOLLOUT) {
		error = put(l);
		if (error) {
			broken(l, strerror(-error));
			return;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_readable(l);
}

struct link *link_new(const struct plan *plan, int epoll)
{
	struct link *l = calloc(1, sizeof *l);

	if (l)
		*l = (struct link){.end = {on_event, -1}, .plan = plan, .epoll = epoll, .where = -1};
	return l;
}

int link_ask(struct link *l, unsigned id, const char *request, size_t len)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &l->end};
	ssize_t n;

	l->waiting = true;
	l->asked_at = client_now();
	if (l->end.fd >= 0) {
		n = send(l->end.fd, request, len, MSG_NOSIGNAL);
		if (n == (ssize_t)len)
			return 0;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		n = n < 0 ? 0 : n;
		set(&l->request, &l->request_len, request + n, len - (size_t)n);
		return epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->end.fd, &ev) < 0 ? -errno : 0;
	}
	set(&l->request, &l->request_len, request, len);
	l->end.fd = client_socket(l->plan, id, l->plan->port);
	if (l->end.fd < 0)
		return l->end.fd;
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->end.fd, &ev) < 0 ? -errno : 0;
}
