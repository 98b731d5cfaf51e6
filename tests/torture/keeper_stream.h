/*
 * keeper_stream.h - what a writer of keeper_kill.c sends: a stream of operations that slot, generation and the seed
 * determine, so that whoever knows how many got into the ring knows them all.
 */
#ifndef FORKCAST_TESTS_KEEPER_STREAM_H
#define FORKCAST_TESTS_KEEPER_STREAM_H

#include "tests/unit/store_model.h"

#define WRITERS 3u
#define SOCKETS (MODEL_SOCKETS / WRITERS) /* of one writer */
#define OWN     3u                        /* users of one writer; the rest are shared */
#define KEYS    1000u                     /* that questions are about */

static uint64_t seed0;

/* A stream of operations: its sockets are those of the model that belong to the slot. */
struct stream {
	unsigned slot;
	uint32_t gen;
	uint64_t seed;
	struct model m;
	bool asks; /* the last operation is a question: which, and about what */
	unsigned ask, key;
	int64_t at_ms; /* of the message: in the past, so it is due at once; 0: it goes with the answer */
};

static inline void stream_init(struct stream *s, unsigned slot, uint32_t gen)
{
	memset(s, 0, sizeof *s);
	s->slot = slot;
	s->gen = gen;
	s->seed = (seed0 * 31 + slot) * 1000003 + gen;
	for (int i = 0; i < 8; i++)
		model_rand(&s->seed);
	for (unsigned u = 1; u < MODEL_USERS; u++)
		model_user_gen[u] = u >= 1 + slot * OWN && u < 1 + (slot + 1) * OWN ? gen : 0;
}

/*
 * A question: a new one, or the last once more.  A message goes out with the first for its
 * key, or waits, kept on disk, until it is due.
 */
static inline size_t stream_ask(struct stream *t, uint8_t *buf, size_t cap)
{
	struct op_head head = {.kind = OP_ONCE, .time_ms = 3600000};
	struct op_ask ask = {.due_ns = UINT64_MAX};
	_Alignas(8) uint8_t record[512];
	struct tlv_writer r, w;
	char key[16];

	if (t->ask == 0 || model_rand(&t->seed) % 4 != 0) {
		t->ask++;
		t->key = model_rand(&t->seed) % KEYS;
		t->at_ms = model_rand(&t->seed) % 3 == 0 ? 1 + model_rand(&t->seed) % 1000 : 0;
	}
	t->asks = true;
	ask.id = t->ask;
	snprintf(key, sizeof key, "K%u", t->key);
	record_begin(&r, record, sizeof record, RECORD_BROADCAST);
	tlv_put_hashed(&r, RECORD_TLV_ROOM, RECORD_ROOM_PLAIN, 1 + t->key, "r:1", 3);
	tlv_put(&r, RECORD_TLV_PACKET, 0, key, strlen(key));
	op_begin(&w, buf, cap, &head);
	tlv_put(&w, OP_TLV_ASK, 0, &ask, sizeof ask);
	tlv_put(&w, OP_TLV_KEY, 0, key, strlen(key));
	tlv_put(&w, OP_TLV_DATA, 0, key, strlen(key));
	if (t->at_ms) {
		tlv_put(&w, OP_TLV_AT, 0, &t->at_ms, sizeof t->at_ms);
		tlv_put(&w, OP_TLV_ID, 0, key, strlen(key));
	}
	tlv_put(&w, OP_TLV_RECORD, 0, record, r.len);
	MODEL_CHECK(!w.over && !r.over, "operation buffer");
	return w.len;
}

/* The next operation, and what it does to the model. */
static inline size_t stream_next(struct stream *t, uint8_t *buf, size_t cap, bool *reserve)
{
	struct model_socket *s = &t->m.s[t->slot * SOCKETS + model_rand(&t->seed) % SOCKETS];
	uint32_t mask = (1u << MODEL_ROOMS) - 1, rooms = model_rand(&t->seed) & model_rand(&t->seed) & mask;
	unsigned what = model_rand(&t->seed) % 64;
	size_t len;

	*reserve = false;
	t->asks = false;
	if (what >= 58 && what < 63)
		return stream_ask(t, buf, cap);
	if (what == 63) {
		/* Not an operation. */
		memset(buf, 0xee, 40);
		return 40;
	}
	if (!s->on) {
		model_sid(s->raw, t->slot, t->gen, &t->seed);
		s->nsp = model_rand(&t->seed) % MODEL_NSPS;
		s->user = model_rand(&t->seed) % (OWN + 2);
		/* None, one of the own, or one of the last, which all writers share. */
		if (s->user == OWN + 1)
			s->user = 1 + WRITERS * OWN + model_rand(&t->seed) % (MODEL_USERS - 1 - WRITERS * OWN);
		else if (s->user != 0)
			s->user += t->slot * OWN;
		s->ms = 1 + model_rand(&t->seed);
		s->rooms = rooms;
		model_add(&t->m, s);
		return model_op(buf, cap, OP_SOCKET_ADD, s, rooms);
	}
	if (what < 24) {
		s->rooms |= rooms;
		return model_op(buf, cap, OP_JOIN, s, rooms);
	}
	*reserve = true;
	if (what < 44) {
		s->rooms &= ~rooms;
		return model_op(buf, cap, OP_LEAVE, s, rooms);
	}
	len = model_op(buf, cap, OP_SOCKET_DEL, s, 0);
	model_del(&t->m, s);
	return len;
}

#endif
