/*
 * op.h - operations: what a process asks of the keeper, as payloads of its operation ring.
 *
 * A fixed head, then TLVs.  Operations of one process are applied in order, each exactly once, whoever dies meanwhile:
 * the keeper commits applied[slot] with their effects.  A sid is 20 characters and names its slot and generation, so
 * rows of a dead generation are told apart without asking anyone.
 */
#ifndef FORKCAST_SHM_OP_H
#define FORKCAST_SHM_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/tlv.h"

#define OP_SID_LEN  20
#define OP_NAME_MAX 250 /* namespace + room, bytes */
#define OP_USER_MAX 128

enum op_kind {
	OP_SOCKET_ADD = 1, /* SID, NSP?, USER?, NAME?, ROLE?, IP, ROOM* (automatic rooms); head.time_ms: connected at */
	OP_SOCKET_DEL = 2, /* SID; its memberships go with it */
	OP_JOIN = 3,       /* SID, ROOM* */
	OP_LEAVE = 4,      /* SID, ROOM* */
	OP_TRANSPORT = 5,  /* SID; head.transport: its session has upgraded */
	OP_SOCKET_SET = 6, /* as OP_SOCKET_ADD, of a socket that is there: all it was is replaced at once */
	/* questions: their answer is a RECORD_ANSWER with RECORD_ANSWER_KEEPER and the number in ASK */
	OP_ONCE = 7,   /* ASK, KEY, DATA?, RECORD*; head.time_ms: how long the key stays taken.  AT, ID, BODY: sent then */
	OP_CANCEL = 8, /* ASK, ID, KEY: nothing of that ID is sent, and the key is free; RECORD_ONCE_TAKEN: there is none */
	OP_ENTER = 9,  /* ASK, SID, ROOM: as OP_JOIN, unless the room has head.most users; RECORD_ONCE_TAKEN: it has */
	OP_BAN = 10,   /* ASK, KEY (store_ban.h: a name), DATA? (why), AT? (until): its sockets go, and it does not connect */
	OP_UNBAN = 11, /* ASK, KEY; RECORD_ONCE_TAKEN: it is not banned */
};

enum op_tlv {
	OP_TLV_SID = 1,
	OP_TLV_NSP,
	OP_TLV_USER,
	OP_TLV_NAME,
	OP_TLV_ROLE,
	OP_TLV_IP,
	OP_TLV_ROOM,
	OP_TLV_ASK,    /* struct op_ask */
	OP_TLV_KEY,    /* 1 to OP_KEY_MAX bytes */
	OP_TLV_DATA,   /* kept with the key: what everybody who asks for it gets; at most OP_DATA_MAX bytes */
	OP_TLV_AT,     /* int64_t, wall clock in ms */
	OP_TLV_ID,     /* 1 to 128 bytes: of what is sent later */
	OP_TLV_BODY,   /* JSON, for who asks what that is */
	OP_TLV_RECORD, /* record.h: goes out through the keeper's outbox; no sequence yet */
};

#define OP_KEY_MAX  200
#define OP_DATA_MAX 512

/* OP_TLV_DATA of a message with an id: what its first caller was told, and all others are. */
struct op_told {
	uint64_t n;    /* whom it was for */
	int64_t at_ms; /* when it is sent, wall clock; 0: it was sent at once */
};

/* Who asks is told by the ring; this is which of its questions. */
struct op_ask {
	uint64_t id;     /* the asker's own number */
	uint64_t due_ns; /* CLOCK_MONOTONIC: later nobody waits, and the question changes nothing */
};

/* sub of OP_TLV_ROOM: the room was joined by the server at connect and does not count for the client's cap */
enum op_room_sub { OP_ROOM_JOINED = 0, OP_ROOM_AUTO = 1 };

enum op_transport { OP_TRANSPORT_WEBSOCKET = 1, OP_TRANSPORT_POLLING = 2 };

struct op_head {
	uint8_t kind; /* enum op_kind */
	uint8_t transport;
	uint16_t reserved;
	uint32_t most; /* OP_ENTER; else 0 */
	int64_t time_ms; /* wall clock */
};

/* Starts an operation in BUF (w->over when not even the head fits); fields follow through tlv_put(). */
void op_begin(struct tlv_writer *w, void *buf, size_t cap, const struct op_head *head);
/*
 * 0 or -EPROTO; *TLVS and *TLVS_LEN are for tlv_next(), which then never reports a malformed field: all were checked.
 * A kind that this binary does not know passes (a newer process may have sent it); the keeper skips and counts it.
 */
int op_parse(const void *buf, size_t len, struct op_head *head, const uint8_t **tlvs, size_t *tlvs_len);

#endif
