/* t_fields.c - arguments against fields: each type at its edges, what is edited, and what stays byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/json.h"
#include "tests/unit/conf_fixture.h"
#include "worker/fields.h"

static struct arena arena;
static const struct slice bytes[3] = {{"", 0}, {"12345678", 8}, {"123456789", 9}};
static const struct attachments attached = {3, bytes};

static bool source(void *arg, const struct source *src, struct slice *json)
{
	(void)arg;
	if (src->kind == SOURCE_ID)
		*json = SLICE("\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e11\"");
	else if (src->kind == SOURCE_NOW_MS)
		*json = SLICE("1700000000000");
	else
		return false;
	return true;
}

/* The conf of an event whose block has KEYS. */
static struct conf *conf_of(const char *keys)
{
	char text[2048];

	snprintf(text, sizeof text, "event \"e\" { %s }%s", keys, CONF_REST);
	return fixture_load(text, false);
}

/* What becomes of ARGS: the arguments, behind a bar the payload; NULL: refused. */
static const char *outcome(const struct conf *c, const char *args)
{
	static const struct json_limits limits = {.depth = 64};
	static char told[4096];
	struct slice in = args[0] != '\0' ? slice_make(args, strlen(args)) : slice_make(NULL, 0);
	const struct rule *r = catalogue_event(&c->catalogue.nsp[0], "e", 1);
	struct fields_result out;
	char list[4096];

	/* exactly as long as it is, so that a sanitizer sees a step too far */
	char *copy = malloc(in.n > 0 ? in.n : 1);

	memcpy(copy, args, in.n);
	if (in.n > 0)
		in.p = copy;
	arena_reset(&arena);
	told[0] = '\0';
	if (!fields_check(r->fields, &arena, in, &attached, source, NULL, &out)) {
		free(copy);
		return NULL;
	}
	snprintf(told, sizeof told, "%.*s|%.*s", (int)out.args.n, out.args.p != NULL ? out.args.p : "",
	    (int)out.payload.n, out.payload.p != NULL ? out.payload.p : "");
	snprintf(list, sizeof list, "[%.*s]", (int)out.args.n, out.args.p != NULL ? out.args.p : "");
	assert_true(json_valid(slice_make(list, strlen(list)), &limits));
	free(copy);
	return told;
}

