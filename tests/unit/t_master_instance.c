/* t_master_instance.c - names, locks, and whose remains are removed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/instance.h"
#include "master/remains.h"

static char dir[64];
static char name[32];
static int runtime;

static int make_dir(void **state)
{
	struct fault f;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/forkcast-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(name, sizeof(name), "t%ld", (long)getpid());
	runtime = instance_runtime_open(dir, true, &f);
	return runtime < 0 ? -1 : 0;
}

static int drop_dir(void **state)
{
	(void)state;
	close(runtime);
	return rmdir(dir); /* fails when a test left something behind */
}

static bool exists_shm(const char *entry, const char *suffix)
{
	char path[200];

	snprintf(path, sizeof(path), "/dev/shm/forkcast-%s%s", entry, suffix);
	return access(path, F_OK) == 0;
}

static void make_shm(const char *entry, const char *suffix)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "/dev/shm/forkcast-%s%s", entry, suffix);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void drop_shm(const char *entry, const char *suffix)
{
	char path[200];

	snprintf(path, sizeof(path), "/dev/shm/forkcast-%s%s", entry, suffix);
	assert_int_equal(unlink(path), 0);
}

static struct remains scan(bool remove)
{
	struct remains r;

	assert_int_equal(remains_scan(runtime, name, remove, geteuid(), &r), 0);
	return r;
}

static void begin(struct instance *in)
{
	struct fault f = {0};

	assert_int_equal(instance_begin(in, runtime, name, &f), 0);
	make_shm(in->entry, "");
	make_shm(in->entry, ".store");
	make_shm(in->entry, ".store-lock");
	assert_int_equal(instance_mark_alive(in), 0);
}

/* What SIGKILL does to the descriptors of a process. */
static void die(struct instance *in)
{
	close(in->lock_fd);
	close(in->dir_fd);
	close(in->alive_fd);
}

static void names(void **state)
{
	char longest[INSTANCE_NAME_MAX + 2];

	(void)state;
	assert_true(instance_name_valid("a"));
	assert_true(instance_name_valid("0chat-eu.west_1"));
	assert_false(instance_name_valid(""));
	assert_false(instance_name_valid("-a"));
	assert_false(instance_name_valid(".."));
	assert_false(instance_name_valid("a/b"));
	assert_false(instance_name_valid("a b"));
	assert_false(instance_name_valid("\xc3\xa4"));
	memset(longest, 'a', sizeof(longest));
	longest[INSTANCE_NAME_MAX] = '\0';
	assert_true(instance_name_valid(longest));
	longest[INSTANCE_NAME_MAX] = 'a';
	longest[INSTANCE_NAME_MAX + 1] = '\0';
	assert_false(instance_name_valid(longest));
}

static void entries_match_exactly(void **state)
{
	const char *rest;
	uint64_t nonce;

	(void)state;
	assert_true(instance_entry_parse("a-0123456789abcdef", "", "a", &nonce, &rest));
	assert_int_equal(nonce, UINT64_C(0x0123456789abcdef));
	assert_string_equal(rest, "");
	assert_true(instance_entry_parse("forkcast-a-b-0123456789abcdef.store", "forkcast-", "a-b", &nonce, &rest));
	assert_string_equal(rest, ".store");
	assert_false(instance_entry_parse("a-b-0123456789abcdef", "", "a", &nonce, &rest));
	assert_false(instance_entry_parse("a-0123456789abcde", "", "a", &nonce, &rest));
	assert_false(instance_entry_parse("a-0123456789ABCDEF", "", "a", &nonce, &rest));
	assert_false(instance_entry_parse("ab-0123456789abcdef", "", "a", &nonce, &rest));
	assert_false(instance_entry_parse("a", "", "a", &nonce, &rest));
	/* An instance may be called like an entry of another: its own entries are longer. */
	assert_true(instance_entry_parse("a-0123456789abcdef-0123456789abcdef", "", "a", &nonce, &rest));
	assert_string_equal(rest, "-0123456789abcdef");
}

static void ends_without_a_trace(void **state)
{
	struct instance in;

	(void)state;
	begin(&in);
	assert_true(instance_intact(&in, true));
	instance_end(&in);
	assert_false(exists_shm(in.entry, ""));
	assert_false(exists_shm(in.entry, ".store"));
	assert_false(exists_shm(in.entry, ".store-lock"));
}

static void notices_a_lost_store_or_segment(void **state)
{
	struct instance in;

	(void)state;
	begin(&in);
	drop_shm(in.entry, ".store");
	assert_true(instance_intact(&in, false));
	assert_false(instance_intact(&in, true));
	drop_shm(in.entry, "");
	assert_false(instance_intact(&in, false));
	/* Another one in its place is not ours. */
	make_shm(in.entry, "");
	assert_false(instance_intact(&in, false));
	instance_end(&in);
}

