/*
 * t_eio_payload.c - polling payloads: packets of a body, every cut of one, base64 as clients write it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/eio_payload.h"
#include "proto/engineio.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void packets(void **state)
{
	/* What is expected: for each packet its type (`b` for binary, `!` for a parse error), its data, and a bar. */
	static const struct {
		const char *body, *want;
	} t[] = {
	    {"4hello", "4:4hello|"},
	    {"4a\x1e"
	     "4b\x1e"
	     "2",
		"4:4a|4:4b|2:2|"},
	    {"2probe", "2:2probe|"},
	    {"0\x1e"
	     "1\x1e"
	     "3\x1e"
	     "5\x1e"
	     "6",
		"0:0|1:1|3:3|5:5|6:6|"},
	    {"4", "4:4|"},
	    {"bAQID", "b:AQID|"},
	    {"b", "b:|"},
	    {"451-[{\"num\":0}]\x1e"
	     "bAQID\x1e"
	     "2",
		"4:451-[{\"num\":0}]|b:AQID|2:2|"},
	    {"4\xe2\x82\xac\x1e"
	     "4\xf0\x9f\x98\x80",
		"4:4\xe2\x82\xac|4:4\xf0\x9f\x98\x80|"},
	    {"", "!:|"},
	    {"\x1e", "!:|"},
	    {"4a\x1e", "4:4a|!:|"},
	    {"\x1e"
	     "4a",
		"!:|"},
	    {"4a\x1e\x1e"
	     "4b",
		"4:4a|!:|"},
	    {"7", "!:7|"},
	    {"4a\x1e"
	     "x\x1e"
	     "4b",
		"4:4a|!:x|"},
	    {"B", "!:B|"},
	    {" 4", "!: 4|"},
	    {"4\xff", "!:4\xff|"},
	    {"4a\x1e"
	     "4\xc3\x1e"
	     "4b",
		"4:4a|!:4\xc3|"},
	    {"4\xed\xa0\x80", "!:4\xed\xa0\x80|"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct eio_payload_iter it;
		struct eio_packet p;
		char got[128];
		size_t n = 0;

		eio_payload_begin(&it, slice_make(t[i].body, strlen(t[i].body)));
		while (eio_payload_next(&it, &p)) {
			if (p.binary)
				assert_int_equal(p.type, EIO_MESSAGE);
			got[n++] = p.type < 0 ? '!' : p.binary ? 'b' : (char)p.type;
			got[n++] = ':';
			memcpy(got + n, p.data.p, p.data.n);
			n += p.data.n;
			got[n++] = '|';
		}
		assert_false(eio_payload_next(&it, &p));
		got[n] = '\0';
		assert_string_equal(got, t[i].want);
	}
}

static void no_memory_behind_an_empty_body(void **state)
{
	struct eio_payload_iter it;
	struct eio_packet p;

	(void)state;
	eio_payload_begin(&it, slice_make(NULL, 0));
	assert_true(eio_payload_next(&it, &p));
	assert_int_equal(p.type, -1);
	assert_false(eio_payload_next(&it, &p));
}

/* Cut anywhere, in memory of exactly its size: the packets in front of the cut are the same. */
static void every_prefix(void **state)
{
	static const char body[] = "4hello\x1e"
				   "bAQIDBA==\x1e"
				   "3probe\x1e"
				   "42[\"\xe2\x82\xac\"]";
	const size_t len = sizeof body - 1;

	(void)state;
	for (size_t n = 0; n <= len; n++) {
		char *copy = malloc(n ? n : 1);
		struct eio_payload_iter it;
		struct eio_packet p;
		size_t seen = 0, separators = 0, bad = 0;

		assert_non_null(copy);
		memcpy(copy, body, n);
		for (size_t i = 0; i < n; i++)
			separators += copy[i] == EIO_SEPARATOR;
		eio_payload_begin(&it, slice_make(copy, n));
		while (eio_payload_next(&it, &p)) {
			bad += p.type < 0;
			seen++;
		}
		assert_int_equal(seen, separators + 1);
		/* Nothing behind a separator, or in the middle of the euro sign. */
		assert_int_equal(bad, n == 0 || copy[n - 1] == EIO_SEPARATOR || n == len - 3 || n == len - 4);
		free(copy);
	}
}

static void base64(void **state)
{
	static const struct {
		const char *text;
		int n; /* -1: refused */
		const char *bytes;
	} t[] = {
	    {"", 0, ""},
	    {"AQIDBA==", 4, "\1\2\3\4"},
	    {"AQIDBA", 4, "\1\2\3\4"},
	    {"AQID", 3, "\1\2\3"},
	    {"AQI=", 2, "\1\2"},
	    {"AQI", 2, "\1\2"},
	    {"+/+/", 3, "\xfb\xff\xbf"},
	    {"-_-_", 3, "\xfb\xff\xbf"},
	    {"+_-/", 3, "\xfb\xff\xbf"},
	    {"AR==", 1, "\1"}, /* loose bits */
	    {"AQJ=", 2, "\1\2"},
	    {"A", -1, ""},
	    {"AQIDB", -1, ""},
	    {"=", -1, ""},
	    {"==", -1, ""},
	    {"====", -1, ""},
	    {"A===", -1, ""},
	    {"AQ=", -1, ""},
	    {"AQ==AQ==", -1, ""},
	    {"AQID=", -1, ""},
	    {"AQID====", -1, ""},
	    {"AQ ID", -1, ""},
	    {"AQI\n", -1, ""},
	    {"AQ*D", -1, ""},
	    {"AQI\xff", -1, ""},
	    {"AQI.", -1, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct slice text = slice_make(t[i].text, strlen(t[i].text));
		uint8_t *out = malloc(EIO_BINARY_DECODED_MAX(text.n) + 1);
		ssize_t n;

		assert_non_null(out);
		n = eio_payload_binary(text, out, EIO_BINARY_DECODED_MAX(text.n));
		if (n != t[i].n)
			fail_msg("%s: %zd", t[i].text, n);
		if (n > 0) {
			assert_memory_equal(out, t[i].bytes, (size_t)n);
			assert_int_equal(eio_payload_binary(text, out, (size_t)n), n);
			assert_int_equal(eio_payload_binary(text, out, (size_t)n - 1), -1);
		}
		free(out);
	}
}

/* All lengths up to a few groups, all byte values: there and back, also in the text's own memory. */
static void binary_round_trip(void **state)
{
	uint8_t in[256], out[256];
	char text[1 + 344];

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof in; n++) {
		size_t len = eio_payload_binary_size(n);

		memset(text, '#', sizeof text);
		assert_int_equal(len, 1 + (n + 2) / 3 * 4);
		assert_int_equal(eio_payload_put_binary(text, in, n), len);
		assert_int_equal(text[0], 'b');
		for (size_t i = len; i < sizeof text; i++)
			assert_int_equal(text[i], '#');
		assert_int_equal(eio_payload_binary(slice_make(text + 1, len - 1), out, sizeof out), n);
		assert_memory_equal(out, in, n);
		assert_int_equal(eio_payload_binary(slice_make(text + 1, len - 1), (uint8_t *)text + 1, len - 1), n);
		assert_memory_equal(text + 1, in, n);
	}
	assert_int_equal(eio_payload_put_binary(text, (const uint8_t *)"\1\2\3\4", 4), 9);
	assert_memory_equal(text, "bAQIDBA==", 9);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets),
	    cmocka_unit_test(no_memory_behind_an_empty_body),
	    cmocka_unit_test(every_prefix),
	    cmocka_unit_test(base64),
	    cmocka_unit_test(binary_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
