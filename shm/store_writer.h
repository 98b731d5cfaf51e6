/*
 * store_writer.h - the keeper's side of the store: operations in, rows and outbox out, one transaction a batch.
 *
 * applied[slot] is committed with the effects of everything up to it, so a successor goes on exactly where its
 * predecessor stopped: an operation is either wholly in the store with its outbox rows, or not applied at all.  Outbox
 * records get into the keeper's ring after the commit, carrying their sequence, and are forgotten by a later
 * transaction; a successor sends again what was not forgotten, and readers drop a sequence they had.
 *
 * Presence edges.  The first socket of a user in a namespace makes a RECORD_EDGE ONLINE, the last one gone OFFLINE,
 * with the user, the namespace and (as a ROOM of RECORD_ROOM_SID, hash 0) the socket that caused it.  So do, where
 * store_set_edges() wants them, the first and last socket of a user in a room (ENTER, EXIT), and of anybody (OCCUPIED,
 * VACATED).  The mask holds
 * exactly one slot, the worker that runs the reactions: the cause's own, or when that one is gone, the first live
 * worker. It is decided in the transaction, so a record sent twice names the same worker.  A worker that dies before it
 * has read an edge takes its reaction along: at most once.
 *
 * Questions.  An operation that asks (op.h) is answered by a RECORD_ANSWER to its slot, made in the same transaction as
 * what it changed, behind the records that it sent on the way.  Each kind of question may be asked again by who missed
 * the answer: its row names who asked first, and tells it the same.
 *
 * Refusals.  Above 80 % of the map an operation that adds rows is refused, and a RECORD_CONTROL with RECORD_ACT_CLOSE
 * for its socket goes out through the outbox: nobody stays connected whom the store does not know.
 */
#ifndef FORKCAST_SHM_STORE_WRITER_H
#define FORKCAST_SHM_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/op.h"
#include "shm/slot.h"
#include "shm/store.h"
#include "shm/store_row.h"

struct store_writer;

/*
 * Opens the store at PATH (LMDB puts PATH-lock beside it), repairs what a killed predecessor left, checks nonce and
 * layout, and takes the places of dead readers back.  With CREATE a missing store is made: preallocated, so a full
 * tmpfs fails here with -ENOSPC and never by SIGBUS, and moved to PATH when complete.
 * 0, -ENOENT (missing, no CREATE), -EPROTO (another nonce or layout), -EBUSY (another keeper has it), -EUCLEAN
 * (inconsistent) or -errno.
 */
int store_writer_open(struct store_writer **out, const char *path, size_t map_size, uint64_t nonce, bool create);
void store_writer_close(struct store_writer *w);

/* Position up to which the operations of SLOT are in the store. */
uint64_t store_applied(const struct store_writer *w, unsigned slot);
/* The slots that may be asked to run reactions; from the next operation on. */
void store_set_workers(struct store_writer *w, const struct slot_mask *live);

/* What time it is, CLOCK_MONOTONIC and on the wall, for all that follows. */
void store_set_clock(struct store_writer *w, uint64_t now_ns, int64_t wall_ms);

/*
 * Which edges of a room somebody reacts to, as bits 1 << enum record_edge; AUTOMATIC: the server joined the socket to it
 * at connect.  Rooms of which none is wanted cost nothing.
 */
typedef unsigned (*store_edges_fn)(
    void *ctx, const char *nsp, size_t nsp_len, const char *room, size_t room_len, bool automatic);
void store_set_edges(struct store_writer *w, store_edges_fn fn, void *ctx);
/* Which rooms stay in the list of rooms when nobody is in them; NULL: none. */
typedef bool (*store_keeps_fn)(void *ctx, const char *nsp, size_t nsp_len, const char *room, size_t room_len);
void store_set_keeps(struct store_writer *w, store_keeps_fn fn, void *ctx);

/*
 * A batch: begin, any number of apply and purge steps, then commit or abort.  0 or -errno; -ENOMEM anywhere in it: the
 * map has no page left (readers may pin some): abort, try again, never skip.  After any error but those that
 * store_apply() names, only store_abort() may follow; store_commit() has aborted when it fails.
 */
int store_begin(struct store_writer *w);
/*
 * Applies one operation of generation GEN of SLOT.  0, or, with the batch still good and the operation to be passed
 * over: -EPROTO malformed, or about a socket of another generation; -ENOENT unknown socket (its connect was refused);
 * -ENOSPC refused, map past 80 %.
 */
