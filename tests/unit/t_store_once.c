/*
 * t_store_once.c - keys that one asker gets: who is told what, when a key is free again, and what is sent with it.
 */
#include "tests/unit/store_steps.h"

#define MS UINT64_C(1000000)
#define T0 (UINT64_C(1000) * MS)

struct once_question {
	unsigned slot;
	uint32_t gen;
	uint64_t id, due_ns;
	const char *key;
	int64_t ttl_ms;
	const char *data;
	const void *record;
	size_t record_len;
};

static size_t put(uint8_t *buf, size_t cap, const struct once_question *q)
{
	struct op_head h = {.kind = OP_ONCE, .time_ms = q->ttl_ms};
	struct op_ask ask = {.id = q->id, .due_ns = q->due_ns ? q->due_ns : UINT64_MAX};
	struct tlv_writer t;

	op_begin(&t, buf, cap, &h);
	tlv_put(&t, OP_TLV_ASK, 0, &ask, sizeof ask);
	tlv_put(&t, OP_TLV_KEY, 0, q->key, strlen(q->key));
	if (q->data)
		tlv_put(&t, OP_TLV_DATA, 0, q->data, strlen(q->data));
	if (q->record)
		tlv_put(&t, OP_TLV_RECORD, 0, q->record, q->record_len);
	assert_false(t.over);
	return t.len;
}

static int ask(struct store_writer *w, const struct once_question *q)
{
	_Alignas(8) static uint8_t buf[1 << 18];

	return store_apply(w, q->slot, q->gen, buf, put(buf, sizeof buf, q));
}

/* What came out of the outbox, oldest first. */
struct heard {
	unsigned n;
	struct {
		uint8_t kind;
		uint64_t id;
		uint32_t slot, gen, result;
		char data[64];
		size_t packet_len;
	} r[64];
};

static int hear(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	_Alignas(8) static uint8_t copy[1 << 18];
	struct heard *h = ctx;
	struct record rec;

	memcpy(copy, record, len);
	assert_int_equal(record_parse(&rec, copy, len), 0);
	assert_int_equal(rec.head.sequence, sequence);
	assert_true(h->n < 64);
	h->r[h->n].kind = rec.head.kind;
	h->r[h->n].id = rec.ack.id;
	h->r[h->n].slot = rec.ack.slot;
	h->r[h->n].gen = rec.ack.gen;
	h->r[h->n].result = rec.count;
	h->r[h->n].packet_len = rec.packet_len;
	snprintf(h->r[h->n].data, sizeof h->r[h->n].data, "%.*s", (int)rec.packet_len, rec.packet ? rec.packet : "");
	if (rec.head.kind == RECORD_ANSWER) {
		struct slot_mask want = {{0}};

		slot_mask_set(&want, rec.ack.slot);
		assert_memory_equal(&want, &rec.head.mask, sizeof want);
	}
	h->n++;
	return 0;
}

/* Commits, and gives what the batch made. */
static struct heard commit(struct store_writer *w)
{
	struct heard h = {0};

	assert_int_equal(store_commit(w), 0);
	assert_true(store_outbox_each(w, 0, 64, hear, &h) >= 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
	assert_int_equal(store_commit(w), 0);
	return h;
}

static struct heard ask_alone(struct store_writer *w, const struct once_question *q)
{
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, q), 0);
	return commit(w);
}

static size_t make_record(uint8_t *buf, size_t cap, size_t packet)
{
	struct tlv_writer t;
	char *text = malloc(packet);

	assert_non_null(text);
	memset(text, 'p', packet);
	record_begin(&t, buf, cap, RECORD_BROADCAST);
	tlv_put_hashed(&t, RECORD_TLV_ROOM, RECORD_ROOM_PLAIN, 7, "r:1", 3);
	tlv_put(&t, RECORD_TLV_PACKET, 0, text, packet);
	free(text);
	assert_false(t.over);
	return t.len;
}

