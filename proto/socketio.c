/*
 * socketio.c - see socketio.h.
 */
#include "proto/socketio.h"

#include "proto/decimal.h"
#include "proto/error.h"

#define ACK_MAX UINT64_C(9007199254740991) /* the reference keeps a double: beyond it, ids would be others */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool sio_is_reserved(struct slice raw_name)
{
	static const struct slice reserved[] = {
	    {"connect", 7},
	    {"connect_error", 13},
	    {"disconnect", 10},
	    {"disconnecting", 13},
	    {"newListener", 11},
	    {"removeListener", 14},
	};

	if (raw_name.n < reserved[0].n)
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		if (json_string_is(raw_name, reserved[i]))
			return true;
	}
	return false;
}

/* `n-` of a binary packet.  0 or PROTO_EATTACH. */
static int decode_attachments(const char **p, const char *end, unsigned *count)
{
	unsigned n = 0;

	while (*p < end && is_digit(**p)) {
		n = n * 10 + (unsigned)(*(*p)++ - '0');
		if (n > SIO_ATTACHMENTS_MAX)
			return PROTO_EATTACH;
	}
	/* No digits at all leave 0. */
	if (n == 0 || *p == end || **p != '-')
		return PROTO_EATTACH;
	(*p)++;
	*count = n;
	return 0;
}

/* From the slash to the next comma, or to the end; nothing in between is special. */
static struct slice decode_nsp(const char **p, const char *end)
{
	const char *start = *p, *comma;

	if (start == end || *start != '/')
		return SLICE("/");
	comma = memchr(start, ',', (size_t)(end - start));
	*p = comma ? comma + 1 : end;
	return slice_make(start, (size_t)((comma ? comma : end) - start));
}

static int decode_id(const char **p, const char *end, struct sio_packet *out)
{
	const char *start = *p;

	while (*p < end && is_digit(**p)) {
		out->id = out->id * 10 + (uint64_t)(*(*p)++ - '0');
		if (out->id > ACK_MAX)
			return PROTO_EACKID;
	}
	out->has_id = *p > start;
	return 0;
}

/* Splits [name, args...] that has NTOP elements. */
static int split_event(struct sio_packet *out, size_t ntop)
{
	struct json_iter it = json_iter(out->payload);
	struct slice first;

	if (!json_next_element(&it, &first))
		return PROTO_EPAYLOAD;
	switch (json_type(first)) {
	case JSON_STRING:
		out->name = json_string_raw(first);
		if (sio_is_reserved(out->name))
			return PROTO_ERESERVED;
		break;
	case JSON_NUMBER:
		out->name = first;
		out->name_is_number = true;
		break;
	default: return PROTO_EPAYLOAD;
	}
	out->args = json_trim(slice_make(it.p, (size_t)(it.end - it.p)));
	out->nargs = (unsigned)(ntop - 1);
	return 0;
}

int sio_decode_payload(struct slice json, const struct json_limits *lim, struct sio_packet *out)
{
	enum json_type type;
	size_t ntop;
	ssize_t r;

	out->payload = json_trim(json);
	if (out->payload.n == 0)
		return 0;
	if (out->type == SIO_DISCONNECT)
		return PROTO_EPAYLOAD;
	r = json_scan_top(out->payload.p, out->payload.n, lim, &ntop);
	if (r < 0)
		return (int)r;
	if ((size_t)r != out->payload.n)
		return PROTO_EJSON;
	type = json_type(out->payload);
	switch (out->type) {
	case SIO_CONNECT: return type == JSON_OBJECT ? 0 : PROTO_EPAYLOAD;
	case SIO_CONNECT_ERROR: return type == JSON_OBJECT || type == JSON_STRING ? 0 : PROTO_EPAYLOAD;
	case SIO_ACK:
	case SIO_BINARY_ACK: return type == JSON_ARRAY ? 0 : PROTO_EPAYLOAD;
	case SIO_EVENT:
	case SIO_BINARY_EVENT: return type == JSON_ARRAY ? split_event(out, ntop) : PROTO_EPAYLOAD;
	case SIO_DISCONNECT: break;
	}
	return PROTO_EPAYLOAD;
}

