#include <string.h>

#include "proto/ws.h"
#include "worker/encode.h"

/* Frames behind one another, so that a receiver of all of them is written to once, from here. */
static struct span build_websocket(const struct run *run, struct arena *a)
{
	uint8_t *p = arena_take(a, run->bytes + run->n * (size_t)WS_HEADER_MAX);
	struct span sp = {p, 0};

	for (unsigned i = 0; i < run->n; i++) {
		struct slice s = run->packet[i];
		size_t head = ws_header(p + sp.n, true, WS_TEXT, s.n);

		memcpy(p + sp.n + head, s.p, s.n);
		sp.n += head + s.n;
	}
	return sp;
}

static struct span (*const build[ENCODINGS])(const struct run *run, struct arena *a) = {
	[ENCODING_WEBSOCKET] = build_websocket,
};

const struct span *encoded_build(struct encoded *e, enum encoding enc, const struct run *run, struct arena *a)
{
	e->span[enc] = build[enc](run, a);
	e->have |= 1u << enc;
	return &e->span[enc];
}
