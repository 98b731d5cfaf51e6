/*
 * t_store_writer.c - the keeper's side of the store: batches, purges, outbox, limits, and what a death leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "shm/store_gate.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_model.h"

#define MAP_SIZE (16u << 20)

static struct store_writer *open_writer(bool create)
{
	struct store_writer *w = NULL;

	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, create), 0);
	return w;
}

static struct store *open_reader(void)
{
	struct store *st = NULL;

	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE), 0);
	return st;
}

static int setup(void **state)
{
	(void)state;
	store_fixture();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_fixture_end();
	return 0;
}

static int apply(struct store_writer *w, enum op_kind kind, const struct model_socket *s, uint32_t rooms)
{
	_Alignas(8) uint8_t buf[4096];
	size_t len = model_op(buf, sizeof buf, kind, s, rooms);

	return store_apply(w, store_sid_slot(s->raw), store_sid_gen16(s->raw), buf, len);
}

/* A random operation on the model's socket I, in both; what is passed over changes neither. */
static void step(struct store_writer *w, struct model *m, uint64_t *seed, unsigned slot, uint32_t gen)
{
	struct model_socket *s = &m->s[model_rand(seed) % MODEL_SOCKETS];
	uint32_t mask = (1u << MODEL_ROOMS) - 1, rooms = model_rand(seed) & model_rand(seed) & mask;

	if (!s->on) {
		/* From time to time about a socket that never was, or is no more. */
		if (s->ms != 0 && model_rand(seed) % 8 == 0) {
			assert_int_equal(apply(w, OP_JOIN + model_rand(seed) % 2, s, rooms), -ENOENT);
			assert_int_equal(apply(w, OP_SOCKET_DEL, s, 0), -ENOENT);
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
	switch (model_rand(seed) % 6) {
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
	default: assert_int_equal(apply(w, OP_SOCKET_DEL, s, 0), 0); model_del(m, s);
	}
}

struct published {
	uint64_t last;
	unsigned stop_after;
};

static int on_record(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	struct published *p = ctx;

	if (p->stop_after == 0)
		return 1;
	p->stop_after--;
	assert_int_equal(sequence, p->last + 1);
	model_check_edge(sequence, record, len);
	p->last = sequence;
	return 0;
}

static void random_operations(void **state)
{
	static struct model m, committed;
	struct store_writer *w = open_writer(true);
	struct store *st = open_reader();
	struct published out = {0};
	uint64_t seed = 20261, pos = 0;
	unsigned aborts = 0;
	uint32_t gen = 7;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = model_rand(&seed) % 40, reopen = model_rand(&seed) % 100;

		assert_int_equal(store_begin(w), 0);
		for (unsigned i = 0; i < n; i++)
			step(w, &m, &seed, 3 + i % 2, gen);
		store_advance(w, 3, pos + n);
		if (out.last > 0 && model_rand(&seed) % 2)
			assert_int_equal(store_outbox_forget(w, out.last - model_rand(&seed) % (out.last / 8 + 1)), 0);
		if (model_rand(&seed) % 4 == 0) {
			store_abort(w);
			m = committed;
			aborts++;
		} else {
			assert_int_equal(store_commit(w), 0);
			committed = m;
			pos += n;
		}
		assert_int_equal(store_applied(w, 3), pos);
		assert_int_equal(store_outbox_next(w), m.nedge + 1);
		out.stop_after = model_rand(&seed) % 50;
		assert_true(store_outbox_each(w, out.last + 1, 30, on_record, &out) >= 0);
		if (round % 20 == 0)
			model_compare(&m, st, w);
		if (reopen == 0) {
			store_writer_close(w);
			w = open_writer(false);
			assert_int_equal(store_applied(w, 3), pos);
			/* What was not forgotten is sent again, from there. */
			out.last = store_outbox_forgotten(w);
		}
		if (model_rand(&seed) % 200 == 0) {
			struct model_socket *s;
			int rc = 1;

			assert_int_equal(store_begin(w), 0);
			assert_int_equal(store_mark_over(w, 3, gen), 0);
			assert_int_equal(store_mark_over(w, 4, gen), 0);
			assert_int_equal(store_mark_over(w, 4, gen), 0);
			assert_int_equal(store_commit(w), 0);
			for (unsigned slot = 3; slot <= 4; slot++, rc = 1) {
				while (rc == 1) {
					unsigned over = 0;
					uint32_t over_gen = 0;

					assert_true(store_has_over(w));
					assert_int_equal(store_begin(w), 0);
					assert_int_equal(store_over_next(w, &over, &over_gen), 1);
					assert_int_equal(over, slot);
					assert_int_equal(over_gen, gen);
					rc = store_purge(w, slot, gen, 5);
					assert_true(rc >= 0);
					for (unsigned i = 0; i < 5 && (s = model_first_of(&m, slot, gen)); i++)
						model_del(&m, s);
					assert_int_equal(store_commit(w), 0);
					model_compare(&m, st, w);
					/* The next one goes on where this one stopped. */
					store_writer_close(w);
					w = open_writer(false);
					out.last = store_outbox_forgotten(w);
				}
				assert_null(model_first_of(&m, slot, gen));
			}
			assert_false(store_has_over(w));
			committed = m;
			gen++;
		}
	}
	model_compare(&m, st, w);
	assert_true(aborts > 500 && m.nedge > 900);
	store_close(st);
	store_writer_close(w);
}

static void add_one(struct model_socket *s, unsigned slot, uint64_t *seed)
{
	memset(s, 0, sizeof *s);
	model_sid(s->raw, slot, 1, seed);
	s->ms = 5;
}

static void malformed_is_passed_over(void **state)
{
	_Alignas(8) uint8_t buf[2048];
	struct store_writer *w = open_writer(true);
	struct model_socket s;
	struct tlv_writer t;
	struct op_head h = {.kind = OP_SOCKET_ADD};
	char sid[OP_SID_LEN + 1], big[300];
	uint64_t seed = 5, n[3];
	size_t len;

	(void)state;
	memset(big, 'x', sizeof big);
	add_one(&s, 2, &seed);
	store_sid_unpack(sid, s.raw);
	assert_int_equal(store_begin(w), 0);
	len = model_op(buf, sizeof buf, OP_SOCKET_ADD, &s, 3);
	for (size_t cut = 0; cut < len; cut++) {
		int rc = store_apply(w, 2, 1, buf, cut);

		/* Cut at a boundary of fields it is a shorter operation: without a sid it is none. */
		if (rc == 0)
			assert_int_equal(store_apply(w, 2, 1, buf, cut), -EPROTO);
		else
			assert_int_equal(rc, -EPROTO);
		if (rc == 0)
			assert_int_equal(apply(w, OP_SOCKET_DEL, &s, 0), 0);
	}
	/* Another slot's, another generation's. */
	assert_int_equal(store_apply(w, 3, 1, buf, len), -EPROTO);
	assert_int_equal(store_apply(w, 2, 2, buf, len), -EPROTO);
	assert_int_equal(store_apply(w, 2, 0x10001, buf, len), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &s, 0), 0);
	h.kind = 99;
	memcpy(buf, &h, sizeof h);
	assert_int_equal(store_apply(w, 2, 1, buf, len), -EPROTO);
	h.kind = OP_SOCKET_ADD;
	static const struct {
		uint16_t type;
		size_t len;
		int want;
	} field[] = {{OP_TLV_SID, 19, -EPROTO}, {OP_TLV_NSP, 0, -EPROTO}, {OP_TLV_NSP, 251, -EPROTO},
	    {OP_TLV_USER, 129, -EPROTO}, {OP_TLV_USER, 128, 0}, {OP_TLV_ROOM, 0, -EPROTO}, {OP_TLV_ROOM, 250, -EPROTO},
	    {OP_TLV_ROOM, 249, 0}, {OP_TLV_NAME, 300, 0}, {OP_TLV_IP, 300, 0}, {OP_TLV_ROLE, 300, 0}, {77, 300, 0}};
	for (unsigned i = 0; i < sizeof field / sizeof *field; i++) {
		op_begin(&t, buf, sizeof buf, &h);
		tlv_put(&t, OP_TLV_SID, 0, sid, OP_SID_LEN);
		tlv_put(&t, field[i].type, 0, big, field[i].len);
		assert_int_equal(store_apply(w, 2, 1, buf, t.len), field[i].want);
		if (field[i].want == 0)
			assert_int_equal(apply(w, OP_SOCKET_DEL, &s, 0), 0);
	}
	op_begin(&t, buf, sizeof buf, &h);
	tlv_put(&t, OP_TLV_SID, 0, "aaaaaaaaaaaaaaaaaaa=", OP_SID_LEN);
	assert_int_equal(store_apply(w, 2, 1, buf, t.len), -EPROTO);
	assert_int_equal(store_commit(w), 0);
	store_writer_totals(w, &n[0], &n[1], &n[2]);
	assert_int_equal(n[0] + n[1] + n[2], 0);
	assert_int_equal(model_rows(w, STORE_ROOMS), 0);
	store_writer_close(w);
}

