/*
 * t_handover.c - connections from worker to worker: the order of what is sent on them, and mail that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "proto/sid.h"
#include "tests/unit/worker_fixture.h"

#define BEFORE 4000 /* requests answered before the one that is handed over */

static const char conf_text[] = "name = handover\n"
				"workers = 2\n"
				"listen \"127.0.0.1:0\" { }\n"
				"admin \"127.0.0.1:0\" { key = \"0123456789abcdef0123456789abcdef\" }\n"
				"auth { anonymous = yes }\n"
				"log { level = error  file = \"/dev/null\" }\n"
				"shm { sessions = 1000  ring_size = 1M  overflow = 1M  store_size = 16M }\n";

/* The layout of a message, written down a second time: a change of it has to change the number in it. */
struct head {
	uint32_t magic, length;
	uint16_t listener;
	uint8_t family, zero;
	uint8_t addr[16];
};
#define MAGIC 0x68616f01u

static int setup(void **state)
{
	return workers_start(state, conf_text, 4096);
}

static uint64_t handovers(const struct bench *b, unsigned i)
{
	return counter_get(segment_counters(&b->seg, i), COUNTER_HANDOVERS);
}

static uint64_t refused(const struct bench *b, unsigned i)
{
	return atomic_load_explicit(&segment_counters(&b->seg, i)->refused[REFUSED_HANDOVER], memory_order_relaxed);
}

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, NULL);
}

/* Waits until *FN is at least N; false after ten seconds. */
static bool reaches(const struct bench *b, uint64_t (*fn)(const struct bench *, unsigned), unsigned i, uint64_t n)
{
	for (unsigned ms = 0; ms < 10000; ms++) {
		if (fn(b, i) >= n)
			return true;
		nap(1);
	}
	return false;
}

