#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "conf/log.h"
#include "shm/counter.h"
#include "worker/ask.h"
#include "worker/ops.h"
#include "worker/worker.h"

/* Waits on w->asks.waiting, then on the list of the answered. */
struct question {
	struct timed timed;
	struct question *next;
	uint64_t id;
	ask_fn fn;
	void *arg;
	int result;
	struct slice data; /* allocated */
	struct tlv_writer op;
	_Alignas(8) uint8_t bytes[];
};

void ask_open(struct worker *w)
{
	timeq_init(&w->asks.waiting, ASK_WAIT_NS);
	w->asks.answered_tail = &w->asks.answered;
}

struct question *ask_new(struct worker *w, const struct op_head *head, size_t more)
{
	size_t cap = sizeof(*head) + sizeof(struct op_ask) + 8 + more;
	struct question *q;
	struct op_ask ask;

	if (w->asks.n >= ASK_MAX)
		return NULL;
	q = malloc(sizeof(*q) + cap);
	if (q == NULL)
		worker_die(w, "out of memory");
	*q = (struct question){.id = ++w->asks.last};
	ask = (struct op_ask){.id = q->id, .due_ns = clock_mono_ns() + ASK_WAIT_NS};
	op_begin(&q->op, q->bytes, cap, head);
	tlv_put(&q->op, OP_TLV_ASK, 0, &ask, sizeof(ask));
	w->asks.n++;
	return q;
}

struct tlv_writer *ask_fields(struct question *q)
{
	return &q->op;
}

void ask_free(struct worker *w, struct question *q)
{
	timed_leave(&q->timed);
	w->asks.n--;
	free((char *)(uintptr_t)q->data.p);
	free(q);
}

int ask_send(struct worker *w, struct question *q, ask_fn fn, void *arg)
{
	int rc = ops_ask(w, &q->op);

	if (rc < 0) {
		ask_free(w, q);
		return rc;
	}
	q->fn = fn;
	q->arg = arg;
	timeq_enter(&w->asks.waiting, &q->timed, w->now_ns);
	return 0;
}

static void settle(struct worker *w, struct question *q, int result)
{
	timed_leave(&q->timed);
	q->result = result;
	*w->asks.answered_tail = q;
	w->asks.answered_tail = &q->next;
}

void ask_take(struct worker *w, const struct record *rec)
{
	struct timed *t, *end = &w->asks.waiting.head;

	if (rec->ack.slot != w->h->slot || rec->ack.gen != w->h->gen)
		return; /* a former life asked */
	/* the keeper answers in order, so it is the first but for those whose answer was lost */
	for (t = end->next; t != end; t = t->next) {
		struct question *q = OWNER_OF(t, struct question, timed);
		char *copy = NULL;

		if (q->id != rec->ack.id)
			continue;
		if (rec->packet_len > 0) {
			copy = malloc(rec->packet_len);
			if (copy == NULL)
				worker_die(w, "out of memory");
			memcpy(copy, rec->packet, rec->packet_len);
		}
		q->data = slice_make(copy, rec->packet_len);
		settle(w, q, (int)(rec->count & INT32_MAX));
		return;
	}
}

void ask_again(struct worker *w)
{
	struct timed *t, *end = &w->asks.waiting.head;
	unsigned n = 0;

	for (t = end->next; t != end; t = t->next) {
		/* what does not fit now stays without an answer */
		if (ops_ask(w, &OWNER_OF(t, struct question, timed)->op) < 0)
			break;
		n++;
	}
	if (n > 0)
		log_info("asked_again", "questions=%u", n);
}

void ask_poll(struct worker *w)
{
	struct question *list;
	struct timed *t;

	while ((t = timeq_due(&w->asks.waiting, w->now_ns)) != NULL)
		settle(w, OWNER_OF(t, struct question, timed), -ETIMEDOUT);
	/* whoever hears may ask: its answer is for another turn */
	list = w->asks.answered;
	w->asks.answered = NULL;
	w->asks.answered_tail = &w->asks.answered;
	while (list != NULL) {
		struct question *q = list;

		list = q->next;
		if (q->result == -ETIMEDOUT)
			log_warn("keeper_does_not_answer", "waited_ms=%d", (int)(ASK_WAIT_NS / NS_PER_MS));
		q->fn(w, q->arg, q->result, q->data);
		ask_free(w, q);
	}
}

struct slice ask_key(struct slice key, char out[OP_KEY_MAX])
{
	unsigned char hash[32];

	if (key.n <= OP_KEY_MAX) {
		memcpy(out, key.p, key.n);
		return slice_make(out, key.n);
	}
	/* a control character in front: no key that is text is equal to it */
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)key.p, key.n, NULL, 0);
	out[0] = '\1';
	memcpy(out + 1, hash, sizeof(hash));
	return slice_make(out, 1 + sizeof(hash));
}

struct once {
	ask_once_fn fn;
	void *arg;
};

static void once_answered(struct worker *w, void *arg, int result, struct slice data)
{
	struct once o = *(struct once *)arg;

	(void)data;
	free(arg);
	o.fn(w, o.arg, result == RECORD_ONCE_FULL ? -ENOSPC : result);
}

int ask_once(struct worker *w, struct slice key, int64_t ttl_ms, ask_once_fn fn, void *arg)
{
	struct op_head head = {.kind = OP_ONCE, .time_ms = ttl_ms};
	struct question *q = ask_new(w, &head, OP_KEY_MAX + 16);
	char text[OP_KEY_MAX];
	struct once *o;
	int rc;

	if (q == NULL)
		return -ENOBUFS;
	key = ask_key(key, text);
	tlv_put(ask_fields(q), OP_TLV_KEY, 0, key.p, key.n);
	o = malloc(sizeof(*o));
	if (o == NULL)
		worker_die(w, "out of memory");
	*o = (struct once){fn, arg};
	rc = ask_send(w, q, once_answered, o);
	if (rc < 0)
		free(o);
	return rc < 0 ? -ENOBUFS : 0;
}
