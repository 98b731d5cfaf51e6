/*
 * t_store.c - reading the store: pages, counts, dead generations, and the keys and rows underneath.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "shm/ring.h"
#include "shm/store_wait.h"
#include "tests/unit/segment_fixture.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_model.h"

#define MAP_SIZE (16u << 20)

static struct store_writer *w;
static struct store *st;
static struct model m;

static int setup(void **state)
{
	(void)state;
	store_fixture();
	memset(&m, 0, sizeof m);
	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, true), 0);
	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(st);
	store_writer_close(w);
	store_fixture_end();
	return 0;
}

/* Socket I of the model, put into the store. */
static void add(unsigned i, unsigned slot, uint32_t gen, unsigned nsp, unsigned user, uint32_t rooms)
{
	_Alignas(8) uint8_t buf[4096];
	struct model_socket *s = &m.s[i];
	uint64_t seed = 1000 + i;

	model_rand(&seed);
	model_sid(s->raw, slot, gen, &seed);
	s->nsp = nsp;
	s->user = user;
	s->rooms = rooms;
	s->ms = 1;
	assert_int_equal(store_apply(w, slot, gen, buf, model_op(buf, sizeof buf, OP_SOCKET_ADD, s, rooms)), 0);
	model_add(&m, s);
}

static void sid_of(char sid[OP_SID_LEN + 1], unsigned i)
{
	store_sid_unpack(sid, m.s[i].raw);
}

static void numbers_sort_as_they_count(void **state)
{
	static const uint64_t edge[] = {0, 1, 31, 32, 8191, 8192, 0x1fffff, 0x200000, 0x1fffffff, 0x20000000,
	    0x1fffffffff, 0x2000000000, 0x1fffffffffff, 0x200000000000, (UINT64_C(1) << 53) - 1, UINT64_C(1) << 53,
	    (UINT64_C(1) << 61) - 1};
	uint8_t a[STORE_NUM_MAX], b[STORE_NUM_MAX];
	size_t na = 0, nb;
	uint64_t back;

	(void)state;
	for (unsigned i = 0; i < sizeof edge / sizeof *edge; i++) {
		nb = store_num_put(b, edge[i]);
		assert_int_equal(store_num_get(b, nb, &back), nb);
		assert_int_equal(back, edge[i]);
		for (size_t cut = 0; cut < nb; cut++)
			assert_int_equal(store_num_get(b, cut, &back), 0);
		if (i > 0)
			assert_true(memcmp(a, b, na < nb ? na : nb) < 0);
		memcpy(a, b, nb);
		na = nb;
	}
}

static void sids_both_ways(void **state)
{
	uint8_t raw[STORE_SID_RAW], back[STORE_SID_RAW];
	char sid[OP_SID_LEN + 1];
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		model_sid(raw, i % 256, i * 61, &seed);
		store_sid_unpack(sid, raw);
		assert_true(store_sid_pack(back, sid));
		assert_memory_equal(raw, back, sizeof raw);
		assert_int_equal(store_sid_slot(back), i % 256);
		assert_int_equal(store_sid_gen16(back), i * 61 % 65536);
	}
	for (int c = 1; c < 256; c++) {
		bool ok =
		    c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		memset(sid, 'A', OP_SID_LEN);
		sid[c % OP_SID_LEN] = (char)c;
		assert_int_equal(store_sid_pack(back, sid), ok);
	}
}

static void pages_of_sockets(void **state)
{
	char sids[7][OP_SID_LEN + 1], last[OP_SID_LEN + 1], *after = NULL;
	uint8_t prev[STORE_SID_RAW] = {0}, raw[STORE_SID_RAW];
	unsigned n = 0;
	bool more = true;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 80; i++)
		add(i, i % 5, 1, i % 2, i % MODEL_USERS, 1);
	assert_int_equal(store_commit(w), 0);
	while (more) {
		int rc = store_list_sockets(st, "/chat", after, 7, sids, &more);

		assert_true(rc > 0);
		for (int i = 0; i < rc; i++, n++) {
			assert_true(store_sid_pack(raw, sids[i]));
			assert_true(memcmp(prev, raw, sizeof raw) < 0);
			memcpy(prev, raw, sizeof raw);
			assert_int_equal(model_find(&m, raw)->nsp, 1);
		}
		memcpy(last, sids[rc - 1], sizeof last);
		after = last;
		/* The last of a page may go before the next is asked for. */
		if (n == 14) {
			_Alignas(8) uint8_t buf[512];
			struct model_socket *s = (struct model_socket *)(uintptr_t)model_find(&m, raw);

			assert_int_equal(store_begin(w), 0);
			assert_int_equal(
			    store_apply(w, s->raw[0], 1, buf, model_op(buf, sizeof buf, OP_SOCKET_DEL, s, 0)), 0);
			assert_int_equal(store_commit(w), 0);
		}
	}
	assert_int_equal(n, 40);
	assert_int_equal(store_list_sockets(st, "/", "short", 7, sids, &more), -EINVAL);
	assert_int_equal(store_list_sockets(st, "/none", NULL, 7, sids, &more), 0);
	assert_false(more);
	assert_int_equal(store_list_sockets(st, "/", NULL, 0, sids, &more), 0);
	assert_true(more);
}

