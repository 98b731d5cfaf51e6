/*
 * micro_ring.c - what the ring costs: nanoseconds (and, under callgrind, instructions) per operation.
 *
 *	make bench-micro
 *
 * Rows are measured in one process with warm caches: the price of the instructions, not of the cache lines that move
 * between cores.  Nanoseconds are the best of several repetitions.  With `count ROW N` only N operations of that row
 * are run, for an instruction counter: scripts/bench-micro subtracts two such counts, so that start-up cancels.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/inlet.h"
#include "shm/interest.h"
#include "shm/outlet.h"
#include "shm/record.h"

#define RING_SIZE (UINT64_C(1) << 20)
#define RINGS     8u
#define READER    8u
#define SLOTS     9u

static struct segment seg;
static struct doorbells bells;
static struct ring writer[RINGS], view[RINGS];
static struct outlet out;
static struct inlet in;
static uint8_t buf[1 << 16];
static uint64_t stamp = 1;
static struct slot_mask quiet; /* slot READER, which does not sleep */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "micro_ring: %s\n", what);
	exit(1);
}

static void publish(unsigned ring, size_t n)
{
	struct iovec iov = {buf, n};

	ring_publish(&writer[ring], RING_DATA, 0, &iov, 1, stamp++);
}

static void bench_publish(uint64_t n, size_t len)
{
	while (n-- > 0)
		publish(0, len);
}

/* Reads laps of one ring again and again, without its writer. */
static void bench_read(uint64_t n, size_t len)
{
	struct ring *r = &view[0];
	uint64_t start = ring_tail(r), pos;
	struct ring_head h;

	while (ring_tail(r) - start < RING_SIZE / 2)
		publish(0, len);
	for (pos = start; n-- > 0; pos = ring_next(pos, &h)) {
		if (pos == ring_tail(r))
			pos = start;
		if (ring_peek(r, pos, &h) != 1 || (h.type == RING_DATA && ring_copy(r, pos, &h, buf)))
			die("read");
	}
}

/* A turn's drain of NRINGS rings, 64 records in each; stamps interleave record by record. */
static void bench_drain(uint64_t n, unsigned nrings, size_t len, bool take)
{
	struct inlet_item item;
	struct inlet_lap lap;

	while (n > 0) {
		for (unsigned k = 0; k < 64; k++)
			for (unsigned i = 0; i < nrings; i++)
				publish(i, len);
		inlet_begin(&in, stamp);
		while (take && inlet_next(&in, &item, &lap) == INLET_RECORD) {
			if (inlet_copy(&in, &item, buf))
				die("drain");
			n -= n > 0;
		}
		if (!take) { /* the same without the drain, to be subtracted */
			for (unsigned i = 0; i < nrings; i++)
				in.pos[i] = ring_tail(&view[i]);
			n -= n < 64 * nrings ? n : 64 * nrings;
		}
		inlet_end(&in);
	}
}

static void bench_skip(uint64_t n, size_t len)
{
	struct inlet_item item;
	struct inlet_lap lap;

	while (n > 0) {
		for (unsigned k = 0; k < 64; k++)
			publish(0, len);
		inlet_begin(&in, stamp);
		while (inlet_next(&in, &item, &lap) == INLET_RECORD) {
			struct record_head head;

			if (inlet_look(&in, &item, &head, sizeof head))
				die("skip");
			inlet_skip(&in, &item);
			n -= n > 0;
		}
		inlet_end(&in);
	}
}

/* outlet_put() with one room to touch and one awake reader to look at. */
static void bench_put(uint64_t n, size_t len)
{
	uint64_t touch = 77;
	struct iovec iov = {buf, len};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .mask = &quiet, .touch = &touch, .ntouch = 1};

	while (n-- > 0) {
		segment_read_pos(&seg, READER)[1] = out.ring.tail;
		if (outlet_put(&out, &msg, stamp++) < 0)
			die("put");
	}
}

static void bench_ring_awake(uint64_t n, size_t len)
{
	(void)len;
	while (n-- > 0)
		doorbell_ring_mask(&bells, &seg, &quiet, 0);
}

static void bench_ring_asleep(uint64_t n, size_t len)
{
	(void)len;
	doorbell_arm(segment_slot(&seg, READER));
	while (n-- > 0)
		doorbell_ring_mask(&bells, &seg, &quiet, 0);
	doorbell_awake(segment_slot(&seg, READER));
	doorbell_drain(&bells, READER);
}

static void bench_arm(uint64_t n, size_t len)
{
	(void)len;
	while (n-- > 0) {
		doorbell_arm(segment_slot(&seg, READER));
		if (inlet_pending(&in))
			die("pending");
		doorbell_awake(segment_slot(&seg, READER));
	}
}

static void bench_parse(uint64_t n, size_t len)
{
	static _Alignas(8) uint8_t rec[8192];
	struct tlv_writer w;
	struct record r;

	record_begin(&w, rec, sizeof rec, RECORD_BROADCAST);
	tlv_put_hashed(&w, RECORD_TLV_ROOM, RECORD_ROOM_PLAIN, 1, "room:1234", 9);
	tlv_put(&w, RECORD_TLV_PACKET, 0, buf, len);
	while (n-- > 0)
		if (record_parse(&r, rec, w.len))
			die("parse");
}