static bool is_outcome(const struct conf *c, const char *args, const char *expected)
{
	const char *got = outcome(c, args);

	if (expected == NULL ? got == NULL : got != NULL && strcmp(got, expected) == 0)
		return true;
	print_message("%s\n  expected %s\n  got      %s\n", args, expected != NULL ? expected : "a refusal",
	    got != NULL ? got : "a refusal");
	return false;
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* A row is read as a row. */
/* clang-format off */
static const struct value {
	const char *type;
	const char *good[20], *bad[24]; /* JSON */
} values[] = {
	{"any", {"null", "0", "\"\"", "[]", "{}", "true", "1e999"}, {NULL}},
	{"string", {"\"\"", "\"" HUNDRED "\"", "\"\\u0000\""}, {"1", "null", "true", "[]", "{}", "[\"a\"]"}},
	{"string 1..3", {"\"a\"", "\"abc\"", "\"\\u0061bc\"", "\"é€💛\"", "\"\\ud83d\\udc9b\\uD83D\\uDC9Bx\"", "\"\\ud83dab\"",
	    "\"\\udc9b\\ud83d\\n\"", "\"\\ud83d\\ud83d\\udc9b\"", "\"\\\\\\\"\\/\""},
	    {"\"\"", "\"abcd\"", "\"\\u0061bcd\"", "\"éééé\"", "\"\\ud83d\\udc9babc\"", "\"\\udc9b\\ud83d\\ud83d\\ud83d\"", "null"}},
	{"string 3..3", {"\"abc\"", "\"ééé\"", "\"\\u00e9\\u00e9\\u00e9\""}, {"\"éé\"", "\"ab\"", "\"\\u00e9\\u00e9\"", "\"💛\"", "\"abcd\""}},
	{"string 0..0", {"\"\""}, {"\"a\"", "\"\\n\""}},
	{"int", {"0", "-0", "9223372036854775807", "-9223372036854775808"},
	    {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "\"1\"", "true", "null", "[1]", "0.5"}},
	{"int 0..1", {"0", "1", "-0"}, {"-1", "2", "0.5", "1.0", "\"0\"", "10"}},
	{"int -5..-3", {"-5", "-3"}, {"-6", "-2", "5"}},
	{"number", {"0", "-1.5e-3", "1E+300", "123456789012345678901234567890", "0.1000"}, {"1e999", "\"1\"", "null", "false", "{}"}},
	{"bool", {"true", "false"}, {"0", "1", "null", "\"true\""}},
	{"uuid", {"\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e11\"", "\"7B0C2B1E-0F6B-4C8E-9A37-5D1D4C8A0E11\"", "\"7b0c2b1e\\u002d0f6b-4c8e-9a37-5d1d4c8a0e11\""},
	    {"\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e1\"", "\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e111\"", "\"7b0c2b1e00f6b-4c8e-9a37-5d1d4c8a0e11\"",
	    "\"7b0c2b1g-0f6b-4c8e-9a37-5d1d4c8a0e11\"", "\"{7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e1}\"", "\"\"", "7", "\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a\\n\\n11\""}},
	{"id", {"\"a\"", "\"A9._:-z\"", "\"" HUNDRED TEN TEN "12345678\"", "\"\\u0061b\""},
	    {"\"\"", "\"" HUNDRED TEN TEN "123456789\"", "\"a b\"", "\"a/b\"", "\"é\"", "\"a\\u0000\"", "5", "null", "\"a*\"", "\"a,b\"", "\"a\\nb\""}},
	{"date", {"\"2024-02-29\"", "\"2000-02-29\"", "\"0001-12-31\"", "\"2024-01-01T00:00\"", "\"2024-01-01T23:59:59\"", "\"2024-01-01T00:00:00Z\"",
	    "\"2024-01-01T00:00:00.1Z\"", "\"2024-01-01T00:00:00.123456789+05:30\"", "\"2024-01-01T00:00-23:59\"", "\"2024\\u002d01-01\""},
	    {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-00-01\"", "\"2024-04-31\"", "\"2024-01-00\"", "\"2024-01-01T24:00\"",
	    "\"2024-01-01T00:60\"", "\"2024-01-01T00:00:60Z\"", "\"2024-01-01T00:00:00.Z\"", "\"2024-01-01T00:00:00.1234567890Z\"", "\"2024-01-01t00:00Z\"",
	    "\"2024-01-01 00:00\"", "\"2024-01-01T00:00:00ZZ\"", "\"2024-01-01T00:00+5:30\"", "\"2024-1-1\"", "\"24-01-01\"", "\"\"", "1700000000", "\"2024-01-01T\"", "\"2024-01-01Z\"", "\"2024-01-01T00Z\""}},
	{"digits", {"\"0\"", "\"007\"", "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"", "\"\\u0031\""},
	    {"\"\"", "\"-1\"", "\"1.0\"", "\"1e3\"", "\"0x1f\"", "\" 1\"", "1", "\"1\\n\"", "\"٣\""}},
	{"url", {"\"http://a\"", "\"https://example.com\"", "\"HTTPS://a.example:65535/p/a?q=x\"", "\"https:\\/\\/a.example\\/x\"", "\"http://[::1]:80/\"",
	    "\"https://me:pw@a.example/%41#f\"", "\"http://a:/\""},
	    {"\"https://\"", "\"http:///x\"", "\"//a\"", "\"ftp://a.example\"", "\"javascript:alert(1)\"", "\"http://a b\"", "\"http://a:65536\"", "\"http://a:x\"",
	    "\"http://é.example\"", "\"http://a/%4\"", "\"http://a/%zz\"", "\"http://[::1\"", "\"http://[]/\"", "\"http://a/\\\"\"", "\"http://:80\"", "\"http://a/<x>\"",
	    "\"data:text/html,x\"", "7", "\"http://a\\u0000b\"", "\"http://@/\"", "\"http://a@b@c\"", "\"https://a.example/\\n\""}},
	{"buy|sell", {"\"buy\"", "\"sell\"", "\"\\u0062uy\""}, {"\"Buy\"", "\"\"", "\"buy \"", "\"buy|sell\"", "0", "null", "\"bu\"", "\"buyy\""}},
	{"0|1", {"0", "1", "1.0", "-0", "1e0"}, {"\"0\"", "2", "true", "null", "-1", "0.5"}},
	{"none|1|02", {"\"none\"", "1", "\"02\""}, {"\"1\"", "2"}},
	{"object", {"{}", "{\"a\":{\"b\":[1, 2]}}", "{\"_placeholder\":true,\"num\":3}"}, {"[]", "null", "\"{}\"", "1", "{\"_placeholder\":true,\"num\":0}"}},
	{"list any", {"[]", "[null,1,[],{}]"}, {"{}", "null", "\"\"", "1"}},
	{"list id 1..2", {"[\"a\"]", "[ \"a\" , \"b\" ]"}, {"[]", "[\"a\",\"b\",\"c\"]", "[5]", "[\"a\",null]", "\"a\"", "[\"\"]"}},
	{"list string 1..2 0..2", {"[]", "[\"a\",\"bb\"]"}, {"[\"\"]", "[\"abc\"]", "[\"a\",\"a\",\"a\"]"}},
	{"list list int 0..9 0..2 1..1", {"[[]]", "[[0,9]]"}, {"[]", "[[0,9,1]]", "[[10]]", "[[0],[0]]", "[0]"}},
	{"binary", {"{\"_placeholder\":true,\"num\":0}", "{\"num\":2,\"_placeholder\":true}"}, {"{\"_placeholder\":true,\"num\":3}", "{\"_placeholder\":1,\"num\":0}",
	    "{\"_placeholder\":true}", "{}", "\"AAAA\"", "null", "[]", "{\"_placeholder\":true,\"num\":-1}", "{\"_placeholder\":true,\"num\":0.5}"}},
	{"binary 1..8", {"{\"_placeholder\":true,\"num\":1}"}, {"{\"_placeholder\":true,\"num\":0}", "{\"_placeholder\":true,\"num\":2}"}},
	{"list binary 1..2", {"[{\"_placeholder\":true,\"num\":1}]"}, {"[{}]"}},
};

/* KEYS; arguments and what becomes of them, NULL: refused. */
static const struct edit {
	const char *keys;
	const char *in, *out;
} edits[] = {
	/* what needs no edit is not touched */
	{"fields = {\"a: any\", \"b?: any\"}", " {\"b\" : 1.50 ,\"a\":\"\\u00e9\" }", "{\"b\" : 1.50 ,\"a\":\"\\u00e9\" }|{\"b\" : 1.50 ,\"a\":\"\\u00e9\" }"},
	{"fields = \"a?: int\"", "{}", "{}|{}"},
	{"fields = \"a?: int\"", "", "|"},
	{"fields = \"a: int\"", "", NULL},
	{"fields = \"a?: int\"", "null", NULL},
	{"fields = \"a?: int\"", "[]", NULL},
	{"fields = \"a?: int\"", "\"a\"", NULL},
	{"fields = \"a?: int\"", "{\"a\":null}", NULL},
	{"fields = \"a: int\"", "{\"b\":1}", NULL},
	{"fields = \"a?: int\"", "{\"_placeholder\":true,\"num\":0}", NULL},
	/* unknown members */
	{"fields = \"a: any\"", "{\"a\":1,\"b\":2}", "{\"a\":1}|{\"a\":1}"},
	{"fields = \"a: any\"", "{\"b\":2,\"a\":1}", "{\"a\":1}|{\"a\":1}"},
	{"fields = \"a: any\"", "{ \"b\":2 , \"a\":18446744073709551617 , \"c\":3 }", "{ \"a\":18446744073709551617 }|{ \"a\":18446744073709551617 }"},
	{"fields = \"a?: any\"", "{ \"b\" : {\"a\":[1,\"}\"]} , \"c\":\",\" }", "{ }|{ }"},
	{"fields = {\"a: any\", \"c: any\"}", "{\"x\":0,\"a\": 1 ,\n\"y\":\"\\\",\",\t\"c\":3,\"z\":[]}", "{\"a\": 1,\t\"c\":3}|{\"a\": 1,\t\"c\":3}"},
	{"fields = \"a: any\"", "{\"a\":1},2,3", "{\"a\":1}|{\"a\":1}"},
	{"fields = \"a: any\"  unknown = reject", "{\"a\":1,\"b\":2}", NULL},
	{"fields = \"a: any\"  unknown = reject", "{\"a\":1},2", NULL},
	{"fields = \"a: any\"  unknown = reject", "{\"a\":1}", "{\"a\":1}|{\"a\":1}"},
	{"fields = \"a: any\"  unknown = pass", "{\"b\":2,\"a\":1,\"b\":3} , [ 2 ]", "{\"b\":2,\"a\":1,\"b\":3} , [ 2 ]|{\"b\":2,\"a\":1,\"b\":3}"},
	{"fields = {\"a: any\", \"d: int = 4\"}  unknown = pass", "{\"b\":2,\"a\":1} , [ 2 ]", "{\"b\":2,\"a\":1,\"d\":4} , [ 2 ]|{\"b\":2,\"a\":1,\"d\":4}"},
	/* names are compared by what they mean */
	{"fields = \"a: any\"", "{\"\\u0061\":1}", "{\"\\u0061\":1}|{\"\\u0061\":1}"},
	{"fields = \"é: any\"", "{\"\\u00e9\":1,\"É\":2}", "{\"\\u00e9\":1}|{\"\\u00e9\":1}"},
	{"fields = \"a: any\"", "{\"A\":1,\"a\\u0000\":2,\"\":3,\"aa\":4}", NULL},
	/* of equal names the last counts, and is the only one that is left */
	{"fields = \"a: int\"", "{\"a\":\"x\",\"a\":2}", "{\"a\":2}|{\"a\":2}"},
	{"fields = \"a: int\"", "{\"a\":2,\"a\":\"x\"}", NULL},
	{"fields = \"a: int\"", "{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":2}|{\"\\u0061\":2}"},
	{"fields = {\"a: int\", \"b: int\"}", "{\"a\":1,\"b\":2,\"a\":3,\"b\":4,\"b\":5}", "{\"a\":3,\"b\":5}|{\"a\":3,\"b\":5}"},
	{"fields = \"a: int\"  unknown = pass", "{\"a\":1,\"x\":0,\"a\":2}", "{\"x\":0,\"a\":2}|{\"x\":0,\"a\":2}"},
	/* defaults */
	{"fields = {'a: int = 1', 'b: string = \"x\"'}", "{}", "{\"a\":1,\"b\":\"x\"}|{\"a\":1,\"b\":\"x\"}"},
	{"fields = {'a: int = 1', 'b: string = \"x\"'}", "", "{\"a\":1,\"b\":\"x\"}|{\"a\":1,\"b\":\"x\"}"},
	{"fields = {'a: int = 1', 'b: string = \"x\"'}", "{ \"b\":\"y\" }", "{ \"b\":\"y\",\"a\":1 }|{ \"b\":\"y\",\"a\":1 }"},
	{"fields = {'a: int = 1'}", "{\"z\":0}", "{\"a\":1}|{\"a\":1}"},
	{"fields = {'a: int = 1'}", "{\"a\":null}", NULL},
	{"fields = {'i: uuid = @id', 't: int = @now.ms'}", "{}", "{\"i\":\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e11\",\"t\":1700000000000}|"
	    "{\"i\":\"7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e11\",\"t\":1700000000000}"},
	{"fields = {'i: int = @id'}", "{}", NULL},
	{"fields = {'u: string = @user.name'}", "{}", NULL},
	{"fields = {'u?: string = @user.name'}", "{}", "{}|{}"},
	{"fields = {'o: object = {\"a\": [1, {}]}', 'l: list int 0..3 = [1, 2]'}", "{}", "{\"o\":{\"a\":[1,{}]},\"l\":[1,2]}|{\"o\":{\"a\":[1,{}]},\"l\":[1,2]}"},
	/* dots */
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}|{\"a\":{\"b\":1,\"c\":{\"d\":2}}}"},
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{\"x\":1,\"a\": {\"y\":1, \"c\": {\"z\":1, \"d\":2 } } }", "{\"a\": { \"c\": { \"d\":2 } } }|{\"a\": { \"c\": { \"d\":2 } } }"},
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{\"a\":{\"b\":1,\"c\":{}}}", NULL},
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{\"a\":{\"b\":1}}", NULL},
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{\"a\":[]}", NULL},
	{"fields = {\"a.b?: int\", \"a.c.d: int\"}", "{}", NULL},
	{"fields = \"a.b?: int\"", "{}", "{}|{}"},
	{"fields = \"a.b?: int\"", "{\"a\":null}", NULL},
	{"fields = \"a.b?: int\"", "{\"a\":{\"b\":\"\"}}", NULL},
	{"fields = \"a.b?: int\"", "{\"a\":{\"b\":\"x\"},\"a\":{\"b\":1,\"b\":2}}", "{\"a\":{\"b\":2}}|{\"a\":{\"b\":2}}"},
	{"fields = \"a.b?: int\"  unknown = reject", "{\"a\":{\"c\":1}}", NULL},
	{"fields = \"a.b?: int\"  unknown = pass", "{\"a\":{\"c\":1}}", "{\"a\":{\"c\":1}}|{\"a\":{\"c\":1}}"},
	{"fields = \"a.b: int = 7\"", "{\"z\":1}", "{\"a\":{\"b\":7}}|{\"a\":{\"b\":7}}"},
	{"fields = \"a.b: int = 7\"", "{\"a\":{ }}", "{\"a\":{\"b\":7 }}|{\"a\":{\"b\":7 }}"},
	{"fields = {\"a.b.c: int = 7\", \"a.d: int = 8\"}", "", "{\"a\":{\"b\":{\"c\":7},\"d\":8}}|{\"a\":{\"b\":{\"c\":7},\"d\":8}}"},
	{"fields = {\"a?: object\", \"a.b: int\"}", "{}", "{}|{}"},
	{"fields = {\"a?: object\", \"a.b: int\"}", "{\"a\":{}}", NULL},
	{"fields = {\"a.b: int\", \"a?: object\"}", "{}", "{}|{}"},
	{"fields = {\"a: object\", \"a.b?: int\"}", "{}", NULL},
	{"fields = {\"a: object\", \"a.b?: int\"}", "{\"a\":{\"q\":1}}", "{\"a\":{}}|{\"a\":{}}"},
	/* by position */
	{"params = {\"a: id\", \"b?: int\"}", "\"x\"", "\"x\"|{\"a\":\"x\"}"},
	{"params = {\"a: id\", \"b?: int\"}", "\"x\" , 1.0", NULL},
	{"params = {\"a: id\", \"b?: int\"}", "\"x\" , 10", "\"x\" , 10|{\"a\":\"x\",\"b\":10}"},
	{"params = {\"a: id\", \"b?: int\"}", "\"x\",null", "\"x\",null|{\"a\":\"x\"}"},
	{"params = {\"a: id\", \"b?: int\"}", "\"x\",1,2", "\"x\",1|{\"a\":\"x\",\"b\":1}"},
	{"params = {\"a: id\", \"b?: int\"}", "", NULL},
	{"params = {\"a: id\", \"b?: int\"}", "null,1", NULL},
	{"params = {\"a: id\", \"b?: int\"}", "{\"a\":\"x\"}", NULL},
	{"params = {\"a: id\", \"b?: int\"}  unknown = reject", "\"x\",1,2", NULL},
	{"params = {\"a: id\", \"b?: int\"}  unknown = pass", "\"x\", 1,2 ,3", "\"x\", 1,2 ,3|{\"a\":\"x\",\"b\":1}"},
	{"params = {\"a: id\", \"b: int = 5\"}  unknown = pass", "\"x\",null,2 ,3", "\"x\",5,2 ,3|{\"a\":\"x\",\"b\":5}"},
	{"params = {\"a?: id\", \"b: int = 5\"}", "", "null,5|{\"b\":5}"},
	{"params = {\"a?: id\", \"b: int = 5\", \"c?: any\"}", "null,null,null", "null,5,null|{\"b\":5,\"c\":null}"},
	{"params = {\"a?: id\", \"c?: any\"}", "", "|{}"},
	{"params = \"a: object\"", "{\"q\": 1}", "{\"q\": 1}|{\"a\":{\"q\": 1}}"},
	/* both ways */
	{"params = {\"a: id\", \"b?: int\"}  shape = both", "\"x\",1", "\"x\",1|{\"a\":\"x\",\"b\":1}"},
	{"params = {\"a: id\", \"b?: int\"}  shape = both", "{\"b\":1,\"c\":2,\"a\":\"x\"}", "{\"b\":1,\"a\":\"x\"}|{\"b\":1,\"a\":\"x\"}"},
	{"params = {\"a: id\", \"b?: int\"}  shape = both", "{\"b\":1}", NULL},
	{"fields = {\"a: id\", \"b?: int\"}  shape = both", "\"x\",1", "\"x\",1|{\"a\":\"x\",\"b\":1}"},
	{"fields = {\"a: id\", \"b?: int\"}  shape = both", "{\"a\":\"x\"},5", "{\"a\":\"x\"}|{\"a\":\"x\"}"},
	{"fields = {\"a: id\", \"b?: int\"}  shape = both", "", NULL},
};