static void pages_of_rooms(void **state)
{
	struct store_room r[5];
	char last[64] = "", *after = NULL;
	bool more = true;
	unsigned n = 0;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < MODEL_ROOMS; i++)
		add(i, 2, 1, i % 2, 1 + i % 3, 1u << (i / 2 * 2));
	assert_int_equal(store_commit(w), 0);
	while (more) {
		int rc = store_list_rooms(st, "/", "market:", after, 5, r, &more);

		assert_true(rc >= 0);
		for (int i = 0; i < rc; i++, n++) {
			assert_true(strncmp(r[i].name, "market:", 7) == 0 && strcmp(last, r[i].name) < 0);
			assert_int_equal(r[i].sockets, 1);
			assert_int_equal(r[i].users, 1);
			snprintf(last, sizeof last, "%s", r[i].name);
			after = last;
			free(r[i].name);
		}
	}
	/* Even numbers below 24 that 3 does not divide. */
	assert_int_equal(n, 8);
	/* A page that ended before the prefix begins, and one behind it. */
	assert_int_equal(store_list_rooms(st, "/", "market:", "game:4", 1, r, &more), 1);
	assert_true(more);
	free(r[0].name);
	assert_int_equal(store_list_rooms(st, "/", "game:", "market:2", 5, r, &more), 0);
	assert_false(more);
	assert_int_equal(store_list_rooms(st, "/none", NULL, NULL, 5, r, &more), 0);
	memset(last, 'x', sizeof last - 1);
	assert_int_equal(store_list_rooms(st, "/", last, NULL, 5, r, &more), 0);
}

static void pages_of_a_room(void **state)
{
	char sids[3][OP_SID_LEN + 1], next[STORE_NEXT_LEN + 1];
	unsigned n = 0, last_user = 0, changes = 0;
	uint8_t raw[STORE_SID_RAW];
	int rc;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 40; i++)
		add(i, i % 5, 1, 0, i % 4, i < 30 ? 3 : 2);
	add(50, 1, 1, 0, 1, 1u << 20);
	assert_int_equal(store_commit(w), 0);
	do {
		rc = store_list_room(st, "/", "game:0", n ? next : NULL, 3, sids, next);
		assert_true(rc > 0);
		for (int i = 0; i < rc; i++, n++) {
			assert_true(store_sid_pack(raw, sids[i]));
			assert_int_equal(model_find(&m, raw)->rooms, 3);
			changes += n == 0 || model_find(&m, raw)->user != last_user;
			last_user = model_find(&m, raw)->user;
		}
	} while (*next);
	assert_int_equal(n, 30);
	assert_int_equal(changes, 4); /* those of a user together */
	assert_int_equal(store_list_room(st, "/", "market:20", NULL, 3, sids, next), 1);
	assert_string_equal(next, "");
	assert_int_equal(store_list_room(st, "/", "game:999", NULL, 3, sids, next), 0);
	assert_int_equal(store_list_room(st, "/", "", NULL, 3, sids, next), 0);
	assert_int_equal(store_list_room(st, "/", "game:0", "nonsense", 3, sids, next), -EINVAL);
	assert_int_equal(store_list_room(st, "/", "game:0", "aaaaaaaaaaaaaaaaaaaa", 3, sids, next), -EINVAL);
	assert_int_equal(store_list_room(st, "/", "game:0", "aaaaaaaaaaaaaaaaaaaa.zz", 3, sids, next), -EINVAL);
	assert_int_equal(store_list_room(st, "/", "game:0", "aaaaaaaaaaaaaaaaaaaa.1x", 3, sids, next), -EINVAL);
}

static uint64_t brute(const char *const *in, unsigned nin, const char *const *except, unsigned nexcept, unsigned nsp)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MODEL_SOCKETS; i++) {
		const struct model_socket *s = &m.s[i];
		bool is_in = false;

		if (!s->on || s->nsp != nsp)
			continue;
		for (unsigned j = 0; j < nin + nexcept; j++) {
			const char *name = j < nin ? in[j] : except[j - nin];
			char sid[OP_SID_LEN + 1], room[32];
			bool hit = !name;

			sid_of(sid, i);
			hit |= name && strcmp(name, sid) == 0;
			for (unsigned r = 0; name && r < MODEL_ROOMS && !hit; r++) {
				model_room_name(room, r);
				hit = (s->rooms >> r & 1) && strcmp(name, room) == 0;
			}
			if (hit)
				is_in = j < nin;
		}
		n += is_in;
	}
	return n;
}

