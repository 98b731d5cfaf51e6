/*
 * answer.h - the master's control socket: one request line in, one answer out, closed.
 *
 * Lives in the instance's directory, which only its user can enter; peers of another user (but root) are refused all
 * the same.  At most ANSWER_CLIENTS at a time, each with ANSWER_DEADLINE in all; none can hold the master up.
 */
#ifndef FORKCAST_MASTER_ANSWER_H
#define FORKCAST_MASTER_ANSWER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "master/fault.h"
#include "master/tick.h"

#define ANSWER_CLIENTS  8
#define ANSWER_REQUEST  32 /* bytes of a request line at most */
#define ANSWER_DEADLINE (2 * TICK_SEC)
#define ANSWER_POLLFDS  (ANSWER_CLIENTS + 1)

/* Answers REQUEST (without newline) with malloc'ed bytes; NULL: unknown request, or no memory. */
typedef char *(*answer_fn)(void *ctx, const char *request, size_t *len);

struct answer_client {
	int fd;
	uint64_t deadline_ns;
	char request[ANSWER_REQUEST];
	size_t have;
	char *answer; /* NULL: still reading */
	size_t len, sent;
};

struct answerer {
	int fd;
	unsigned n;
	struct answer_client client[ANSWER_CLIENTS];
	answer_fn answer;
	void *ctx;
};

/* Listens on "control" in the directory DIR_FD.  0, or -errno with *F. */
int answer_open(struct answerer *c, int dir_fd, answer_fn answer, void *ctx, struct fault *f);
void answer_close(struct answerer *c);
/* In a child: closes what was inherited. */
void answer_child(struct answerer *c);
/* Fills PFDS (room for ANSWER_POLLFDS); returns how many. */
unsigned answer_poll(const struct answerer *c, struct pollfd *pfds);
/* Acts on the same PFDS after poll. */
void answer_handle(struct answerer *c, const struct pollfd *pfds, unsigned n, uint64_t now_ns);

#endif
