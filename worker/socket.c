#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "proto/socketio.h"
#include "shm/op.h"
#include "worker/ack.h"
#include "worker/ban.h"
#include "worker/connecting.h"
#include "worker/identity.h"
#include "worker/in_band.h"
#include "worker/ops.h"
#include "worker/room.h"
#include "worker/rule.h"
#include "worker/rule_hook.h"
#include "worker/session.h"
#include "worker/socket.h"
#include "worker/trigger.h"
#include "worker/user.h"
#include "worker/worker.h"

struct socket *socket_find(const struct worker *w, struct slice sid)
{
	struct sid_entry *e = sid_table_find(&w->sids, sid);

	return e != NULL ? OWNER_OF(e, struct socket, id) : NULL;
}

struct each {
	void (*fn)(struct socket *so, void *arg);
	void *arg;
};

static void each_entry(struct sid_entry *e, void *arg)
{
	const struct each *x = arg;

	x->fn(OWNER_OF(e, struct socket, id), x->arg);
}

void socket_each(const struct worker *w, void (*fn)(struct socket *so, void *arg), void *arg)
{
	struct each x = {fn, arg};

	sid_table_each(&w->sids, each_entry, &x);
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

const char *socket_user_text(const struct socket *so)
{
	return so->user != NULL ? user_id(so->user).p : "-";
}

struct socket *socket_of(const struct session *s, struct slice nsp)
{
	struct socket *so = s->sockets;

	while (so != NULL && !slice_eq(nsp_name(so->nsp), nsp))
		so = so->next;
	return so;
}

/* Sends CONNECT_ERROR with w->json. */
static void send_connect_error(struct session *s, struct slice nsp)
{
	struct worker *w = s->w;
	struct buf *b = &w->packet;
	size_t n;

	/* the name is the client's, as long as a message may be */
	buf_reset(b);
	buf_reserve(b, nsp.n + w->json.n + 8);
	n = sio_write_connect_error(nsp, buf_as_slice(&w->json), b->p, b->cap);
	session_send_text(s, slice_make(b->p, n));
}

static void refuse_connect(struct session *s, struct slice nsp, struct slice message)
{
	struct buf *b = &s->w->json;

	buf_reset(b);
	buf_str(b, "{\"message\":");
	buf_json_string(b, message);
	buf_char(b, '}');
	send_connect_error(s, nsp);
}

/*
 * {"message":TEXT}, and "data": what a hook gave, or with a code {"code":CODE}: what the reference's middlewares give to
 * next().
 */
static void refuse_with(struct session *s, struct slice nsp, const struct connecting_no *no)
{
	struct buf *b = &s->w->json;

	counter_add_to(&s->w->ct->refused[no->counted], 1);
	buf_reset(b);
	buf_str(b, "{\"message\":\"");
	buf_slice(b, no->text);
	buf_char(b, '"');
	if (no->data.p != NULL) {
		buf_str(b, ",\"data\":");
		buf_slice(b, no->data);
	} else if (no->code.p != NULL) {
		buf_str(b, ",\"data\":{\"code\":\"");
		buf_slice(b, no->code);
		buf_str(b, "\"}");
	}
	buf_char(b, '}');
	send_connect_error(s, nsp);
}

static void refuse_by_check(struct session *s, struct slice nsp, const struct check *check)
{
	struct connecting_no no = {.counted = rule_check_reason(check),
	    .text = slice_make(check->error.p, check->error.n),
	    .code = slice_make(check->code.p, check->code.n)};

	refuse_with(s, nsp, &no);
}

static void refuse_with_code(struct session *s, struct slice nsp, enum refusal code)
{
	const struct text *t = &s->w->conf->catalogue.texts[code];

	counter_add_to(&s->w->ct->refused[code], 1);
	refuse_connect(s, nsp, slice_make(t->p, t->n));
}

static struct socket *socket_new(struct session *s, struct nsp *nsp, const struct identity *id,
    struct slice auth)
{
	struct worker *w = s->w;
	struct socket *so = calloc(1, sizeof(*so));

	if (so == NULL)
		worker_die(w, "out of memory");
	so->session = s;
	so->nsp = nsp;
	so->connected_ms = w->now_ms;
	sid_make(so->id.text, w->h->slot, w->h->gen);
	identity_take(so, id);
	if (w->conf->catalogue.uses_auth && auth.n > 0)
		so->auth = strndup(auth.p, auth.n);
	so->next = s->sockets;
	s->sockets = so;
	s->nsockets++;
	so->connecting = true;
	return so;
}

/* Undoes socket_new(); the keeper is told by whoever told it of the socket. */
static void socket_free(struct socket *so)
{
	struct session *s = so->session;
	struct worker *w = s->w;
	struct socket **pp = &s->sockets;

	alarm_clear(&w->alarms, &so->alarm);
	rule_wait_forget(so);
	room_leave_all(w, so);
	ack_forget(so);
	user_put(w, so->user);
	if (!so->connecting)
		sid_table_del(&w->sids, &so->id);
	counter_set(w->ct, COUNTER_SOCKETS, w->sids.n);
	while (*pp != so)
		pp = &(*pp)->next;
	*pp = so->next;
	s->nsockets--;
	nsp_put(w, so->nsp);
	free(so->auth);
	free(so->claims);
	free(so->data);
	free(so->granted);
	free(so);
}

/* The same, and the name of its namespace, which may go with it: sending may end the session, so it is freed first. */
static struct slice socket_undo(struct socket *so)
{
	struct slice name = nsp_name(so->nsp);

	name.p = arena_copy(&so->session->w->arena, name.p, name.n);
	socket_free(so);
	return name;
}

static void send_disconnect(const struct socket *so)
{
	char packet[512];
	size_t n = sio_write_disconnect(nsp_name(so->nsp), packet, sizeof(packet));

	if (n <= sizeof(packet))
		session_send_text(so->session, slice_make(packet, n));
}

void socket_disconnect_all(struct session *s, enum close_reason reason)
{
	for (const struct socket *so = s->sockets; so != NULL; so = so->next) {
		if (!so->connecting)
			send_disconnect(so);
	}
	/* the reference's order: each leaves its namespace, then the connection ends */
	while (reason == CLOSE_SERVER_DISCONNECT && s->sockets != NULL)
		socket_leave(s->sockets, CLOSE_SERVER_NSP);
	session_close(s, reason);
}

/* Nothing refuses it any more but the store. */
static void admit(struct socket *so, int64_t ends_ms)
{
	struct session *s = so->session;
	struct worker *w = s->w;
	const struct conf_auth *a = &w->conf->auth;
	bool pending = so->user == NULL && a->in_band.on && !a->anonymous;
	struct slice name = nsp_name(so->nsp);
	char packet[512];
	size_t n;

	/* again: a hook may have said who it is, or taken its time */
	if (ban_is_on(so)) {
		refuse_with_code(s, socket_undo(so), REFUSAL_FORBIDDEN);
		return;
	}
	if (!pending)
		identity_rooms(so);
	if (!ops_socket_add(w, so)) {
		refuse_with_code(s, socket_undo(so), REFUSAL_BUSY);
		return;
	}
	so->connecting = false;
	sid_table_add(&w->sids, &so->id);
	counter_set(w->ct, COUNTER_SOCKETS, w->sids.n);
	alarm_clear(&w->alarms, &s->deadline);
	if (pending)
		in_band_await(so);
	else
		identity_watch(so, ends_ms);
	counter_add(w->ct, COUNTER_CONNECTS, 1);
	log_info("connect", "sid=%s user=%s nsp=%s transport=%s", so->id.text, socket_user_text(so),
	    name.p, s->tr->name);
	n = sio_write_connect(name, so->id.text, packet, sizeof(packet));
	session_send_text(s, slice_make(packet, n));
	if (!s->closed)
		rule_on_connect(so);
}

static void connect_refused(struct socket *so, const struct connecting_no *no)
{
	struct session *s = so->session;

	refuse_with(s, socket_undo(so), no);
}

static void connect_replied(struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	struct connecting_no no;

	if (connecting_refused(run, so, reply, why, &no)) {
		connect_refused(so, &no);
		return;
	}
	if (reply != NULL) {
		connecting_user(so, reply);
		rule_hook_acts(run->w, NULL, reply);
	}
	admit(so, run->ends_ms);
}

void socket_connect(struct session *s, struct slice name, struct slice auth)
{
	struct worker *w = s->w;
	bool full = s->nsockets >= SOCKETS_MAX;
	struct nsp *nsp = full ? NULL : nsp_get(w, name);
	const struct check *failed;
	struct connecting_no why;
	struct identity id;
	struct socket *so;
	bool asks;
	int no;

	if (nsp == NULL) {
		counter_add_to(&w->ct->refused[REFUSED_NAMESPACE], 1);
		refuse_connect(s, name, full ? SLICE("Too many namespaces") : SLICE("Invalid namespace"));
		return;
	}
	no = auth_identify(w, s, auth, &id);
	if (no != 0) {
		nsp_put(w, nsp);
		refuse_with_code(s, name, (enum refusal)(no - 1));
		return;
	}
	so = socket_new(s, nsp, &id, auth);
	if (ban_is_on(so)) {
		socket_free(so);
		refuse_with_code(s, name, REFUSAL_FORBIDDEN);
		return;
	}
	asks = rule_on_connecting(so, &failed);
	if (failed != NULL) {
		socket_free(so);
		refuse_by_check(s, name, failed);
		return;
	}
	switch (asks ? connecting_ask(so, NULL, id.ends_ms, connect_replied, &why) : CONNECTING_ADMIT) {
	case CONNECTING_ADMIT: admit(so, id.ends_ms); break;
	case CONNECTING_REFUSE: connect_refused(so, &why); break;
	case CONNECTING_WAIT: break;
	}
}

void socket_leave(struct socket *so, enum close_reason reason)
{
	struct worker *w = so->session->w;

	if (so->connecting) {
		socket_free(so); /* it was never there */
		return;
	}
	counter_add(w->ct, COUNTER_DISCONNECTS, 1);
	if (reason == CLOSE_CLIENT_NSP || reason == CLOSE_SERVER_NSP)
		counter_add_to(&w->ct->disconnects[reason], 1);
	log_info("disconnect", "sid=%s user=%s reason=%s duration_ms=%lld", so->id.text,
	    socket_user_text(so), close_reason_name(reason),
	    (long long)(w->now_ms - so->connected_ms));
	trigger_gone(so, reason);
	ops_socket_del(w, so);
	socket_free(so);
}

void socket_disconnect(struct socket *so, bool close)
{
	if (close) {
		socket_disconnect_all(so->session, CLOSE_SERVER_DISCONNECT);
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
	session_send_text(so->session, buf_as_slice(b));
}

void socket_ack(struct socket *so, uint64_t id, struct slice args, struct attachments attached)
{
	struct buf *b = &so->session->w->packet;
	struct message m = {.attached = attached};

	buf_reset(b);
	buf_reserve(b, args.n + NSP_NAME_MAX + 64);
	b->n = sio_write_head(attached.n > 0 ? SIO_BINARY_ACK : SIO_ACK, attached.n, nsp_name(so->nsp), true, id, b->p, b->cap);
	buf_char(b, '[');
	buf_slice(b, args);
	buf_char(b, ']');
	m.packet = buf_as_slice(b);
	session_send_message(so->session, &m);
}
