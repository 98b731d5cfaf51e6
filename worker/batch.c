#include <stdlib.h>

#include "proto/json.h"
#include "worker/api.h"
#include "worker/batch.h"
#include "worker/publish.h"
#include "worker/request.h"
#include "worker/verb.h"
#include "worker/worker.h"

#define ASKED_MAX     256u /* lines of a batch that wait for the keeper */
#define NAME_TOLD_MAX 64u /* bytes of a verb that an error repeats */

static const struct json_limits limits = {.depth = 128, .values = 0, .utf8 = true};

/*
 *	RUNNING -> SETTLING -> (freed)
 *	   |          |
 *	   +-- the caller goes: freed, or C is NULL until nothing will call us any more
 */
enum batch_state {
	BATCH_RUNNING,	/* lines are left, or answers of the keeper or of a hook to come */
	BATCH_SETTLING, /* publish.c or moves.c will call settled() */
};

/*
 * What it waits for before its next line.  A line with an id goes out by the keeper, the others by our own ring, so where
 * one follows on the other it waits until that is out.  A line that asks a hook is alone.
 */
enum batch_wants {
	WANTS_NOTHING,
	WANTS_SETTLED, /* TICKET in the ring */
	WANTS_ANSWER,  /* fewer than ASKED_MAX asked */
	WANTS_ANSWERS, /* none asked */
};

/* The result of a line: where it is in the text of all. */
struct line {
	uint32_t at, n;
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
	struct buf text; /* the results so far, in the order they came */
	struct line *line;
	unsigned nline, line_cap;
	unsigned asked;	 /* lines that the keeper, or a hook, has not decided yet */
	bool hooked;	 /* it is a hook */
	enum batch_wants wants;
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
	buf_fini(&b->text);
	free(b->line);
	free(b);
}

