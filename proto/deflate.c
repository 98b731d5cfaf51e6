/*
 * deflate.c - see deflate.h.  A sync flush ends each message with an empty stored block, whose last four bytes are not
 * sent (RFC 7692, section 7.2.1) and put back by the receiver.
 */
#include "proto/deflate.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "proto/error.h"

/*
 * A worker does nothing else meanwhile, so time counts.  JSON of 64 KiB: level 1 makes 25% of it in 0.5 ms, level 3 23%
 * in 0.8 ms, level 6 20% in 1.6 ms; of 1 KiB 35%, 35% and 32% in 12 to 18 us.  Memory level 5 instead of zlib's 8 saves
 * 112 of 261 KiB and is no slower; what it makes is larger by 1.4% at 256 KiB, by nothing below 16 KiB.
 */
#define LEVEL     1
#define MEM_LEVEL 5

static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

struct deflater {
	z_stream z;
};

struct deflater *deflater_new(int window_bits)
{
	struct deflater *d = calloc(1, sizeof *d);
	/*
	 * zlib has no raw deflate of 8 bits.  With 9 it keeps a lookahead of 262 bytes free in its window of 512 and
	 * refers back by at most 250, so what it makes inflates with a window of 256 (t_deflate.c: windows).
	 */
	int bits = window_bits == 8 ? 9 : window_bits;

	if (d == NULL)
		return NULL;
	if (deflateInit2(&d->z, LEVEL, Z_DEFLATED, -bits, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(d);
		return NULL;
	}
	return d;
}

void deflater_free(struct deflater *d)
{
	if (d == NULL)
		return;
	(void)deflateEnd(&d->z);
	free(d);
}

/* As deflateBound() reckons when it knows nothing, and the flush. */
size_t deflater_bound(size_t n)
{
	return n + n / 8 + n / 64 + 32;
}

ssize_t deflater_message(struct deflater *d, const void *p, size_t n, uint8_t *out, size_t cap)
{
	z_stream *z = &d->z;

	if (n > UINT32_MAX || deflateReset(z) != Z_OK)
		return -ENOSPC;
	z->next_in = (z_const Bytef *)p;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
	/* Room left over means that the flush is complete. */
	if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 || z->avail_out == 0)
		return -ENOSPC;
	return (ssize_t)(z->total_out - sizeof tail);
}

/*
 * What is inflated goes into a small buffer that stays, or, when that is full, into one as large as the limit: of that
 * the kernel provides only what is written to, so a message costs its size, and none is copied more than once.
 */
#define KEEP 65536u

struct inflater {
	z_stream z;
	size_t len;     /* inflated so far */
	uint8_t *out;   /* small or large */
	uint8_t *large; /* NULL: still in small */
	uint8_t small[KEEP];
};

struct inflater *inflater_new(void)
{
	struct inflater *i = calloc(1, sizeof *i);

	if (i == NULL)
		return NULL;
	/* The largest window: a message made for any smaller one fits. */
	if (inflateInit2(&i->z, -DEFLATE_BITS_MAX) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

void inflater_free(struct inflater *i)
{
	if (i == NULL)
		return;
	(void)inflateEnd(&i->z);
	free(i->large);
	free(i);
}

void inflater_trim(struct inflater *i)
{
	free(i->large);
	i->large = NULL;
}

/* Room for more, at most MAX + 1 bytes in all: the last one shows that there is too much. */
static int make_room(struct inflater *i, size_t max)
{
	size_t done = i->len, cap = max < KEEP ? max + 1 : KEEP;

	if (done > max)
		return PROTO_EFRAME_SIZE;
	if (done == cap && i->large == NULL) {
		i->large = malloc(max + 1);
		if (i->large == NULL)
			return PROTO_EFRAME_MEM;
		memcpy(i->large, i->small, done);
	}
	i->out = i->large != NULL ? i->large : i->small;
	cap = (i->large != NULL ? max + 1 : cap) - done;
	i->z.next_out = i->out + done;
	i->z.avail_out = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
	return 0;
}

/*
 * Inflates all of P.  A block may be marked as the last (section 7.2.3.4) and others follow; they start on a byte and
 * with an empty window, as they come from a compressor that was reset.  *ENDED: the last block there was is so marked.
 */
static int inflate_part(struct inflater *i, const uint8_t *p, size_t n, size_t max, bool *ended)
{
	z_stream *z = &i->z;
	int rc;

	z->next_in = (z_const Bytef *)p;
	z->avail_in = (uInt)n;
	do {
		const uint8_t *start;

		rc = make_room(i, max);
		if (rc != 0)
			return rc;
		if (*ended && inflateReset(z) != Z_OK)
			return PROTO_EFRAME_DEFLATE;
		start = z->next_out;
		rc = inflate(z, Z_SYNC_FLUSH);
		i->len += (size_t)(z->next_out - start);
		*ended = rc == Z_STREAM_END;
		/* Z_BUF_ERROR: there was nothing left to do, or no room. */
		if (rc == Z_MEM_ERROR)
			return PROTO_EFRAME_MEM;
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return PROTO_EFRAME_DEFLATE;
	} while (z->avail_in > 0 || (z->avail_out == 0 && !*ended));
	return i->len > max ? PROTO_EFRAME_SIZE : 0;
}

/* Behind the end of a block, and at the first bit of a byte (zlib.h on data_type). */
static bool at_boundary(const z_stream *z)
{
	return (z->data_type & 128) != 0 && (z->data_type & 63) == 0;
}

/* The tail ends an empty block; if it is anything else to zlib, what was sent has no end. */
static int inflate_tail(struct inflater *i, size_t max)
{
	size_t before = i->len;
	bool ended = false;
	int rc = inflate_part(i, tail, sizeof tail, max, &ended);

	if (i->len > before)
		return PROTO_EFRAME_DEFLATE;
	return rc == 0 && !ended && !at_boundary(&i->z) ? PROTO_EFRAME_DEFLATE : rc;
}

ssize_t inflater_message(struct inflater *i, const uint8_t *p, size_t n, size_t max, const uint8_t **out)
{
	bool ended = false;
	int rc;

	inflater_trim(i);
	i->len = 0;
	*out = i->small;
	if (n > UINT32_MAX)
		return PROTO_EFRAME_SIZE;
	/* Section 7.2.3.6 has one byte for an empty message.  The reference takes none for it too. */
	if (n == 0)
		return 0;
	if (inflateReset(&i->z) != Z_OK)
		return PROTO_EFRAME_DEFLATE;
	rc = inflate_part(i, p, n, max, &ended);
	/* Behind a last block the tail would be a block of its own: some leave out the byte it needs, and nobody minds.
	 */
	if (rc == 0 && !ended)
		rc = inflate_tail(i, max);
	if (rc != 0) {
		inflater_trim(i);
		return rc;
	}
	*out = i->out;
	return (ssize_t)i->len;
}