int store_apply(struct store_writer *w, unsigned slot, uint32_t gen, const void *op, size_t len);
/* Marks SLOT's operations as applied up to END. */
void store_advance(struct store_writer *w, unsigned slot, uint64_t end);
/* Notes that generation GEN of SLOT is over and must be purged. */
int store_mark_over(struct store_writer *w, unsigned slot, uint32_t gen);
/* A generation that is over and not yet purged.  1, 0 none, or -errno. */
int store_over_next(struct store_writer *w, unsigned *slot, uint32_t *gen);
/*
 * Purges rows of generation GEN of SLOT, at most BUDGET sockets a call.  1: more is left, 0: done (and no longer
 * over), or -errno.  What was deleted is its cursor: it goes on after the next commit, also in a successor.
 */
int store_purge(struct store_writer *w, unsigned slot, uint32_t gen, unsigned budget);
int store_commit(struct store_writer *w);
void store_abort(struct store_writer *w);

/* True while a generation is over and not purged (as committed). */
bool store_has_over(const struct store_writer *w);

/* Takes away what is over by now, at most BUDGET keys a call.  1: there is more, 0, or -errno. */
int store_expire(struct store_writer *w, unsigned budget);
/* Outside a batch: true when store_expire() has something to do. */
bool store_has_expired(struct store_writer *w);

/*
 * The journal (store_journal.c).  ON: changes of kept rows are noted; off, what needs them is refused.  SYNCED: whoever
 * asks for one is answered when it is on disk.
 */
void store_set_journal(struct store_writer *w, bool on, bool synced);
/* Copying fails now: what would have to be kept is refused, what goes is noted. */
void store_refuse_kept(struct store_writer *w, bool refuse);
/* Sequence of the next entry, and of the last one forgotten, both as committed. */
uint64_t store_journal_next(const struct store_writer *w);
uint64_t store_journal_forgotten(const struct store_writer *w);
/*
 * Committed entries from sequence FROM on, until they have MAX_BYTES; by any thread of the keeper, in a transaction of its
 * own.  FN returns 0, or -errno to end it.  How many FN got, or -errno.
 */
typedef int (*store_journal_fn)(void *ctx, uint64_t sequence, bool removed, const void *key, size_t key_len,
    const void *val, size_t len);
int store_journal_each(struct store_writer *w, uint64_t from, size_t max_bytes, store_journal_fn fn, void *ctx);
/* Inside a batch: entries up to and including SEQUENCE are on disk, at most BUDGET a call.  1: there is more, 0 or -errno. */
int store_journal_forget(struct store_writer *w, uint64_t sequence, unsigned budget);
/* Inside a batch: whether what is on disk was loaded into this store.  1, 0 or -errno. */
int store_is_loaded(struct store_writer *w);
int store_set_loaded(struct store_writer *w);

/*
 * Inside a batch: what is done again and again.  When it is due next, 1, 0 (not known) or -errno; setting that; and
 * RECORD_EDGE_TICK to one of the live workers, each in turn.
 */
#define STORE_TICK_NAME_MAX 400 /* namespace and name and two bytes */
struct store_tick {
	struct store_text nsp, name;
};
int store_tick_get(struct store_writer *w, const struct store_tick *t, uint64_t *due_ns);
int store_tick_set(struct store_writer *w, const struct store_tick *t, uint64_t due_ns);
int store_tick_send(struct store_writer *w, const struct store_tick *t);

/*
 * Outbox records of committed batches that were not forgotten, oldest first, from sequence FROM on, MAX at most.  FN
 * gets the record (record.h, 8-aligned) and returns 0 to go on; else the record was not taken and iteration ends.
 * Returns the number of records FN took, or -errno.
 */
typedef int (*store_outbox_fn)(void *ctx, uint64_t sequence, const void *record, size_t len);
int store_outbox_each(struct store_writer *w, uint64_t from, unsigned max, store_outbox_fn fn, void *ctx);
/* Inside a batch: forgets records up to and including SEQUENCE (they are in the ring). */
int store_outbox_forget(struct store_writer *w, uint64_t sequence);
/* Sequence of the next record, and of the last one forgotten, both as committed. */
uint64_t store_outbox_next(const struct store_writer *w);
uint64_t store_outbox_forgotten(const struct store_writer *w);

/* Bytes in use (as counted by the last batch) and of the map; true above 80 %. */
bool store_is_full(const struct store_writer *w, size_t *used, size_t *size);
/* Rows, for gauges, as committed. */
void store_writer_totals(const struct store_writer *w, uint64_t *sockets, uint64_t *users, uint64_t *rooms);

/* Keeper, at start and after each death. */
int store_reader_check(struct store_writer *w);
/*
 * Readers that have held one snapshot for AGE_NS although a newer one was committed, while pages were taken from more
 * than half of the map.  To be called again and again: a snapshot's age counts from the first call that saw it.
 * Fills PIDS, returns how many.
 */
unsigned store_stale_readers(struct store_writer *w, uint64_t now_ns, uint64_t age_ns, pid_t *pids, unsigned max);

#endif
