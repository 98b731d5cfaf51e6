/*
 * t_ws_lease.c - a stream cut anywhere, leases that serve many connections, and what peers can make them hold.
 */
#include "tests/unit/rss_fixture.h"
#include "tests/unit/ws_fixture.h"

/* A connection as the worker has it: unread bytes, whole frames to the lease. */
struct peer {
	uint8_t buf[4096];
	size_t n;
};

static int receive(struct peer *c, struct ws_lease *l, const uint8_t *p, size_t n, struct heard *h)
{
	size_t whole = 0;
	int rc = 0;

	memcpy(c->buf + c->n, p, n);
	c->n += n;
	while (whole < c->n) {
		ssize_t len = ws_peek(c->buf + whole, c->n - whole, &lim, false);

		if (len < 0)
			return (int)len;
		if (len == 0 || (size_t)len > c->n - whole)
			break;
		whole += (size_t)len;
	}
	if (whole > 0)
		rc = feed(l, c->buf, whole, h);
	c->n -= whole;
	memmove(c->buf, c->buf + whole, c->n);
	return rc;
}

static void receive_in_pieces(void **state)
{
	static const char whole[] = "T5:Hello P3:abc B300:bbbbbbbbbbbbbbbbbbbb T2:\xc3\xa9 C1001:gone ";
	uint8_t buf[1024];
	size_t n;
	char big[300];

	(void)state;
	memset(big, 'b', sizeof big);
	n = text_frame(buf, WS_TEXT, "Hel");
	n += text_frame(buf + n, FIN | WS_CONT, "lo");
	n += text_frame(buf + n, FIN | WS_PING, "abc");
	n += frame(buf + n, FIN | WS_BINARY, big, sizeof big);
	n += text_frame(buf + n, WS_TEXT, "\xc3");
	n += text_frame(buf + n, FIN | WS_CONT, "\xa9");
	n += text_frame(buf + n, FIN | WS_CLOSE,
	    "\x03\xe9"
	    "gone");
	/* Cut 0: one byte at a time; else in two. */
	for (size_t cut = 0; cut < n; cut++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		struct peer c = {.n = 0};

		assert_non_null(l);
		if (cut == 0) {
			for (size_t i = 0; i < n; i++)
				assert_int_equal(receive(&c, l, buf + i, 1, &h), 0);
		} else {
			assert_int_equal(receive(&c, l, buf, cut, &h), 0);
			assert_int_equal(receive(&c, l, buf + cut, n - cut, &h), 0);
		}
		assert_string_equal(h.text, whole);
		assert_int_equal(c.n, 0);
		assert_true(ws_lease_idle(l));
		ws_lease_free(l);
	}
}

static uint64_t rnd;

static unsigned random_below(unsigned n)
{
	rnd = rnd * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rnd >> 33) % n;
}

/* One connection's frames, whole messages only: it leaves the lease idle. */
static size_t random_traffic(uint8_t *out)
{
	static const char *const pieces[] = {"", "a", "hello"};
	size_t n = 0;

	for (unsigned messages = 1 + random_below(4); messages > 0; messages--) {
		unsigned op = random_below(2) ? WS_TEXT : WS_BINARY, parts = random_below(3);

		for (unsigned i = 0; i < parts; i++) {
			/* Now and then a cut character, completed by the next frame. */
			bool half = op == WS_TEXT && random_below(3) == 0;

			n += text_frame(out + n, i == 0 ? op : WS_CONT, half ? "\xe2\x82" : pieces[random_below(3)]);
			if (half)
				n += text_frame(out + n, WS_CONT, "\xac");
			if (random_below(3) == 0)
				n += text_frame(out + n, FIN | (random_below(2) ? WS_PING : WS_PONG), "p");
		}
		n += text_frame(out + n, FIN | (parts == 0 ? op : WS_CONT), pieces[random_below(3)]);
	}
	if (random_below(4) == 0)
		n += text_frame(out + n, FIN | WS_CLOSE, "");
	return n;
}

/*
 * One lease serves 20,000 connections in turn; each hears exactly what it would hear from a fresh one, and so does a
 * peer that breaks the rules between them.
 */
