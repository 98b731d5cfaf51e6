/*
 * verb_schedule.c - `schedule` (an `emit` that waits) and `cancel`.
 */
#include "conf/conf.h"
#include "proto/json.h"
#include "worker/verb_body.h"
#include "worker/verb_time.h"
#include "worker/worker.h"

#define AHEAD_MAX_MS (INT64_C(366) * 86400000)

/* The members as they came, but for those that say when, apart by commas. */
static struct slice body_of(struct worker *w, const struct verb_members *m)
{
	size_t cap = 1;
	char *p, *at;

	for (unsigned i = 0; m->name[i] != NULL; i++)
		cap += strlen(m->name[i]) + m->value[i].n + 4;
	p = at = arena_alloc(&w->arena, cap);
	for (unsigned i = 0; m->name[i] != NULL; i++) {
		const char *name = m->name[i];
		size_t n = strlen(name);

		if (m->value[i].p == NULL || strcmp(name, "id") == 0 || strcmp(name, "delay") == 0 || strcmp(name, "at") == 0)
			continue;
		if (at > p)
			*at++ = ',';
		*at++ = '"';
		memcpy(at, name, n);
		at += n;
		*at++ = '"';
		*at++ = ':';
		memcpy(at, m->value[i].p, m->value[i].n);
		at += m->value[i].n;
	}
	return slice_make(p, (size_t)(at - p));
}

static bool kept(const struct worker *w, const char *field, struct verb_error *err)
{
	return w->conf->data_dir.p != NULL ||
	       verb_wrong(err, 422, "no_data_dir", "what waits has to survive a restart: the conf needs data_dir", field);
}

bool verb_later(struct worker *w, const struct verb_members *m, struct verb *v, struct verb_error *err)
{
	struct slice delay = verb_member(m, "delay"), at = verb_member(m, "at");
	const char *field = delay.p != NULL ? "delay" : "at";
	int64_t ms;

	if (delay.p == NULL && at.p == NULL)
		return true;
	if (!kept(w, field, err))
		return false;
	if (delay.p != NULL && at.p != NULL)
		return verb_wrong(err, 422, "invalid", "delay and at: keep one", "at");
	if (delay.p != NULL && (!verb_time_delay(delay, &ms) || ms > AHEAD_MAX_MS))
		return verb_wrong(err, 422, "invalid", "milliseconds, or text like \"5m\", at most 366 days", "delay");
	if (delay.p != NULL)
		ms += w->now_ms;
	else if (!verb_time_at(at, &ms) || ms > w->now_ms + AHEAD_MAX_MS)
		return verb_wrong(
		    err, 422, "invalid", "milliseconds since 1970, or \"2026-03-01T12:00:00Z\", at most 366 days ahead", "at");
	if (v->u.emit.local || v->u.emit.timeout_ms > 0)
		return verb_wrong(err, 422, "invalid", "what waits is for the whole host, and nobody waits for its acks",
		    v->u.emit.local ? "local" : "timeout");
	v->waits = true;
	v->at_ms = ms;
	v->body = body_of(w, m);
	if (v->id.p == NULL) {
		char *id = arena_alloc(&w->arena, UUID_LEN + 1);

		uuid_make(id);
		v->id = slice_make(id, UUID_LEN);
	}
	return true;
}

bool verb_schedule_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	if (verb_member(m, "delay").p == NULL && verb_member(m, "at").p == NULL)
		return verb_wrong(err, 422, "missing", "when: delay or at", "at");
	return verb_emit_read(w, m, way, v, err);
}

bool verb_cancel_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	(void)way;
	if (!kept(w, NULL, err) || !verb_id(w, m, &v->id, err))
		return false;
	v->cancels = true;
	return v->id.p != NULL || verb_wrong(err, 422, "missing", "the id of what waits", "id");
}

/* The keeper does it. */
bool verb_cancel_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	(void)w;
	(void)err;
	out->has_id = true;
	verb_result_id(out, v, NULL);
	return true;
}
