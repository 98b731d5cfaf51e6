/*
 * store_member.h - the indexes beside the sockets, inside a batch: who is in a room, and which sockets a user has.
 */
#ifndef FORKCAST_SHM_STORE_MEMBER_H
#define FORKCAST_SHM_STORE_MEMBER_H

#include "shm/store_batch.h"

/* A room that a socket is in, or comes into. */
struct store_membership {
	struct store_text room;
	bool automatic; /* joined by the server at connect */
	bool alone;	/* the user is known to have no other socket, which saves the look for one in the room */
};

/*
 * Puts CAUSE's socket into a room, or takes it out, counts, and tells of the edges that are wanted.  1 done, 0 nothing to
 * do (was, or was not, in it), or -errno.
 */
int store_member_add(struct store_writer *w, const struct store_cause *cause, const struct store_membership *m);
int store_member_del(struct store_writer *w, const struct store_cause *cause, const struct store_membership *m);

/*
 * True when CAUSE's socket may come into the room of at most MOST users: its user is in it, or there is a place.  Who has
 * no user takes a place for itself.  1, 0 or -errno.
 */
int store_member_fits(struct store_writer *w, const struct store_cause *cause, const struct store_text *room, uint32_t most);

struct store_user_place {
	uint64_t user_no;
	bool alone; /* no other socket of the user anywhere */
	bool edge;  /* no other in this namespace: the first came, or the last went */
};

/* 0 or -errno. */
int store_user_add(struct store_writer *w, const struct store_text *user, uint64_t nsp_no, const uint8_t *raw,
    struct store_user_place *place);
int store_user_del(struct store_writer *w, const struct store_text *user, uint64_t nsp_no, const uint8_t *raw,
    struct store_user_place *place);

#endif
