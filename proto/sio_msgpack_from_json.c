/*
 * sio_msgpack_from_json.c - JSON text as MessagePack, for clients.
 *
 * A head says how many elements follow, in 1, 3 or 5 bytes, and that is known only when they have been seen.  To count
 * ahead in each container would read the inner ones once for every level, so there are two passes that are linear
 * however deep the text is: one writes every head with 5 bytes and fills in the count at the end of the container, the
 * other goes over what was written and closes the gaps.  Strings with escapes, whose length shows when they are
 * decoded, go the same way.
 */
#include "proto/error.h"
#include "proto/msgpack.h"
#include "proto/sio_msgpack_json.h"
#include "proto/sio_placeholder.h"

#define WIDE_STR   0xdb
#define WIDE_ARRAY 0xdd
#define WIDE_MAP   0xdf
#define WIDE_HEAD  5u

struct level {
	struct sio_placeholder ph;
	bool object;
	uint32_t count;
	size_t head_at;  /* in the output */
	unsigned faults; /* in front of it */
};

/* What fits is always written: the output may be cut back to something shorter later. */
void sio_msgpack_put(struct sio_msgpack_bytes *b, const void *p, size_t n)
{
	if (b->n < b->cap && n > 0)
		memcpy(b->out + b->n, p, n < b->cap - b->n ? n : b->cap - b->n);
	b->n += n;
}

static void put_wide_head(struct sio_msgpack_bytes *b, size_t at, uint8_t type, uint32_t n)
{
	if (at > b->cap || b->cap - at < WIDE_HEAD)
		return;
	b->out[at] = type;
	msgpack_put_be(b->out + at + 1, n, 4);
}

static void put_string(struct sio_msgpack_bytes *b, struct slice quoted)
{
	struct slice raw = json_string_raw(quoted);
	uint8_t head[MSGPACK_HEAD_MAX];
	ssize_t n = (ssize_t)raw.n; /* decoded it is shorter */

	if (raw.n == 0 || memchr(raw.p, '\\', raw.n) == NULL) {
		sio_msgpack_put(b, head, msgpack_write_head(MSGPACK_STR, (uint32_t)raw.n, head));
		sio_msgpack_put(b, raw.p, raw.n);
		return;
	}
	if (b->n <= b->cap && b->cap - b->n >= WIDE_HEAD + raw.n) {
		n = json_string_decode(quoted, (char *)b->out + b->n + WIDE_HEAD, raw.n);
		put_wide_head(b, b->n, WIDE_STR, (uint32_t)n);
	}
	b->n += WIDE_HEAD + (size_t)n;
}

/* Digits that fit 64 bits. */
static bool as_uint64(struct slice v, uint64_t *out)
{
	uint64_t x = 0;

	for (size_t i = 0; i < v.n; i++) {
		unsigned d = (unsigned)(uint8_t)v.p[i] - '0';

		if (d > 9 || x > (UINT64_MAX - d) / 10)
			return false;
		x = x * 10 + d;
	}
	*out = x;
	return v.n > 0;
}

static void put_number(struct sio_msgpack_bytes *b, struct slice v)
{
	uint8_t out[MSGPACK_NUMBER_MAX];
	uint64_t u;
	int64_t i;
	double d;
	size_t n;

	if (json_int(v, &i)) {
		n = msgpack_write_int(i, out);
	} else if (as_uint64(v, &u)) {
		n = msgpack_write_uint(u, out);
	} else if (!json_number(v, &d)) {
		out[0] = 0xc0;
		n = 1;
	} else if (d >= -0x1p63 && d < 0x1p63 && d == (double)(int64_t)d) {
		n = msgpack_write_int((int64_t)d, out);
	} else if (d >= 0x1p63 && d < 0x1p64) {
		n = msgpack_write_uint((uint64_t)d, out);
	} else {
		n = msgpack_write_double(d, out);
	}
	sio_msgpack_put(b, out, n);
}

static void put_scalar(struct sio_msgpack_bytes *b, const struct json_token *t)
{
	switch (t->type) {
	case JSON_STRING: put_string(b, t->text); break;
	case JSON_NUMBER: put_number(b, t->text); break;
	case JSON_TRUE: sio_msgpack_put(b, "\xc3", 1); break;
	case JSON_FALSE: sio_msgpack_put(b, "\xc2", 1); break;
	default: sio_msgpack_put(b, "\xc0", 1); break;
	}
}

/* Closes the gaps of the first pass in the output behind FROM, which is all there. */
static void narrow(struct sio_msgpack_bytes *b, size_t from)
{
	/* Bytes from `run` on are to stand at `to`. */
	size_t at = from, run = from, to = from;
	uint8_t *out = b->out;

	while (at < b->n) {
		struct msgpack_token t;
		ssize_t r = msgpack_read(out + at, b->n - at, &t);

		if (r <= 0)
			break; /* not after the first pass */
		if (out[at] == WIDE_STR || out[at] == WIDE_ARRAY || out[at] == WIDE_MAP) {
			memmove(out + to, out + run, at - run);
			to += at - run;
			run = at + WIDE_HEAD;
			to +=
			    msgpack_write_head(t.type, t.type == MSGPACK_STR ? (uint32_t)t.data.n : t.count, out + to);
		}
		at += (size_t)r;
	}
	memmove(out + to, out + run, at - run);
	to += at - run;
	b->n = to;
}

/* The object L was a placeholder: its attachment takes its place.  Faults inside it are gone with it. */
static unsigned replace(struct sio_msgpack_bytes *b, const struct level *l, const struct slice *attachments, unsigned n)
{
	int i = sio_placeholder_index(&l->ph, n);
	uint8_t head[MSGPACK_HEAD_MAX];

	b->n = l->head_at;
	if (i < 0)
		return l->faults + 1;
	sio_msgpack_put(b, head, msgpack_write_head(MSGPACK_BIN, (uint32_t)attachments[i].n, head));
	sio_msgpack_put(b, attachments[i].p, attachments[i].n);
	return l->faults;
}

int sio_msgpack_from_json(
    struct slice json, bool binary, const struct slice *attachments, unsigned nattachments, struct sio_msgpack_bytes *b)
{
	struct level stack[JSON_DEPTH_MAX], *l = NULL;
	unsigned depth = 0, faults = 0;
	size_t from = b->n;
	struct json_token t;

	while (json_next_token(&json, &t)) {
		if (l && t.kind != JSON_TOKEN_CLOSE) {
			/* Members are counted by their names. */
			l->count += !l->object || t.kind == JSON_TOKEN_KEY;
			if (l->object && binary)
				sio_placeholder_see(&l->ph, &t);
		}
		switch (t.kind) {
		case JSON_TOKEN_KEY:
		case JSON_TOKEN_VALUE: put_scalar(b, &t); break;
		case JSON_TOKEN_OPEN:
			if (depth == JSON_DEPTH_MAX)
				return PROTO_EJSON_DEPTH;
			l = &stack[depth++];
			*l = (struct level){.object = t.type == JSON_OBJECT, .head_at = b->n, .faults = faults};
			b->n += WIDE_HEAD;
			break;
		case JSON_TOKEN_CLOSE:
			if (depth == 0)
				return PROTO_EJSON;
			if (l->ph.is)
				faults = replace(b, l, attachments, nattachments);
			else
				put_wide_head(b, l->head_at, l->object ? WIDE_MAP : WIDE_ARRAY, l->count);
			depth--;
			l = depth > 0 ? &stack[depth - 1] : NULL;
			break;
		}
	}
	if (faults > 0)
		return PROTO_EATTACH;
	if (b->n <= b->cap)
		narrow(b, from);
	return 0;
}
