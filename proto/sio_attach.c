/*
 * sio_attach.c - see sio_attach.h.
 *
 * Whether an object is a placeholder is known at its end, when what is inside it has been seen already, perhaps with
 * placeholders of its own.  So each open object remembers how far the output, the count and the faults had come at its
 * start, and a placeholder goes back to there.
 */
#include "proto/sio_attach.h"

#include "proto/error.h"
#include "proto/sio_placeholder.h"

struct level {
	struct sio_placeholder ph;
	bool object;
	const char *start; /* the opening bracket */
	size_t out_at;     /* length of the output in front of it */
	unsigned count, faults;
};

struct pass {
	const char *copied; /* the input in front of it is in the output */
	char *out;
	size_t cap, n; /* output counts on when it is full; what fits is always written */
	uint8_t *map;
	unsigned nattachments, count, faults;
};

static void put(struct pass *s, struct slice text)
{
	if (s->n < s->cap && text.n > 0)
		memcpy(s->out + s->n, text.p, text.n < s->cap - s->n ? text.n : s->cap - s->n);
	s->n += text.n;
}

/* Replaces the object L, which ends at END. */
static void replace(struct pass *s, const struct level *l, const char *end)
{
	int index = sio_placeholder_index(&l->ph, s->nattachments);
	char digit;

	if (s->copied < l->start)
		put(s, slice_make(s->copied, (size_t)(l->start - s->copied)));
	s->n = l->out_at;
	s->count = l->count;
	s->faults = l->faults;
	s->copied = end;
	if (index < 0) {
		s->faults++;
		return;
	}
	if (s->count < SIO_ATTACHMENTS_MAX) {
		digit = (char)('0' + s->count);
		s->map[s->count] = (uint8_t)index;
		put(s, SLICE("{\"_placeholder\":true,\"num\":"));
		put(s, slice_make(&digit, 1));
		put(s, SLICE("}"));
	}
	s->count++;
}

/* 0 or PROTO_E*. */
static int run(struct pass *s, struct slice json)
{
	struct level stack[JSON_DEPTH_MAX], *l = NULL;
	struct slice rest = json;
	struct json_token t;
	unsigned depth = 0;

	s->copied = json.p;
	while (json_next_token(&rest, &t)) {
		if (l && l->object && t.kind != JSON_TOKEN_CLOSE)
			sio_placeholder_see(&l->ph, &t);
		if (t.kind == JSON_TOKEN_OPEN) {
			if (depth == JSON_DEPTH_MAX)
				return PROTO_EJSON_DEPTH;
			l = &stack[depth++];
			*l = (struct level){.object = t.type == JSON_OBJECT,
			    .start = t.text.p,
			    .out_at = s->n + (size_t)(t.text.p - s->copied),
			    .count = s->count,
			    .faults = s->faults};
		} else if (t.kind == JSON_TOKEN_CLOSE && depth > 0) {
			if (l->ph.is)
				replace(s, l, t.text.p + 1);
			depth--;
			l = depth > 0 ? &stack[depth - 1] : NULL;
		}
	}
	if (json.n > 0)
		put(s, slice_make(s->copied, (size_t)(json.p + json.n - s->copied)));
	return s->faults > 0 ? PROTO_EATTACH : 0;
}

ssize_t sio_attach_check(struct slice json, unsigned nattachments)
{
	uint8_t map[SIO_ATTACHMENTS_MAX];
	struct pass s = {.map = map, .nattachments = nattachments};
	int rc = run(&s, json);

	return rc < 0 ? rc : (ssize_t)s.count;
}

ssize_t sio_attach_renumber(
    struct slice json, unsigned nattachments, char *out, size_t cap, uint8_t map[SIO_ATTACHMENTS_MAX], unsigned *nmap)
{
	struct pass s = {.out = out, .cap = cap, .map = map, .nattachments = nattachments};
	int rc = run(&s, json);

	if (rc < 0)
		return rc;
	if (s.count > SIO_ATTACHMENTS_MAX)
		return PROTO_EATTACH;
	*nmap = s.count;
	return (ssize_t)s.n;
}

int sio_attach_index(struct slice value, unsigned nattachments)
{
	struct json_iter it = json_iter(value);
	struct sio_placeholder ph = {0};
	struct slice key, v;

	if (nattachments == 0 || json_type(value) != JSON_OBJECT)
		return -1;
	while (json_next_member(&it, &key, &v)) {
		struct json_token name = {JSON_TOKEN_KEY, JSON_STRING, slice_make(key.p - 1, key.n + 2)};
		struct json_token token = {JSON_TOKEN_VALUE, json_type(v), v};

		sio_placeholder_see(&ph, &name);
		sio_placeholder_see(&ph, &token);
	}
	return ph.is ? sio_placeholder_index(&ph, nattachments) : -1;
}
