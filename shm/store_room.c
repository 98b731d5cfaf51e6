/*
 * store_room.c - see store_room.h.
 */
#include "shm/store_room.h"

#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"

/* FNV-1a: keys are short, and nobody gains anything by collisions in a table of one batch. */
static uint32_t hash_key(const uint8_t *key, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 16777619u;
	return h ^ h >> 15;
}

/* The index word of the key, or the empty one where it belongs. */
static uint32_t find(const struct store_rooms *rs, const uint8_t *key, size_t len, uint32_t hash)
{
	uint32_t i = hash & (STORE_ROOMS_INDEX - 1);

	for (; rs->index[i].epoch == rs->epoch; i = (i + 1) & (STORE_ROOMS_INDEX - 1)) {
		const struct store_room_entry *r = &rs->entry[rs->index[i].entry];

		if (r->hash == hash && r->key_len == len && memcmp(rs->arena + r->key, key, len) == 0)
			break;
	}
	return i;
}

int store_room_at(struct store_writer *w, const struct store_text *nsp, const char *room, size_t room_len, bool create,
    struct store_room_entry **out)
{
	struct store_rooms *rs = &w->rooms;
	uint8_t key[STORE_ROOM_KEY_MAX];
	size_t len = store_room_key(key, nsp->p, nsp->len, room, room_len);
	uint32_t hash = hash_key(key, len), i;
	struct store_room_entry *r;
	MDB_val v;
	int rc;

	if (rs->n == STORE_ROOMS_CAP || rs->arena_used + len > STORE_ROOMS_ARENA) {
		rc = store_room_flush(w);
		if (rc)
			return rc;
	}
	i = find(rs, key, len, hash);
	if (rs->index[i].epoch != rs->epoch) {
		r = &rs->entry[rs->n];
		memset(r, 0, sizeof *r);
		rc = store_batch_get(w, STORE_ROOMS, key, len, &v);
		if (rc && rc != -ENOENT)
			return rc;
		if (rc == 0) {
			if (!store_count_get(v.mv_data, v.mv_size, &r->count))
				return -EIO;
			r->stored = true;
		}
		r->hash = hash;
		r->key = rs->arena_used;
		r->key_len = (uint16_t)len;
		memcpy(rs->arena + r->key, key, len);
		rs->arena_used += (uint32_t)len;
		rs->index[i].epoch = rs->epoch;
		rs->index[i].entry = rs->n++;
	}
	r = &rs->entry[rs->index[i].entry];
	if (r->count.no == 0) {
		if (!create)
			return 0;
		r->count.no = ++w->now.next_room;
	}
	*out = r;
	return r->count.sockets > 0 || create;
}

void store_room_count(struct store_room_entry *r, int sockets, int users)
{
	struct store_count *c = &r->count;

	if (sockets > 0 || c->sockets > 0)
		c->sockets += (uint64_t)(int64_t)sockets;
	if (users > 0 || c->users > 0)
		c->users += (uint64_t)(int64_t)users;
	r->dirty = true;
}

/* KEY: its length, the namespace, the room. */
static bool keeps(const struct store_writer *w, const uint8_t *key, size_t len)
{
	const char *nsp = (const char *)key + 1;

	return w->keeps != NULL && len > 1u + key[0] && w->keeps(w->keeps_ctx, nsp, key[0], nsp + key[0], len - 1 - key[0]);
}

int store_room_flush(struct store_writer *w)
{
	struct store_rooms *rs = &w->rooms;
	uint8_t val[STORE_COUNT_MAX];
	int rc = 0;

	for (unsigned i = 0; i < rs->n && !rc; i++) {
		const struct store_room_entry *r = &rs->entry[i];
		const uint8_t *key = rs->arena + r->key;

		if (!r->dirty)
			continue;
		if (r->count.sockets > 0 || keeps(w, key, r->key_len))
			rc = store_batch_put(w, STORE_ROOMS, key, r->key_len, val, store_count_put(val, &r->count), 0);
		else if (r->stored)
			rc = store_batch_del(w, STORE_ROOMS, key, r->key_len);
	}
	store_room_forget(rs);
	return rc;
}

void store_room_forget(struct store_rooms *rs)
{
	rs->n = 0;
	rs->arena_used = 0;
	if (++rs->epoch == 0) {
		memset(rs->index, 0, sizeof rs->index);
		rs->epoch = 1;
	}
}