/* The caller went: what is left is not done, as nobody would hear of it. */
static void cancel(void *batch, enum request_end how)
{
	struct batch *b = batch;

	(void)how;
	b->c = NULL;
	if (b->state == BATCH_RUNNING && b->asked == 0)
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
	*err = (struct verb_error){status, code, message, field, 0};
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

/* The result of line I: what was put into the text from AT on. */
static void set_line(struct batch *b, unsigned i, size_t at)
{
	b->line[i] = (struct line){(uint32_t)at, (uint32_t)(b->text.n - at)};
}

static void put_result(struct batch *b, unsigned i, const struct verb_result *r)
{
	struct buf *t = &b->text;
	size_t at = t->n;

	buf_str(t, "{\"status\":");
	buf_uint(t, r->status);
	buf_char(t, ',');
	verb_put_result(t, r);
	buf_char(t, '}');
	set_line(b, i, at);
	if (r->ticket > 0)
		b->ticket = r->ticket;
	b->joined |= r->joins;
}

static void put_error(struct batch *b, unsigned i, const struct verb_error *err)
{
	struct buf *t = &b->text;
	size_t at = t->n;

	api_count_refused(b->w, err->status);
	buf_str(t, "{\"status\":");
	buf_uint(t, err->status);
	buf_str(t, ",\"error\":");
	verb_put_error(t, err);
	buf_char(t, '}');
	set_line(b, i, at);
	b->full |= err->status == 429 && strcmp(err->code, "busy") == 0;
}

/* A line that the keeper, or a hook, decides. */
struct asked {
	struct batch *b;
	unsigned line;
};

static void answered(struct worker *w, void *arg, const struct verb_result *r, const struct verb_error *err)
{
	struct asked *a = arg;
	struct batch *b = a->b;

	(void)w;
	if (err != NULL)
		put_error(b, a->line, err);
	else
		put_result(b, a->line, r);
	free(a);
	b->asked--;
	b->hooked = false;
	b->moved_ns = w->now_ns;
	if (b->c == NULL && b->asked == 0)
		batch_free(b);
}

/* 0: answered() will be called.  1: it is done.  -1 and *ERR. */
static int ask(struct batch *b, unsigned i, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	struct asked *a = malloc(sizeof(*a));
	int rc;

	if (a == NULL)
		worker_die(b->w, "out of memory");
	*a = (struct asked){b, i};
	rc = verb_asks(v) ? verb_run_asking(b->w, v, out, answered, a, err) : verb_run_once(b->w, v, answered, a, err);
	if (rc != 0) {
		free(a);
		return rc;
	}
	b->hooked = verb_asks(v);
	b->asked++;
	return 0;
}

/* The same of any line. */
static int run(struct batch *b, unsigned i, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	if (verb_has_id(v) || verb_asks(v))
		return ask(b, i, v, out, err);
	return verb_run(b->w, v, out, err) == 0 ? 1 : -1;
}

/* {"emit": {...}}.  NULL and *ERR when it is none, or not for this key. */
static const struct verb *read_line(struct batch *b, struct slice line, struct verb_error *err)
{
	const struct verb_kind *kind;
	struct slice name, body, more;
	struct json_iter it;

	if (b->full) {
		refuse(err, 429, "busy", "the rings are full: try again", NULL);
		return NULL;
	}
	if (!b->is_array && !json_valid(line, &limits)) {
		refuse(err, 400, "syntax", "the line is not JSON", NULL);
		return NULL;
	}
	it = json_iter(line);
	if (json_type(line) != JSON_OBJECT || !json_next_member(&it, &name, &body) || json_next_member(&it, &more, &more)) {
		refuse(err, 400, "syntax", "an object with one member, the verb: {\"emit\": {...}}", NULL);
		return NULL;
	}
	kind = verb_find(name);
	if (kind == NULL) {
		refuse(err, 422, "unknown_verb", "no such verb", told(b->w, name));
		return NULL;
	}
	if ((verb_may(kind) & b->may) == 0) {
		refuse(err, 403, "forbidden", "this key may not do that", NULL);
		return NULL;
	}
	return verb_read(b->w, kind, body, VERB_LISTED, err);
}

/* What V has to wait for. */
static enum batch_wants wants(const struct batch *b, const struct verb *v)
{
	if (!verb_has_id(v) || b->hooked)
		return b->asked > 0 ? WANTS_ANSWERS : WANTS_NOTHING;
	if (b->ticket > 0 && !outlet_settled(&b->w->bcast, (uint64_t)b->ticket))
		return WANTS_SETTLED;
	return b->asked >= ASKED_MAX ? WANTS_ANSWER : WANTS_NOTHING;
}

static bool may_go_on(const struct batch *b)
{
	switch (b->wants) {
	case WANTS_SETTLED: return outlet_settled(&b->w->bcast, (uint64_t)b->ticket);
	case WANTS_ANSWER: return b->asked < ASKED_MAX;
	case WANTS_ANSWERS: return b->asked == 0;
	case WANTS_NOTHING: break;
	}
	return b->full || !b->w->congested;
}

static unsigned add_line(struct batch *b)
{
	if (b->nline == b->line_cap) {
		b->line_cap = b->line_cap > 0 ? 2 * b->line_cap : 64;
		b->line = realloc(b->line, b->line_cap * sizeof(*b->line));
		if (b->line == NULL)
			worker_die(b->w, "out of memory");
	}
	b->line[b->nline] = (struct line){0, 0};
	return b->nline++;
}

/* False when it has to wait, and was not begun. */
static bool one_line(struct batch *b, struct slice line)
{
	struct verb_result result;
	struct verb_error err;
	const struct verb *v = read_line(b, line, &err);
	int rc = -1;

	if (v != NULL)
		b->wants = wants(b, v);
	if (b->wants != WANTS_NOTHING)
		return false;
	add_line(b);
	if (v != NULL)
		rc = run(b, b->nline - 1, v, &result, &err);
	if (rc < 0)
		put_error(b, b->nline - 1, &err);
	else if (rc > 0)
		put_result(b, b->nline - 1, &result);
	return true;
}

static void put_all(const struct batch *b, struct buf *out)
{
	if (b->is_array)
		buf_char(out, '[');
	for (unsigned i = 0; i < b->nline; i++) {
		if (b->is_array && i > 0)
			buf_char(out, ',');
		buf_put(out, b->text.p + b->line[i].at, b->line[i].n);
		if (!b->is_array)
			buf_char(out, '\n');
	}
	if (b->is_array)
		buf_char(out, ']');
}

static void settled(struct worker *w, void *batch)
{
	struct batch *b = batch;
	struct conn *c = b->c;
	const char *type = b->is_array ? "application/json" : "application/x-ndjson";

	buf_reset(&w->json);
	if (c != NULL)
		put_all(b, &w->json);
	batch_free(b);
	if (c != NULL)
		request_reply(c, 200, type, NULL, buf_as_slice(&w->json));
}

/* All has been run. */
static void finish(struct batch *b)
{
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
	struct json_iter here;
	unsigned n = 0;
	struct slice line;

	b->wants = WANTS_NOTHING;
	do {
		here = b->left;
		if (!next_line(b, &line)) {
			if (b->asked > 0)
				b->wants = WANTS_ANSWERS;
			else
				finish(b);
			return;
		}
		if (!one_line(b, line)) {
			b->left = here;
			return;
		}
		b->moved_ns = w->now_ns;
		n++;
	} while ((b->full || !w->congested) && !worker_is_late(w) &&
		 (n < BATCH_SLICE_LINES || clock_mono_ns() - began < BATCH_SLICE_NS));
}

void batches_turn(struct worker *w)
{
	struct batch *next;

	for (struct batch *b = w->batches; b != NULL && !worker_is_late(w); b = next) {
		next = b->next;
		if (b->state != BATCH_RUNNING || b->c == NULL)
			continue;
		b->full |= w->congested && b->wants == WANTS_NOTHING && w->now_ns - b->moved_ns > BATCH_WAIT_NS;
		if (may_go_on(b))
			slice(b);
	}
}

bool batches_ready(const struct worker *w)
{
	for (const struct batch *b = w->batches; b != NULL; b = b->next) {
		if (b->state == BATCH_RUNNING && b->c != NULL && may_go_on(b))
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
	while (*pp != NULL)
		pp = &(*pp)->next;
	*pp = b;
	w->nbatches++;
	request_defer(c, b, cancel);
	if (!w->congested)
		slice(b);
}
