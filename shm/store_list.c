/*
 * store_list.c - see store.h: pages and counts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/store_read.h"

static struct store_text text(const char *s)
{
	return (struct store_text){s, s ? strlen(s) : 0};
}

static bool same(const struct store_text *a, const struct store_text *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

int store_list_sockets(
    struct store *st, const char *nsp, const char *after, unsigned limit, char (*sids)[OP_SID_LEN + 1], bool *more)
{
	struct store_text want = text(nsp);
	uint8_t from[STORE_SID_RAW];
	struct store_walk wk;
	unsigned n = 0;
	MDB_val k, v;
	int rc;

	*more = false;
	if (after && (strlen(after) != OP_SID_LEN || !store_sid_pack(from, after)))
		return -EINVAL;
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_walk_begin(&wk, st, STORE_SOCKETS, NULL, 0, after ? from : NULL, sizeof from);
	if (rc)
		goto out;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		struct store_row row;

		if (k.mv_size != STORE_SID_RAW)
			continue;
		if (store_row_get(v.mv_data, v.mv_size, &row) == 0 || !same(&row.nsp, &want) ||
		    !store_read_alive(st, k.mv_data))
			continue;
		if (n == limit) {
			*more = true;
			rc = 0;
			break;
		}
		store_sid_unpack(sids[n++], k.mv_data);
	}
	store_walk_end(&wk);
out:
	store_read_end(st);
	return rc ? rc : (int)n;
}

static int copy_room(size_t head, const MDB_val *k, const MDB_val *v, struct store_room *out)
{
	struct store_count c;

	if (!store_count_get(v->mv_data, v->mv_size, &c))
		return -EPROTO;
	out->name = strndup((const char *)k->mv_data + head, k->mv_size - head);
	if (!out->name)
		return -ENOMEM;
	out->sockets = c.sockets;
	out->users = c.users;
	return 0;
}

int store_list_rooms(struct store *st, const char *nsp, const char *prefix, const char *after, unsigned limit,
    struct store_room *rooms, bool *more)
{
	struct store_text space = text(nsp), pre = text(prefix), last = text(after);
	uint8_t key[STORE_ROOM_KEY_MAX], from[STORE_ROOM_KEY_MAX];
	size_t len, from_len = 0;
	struct store_walk wk;
	unsigned n = 0;
	MDB_val k, v;
	int rc;

	*more = false;
	if (space.len + pre.len > OP_NAME_MAX || space.len + last.len > OP_NAME_MAX)
		return -EINVAL;
	len = store_room_key(key, space.p, space.len, pre.p, pre.len);
	/* Behind the last page, unless that lies before the prefix. */
	if (after) {
		from_len = store_room_key(from, space.p, space.len, last.p, last.len);
		if (memcmp(from, key, len < from_len ? len : from_len) < 0)
			after = NULL;
	}
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_walk_begin(&wk, st, STORE_ROOMS, key, len, after ? from : NULL, from_len);
	if (rc)
		goto out;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		if (k.mv_size == 1 + space.len)
			continue;
		if (n == limit) {
			*more = true;
			rc = 0;
			break;
		}
		rc = copy_room(1 + space.len, &k, &v, &rooms[n]);
		if (rc)
			break;
		n++;
	}
	store_walk_end(&wk);
out:
	store_read_end(st);
	while (rc && n > 0)
		free(rooms[--n].name);
	return rc ? rc : (int)n;
}

/* Where a page of a room ended: its last sid, and the number of that one's user. */
static bool next_parse(const char *next, uint8_t raw[STORE_SID_RAW], uint64_t *user_no)
{
	unsigned long long no;
	char end;

	if (strlen(next) <= OP_SID_LEN || !store_sid_pack(raw, next) ||
	    sscanf(next + OP_SID_LEN, ".%llx%c", &no, &end) != 1 || no >> 61 != 0)
		return false;
	*user_no = no;
	return true;
}

