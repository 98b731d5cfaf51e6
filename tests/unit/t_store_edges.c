/*
 * t_store_edges.c - which edges of rooms the store tells of: first and last socket of a user, and of anybody.
 */
#include "tests/unit/store_steps.h"

#define ENTER	 (1u << RECORD_EDGE_ENTER)
#define EXIT	 (1u << RECORD_EDGE_EXIT)
#define OCCUPIED (1u << RECORD_EDGE_OCCUPIED)
#define VACATED	 (1u << RECORD_EDGE_VACATED)
#define ALL	 (ENTER | EXIT | OCCUPIED | VACATED)

/* What the test wants of rooms that clients joined, and of automatic ones. */
struct wish {
	unsigned joined, automatic;
	uint32_t grace_ms;
};

static struct store_edges wanted(void *ctx, const char *nsp, size_t nsp_len, const char *room, size_t room_len, bool automatic)
{
	const struct wish *w = ctx;

	(void)nsp;
	(void)nsp_len;
	assert_true(room_len > 5 && (memcmp(room, "game:", 5) == 0 || memcmp(room, "marke", 5) == 0));
	return (struct store_edges){automatic ? w->automatic : w->joined, w->grace_ms};
}

/* The edges since, in order, as "ENTER game:3 user-1" each with a comma behind it; online and offline left out. */
struct seen {
	uint64_t last;
	char text[2048];
};

static int on_record(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	static const char *const names[] = {"", "", "", "enter", "exit", "occupied", "vacated"};
	struct seen *s = ctx;
	struct record rec;
	struct tlv t;
	size_t off = 0, at = strlen(s->text);
	char room[64] = "", user[64] = "-";

	s->last = sequence;
	assert_int_equal(record_parse(&rec, record, len), 0);
	if (rec.head.kind != RECORD_EDGE || rec.head.act <= RECORD_EDGE_OFFLINE)
		return 0;
	while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0) {
		uint64_t hash;
		const char *name;
		size_t n;

		if (t.type == RECORD_TLV_USER)
			snprintf(user, sizeof user, "%.*s", (int)t.len, (const char *)t.val);
		else if (t.type == RECORD_TLV_ARG_ROOM && tlv_hashed(&t, &hash, &name, &n))
			snprintf(room, sizeof room, "%.*s", (int)n, name);
	}
	snprintf(s->text + at, sizeof s->text - at, "%s %s %s,", names[rec.head.act], room, user);
	return 0;
}

static void expect(struct store_writer *w, struct seen *s, const char *text)
{
	assert_int_equal(store_commit(w), 0);
	s->text[0] = '\0';
	assert_true(store_outbox_each(w, s->last + 1, 1000, on_record, s) >= 0);
	assert_string_equal(s->text, text);
	assert_int_equal(store_begin(w), 0);
}

static struct model_socket made(unsigned user, uint64_t *seed)
{
	struct model_socket s;

	add_one(&s, 3, seed);
	s.user = user;
	return s;
}

static void users_and_rooms(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, 0, 0};
	struct seen seen = {0};
	uint64_t seed = 5;
	struct model_socket a = made(1, &seed), b = made(1, &seed), c = made(2, &seed), nobody = made(0, &seed);
	const uint32_t r3 = 1u << 3;

	(void)state;
	store_set_edges(w, wanted, &wish);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &b, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &c, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &nobody, 0), 0);
	expect(w, &seen, "");
	assert_int_equal(apply(w, OP_JOIN, &nobody, r3), 0);
	expect(w, &seen, "occupied game:3 -,");
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	expect(w, &seen, "enter game:3 user-1,");
	assert_int_equal(apply(w, OP_JOIN, &b, r3), 0);
	expect(w, &seen, "");
	assert_int_equal(apply(w, OP_LEAVE, &a, r3), 0);
	assert_int_equal(apply(w, OP_LEAVE, &nobody, r3), 0);
	expect(w, &seen, "");
	assert_int_equal(apply(w, OP_JOIN, &c, r3), 0);
	/* the last of its user by its end, the last of all by leaving */
	assert_int_equal(apply(w, OP_SOCKET_DEL, &b, 0), 0);
	expect(w, &seen, "enter game:3 user-2,exit game:3 user-1,");
	assert_int_equal(apply(w, OP_LEAVE, &c, r3), 0);
	assert_int_equal(apply(w, OP_LEAVE, &c, r3), 0);
	expect(w, &seen, "exit game:3 user-2,vacated game:3 user-2,");
	/* alone from the first to the last */
	assert_int_equal(apply(w, OP_JOIN, &c, r3), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &c, 0), 0);
	expect(w, &seen, "occupied game:3 user-2,enter game:3 user-2,exit game:3 user-2,vacated game:3 user-2,");
	store_abort(w);
	store_writer_close(w);
}

