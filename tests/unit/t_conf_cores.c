/* t_conf_cores.c - how many workers `auto` makes: affinity and the quotas of cgroups, version 1 and 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>

#include <cmocka.h>

#include "conf/compile.h"
#include "tests/unit/conf_fixture.h"

/* A tree as /sys/fs/cgroup has it: mount/, mount/a/, mount/a/b/, mount/cpu/a/. */
static char mount_dir[600];

static int make_tree(void **state)
{
	static const char *const dirs[] = {"", "/a", "/a/b", "/cpu,cpuacct", "/cpu,cpuacct/a"};

	(void)state;
	snprintf(mount_dir, sizeof mount_dir, "%s", fixture_path("cgroup"));
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		char dir[700];

		snprintf(dir, sizeof dir, "%s%s", mount_dir, dirs[i]);
		if (mkdir(dir, 0700) != 0)
			return -1;
	}
	return 0;
}

static int remove_tree(void **state)
{
	char command[700];

	snprintf(command, sizeof command, "rm -r '%s'", mount_dir);
	return system(command) != 0 || conf_fixture_end(state) != 0;
}

static void put(const char *file, const char *text)
{
	char name[128];

	snprintf(name, sizeof name, "cgroup/%s", file);
	fixture_write(name, text, strlen(text));
}

static unsigned quota(const char *self)
{
	return cores_quota(mount_dir, fixture_write("self", self, strlen(self)));
}

static void version_2(void **state)
{
	(void)state;
	assert_int_equal(quota("0::/a/b\n"), 0);
	put("a/b/cpu.max", "max 100000\n");
	assert_int_equal(quota("0::/a/b\n"), 0);
	put("a/b/cpu.max", "150000 100000\n");
	assert_int_equal(quota("0::/a/b\n"), 2); /* rounded up */
	put("a/b/cpu.max", "800000 100000\n");
	put("a/cpu.max", "300000 100000\n");
	assert_int_equal(quota("0::/a/b\n"), 3); /* an ancestor limits too */
	assert_int_equal(quota("0::/\n"), 0);
	put("cpu.max", "100 100000\n");
	assert_int_equal(quota("0::/a/b\n"), 1);
	assert_int_equal(quota("0::/\n"), 1);
	put("cpu.max", "nonsense");
	put("a/cpu.max", "0 0");
	put("a/b/cpu.max", "");
	assert_int_equal(quota("0::/a/b\n"), 0);
	assert_int_equal(quota(""), 0);
	assert_int_equal(quota("x\n1:\n:::\n"), 0);
	assert_int_equal(cores_quota(mount_dir, "/nonexistent"), 0);
}

static void version_1(void **state)
{
	(void)state;
	put("cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
	put("cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	assert_int_equal(quota("4:memory:/a\n3:cpu,cpuacct:/a\n"), 0);
	put("cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
	assert_int_equal(quota("4:memory:/a\n3:cpu,cpuacct:/a\n"), 4);
	assert_int_equal(quota("3:cpuset:/a\n"), 0);
}

static void affinity(void **state)
{
	unsigned before = cores_usable(120);
	cpu_set_t all;
	cpu_set_t one;

	(void)state;
	assert_true(before >= 1 && before <= 120);
	assert_int_equal(cores_usable(1), 1);
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(cores_usable(120), 1);
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(version_2),
	    cmocka_unit_test(version_1),
	    cmocka_unit_test(affinity),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
