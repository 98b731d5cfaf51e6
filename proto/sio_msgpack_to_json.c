/*
 * sio_msgpack_to_json.c - what clients send, as JSON text.
 *
 * A loop over tokens, with a stack of what is still due at each level.
 */
#include <assert.h>

#include "proto/decimal.h"
#include "proto/error.h"
#include "proto/json_stringify.h"
#include "proto/msgpack.h"
#include "proto/sio_msgpack_json.h"
#include "proto/utf8.h"

enum { EXT_NOTEPACK = 0, EXT_TIMESTAMP = -1 };

struct level {
	uint32_t left; /* elements or pairs to come */
	bool map, first;
};

static void put(struct sio_msgpack_text *t, struct slice s)
{
	if (s.n > 0 && t->n <= t->cap && s.n <= t->cap - t->n)
		memcpy(t->out + t->n, s.p, s.n);
	t->n += s.n;
}

static int put_string(struct sio_msgpack_text *t, struct slice text)
{
	bool room;

	if (!utf8_valid(text.p, text.n))
		return PROTO_EJSON_UTF8;
	put(t, SLICE("\""));
	room = t->n < t->cap;
	t->n += json_escape(text, room ? t->out + t->n : NULL, room ? t->cap - t->n : 0);
	put(t, SLICE("\""));
	return 0;
}

static void put_uint(struct sio_msgpack_text *t, uint64_t v)
{
	char digits[DECIMAL_MAX];

	put(t, decimal(v, digits));
}

static int put_attachment(struct sio_msgpack_text *t, struct slice bytes)
{
	if (t->nbin == SIO_ATTACHMENTS_MAX)
		return PROTO_EATTACH;
	put(t, SLICE("{\"_placeholder\":true,\"num\":"));
	put_uint(t, t->nbin);
	put(t, SLICE("}"));
	t->bin[t->nbin++] = bytes;
	return 0;
}

static int put_date(struct sio_msgpack_text *t, double ms)
{
	char text[JSON_STRINGIFY_MAX];

	put(t, slice_make(text, json_stringify_date(ms, text)));
	return 0;
}

/* Timestamps, as doubles are added up by notepack. */
static int put_timestamp(struct sio_msgpack_text *t, const uint8_t *p, size_t n)
{
	uint64_t v;

	switch (n) {
	case 4: return put_date(t, (double)msgpack_get_be(p, 4) * 1e3);
	case 8:
		v = msgpack_get_be(p, 8);
		return put_date(t, (double)(v & 0x3ffffffffu) * 1e3 + (double)(v >> 34) / 1e6);
	case 12:
		return put_date(
		    t, (double)(int64_t)msgpack_get_be(p + 4, 8) * 1e3 + (double)msgpack_get_be(p, 4) / 1e6);
	default: return PROTO_EMSGPACK;
	}
}

/* FIXED: a fixext, where the dialect has undefined and dates; other lengths of its type are an ArrayBuffer. */
static int put_ext(struct sio_msgpack_text *t, const struct msgpack_token *tok, bool fixed)
{
	const uint8_t *p = (const uint8_t *)tok->data.p;

	if (tok->ext == EXT_TIMESTAMP)
		return put_timestamp(t, p, tok->data.n);
	if (tok->ext != EXT_NOTEPACK)
		return PROTO_EMSGPACK;
	if (!fixed)
		return put_attachment(t, tok->data);
	if (tok->data.n == 8)
		return put_date(t, (double)(int64_t)msgpack_get_be(p, 8));
	if (tok->data.n != 1)
		return PROTO_EMSGPACK;
	put(t, SLICE("null")); /* undefined */
	return 0;
}

static int put_scalar(struct sio_msgpack_text *t, const struct msgpack_token *tok, bool fixed)
{
	char text[JSON_STRINGIFY_MAX];

	switch (tok->type) {
	case MSGPACK_NIL: put(t, SLICE("null")); return 0;
	case MSGPACK_FALSE: put(t, SLICE("false")); return 0;
	case MSGPACK_TRUE: put(t, SLICE("true")); return 0;
	case MSGPACK_UINT: put_uint(t, tok->u); return 0;
	case MSGPACK_INT:
		put(t, SLICE("-"));
		put_uint(t, 0 - (uint64_t)tok->i);
		return 0;
	case MSGPACK_FLOAT: put(t, slice_make(text, json_stringify_number(tok->d, text))); return 0;
	case MSGPACK_STR: return put_string(t, tok->data);
	case MSGPACK_BIN: return put_attachment(t, tok->data);
	case MSGPACK_EXT: return put_ext(t, tok, fixed);
	case MSGPACK_ARRAY:
	case MSGPACK_MAP: break;
	}
	return PROTO_EMSGPACK;
}

bool sio_msgpack_undefined(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] == 0xd4 && p[1] == EXT_NOTEPACK;
}

/*
 * Goes to the next value of L: past the name in a map, and past members whose value is undefined.  1, 0 when there is
 * none any more, or PROTO_E*.
 */
static int next_value(struct sio_msgpack_text *t, struct level *l, const uint8_t **at, const uint8_t *end)
{
	struct msgpack_token key;
	size_t left;
	ssize_t r;
	int rc;

	while (l->left > 0) {
		l->left--;
		if (l->map) {
			r = msgpack_read(*at, (size_t)(end - *at), &key);
			if (r <= 0 || key.type != MSGPACK_STR)
				return PROTO_EMSGPACK;
			*at += r;
			left = (size_t)(end - *at);
			if (sio_msgpack_undefined(*at, left)) {
				*at += 3;
				continue;
			}
		}
		if (!l->first)
			put(t, SLICE(","));
		l->first = false;
		if (!l->map)
			return 1;
		rc = put_string(t, key.data);
		put(t, SLICE(":"));
		return rc < 0 ? rc : 1;
	}
	return 0;
}

ssize_t sio_msgpack_to_json(const uint8_t *p, size_t n, unsigned depth_max, struct sio_msgpack_text *t)
{
	struct level stack[JSON_DEPTH_MAX];
	const uint8_t *at = p, *end = p + n;
	unsigned depth = 0;

	assert(depth_max <= JSON_DEPTH_MAX);
	for (;;) {
		bool fixed = at < end && *at >= 0xd4;
		struct msgpack_token tok;
		ssize_t r = msgpack_read(at, (size_t)(end - at), &tok);
		int rc = 0;

		if (r <= 0)
			return PROTO_EMSGPACK;
		at += r;
		if (tok.type == MSGPACK_ARRAY || tok.type == MSGPACK_MAP) {
			if (depth == depth_max)
				return PROTO_EJSON_DEPTH;
			stack[depth++] = (struct level){tok.count, tok.type == MSGPACK_MAP, true};
			put(t, tok.type == MSGPACK_MAP ? SLICE("{") : SLICE("["));
		} else {
			rc = put_scalar(t, &tok, fixed);
			if (rc < 0)
				return rc;
		}
		while (depth > 0) {
			rc = next_value(t, &stack[depth - 1], &at, end);
			if (rc < 0)
				return rc;
			if (rc > 0)
				break;
			depth--;
			put(t, stack[depth].map ? SLICE("}") : SLICE("]"));
		}
		if (depth == 0)
			return at - p;
	}
}
