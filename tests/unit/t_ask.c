/*
 * t_ask.c - questions of a worker: what is asked, who hears the answer, what is asked again, and when nobody answers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker_fixture.h"
#include "worker/ask.h"

#define CONF                                                                            \
	"listen \"127.0.0.1:0\" { }\nadmin \"127.0.0.1:0\" { key = \"0123456789abcdef\" }\n" \
	"auth { anonymous = yes }\nlog { level = error }\n"

static struct bench bench;
static struct worker *w;

/* A worker that takes no turns but those of the tests, and is never freed; the keeper is the test. */
static int setup(void **state)
{
	struct bench *b = &bench;
	struct segment_spec spec = {.ring_size = 1 << 20, .opring_size = 1 << 16, .dlog_size = 1 << 20, .sessions = 1000};

	(void)state;
	memset(b, 0, sizeof *b);
	assert_true(sodium_init() >= 0);
	load_conf(b, CONF);
	spec.nonce = 1 + (uint64_t)getpid();
	snprintf(b->name, sizeof b->name, "/forkcast-test-ask-%d", (int)getpid());
	segment_unlink(b->name);
	assert_int_equal(segment_create(&b->seg, b->name, &spec, NULL), 0);
	segment_unlink(b->name);
	for (unsigned i = 0; i <= WORKERS; i++)
		assert_int_equal(segment_reserve_slot(&b->seg, i, NULL), 0);
	assert_int_equal(doorbells_open(&b->bells, WORKERS + 1), 0);
	b->h[0] = (struct heritage){.conf = b->conf,
	    .seg = &b->seg,
	    .bells = b->bells,
	    .nworker = WORKERS,
	    .keeper_slot = WORKERS,
	    .nonce = spec.nonce,
	    .max_connections = 10};
	b->h[0].gen = slot_open(segment_slot(&b->seg, 0), SLOT_ROLE_WORKER, 0, 1);
	w = b->w[0] = calloc(1, sizeof *w);
	assert_int_equal(worker_init(w, &b->h[0]), 0);
	return 0;
}

/* The next operation that the keeper finds: its number, 0 when there is none. */
static uint64_t asked(struct slice *key)
{
	static _Alignas(8) uint8_t buf[8192];
	static uint64_t pos;
	static const struct worker *of;
	struct ring_head head;
	struct op_head op;
	const uint8_t *tlvs;
	struct ring r;
	size_t len, off = 0;
	struct op_ask a = {0};
	struct tlv t;

	if (of != w)
		pos = 0;
	of = w;
	assert_int_equal(ring_attach(&r, segment_opring(&bench.seg, 0)), 0);
	do {
		if (pos >= ring_tail(&r))
			return 0;
		assert_int_equal(ring_peek(&r, pos, &head), 1);
		if (head.type == RING_DATA)
			assert_int_equal(ring_copy(&r, pos, &head, buf), 0);
		pos = ring_next(pos, &head);
	} while (head.type != RING_DATA);
	assert_int_equal(op_parse(buf, head.len - sizeof head, &op, &tlvs, &len), 0);
	assert_int_equal(op.kind, OP_ONCE);
	while (tlv_next(tlvs, len, &off, &t) > 0) {
		if (t.type == OP_TLV_ASK)
			memcpy(&a, t.val, sizeof a);
		else if (t.type == OP_TLV_KEY && key)
			*key = slice_make(t.val, t.len);
	}
	assert_true(a.due_ns > clock_mono_ns() && a.due_ns <= clock_mono_ns() + ASK_WAIT_NS);
	return a.id;
}

static void answer(uint64_t id, uint32_t gen, uint32_t result, const char *data)
{
	struct record_ack to = {.id = id, .slot = 0, .gen = gen};
	_Alignas(8) uint8_t buf[1024];
	struct tlv_writer t;
	struct record rec;

	record_begin(&t, buf, sizeof buf, RECORD_ANSWER)->act = RECORD_ANSWER_KEEPER;
	tlv_put(&t, RECORD_TLV_ACK, 0, &to, sizeof to);
	tlv_put(&t, RECORD_TLV_COUNT, 0, &result, sizeof result);
	if (data)
		tlv_put(&t, RECORD_TLV_PACKET, 0, data, strlen(data));
	assert_int_equal(record_parse(&rec, buf, t.len), 0);
	ask_take(w, &rec);
}

struct told {
	int result[8];
	unsigned n;
	bool again;
};

