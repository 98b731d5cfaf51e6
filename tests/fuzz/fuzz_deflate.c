/*
 * fuzz_deflate.c - what is offered, what is inflated, and what is compressed comes out as it went in.
 */
#include "proto/deflate.h"
#include "proto/error.h"
#include "proto/http_coding.h"
#include "proto/ws_deflate.h"
#include "tests/fuzz/fuzz.h"

#include <zlib.h>

#define MAX 70000u

/* An answer is an offer that is answered with itself. */
static void negotiate(struct slice value)
{
	struct ws_deflate d = {0}, again = {0};
	char answer[WS_DEFLATE_ANSWER_MAX], same[WS_DEFLATE_ANSWER_MAX];
	int rc = ws_deflate_negotiate(value, &d, answer);

	must(rc == 0 || (rc == PROTO_EHTTP && !d.on));
	if (rc == 0)
		must(d.on == (strlen(answer) > 0));
	if (!d.on)
		return;
	must(d.server_bits >= DEFLATE_BITS_MIN && d.server_bits <= DEFLATE_BITS_MAX);
	must(ws_deflate_negotiate(slice_make(answer, strlen(answer)), &again, same) == 0);
	must(again.on && again.server_bits == d.server_bits && strcmp(answer, same) == 0);
}

/* A used inflater says the same twice, within its limit; what it accepts can be compressed again. */
static void inflate_hostile(struct inflater *i, struct deflater *d, const uint8_t *p, size_t n, size_t max)
{
	static uint8_t first[MAX], packed[MAX * 2];
	const uint8_t *out = NULL;
	ssize_t len = inflater_message(i, p, n, max, &out), packed_len;

	must(len >= 0 || len == PROTO_EFRAME_SIZE || len == PROTO_EFRAME_DEFLATE);
	must(len <= (ssize_t)max);
	if (len < 0) {
		must(inflater_message(i, p, n, max, &out) == len);
		return;
	}
	memcpy(first, out, (size_t)len);
	must(inflater_message(i, p, n, (size_t)len, &out) == len && memcmp(out, first, (size_t)len) == 0);
	if (len > 0)
		must(inflater_message(i, p, n, (size_t)len - 1, &out) == PROTO_EFRAME_SIZE);
	packed_len = deflater_message(d, first, (size_t)len, packed, deflater_bound((size_t)len));
	must(packed_len > 0);
	must(inflater_message(i, packed, (size_t)packed_len, (size_t)len, &out) == len);
	must(memcmp(out, first, (size_t)len) == 0);
}

static void there_and_back(struct inflater *i, struct deflater *d, const uint8_t *p, size_t n)
{
	uint8_t *packed = malloc(deflater_bound(n));
	const uint8_t *out;
	ssize_t len;

	must(packed != NULL);
	len = deflater_message(d, p, n, packed, deflater_bound(n));
	must(len > 0 && (size_t)len + 5 <= deflater_bound(n));
	must(inflater_message(i, packed, (size_t)len, n, &out) == (ssize_t)n);
	must(n == 0 || memcmp(out, p, n) == 0);
	free(packed);
}

static void code(enum http_coding c, const uint8_t *p, size_t n)
{
	uint8_t *packed = malloc(http_code_bound(n)), *out = malloc(n + 1);
	z_stream z = {.next_in = packed, .next_out = out, .avail_out = (uInt)(n + 1)};
	ssize_t len;

	must(packed && out);
	len = http_code(c, p, n, packed, http_code_bound(n));
	must(len > 0);
	z.avail_in = (uInt)len;
	must(inflateInit2(&z, c == HTTP_CODING_GZIP ? 31 : 15) == Z_OK);
	must(inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == n && memcmp(out, p, n) == 0);
	(void)inflateEnd(&z);
	free(packed);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct deflater *d[DEFLATE_BITS_MAX + 1];
	static struct inflater *i;
	int bits;

	if (size == 0)
		return 0;
	bits = DEFLATE_BITS_MIN + data[0] % 8;
	if (d[bits] == NULL)
		d[bits] = deflater_new(bits);
	if (i == NULL)
		i = inflater_new();
	must(d[bits] != NULL && i != NULL);
	negotiate(slice_make(data + 1, size - 1));
	(void)http_accept_coding(slice_make(data + 1, size - 1));
	inflate_hostile(i, d[bits], data + 1, size - 1, data[0] % 3 == 0 ? 100 : MAX);
	there_and_back(i, d[bits], data + 1, size - 1);
	code(data[0] & 16 ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE, data + 1, size - 1);
	return 0;
}