static void drain1(uint64_t n, size_t len)
{
	bench_drain(n, 1, len, true);
}
static void drain2(uint64_t n, size_t len)
{
	bench_drain(n, 2, len, true);
}
static void drain8(uint64_t n, size_t len)
{
	bench_drain(n, 8, len, true);
}
static void without1(uint64_t n, size_t len)
{
	bench_drain(n, 1, len, false);
}
static void without8(uint64_t n, size_t len)
{
	bench_drain(n, 8, len, false);
}

static const struct row {
	const char *name;
	void (*run)(uint64_t n, size_t len);
	size_t len;
	void (*without)(uint64_t n, size_t len); /* its price is subtracted */
} rows[] = {
    {"publish-64", bench_publish, 64, NULL},
    {"publish-256", bench_publish, 256, NULL},
    {"publish-4096", bench_publish, 4096, NULL},
    {"read-64", bench_read, 64, NULL},
    {"read-256", bench_read, 256, NULL},
    {"read-4096", bench_read, 4096, NULL},
    {"drain-1-ring-64", drain1, 64, without1},
    {"drain-2-rings-64", drain2, 64, without1},
    {"drain-8-rings-64", drain8, 64, without8},
    {"drain-1-ring-256", drain1, 256, without1},
    {"drain-8-rings-256", drain8, 256, without8},
    {"skip-1-ring-256", bench_skip, 256, without1},
    {"outlet-put-64", bench_put, 64, NULL},
    {"outlet-put-256", bench_put, 256, NULL},
    {"record-parse", bench_parse, 64, NULL},
    {"doorbell-awake", bench_ring_awake, 0, NULL},
    {"doorbell-asleep", bench_ring_asleep, 0, NULL},
    {"arm-look-awake", bench_arm, 0, NULL},
};

#define NROWS (sizeof rows / sizeof *rows)

static void start(void)
{
	struct segment_spec spec = {
	    .ring_size = RING_SIZE, .opring_size = 1 << 14, .dlog_size = 1 << 17, .sessions = 100, .nonce = 1};
	char name[64];

	snprintf(name, sizeof name, "/forkcast-bench-%ld", (long)getpid());
	if (segment_create(&seg, name, &spec, NULL) || segment_unlink(name) || doorbells_open(&bells, SLOTS))
		die("no segment");
	for (unsigned i = 0; i < SLOTS; i++)
		if (segment_reserve_slot(&seg, i, NULL))
			die("no slot");
	for (unsigned i = 0; i < RINGS; i++) {
		if (ring_attach(&writer[i], segment_ring(&seg, i)) || ring_attach(&view[i], segment_ring(&seg, i)))
			die("no ring");
		ring_own(&writer[i], 1);
	}
	slot_open(segment_slot(&seg, READER), SLOT_ROLE_WORKER, 0, 1);
	inlet_init(&in, &seg, READER);
	slot_ready(segment_slot(&seg, READER));
	slot_mask_set(&quiet, READER);
	if (outlet_init(&out, &seg, &bells, 1, 1, OUTLET_BROADCAST, 1 << 20))
		die("no outlet");
	memset(buf, 'x', sizeof buf);
}

/* Puts the views back together after a row that went its own way. */
static void settle(void)
{
	for (unsigned i = 0; i < RINGS; i++)
		ring_own(&writer[i], 1);
	ring_own(&out.ring, 1);
	inlet_init(&in, &seg, READER);
}

static double best_ns(void (*run)(uint64_t, size_t), size_t len)
{
	uint64_t n = len > 1000 ? 20000 : 100000;
	double best = 1e18;

	for (int i = 0; i < 15; i++) {
		uint64_t from;

		settle();
		from = now_ns();
		run(n, len);
		if ((double)(now_ns() - from) / (double)n < best)
			best = (double)(now_ns() - from) / (double)n;
	}
	return best;
}

/* Instructions of SELF's row, from the counts that scripts/bench-micro hands in as NAME=COUNT; -1 when there are none.
 */
static double instructions_of(int argc, char **argv, const char *name)
{
	size_t n = strlen(name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
			return atof(argv[i] + n + 1);
	return -1;
}

/*
 * micro_ring list | count ROW[-without] N | [ROW=INSTRUCTIONS]...
 */
int main(int argc, char **argv)
{
	start();
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			printf("%s %s\n", rows[i].name, rows[i].without ? "without" : "-");
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "count") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			if (strcmp(rows[i].name, argv[2]) == 0)
				(strcmp(argv[3], "without") == 0 ? rows[i].without : rows[i].run)(
				    (uint64_t)atoll(argv[4]), rows[i].len);
		return 0;
	}
	printf("%-20s %10s %14s\n", "per operation", "ns", "instructions");
	for (size_t i = 0; i < NROWS; i++) {
		double ns = best_ns(rows[i].run, rows[i].len), ins = instructions_of(argc, argv, rows[i].name);

		if (rows[i].without)
			ns -= best_ns(rows[i].without, rows[i].len);
		if (ins < 0)
			printf("%-20s %10.1f %14s\n", rows[i].name, ns, "-");
		else
			printf("%-20s %10.1f %14.1f\n", rows[i].name, ns, ins);
	}
	segment_detach(&seg);
	return 0;
}
