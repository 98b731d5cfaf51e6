/*
 * t_encode.c - each carrier and format read back: what a client decodes is what was to be sent.
 *
 * Seen red: attachments in the order of the list turned round, RSV1 left out of a compressed frame, a separator in
 * front of the first packet of a poll, an encoding that is built anew for each receiver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/eio_payload.h"
#include "proto/sio_msgpack.h"
#include "worker/worker.h"

#define THRESHOLD 100u
#define PARTS_MAX 2000u

/* One message of Engine.IO as the client has it. */
struct part {
	bool binary, compressed;
	const uint8_t *p;
	size_t n;
};

static struct worker w;
static struct conf conf;
static struct inflater *inflater;
static struct part part[PARTS_MAX];
static unsigned nparts;
static struct arena heard; /* parts that are not in the span itself */

static int setup(void **state)
{
	(void)state;
	conf.engine.compression_threshold = THRESHOLD;
	w.conf = &conf;
	arena_init(&w.arena);
	arena_init(&heard);
	w.encoder = encoder_new();
	inflater = inflater_new();
	return w.encoder == NULL || inflater == NULL;
}

static void add_part(bool binary, bool compressed, const void *p, size_t n)
{
	assert_true(nparts < PARTS_MAX);
	part[nparts++] = (struct part){binary, compressed, p, n};
}

/* A binary message that came as text. */
static void add_base64(struct slice b64)
{
	uint8_t *p = arena_alloc(&heard, EIO_BINARY_DECODED_MAX(b64.n) + 1);
	ssize_t n = eio_payload_binary(b64, p, EIO_BINARY_DECODED_MAX(b64.n));

	assert_true(n >= 0);
	add_part(true, false, p, (size_t)n);
}

static size_t frame_at(const uint8_t *p, size_t n, enum carrier carrier)
{
	size_t head = 2, len;
	bool rsv1;

	assert_true(n >= 2);
	assert_int_equal(p[0] & 0xb0, 0x80); /* FIN, no RSV2 or RSV3 */
	assert_int_equal(p[1] & 0x80, 0);
	rsv1 = (p[0] & 0x40) != 0;
	len = p[1];
	if (len == 126) {
		head = 4;
		len = (size_t)p[2] << 8 | p[3];
		assert_true(len > 125);
	} else if (len == 127) {
		head = 10;
		len = 0;
		for (unsigned i = 2; i < 10; i++)
			len = len << 8 | p[i];
		assert_true(len > 65535);
	}
	assert_true(head + len <= n);
	if (rsv1) {
		const uint8_t *out;
		ssize_t k = inflater_message(inflater, p + head, len, 1 << 24, &out);

		assert_true(carrier == CARRIER_WS_DEFLATE || carrier == CARRIER_WS_DEFLATE_SMALL);
		assert_true(k >= 0);
		add_part((p[0] & 15) == WS_BINARY, true, arena_copy(&heard, out, (size_t)k), (size_t)k);
	} else if (carrier == CARRIER_WS_BASE64) {
		assert_int_equal(p[0] & 15, WS_TEXT);
		if (p[head] == 'b')
			add_base64(slice_make((const char *)p + head + 1, len - 1));
		else
			add_part(false, false, p + head, len);
	} else {
		assert_true((p[0] & 15) == WS_TEXT || (p[0] & 15) == WS_BINARY);
		add_part((p[0] & 15) == WS_BINARY, false, p + head, len);
	}
	return head + len;
}

static void read_back(struct span sp, enum carrier carrier)
{
	nparts = 0;
	arena_reset(&heard);
	if (carrier == CARRIER_POLLING) {
		struct eio_payload_iter it;
		struct eio_packet packet;

		eio_payload_begin(&it, slice_make((const char *)sp.p, sp.n));
		while (eio_payload_next(&it, &packet)) {
			assert_int_not_equal(packet.type, -1);
			if (packet.binary)
				add_base64(packet.data);
			else
				add_part(false, false, packet.data.p, packet.data.n);
		}
		return;
	}
	for (size_t at = 0; at < sp.n;)
		at += frame_at(sp.p + at, sp.n - at, carrier);
}

