/*
 * api_schedules.c - GET /v1/schedules and one of them, DELETE: what waits to be sent.
 */
#include <stdlib.h>

#include "conf/conf.h"
#include "proto/engineio.h"
#include "shm/store_schedule.h"
#include "worker/api.h"
#include "worker/api_page.h"
#include "worker/query.h"
#include "worker/worker.h"

#define CHUNK	  16u	       /* read at a time */
#define BYTES_MAX (1u << 20) /* of a page */

static bool kept(struct conn *c)
{
	if (c->w->conf->data_dir.p != NULL)
		return true;
	api_error(c, 404, "no_data_dir", "nothing waits: schedules need data_dir in the conf", NULL);
	return false;
}

static void put(struct buf *b, const struct store_schedule *s)
{
	buf_str(b, "{\"id\":");
	buf_json_string(b, slice_make(s->id, strlen(s->id)));
	buf_str(b, ",\"at\":");
	buf_int(b, s->at_ms);
	if (s->body_len > 0)
		buf_char(b, ',');
	buf_put(b, s->body, s->body_len);
	buf_char(b, '}');
}

static void list(struct conn *c, struct slice path, struct slice query)
{
	struct store_schedule s[CHUNK];
	struct worker *w = c->w;
	struct buf *b = &w->json;
	char last[STORE_SCHEDULE_ID_MAX + 1];
	unsigned left;
	bool more = true, first = true;

	(void)path;
	if (!api_page(c, query, last, sizeof(last), &left))
		return;
	buf_reset(b);
	buf_str(b, "{\"items\":[");
	while (more && left > 0 && b->n < BYTES_MAX) {
		int n = store_list_schedules(w->store, last[0] != '\0' ? last : NULL, left < CHUNK ? left : CHUNK, s, &more);

		if (n < 0) {
			api_error(c, 503, "unavailable", "the store cannot be read", NULL);
			return;
		}
		for (int i = 0; i < n; i++) {
			if (!first)
				buf_char(b, ',');
			first = false;
			put(b, &s[i]);
			memcpy(last, s[i].id, strlen(s[i].id) + 1);
			store_schedule_fini(&s[i]);
		}
		left -= (unsigned)n;
	}
	api_page_end(b, more ? last : "");
	api_reply(c, 200, buf_as_slice(b));
}

/* The id at the end of the path, decoded.  False when it was answered. */
static bool id_of(struct conn *c, struct slice path, char id[STORE_SCHEDULE_ID_MAX + 1])
{
	const size_t head = sizeof("/v1/schedules/") - 1;
	ssize_t n = eio_percent_decode(slice_make(path.p + head, path.n - head), id, STORE_SCHEDULE_ID_MAX);

	if (n < 1 || memchr(id, '\0', (size_t)n) != NULL) {
		api_error(c, 404, "not_found", "nothing of this id waits", NULL);
		return false;
	}
	id[n] = '\0';
	return true;
}

static void get(struct conn *c, struct slice path, struct slice query)
{
	char id[STORE_SCHEDULE_ID_MAX + 1];
	struct store_schedule s;
	int found;

	(void)query;
	if (!id_of(c, path, id))
		return;
	found = store_get_schedule(c->w->store, id, &s);
	if (found < 0) {
		api_error(c, 503, "unavailable", "the store cannot be read", NULL);
		return;
	}
	if (found == 0) {
		api_error(c, 404, "not_found", "nothing of this id waits", NULL);
		return;
	}
	buf_reset(&c->w->json);
	put(&c->w->json, &s);
	store_schedule_fini(&s);
	api_reply(c, 200, buf_as_slice(&c->w->json));
}

void api_list_schedules(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	if (kept(c))
		query_run(c, req, list);
}

void api_get_schedule(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	if (kept(c))
		query_run(c, req, get);
}

void api_delete_schedule(struct conn *c, const struct http_request *req, struct slice body)
{
	char id[STORE_SCHEDULE_ID_MAX + 1];
	struct buf *b = &c->w->text;

	(void)body;
	if (!kept(c) || !id_of(c, req->path, id))
		return;
	buf_reset(b);
	buf_str(b, "{\"id\":");
	buf_json_string(b, slice_make(id, strlen(id)));
	buf_char(b, '}');
	api_call(c, "cancel", slice_make(arena_copy(&c->w->arena, b->p, b->n), b->n));
}
