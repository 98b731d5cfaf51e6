#include "worker/identity.h"

#include <stdlib.h>

#include "shm/op.h"
#include "worker/eval.h"
#include "worker/hook_reply.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/trigger.h"
#include "worker/user.h"
#include "worker/worker.h"

#define NOTICE_MS    60000 /* on "expiring" comes so long before the end, or when half of the time left is over */
#define WATCH_MAX_MS INT64_C(31536000000) /* beyond a year this process is not the one that will see it */

void identity_take(struct socket *so, const struct identity *id)
{
	struct worker *w = so->session->w;
	struct user *old = so->user;

	so->user = id->known ? user_get(w, id->user, id->name, id->role) : NULL;
	user_put(w, old);
	free(so->claims);
	so->claims = w->conf->catalogue.uses_claims && id->claims.n > 0 ? strndup(id->claims.p, id->claims.n) : NULL;
}

/* The rooms that the server chooses: those it is in now may not be left. */
struct chosen {
	struct room **stay;
	unsigned n;
};

static void leave_others(struct worker *w, struct socket *so, const struct chosen *c)
{
	/* the first is the namespace */
	for (unsigned i = so->nrooms; i-- > 1;) {
		bool stays = !so->rooms[i].automatic;

		for (unsigned k = 0; k < c->n && !stays; k++)
			stays = so->rooms[i].room == c->stay[k];
		if (!stays)
			room_leave(w, so, so->rooms[i].room);
	}
}

static void join_chosen(struct socket *so, struct slice name, struct chosen *c)
{
	struct worker *w = so->session->w;

	room_join(w, so, name, true);
	c->stay[c->n++] = room_find(w, so->nsp, room_hash(w, nsp_name(so->nsp), name), name);
}

/* Those that the hook of on "connecting" named. */
static void join_granted(struct socket *so, struct chosen *c)
{
	for (const char *p = so->granted; p != NULL && *p != '\0'; p += strlen(p) + 1)
		join_chosen(so, slice_make(p, strlen(p)), c);
}

/* One whose source is absent is left out. */
static void join_named(struct socket *so, const struct text_template *room, unsigned n, struct chosen *c)
{
	struct worker *w = so->session->w;
	struct eval e;

	eval_init(&e, w, so);
	for (unsigned i = 0; i < n; i++) {
		buf_reset(&w->name);
		if (eval_text(&e, &room[i], &w->name) != 0 || w->name.n + so->nsp->name.n > OP_NAME_MAX)
			continue;
		join_chosen(so, buf_as_slice(&w->name), c);
	}
}

/* Joins come first: a room that is left and joined again would be without interest in between. */
void identity_rooms(struct socket *so)
{
	struct worker *w = so->session->w;
	const struct conf_auth *a = &w->conf->auth;
	struct slice name = so->user != NULL ? user_role(so->user) : slice_make(NULL, 0);
	const struct role *role =
	    name.p != NULL ? catalogue_role(&w->conf->catalogue, so->nsp->rules, name.p, name.n) : NULL;
	unsigned nrole = role != NULL ? role->nroom : 0;
	struct chosen c = {arena_alloc(&w->arena, (a->nroom + nrole + HOOK_ROOMS_MAX + 1) * sizeof(struct room *)), 0};

	room_join(w, so, slice_make("", 0), true);
	join_named(so, a->room, a->nroom, &c);
	if (role != NULL)
		join_named(so, role->room, nrole, &c);
	join_granted(so, &c);
	if (so->nrooms > c.n + 1)
		leave_others(w, so, &c);
}

void identity_end(struct socket *so, enum refusal code, enum close_reason reason)
{
	struct worker *w = so->session->w;
	const struct text *t = &w->conf->catalogue.texts[code];

	buf_reset(&w->json);
	buf_str(&w->json, "{\"message\":");
	buf_json_string(&w->json, slice_make(t->p, t->n));
	buf_printf(&w->json, ",\"code\":\"%s\"}", catalogue_code_name(code));
	socket_emit(so, so->nsp->rules->errors.emit.p, buf_as_slice(&w->json));
	socket_disconnect_all(so->session, reason);
}

/* Alarm: the socket's token has ended. */
static void expiry_due(void *socket)
{
	identity_end(socket, REFUSAL_AUTH_EXPIRED, CLOSE_AUTH_EXPIRED);
}

static void watch(struct socket *so, alarm_fn fn, int64_t in_ms)
{
	struct worker *w = so->session->w;

	alarm_set(&w->alarms, &so->alarm, fn, so, w->now_ns + (in_ms > 0 ? (uint64_t)in_ms * NS_PER_MS : 0));
}

static void watch_end(struct socket *so)
{
	const struct worker *w = so->session->w;

	if (w->conf->auth.expiry == CONF_EXPIRY_DISCONNECT)
		watch(so, expiry_due, so->ends_ms - w->now_ms);
}

/* Alarm: the token ends soon. */
static void expiring_due(void *socket)
{
	struct socket *so = socket;

	watch_end(so);
	trigger_expiring(so);
}

void identity_watch(struct socket *so, int64_t ends_ms)
{
	struct worker *w = so->session->w;
	int64_t left_ms = ends_ms - w->now_ms;

	so->ends_ms = ends_ms;
	alarm_clear(&w->alarms, &so->alarm);
	if (ends_ms == 0 || left_ms > WATCH_MAX_MS)
		return;
	if (so->nsp->rules->on[TRIGGER_EXPIRING] != NULL && left_ms > 1)
		watch(so, expiring_due, left_ms - (left_ms / 2 < NOTICE_MS ? left_ms / 2 : NOTICE_MS));
	else
		watch_end(so);
}
