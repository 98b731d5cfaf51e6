/*
 * store_chunk.h - the rows of one socket inside a batch: chunk 0 is the head row, the others hold only rooms.
 */
#ifndef FORKCAST_SHM_STORE_CHUNK_H
#define FORKCAST_SHM_STORE_CHUNK_H

#include "shm/store_batch.h"

#define STORE_CHUNK_KEY_MAX (STORE_SID_RAW + 2)

/* Key of a chunk; returns its length. */
size_t store_chunk_key(uint8_t key[STORE_CHUNK_KEY_MAX], const uint8_t *raw, unsigned chunk);
/* Copies a row out.  0, -ENOENT or -errno. */
int store_chunk_get(
    struct store_writer *w, const uint8_t *raw, unsigned chunk, uint8_t buf[STORE_ROW_MAX], size_t *len);
int store_chunk_put(struct store_writer *w, const uint8_t *raw, unsigned chunk, const uint8_t *buf, size_t len);
int store_chunk_del(struct store_writer *w, const uint8_t *raw, unsigned chunk);
/* Writes the number of chunks into the head row. */
int store_chunk_count(struct store_writer *w, const uint8_t *raw, unsigned nchunks);

#endif
