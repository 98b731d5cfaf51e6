#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "proto/socketio.h"
#include "shm/op.h"
#include "worker/auth.h"
#include "worker/eval.h"
#include "worker/ops.h"
#include "worker/room.h"
#include "worker/rule.h"
#include "worker/session.h"
#include "worker/socket.h"
#include "worker/user.h"
#include "worker/worker.h"

struct socket_table {
	struct socket **bucket;
	uint32_t nbuckets, n;
};

struct socket_table *socket_table_new(void)
{
	struct socket_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->nbuckets = 64;
	t->bucket = calloc(t->nbuckets, sizeof(struct socket *));
	if (t->bucket == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

/* A sid is random at its end: its last characters are the hash. */
static struct socket **sid_chain(const struct socket_table *t, const char *sid)
{
	uint64_t h;

	memcpy(&h, sid + SID_LEN - sizeof(h), sizeof(h));
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return &t->bucket[(h >> 32) & (t->nbuckets - 1)];
}

static void socket_table_grow(struct socket_table *t)
{
	struct socket_table bigger = {.nbuckets = t->nbuckets * 2};

	bigger.bucket = calloc(bigger.nbuckets, sizeof(struct socket *));
	if (bigger.bucket == NULL)
		return;
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		while (t->bucket[i] != NULL) {
			struct socket *so = t->bucket[i], **chain = sid_chain(&bigger, so->sid);

			t->bucket[i] = so->sid_next;
			so->sid_next = *chain;
			*chain = so;
		}
	}
	free(t->bucket);
	t->bucket = bigger.bucket;
	t->nbuckets = bigger.nbuckets;
}

static void socket_table_add(struct worker *w, struct socket *so)
{
	struct socket **chain;

	if (w->sids->n++ > w->sids->nbuckets)
		socket_table_grow(w->sids);
	chain = sid_chain(w->sids, so->sid);
	so->sid_next = *chain;
	*chain = so;
	counter_set(w->ct, COUNTER_SOCKETS, w->sids->n);
}

static void socket_table_del(struct worker *w, struct socket *so)
{
	struct socket **pp = sid_chain(w->sids, so->sid);

	while (*pp != so)
		pp = &(*pp)->sid_next;
	*pp = so->sid_next;
	w->sids->n--;
	counter_set(w->ct, COUNTER_SOCKETS, w->sids->n);
}

struct socket *socket_find(const struct worker *w, struct slice sid)
{
	struct socket *so;

	if (sid.n != SID_LEN)
		return NULL;
	so = *sid_chain(w->sids, sid.p);
	while (so != NULL && memcmp(so->sid, sid.p, SID_LEN) != 0)
		so = so->sid_next;
	return so;
}

unsigned socket_count(const struct worker *w)
{
	return w->sids->n;
}

void socket_each(const struct worker *w, void (*fn)(struct socket *so, void *arg), void *arg)
{
	for (uint32_t i = 0; i < w->sids->nbuckets; i++) {
		for (struct socket *so = w->sids->bucket[i]; so != NULL; so = so->sid_next)
			fn(so, arg);
	}
}

static void unmark(struct socket *so, void *arg)
{
	(void)arg;
	so->mark = 0;
}

void socket_unmark_all(struct worker *w)
{
	socket_each(w, unmark, NULL);
}

struct socket *socket_of(const struct session *s, struct slice nsp)
{
	struct socket *so = s->sockets;

