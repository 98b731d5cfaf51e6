#include <errno.h>
#include <string.h>

#include "proto/json.h"
#include "proto/sid.h"
#include "shm/op.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

#define SHOWN_MAX 64 /* bytes of a member's name that an error repeats */

bool verb_wrong(struct verb_error *err, unsigned status, const char *code, const char *message, const char *field)
{
	*err = (struct verb_error){status, code, message, field, 0};
	return false;
}

bool verb_unpublished(struct verb_error *err, int64_t published)
{
	if (published == -EMSGSIZE)
		return verb_wrong(err, 413, "too_large", "the event is larger than an eighth of a ring", NULL);
	return verb_wrong(err, 429, "busy", "the rings are full: try again", NULL);
}

/* A member's name as text of the turn, which need not end. */
static const char *shown(struct worker *w, struct slice key)
{
	char *p = arena_alloc(&w->arena, SHOWN_MAX + 1);
	size_t n = key.n < SHOWN_MAX ? key.n : SHOWN_MAX;

	memcpy(p, key.p, n);
	p[n] = '\0';
	return p;
}

bool verb_members(
    struct worker *w, struct slice body, const char *const *names, struct verb_members *out, struct verb_error *err)
{
	struct slice v = json_trim(body), key, value;
	struct json_iter it;

	memset(out, 0, sizeof(*out));
	out->name = names;
	if (json_type(v) != JSON_OBJECT)
		return verb_wrong(err, 400, "syntax", "the body must be a JSON object", NULL);
	for (it = json_iter(v); json_next_member(&it, &key, &value);) {
		unsigned i = 0;

		while (names[i] != NULL && !json_string_is(key, slice_make(names[i], strlen(names[i]))))
			i++;
		if (names[i] == NULL)
			return verb_wrong(err, 422, "unknown_field", "this call has no such field", shown(w, key));
		out->value[i] = value;
	}
	return true;
}

struct slice verb_member(const struct verb_members *m, const char *name)
{
	for (unsigned i = 0; m->name[i] != NULL; i++) {
		if (strcmp(m->name[i], name) == 0)
			return m->value[i];
	}
	return slice_make(NULL, 0);
}

bool verb_room_text(struct worker *w, struct slice value, struct slice *out)
{
	char *p;
	ssize_t n;

	if (json_type(value) != JSON_STRING || value.n > 6 * OP_NAME_MAX + 2)
		return false;
	p = arena_alloc(&w->arena, value.n);
	n = json_string_decode(value, p, value.n);
	if (n < 1 || n > OP_NAME_MAX)
		return false;
	for (ssize_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	}
	*out = slice_make(p, (size_t)n);
	return true;
}

static bool add_word(
    struct worker *w, struct slice value, const char *field, struct verb_targets *out, struct verb_error *err)
{
	struct slice word;
	unsigned slot;
	uint32_t gen;

	if (!verb_room_text(w, value, &word))
		return verb_wrong(err, 422, "invalid", "a target is a room, user:ID, role:R, socket:SID or all", field);
	if (slice_is(word, "all")) {
		out->all = true;
		return true;
	}
	if (word.n > 7 && memcmp(word.p, "socket:", 7) == 0) {
		word = slice_make(word.p + 7, word.n - 7);
		if (!sid_parse(word, &slot, &gen))
			return verb_wrong(err, 422, "invalid", "socket: needs a socket's id", field);
		out->room[out->n++] = (struct target_room){word, true};
		return true;
	}
	out->room[out->n++] = (struct target_room){word, false};
	return true;
}

bool verb_targets(struct worker *w, const struct verb_members *m, const char *name, bool required,
    struct verb_targets *out, struct verb_error *err)
{
	struct slice v = verb_member(m, name), el;
	size_t n = json_type(v) == JSON_ARRAY ? json_length(v) : 1;
	struct json_iter it;

	*out = (struct verb_targets){.n = 0};
	if (v.p == NULL && required)
		return verb_wrong(
		    err, 422, "missing", "a target is needed: a room, user:ID, role:R, socket:SID or all", name);
	if (v.p == NULL)
		return true;
	if (n > VERB_TARGETS_MAX)
		return verb_wrong(err, 422, "too_many", "at most 200 targets", name);
	out->room = arena_alloc(&w->arena, (n + 1) * sizeof(*out->room));
	if (json_type(v) != JSON_ARRAY)
		return add_word(w, v, name, out, err);
	for (it = json_iter(v); json_next_element(&it, &el);) {
		if (!add_word(w, el, name, out, err))
			return false;
	}
	if (required && n == 0)
		return verb_wrong(err, 422, "missing", "the list of targets is empty", name);
	return true;
}

/* NAME is a text of the turn, of verb_room_text(). */
void verb_fold_room(struct worker *w, struct slice nsp, struct slice name)
{
	const struct catalogue_nsp *rules = catalogue_nsp_find(&w->conf->catalogue, nsp.p, nsp.n);

	if (rules != NULL)
		catalogue_room_fold(rules, (char *)(uintptr_t)name.p, name.n);
}

void verb_fold_targets(struct worker *w, struct slice nsp, struct verb_targets *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!t->room[i].own)
			verb_fold_room(w, nsp, t->room[i].name);
}

const char *const *verb_target_names(struct worker *w, const struct verb_targets *t, unsigned *n)
{
	const char **names = arena_alloc(&w->arena, (t->n + 1) * sizeof(*names));

	names[0] = NULL;
	*n = t->all ? 1 : t->n;
	for (unsigned i = 0; i < t->n && !t->all; i++) {
		struct slice name = t->room[i].name;
		char *z = arena_alloc(&w->arena, name.n + 1);

		memcpy(z, name.p, name.n);
		z[name.n] = '\0';
		names[i] = z;
	}
	return names;
}

struct audience verb_audience(struct slice nsp, const struct verb_targets *to, const struct verb_targets *except)
{
	return (struct audience){
	    .nsp = nsp, .in = to->room, .nin = to->all ? 0 : to->n, .except = except->room, .nexcept = except->n};
}

bool verb_bool(const struct verb_members *m, const char *name, bool *out, struct verb_error *err)
{
	enum json_type type = json_type(verb_member(m, name));

	*out = type == JSON_TRUE;
	return type == JSON_TRUE || type == JSON_FALSE || type == JSON_NONE ||
	       verb_wrong(err, 422, "invalid", "true or false", name);
}

bool verb_id(struct worker *w, const struct verb_members *m, struct slice *out, struct verb_error *err)
{
	struct slice v = verb_member(m, "id");

	*out = slice_make(NULL, 0);
	if (v.p == NULL || (verb_room_text(w, v, out) && out->n <= VERB_ID_MAX))
		return true;
	return verb_wrong(err, 422, "invalid", "an id is text of 1 to 128 bytes without control characters", "id");
}

bool verb_namespace(struct worker *w, const struct verb_members *m, struct slice *out, struct verb_error *err)
{
	struct slice v = verb_member(m, "namespace"), name = SLICE("/");
	char *p;

	if (v.p != NULL && !verb_room_text(w, v, &name))
		return verb_wrong(err, 422, "invalid", "a namespace is text that begins with /", "namespace");
	if (catalogue_nsp_find(&w->conf->catalogue, name.p, name.n) == NULL)
		return verb_wrong(err, 422, "unknown", "this namespace is not declared", "namespace");
	p = arena_alloc(&w->arena, name.n + 1);
	memcpy(p, name.p, name.n);
	p[name.n] = '\0';
	*out = slice_make(p, name.n);
	return true;
}
