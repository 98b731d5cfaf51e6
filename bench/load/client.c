#include "bench/load/client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/token.h"
#include "bench/load/wire.h"

#define INPUT_MAX    (256 * 1024)
#define MESSAGE_MAX  (64 * 1024)
#define BACKLOG_MAX  (16u << 20)
#define SUBSCRIBE_ID "420"
#define SUBSCRIBED   "430"

uint64_t client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void lost(struct client *c, const char *why)
{
	if (c->state == CLIENT_LOST)
		return;
	c->state = CLIENT_LOST;
	close(c->end.fd);
	free(c->rest);
	free(c->backlog);
	c->rest = NULL;
	c->backlog = NULL;
	c->world->on_lost(c, why);
}

static void watch(struct client *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = &c->end};

	if (epoll_ctl(c->world->epoll, EPOLL_CTL_MOD, c->end.fd, &ev) < 0)
		lost(c, "epoll_ctl");
}

/* Sends what it can and keeps the rest; false when the connection is lost. */
static bool put(struct client *c, const uint8_t *buf, size_t len)
{
	ssize_t n = 0;
	uint8_t *more;

	if (c->backlog_len == 0) {
		n = send(c->end.fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			lost(c, strerror(errno));
			return false;
		}
		n = n < 0 ? 0 : n;
		if ((size_t)n == len)
			return true;
		watch(c, EPOLLIN | EPOLLOUT);
	}
	len -= (size_t)n;
	more = c->backlog_len + len > BACKLOG_MAX ? NULL : realloc(c->backlog, c->backlog_len + len);
	if (!more) {
		lost(c, "the server does not read");
		return false;
	}
	c->backlog = more;
	memcpy(c->backlog + c->backlog_len, buf + n, len);
	c->backlog_len += len;
	return true;
}

static void flush_backlog(struct client *c)
{
	ssize_t n = send(c->end.fd, c->backlog, c->backlog_len, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN)
			lost(c, strerror(errno));
		return;
	}
	c->backlog_len -= (size_t)n;
	memmove(c->backlog, c->backlog + n, c->backlog_len);
	if (c->backlog_len == 0) {
		free(c->backlog);
		c->backlog = NULL;
		watch(c, EPOLLIN);
	}
}

static void send_frame(struct client *c, enum wire_opcode opcode, const char *text, size_t len)
{
	static uint8_t buf[MESSAGE_MAX + WIRE_FRAME_EXTRA];

	assert(len <= MESSAGE_MAX);
	if (c->state != CLIENT_LOST)
		put(c, buf, wire_frame(buf, opcode, text, len));
}

void client_send(struct client *c, const char *text, size_t len)
{
	send_frame(c, WIRE_TEXT, text, len);
}