/* clang-format on */

static unsigned judge(const struct conf *c, const char *type, const char *json, bool good)
{
	char args[1024];
	bool got;

	snprintf(args, sizeof args, "{\"v\":%s}", json);
	got = outcome(c, args) != NULL;
	if (got != good)
		print_message("%s: %s is %s\n", type, json, got ? "taken" : "refused");
	return got != good;
}

static void each_type_at_its_edges(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		const struct value *v = &values[i];
		struct conf *c;
		char keys[256];

		snprintf(keys, sizeof keys, "fields = \"v: %s\"", v->type);
		c = conf_of(keys);
		assert_non_null(c);
		for (unsigned j = 0; v->good[j] != NULL; j++)
			wrong += judge(c, v->type, v->good[j], true);
		for (unsigned j = 0; v->bad[j] != NULL; j++)
			wrong += judge(c, v->type, v->bad[j], false);
		conf_free(c);
	}
	assert_int_equal(wrong, 0);
}

static void what_is_edited_and_what_is_not(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		struct conf *c = conf_of(edits[i].keys);

		assert_non_null(c);
		wrong += !is_outcome(c, edits[i].in, edits[i].out);
		conf_free(c);
	}
	assert_int_equal(wrong, 0);
}

/* Which of 200 fields a member is does not depend on their order, nor on what else is there. */
static void many_fields_in_any_order(void **state)
{
	static char text[16384], args[16384];
	char *p = text;
	struct conf *c;
	const struct rule *r;
	struct fields_result out;

	(void)state;
	p += sprintf(p, "event \"e\" { fields = {");
	for (int i = 0; i < 200; i++)
		p += sprintf(p, "%s\"f%d: int %d..%d\"", i > 0 ? "," : "", i, i, i);
	sprintf(p, "} }%s", CONF_REST);
	c = fixture_load(text, false);
	assert_non_null(c);
	r = catalogue_event(&c->catalogue.nsp[0], "e", 1);
	for (int step = 1; step < 200; step += 6) {
		if (step % 2 == 0 || step % 5 == 0)
			continue;
		p = args;
		for (int i = 0; i < 200; i++)
			p += sprintf(p, "%s\"f%d\":%d", i > 0 ? "," : "{", i * step % 200, i * step % 200);
		sprintf(p, "}");
		arena_reset(&arena);
		assert_true(fields_check(r->fields, &arena, slice_make(args, strlen(args)), &attached, source, NULL, &out));
		assert_ptr_equal(out.payload.p, args);
		assert_int_equal(out.payload.n, strlen(args));
	}
	conf_free(c);
}

