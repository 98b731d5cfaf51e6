#include "bench/load/ws.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/client.h"
#include "bench/load/wire.h"

#define MESSAGE_MAX (64 * 1024)
#define BACKLOG_MAX (16u << 20)

static void watch(struct client *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = &c->end};

	if (epoll_ctl(c->world->epoll, EPOLL_CTL_MOD, c->end.fd, &ev) < 0)
		client_lost(c, "epoll_ctl");
}

/* Sends what it can and keeps the rest; false when the connection is lost. */
static bool put(struct client *c, const uint8_t *buf, size_t len)
{
	ssize_t n = 0;
	uint8_t *more;

	if (c->backlog_len == 0) {
		n = send(c->end.fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			client_lost(c, strerror(errno));
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
		client_lost(c, "the server does not read");
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
			client_lost(c, strerror(errno));
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

void ws_send(struct client *c, const char *text, size_t len)
{
	send_frame(c, WIRE_TEXT, text, len);
}

void ws_close(struct client *c)
{
	close(c->end.fd);
	free(c->rest);
	free(c->backlog);
	c->rest = NULL;
	c->backlog = NULL;
}

static void on_dialed(struct client *c)
{
	char target[64] = "socket.io/?EIO=4&transport=websocket", request[512];
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(c->end.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		client_lost(c, strerror(error));
		return;
	}
	if (c->world->plan->raw)
		snprintf(target, sizeof target, "%04u%s", c->room, c->publisher ? "?publish" : "");
	c->state = CLIENT_UPGRADING;
	watch(c, EPOLLIN);
	if (c->state != CLIENT_LOST)
		put(c, (uint8_t *)request, wire_upgrade(request, sizeof request, target, c->world->plan->port));
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
				client_ready(c, now);
		}
		return n;
	}
	n = wire_read((const uint8_t *)in, len, &m);
	if (n <= 0)
		return n;
	switch (m.opcode) {
	case WIRE_TEXT: client_packet(c, m.data, m.len, now); break;
	case WIRE_PING: send_frame(c, WIRE_PONG, m.data, m.len); break;
	case WIRE_CLOSE: client_lost(c, "closed by the server"); break;
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
			client_lost(c, n == 0 ? "closed by the server" : strerror(errno));
		return;
	}
	now = client_now();
	len += (size_t)n;
	while (at < len && c->state != CLIENT_LOST) {
		n = step(c, buf + at, len - at, now);
		if (n < 0 || (n == 0 && len - at == sizeof buf)) {
			client_refuse(c, buf + at, len - at);
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

static void on_event(struct endpoint *e, uint32_t events)
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

int ws_dial(struct client *c)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &c->end};
	int fd = client_socket(c->world->plan, c->id, c->world->plan->port);

	if (fd < 0)
		return fd;
	c->end = (struct endpoint){on_event, fd};
	return epoll_ctl(c->world->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}
