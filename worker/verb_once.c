/*
 * verb_once.c - a verb whose caller chose an id: done once on the whole host, and every caller is told the same.
 *
 * What it publishes is held and travels inside the question, so that an id is never remembered for a message that was
 * not sent, nor a message sent whose id is not remembered.  With the id the keeper keeps what the first caller
 * was told.
 */
#include <errno.h>
#include <stdlib.h>

#include "worker/eval_keep.h"
#include "worker/publish.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

#define KEY_HEAD_MAX 16 /* the verb's name and a colon */
#define TOO_LARGE    "what has an id, or waits, is at most 128 KiB and an eighth of a ring"

struct waiting {
	verb_done_fn fn; /* NULL: nobody waits */
	void *arg;
	struct verb_result result;
	const struct rule *route; /* of an event */
	struct eval_kept *hook;	  /* what its hook is told when the id is new; NULL: nothing */
};

bool verb_has_id(const struct verb *v)
{
	return v->id.p != NULL;
}

static bool unanswered(struct verb_error *err, int result)
{
	if (result == RECORD_ONCE_REFUSED)
		return verb_wrong(err, 503, "unavailable", "what waits cannot be kept now: data_dir cannot be written", NULL);
	if (result == RECORD_ONCE_FULL)
		return verb_wrong(err, 503, "full", "the store takes no more ids: try again later", "id");
	return verb_wrong(err, 503, "unavailable", "it is not known whether it was done: try again with the same id", NULL);
}

static void as_first_told(struct verb_result *r, struct slice data)
{
	struct op_told told;

	memcpy(&told, data.p, sizeof(told));
	r->n = told.n;
	r->waits = told.at_ms != 0;
	r->at_ms = told.at_ms;
}

static void answered(struct worker *w, void *arg, int result, struct slice data)
{
	struct waiting *wait = arg;
	struct verb_error err;
	bool known = result == RECORD_ONCE_NEW || result == RECORD_ONCE_TAKEN;

	if (result == RECORD_ONCE_TAKEN && wait->result.cancelled)
		known = verb_wrong(&err, 404, "not_found", "nothing of this id waits", "id");
	else if (!known)
		unanswered(&err, result);
	else if (data.n == sizeof(struct op_told))
		as_first_told(&wait->result, data);
	if (wait->fn != NULL)
		wait->fn(w, wait->arg, &wait->result, known ? NULL : &err);
	verb_hook_tell_kept(wait->route, wait->hook, result == RECORD_ONCE_NEW);
	free(wait);
}

static struct question *question(struct worker *w, const struct verb *v, const struct buf *fields, uint64_t n)
{
	struct op_head head = {.kind = v->cancels ? OP_CANCEL : OP_ONCE, .time_ms = VERB_ONCE_MS};
	struct question *q = ask_new(w, &head, OP_KEY_MAX + VERB_ID_MAX + 128 + v->body.n + fields->n);
	const char *name = v->waits || v->cancels ? "emit" : verb_name(v);
	struct op_told told = {n, v->waits ? v->at_ms : 0};
	char key[KEY_HEAD_MAX + VERB_ID_MAX];
	struct tlv_writer *t;
	size_t len = strlen(name);

	if (q == NULL)
		return NULL;
	memcpy(key, name, len);
	key[len++] = ':';
	memcpy(key + len, v->id.p, v->id.n);
	t = ask_fields(q);
	tlv_put(t, OP_TLV_KEY, 0, key, len + v->id.n);
	tlv_put(t, OP_TLV_DATA, 0, &told, sizeof(told));
	if (v->waits) {
		tlv_put(t, OP_TLV_AT, 0, &v->at_ms, sizeof(v->at_ms));
		tlv_put(t, OP_TLV_BODY, 0, v->body.p, v->body.n);
	}
	if (v->waits || v->cancels)
		tlv_put(t, OP_TLV_ID, 0, v->id.p, v->id.n);
	if (fields->n > 0)
		memcpy(t->buf + t->len, fields->p, fields->n);
	t->len += fields->n;
	return q;
}

bool verb_run_held(struct worker *w, const struct verb *v, struct verb_result *out, verb_done_fn fn, void *arg,
    struct verb_error *err)
{
	struct publish_held held = {.fields = {NULL, 0, 0}};
	struct waiting *wait = NULL;
	struct question *q;
	int rc = -ENOBUFS;
	bool done;

	if (!verb_admit(w, v, err))
		return false;
	publish_hold(w, &held);
	done = verb_do(w, v, out, err);
	publish_go(w);
	if (!done && err->status == 413)
		verb_wrong(err, 413, "too_large", TOO_LARGE, NULL);
	if (!done)
		goto out;
	out->ticket = 0;
	out->waits = v->waits;
	out->at_ms = v->at_ms;
	out->cancelled = v->cancels;
	q = question(w, v, &held.fields, out->n);
	if (q != NULL) {
		wait = malloc(sizeof(*wait));
		if (wait == NULL)
			worker_die(w, "out of memory");
		*wait = (struct waiting){.fn = fn, .arg = arg, .result = *out, .hook = verb_hook_keep(v)};
		if (wait->hook != NULL)
			wait->route = v->u.event.route;
		rc = ask_send(w, q, answered, wait);
	}
	if (rc == -EMSGSIZE)
		done = verb_wrong(err, 413, "too_large", v->waits ? "what waits has less than 64 KiB" : TOO_LARGE, NULL);
	else if (rc < 0)
		done = verb_unpublished(err, rc);
	if (!done && wait != NULL)
		verb_hook_tell_kept(NULL, wait->hook, false);
	if (!done)
		free(wait);
out:
	buf_fini(&held.fields);
	return done;
}

int verb_run_once(struct worker *w, const struct verb *v, verb_done_fn fn, void *arg, struct verb_error *err)
{
	struct verb_result r = {.status = 200};

	return verb_run_held(w, v, &r, fn, arg, err) ? 0 : -1;
}
