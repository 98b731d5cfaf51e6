/*
 * control.h - the master's control socket: one request line in, one answer out, closed.
 *
 * Lives in the instance's directory, which only its user can enter; peers of another user (but root) are refused all
 * the same.  At most CONTROL_CLIENTS at a time, each with CONTROL_DEADLINE in all; none can hold the master up.
 */
#ifndef FORKCAST_MASTER_CONTROL_H
#define FORKCAST_MASTER_CONTROL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "master/fault.h"
#include "master/tick.h"

#define CONTROL_CLIENTS	 8
#define CONTROL_REQUEST	 32 /* bytes of a request line at most */
#define CONTROL_DEADLINE (2 * TICK_SEC)
#define CONTROL_POLLFDS	 (CONTROL_CLIENTS + 1)

/* Answers REQUEST (without newline) with malloc'ed bytes; NULL: unknown request, or no memory. */
typedef char *(*control_answer_fn)(void *ctx, const char *request, size_t *len);

struct control_client {
	int fd;
	uint64_t deadline_ns;
	char request[CONTROL_REQUEST];
	size_t have;
	char *answer; /* NULL: still reading */
	size_t len, sent;
};

struct control {
	int fd;
	unsigned n;
	struct control_client client[CONTROL_CLIENTS];
	control_answer_fn answer;
	void *ctx;
};

/* Listens on "control" in the directory DIR_FD.  0, or -errno with *F. */
int control_open(struct control *c, int dir_fd, control_answer_fn answer, void *ctx, struct fault *f);
void control_close(struct control *c);
/* In a child: closes what was inherited. */
void control_child(struct control *c);
/* Fills PFDS (room for CONTROL_POLLFDS); returns how many. */
unsigned control_poll(const struct control *c, struct pollfd *pfds);
/* Acts on the same PFDS after poll. */
void control_handle(struct control *c, const struct pollfd *pfds, unsigned n, uint64_t now_ns);

#endif
