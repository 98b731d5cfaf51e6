#include <arpa/inet.h>
#include <sodium.h>

#include "conf/log.h"
#include "shm/window.h"
#include "worker/builtin.h"
#include "worker/ghost.h"
#include "worker/limit.h"
#include "worker/request.h"
#include "worker/rule.h"
#include "worker/session.h"
#include "worker/trigger.h"
#include "worker/user.h"
#include "worker/worker.h"

#define PART_MAX 256u /* more than any part has: what is longer was refused at the edge */
#define PARTS    6u

/* What a key is a hash of: each part with its length, so that no two lists of parts read the same. */
struct parts {
	size_t n;
	uint8_t bytes[sizeof(uint32_t) + PARTS * (PART_MAX + 2)];
};

static void part(struct parts *b, char kind, const void *p, size_t n)
{
	if (n > PART_MAX - 1)
		n = PART_MAX - 1;
	b->bytes[b->n++] = (uint8_t)kind;
	b->bytes[b->n++] = (uint8_t)n;
	if (n > 0)
		memcpy(b->bytes + b->n, p, n);
	b->n += n;
}

static void part_slice(struct parts *b, char kind, struct slice s)
{
	part(b, kind, s.p, s.n);
}

static void part_address(struct parts *b, const struct peer *p)
{
	part(b, p->family == 6 ? '6' : '4', p->addr, p->family == 6 ? 8 : p->family);
}

static void begin(struct parts *b, const struct limit *l)
{
	uint32_t index = l->index;

	memcpy(b->bytes, &index, sizeof(index));
	b->n = sizeof(index);
}

/* Peers choose the parts: the key, the instance's secret, keeps them from choosing what they share a bucket with. */
static uint64_t key_of(const struct worker *w, const struct parts *b)
{
	uint8_t secret[crypto_shorthash_KEYBYTES];
	uint64_t key, nonce = w->h->nonce;

	memcpy(secret, &nonce, sizeof(nonce));
	memcpy(secret + sizeof(nonce), &nonce, sizeof(nonce));
	crypto_shorthash((unsigned char *)&key, b->bytes, b->n, secret);
	return key;
}

static struct slice role_of(const struct socket *so)
{
	return so->user != NULL ? user_role(so->user) : slice_make(NULL, 0);
}

/* Whose it is; p NULL: nobody's. */
struct whose {
	struct slice nsp; /* of a pattern: each that it covers is a namespace of its own */
	struct slice sid, user, role;
	const struct peer *peer;
};

static struct whose whose_event(const struct socket *so)
{
	struct slice none = {NULL, 0};

	return (struct whose){.nsp = so->nsp->rules->pattern ? nsp_name(so->nsp) : none,
	    .sid = slice_make(so->id.text, SID_LEN),
	    .user = so->user != NULL ? user_id(so->user) : none,
	    .role = role_of(so),
	    .peer = &so->session->peer};
}

static uint64_t whose_key(const struct worker *w, const struct whose *who, const struct limit *l, struct slice name)
{
	struct parts b;

	begin(&b, l);
	if (who->nsp.p != NULL)
		part_slice(&b, 'n', who->nsp);
	if ((l->by & LIMIT_BY_SOCKET) != 0 || ((l->by & LIMIT_BY_USER) != 0 && who->user.p == NULL))
		part_slice(&b, 's', who->sid);
	if ((l->by & LIMIT_BY_USER) != 0 && who->user.p != NULL)
		part_slice(&b, 'u', who->user);
	if ((l->by & LIMIT_BY_IP) != 0)
		part_address(&b, who->peer);
	if ((l->by & LIMIT_BY_ROLE) != 0)
		part_slice(&b, 'r', who->role);
	if ((l->by & LIMIT_BY_EVENT) != 0)
		part_slice(&b, 'e', name);
	return key_of(w, &b);
}

static uint64_t event_key(const struct socket *so, const struct limit *l, struct slice name)
{
	struct whose who = whose_event(so);

	return whose_key(so->session->w, &who, l, name);
}

