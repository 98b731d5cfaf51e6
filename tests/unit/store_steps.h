/*
 * store_steps.h - a store for each test of the writer, and operations on it that the model follows.
 */
#ifndef FORKCAST_TESTS_STORE_STEPS_H
#define FORKCAST_TESTS_STORE_STEPS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/store_fixture.h"
#include "tests/unit/store_model.h"

#define MAP_SIZE (16u << 20)

static inline struct store_writer *open_writer(bool create)
{
	struct store_writer *w = NULL;

	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, create), 0);
	return w;
}

static inline struct store *open_reader(void)
{
	struct store *st = NULL;

	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE), 0);
	return st;
}

static inline int setup(void **state)
{
	(void)state;
	store_fixture();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	store_fixture_end();
	return 0;
}

static inline int apply(struct store_writer *w, enum op_kind kind, const struct model_socket *s, uint32_t rooms)
{
	_Alignas(8) uint8_t buf[4096];
	size_t len = model_op(buf, sizeof buf, kind, s, rooms);

	return store_apply(w, store_sid_slot(s->raw), store_sid_gen16(s->raw), buf, len);
}

static inline void add_one(struct model_socket *s, unsigned slot, uint64_t *seed)
{
	memset(s, 0, sizeof *s);
	model_sid(s->raw, slot, 1, seed);
	s->ms = 5;
}

/* The socket is USER's, in ROOMS.  One that stays the same user's was never away. */
static inline void become(
    struct store_writer *w, struct model *m, struct model_socket *s, unsigned user, uint32_t rooms)
{
	struct model_socket next = *s;

	next.user = user;
	next.rooms = rooms;
	assert_int_equal(apply(w, OP_SOCKET_SET, &next, rooms), 0);
	if (user != s->user) {
		model_del(m, s);
		*s = next;
		model_add(m, s);
	}
	s->rooms = rooms;
}

/* A random operation on the model's socket I, in both; what is passed over changes neither. */
static inline void step(struct store_writer *w, struct model *m, uint64_t *seed, unsigned slot, uint32_t gen)
{
	struct model_socket *s = &m->s[model_rand(seed) % MODEL_SOCKETS];
	uint32_t mask = (1u << MODEL_ROOMS) - 1, rooms = model_rand(seed) & model_rand(seed) & mask;

	if (!s->on) {
		/* From time to time about a socket that never was, or is no more. */
		if (s->ms != 0 && model_rand(seed) % 8 == 0) {
			assert_int_equal(apply(w, OP_JOIN + model_rand(seed) % 2, s, rooms), -ENOENT);
			assert_int_equal(apply(w, OP_SOCKET_DEL, s, 0), -ENOENT);
			assert_int_equal(apply(w, OP_SOCKET_SET, s, rooms), -ENOENT);
			return;
		}
		model_sid(s->raw, slot, gen, seed);
		s->nsp = model_rand(seed) % MODEL_NSPS;
		s->user = model_rand(seed) % MODEL_USERS;
		s->ms = 1 + model_rand(seed);
		s->rooms = rooms & model_rand(seed);
		assert_int_equal(apply(w, OP_SOCKET_ADD, s, s->rooms), 0);
		model_add(m, s);
		return;
	}
	switch (model_rand(seed) % 7) {
	case 0:
	case 1:
		assert_int_equal(apply(w, OP_JOIN, s, rooms), 0);
		s->rooms |= rooms;
		break;
	case 2:
	case 3:
		assert_int_equal(apply(w, OP_LEAVE, s, rooms), 0);
		s->rooms &= ~rooms;
		break;
	case 4: assert_int_equal(apply(w, OP_SOCKET_ADD, s, 0), -EPROTO); break;
	case 5: become(w, m, s, model_rand(seed) % 2 ? s->user : model_rand(seed) % MODEL_USERS, rooms); break;
	default: assert_int_equal(apply(w, OP_SOCKET_DEL, s, 0), 0); model_del(m, s);
	}
}

#endif
