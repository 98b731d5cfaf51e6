/*
 * t_verb.c - what backends ask for, as it is read: what is wrong with a body, by member, and that reading looks at nothing
 * outside of it.
 *
 * Seen red: a list of targets without its bound (too_many), members found by the first of their name (last_counts), a
 * user of `evict` that no name can be made of let pass (wrong).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/json.h"
#include "tests/unit/conf_fixture.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

static const char conf_text[] = "room \"r\" { join = any }\n"
				"envelope \"e\" { data = '{\"type\": {@event}, \"data\": {@payload}}' }\n"
				"route \"one\" { fields = {\"a: int\", \"b.c?: string 1..3\"}  to = {\"r:{a}\", \"user:{@vars.u}\"}  envelope = e }\n"
				"route \"out\" { to = \"r:{x}\"  evict = \"{@vars.u}\"  close = yes  also { emit = more  to = all  if = y } }\n"
				"route \"add\" { to = all  add = \"z: @event\" }\n"
				"hook \"h\" { url = \"http://127.0.0.1:1/\" }\n"
				"route \"ask\" { hook = h  if = n  to = \"r:{@hook}\" }\n"
				"route \"tell\" { hook = h  notify = yes  if = n  to = all }\n"
				"namespace \"/t-*\" { route \"in\" { to = all } }" CONF_REST;

static struct worker *w;
static struct verb_error err;

static int setup(void **state)
{
	(void)state;
	w = calloc(1, sizeof(*w));
	w->conf = fixture_load(conf_text, false);
	arena_init(&w->arena);
	return w->conf != NULL ? 0 : -1;
}

/* A copy exactly as long as the text, so that a sanitizer sees a step too far. */
static const struct verb *read_verb(const char *name, const char *body, size_t n, enum verb_way way, char **copy)
{
	*copy = malloc(n > 0 ? n : 1);
	memcpy(*copy, body, n);
	arena_reset(&w->arena);
	err = (struct verb_error){0};
	return verb_read(w, verb_find(slice_make(name, strlen(name))), slice_make(*copy, n), way, &err);
}

static void wrong(void **state)
{
	static const struct {
		const char *verb, *body;
		unsigned status;
		const char *code, *field;
	} cases[] = {
	    {"emit", "[]", 400, "syntax", NULL},
	    {"emit", "7", 400, "syntax", NULL},
	    {"emit", "{}", 422, "missing", "to"},
	    {"emit", "{\"to\":[]}", 422, "missing", "to"},
	    {"emit", "{\"to\":7}", 422, "invalid", "to"},
	    {"emit", "{\"to\":[\"r:1\",\"\"]}", 422, "invalid", "to"},
	    {"emit", "{\"to\":\"r:\\u0007\"}", 422, "invalid", "to"},
	    {"emit", "{\"to\":\"socket:x\"}", 422, "invalid", "to"},
	    {"emit", "{\"to\":\"all\"}", 422, "invalid", "event"},
	    {"emit", "{\"to\":\"all\",\"event\":\"\"}", 422, "invalid", "event"},
	    {"emit", "{\"to\":\"all\",\"event\":\"connect\"}", 422, "reserved", "event"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"except\":\"all\"}", 422, "invalid", "except"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"args\":{}}", 422, "invalid", "args"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"args\":[],\"data\":1}", 422, "invalid", "args"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"volatile\":1}", 422, "invalid", "volatile"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"timeout\":5}", 422, "invalid", "timeout"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"namespace\":\"/x\"}", 422, "unknown", "namespace"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"id\":\"\"}", 422, "invalid", "id"},
	    {"emit", "{\"to\":\"all\",\"event\":\"e\",\"x\\ty\":0}", 422, "unknown_field", "x\\ty"},
	    {"join", "{\"in\":\"r:1\"}", 422, "missing", "rooms"},
	    {"join", "{\"in\":\"r:1\",\"rooms\":[]}", 422, "missing", "rooms"},
	    {"join", "{\"in\":\"r:1\",\"rooms\":[\"r:2\",3]}", 422, "invalid", "rooms"},
	    {"leave", "{\"rooms\":\"r:2\"}", 422, "missing", "in"},
	    {"disconnect", "{\"in\":\"r:1\",\"close\":\"yes\"}", 422, "invalid", "close"},
	    {"disconnect", "{\"in\":\"r:1\",\"rooms\":\"r:2\"}", 422, "unknown_field", "rooms"},
	    {"event", "{}", 422, "missing", "type"},
	    {"event", "{\"type\":\"none\"}", 404, "unknown_event", "type"},
	    {"event", "{\"type\":\"in\"}", 404, "unknown_event", "type"},
	    {"event", "{\"type\":\"one\"}", 422, "invalid", "data.a"},
	    {"event", "{\"type\":\"one\",\"data\":{\"a\":1}}", 422, "invalid", "vars.u"},
	    {"event", "{\"type\":\"one\",\"data\":{\"a\":1,\"b\":{\"c\":\"long\"}},\"vars\":{\"u\":\"x\"}}", 422, "invalid", "data.b.c"},
	    {"event", "{\"type\":\"one\",\"data\":[1]}", 422, "invalid", "data"},
	    {"event", "{\"type\":\"one\",\"data\":{\"a\":1},\"vars\":[]}", 422, "invalid", "vars"},
	    {"event", "{\"type\":\"out\",\"vars\":{\"u\":\"x\"}}", 422, "invalid", "data.x"},
	    {"event", "{\"type\":\"out\",\"data\":{\"x\":1},\"vars\":{\"u\":{}}}", 422, "invalid", "vars.u"},
	    {"event", "{\"type\":\"add\",\"data\":1}", 422, "invalid", "data"},
	};
	unsigned bad = 0;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct verb *v = read_verb(cases[i].verb, cases[i].body, strlen(cases[i].body), VERB_LISTED, &copy);
		bool same = v == NULL && err.status == cases[i].status && strcmp(err.code, cases[i].code) == 0 &&
			    err.message != NULL && (err.field == NULL) == (cases[i].field == NULL) &&
			    (err.field == NULL || strcmp(err.field, cases[i].field) == 0);

		if (!same)
			print_message("%s %s: %u %s %s\n", cases[i].verb, cases[i].body, err.status, err.code ? err.code : "-",
			    err.field ? err.field : "-");
		bad += !same;
		free(copy);
	}
	assert_int_equal(bad, 0);
}

