/*
 * sid_table.h - sessions or sockets of this worker by their id.
 *
 * Entries are embedded in their objects; the table owns nothing but its buckets.  A sid is random at its end, and the
 * table is only asked with ids that this process made or that hash like them, so no peer can make a chain long.
 */
#ifndef FORKCAST_WORKER_SID_TABLE_H
#define FORKCAST_WORKER_SID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/sid.h"
#include "worker/owner.h"

struct sid_entry {
	struct sid_entry *next; /* of its chain */
	char text[SID_LEN + 1];
};

struct sid_table {
	struct sid_entry **bucket;
	uint32_t nbuckets, n;
};

/* 0 or -ENOMEM. */
int sid_table_init(struct sid_table *t);
void sid_table_add(struct sid_table *t, struct sid_entry *e);
void sid_table_del(struct sid_table *t, struct sid_entry *e);
/* NULL when none has this id. */
struct sid_entry *sid_table_find(const struct sid_table *t, struct slice sid);
/* Calls FN for every entry; FN may not add or delete. */
void sid_table_each(const struct sid_table *t, void (*fn)(struct sid_entry *e, void *arg), void *arg);

#endif
