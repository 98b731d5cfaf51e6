/*
 * t_store_ban.c - bans: who is told, how long they hold, what is journaled, and rows that are none.
 */
#include "shm/store_ban.h"
#include "tests/unit/store_steps.h"

static uint64_t asked;

static int ask(struct store_writer *w, enum op_kind kind, const char *name, int64_t until_ms, const char *reason)
{
	_Alignas(8) uint8_t buf[2048];
	struct op_head h = {.kind = (uint8_t)kind};
	struct op_ask a = {.id = ++asked, .due_ns = UINT64_MAX};
	struct tlv_writer t;

	op_begin(&t, buf, sizeof buf, &h);
	tlv_put(&t, OP_TLV_ASK, 0, &a, sizeof a);
	tlv_put(&t, OP_TLV_KEY, 0, name, strlen(name));
	tlv_put(&t, OP_TLV_AT, 0, &until_ms, sizeof until_ms);
	tlv_put(&t, OP_TLV_DATA, 0, reason, strlen(reason));
	assert_false(t.over);
	return store_apply(w, 2, 5, buf, t.len);
}

/* What came out: answers as "=RESULT", who must go as "!NAME". */
static int hear(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	_Alignas(8) static uint8_t copy[2048];
	char *text = ctx;
	struct record rec;
	struct tlv t;
	size_t off = 0;

	(void)sequence;
	memcpy(copy, record, len);
	assert_int_equal(record_parse(&rec, copy, len), 0);
	if (rec.head.kind == RECORD_ANSWER) {
		sprintf(text + strlen(text), "=%u ", rec.count);
		return 0;
	}
	assert_int_equal(rec.head.act, RECORD_ACT_BAN);
	assert_true(slot_mask_has(&rec.head.mask, 1) && slot_mask_has(&rec.head.mask, 200));
	while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0)
		if (t.type == RECORD_TLV_USER)
			sprintf(text + strlen(text), "!%.*s ", (int)t.len, (const char *)t.val);
	return 0;
}

static const char *commit(struct store_writer *w)
{
	static char text[4096];

	text[0] = '\0';
	assert_int_equal(store_commit(w), 0);
	assert_true(store_outbox_each(w, 0, 1000, hear, text) >= 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
	assert_int_equal(store_commit(w), 0);
	return text;
}

static int get(struct store *st, const char *name, int64_t now, struct store_ban *out)
{
	return store_get_ban(st, &(struct store_text){name, strlen(name)}, now, out);
}

static struct store_writer *open_it(bool create)
{
	struct store_writer *w = open_writer(create);
	struct slot_mask live = {{0}};

	slot_mask_set(&live, 1);
	slot_mask_set(&live, 200);
	store_set_workers(w, &live);
	store_set_clock(w, 1000, 500);
	return w;
}

static void they_hold(void **state)
{
	struct store_writer *w = open_it(true);
	struct store *st = open_reader();
	struct store_ban b, list[8];
	bool more;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_BAN, "ueve", 0, "spam"), 0);
	assert_int_equal(ask(w, OP_BAN, "i192.0.2.7", 900, ""), 0);
	assert_int_equal(ask(w, OP_BAN, "utim", 2000, "x"), 0);
	assert_int_equal(ask(w, OP_BAN, "utim", 3000, "y"), 0);
	assert_int_equal(ask(w, OP_UNBAN, "ubob", 0, ""), 0);
	assert_string_equal(commit(w), "!ueve =0 !i192.0.2.7 =0 !utim =0 !utim =0 =1 ");
	assert_int_equal(model_rows(w, STORE_DUE), 2);
	/* Nothing is kept for a restart that there is no place for. */
	assert_int_equal(model_rows(w, STORE_JOURNAL), 0);
	assert_int_equal(get(st, "ueve", 600, &b), 1);
	assert_string_equal(b.reason, "spam");
	assert_true(b.since_ms == 500 && b.until_ms == 0);
	assert_int_equal(get(st, "ieve", 600, NULL), 0);
	assert_int_equal(get(st, "uev", 600, NULL), 0);
	assert_int_equal(get(st, "u", 600, NULL), 0);
	assert_int_equal(get(st, "i192.0.2.7", 899, NULL), 1);
	assert_int_equal(get(st, "i192.0.2.7", 900, NULL), 0);
	assert_int_equal(get(st, "utim", 2999, &b), 1);
	assert_string_equal(b.reason, "y");
	assert_int_equal(store_list_bans(st, NULL, 600, 2, list, &more), 2);
	assert_true(more);
	assert_string_equal(list[0].name, "i192.0.2.7");
	assert_string_equal(list[1].name, "ueve");
	assert_int_equal(store_list_bans(st, "ueve", 600, 8, list, &more), 1);
	assert_false(more);
	assert_int_equal(store_list_bans(st, NULL, 5000, 8, list, &more), 1);
	/* What is over goes, within a budget. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_ban_expire(w, 899, 8), 0);
	assert_int_equal(store_ban_expire(w, 5000, 1), 1);
	assert_int_equal(store_ban_expire(w, 5000, 8), 0);
	commit(w);
	assert_int_equal(model_rows(w, STORE_KEPT), 1);
	assert_int_equal(model_rows(w, STORE_DUE), 0);
	/* A successor knows them. */
	store_writer_close(w);
	w = open_it(false);
	assert_int_equal(get(st, "ueve", 600, NULL), 1);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_UNBAN, "ueve", 0, ""), 0);
	assert_string_equal(commit(w), "=0 ");
	assert_int_equal(get(st, "ueve", 600, NULL), 0);
	store_close(st);
	store_writer_close(w);
}

