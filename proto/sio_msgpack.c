/*
 * sio_msgpack.c - the packets of sio_msgpack.h, around their payload.
 */
#include "proto/sio_msgpack.h"

#include "proto/error.h"
#include "proto/msgpack.h"
#include "proto/sio_attach.h"
#include "proto/sio_msgpack_json.h"
#include "proto/utf8.h"

#define ACK_ID_MAX 999999999999999u /* as many digits as sio_decode() takes */

/* What the members of the outermost map have said; the last of a name counts. */
struct members {
	bool has_type, has_nsp, has_data, has_id;
	uint64_t type, id;
	struct slice nsp;
};

/* A whole number up to MAX, in whatever form it is written: to JavaScript they are one. */
static bool whole_number(const struct msgpack_token *t, uint64_t max, uint64_t *out)
{
	if (t->type == MSGPACK_UINT)
		*out = t->u;
	else if (t->type == MSGPACK_FLOAT && t->d >= 0 && t->d <= (double)max && t->d == (double)(uint64_t)t->d)
		*out = (uint64_t)t->d;
	else
		return false;
	return *out <= max;
}

/* The value of member KEY at P.  Bytes consumed or PROTO_E*. */
static ssize_t read_member(struct slice key, const uint8_t *p, size_t n, const struct json_limits *lim,
    struct members *m, struct sio_msgpack_text *t)
{
	struct msgpack_token tok;
	ssize_t r;

	if (slice_is(key, "data")) {
		t->n = 0;
		t->nbin = 0;
		m->has_data = !sio_msgpack_undefined(p, n);
		return m->has_data ? sio_msgpack_to_json(p, n, lim->depth, t) : 3;
	}
	r = msgpack_skip(p, n);
	if (r <= 0)
		return PROTO_EMSGPACK;
	(void)msgpack_read(p, n, &tok);
	if (slice_is(key, "type")) {
		m->has_type = whole_number(&tok, SIO_CONNECT_ERROR, &m->type);
		return m->has_type ? r : PROTO_EPACKET;
	}
	if (slice_is(key, "nsp")) {
		m->has_nsp = tok.type == MSGPACK_STR && tok.data.n > 0 && *tok.data.p == '/' &&
		    utf8_valid(tok.data.p, tok.data.n);
		m->nsp = tok.data;
		return m->has_nsp ? r : PROTO_EPACKET;
	}
	if (slice_is(key, "id")) {
		m->has_id = !sio_msgpack_undefined(p, n);
		if (m->has_id && !whole_number(&tok, ACK_ID_MAX, &m->id))
			return PROTO_EACKID;
	}
	return r;
}

/* The outermost map, which is the whole message.  0 or PROTO_E*. */
static int read_members(
    const uint8_t *p, size_t n, const struct json_limits *lim, struct members *m, struct sio_msgpack_text *t)
{
	struct msgpack_token map, key;
	ssize_t r = msgpack_read(p, n, &map);
	size_t at = (size_t)r;

	if (r <= 0)
		return PROTO_EMSGPACK;
	if (map.type != MSGPACK_MAP)
		return PROTO_EPACKET;
	for (uint32_t i = 0; i < map.count; i++) {
		r = msgpack_read(p + at, n - at, &key);
		if (r <= 0 || key.type != MSGPACK_STR)
			return PROTO_EMSGPACK;
		at += (size_t)r;
		r = read_member(key.data, p + at, n - at, lim, m, t);
		if (r < 0)
			return (int)r;
		at += (size_t)r;
	}
	if (at != n)
		return PROTO_EMSGPACK;
	return m->has_type && m->has_nsp ? 0 : PROTO_EPACKET;
}

/* Text packets have types of their own for binary, and a count. */
static int count_attachments(struct sio_packet *p, unsigned n)
{
	p->attachments = n;
	if (n == 0)
		return 0;
	if (p->type == SIO_EVENT)
		p->type = SIO_BINARY_EVENT;
	else if (p->type == SIO_ACK)
		p->type = SIO_BINARY_ACK;
	else
		return PROTO_EPAYLOAD;
	return 0;
}

ssize_t sio_msgpack_decode(
    const uint8_t *p, size_t n, const struct json_limits *lim, struct sio_msgpack *out, char *text, size_t cap)
{
	/* Strings were checked one by one. */
	const struct json_limits scan = {.depth = lim->depth, .values = lim->values};
	struct sio_msgpack_text t = {.out = text, .cap = cap};
	struct members m = {0};
	ssize_t found;
	int rc = read_members(p, n, lim, &m, &t);

	if (rc < 0)
		return rc;
	*out = (struct sio_msgpack){
	    .packet = {.type = (enum sio_type)m.type, .nsp = m.nsp, .has_id = m.has_id, .id = m.has_id ? m.id : 0}};
	if (!m.has_data)
		return m.type <= SIO_DISCONNECT ? 0 : PROTO_EPAYLOAD;
	rc = count_attachments(&out->packet, t.nbin);
	if (rc < 0)
		return rc;
	if (t.n > cap)
		return (ssize_t)t.n;
	memcpy(out->attachment, t.bin, t.nbin * sizeof *t.bin);
	rc = sio_decode_payload(slice_make(text, t.n), &scan, &out->packet);
	if (rc < 0)
		return rc;
	if (t.nbin > 0) {
		found = sio_attach_check(out->packet.payload, t.nbin);
		if (found != (ssize_t)t.nbin)
			return PROTO_EATTACH;
	}
	return (ssize_t)t.n;
}

static void put_string(struct sio_msgpack_bytes *b, struct slice s)
{
	uint8_t head[MSGPACK_HEAD_MAX];

	sio_msgpack_put(b, head, msgpack_write_head(MSGPACK_STR, (uint32_t)s.n, head));
	sio_msgpack_put(b, s.p, s.n);
}

static void put_number(struct sio_msgpack_bytes *b, uint64_t v)
{
	uint8_t number[MSGPACK_NUMBER_MAX];

	sio_msgpack_put(b, number, msgpack_write_uint(v, number));
}

/* The members stand in the order in which the reference writes a broadcast. */
ssize_t sio_msgpack_encode(enum sio_type type, struct slice nsp, bool has_id, uint64_t id, struct slice payload,
    const struct slice *attachments, unsigned nattachments, uint8_t *out, size_t cap)
{
	struct sio_msgpack_bytes b = {.out = out, .cap = cap};
	bool binary = type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
	uint8_t head[MSGPACK_HEAD_MAX];
	int rc;

	if (binary)
		type = type == SIO_BINARY_EVENT ? SIO_EVENT : SIO_ACK;
	sio_msgpack_put(&b, head, msgpack_write_head(MSGPACK_MAP, 2u + (payload.n > 0) + has_id, head));
	put_string(&b, SLICE("type"));
	put_number(&b, type);
	if (payload.n > 0) {
		put_string(&b, SLICE("data"));
		rc = sio_msgpack_from_json(payload, binary, attachments, nattachments, &b);
		if (rc < 0)
			return rc;
	}
	put_string(&b, SLICE("nsp"));
	put_string(&b, nsp.n > 0 ? nsp : SLICE("/"));
	if (has_id) {
		put_string(&b, SLICE("id"));
		put_number(&b, id);
	}
	/* Above CAP it still has the wide heads, or had room for them: with that much it is going to fit. */
	return (ssize_t)b.n;
}
