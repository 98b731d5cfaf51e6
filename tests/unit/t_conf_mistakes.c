/* t_conf_mistakes.c - each slip in a conf file gives its line, what is wrong and what to write instead. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"
#include "tests/unit/conf_mistakes.h"


/* Appends what was told to the file that scripts/check-mistakes reads. */
static void told(const char *line)
{
	const char *path = getenv("FORKCAST_MISTAKES_TOLD");
	FILE *f = path != NULL ? fopen(path, "a") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

/* True when exactly this mistake is told. */
static bool one_slip(const struct slip *s, const char *rest)
{
	static char text[1 << 20];
	char at[600];
	const char *path;
	struct conf_errors errors;
	struct conf *c;
	bool good;
	int rc;

	snprintf(text, sizeof text, "%s%s", s->text, rest);
	path = fixture_write("test.conf", text, strlen(text));
	rc = conf_load(path, false, &c, &errors);
	snprintf(at, sizeof at, "%s:%d: ", path, s->line);
	for (unsigned i = 0; i < errors.n; i++)
		told(errors.line[i]);
	good = rc == -EINVAL && c == NULL && errors.n == 1 && strncmp(errors.line[0], at, strlen(at)) == 0 &&
	    strstr(errors.line[0] + strlen(at), s->say) != NULL;
	if (!good) {
		print_message("%.2000s\nexpected only %s...%s...\n", text, at, s->say);
		for (unsigned i = 0; i < errors.n; i++)
			print_message("got      %s\n", errors.line[i]);
	}
	conf_free(c);
	conf_errors_free(&errors);
	return good;
}

static void each_slip_alone(void **state)
{
	unsigned wrong = 0;

	(void)state;
	unsetenv("FORKCAST_TEST_UNSET");
	for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++)
		wrong += !one_slip(&slips[i], CONF_REST);
	for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++)
		wrong += !one_slip(&wholes[i], "");
	assert_int_equal(wrong, 0);
}

static void each_long_slip_alone(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof longs / sizeof longs[0]; i++) {
		const struct long_slip *s = &longs[i];
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		assert_non_null(f);
		fputs(s->before, f);
		for (unsigned j = 0; j < s->n; j++) {
			const char *number = strchr(s->repeat, '#');

			if (number != NULL)
				fprintf(f, "%.*s%u%s", (int)(number - s->repeat), s->repeat, j, number + 1);
			else
				fputs(s->repeat, f);
		}
		fputs(s->after, f);
		fclose(f);
		wrong += !one_slip(&(struct slip){text, s->line, s->say}, strncmp(text, "listen", 6) == 0 ? "" : CONF_REST);
		free(text);
	}
	assert_int_equal(wrong, 0);
}

/* One run tells all of them, by line. */
static void all_in_one_run(void **state)
{
	static const char text[] = "workers = 0\n"
				   "listen \":0\" { backlog = 0 }\n"
				   "event \"a\" { emit = x  data = '[' }\n"
				   "hook \"h\" { }\n"
				   "room \"r\" { join = nobody }\n"
				   "auth { anonymous = perhaps }\n";
	static const char *const expected[] = {":1: `workers", ":2: `backlog", ":3: `emit` without",
	    ":3: `data`, byte 2", ":4: hook `h` without `url`", ":5: `join`", ":6: `anonymous"};
	const char *path = fixture_write("all.conf", text, strlen(text));
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
	for (unsigned i = 0; i < errors.n; i++)
		print_message("%s\n", errors.line[i]);
	assert_int_equal(errors.n, sizeof expected / sizeof expected[0]);
	for (unsigned i = 0; i < errors.n; i++)
		assert_non_null(strstr(errors.line[i], expected[i]));
	conf_errors_free(&errors);
}

static void a_missing_file_is_no_mistake_of_the_conf(void **state)
{
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(fixture_path("none.conf"), false, &c, &errors), -ENOENT);
	assert_int_equal(errors.n, 0);
	assert_int_equal(conf_load("/tmp", false, &c, &errors), -EISDIR);
}

/* A file of another language says so a hundred times, not a thousand. */
static void thousands_are_counted(void **state)
{
	char *text = malloc(20000);
	const char *path;
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	text[0] = '\0';
	for (int i = 0; i < 1000; i++)
		snprintf(text + strlen(text), 20, "xyz%d = 1\n", i);
	path = fixture_write("many.conf", text, strlen(text));
	free(text);
	assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, 101);
	assert_non_null(strstr(errors.line[100], "and 902 more"));
	conf_errors_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_slip_alone),
	    cmocka_unit_test(each_long_slip_alone),
	    cmocka_unit_test(all_in_one_run),
	    cmocka_unit_test(a_missing_file_is_no_mistake_of_the_conf),
	    cmocka_unit_test(thousands_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