static void kept_for_a_restart(void **state)
{
	struct store_writer *w = open_it(true);

	(void)state;
	store_set_journal(w, true, true);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_BAN, "ueve", 900, ""), 0);
	assert_string_equal(commit(w), "!ueve ");
	assert_int_equal(model_rows(w, STORE_JOURNAL), 1);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_journal_forget(w, 1, 10), 0);
	assert_string_equal(commit(w), "=0 ");
	/* What cannot be kept is refused; lifting one is not. */
	store_refuse_kept(w, true);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_BAN, "ubob", 0, ""), 0);
	assert_int_equal(ask(w, OP_UNBAN, "ueve", 0, ""), 0);
	assert_int_equal(store_journal_forget(w, 2, 10), 0);
	assert_string_equal(commit(w), "=3 =0 ");
	store_writer_close(w);
}

static void malformed(void **state)
{
	struct store_writer *w = open_it(true);
	char name[STORE_BAN_NAME_MAX + 2], reason[STORE_BAN_REASON_MAX + 2];
	uint8_t val[600] = {0};

	(void)state;
	memset(name, 'u', sizeof name);
	name[sizeof name - 1] = '\0';
	memset(reason, 'r', sizeof reason);
	reason[sizeof reason - 1] = '\0';
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(ask(w, OP_BAN, "u", 0, ""), -EPROTO);
	assert_int_equal(ask(w, OP_BAN, "xeve", 0, ""), -EPROTO);
	assert_int_equal(ask(w, OP_BAN, "ueve", -1, ""), -EPROTO);
	assert_int_equal(ask(w, OP_BAN, name, 0, ""), -EPROTO);
	assert_int_equal(ask(w, OP_BAN, "ueve", 0, reason), -EPROTO);
	assert_int_equal(store_ban_load(w, "bu", 2, val, 16), -EPROTO);
	assert_int_equal(store_ban_load(w, "bueve", 5, val, 15), -EPROTO);
	assert_int_equal(store_ban_load(w, "bueve", 5, val, 16 + STORE_BAN_REASON_MAX + 1), -EPROTO);
	val[15] = 0x80;
	assert_int_equal(store_ban_load(w, "bueve", 5, val, 16), -EPROTO);
	val[15] = 0;
	assert_int_equal(store_ban_load(w, "bueve", 5, val, 20), 0);
	assert_string_equal(commit(w), "");
	assert_int_equal(model_rows(w, STORE_KEPT), 1);
	store_writer_close(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(they_hold),
	    T(kept_for_a_restart),
	    T(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
