#include <netinet/in.h>

#include "shm/store.h"
#include "worker/eval_part.h"
#include "worker/facts.h"
#include "worker/ghost.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/worker.h"

/* What is known of a user, and of a client, whether it is there or gone. */

static void put_text_or_null(struct buf *b, struct slice s)
{
	if (s.p == NULL)
		buf_str(b, "null");
	else
		buf_json_string(b, s);
}

/* {id,name,role}, unknown parts null. */
static bool give_user(struct eval *e, struct slice *json)
{
	const struct eval_user *u = &e->user;
	struct buf *b = &e->w->text;

	if (u->id.p == NULL)
		return false;
	buf_reset(b);
	buf_str(b, "{\"id\":");
	put_text_or_null(b, u->id);
	buf_str(b, ",\"name\":");
	put_text_or_null(b, u->name);
	buf_str(b, ",\"role\":");
	put_text_or_null(b, u->role);
	buf_char(b, '}');
	return eval_give(e, b, json);
}

static bool give_features(struct eval *e, struct slice *json)
{
	struct slice name = e->user.role;
	const struct role *r =
	    name.p != NULL ? catalogue_role(&e->w->conf->catalogue, e->rules, name.p, name.n) : NULL;

	if (r == NULL)
		return false;
	*json = slice_make(r->features.p, r->features.n);
	return true;
}

static bool give_user_sockets(struct eval *e, struct slice *json)
{
	struct store_user su;
	char id[OP_USER_MAX + 1];
	int found;

	if (e->user.id.n > OP_USER_MAX)
		return false;
	memcpy(id, e->user.id.p, e->user.id.n);
	id[e->user.id.n] = '\0';
	found = store_get_user(e->w->store, id, 0, &su);
	if (found < 0)
		return false;
	eval_give_int(e, found == 1 ? (int64_t)su.sockets : 0, json);
	if (found == 1)
		store_user_fini(&su);
	return true;
}

bool eval_user_part(struct eval *e, const struct source *src, struct slice *json)
{
	const struct eval_user *u = &e->user;

	if (u->id.p == NULL)
		return false;
	switch (src->kind) {
	case SOURCE_USER: return give_user(e, json);
	case SOURCE_USER_ID: return eval_give_text(e, u->id, json);
	case SOURCE_USER_NAME: return eval_give_text(e, u->name, json);
	case SOURCE_USER_ROLE: return eval_give_text(e, u->role, json);
	case SOURCE_USER_CLAIMS: return eval_path(e, u->claims, src, 0, json);
	case SOURCE_USER_FEATURES: return give_features(e, json);
	default: return give_user_sockets(e, json);
	}
}

unsigned eval_nrooms(const struct eval *e)
{
	if (e->so == NULL)
		return e->ghost != NULL ? e->ghost->nrooms : 0;
	return e->so->nrooms > 0 ? e->so->nrooms - 1 : 0;
}

struct slice eval_room_at(const struct eval *e, unsigned i)
{
	return e->so != NULL ? room_name(e->so->rooms[i + 1].room) : e->ghost->room[i].name;
}

static bool give_rooms(struct eval *e, struct slice *json)
{
	struct buf *b = &e->w->text;
	unsigned n = eval_nrooms(e);

	buf_reset(b);
	buf_char(b, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_char(b, ',');
		buf_json_string(b, eval_room_at(e, i));
	}
	buf_char(b, ']');
	return eval_give(e, b, json);
}

/* What is asked of a client, whether it is there or gone. */
struct client {
	const char *sid, *transport;
	struct slice auth;
	const struct facts *facts;
	int64_t connected_ms, until_ms;
};

static bool client_of(const struct eval *e, struct client *c)
{
	const struct socket *so = e->so;
	const struct ghost *g = e->ghost;

	if (so != NULL)
		*c = (struct client){so->id.text, so->session->tr->name,
		    so->auth != NULL ? slice_make(so->auth, strlen(so->auth)) : slice_make(NULL, 0), so->session->facts,
		    so->connected_ms, e->w->now_ms};
	else if (g != NULL)
		*c = (struct client){g->sid, g->transport, g->auth, g->facts, g->connected_ms, g->ended_ms};
	return so != NULL || g != NULL;
}

static bool give_ip(struct eval *e, struct slice *json)
{
	char ip[INET6_ADDRSTRLEN];
	const char *text = ip;

	if (e->so != NULL)
		peer_text(&e->so->session->peer, ip, sizeof(ip));
	else
		text = e->ghost->ip;
	return eval_give_text(e, slice_make(text, strlen(text)), json);
}

bool eval_socket_part(struct eval *e, const struct source *src, struct slice *json)
{
	struct client c;

	if (!client_of(e, &c))
		return false;
	switch (src->kind) {
	case SOURCE_SOCKET_ID: return eval_give_text(e, slice_make(c.sid, SID_LEN), json);
	case SOURCE_SOCKET_IP: return give_ip(e, json);
	case SOURCE_SOCKET_TRANSPORT: return eval_give_text(e, slice_make(c.transport, strlen(c.transport)), json);
	case SOURCE_SOCKET_AUTH: return eval_path(e, c.auth.p != NULL ? c.auth : SLICE("{}"), src, 0, json);
	case SOURCE_SOCKET_ROOMS: return give_rooms(e, json);
	case SOURCE_SOCKET_ROOM_COUNT: return eval_give_int(e, eval_nrooms(e), json);
	case SOURCE_SOCKET_CONNECTED_AT: return eval_give_int(e, c.connected_ms, json);
	case SOURCE_SOCKET_QUERY:
	case SOURCE_SOCKET_HEADERS: return eval_give_text(e, facts_at(c.facts, src->kept), json);
	default: /* SOURCE_SOCKET_DURATION */
		return eval_give_int(e, c.until_ms - c.connected_ms, json);
	}
}
