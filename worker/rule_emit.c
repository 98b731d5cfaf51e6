#include <errno.h>

#include "proto/json.h"
#include "proto/sio_attach.h"
#include "worker/publish.h"
#include "worker/rule_emit.h"
#include "worker/rule_target.h"
#include "worker/socket.h"
#include "worker/worker.h"

/* The payload with the action's members set: the client's members of those names go, its other bytes stay. */
static int put_added(struct eval *e, const struct action *a, struct buf *out)
{
	struct json_iter it;
	struct slice key, value;
	bool first = true;

	if (e->payload.p == NULL || json_type(e->payload) != JSON_OBJECT)
		return -EINVAL;
	buf_char(out, '{');
	for (it = json_iter(e->payload); json_next_member(&it, &key, &value);) {
		bool replaced = false;

		for (unsigned i = 0; i < a->nadd && !replaced; i++)
			replaced = json_string_is(key, slice_make(a->add[i].key_plain.p, a->add[i].key_plain.n));
		if (replaced)
			continue;
		buf_str(out, first ? "\"" : ",\"");
		buf_slice(out, key);
		buf_str(out, "\":");
		buf_slice(out, value);
		first = false;
	}
	for (unsigned i = 0; i < a->nadd; i++) {
		if (!eval_source(e, &a->add[i].source, &value))
			continue;
		buf_str(out, first ? "\"" : ",\"");
		buf_put(out, a->add[i].key.p, a->add[i].key.n);
		buf_str(out, "\":");
		buf_slice(out, value);
		first = false;
	}
	buf_char(out, '}');
	/* the arguments behind the first follow as they came */
	if (e->rest.n > 0)
		buf_slice(out, e->rest);
	return 0;
}

int rule_args(struct eval *e, const struct json_node *json, struct buf *out)
{
	size_t at = out->n;

	/* a list: its inside are the arguments */
	eval_json(e, json, out);
	if (out->n - at < 2 || out->p[at] != '[')
		return -EINVAL;
	memmove(out->p + at, out->p + at + 1, out->n - at - 2);
	out->n -= 2;
	return 0;
}

int rule_attach(struct eval *e, struct slice args, struct message *out)
{
	struct worker *w = e->w;
	uint8_t map[SIO_ATTACHMENTS_MAX];
	struct slice *v, list;
	unsigned n = 0;
	size_t cap;
	ssize_t len;
	char *p;

	*out = message_text(args);
	if (e->attached.n == 0)
		return 0;
	/* as a list, for it may be several values, or none */
	p = arena_alloc(&w->arena, args.n + 2);
	p[0] = '[';
	memcpy(p + 1, args.p, args.n);
	p[args.n + 1] = ']';
	list = slice_make(p, args.n + 2);
	cap = list.n + SIO_ATTACHMENTS_MAX * SIO_PLACEHOLDER_MAX;
	p = arena_alloc(&w->arena, cap);
	len = sio_attach_renumber(list, e->attached.n, p, cap, map, &n);
	if (len < 2 || (size_t)len > cap)
		return -EINVAL;
	v = arena_alloc(&w->arena, (n + 1) * sizeof(*v));
	for (unsigned i = 0; i < n; i++)
		v[i] = e->attached.v[map[i]];
	*out = (struct message){slice_make(p + 1, (size_t)len - 2), {n, v}};
	return 0;
}

static int put_plain_body(struct eval *e, const struct action *a, struct buf *out)
{
	switch (a->body) {
	case BODY_PASS:
		if (e->args.p != NULL)
			buf_slice(out, e->args);
		return 0;
	case BODY_DATA: eval_json(e, &a->json, out); return 0;
	case BODY_ADD: return put_added(e, a, out);
	case BODY_ARGS: break;
	}
	return rule_args(e, &a->json, out);
}

/* The argument in its envelope, for which it is the payload, and the event is the one that is sent. */
static int put_body(struct eval *e, const struct action *a, struct buf *out)
{
	struct eval outer = *e;
	size_t at = out->n;
	int err;

	if (a->envelope == NULL)
		return put_plain_body(e, a, out);
	/* one argument, whatever else came */
	e->args = e->payload;
	e->rest.n = 0;
	err = put_plain_body(e, a, out);
	if (err == 0) {
		e->payload = slice_make(arena_copy(&e->w->arena, out->p + at, out->n - at), out->n - at);
		e->event = slice_make(a->emit.p, a->emit.n);
		out->n = at;
		eval_json(e, &a->envelope->json, out);
	}
	memcpy(outer.id, e->id, sizeof(outer.id)); /* one @id a run */
	*e = outer;
	return err;
}

/* Head, brackets and the event's name around ARGS, which are put by the caller in between. */
static void begin_packet(const struct eval *e, const struct action *a, unsigned attachments, struct buf *out)
{
	buf_reset(out);
	buf_reserve(out, NSP_NAME_MAX + 64 + a->emit.n);
	out->n = sio_write_head(attachments > 0 ? SIO_BINARY_EVENT : SIO_EVENT, attachments, e->nsp, false, 0,
	    out->p, out->cap);
	buf_str(out, "[\"");
	buf_put(out, a->emit.p, a->emit.n);
	buf_str(out, "\",");
}

static void end_packet(struct buf *out, size_t args_at)
{
	if (out->n == args_at)
		out->n--; /* no arguments, no comma */
	buf_char(out, ']');
}

/* 42/nsp,["event",args], in w->packet. */
static int build_text(struct eval *e, const struct action *a, struct message *out)
{
	struct buf *b = &e->w->packet;
	size_t at;
	int err;

	begin_packet(e, a, 0, b);
	at = b->n;
	err = put_body(e, a, b);
	if (err != 0)
		return err;
	end_packet(b, at);
	*out = message_text(buf_as_slice(b));
	return 0;
}

/* 451-/nsp,["event",args] with the attachments that the arguments name. */
static int build_binary(struct eval *e, const struct action *a, struct message *out)
{
	struct buf *b = &e->w->packet, *body = &e->w->json;
	struct message m;
	size_t at;
	int err;

	buf_reset(body);
	err = put_body(e, a, body);
	if (err == 0)
		err = rule_attach(e, buf_as_slice(body), &m);
	if (err != 0)
		return err;
	begin_packet(e, a, m.attached.n, b);
	at = b->n;
	buf_slice(b, m.packet);
	end_packet(b, at);
	*out = (struct message){buf_as_slice(b), m.attached};
	return 0;
}

int rule_packet(struct eval *e, const struct action *a, struct message *out)
{
	return e->attached.n == 0 ? build_text(e, a, out) : build_binary(e, a, out);
}

int64_t rule_emit(struct eval *e, const struct action *a)
{
	struct targets to = {.n = 0}, except = {.n = 0};
	struct audience who;
	struct message m;
	int err;

	if (!targets_resolve(e, a, &to, &except))
		return -EINVAL;
	if (!targets_audience(e, &to, &except, &who))
		return 0;
	err = rule_packet(e, a, &m);
	if (err != 0)
		return err;
	return publish_message(e->w, &who, &m, a->is_volatile ? RECORD_VOLATILE : 0);
}
