/*
 * store_purge.c - generations that are over.
 *
 * A row "o" + slot + generation in STORE_META stands until the last socket of that generation is gone.  The sockets'
 * keys begin with slot and generation, so what is left is always the front of one range: deleting is the cursor.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define OVER_KEY 6u

static void over_key(uint8_t key[OVER_KEY], unsigned slot, uint32_t gen)
{
	key[0] = 'o';
	key[1] = (uint8_t)slot;
	for (unsigned i = 0; i < 4; i++)
		key[2 + i] = (uint8_t)(gen >> 8 * (3 - i));
}

int store_mark_over(struct store_writer *w, unsigned slot, uint32_t gen)
{
	uint8_t key[OVER_KEY];
	int rc;

	assert(w->txn && slot < SLOT_MAX);
	over_key(key, slot, gen);
	rc = store_batch_put(w, STORE_META, key, sizeof key, NULL, 0, MDB_NOOVERWRITE);
	if (rc)
		return rc == -EEXIST ? 0 : rc;
	w->now.nover++;
	return 0;
}

int store_over_next(struct store_writer *w, unsigned *slot, uint32_t *gen)
{
	const uint8_t *p;
	MDB_val k;
	int rc;

	assert(w->txn);
	if (w->now.nover == 0)
		return 0;
	rc = store_batch_range(w, STORE_META, "o", 1, &k, NULL);
	if (rc <= 0)
		return rc;
	if (k.mv_size != OVER_KEY)
		return -EIO;
	p = k.mv_data;
	*slot = p[1];
	*gen = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
	return 1;
}

int store_purge(struct store_writer *w, unsigned slot, uint32_t gen, unsigned budget)
{
	uint8_t prefix[3] = {(uint8_t)slot, (uint8_t)(gen >> 8), (uint8_t)gen};
	uint8_t raw[STORE_SID_RAW], key[OVER_KEY];
	MDB_val k;
	int rc;

	assert(w->txn && slot < SLOT_MAX);
	for (;; budget--) {
		rc = store_batch_range(w, STORE_SOCKETS, prefix, sizeof prefix, &k, NULL);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		if (budget == 0)
			return 1;
		if (k.mv_size != sizeof raw)
			return -EIO;
		memcpy(raw, k.mv_data, sizeof raw);
		rc = store_socket_del(w, raw);
		if (rc)
			return rc;
	}
	over_key(key, slot, gen);
	rc = store_batch_del(w, STORE_META, key, sizeof key);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	w->now.nover -= w->now.nover > 0;
	return 0;
}