static void one_gets_it(void **state)
{
	struct store_writer *w = open_writer(true);
	struct once_question q = {.slot = 2, .gen = 5, .id = 1, .key = "sig:1", .ttl_ms = 1000, .data = "first"};
	struct heard h;

	(void)state;
	store_set_clock(w, T0, 5);
	h = ask_alone(w, &q);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.r[0].result, RECORD_ONCE_NEW);
	assert_int_equal(h.r[0].id, 1);
	assert_int_equal(h.r[0].slot, 2);
	assert_int_equal(h.r[0].gen, 5);
	assert_string_equal(h.r[0].data, "first");
	/* Its answer was lost: it asks again and is told the same. */
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_NEW);
	/* Another question of the same process, another process, its successor: all too late. */
	q.id = 2;
	q.data = "second";
	h = ask_alone(w, &q);
	assert_int_equal(h.r[0].result, RECORD_ONCE_TAKEN);
	assert_string_equal(h.r[0].data, "first");
	q.id = 1;
	q.slot = 3;
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_TAKEN);
	q.slot = 2;
	q.gen = 6;
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_TAKEN);
	/* A successor of the keeper knows it. */
	store_writer_close(w);
	w = open_writer(false);
	store_set_clock(w, T0 + 999 * MS, 5);
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_TAKEN);
	/* An aborted batch took nothing. */
	q.key = "sig:2";
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, &q), 0);
	store_abort(w);
	q.slot = 9;
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_NEW);
	/* Nobody waits any more. */
	q.key = "sig:3";
	q.due_ns = T0;
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, &q), 0);
	assert_int_equal(commit(w).n, 0);
	assert_int_equal(model_rows(w, STORE_ONCE), 2);
	store_writer_close(w);
}

static void it_is_free_again(void **state)
{
	struct store_writer *w = open_writer(true);
	struct once_question q = {.slot = 2, .gen = 5, .id = 1, .key = "k", .ttl_ms = 10, .data = "a"};

	(void)state;
	store_set_clock(w, T0, 5);
	ask_alone(w, &q);
	assert_false(store_has_expired(w));
	store_set_clock(w, T0 + 10 * MS - 1, 5);
	q.id = 2;
	q.data = "b";
	assert_int_equal(ask_alone(w, &q).r[0].result, RECORD_ONCE_TAKEN);
	/* Over, though its row is still there. */
	store_set_clock(w, T0 + 10 * MS, 5);
	assert_true(store_has_expired(w));
	assert_string_equal(ask_alone(w, &q).r[0].data, "b");
	assert_false(store_has_expired(w));
	assert_int_equal(model_rows(w, STORE_DUE), 1);
	assert_int_equal(model_rows(w, STORE_ONCE), 1);
	for (unsigned i = 0; i < 20; i++) {
		char key[16];

		snprintf(key, sizeof key, "key%u", i);
		q.key = key;
		q.ttl_ms = 100 + i;
		q.id++;
		ask_alone(w, &q);
	}
	assert_int_equal(model_rows(w, STORE_DUE), 21);
	/* Budgeted, and only what is over. */
	store_set_clock(w, T0 + 124 * MS, 5);
	assert_true(store_has_expired(w));
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_expire(w, 4), 1);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(model_rows(w, STORE_ONCE), 17);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_expire(w, 100), 0);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(model_rows(w, STORE_ONCE), 5);
	assert_int_equal(model_rows(w, STORE_DUE), 5);
	assert_false(store_has_expired(w));
	store_writer_close(w);
}

static void a_record_leaves_once(void **state)
{
	_Alignas(8) static uint8_t record[1 << 17];
	static const size_t size[] = {2, 1000, 1800, 1840, 5000, 100000};
	struct store_writer *w = open_writer(true);
	struct once_question q = {.slot = 2, .gen = 5, .key = "k", .ttl_ms = 10, .data = "{}", .record = record};
	struct heard h;

	(void)state;
	store_set_clock(w, T0, 5);
	for (unsigned i = 0; i < sizeof size / sizeof *size; i++) {
		char key[16];

		snprintf(key, sizeof key, "key%u", i);
		q.key = key;
		q.id = 10 + i;
		q.record_len = make_record(record, sizeof record, size[i]);
		h = ask_alone(w, &q);
		assert_int_equal(h.n, 2);
		assert_int_equal(h.r[0].kind, RECORD_BROADCAST);
		assert_int_equal(h.r[0].packet_len, size[i]);
		assert_int_equal(h.r[1].result, RECORD_ONCE_NEW);
		h = ask_alone(w, &q);
		assert_int_equal(h.n, 1);
		assert_int_equal(h.r[0].result, RECORD_ONCE_NEW);
		q.id++;
		h = ask_alone(w, &q);
		assert_int_equal(h.n, 1);
		assert_int_equal(h.r[0].result, RECORD_ONCE_TAKEN);
	}
	/* Many in one batch, small and large by turns: each in its place. */
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 20; i++) {
		char key[16];

		snprintf(key, sizeof key, "m%u", i);
		q.key = key;
		q.record_len = make_record(record, sizeof record, i % 3 ? 10 + i : 3000 + i);
		assert_int_equal(ask(w, &q), 0);
	}
	h = commit(w);
	assert_int_equal(h.n, 40);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(h.r[2 * i].packet_len, i % 3 ? 10 + i : 3000 + i);
	assert_int_equal(model_rows(w, STORE_OUTBOX), 0);
	store_writer_close(w);
}

