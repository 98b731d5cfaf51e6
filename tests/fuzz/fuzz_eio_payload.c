/*
 * fuzz_eio_payload.c - polling bodies: the packets and the separators between them are the body again, and what a
 * binary packet holds survives being written and read once more.
 */
#include "proto/eio_payload.h"
#include "proto/engineio.h"
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_binary(struct slice b64)
{
	size_t cap = EIO_BINARY_DECODED_MAX(b64.n), written;
	uint8_t *bytes = malloc(cap + 1), *again = malloc(cap + 1);
	ssize_t n;
	char *text;

	must(bytes != NULL && again != NULL);
	n = eio_payload_binary(b64, bytes, cap);
	if (n >= 0) {
		must((size_t)n <= cap);
		if (n > 0)
			must(eio_payload_binary(b64, again, (size_t)n - 1) == -1);
		text = malloc(eio_payload_binary_size((size_t)n));
		must(text != NULL);
		written = eio_payload_put_binary(text, bytes, (size_t)n);
		must(written == eio_payload_binary_size((size_t)n) && text[0] == 'b');
		/* In its own memory, as the worker does it. */
		must(eio_payload_binary(slice_make(text + 1, written - 1), (uint8_t *)text + 1, written - 1) == n);
		must(n == 0 || memcmp(text + 1, bytes, (size_t)n) == 0);
		free(text);
	}
	free(bytes);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make(data, size);
	struct eio_payload_iter it;
	struct eio_packet p;
	size_t at = 0, packets = 0;

	eio_payload_begin(&it, body);
	while (eio_payload_next(&it, &p)) {
		if (packets++ > 0)
			must(body.p[at++] == EIO_SEPARATOR);
		if (p.binary) {
			must(p.type == EIO_MESSAGE && body.p[at++] == 'b');
			check_binary(p.data);
		} else if (p.type >= 0) {
			must(p.data.n > 0 && p.data.p[0] == p.type && utf8_valid(p.data.p, p.data.n));
		}
		must(p.data.n == 0 || p.data.p == body.p + at);
		at += p.data.n;
		if (p.type < 0) {
			must(!eio_payload_next(&it, &p));
			return 0;
		}
	}
	must(packets > 0 && at == size);
	return 0;
}
