/* t_conf_pattern.c - which rule serves an event's name: the name itself, else the longest pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"

static const char *served(const struct conf *c, const char *name, size_t n)
{
	const struct rule *r = catalogue_event(&c->catalogue.nsp[0], name, n);

	if (r == NULL)
		r = catalogue_event_pattern(&c->catalogue.nsp[0], name, n);
	return r != NULL ? r->name.p : "none";
}

static void the_longest(void **state)
{
	static const char *const rows[][2] = {
	    {"game", "none"},
	    {"game:", "none"}, /* the star is one character or more */
	    {"game:x", "game:*"},
	    {"game:*", "game:*"},
	    {"game:move", "game:move"},
	    {"game:move2", "game:move*"},
	    {"game:mov", "game:*"},
	    {"game:movf", "game:*"}, /* behind game:move in order */
	    {"game:move:", "game:move*"},
	    {"game:move:a", "game:move:*"},
	    {"game:move:ab", "game:move:*"},
	    {"game:move:abc", "game:move:ab*"},
	    {"game:move:b", "game:move:*"},
	    {"game:zzz", "game:*"},
	    {"gamf", "none"},
	    {"a", "none"},
	    {"", "none"},
	    {"zz", "none"},
	    {"z:", "none"},
	    {"z:\xff", "z:*"},
	};
	struct conf *c = fixture_load("event \"game:*\" { } event \"game:move\" { } event \"game:move*\" { }\n"
				      "event \"game:move:*\" { } event \"game:move:ab*\" { } event \"z:*\" { }" CONF_REST,
	    false);

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(served(c, rows[i][0], strlen(rows[i][0])), rows[i][1]);
	conf_free(c);
}

static void a_lone_star_takes_all(void **state)
{
	struct conf *c = fixture_load("event \"*\" { } event \"b*\" { }" CONF_REST, false);
	char long_name[CATALOGUE_EVENT_MAX + 1];

	(void)state;
	assert_non_null(c);
	assert_string_equal(served(c, "a", 1), "*");
	assert_string_equal(served(c, "b", 1), "*");
	assert_string_equal(served(c, "bb", 2), "b*");
	assert_string_equal(served(c, "c", 1), "*");
	assert_string_equal(served(c, "", 0), "none");
	memset(long_name, 'b', sizeof long_name);
	assert_string_equal(served(c, long_name, sizeof long_name - 1), "b*");
	assert_string_equal(served(c, long_name, sizeof long_name), "none");
	conf_free(c);
}

/* Against the plain way to find it, for all names of up to 6 letters of two kinds. */
static void as_the_plain_search(void **state)
{
	static const char *const prefix[] = {"", "a", "ab", "aba", "abab", "b", "bb", "bba", "bbba", "aaaa", "abb"};
	struct conf *c;
	char text[1024], name[8];
	int at = 0;

	(void)state;
	for (size_t i = 1; i < sizeof prefix / sizeof prefix[0]; i++)
		at += snprintf(text + at, sizeof text - (size_t)at, "event \"%s*\" { }\n", prefix[i]);
	snprintf(text + at, sizeof text - (size_t)at, CONF_REST);
	c = fixture_load(text, false);
	assert_non_null(c);
	for (unsigned n = 1; n <= 6; n++) {
		for (unsigned bits = 0; bits < 1U << n; bits++) {
			size_t best = 0;
			char expected[16];

			for (unsigned i = 0; i < n; i++)
				name[i] = (bits >> i & 1) != 0 ? 'b' : 'a';
			name[n] = '\0';
			for (size_t i = 1; i < sizeof prefix / sizeof prefix[0]; i++)
				if (strlen(prefix[i]) < n && strncmp(name, prefix[i], strlen(prefix[i])) == 0 &&
				    strlen(prefix[i]) > strlen(prefix[best]))
					best = i;
			snprintf(expected, sizeof expected, best > 0 ? "%s*" : "none", prefix[best]);
			assert_string_equal(served(c, name, n), expected);
		}
	}
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest),
	    cmocka_unit_test(a_lone_star_takes_all),
	    cmocka_unit_test(as_the_plain_search),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