static void the_live_one_is_found_and_kept(void **state)
{
	struct instance in;
	struct remains r;

	(void)state;
	begin(&in);
	r = scan(true);
	assert_int_equal(r.live_pid, getpid());
	assert_int_equal(r.live_nonce, in.nonce);
	assert_int_equal(r.removed, 0);
	assert_true(remains_locked(r.live_lock_fd));
	assert_true(exists_shm(in.entry, ".store"));
	instance_end(&in);
	assert_false(remains_locked(r.live_lock_fd));
	remains_fini(&r);
	r = scan(false);
	assert_int_equal(r.live_pid, 0);
	remains_fini(&r);
}

static void the_dead_one_is_removed(void **state)
{
	struct instance in;
	struct remains r;

	(void)state;
	begin(&in);
	die(&in);
	r = scan(false);
	assert_int_equal(r.removed, 0);
	assert_true(exists_shm(in.entry, ""));
	r = scan(true);
	assert_int_equal(r.live_pid, 0);
	assert_int_equal(r.removed, 1);
	assert_false(exists_shm(in.entry, ""));
	assert_false(exists_shm(in.entry, ".store"));
	assert_false(exists_shm(in.entry, ".store-lock"));
}

/* A child that outlives its master holds the flock on the segment it inherited. */
static void a_draining_one_is_left_alone(void **state)
{
	struct instance in;
	struct remains r;
	int gate[2], ready[2];
	pid_t pid;
	char c;

	(void)state;
	begin(&in);
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		instance_child(&in);
		close(gate[1]);
		(void)!write(ready[1], "r", 1);
		(void)!read(gate[0], &c, 1);
		_exit(0);
	}
	close(gate[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	die(&in);
	r = scan(true);
	assert_int_equal(r.live_pid, 0);
	assert_int_equal(r.draining, 1);
	assert_int_equal(r.removed, 0);
	assert_true(exists_shm(in.entry, ".store"));
	close(gate[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	r = scan(true);
	assert_int_equal(r.draining, 0);
	assert_int_equal(r.removed, 1);
	assert_false(exists_shm(in.entry, ""));
}

static void other_names_are_left_alone(void **state)
{
	struct remains r;
	char other[64], path[200];

	(void)state;
	snprintf(other, sizeof(other), "%s-x-0123456789abcdef", name);
	make_shm(other, "");
	assert_int_equal(mkdirat(runtime, other, 0700), 0);
	r = scan(true);
	assert_int_equal(r.removed, 0);
	assert_true(exists_shm(other, ""));
	assert_int_equal(unlinkat(runtime, other, AT_REMOVEDIR), 0);
	drop_shm(other, "");
	/* A directory of the right form whose owner died before it had made a lock. */
	snprintf(path, sizeof(path), "%s-0123456789abcdef", name);
	assert_int_equal(mkdirat(runtime, path, 0700), 0);
	r = scan(true);
	assert_int_equal(r.removed, 1);
}

/* Objects without a directory are another runtime_dir's until they are old. */
static void young_orphans_are_left_alone(void **state)
{
	struct remains r;
	char entry[64];

	(void)state;
	snprintf(entry, sizeof(entry), "%s-00000000000000aa", name);
	make_shm(entry, ".store");
	r = scan(true);
	assert_int_equal(r.removed, 0);
	assert_true(exists_shm(entry, ".store"));
	drop_shm(entry, ".store");
}

static void links_and_foreign_directories_are_refused(void **state)
{
	char path[100], link[100];
	struct fault f = {0};

	(void)state;
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_true(instance_runtime_open(link, true, &f) < 0);
	assert_int_equal(f.status, FAULT_RUNTIME);
	unlink(link);
	/* Writable by others: anybody could have put something there. */
	snprintf(path, sizeof(path), "%s/open", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(instance_runtime_open(path, true, &f), -EPERM);
	rmdir(path);
	assert_int_equal(instance_runtime_open("/nonexistent/forkcast/run", true, &f), -ENOENT);
}

static void one_starts_at_a_time(void **state)
{
	struct fault f = {0};
	int other;

	(void)state;
	other = instance_runtime_open(dir, false, &f);
	assert_true(other >= 0);
	assert_int_equal(instance_runtime_lock(runtime, dir, &f), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	instance_runtime_unlock(runtime);
	assert_int_equal(instance_runtime_lock(other, dir, &f), 0);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(entries_match_exactly),
	    cmocka_unit_test(ends_without_a_trace),
	    cmocka_unit_test(notices_a_lost_store_or_segment),
	    cmocka_unit_test(the_live_one_is_found_and_kept),
	    cmocka_unit_test(the_dead_one_is_removed),
	    cmocka_unit_test(a_draining_one_is_left_alone),
	    cmocka_unit_test(other_names_are_left_alone),
	    cmocka_unit_test(young_orphans_are_left_alone),
	    cmocka_unit_test(links_and_foreign_directories_are_refused),
	    cmocka_unit_test(one_starts_at_a_time),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
