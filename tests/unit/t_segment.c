/* t_segment.c - made, attached, refused; allocation that is interrupted or fails. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "shm/counter.h"
#include "shm/interest.h"
#include "shm/ring.h"
#include "shm/window.h"
#include "tests/unit/segment_fixture.h"

/* The link wraps posix_fallocate(): the next calls return these instead, in order, until one is 0. */
static int fail_with[8];
static unsigned nfail, failed, allocated;

int __real_posix_fallocate(int fd, off_t off, off_t len);
int __wrap_posix_fallocate(int fd, off_t off, off_t len);

int __wrap_posix_fallocate(int fd, off_t off, off_t len)
{
	if (failed < nfail)
		return fail_with[failed++];
	allocated++;
	return __real_posix_fallocate(fd, off, len);
}

static void fail_next(int a, int b, int c)
{
	nfail = failed = 0;
	fail_with[0] = a;
	fail_with[1] = b;
	fail_with[2] = c;
	nfail = 3u - (c == 0) - (b == 0) - (a == 0);
}

static uint64_t blocks(const struct segment *seg)
{
	struct stat st;

	assert_int_equal(fstat(seg->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void parts(void **state)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg;
	char name[64];
	size_t need = 0;
	struct stat st;

	(void)state;
	fixture_name(name, sizeof name);
	assert_int_equal(segment_create(&seg, name, &spec, &need), 0);
	assert_int_equal(segment_create(&(struct segment){0}, name, &spec, &need), -EEXIST);
	assert_int_equal(fstat(seg.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fcntl(seg.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(blocks(&seg), segment_need(&spec, 0));
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		assert_false(segment_slot_reserved(&seg, i));
		assert_int_equal(segment_slot(&seg, i)->state, SLOT_EMPTY);
	}

	assert_int_equal(segment_reserve_slot(&seg, 255, &need), 0);
	assert_int_equal(segment_reserve_slot(&seg, 7, &need), 0);
	assert_int_equal(blocks(&seg), segment_need(&spec, 2));
	allocated = 0;
	assert_int_equal(segment_reserve_slot(&seg, 7, &need), 0);
	assert_int_equal(allocated, 0);
	for (unsigned i = 0; i < SLOT_MAX; i++)
		assert_int_equal(segment_slot_reserved(&seg, i), i == 7 || i == 255);
	assert_true(segment_reserved(&seg).w[3] == UINT64_C(1) << 63);

	/* Write every byte of a part: it stays inside of what was allocated. */
	memset(segment_counters(&seg, 255), 1, sizeof(struct counter_block));
	memset((void *)segment_read_pos(&seg, 255), 1, SLOT_MAX * sizeof(uint64_t));
	memset((uint8_t *)segment_ring(&seg, 255), 1, ring_footprint(spec.ring_size));
	memset((uint8_t *)segment_opring(&seg, 255), 1, ring_footprint(spec.opring_size));
	memset((uint8_t *)segment_dlog(&seg, 255), 1, dlog_footprint(spec.dlog_size));
	memset(segment_interest(&seg), 0, sizeof(struct interest_bucket) * seg.nbuckets);
	memset(segment_windows(&seg), 0, sizeof(struct window_cell) * seg.nwindows);
	memset((void *)segment_committed(&seg), 0, SLOT_MAX * sizeof(uint64_t));
	*segment_store_full(&seg) = 1;
	assert_int_equal(blocks(&seg), segment_need(&spec, 2));
	assert_int_equal((uint8_t *)segment_dlog(&seg, 255) + dlog_footprint(spec.dlog_size) <= seg.base + seg.size, 1);
	/* Parts of one do not reach into another's. */
	assert_int_equal(segment_ring(&seg, 7)->size, spec.ring_size);
	assert_int_equal(segment_opring(&seg, 7)->size, spec.opring_size);
	assert_true((uint8_t *)segment_counters(&seg, 255) + seg.part_size == seg.base + seg.size);
	assert_int_equal((uintptr_t)segment_ring(&seg, 7) % 4096, 0);
	assert_int_equal((uintptr_t)segment_slot(&seg, 1) % 64, 0);

	segment_detach(&seg);
	assert_null(seg.base);
	assert_int_equal(segment_unlink(name), 0);
	assert_int_equal(segment_unlink(name), -ENOENT);
}

/* What a process that was forked earlier sees of a part that is reserved later. */
static void reserved_after_fork(void **state)
{
	struct segment seg;
	int status, go[2];
	char c;
	pid_t pid;

	(void)state;
	fixture_open(&seg, 1);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ring r;

		if (read(go[0], &c, 1) != 1)
			_exit(1);
		if (!segment_slot_reserved(&seg, 9) || ring_attach(&r, segment_ring(&seg, 9)))
			_exit(2);
		ring_own(&r, 1);
		_exit(ring_publish(&r, RING_DATA, 0, NULL, 0, 5) == 0 ? 0 : 3);
	}
	assert_int_equal(segment_reserve_slot(&seg, 9, NULL), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(segment_ring(&seg, 9)->tail, 32);
	close(go[0]);
	close(go[1]);
	segment_detach(&seg);
}

static void attach(void **state)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg, other;
	char name[64];
	int status;
	pid_t pid;

	(void)state;
	fixture_name(name, sizeof name);
	assert_int_equal(segment_attach(&other, name, 1), -ENOENT);
	assert_int_equal(segment_create(&seg, name, &spec, NULL), 0);
	assert_int_equal(segment_reserve_slot(&seg, 3, NULL), 0);
	assert_int_equal(segment_attach(&other, name, 1), 0);
	assert_int_equal(memcmp(&other.spec, &spec, sizeof spec), 0);
	assert_int_equal(other.nbuckets, seg.nbuckets);
	assert_true(segment_slot_reserved(&other, 3));
	counter_add(segment_counters(&other, 3), COUNTER_CONNECTS, 5);
	assert_int_equal(counter_get(segment_counters(&seg, 3), COUNTER_CONNECTS), 5);
	segment_detach(&other);

	/* Read-only: reading works, writing kills. */
	assert_int_equal(segment_attach(&other, name, 0), 0);
	assert_int_equal(counter_get(segment_counters(&other, 3), COUNTER_CONNECTS), 5);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		counter_add(segment_counters(&other, 3), COUNTER_CONNECTS, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	segment_detach(&other);
	segment_detach(&seg);
	segment_unlink(name);
}

/* Every 32-bit word of the header's constant part, changed: refused, and the descriptor is not leaked. */
static void attach_refuses(void **state)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg, other;
	uint32_t *word;
	char name[64];
	int probe = dup(0), again;

	(void)state;
	close(probe);
	fixture_name(name, sizeof name);
	assert_int_equal(segment_create(&seg, name, &spec, NULL), 0);
	close(dup(0));
	word = (uint32_t *)(void *)seg.base;
	for (size_t i = 0; i < 88 / sizeof *word; i++) {
		bool nonce = i >= 80 / sizeof *word; /* any but 0 is a nonce */

		if (i == 36 / sizeof *word)
			continue; /* behind the layouts, of which there is an odd number */
		word[i] ^= 0x10000;
		assert_int_equal(segment_attach(&other, name, 1), nonce ? 0 : -EPROTO);
		segment_detach(&other);
		word[i] ^= 0x10000;
	}
	/* Cut off, empty, and nearly nothing. */
	assert_int_equal(ftruncate(seg.fd, (off_t)seg.size - 4096), 0);
	assert_int_equal(segment_attach(&other, name, 1), -EPROTO);
	assert_int_equal(ftruncate(seg.fd, 100), 0);
	assert_int_equal(segment_attach(&other, name, 1), -EPROTO);
	assert_int_equal(ftruncate(seg.fd, 0), 0);
	assert_int_equal(segment_attach(&other, name, 1), -EPROTO);
	segment_detach(&seg);
	segment_unlink(name);
	again = dup(0);
	assert_int_equal(again, probe);
	close(again);
}

/* Pages of N bytes at P that are in this process's page table (bit 63 of a page's word). */
static size_t mapped(const void *p, size_t n)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t count = 0;
	uint64_t word;

	for (uintptr_t page = (uintptr_t)p / 4096; page < ((uintptr_t)p + n) / 4096; page++)
		if (pread(fd, &word, sizeof word, (off_t)(page * sizeof word)) == sizeof word)
			count += word >> 63;
	close(fd);
	return count;
}

/* A child has no page of what it inherited, until it maps them at once. */
static void populate(void **state)
{
	struct segment seg;
	size_t table;
	int status;
	pid_t pid;

	(void)state;
	fixture_open(&seg, 2);
	table = seg.nbuckets * sizeof(struct interest_bucket);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		size_t before =
		    mapped(segment_counters(&seg, 1), seg.part_size) + mapped(segment_interest(&seg), table);

		segment_populate(&seg, 1);
		_exit(before == 0 && mapped(segment_counters(&seg, 1), seg.part_size) == seg.part_size / 4096 &&
			    mapped(segment_interest(&seg), table) == table / 4096 &&
			    mapped(segment_counters(&seg, 0), seg.part_size) == 0
			? 0
			: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	segment_detach(&seg);
}

static void interrupted(void **state)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg;
	char name[64];

	(void)state;
	fixture_name(name, sizeof name);
	fail_next(EINTR, EINTR, 0);
	assert_int_equal(segment_create(&seg, name, &spec, NULL), 0);
	assert_int_equal(failed, 2);
	fail_next(EINTR, EINTR, EINTR);
	assert_int_equal(segment_reserve_slot(&seg, 0, NULL), 0);
	assert_int_equal(failed, 3);
	assert_int_equal(blocks(&seg), segment_need(&spec, 1));
	segment_detach(&seg);
	segment_unlink(name);
}

static void no_space(void **state)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg;
	char name[64];
	size_t need = 0;

	(void)state;
	fixture_name(name, sizeof name);
	fail_next(EINTR, ENOSPC, 0);
	assert_int_equal(segment_create(&seg, name, &spec, &need), -ENOSPC);
	assert_int_equal(need, segment_need(&spec, 0));
	assert_int_equal(seg.fd, -1);
	assert_int_equal(segment_unlink(name), -ENOENT); /* nothing left behind */

	assert_int_equal(segment_create(&seg, name, &spec, &need), 0);
	need = 0;
	fail_next(ENOSPC, 0, 0);
	assert_int_equal(segment_reserve_slot(&seg, 0, &need), -ENOSPC);
	assert_int_equal(need, seg.part_size);
	assert_int_equal(segment_need(&spec, 3), segment_need(&spec, 0) + 3 * need);
	assert_false(segment_slot_reserved(&seg, 0));
	fail_next(EBADF, 0, 0);
	assert_int_equal(segment_reserve_slot(&seg, 0, &need), -EBADF);
	assert_int_equal(segment_reserve_slot(&seg, 0, &need), 0); /* room again */
	segment_detach(&seg);
	segment_unlink(name);
}

static void specs(void **state)
{
	static const struct segment_spec bad[] = {
	    {.ring_size = 0, .opring_size = 1 << 14, .dlog_size = DLOG_MIN, .sessions = 1, .nonce = 1},
	    {.ring_size = 3 << 12, .opring_size = 1 << 14, .dlog_size = DLOG_MIN, .sessions = 1, .nonce = 1},
	    {.ring_size = UINT64_C(1) << 32, .opring_size = 1 << 14, .dlog_size = DLOG_MIN, .sessions = 1, .nonce = 1},
	    {.ring_size = 1 << 14, .opring_size = 1 << 11, .dlog_size = DLOG_MIN, .sessions = 1, .nonce = 1},
	    {.ring_size = 1 << 14, .opring_size = 1 << 14, .dlog_size = 1 << 10, .sessions = 1, .nonce = 1},
	    {.ring_size = 1 << 14, .opring_size = 1 << 14, .dlog_size = DLOG_MIN, .sessions = 0, .nonce = 1},
	    {.ring_size = 1 << 14, .opring_size = 1 << 14, .dlog_size = DLOG_MIN, .sessions = 1, .nonce = 0},
	    {.ring_size = 1 << 14,
		.opring_size = 1 << 14,
		.dlog_size = DLOG_MIN,
		.sessions = UINT64_C(1) << 40,
		.nonce = 1},
	};
	struct segment seg;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(segment_create(&seg, "/forkcast-test-bad", &bad[i], NULL), -EINVAL);
	assert_int_equal(segment_unlink("/forkcast-test-bad"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),
	    cmocka_unit_test(reserved_after_fork),
	    cmocka_unit_test(attach),
	    cmocka_unit_test(attach_refuses),
	    cmocka_unit_test(populate),
	    cmocka_unit_test(interrupted),
	    cmocka_unit_test(no_space),
	    cmocka_unit_test(specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
