/*
 * micro_store.c - what a session costs the keeper and the store: CPU and instructions an operation, bytes a session.
 *
 *	micro_store [SESSIONS [BATCH [PAIRS]]]
 *
 * Sessions of a user of their own, each in three automatic rooms (own, role, global), over four slots; first all
 * connect, then PAIRS of one disconnect and one connect, then all go.  CPU is of this process; instructions are counted
 * by the processor in user mode, where the machine lets us (else 0).
 */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define SLOTS 4
#define NONCE 1

static struct store_writer *writer;
static char path[64];
static uint64_t seed = 88172645463325252;
static unsigned batch = 256, inbatch;
static uint64_t sequence;
static int counter_fd = -1;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void end(void)
{
	char other[80];

	unlink(path);
	snprintf(other, sizeof other, "%s-lock", path);
	unlink(other);
}

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	end();
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void instructions_open(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_HARDWARE,
	    .size = sizeof a,
	    .config = PERF_COUNT_HW_INSTRUCTIONS,
	    .exclude_kernel = 1,
	    .exclude_hv = 1};

	counter_fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static uint64_t instructions(void)
{
	uint64_t n = 0;

	if (counter_fd < 0 || read(counter_fd, &n, sizeof n) != sizeof n)
		return 0;
	return n;
}

static int take(void *ctx, uint64_t seq, const void *record, size_t len)
{
	(void)ctx;
	(void)record;
	(void)len;
	sequence = seq;
	return 0;
}

struct session {
	uint8_t raw[STORE_SID_RAW];
	uint32_t user;
};

/* As the keeper does: a batch, the commit, the records out, forgotten by the next batch. */
static void flush(void)
{
	if (inbatch == 0)
		return;
	must(store_commit(writer), "commit");
	must(store_outbox_each(writer, sequence + 1, UINT32_MAX, take, NULL), "outbox");
	inbatch = 0;
}

static void apply(const struct session *s, const void *op, size_t len, const char *what)
{
	if (inbatch++ == 0) {
		must(store_begin(writer), "begin");
		if (sequence > 0)
			must(store_outbox_forget(writer, sequence), "forget");
	}
	must(store_apply(writer, s->raw[0], 1, op, len), what);
	if (inbatch == batch)
		flush();
}

static void connect_op(struct session *s, uint32_t user)
{
	struct op_head h = {
	    .kind = OP_SOCKET_ADD, .transport = OP_TRANSPORT_WEBSOCKET, .time_ms = 1800000000000 + user};
	_Alignas(8) uint8_t buf[512];
	char sid[OP_SID_LEN + 1], text[64];
	struct tlv_writer w;
	int n;

	s->user = user;
	s->raw[0] = (uint8_t)(rnd() >> 32) % SLOTS;
	s->raw[1] = 0;
	s->raw[2] = 1;
	for (int i = 3; i < STORE_SID_RAW; i++)
		s->raw[i] = (uint8_t)(rnd() >> 24);
	store_sid_unpack(sid, s->raw);
	op_begin(&w, buf, sizeof buf, &h);
	tlv_put(&w, OP_TLV_SID, 0, sid, OP_SID_LEN);
	n = snprintf(text, sizeof text, "user:u%08x", (unsigned)rnd());
	tlv_put(&w, OP_TLV_USER, 0, text + 5, (size_t)n - 5);
	tlv_put(&w, OP_TLV_ROOM, OP_ROOM_AUTO, text, (size_t)n);
	tlv_put(&w, OP_TLV_ROOM, OP_ROOM_AUTO, "role:player", 11);
	tlv_put(&w, OP_TLV_ROOM, OP_ROOM_AUTO, "global:all", 10);
	tlv_put(&w, OP_TLV_ROLE, 0, "player", 6);
	n = snprintf(text, sizeof text, "Player %u", user);
	tlv_put(&w, OP_TLV_NAME, 0, text, (size_t)n);
	n = snprintf(text, sizeof text, "10.%u.%u.%u", user >> 16 & 255, user >> 8 & 255, user & 255);
	tlv_put(&w, OP_TLV_IP, 0, text, (size_t)n);
	apply(s, buf, w.len, "connect");
}

static void disconnect_op(const struct session *s)
{
	struct op_head h = {.kind = OP_SOCKET_DEL};
	_Alignas(8) uint8_t buf[128];
	char sid[OP_SID_LEN + 1];
	struct tlv_writer w;

	store_sid_unpack(sid, s->raw);
	op_begin(&w, buf, sizeof buf, &h);
	tlv_put(&w, OP_TLV_SID, 0, sid, OP_SID_LEN);
	apply(s, buf, w.len, "disconnect");
}

static void report(const char *what, unsigned n, uint64_t ns, uint64_t ins)
{
	double us = (double)ns / 1000 / n;

	printf("%-28s %9u  %7.2f us  %9.0f/s  %7.0f instructions\n", what, n, us, 1e6 / us, (double)ins / n);
}

static void pages(unsigned n)
{
	static const char *const name[STORE_TABLES] = {"sockets", "rooms", "users", "members", "meta", "outbox"};
	size_t used, size;
	MDB_txn *txn;
	MDB_stat st;

	store_is_full(writer, &used, &size);
	printf("%-28s %9u  %7.0f bytes in pages (", "sessions", n, n ? (double)used / n : (double)used);
	must(mdb_txn_begin(writer->e.env, NULL, MDB_RDONLY, &txn), "read");
	for (unsigned i = 0; i < STORE_TABLES; i++) {
		must(mdb_stat(txn, writer->e.dbi[i], &st), "stat");
		used = (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize;
		printf("%s%s %.0f", i ? ", " : "", name[i], n ? (double)used / n : (double)used);
	}
	mdb_txn_abort(txn);
	printf(")\n");
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
	unsigned npairs = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : n, next = n;
	struct slot_mask live = {{0}};
	struct session *s;
	uint64_t t, ins;

	if (argc > 2)
		batch = (unsigned)strtoul(argv[2], NULL, 10);
	s = calloc(n, sizeof *s);
	if (!s || n == 0 || batch == 0)
		return 2;
	snprintf(path, sizeof path, "/dev/shm/forkcast-micro-store-%ld", (long)getpid());
	must(store_writer_open(&writer, path, 1u << 28, NONCE, true), "open");
	for (unsigned i = 0; i < SLOTS; i++)
		slot_mask_set(&live, i);
	store_set_workers(writer, &live);
	instructions_open();
	printf("batch %u\n", batch);

	t = cpu_ns();
	ins = instructions();
	for (unsigned i = 0; i < n; i++)
		connect_op(&s[i], i);
	flush();
	report("connect", n, cpu_ns() - t, instructions() - ins);
	pages(n);

	t = cpu_ns();
	ins = instructions();
	for (unsigned i = 0; i < npairs; i++) {
		struct session *one = &s[rnd() % n];

		disconnect_op(one);
		connect_op(one, next++);
	}
	flush();
	report("disconnect + connect", npairs, cpu_ns() - t, instructions() - ins);
	pages(n);

	t = cpu_ns();
	ins = instructions();
	for (unsigned i = 0; i < n; i++)
		disconnect_op(&s[i]);
	flush();
	report("disconnect", n, cpu_ns() - t, instructions() - ins);
	store_writer_close(writer);
	end();
	free(s);
	return 0;
}
