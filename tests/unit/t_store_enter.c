/*
 * t_store_enter.c - rooms of at most so many users: who gets in is decided with the join, and told once.
 */
#include "tests/unit/store_steps.h"

static int on_record(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	struct record rec;
	unsigned *told = ctx;

	(void)sequence;
	assert_int_equal(record_parse(&rec, record, len), 0);
	if (rec.head.kind == RECORD_ANSWER && rec.head.act == RECORD_ANSWER_KEEPER)
		told[rec.ack.id] = 1 + rec.count;
	return 0;
}

/* Asks with number ID for a place among MOST in ROOM; what came of it: an enum record_once, or -1 no answer. */
static int enter(struct store_writer *w, const struct model_socket *s, const char *room, uint32_t most, uint64_t id, uint64_t due_ns)
{
	_Alignas(8) uint8_t buf[512];
	struct op_head head = {.kind = OP_ENTER, .most = most};
	struct op_ask ask = {id, due_ns};
	unsigned told[64] = {0};
	char sid[OP_SID_LEN + 1];
	uint64_t from = store_outbox_next(w);
	struct tlv_writer t;

	op_begin(&t, buf, sizeof buf, &head);
	tlv_put(&t, OP_TLV_ASK, 0, &ask, sizeof ask);
	store_sid_unpack(sid, s->raw);
	tlv_put(&t, OP_TLV_SID, 0, sid, OP_SID_LEN);
	tlv_put(&t, OP_TLV_ROOM, OP_ROOM_JOINED, room, strlen(room));
	assert_false(t.over);
	assert_int_equal(store_begin(w), 0);
	store_set_clock(w, 1000, 0);
	assert_int_equal(store_apply(w, store_sid_slot(s->raw), store_sid_gen16(s->raw), buf, t.len), 0);
	assert_int_equal(store_commit(w), 0);
	assert_true(store_outbox_each(w, from, 100, on_record, told) >= 0);
	return (int)told[id] - 1;
}

static void add(struct store_writer *w, struct model_socket *s, unsigned user, uint64_t *seed)
{
	add_one(s, 3, seed);
	s->user = user;
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, s, 0), 0);
	assert_int_equal(store_commit(w), 0);
}

static void places(void **state)
{
	struct store_writer *w = open_writer(true);
	struct store *st = open_reader();
	struct model_socket a, b, c, d, nobody;
	uint64_t seed = 11, sockets, users;

	(void)state;
	add(w, &a, 1, &seed);
	add(w, &b, 1, &seed);
	add(w, &c, 2, &seed);
	add(w, &d, 3, &seed);
	add(w, &nobody, 0, &seed);
	assert_int_equal(enter(w, &a, "duel:1", 2, 1, UINT64_MAX), RECORD_ONCE_NEW);
	assert_int_equal(enter(w, &a, "duel:1", 2, 1, UINT64_MAX), RECORD_ONCE_NEW); /* asked again */
	assert_int_equal(enter(w, &b, "duel:1", 1, 2, UINT64_MAX), RECORD_ONCE_NEW); /* the same user, and the sole one */
	assert_int_equal(enter(w, &c, "duel:1", 2, 3, UINT64_MAX), RECORD_ONCE_NEW);
	assert_int_equal(enter(w, &d, "duel:1", 2, 4, UINT64_MAX), RECORD_ONCE_TAKEN);
	assert_int_equal(enter(w, &b, "duel:1", 2, 5, UINT64_MAX), RECORD_ONCE_NEW); /* full, and it is in it */
	assert_int_equal(enter(w, &nobody, "duel:1", 2, 6, UINT64_MAX), RECORD_ONCE_TAKEN);
	assert_int_equal(enter(w, &nobody, "duel:2", 1, 7, UINT64_MAX), RECORD_ONCE_NEW);
	assert_int_equal(enter(w, &d, "duel:3", 2, 8, 999), -1); /* nobody waits any more */
	assert_int_equal(store_get_room(st, "/", "duel:1", &sockets, &users), 1);
	assert_int_equal(sockets, 3);
	assert_int_equal(users, 2);
	assert_int_equal(store_get_room(st, "/", "duel:3", &sockets, &users), 0);
	/* a place is free with its user's last socket */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &a, 0), 0);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(enter(w, &d, "duel:1", 2, 9, UINT64_MAX), RECORD_ONCE_TAKEN);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &b, 0), 0);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(enter(w, &d, "duel:1", 2, 10, UINT64_MAX), RECORD_ONCE_NEW);
	store_close(st);
	store_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(places, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