static void patient(int fd)
{
	const struct timeval tv = {20, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int dial(uint16_t port)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	const int small = 4096;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	patient(fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void ask_for_session_at(const struct bench *b, int fd, unsigned slot)
{
	char sid[SID_LEN + 1], text[256];

	sid_make(sid, slot, b->h[slot].gen);
	snprintf(
	    text, sizeof(text), "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: x\r\n\r\n", sid);
	send_text(fd, text);
}

struct reader {
	int fd;
	size_t len;
	char buf[8192];
};

/* Status of the next answer, whose body is taken too; 0 at the end. */
static unsigned next_status(struct reader *r)
{
	size_t length, n;
	char *end, *field;
	unsigned status;

	for (;;) {
		r->buf[r->len] = '\0';
		end = strstr(r->buf, "\r\n\r\n");
		field = strstr(r->buf, "Content-Length: ");
		if (end != NULL && field != NULL) {
			length = strtoul(field + 16, NULL, 10);
			n = (size_t)(end + 4 - r->buf) + length;
			if (r->len >= n)
				break;
		}
		{
			ssize_t got = recv(r->fd, r->buf + r->len, sizeof(r->buf) - 1 - r->len, 0);

			assert_true(got >= 0);
			if (got == 0)
				return 0;
			r->len += (size_t)got;
		}
	}
	assert_int_equal(sscanf(r->buf, "HTTP/1.1 %u", &status), 1);
	r->len -= n;
	memmove(r->buf, r->buf + n, r->len);
	return status;
}

/* The peer does not read: what it is owed stays here, and so does the connection until it is out. */
static void what_was_answered_before_is_sent_before(void **state)
{
	const struct bench *b = *state;
	struct reader r = {.fd = dial(b->port[0])};
	uint64_t first = handovers(b, 1);

	for (unsigned i = 0; i < BEFORE; i++)
		send_text(r.fd, "GET /n HTTP/1.1\r\nHost: x\r\n\r\n");
	ask_for_session_at(b, r.fd, 1);
	send_text(r.fd, "GET /n HTTP/1.1\r\nHost: x\r\n\r\n");
	nap(300);
	assert_int_equal(handovers(b, 1), first);
	for (unsigned i = 0; i < BEFORE; i++)
		assert_int_equal(next_status(&r), 404);
	assert_int_equal(next_status(&r), 400);
	assert_int_equal(next_status(&r), 404);
	assert_int_equal(handovers(b, 1), first + 1);
	close(r.fd);
}

static void a_peer_that_never_reads_is_refused_in_the_end(void **state)
{
	const struct bench *b = *state;
	struct reader r = {.fd = dial(b->port[0])};
	uint64_t first = handovers(b, 1), refusals = refused(b, 0);

	for (unsigned i = 0; i < BEFORE; i++)
		send_text(r.fd, "GET /n HTTP/1.1\r\nHost: x\r\n\r\n");
	ask_for_session_at(b, r.fd, 1);
	assert_true(reaches(b, refused, 0, refusals + 1));
	for (unsigned i = 0; i < BEFORE; i++)
		assert_int_equal(next_status(&r), 404);
	assert_int_equal(next_status(&r), 503);
	assert_int_equal(next_status(&r), 0);
	assert_int_equal(handovers(b, 1), first);
	close(r.fd);
}

/* To and fro, as fast as it goes; the sanitizers look. */
static void many_connections_change_hands(void **state)
{
	const struct bench *b = *state;
	struct reader *r = calloc(50, sizeof(*r));

	for (unsigned i = 0; i < 50; i++)
		r[i].fd = dial(b->port[i % WORKERS]);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 50; i++)
			ask_for_session_at(b, r[i].fd, (i + round) % WORKERS);
		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(next_status(&r[i]), 400);
	}
	for (unsigned i = 0; i < 50; i++)
		close(r[i].fd);
	free(r);
}

/* Puts HEAD and the bytes of TEXT into worker 1's mailbox, with one end of a fresh socket pair; returns the other. */
static int mail(const struct bench *b, const struct head *head, size_t nhead, const char *text)
{
	const struct iovec iov[] = {{(void *)(uintptr_t)head, nhead}, {(void *)(uintptr_t)text, strlen(text)}};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(mailbox_put(&b->mail, 1, pair[0], iov, 2), 0);
	close(pair[0]);
	patient(pair[1]);
	return pair[1];
}

static void anything_that_speaks_http_can_be_handed_over(void **state)
{
	static const char text[] = "GET /n HTTP/1.1\r\nHost: x\r\n\r\nGET ";
	const struct head head = {.magic = MAGIC, .length = sizeof(text) - 1, .family = 6};
	const struct head nothing = {.magic = MAGIC};
	struct reader r = {.fd = mail(*state, &head, sizeof(head), text)};

	assert_int_equal(next_status(&r), 404);
	send_text(r.fd, "/m HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(next_status(&r), 404);
	close(r.fd);
	r.fd = mail(*state, &nothing, sizeof(nothing), "");
	send_text(r.fd, text);
	assert_int_equal(next_status(&r), 404);
	close(r.fd);
}

static void mail_that_is_no_handover_is_closed_and_counted(void **state)
{
	const struct bench *b = *state;
	const struct head good = {.magic = MAGIC, .length = 3, .family = 4};
	struct head bad[10];
	uint64_t first = refused(b, 1), taken = handovers(b, 1);
	char c;

	for (unsigned i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].magic++;
	bad[1].length = 2;
	bad[2].length = 4;
	bad[3].length = UINT32_MAX;
	bad[4].listener = 1; /* an admin's: what came in on a public one gets no further */
	bad[5].listener = 2;
	bad[6].listener = UINT16_MAX;
	bad[7].family = 5;
	bad[8].zero = 1;
	for (unsigned i = 0; i < 10; i++) {
		int fd = mail(b, &bad[i], i == 9 ? 27 : sizeof(bad[i]), i == 9 ? "" : "abc");

		assert_int_equal(recv(fd, &c, 1, 0), 0);
		close(fd);
		assert_true(reaches(b, refused, 1, first + i + 1));
	}
	assert_int_equal(handovers(b, 1), taken);
}

static void mail_without_a_descriptor_or_too_long_is_counted(void **state)
{
	const struct bench *b = *state;
	const size_t n = WORKER_READ_SIZE + 16 * 1024;
	char *text = malloc(n + 2);
	struct head head = {.magic = MAGIC, .length = (uint32_t)n + 1};
	uint64_t first = refused(b, 1), taken = handovers(b, 1);
	int fd;
	char c;

	assert_int_equal(send(b->mail.out[1], "hello", 5, 0), 5);
	assert_true(reaches(b, refused, 1, first + 1));
	memset(text, 'x', n + 1);
	text[n + 1] = '\0';
	fd = mail(b, &head, sizeof(head), text);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
	assert_true(reaches(b, refused, 1, first + 2));
	/* one byte less is a connection, which says nothing that anyone can read */
	text[n] = '\0';
	head.length = (uint32_t)n;
	fd = mail(b, &head, sizeof(head), text);
	assert_true(reaches(b, handovers, 1, taken + 1));
	assert_int_equal(refused(b, 1), first + 2);
	close(fd);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_answered_before_is_sent_before),
	    cmocka_unit_test(a_peer_that_never_reads_is_refused_in_the_end),
	    cmocka_unit_test(many_connections_change_hands),
	    cmocka_unit_test(anything_that_speaks_http_can_be_handed_over),
	    cmocka_unit_test(mail_that_is_no_handover_is_closed_and_counted),
	    cmocka_unit_test(mail_without_a_descriptor_or_too_long_is_counted),
	};

	return cmocka_run_group_tests(tests, setup, workers_stop);
}
