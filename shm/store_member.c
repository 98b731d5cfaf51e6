/*
 * store_member.c - see store_member.h.
 */
#include "shm/store_member.h"

#include <errno.h>
#include <string.h>

#include "shm/record.h"

/* Has the user a socket in the room?  Not asked of those without a user: they do not count. */
static int user_in_room(struct store_writer *w, uint64_t room_no, uint64_t user_no)
{
	uint8_t key[STORE_MEMBER_KEY_MAX];

	return store_batch_range(w, STORE_MEMBERS, key, store_member_key(key, room_no, user_no, NULL), NULL, NULL);
}

static int put_row(struct store_writer *w, uint64_t room_no, uint64_t user_no, const uint8_t *raw)
{
	uint8_t key[STORE_MEMBER_KEY_MAX];

	return store_batch_put(
	    w, STORE_MEMBERS, key, store_member_key(key, room_no, user_no, raw), NULL, 0, MDB_NOOVERWRITE);
}

/*
 * Who is back before the grace of its exit is over neither left nor came: asked of everybody that comes, also of those of
 * whom nobody is told, so that no exit waits of one who is there.  1: such an exit waited; 0 or -errno.
 */
static int end_grace(
    struct store_writer *w, const struct store_cause *c, const struct store_membership *m, unsigned made)
{
	return w->wanted != NULL && (made & 1u << RECORD_EDGE_ENTER) != 0 ? store_grace_end(w, c, &m->room) : 0;
}

/* Edges that the change made, as bits; those that nobody wants, or that may not be told of, are not told. */
static int tell(struct store_writer *w, const struct store_cause *c, const struct store_membership *m, unsigned made)
{
	static const unsigned order[] = {RECORD_EDGE_OCCUPIED, RECORD_EDGE_ENTER, RECORD_EDGE_EXIT, RECORD_EDGE_VACATED};
	const unsigned exit = 1u << RECORD_EDGE_EXIT;
	unsigned told = made & c->edges;
	struct store_edges want;
	int rc = end_grace(w, c, m, made);

	if (rc < 0)
		return rc;
	if (rc > 0)
		told &= ~(1u << RECORD_EDGE_ENTER);
	if (told == 0 || w->wanted == NULL)
		return 0;
	want = w->wanted(w->wanted_ctx, c->nsp.p, c->nsp.len, m->room.p, m->room.len, m->automatic);
	told &= want.bits;
	rc = 0;
	if ((told & exit) != 0 && want.grace_ms > 0) {
		told &= ~exit;
		rc = store_grace_begin(w, c, &m->room, want.grace_ms);
	}
	for (size_t i = 0; i < sizeof order / sizeof *order && !rc; i++)
		if ((told & 1u << order[i]) != 0)
			rc = store_outbox_edge(w, order[i], c, &m->room);
	return rc;
}

/* Counts the one more, and tells what it made. */
static int added(struct store_writer *w, struct store_room_entry *r, const struct store_cause *c,
    const struct store_membership *m, bool first_of_user)
{
	unsigned made = first_of_user ? 1u << RECORD_EDGE_ENTER : 0;
	int rc;

	if (r->count.sockets == 0)
		made |= 1u << RECORD_EDGE_OCCUPIED;
	store_room_count(r, 1, first_of_user);
	rc = tell(w, c, m, made);
	return rc ? rc : 1;
}

/* The first socket stays in the room's own row. */
static void keep_sole(struct store_room_entry *r, const struct store_cause *c)
{
	r->count.sole = true;
	r->count.sole_user = c->user_no;
	memcpy(r->count.sole_raw, c->raw, STORE_SID_RAW);
}

/* The second one drives the first out. */
static int spill_sole(struct store_writer *w, struct store_room_entry *r)
{
	r->count.sole = false;
	return put_row(w, r->count.no, r->count.sole_user, r->count.sole_raw);
}

int store_member_add(struct store_writer *w, const struct store_cause *c, const struct store_membership *m)
{
	struct store_room_entry *r;
	int rc = store_room_at(w, &c->nsp, m->room.p, m->room.len, true, &r), others = 0;

	if (rc < 0)
		return rc;
	if (r->count.sockets == 0) {
		keep_sole(r, c);
		w->now.rooms++;
		return added(w, r, c, m, c->user_no != 0);
	}
	if (r->count.sole) {
		if (memcmp(r->count.sole_raw, c->raw, STORE_SID_RAW) == 0)
			return 0;
		rc = spill_sole(w, r);
		if (rc)
			return rc == -EEXIST ? -EIO : rc;
	}
	if (c->user_no != 0 && !m->alone) {
		others = user_in_room(w, r->count.no, c->user_no);
		if (others < 0)
			return others;
	}
	rc = put_row(w, r->count.no, c->user_no, c->raw);
	if (rc)
		return rc == -EEXIST ? 0 : rc;
	return added(w, r, c, m, c->user_no != 0 && !others);
}

