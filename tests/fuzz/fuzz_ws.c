/*
 * fuzz_ws.c - a client's stream: cut in two places or byte by byte, through a fresh lease or a used one, it says the
 * same; and what is framed comes out as it went in.
 *
 * The first byte is not part of it: with permessage-deflate when odd, byte by byte when its second bit is set.
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
static int receive(struct ws_lease *l, struct inflater *i, const uint8_t *p, size_t n, size_t step, struct heard *h)
{
	size_t done = 0;

	for (size_t have = 0; have < n;) {
		have = have + step < n ? have + step : n;
		for (;;) {
			ssize_t len = ws_peek(p + done, have - done, &lim, i != NULL);
			int rc;

			if (len < 0)
				return (int)len;
			must(len == 0 || len >= 6);
			if (len == 0 || (size_t)len > have - done)
				break;
			rc = ws_feed(l, i, p + done, (size_t)len, hear, h);
			must((rc == 0) || (rc <= PROTO_EFRAME && rc >= PROTO_EFRAME_DEFLATE));
			if (rc != 0)
				return rc;
			done += (size_t)len;
		}
	}
	return 0;
}

/* PAYLOAD as one frame with the header that is in FRAME already, AT bytes of it. */
static void one_frame(
    struct ws_lease *l, struct inflater *i, uint8_t *frame, size_t at, const uint8_t *payload, size_t n, uint64_t want)
{
	struct heard got = {0};

	frame[1] |= 0x80;
	memcpy(frame + at, "\x11\x22\x33\x44", 4);
	for (size_t k = 0; k < n; k++)
		frame[at + 4 + k] = (uint8_t)(payload[k] ^ frame[at + k % 4]);
	must(ws_peek(frame, at + 4, &lim, i != NULL) == (ssize_t)(at + 4 + n));
	must(ws_feed(l, i, frame, at + 4 + n, hear, &got) == 0);
	must(got.hash == want && got.count == 1);
}

static void round_trip(struct ws_lease *l, struct inflater *i, const uint8_t *p, size_t n)
{
	static struct deflater *d;
	uint8_t *frame = malloc(deflater_bound(n) + WS_HEADER_MAX + 4), *packed = malloc(deflater_bound(n));
	struct heard want = {0};
	struct ws_message m = {.opcode = WS_BINARY, .data = p, .len = n};
	ssize_t len;

	must(frame && packed);
	hear(&want, &m);
	one_frame(l, i, frame, ws_header(frame, true, WS_BINARY, n), p, n, want.hash);
	if (d == NULL)
		d = deflater_new(DEFLATE_BITS_MAX);
	must(d != NULL);
	len = deflater_message(d, p, n, packed, deflater_bound(n));
	must(len > 0);
	if (i != NULL && (size_t)len <= lim.max_message) {
		size_t at = ws_header_deflated(frame, WS_BINARY, (uint64_t)len);

		one_frame(l, i, frame, at, packed, (size_t)len, want.hash);
	}
	free(packed);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ws_lease *shared;
	static struct inflater *used;
	struct ws_lease *fresh;
	struct inflater *unused = NULL;
	struct heard a = {0}, b = {0};
	bool deflate, bytes;
	int ra, rb;

	if (size == 0)
		return 0;
	deflate = data[0] & 1;
	bytes = data[0] & 2;
	data++;
	size--;
	fresh = ws_lease_new(&lim);
	if (shared == NULL)
		shared = ws_lease_new(&lim);
	if (used == NULL)
		used = inflater_new();
	if (deflate)
		unused = inflater_new();
	must(shared && fresh && used && (unused || !deflate) && ws_lease_idle(shared));
	if (size <= lim.max_message)
		round_trip(shared, deflate ? used : NULL, data, size);
	ra = receive(shared, deflate ? used : NULL, data, size, size > 0 ? size : 1, &a);
	rb = receive(fresh, unused, data, size, bytes ? 1 : 7, &b);
	must(ra == rb && a.hash == b.hash && a.count == b.count);
	must(ws_lease_idle(shared) == ws_lease_idle(fresh));
	ws_lease_free(fresh);
	inflater_free(unused);
	if (!ws_lease_idle(shared)) {
		ws_lease_free(shared);
		shared = NULL;
	}
	return 0;
}
