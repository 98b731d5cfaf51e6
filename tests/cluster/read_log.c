/*
 * read_log.c - what each worker delivered, out of a live segment: read_log /forkcast-NAME-NONCE
 *
 * Follows the delivery log of every slot from its first entry: a run says which ring came next and up to where, the
 * rings still have the records.  One line of JSON each, in the order of delivery:
 *
 *	{"slot":S,"gen":G}					a life of the slot begins
 *	{"slot":S,"turn":NS}					a turn ended
 *	{"slot":S,"gap":RING}					overtaken there
 *	{"slot":S,"ring":R,"pos":P,"rooms":[..],"except":[..],"packet":".."}	a broadcast that this slot had to look at
 *	{"slot":S,"end":WORDS,"records":N}			all of its log was read
 *
 * Exit status 1 with a word on stderr when log or rings do not hold everything, or contradict each other.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/dlog.h"
#include "shm/record.h"
#include "shm/ring.h"
#include "shm/segment.h"

/* One slot's log as it is followed. */
struct reader {
	const struct segment *seg;
	unsigned slot;
	struct ring ring[SLOT_MAX];
	struct slot_mask attached;
	uint64_t pos[SLOT_MAX]; /* where each ring stands */
	uint64_t records;
	void *buf;
	size_t cap;
};

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("read_log: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void put_text(const char *s, size_t n)
{
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_rooms(const struct record *rec, uint16_t type)
{
	const char *name;
	size_t off = 0, len;
	uint64_t hash;
	uint16_t sub;
	bool first = true;

	while (record_next_room(rec, type, &off, &hash, &name, &len, &sub)) {
		if (!first)
			putchar(',');
		put_text(name, len);
		first = false;
	}
}

static void put_record(struct reader *r, unsigned ring, uint64_t pos, const struct ring_head *head)
{
	size_t len = head->len - sizeof *head;
	struct record rec;

	if (len > r->cap) {
		r->buf = realloc(r->buf, len);
		if (!r->buf)
			fail("out of memory");
		r->cap = len;
	}
	if (ring_copy(&r->ring[ring], pos, head, r->buf) != 0)
		fail("slot %u: ring %u no longer has position %llu", r->slot, ring, (unsigned long long)pos);
	if (record_parse(&rec, r->buf, len) != 0)
		fail("slot %u: ring %u position %llu holds no record", r->slot, ring, (unsigned long long)pos);
	if (rec.head.kind != RECORD_BROADCAST || !slot_mask_has(&rec.head.mask, r->slot))
		return;
	printf("{\"slot\":%u,\"ring\":%u,\"pos\":%llu,\"rooms\":[", r->slot, ring, (unsigned long long)pos);
	put_rooms(&rec, RECORD_TLV_ROOM);
	fputs("],\"except\":[", stdout);
	put_rooms(&rec, RECORD_TLV_EXCEPT);
	fputs("],\"packet\":", stdout);
	put_text(rec.packet, rec.packet_len);
	puts("}");
	r->records++;
}

/* Ring RING was delivered up to END. */
static void run(struct reader *r, unsigned ring, uint64_t end)
{
	struct ring_head head;

	if (!slot_mask_has(&r->attached, ring)) {
		if (!segment_slot_reserved(r->seg, ring) || ring_attach(&r->ring[ring], segment_ring(r->seg, ring)) != 0)
			fail("slot %u: a run of ring %u, which is not there", r->slot, ring);
		slot_mask_set(&r->attached, ring);
	}
	if (end <= r->pos[ring] || end > ring_tail(&r->ring[ring]))
		fail("slot %u: ring %u from %llu to %llu", r->slot, ring, (unsigned long long)r->pos[ring],
		    (unsigned long long)end);
	while (r->pos[ring] < end) {
		if (ring_peek(&r->ring[ring], r->pos[ring], &head) != 1)
			fail("slot %u: ring %u no longer has position %llu", r->slot, ring, (unsigned long long)r->pos[ring]);
		if (head.type == RING_DATA)
			put_record(r, ring, r->pos[ring], &head);
		r->pos[ring] = ring_next(r->pos[ring], &head);
	}
	if (r->pos[ring] != end)
		fail("slot %u: a run of ring %u ends inside a record", r->slot, ring);
}

static void follow(const struct segment *seg, unsigned slot)
{
	static struct reader r;
	struct dlog_entry e;
	struct dlog log;
	uint64_t end;
	bool resync = false; /* a vector stands for what was not delivered: after a start, or a gap */

	r = (struct reader){.seg = seg, .slot = slot, .buf = r.buf, .cap = r.cap};
	if (dlog_attach(&log, segment_dlog(seg, slot)) != 0)
		fail("slot %u: not a log of this layout", slot);
	if (dlog_head(&log) != 0)
		fail("slot %u: the log no longer has its beginning", slot);
	end = dlog_tail(&log);
	for (uint64_t at = 0; at < end; at++) {
		if (dlog_read(&log, at, &e) != 1)
			fail("slot %u: entry %llu cannot be read", slot, (unsigned long long)at);
		switch (e.kind) {
		case DLOG_GEN:
			printf("{\"slot\":%u,\"gen\":%llu}\n", slot, (unsigned long long)e.pos);
			resync = true;
			break;
		case DLOG_GAP:
			printf("{\"slot\":%u,\"gap\":%u}\n", slot, e.ring);
			resync = true;
			break;
		case DLOG_AT:
			/* Elsewhere a vector repeats what is known already. */
			if (!resync && r.pos[e.ring] != e.pos)
				fail("slot %u: ring %u stands at %llu, the vector says %llu", slot, e.ring,
				    (unsigned long long)r.pos[e.ring], (unsigned long long)e.pos);
			r.pos[e.ring] = e.pos;
			break;
		case DLOG_RUN: run(&r, e.ring, e.pos); break;
		case DLOG_TURN:
			printf("{\"slot\":%u,\"turn\":%llu}\n", slot, (unsigned long long)e.pos);
			resync = false;
			break;
		case DLOG_VECTOR:
		case DLOG_PAD: break;
		}
	}
	printf("{\"slot\":%u,\"end\":%llu,\"records\":%llu}\n", slot, (unsigned long long)end,
	    (unsigned long long)r.records);
}

int main(int argc, char **argv)
{
	struct segment seg;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: read_log /forkcast-NAME-NONCE\n");
		return 2;
	}
	err = segment_attach(&seg, argv[1], 0);
	if (err != 0)
		fail("%s: %s", argv[1], strerror(-err));
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (segment_slot_reserved(&seg, i) &&
		    atomic_load_explicit(&segment_slot(&seg, i)->role, memory_order_relaxed) == SLOT_ROLE_WORKER)
			follow(&seg, i);
	}
	segment_detach(&seg);
	return 0;
}
