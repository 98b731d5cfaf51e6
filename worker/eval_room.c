#include <stdio.h>

#include "shm/store.h"
#include "worker/eval_part.h"
#include "worker/worker.h"

#define ROOM_USERS_MAX 1000

/* A reader of the store wants a NUL behind the name. */
static const char *room_for_store(struct eval *e)
{
	struct buf *b = &e->w->text;

	buf_reset(b);
	buf_slice(b, e->room);
	buf_char(b, '\0');
	return arena_copy(&e->w->arena, b->p, b->n);
}

/* Ids of the users, once each: the members come user by user. */
static bool give_room_users(struct eval *e, struct slice *json)
{
	char(*sids)[OP_SID_LEN + 1] = arena_alloc(&e->w->arena, ROOM_USERS_MAX * sizeof(*sids)), next[STORE_NEXT_LEN + 1];
	int n = store_list_room(e->w->store, e->nsp.p, room_for_store(e), NULL, ROOM_USERS_MAX, sids, next);
	struct buf *b = &e->w->text;
	char last[OP_USER_MAX + 1] = "";
	struct store_socket s;

	if (n < 0)
		return false;
	buf_reset(b);
	buf_char(b, '[');
	for (int i = 0; i < n; i++) {
		if (store_get_socket(e->w->store, sids[i], &s) != 1)
			continue;
		if (s.user != NULL && strcmp(s.user, last) != 0) {
			snprintf(last, sizeof(last), "%s", s.user);
			if (b->n > 1)
				buf_char(b, ',');
			buf_json_string(b, slice_make(s.user, strlen(s.user)));
		}
		store_socket_fini(&s);
	}
	buf_char(b, ']');
	return eval_give(e, b, json);
}

bool eval_room_part(struct eval *e, const struct source *src, struct slice *json)
{
	uint64_t sockets = 0, users = 0;

	if (e->room.p == NULL)
		return false;
	switch (src->kind) {
	case SOURCE_ROOM: return eval_give_text(e, e->room, json);
	case SOURCE_ROOM_TYPE: return eval_give_text(e, eval_room_type(e->room), json);
	case SOURCE_ROOM_ID: return eval_give_text(e, eval_room_id(e->room), json);
	case SOURCE_ROOM_USERS: return give_room_users(e, json);
	default:
		if (store_get_room(e->w->store, e->nsp.p, room_for_store(e), &sockets, &users) < 0)
			return false;
		return eval_give_int(e, (int64_t)(src->kind == SOURCE_ROOM_USER_COUNT ? users : sockets), json);
	}
}
