/* t_conf_text.c - counted strings: UTF-8 by RFC 3629, order, what hides on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/text.h"

static void runes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		uint32_t rune;
	} rows[] = {
	    {"a", 1, 'a'},
	    {"\x7f", 1, 0x7f},
	    {"\xc2\x80", 2, 0x80},
	    {"\xdf\xbf", 2, 0x7ff},
	    {"\xe0\xa0\x80", 3, 0x800},
	    {"\xed\x9f\xbf", 3, 0xd7ff},
	    {"\xee\x80\x80", 3, 0xe000},
	    {"\xef\xbf\xbf", 3, 0xffff},
	    {"\xf0\x90\x80\x80", 4, 0x10000},
	    {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	    {"\x80", 0, 0},                 /* continuation first */
	    {"\xc1\xbf", 0, 0},             /* overlong */
	    {"\xe0\x9f\xbf", 0, 0},         /* overlong */
	    {"\xf0\x8f\xbf\xbf", 0, 0},     /* overlong */
	    {"\xed\xa0\x80", 0, 0},         /* surrogate */
	    {"\xed\xbf\xbf", 0, 0},         /* surrogate */
	    {"\xf4\x90\x80\x80", 0, 0},     /* beyond */
	    {"\xf8\x88\x80\x80\x80", 0, 0}, /* five bytes */
	    {"\xc3z", 0, 0},                /* broken off */
	    {"\xe2\x82z", 0, 0},
	    {"\xff", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].bytes);
		uint32_t rune = 0;

		assert_int_equal(text_rune(rows[i].bytes, n, &rune), rows[i].length);
		if (rows[i].length > 0)
			assert_int_equal(rune, rows[i].rune);
		/* cut short it is nothing */
		for (size_t j = 0; j < rows[i].length; j++)
			assert_int_equal(text_rune(rows[i].bytes, j, &rune), 0);
	}
}

static void order_and_equality(void **state)
{
	(void)state;
	assert_true(text_compare("a", 1, "b", 1) < 0);
	assert_true(text_compare("b", 1, "a", 1) > 0);
	assert_true(text_compare("a", 1, "ab", 2) < 0);
	assert_true(text_compare("ab", 2, "a", 1) > 0);
	assert_true(text_compare("", 0, "a", 1) < 0);
	assert_int_equal(text_compare("ab", 2, "ab", 2), 0);
	assert_int_equal(text_compare(NULL, 0, NULL, 0), 0);
	assert_true(text_compare("\x7f", 1, "\x80", 1) < 0); /* bytes, not chars */
	assert_true(text_is((struct text){"abc", 3}, "abc"));
	assert_false(text_is((struct text){"abc", 2}, "abc"));
	assert_false(text_is((struct text){"abc", 3}, "ab"));
	assert_true(text_equal((struct text){NULL, 0}, (struct text){"", 0}));
	assert_false(text_equal((struct text){"a", 1}, (struct text){"b", 1}));
}

static void hidden(void **state)
{
	static const uint32_t hide[] = {
	    0, '\n', 0x1b, 0x7f, 0x85, 0x9f, 0x200b, 0x200f, 0x2028, 0x202e, 0x2066, 0xfeff};
	static const uint32_t show[] = {' ', '~', 0xa0, 0xe9, 0x200a, 0x2010, 0x2027, 0x202f, 0x4e2d, 0x1f600};

	(void)state;
	for (size_t i = 0; i < sizeof hide / sizeof hide[0]; i++)
		assert_true(text_rune_hidden(hide[i]));
	for (size_t i = 0; i < sizeof show / sizeof show[0]; i++)
		assert_false(text_rune_hidden(show[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runes),
	    cmocka_unit_test(order_and_equality),
	    cmocka_unit_test(hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
