/*
 * t_turn.c - whole turns of two workers, as threads of one process, so that the thread sanitizer sees both sides of
 * everything they share: rings, interest, doorbells, slots, counters.  Clients speak raw frames over TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "worker/accept.h"
#include "worker/entry.h"
#include "worker/turn.h"
#include "worker/worker.h"

#define WORKERS	 2
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

struct bench {
	struct conf *conf;
	struct segment seg;
	char name[64];
	struct heritage_listener listener;
	struct heritage h[WORKERS];
	struct worker *w[WORKERS];
	struct event stop_ev[WORKERS];
	int stop_fd[WORKERS], listen_fd[WORKERS];
	uint16_t port[WORKERS];
	pthread_t thread[WORKERS];
};

struct client {
	int fd;
	size_t len;
	uint8_t buf[1 << 16];
	unsigned next[CLIENTS]; /* per sender: number expected */
	unsigned got;
};

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->stop_now = true;
}

static void *run(void *arg)
{
	turn_loop(arg);
	return NULL;
}

static void load_conf(struct bench *b)
{
	char path[] = "/tmp/t_turn.XXXXXX";
	struct conf_errors errors = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, conf_text, sizeof(conf_text) - 1), sizeof(conf_text) - 1);
	close(fd);
	if (conf_load(path, false, &b->conf, &errors) != 0) {
		for (unsigned i = 0; i < errors.n; i++)
			print_error("%s\n", errors.line[i]);
		fail();
	}
	unlink(path);
	assert_int_equal(log_open(&b->conf->log), 0);
}

static void open_listener(struct bench *b, unsigned i)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	b->listen_fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(b->listen_fd[i], (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(b->listen_fd[i], 64), 0);
	assert_int_equal(getsockname(b->listen_fd[i], (struct sockaddr *)&sin, &len), 0);
	b->port[i] = ntohs(sin.sin_port);
}

static void start_worker(struct bench *b, struct doorbells *bells, unsigned i)
{
	struct heritage *h = &b->h[i];
	struct slot *slot = segment_slot(&b->seg, i);

	*h = (struct heritage){.conf = b->conf, .seg = &b->seg, .bells = *bells, .nlistener = 1, .listener = &b->listener,
	    .nworker = WORKERS, .keeper_slot = WORKERS, .nonce = b->seg.spec.nonce, .max_connections = 1000, .slot = i,
	    .index = i};
	h->gen = slot_open(slot, SLOT_ROLE_WORKER, i, 1);
	b->w[i] = calloc(1, sizeof(*b->w[i]));
	assert_int_equal(worker_init(b->w[i], h), 0);
	slot_beat(slot, b->w[i]->now_ns);
	slot_ready(slot);
	assert_int_equal(accept_open(b->w[i]), 0);
	b->stop_fd[i] = eventfd(0, EFD_NONBLOCK);
	event_assign(&b->stop_ev[i], b->w[i]->base, b->stop_fd[i], EV_READ | EV_PERSIST, on_stop, b->w[i]);
	event_add(&b->stop_ev[i], NULL);
}

static int setup(void **state)
{
	static struct bench bench; /* not freed, like a worker's memory: the leak checker still reaches it */
	struct bench *b = &bench;
	struct segment_spec spec = {.ring_size = 1 << 20, .opring_size = 1 << 20, .dlog_size = 1 << 20, .sessions = 1000};
	struct doorbells bells;

	assert_true(sodium_init() >= 0);
	load_conf(b);
	spec.nonce = 1 + (uint64_t)getpid();
	snprintf(b->name, sizeof(b->name), "/forkcast-test-turn-%d", (int)getpid());
	segment_unlink(b->name);
	assert_int_equal(segment_create(&b->seg, b->name, &spec, NULL), 0);
	segment_unlink(b->name);
	for (unsigned i = 0; i <= WORKERS; i++)
		assert_int_equal(segment_reserve_slot(&b->seg, i, NULL), 0);
	assert_int_equal(doorbells_open(&bells, WORKERS + 1), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		open_listener(b, i);
	b->listener = (struct heritage_listener){.kind = HERITAGE_PUBLIC, .listen = &b->conf->listen[0], .nfd = WORKERS,
	    .fd = b->listen_fd};
	for (unsigned i = 0; i < WORKERS; i++)
		start_worker(b, &bells, i);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&b->thread[i], NULL, run, b->w[i]), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	uint64_t one = 1;

	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(write(b->stop_fd[i], &one, sizeof(one)), sizeof(one));
		assert_int_equal(pthread_join(b->thread[i], NULL), 0);
	}
	return 0;
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
	expect(&c[0], "431[{\"success\":true}]");
	expect(&c[0], "42[\"said\",{\"to\":2}]");
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

	return cmocka_run_group_tests(tests, setup, teardown);
}
