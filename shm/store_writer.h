/*
 * store_writer.h - the keeper's side of the store: operations in, rows and outbox out, one transaction a batch.
 *
 * applied[slot] = (generation, position) is committed with the effects of everything up to it, so a successor goes on
 * exactly where its predecessor stopped: an operation is either wholly in the store with its outbox rows, or not
 * applied at all.  Outbox rows become records of the keeper's ring after the commit, carrying their sequence, and are
 * deleted by a later transaction; readers drop a sequence they had.
 */
#ifndef FORKCAST_SHM_STORE_WRITER_H
#define FORKCAST_SHM_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/op.h"
#include "shm/slot.h"
#include "shm/store.h"

struct store_writer;

/*
 * Creates the environment (preallocated, so a full tmpfs fails here with -ENOSPC) or opens the one a predecessor left;
 * checks nonce and layout, and runs the reader check.  PATH is a file; LMDB puts PATH-lock beside it.
 */
int store_writer_open(struct store_writer **out, const char *path, size_t map_size, uint64_t nonce);
void store_writer_close(struct store_writer *w);

/* Position up to which the operations of SLOT are in the store. */
uint64_t store_applied(const struct store_writer *w, unsigned slot);

/* A batch: begin, any number of apply and purge steps, then commit or abort.  All 0 or -errno. */
int store_begin(struct store_writer *w);
/*
 * Applies one operation whose record ended at END in SLOT's ring.  -EPROTO: malformed, skipped and counted, END is
 * still advanced by store_advance().  -ENOSPC: the map is past 80 % and the operation would add rows: it was refused,
 * the caller advances and tells the slot.  -MDB_MAP_FULL style errors abort the whole batch: retry it.
 */
int store_apply(struct store_writer *w, unsigned slot, uint32_t gen, const void *op, size_t len);
/* Marks SLOT's operations as applied up to END. */
void store_advance(struct store_writer *w, unsigned slot, uint64_t end);
/*
 * Purges rows of generation GEN of SLOT, at most BUDGET sockets a call.  1: more is left (it goes on after the next
 * commit, from a cursor kept in the store, also by a successor), 0: done.
 */
int store_purge(struct store_writer *w, unsigned slot, uint32_t gen, unsigned budget);
/* Generations whose purge was begun and not finished: fills SLOTS/GENS, returns how many. */
unsigned store_purges_pending(const struct store_writer *w, unsigned *slots, uint32_t *gens, unsigned max);
/* Notes that generation GEN of SLOT is over and must be purged (part of the batch, before store_purge). */
int store_mark_over(struct store_writer *w, unsigned slot, uint32_t gen);
int store_commit(struct store_writer *w);
void store_abort(struct store_writer *w);

/*
 * Outbox rows written by committed batches and not yet forgotten, oldest first, from sequence FROM on.  Calls FN for
 * each with the record bytes (record.h, sequence filled in) and its mask; FN returns 0 to go on, else iteration ends.
 * Returns the number of rows FN took, or -errno.
 */
typedef int (*store_outbox_fn)(void *ctx, uint64_t sequence, const void *record, size_t len);
int store_outbox_each(struct store_writer *w, uint64_t from, unsigned max, store_outbox_fn fn, void *ctx);
/* Inside a batch: forgets rows up to and including SEQUENCE (they are in the ring). */
int store_outbox_forget(struct store_writer *w, uint64_t sequence);

/* Bytes used and map size; true above 80 %. */
bool store_is_full(const struct store_writer *w, size_t *used, size_t *size);
/* Rows, for gauges. */
void store_writer_totals(const struct store_writer *w, uint64_t *sockets, uint64_t *users, uint64_t *rooms);
/* Keeper, at start and after each death. */
int store_reader_check(struct store_writer *w);

#endif
