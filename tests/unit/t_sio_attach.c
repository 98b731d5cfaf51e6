/*
 * t_sio_attach.c - placeholders: which objects are some, what they become, and what it costs to look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/json_token.h"
#include "proto/sio_attach.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PH(n)    "{\"_placeholder\":true,\"num\":" n "}"

static struct slice str(const char *s)
{
	return slice_make(s, strlen(s));
}

/* With three attachments.  What socket.io-parser reconstructs, and where it throws. */
static const struct {
	const char *json, *want; /* want: NULL when refused */
	const char *map;
} cases[] = {
    {"[]", "[]", ""},
    {"[\"a\",1]", "[\"a\",1]", ""},
    {"[\"a\"," PH("0") "]", "[\"a\"," PH("0") "]", "0"},
    {"[\"a\"," PH("2") "," PH("0") "]", "[\"a\"," PH("0") "," PH("1") "]", "20"},
    {"[\"a\"," PH("1") ",{\"x\":[" PH("1") "]}]", "[\"a\"," PH("0") ",{\"x\":[" PH("1") "]}]", "11"},
    {" [ { \"num\" : 1 , \"_placeholder\" : true } , 2 ] ", " [ " PH("0") " , 2 ] ", "1"},
    {"[{\"_placeholder\":true,\"num\":2,\"x\":[1,{\"y\":2}]}]", "[" PH("0") "]", "2"},
    /* Names with escapes are names. */
    {"[{\"\\u005fplaceholder\":true,\"n\\u0075m\":1}]", "[" PH("0") "]", "1"},
    /* Exactly true, an integer. */
    {"[{\"_placeholder\":false,\"num\":9}]", "[{\"_placeholder\":false,\"num\":9}]", ""},
    {"[{\"_placeholder\":1,\"num\":9}]", "[{\"_placeholder\":1,\"num\":9}]", ""},
    {"[{\"_placeholder\":\"true\"}]", "[{\"_placeholder\":\"true\"}]", ""},
    {"[{\"_placeholder\":[true],\"num\":9}]", "[{\"_placeholder\":[true],\"num\":9}]", ""},
    {"[{\"_placeholder\":{\"_placeholder\":true,\"num\":1}}]", "[{\"_placeholder\":" PH("0") "}]", "1"},
    {"[{\"_Placeholder\":true,\"num\":9},{\"num\":9},{}]", "[{\"_Placeholder\":true,\"num\":9},{\"num\":9},{}]", ""},
    {"[" PH("1.0") "," PH("20e-1") "," PH("-0") "]", "[" PH("0") "," PH("1") "," PH("2") "]", "120"},
    {"[" PH("3") "]", NULL, ""},
    {"[" PH("-1") "]", NULL, ""},
    {"[" PH("0.5") "]", NULL, ""},
    {"[" PH("1e400") "]", NULL, ""},
    {"[" PH("18446744073709551616") "]", NULL, ""},
    {"[" PH("\"0\"") "]", NULL, ""},
    {"[" PH("null") "]", NULL, ""},
    {"[" PH("[0]") "]", NULL, ""},
    {"[{\"_placeholder\":true}]", NULL, ""},
    {"[{\"_placeholder\":true,\"nums\":0}]", NULL, ""},
    {"[" PH("0") "," PH("3") "]", NULL, ""},
    /* The last of a name counts. */
    {"[{\"_placeholder\":false,\"_placeholder\":true,\"num\":9,\"num\":2}]", "[" PH("0") "]", "2"},
    {"[{\"_placeholder\":true,\"num\":9,\"_placeholder\":0}]", "[{\"_placeholder\":true,\"num\":9,\"_placeholder\":0}]",
	""},
    {"[{\"_placeholder\":true,\"num\":1,\"num\":{}}]", NULL, ""},
    /* What a placeholder has inside is gone, be it right or wrong, in front of the flag or behind it. */
    {"[{\"x\":" PH("9") ",\"_placeholder\":true,\"num\":1}," PH("2") "]", "[" PH("0") "," PH("1") "]", "12"},
    {"[{\"_placeholder\":true,\"num\":1,\"x\":[" PH("0") "," PH("0") "]}]", "[" PH("0") "]", "1"},
    {"[{\"num\":" PH("0") ",\"_placeholder\":true}]", NULL, ""},
    {"[{\"x\":{\"y\":" PH("9") ",\"_placeholder\":true},\"_placeholder\":true,\"num\":1}]", "[" PH("0") "]", "1"},
    {"[0,{\"x\":[" PH("0") "," PH("1") "],\"y\":{\"z\":" PH("2") "}},1]",
	"[0,{\"x\":[" PH("0") "," PH("1") "],\"y\":{\"z\":" PH("2") "}},1]", "012"},
    /* Text is text. */
    {"[\"{\\\"_placeholder\\\":true,\\\"num\\\":9}\"]", "[\"{\\\"_placeholder\\\":true,\\\"num\\\":9}\"]", ""},
    {"[\"\\\\\",\"_placeholder\",true,{\"a\":\"_placeholder\",\"num\":9}]",
	"[\"\\\\\",\"_placeholder\",true,{\"a\":\"_placeholder\",\"num\":9}]", ""},
    {PH("1"), PH("0"), "1"},
    {"1", "1", ""},
};