int store_member_del(struct store_writer *w, const struct store_cause *c, const struct store_membership *m)
{
	uint8_t key[STORE_MEMBER_KEY_MAX];
	struct store_room_entry *r;
	int rc = store_room_at(w, &c->nsp, m->room.p, m->room.len, false, &r), others = 0;
	bool last_of_user;
	unsigned made;

	if (rc <= 0)
		return rc;
	if (r->count.sole) {
		if (memcmp(r->count.sole_raw, c->raw, STORE_SID_RAW) != 0)
			return 0;
		r->count.sole = false;
	} else {
		rc = store_batch_del(w, STORE_MEMBERS, key, store_member_key(key, r->count.no, c->user_no, c->raw));
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		if (c->user_no != 0 && !m->alone && r->count.sockets > 1) {
			others = user_in_room(w, r->count.no, c->user_no);
			if (others < 0)
				return others;
		}
	}
	last_of_user = c->user_no != 0 && !others;
	store_room_count(r, -1, last_of_user ? -1 : 0);
	made = last_of_user ? 1u << RECORD_EDGE_EXIT : 0;
	if (r->count.sockets == 0) {
		w->now.rooms--;
		made |= 1u << RECORD_EDGE_VACATED;
	}
	rc = tell(w, c, m, made);
	return rc ? rc : 1;
}

int store_member_fits(struct store_writer *w, const struct store_cause *c, const struct store_text *room, uint32_t most)
{
	struct store_room_entry *r;
	int rc = store_room_at(w, &c->nsp, room->p, room->len, false, &r);

	if (rc <= 0)
		return rc < 0 ? rc : 1;
	if (c->user_no == 0)
		return r->count.sockets < most;
	if (r->count.users < most)
		return 1;
	if (r->count.sole)
		return r->count.sole_user == c->user_no;
	return user_in_room(w, r->count.no, c->user_no);
}

int store_user_add(struct store_writer *w, const struct store_text *user, uint64_t nsp_no, const uint8_t *raw,
    struct store_user_place *place)
{
	uint8_t key[STORE_USER_KEY_MAX], val[STORE_NUM_MAX];
	size_t len = store_user_key(key, user->p, user->len), val_len;
	MDB_val v;
	int rc = store_batch_range(w, STORE_USERS, key, len, NULL, &v);

	if (rc < 0)
		return rc;
	place->alone = place->edge = rc == 0;
	if (rc == 0) {
		place->user_no = ++w->now.next_user;
		w->now.users++;
	} else {
		if (store_num_get(v.mv_data, v.mv_size, &place->user_no) == 0)
			return -EIO;
		rc = store_batch_range(w, STORE_USERS, key, store_user_key_in(key, len, nsp_no, NULL), NULL, NULL);
		if (rc < 0)
			return rc;
		place->edge = rc == 0;
	}
	val_len = store_num_put(val, place->user_no);
	return store_batch_put(w, STORE_USERS, key, store_user_key_in(key, len, nsp_no, raw), val, val_len, 0);
}

int store_user_del(struct store_writer *w, const struct store_text *user, uint64_t nsp_no, const uint8_t *raw,
    struct store_user_place *place)
{
	uint8_t key[STORE_USER_KEY_MAX];
	size_t len = store_user_key(key, user->p, user->len);
	int rc = store_batch_del(w, STORE_USERS, key, store_user_key_in(key, len, nsp_no, raw));

	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	rc = store_batch_range(w, STORE_USERS, key, len, NULL, NULL);
	if (rc < 0)
		return rc;
	place->alone = place->edge = rc == 0;
	if (rc == 0) {
		w->now.users -= w->now.users > 0;
		return 0;
	}
	rc = store_batch_range(w, STORE_USERS, key, store_user_key_in(key, len, nsp_no, NULL), NULL, NULL);
	if (rc < 0)
		return rc;
	place->edge = rc == 0;
	return 0;
}
