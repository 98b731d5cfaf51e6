/*
 * micro_window.c - what counting an event in a shared window costs: nanoseconds (and, under callgrind, instructions).
 *
 *	make bench-micro
 *
 * Measured and counted as micro_ring.c does.  The rows of many keys walk over more memory than the caches hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/window.h"

static struct segment seg;
static uint64_t now = 1000, turn;

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void take(uint64_t key, uint32_t most, uint64_t period)
{
	struct window_result r;

	window_take(&seg, key, &(struct window_rate){most, period}, now, &r);
}

/* Keys are hashes: spread by this odd constant. */
static uint64_t key_of(uint64_t i)
{
	return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void bench_take(uint64_t n)
{
	for (; n > 0; n--) {
		now += 100; /* a new window now and then: the count stays below the rate */
		take(key_of(1), 1000000, 1000);
	}
}

static void bench_refuse(uint64_t n)
{
	take(key_of(2), 1, UINT64_C(1) << 38);
	for (; n > 0; n--)
		take(key_of(2), 1, UINT64_C(1) << 38);
}

static void bench_many(uint64_t n)
{
	for (; n > 0; n--)
		take(key_of(turn++ & 0xffff), 1000000, 1000);
}

static void bench_left(uint64_t n)
{
	for (; n > 0; n--)
		window_left(&seg, key_of(1), &(struct window_rate){10, 1000}, now);
}

static const struct row {
	const char *name;
	void (*run)(uint64_t n);
} rows[] = {
    {"take", bench_take},
    {"take-refused", bench_refuse},
    {"take-65536-keys", bench_many},
    {"left", bench_left},
};

#define NROWS (sizeof rows / sizeof *rows)

static double best_ns(void (*run)(uint64_t n))
{
	const uint64_t n = 200000;
	double best = 1e9;

	for (int i = 0; i < 9; i++) {
		uint64_t t = clock_ns();
		double ns;

		run(n);
		ns = (double)(clock_ns() - t) / (double)n;
		best = ns < best ? ns : best;
	}
	return best;
}

/* "ROW=N" among the arguments. */
static const char *instructions_of(int argc, char **argv, const char *row)
{
	size_t n = strlen(row);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], row, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	return "-";
}

int main(int argc, char **argv)
{
	struct segment_spec spec = {
	    .ring_size = 1 << 20, .opring_size = 1 << 20, .dlog_size = 1 << 20, .sessions = 100000, .nonce = 1};
	char name[64];

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			printf("%s -\n", rows[i].name);
		return 0;
	}
	snprintf(name, sizeof name, "/forkcast-bench-%ld", (long)getpid());
	if (segment_create(&seg, name, &spec, NULL)) {
		fprintf(stderr, "micro_window: no segment\n");
		return 1;
	}
	segment_unlink(name);
	if (argc == 5 && strcmp(argv[1], "count") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			if (strcmp(rows[i].name, argv[2]) == 0)
				rows[i].run((uint64_t)atoll(argv[4]));
		return 0;
	}
	printf("%-20s %10s %14s\n", "per operation", "ns", "instructions");
	for (size_t i = 0; i < NROWS; i++)
		printf("%-20s %10.1f %14s\n", rows[i].name, best_ns(rows[i].run),
		    instructions_of(argc, argv, rows[i].name));
	segment_detach(&seg);
	return 0;
}