static void unions(void **state)
{
	static const char *const name[] = {"game:0", "market:1", "market:2", "game:3", "game:18", "market:4444", ""};
	const char *in[4], *except[3];
	char sid[4][OP_SID_LEN + 1];
	uint64_t seed = 99, n, sum;

	(void)state;
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 70; i++)
		add(i, i % 5, 1, i % 2, i % MODEL_USERS, model_rand(&seed) & 0xf);
	/* One room of one. */
	add(90, 1, 1, 0, 2, 1u << 18);
	assert_int_equal(store_commit(w), 0);
	for (unsigned i = 0; i < 4; i++)
		sid_of(sid[i], i == 3 ? 90 : i);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned nin = model_rand(&seed) % 5, nexcept = model_rand(&seed) % 4, nsp = round % 2;

		for (unsigned i = 0; i < nin + nexcept; i++) {
			unsigned k = model_rand(&seed) % 13;
			const char *what = k < 7 ? name[k]
			    : k < 11             ? sid[k - 7]
			    : k == 11            ? NULL
						 : "nobodynobodynobody..";

			if (i < nin)
				in[i] = what;
			else
				except[i - nin] = what;
		}
		assert_int_equal(store_count_union(st, model_nsp[nsp], in, nin, except, nexcept, &n), 0);
		assert_int_equal(n, brute(in, nin, except, nexcept, nsp));
		assert_int_equal(store_count_rooms(st, model_nsp[nsp], in, nin, &sum), 0);
		assert_true(sum >= brute(in, nin, except, 0, nsp));
	}
	assert_int_equal(store_count_rooms(st, "/", (const char *const[]){sid[0], sid[0], NULL}, 3, &sum), 0);
	assert_int_equal(sum, 2 + 36);
}

static void dead_generations_are_skipped_at_once(void **state)
{
	char sids[64][OP_SID_LEN + 1], next[STORE_NEXT_LEN + 1], dead[OP_SID_LEN + 1];
	struct store_socket sock;
	struct store_user user;
	struct segment seg;
	uint64_t n, u;
	bool more;

	(void)state;
	fixture_open(&seg, 4);
	for (unsigned i = 0; i < 4; i++) {
		slot_open(segment_slot(&seg, i), SLOT_ROLE_WORKER, i, 1);
		slot_ready(segment_slot(&seg, i));
	}
	store_set_alive(st, store_wait_alive, &seg);
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 40; i++)
		add(i, i % 4, 1, 0, 1 + i % 8, 1);
	add(41, 1, 1, 0, 9, 2); /* alone in its room */
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(store_get_room(st, "/", "game:0", &n, &u), 1);
	assert_int_equal(n, 40);
	assert_int_equal(u, 8);

	slot_bury(segment_slot(&seg, 1));
	for (unsigned pass = 0; pass < 3; pass++) {
		sid_of(dead, 1);
		assert_int_equal(store_get_socket(st, dead, &sock), 0);
		assert_int_equal(store_list_sockets(st, "/", NULL, 64, sids, &more), 30);
		assert_int_equal(store_list_room(st, "/", "game:0", NULL, 64, sids, next), 30);
		assert_int_equal(store_list_room(st, "/", "market:1", NULL, 64, sids, next), 0);
		assert_int_equal(
		    store_count_union(st, "/", (const char *const[]){"game:0", "market:1"}, 2, NULL, 0, &n), 0);
		assert_int_equal(n, 30);
		/* Slot 1 had users 2 and 6, eaten by half. */
		assert_int_equal(store_get_user(st, "user-2", 64, &user), 0);
		assert_int_equal(store_get_user(st, "user-1", 64, &user), 1);
		assert_int_equal(user.sockets, 5);
		store_user_fini(&user);
		if (pass == 1) {
			/* The next life of the slot is not the dead one. */
			slot_free(segment_slot(&seg, 1));
			slot_open(segment_slot(&seg, 1), SLOT_ROLE_WORKER, 1, 2);
			slot_ready(segment_slot(&seg, 1));
		}
	}
	/* Once the keeper knows, the numbers are right too, purged or not. */
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_mark_over(w, 1, 1), 0);
	assert_int_equal(store_commit(w), 0);
	for (unsigned pass = 0; pass < 8; pass++) {
		assert_int_equal(store_get_room(st, "/", "game:0", &n, &u), 1);
		assert_int_equal(n, 30);
		assert_int_equal(u, 6);
		assert_int_equal(store_get_room(st, "/", "market:1", &n, &u), 0);
		assert_int_equal(store_begin(w), 0);
		assert_int_equal(store_purge(w, 1, 1, 2), pass < 5);
		assert_int_equal(store_commit(w), 0);
	}
	assert_int_equal(store_totals(st, &n, &u, &(uint64_t){0}), 0);
	assert_int_equal(n, 30);
	assert_int_equal(u, 6);
	segment_detach(&seg);
}

