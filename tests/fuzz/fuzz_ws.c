/*
 * fuzz_ws.c - a client's stream: cut in two places or byte by byte, through a fresh lease or a used one, it says the
 * same; and what is framed comes out as it went in.
 */
#include "proto/error.h"
#include "proto/ws.h"
#include "tests/fuzz/fuzz.h"

static const struct ws_limits lim = {.max_message = 3000, .max_fragments = 8};

/* All that was said, as a number. */
struct heard {
	uint64_t hash;
	unsigned count;
};

static int hear(void *ctx, const struct ws_message *m)
{
	struct heard *h = ctx;
	uint64_t x = h->hash ^ (uint64_t)m->event ^ (uint64_t)m->opcode << 8 ^ (uint64_t)m->close_code << 16 ^
	    (uint64_t)m->len << 32;

	must(m->data != NULL && m->len <= lim.max_message);
	for (size_t i = 0; i < m->len; i++)
		x = (x ^ m->data[i]) * 0x100000001b3u;
	h->hash = x * 0x9e3779b97f4a7c15u;
	h->count++;
	return 0;
}

/* As a connection does it: whole frames as they become whole, in pieces of STEP bytes. */
static int receive(struct ws_lease *l, const uint8_t *p, size_t n, size_t step, struct heard *h)
{
	size_t done = 0;

	for (size_t have = 0; have < n;) {
		have = have + step < n ? have + step : n;
		for (;;) {
			ssize_t len = ws_peek(p + done, have - done, &lim, false);
			int rc;

			if (len < 0)
				return (int)len;
			must(len == 0 || len >= 6);
			if (len == 0 || (size_t)len > have - done)
				break;
			rc = ws_feed(l, NULL, p + done, (size_t)len, hear, h);
			must((rc == 0) || (rc <= PROTO_EFRAME && rc >= PROTO_EFRAME_MEM));
			if (rc != 0)
				return rc;
			done += (size_t)len;
		}
	}
	return 0;
}

static void round_trip(struct ws_lease *l, const uint8_t *p, size_t n)
{
	uint8_t *frame = malloc(n + WS_HEADER_MAX + 4);
	struct heard got = {0}, want = {0};
	struct ws_message m = {.opcode = WS_BINARY, .data = p, .len = n};
	size_t at;

	must(frame != NULL);
	at = ws_header(frame, true, WS_BINARY, n);
	frame[1] |= 0x80;
	memcpy(frame + at, "\x11\x22\x33\x44", 4);
	for (size_t i = 0; i < n; i++)
		frame[at + 4 + i] = (uint8_t)(p[i] ^ frame[at + i % 4]);
	must(ws_peek(frame, at + 4, &lim, false) == (ssize_t)(at + 4 + n));
	must(ws_feed(l, NULL, frame, at + 4 + n, hear, &got) == 0);
	hear(&want, &m);
	must(got.hash == want.hash && got.count == 1);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ws_lease *shared;
	struct ws_lease *fresh = ws_lease_new(&lim);
	struct heard a = {0}, b = {0};
	int ra, rb;

	if (shared == NULL)
		shared = ws_lease_new(&lim);
	must(shared && fresh && ws_lease_idle(shared));
	if (size <= lim.max_message)
		round_trip(shared, data, size);
	ra = receive(shared, data, size, size > 0 ? size : 1, &a);
	rb = receive(fresh, data, size, size > 0 && data[0] % 2 ? 1 : 7, &b);
	must(ra == rb && a.hash == b.hash && a.count == b.count);
	must(ws_lease_idle(shared) == ws_lease_idle(fresh));
	ws_lease_free(fresh);
	if (!ws_lease_idle(shared)) {
		ws_lease_free(shared);
		shared = NULL;
	}
	return 0;
}
