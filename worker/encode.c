#include <stdlib.h>
#include <string.h>

#include "proto/deflate.h"
#include "proto/eio_payload.h"
#include "proto/sio_msgpack.h"
#include "proto/ws.h"
#include "worker/encode.h"
#include "worker/worker.h"

#define SCRATCH_KEEP (1u << 20)

/* What outlives a turn: compressors, made when first needed, and scratch. */
struct encoder {
	struct deflater *deflater[2]; /* by the window: large, small */
	struct buf out, msgpack;
};

struct encoder *encoder_new(void)
{
	return calloc(1, sizeof(struct encoder));
}

static void put_frame(struct buf *b, enum ws_opcode op, struct slice data)
{
	uint8_t *p = (uint8_t *)buf_reserve(b, WS_HEADER_MAX + data.n);
	size_t head = ws_header(p, true, op, data.n);

	if (data.n > 0)
		memcpy(p + head, data.p, data.n);
	b->n += head + data.n;
}

/* Out of memory for a compressor is no reason to stay silent: the message goes as it is. */
static void put_deflated_frame(struct worker *w, struct buf *b, bool small, enum ws_opcode op, struct slice data)
{
	struct deflater **d = &w->encoder->deflater[small];
	size_t room = deflater_bound(data.n);
	uint8_t *p;
	ssize_t n;

	if (data.n < w->conf->engine.compression_threshold) {
		put_frame(b, op, data);
		return;
	}
	if (*d == NULL)
		*d = deflater_new(small ? DEFLATE_BITS_MIN : DEFLATE_BITS_MAX);
	p = (uint8_t *)buf_reserve(b, WS_HEADER_MAX + room);
	n = *d == NULL ? -1 : deflater_message(*d, data.p, data.n, p + WS_HEADER_MAX, room);
	if (n < 0) {
		put_frame(b, op, data);
		return;
	}
	{
		uint8_t head[WS_HEADER_MAX];
		size_t k = ws_header_deflated(head, op, (uint64_t)n);

		memcpy(p, head, k);
		memmove(p + k, p + WS_HEADER_MAX, (size_t)n);
		b->n += k + (size_t)n;
	}
}

/* Binary as the text of a polling payload. */
static void put_text_frame(struct buf *b, bool binary, struct slice data)
{
	size_t n = eio_payload_binary_size(data.n);
	uint8_t *p;

	if (!binary) {
		put_frame(b, WS_TEXT, data);
		return;
	}
	p = (uint8_t *)buf_reserve(b, WS_HEADER_MAX + n);
	b->n += ws_header(p, true, WS_TEXT, n);
	b->n += eio_payload_put_binary(b->p + b->n, (const uint8_t *)data.p, data.n);
}

static void put_polled(struct buf *b, bool binary, struct slice data)
{
	if (b->n > 0)
		buf_char(b, EIO_SEPARATOR);
	if (!binary) {
		buf_slice(b, data);
		return;
	}
	b->n += eio_payload_put_binary(buf_reserve(b, eio_payload_binary_size(data.n)), (const uint8_t *)data.p, data.n);
}

/* One message of Engine.IO: TEXT with its type digit, or binary. */
static void put_part(struct worker *w, struct buf *b, enum carrier carrier, bool binary, struct slice data)
{
	enum ws_opcode op = binary ? WS_BINARY : WS_TEXT;

	switch (carrier) {
	case CARRIER_WS: put_frame(b, op, data); break;
	case CARRIER_WS_DEFLATE: put_deflated_frame(w, b, false, op, data); break;
	case CARRIER_WS_DEFLATE_SMALL: put_deflated_frame(w, b, true, op, data); break;
	case CARRIER_WS_BASE64: put_text_frame(b, binary, data); break;
	case CARRIER_POLLING: put_polled(b, binary, data); break;
	case CARRIERS: break;
	}
}

