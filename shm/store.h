/*
 * store.h - the volatile LMDB environment on tmpfs: who is connected, and where.
 *
 * The keeper alone writes (store_writer.h); every process reads, each read in one short transaction that copies out
 * and ends inside the function.  The environment carries the instance's nonce and is born and dead with the segment.
 * Open after fork: an inherited LMDB descriptor would let one process's close drop another's locks.
 *
 *	sockets	sid(20)				-> row: namespace, user, name, role, ip, transport, time, rooms
 *	rooms	namespace 0x00 room		-> room number, sockets, users
 *	users	user id				-> user number, sockets
 *	members	room number, user number, sid	-> nothing: "who is in this room", by user
 *	meta	applied positions, outbox sequence, nonce, layout
 *	outbox	sequence			-> target mask and record, until it is in the keeper's ring
 */
#ifndef FORKCAST_SHM_STORE_H
#define FORKCAST_SHM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/op.h"

#define STORE_MAXREADERS 512

struct store;

/* Which generations are alive: rows of others are skipped at once, before the keeper has purged them. */
typedef bool (*store_alive_fn)(void *ctx, const char sid[OP_SID_LEN]);

/* Opens for reading.  0, -EPROTO (other nonce or layout), -ENOENT or -errno. */
int store_open_reader(struct store **out, const char *path, size_t map_size, uint64_t nonce);
void store_close(struct store *st);
void store_set_alive(struct store *st, store_alive_fn fn, void *ctx);

/* A copied-out socket row; strings are NUL-terminated inside `mem`. */
struct store_socket {
	char sid[OP_SID_LEN + 1];
	const char *nsp, *user, *name, *role, *ip; /* user, name, role: NULL when unknown */
	unsigned transport;
	int64_t connected_ms;
	unsigned nrooms;
	const char **rooms; /* full names, without the own room */
	void *mem;
};

struct store_room {
	char *name; /* without the namespace */
	uint64_t sockets, users;
};

struct store_user {
	uint64_t sockets;
	unsigned nsids;
	char (*sids)[OP_SID_LEN + 1];
};

/* Each returns 1 found, 0 not, or -errno. */
int store_get_socket(struct store *st, const char *sid, struct store_socket *out);
void store_socket_fini(struct store_socket *s);
int store_get_room(struct store *st, const char *nsp, const char *room, uint64_t *sockets, uint64_t *users);
int store_get_user(struct store *st, const char *user, unsigned max_sids, struct store_user *out);
void store_user_fini(struct store_user *u);

/*
 * Pages.  AFTER is the last key of the page before (sid, room name) or NULL; at most LIMIT rows are copied out, read
 * in one transaction.  Returns the number of rows, or -errno; *MORE tells that another page follows.
 */
int store_list_sockets(struct store *st, const char *nsp, const char *after, unsigned limit,
    char (*sids)[OP_SID_LEN + 1], bool *more);
int store_list_room(struct store *st, const char *nsp, const char *room, const char *after, unsigned limit,
    char (*sids)[OP_SID_LEN + 1], bool *more);
/* PREFIX: "TYPE:" or NULL. */
int store_list_rooms(struct store *st, const char *nsp, const char *prefix, const char *after, unsigned limit,
    struct store_room *rooms, bool *more);
/* Sum of the sockets of ROOMS (an upper bound of the union), one transaction.  NULL room: the whole namespace. */
int store_count_rooms(struct store *st, const char *nsp, const char *const *rooms, unsigned n, uint64_t *sum);
/* Distinct sockets that are in any of IN and in none of EXCEPT. */
int store_count_union(struct store *st, const char *nsp, const char *const *in, unsigned nin,
    const char *const *except, unsigned nexcept, uint64_t *n);
/* Totals. */
int store_totals(struct store *st, uint64_t *sockets, uint64_t *users, uint64_t *rooms);

#endif
