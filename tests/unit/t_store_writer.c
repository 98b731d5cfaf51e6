/*
 * t_store_writer.c - the keeper's side of the store: batches, purges, outbox, rows of every size.
 */
#include "tests/unit/store_steps.h"

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

/* A session that upgrades: its row says so, and everything else in it stays, however many rooms it has. */
static void transports_change(void **state)
{
	_Alignas(8) uint8_t buf[4096];
	struct op_head *head = (struct op_head *)(void *)buf;
	struct store_writer *w = open_writer(true);
	struct store *st = open_reader();
	struct model_socket s[2] = {{.user = 1, .nsp = 1, .ms = 5}, {.ms = 6}}, other = {.ms = 7};
	char sid[OP_SID_LEN + 1];
	struct store_socket got;
	uint64_t seed = 4;
	size_t len;

	(void)state;
	model_sid(s[0].raw, 3, 1, &seed);
	model_sid(s[1].raw, 3, 1, &seed);
	model_sid(other.raw, 3, 1, &seed);
	assert_int_equal(store_begin(w), 0);
	for (unsigned i = 0; i < 2; i++) {
		len = model_op(buf, sizeof buf, OP_SOCKET_ADD, &s[i], 0);
		head->transport = OP_TRANSPORT_POLLING;
		assert_int_equal(store_apply(w, 3, 1, buf, len), 0);
		len = model_op(buf, sizeof buf, OP_JOIN, &s[i], 0xff);
		assert_int_equal(store_apply(w, 3, 1, buf, len), 0);
	}
	assert_int_equal(store_commit(w), 0);
	store_sid_unpack(sid, s[0].raw);
	assert_int_equal(store_get_socket(st, sid, &got), 1);
	assert_int_equal(got.transport, OP_TRANSPORT_POLLING);
	store_socket_fini(&got);

	assert_int_equal(store_begin(w), 0);
	len = model_op(buf, sizeof buf, OP_TRANSPORT, &s[0], 0);
	assert_int_equal(store_apply(w, 3, 1, buf, len), 0);
	/* of a socket that is not there, and of another's */
	len = model_op(buf, sizeof buf, OP_TRANSPORT, &other, 0);
	assert_int_equal(store_apply(w, 3, 1, buf, len), -ENOENT);
	len = model_op(buf, sizeof buf, OP_TRANSPORT, &s[0], 0);
	assert_int_equal(store_apply(w, 4, 1, buf, len), -EPROTO);
	assert_int_equal(store_apply(w, 3, 2, buf, len), -EPROTO);
	assert_int_equal(store_commit(w), 0);
	s[0].rooms = 0xff;
	model_compare_socket(&s[0], st); /* websocket now */
	store_sid_unpack(sid, s[1].raw);
	assert_int_equal(store_get_socket(st, sid, &got), 1);
	assert_int_equal(got.transport, OP_TRANSPORT_POLLING);
	assert_int_equal(got.nrooms, 8);
	store_socket_fini(&got);
	store_sid_unpack(sid, other.raw);
	assert_int_equal(store_get_socket(st, sid, &got), 0);
	store_close(st);
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
	    T(transports_change),
	    T(edges_name_one_worker),
	    T(nonce_layout_and_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