int sio_decode_head(struct slice text, struct sio_packet *out)
{
	const char *p = text.p, *end;
	int rc;

	if (text.n == 0 || *p < '0' || *p > '6')
		return PROTO_EPACKET;
	end = p + text.n;
	*out = (struct sio_packet){.type = (enum sio_type)(*p++ - '0')};
	if (out->type == SIO_BINARY_EVENT || out->type == SIO_BINARY_ACK) {
		rc = decode_attachments(&p, end, &out->attachments);
		if (rc < 0)
			return rc;
	}
	out->nsp = decode_nsp(&p, end);
	rc = decode_id(&p, end, out);
	if (rc < 0)
		return rc;
	out->payload = slice_make(p, (size_t)(end - p));
	return 0;
}

int sio_decode(struct slice text, const struct json_limits *lim, struct sio_packet *out)
{
	int rc = sio_decode_head(text, out);

	return rc < 0 ? rc : sio_decode_payload(out->payload, lim, out);
}

/* Output that counts on when it is full. */
struct sink {
	char *out;
	size_t cap, n;
};

static void sink_put(struct sink *s, struct slice text)
{
	if (text.n > 0 && s->n <= s->cap && text.n <= s->cap - s->n)
		memcpy(s->out + s->n, text.p, text.n);
	s->n += text.n;
}

static void sink_digits(struct sink *s, uint64_t v)
{
	char digits[DECIMAL_MAX];

	sink_put(s, decimal(v, digits));
}

/* "4", the type, the number of attachments of a binary one, and the namespace unless it is the main one. */
static struct sink sink_begin(enum sio_type type, unsigned attachments, struct slice nsp, char *out, size_t cap)
{
	struct sink s = {out, cap, 0};
	char head[2] = {'4', (char)('0' + (int)type)};

	sink_put(&s, slice_make(head, sizeof head));
	if (type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK) {
		sink_digits(&s, attachments);
		sink_put(&s, SLICE("-"));
	}
	if (nsp.n > 1) {
		sink_put(&s, nsp);
		sink_put(&s, SLICE(","));
	}
	return s;
}

size_t sio_write_connect(struct slice nsp, const char *sid, char *out, size_t cap)
{
	struct sink s = sink_begin(SIO_CONNECT, 0, nsp, out, cap);

	sink_put(&s, SLICE("{\"sid\":\""));
	sink_put(&s, slice_make(sid, strlen(sid)));
	sink_put(&s, SLICE("\"}"));
	return s.n;
}

size_t sio_write_connect_error(struct slice nsp, struct slice json, char *out, size_t cap)
{
	struct sink s = sink_begin(SIO_CONNECT_ERROR, 0, nsp, out, cap);

	sink_put(&s, json);
	return s.n;
}

size_t sio_write_disconnect(struct slice nsp, char *out, size_t cap)
{
	return sink_begin(SIO_DISCONNECT, 0, nsp, out, cap).n;
}

size_t sio_write_event(struct slice nsp, struct slice raw_name, struct slice args, char *out, size_t cap)
{
	struct sink s = sink_begin(SIO_EVENT, 0, nsp, out, cap);

	sink_put(&s, SLICE("[\""));
	sink_put(&s, raw_name);
	sink_put(&s, SLICE("\""));
	sink_put(&s, args);
	sink_put(&s, SLICE("]"));
	return s.n;
}

size_t sio_write_ack(struct slice nsp, uint64_t id, struct slice args, char *out, size_t cap)
{
	struct sink s = sink_begin(SIO_ACK, 0, nsp, out, cap);

	sink_digits(&s, id);
	sink_put(&s, SLICE("["));
	sink_put(&s, args);
	sink_put(&s, SLICE("]"));
	return s.n;
}

size_t sio_write_head(
    enum sio_type type, unsigned attachments, struct slice nsp, bool has_id, uint64_t id, char *out, size_t cap)
{
	struct sink s = sink_begin(type, attachments, nsp, out, cap);

	if (has_id)
		sink_digits(&s, id);
	return s.n;
}
