#include <string.h>

#include "conf/conf.h"
#include "proto/json.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

struct verb_kind {
	const char *name;
	unsigned may; /* enum conf_may */
	const char *const *members;
	bool (*read)(struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
	bool (*run)(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
};

static const char *const emit[] = {
	"to", "except", "namespace", "event", "data", "args", "volatile", "local", "timeout", "id", "delay",
	"at", NULL};
static const char *const cancel[] = {"id", NULL};
static const char *const event[] = {"type", "namespace", "data", "vars", "id", NULL};
static const char *const join[] = {"in", "except", "namespace", "rooms", NULL};
static const char *const disconnect[] = {"in", "except", "namespace", "close", NULL};

static const struct verb_kind kinds[] = {
	{"emit", CONF_MAY_PUBLISH, emit, verb_emit_read, verb_emit_run},
	{"schedule", CONF_MAY_PUBLISH, emit, verb_schedule_read, verb_emit_run},
	{"cancel", CONF_MAY_PUBLISH, cancel, verb_cancel_read, verb_cancel_run},
	{"event", CONF_MAY_PUBLISH, event, verb_event_read, verb_event_run},
	{"join", CONF_MAY_CONTROL, join, verb_join_read, verb_join_run},
	{"leave", CONF_MAY_CONTROL, join, verb_join_read, verb_leave_run},
	{"disconnect", CONF_MAY_CONTROL, disconnect, verb_disconnect_read, verb_disconnect_run},
};

const struct verb_kind *verb_find(struct slice name)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (slice_is(name, kinds[i].name))
			return &kinds[i];
	}
	return NULL;
}

unsigned verb_may(const struct verb_kind *kind)
{
	return kind->may;
}

const struct verb *verb_read(
    struct worker *w, const struct verb_kind *kind, struct slice body, enum verb_way way, struct verb_error *err)
{
	struct verb *v = arena_alloc(&w->arena, sizeof(*v));
	struct verb_members m;

	memset(v, 0, sizeof(*v));
	v->kind = kind;
	return verb_members(w, body, kind->members, &m, err) && kind->read(w, &m, way, v, err) ? v : NULL;
}

int verb_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	*out = (struct verb_result){.status = 200};
	if (verb_has_id(v))
		return verb_run_held(w, v, out, NULL, NULL, err) ? 0 : -1;
	return verb_admit(w, v, err) && v->kind->run(w, v, out, err) ? 0 : -1;
}

bool verb_admit(struct worker *w, const struct verb *v, struct verb_error *err)
{
	return v->kind->run != verb_event_run || verb_event_admit(w, v, err);
}

bool verb_do(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	return v->kind->run(w, v, out, err);
}

void verb_result_id(struct verb_result *out, const struct verb *v, const char id[UUID_LEN + 1])
{
	struct slice s = v->id.p != NULL ? v->id : slice_make(id, UUID_LEN);

	memcpy(out->id, s.p, s.n);
	out->id[s.n] = '\0';
}

const char *verb_name(const struct verb *v)
{
	return v->kind->name;
}

void verb_put_result(struct buf *b, const struct verb_result *r)
{
	if (r->has_id) {
		buf_str(b, "\"id\":");
		buf_json_string(b, slice_make(r->id, strlen(r->id)));
		if (r->waits)
			buf_printf(b, ",\"at\":%lld", (long long)r->at_ms);
		else if (r->cancelled)
			buf_str(b, ",\"cancelled\":true");
		if (r->waits || r->cancelled)
			return;
		buf_str(b, ",\"delivered\":");
	} else {
		buf_str(b, "\"matched\":");
	}
	buf_uint(b, r->n);
}

void verb_put_error(struct buf *b, const struct verb_error *err)
{
	buf_str(b, "{\"code\":\"");
	buf_str(b, err->code);
	buf_str(b, "\",\"message\":");
	buf_json_string(b, slice_make(err->message, strlen(err->message)));
	if (err->field != NULL) {
		buf_str(b, ",\"field\":");
		buf_json_string(b, slice_make(err->field, strlen(err->field)));
	}
	buf_char(b, '}');
}
