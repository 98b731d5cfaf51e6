/*
 * t_turn.c - whole turns of two workers, as threads of one process, so that the thread sanitizer sees both sides of
 * everything they share: rings, interest, doorbells, slots, counters.  Clients speak raw frames over TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/worker_fixture.h"

#define CLIENTS	 12
#define MESSAGES 60 /* a client */

static const char conf_text[] = "name = turn\n"
				"workers = 2\n"
				"listen \"127.0.0.1:0\" { }\n"
				"admin \"127.0.0.1:0\" { key = \"0123456789abcdef0123456789abcdef\" }\n"
				"auth { anonymous = yes }\n"
				"log { level = error }\n"
				"shm { sessions = 1000  ring_size = 1M  overflow = 1M  store_size = 16M }\n"
				"room \"r\" { join = any }\n"
				"event \"say\" { room = \"r:{to}\"  emit = said }\n"
				"event \"tell\" { room = \"r:{to}\"  emit = told  to = others }\n";

struct client {
	int fd;
	size_t len;
	uint8_t buf[1 << 16];
	unsigned next[CLIENTS]; /* per sender: number expected */
	unsigned got;
};

static int setup(void **state)
{
	return workers_start(state, conf_text, 0);
}

static void send_all(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

/* One masked text frame; a mask of zeros is a mask. */
static void send_text(struct client *c, const char *text)
{
	uint8_t frame[256];
	size_t n = strlen(text);

	assert_in_range(n, 1, 125);
	frame[0] = 0x81;
	frame[1] = (uint8_t)(0x80 | n);
	memset(frame + 2, 0, 4);
	memcpy(frame + 6, text, n);
	send_all(c->fd, frame, n + 6);
}

static void fill(struct client *c)
{
	ssize_t r = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, 0);

	assert_true(r > 0);
	c->len += (size_t)r;
}

static void eat(struct client *c, size_t n)
{
	c->len -= n;
	memmove(c->buf, c->buf + n, c->len);
}

/* The next text frame's payload, NUL-terminated. */
static void next_text(struct client *c, char *out, size_t cap)
{
	size_t n, head = 2;

	while (c->len < 2 || (n = c->buf[1]) == 126)
		if (c->len >= 4 && c->buf[1] == 126)
			break;
		else
			fill(c);
	if (c->buf[1] == 126) {
		head = 4;
		n = (size_t)c->buf[2] << 8 | c->buf[3];
	}
	assert_int_equal(c->buf[0], 0x81);
	assert_true(n < cap);
	while (c->len < head + n)
		fill(c);
	memcpy(out, c->buf + head, n);
	out[n] = '\0';
	eat(c, head + n);
}

static void expect(struct client *c, const char *start)
{
	char text[512];

	next_text(c, text, sizeof(text));
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("expected %s, got %s", start, text);
}

static void connect_to(struct client *c, uint16_t port)
{
	static const char hello[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
				    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	const struct timeval patience = {20, 0};
	uint8_t *end;

	memset(c, 0, sizeof(*c));
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	send_all(c->fd, hello, sizeof(hello) - 1);
	while ((end = memmem(c->buf, c->len, "\r\n\r\n", 4)) == NULL)
		fill(c);
	assert_memory_equal(c->buf, "HTTP/1.1 101", 12);
	eat(c, (size_t)(end + 4 - c->buf));
	expect(c, "0{\"sid\":\"");
	send_text(c, "40");
	expect(c, "40{\"sid\":\"");
}

/* 42["said",{"to":1,"from":F,"n":N}]: each sender's numbers come in their order, each once. */
static void take_message(struct client *c)
{
	unsigned from, n;
	char text[512];

	next_text(c, text, sizeof(text));
	if (sscanf(text, "42[\"said\",{\"to\":1,\"from\":%u,\"n\":%u}]", &from, &n) != 2)
		fail_msg("not a message: %s", text);
	assert_true(from < CLIENTS);
	if (c->next[from] != n)
		fail_msg("sender %u: expected %u, got %u", from, c->next[from], n);
	c->next[from]++;
	c->got++;
}

static void every_member_of_both_workers_gets_all_once_in_order(void **state)
{
	struct bench *b = *state;
	struct client *c = calloc(CLIENTS, sizeof(*c));
	char text[128];

	for (unsigned i = 0; i < CLIENTS; i++) {
		connect_to(&c[i], b->port[i % WORKERS]);
		send_text(&c[i], "420[\"subscribe\",{\"room\":\"r\",\"id\":1}]");
		expect(&c[i], "430[{\"success\":true");
	}
	for (unsigned n = 0; n < MESSAGES; n++) {
		for (unsigned i = 0; i < CLIENTS; i++) {
			snprintf(text, sizeof(text), "42[\"say\",{\"to\":1,\"from\":%u,\"n\":%u}]", i, n);
			send_text(&c[i], text);
		}
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		while (c[i].got < CLIENTS * MESSAGES)
			take_message(&c[i]);
	}
	/* to others: the sender alone does not hear it */
	send_text(&c[0], "421[\"tell\",{\"to\":1}]");
	expect(&c[0], "431[{\"success\":true}]");
	for (unsigned i = 1; i < CLIENTS; i++)
		expect(&c[i], "42[\"told\",{\"to\":1}]");
	send_text(&c[0], "422[\"ping\"]");
	expect(&c[0], "432[\"pong\"]");
	for (unsigned i = 0; i < CLIENTS; i++)
		close(c[i].fd);
	free(c);
}

static void members_that_left_hear_nothing_more(void **state)
{
	struct bench *b = *state;
	struct client *c = calloc(2, sizeof(*c));

	for (unsigned i = 0; i < 2; i++) {
		connect_to(&c[i], b->port[i]);
		send_text(&c[i], "420[\"subscribe\",{\"room\":\"r\",\"id\":2}]");
		expect(&c[i], "430[{\"success\":true");
	}
	send_text(&c[1], "421[\"unsubscribe\",{\"room\":\"r\",\"id\":2}]");
	expect(&c[1], "431[{\"success\":true");
	send_text(&c[0], "421[\"say\",{\"to\":2}]");
	expect(&c[0], "42[\"said\",{\"to\":2}]");
	expect(&c[0], "431[{\"success\":true}]"); /* behind what it published */
	send_text(&c[1], "422[\"ping\"]");
	expect(&c[1], "432[\"pong\"]");
	close(c[0].fd);
	close(c[1].fd);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_of_both_workers_gets_all_once_in_order),
		cmocka_unit_test(members_that_left_hear_nothing_more),
	};

	return cmocka_run_group_tests(tests, setup, workers_stop);
}
