/*
 * store_key.h - how the keys of the store are written, so that their byte order answers the questions asked.
 *
 *	sockets	slot, generation (2, big-endian), 12 random bytes		a generation is one range
 *		and the same with a chunk number (2) for rooms beyond the first row
 *	rooms	length of namespace (1), namespace, room			a namespace is one range, by name
 *		an empty room name is the namespace itself
 *	members	number of room, number of user, sid (15)			a room is one range, by user
 *	users	length of user (1), user, number of namespace, sid (15)	a user is one range, by namespace
 *
 * A number is 1 to 8 bytes whose first three bits are its length less one: short while small, and its bytes sort as
 * the numbers do.
 */
#ifndef FORKCAST_SHM_STORE_KEY_H
#define FORKCAST_SHM_STORE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/op.h"

#define STORE_SID_RAW 15 /* bytes of a sid in the store */
#define STORE_NUM_MAX 8

#define STORE_ROOM_KEY_MAX   (1 + OP_NAME_MAX)
#define STORE_USER_KEY_MAX   (1 + OP_USER_MAX + STORE_NUM_MAX + STORE_SID_RAW)
#define STORE_MEMBER_KEY_MAX (2 * STORE_NUM_MAX + STORE_SID_RAW)

/* 20 characters base64url <-> 15 bytes, slot and generation first.  False: not a sid. */
bool store_sid_pack(uint8_t raw[STORE_SID_RAW], const char sid[OP_SID_LEN]);
void store_sid_unpack(char sid[OP_SID_LEN + 1], const uint8_t raw[STORE_SID_RAW]);

static inline unsigned store_sid_slot(const uint8_t raw[STORE_SID_RAW])
{
	return raw[0];
}

static inline uint32_t store_sid_gen16(const uint8_t raw[STORE_SID_RAW])
{
	return (uint32_t)raw[1] << 8 | raw[2];
}

/* Writes N (< 2^61), returns the bytes. */
size_t store_num_put(uint8_t *p, uint64_t n);
/* Reads a number, returns the bytes it took, or 0: malformed. */
size_t store_num_get(const uint8_t *p, size_t len, uint64_t *n);

/* Each writes a key and returns its length.  NSP_LEN + ROOM_LEN <= OP_NAME_MAX, USER_LEN <= OP_USER_MAX. */
size_t store_room_key(
    uint8_t key[STORE_ROOM_KEY_MAX], const char *nsp, size_t nsp_len, const char *room, size_t room_len);
/* The ranges of a room and of a user in it, and a whole member key; RAW NULL: the prefix. */
size_t store_member_key(uint8_t key[STORE_MEMBER_KEY_MAX], uint64_t room_no, uint64_t user_no, const uint8_t *raw);
/* The user's range up to the user id; store_user_key_in() adds namespace and (RAW not NULL) sid. */
size_t store_user_key(uint8_t key[STORE_USER_KEY_MAX], const char *user, size_t user_len);
size_t store_user_key_in(uint8_t key[STORE_USER_KEY_MAX], size_t len, uint64_t nsp_no, const uint8_t *raw);
/* Takes a member key apart; *RAW points into it.  False: not a member key. */
bool store_member_split(const uint8_t *key, size_t len, uint64_t *room_no, uint64_t *user_no, const uint8_t **raw);

#endif