static void only_what_is_wanted(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {EXIT, 0, 0};
	struct seen seen = {0};
	uint64_t seed = 6;
	struct model_socket a = made(1, &seed);

	(void)state;
	store_set_edges(w, wanted, &wish);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 6), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, 1u << 3), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &a, 0), 0);
	expect(w, &seen, "exit game:3 user-1,");
	wish = (struct wish){0, ENTER | VACATED, 0};
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 6), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, 1u << 3), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &a, 0), 0);
	expect(w, &seen, "enter game:6 user-1,vacated game:6 user-1,");
	store_set_edges(w, NULL, NULL);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 6), 0);
	expect(w, &seen, "");
	store_abort(w);
	store_writer_close(w);
}

/* What is taken back is not told, and what is told once is told by a successor with the same number. */
static void with_the_batch(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, ALL, 0};
	struct seen seen = {0}, again = {0};
	uint64_t seed = 7;
	struct model_socket a = made(1, &seed);

	(void)state;
	store_set_edges(w, wanted, &wish);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 3), 0);
	store_abort(w);
	assert_int_equal(store_begin(w), 0);
	expect(w, &seen, "");
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 3), 0);
	expect(w, &seen, "occupied game:3 user-1,enter game:3 user-1,");
	store_abort(w);
	store_writer_close(w);
	w = open_writer(false);
	assert_true(store_outbox_each(w, 1, 1000, on_record, &again) >= 0);
	assert_string_equal(again.text, seen.text);
	assert_int_equal(again.last, seen.last);
	store_writer_close(w);
}

/* A socket that becomes another user's has not left its rooms, but one user has and another came. */
static void another_user(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, ALL, 0};
	struct seen seen = {0};
	uint64_t seed = 8;
	struct model_socket a = made(0, &seed);

	(void)state;
	store_set_edges(w, wanted, &wish);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 1u << 3), 0);
	expect(w, &seen, "occupied game:3 -,");
	a.user = 1;
	assert_int_equal(apply(w, OP_SOCKET_SET, &a, 1u << 3), 0);
	expect(w, &seen, "enter game:3 user-1,");
	assert_int_equal(apply(w, OP_SOCKET_SET, &a, 1u << 3), 0);
	expect(w, &seen, "");
	store_abort(w);
	store_writer_close(w);
}

/* Of a worker that was killed. */
static void purged(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, 0, 0};
	struct seen seen = {0};
	uint64_t seed = 9;
	struct model_socket a = made(1, &seed);

	(void)state;
	store_set_edges(w, wanted, &wish);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, 1u << 3), 0);
	expect(w, &seen, "occupied game:3 user-1,enter game:3 user-1,");
	assert_int_equal(store_mark_over(w, 3, 1), 0);
	assert_int_equal(store_purge(w, 3, 1, 10), 0);
	expect(w, &seen, "exit game:3 user-1,vacated game:3 user-1,");
	store_abort(w);
	store_writer_close(w);
}

/* Lets time pass and what is due be told. */
static void at(struct store_writer *w, struct seen *s, uint64_t ms, const char *text)
{
	store_set_clock(w, 1 + ms * UINT64_C(1000000), 0);
	while (store_grace_expire(w, 1) > 0)
		;
	expect(w, s, text);
}

static void grace(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, 0, 1000};
	struct seen seen = {0};
	uint64_t seed = 10;
	struct model_socket a = made(1, &seed), b = made(1, &seed), c = made(2, &seed), nobody = made(0, &seed);
	const uint32_t r3 = 1u << 3;

	(void)state;
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1, 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &nobody, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &c, 0), 0);
	assert_int_equal(apply(w, OP_JOIN, &nobody, r3), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	assert_int_equal(apply(w, OP_JOIN, &c, r3), 0);
	expect(w, &seen, "occupied game:3 -,enter game:3 user-1,enter game:3 user-2,");
	/* back in time, by another socket: neither left nor came */
	assert_int_equal(apply(w, OP_SOCKET_DEL, &a, 0), 0);
	at(w, &seen, 500, "");
	assert_int_equal(apply(w, OP_SOCKET_ADD, &b, 0), 0);
	assert_int_equal(apply(w, OP_JOIN, &b, r3), 0);
	at(w, &seen, 2000, "");
	/* not back: told when it is over, and then it comes anew; another's time is its own */
	assert_int_equal(apply(w, OP_LEAVE, &b, r3), 0);
	at(w, &seen, 2900, "");
	assert_int_equal(apply(w, OP_LEAVE, &c, r3), 0);
	at(w, &seen, 2999, "");
	at(w, &seen, 3000, "exit game:3 user-1,");
	assert_int_equal(apply(w, OP_JOIN, &b, r3), 0);
	at(w, &seen, 3500, "enter game:3 user-1,");
	at(w, &seen, 4000, "exit game:3 user-2,");
	/* a successor finds what waits */
	assert_int_equal(apply(w, OP_LEAVE, &b, r3), 0);
	expect(w, &seen, "");
	store_abort(w);
	store_writer_close(w);
	w = open_writer(false);
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1 + 4999 * UINT64_C(1000000), 0);
	assert_false(store_has_expired(w));
	store_set_clock(w, 1 + 5000 * UINT64_C(1000000), 0);
	assert_true(store_has_expired(w));
	assert_int_equal(store_begin(w), 0);
	at(w, &seen, 5000, "exit game:3 user-1,");
	assert_int_equal(apply(w, OP_LEAVE, &nobody, r3), 0);
	expect(w, &seen, "vacated game:3 -,");
	store_abort(w);
	assert_false(store_has_expired(w));
	store_writer_close(w);
}

