/*
 * fuzz_fields.c - any JSON as the arguments of rules with fields: what passes is JSON, has each declared name once, holds
 * the very bytes that came, and passes again as it is.
 *
 * The first byte chooses the rule.
 */
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proto/json.h"
#include "tests/fuzz/fuzz.h"
#include "worker/fields.h"

static const char text[] =
    "listen :0 { } auth { anonymous = yes }\n"
    "event \"0\" { fields = {\"a: string 1..3\", \"b?: int 0..5\", \"c: any = 7\", \"d?: a|b|1\"} }\n"
    "event \"1\" { fields = {\"a.b?: id\", \"a.c.d: number = 1.5\", \"a.c.e?: list string 1..2 0..2\", \"f?: object\"} }\n"
    "event \"2\" { fields = {\"a: any\", \"b?: digits\"}  unknown = pass }\n"
    "event \"3\" { fields = {\"a?: date\", \"b?: url\", \"c?: uuid\", \"d?: bool\", \"e?: binary 1..2\"}  unknown = reject }\n"
    "event \"4\" { params = {\"a: id\", \"b: int = 1\", \"c?: any\"}  shape = both }\n"
    "event \"5\" { params = {\"a?: list any 0..3\", \"b: bool = true\"}  unknown = pass }\n";

static const struct json_limits limits = {.depth = 128};
static const struct slice bytes[2] = {{"x", 1}, {"xyz", 3}};
static const struct attachments attached = {2, bytes};
static struct arena arena;

static const struct catalogue_nsp *rules(void)
{
	static struct conf *c;
	struct conf_errors errors;
	char path[64];
	int fd;

	if (c != NULL)
		return &c->catalogue.nsp[0];
	fd = memfd_create("conf", 0);
	assert(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(conf_load(path, false, &c, &errors) == 0);
	close(fd);
	arena_init(&arena);
	return &c->catalogue.nsp[0];
}

static bool no_source(void *arg, const struct source *src, struct slice *json)
{
	(void)arg;
	(void)src;
	(void)json;
	return false;
}

/* V has each member of S at most once, and no other where others go; what stayed is what SENT has. */
static void check_members(const struct fields *f, const struct field_set *s, const struct field_state *state,
    struct slice v, struct slice sent)
{
	struct json_iter it = json_iter(v);
	unsigned *seen = calloc(s->n, sizeof *seen);
	struct slice key, value, came;

	while (json_next_member(&it, &key, &value)) {
		char *name = malloc(key.n + 1);
		ssize_t n = json_string_decode(slice_make(key.p - 1, key.n + 2), name, key.n + 1);
		const struct field *m = field_find(s, name, (size_t)n);

		must(m != NULL || f->unknown == UNKNOWN_PASS);
		if (m == NULL) {
			free(name);
			continue;
		}
		must(seen[m - s->field]++ == 0 && state[m->index].found != FIELD_ABSENT);
		if (state[m->index].found == FIELD_CAME)
			must(json_get(sent, slice_make(name, (size_t)n), &came));
		if (m->members.n > 0)
			check_members(f, &m->members, state, value,
			    state[m->index].found == FIELD_CAME ? came : slice_make(NULL, 0));
		else if (state[m->index].found == FIELD_CAME)
			must(slice_eq(value, came));
		free(name);
	}
	for (unsigned i = 0; i < s->n; i++)
		must(seen[i] == 1 || state[s->field[i].index].found == FIELD_ABSENT);
	free(seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct catalogue_nsp *nsp = rules();
	const struct fields *f;
	struct fields_result one, two;
	struct slice args, list, sent = {NULL, 0};
	struct json_iter it;
	char name, *copy;

	if (size == 0)
		return 0;
	name = (char)('0' + data[0] % 6);
	f = catalogue_event(nsp, &name, 1)->fields;
	copy = malloc(size + 1);
	copy[0] = '[';
	memcpy(copy + 1, data + 1, size - 1);
	copy[size] = ']';
	list = slice_make(copy, size + 1);
	if (json_valid(list, &limits)) {
		args = json_trim(slice_make(copy + 1, size - 1));
		if (args.n == 0)
			args.p = NULL;
		arena_reset(&arena);
		if (fields_check(f, &arena, args, &attached, no_source, NULL, &one)) {
			char *again = malloc(one.args.n + 2);

			it = json_iter(list);
			(void)json_next_element(&it, &sent);
			again[0] = '[';
			if (one.args.n > 0)
				memcpy(again + 1, one.args.p, one.args.n);
			again[one.args.n + 1] = ']';
			must(json_valid(slice_make(again, one.args.n + 2), &limits));
			must(one.payload.n == 0 || json_valid(one.payload, &limits));
			if (!f->params)
				check_members(f, &f->top, one.state, one.payload, sent);
			free(again);
			must(fields_check(f, &arena, one.args, &attached, no_source, NULL, &two));
			must(two.args.p == one.args.p && two.args.n == one.args.n);
			must(slice_eq(one.payload, two.payload));
		}
	}
	free(copy);
	return 0;
}