static void too_many(void **state)
{
	char text[8192], *p, *copy;

	(void)state;
	for (unsigned n = VERB_TARGETS_MAX; n <= VERB_TARGETS_MAX + 1; n++) {
		p = text + sprintf(text, "{\"event\":\"e\",\"to\":[");
		for (unsigned i = 0; i < n; i++)
			p += sprintf(p, "%s\"r:%u\"", i > 0 ? "," : "", i);
		sprintf(p, "]}");
		assert_int_equal(read_verb("emit", text, strlen(text), VERB_LISTED, &copy) != NULL, n == VERB_TARGETS_MAX);
		if (n > VERB_TARGETS_MAX)
			assert_string_equal(err.code, "too_many");
		free(copy);
	}
	for (unsigned n = VERB_ROOMS_MAX; n <= VERB_ROOMS_MAX + 1; n++) {
		p = text + sprintf(text, "{\"in\":\"all\",\"rooms\":[");
		for (unsigned i = 0; i < n; i++)
			p += sprintf(p, "%s\"r:%u\"", i > 0 ? "," : "", i);
		sprintf(p, "]}");
		assert_int_equal(read_verb("join", text, strlen(text), VERB_LISTED, &copy) != NULL, n == VERB_ROOMS_MAX);
		free(copy);
	}
}

static void last_counts(void **state)
{
	static const char body[] = "{\"event\":\"no\",\"to\":7,\"data\":1,\"t\\u006f\":[\"r:1\",\"all\",\"r:2\"],\"event\":\"y\",\"data\":{\"k\":[2]}}";
	const struct verb *v;
	char *copy;

	(void)state;
	v = read_verb("emit", body, sizeof(body) - 1, VERB_LISTED, &copy);
	assert_non_null(v);
	assert_true(v->u.emit.to.all);
	assert_int_equal(v->u.emit.to.n, 2);
	assert_true(slice_is(v->u.emit.event, "y"));
	assert_true(slice_is(v->u.emit.args, "{\"k\":[2]}"));
	free(copy);
}

static void who_waits(void **state)
{
	static const char body[] = "{\"event\":\"y\",\"to\":\"all\",\"timeout\":60000}";
	const struct verb *v;
	char *copy;

	(void)state;
	v = read_verb("emit", body, sizeof(body) - 1, VERB_ALONE, &copy);
	assert_non_null(v);
	assert_int_equal(v->u.emit.timeout_ms, 60000);
	free(copy);
}

/* A namespace of a pattern, and what a route has to do: nothing of the body but its slices. */
static void good_events(void **state)
{
	static const char *const bodies[] = {
	    "{\"type\":\"in\",\"namespace\":\"/t-1\"}",
	    "{\"type\":\"one\",\"data\":{\"a\":1,\"x\":[]},\"vars\":{\"u\":\"me\"},\"id\":\"i\"}",
	    "{\"type\":\"out\",\"data\":{\"x\":\"\\u00e9\",\"y\":1},\"vars\":{\"u\":9}}",
	    "{\"type\":\"\\u0061dd\",\"data\":{\"z\":1}}",
	};
	static const unsigned shots[] = {1, 1, 2, 1};
	char *copy;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct verb *v = read_verb("event", bodies[i], strlen(bodies[i]), VERB_LISTED, &copy);

		assert_non_null(v);
		assert_int_equal(v->u.event.nshot, shots[i]);
		assert_int_equal(strlen(v->u.event.id), UUID_LEN);
		free(copy);
	}
}

