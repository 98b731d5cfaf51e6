/*
 * t_store_limits.c - a store that is full, opened by several, or left in the middle of a commit.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "shm/store_gate.h"
#include "tests/unit/store_steps.h"

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
	    T(refused_above_80_percent),
	    T(map_full_aborts_and_retries),
	    T(a_full_tmpfs_fails_at_open),
	    T(one_opens_at_a_time),
	    T(a_commit_torn_between_number_and_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
