/*
 * t_json.c - the scanner's edges and limits, the walkers, strings and numbers.  t_json_oracle.c has the bulk.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/json.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct json_limits wide = {.depth = JSON_DEPTH_MAX};

/* From a copy of exactly its size, so that the sanitizers see a byte read too many. */
static ssize_t scan_copy(const char *p, size_t n, const struct json_limits *lim)
{
	char *copy = malloc(n ? n : 1);
	ssize_t r;

	assert_non_null(copy);
	memcpy(copy, p, n);
	r = json_scan(copy, n, lim);
	free(copy);
	return r;
}

static struct slice str(const char *s)
{
	return slice_make(s, strlen(s));
}

static void scan_accepts(void **state)
{
	static const char *const good[] = {"{}", "[]", "0", "-0", "1e400", "-1E+05", "0.0", "12345678901234567890123",
	    "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\uDC00x\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	    "\"\x7f\xe2\x80\xa8\"", "true", "false", "null", " \t\r\n1 \t\r\n", "{\"\":{\"\":[[],{}]},\"\":1}",
	    "[1,\"a\",null,true,false,{\"a\":[]}]", "[ [ ] , { } ]", "{ \"a\" : 1 , \"a\" : 2 }", "\"0123456\"",
	    "\"01234567\"", "\"0123456789abcdef\""};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(scan_copy(good[i], strlen(good[i]), &wide), strlen(good[i]));
}