static void long_texts_are_cut_at_a_character(void **state)
{
	_Alignas(8) uint8_t buf[2048];
	struct store_writer *w = open_writer(true);
	struct store *st;
	struct store_socket got;
	struct model_socket s;
	struct tlv_writer t;
	struct op_head h = {.kind = OP_SOCKET_ADD};
	char sid[OP_SID_LEN + 1], name[301];
	uint64_t seed = 6;

	(void)state;
	name[0] = 'a';
	for (unsigned i = 1; i + 1 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	add_one(&s, 2, &seed);
	store_sid_unpack(sid, s.raw);
	op_begin(&t, buf, sizeof buf, &h);
	tlv_put(&t, OP_TLV_SID, 0, sid, OP_SID_LEN);
	tlv_put(&t, OP_TLV_NAME, 0, name, 300);
	tlv_put(&t, OP_TLV_ROLE, 0, name + 1, 300);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(store_apply(w, 2, 1, buf, t.len), 0);
	assert_int_equal(store_commit(w), 0);
	st = open_reader();
	assert_int_equal(store_get_socket(st, sid, &got), 1);
	assert_int_equal(strlen(got.name), 255);
	assert_int_equal(strlen(got.role), 254);
	assert_memory_equal(got.role, name + 1, 254);
	store_socket_fini(&got);
	store_close(st);
	store_writer_close(w);
}

/* One socket in thousands of rooms: rows stay small, and a leave in the middle leaves no hole. */
static void many_rooms_of_one_socket(void **state)
{
	enum { ROOMS = 2000 };
	_Alignas(8) uint8_t buf[512];
	static bool in[ROOMS];
	struct store_writer *w = open_writer(true);
	struct store *st = open_reader();
	struct model_socket s;
	struct store_socket got;
	struct tlv_writer t;
	char sid[OP_SID_LEN + 1], room[64];
	uint64_t seed = 9, sockets, users, rooms;
	unsigned n = 0, most = 0;

	(void)state;
	memset(in, 0, sizeof in);
	add_one(&s, 2, &seed);
	s.user = 4;
	store_sid_unpack(sid, s.raw);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &s, 0), 0);
	for (unsigned i = 0; i < 30000; i++) {
		/* First mostly joins, then mostly leaves. */
		bool join = model_rand(&seed) % 10 < (i < 15000 ? 8u : 2u);
		unsigned r = model_rand(&seed) % ROOMS;
		struct op_head h = {.kind = join ? OP_JOIN : OP_LEAVE};

		snprintf(
		    room, sizeof room, "room:%u:%.*s", r, (int)(r % 40), "0123456789012345678901234567890123456789");
		op_begin(&t, buf, sizeof buf, &h);
		tlv_put(&t, OP_TLV_SID, 0, sid, OP_SID_LEN);
		tlv_put(&t, OP_TLV_ROOM, 0, room, strlen(room));
		assert_int_equal(store_apply(w, 2, 1, buf, t.len), 0);
		n += join && !in[r];
		n -= !join && in[r];
		in[r] = join;
		if (n > most)
			most = n;
		if (i % 1000 == 999) {
			assert_int_equal(store_commit(w), 0);
			assert_int_equal(model_rows(w, STORE_ROOMS), n + 1);
			assert_int_equal(store_get_socket(st, sid, &got), 1);
			assert_int_equal(got.nrooms, n);
			for (unsigned j = 0; j < got.nrooms; j++)
				assert_true(in[atoi(got.rooms[j] + 5)]);
			store_socket_fini(&got);
			assert_int_equal(store_begin(w), 0);
		}
	}
	assert_true(most > 1500);
	/* Chunks are folded when empty: as many as the rooms need when each is at least one room full. */
	assert_true(model_rows(w, STORE_SOCKETS) <= 1 + n);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &s, 0), 0);
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(model_rows(w, STORE_SOCKETS) + model_rows(w, STORE_MEMBERS) + model_rows(w, STORE_ROOMS) +
		model_rows(w, STORE_USERS),
	    0);
	store_writer_totals(w, &sockets, &users, &rooms);
	assert_int_equal(sockets + users + rooms, 0);
	store_close(st);
	store_writer_close(w);
}

