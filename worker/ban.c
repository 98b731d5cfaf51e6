#include <netinet/in.h>

#include "conf/log.h"
#include "shm/store_ban.h"
#include "worker/ban.h"
#include "worker/request.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

#define ENGINE_FORBIDDEN "{\"code\":4,\"message\":\"Forbidden\"}"

static bool banned(struct worker *w, char kind, struct slice what)
{
	char name[STORE_BAN_NAME_MAX];
	struct store_text text = {name, 1 + what.n};

	if (w->store == NULL || what.n == 0 || what.n >= sizeof(name))
		return false;
	name[0] = kind;
	memcpy(name + 1, what.p, what.n);
	return store_get_ban(w->store, &text, w->now_ms, NULL) == 1;
}

static struct slice address(const struct peer *peer, char out[INET6_ADDRSTRLEN])
{
	const char *p = peer_text(peer, out, INET6_ADDRSTRLEN);

	return slice_make(p, strlen(p));
}

bool ban_is_on(const struct socket *so)
{
	struct worker *w = so->session->w;
	char ip[INET6_ADDRSTRLEN];

	return (so->user != NULL && banned(w, STORE_BAN_USER, user_id(so->user))) ||
	       banned(w, STORE_BAN_IP, address(&so->session->peer, ip));
}

bool ban_admits(struct conn *c, const struct http_request *req)
{
	char ip[INET6_ADDRSTRLEN];
	struct peer peer;

	peer_of(c->w->conf, &((struct request *)c->owner)->from, req, &peer);
	if (!banned(c->w, STORE_BAN_IP, address(&peer, ip)))
		return true;
	counter_add_to(&c->w->ct->refused[REFUSAL_FORBIDDEN], 1);
	request_reply_close(c, 403, "application/json", NULL, SLICE(ENGINE_FORBIDDEN));
	return false;
}

struct hunt {
	struct worker *w;
	char kind;
	struct slice what;
	unsigned n, cap;
	char (*sid)[SID_LEN]; /* not pointers: one that goes may take others along */
};

static void collect(struct socket *so, void *arg)
{
	struct hunt *h = arg;
	char ip[INET6_ADDRSTRLEN];
	bool is = h->kind == STORE_BAN_USER ? so->user != NULL && slice_eq(user_id(so->user), h->what)
					    : slice_eq(address(&so->session->peer, ip), h->what);

	if (!is)
		return;
	if (h->n == h->cap) {
		unsigned cap = h->cap == 0 ? 16 : h->cap * 2;
		char(*more)[SID_LEN] = arena_alloc(&h->w->arena, cap * sizeof(*more));

		if (h->n > 0)
			memcpy(more, h->sid, h->n * sizeof(*more));
		h->sid = more;
		h->cap = cap;
	}
	memcpy(h->sid[h->n++], so->id.text, SID_LEN);
}

void ban_act(struct worker *w, const struct record *rec)
{
	struct hunt h = {.w = w};
	size_t off = 0;
	struct tlv t;

	while (tlv_next(rec->tlvs, rec->tlvs_len, &off, &t) > 0) {
		if (t.type != RECORD_TLV_USER || t.len < 2)
			continue;
		h.kind = *(const char *)t.val;
		h.what = slice_make(t.val + 1, t.len - 1);
	}
	if (h.what.n == 0)
		return;
	socket_each(w, collect, &h);
	for (unsigned i = 0; i < h.n; i++) {
		struct socket *so = socket_find(w, slice_make(h.sid[i], SID_LEN));

		if (so != NULL)
			socket_disconnect(so, true);
	}
}