static void part_is(const struct part *p, bool binary, struct slice want, enum carrier carrier)
{
	assert_int_equal(p->binary, binary);
	assert_int_equal(p->n, want.n);
	if (want.n > 0)
		assert_memory_equal(p->p, want.p, want.n);
	if (carrier == CARRIER_WS_DEFLATE || carrier == CARRIER_WS_DEFLATE_SMALL)
		assert_int_equal(p->compressed, want.n >= THRESHOLD);
}

/* One packet in MessagePack is what its text says. */
static void packed_is(const struct part *p, const struct message *m)
{
	const struct json_limits limits = {.depth = 100};
	size_t cap = SIO_MSGPACK_TEXT_MAX(p->n);
	char *text = arena_alloc(&heard, cap);
	struct sio_packet want;
	struct sio_msgpack got;
	ssize_t n;

	assert_true(p->binary);
	n = sio_msgpack_decode(p->p, p->n, &limits, &got, text, cap);
	assert_true(n >= 0 && (size_t)n <= cap);
	assert_int_equal(sio_decode_head(slice_make(m->packet.p + 1, m->packet.n - 1), &want), 0);
	assert_int_equal(got.packet.type, want.type);
	assert_true(slice_eq(got.packet.nsp, want.nsp));
	assert_int_equal(got.packet.has_id, want.has_id);
	assert_int_equal(got.packet.id, want.id);
	assert_true(slice_eq(got.packet.payload, want.payload));
	assert_int_equal(got.packet.attachments, m->attached.n);
	for (unsigned i = 0; i < m->attached.n; i++)
		assert_true(slice_eq(got.attachment[i], m->attached.v[i]));
}

static void heard_is(encoding_t enc, const struct message *m, unsigned n)
{
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(at < nparts);
		if (enc & ENCODING_MSGPACK) {
			packed_is(&part[at++], &m[i]);
			continue;
		}
		part_is(&part[at++], false, m[i].packet, encoding_carrier(enc));
		for (unsigned k = 0; k < m[i].attached.n; k++) {
			assert_true(at < nparts);
			part_is(&part[at++], true, m[i].attached.v[k], encoding_carrier(enc));
		}
	}
	assert_int_equal(at, nparts);
}

static char big[70001];
static uint8_t bytes[70000];

/* Lengths at which headers change their form, and texts that need care. */
static unsigned messages(struct message *m)
{
	static const size_t size[] = {0, 1, 2, 3, 125, 126, THRESHOLD - 1, THRESHOLD, 65535, 65536, sizeof bytes};
	static struct slice two[2], one[sizeof size / sizeof *size], ten[SIO_ATTACHMENTS_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	memset(big, 'x', sizeof big - 1);
	memcpy(big, "42[\"e\",\"", 8);
	memcpy(big + sizeof big - 3, "\"]", 2);
	m[n++] = message_text(SLICE("42[\"e\"]"));
	m[n++] = message_text(SLICE("42/chat,[\"e\",{\"a\":[1,2.5,null,true,\"\\\"\xc3\xa9\"]}]"));
	m[n++] = message_text(SLICE("4312[{\"success\":true}]"));
	m[n++] = message_text(SLICE("43/chat,0[]"));
	m[n++] = message_text(slice_make(big, sizeof big - 1));
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		one[i] = slice_make((const char *)bytes, size[i]);
		m[n++] = (struct message){SLICE("451-[\"e\",{\"_placeholder\":true,\"num\":0}]"), {1, &one[i]}};
	}
	two[0] = slice_make((const char *)bytes + 7, 5);
	two[1] = slice_make((const char *)bytes + 300, 300);
	m[n++] = (struct message){
	    SLICE("462-/chat,7[{\"_placeholder\":true,\"num\":0},{\"x\":{\"_placeholder\":true,\"num\":1}}]"),
	    {2, two}};
	for (unsigned i = 0; i < SIO_ATTACHMENTS_MAX; i++)
		ten[i] = slice_make((const char *)bytes + i, i);
	m[n++] = (struct message){
	    SLICE(
		"4510-[\"e\",[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1},"
		"{\"_placeholder\":true,\"num\":2},{\"_placeholder\":true,\"num\":3},{\"_placeholder\":true,\"num\":4},"
		"{\"_placeholder\":true,\"num\":5},{\"_placeholder\":true,\"num\":6},{\"_placeholder\":true,\"num\":7},"
		"{\"_placeholder\":true,\"num\":8},{\"_placeholder\":true,\"num\":9}]]"),
	    {SIO_ATTACHMENTS_MAX, ten}};
	return n;
}

