/*
 * msgpack.c - see msgpack.h.
 */
#include "proto/msgpack.h"

#include "proto/error.h"

uint64_t msgpack_get_be(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

void msgpack_put_be(uint8_t *out, uint64_t v, unsigned bytes)
{
	while (bytes > 0) {
		out[--bytes] = (uint8_t)v;
		v >>= 8;
	}
}

/* A body of LEN bytes behind a head of HEAD; the whole length, or 0 when it is not all there. */
static ssize_t body(const uint8_t *p, size_t n, size_t head, uint64_t len, struct msgpack_token *out)
{
	if (len > n - head)
		return 0;
	out->data = slice_make(p + head, (size_t)len);
	return (ssize_t)(head + len);
}

static void integer(struct msgpack_token *out, int64_t v)
{
	out->type = v < 0 ? MSGPACK_INT : MSGPACK_UINT;
	out->i = v < 0 ? v : 0;
	out->u = v < 0 ? 0 : (uint64_t)v;
}

/* Tokens of a single byte, and those that have their length in it. */
static ssize_t read_fix(const uint8_t *p, size_t n, struct msgpack_token *out)
{
	uint8_t c = *p;

	if (c < 0x80 || c >= 0xe0) {
		integer(out, (int8_t)c);
		return 1;
	}
	if (c >= 0xa0) {
		out->type = MSGPACK_STR;
		return body(p, n, 1, c & 31u, out);
	}
	out->type = c < 0x90 ? MSGPACK_MAP : MSGPACK_ARRAY;
	out->count = c & 15u;
	return 1;
}

static double as_double(uint64_t bits, unsigned bytes)
{
	float f;
	double d;
	uint32_t low = (uint32_t)bits;

	if (bytes == sizeof f) {
		memcpy(&f, &low, sizeof f);
		return (double)f;
	}
	memcpy(&d, &bits, sizeof d);
	return d;
}

static int64_t sign_extend(uint64_t v, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;

	return (int64_t)(v << shift) >> shift;
}

/* Tokens from 0xc4: what they are, and how many bytes of length, count or value follow the first. */
static const struct {
	uint8_t type, bytes;
} form[] = {
    [0xc4 - 0xc4] = {MSGPACK_BIN, 1},
    [0xc5 - 0xc4] = {MSGPACK_BIN, 2},
    [0xc6 - 0xc4] = {MSGPACK_BIN, 4},
    [0xc7 - 0xc4] = {MSGPACK_EXT, 1},
    [0xc8 - 0xc4] = {MSGPACK_EXT, 2},
    [0xc9 - 0xc4] = {MSGPACK_EXT, 4},
    [0xca - 0xc4] = {MSGPACK_FLOAT, 4},
    [0xcb - 0xc4] = {MSGPACK_FLOAT, 8},
    [0xcc - 0xc4] = {MSGPACK_UINT, 1},
    [0xcd - 0xc4] = {MSGPACK_UINT, 2},
    [0xce - 0xc4] = {MSGPACK_UINT, 4},
    [0xcf - 0xc4] = {MSGPACK_UINT, 8},
    [0xd0 - 0xc4] = {MSGPACK_INT, 1},
    [0xd1 - 0xc4] = {MSGPACK_INT, 2},
    [0xd2 - 0xc4] = {MSGPACK_INT, 4},
    [0xd3 - 0xc4] = {MSGPACK_INT, 8},
    [0xd4 - 0xc4] = {MSGPACK_EXT, 0},
    [0xd5 - 0xc4] = {MSGPACK_EXT, 0},
    [0xd6 - 0xc4] = {MSGPACK_EXT, 0},
    [0xd7 - 0xc4] = {MSGPACK_EXT, 0},
    [0xd8 - 0xc4] = {MSGPACK_EXT, 0},
    [0xd9 - 0xc4] = {MSGPACK_STR, 1},
    [0xda - 0xc4] = {MSGPACK_STR, 2},
    [0xdb - 0xc4] = {MSGPACK_STR, 4},
    [0xdc - 0xc4] = {MSGPACK_ARRAY, 2},
    [0xdd - 0xc4] = {MSGPACK_ARRAY, 4},
    [0xde - 0xc4] = {MSGPACK_MAP, 2},
    [0xdf - 0xc4] = {MSGPACK_MAP, 4},
};

ssize_t msgpack_read(const uint8_t *p, size_t n, struct msgpack_token *out)
{
	unsigned bytes;
	uint64_t v;

	*out = (struct msgpack_token){.type = MSGPACK_NIL};
	if (n == 0)
		return 0;
	switch (*p) {
	case 0xc0: return 1;
	case 0xc1: return PROTO_EMSGPACK;
	case 0xc2: out->type = MSGPACK_FALSE; return 1;
	case 0xc3: out->type = MSGPACK_TRUE; return 1;
	default: break;
	}
	if (*p < 0xc0 || *p >= 0xe0)
		return read_fix(p, n, out);
	out->type = (enum msgpack_type)form[*p - 0xc4].type;
	bytes = form[*p - 0xc4].bytes;
	if (n - 1 < bytes + (out->type == MSGPACK_EXT))
		return 0;
	v = msgpack_get_be(p + 1, bytes);
	switch (out->type) {
	case MSGPACK_UINT: out->u = v; break;
	case MSGPACK_INT: integer(out, sign_extend(v, bytes)); break;
	case MSGPACK_FLOAT: out->d = as_double(v, bytes); break;
	case MSGPACK_ARRAY:
	case MSGPACK_MAP: out->count = (uint32_t)v; break;
	case MSGPACK_EXT:
		if (bytes == 0)
			v = (uint64_t)1 << (*p - 0xd4); /* fixext: 1, 2, 4, 8, 16 */
		out->ext = (int8_t)p[1 + bytes];
		return body(p, n, 2 + bytes, v, out);
	default: return body(p, n, 1 + bytes, v, out);
	}
	return 1 + (ssize_t)bytes;
}

ssize_t msgpack_skip(const uint8_t *p, size_t n)
{
	/* Never overflows: each token that adds to it is at least a byte. */
	uint64_t due = 1;
	size_t at = 0;

	while (due > 0) {
		struct msgpack_token t;
		ssize_t r = msgpack_read(p + at, n - at, &t);

		if (r <= 0)
			return r;
		at += (size_t)r;
		due += t.type == MSGPACK_MAP ? 2 * (uint64_t)t.count : t.count;
		due--;
	}
	return (ssize_t)at;
}

static size_t write_sized(uint8_t first, uint64_t v, unsigned bytes, uint8_t *out)
{
	*out = first;
	msgpack_put_be(out + 1, v, bytes);
	return 1 + bytes;
}

size_t msgpack_write_uint(uint64_t v, uint8_t out[MSGPACK_NUMBER_MAX])
{
	if (v < 0x80)
		return write_sized((uint8_t)v, 0, 0, out);
	if (v <= UINT8_MAX)
		return write_sized(0xcc, v, 1, out);
	if (v <= UINT16_MAX)
		return write_sized(0xcd, v, 2, out);
	if (v <= UINT32_MAX)
		return write_sized(0xce, v, 4, out);
	return write_sized(0xcf, v, 8, out);
}

size_t msgpack_write_int(int64_t v, uint8_t out[MSGPACK_NUMBER_MAX])
{
	if (v >= 0)
		return msgpack_write_uint((uint64_t)v, out);
	if (v >= -0x20)
		return write_sized((uint8_t)v, 0, 0, out);
	if (v >= INT8_MIN)
		return write_sized(0xd0, (uint64_t)v, 1, out);
	if (v >= INT16_MIN)
		return write_sized(0xd1, (uint64_t)v, 2, out);
	if (v >= INT32_MIN)
		return write_sized(0xd2, (uint64_t)v, 4, out);
	return write_sized(0xd3, (uint64_t)v, 8, out);
}

size_t msgpack_write_double(double v, uint8_t out[MSGPACK_NUMBER_MAX])
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	return write_sized(0xcb, bits, 8, out);
}

size_t msgpack_write_head(enum msgpack_type type, uint32_t n, uint8_t out[MSGPACK_HEAD_MAX])
{
	/* First bytes of the forms: with N in it, up to a limit; with 8 bits of it, 0 for none; with 16, and 32 next.
	 */
	static const struct {
		uint8_t fix, fix_below, c8, c16;
	} heads[] = {
	    [MSGPACK_STR] = {0xa0, 32, 0xd9, 0xda},
	    [MSGPACK_BIN] = {0, 0, 0xc4, 0xc5},
	    [MSGPACK_ARRAY] = {0x90, 16, 0, 0xdc},
	    [MSGPACK_MAP] = {0x80, 16, 0, 0xde},
	};

	if (n < heads[type].fix_below)
		return write_sized((uint8_t)(heads[type].fix | n), 0, 0, out);
	if (heads[type].c8 && n <= UINT8_MAX)
		return write_sized(heads[type].c8, n, 1, out);
	if (n <= UINT16_MAX)
		return write_sized(heads[type].c16, n, 2, out);
	return write_sized((uint8_t)(heads[type].c16 + 1), n, 4, out);
}
