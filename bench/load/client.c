#include "bench/load/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/poll.h"
#include "bench/load/token.h"
#include "bench/load/ws.h"

#define SUBSCRIBE_ID "420"
#define SUBSCRIBED   "430"

uint64_t client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void client_lost(struct client *c, const char *why)
{
	if (c->state == CLIENT_LOST)
		return;
	c->state = CLIENT_LOST;
	if (c->world->plan->poll)
		poll_close(c);
	else
		ws_close(c);
	c->world->on_lost(c, why);
}

void client_send(struct client *c, const char *text, size_t len)
{
	if (c->state == CLIENT_LOST)
		return;
	if (c->world->plan->poll)
		poll_send(c, text, len);
	else
		ws_send(c, text, len);
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
	c->dialed_at = client_now();
	c->state = CLIENT_DIALING;
	return c->world->plan->poll ? poll_dial(c) : ws_dial(c);
}

void client_ready(struct client *c, uint64_t now)
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
			client_lost(c, "no token could be made");
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
		client_lost(c, "CONNECT reply without a sid");
		return;
	}
	memcpy(c->sid, sid + 7, (size_t)(end - (sid + 7)));
	if (!c->member || c->world->plan->echo) {
		client_ready(c, now);
		return;
	}
	c->state = CLIENT_SUBSCRIBING;
	n = snprintf(
	    packet, sizeof packet, SUBSCRIBE_ID "[\"subscribe\",{\"room\":\"market\",\"id\":\"%04u\"}]", c->room);
	client_send(c, packet, (size_t)n);
}

void client_refuse(struct client *c, const char *text, size_t len)
{
	char why[160];

	snprintf(why, sizeof why, "the server said %.*s", (int)(len < 120 ? len : 120), text);
	client_lost(c, why);
}

/* Engine.IO's packets, with Socket.IO protocol v5 inside of "4". */
void client_packet(struct client *c, const char *text, size_t len, uint64_t now)
{
	const char *brace;

	if (c->world->plan->raw ||
	    (len > 2 && text[0] == '4' && (text[1] == '2' || (text[1] == '3' && c->state == CLIENT_READY)))) {
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
		client_ready(c, now);
	} else if (len != 1 || text[0] != '6') {
		client_refuse(c, text, len);
	}
}
