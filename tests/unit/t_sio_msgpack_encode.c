/*
 * t_sio_msgpack_encode.c - packets as notepack writes them, at every capacity; big ones there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/sio_msgpack.h"
#include "tests/unit/sio_msgpack_fixture.h"

static void must_encode(struct slice nsp, enum sio_type type, long long id, const char *payload, struct slice want)
{
	static const struct slice attachments[] = {{"xy", 2}, {"", 0}, {"z", 1}};
	const struct slice json = str(payload);
	const bool has_id = id >= 0;
	const ssize_t most = sio_msgpack_encode(type, nsp, has_id, (uint64_t)id, json, attachments, 3, NULL, 0);

	assert_true(most >= (ssize_t)want.n);
	for (size_t cap = 0; cap <= (size_t)most; cap++) {
		uint8_t *out = malloc(cap ? cap : 1), *enough;
		ssize_t n;

		assert_non_null(out);
		n = sio_msgpack_encode(type, nsp, has_id, (uint64_t)id, json, attachments, 3, out, cap);
		assert_true(n <= most);
		assert_true((size_t)n > cap || cap >= want.n);
		if ((size_t)n <= cap && !slice_eq(slice_make(out, (size_t)n), want))
			fail_msg("%s: not what notepack writes", payload);
		if ((size_t)n > cap) {
			enough = malloc((size_t)n);
			assert_non_null(enough);
			assert_int_equal(sio_msgpack_encode(
					     type, nsp, has_id, (uint64_t)id, json, attachments, 3, enough, (size_t)n),
			    want.n);
			free(enough);
		}
		free(out);
		if (cap == (size_t)most)
			assert_int_equal(n, want.n);
	}
}

static void values(void **state)
{
	static const struct {
		const char *json;
		struct slice want;
	} t[] = {
	    {"null", EVENT("\xc0")},
	    {" true ", EVENT("\xc3")},
	    {"false", EVENT("\xc2")},
	    {"127", EVENT("\x7f")},
	    {"128", EVENT("\xcc\x80")},
	    {"-32", EVENT("\xe0")},
	    {"-33", EVENT("\xd0\xdf")},
	    {"9007199254740993", EVENT("\xcf\x00\x20\x00\x00\x00\x00\x00\x01")},
	    {"-9223372036854775808", EVENT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},
	    {"18446744073709551615", EVENT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
	    {"18446744073709551616", EVENT("\xcb\x43\xf0\x00\x00\x00\x00\x00\x00")},
	    {"-9223372036854775809", EVENT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},
	    {"1.0", EVENT("\x01")},
	    {"-2.5e1", EVENT("\xe7")},
	    {"1e19", EVENT("\xcf\x8a\xc7\x23\x04\x89\xe8\x00\x00")},
	    {"-0", EVENT("\x00")},
	    {"-0.0", EVENT("\x00")},
	    {"1.5", EVENT("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")},
	    {"1e400", EVENT("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00")},
	    {"\"\"", EVENT("\xa0")},
	    {"\"\xe2\x82\xac\"", EVENT("\xa3\xe2\x82\xac")},
	    {"\"\\u20ac\\n\\\"\"", EVENT("\xa5\xe2\x82\xac\n\"")},
	    {"\"\\ud83d\\ude00\\ud800\"", EVENT("\xa7\xf0\x9f\x98\x80\xef\xbf\xbd")},
	    {"[]", EVENT("\x90")},
	    {"{}", EVENT("\x80")},
	    {"[[],[[1]],{}]", EVENT("\x93\x90\x91\x91\x01\x80")},
	    {" { \"a\" : [ 1 , 2 ] , \"\\u0062\" : { } } ", EVENT("\x82\241a\x92\x01\x02\241b\x80")},
	    {"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]",
		EVENT("\xdc\x00\x10\x1\x2\x3\x4\x5\x6\x7\x8\x9\xa\xb\xc\xd\xe\xf\x10")},
	    {"\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\\u007a\"", EVENT("\xd9\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")},
	    {"{\"_placeholder\":true,\"num\":0}", EVENT("\x82\xac_placeholder\xc3\xa3num\x00")},
	};
	char payload[256];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		(void)snprintf(payload, sizeof payload, "[\"e\",%s]", t[i].json);
		must_encode(SLICE("/"), SIO_EVENT, -1, payload, t[i].want);
	}
}

static void attachments_take_their_places(void **state)
{
	static const struct {
		const char *json;
		struct slice want;
	} t[] = {
	    {"{\"_placeholder\":true,\"num\":0}", EVENT("\xc4\x02xy")},
	    {"[{\"num\":2,\"_placeholder\":true},{\"a\":{\"_placeholder\":true,\"num\":1}}]",
		EVENT("\x92\xc4\x01z\x81\241a\xc4\x00")},
	    {"{\"x\":[{\"_placeholder\":true,\"num\":9},\"\\u0041\"],\"_placeholder\":true,\"num\":2}",
		EVENT("\xc4\x01z")},
	    {"{\"_placeholder\":false,\"num\":0}", EVENT("\x82\xac_placeholder\xc2\xa3num\x00")},
	};
	char payload[256];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		(void)snprintf(payload, sizeof payload, "[\"e\",%s]", t[i].json);
		must_encode(SLICE("/"), SIO_BINARY_EVENT, -1, payload, t[i].want);
	}
	must_encode(SLICE("/"), SIO_BINARY_ACK, 7, "[{\"_placeholder\":true,\"num\":0}]",
	    SLICE("\x84" TYPE("\x03") DATA "\x91\xc4\x02xy" NSP "\xa2id\x07"));
}

static void packets(void **state)
{
	(void)state;
	must_encode(
	    SLICE(""), SIO_CONNECT, -1, "{\"sid\":\"x\"}", SLICE("\x83" TYPE("\x00") DATA "\x81\xa3sid\xa1x" NSP));
	must_encode(SLICE("/chat"), SIO_DISCONNECT, -1, "", SLICE("\x82" TYPE("\x01") "\xa3nsp\xa5/chat"));
	must_encode(SLICE("/"), SIO_CONNECT_ERROR, -1, "{\"message\":\"no\"}",
	    SLICE("\x83" TYPE("\x04") DATA "\x81\xa7message\xa2no" NSP));
	must_encode(SLICE("/"), SIO_EVENT, 300, "[\"e\"]",
	    SLICE("\x84" TYPE("\x02") DATA "\x91\241e" NSP "\xa2id\xcd\x01\x2c"));
	must_encode(SLICE("/"), SIO_ACK, 0, "[]", SLICE("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\x00"));
}

static void faults(void **state)
{
	static const struct slice one = {"x", 1};
	uint8_t out[128];
	char digits[1100] = "[";

	(void)state;
	assert_int_equal(sio_msgpack_encode(SIO_BINARY_ACK, SLICE("/"), false, 0,
			     SLICE("[{\"_placeholder\":true,\"num\":1}]"), &one, 1, out, sizeof out),
	    PROTO_EATTACH);
	assert_int_equal(sio_msgpack_encode(SIO_BINARY_ACK, SLICE("/"), false, 0, SLICE("[{\"_placeholder\":true}]"),
			     &one, 1, NULL, 0),
	    PROTO_EATTACH);
	/* More digits than a double is read from. */
	memset(digits + 1, '9', 1050);
	digits[1051] = ']';
	must_encode(SLICE("/"), SIO_ACK, -1, digits, SLICE("\x83" TYPE("\x03") DATA "\x91\xc0" NSP));
}

