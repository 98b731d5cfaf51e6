/*
 * http_coding.c - see http_coding.h.
 */
#include "proto/http_coding.h"

#include <errno.h>
#include <zlib.h>

#include "proto/http_token.h"

/* As in deflate.c: time counts more than the last bytes. */
#define LEVEL     1
#define MEM_LEVEL 5

/* What the header says about one coding. */
struct wish {
	int weight;    /* thousandths; 0: not acceptable */
	bool named;    /* by its name, not by "*" */
	unsigned rank; /* where */
};

/* RFC 9110, section 12.4.2: 0 to 1 with at most three decimals.  0 when it is not. */
static int weight(struct slice s)
{
	int w, unit = 100;

	if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return 0;
	w = (s.p[0] - '0') * 1000;
	for (size_t i = 2; i < s.n; i++, unit /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		w += (s.p[i] - '0') * unit;
	}
	return w <= 1000 ? w : 0;
}

static struct slice cut(struct slice *s, char at)
{
	const char *end = s->n > 0 ? memchr(s->p, at, s->n) : NULL;
	struct slice head = *s;

	if (end == NULL) {
		*s = slice_make("", 0);
		return http_trim(head);
	}
	head.n = (size_t)(end - head.p);
	*s = slice_make(end + 1, s->n - head.n - 1);
	return http_trim(head);
}

static void hear(struct wish *w, struct slice coding, const char *name, int q, unsigned rank)
{
	bool named = http_is_nocase(coding, name);

	/* The name says more than "*"; of several mentions the kindest counts. */
	if (w->rank != 0 && (w->named > named || (w->named == named && w->weight >= q)))
		return;
	if (named || slice_is(coding, "*"))
		*w = (struct wish){q, named, rank};
}

enum http_coding http_accept_coding(struct slice accept_encoding)
{
	struct wish gzip = {0}, deflate = {0};

	for (unsigned rank = 1; accept_encoding.n > 0; rank++) {
		struct slice element = cut(&accept_encoding, ','), coding = cut(&element, ';');
		int q = 1000;

		while (element.n > 0) {
			struct slice parameter = cut(&element, ';'), key = cut(&parameter, '=');

			if (http_is_nocase(key, "q"))
				q = weight(parameter);
		}
		hear(&gzip, coding, "gzip", q, rank);
		hear(&deflate, coding, "deflate", q, rank);
	}
	if (gzip.weight == 0 && deflate.weight == 0)
		return HTTP_CODING_IDENTITY;
	if (gzip.weight != deflate.weight)
		return gzip.weight > deflate.weight ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE;
	if (gzip.named != deflate.named)
		return gzip.named ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE;
	return gzip.rank <= deflate.rank ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE;
}

const char *http_coding_name(enum http_coding c)
{
	switch (c) {
	case HTTP_CODING_GZIP: return "gzip";
	case HTTP_CODING_DEFLATE: return "deflate";
	case HTTP_CODING_IDENTITY: break;
	}
	return "identity";
}

size_t http_code_bound(size_t n)
{
	return n + n / 8 + n / 64 + 32;
}

static ssize_t copy(const void *p, size_t n, uint8_t *out, size_t cap)
{
	if (n > cap)
		return -ENOSPC;
	if (n > 0)
		memcpy(out, p, n);
	return (ssize_t)n;
}

ssize_t http_code(enum http_coding c, const void *p, size_t n, uint8_t *out, size_t cap)
{
	z_stream z = {.next_in = (z_const Bytef *)p, .avail_in = (uInt)n, .next_out = out};
	ssize_t rc = -ENOSPC;

	if (c == HTTP_CODING_IDENTITY)
		return copy(p, n, out, cap);
	if (n > UINT32_MAX)
		return -ENOSPC;
	z.avail_out = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
	/* zlib writes the header of gzip when 16 is added. */
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, 15 + (c == HTTP_CODING_GZIP ? 16 : 0), MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	if (deflate(&z, Z_FINISH) == Z_STREAM_END)
		rc = (ssize_t)z.total_out;
	(void)deflateEnd(&z);
	return rc;
}