/* Who waits for a hook, and who may not. */
static void hooks(void **state)
{
	static const struct {
		const char *body;
		enum verb_way way;
		bool good, asks, tells;
	} cases[] = {
	    {"{\"type\":\"ask\",\"data\":{\"n\":1}}", VERB_ALONE, true, true, false},
	    {"{\"type\":\"ask\",\"data\":{\"n\":1}}", VERB_LISTED, true, true, false},
	    {"{\"type\":\"ask\",\"data\":{\"n\":0}}", VERB_LISTED, true, false, false},
	    {"{\"type\":\"ask\",\"data\":{\"n\":1}}", VERB_REPLIED, false, false, false},
	    {"{\"type\":\"ask\",\"data\":{\"n\":1},\"id\":\"i\"}", VERB_ALONE, false, false, false},
	    {"{\"type\":\"tell\",\"data\":{\"n\":1},\"id\":\"i\"}", VERB_REPLIED, true, false, true},
	    {"{\"type\":\"tell\",\"data\":{\"n\":0}}", VERB_LISTED, true, false, false},
	    {"{\"type\":\"add\",\"data\":{\"n\":1}}", VERB_REPLIED, true, false, false},
	};
	char *copy;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct verb *v = read_verb("event", cases[i].body, strlen(cases[i].body), cases[i].way, &copy);

		assert_int_equal(v != NULL, cases[i].good);
		if (v == NULL)
			assert_int_equal(err.status, 422);
		else {
			assert_int_equal(verb_asks(v), cases[i].asks);
			assert_int_equal(v->u.event.hook != NULL, cases[i].asks || cases[i].tells);
		}
		free(copy);
	}
}

static unsigned next(unsigned below)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return (x >> 8) % below;
}

/* Bodies that are JSON but for that chosen at random: each is read or refused, and names what is wrong. */
static void at_random(void **state)
{
	static const char *const words[] = {"to", "except", "in", "rooms", "event", "type", "data", "vars", "namespace", "args", "id",
	    "close", "volatile", "local", "timeout", "x"};
	static const char *const values[] = {"\"all\"", "\"r:1\"", "[\"r:1\",\"user:u\"]", "\"one\"", "\"out\"", "\"add\"", "{\"a\":1}",
	    "{\"a\":1,\"x\":2,\"u\":\"v\"}", "\"/t-9\"", "[1,[2]]", "true", "7", "null", "\"\\ud800\"", "\"socket:AAAAAAAAAAAAAAAAAAAA\"", "[]",
	    "{}", "\"\\u0000\"", "\"/\""};
	static const char *const fit[] = {"\"r:1\"", "\"user:u\"", "\"all\"", "\"r:2\"", "\"e\"", "\"out\"", "{\"a\":1,\"x\":2}", "{\"u\":\"v\"}", "\"/\"", "[1]",
	    "\"i\"", "true", "false", "true", "100", "0"};
	static const struct {
		const char *verb;
		unsigned n, word[8]; /* that it knows */
	} verbs[] = {{"emit", 8, {0, 1, 4, 6, 8, 11, 12, 13}}, {"event", 5, {5, 6, 7, 8, 10}}, {"join", 4, {2, 3, 1, 8}}, {"leave", 4, {2, 3, 1, 8}},
	    {"disconnect", 4, {2, 11, 1, 8}}};
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[1024], *p = text, *copy;
		unsigned verb = next(5), n = next(8);

		p += sprintf(p, "{");
		for (unsigned k = 0; k < n; k++) {
			unsigned word = next(8) == 0 ? next(16) : verbs[verb].word[next(verbs[verb].n)];
			const char *value = next(4) == 0 ? values[next(19)] : fit[word];

			p += sprintf(p, "%s\"%s\":%s", k > 0 ? "," : "", words[word], value);
		}
		p += sprintf(p, "}");
		if (read_verb(verbs[verb].verb, text, (size_t)(p - text), next(2) ? VERB_ALONE : VERB_LISTED, &copy) != NULL)
			good++;
		else
			assert_true(err.status >= 400 && err.code != NULL && err.message != NULL);
		free(copy);
	}
	assert_in_range(good, 1000, 15000);
}

static void names(void **state)
{
	(void)state;
	assert_null(verb_find(SLICE("")));
	assert_null(verb_find(SLICE("emi")));
	assert_null(verb_find(SLICE("emitt")));
	assert_int_equal(verb_may(verb_find(SLICE("emit"))), CONF_MAY_PUBLISH);
	assert_int_equal(verb_may(verb_find(SLICE("event"))), CONF_MAY_PUBLISH);
	assert_int_equal(verb_may(verb_find(SLICE("disconnect"))), CONF_MAY_CONTROL);
}

static int end(void **state)
{
	conf_free((struct conf *)(uintptr_t)w->conf);
	return conf_fixture_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(wrong),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(last_counts),
	    cmocka_unit_test(who_waits),
	    cmocka_unit_test(good_events),
	    cmocka_unit_test(hooks),
	    cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, setup, end);
}
