#include <stdlib.h>
#include <string.h>

#include "proto/eio_payload.h"
#include "proto/json.h"
#include "worker/answers.h"
#include "worker/api.h"
#include "worker/request.h"
#include "worker/worker.h"

struct answers {
	struct answers *next; /* of the worker's */
	struct worker *w;
	struct conn *c;
	uint64_t id;
	uint32_t timeout;	/* alarm */
	struct slot_mask asked; /* slots that have not counted yet */
	uint64_t sockets, answered;
	bool waiting; /* the request's answer is owed */
	bool cut;     /* not all fit */
	struct buf list;
	char name[UUID_LEN + 1];
};

static void timeout_due(void *answers);

struct answers *answers_new(struct conn *c, uint64_t timeout_ms, struct record_ack *out)
{
	struct worker *w = c->w;
	struct answers *a;

	if (w->nanswers >= ANSWERS_MAX)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		worker_die(w, "out of memory");
	*a = (struct answers){.next = w->answers, .w = w, .c = c, .id = ++w->answers_id};
	w->answers = a;
	w->nanswers++;
	*out = (struct record_ack){.id = a->id, .due_ns = w->now_ns + timeout_ms * NS_PER_MS, .slot = w->h->slot,
	    .gen = w->h->gen};
	alarm_set(&w->alarms, &a->timeout, timeout_due, a, out->due_ns);
	return a;
}

void answers_free(struct answers *a)
{
	struct worker *w = a->w;
	struct answers **pp = &w->answers;

	while (*pp != a)
		pp = &(*pp)->next;
	*pp = a->next;
	w->nanswers--;
	alarm_clear(&w->alarms, &a->timeout);
	buf_fini(&a->list);
	free(a);
}

/* The caller went. */
static void cancel(void *answers, enum request_end how)
{
	(void)how;
	answers_free(answers);
}

static void reply(struct answers *a)
{
	struct conn *c = a->c;
	struct buf *b = &a->w->json;

	buf_reset(b);
	buf_printf(b, "{\"id\":\"%s\",\"delivered\":%llu,\"answers\":[", a->name, (unsigned long long)a->sockets);
	buf_slice(b, buf_as_slice(&a->list));
	buf_str(b, a->cut ? "],\"cut\":true}" : "]}");
	answers_free(a);
	api_reply(c, 200, buf_as_slice(b));
}

static bool is_empty(const struct slot_mask *m)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SLOT_WORDS; i++)
		any |= m->w[i];
	return any == 0;
}

static bool is_complete(const struct answers *a)
{
	return a->waiting && is_empty(&a->asked) && a->answered >= a->sockets;
}

static void timeout_due(void *answers)
{
	reply(answers);
}

void answers_wait(struct answers *a, const struct slot_mask *asked, const char id[UUID_LEN + 1])
{
	a->asked = *asked;
	memcpy(a->name, id, UUID_LEN + 1);
	a->waiting = true;
	request_defer(a->c, a, cancel);
	if (is_complete(a))
		reply(a); /* nobody was asked */
}

/* A placeholder as the text of its attachment, in base64: JSON has nothing better. */
static void put_attachment(struct buf *b, const struct record *rec, int64_t num)
{
	const char *val;
	size_t len, off = 0;
	char *p;

	for (int64_t i = 0; record_next_attached(rec, &off, &val, &len); i++) {
		if (i != num)
			continue;
		p = buf_reserve(b, eio_payload_binary_size(len));
		b->n += eio_payload_put_binary(p, (const uint8_t *)val, len);
		*p = '"'; /* in the place of Engine.IO's b */
		buf_char(b, '"');
		return;
	}
	buf_str(b, "null");
}

/* The first argument; binary only as the whole of it. */
static void put_first(struct buf *b, const struct record *rec)
{
	struct json_iter it = json_iter(slice_make(rec->packet, rec->packet_len));
	struct slice v, num;
	int64_t n;

	if (!json_next_element(&it, &v)) {
		buf_str(b, "null");
		return;
	}
	if (rec->nattached > 0 && json_type(v) == JSON_OBJECT && json_get(v, SLICE("_placeholder"), &num) &&
	    json_type(num) == JSON_TRUE && json_get(v, SLICE("num"), &num) && json_int(num, &n))
		put_attachment(b, rec, n);
	else
		buf_slice(b, v);
}

void answers_take(struct worker *w, unsigned from, const struct record *rec)
{
	struct answers *a = w->answers;

	if (rec->ack.slot != w->h->slot || rec->ack.gen != w->h->gen)
		return; /* a former life asked */
	while (a != NULL && a->id != rec->ack.id)
		a = a->next;
	if (a == NULL)
		return; /* its time was over, or its caller went */
	if (rec->head.act == RECORD_ANSWER_COUNT) {
		a->sockets += rec->count;
		slot_mask_clear(&a->asked, from);
	} else {
		a->answered++;
		a->cut |= a->list.n + rec->packet_len > ANSWERS_BYTES_MAX;
		if (!a->cut) {
			if (a->list.n > 0)
				buf_char(&a->list, ',');
			put_first(&a->list, rec);
		}
	}
	if (is_complete(a))
		reply(a);
}
