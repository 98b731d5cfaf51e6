#include "conf/log.h"
#include "shm/interest.h"
#include "worker/control.h"
#include "worker/join.h"
#include "worker/ops.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/trigger.h"
#include "worker/worker.h"

/* Sids, not pointers: acting on one socket may free another of its session. */
struct sid_list {
	struct worker *w;
	unsigned n, cap;
	char (*sid)[SID_LEN];
};

static void list_add(struct sid_list *l, const struct socket *so)
{
	if (l->n == l->cap) {
		unsigned cap = l->cap == 0 ? 32 : l->cap * 2;
		char(*more)[SID_LEN] = arena_alloc(&l->w->arena, cap * sizeof(*more));

		if (l->n > 0)
			memcpy(more, l->sid, l->n * sizeof(*more));
		l->sid = more;
		l->cap = cap;
	}
	memcpy(l->sid[l->n++], so->id.text, SID_LEN);
}

static void collect(struct worker *w, struct socket *so, void *arg)
{
	(void)w;
	list_add(arg, so);
}

/* Each room as its own operation: a record's rooms are few. */
static void join_all(struct socket *so, const struct record *rec)
{
	uint64_t hash;
	const char *name;
	size_t len, off = 0;
	uint16_t sub;

	while (record_next_room(rec, RECORD_TLV_ARG_ROOM, &off, &hash, &name, &len, &sub)) {
		if (join_room_unbound(so, slice_make(name, len)) != 0)
			log_warn("join_lost", "sid=%s room=%.*s", so->id.text, (int)len, name);
	}
}

static void leave_all(struct worker *w, struct socket *so, const struct record *rec)
{
	uint64_t hash;
	const char *name;
	size_t len, off = 0;
	uint16_t sub;

	while (record_next_room(rec, RECORD_TLV_ARG_ROOM, &off, &hash, &name, &len, &sub)) {
		struct slice room = slice_make(name, len);
		struct room *r = room_find(w, so->nsp, hash, room);

		if (r != NULL && room_has(r, so))
			leave_room(so, r, room);
	}
}

void control_act(struct worker *w, const struct record *rec)
{
	const struct nsp *nsp = nsp_find(w, slice_make(rec->nsp, rec->nsp_len));
	struct sid_list l = {.w = w};

	if (nsp == NULL)
		return;
	fanout_each(w, rec, nsp, collect, &l);
	for (unsigned i = 0; i < l.n; i++) {
		struct socket *so = socket_find(w, slice_make(l.sid[i], SID_LEN));

		if (so == NULL || (so->pending && rec->head.act == RECORD_ACT_JOIN))
			continue;
		switch (rec->head.act) {
		case RECORD_ACT_JOIN: join_all(so, rec); break;
		case RECORD_ACT_LEAVE: leave_all(w, so, rec); break;
		case RECORD_ACT_DISCONNECT: socket_disconnect(so, false); break;
		case RECORD_ACT_CLOSE: socket_disconnect(so, true); break;
		default: break;
		}
	}
}

void control_edge(struct worker *w, const struct record *rec)
{
	counter_add(w->ct, COUNTER_EDGES, 1);
	trigger_edge(w, rec);
}

struct lapped {
	struct sid_list list;
	uint64_t since_ns;
};

/* Own room, namespace or any other: was one of its buckets published to since? */
static void collect_touched(struct socket *so, void *arg)
{
	struct lapped *l = arg;
	struct worker *w = l->list.w;
	struct slice nsp = nsp_name(so->nsp);
	bool touched = interest_touched_since(w->h->seg, room_hash(w, nsp, slice_make(so->id.text, SID_LEN)), l->since_ns);

	for (unsigned i = 0; i < so->nrooms && !touched; i++)
		touched = interest_touched_since(w->h->seg, so->rooms[i].room->hash, l->since_ns);
	if (touched)
		list_add(&l->list, so);
}

void control_lapped(struct worker *w, unsigned slot, const struct inlet_lap *lap)
{
	struct lapped l = {.list = {.w = w}, .since_ns = lap->since_ns};
	unsigned closed = 0;

	counter_add(w->ct, COUNTER_RING_LAPPED, 1);
	if (atomic_load_explicit(&segment_slot(w->h->seg, slot)->role, memory_order_relaxed) == SLOT_ROLE_KEEPER)
		ask_again(w);
	socket_each(w, collect_touched, &l);
	for (unsigned i = 0; i < l.list.n; i++) {
		struct socket *so = socket_find(w, slice_make(l.list.sid[i], SID_LEN));

		if (so != NULL) {
			session_close(so->session, CLOSE_LAPPED);
			closed++;
		}
	}
	log_warn("lapped", "ring=%u bytes=%llu sessions_closed=%u", slot, (unsigned long long)(lap->to - lap->from), closed);
}
