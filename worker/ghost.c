#include <stdlib.h>

#include "worker/facts.h"
#include "worker/ghost.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

/* Bytes that slice_keep() uses for S. */
static size_t room_for(struct slice s)
{
	return s.n + 1;
}

static struct slice text_of(const char *s)
{
	return s != NULL ? slice_make(s, strlen(s)) : slice_make(NULL, 0);
}

struct ghost *ghost_of(const struct socket *so, const char *reason)
{
	const struct user *u = so->user;
	struct eval_user user = {.claims = text_of(so->claims), .data = text_of(so->data)};
	unsigned nrooms = so->nrooms > 0 ? so->nrooms - 1 : 0;
	struct slice auth = text_of(so->auth), nsp = nsp_name(so->nsp);
	struct ghost *g;
	size_t n;
	char *at;

	if (u != NULL) {
		user.id = user_id(u);
		user.name = user_name(u);
		user.role = user_role(u);
	}
	n = sizeof(*g) + nrooms * sizeof(*g->room) + room_for(nsp) + room_for(user.id) + room_for(user.name) +
	    room_for(user.role) + room_for(user.claims) + room_for(user.data) + room_for(auth);
	for (unsigned i = 0; i < nrooms; i++)
		n += room_for(room_name(so->rooms[i + 1].room));
	g = malloc(n);
	if (g == NULL)
		return NULL;
	*g = (struct ghost){.refs = 1,
	    .rules = so->nsp->rules,
	    .transport = so->session->tr->name,
	    .reason = reason,
	    .connected_ms = so->connected_ms,
	    .ended_ms = so->session->w->now_ms,
	    .facts = facts_get(so->session->facts),
	    .nrooms = nrooms,
	    .room = (struct ghost_room *)(g + 1)};
	memcpy(g->sid, so->id.text, sizeof(g->sid));
	peer_text(&so->session->peer, g->ip, sizeof(g->ip));
	at = (char *)(g->room + nrooms);
	g->nsp = slice_keep(&at, nsp);
	g->user = (struct eval_user){
	    slice_keep(&at, user.id), slice_keep(&at, user.name), slice_keep(&at, user.role), slice_keep(&at, user.claims),
	    slice_keep(&at, user.data)};
	g->auth = slice_keep(&at, auth);
	for (unsigned i = 0; i < nrooms; i++)
		g->room[i] = (struct ghost_room){slice_keep(&at, room_name(so->rooms[i + 1].room)), so->rooms[i + 1].automatic};
	return g;
}

void ghost_put(struct ghost *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	facts_put(g->facts);
	free(g);
}