static void scan_refuses(void **state)
{
	static const char *const bad[] = {"", " ", "[", "]", "{", "}", "[1,]", "[,1]", "[1 2]", "[,]", "{,}", "{\"a\"}",
	    "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{'a':1}", "[}", "{]", "[{]}", "{\"a\":[}]", "01", "-", "+1",
	    ".5", "1.", "1.e1", "1e", "1e+", "-a", "tru", "nul", "falsx", "NaN", "Infinity", "undefined", "\"",
	    "\"\\\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\\u12\"   ", "\"a\nb\"", "\"\t\"", "\"\x01\"",
	    "\xef\xbb\xbf{}", "\xc2\xa0[]", "/**/1", "\f1", "'a'", "\"0123456\x1f\"", "\"01234567\x1f\"",
	    "[\"a\" \"b\"]", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[\"a\":1]", "{\"a\",1}",
	    "{\"a\"::1}"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		ssize_t r = scan_copy(bad[i], strlen(bad[i]), &wide);

		/* Either nothing starts here, or it ends early ("01" is a 0 and a rest). */
		if (r != PROTO_EJSON && (r <= 0 || r >= (ssize_t)strlen(bad[i])))
			fail_msg("%s", bad[i]);
	}
	assert_int_equal(scan_copy("\"a\0b\"", 5, &wide), PROTO_EJSON);
	assert_int_equal(scan_copy("1\0", 2, &wide), 1);
}

/* It scans one value and tells where it ends. */
static void scan_stops_behind_the_value(void **state)
{
	(void)state;
	assert_int_equal(scan_copy("1 2", 3, &wide), 2);
	assert_int_equal(scan_copy("{}\n{}", 5, &wide), 3);
	assert_int_equal(scan_copy("truefalse", 9, &wide), 4);
	assert_int_equal(scan_copy("\"a\"x", 4, &wide), 3);
	assert_false(json_valid(SLICE("1 2"), &wide));
	assert_true(json_valid(SLICE(" 1 "), &wide));
	assert_false(json_valid(slice_make(NULL, 0), &wide));
}

/* No proper prefix of a container or string is one: a message cut anywhere is refused. */
static void scan_every_prefix(void **state)
{
	static const char doc[] =
	    " {\"k\\u00e9y\":[1,-2.5e+3,true,false,null,{\"a\":\"\\n\xe2\x82\xac\"},[]],\"last\":\"0123456789\"}";

	(void)state;
	for (size_t n = 0; n < sizeof doc - 1; n++)
		assert_int_equal(scan_copy(doc, n, &wide), PROTO_EJSON);
	assert_int_equal(scan_copy(doc, sizeof doc - 1, &wide), sizeof doc - 1);
}

/* Each byte value at each place of a string: only quote, backslash and control characters stop it. */
static void scan_every_byte_in_a_string(void **state)
{
	char doc[40];

	(void)state;
	for (size_t len = 1; len < 34; len++) {
		for (size_t at = 0; at < len; at++) {
			for (unsigned c = 0; c < 256; c++) {
				bool plain = c >= 0x20 && c != '"' && c != '\\';

				memset(doc, 'a', sizeof doc);
				doc[0] = '"';
				doc[1 + at] = (char)c;
				doc[1 + len] = '"';
				if (json_valid(slice_make(doc, len + 2), &wide) != plain)
					fail_msg("byte %u at %zu of %zu", c, at, len);
			}
		}
	}
}

static void scan_depth(void **state)
{
	enum { MEGABYTE = 1 << 20 };
	struct json_limits lim = {.depth = 3};
	char *bomb = malloc(MEGABYTE);
	char doc[2 * JSON_DEPTH_MAX + 2];

	(void)state;
	assert_int_equal(scan_copy("[[[]]]", 6, &lim), 6);
	assert_int_equal(scan_copy("[[[[]]]]", 8, &lim), PROTO_EJSON_DEPTH);
	assert_int_equal(scan_copy("{\"a\":{\"a\":{\"a\":{}}}}", 20, &lim), PROTO_EJSON_DEPTH);
	assert_int_equal(scan_copy("[[[1],[2]],[[3]]]", 17, &lim), 17);
	lim.depth = 0;
	assert_int_equal(scan_copy("1", 1, &lim), 1);
	assert_int_equal(scan_copy("[]", 2, &lim), PROTO_EJSON_DEPTH);
	/* The deepest that is allowed, and the bit stack across all its words with both kinds. */
	for (unsigned i = 0; i < JSON_DEPTH_MAX; i++) {
		doc[i] = '[';
		doc[2 * JSON_DEPTH_MAX - 1 - i] = ']';
	}
	assert_int_equal(scan_copy(doc, 2 * JSON_DEPTH_MAX, &wide), 2 * JSON_DEPTH_MAX);
	for (unsigned i = 0; i < JSON_DEPTH_MAX; i++) {
		char was = doc[JSON_DEPTH_MAX + i];

		doc[JSON_DEPTH_MAX + i] = '}';
		assert_int_equal(scan_copy(doc, 2 * JSON_DEPTH_MAX, &wide), PROTO_EJSON);
		doc[JSON_DEPTH_MAX + i] = was;
	}
	assert_non_null(bomb);
	memset(bomb, '[', MEGABYTE);
	assert_int_equal(json_scan(bomb, MEGABYTE, &wide), PROTO_EJSON_DEPTH);
	memset(bomb, '{', MEGABYTE);
	assert_int_equal(json_scan(bomb, MEGABYTE, &wide), PROTO_EJSON);
	free(bomb);
}

static void scan_mixed_nesting(void **state)
{
	char doc[JSON_DEPTH_MAX * 6 + 16], *p;
	unsigned bits;

	(void)state;
	for (bits = 0; bits < 1u << 12; bits++) {
		p = doc;
		for (unsigned i = 0; i < 12; i++) {
			size_t n = bits >> i & 1 ? 5 : 1;

			memcpy(p, bits >> i & 1 ? "{\"a\":" : "[", n);
			p += n;
		}
		*p++ = '1';
		for (unsigned i = 12; i-- > 0;)
			*p++ = bits >> i & 1 ? '}' : ']';
		assert_int_equal(json_scan(doc, (size_t)(p - doc), &wide), p - doc);
		p[-6] = p[-6] == ']' ? '}' : ']';
		assert_int_equal(json_scan(doc, (size_t)(p - doc), &wide), PROTO_EJSON);
	}
}

static void scan_values(void **state)
{
	struct json_limits lim = {.depth = 8, .values = 6};
	size_t top = 99;

	(void)state;
	assert_int_equal(scan_copy("[1,2,3,4,5]", 11, &lim), 11);
	assert_int_equal(scan_copy("[1,2,3,4,5,6]", 13, &lim), PROTO_EJSON_SIZE);
	assert_int_equal(scan_copy("{\"a\":[1,2],\"b\":{}}", 18, &lim), 18);
	assert_int_equal(scan_copy("{\"a\":[1,2,3],\"b\":{}}", 20, &lim), 20);
	assert_int_equal(scan_copy("{\"a\":[1,2,3],\"b\":[{}]}", 22, &lim), PROTO_EJSON_SIZE);
	assert_int_equal(json_scan_top("[[1,2],{\"a\":3},4]", 17, &wide, &top), 17);
	assert_int_equal(top, 3);
	assert_int_equal(json_scan_top("{\"a\":[1,2,3],\"b\":{}}", 20, &wide, &top), 20);
	assert_int_equal(top, 2);
	assert_int_equal(json_scan_top(" [] ", 4, &wide, &top), 4);
	assert_int_equal(top, 0);
	assert_int_equal(json_scan_top("7", 1, &wide, &top), 1);
	assert_int_equal(top, 0);
}

static void scan_utf8(void **state)
{
	struct json_limits lim = {.depth = 8, .utf8 = true};

	(void)state;
	assert_int_equal(scan_copy("\"\xff\"", 3, &wide), 3);
	assert_int_equal(scan_copy("\"\xff\"", 3, &lim), PROTO_EJSON_UTF8);
	assert_int_equal(scan_copy("[\"\xed\xa0\x80\"]", 7, &lim), PROTO_EJSON_UTF8);
	assert_int_equal(scan_copy("{\"\xc0\x80\":1}", 8, &lim), PROTO_EJSON_UTF8);
	assert_int_equal(scan_copy("\"\xf0\x9f\x98\x80\"", 6, &lim), 6);
	/* What follows the value is not its business. */
	assert_int_equal(scan_copy("1 \xff", 3, &lim), 2);
}

static void walk_elements_and_members(void **state)
{
	struct slice doc =
	    SLICE("{ \"a\" : [ 1 , \"x,]}\" , {\"n\":[2,3]} ] ,\"b\":\"q\\\"]\",\"c\":{},\"d\":-1.5e3 }");
	struct slice key, value, e;
	struct json_iter it = json_iter(doc);

	(void)state;
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "a"));
	assert_true(slice_is(value, "[ 1 , \"x,]}\" , {\"n\":[2,3]} ]"));
	assert_int_equal(json_length(value), 3);
	assert_true(json_at(value, 0, &e) && slice_is(e, "1"));
	assert_true(json_at(value, 1, &e) && slice_is(e, "\"x,]}\""));
	assert_true(json_at(value, 2, &e) && slice_is(e, "{\"n\":[2,3]}"));
	assert_false(json_at(value, 3, &e));
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "b") && slice_is(value, "\"q\\\"]\""));
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "c") && slice_is(value, "{}"));
	assert_int_equal(json_length(value), 0);
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "d") && slice_is(value, "-1.5e3"));
	assert_false(json_next_member(&it, &key, &value));
	assert_int_equal(json_length(doc), 4);
	assert_false(json_at(doc, 0, &e));
	assert_int_equal(json_length(SLICE("5")), 0);
}

