#include "master/answer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "master/instance.h"

int answer_open(struct answerer *c, int dir_fd, answer_fn answer, void *ctx, struct fault *f)
{
	struct sockaddr_un sun;
	int err;

	*c = (struct answerer){.answer = answer, .ctx = ctx};
	instance_socket_addr(&sun, dir_fd, "control");
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    fchmodat(dir_fd, "control", 0600, 0) < 0 || listen(c->fd, ANSWER_CLIENTS) < 0) {
		err = errno;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		return fault(f, err, FAULT_RUNTIME, "cannot open the control socket: %s", strerror(err));
	}
	return 0;
}

static void drop(struct answerer *c, unsigned i)
{
	close(c->client[i].fd);
	free(c->client[i].answer);
	c->client[i] = c->client[--c->n];
}

void answer_close(struct answerer *c)
{
	while (c->n > 0)
		drop(c, c->n - 1);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void answer_child(struct answerer *c)
{
	answer_close(c);
}

unsigned answer_poll(const struct answerer *c, struct pollfd *pfds)
{
	unsigned n = 0;

	for (; n < c->n; n++)
		pfds[n] = (struct pollfd){.fd = c->client[n].fd, .events = c->client[n].answer ? POLLOUT : POLLIN};
	/* With every place taken, more clients wait in the kernel's queue. */
	if (c->fd >= 0 && c->n < ANSWER_CLIENTS)
		pfds[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	return n;
}

static bool peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && (cred.uid == geteuid() || cred.uid == 0);
}

static void take_client(struct answerer *c, uint64_t now_ns)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!peer_allowed(fd)) {
		close(fd);
		return;
	}
	c->client[c->n++] = (struct answer_client){.fd = fd, .deadline_ns = now_ns + ANSWER_DEADLINE};
}

/* False: the client is done with. */
static bool read_request(struct answerer *c, struct answer_client *cl)
{
	ssize_t n = read(cl->fd, cl->request + cl->have, sizeof(cl->request) - cl->have);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	cl->have += (size_t)n;
	end = memchr(cl->request, '\n', cl->have);
	if (!end)
		return cl->have < sizeof(cl->request);
	*end = '\0';
	cl->answer = c->answer(c->ctx, cl->request, &cl->len);
	return cl->answer != NULL;
}

static bool write_answer(struct answer_client *cl)
{
	ssize_t n = send(cl->fd, cl->answer + cl->sent, cl->len - cl->sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	cl->sent += (size_t)n;
	return cl->sent < cl->len;
}

void answer_handle(struct answerer *c, const struct pollfd *pfds, unsigned n, uint64_t now_ns)
{
	/* Backwards, since drop() fills the hole with the last one. */
	for (unsigned i = n; i-- > 0;) {
		struct answer_client *cl;
		bool keep = true;

		if (pfds[i].fd == c->fd) {
			if (pfds[i].revents & POLLIN)
				take_client(c, now_ns);
			continue;
		}
		cl = &c->client[i];
		if (pfds[i].revents)
			keep = cl->answer ? write_answer(cl) : read_request(c, cl);
		if (!keep || now_ns >= cl->deadline_ns)
			drop(c, i);
	}
}