/* One exit waits at most, and who is in the room again has none that waits: whatever the edges are that somebody wants. */
static void grace_of_rooms_that_the_server_chose(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, 0, 1000};
	struct seen seen = {0};
	uint64_t seed = 11;
	struct model_socket a = made(1, &seed), b = made(1, &seed);
	const uint32_t r3 = 1u << 3;

	(void)state;
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1, 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	assert_int_equal(apply(w, OP_LEAVE, &a, r3), 0);
	expect(w, &seen, "occupied game:3 user-1,enter game:3 user-1,vacated game:3 user-1,");
	/* it comes in as nobody is told of, and goes as everybody is */
	assert_int_equal(apply(w, OP_SOCKET_ADD, &b, r3), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &b, 0), 0);
	at(w, &seen, 500, "");
	assert_int_equal(apply(w, OP_LEAVE, &a, r3), 0);
	at(w, &seen, 500, "vacated game:3 user-1,");
	at(w, &seen, 1499, "");
	at(w, &seen, 1500, "exit game:3 user-1,");
	store_abort(w);
	assert_false(store_has_expired(w));
	store_writer_close(w);
}

/* A conf that knows no grace came and went. */
static void grace_of_another_conf(void **state)
{
	struct store_writer *w = open_writer(true);
	struct wish wish = {ALL, ALL, 1000};
	struct seen seen = {0};
	uint64_t seed = 12;
	struct model_socket a = made(1, &seed);
	const uint32_t r3 = 1u << 3;

	(void)state;
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1, 0);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	assert_int_equal(apply(w, OP_LEAVE, &a, r3), 0);
	expect(w, &seen, "occupied game:3 user-1,enter game:3 user-1,vacated game:3 user-1,");
	store_set_edges(w, NULL, NULL);
	assert_int_equal(apply(w, OP_JOIN, &a, r3), 0);
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1 + 500 * UINT64_C(1000000), 0);
	assert_int_equal(apply(w, OP_LEAVE, &a, r3), 0);
	at(w, &seen, 1499, "vacated game:3 user-1,");
	at(w, &seen, 1500, "exit game:3 user-1,");
	store_abort(w);
	assert_false(store_has_expired(w));
	store_writer_close(w);
}

/* Removals go on when there is no place left: what they would have to add for them to wait is told at once. */
static void grace_in_a_full_store(void **state)
{
	static struct model_socket s[4096];
	struct store_writer *w = NULL;
	struct wish wish = {EXIT, EXIT, 60000};
	unsigned n = 0, told = 0;
	uint64_t seed = 13;
	int rc = 0;

	(void)state;
	assert_int_equal(store_writer_open(&w, store_path, 1u << 20, STORE_NONCE, true), 0);
	store_set_edges(w, wanted, &wish);
	store_set_clock(w, 1, 0);
	while (rc == 0 && n < 4096) {
		s[n] = made(n + 1, &seed);
		assert_int_equal(store_begin(w), 0);
		rc = apply(w, OP_SOCKET_ADD, &s[n], 0x3ff);
		assert_int_equal(store_commit(w), 0);
		n += rc == 0;
	}
	assert_int_equal(rc, -ENOSPC);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(store_begin(w), 0);
		assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
		assert_int_equal(apply(w, OP_SOCKET_DEL, &s[i], 0), 0);
		assert_int_equal(store_commit(w), 0);
		told += store_outbox_next(w) - store_outbox_forgotten(w) > 2;
	}
	assert_true(told > 0 && told < n);
	store_set_clock(w, 1 + 60000 * UINT64_C(1000000), 0);
	assert_true(store_has_expired(w));
	store_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(users_and_rooms, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_what_is_wanted, setup, teardown),
	    cmocka_unit_test_setup_teardown(with_the_batch, setup, teardown),
	    cmocka_unit_test_setup_teardown(another_user, setup, teardown),
	    cmocka_unit_test_setup_teardown(purged, setup, teardown),
	    cmocka_unit_test_setup_teardown(grace, setup, teardown),
	    cmocka_unit_test_setup_teardown(grace_of_rooms_that_the_server_chose, setup, teardown),
	    cmocka_unit_test_setup_teardown(grace_of_another_conf, setup, teardown),
	    cmocka_unit_test_setup_teardown(grace_in_a_full_store, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
