#include "worker/hook_body.h"

static void put_source(struct eval *e, struct buf *out, const char *key, enum source_kind kind)
{
	const struct source src = {.kind = kind};
	struct slice v;

	buf_str(out, key);
	if (eval_source(e, &src, &v))
		buf_slice(out, v);
	else
		buf_str(out, "null");
}

/* JSON as it is. */
static void put_json(struct buf *out, const char *key, struct slice v)
{
	buf_str(out, key);
	if (v.p != NULL && v.n > 0)
		buf_slice(out, v);
	else
		buf_str(out, "null");
}

void hook_body(struct eval *e, struct buf *out)
{
	put_source(e, out, "{\"event\":", SOURCE_EVENT);
	put_source(e, out, ",\"namespace\":", SOURCE_NAMESPACE);
	put_source(e, out, ",\"args\":", SOURCE_ARGS);
	if (e->so == NULL && e->ghost == NULL) {
		buf_str(out, ",\"socket\":null");
	} else {
		put_source(e, out, ",\"socket\":{\"id\":", SOURCE_SOCKET_ID);
		put_source(e, out, ",\"ip\":", SOURCE_SOCKET_IP);
		put_source(e, out, ",\"rooms\":", SOURCE_SOCKET_ROOMS);
		buf_char(out, '}');
	}
	if (e->user.id.p == NULL) {
		put_json(out, ",\"user\":", slice_make(NULL, 0));
	} else {
		put_source(e, out, ",\"user\":{\"id\":", SOURCE_USER_ID);
		put_source(e, out, ",\"name\":", SOURCE_USER_NAME);
		put_source(e, out, ",\"role\":", SOURCE_USER_ROLE);
		put_json(out, ",\"claims\":", e->user.claims);
		put_json(out, ",\"data\":", e->user.data);
		buf_char(out, '}');
	}
	put_source(e, out, ",\"room\":", SOURCE_ROOM);
	put_source(e, out, ",\"time\":", SOURCE_NOW);
	buf_char(out, '}');
}