static int take_all(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	struct record rec;

	(void)sequence;
	assert_int_equal(record_parse(&rec, record, len), 0);
	*(struct record *)ctx = rec;
	return 0;
}

static void refused_above_80_percent(void **state)
{
	struct store_writer *w = NULL;
	struct model_socket s, refused = {0}, *kept = NULL;
	unsigned n = 0, cap = 0;
	uint64_t seed = 77, before[3], after[3];
	struct record rec;
	size_t used, size;
	int rc = 0;

	(void)state;
	assert_int_equal(store_writer_open(&w, store_path, 8u << 20, STORE_NONCE, true), 0);
	while (rc == 0) {
		assert_int_equal(store_begin(w), 0);
		for (unsigned i = 0; i < 16 && rc == 0; i++) {
			add_one(&s, 2, &seed);
			s.user = n % MODEL_USERS;
			rc = apply(w, OP_SOCKET_ADD, &s, 0xff);
			if (rc == 0) {
				if (n == cap) {
					cap = cap ? 2 * cap : 64;
					kept = realloc(kept, cap * sizeof *kept);
				}
				kept[n++] = s;
			}
		}
		refused = s;
		assert_int_not_equal(rc, -ENOMEM);
		/* What is joined adds rows too; what takes away is never refused. */
		if (rc) {
			assert_int_equal(apply(w, OP_JOIN, &kept[0], 0xff00), -ENOSPC);
			assert_int_equal(apply(w, OP_LEAVE, &kept[0], 1), 0);
			assert_int_equal(apply(w, OP_SOCKET_DEL, &refused, 0), -ENOENT);
		}
		assert_int_equal(store_commit(w), 0);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_true(n > 100);
	assert_true(store_is_full(w, &used, &size));
	assert_int_equal(size, 8u << 20);
	assert_true(used > size / 5 * 4 && used < size);
	/* The sockets of both are told to go: the last two records. */
	for (unsigned i = 0; i < 2; i++) {
		char sid[OP_SID_LEN + 1];

		assert_int_equal(store_outbox_each(w, store_outbox_next(w) - 2 + i, 1, take_all, &rec), 1);
		store_sid_unpack(sid, i ? kept[0].raw : refused.raw);
		assert_int_equal(rec.head.kind, RECORD_CONTROL);
		assert_int_equal(rec.head.act, RECORD_ACT_CLOSE);
		assert_int_equal(rec.room_sub, RECORD_ROOM_SID);
		assert_memory_equal(rec.room, sid, OP_SID_LEN);
		assert_true(slot_mask_has(&rec.head.mask, 2));
	}
	store_writer_totals(w, &before[0], &before[1], &before[2]);
	assert_int_equal(before[0], n);
	for (unsigned i = 0; i < n; i += 16) {
		assert_int_equal(store_begin(w), 0);
		for (unsigned j = i; j < i + 16 && j < n; j++)
			assert_int_equal(apply(w, OP_SOCKET_DEL, &kept[j], 0), 0);
		assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
		assert_int_equal(store_commit(w), 0);
	}
	assert_false(store_is_full(w, &used, NULL));
	store_writer_totals(w, &after[0], &after[1], &after[2]);
	assert_int_equal(after[0] + after[1] + after[2], 0);
	/* Free again, not merely empty: the same goes in a second time. */
	for (unsigned i = 0; i < n / 2; i += 16) {
		assert_int_equal(store_begin(w), 0);
		for (unsigned j = i; j < i + 16 && j < n / 2; j++)
			assert_int_equal(apply(w, OP_SOCKET_ADD, &kept[j], 0xff), 0);
		assert_int_equal(store_commit(w), 0);
	}
	store_writer_close(w);
	free(kept);
}

/* With a reader in the way no page comes back: the batch fails whole, nothing is skipped, and goes in afterwards. */
static void map_full_aborts_and_retries(void **state)
{
	struct store_writer *w = NULL;
	struct model_socket s[50];
	uint64_t seed = 78, n[3], now = 1, pos = 0;
	int rc = 0, status, ready[2], go[2];
	pid_t child, stale[4];
	char c;

	(void)state;
	assert_int_equal(store_writer_open(&w, store_path, 1u << 20, STORE_NONCE, true), 0);
	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	if (child == 0) {
		struct store_env e = {0};
		MDB_txn *txn;

		if (store_env_open(&e, store_path, 1u << 20, MDB_RDONLY) ||
		    mdb_txn_begin(e.env, NULL, MDB_RDONLY, &txn))
			_exit(1);
		if (write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	for (unsigned i = 0; i < 50; i++) {
		add_one(&s[i], 2, &seed);
		s[i].user = i % MODEL_USERS;
	}
	while (rc == 0) {
		assert_int_equal(store_begin(w), 0);
		for (unsigned i = 0; i < 50 && rc == 0; i++)
			rc = apply(w, pos % 2 ? OP_SOCKET_DEL : OP_SOCKET_ADD, &s[i], 0xfff);
		if (rc) {
			store_abort(w);
			break;
		}
		store_advance(w, 2, pos + 1);
		assert_int_equal(store_outbox_forget(w, store_outbox_next(w) - 1), 0);
		rc = store_commit(w);
		pos += rc == 0;
		assert_true(pos < 10000);
		/* Whoever is in the way is found, and only when in the way for as long as said. */
		assert_int_equal(store_stale_readers(w, now++, 1000000, stale, 4), 0);
	}
	assert_int_equal(rc, -ENOMEM);
	assert_true(pos > 5);
	assert_int_equal(store_applied(w, 2), pos);
	store_writer_totals(w, &n[0], &n[1], &n[2]);
	assert_int_equal(n[0], pos % 2 ? 50 : 0);
	assert_int_equal(store_stale_readers(w, now + 2000000, 1000000, stale, 4), 1);
	assert_int_equal(stale[0], child);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_int_equal(store_reader_check(w), 0);
	assert_int_equal(store_stale_readers(w, now + 3000000, 1000000, stale, 4), 0);
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(apply(w, pos % 2 ? OP_SOCKET_DEL : OP_SOCKET_ADD, &s[i], 0xfff), 0);
	assert_int_equal(store_commit(w), 0);
	store_writer_close(w);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
}

static void edges_name_one_worker(void **state)
{
	struct store_writer *w = open_writer(true);
	struct slot_mask live = {{0}}, want;
	struct model_socket a, b;
	struct record rec;
	uint64_t seed = 12;

	(void)state;
	add_one(&a, 9, &seed);
	add_one(&b, 130, &seed);
	a.user = b.user = 3;
	slot_mask_set(&live, 5);
	slot_mask_set(&live, 9);
	store_set_workers(w, &live);
	assert_int_equal(store_begin(w), 0);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0); /* edge 1 */
	assert_int_equal(apply(w, OP_SOCKET_ADD, &b, 0), 0); /* no edge: the second socket */
	assert_int_equal(apply(w, OP_SOCKET_DEL, &a, 0), 0);
	assert_int_equal(apply(w, OP_SOCKET_DEL, &b, 0), 0); /* edge 2, by a slot that is not live */
	memset(&live, 0, sizeof live);
	store_set_workers(w, &live);
	assert_int_equal(apply(w, OP_SOCKET_ADD, &a, 0), 0); /* edge 3, nobody lives */
	assert_int_equal(store_commit(w), 0);
	assert_int_equal(store_outbox_next(w), 4);
	for (unsigned i = 1; i <= 3; i++) {
		memset(&want, 0, sizeof want);
		if (i < 3)
			slot_mask_set(&want, i == 1 ? 9 : 5);
		assert_int_equal(store_outbox_each(w, i, 1, take_all, &rec), 1);
		assert_memory_equal(&rec.head.mask, &want, sizeof want);
	}
	store_writer_close(w);
}

static void nonce_layout_and_absence(void **state)
{
	struct store_writer *w = NULL;
	struct store *st = NULL;

	(void)state;
	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, false), -ENOENT);
	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE), -ENOENT);
	w = open_writer(true);
	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE + 1), -EPROTO);
	store_writer_close(w);
	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE + 1, true), -EPROTO);
	assert_int_equal(truncate(store_path, 100), 0);
	assert_int_equal(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, true), -EPROTO);
}