int store_list_room(struct store *st, const char *nsp, const char *room, const char *after, unsigned limit,
    char (*sids)[OP_SID_LEN + 1], char next[STORE_NEXT_LEN + 1])
{
	uint8_t prefix[STORE_NUM_MAX], from[STORE_MEMBER_KEY_MAX], last[STORE_SID_RAW];
	uint64_t no, user_no, last_user = 0;
	struct store_text space = text(nsp);
	const uint8_t *raw;
	struct store_count c;
	struct store_walk wk;
	size_t from_len = 0;
	unsigned n = 0;
	MDB_val k, v;
	int rc;

	if (after && !next_parse(after, last, &last_user))
		return -EINVAL;
	*next = '\0';
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = *room ? store_read_count(st, &space, room, strlen(room), &c) : 0;
	if (rc <= 0)
		goto out;
	if (c.sole) {
		rc = 0;
		/* A page before this one can only have ended with another, when there were more. */
		if (limit > 0 && store_read_alive(st, c.sole_raw) &&
		    (!after || memcmp(last, c.sole_raw, sizeof last) != 0))
			store_sid_unpack(sids[n++], c.sole_raw);
		goto out;
	}
	if (after)
		from_len = store_member_key(from, c.no, last_user, last);
	rc = store_walk_begin(
	    &wk, st, STORE_MEMBERS, prefix, store_num_put(prefix, c.no), after ? from : NULL, from_len);
	if (rc)
		goto out;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		if (!store_member_split(k.mv_data, k.mv_size, &no, &user_no, &raw) || !store_read_alive(st, raw))
			continue;
		if (n == limit) {
			rc = 0;
			if (n > 0)
				snprintf(
				    next, STORE_NEXT_LEN + 1, "%s.%llx", sids[n - 1], (unsigned long long)last_user);
			break;
		}
		store_sid_unpack(sids[n++], raw);
		last_user = user_no;
	}
	store_walk_end(&wk);
out:
	store_read_end(st);
	return rc < 0 ? rc : (int)n;
}

/* A target of a count, looked up once. */
struct target {
	enum { TARGET_NONE, TARGET_ALL, TARGET_OWN, TARGET_ROOM } kind;
	uint8_t raw[STORE_SID_RAW]; /* OWN */
	struct store_count count;   /* ALL, ROOM */
};

static int lookup(const struct store *st, const struct store_text *nsp, const char *name, struct target *t)
{
	struct store_row row;
	MDB_val v;
	int rc;

	t->kind = TARGET_NONE;
	if (name && strlen(name) == OP_SID_LEN && store_sid_pack(t->raw, name)) {
		rc = store_env_get(&st->e, st->txn, STORE_SOCKETS, t->raw, sizeof t->raw, &v);
		if (rc && rc != -ENOENT)
			return rc;
		if (rc == 0) {
			if (store_row_get(v.mv_data, v.mv_size, &row) && same(&row.nsp, nsp) &&
			    store_read_alive(st, t->raw))
				t->kind = TARGET_OWN;
			return 0;
		}
	}
	if (name && *name == '\0')
		return 0;
	rc = store_read_count(st, nsp, name, name ? strlen(name) : 0, &t->count);
	if (rc > 0)
		t->kind = name ? TARGET_ROOM : TARGET_ALL;
	return rc < 0 ? rc : 0;
}

int store_count_rooms(struct store *st, const char *nsp, const char *const *rooms, unsigned n, uint64_t *sum)
{
	struct store_text space = text(nsp);
	struct target t;
	int rc = store_read_begin(st);

	*sum = 0;
	if (rc)
		return rc;
	for (unsigned i = 0; i < n && !rc; i++) {
		rc = lookup(st, &space, rooms[i], &t);
		if (!rc && t.kind != TARGET_NONE)
			*sum += t.kind == TARGET_OWN ? 1 : t.count.sockets;
	}
	store_read_end(st);
	return rc;
}

