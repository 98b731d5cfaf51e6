/*
 * store.h - the volatile LMDB environment on tmpfs: who is connected, and where.
 *
 * The keeper alone writes (store_writer.h); every process reads, each read in one short transaction that copies out
 * and ends inside the function.  The environment carries the instance's nonce and is born and dead with the segment.
 * Open after fork: an inherited LMDB descriptor would let one process's close drop another's locks.
 *
 *	sockets	sid				-> namespace, user, name, role, ip, transport, time, rooms (store_row.h)
 *	rooms	namespace, room			-> number, sockets, users, an only member; room "": the namespace
 *	users	user id, namespace no., sid	-> number of the user
 *	members	room number, user number, sid	-> nothing: "who is in this room", by user
 *	meta	nonce, totals, applied positions, generations over
 *	outbox	sequence			-> records, until they are in the keeper's ring
 *	once	key				-> until when it is taken, who took it, what it was told (store_once.c)
 *	kept	kind, key			-> what is to survive the instance (store_journal.c)
 *	journal	sequence			-> a change of that which is not on disk yet
 *	due	kind, time, key			-> nothing: what is to happen, in the order of time
 *
 * Dead generations.  Rows of a generation that ended are skipped at once, by store_set_alive().  Numbers of sockets and
 * users come from counters; while the keeper still purges, those of rooms up to STORE_EXACT_MAX sockets are counted row
 * by row instead.  So only larger rooms, whole namespaces and totals may include dead sockets, and only until the purge
 * is through: some microseconds a socket after the master has ended the generation.
 */
#ifndef FORKCAST_SHM_STORE_H
#define FORKCAST_SHM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/op.h"

#define STORE_MAXREADERS 512
#define STORE_EXACT_MAX  1000
#define STORE_NEXT_LEN   40

struct store;

/* Which generations are alive (store_wait.h has the one that looks into the slot table). */
typedef bool (*store_alive_fn)(void *ctx, unsigned slot, uint32_t gen16);

/*
 * Opens for reading.  Waits for a keeper when there is none, up to a second (store_gate.h).  0, -EPROTO (other nonce or
 * layout), -ENOENT, -EAGAIN (no keeper came) or -errno.
 */
int store_open_reader(struct store **out, const char *path, size_t map_size, uint64_t nonce);
void store_close(struct store *st);
void store_set_alive(struct store *st, store_alive_fn fn, void *ctx);

/* A copied-out socket row; strings are NUL-terminated inside `mem`. */
struct store_socket {
	char sid[OP_SID_LEN + 1];
	const char *nsp, *user, *name, *role, *ip; /* all but nsp: NULL when unknown */
	unsigned transport;
	int64_t connected_ms;
	unsigned nrooms;
	const char **rooms;  /* names, without the own room, in the order of joining */
	const uint8_t *subs; /* enum op_room_sub of each */
	void *mem;
};

struct store_room {
	char *name; /* without the namespace; the caller frees each */
	uint64_t sockets, users;
};

struct store_user {
	uint64_t sockets;
	unsigned nsids; /* at most max_sids; in order of namespace, then sid */
	char (*sids)[OP_SID_LEN + 1];
};

/*
 * Each returns 1 found, 0 not, or -errno; -EAGAIN: all places for readers are taken.  Users are counted over all
 * namespaces.
 */
int store_get_socket(struct store *st, const char *sid, struct store_socket *out);
void store_socket_fini(struct store_socket *s);
int store_get_room(struct store *st, const char *nsp, const char *room, uint64_t *sockets, uint64_t *users);
int store_get_user(struct store *st, const char *user, unsigned max_sids, struct store_user *out);
void store_user_fini(struct store_user *u);

/*
 * Pages.  At most LIMIT rows are copied out, read in one transaction.  Returns the number of rows, or -errno; *MORE
 * tells that another page follows.  AFTER is the last key of the page before (sid, room name) or NULL; it need not
 * exist any more.  Sids come in the order of slots and generations, rooms by name.
 */
int store_list_sockets(
    struct store *st, const char *nsp, const char *after, unsigned limit, char (*sids)[OP_SID_LEN + 1], bool *more);
/* PREFIX: "TYPE:" or NULL. */
int store_list_rooms(struct store *st, const char *nsp, const char *prefix, const char *after, unsigned limit,
    struct store_room *rooms, bool *more);
/*
 * Members of a room, those of a user together.  AFTER is what NEXT held after the page before, or NULL (-EINVAL: no
 * such text was ever given out), and may be NEXT itself; NEXT is "" when no page follows.
 */
int store_list_room(struct store *st, const char *nsp, const char *room, const char *after, unsigned limit,
    char (*sids)[OP_SID_LEN + 1], char next[STORE_NEXT_LEN + 1]);

/*
 * A NULL name: the whole namespace.  A name that is the sid of a socket: its own room.  0 or -errno.
 * The first sums the sockets of ROOMS (an upper bound of the union); the second counts distinct sockets that are in any
 * of IN and in none of EXCEPT, and walks over the members to do so.
 */
int store_count_rooms(struct store *st, const char *nsp, const char *const *rooms, unsigned n, uint64_t *sum);
int store_count_union(struct store *st, const char *nsp, const char *const *in, unsigned nin, const char *const *except,
    unsigned nexcept, uint64_t *n);
/* Totals; users over all namespaces.  0 or -errno. */
int store_totals(struct store *st, uint64_t *sockets, uint64_t *users, uint64_t *rooms);

#endif