	while (so != NULL && !slice_eq(slice_make(so->nsp->name.p, so->nsp->name.n), nsp))
		so = so->next;
	return so;
}

static void refuse_connect(struct session *s, struct slice nsp, struct slice message)
{
	struct worker *w = s->w;
	struct buf *b = &w->packet;
	size_t n;

	buf_reset(&w->json);
	buf_str(&w->json, "{\"message\":");
	buf_json_string(&w->json, message);
	buf_char(&w->json, '}');
	/* the name is the client's, as long as a message may be */
	buf_reset(b);
	buf_reserve(b, nsp.n + w->json.n + 8);
	n = sio_write_connect_error(nsp, buf_as_slice(&w->json), b->p, b->cap);
	session_send_packet(s, slice_make(b->p, n));
}

static void refuse_with_code(struct session *s, struct slice nsp, enum refusal code)
{
	const struct text *t = &s->w->conf->catalogue.texts[code];

	counter_add_to(&s->w->ct->refused[code], 1);
	refuse_connect(s, nsp, slice_make(t->p, t->n));
}

static char *keep(struct slice s)
{
	return s.n > 0 ? strndup(s.p, s.n) : NULL;
}

static struct socket *socket_new(struct session *s, const struct catalogue_nsp *nsp, const struct identity *id,
    struct slice auth)
{
	struct worker *w = s->w;
	struct socket *so = calloc(1, sizeof(*so));

