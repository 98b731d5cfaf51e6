/*
 * room.h - the rooms that have members on this worker.
 *
 * Keyed by the hash of (namespace, room) that records carry, with the name as the proof.  The table's index are the low
 * bits of the hash, and it never has more buckets than the interest table, so all local rooms of one interest bucket
 * are in one chain: the slot's interest bit is cleared exactly when the last of them empties.
 *
 * A namespace is a room with an empty name that every socket of it is in; a socket's own room is no room here, its sid
 * is looked up instead (socket.h).
 */
#ifndef FORKCAST_WORKER_ROOM_H
#define FORKCAST_WORKER_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"
#include "worker/socket.h"

struct room {
	struct room *next;
	const struct nsp *nsp;
	uint64_t hash;
	uint32_t n, cap; /* cap 1: the member is `one` */
	union {
		struct socket *one;
		struct socket **many;
	} members;
	uint16_t name_len;
	char name[]; /* NUL-terminated */
};

struct membership {
	struct room *room;
	uint32_t at; /* index among the room's members */
	bool automatic;
};

struct room_table;
struct room_table *room_table_new(uint64_t max_buckets);
unsigned room_count(const struct worker *w);

/* Hash that the whole host agrees on; an empty name is the namespace itself, a sid the socket's own room. */
uint64_t room_hash(const struct worker *w, struct slice nsp, struct slice name);
/* The same in the instance with this NONCE. */
uint64_t room_hash_in(uint64_t nonce, struct slice nsp, struct slice name);

struct room *room_find(const struct worker *w, const struct nsp *nsp, uint64_t hash, struct slice name);
bool room_has(const struct room *r, const struct socket *so);
/* True when the server put the member there at connect. */
bool room_is_automatic(const struct room *r, const struct socket *so);
/* Adds the socket, raising the interest bit first.  The room, or NULL when it was a member already. */
struct room *room_join(struct worker *w, struct socket *so, struct slice name, bool automatic);
/* Takes the socket out.  False when it was no member. */
bool room_leave(struct worker *w, struct socket *so, struct room *r);
/* Out of all its rooms. */
void room_leave_all(struct worker *w, struct socket *so);

static inline struct socket **room_members(struct room *r)
{
	return r->cap <= 1 ? &r->members.one : r->members.many;
}

static inline struct slice room_name(const struct room *r)
{
	return slice_make(r->name, r->name_len);
}

#endif
