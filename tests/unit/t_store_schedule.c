/*
 * t_store_schedule.c - messages that wait: due in order, once; cancelled; journaled, and on disk.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "shm/durable.h"
#include "shm/store_schedule.h"
#include "tests/unit/store_steps.h"

static uint64_t asked;

static int ask(struct store_writer *w, enum op_kind kind, const char *id, int64_t at_ms, const char *packet)
{
	_Alignas(8) uint8_t buf[8192], record[4096];
	struct op_head h = {.kind = (uint8_t)kind, .time_ms = 600000};
	struct op_ask a = {.id = ++asked, .due_ns = UINT64_MAX};
	struct tlv_writer t, r;
	char key[64];

	snprintf(key, sizeof key, "emit:%s", id);
	op_begin(&t, buf, sizeof buf, &h);
	tlv_put(&t, OP_TLV_ASK, 0, &a, sizeof a);
	tlv_put(&t, OP_TLV_KEY, 0, key, strlen(key));
	tlv_put(&t, OP_TLV_ID, 0, id, strlen(id));
	if (kind == OP_ONCE) {
		tlv_put(&t, OP_TLV_AT, 0, &at_ms, sizeof at_ms);
		tlv_put(&t, OP_TLV_BODY, 0, "\"to\":\"all\"", 10);
		record_begin(&r, record, sizeof record, RECORD_BROADCAST);
		tlv_put_hashed(&r, RECORD_TLV_ROOM, RECORD_ROOM_PLAIN, 7, "r:1", 3);
		tlv_put(&r, RECORD_TLV_PACKET, 0, packet, strlen(packet));
		tlv_put(&t, OP_TLV_RECORD, 0, record, r.len);
	}
	assert_false(t.over);
	return store_apply(w, 2, 5, buf, t.len);
}

/* What came out: packets, and answers as "=RESULT". */
struct heard {
	char text[4096];
};

static int hear(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	_Alignas(8) static uint8_t copy[8192];
	struct heard *h = ctx;
	struct record rec;
	size_t n = strlen(h->text);

	(void)sequence;
	memcpy(copy, record, len);
	assert_int_equal(record_parse(&rec, copy, len), 0);
	if (rec.head.kind == RECORD_ANSWER)
		snprintf(h->text + n, sizeof h->text - n, "=%u ", rec.count);
	else
		snprintf(h->text + n, sizeof h->text - n, "%.*s ", (int)rec.packet_len, rec.packet);
	return 0;
}

static struct heard commit(struct store_writer *w)
{
	struct heard h = {{0}};

	assert_int_equal(store_commit(w), 0);
	assert_true(store_outbox_each(w, 0, 1000, hear, &h) >= 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
	assert_int_equal(store_commit(w), 0);
	return h;
}

static struct store_writer *open_kept(bool create)
{
	struct store_writer *w = open_writer(create);