static void hear(struct worker *of, void *arg, int result)
{
	struct told *t = arg;

	assert_ptr_equal(of, w);
	t->result[t->n++] = result;
	/* Whoever hears may ask. */
	if (t->again) {
		t->again = false;
		assert_int_equal(ask_once(w, SLICE("more"), 1000, hear, t), 0);
	}
}

static void heard_in_a_later_turn(void **state)
{
	struct told a = {.n = 0}, b = {.again = true};
	struct slice key;
	uint64_t ida, idb;

	(void)state;
	assert_int_equal(ask_once(w, SLICE("sig:1"), 1000, hear, &a), 0);
	assert_int_equal(ask_once(w, SLICE("sig:2"), 1000, hear, &b), 0);
	ida = asked(&key);
	assert_true(slice_is(key, "sig:1"));
	idb = asked(&key);
	assert_true(slice_is(key, "sig:2"));
	assert_true(ida != 0 && idb != 0 && ida != idb);
	/* Not its number, not its life. */
	answer(idb + 7, w->h->gen, RECORD_ONCE_NEW, NULL);
	answer(idb, w->h->gen + 1, RECORD_ONCE_NEW, NULL);
	ask_poll(w);
	assert_int_equal(a.n + b.n, 0);
	answer(idb, w->h->gen, RECORD_ONCE_TAKEN, "data");
	assert_int_equal(b.n, 0);
	ask_poll(w);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.result[0], 1);
	answer(ida, w->h->gen, RECORD_ONCE_NEW, NULL);
	answer(ida, w->h->gen, RECORD_ONCE_TAKEN, NULL);
	ask_poll(w);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.result[0], 0);
	answer(asked(&key), w->h->gen, RECORD_ONCE_FULL, NULL);
	assert_true(slice_is(key, "more"));
	ask_poll(w);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.result[1], -ENOSPC);
	assert_int_equal(w->asks.n, 0);
}

static void asked_again_under_its_number(void **state)
{
	struct told t = {.n = 0};
	struct slice key;
	uint64_t ida, idb;

	(void)state;
	assert_int_equal(ask_once(w, SLICE("a"), 1000, hear, &t), 0);
	assert_int_equal(ask_once(w, SLICE("b"), 1000, hear, &t), 0);
	ida = asked(NULL);
	idb = asked(NULL);
	answer(ida, w->h->gen, RECORD_ONCE_NEW, NULL);
	/* The keeper's ring lapped it: only what has no answer. */
	ask_again(w);
	assert_int_equal(asked(&key), idb);
	assert_true(slice_is(key, "b"));
	assert_int_equal(asked(NULL), 0);
	answer(idb, w->h->gen, RECORD_ONCE_NEW, NULL);
	ask_poll(w);
	assert_int_equal(t.n, 2);
	ask_again(w);
	assert_int_equal(asked(NULL), 0);
}

static void nobody_answers(void **state)
{
	struct told t = {.n = 0};
	uint64_t id;

	(void)state;
	assert_int_equal(ask_once(w, SLICE("a"), 1000, hear, &t), 0);
	id = asked(NULL);
	w->now_ns += ASK_WAIT_NS - 1;
	ask_poll(w);
	assert_int_equal(t.n, 0);
	w->now_ns += 1;
	ask_poll(w);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.result[0], -ETIMEDOUT);
	answer(id, w->h->gen, RECORD_ONCE_NEW, NULL);
	ask_poll(w);
	assert_int_equal(t.n, 1);
}

static void bounded(void **state)
{
	static struct told t;
	unsigned n = 0;
	int rc;

	(void)state;
	while ((rc = ask_once(w, SLICE("k"), 1000, hear, &t)) == 0)
		n++;
	assert_int_equal(rc, -ENOBUFS);
	assert_int_equal(n, ASK_MAX);
	assert_int_equal(t.n, 0);
}

static void long_keys_are_hashed(void **state)
{
	char a[OP_KEY_MAX + 1], out[OP_KEY_MAX];
	struct slice k, l;
	char other[OP_KEY_MAX];

	(void)state;
	memset(a, 'a', sizeof a);
	k = ask_key(slice_make(a, OP_KEY_MAX), out);
	assert_true(slice_eq(k, slice_make(a, OP_KEY_MAX)));
	k = ask_key(slice_make(a, OP_KEY_MAX + 1), out);
	assert_int_equal(k.n, 33);
	a[OP_KEY_MAX] = 'b';
	l = ask_key(slice_make(a, OP_KEY_MAX + 1), other);
	assert_false(slice_eq(k, l));
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(heard_in_a_later_turn),
	    T(asked_again_under_its_number),
	    T(nobody_answers),
	    T(bounded),
	    T(long_keys_are_hashed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
