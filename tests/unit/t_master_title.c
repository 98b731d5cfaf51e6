/* t_master_title.c - process titles as ps reads them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/title.h"

static char cmdline[4096];

/* What ps shows: the kernel's bytes up to the first zero. */
static const char *shown(void)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, cmdline, sizeof(cmdline) - 1);
	close(fd);
	assert_true(n >= 0);
	cmdline[n] = '\0';
	return cmdline;
}

static void short_and_long_titles(void **state)
{
	char longest[8192];

	(void)state;
	title_set("forkcast: worker %d [%s]", 7, "chat");
	assert_string_equal(shown(), "forkcast: worker 7 [chat]");
	title_set("x");
	assert_string_equal(shown(), "x");
	/* Longer than the room: cut, and nothing behind it is touched. */
	memset(longest, 'y', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	title_set("%s", longest);
	assert_true(strlen(shown()) > 10);
	assert_int_equal(strspn(cmdline, "y"), strlen(cmdline));
}

static void the_environment_survives(void **state)
{
	(void)state;
	title_set(
	    "%s", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
	assert_non_null(getenv("PATH"));
	assert_null(strstr(getenv("PATH"), "zzzz"));
	assert_int_equal(setenv("TITLE_TEST", "1", 1), 0);
	assert_string_equal(getenv("TITLE_TEST"), "1");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(short_and_long_titles),
	    cmocka_unit_test(the_environment_survives),
	};

	title_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