static void get_takes_the_last_and_decodes(void **state)
{
	struct slice v,
	    doc = SLICE("{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4,\"b\\n\":5,\"\":6,\"n\":{\"z\":7},\"\\u20ac\":8,"
			"\"\\ud83d\\ude00\":9}");

	(void)state;
	assert_true(json_get(doc, SLICE("a"), &v) && slice_is(v, "4"));
	assert_true(json_get(doc, SLICE("b"), &v) && slice_is(v, "2"));
	assert_true(json_get(doc, SLICE("b\n"), &v) && slice_is(v, "5"));
	assert_true(json_get(doc, SLICE(""), &v) && slice_is(v, "6"));
	assert_true(json_get(doc, SLICE("\xe2\x82\xac"), &v) && slice_is(v, "8"));
	assert_true(json_get(doc, SLICE("\xf0\x9f\x98\x80"), &v) && slice_is(v, "9"));
	assert_false(json_get(doc, SLICE("z"), &v));
	assert_false(json_get(doc, SLICE("b\\n"), &v));
	assert_false(json_get(SLICE("[\"a\",1]"), SLICE("a"), &v));
	assert_false(json_get(SLICE("null"), SLICE("a"), &v));
}

static void types_and_trim(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} t[] = {{"null", JSON_NULL}, {"true", JSON_TRUE}, {"false", JSON_FALSE}, {"-1", JSON_NUMBER},
	    {"0", JSON_NUMBER}, {"\"\"", JSON_STRING}, {"[]", JSON_ARRAY}, {"{}", JSON_OBJECT}, {"", JSON_NONE},
	    {"x", JSON_NONE}, {" 1", JSON_NONE}};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_int_equal(json_type(str(t[i].text)), t[i].type);
	assert_true(slice_is(json_trim(SLICE(" \t\r\n[ ]\n")), "[ ]"));
	assert_int_equal(json_trim(SLICE("  ")).n, 0);
}

