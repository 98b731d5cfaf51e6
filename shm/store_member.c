/*
 * store_member.c - see store_member.h.
 */
#include "shm/store_member.h"

#include <errno.h>
#include <string.h>

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

/* The first socket stays in the room's own row. */
static int add_sole(struct store_writer *w, struct store_room_entry *r, uint64_t user_no, const uint8_t *raw)
{
	r->count.sole = true;
	r->count.sole_user = user_no;
	memcpy(r->count.sole_raw, raw, STORE_SID_RAW);
	store_room_count(r, 1, user_no != 0);
	w->now.rooms++;
	return 1;
}

/* The second one drives the first out. */
static int spill_sole(struct store_writer *w, struct store_room_entry *r)
{
	r->count.sole = false;
	return put_row(w, r->count.no, r->count.sole_user, r->count.sole_raw);
}

int store_member_add(struct store_writer *w, const struct store_text *nsp, const struct store_text *room,
    uint64_t user_no, const uint8_t *raw, bool alone)
{
	struct store_room_entry *r;
	int rc = store_room_at(w, nsp, room->p, room->len, true, &r), others = 0;

	if (rc < 0)
		return rc;
	if (r->count.sockets == 0)
		return add_sole(w, r, user_no, raw);
	if (r->count.sole) {
		if (memcmp(r->count.sole_raw, raw, STORE_SID_RAW) == 0)
			return 0;
		rc = spill_sole(w, r);
		if (rc)
			return rc == -EEXIST ? -EIO : rc;
	}
	if (user_no != 0 && !alone) {
		others = user_in_room(w, r->count.no, user_no);
		if (others < 0)
			return others;
	}
	rc = put_row(w, r->count.no, user_no, raw);
	if (rc)
		return rc == -EEXIST ? 0 : rc;
	store_room_count(r, 1, user_no != 0 && !others);
	return 1;
}

int store_member_del(struct store_writer *w, const struct store_text *nsp, const struct store_text *room,
    uint64_t user_no, const uint8_t *raw, bool alone)
{
	uint8_t key[STORE_MEMBER_KEY_MAX];
	struct store_room_entry *r;
	int rc = store_room_at(w, nsp, room->p, room->len, false, &r), others = 0;

	if (rc <= 0)
		return rc;
	if (r->count.sole) {
		if (memcmp(r->count.sole_raw, raw, STORE_SID_RAW) != 0)
			return 0;
		r->count.sole = false;
	} else {
		rc = store_batch_del(w, STORE_MEMBERS, key, store_member_key(key, r->count.no, user_no, raw));
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		if (user_no != 0 && !alone && r->count.sockets > 1) {
			others = user_in_room(w, r->count.no, user_no);
			if (others < 0)
				return others;
		}
	}
	store_room_count(r, -1, user_no != 0 && !others ? -1 : 0);
	w->now.rooms -= r->count.sockets == 0;
	return 1;
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