	store_set_journal(w, true, false);
	store_set_clock(w, 1000, 500);
	return w;
}

static void due_in_order_and_once(void **state)
{
	struct store_writer *w = open_kept(true);
	struct store *st = open_reader();
	struct store_schedule s[8];
	struct heard h;
	bool more;

	(void)state;
	assert_true(store_schedule_next(w) == INT64_MAX);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "late", 3000, "L"), 0);
	assert_int_equal(ask(w, OP_ONCE, "z", 1000, "A"), 0);
	assert_int_equal(ask(w, OP_ONCE, "y", 1000, "B"), 0);
	assert_int_equal(ask(w, OP_ONCE, "past", 1, "P"), 0);
	assert_int_equal(ask(w, OP_ONCE, "z", 9000, "again"), 0);
	h = commit(w);
	assert_string_equal(h.text, "=0 =0 =0 =0 =1 ");
	assert_true(store_schedule_next(w) == 1);
	assert_int_equal(store_list_schedules(st, NULL, 2, s, &more), 2);
	assert_true(more);
	assert_string_equal(s[0].id, "late");
	assert_string_equal(s[1].id, "past");
	assert_memory_equal(s[1].body, "\"to\":\"all\"", 10);
	store_schedule_fini(&s[0]);
	assert_int_equal(store_list_schedules(st, s[1].id, 8, &s[2], &more), 2);
	assert_false(more);
	for (unsigned i = 1; i < 4; i++)
		store_schedule_fini(&s[i]);
	/* An aborted batch sent nothing. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_schedule_fire(w, 1000, 64), 0);
	store_abort(w);
	store_writer_close(w);
	w = open_kept(false);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_schedule_fire(w, 1000, 2), 1);
	h = commit(w);
	assert_string_equal(h.text, "P A ");
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_schedule_fire(w, 2999, 64), 0);
	h = commit(w);
	assert_string_equal(h.text, "B ");
	assert_true(store_schedule_next(w) == 3000);
	assert_int_equal(store_get_schedule(st, "z", s), 0);
	assert_int_equal(store_get_schedule(st, "late", s), 1);
	store_schedule_fini(s);
	/* The id of what was sent is known a while longer. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "z", 9000, "again"), 0);
	h = commit(w);
	assert_string_equal(h.text, "=1 ");
	store_close(st);
	store_writer_close(w);
}

static void cancelled_is_not_sent(void **state)
{
	struct store_writer *w = open_kept(true);
	struct heard h;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "a", 1000, "A"), 0);
	assert_int_equal(ask(w, OP_CANCEL, "a", 0, NULL), 0);
	assert_int_equal(ask(w, OP_CANCEL, "a", 0, NULL), 0);
	assert_int_equal(ask(w, OP_CANCEL, "never", 0, NULL), 0);
	assert_int_equal(store_schedule_fire(w, 5000, 64), 0);
	h = commit(w);
	assert_string_equal(h.text, "=0 =0 =1 =1 ");
	/* The id is free. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "a", 1000, "A2"), 0);
	assert_int_equal(store_schedule_fire(w, 5000, 64), 0);
	h = commit(w);
	assert_string_equal(h.text, "=0 A2 ");
	assert_int_equal(model_rows(w, STORE_KEPT), 0);
	assert_int_equal(model_rows(w, STORE_DUE), 1); /* of the key */
	/* Nothing is kept where nothing can be, or not now. */
	store_refuse_kept(w, true);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "b", 1000, "B"), 0);
	store_refuse_kept(w, false);
	store_set_journal(w, false, false);
	assert_int_equal(ask(w, OP_ONCE, "b", 1000, "B"), 0);
	h = commit(w);
	assert_string_equal(h.text, "=3 =3 ");
	assert_int_equal(model_rows(w, STORE_KEPT), 0);
	assert_int_equal(model_rows(w, STORE_ONCE), 1);
	store_writer_close(w);
}

struct copied {
	struct durable *d;
	uint64_t last;
};

static int copy_entry(
    void *ctx, uint64_t sequence, bool removed, const void *key, size_t key_len, const void *val, size_t len)
{
	struct copied *c = ctx;

	assert_int_equal(sequence, c->last + 1);
	c->last = sequence;
	return removed ? durable_del(c->d, key, key_len) : durable_put(c->d, key, key_len, val, len);
}

static int load_row(void *ctx, const void *key, size_t key_len, const void *val, size_t len)
{
	return store_schedule_load(ctx, key, key_len, val, len);
}

static void copy(struct store_writer *w, struct copied *c, size_t bytes)
{
	assert_int_equal(durable_begin(c->d), 0);
	assert_true(store_journal_each(w, c->last + 1, bytes, copy_entry, c) >= 0);
	assert_int_equal(durable_commit(c->d, STORE_NONCE, c->last), 0);
}

static char dir[256];

static void remove_dir(void)
{
	char path[300];

	snprintf(path, sizeof path, "%s/x/store", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/x/lock", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/x", dir);
	rmdir(path);
	rmdir(dir);
}

