/*
 * store_chunk.c - see store_chunk.h.
 */
#include "shm/store_chunk.h"

#include <errno.h>
#include <string.h>

size_t store_chunk_key(uint8_t key[STORE_CHUNK_KEY_MAX], const uint8_t *raw, unsigned chunk)
{
	memcpy(key, raw, STORE_SID_RAW);
	if (chunk == 0)
		return STORE_SID_RAW;
	key[STORE_SID_RAW] = (uint8_t)(chunk >> 8);
	key[STORE_SID_RAW + 1] = (uint8_t)chunk;
	return STORE_CHUNK_KEY_MAX;
}

int store_chunk_get(struct store_writer *w, const uint8_t *raw, unsigned chunk, uint8_t buf[STORE_ROW_MAX], size_t *len)
{
	uint8_t key[STORE_CHUNK_KEY_MAX];
	MDB_val v;
	int rc = store_batch_get(w, STORE_SOCKETS, key, store_chunk_key(key, raw, chunk), &v);

	if (rc)
		return rc;
	if (v.mv_size > STORE_ROW_MAX)
		return -EIO;
	memcpy(buf, v.mv_data, v.mv_size);
	*len = v.mv_size;
	return 0;
}

int store_chunk_put(struct store_writer *w, const uint8_t *raw, unsigned chunk, const uint8_t *buf, size_t len)
{
	uint8_t key[STORE_CHUNK_KEY_MAX];

	return store_batch_put(w, STORE_SOCKETS, key, store_chunk_key(key, raw, chunk), buf, len, 0);
}

int store_chunk_del(struct store_writer *w, const uint8_t *raw, unsigned chunk)
{
	uint8_t key[STORE_CHUNK_KEY_MAX];

	return store_batch_del(w, STORE_SOCKETS, key, store_chunk_key(key, raw, chunk));
}

int store_chunk_count(struct store_writer *w, const uint8_t *raw, unsigned nchunks)
{
	uint8_t buf[STORE_ROW_MAX];
	size_t len;
	int rc = store_chunk_get(w, raw, 0, buf, &len);

	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	store_row_set_chunks(buf, nchunks);
	return store_chunk_put(w, raw, 0, buf, len);
}