static void lease_is_clean_when_idle(void **state)
{
	struct ws_lease *shared = ws_lease_new(&lim);
	uint8_t buf[4096];

	(void)state;
	assert_non_null(shared);
	rnd = 42;
	for (unsigned i = 0; i < 20000; i++) {
		struct ws_lease *fresh = ws_lease_new(&lim);
		struct heard a = {0}, b = {0};
		size_t n = random_traffic(buf);
		bool break_it = random_below(50) == 0;
		int rc;

		assert_non_null(fresh);
		if (break_it)
			n = text_frame(buf, FIN | (random_below(2) ? WS_CONT : WS_TEXT), "\xac");
		rc = feed(shared, buf, n, &a);
		assert_int_equal(rc, feed(fresh, buf, n, &b));
		assert_int_equal(rc != 0, break_it);
		assert_string_equal(a.text, b.text);
		assert_true(a.hash == b.hash);
		assert_int_equal(ws_lease_idle(shared), !break_it);
		ws_lease_free(fresh);
		if (break_it) {
			ws_lease_free(shared);
			shared = ws_lease_new(&lim);
			assert_non_null(shared);
		}
	}
	ws_lease_free(shared);
}

static size_t resident_pages(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2); /* NOLINT(cert-err34-c) */
	(void)fclose(f);
	return resident;
}

static int count_only(void *ctx, const struct ws_message *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return 0;
}

/* Nobody reads the pongs; there must be none waiting. */
static void million_pings_cost_no_memory(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	uint8_t buf[100 * 131];
	char payload[125] = {0};
	unsigned heard = 0;
	size_t n = 0, before;

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i < 100; i++)
		n += frame(buf + n, FIN | WS_PING, payload, sizeof payload);
	before = resident_pages();
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(ws_feed(l, NULL, buf, n, count_only, &heard), 0);
	assert_int_equal(heard, 1000000);
	assert_true(resident_pages() < before + 256);
	ws_lease_free(l);
}

/* A message of single bytes costs its size, not a multiple (wslay's own buffering: 83 bytes for one). */
static void tiny_fragments_cost_no_memory(void **state)
{
	struct ws_limits many = {.max_message = 1 << 20, .max_fragments = 2000000};
	struct ws_lease *l = ws_lease_new(&many);
	uint8_t buf[16];
	unsigned heard = 0;
	size_t n = text_frame(buf, WS_TEXT, "a"), before = resident_pages();

	(void)state;
	assert_non_null(l);
	assert_int_equal(ws_feed(l, NULL, buf, n, count_only, &heard), 0);
	n = text_frame(buf, WS_CONT, "a");
	for (unsigned i = 1; i < 1 << 20; i++)
		assert_int_equal(ws_feed(l, NULL, buf, n, count_only, &heard), 0);
	assert_true(resident_pages() < before + 1024);
	assert_int_equal(ws_feed(l, NULL, buf, n, count_only, &heard), PROTO_EFRAME_SIZE);
	assert_int_equal(heard, 0);
	ws_lease_free(l);
}

static int measure(void *ctx, const struct ws_message *m)
{
	*(size_t *)ctx = m->len;
	return 0;
}

/* 16 MiB in 65,536 frames, plain and compressed: linear in time, and at no moment twice the message in memory. */
static void many_fragments_of_a_large_message(void **state)
{
	struct ws_limits large = {.max_message = 16 << 20, .max_fragments = 65536};
	struct ws_lease *l = ws_lease_new(&large);
	struct inflater *inflater = inflater_new();
	uint8_t buf[512], payload[256] = {0};

	(void)state;
	assert_non_null(l);
	assert_non_null(inflater);
	/* Stored blocks of deflate, as long as the plain ones: what is gathered inflates to almost as much. */
	for (unsigned packed = 0; packed < 2; packed++) {
		bool measured = rss_peak_start();
		size_t before = rss_status_kb("VmRSS:"), heard = 0;

		if (packed)
			memcpy(payload, "\x00\xfb\x00\x04\xff", 5);
		for (unsigned i = 0; i < 65536; i++) {
			unsigned first = i == 0 ? WS_BINARY | (packed ? 0x40u : 0) : WS_CONT;
			size_t n = frame(buf, i == 65535 ? FIN | first : first, payload, sizeof payload);

			if (packed && i == 65535)
				n = frame(buf, FIN | first, "", 1);
			assert_int_equal(ws_feed(l, inflater, buf, n, measure, &heard), 0);
		}
		assert_int_equal(heard, packed ? 65535 * 251 : 16 << 20);
		if (measured)
			assert_in_range(rss_status_kb("VmHWM:"), before, before + 2 * (16u << 10) + 512);
	}
	ws_lease_free(l);
	inflater_free(inflater);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(receive_in_pieces),
	    cmocka_unit_test(lease_is_clean_when_idle),
	    cmocka_unit_test(million_pings_cost_no_memory),
	    cmocka_unit_test(tiny_fragments_cost_no_memory),
	    cmocka_unit_test(many_fragments_of_a_large_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
