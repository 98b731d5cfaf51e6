#include <stdlib.h>

#include "conf/log.h"
#include "proto/http.h"
#include "shm/store.h"
#include "shm/store_wait.h"
#include "worker/query.h"
#include "worker/request.h"
#include "worker/worker.h"

struct query {
	struct query *next;
	struct conn *c; /* NULL: it went */
	query_fn fn;
	uint64_t asked_ns;
	uint64_t tail[SLOT_MAX];
	size_t path_len, query_len;
	char text[];
};

int query_open(struct worker *w)
{
	int err = store_open_reader(&w->store, w->h->store_path, w->conf->shm.store_size, w->h->nonce);

	if (err == 0)
		store_set_alive(w->store, store_wait_alive, w->h->seg);
	return err;
}

void query_close(struct worker *w)
{
	while (w->queries != NULL) {
		struct query *q = w->queries;

		w->queries = q->next;
		free(q);
	}
	if (w->store != NULL)
		store_close(w->store);
	w->store = NULL;
}

static void query_forget(void *owed, enum request_end how)
{
	struct query *q = owed;

	(void)how;
	q->c = NULL;
}

void query_run(struct conn *c, const struct http_request *req, query_fn fn)
{
	struct worker *w = c->w;
	uint64_t tail[SLOT_MAX];
	struct query *q, **pp;

	store_wait_note(w->h->seg, tail);
	if (store_caught_up(w->h->seg, tail)) {
		fn(c, req->path, req->query);
		return;
	}
	q = malloc(sizeof(*q) + req->path.n + req->query.n);
	if (q == NULL) {
		request_reply(c, 503, NULL, NULL, slice_make("", 0));
		return;
	}
	*q = (struct query){.c = c, .fn = fn, .asked_ns = w->now_ns, .path_len = req->path.n, .query_len = req->query.n};
	memcpy(q->tail, tail, sizeof(tail));
	memcpy(q->text, req->path.p, req->path.n);
	if (req->query.n > 0)
		memcpy(q->text + req->path.n, req->query.p, req->query.n);
	for (pp = &w->queries; *pp != NULL; pp = &(*pp)->next)
		;
	*pp = q;
	request_defer(c, q, query_forget);
	store_wait_ask(w->h->seg, &w->h->bells, w->h->slot, w->h->keeper_slot);
}

void query_poll(struct worker *w)
{
	struct query *list = w->queries, **keep = &w->queries;

	if (list == NULL)
		return;
	*keep = NULL;
	while (list != NULL) {
		struct query *q = list;

		list = q->next;
		q->next = NULL;
		if (q->c != NULL && !store_caught_up(w->h->seg, q->tail) && w->now_ns - q->asked_ns < QUERY_WAIT_NS) {
			*keep = q;
			keep = &q->next;
			continue;
		}
		if (q->c != NULL) {
			if (w->now_ns - q->asked_ns >= QUERY_WAIT_NS)
				log_warn("query_without_keeper", "waited_ms=%d", (int)(QUERY_WAIT_NS / NS_PER_MS));
			q->fn(q->c, slice_make(q->text, q->path_len), slice_make(q->text + q->path_len, q->query_len));
			/* a reply may have read the next request, which may have asked again: its query is behind `keep` */
			while (*keep != NULL)
				keep = &(*keep)->next;
		}
		free(q);
	}
	if (w->queries == NULL)
		store_wait_done(w->h->seg, w->h->slot);
}