/* On text that nobody scanned the walkers still end, inside their slice. */
static void walk_garbage(void **state)
{
	static const char alphabet[] = "{}[]:,\"\\ 1a";
	uint64_t x = 1;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		char *p = malloc(12);
		struct slice doc, key, value;
		struct json_iter it;
		size_t n = round % 13;

		assert_non_null(p);
		for (size_t i = 0; i < n; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			p[i] = alphabet[(x >> 33) % (sizeof alphabet - 1)];
		}
		doc = slice_make(p, n);
		for (it = json_iter(doc); json_next_element(&it, &value);)
			assert_true(value.p >= p && value.p + value.n <= p + n);
		for (it = json_iter(doc); json_next_member(&it, &key, &value);)
			assert_true(value.p >= p && value.p + value.n <= p + n && key.p >= p && key.p + key.n <= p + n);
		(void)json_get(doc, SLICE("1"), &value);
		(void)json_length(doc);
		(void)json_string_is(doc, SLICE("1a"));
		free(p);
	}
}

static void strings_decode(void **state)
{
	static const struct {
		const char *json, *text;
	} t[] = {{"\"\"", ""}, {"\"abc\"", "abc"}, {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac"}, {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
	    {"\"\\ud800\"", "\xef\xbf\xbd"}, {"\"\\ude00\"", "\xef\xbf\xbd"},
	    {"\"\\ud800\\ud800\\udc00\"", "\xef\xbf\xbd\xf0\x90\x80\x80"}, {"\"\\ud800\\n\"", "\xef\xbf\xbd\n"},
	    {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"}};
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = strlen(t[i].text);

		assert_int_equal(json_string_decode(str(t[i].json), out, sizeof out), n);
		assert_memory_equal(out, t[i].text, n);
		assert_int_equal(json_string_decode(str(t[i].json), out, n), n);
		if (n > 0)
			assert_int_equal(json_string_decode(str(t[i].json), out, n - 1), -1);
		assert_true(json_string_is(json_string_raw(str(t[i].json)), str(t[i].text)));
		assert_false(json_string_is(json_string_raw(str(t[i].json)), SLICE("abcd")));
		if (n > 0)
			assert_false(json_string_is(json_string_raw(str(t[i].json)), slice_make(t[i].text, n - 1)));
	}
	assert_false(json_string_is(SLICE("a\\nb"), SLICE("a\\nb")));
	assert_true(json_string_is(SLICE("a\\\\nb"), SLICE("a\\nb")));
	assert_true(json_string_is(slice_make(NULL, 0), SLICE("")));
	assert_int_equal(json_string_decode(SLICE("\"a\\u0000b\""), out, sizeof out), 3);
	assert_memory_equal(out, "a\0b", 3);
	assert_int_equal(json_string_decode(SLICE("17"), out, sizeof out), -1);
}

static void strings_escape(void **state)
{
	/* JSON.stringify of the same. */
	struct slice text = slice_make("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\0z", 18);
	static const char want[] = "a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\\u0000z";
	char out[64], quoted[64];

	(void)state;
	assert_int_equal(json_escape(text, out, sizeof out), sizeof want - 1);
	assert_memory_equal(out, want, sizeof want - 1);
	quoted[0] = '"';
	memcpy(quoted + 1, out, sizeof want - 1);
	quoted[sizeof want] = '"';
	assert_true(json_valid(slice_make(quoted, sizeof want + 1), &wide));
	assert_int_equal(json_string_decode(slice_make(quoted, sizeof want + 1), out, sizeof out), text.n);
	assert_memory_equal(out, text.p, text.n);
	/* Never past CAP, and always the length that is needed. */
	for (size_t cap = 0; cap < sizeof want; cap++) {
		memset(out, '#', sizeof out);
		assert_int_equal(json_escape(text, out, cap), sizeof want - 1);
		for (size_t i = cap; i < sizeof out; i++)
			assert_int_equal(out[i], '#');
	}
	assert_int_equal(json_escape(slice_make(NULL, 0), NULL, 0), 0);
}

static void integers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} t[] = {{"0", true, 0}, {"-0", true, 0}, {"42", true, 42}, {"-42", true, -42},
	    {"9223372036854775807", true, INT64_MAX}, {"9223372036854775808", false, 0},
	    {"-9223372036854775808", true, INT64_MIN}, {"-9223372036854775809", false, 0},
	    {"18446744073709551617", false, 0}, {"1.0", false, 0}, {"1e3", false, 0}, {"", false, 0}, {"-", false, 0},
	    {"\"1\"", false, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		int64_t v = 99;

		assert_true(json_int(str(t[i].text), &v) == t[i].ok);
		assert_true(v == (t[i].ok ? t[i].value : 99));
	}
}

static void numbers(void **state)
{
	char big[1100];
	double d;

	(void)state;
	assert_true(json_number(SLICE("0.1"), &d) && d == 0.1);
	assert_true(json_number(SLICE("-0"), &d) && d == 0 && signbit(d));
	assert_true(json_number(SLICE("1e400"), &d) && isinf(d) && d > 0);
	assert_true(json_number(SLICE("-1e400"), &d) && isinf(d) && d < 0);
	assert_true(json_number(SLICE("9007199254740993"), &d) && d == 9007199254740992.0);
	assert_true(json_number(SLICE("123456789012345"), &d) && d == 123456789012345.0);
	assert_true(json_number(SLICE("5e-324"), &d) && d > 0);
	assert_false(json_number(SLICE("\"1\""), &d));
	assert_false(json_number(SLICE("true"), &d));
	assert_false(json_number(SLICE(""), &d));
	memset(big, '9', sizeof big);
	assert_true(json_number(slice_make(big, 1000), &d) && isinf(d));
	assert_false(json_number(slice_make(big, 1001), &d));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scan_accepts),
	    cmocka_unit_test(scan_refuses),
	    cmocka_unit_test(scan_stops_behind_the_value),
	    cmocka_unit_test(scan_every_prefix),
	    cmocka_unit_test(scan_every_byte_in_a_string),
	    cmocka_unit_test(scan_depth),
	    cmocka_unit_test(scan_mixed_nesting),
	    cmocka_unit_test(scan_values),
	    cmocka_unit_test(scan_utf8),
	    cmocka_unit_test(walk_elements_and_members),
	    cmocka_unit_test(get_takes_the_last_and_decodes),
	    cmocka_unit_test(types_and_trim),
	    cmocka_unit_test(walk_garbage),
	    cmocka_unit_test(strings_decode),
	    cmocka_unit_test(strings_escape),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