/* An asker sees its flag answered, in the two orders that matter. */
static void waiting_for_a_commit(void **state)
{
	uint64_t tails[SLOT_MAX];
	struct doorbells bells;
	struct segment seg;
	struct ring r;

	(void)state;
	fixture_open(&seg, 3);
	assert_int_equal(doorbells_open(&bells, 3), 0);
	assert_int_equal(ring_attach(&r, segment_opring(&seg, 1)), 0);
	ring_own(&r, 1);
	store_wait_note(&seg, tails);
	assert_true(store_caught_up(&seg, tails));
	assert_true(ring_publish(&r, RING_DATA, 0, &(struct iovec){(char[]){"x"}, 1}, 1, 1) >= 0);
	assert_true(store_caught_up(&seg, tails));
	store_wait_note(&seg, tails);
	assert_int_equal(tails[1], ring_tail(&r));
	assert_false(store_caught_up(&seg, tails));

	/* The keeper is rung whether it sleeps or not. */
	store_wait_ask(&seg, &bells, 0, 2);
	assert_true(doorbell_drain(&bells, 2));
	/* The commit falls before the asker sleeps: no ring is needed, its last look sees it. */
	atomic_store(&segment_committed(&seg)[1], ring_tail(&r));
	assert_int_equal(store_wait_answer(&seg, &bells), 0);
	doorbell_arm(segment_slot(&seg, 0));
	assert_true(store_caught_up(&seg, tails));
	/* It falls after: rung, at this commit and the next, until the asker is done. */
	assert_int_equal(store_wait_answer(&seg, &bells), 1);
	assert_int_equal(store_wait_answer(&seg, &bells), 1);
	assert_true(doorbell_drain(&bells, 0));
	store_wait_done(&seg, 0);
	assert_int_equal(store_wait_answer(&seg, &bells), 0);
	doorbells_close(&bells);
	segment_detach(&seg);
}

static void rows_that_are_none(void **state)
{
	uint8_t buf[STORE_ROW_MAX];
	struct store_row row = {.nsp = {"/", 1}, .user = {"me", 2}, .ip = {"192.0.2.1", 9}, .user_no = 70000};
	struct store_row got;
	struct store_count c = {.no = 9, .sockets = 1, .users = 1, .sole = true, .sole_user = 5000}, d;
	uint8_t cbuf[STORE_COUNT_MAX];
	struct store_text room;
	size_t len = store_row_put(buf, &row), full, off, n;
	uint8_t sub;

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(store_row_get(buf, cut, &got), 0);
	assert_int_equal(store_row_get(buf, len, &got), len);
	assert_int_equal(got.user_no, 70000);
	assert_int_equal(got.name.len, 0);
	full = store_row_add_room(buf, len, "game:1", 6, 1);
	for (size_t cut = len + 1; cut < full; cut++) {
		off = len;
		assert_int_equal(store_row_next_room(buf, cut, &off, &room, &sub), -1);
	}
	off = len;
	assert_int_equal(store_row_next_room(buf, full, &off, &room, &sub), 1);
	assert_int_equal(store_row_next_room(buf, full, &off, &room, &sub), 0);
	n = store_count_put(cbuf, &c);
	for (size_t cut = 0; cut <= n; cut++) {
		bool whole = cut == n, plain = cut == n - STORE_SID_RAW - 2;

		assert_int_equal(store_count_get(cbuf, cut, &d), whole || plain);
		assert_int_equal(d.sole && (whole || plain), whole);
	}
}

static void a_reader_that_dies_leaves_its_place(void **state)
{
	uint64_t n, u, r;
	int status;

	(void)state;
	for (unsigned i = 0; i < STORE_MAXREADERS + 50; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct store *mine = NULL;

			if (store_open_reader(&mine, store_path, MAP_SIZE, STORE_NONCE) != 0)
				_exit(1);
			_exit(store_totals(mine, &n, &u, &r) == 0 ? 0 : 2);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		if (i % 100 == 0)
			assert_int_equal(store_reader_check(w), 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(numbers_sort_as_they_count),
	    T(sids_both_ways),
	    T(pages_of_sockets),
	    T(pages_of_rooms),
	    T(pages_of_a_room),
	    T(unions),
	    T(dead_generations_are_skipped_at_once),
	    T(waiting_for_a_commit),
	    T(rows_that_are_none),
	    T(a_reader_that_dies_leaves_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
