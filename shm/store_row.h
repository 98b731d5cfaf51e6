/*
 * store_row.h - what the rows of the store hold.
 *
 * A socket is one row: its head, then its rooms.  A row stays below STORE_ROW_MAX, so that it never needs pages of its
 * own; rooms beyond it go to chunk rows (key: sid and chunk number), each nothing but rooms.  So a socket with a
 * thousand rooms costs a join no more than one with three.
 *
 *	head	transport (1), chunks (2), connected at in ms (6), number of user, then namespace, user, name, role and
 *ip, each a length (1) and the bytes; length 0: unknown room	length (1), sub of op.h (1), the bytes
 *
 * Rooms and namespaces: number, sockets and users as numbers of store_key.h; while a room has never had more than one
 * socket, then that one's user number and sid, in place of a row among the members (a user's own room mostly is such).
 * Users: number of user.
 */
#ifndef FORKCAST_SHM_STORE_ROW_H
#define FORKCAST_SHM_STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/store_key.h"

#define STORE_ROW_MAX    1536
#define STORE_TEXT_MAX   255 /* name, role, ip: longer ones are cut */
#define STORE_CHUNKS_MAX 65535

/* Bytes inside somebody's buffer. */
struct store_text {
	const char *p;
	size_t len;
};

struct store_row {
	uint8_t transport;
	unsigned nchunks;
	int64_t connected_ms;
	uint64_t user_no; /* 0: no user */
	struct store_text nsp, user, name, role, ip;
};

/* Writes the head, returns its bytes (always room for one more room below STORE_ROW_MAX). */
size_t store_row_put(uint8_t buf[STORE_ROW_MAX], const struct store_row *row);
/* Reads a head; returns its bytes (the rooms follow), or 0: not a row. */
size_t store_row_get(const uint8_t *buf, size_t len, struct store_row *row);
/* Changes the number of chunks in place. */
void store_row_set_chunks(uint8_t *buf, unsigned nchunks);
void store_row_set_transport(uint8_t *buf, uint8_t transport);

/* Appends a room at LEN; returns the new length, or 0: the row is full. */
size_t store_row_add_room(uint8_t buf[STORE_ROW_MAX], size_t len, const char *room, size_t room_len, uint8_t sub);
/* The room at *OFF, and moves *OFF behind it.  1, 0 at the end, -1 malformed. */
int store_row_next_room(const uint8_t *buf, size_t len, size_t *off, struct store_text *room, uint8_t *sub);
/* Takes a room out of the rooms that start at OFF; returns the new length, LEN itself when it is not there. */
size_t store_row_del_room(uint8_t *buf, size_t len, size_t off, const char *room, size_t room_len);

/* Row of a room or namespace. */
struct store_count {
	uint64_t no, sockets, users;
	bool sole; /* the only member is in here, and the room has no rows among the members */
	uint64_t sole_user;
	uint8_t sole_raw[STORE_SID_RAW];
};

#define STORE_COUNT_MAX (4 * STORE_NUM_MAX + STORE_SID_RAW)

size_t store_count_put(uint8_t buf[STORE_COUNT_MAX], const struct store_count *c);
bool store_count_get(const uint8_t *buf, size_t len, struct store_count *c);

#endif
