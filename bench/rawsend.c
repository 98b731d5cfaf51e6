/*
 * rawsend - the yardstick: what the kernel alone asks for a delivery.
 *
 * One process, one epoll loop.  It completes the WebSocket handshake so that the same load generator can connect, and
 *then, for each message of a publisher, makes one frame and gives it to every subscriber with one send(2) each; nothing
 *more. It never joins two messages into one write, has no rooms but the request target, no checks, no queues: a server
 *that does real work is measured against this in the same run, so that the machine's noise cancels.
 *
 *	GET /NAME		subscribes to NAME
 *	GET /NAME?publish	publishes to NAME what it sends
 *
 * It prints "ports: 0=PORT" once it listens on 127.0.0.1.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#define CONNS_MAX  65536
#define GROUPS_MAX 1024
#define NAME_MAX_  32
#define INPUT_MAX  65536

struct group {
	char name[NAME_MAX_];
	int *fds; /* subscribers, in the order they came */
	unsigned n, room;
};

struct conn {
	struct group *group; /* NULL until the handshake is done */
	bool publisher;
	char *rest; /* bytes of an unfinished request or frame */
	size_t rest_len;
};

static struct conn conns[CONNS_MAX]; /* by descriptor */
static struct group groups[GROUPS_MAX];
static unsigned ngroups;
static unsigned long unsent; /* sends the kernel did not take whole */

static struct group *group_of(const char *name, size_t len)
{
	struct group *g;

	for (g = groups; g < groups + ngroups; g++)
		if (strlen(g->name) == len && memcmp(g->name, name, len) == 0)
			return g;
	if (ngroups == GROUPS_MAX || len >= NAME_MAX_)
		return NULL;
	ngroups++;
	memcpy(g->name, name, len);
	return g;
}

static void group_add(struct group *g, int fd)
{
	if (g->n == g->room) {
		g->room = g->room ? 2 * g->room : 16;
		g->fds = realloc(g->fds, g->room * sizeof *g->fds);
		if (!g->fds)
			err(1, "realloc");
	}
	g->fds[g->n++] = fd;
}

static void drop(int fd)
{
	struct conn *c = &conns[fd];
	unsigned i;

	if (c->group && !c->publisher) {
		for (i = 0; i < c->group->n && c->group->fds[i] != fd; i++)
			;
		if (i < c->group->n)
			c->group->fds[i] = c->group->fds[--c->group->n];
	}
	free(c->rest);
	memset(c, 0, sizeof *c);
	close(fd);
}

/* Sec-WebSocket-Accept of RFC 6455, 4.2.2: out holds 29 bytes. */
static void accept_key(const char *key, size_t len, char *out)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[64 + sizeof guid], sum[EVP_MAX_MD_SIZE];

	memcpy(text, key, len);
	memcpy(text + len, guid, sizeof guid - 1);
	if (!EVP_Digest(text, len + sizeof guid - 1, sum, NULL, EVP_sha1(), NULL))
		errx(1, "SHA-1 is not available");
	EVP_EncodeBlock((unsigned char *)out, sum, 20);
}

/* Bytes consumed, 0 = need more, -1 = not a handshake. */
static ssize_t handshake(int fd, const char *in, size_t len)
{
	const char *end = memmem(in, len, "\r\n\r\n", 4), *target, *stop, *key, *query;
	struct conn *c = &conns[fd];
	char accepted[32], reply[256];
	int n;

	if (!end)
		return 0;
	if (len < 5 || memcmp(in, "GET /", 5) != 0)
		return -1;
	target = in + 5;
	stop = memchr(target, ' ', (size_t)(end - target));
	key = memmem(in, len, "Sec-WebSocket-Key: ", 19);
	if (!stop || !key || end - (key + 19) < 24)
		return -1;
	query = memchr(target, '?', (size_t)(stop - target));
	c->publisher = query != NULL;
	c->group = group_of(target, (size_t)((query ? query : stop) - target));
	if (!c->group)
		return -1;
	accept_key(key + 19, 24, accepted);
	n = snprintf(reply, sizeof reply,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	    "%s\r\n\r\n",
	    accepted);
	if (send(fd, reply, (size_t)n, 0) != n)
		return -1;
	if (!c->publisher)
		group_add(c->group, fd);
	return end + 4 - in;
}

