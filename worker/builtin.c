#include <errno.h>

#include "conf/catalogue.h"
#include "proto/json.h"
#include "shm/op.h"
#include "worker/builtin.h"
#include "worker/join.h"
#include "worker/room.h"
#include "worker/rule.h"
#include "worker/rule_hook.h"
#include "worker/session.h"
#include "worker/worker.h"

/* A part of a room's name from a client: 1-128 bytes without control characters, or an integer. */
static bool put_part(struct slice v, struct buf *out)
{
	int64_t number;
	ssize_t n;

	if (json_int(v, &number)) {
		buf_slice(out, v);
		return true;
	}
	if (json_type(v) != JSON_STRING)
		return false;
	n = json_string_decode(v, buf_reserve(out, v.n), v.n);
	if (n < 1 || n > 128)
		return false;
	for (ssize_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)out->p[out->n + (size_t)i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	out->n += (size_t)n;
	return true;
}

/*
 * Reads {room, id} into the full name (w->name) and finds its type.  NULL with *CODE when the request is malformed or
 * the type is not declared.
 */
static const struct room_type *room_asked(struct socket *so, const struct sio_packet *p, enum refusal *code)
{
	struct worker *w = so->session->w;
	struct json_iter it = json_iter(p->payload);
	const struct room_type *type;
	struct slice arg, room, id = {NULL, 0};
	struct buf *b = &w->name;

	*code = REFUSAL_INVALID;
	if (!json_next_element(&it, &arg) || !json_next_element(&it, &arg) || !json_get(arg, SLICE("room"), &room) ||
	    json_type(room) != JSON_STRING)
		return NULL;
	buf_reset(b);
	if (!put_part(room, b))
		return NULL;
	*code = REFUSAL_FORBIDDEN;
	type = catalogue_room_type(so->nsp->rules, b->p, b->n);
	if (type == NULL)
		return NULL;
	*code = REFUSAL_INVALID;
	if (json_get(arg, SLICE("id"), &id) && json_type(id) == JSON_NULL)
		id.p = NULL;
	if (id.p == NULL)
		return type->single ? type : NULL;
	if (type->single)
		return NULL;
	buf_char(b, ':');
	if (!put_part(id, b) || b->n + so->nsp->name.n > OP_NAME_MAX)
		return NULL;
	catalogue_room_fold(so->nsp->rules, b->p, b->n);
	return type;
}

static void confirm(struct socket *so, const struct sio_packet *p, const char *verb)
{
	struct worker *w = so->session->w;
	struct slice room = buf_as_slice(&w->name);
	struct buf *b = &w->json;

	if (!p->has_id)
		return;
	buf_reset(b);
	buf_str(b, "{\"success\":true,\"room\":");
	buf_json_string(b, room);
	buf_printf(b, ",\"message\":\"%s ", verb);
	buf_json_escaped(b, room);
	buf_str(b, "\"}");
	socket_ack(so, p->id, buf_as_slice(b), (struct attachments){0, NULL});
}

/* Admitted: by its policy, or by its hook, whose answer ACK (p NULL: none) is the client's then. */
static void subscribe(struct socket *so, const struct sio_packet *p, struct slice name, struct slice ack)
{
	int err = joined_room(so, name) != NULL ? 0 : join_room(so, name);

	if (err != 0)
		rule_refuse(so, p, err == -EDQUOT ? REFUSAL_TOO_MANY_ROOMS : REFUSAL_BUSY);
	else if (ack.p == NULL)
		confirm(so, p, "Subscribed to");
	else if (p->has_id)
		socket_ack(so, p->id, ack, (struct attachments){0, NULL});
}

static bool has_hook(const struct room_type *type)
{
	for (unsigned i = 0; i < type->njoin; i++) {
		if (type->join[i].kind == WHO_HOOK)
			return true;
	}
	return false;
}

/* Whoever cannot ask does not let in, whatever `on_fail` says. */
static void refuse_unasked(
    struct eval *e, struct socket *so, const struct sio_packet *p, const struct room_type *type, enum hook_failure why)
{
	struct text text;
	enum refusal code = rule_hook_refusal(e, e->event, type->hook.hook, why, &text);

	rule_refuse_text(so, p, code, text);
}

static void subscribe_replied(
    struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	struct worker *w = run->w;
	struct eval e;

	eval_again(run->kept, so, &e);
	if (reply == NULL) {
		refuse_unasked(&e, so, &run->asked, run->what, why);
		return;
	}
	rule_hook_acts(w, so, reply);
	if (reply->refused) {
		rule_refuse_by_hook(so, &run->asked, json_string_raw(reply->message),
		    reply->code.p != NULL ? json_string_raw(reply->code) : reply->code);
		return;
	}
	buf_reset(&w->name);
	buf_slice(&w->name, e.room);
	subscribe(so, &run->asked, buf_as_slice(&w->name), reply->ack);
}

/* Asks the hook of the room's type; the room is in w->name. */
static void ask(struct socket *so, const struct sio_packet *p, const struct room_type *type)
{
	struct worker *w = so->session->w;
	struct slice name = buf_as_slice(&w->name);
	enum hook_failure why;
	struct eval e;

	eval_init(&e, w, so);
	e.event = p->name;
	e.args = sio_bare_args(p);
	e.room = slice_make(arena_copy(&w->arena, name.p, name.n), name.n);
	if (rule_wait(&e, p->name, &type->hook, 0, p, type, false, subscribe_replied, &why) == NULL)
		refuse_unasked(&e, so, p, type, why);
}

static void on_subscribe(struct socket *so, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	enum refusal code;
	const struct room_type *type = room_asked(so, p, &code);
	struct slice name = buf_as_slice(&w->name);

	if (type == NULL)
		rule_refuse(so, p, code);
	else if (joined_room(so, name) != NULL || rule_admits(so, type->join, type->njoin, name))
		subscribe(so, p, name, slice_make(NULL, 0));
	else if (has_hook(type))
		ask(so, p, type);
	else
		rule_refuse(so, p, REFUSAL_FORBIDDEN);
}

static void on_unsubscribe(struct socket *so, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	enum refusal code;
	const struct room_type *type = room_asked(so, p, &code);
	struct slice name = buf_as_slice(&w->name);
	struct room *r;

	if (type == NULL) {
		rule_refuse(so, p, code);
		return;
	}
	r = joined_room(so, name);
	if (r == NULL || room_is_automatic(r, so)) {
		rule_refuse(so, p, r == NULL ? REFUSAL_NOT_MEMBER : REFUSAL_FORBIDDEN);
		return;
	}
	leave_room(so, r, name);
	confirm(so, p, "Unsubscribed from");
}

static void on_get_rooms(struct socket *so, const struct sio_packet *p)
{
	struct buf *b = &so->session->w->json;

	if (!p->has_id)
		return;
	buf_reset(b);
	buf_char(b, '[');
	for (unsigned i = 1; i < so->nrooms; i++) {
		if (i > 1)
			buf_char(b, ',');
		buf_json_string(b, room_name(so->rooms[i].room));
	}
	buf_char(b, ']');
	socket_ack(so, p->id, buf_as_slice(b), (struct attachments){0, NULL});
}

static void on_ping(struct socket *so, const struct sio_packet *p)
{
	if (p->has_id)
		socket_ack(so, p->id, SLICE("\"pong\""), (struct attachments){0, NULL});
	else
		socket_emit(so, "pong", slice_make("", 0));
}

/* Which of them has this name in the socket's namespace; BUILTIN_MAX when none. */
static unsigned builtin_of(const struct socket *so, struct slice name)
{
	const struct text *known = so->nsp->rules->builtins.name;
	unsigned i = 0;

	while (i < BUILTIN_MAX && (known[i].p == NULL || !slice_eq(name, slice_make(known[i].p, known[i].n))))
		i++;
	return i;
}

bool builtin_knows(const struct socket *so, struct slice name)
{
	return builtin_of(so, name) < BUILTIN_MAX;
}

bool builtin_event(struct socket *so, struct slice name, const struct sio_packet *p)
{
	static void (*const handler[BUILTIN_MAX])(struct socket *, const struct sio_packet *) = {
	    [BUILTIN_SUBSCRIBE] = on_subscribe,
	    [BUILTIN_UNSUBSCRIBE] = on_unsubscribe,
	    [BUILTIN_ROOMS] = on_get_rooms,
	    [BUILTIN_PING] = on_ping,
	};
	unsigned i = builtin_of(so, name);

	if (i < BUILTIN_MAX)
		handler[i](so, p);
	return i < BUILTIN_MAX;
}