/* Preallocated: no room is an error at the start, and nothing is left behind. */
static void a_full_tmpfs_fails_at_open(void **state)
{
	struct store_writer *w = NULL;
	char tmp[160];

	(void)state;
	assert_int_equal(store_writer_open(&w, store_path, (size_t)1 << 45, STORE_NONCE, true), -ENOSPC);
	snprintf(tmp, sizeof tmp, "%s-new", store_path);
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(access(store_path, F_OK), -1);
}

/* Who opens does so alone and beside a keeper; a keeper there is once. */
static void one_opens_at_a_time(void **state)
{
	struct store_writer *w = open_writer(true), *second = NULL;
	struct store *st = NULL;
	int status, gate, inside[2];
	pid_t child;
	char c;

	(void)state;
	assert_int_equal(store_writer_open(&second, store_path, MAP_SIZE, STORE_NONCE, false), -EBUSY);
	store_writer_close(w);
	/* No keeper: a reader would make the lock file. */
	assert_int_equal(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE), -EAGAIN);
	/* Somebody dies on the way in: the gate opens for the next. */
	assert_int_equal(pipe(inside), 0);
	child = fork();
	if (child == 0) {
		if (store_gate_enter(store_path) < 0 || write(inside[1], "i", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(inside[0], &c, 1), 1);
	assert_int_equal(fcntl(gate = open(store_path, O_RDWR), F_OFD_SETLK,
			     &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1}),
	    -1);
	close(gate);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	w = open_writer(false);
	st = open_reader();
	store_close(st);
	store_writer_close(w);
	close(inside[0]);
	close(inside[1]);
}

