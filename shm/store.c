/*
 * store.c - see store.h: opening, single rows, totals.
 */
#include "shm/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/store_chunk.h"
#include "shm/store_gate.h"
#include "shm/store_read.h"

int store_open_reader(struct store **out, const char *path, size_t map_size, uint64_t nonce)
{
	struct store *st = calloc(1, sizeof *st);
	int rc, gate;

	if (!st)
		return -ENOMEM;
	gate = rc = store_gate_enter_reader(path);
	if (rc < 0)
		goto fail;
	rc = store_env_open(&st->e, path, map_size, MDB_RDONLY);
	store_gate_leave(gate);
	if (rc)
		goto fail;
	/* The tables' handles outlive the transaction that is committed, not one that is reset. */
	rc = store_env_errno(mdb_txn_begin(st->e.env, NULL, MDB_RDONLY, &st->txn));
	if (rc)
		goto fail;
	rc = store_env_tables(&st->e, st->txn, false);
	if (!rc)
		rc = store_env_check(&st->e, st->txn, nonce);
	if (rc)
		mdb_txn_abort(st->txn);
	else
		rc = store_env_errno(mdb_txn_commit(st->txn));
	st->txn = NULL;
	if (!rc)
		rc = store_env_errno(mdb_txn_begin(st->e.env, NULL, MDB_RDONLY, &st->txn));
	if (rc)
		goto fail;
	mdb_txn_reset(st->txn);
	*out = st;
	return 0;
fail:
	store_close(st);
	return rc;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	if (st->txn)
		mdb_txn_abort(st->txn);
	store_env_close(&st->e);
	free(st);
}

void store_set_alive(struct store *st, store_alive_fn fn, void *ctx)
{
	st->alive = fn;
	st->alive_ctx = ctx;
}

int store_read_begin(struct store *st)
{
	return store_env_errno(mdb_txn_renew(st->txn));
}

void store_read_end(struct store *st)
{
	mdb_txn_reset(st->txn);
}

bool store_read_alive(const struct store *st, const uint8_t raw[STORE_SID_RAW])
{
	return !st->alive || st->alive(st->alive_ctx, store_sid_slot(raw), store_sid_gen16(raw));
}

bool store_read_purging(const struct store *st)
{
	struct store_now now;

	return st->alive && store_env_get_now(&st->e, st->txn, &now) == 0 && now.nover > 0;
}

int store_read_count(
    const struct store *st, const struct store_text *nsp, const char *room, size_t len, struct store_count *out)
{
	uint8_t key[STORE_ROOM_KEY_MAX];
	MDB_val v;
	int rc;

	if (nsp->len + len > OP_NAME_MAX)
		return 0;
	rc = store_env_get(&st->e, st->txn, STORE_ROOMS, key, store_room_key(key, nsp->p, nsp->len, room, len), &v);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return store_count_get(v.mv_data, v.mv_size, out) ? 1 : -EPROTO;
}

int store_walk_begin(struct store_walk *wk, const struct store *st, enum store_table t, const void *prefix, size_t len,
    const void *after, size_t after_len)
{
	if (len > sizeof wk->prefix)
		return -EINVAL;
	wk->prefix_len = len;
	if (len > 0)
		memcpy(wk->prefix, prefix, len);
	wk->k.mv_size = after ? after_len : len;
	wk->k.mv_data = after ? (void *)after : wk->prefix;
	wk->behind = after != NULL;
	wk->op = wk->k.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST;
	return store_env_errno(mdb_cursor_open(st->txn, st->e.dbi[t], &wk->c));
}

int store_walk_next(struct store_walk *wk, MDB_val *k, MDB_val *v)
{
	int rc;

	*k = wk->k;
	rc = mdb_cursor_get(wk->c, k, v, wk->op);
	wk->op = MDB_NEXT;
	if (wk->behind && rc == 0 && k->mv_size == wk->k.mv_size && memcmp(k->mv_data, wk->k.mv_data, k->mv_size) == 0)
		rc = mdb_cursor_get(wk->c, k, v, wk->op);
	wk->behind = false;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return store_env_errno(rc);
	return k->mv_size >= wk->prefix_len && memcmp(k->mv_data, wk->prefix, wk->prefix_len) == 0;
}

void store_walk_end(struct store_walk *wk)
{
	mdb_cursor_close(wk->c);
}

/* One row or chunk of a socket: where its rooms are. */
static int rooms_of(
    const struct store *st, const uint8_t *raw, unsigned chunk, MDB_val *v, struct store_row *row, size_t *off)
{
	uint8_t key[STORE_CHUNK_KEY_MAX];
	int rc = store_env_get(&st->e, st->txn, STORE_SOCKETS, key, store_chunk_key(key, raw, chunk), v);

	if (rc)
		return rc;
	*off = chunk == 0 ? store_row_get(v->mv_data, v->mv_size, row) : 0;
	return chunk == 0 && *off == 0 ? -EPROTO : 0;
}

/* Where the texts of a copied-out socket are put, one after the other. */
struct copy {
	char *p;
};

static const char *copy_text(struct copy *c, const struct store_text *t, bool always)
{
	char *at = c->p;

	if (t->len == 0 && !always)
		return NULL;
	memcpy(at, t->p, t->len);
	at[t->len] = '\0';
	c->p += t->len + 1;
	return at;
}

