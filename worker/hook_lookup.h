/*
 * hook_lookup.h - addresses of a backend's name, without the loop ever waiting for them.
 *
 * A number is an address at once.  A name is looked up by getaddrinfo() in a thread that lives for this alone: it is the
 * one resolver that knows what /etc/nsswitch.conf, /etc/hosts and resolv.conf say as every other program on the host
 * understands them.  It comes back through a pipe that the loop reads.
 */
#ifndef FORKCAST_WORKER_HOOK_LOOKUP_H
#define FORKCAST_WORKER_HOOK_LOOKUP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "conf/hook.h"

#define HOOK_ADDRESSES_MAX 8u

struct hook_address {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct hook_addresses {
	unsigned n;
	struct hook_address at[HOOK_ADDRESSES_MAX];
};

/* Called by the loop: FOUND with n 0 when there is none; it lives during the call. */
typedef void (*hook_lookup_fn)(void *arg, const struct hook_addresses *found);

struct hook_lookups {
	int fd[2]; /* a pipe: threads write pointers, the loop reads them */
	struct event ev;
};

/* 0 or -errno. */
int hook_lookups_open(struct hook_lookups *l, struct event_base *base);
/* The addresses that need no lookup: a socket's path, a number.  False when H has a name. */
bool hook_lookup_now(const struct hook *h, struct hook_addresses *out);
/* Looks the name of H up; FN(ARG) is called once, later.  0 or -errno. */
int hook_lookup_start(struct hook_lookups *l, const struct hook *h, hook_lookup_fn fn, void *arg);

#endif
