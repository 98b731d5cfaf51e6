/*
 * t_out.c - spans, partial writes, the backlog and its cap, over a socket pair whose buffers are small.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/arena.h"
#include "worker/out.h"

struct fixture {
	struct arena arena;
	struct out out;
	int fd[2];
	uint64_t written, calls;
};

static struct arena arena; /* made once: an arena has no end */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int small = 4096;

	if (arena.first == NULL)
		arena_init(&arena);
	f->arena = arena;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->fd) != 0)
		return -1;
	setsockopt(f->fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	out_fini(&f->out);
	close(f->fd[0]);
	close(f->fd[1]);
	arena_reset(&f->arena);
	free(f);
	return 0;
}

/* N bytes that tell their place. */
static const uint8_t *pattern(struct fixture *f, size_t n, unsigned from)
{
	uint8_t *p = arena_take(&f->arena, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((from + i) * 7 + (from + i) / 251);
	return p;
}

static size_t take_all(struct fixture *f, uint8_t *to, size_t cap)
{
	size_t n = 0;
	ssize_t r;

	while ((r = read(f->fd[1], to + n, cap - n)) > 0)
		n += (size_t)r;
	return n;
}

static void contiguous_appends_are_one_write(void **state)
{
	struct fixture *f = *state;
	uint8_t got[64];

	for (unsigned i = 0; i < 3; i++)
		out_append(&f->out, &f->arena, pattern(f, 8, i * 8), 8);
	assert_int_equal(f->out.first.n, 24);
	assert_int_equal(out_flush(&f->out, f->fd[0], 1000, &f->written, &f->calls), OUT_DONE);
	assert_int_equal(f->calls, 1);
	assert_int_equal(take_all(f, got, sizeof(got)), 24);
	assert_memory_equal(got, pattern(f, 24, 0), 24);
	assert_true(out_is_empty(&f->out));
}

static void scattered_spans_keep_their_order(void **state)
{
	struct fixture *f = *state;
	uint8_t want[200 * 9], *got = malloc(sizeof(want));
	size_t n = 0;

	/* more spans than one block, and than one sendmsg takes */
	for (unsigned i = 0; i < 200; i++) {
		const uint8_t *p = pattern(f, 9, i);

		arena_take(&f->arena, 3);
		out_append(&f->out, &f->arena, p, 9);
		memcpy(want + n, p, 9);
		n += 9;
	}
	assert_int_equal(out_flush(&f->out, f->fd[0], 1000, &f->written, &f->calls), OUT_DONE);
	assert_int_equal(f->written, sizeof(want));
	assert_in_range(f->calls, 2, 8);
	assert_int_equal(take_all(f, got, sizeof(want)), sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
	free(got);
}

static void what_the_kernel_does_not_take_comes_later_in_order(void **state)
{
	struct fixture *f = *state;
	size_t total = 100000, n = 0;
	uint8_t *got = malloc(total + 10000), *want = malloc(total);
	enum out_result r = OUT_DONE;

	memcpy(want, pattern(f, total, 0), total);
	for (size_t at = 0; at < total; at += 10000) {
		/* every other piece on its own, so that spans are cut in their middle */
		out_append(&f->out, &f->arena, want + at, 5000);
		out_append(&f->out, &f->arena, arena_copy(&f->arena, want + at + 5000, 5000), 5000);
		r = r == OUT_BLOCKED ? out_defer(&f->out, total) : out_flush(&f->out, f->fd[0], total, &f->written, &f->calls);
		assert_true(r == OUT_DONE || r == OUT_BLOCKED);
		arena_reset(&f->arena);
	}
	assert_int_equal(r, OUT_BLOCKED);
	assert_true(out_backlog_bytes(&f->out) > 0);
	for (int i = 0; i < 1000 && n < total; i++) {
		n += take_all(f, got + n, total + 10000 - n);
		if (out_backlog_bytes(&f->out) > 0)
			out_flush(&f->out, f->fd[0], total, &f->written, &f->calls);
	}
	assert_int_equal(n, total);
	assert_memory_equal(got, want, total);
	assert_null(f->out.backlog);
	free(got);
	free(want);
}

static void the_cap_is_told_and_nothing_more_is_queued(void **state)
{
	struct fixture *f = *state;
	enum out_result r = OUT_DONE;
	size_t before = 0;

	for (int i = 0; i < 100 && r != OUT_OVER; i++) {
		before = out_backlog_bytes(&f->out);
		out_append(&f->out, &f->arena, pattern(f, 1000, 0), 1000);
		r = out_flush(&f->out, f->fd[0], 20000, &f->written, &f->calls);
	}
	assert_int_equal(r, OUT_OVER);
	assert_in_range(before, 19000, 20000);
	assert_true(out_backlog_bytes(&f->out) <= 20000);
}

static void a_peer_that_went_is_an_error(void **state)
{
	struct fixture *f = *state;

	close(f->fd[1]);
	f->fd[1] = open("/dev/null", O_RDONLY);
	out_append(&f->out, &f->arena, pattern(f, 10, 0), 10);
	assert_int_equal(out_flush(&f->out, f->fd[0], 1000, &f->written, &f->calls), OUT_ERROR);
	assert_true(out_is_empty(&f->out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contiguous_appends_are_one_write, setup, teardown),
		cmocka_unit_test_setup_teardown(scattered_spans_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_kernel_does_not_take_comes_later_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(the_cap_is_told_and_nothing_more_is_queued, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peer_that_went_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
