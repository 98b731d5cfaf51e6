/*
 * record.h - what a RING_DATA record of a broadcast ring holds: a fixed head, then TLVs.
 *
 * The packet is stored once, in its JSON form, as the Engine.IO message text that a WebSocket frame or a poll carries
 * ("42/nsp,[...]"); other encodings are made by the readers that need them, once per turn.  Targets are rooms of one
 * namespace, by 64-bit hash and name; none means the whole namespace.  A socket's own room is a room whose name is its
 * sid, flagged RECORD_ROOM_SID so that readers look among their own sockets.
 */
#ifndef FORKCAST_SHM_RECORD_H
#define FORKCAST_SHM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/slot.h"
#include "shm/tlv.h"

enum record_kind {
	RECORD_BROADCAST = 1, /* a packet for every member of the targets */
	RECORD_CONTROL = 2,   /* an act on the targets' sockets: see enum record_act */
	RECORD_EDGE = 3,      /* from the keeper: something became true or false once per host */
	RECORD_ANSWER = 4,    /* to the process that asked for acks: see enum record_answer */
};

/* BAN: on all sockets of the user or the address that USER names (store_ban.h). */
enum record_act { RECORD_ACT_JOIN = 1, RECORD_ACT_LEAVE, RECORD_ACT_DISCONNECT, RECORD_ACT_CLOSE, RECORD_ACT_BAN };
/* Of a user in a namespace, of a user in a room, of a room; of time (PACKET: the name of an `every` in NSP that is due). */
enum record_edge {
	RECORD_EDGE_ONLINE = 1,
	RECORD_EDGE_OFFLINE,
	RECORD_EDGE_ENTER,
	RECORD_EDGE_EXIT,
	RECORD_EDGE_OCCUPIED,
	RECORD_EDGE_VACATED,
	RECORD_EDGE_TICK,
};
/*
 * How many sockets of a slot were asked (in COUNT), and what one of them answered (PACKET: a JSON array).  What the
 * keeper says to a question (op.h): COUNT is an enum record_once, PACKET what is kept with the key.
 */
enum record_answer { RECORD_ANSWER_COUNT = 1, RECORD_ANSWER_ARGS, RECORD_ANSWER_KEEPER };
enum record_once {
	RECORD_ONCE_NEW,   /* the key is the asker's now */
	RECORD_ONCE_TAKEN, /* it was another's */
	RECORD_ONCE_FULL,  /* the store has no room for more keys */
	RECORD_ONCE_REFUSED, /* what is to survive the instance cannot be kept */
};

enum record_flag {
	RECORD_VOLATILE = 1 << 0,    /* dropped for a receiver that is not writable */
	RECORD_LOCAL = 1 << 1,       /* the publisher's own slot only */
	RECORD_FROM_BRIDGE = 1 << 2, /* came from other hosts: never sent back */
};

enum record_tlv {
	RECORD_TLV_NSP = 1,      /* namespace name; absent: "/" */
	RECORD_TLV_ROOM = 2,     /* target; hash and name; sub: enum record_room_sub */
	RECORD_TLV_EXCEPT = 3,   /* as ROOM: who does not get it */
	RECORD_TLV_ARG_ROOM = 4, /* control: the room to join or leave; edge: the room it is about, with hash 0 */
	RECORD_TLV_PACKET = 5,   /* the text */
	RECORD_TLV_ATTACH = 6,   /* one binary attachment, in order */
	RECORD_TLV_USER = 7,     /* edge: user id */
	RECORD_TLV_ACK = 8,      /* acks wanted: struct record_ack; in an answer: the same, as it came */
	RECORD_TLV_COUNT = 9,    /* uint32_t */
	RECORD_TLV_USER_NAME = 10, /* edge, as far as they are known */
	RECORD_TLV_USER_ROLE = 11,
};

enum record_room_sub { RECORD_ROOM_PLAIN = 0, RECORD_ROOM_SID = 1 };

/* Who asked for acks, and until when. */
struct record_ack {
	uint64_t id;        /* the asker's own number */
	uint64_t due_ns;    /* CLOCK_MONOTONIC */
	uint32_t slot, gen; /* the asker */
};

struct record_head {
	uint8_t kind;     /* enum record_kind */
	uint8_t act;      /* enum record_act or record_edge */
	uint8_t priority; /* 0 normal, 1 critical, 2 low */
	uint8_t group;    /* preference group, 0 none */
	uint32_t flags;   /* enum record_flag */
	uint32_t splice;  /* where in the packet an offset argument goes (index of the last ']'); 0: takes none */
	uint32_t reserved;
	uint64_t sequence;     /* the keeper's outbox number: a reader drops one it had; 0 from workers */
	struct slot_mask mask; /* slots that have to look */
};

/* A parsed record; slices point into the copy it was parsed from. */
struct record {
	struct record_head head;
	const uint8_t *tlvs;
	size_t tlvs_len;
	const char *nsp; /* "/" when absent */
	size_t nsp_len;
	const char *packet;
	size_t packet_len;
	unsigned nrooms, nexcepts, nargs, nattached;
	bool has_ack;
	struct record_ack ack;
	uint32_t count;
	/* The first target, parsed, since most records have one. */
	uint64_t room_hash;
	const char *room;
	size_t room_len;
	uint16_t room_sub;
};

/*
 * Starts a record in BUF, 8-aligned; fields follow through tlv_put*(), the head may be changed through the returned
 * pointer.  NULL (and w->over) when CAP does not even hold the head.
 */
struct record_head *record_begin(struct tlv_writer *w, void *buf, size_t cap, enum record_kind kind);
/*
 * 0 or -EPROTO: not a record that this code could have written.  All fields were checked then; types that this binary
 * does not know are skipped.
 */
int record_parse(struct record *rec, const void *buf, size_t len);
/* Iterates attachments; *off starts at 0.  False at the end. */
bool record_next_attached(const struct record *rec, size_t *off, const char **val, size_t *len);
/* Iterates fields of TYPE with a hash and a name; *off starts at 0.  False at the end. */
bool record_next_room(const struct record *rec, uint16_t type, size_t *off, uint64_t *hash, const char **name,
    size_t *len, uint16_t *sub);

#endif