#define FOR_EACH_ENCODING(enc)                           \
	for (encoding_t enc = 0; enc < ENCODINGS; enc++) \
		if (encoding_carrier(enc) < CARRIERS)

static void one_message(void **state)
{
	struct message m[32];
	unsigned n = messages(m);

	(void)state;
	FOR_EACH_ENCODING(enc)
	{
		for (unsigned i = 0; i < n; i++) {
			read_back(encode_message(&w, enc, &m[i]), encoding_carrier(enc));
			heard_is(enc, &m[i], 1);
			arena_reset(&w.arena);
		}
	}
}

static void a_run(void **state)
{
	static struct run run;
	struct encoded encoded = {.have = 0};

	(void)state;
	run.n = messages(run.message);
	for (unsigned i = 0; i < run.n; i++)
		run.bytes += message_bytes(&run.message[i]);
	FOR_EACH_ENCODING(enc)
	{
		const struct span *sp = encoded_for(&encoded, enc, &run, &w), first = *sp;

		read_back(*sp, encoding_carrier(enc));
		heard_is(enc, run.message, run.n);
		/* built once, and not touched by those that are built after it */
		for (unsigned other = 0; other < 2; other++)
			encoded_for(&encoded, (encoding_t)other, &run, &w);
		assert_ptr_equal(encoded_for(&encoded, enc, &run, &w)->p, first.p);
		read_back(*encoded_for(&encoded, enc, &run, &w), encoding_carrier(enc));
		heard_is(enc, run.message, run.n);
	}
	arena_reset(&w.arena);
}

/* The frequent case has a way of its own. */
static void a_run_of_texts(void **state)
{
	static struct run run;
	struct encoded encoded = {.have = 0};

	(void)state;
	run.n = RUN_MAX;
	run.bytes = 0;
	for (unsigned i = 0; i < run.n; i++) {
		run.message[i] =
		    message_text(i % 3 ? SLICE("42[\"e\"]") : SLICE("42/n,[\"longer\",{\"a\":\"0123456789\"}]"));
		run.bytes += run.message[i].packet.n;
	}
	FOR_EACH_ENCODING(enc)
	{
		read_back(*encoded_for(&encoded, enc, &run, &w), encoding_carrier(enc));
		heard_is(enc, run.message, run.n);
	}
	arena_reset(&w.arena);
}

/* Packets of Engine.IO itself have no format. */
static void frames(void **state)
{
	struct slice data = slice_make((const char *)bytes, 200);

	(void)state;
	for (enum carrier c = 0; c < CARRIERS; c++) {
		read_back(encode_frame(&w, c, false, SLICE("2")), c);
		assert_int_equal(nparts, 1);
		part_is(&part[0], false, SLICE("2"), c);
		read_back(encode_frame(&w, c, true, data), c);
		assert_int_equal(nparts, 1);
		part_is(&part[0], true, data, c);
	}
	arena_reset(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_message),
	    cmocka_unit_test(a_run),
	    cmocka_unit_test(a_run_of_texts),
	    cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