static void what_is_on_disk_comes_back(void **state)
{
	struct store_writer *w = open_kept(true);
	struct copied c = {0};
	struct durable *second = NULL;
	uint64_t nonce, sequence;
	char path[300];
	struct heard h;

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/forkcast-test-durable-%ld", (long)getpid());
	snprintf(path, sizeof path, "%s/x", dir);
	remove_dir();
	assert_int_equal(durable_open(&c.d, path, MAP_SIZE, false), -ENOENT);
	assert_int_equal(durable_open(&c.d, path, MAP_SIZE, true), 0);
	assert_int_equal(durable_open(&second, path, MAP_SIZE, true), -EBUSY);
	durable_mark(c.d, &nonce, &sequence);
	assert_true(nonce == 0 && sequence == 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_is_loaded(w), 0);
	assert_int_equal(store_set_loaded(w), 0);
	for (unsigned i = 0; i < 9; i++) {
		char id[2] = {(char)('a' + i), 0};

		assert_int_equal(ask(w, OP_ONCE, id, 1000 + i, id), 0);
	}
	commit(w);
	/* In pieces; one of them dies before its commit and is copied again. */
	copy(w, &c, 1);
	assert_int_equal(c.last, 1);
	assert_int_equal(durable_begin(c.d), 0);
	assert_true(store_journal_each(w, 2, 1000, copy_entry, &c) > 1);
	durable_abort(c.d);
	c.last = 1;
	copy(w, &c, 1u << 20);
	assert_int_equal(c.last, 9);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_is_loaded(w), 1);
	assert_int_equal(store_journal_forget(w, c.last, 4), 1);
	assert_int_equal(store_journal_forget(w, c.last, 100), 0);
	assert_int_equal(store_schedule_fire(w, 1001, 64), 0);
	assert_int_equal(ask(w, OP_CANCEL, "e", 0, NULL), 0);
	h = commit(w);
	assert_string_equal(h.text, "a b =0 ");
	assert_int_equal(store_journal_forgotten(w), 9);
	assert_int_equal(store_journal_next(w), 13);
	copy(w, &c, 1u << 20);
	/* Added, and the power goes before it is copied. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "lost", 1000, "lost"), 0);
	commit(w);
	store_writer_close(w);
	durable_close(c.d);
	store_fixture_end();
	/* Another instance. */
	w = open_writer(true);
	assert_int_equal(durable_open(&c.d, path, MAP_SIZE, false), 0);
	durable_mark(c.d, &nonce, &sequence);
	assert_true(nonce == STORE_NONCE && sequence == 12);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(durable_each(c.d, NULL, 0, 4, load_row, w), 4);
	assert_int_equal(durable_each(c.d, "sg", 2, 100, load_row, w), 2);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(model_rows(w, STORE_JOURNAL), 0);
	assert_int_equal(store_begin(w), 0);
	store_set_journal(w, true, false);
	assert_int_equal(ask(w, OP_ONCE, "c", 1000, "other"), 0);
	assert_int_equal(store_schedule_fire(w, 5000, 64), 0);
	h = commit(w);
	assert_string_equal(h.text, "=1 c d f g h i ");
	store_writer_close(w);
	durable_close(c.d);
	remove_dir();
}

static void answers_wait_for_the_disk(void **state)
{
	struct store_writer *w = open_kept(true);
	struct heard h;

	(void)state;
	store_set_journal(w, true, true);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_ONCE, "a", 1000, "A"), 0);
	assert_int_equal(ask(w, OP_ONCE, "b", 1000, "B"), 0);
	h = commit(w);
	assert_string_equal(h.text, "");
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_journal_forget(w, 1, 10), 0);
	h = commit(w);
	assert_string_equal(h.text, "=0 ");
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_CANCEL, "b", 0, NULL), 0);
	h = commit(w);
	assert_string_equal(h.text, "");
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_journal_forget(w, 3, 10), 0);
	h = commit(w);
	assert_string_equal(h.text, "=0 =0 ");
	store_writer_close(w);
}

static void rows_that_are_none(void **state)
{
	struct store_writer *w = open_kept(true);
	uint8_t val[64] = {0};

	(void)state;
	store_set_journal(w, false, false);
	assert_int_equal(store_begin(w), 0);
	for (size_t len = 0; len < 24; len++)
		assert_int_equal(store_schedule_load(w, "sx", 2, val, len), -EPROTO);
	assert_int_equal(store_schedule_load(w, "s", 1, val, 24), -EPROTO);
	val[7] = 0x80; /* a time before all times */
	assert_int_equal(store_schedule_load(w, "sx", 2, val, 24), -EPROTO);
	val[7] = 0;
	val[16] = 41; /* a body that is longer than the row */
	assert_int_equal(store_schedule_load(w, "sx", 2, val, 64), -EPROTO);
	val[16] = 0;
	memset(val + 24, 0xff, 40); /* fields that are none: it is sent as nothing */
	assert_int_equal(store_schedule_load(w, "sx", 2, val, 64), 0);
	assert_int_equal(store_schedule_fire(w, 5000, 64), 0);
	assert_string_equal(commit(w).text, "");
	assert_int_equal(model_rows(w, STORE_KEPT), 0);
	store_writer_close(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(due_in_order_and_once),
	    T(cancelled_is_not_sent),
	    T(what_is_on_disk_comes_back),
	    T(answers_wait_for_the_disk),
	    T(rows_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