static void placeholders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice json = str(cases[i].json);
		uint8_t map[SIO_ATTACHMENTS_MAX];
		char out[256];
		unsigned n = 99;
		ssize_t count = sio_attach_check(json, 3), len;

		len = sio_attach_renumber(json, 3, out, sizeof out, map, &n);
		if (cases[i].want == NULL) {
			if (count != PROTO_EATTACH || len != PROTO_EATTACH)
				fail_msg("%s: accepted", cases[i].json);
			continue;
		}
		if (len < 0 || !slice_is(slice_make(out, (size_t)len), cases[i].want))
			fail_msg("%s: %.*s", cases[i].json, len < 0 ? 0 : (int)len, out);
		assert_int_equal(n, strlen(cases[i].map));
		assert_int_equal(count, n);
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(map[k], cases[i].map[k] - '0');
	}
}

/* Never past CAP, always the whole length, in input and output of exactly their size. */
static void every_capacity(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = cases[i].want ? strlen(cases[i].want) : 0, size = strlen(cases[i].json);
		char *in = malloc(size);
		uint8_t map[SIO_ATTACHMENTS_MAX];
		unsigned n;

		assert_non_null(in);
		memcpy(in, cases[i].json, size);
		for (size_t cap = 0; cases[i].want && cap <= len; cap++) {
			char *out = malloc(cap ? cap : 1);

			assert_non_null(out);
			assert_int_equal(sio_attach_renumber(slice_make(in, size), 3, out, cap, map, &n), len);
			if (cap == len)
				assert_memory_equal(out, cases[i].want, len);
			free(out);
		}
		free(in);
	}
}

static void limits(void **state)
{
	char text[1024] = "[";
	uint8_t map[SIO_ATTACHMENTS_MAX];
	char out[1024];
	unsigned n;

	(void)state;
	assert_int_equal(sio_attach_check(str("[" PH("0") "]"), 0), PROTO_EATTACH);
	assert_int_equal(sio_attach_check(str("[" PH("9") "]"), SIO_ATTACHMENTS_MAX), 1);
	assert_int_equal(SIO_PLACEHOLDER_MAX, strlen(PH("9")));
	/* One attachment in eleven places: the reference takes that from a client, but no client takes it from us. */
	for (int i = 0; i < 11; i++) {
		strcat(text, i ? "," PH("0") : PH("0"));
		if (i == 9) {
			strcat(text, "]");
			assert_int_equal(sio_attach_renumber(str(text), 1, out, sizeof out, map, &n), strlen(text));
			assert_int_equal(n, 10);
			assert_non_null(strstr(out, PH("9")));
			text[strlen(text) - 1] = '\0';
		}
	}
	strcat(text, "]");
	assert_int_equal(sio_attach_check(str(text), 1), 11);
	assert_int_equal(sio_attach_renumber(str(text), 1, out, sizeof out, map, &n), PROTO_EATTACH);
	/* Eleven that are all inside another. */
	memmove(text + 5, text, strlen(text) + 1);
	memcpy(text, "{\"x\":", 5);
	strcat(text, ",\"_placeholder\":true,\"num\":0}");
	assert_int_equal(sio_attach_renumber(str(text), 1, out, sizeof out, map, &n), strlen(PH("0")));
	assert_memory_equal(out, PH("0"), strlen(PH("0")));
}