static struct window_rate shared_rate(const struct limit_rate *r)
{
	return (struct window_rate){r->most, (uint64_t)r->period_ms};
}

static struct window_rate rate_for(struct slice role, const struct limit *l)
{
	for (unsigned i = 0; i < l->nrole && role.p != NULL; i++)
		if (slice_eq(role, slice_make(l->role[i].role.p, l->role[i].role.n)))
			return shared_rate(&l->role[i].rate);
	return shared_rate(&l->rate);
}

static bool take(struct worker *w, uint64_t key, const struct window_rate *rate, struct window_result *out)
{
	bool within = window_take(w->h->seg, key, rate, w->now_ns / NS_PER_MS, out);

	if (out->evicted)
		counter_add(w->ct, COUNTER_LIMIT_EVICTIONS, 1);
	return within;
}

/* In whole seconds, after which the window is over. */
static int64_t seconds(uint64_t wait_ms)
{
	return (int64_t)((wait_ms + 999) / 1000);
}

/* `on "limited"` hears of it, whatever the sender is told. */
static void react(struct socket *so, const struct sio_packet *p, const struct limit *l, uint64_t wait_ms)
{
	struct worker *w = so->session->w;
	struct text own = w->conf->catalogue.texts[REFUSAL_RATE_LIMITED];
	struct slice text = slice_make(l->text.p, l->text.n);

	if (text.p == NULL) {
		buf_reset(&w->text);
		buf_json_escaped(&w->text, slice_make(own.p, own.n));
		text = slice_make(arena_copy(&w->arena, w->text.p, w->text.n), w->text.n);
	}
	trigger_limited(so, p->name, text, SLICE("rate_limited"), seconds(wait_ms));
}

static void refuse(struct socket *so, const struct sio_packet *p, const struct limit *l, uint64_t wait_ms)
{
	const struct session *s = so->session;
	struct worker *w = s->w;

	log_debug("event_limited", "sid=%s limit=%s", so->id.text, l->name.p);
	if (l->action == LIMIT_DROP)
		counter_add_to(&w->ct->refused[REFUSAL_RATE_LIMITED], 1);
	else
		rule_refuse_limited(so, p, l, seconds(wait_ms));
	if (!s->closed)
		react(so, p, l, wait_ms);
	/* a client too slow for the answer is gone already, and the socket with it */
	if (l->action == LIMIT_DISCONNECT && !s->closed)
		socket_disconnect_all(so->session, CLOSE_RATE_LIMITED);
}

static bool passes(struct socket *so, const struct sio_packet *p, const struct limit *l, struct slice name)
{
	struct window_rate rate = rate_for(role_of(so), l);
	struct window_result r;

	if (take(so->session->w, event_key(so, l, name), &rate, &r))
		return true;
	refuse(so, p, l, r.wait_ms);
	return false;
}

/* What the conf calls the event; all that it does not know have one name. */
static struct slice known_name(const struct socket *so, const struct rule *r, struct slice name)
{
	if (r != NULL)
		return slice_make(r->name.p, r->name.n);
	return builtin_knows(so, name) ? name : slice_make("", 0);
}

static bool is_named(const struct rule *r, const struct limit *l)
{
	for (unsigned i = 0; r != NULL && i < r->nlimit; i++)
		if (r->limit[i] == l)
			return true;
	return false;
}

bool limit_event(struct socket *so, const struct sio_packet *p, const struct rule *r, struct slice name)
{
	const struct catalogue_nsp *nsp = so->nsp->rules;
	struct slice known = known_name(so, r, name);

	for (unsigned i = 0; r != NULL && i < r->nlimit; i++)
		if (!passes(so, p, r->limit[i], known))
			return false;
	/* what a rule's own name tells was found out when the conf was loaded */
	if (r != NULL && !r->pattern)
		return true;
	for (unsigned i = 0; i < nsp->nlimit; i++) {
		const struct limit *l = &nsp->limit[i];

		if (catalogue_limit_covers(l, name.p, name.n) && !is_named(r, l) && !passes(so, p, l, known))
			return false;
	}
	return true;
}