	if (so == NULL)
		worker_die(w, "out of memory");
	so->session = s;
	so->nsp = nsp;
	so->connected_ms = w->now_ms;
	sid_make(so->sid, w->h->slot, w->h->gen);
	if (id->known)
		so->user = user_get(w, id->user, id->name, id->role);
	if (w->conf->catalogue.uses_auth)
		so->auth = keep(auth);
	if (w->conf->catalogue.uses_claims)
		so->claims = keep(id->claims);
	so->next = s->sockets;
	s->sockets = so;
	socket_table_add(w, so);
	return so;
}

/* The namespace, and the rooms that `auth { rooms }` names; one whose source is absent is left out. */
static void join_automatic_rooms(struct socket *so)
{
	struct worker *w = so->session->w;
	const struct conf_auth *a = &w->conf->auth;
	struct eval e;

	room_join(w, so, slice_make("", 0), true);
	eval_init(&e, w, so);
	for (unsigned i = 0; i < a->nroom; i++) {
		buf_reset(&w->name);
		if (eval_text(&e, &a->room[i], &w->name) == 0 && w->name.n + so->nsp->name.n <= OP_NAME_MAX)
			room_join(w, so, buf_as_slice(&w->name), true);
	}
}

/* Undoes socket_new(); the keeper is told by whoever told it of the socket. */
static void socket_free(struct socket *so)
{
	struct session *s = so->session;
	struct worker *w = s->w;
	struct socket **pp = &s->sockets;

	alarm_clear(&w->alarms, &so->expiry);
	room_leave_all(w, so);
	user_put(w, so->user);
	socket_table_del(w, so);
	while (*pp != so)
		pp = &(*pp)->next;
	*pp = so->next;
	free(so->auth);
	free(so->claims);
	free(so);
}

static void send_disconnect(const struct socket *so)
{
	char packet[512];
	size_t n = sio_write_disconnect(slice_make(so->nsp->name.p, so->nsp->name.n), packet, sizeof(packet));

	if (n <= sizeof(packet))
		session_send_packet(so->session, slice_make(packet, n));
}

/* Every socket hears 41, then the session ends. */
static void disconnect_all(struct session *s, enum close_reason reason)
{
	for (const struct socket *so = s->sockets; so != NULL; so = so->next)
		send_disconnect(so);
	session_close(s, reason);
}

/* Alarm: the socket's token has ended. */
static void expiry_due(void *socket)
{
	struct socket *so = socket;
	struct worker *w = so->session->w;
	const struct text *t = &w->conf->catalogue.texts[REFUSAL_AUTH_EXPIRED];

	buf_reset(&w->json);
	buf_str(&w->json, "{\"message\":");
	buf_json_string(&w->json, slice_make(t->p, t->n));
	buf_str(&w->json, ",\"code\":\"auth_expired\"}");
	socket_emit(so, "error", buf_as_slice(&w->json));
	disconnect_all(so->session, CLOSE_AUTH_EXPIRED);
}

static void watch_expiry(struct socket *so, const struct identity *id)
{
	struct worker *w = so->session->w;
	int64_t left_ms = id->ends_ms - w->now_ms;

	so->ends_ms = id->ends_ms;
	/* beyond a year this process is not the one that will see it */
	if (id->ends_ms == 0 || w->conf->auth.expiry != CONF_EXPIRY_DISCONNECT || left_ms > INT64_C(31536000000))
		return;
	alarm_set(&w->alarms, &so->expiry, expiry_due, so,
	    w->now_ns + (left_ms > 0 ? (uint64_t)left_ms * NS_PER_MS : 0));
}

void socket_connect(struct session *s, struct slice nsp_name, struct slice auth)
{
	struct worker *w = s->w;
	const struct catalogue_nsp *nsp = catalogue_nsp_find(&w->conf->catalogue, nsp_name.p, nsp_name.n);
	struct identity id;
	struct socket *so;
	char packet[512];
	size_t n;
	int no;

	if (nsp == NULL) {
		counter_add_to(&w->ct->refused[REFUSED_NAMESPACE], 1);
		refuse_connect(s, nsp_name, SLICE("Invalid namespace"));
		return;
	}
	no = auth_identify(w, s, auth, &id);
	if (no != 0) {
		refuse_with_code(s, nsp_name, (enum refusal)(no - 1));
		return;
	}
	so = socket_new(s, nsp, &id, auth);
	join_automatic_rooms(so);
	if (!ops_socket_add(w, so)) {
		socket_free(so);
		refuse_with_code(s, nsp_name, REFUSAL_BUSY);
		return;
	}
	alarm_clear(&w->alarms, &s->deadline);
	watch_expiry(so, &id);
	counter_add(w->ct, COUNTER_CONNECTS, 1);
	log_info("connect", "sid=%s user=%s nsp=%s transport=%s", so->sid, so->user != NULL ? user_id(so->user).p : "-",
	    nsp->name.p, s->tr->name);
	n = sio_write_connect(nsp_name, so->sid, packet, sizeof(packet));
	session_send_packet(s, slice_make(packet, n));
	rule_on_connect(so);
}

void socket_leave(struct socket *so, enum close_reason reason)
{
	struct worker *w = so->session->w;

	counter_add(w->ct, COUNTER_DISCONNECTS, 1);
	if (reason == CLOSE_CLIENT_NSP || reason == CLOSE_SERVER_NSP)
		counter_add_to(&w->ct->disconnects[reason], 1);
	log_info("disconnect", "sid=%s user=%s reason=%s duration_ms=%lld", so->sid,
	    so->user != NULL ? user_id(so->user).p : "-", close_reason_name(reason),
	    (long long)(w->now_ms - so->connected_ms));
	ops_socket_del(w, so);
	socket_free(so);
}

void socket_disconnect(struct socket *so, bool close)
{
	if (close) {
		disconnect_all(so->session, CLOSE_SERVER_DISCONNECT);
		return;
	}
	send_disconnect(so);
	socket_leave(so, CLOSE_SERVER_NSP);
}

void socket_emit(struct socket *so, const char *event, struct slice json)
{
	struct buf *b = &so->session->w->packet;

	buf_reset(b);
	buf_str(b, "42");
	if (so->nsp->name.n > 1) {
		buf_put(b, so->nsp->name.p, so->nsp->name.n);
		buf_char(b, ',');
	}
	buf_printf(b, "[\"%s\"", event);
	if (json.n > 0) {
		buf_char(b, ',');
		buf_slice(b, json);
	}
	buf_char(b, ']');
	session_send_packet(so->session, buf_as_slice(b));
}

void socket_ack(struct socket *so, uint64_t id, struct slice args)
{
	struct buf *b = &so->session->w->packet;
	struct slice nsp = slice_make(so->nsp->name.p, so->nsp->name.n);
	size_t n;

	buf_reset(b);
	buf_reserve(b, args.n + nsp.n + 64);
	n = sio_write_ack(nsp, id, args, b->p, b->cap);
	session_send_packet(so->session, slice_make(b->p, n));
}
