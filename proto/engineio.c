/*
 * engineio.c - see engineio.h.
 */
#include "proto/engineio.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/decimal.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Decodes the character at *P and moves behind it.  False when a percent sign is not followed by two hexadecimal
 * digits.
 */
static bool percent_next(const char **p, const char *end, char *out)
{
	const char *q = *p;
	int hi, lo;

	if (*q != '%') {
		*out = *q;
		if (*q == '+')
			*out = ' ';
		*p = q + 1;
		return true;
	}
	if (end - q < 3)
		return false;
	hi = hex_value(q[1]);
	lo = hex_value(q[2]);
	if (hi < 0 || lo < 0)
		return false;
	*out = (char)(hi << 4 | lo);
	*p = q + 3;
	return true;
}

ssize_t eio_percent_decode(struct slice in, char *out, size_t cap)
{
	const char *p = in.p, *end;
	size_t n = 0;

	if (in.n == 0)
		return 0;
	end = p + in.n;
	while (p < end) {
		if (n == cap || !percent_next(&p, end, &out[n]))
			return -1;
		n++;
	}
	return (ssize_t)n;
}

/* True when RAW, still encoded, is NAME. */
static bool name_is(struct slice raw, const char *name)
{
	const char *p = raw.p, *end = p + raw.n;
	char c;

	while (p < end) {
		if (*name == '\0' || !percent_next(&p, end, &c) || c != *name++)
			return false;
	}
	return *name == '\0';
}

bool eio_query_get(struct slice query, const char *name, struct slice *value)
{
	while (query.n > 0) {
		const char *amp = memchr(query.p, '&', query.n);
		struct slice pair = slice_make(query.p, amp ? (size_t)(amp - query.p) : query.n);
		const char *eq = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
		size_t len = eq ? (size_t)(eq - pair.p) : pair.n;

		if (name_is(slice_make(pair.p, len), name)) {
			size_t skip = eq ? len + 1 : len;

			*value = slice_make(pair.p + skip, pair.n - skip);
			return true;
		}
		query.n -= pair.n + (amp ? 1 : 0);
		query.p += pair.n + (amp ? 1 : 0);
	}
	return false;
}

/* The last value of that name, decoded into ROOM when it has escapes. */
static struct slice last_value(struct slice query, const char *name, char room[EIO_DECODED_MAX])
{
	struct slice value = {query.p, 0}, next, rest = query;
	ssize_t n;

	while (eio_query_get(rest, name, &next)) {
		value = next;
		rest = slice_make(next.p + next.n, (size_t)(query.p + query.n - next.p) - next.n);
		if (rest.n > 0)
			rest = slice_make(rest.p + 1, rest.n - 1);
	}
	if (value.n == 0 || (memchr(value.p, '%', value.n) == NULL && memchr(value.p, '+', value.n) == NULL))
		return value;
	n = eio_percent_decode(value, room, EIO_DECODED_MAX);
	return n < 0 ? value : slice_make(room, (size_t)n);
}

void eio_query_parse(struct slice query, struct eio_query *out)
{
	char b64[EIO_DECODED_MAX];

	out->eio = last_value(query, "EIO", out->decoded[0]);
	out->transport = last_value(query, "transport", out->decoded[1]);
	out->sid = last_value(query, "sid", out->decoded[2]);
	out->b64 = last_value(query, "b64", b64).n > 0;
	out->kind = EIO_TRANSPORT_NONE;
	if (slice_is(out->transport, "websocket"))
		out->kind = EIO_TRANSPORT_WEBSOCKET;
	else if (slice_is(out->transport, "polling"))
		out->kind = EIO_TRANSPORT_POLLING;
}

static char *put(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}

static char *put_number(char *p, uint64_t v)
{
	char digits[DECIMAL_MAX];
	struct slice s = decimal(v, digits);

	return put(p, s.p, s.n);
}

#define PUT(p, lit) put(p, lit, sizeof(lit) - 1)

/* Once for each connection: by hand, for snprintf() took half of the handshake's reply. */
size_t eio_open_write(const struct eio_open *o, char *out, size_t cap)
{
	char *p = out;

	assert(cap >= 256);
	p = PUT(p, "0{\"sid\":\"");
	p = put(p, o->sid, strnlen(o->sid, 32));
	p = PUT(p, "\",\"upgrades\":[");
	if (o->upgrade_websocket)
		p = PUT(p, "\"websocket\"");
	p = PUT(p, "],\"pingInterval\":");
	p = put_number(p, (uint64_t)o->ping_interval_ms);
	p = PUT(p, ",\"pingTimeout\":");
	p = put_number(p, (uint64_t)o->ping_timeout_ms);
	p = PUT(p, ",\"maxPayload\":");
	p = put_number(p, o->max_payload);
	*p++ = '}';
	return (size_t)(p - out);
}

struct slice eio_error_message(enum eio_error e)
{
	switch (e) {
	case EIO_OK: break;
	case EIO_UNKNOWN_TRANSPORT: return SLICE("Transport unknown");
	case EIO_UNKNOWN_SID: return SLICE("Session ID unknown");
	case EIO_BAD_HANDSHAKE_METHOD: return SLICE("Bad handshake method");
	case EIO_BAD_REQUEST: return SLICE("Bad request");
	case EIO_FORBIDDEN: return SLICE("Forbidden");
	case EIO_UNSUPPORTED_VERSION: return SLICE("Unsupported protocol version");
	}
	return SLICE("");
}

struct slice eio_error_body(enum eio_error e)
{
	switch (e) {
	case EIO_OK: break;
	case EIO_UNKNOWN_TRANSPORT: return SLICE("{\"code\":0,\"message\":\"Transport unknown\"}");
	case EIO_UNKNOWN_SID: return SLICE("{\"code\":1,\"message\":\"Session ID unknown\"}");
	case EIO_BAD_HANDSHAKE_METHOD: return SLICE("{\"code\":2,\"message\":\"Bad handshake method\"}");
	case EIO_BAD_REQUEST: return SLICE("{\"code\":3,\"message\":\"Bad request\"}");
	case EIO_FORBIDDEN: return SLICE("{\"code\":4,\"message\":\"Forbidden\"}");
	case EIO_UNSUPPORTED_VERSION: return SLICE("{\"code\":5,\"message\":\"Unsupported protocol version\"}");
	}
	return SLICE("");
}

int eio_packet_type(struct slice packet)
{
	if (packet.n == 0 || packet.p[0] < EIO_OPEN || packet.p[0] > EIO_NOOP)
		return -1;
	return packet.p[0];
}