/* The text form into MessagePack.  What this process could not have sent is not sent. */
static bool to_msgpack(struct encoder *e, const struct message *m, struct slice *out)
{
	struct sio_packet p;
	struct buf *b = &e->msgpack;
	ssize_t n;

	if (m->packet.n < 2 ||
	    sio_decode_head(slice_make(m->packet.p + 1, m->packet.n - 1), &p) != 0)
		return false;
	buf_reset(b);
	n = sio_msgpack_encode(p.type, p.nsp, p.has_id, p.id, p.payload, m->attached.v, m->attached.n, (uint8_t *)b->p, b->cap);
	if (n > 0 && (size_t)n > b->cap) {
		buf_reserve(b, (size_t)n);
		n = sio_msgpack_encode(p.type, p.nsp, p.has_id, p.id, p.payload, m->attached.v, m->attached.n,
		    (uint8_t *)b->p, b->cap);
	}
	if (n <= 0 || (size_t)n > b->cap)
		return false;
	*out = slice_make(b->p, (size_t)n);
	return true;
}

static void put_message(struct worker *w, struct buf *b, encoding_t enc, const struct message *m)
{
	enum carrier carrier = encoding_carrier(enc);
	struct slice packed;

	if (enc & ENCODING_MSGPACK) {
		if (to_msgpack(w->encoder, m, &packed))
			put_part(w, b, carrier, true, packed);
		return;
	}
	put_part(w, b, carrier, false, m->packet);
	for (unsigned i = 0; i < m->attached.n; i++)
		put_part(w, b, carrier, true, m->attached.v[i]);
}

/* What was put together in scratch, for the rest of the turn. */
static struct span span_of(struct worker *w, struct buf *b)
{
	struct span sp = {b->n > 0 ? memcpy(arena_take(&w->arena, b->n), b->p, b->n) : NULL, b->n};

	if (b->cap > SCRATCH_KEEP)
		buf_fini(b);
	return sp;
}

/* Frames behind one another, so that a receiver of all of them is written to once, from here. */
static struct span build_frames(const struct run *run, struct arena *a)
{
	uint8_t *p = arena_take(a, run->bytes + run->n * (size_t)WS_HEADER_MAX);
	struct span sp = {p, 0};

	for (unsigned i = 0; i < run->n; i++) {
		struct slice s = run->message[i].packet;
		size_t head = ws_header(p + sp.n, true, WS_TEXT, s.n);

		memcpy(p + sp.n + head, s.p, s.n);
		sp.n += head + s.n;
	}
	return sp;
}

/* One text frame, without the way through scratch. */
static struct span frame_of(struct arena *a, struct slice packet)
{
	uint8_t head[WS_HEADER_MAX], *p;
	size_t n = ws_header(head, true, WS_TEXT, packet.n);

	p = arena_take(a, n + packet.n);
	memcpy(p, head, n);
	if (packet.n > 0)
		memcpy(p + n, packet.p, packet.n);
	return (struct span){p, n + packet.n};
}

static bool is_text_only(const struct run *run)
{
	for (unsigned i = 0; i < run->n; i++) {
		if (run->message[i].attached.n > 0)
			return false;
	}
	return true;
}

const struct span *encoded_build(struct encoded *e, encoding_t enc, const struct run *run, struct worker *w)
{
	struct buf *b = &w->encoder->out;

	e->have |= 1u << enc;
	if (enc == CARRIER_WS && is_text_only(run)) {
		e->span[enc] = build_frames(run, &w->arena);
		return &e->span[enc];
	}
	buf_reset(b);
	for (unsigned i = 0; i < run->n; i++)
		put_message(w, b, enc, &run->message[i]);
	e->span[enc] = span_of(w, b);
	return &e->span[enc];
}

struct span encode_message(struct worker *w, encoding_t enc, const struct message *m)
{
	struct buf *b = &w->encoder->out;

	if (enc == CARRIER_WS && m->attached.n == 0)
		return frame_of(&w->arena, m->packet);
	buf_reset(b);
	put_message(w, b, enc, m);
	return span_of(w, b);
}

struct span encode_frame(struct worker *w, enum carrier carrier, bool binary, struct slice data)
{
	struct buf *b = &w->encoder->out;

	if (carrier == CARRIER_WS && !binary)
		return frame_of(&w->arena, data);
	buf_reset(b);
	put_part(w, b, carrier, binary, data);
	return span_of(w, b);
}
