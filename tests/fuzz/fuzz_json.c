/*
 * fuzz_json.c - scanner against walkers: what is accepted can be walked to its last byte, strings survive decoding and
 * encoding, and tighter limits refuse more but never otherwise.
 */
#include "proto/error.h"
#include "proto/json.h"
#include "tests/fuzz/fuzz.h"

static const struct json_limits wide = {.depth = JSON_DEPTH_MAX};

static void check_string(struct slice v)
{
	size_t cap = v.n + 8, n, m;
	char *text = malloc(cap), *again = malloc(6 * cap + 2);

	must(text && again);
	n = (size_t)json_string_decode(v, text, cap);
	must(n <= v.n && json_string_is(json_string_raw(v), slice_make(text, n)));
	/* encode, then decode: the same text */
	again[0] = '"';
	m = json_escape(slice_make(text, n), again + 1, 6 * cap);
	must(m <= 6 * cap);
	again[m + 1] = '"';
	must(json_valid(slice_make(again, m + 2), &wide));
	must(json_string_decode(slice_make(again, m + 2), text, cap) == (ssize_t)n);
	must(json_string_is(slice_make(again + 1, m), slice_make(text, n)));
	free(text);
	free(again);
}

static void walk(struct slice v)
{
	struct json_iter it = json_iter(v);
	struct slice key, child, found;
	size_t n = 0;
	double d;
	int64_t i;

	switch (json_type(v)) {
	case JSON_STRING: check_string(v); break;
	case JSON_NUMBER:
		must(json_number(v, &d) || v.n > 1000);
		if (json_int(v, &i))
			must(d == (double)i);
		break;
	case JSON_ARRAY:
		while (json_next_element(&it, &child)) {
			must_be_within(child, v);
			must(json_valid(child, &wide));
			walk(child);
			n++;
		}
		must(n == json_length(v) && !json_at(v, n, &child));
		break;
	case JSON_OBJECT:
		while (json_next_member(&it, &key, &child)) {
			char *name = malloc(key.n + 1);
			ssize_t len = json_string_decode(slice_make(key.p - 1, key.n + 2), name, key.n + 1);

			must(len >= 0 && json_get(v, slice_make(name, (size_t)len), &found) && found.p >= child.p);
			free(name);
			walk(child);
			n++;
		}
		must(n == json_length(v));
		break;
	case JSON_NULL:
	case JSON_TRUE:
	case JSON_FALSE: break;
	case JSON_NONE: abort();
	}
	must(json_type(v) < JSON_ARRAY || json_trim(slice_make(it.p, (size_t)(it.end - it.p))).n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size), v;
	struct json_limits tight = {.depth = 3, .values = 8, .utf8 = true};
	size_t top;
	ssize_t n = json_scan_top(in.p, in.n, &wide, &top), m = json_scan(in.p, in.n, &tight);

	/* Whatever it is, the walkers stay inside. */
	(void)json_length(in);
	(void)json_get(in, SLICE("a"), &v);
	must(n <= (ssize_t)size && (n > 0 || n == PROTO_EJSON || n == PROTO_EJSON_DEPTH));
	if (n <= 0) {
		must(m < 0);
		return 0;
	}
	must(m == n || m == PROTO_EJSON_DEPTH || m == PROTO_EJSON_SIZE || m == PROTO_EJSON_UTF8);
	v = json_trim(slice_make(in.p, (size_t)n));
	must(json_scan(v.p, v.n, &wide) == (ssize_t)v.n);
	must(json_type(v) < JSON_ARRAY ? top == 0 : top == json_length(v));
	if (size < 4096)
		walk(v);
	return 0;
}
