/*
 * eio_payload.c - see eio_payload.h.
 */
#include "proto/eio_payload.h"

#include "proto/base64.h"
#include "proto/engineio.h"
#include "proto/utf8.h"

void eio_payload_begin(struct eio_payload_iter *it, struct slice body)
{
	*it = (struct eio_payload_iter){.p = body.p, .end = body.n > 0 ? body.p + body.n : body.p, .more = true};
}

bool eio_payload_next(struct eio_payload_iter *it, struct eio_packet *out)
{
	size_t left = (size_t)(it->end - it->p);
	const char *stop;

	if (!it->more)
		return false;
	/* 0x1E is no part of a longer UTF-8 character. */
	stop = left > 0 ? memchr(it->p, EIO_SEPARATOR, left) : NULL;
	out->data = slice_make(it->p, stop ? (size_t)(stop - it->p) : left);
	out->binary = out->data.n > 0 && *out->data.p == 'b';
	if (out->binary) {
		out->type = EIO_MESSAGE;
		out->data.p++;
		out->data.n--;
	} else {
		out->type = eio_packet_type(out->data);
		if (out->type >= 0 && !utf8_valid(out->data.p, out->data.n))
			out->type = -1;
	}
	it->more = stop != NULL && out->type >= 0;
	if (stop)
		it->p = stop + 1;
	return true;
}

ssize_t eio_payload_binary(struct slice b64, uint8_t *out, size_t cap)
{
	return base64_decode(b64, out, cap);
}

size_t eio_payload_binary_size(size_t n)
{
	return 1 + BASE64_ENCODED(n);
}

size_t eio_payload_put_binary(char *out, const uint8_t *p, size_t n)
{
	*out = 'b';
	base64_encode(p, n, out + 1);
	return eio_payload_binary_size(n);
}
