/*
 * t_store_tick.c - what is done again and again: when it is due survives, and each time is one worker's.
 */
#include "tests/unit/store_steps.h"

struct seen {
	unsigned n;
	struct record_head head[16];
	char nsp[16][16], name[16][16];
};

static int see(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	_Alignas(8) static uint8_t copy[2048];
	struct seen *s = ctx;
	struct record rec;

	(void)sequence;
	memcpy(copy, record, len);
	assert_int_equal(record_parse(&rec, copy, len), 0);
	assert_int_equal(rec.head.kind, RECORD_EDGE);
	assert_int_equal(rec.head.act, RECORD_EDGE_TICK);
	s->head[s->n] = rec.head;
	snprintf(s->nsp[s->n], 16, "%.*s", (int)rec.nsp_len, rec.nsp);
	snprintf(s->name[s->n], 16, "%.*s", (int)rec.packet_len, rec.packet);
	s->n++;
	return 0;
}

static void due_survives(void **state)
{
	const struct store_tick a = {{"/", 1}, {"a", 1}}, b = {{"/n", 2}, {"a", 1}};
	struct store_writer *w = open_writer(true);
	uint64_t due = 0;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_tick_get(w, &a, &due), 0);
	assert_int_equal(store_tick_set(w, &a, 77), 0);
	assert_int_equal(store_tick_get(w, &b, &due), 0);
	assert_int_equal(store_tick_set(w, &b, 78), 0);
	assert_int_equal(store_commit(w), 0);
	store_writer_close(w);
	w = open_writer(false);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_tick_get(w, &a, &due), 1);
	assert_int_equal(due, 77);
	assert_int_equal(store_tick_get(w, &b, &due), 1);
	assert_int_equal(due, 78);
	/* What was not committed was not. */
	assert_int_equal(store_tick_set(w, &a, 99), 0);
	store_abort(w);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_tick_get(w, &a, &due), 1);
	assert_int_equal(due, 77);
	store_abort(w);
	/* No generation that is over, whatever the name. */
	assert_false(store_has_over(w));
	store_writer_close(w);
}

static void each_is_one_workers(void **state)
{
	const struct store_tick t = {{"/n", 2}, {"pulse", 5}};
	struct store_writer *w = open_writer(true);
	struct slot_mask live = {{0}};
	struct seen s = {0};
	unsigned per_slot[SLOT_MAX] = {0};

	(void)state;
	slot_mask_set(&live, 3);
	slot_mask_set(&live, 70);
	slot_mask_set(&live, 255);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_tick_send(w, &t), 0);
	store_set_workers(w, &live);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(store_tick_send(w, &t), 0);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(store_outbox_each(w, 0, 16, see, &s), 10);
	/* Nobody was there for the first. */
	assert_true(memcmp(&s.head[0].mask, &(struct slot_mask){{0}}, sizeof live) == 0);
	for (unsigned i = 1; i < 10; i++) {
		unsigned n = 0;

		assert_string_equal(s.nsp[i], "/n");
		assert_string_equal(s.name[i], "pulse");
		for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
			if (!slot_mask_has(&s.head[i].mask, slot))
				continue;
			assert_true(slot_mask_has(&live, slot));
			per_slot[slot]++;
			n++;
		}
		assert_int_equal(n, 1);
	}
	assert_int_equal(per_slot[3], 3);
	assert_int_equal(per_slot[70], 3);
	assert_int_equal(per_slot[255], 3);
	store_writer_close(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(due_survives),
	    T(each_is_one_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
