/*
 * store_batch.h - the open transaction of the keeper, as the writer's files share it.
 *
 * What a batch changes in private memory (applied positions, totals, the room cache, records for the outbox) is either
 * written by store_commit() or taken back by store_abort(): nothing here is true before LMDB says so.
 */
#ifndef FORKCAST_SHM_STORE_BATCH_H
#define FORKCAST_SHM_STORE_BATCH_H

#include "shm/record.h"
#include "shm/slot.h"
#include "shm/store.h"
#include "shm/store_env.h"
#include "shm/store_room.h"
#include "shm/store_torn.h"
#include "shm/store_writer.h"

#define STORE_FULL_PCT   80   /* of the map: more sockets and rooms are refused */
#define STORE_KEYS_PCT   50   /* the same for keys, so that they leave room for sockets */
#define STORE_OUTBOX_ROW 1920 /* records of a batch share rows up to this size: no pages of their own */

/* A reader's snapshot as seen before: how long has it been the same? */
struct store_snapshot {
	int pid;
	uint64_t txn, since_ns;
};

struct store_writer {
	struct store_env e;
	struct store_torn torn;
	int keeping;                   /* the keeper's place, store_gate.h; -1: not taken */
	MDB_txn *txn;                  /* NULL: no batch open */
	MDB_txn *rtxn;                 /* for the outbox, reset between uses */
	MDB_cursor *cur[STORE_TABLES]; /* of txn; LMDB frees them with it */
	struct store_now now, kept;    /* in this batch, and as committed */
	uint64_t applied[SLOT_MAX], kept_applied[SLOT_MAX];
	struct slot_mask moved;   /* slots whose applied changed in this batch */
	struct slot_mask workers; /* live ones, to run reactions */
	store_edges_fn wanted;	  /* of rooms; NULL: none */
	void *wanted_ctx;
	store_keeps_fn keeps; /* NULL: no room */
	void *keeps_ctx;
	struct store_rooms rooms;
	uint8_t out[STORE_OUTBOX_ROW]; /* records not yet in a row */
	size_t out_len;
	uint64_t out_first;       /* sequence of the first of them */
	uint64_t map_pages, used; /* as last counted */
	unsigned uncounted;       /* row-adding operations since */
	uint64_t wall_ms;         /* the wall clock */
	bool journaling, synced;  /* kept rows are copied to disk; and who asks waits for that */
	bool refusing;            /* but not now: nothing new is kept */
	uint64_t clock_ns;        /* CLOCK_MONOTONIC, as it was told */
	uint8_t head[STORE_ROW_MAX], chunk[STORE_ROW_MAX];
	unsigned nsnapshot;
	struct store_snapshot snapshot[STORE_MAXREADERS];
};

/* Row access inside the batch, through one cursor a table.  0, -ENOENT, -EEXIST or -errno. */
int store_batch_get(struct store_writer *w, enum store_table t, const void *key, size_t len, MDB_val *v);
int store_batch_put(struct store_writer *w, enum store_table t, const void *key, size_t len, const void *val,
    size_t val_len, unsigned flags);
/* Makes room for a value of LEN bytes, to be filled at *VAL before the next call. */
int store_batch_reserve(struct store_writer *w, enum store_table t, const void *key, size_t key_len, size_t len,
    unsigned flags, void **val);
int store_batch_del(struct store_writer *w, enum store_table t, const void *key, size_t len);
/* The first row whose key starts with PREFIX: 1, with *K (NULL: not wanted) and *V, 0 none, or -errno. */
int store_batch_range(
    struct store_writer *w, enum store_table t, const void *prefix, size_t len, MDB_val *k, MDB_val *v);

/* Takes a socket with its rooms and chunks away.  0, -ENOENT or -errno. */
int store_socket_del(struct store_writer *w, const uint8_t raw[STORE_SID_RAW]);

/* The socket that an operation is about, and whose it is. */
struct store_cause {
	struct store_text nsp, user, name, role; /* len 0: unknown */
	uint64_t user_no;			 /* 0: nobody's */
	const uint8_t *raw;
	unsigned edges; /* bits 1 << enum record_edge that may be told of */
};

/* An edge that CAUSE made; ROOM: which it is about, or NULL.  0 or -errno. */
int store_outbox_edge(
    struct store_writer *w, unsigned edge, const struct store_cause *cause, const struct store_text *room);
/* store_grace.c.  The exit of CAUSE's user from ROOM is told in MS; 0 or -errno. */
int store_grace_begin(struct store_writer *w, const struct store_cause *c, const struct store_text *room, uint32_t ms);
/* It is back: 1 an exit was waiting and will not be told, 0 none was, or -errno. */
int store_grace_end(struct store_writer *w, const struct store_cause *c, const struct store_text *room);
/* An operation of RAW was refused: its socket must go. */
int store_outbox_refused(struct store_writer *w, const struct store_text *nsp, const uint8_t raw[STORE_SID_RAW]);
/* RECORD as it is but for its sequence; any size that LMDB takes. */
int store_outbox_record(struct store_writer *w, const void *record, size_t len);
/* To the process that asked: RESULT, and what is kept with it. */
int store_outbox_answer(struct store_writer *w, const struct record_ack *to, uint32_t result, const void *data, size_t len);
/* Writes the records of the batch that wait for a row. */
int store_outbox_flush(struct store_writer *w);

/* Counts the pages now and then; true when they are more than PCT of the map. */
bool store_past(struct store_writer *w, unsigned pct);

/*
 * Kept rows, with their entry in the journal.  WAITS: answered with RECORD_ONCE_NEW when it is on disk; NULL: nobody
 * waits.  0, -ENOENT or -errno.
 */
int store_kept_put(struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len,
    const struct record_ack *waits);
int store_kept_del(struct store_writer *w, const void *key, size_t key_len, const struct record_ack *waits);

/* store_once.c.  Applies an OP_ONCE; as store_apply(). */
int store_once_apply(struct store_writer *w, unsigned slot, uint32_t gen, const struct op_head *head,
    const uint8_t *tlvs, size_t len);
/* The same for an OP_BAN, or an OP_UNBAN (store_ban.c). */
int store_ban_apply(struct store_writer *w, unsigned slot, uint32_t gen, bool banned, const uint8_t *tlvs, size_t len);
/* To all live workers: whoever has that name goes. */
int store_outbox_ban(struct store_writer *w, const struct store_text *name);
/* The same for an OP_CANCEL. */
int store_cancel_apply(struct store_writer *w, unsigned slot, uint32_t gen, const uint8_t *tlvs, size_t len);

#endif
