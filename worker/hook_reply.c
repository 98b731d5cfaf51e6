#include "worker/hook_reply.h"

#include "conf/log.h"
#include "proto/json.h"
#include "worker/verb.h"
#include "worker/worker.h"

#define NAME_MAX_BYTES 128u

static const struct json_limits limits = {.depth = 128, .values = 200000, .utf8 = true};

/* V as a string of at most MAX bytes when it is there; *OUT stays as it is when it is not, or null. */
static bool optional_string(struct slice v, const char *name, size_t max, struct slice *out)
{
	struct slice s;

	if (!json_get(v, slice_make(name, strlen(name)), &s) || json_type(s) == JSON_NULL)
		return true;
	*out = s;
	return json_type(s) == JSON_STRING && s.n <= max * 6 + 2; /* escapes are six bytes for one */
}

/* What a token could name too: text of 1 to NAME_MAX_BYTES bytes without control characters.  Absent is good. */
static bool is_name(struct slice json)
{
	char text[NAME_MAX_BYTES];
	ssize_t n;

	if (json.p == NULL)
		return true;
	n = json_string_decode(json, text, sizeof(text));
	for (ssize_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return n > 0;
}

static bool read_error(struct slice v, struct hook_reply *out)
{
	out->refused = true;
	return json_type(v) == JSON_OBJECT && json_get(v, SLICE("message"), &out->message) &&
	       json_type(out->message) == JSON_STRING && optional_string(v, "code", NAME_MAX_BYTES, &out->code) &&
	       (json_get(v, SLICE("data"), &out->error_data) || true);
}

static bool read_rooms(struct slice list)
{
	struct json_iter it = json_iter(list);
	struct slice room;
	unsigned n = 0;

	if (json_type(list) != JSON_ARRAY)
		return false;
	while (json_next_element(&it, &room)) {
		if (json_type(room) != JSON_STRING || ++n > HOOK_ROOMS_MAX)
			return false;
	}
	return true;
}

static bool read_user(struct slice v, struct hook_reply *out)
{
	struct slice rooms;

	if (json_type(v) != JSON_OBJECT || !optional_string(v, "name", NAME_MAX_BYTES, &out->name) ||
	    !optional_string(v, "role", NAME_MAX_BYTES, &out->role) || !is_name(out->name) || !is_name(out->role))
		return false;
	(void)json_get(v, SLICE("data"), &out->user_data);
	if (!json_get(v, SLICE("rooms"), &rooms) || json_type(rooms) == JSON_NULL)
		return true;
	out->rooms = rooms;
	return read_rooms(rooms);
}

/* A verb of the API's. */
static bool read_act(struct worker *w, struct slice name, struct slice body, struct hook_reply *out)
{
	const struct verb_kind *kind = verb_find(name);
	struct verb_error err;
	const struct verb *v;

	if (kind == NULL)
		return false;
	v = verb_read(w, kind, body, VERB_REPLIED, &err);
	if (v == NULL) {
		log_warn("hook_verb", "verb=%.*s code=%s message=%s", (int)name.n, name.p, err.code, err.message);
		return false;
	}
	if (!out->refused)
		out->act[out->nact++] = v; /* behind an error nothing is run */
	return true;
}

static bool read_verb(struct worker *w, struct slice name, struct slice body, bool connecting, struct hook_reply *out)
{
	struct hook_reply ignored = {.refused = false};
	struct hook_reply *own = out->refused ? &ignored : out;

	if (slice_is(name, "data"))
		own->data = body;
	else if (slice_is(name, "ack"))
		own->ack = body;
	else if (slice_is(name, "error"))
		return read_error(body, own);
	else if (slice_is(name, "user"))
		return connecting && read_user(body, own);
	else
		return read_act(w, name, body, out);
	return true;
}

bool hook_reply_read(struct worker *w, struct slice body, bool connecting, struct hook_reply *out)
{
	struct slice element, name, value, more;
	struct json_iter it;
	size_t n;

	*out = (struct hook_reply){.refused = false};
	if (!json_valid(body, &limits))
		return false;
	body = json_trim(body);
	if (json_type(body) != JSON_ARRAY)
		return false;
	n = json_length(body);
	if (n > HOOK_VERBS_MAX)
		return false;
	out->act = arena_alloc(&w->arena, (n + 1) * sizeof(*out->act));
	for (it = json_iter(body); json_next_element(&it, &element);) {
		struct json_iter members;

		if (json_type(element) != JSON_OBJECT)
			return false;
		members = json_iter(element);
		if (!json_next_member(&members, &name, &value))
			return false;
		if (!read_verb(w, name, value, connecting, out) || json_next_member(&members, &more, &value)) {
			log_debug("hook_verb_refused", "verb=%.*s", (int)(name.n > 64 ? 64 : name.n), name.p);
			return false;
		}
	}
	return true;
}

int64_t hook_reply_run(struct worker *w, const struct hook_reply *reply)
{
	int64_t ticket = 0;

	for (unsigned i = 0; i < reply->nact; i++) {
		struct verb_result result;
		struct verb_error err;

		if (verb_run(w, reply->act[i], &result, &err) != 0)
			log_warn("hook_verb", "code=%s message=%s", err.code, err.message);
		else if (result.ticket != 0)
			ticket = result.ticket;
	}
	return ticket;
}