static uint64_t word_at(int fd, off_t off)
{
	uint64_t v = 0;

	assert_int_equal(pread(fd, &v, sizeof v, off), sizeof v);
	return v;
}

/*
 * The two stores that a compiler put in the wrong order, stepped by hand: the meta page of the last commit has its
 * number, and still the root (and entries, beside it) of the commit before the one before.
 */
static void a_commit_torn_between_number_and_root(void **state)
{
	enum { ENTRIES = 16 + 0x68, NUMBER = 16 + 0x80 };
	struct store_writer *w = open_writer(true);
	static struct model m;
	uint64_t seed = 3, older[2];
	struct store *st;
	off_t page = sysconf(_SC_PAGESIZE), meta;
	int fd = open(store_path, O_RDWR);

	(void)state;
	memset(&m, 0, sizeof m);
	assert_true(fd >= 0);
	for (unsigned round = 0; round < 50; round++) {
		static struct model before;
		uint64_t txn;

		for (unsigned i = 0; i < 3; i++) {
			before = m;
			if (i == 2) {
				/* The page that the next commit fills in is the older one. */
				meta = word_at(fd, NUMBER) < word_at(fd, page + NUMBER) ? 0 : page;
				assert_int_equal(pread(fd, older, sizeof older, meta + ENTRIES), sizeof older);
			}
			assert_int_equal(store_begin(w), 0);
			for (unsigned j = 0; j < 30; j++)
				step(w, &m, &seed, 3, 1);
			store_advance(w, 3, round * 3 + i + 1);
			assert_int_equal(store_commit(w), 0);
		}
		txn = w->kept.txn;
		assert_int_equal(word_at(fd, meta + NUMBER), txn);
		/* Died before the note was made, too. */
		store_writer_close(w);
		assert_int_not_equal(word_at(fd, meta + ENTRIES + 8), older[1]);
		assert_int_equal(pwrite(fd, older, sizeof older, meta + ENTRIES), sizeof older);
		((uint64_t *)older)[0] = txn - 2;
		assert_int_equal(pwrite(fd, older, sizeof older, meta + 1024), sizeof older);
		w = open_writer(false);
		assert_int_equal(w->kept.txn, txn - 1);
		assert_int_equal(store_applied(w, 3), round * 3 + 2);
		m = before;
		st = open_reader();
		model_compare(&m, st, w);
		store_close(st);
		/* The successor goes on from there. */
		assert_int_equal(store_begin(w), 0);
		for (unsigned j = 0; j < 30; j++)
			step(w, &m, &seed, 3, 1);
		store_advance(w, 3, round * 3 + 3);
		assert_int_equal(store_commit(w), 0);
	}
	close(fd);
	store_writer_close(w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(random_operations),
	    T(malformed_is_passed_over),
	    T(long_texts_are_cut_at_a_character),
	    T(many_rooms_of_one_socket),
	    T(refused_above_80_percent),
	    T(map_full_aborts_and_retries),
	    T(edges_name_one_worker),
	    T(nonce_layout_and_absence),
	    T(a_full_tmpfs_fails_at_open),
	    T(one_opens_at_a_time),
	    T(a_commit_torn_between_number_and_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
