#include <stdlib.h>

#include "proto/json.h"
#include "worker/api.h"
#include "worker/batch.h"
#include "worker/publish.h"
#include "worker/request.h"
#include "worker/verb.h"
#include "worker/worker.h"

#define NAME_TOLD_MAX 64u /* bytes of a verb that an error repeats */

static const struct json_limits limits = {.depth = 128, .values = 0, .utf8 = true};

/*
 *	RUNNING -> SETTLING -> (freed)
 *	   |          |
 *	   +-- the caller goes: freed, or C is NULL until its last record is in the ring
 */
enum batch_state {
	BATCH_RUNNING,	/* lines are left */
	BATCH_SETTLING, /* publish.c or moves.c will call settled() */
};

struct batch {
	struct batch *next; /* of the worker's */
	struct worker *w;
	struct conn *c; /* NULL: the caller went */
	enum batch_state state;
	unsigned may;	 /* of the caller's key */
	bool is_array;
	bool joined;	 /* a line put sockets into rooms */
	bool full;	 /* a line found no room: those behind it are not tried */
	struct buf body; /* its own copy */
	struct json_iter left; /* what has not been run */
	struct buf out;	 /* the results so far */
	int64_t ticket;	 /* of the last record; 0: none */
	uint64_t moved_ns; /* when it last went on */
};

static void batch_free(struct batch *b)
{
	struct batch **pp = &b->w->batches;

	while (*pp != b)
		pp = &(*pp)->next;
	*pp = b->next;
	b->w->nbatches--;
	buf_fini(&b->body);
	buf_fini(&b->out);
	free(b);
}

/* The caller went: what is left is not done, as nobody would hear of it. */
static void cancel(void *batch, enum request_end how)
{
	struct batch *b = batch;

	(void)how;
	b->c = NULL;
	if (b->state == BATCH_RUNNING)
		batch_free(b);
}

/* The next line, or element; false when there is none. */
static bool next_line(struct batch *b, struct slice *line)
{
	const char *nl;

	if (b->is_array)
		return json_next_element(&b->left, line);
	while (b->left.p < b->left.end) {
		nl = memchr(b->left.p, '\n', (size_t)(b->left.end - b->left.p));
		if (nl == NULL)
			nl = b->left.end;
		*line = json_trim(slice_make(b->left.p, (size_t)(nl - b->left.p)));
		b->left.p = nl < b->left.end ? nl + 1 : nl;
		if (line->n > 0)
			return true;
	}
	return false;
}

static bool refuse(
    struct verb_error *err, unsigned status, const char *code, const char *message, const char *field)
{
	*err = (struct verb_error){status, code, message, field};
	return false;
}

static const char *told(struct worker *w, struct slice name)
{
	size_t n = name.n < NAME_TOLD_MAX ? name.n : NAME_TOLD_MAX;
	char *p = arena_alloc(&w->arena, n + 1);

	memcpy(p, name.p, n);
	p[n] = '\0';
	return p;
}

/* {"emit": {...}} */
static bool run_line(struct batch *b, struct slice line, struct verb_result *out, struct verb_error *err)
{
	struct worker *w = b->w;
	const struct verb_kind *kind;
	const struct verb *v;
	struct slice name, body, more;
	struct json_iter it;

	if (b->full)
		return refuse(err, 429, "busy", "the rings are full: try again", NULL);
	if (!b->is_array && !json_valid(line, &limits))
		return refuse(err, 400, "syntax", "the line is not JSON", NULL);
	it = json_iter(line);
	if (json_type(line) != JSON_OBJECT || !json_next_member(&it, &name, &body) || json_next_member(&it, &more, &more))
		return refuse(err, 400, "syntax", "an object with one member, the verb: {\"emit\": {...}}", NULL);
	kind = verb_find(name);
	if (kind == NULL)
		return refuse(err, 422, "unknown_verb", "no such verb", told(w, name));
	if ((verb_may(kind) & b->may) == 0)
		return refuse(err, 403, "forbidden", "this key may not do that", NULL);
	v = verb_read(w, kind, body, VERB_LISTED, err);
	return v != NULL && verb_run(w, v, out, err) == 0;
}

static void put_result(struct batch *b, const struct verb_result *r)
{
	buf_str(&b->out, "{\"status\":");
	buf_uint(&b->out, r->status);
	buf_char(&b->out, ',');
	verb_put_result(&b->out, r);
	buf_char(&b->out, '}');
}

