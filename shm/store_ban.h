/*
 * store_ban.h - users and addresses that may not connect.
 *
 *	kept	'b', 'u' or 'i', user id or address	-> struct, reason
 *
 * A ban that is over counts no more, whether its row is gone already or not.  Bans survive the instance when the
 * journal is on.
 */
#ifndef FORKCAST_SHM_STORE_BAN_H
#define FORKCAST_SHM_STORE_BAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/op.h"
#include "shm/record.h"
#include "shm/store.h"
#include "shm/store_row.h"

#define STORE_BAN_USER 'u'
#define STORE_BAN_IP   'i'
/* A ban's name: its kind and then what is banned. */
#define STORE_BAN_NAME_MAX   (1 + OP_USER_MAX)
#define STORE_BAN_REASON_MAX OP_DATA_MAX

struct store_writer;

/* Inside a batch.  UNTIL_MS: wall clock, 0: for ever.  0, -ENOENT or -errno; WAITS as of kept rows. */
int store_ban_put(struct store_writer *w, const struct store_text *name, int64_t until_ms, const struct store_text *reason,
    const struct record_ack *waits);
int store_ban_del(struct store_writer *w, const struct store_text *name, const struct record_ack *waits);
/* A row as the durable environment has it.  0, -EPROTO: it is none, or -errno. */
int store_ban_load(struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len);
/* Takes away bans that were over by WALL_MS, at most BUDGET.  1: there is more, 0 or -errno. */
int store_ban_expire(struct store_writer *w, int64_t wall_ms, unsigned budget);

struct store_ban {
	char name[STORE_BAN_NAME_MAX + 1];
	int64_t since_ms, until_ms; /* until: 0 for ever */
	char reason[STORE_BAN_REASON_MAX + 1];
};

/* 1 banned at WALL_MS, with *OUT when it is not NULL; 0 not, or -errno. */
int store_get_ban(struct store *st, const struct store_text *name, int64_t wall_ms, struct store_ban *out);
/* A page in the order of names, behind AFTER (NULL: the first), of those that hold at WALL_MS.  How many, or -errno. */
int store_list_bans(struct store *st, const char *after, int64_t wall_ms, unsigned limit, struct store_ban *out, bool *more);

#endif
