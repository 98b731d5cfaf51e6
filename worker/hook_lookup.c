#include "worker/hook_lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define STACK_BYTES (1u << 20) /* the resolver keeps answers of 64 KiB on it */

struct lookup {
	int fd; /* to tell the loop */
	hook_lookup_fn fn;
	void *arg;
	struct hook_addresses found;
	char port[8];
	char host[];
};

/* Pointers are smaller than PIPE_BUF, so each comes whole. */
static void on_found(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *l;

	(void)what;
	(void)arg;
	while (read(fd, &l, sizeof(l)) == (ssize_t)sizeof(l)) {
		l->fn(l->arg, &l->found);
		free(l);
	}
}

int hook_lookups_open(struct hook_lookups *l, struct event_base *base)
{
	if (pipe2(l->fd, O_CLOEXEC) != 0)
		return -errno;
	/* the loop's end alone: a thread may wait for a place in the pipe */
	fcntl(l->fd[0], F_SETFL, O_NONBLOCK);
	event_assign(&l->ev, base, l->fd[0], EV_READ | EV_PERSIST, on_found, l);
	return event_add(&l->ev, NULL) == 0 ? 0 : -ENOMEM;
}

bool hook_lookup_now(const struct hook *h, struct hook_addresses *out)
{
	struct hook_address *a = &out->at[0];
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->sa;

	memset(a, 0, sizeof(*a));
	out->n = 1;
	if (h->scheme == HOOK_UNIX) {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, h->host.p, h->host.n);
		a->len = sizeof(*un);
	} else if (inet_pton(AF_INET, h->host.p, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(h->port);
		a->len = sizeof(*in);
	} else if (inet_pton(AF_INET6, h->host.p, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(h->port);
		a->len = sizeof(*in6);
	} else {
		out->n = 0;
	}
	return out->n > 0;
}

static void *look_up(void *arg)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	struct lookup *l = arg;
	int fd = l->fd;

	if (getaddrinfo(l->host, l->port, &hints, &list) == 0) {
		for (const struct addrinfo *a = list; a != NULL && l->found.n < HOOK_ADDRESSES_MAX; a = a->ai_next) {
			struct hook_address *to = &l->found.at[l->found.n++];

			memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
			to->len = a->ai_addrlen;
		}
		freeaddrinfo(list);
	}
	while (write(fd, &l, sizeof(l)) < 0 && errno == EINTR)
		;
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return -err;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, look_up, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int hook_lookup_start(struct hook_lookups *ls, const struct hook *h, hook_lookup_fn fn, void *arg)
{
	struct lookup *l = calloc(1, sizeof(*l) + h->host.n + 1);
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->fd = ls->fd[1];
	l->fn = fn;
	l->arg = arg;
	snprintf(l->port, sizeof(l->port), "%u", h->port);
	memcpy(l->host, h->host.p, h->host.n);
	err = start_thread(l);
	if (err != 0)
		free(l);
	return err;
}
