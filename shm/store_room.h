/*
 * store_room.h - rows of rooms and namespaces while a batch is open: read once, written back once.
 *
 * Every connect counts in the same few rooms; without this, "global:all" would be written once per operation.  Bounded:
 * when the cache is full it is written back in the middle of the batch.
 */
#ifndef FORKCAST_SHM_STORE_ROOM_H
#define FORKCAST_SHM_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/store_env.h"

#define STORE_ROOMS_CAP   4096u
#define STORE_ROOMS_INDEX 8192u /* a power of two above the cap */
#define STORE_ROOMS_ARENA (64u * STORE_ROOMS_CAP)

struct store_writer;

struct store_room_entry {
	struct store_count count; /* sockets 0: no row is wanted, unless store_set_keeps() says so */
	uint32_t hash;
	uint32_t key; /* in the arena */
	uint16_t key_len;
	bool stored; /* a row exists */
	bool dirty;
};

struct store_rooms {
	unsigned n;
	uint32_t arena_used;
	uint32_t epoch; /* an index word of another epoch is empty: starting a batch clears nothing */
	struct {
		uint32_t epoch, entry;
	} index[STORE_ROOMS_INDEX];
	struct store_room_entry entry[STORE_ROOMS_CAP];
	uint8_t arena[STORE_ROOMS_ARENA];
};

/*
 * The entry of a room (ROOM_LEN 0: of the namespace), valid until the next call; the caller changes its counts through
 * store_room_count().  With CREATE a room without a row gets the next number.  1, 0 not there, or -errno.
 */
int store_room_at(struct store_writer *w, const struct store_text *nsp, const char *room, size_t room_len, bool create,
    struct store_room_entry **out);
/* Adds to the counts, which never go below 0; -1, 0 or 1 each. */
void store_room_count(struct store_room_entry *r, int sockets, int users);
/* Writes what changed into the transaction and empties the cache.  0 or -errno. */
int store_room_flush(struct store_writer *w);
/* Empties the cache. */
void store_room_forget(struct store_rooms *rs);

#endif
