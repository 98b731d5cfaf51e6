/*
 * fuzz_msgpack.c - packets in MessagePack: what is decoded comes back when it is encoded and decoded once more.  Input
 * that is JSON goes the other way round first.
 */
#include "proto/error.h"
#include "proto/sio_attach.h"
#include "proto/sio_msgpack.h"
#include "tests/fuzz/fuzz.h"

#define ATTACHMENTS 3u

static const struct json_limits lim = {.depth = 64, .values = 10000};

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes encode(const struct sio_packet *p, const struct slice *attachments)
{
	ssize_t most =
	    sio_msgpack_encode(p->type, p->nsp, p->has_id, p->id, p->payload, attachments, p->attachments, NULL, 0);
	struct bytes b;

	must(most > 0);
	b.p = malloc((size_t)most);
	must(b.p != NULL);
	b.n = (size_t)sio_msgpack_encode(
	    p->type, p->nsp, p->has_id, p->id, p->payload, attachments, p->attachments, b.p, (size_t)most);
	must(b.n <= (size_t)most);
	/* A little short: says so, or found room. */
	must(sio_msgpack_encode(p->type, p->nsp, p->has_id, p->id, p->payload, attachments, p->attachments, b.p,
		 b.n - 1) >= (ssize_t)b.n);
	must((size_t)sio_msgpack_encode(
		 p->type, p->nsp, p->has_id, p->id, p->payload, attachments, p->attachments, b.p, (size_t)most) == b.n);
	return b;
}

static void compare(const struct sio_msgpack *a, const struct sio_msgpack *b)
{
	const struct sio_packet *p = &a->packet, *q = &b->packet;

	must(p->type == q->type && slice_eq(p->nsp, q->nsp) && p->has_id == q->has_id && p->id == q->id);
	must(p->nargs == q->nargs && p->attachments == q->attachments);
	for (unsigned i = 0; i < p->attachments; i++)
		must(slice_eq(a->attachment[i], b->attachment[i]));
}

/* As long as the text is stays within the bound, and is said before it is written. */
static int decode(struct bytes in, struct sio_msgpack *out, char **text)
{
	ssize_t need = sio_msgpack_decode(in.p, in.n, &lim, out, NULL, 0), n;

	*text = NULL;
	if (need < 0)
		return (int)need;
	must((size_t)need <= SIO_MSGPACK_TEXT_MAX(in.n));
	*text = malloc((size_t)need + 1);
	must(*text != NULL);
	n = sio_msgpack_decode(in.p, in.n, &lim, out, *text, (size_t)need);
	must(n == need || n < 0);
	return n < 0 ? (int)n : 0;
}

static void round_trip(struct bytes in)
{
	struct sio_msgpack m, again;
	char *text, *text2;
	struct bytes b, b2;
	int rc = decode(in, &m, &text);

	if (rc < 0) {
		must(rc <= PROTO_EJSON && rc >= PROTO_EMSGPACK);
		free(text);
		return;
	}
	must_be_within(m.packet.nsp, slice_make(in.p, in.n));
	must(m.packet.nsp.n > 0 && m.packet.nsp.p[0] == '/');
	must(json_valid(m.packet.payload, &(struct json_limits){.depth = 64, .utf8 = true}) || m.packet.payload.n == 0);
	must((m.packet.attachments > 0) == (m.packet.type >= SIO_BINARY_EVENT));
	for (unsigned i = 0; i < m.packet.attachments; i++)
		must_be_within(m.attachment[i], slice_make(in.p, in.n));
	b = encode(&m.packet, m.attachment);
	must(decode(b, &again, &text2) == 0);
	compare(&m, &again);
	/* Digits may differ once (the double -2^63 becomes an integer); the value may not. */
	b2 = encode(&again.packet, again.attachment);
	must(b2.n == b.n && memcmp(b2.p, b.p, b.n) == 0);
	free(text);
	free(text2);
	free(b.p);
	free(b2.p);
}

/* An ack with that argument. */
static void from_json(struct slice json)
{
	static const struct slice attachments[ATTACHMENTS] = {{"", 0}, {"\xc1\xdd", 2}, {"0123456789", 10}};
	struct sio_packet p = {.type = SIO_ACK, .nsp = SLICE("/x"), .attachments = ATTACHMENTS};
	struct sio_msgpack m;
	ssize_t count = sio_attach_check(json, ATTACHMENTS);
	char *text = malloc(json.n + 2);
	struct bytes b;
	int rc;

	must(text != NULL);
	text[0] = '[';
	memcpy(text + 1, json.p, json.n);
	text[json.n + 1] = ']';
	p.payload = slice_make(text, json.n + 2);
	if (count > 0)
		p.type = SIO_BINARY_ACK;
	b = encode(&p, attachments);
	free(text);
	rc = decode(b, &m, &text);
	if (count > SIO_ATTACHMENTS_MAX) {
		must(rc == PROTO_EATTACH);
	} else {
		must(rc == 0 && m.packet.attachments == (count > 0 ? (unsigned)count : 0));
		round_trip(b);
	}
	free(text);
	free(b.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {(uint8_t *)data, size};
	struct slice json = slice_make(data, size);

	round_trip(in);
	if (json_valid(json, &(struct json_limits){.depth = 63, .values = 9999, .utf8 = true}))
		from_json(json);
	return 0;
}