static void malformed_is_passed_over(void **state)
{
	_Alignas(8) static uint8_t buf[4096], record[512];
	struct store_writer *w = open_writer(true);
	struct once_question q = {.slot = 2, .gen = 5, .id = 1, .key = "k", .ttl_ms = 10, .data = "x", .record = record};
	char big[600];
	size_t len;

	(void)state;
	store_set_clock(w, T0, 5);
	q.record_len = make_record(record, sizeof record, 20);
	len = put(buf, sizeof buf, &q);
	assert_int_equal(store_begin(w), 0);
	for (size_t cut = 0; cut < len; cut++) {
		int rc = store_apply(w, 2, 5, buf, cut);

		/* Cut at a boundary of fields it may be a shorter question. */
		assert_true(rc == 0 || rc == -EPROTO);
		store_abort(w);
		assert_int_equal(store_begin(w), 0);
	}
	memset(big, 'b', sizeof big);
	big[OP_KEY_MAX + 1] = '\0';
	q.key = big;
	assert_int_equal(ask(w, &q), -EPROTO);
	big[OP_KEY_MAX + 1] = 'b';
	big[OP_DATA_MAX + 1] = '\0';
	q.key = "k";
	q.data = big;
	assert_int_equal(ask(w, &q), -EPROTO);
	q.data = NULL;
	q.ttl_ms = 0;
	assert_int_equal(ask(w, &q), -EPROTO);
	q.ttl_ms = INT64_MAX;
	assert_int_equal(ask(w, &q), -EPROTO);
	q.ttl_ms = 5;
	q.key = "";
	assert_int_equal(ask(w, &q), -EPROTO);
	q.key = "k";
	/* A record of a kind that only the keeper makes. */
	record[0] = RECORD_EDGE;
	record[1] = RECORD_EDGE_ONLINE;
	assert_int_equal(ask(w, &q), -EPROTO);
	record[0] = 77;
	assert_int_equal(ask(w, &q), -EPROTO);
	assert_int_equal(commit(w).n, 0);
	assert_int_equal(model_rows(w, STORE_ONCE), 0);
	store_writer_close(w);
}

static void keys_leave_room_for_sockets(void **state)
{
	struct store_writer *w = open_writer(true);
	struct once_question q = {.slot = 2, .gen = 5, .key = NULL, .ttl_ms = 1000};
	char key[OP_KEY_MAX + 1], data[OP_DATA_MAX + 1];
	struct model_socket s;
	uint64_t seed = 3;
	size_t used, size;
	uint32_t result;
	struct heard h;

	(void)state;
	memset(key, 'k', sizeof key - 1);
	memset(data, 'd', sizeof data - 1);
	key[OP_KEY_MAX] = data[OP_DATA_MAX] = '\0';
	q.key = key;
	q.data = data;
	store_set_clock(w, T0, 5);
	do {
		assert_int_equal(store_begin(w), 0);
		for (unsigned i = 0; i < 60; i++) {
			snprintf(key, 16, "%015" PRIu64, ++q.id);
			key[15] = 'k';
			assert_int_equal(ask(w, &q), 0);
		}
		h = commit(w);
		result = h.r[h.n - 1].result;
	} while (result == RECORD_ONCE_NEW);
	assert_int_equal(result, RECORD_ONCE_FULL);
	assert_false(store_is_full(w, &used, &size));
	assert_in_range(used * 100 / size, STORE_KEYS_PCT - 2, STORE_KEYS_PCT + 5);
	assert_int_equal(store_begin(w), 0);
	add_one(&s, 2, &seed);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &s, 3), 0);
	assert_int_equal(store_commit(w), 0);
	/* When their time is over there is room again. */
	store_set_clock(w, T0 + 1001 * MS, 5);
	for (int more = 1; more;) {
		assert_int_equal(store_begin(w), 0);
		more = store_expire(w, 100);
		assert_int_equal(store_commit(w), 0);
	}
	assert_int_equal(ask_alone(w, &q).r[1].result, RECORD_ONCE_NEW);
	store_writer_close(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_gets_it),
	    T(it_is_free_again),
	    T(a_record_leaves_once),
	    T(malformed_is_passed_over),
	    T(keys_leave_room_for_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