/* LEVELS objects, as many brackets as would fit into each of DEEPEST of them, and a placeholder.  *N bytes, owned. */
static char *nested(int levels, int deepest, size_t *n)
{
	enum { FILL = 300 };
	char *text = malloc((size_t)deepest * (3 * FILL + 16) + 64), *p = text;

	assert_non_null(text);
	for (int i = 0; i < deepest; i++) {
		p = stpcpy(p, i < levels ? "{\"x\":[" : "[");
		for (int k = 0; k < FILL; k++)
			p = stpcpy(p, "[],");
		p = stpcpy(p - 1, i < levels ? "],\"a\":" : "],");
		if (i == levels - 1 && levels < deepest)
			p = stpcpy(p, "[");
	}
	p = stpcpy(p, PH("0"));
	if (levels < deepest)
		p = stpcpy(p, "]");
	memset(p, '}', (size_t)levels);
	*n = (size_t)(p - text) + (size_t)levels;
	return text;
}

static clock_t cost(const char *text, size_t n)
{
	clock_t best = 0;

	assert_true(json_valid(slice_make(text, n), &(struct json_limits){.depth = JSON_DEPTH_MAX}));
	for (int i = 0; i < 5; i++) {
		const clock_t start = clock();
		uint8_t map[SIO_ATTACHMENTS_MAX];
		unsigned found;

		assert_int_equal(sio_attach_renumber(slice_make(text, n), 1, NULL, 0, map, &found), n);
		assert_int_equal(found, 1);
		if (i == 0 || clock() - start < best)
			best = clock() - start;
	}
	return best;
}

/* The same brackets in one level and in five hundred: a walk that read inner levels anew would need 250 times as long.
 */
static void deep_costs_no_more_than_flat(void **state)
{
	size_t nflat, ndeep;
	char *flat = nested(1, JSON_DEPTH_MAX - 2, &nflat),
	     *deep = nested(JSON_DEPTH_MAX - 2, JSON_DEPTH_MAX - 2, &ndeep);

	(void)state;
	assert_true(cost(deep, ndeep) < 20 * (cost(flat, nflat) + CLOCKS_PER_SEC / 1000));
	free(flat);
	free(deep);
}

static void tokens(void **state)
{
	static const char text[] = " { \"a\" : [ 1 , \"b\\\"\" ,-2.5e3], \"c\\n\":{} ,\"\":true } ";
	static const struct {
		enum json_token_kind kind;
		enum json_type type;
		const char *text;
	} want[] = {
	    {JSON_TOKEN_OPEN, JSON_OBJECT, "{"},
	    {JSON_TOKEN_KEY, JSON_STRING, "\"a\""},
	    {JSON_TOKEN_OPEN, JSON_ARRAY, "["},
	    {JSON_TOKEN_VALUE, JSON_NUMBER, "1"},
	    {JSON_TOKEN_VALUE, JSON_STRING, "\"b\\\"\""},
	    {JSON_TOKEN_VALUE, JSON_NUMBER, "-2.5e3"},
	    {JSON_TOKEN_CLOSE, JSON_ARRAY, "]"},
	    {JSON_TOKEN_KEY, JSON_STRING, "\"c\\n\""},
	    {JSON_TOKEN_OPEN, JSON_OBJECT, "{"},
	    {JSON_TOKEN_CLOSE, JSON_OBJECT, "}"},
	    {JSON_TOKEN_KEY, JSON_STRING, "\"\""},
	    {JSON_TOKEN_VALUE, JSON_TRUE, "true"},
	    {JSON_TOKEN_CLOSE, JSON_OBJECT, "}"},
	};
	struct slice rest = SLICE(text);
	struct json_token t;

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(json_next_token(&rest, &t));
		assert_int_equal(t.kind, want[i].kind);
		assert_int_equal(t.type, want[i].type);
		assert_true(slice_is(t.text, want[i].text));
	}
	assert_false(json_next_token(&rest, &t));
	/* Cut anywhere it ends, and reads nothing behind the cut. */
	for (size_t n = 0; n < sizeof text; n++) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, text, n);
		rest = slice_make(copy, n);
		while (json_next_token(&rest, &t))
			assert_true(t.text.n > 0 && t.text.p + t.text.n <= copy + n);
		free(copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens),
	    cmocka_unit_test(placeholders),
	    cmocka_unit_test(every_capacity),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(deep_costs_no_more_than_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