static int copy_socket(const struct store *st, const uint8_t *raw, struct store_socket *out)
{
	struct store_text room;
	struct store_row row, head;
	struct copy to;
	size_t off, bytes = 0;
	unsigned n = 0;
	uint8_t sub;
	MDB_val v;
	int rc = rooms_of(st, raw, 0, &v, &head, &off);

	if (rc)
		return rc;
	for (unsigned i = 0; i <= head.nchunks; i++) {
		rc = rooms_of(st, raw, i, &v, &row, &off);
		if (rc)
			return rc;
		/* A room takes two bytes of head in the row, and no more than a NUL here. */
		bytes += v.mv_size + 8;
		while (store_row_next_room(v.mv_data, v.mv_size, &off, &room, &sub) > 0)
			n++;
	}
	out->mem = malloc(n * (sizeof *out->rooms + 1) + bytes);
	if (!out->mem)
		return -ENOMEM;
	out->rooms = out->mem;
	out->subs = (uint8_t *)(out->rooms + n);
	to.p = (char *)out->subs + n;
	out->nsp = copy_text(&to, &head.nsp, true);
	out->user = copy_text(&to, &head.user, false);
	out->name = copy_text(&to, &head.name, false);
	out->role = copy_text(&to, &head.role, false);
	out->ip = copy_text(&to, &head.ip, false);
	out->transport = head.transport;
	out->connected_ms = head.connected_ms;
	out->nrooms = 0;
	for (unsigned i = 0; i <= head.nchunks && !rc; i++) {
		rc = rooms_of(st, raw, i, &v, &row, &off);
		while (!rc && store_row_next_room(v.mv_data, v.mv_size, &off, &room, &sub) > 0) {
			((uint8_t *)out->subs)[out->nrooms] = sub;
			out->rooms[out->nrooms++] = copy_text(&to, &room, true);
		}
	}
	if (rc)
		store_socket_fini(out);
	return rc;
}

int store_get_socket(struct store *st, const char *sid, struct store_socket *out)
{
	uint8_t raw[STORE_SID_RAW];
	int rc;

	memset(out, 0, sizeof *out);
	if (strlen(sid) != OP_SID_LEN || !store_sid_pack(raw, sid) || !store_read_alive(st, raw))
		return 0;
	rc = store_read_begin(st);
	if (rc)
		return rc;
	memcpy(out->sid, sid, sizeof out->sid);
	rc = copy_socket(st, raw, out);
	store_read_end(st);
	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

void store_socket_fini(struct store_socket *s)
{
	free(s->mem);
	s->mem = NULL;
}

/* Counts the living members of a room. */
static int count_members(const struct store *st, const struct store_count *c, uint64_t *sockets, uint64_t *users)
{
	uint64_t last = 0, no, user_no;
	uint8_t prefix[STORE_NUM_MAX];
	struct store_walk wk;
	const uint8_t *raw;
	MDB_val k, v;
	int rc;

	if (c->sole) {
		*sockets = store_read_alive(st, c->sole_raw);
		*users = *sockets > 0 && c->sole_user != 0;
		return 0;
	}
	rc = store_walk_begin(&wk, st, STORE_MEMBERS, prefix, store_num_put(prefix, c->no), NULL, 0);
	if (rc)
		return rc;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		if (!store_member_split(k.mv_data, k.mv_size, &no, &user_no, &raw) || !store_read_alive(st, raw))
			continue;
		++*sockets;
		if (user_no != 0 && user_no != last)
			++*users;
		last = user_no;
	}
	store_walk_end(&wk);
	return rc;
}

int store_get_room(struct store *st, const char *nsp, const char *room, uint64_t *sockets, uint64_t *users)
{
	struct store_text n = {nsp, strlen(nsp)};
	struct store_count c;
	int rc;

	*sockets = *users = 0;
	if (*room == '\0')
		return 0;
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_read_count(st, &n, room, strlen(room), &c);
	if (rc > 0 && c.sockets <= STORE_EXACT_MAX && store_read_purging(st)) {
		rc = count_members(st, &c, sockets, users);
		if (rc == 0)
			rc = *sockets > 0;
	} else if (rc > 0) {
		*sockets = c.sockets;
		*users = c.users;
	}
	store_read_end(st);
	return rc;
}

int store_get_user(struct store *st, const char *user, unsigned max_sids, struct store_user *out)
{
	uint8_t key[STORE_USER_KEY_MAX];
	size_t len = strlen(user);
	struct store_walk wk;
	MDB_val k, v;
	int rc;

	memset(out, 0, sizeof *out);
	if (len == 0 || len > OP_USER_MAX)
		return 0;
	if (max_sids > 0) {
		out->sids = calloc(max_sids, sizeof *out->sids);
		if (!out->sids)
			return -ENOMEM;
	}
	rc = store_read_begin(st);
	if (rc)
		goto out;
	rc = store_walk_begin(&wk, st, STORE_USERS, key, store_user_key(key, user, len), NULL, 0);
	if (rc)
		goto end;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		const uint8_t *raw = (const uint8_t *)k.mv_data + k.mv_size - STORE_SID_RAW;

		if (k.mv_size < wk.prefix_len + STORE_SID_RAW || !store_read_alive(st, raw))
			continue;
		if (out->nsids < max_sids)
			store_sid_unpack(out->sids[out->nsids++], raw);
		out->sockets++;
	}
	store_walk_end(&wk);
	if (rc == 0)
		rc = out->sockets > 0;
end:
	store_read_end(st);
out:
	if (rc <= 0)
		store_user_fini(out);
	return rc;
}

void store_user_fini(struct store_user *u)
{
	free(u->sids);
	memset(u, 0, sizeof *u);
}

int store_totals(struct store *st, uint64_t *sockets, uint64_t *users, uint64_t *rooms)
{
	struct store_now now;
	int rc = store_read_begin(st);

	if (rc)
		return rc;
	rc = store_env_get_now(&st->e, st->txn, &now);
	store_read_end(st);
	if (rc)
		return rc;
	*sockets = now.sockets;
	*users = now.users;
	*rooms = now.rooms;
	return 0;
}