static void put_error(struct batch *b, const struct verb_error *err)
{
	buf_str(&b->out, "{\"status\":");
	buf_uint(&b->out, err->status);
	buf_str(&b->out, ",\"error\":");
	verb_put_error(&b->out, err);
	buf_char(&b->out, '}');
}

static void one_line(struct batch *b, struct slice line)
{
	struct verb_result result;
	struct verb_error err;

	if (b->is_array && b->out.n > 1)
		buf_char(&b->out, ',');
	if (run_line(b, line, &result, &err)) {
		put_result(b, &result);
		if (result.ticket > 0)
			b->ticket = result.ticket;
		b->joined |= result.joins;
	} else {
		api_count_refused(b->w, err.status);
		put_error(b, &err);
		b->full |= err.status == 429;
	}
	if (!b->is_array)
		buf_char(&b->out, '\n');
}

static void settled(struct worker *w, void *batch)
{
	struct batch *b = batch;
	struct conn *c = b->c;
	struct buf out = b->out;
	const char *type = b->is_array ? "application/json" : "application/x-ndjson";

	(void)w;
	b->out = (struct buf){NULL, 0, 0};
	batch_free(b);
	if (c != NULL)
		request_reply(c, 200, type, NULL, buf_as_slice(&out));
	buf_fini(&out);
}

/* All has been run. */
static void finish(struct batch *b)
{
	if (b->is_array)
		buf_char(&b->out, ']');
	b->state = BATCH_SETTLING;
	if (b->joined)
		moves_wait(b->w, b->ticket, settled, b);
	else if (b->ticket > 0)
		publish_when_settled(b->w, b->ticket, settled, b);
	else
		settled(b->w, b);
}

/* May free B. */
static void slice(struct batch *b)
{
	struct worker *w = b->w;
	uint64_t began = clock_mono_ns();
	struct slice line;

	do {
		if (!next_line(b, &line)) {
			finish(b);
			return;
		}
		one_line(b, line);
		b->moved_ns = w->now_ns;
	} while ((b->full || !w->congested) && clock_mono_ns() - began < BATCH_SLICE_NS && w->arena.used < WORKER_READ_BUILT);
}

void batches_turn(struct worker *w)
{
	struct batch *next;

	for (struct batch *b = w->batches; b != NULL && !worker_is_late(w); b = next) {
		next = b->next;
		if (b->state != BATCH_RUNNING)
			continue;
		b->full |= w->congested && w->now_ns - b->moved_ns > BATCH_WAIT_NS;
		if (b->full || !w->congested)
			slice(b);
	}
}

bool batches_ready(const struct worker *w)
{
	for (const struct batch *b = w->batches; b != NULL; b = b->next) {
		if (b->state == BATCH_RUNNING && (b->full || !w->congested))
			return true;
	}
	return false;
}

static size_t count_lines(struct slice text)
{
	size_t n = 1;

	for (const char *p = text.p; (p = memchr(p, '\n', (size_t)(text.p + text.n - p))) != NULL; p++)
		n++;
	return n;
}

/* False when the body is no batch; the error was answered. */
static bool judge(struct conn *c, struct slice body, bool is_array)
{
	if (body.n == 0)
		api_error(c, 400, "syntax", "the body is empty: lines of {\"emit\": {...}}, or an array of these", NULL);
	else if (is_array && !json_valid(body, &limits))
		api_error(c, 400, "syntax", "the body is not JSON", NULL);
	else if ((is_array ? json_length(body) : count_lines(body)) > BATCH_LINES_MAX)
		api_error(c, 422, "too_many", "at most 10000 lines", NULL);
	else if (c->w->nbatches >= BATCHES_MAX)
		api_error(c, 429, "busy", "too many batches are being run: try again", NULL);
	else
		return true;
	return false;
}

void api_batch(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct batch *b, **pp = &w->batches;
	bool is_array;

	body = json_trim(body);
	is_array = json_type(body) == JSON_ARRAY;
	if (!judge(c, body, is_array))
		return;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		worker_die(w, "out of memory");
	*b = (struct batch){.w = w, .c = c, .may = api_may(c, req), .is_array = is_array, .moved_ns = w->now_ns};
	buf_slice(&b->body, body);
	b->left = is_array ? json_iter(buf_as_slice(&b->body)) : (struct json_iter){b->body.p, b->body.p + b->body.n};
	if (is_array)
		buf_char(&b->out, '[');
	while (*pp != NULL)
		pp = &(*pp)->next;
	*pp = b;
	w->nbatches++;
	request_defer(c, b, cancel);
	if (!w->congested)
		slice(b);
}
