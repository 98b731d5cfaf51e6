/*
 * bind.h - the listening sockets: made by the master before it forks, kept by it for good.
 *
 * A TCP address gets one SO_REUSEPORT socket per worker, so the kernel spreads connections without a shared queue, and
 * a connection queued on the socket of a dead worker waits there until a neighbour or the successor accepts it.  A
 * unix address is one socket that all workers accept on.
 *
 * IPv6: an address that is written out is taken at its word, "[::]:80" is IPv6 alone.  An address without host ("*:80",
 * ":80") is one dual-stack socket where the host has IPv6, else IPv4; accept gives IPv4 peers as ::ffff:1.2.3.4.
 */
#ifndef FORKCAST_MASTER_BIND_H
#define FORKCAST_MASTER_BIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "master/fault.h"
#include "worker/entry.h"

/* A socket file that we made, to know it again before it is unlinked. */
struct bind_file {
	dev_t dev;
	ino_t ino;
};

/* Owns the sockets and the array that the heritage points to. */
struct bindings {
	unsigned n;
	struct heritage_listener *listener; /* `listen` blocks first, then `admin`, in the order of the conf */
	struct bind_file *file;             /* ino 0: none */
};

struct bind_options {
	unsigned nworker;
	uid_t uid; /* owner of unix socket files, and their group; (uid_t)-1: keep ours */
	gid_t gid;
	bool patient; /* a former instance still drains: wait up to 2 s for its addresses */
};

/* 0, or -errno with *F filled (FILE:LINE of the block) and nothing left open. */
int bind_open(struct bindings *b, const struct conf *c, const struct bind_options *o, struct fault *f);
/* What was asked for and what was bound, of listener I. */
const struct conf_address *bind_address(const struct bindings *b, unsigned i);
/* "127.0.0.1:41233", "[::1]:3000", "*:3000" or the path: what listener I is bound to. */
void bind_bound(const struct bindings *b, unsigned i, char *buf, size_t n);
/* Descriptors in all listeners. */
unsigned bind_count(const struct conf *c, unsigned nworker);
/* Closes the sockets (new connections are refused once every process has) and unlinks unix sockets that are ours. */
void bind_close(struct bindings *b);
/* In a child that accepts nothing: closes its copies. */
void bind_child_close(const struct heritage *h);
void bind_fini(struct bindings *b);

#endif