/* Whoever is refused is told which member is wrong. */
static void which_is_wrong(void **state)
{
	static const struct {
		const char *keys, *args, *wrong;
	} cases[] = {
	    {"fields = {'a: int', 'b?: bool'}", "{}", "a"},
	    {"fields = {'a: int', 'b?: bool'}", "{\"a\":1,\"b\":2}", "b"},
	    {"fields = {'a: int', 'b?: bool'}", "7", ""},
	    {"fields = {'a: int', 'b?: bool'}", "", "a"},
	    {"fields = {'a.b.c: int', 'a.d?: bool'}", "{\"a\":{\"b\":{\"c\":\"x\"}}}", "a.b.c"},
	    {"fields = {'a.b.c: int', 'a.d?: bool'}", "{\"a\":{\"b\":1}}", "a.b"},
	    {"fields = {'a.b.c: int', 'a.d?: bool'}", "{}", "a.b.c"},
	    {"fields = {'a.b.c: int', 'a.d?: bool'}", "{\"a\":{\"b\":{\"c\":1},\"d\":null}}", "a.d"},
	    {"fields = {'a.b: int'}  unknown = reject", "{\"a\":{\"b\":1,\"c\\\"\":2}}", "a.c\\\""},
	    {"params = {'a: int', 'b: bool'}", "1,2", "b"},
	    {"params = {'a: int', 'b: bool'}  unknown = reject", "1,true,3", ""},
	};
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct conf *c = conf_of(cases[i].keys);
		const char *args = cases[i].args;
		struct slice in = args[0] != '\0' ? slice_make(args, strlen(args)) : slice_make(NULL, 0);
		struct fields_result out;

		assert_non_null(c);
		arena_reset(&arena);
		assert_false(fields_check(
		    catalogue_event(&c->catalogue.nsp[0], "e", 1)->fields, &arena, in, &attached, source, NULL, &out));
		if (!slice_is(out.wrong, cases[i].wrong)) {
			print_message("%s %s: %.*s, expected %s\n", cases[i].keys, args, (int)out.wrong.n, out.wrong.p,
			    cases[i].wrong);
			wrong++;
		}
		conf_free(c);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_type_at_its_edges),
	    cmocka_unit_test(what_is_edited_and_what_is_not),
	    cmocka_unit_test(many_fields_in_any_order),
	    cmocka_unit_test(which_is_wrong),
	};

	arena_init(&arena);
	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