/* The loop that everything else is compared with. */
static void deliver(const struct group *g, const void *frame, size_t len)
{
	unsigned i;

	for (i = 0; i < g->n; i++)
		if (send(g->fds[i], frame, len, 0) != (ssize_t)len)
			unsent++;
}

/* One masked frame of a client.  Bytes consumed, 0 = need more, -1 = close. */
static ssize_t frame(int fd, const uint8_t *in, size_t len)
{
	static uint8_t out[INPUT_MAX];
	const uint8_t *mask;
	size_t head, size, i, o;

	if (len < 6)
		return 0;
	head = 6;
	size = in[1] & 0x7f;
	if (size == 126) {
		if (len < 8)
			return 0;
		head = 8;
		size = (size_t)in[2] << 8 | in[3];
	}
	if (size == 127 || !(in[1] & 0x80) || (in[0] & 0x0f) == 8)
		return -1;
	if (len < head + size)
		return 0;
	if (!conns[fd].publisher || (in[0] & 0x0f) > 2)
		return (ssize_t)(head + size);
	mask = in + head - 4;
	o = 0;
	out[o++] = in[0];
	if (size < 126) {
		out[o++] = (uint8_t)size;
	} else {
		out[o++] = 126;
		out[o++] = (uint8_t)(size >> 8);
		out[o++] = (uint8_t)size;
	}
	for (i = 0; i < size; i++)
		out[o + i] = in[head + i] ^ mask[i & 3];
	deliver(conns[fd].group, out, o + size);
	return (ssize_t)(head + size);
}

static void readable(int fd)
{
	static uint8_t buf[INPUT_MAX];
	struct conn *c = &conns[fd];
	size_t len = c->rest_len, at = 0;
	ssize_t n;

	if (len)
		memcpy(buf, c->rest, len);
	free(c->rest);
	c->rest = NULL;
	c->rest_len = 0;
	n = recv(fd, buf + len, sizeof buf - len, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(fd);
		return;
	}
	len += (size_t)n;
	while (at < len) {
		n = c->group ? frame(fd, buf + at, len - at) : handshake(fd, (char *)buf + at, len - at);
		if (n < 0 || (n == 0 && len - at == sizeof buf)) {
			drop(fd);
			return;
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	if (at < len) {
		c->rest = malloc(len - at);
		if (!c->rest)
			err(1, "malloc");
		c->rest_len = len - at;
		memcpy(c->rest, buf + at, c->rest_len);
	}
}

static void accept_all(int ep, int listener)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= CONNS_MAX) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		ev.data.fd = fd;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
			err(1, "epoll_ctl");
	}
}

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

int main(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN}, events[512];
	struct sigaction on_term = {.sa_handler = on_stop};
	socklen_t sinlen = sizeof sin;
	struct rlimit nofile;
	int listener, ep, n, i;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &on_term, NULL);
	sigaction(SIGINT, &on_term, NULL);
	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = nofile.rlim_max;
		setrlimit(RLIMIT_NOFILE, &nofile);
	}
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&sin, sizeof sin) < 0 || listen(listener, 4096) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &sinlen) < 0)
		err(1, "listen");
	ep = epoll_create1(EPOLL_CLOEXEC);
	ev.data.fd = listener;
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev) < 0)
		err(1, "epoll");
	printf("ports: 0=%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	while (!stop) {
		n = epoll_wait(ep, events, 512, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(ep, listener);
			else
				readable(events[i].data.fd);
		}
	}
	if (unsent)
		warnx("%lu sends were not taken whole", unsent);
	return 0;
}