int client_socket(const struct plan *plan, unsigned id, uint16_t port)
{
	struct sockaddr_in from = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + id % plan->sources)};
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* The port is chosen at connect, when the whole pair of addresses is known: else an address has 28,232 in all.
	 */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int client_dial(struct client *c)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &c->end};
	int fd;

	c->dialed_at = client_now();
	c->state = CLIENT_DIALING;
	fd = client_socket(c->world->plan, c->id, c->world->plan->port);
	if (fd < 0)
		return fd;
	c->end.fd = fd;
	return epoll_ctl(c->world->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void on_dialed(struct client *c)
{
	char target[64] = "socket.io/?EIO=4&transport=websocket", request[512];
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(c->end.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		lost(c, strerror(error));
		return;
	}
	if (c->world->plan->raw)
		snprintf(target, sizeof target, "%04u%s", c->room, c->publisher ? "?publish" : "");
	c->state = CLIENT_UPGRADING;
	watch(c, EPOLLIN);
	if (c->state != CLIENT_LOST)
		put(c, (uint8_t *)request, wire_upgrade(request, sizeof request, target, c->world->plan->port));
}

static void ready(struct client *c, uint64_t now)
{
	c->state = CLIENT_READY;
	c->world->on_ready(c, now);
}

static void on_open(struct client *c)
{
	char packet[TOKEN_MAX + 32] = "40", user[32], token[TOKEN_MAX];
	int n = 2;

	if (c->world->plan->secret) {
		snprintf(user, sizeof user, "u%07u", c->id);
		if (token_mint(c->world->plan->secret, user, token) < 0) {
			lost(c, "no token could be made");
			return;
		}
		n = snprintf(packet, sizeof packet, "40{\"token\":\"%s\"}", token);
	}
	c->state = CLIENT_JOINING;
	client_send(c, packet, (size_t)n);
}

static void on_joined(struct client *c, const char *text, size_t len, uint64_t now)
{
	const char *sid = memmem(text, len, "\"sid\":\"", 7), *end;
	char packet[96];
	int n;

	end = sid ? memchr(sid + 7, '"', (size_t)(text + len - (sid + 7))) : NULL;
	if (!end || (size_t)(end - (sid + 7)) >= sizeof c->sid) {
		lost(c, "CONNECT reply without a sid");
		return;
	}
	memcpy(c->sid, sid + 7, (size_t)(end - (sid + 7)));
	if (!c->member) {
		ready(c, now);
		return;
	}
	c->state = CLIENT_SUBSCRIBING;
	n = snprintf(
	    packet, sizeof packet, SUBSCRIBE_ID "[\"subscribe\",{\"room\":\"market\",\"id\":\"%04u\"}]", c->room);
	client_send(c, packet, (size_t)n);
}

static void refused(struct client *c, const char *text, size_t len)
{
	char why[160];

	snprintf(why, sizeof why, "the server said %.*s", (int)(len < 120 ? len : 120), text);
	lost(c, why);
}

/* One Engine.IO packet in a text frame (Socket.IO protocol v5 inside of "4"). */
static void on_text(struct client *c, const char *text, size_t len, uint64_t now)
{
	const char *brace;

	if (c->world->plan->raw || (len > 2 && text[0] == '4' && text[1] == '2')) {
		brace = memchr(text, '{', len);
		if (brace)
			c->world->on_argument(c, brace, len - (size_t)(brace - text), now);
	} else if (len == 1 && text[0] == '2') {
		client_send(c, "3", 1);
	} else if (c->state == CLIENT_OPENING && len > 1 && text[0] == '0') {
		on_open(c);
	} else if (c->state == CLIENT_JOINING && len > 2 && memcmp(text, "40{", 3) == 0) {
		on_joined(c, text, len, now);
	} else if (c->state == CLIENT_SUBSCRIBING && len > 3 && memcmp(text, SUBSCRIBED, 3) == 0 &&
	    memmem(text, len, "\"success\":true", 14)) {
		ready(c, now);
	} else if (len != 1 || text[0] != '6') {
		refused(c, text, len);
	}
}

/* One frame or handshake from the input: bytes consumed, 0 = need more, -1 = not understood. */
static ssize_t step(struct client *c, const char *in, size_t len, uint64_t now)
{
	struct wire_message m;
	ssize_t n;

	if (c->state == CLIENT_UPGRADING) {
		n = wire_upgraded(in, len);
		if (n > 0) {
			c->state = CLIENT_OPENING;
			if (c->world->plan->raw)
				ready(c, now);
		}
		return n;
	}
	n = wire_read((const uint8_t *)in, len, &m);
	if (n <= 0)
		return n;
	switch (m.opcode) {
	case WIRE_TEXT: on_text(c, m.data, m.len, now); break;
	case WIRE_PING: send_frame(c, WIRE_PONG, m.data, m.len); break;
	case WIRE_CLOSE: lost(c, "closed by the server"); break;
	default: break;
	}
	return n;
}

static void on_readable(struct client *c)
{
	static char buf[INPUT_MAX];
	size_t len = c->rest_len, at = 0;
	uint64_t now;
	ssize_t n;

	if (len)
		memcpy(buf, c->rest, len);
	n = recv(c->end.fd, buf + len, sizeof buf - len, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			lost(c, n == 0 ? "closed by the server" : strerror(errno));
		return;
	}
	now = client_now();
	len += (size_t)n;
	while (at < len && c->state != CLIENT_LOST) {
		n = step(c, buf + at, len - at, now);
		if (n < 0 || (n == 0 && len - at == sizeof buf)) {
			refused(c, buf + at, len - at);
			return;
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	if (c->state == CLIENT_LOST)
		return;
	free(c->rest);
	c->rest = NULL;
	c->rest_len = len - at;
	if (c->rest_len) {
		c->rest = malloc(c->rest_len);
		if (!c->rest)
			abort();
		memcpy(c->rest, buf + at, c->rest_len);
	}
}

void client_event(struct endpoint *e, uint32_t events)
{
	struct client *c = (struct client *)e;

	if (c->state == CLIENT_DIALING) {
		on_dialed(c);
		return;
	}
	if (c->state != CLIENT_LOST && events & EPOLLOUT && c->backlog_len)
		flush_backlog(c);
	if (c->state != CLIENT_LOST && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_readable(c);
}