/* Is the socket in the target?  1, 0 or -errno. */
static int covers(const struct store *st, const struct target *t, uint64_t user_no, const uint8_t *raw)
{
	uint8_t key[STORE_MEMBER_KEY_MAX];
	MDB_val v;
	int rc;

	switch (t->kind) {
	case TARGET_ALL: return 1;
	case TARGET_OWN: return memcmp(t->raw, raw, STORE_SID_RAW) == 0;
	case TARGET_ROOM:
		if (t->count.sole)
			return memcmp(t->count.sole_raw, raw, STORE_SID_RAW) == 0;
		rc = store_env_get(
		    &st->e, st->txn, STORE_MEMBERS, key, store_member_key(key, t->count.no, user_no, raw), &v);
		return rc == -ENOENT ? 0 : rc ? rc : 1;
	default: return 0;
	}
}

/* Counts a socket of target I unless an earlier target has counted it, or a later one (the exceptions) forbids it. */
static int count_one(const struct store *st, const struct target *t, unsigned i, unsigned nin, unsigned nall,
    uint64_t user_no, const uint8_t *raw, uint64_t *n)
{
	if (!store_read_alive(st, raw))
		return 0;
	for (unsigned j = 0; j < nall; j++) {
		int rc = j < i || j >= nin ? covers(st, &t[j], user_no, raw) : 0;

		if (rc)
			return rc < 0 ? rc : 0;
	}
	++*n;
	return 0;
}

static int count_target(const struct store *st, const struct store_text *nsp, const struct target *t, unsigned i,
    unsigned nin, unsigned nall, uint64_t *n)
{
	uint8_t prefix[STORE_NUM_MAX];
	bool room = t[i].kind == TARGET_ROOM;
	struct store_row row;
	struct store_walk wk;
	uint64_t no, user_no;
	const uint8_t *raw;
	MDB_val k, v;
	int rc;

	if (t[i].kind == TARGET_NONE)
		return 0;
	if (t[i].kind == TARGET_OWN) {
		rc = store_env_get(&st->e, st->txn, STORE_SOCKETS, t[i].raw, STORE_SID_RAW, &v);
		if (rc || store_row_get(v.mv_data, v.mv_size, &row) == 0)
			return rc ? rc : -EPROTO;
		return count_one(st, t, i, nin, nall, row.user_no, t[i].raw, n);
	}
	if (room && t[i].count.sole)
		return count_one(st, t, i, nin, nall, t[i].count.sole_user, t[i].count.sole_raw, n);
	rc = store_walk_begin(&wk, st, room ? STORE_MEMBERS : STORE_SOCKETS, prefix,
	    room ? store_num_put(prefix, t[i].count.no) : 0, NULL, 0);
	if (rc)
		return rc;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		if (room) {
			if (!store_member_split(k.mv_data, k.mv_size, &no, &user_no, &raw))
				continue;
		} else {
			raw = k.mv_data;
			if (k.mv_size != STORE_SID_RAW || store_row_get(v.mv_data, v.mv_size, &row) == 0 ||
			    !same(&row.nsp, nsp))
				continue;
			user_no = row.user_no;
		}
		rc = count_one(st, t, i, nin, nall, user_no, raw, n);
		if (rc)
			break;
	}
	store_walk_end(&wk);
	return rc;
}

int store_count_union(struct store *st, const char *nsp, const char *const *in, unsigned nin, const char *const *except,
    unsigned nexcept, uint64_t *n)
{
	struct store_text space = text(nsp);
	unsigned nall = nin + nexcept;
	struct target *t;
	int rc = 0;

	*n = 0;
	if (nin == 0)
		return 0;
	t = calloc(nall, sizeof *t);
	if (!t)
		return -ENOMEM;
	rc = store_read_begin(st);
	if (rc)
		goto out;
	for (unsigned i = 0; i < nall && !rc; i++)
		rc = lookup(st, &space, i < nin ? in[i] : except[i - nin], &t[i]);
	for (unsigned i = 0; i < nin && !rc; i++)
		rc = count_target(st, &space, t, i, nin, nall, n);
	store_read_end(st);
out:
	free(t);
	return rc;
}