/* [[[],[], ... [[],[], ... ]]]: DEEP levels of as many empty arrays, then a long string and BROAD numbers. */
static char *big_json(int deep, int broad, size_t *n)
{
	const size_t cap = 4 << 20;
	char *json = malloc(cap), *p = json;

	assert_non_null(json);
	*p++ = '[';
	for (int i = 0; i < deep; i++) {
		*p++ = '[';
		for (int k = 0; k < 200; k++)
			p = stpcpy(p, "[],");
	}
	p = stpcpy(p, "[\"");
	memset(p, 'x', (size_t)broad);
	p = stpcpy(p + broad, "\"]");
	memset(p, ']', (size_t)deep);
	p += deep;
	for (int i = 0; i < broad; i++)
		p = stpcpy(p, ",1");
	*p++ = ']';
	*n = (size_t)(p - json);
	return json;
}

/* Counts and lengths of more than 16 bits, 400 levels; the same text comes back. */
static void big(void **state)
{
	const struct json_limits wide = {.depth = JSON_DEPTH_MAX};
	const size_t cap = 4 << 20;
	size_t size;
	char *json = big_json(400, 70000, &size), *text = malloc(cap);
	uint8_t *bytes = malloc(cap);
	struct sio_msgpack m;
	ssize_t n, r;

	(void)state;
	assert_true(text && bytes);
	n = sio_msgpack_encode(SIO_ACK, SLICE("/"), false, 0, slice_make(json, size), NULL, 0, bytes, cap);
	assert_true(n > 0 && (size_t)n <= cap);
	r = sio_msgpack_decode(bytes, (size_t)n, &wide, &m, text, cap);
	assert_int_equal(r, size);
	assert_memory_equal(text, json, size);
	free(json);
	free(text);
	free(bytes);
}

static double cost_per_byte(int deep)
{
	const size_t cap = 4 << 20;
	size_t size;
	char *json = big_json(deep, 10, &size);
	uint8_t *bytes = malloc(cap);
	double best = 0;

	assert_non_null(bytes);
	for (int i = 0; i < 5; i++) {
		const clock_t start = clock();
		double cost;

		for (int k = 0; k < 4000 / deep; k++)
			assert_true(sio_msgpack_encode(SIO_ACK, SLICE("/"), false, 0, slice_make(json, size), NULL, 0,
					bytes, cap) > 0);
		cost = (double)(clock() - start) / ((double)size * (4000.0 / deep));
		if (i == 0 || cost < best)
			best = cost;
	}
	free(json);
	free(bytes);
	return best;
}

/* Counting ahead at each level, an encoder would take 200 times as long per byte at 400 levels as at one. */
static void deep_costs_no_more_than_flat(void **state)
{
	(void)state;
	assert_true(cost_per_byte(400) < 20 * cost_per_byte(1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(attachments_take_their_places),
	    cmocka_unit_test(packets),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(big),
	    cmocka_unit_test(deep_costs_no_more_than_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
