#include <stdio.h>

#include "proto/json.h"
#include "proto/sid.h"
#include "shm/op.h"
#include "worker/api.h"
#include "worker/api_body.h"
#include "worker/worker.h"

static const struct json_limits body_limits = {.depth = 128, .values = 0, .utf8 = true};

bool api_body_object(struct conn *c, struct slice body)
{
	struct slice v = body;

	if (!json_valid(body, &body_limits)) {
		api_error(c, 400, "syntax", "the body is not JSON", NULL);
		return false;
	}
	v = json_trim(body);
	if (json_type(v) != JSON_OBJECT) {
		api_error(c, 400, "syntax", "the body must be a JSON object", NULL);
		return false;
	}
	return true;
}

bool api_body_only(struct conn *c, struct slice body, const char *const *known)
{
	struct json_iter it = json_iter(json_trim(body));
	struct slice key, value;

	while (json_next_member(&it, &key, &value)) {
		const char *const *k = known;
		char name[80];

		while (*k != NULL && !json_string_is(key, slice_make(*k, strlen(*k))))
			k++;
		if (*k != NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(key.n < 64 ? key.n : 64), key.p);
		api_error(c, 422, "unknown_field", "this call has no such field", name);
		return false;
	}
	return true;
}

bool api_room_text(struct worker *w, struct slice value, struct slice *out)
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

static bool add_word(struct conn *c, struct slice value, const char *field, struct api_targets *out)
{
	struct slice word;
	unsigned slot;
	uint32_t gen;

	if (!api_room_text(c->w, value, &word)) {
		api_error(c, 422, "invalid", "a target is a room, user:ID, role:R, socket:SID or all", field);
		return false;
	}
	if (slice_is(word, "all")) {
		out->all = true;
		return true;
	}
	if (out->n == API_TARGETS_MAX) {
		api_error(c, 422, "too_many", "at most 200 targets", field);
		return false;
	}
	if (word.n > 7 && memcmp(word.p, "socket:", 7) == 0) {
		word = slice_make(word.p + 7, word.n - 7);
		if (!sid_parse(word, &slot, &gen)) {
			api_error(c, 422, "invalid", "socket: needs a socket's id", field);
			return false;
		}
		out->room[out->n++] = (struct target_room){word, true};
		return true;
	}
	out->room[out->n++] = (struct target_room){word, false};
	return true;
}

bool api_body_targets(struct conn *c, struct slice body, const char *field, bool required, struct api_targets *out)
{
	struct slice v, el;
	struct json_iter it;

	out->n = 0;
	out->all = false;
	if (!json_get(json_trim(body), slice_make(field, strlen(field)), &v)) {
		if (required)
			api_error(c, 422, "missing", "a target is needed: a room, user:ID, role:R, socket:SID or all", field);
		return !required;
	}
	if (json_type(v) != JSON_ARRAY)
		return add_word(c, v, field, out);
	for (it = json_iter(v); json_next_element(&it, &el);) {
		if (!add_word(c, el, field, out))
			return false;
	}
	if (required && out->n == 0 && !out->all) {
		api_error(c, 422, "missing", "the list of targets is empty", field);
		return false;
	}
	return true;
}

unsigned api_target_names(struct worker *w, const struct api_targets *t, const char *names[API_TARGETS_MAX])
{
	if (t->all) {
		names[0] = NULL;
		return 1;
	}
	for (unsigned i = 0; i < t->n; i++) {
		struct slice name = t->room[i].name;
		char *z = arena_alloc(&w->arena, name.n + 1);

		memcpy(z, name.p, name.n);
		z[name.n] = '\0';
		names[i] = z;
	}
	return t->n;
}

bool api_body_bool(struct conn *c, struct slice body, const char *field, bool *out)
{
	struct slice v;

	*out = false;
	if (!json_get(json_trim(body), slice_make(field, strlen(field)), &v))
		return true;
	if (json_type(v) != JSON_TRUE && json_type(v) != JSON_FALSE) {
		api_error(c, 422, "invalid", "true or false", field);
		return false;
	}
	*out = json_type(v) == JSON_TRUE;
	return true;
}

bool api_body_namespace(struct conn *c, struct slice body, struct slice *out)
{
	struct slice v, name = SLICE("/");

	if (json_get(json_trim(body), SLICE("namespace"), &v) && !api_room_text(c->w, v, &name)) {
		api_error(c, 422, "invalid", "a namespace is text that begins with /", "namespace");
		return false;
	}
	if (catalogue_nsp_find(&c->w->conf->catalogue, name.p, name.n) == NULL) {
		api_error(c, 422, "unknown", "this namespace is not declared", "namespace");
		return false;
	}
	*out = slice_make(memcpy(arena_alloc(&c->w->arena, name.n + 1), name.p, name.n), name.n);
	((char *)(uintptr_t)out->p)[name.n] = '\0';
	return true;
}