static void peer_of_text(const char *text, struct peer *out)
{
	*out = (struct peer){.family = 0};
	if (inet_pton(AF_INET, text, out->addr) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->addr) == 1)
		out->family = 6;
}

const struct limit *limit_rule_run(const struct eval *e, const struct rule *r, int64_t *retry_after)
{
	struct slice name = slice_make(r->name.p, r->name.n);
	struct peer peer = {.family = 0};
	struct whose who = {.user = e->user.id, .role = e->user.role, .peer = &peer};

	if (r->nlimit == 0)
		return NULL;
	if (e->ghost != NULL)
		peer_of_text(e->ghost->ip, &peer);
	if (e->so != NULL)
		who = whose_event(e->so);
	else if (e->ghost != NULL)
		who.sid = slice_make(e->ghost->sid, SID_LEN);
	who.nsp = e->rules->pattern ? e->nsp : slice_make(NULL, 0);
	for (unsigned i = 0; i < r->nlimit; i++) {
		const struct limit *l = r->limit[i];
		struct window_rate rate = rate_for(who.role, l);
		struct window_result got;

		if (take(e->w, whose_key(e->w, &who, l, name), &rate, &got))
			continue;
		log_debug("rule_limited", "nsp=%s rule=%s limit=%s", e->nsp.p, r->name.p, l->name.p);
		*retry_after = seconds(got.wait_ms);
		return l;
	}
	return NULL;
}

uint32_t limit_left(const struct socket *so, const struct limit *l, struct slice name)
{
	const struct worker *w = so->session->w;
	struct window_rate rate = rate_for(role_of(so), l);

	return window_left(w->h->seg, event_key(so, l, name), &rate, w->now_ns / NS_PER_MS);
}

struct slice limit_words(const struct worker *w, const struct limit *l)
{
	struct text text = l->text.p != NULL ? l->text_plain : w->conf->catalogue.texts[REFUSAL_RATE_LIMITED];

	return slice_make(text.p, text.n);
}

static void refuse_connect(struct conn *c, const struct http_request *req, const struct limit *l, int64_t retry_after)
{
	struct buf *b = &c->w->json;
	struct slice words = limit_words(c->w, l);
	char retry[48];

	if (l->action == LIMIT_DROP) {
		request_abandon(c);
		return;
	}
	/* RFC 6585, section 4 */
	snprintf(retry, sizeof(retry), "Retry-After: %lld\r\n", (long long)retry_after);
	if (req->upgrade_websocket) {
		request_reply_close(c, 429, "text/plain; charset=UTF-8", retry, words);
		return;
	}
	buf_reset(b);
	buf_str(b, "{\"code\":\"rate_limited\",\"message\":");
	buf_json_string(b, words);
	buf_char(b, '}');
	request_reply(c, 429, "application/json", retry, buf_as_slice(b));
}

const struct limit *limit_client(struct conn *c, const struct http_request *req, int64_t *retry_after)
{
	struct worker *w = c->w;
	const struct catalogue_nsp *top = &w->conf->catalogue.nsp[0];
	struct peer peer = {.family = 0};
	bool known = false;

	for (unsigned i = 0; i < top->nlimit; i++) {
		const struct limit *l = &top->limit[i];
		struct window_rate rate = shared_rate(&l->rate);
		struct window_result r;
		struct parts b;

		if (l->on != LIMIT_ON_CONNECT)
			continue;
		if (!known)
			peer_of(w->conf, &((struct request *)c->owner)->from, req, &peer);
		known = true;
		begin(&b, l);
		part_address(&b, &peer);
		if (take(w, key_of(w, &b), &rate, &r))
			continue;
		counter_add_to(&w->ct->refused[REFUSAL_RATE_LIMITED], 1);
		*retry_after = seconds(r.wait_ms);
		return l;
	}
	return NULL;
}

bool limit_connect(struct conn *c, const struct http_request *req)
{
	int64_t retry_after;
	const struct limit *l = limit_client(c, req, &retry_after);

	if (l != NULL)
		refuse_connect(c, req, l, retry_after);
	return l == NULL;
}
