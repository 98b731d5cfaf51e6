#include "worker/connecting.h"

#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "shm/op.h"
#include "worker/room.h"
#include "worker/rule_hook.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

static const struct rule *rule_of(const struct socket *so)
{
	return so->nsp->rules->on[TRIGGER_CONNECTING];
}

/* A hook that did not reply. */
static void failed(struct eval *e, const struct rule *r, enum hook_failure why, struct connecting_no *no)
{
	struct text text;
	enum refusal code = rule_hook_refusal(e, slice_make(r->name_json.p, r->name_json.n), r->hook.hook, why, &text);
	struct buf *b = &e->w->json;

	*no = (struct connecting_no){.counted = (enum refused)code, .text = slice_make(text.p, text.n)};
	if (text.p != NULL)
		return;
	text = e->w->conf->catalogue.texts[code];
	buf_reset(b);
	buf_json_escaped(b, slice_make(text.p, text.n));
	no->text = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
}

enum connecting_step connecting_ask(
    struct socket *so, const struct sio_packet *p, int64_t ends_ms, rule_run_fn fn, struct connecting_no *no)
{
	const struct rule *r = rule_of(so);
	struct slice name = slice_make(r->name_json.p, r->name_json.n);
	struct rule_run *run;
	enum hook_failure why;
	struct eval e;

	eval_init(&e, so->session->w, so);
	if (r->hook.notify) {
		rule_notify(&e, name, &r->hook);
		return CONNECTING_ADMIT;
	}
	run = rule_wait(&e, name, &r->hook, 0, p, r, true, fn, &why);
	if (run != NULL) {
		run->ends_ms = ends_ms;
		return CONNECTING_WAIT;
	}
	if (r->hook.hook->goes_on)
		return CONNECTING_ADMIT;
	failed(&e, r, why, no);
	return CONNECTING_REFUSE;
}

bool connecting_refused(const struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why,
    struct connecting_no *no)
{
	const struct rule *r = run->what;
	struct eval e;

	if (reply == NULL) {
		if (r->hook.hook->goes_on)
			return false;
		eval_again(run->kept, so, &e);
		failed(&e, r, why, no);
		return true;
	}
	if (!reply->refused)
		return false;
	*no = (struct connecting_no){.counted = REFUSED_HOOK, .text = json_string_raw(reply->message), .data = reply->error_data};
	if (reply->code.p != NULL)
		no->code = json_string_raw(reply->code);
	return true;
}

/* A string of a reply that was judged; p NULL when it is absent. */
static struct slice text_of(struct worker *w, struct slice json)
{
	char *text;

	if (json.p == NULL)
		return json;
	text = arena_alloc(&w->arena, json.n);
	return slice_make(text, (size_t)json_string_decode(json, text, json.n));
}

/* A room of a declared type, with an id unless there is one room of the type. */
static bool may_be_granted(const struct socket *so, struct slice room)
{
	const char *colon = memchr(room.p, ':', room.n);
	size_t n = colon != NULL ? (size_t)(colon - room.p) : room.n;
	const struct room_type *type = catalogue_type_of_room(so->nsp->rules, room.p, room.n);

	if (type == NULL || room.n + so->nsp->name.n > OP_NAME_MAX)
		return false;
	for (size_t i = 0; i < room.n; i++) {
		if ((unsigned char)room.p[i] < 0x20 || room.p[i] == 0x7f)
			return false;
	}
	return type->single ? colon == NULL : colon != NULL && n + 1 < room.n;
}

/* Names, each with a NUL behind it, and one more. */
static char *granted_of(struct socket *so, struct slice list)
{
	struct worker *w = so->session->w;
	struct json_iter it = json_iter(list);
	char *out = malloc(list.n + 1), *at = out;
	struct slice room;

	if (out == NULL)
		worker_die(w, "out of memory");
	while (json_next_element(&it, &room)) {
		struct slice name = text_of(w, room);

		if (!may_be_granted(so, name)) {
			log_warn("hook_room", "sid=%s room=%.*s", so->id.text, (int)(name.n > 64 ? 64 : name.n), name.p);
			continue;
		}
		memcpy(at, name.p, name.n);
		catalogue_room_fold(so->nsp->rules, at, name.n);
		at += name.n;
		*at++ = '\0';
	}
	*at = '\0';
	return out;
}

void connecting_user(struct socket *so, const struct hook_reply *reply)
{
	struct worker *w = so->session->w;
	struct user *old = so->user;
	struct slice name = text_of(w, reply->name), role = text_of(w, reply->role);

	if (old != NULL && (name.p != NULL || role.p != NULL)) {
		so->user = user_get(
		    w, user_id(old), name.p != NULL ? name : user_name(old), role.p != NULL ? role : user_role(old));
		user_put(w, old);
	}
	if (reply->user_data.p != NULL) {
		free(so->data);
		so->data = strndup(reply->user_data.p, reply->user_data.n);
	}
	if (reply->rooms.p != NULL) {
		free(so->granted);
		so->granted = granted_of(so, reply->rooms);
	}
}
