#include "worker/ban.h"
#include "worker/in_band.h"

#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "worker/auth.h"
#include "worker/connecting.h"
#include "worker/eval.h"
#include "worker/factors.h"
#include "worker/identity.h"
#include "worker/ops.h"
#include "worker/rule.h"
#include "worker/rule_hook.h"
#include "worker/rule_wait.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

#define FAILURES_MAX 10u /* each may cost a millisecond */

/* Alarm: the client did not say who it is. */
static void deadline_due(void *socket)
{
	identity_end(socket, REFUSAL_AUTH_MISSING, CLOSE_AUTH_DEADLINE);
}

void in_band_await(struct socket *so)
{
	struct worker *w = so->session->w;

	so->pending = true;
	alarm_set(
	    &w->alarms, &so->alarm, deadline_due, so, w->now_ns + (uint64_t)w->conf->auth.in_band.deadline * NS_PER_MS);
}

/* Whom the token names: 0, or 1 + enum refusal. */
static int identify(struct socket *so, struct slice token, struct identity *id)
{
	struct worker *w = so->session->w;
	int no;

	if (so->user != NULL && !w->conf->auth.in_band.refresh)
		return 1 + REFUSAL_FORBIDDEN;
	no = auth_verify(w, so->id.text, token, id);
	if (no == 0 && so->user != NULL && !slice_eq(user_id(so->user), id->user))
		return 1 + REFUSAL_FORBIDDEN;
	return no;
}

/* For a moment SO is who the token names. */
struct former {
	struct user *user;
	char *claims;
};

static struct former become(struct socket *so, const struct identity *id)
{
	struct former f = {so->user, so->claims};

	so->user = NULL;
	so->claims = NULL;
	identity_take(so, id);
	return f;
}

/* It is again who it was. */
static void unbecome(struct socket *so, struct former f)
{
	user_put(so->session->w, so->user);
	free(so->claims);
	so->user = f.user;
	so->claims = f.claims;
}

static void stay(struct socket *so, struct former f)
{
	user_put(so->session->w, f.user);
	free(f.claims);
}

/* A client that guesses is let go; true when it was. */
static bool too_many(struct socket *so)
{
	if (++so->failures < FAILURES_MAX)
		return false;
	identity_end(so, REFUSAL_AUTH_INVALID, CLOSE_AUTH_FAILED);
	return true;
}

static void fail(struct socket *so, const struct sio_packet *p, enum refusal code)
{
	struct session *s = so->session;
	struct worker *w = s->w;
	const struct text *t = &w->conf->catalogue.texts[code];
	const char *name = catalogue_code_name(code);
	struct buf *b = &w->json;
	struct slice text;

	rule_refuse(so, p, code);
	if (s->closed || too_many(so))
		return;
	buf_reset(b);
	buf_json_escaped(b, slice_make(t->p, t->n));
	text = slice_make(arena_copy(&w->arena, b->p, b->n), b->n);
	rule_on_auth_failed(so, text, slice_make(name, strlen(name)));
}

static void fail_by_check(struct socket *so, const struct sio_packet *p, const struct check *check)
{
	struct session *s = so->session;

	rule_refuse_by_check(so, p, check);
	if (!s->closed && !too_many(so))
		rule_on_auth_failed(
		    so, slice_make(check->error.p, check->error.n), slice_make(check->code.p, check->code.n));
}

static void confirm(struct socket *so, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	static const struct source user = {.kind = SOURCE_USER};
	struct slice json;
	struct eval e;

	if (!p->has_id)
		return;
	eval_init(&e, w, so);
	if (!eval_source(&e, &user, &json))
		json = SLICE("null");
	buf_reset(&w->json);
	buf_str(&w->json, "{\"success\":true,\"user\":");
	buf_slice(&w->json, json);
	buf_char(&w->json, '}');
	socket_ack(so, p->id, buf_as_slice(&w->json), (struct attachments){0, NULL});
}

/* The hook of on "connecting" says no. */
static void fail_by_hook(struct socket *so, const struct sio_packet *p, const struct connecting_no *no)
{
	struct session *s = so->session;

	rule_refuse_by_hook(so, p, no->text, no->code);
	if (!s->closed && !too_many(so))
		rule_on_auth_failed(so, no->text, no->code);
}

/* SO is who the token named. */
static void authenticated(struct socket *so, const struct sio_packet *p, int64_t ends_ms)
{
	struct session *s = so->session;
	struct worker *w = s->w;

	if (ban_is_on(so)) {
		rule_refuse(so, p, REFUSAL_FORBIDDEN);
		socket_disconnect_all(s, CLOSE_SERVER_DISCONNECT);
		return;
	}
	identity_rooms(so);
	if (!ops_socket_set(w, so)) {
		/* The keeper would not know who it is: better it comes again. */
		rule_refuse(so, p, REFUSAL_BUSY);
		socket_disconnect_all(s, CLOSE_SERVER_DISCONNECT);
		return;
	}
	so->pending = false;
	so->failures = 0;
	identity_watch(so, ends_ms);
	log_info("authenticate", "sid=%s user=%s nsp=%s", so->id.text, user_id(so->user).p, so->nsp->name.p);
	confirm(so, p);
	if (!s->closed)
		rule_on_authenticated(so);
}

static void replied(struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	const struct eval_user *u = &run->kept->e.user;
	const struct identity id = {
	    .known = true, .user = u->id, .name = u->name, .role = u->role, .claims = u->claims, .ends_ms = run->ends_ms};
	struct connecting_no no;

	if (connecting_refused(run, so, reply, why, &no)) {
		fail_by_hook(so, &run->asked, &no);
		return;
	}
	identity_take(so, &id);
	if (reply != NULL) {
		connecting_user(so, reply);
		rule_hook_acts(run->w, so, reply);
	}
	authenticated(so, &run->asked, run->ends_ms);
}

/* `on "connecting"` judges whoever has a name now. */
static void judge(struct socket *so, const struct sio_packet *p, const struct identity *id)
{
	struct former f = become(so, id);
	enum connecting_step step = CONNECTING_ADMIT;
	const struct check *failed;
	struct connecting_no no;

	if (rule_on_connecting(so, &failed))
		step = connecting_ask(so, p, id->ends_ms, replied, &no);
	if (failed == NULL && step == CONNECTING_ADMIT) {
		stay(so, f);
		authenticated(so, p, id->ends_ms);
		return;
	}
	unbecome(so, f);
	if (failed != NULL)
		fail_by_check(so, p, failed);
	else if (step == CONNECTING_REFUSE)
		fail_by_hook(so, p, &no);
}

/* A client whose signature the keeper is asked about; its later events wait. */
struct proving {
	char sid[SID_LEN];
	bool has_id; /* wants an ack */
	uint64_t id;
	int result; /* of ask_once() */
	size_t len;
	char token[];
};

static void proved(struct socket *so, void *arg)
{
	const struct proving *pr = arg;
	const struct sio_packet p = {.type = SIO_EVENT, .has_id = pr->has_id, .id = pr->id};
	struct identity id;
	/* its token may have ended meanwhile, and its key changed */
	int no = identify(so, slice_make(pr->token, pr->len), &id);

	if (no == 0 && pr->result == 1) {
		counter_add_to(&so->session->w->ct->refused[REFUSED_REPLAYED], 1);
		no = 1 + REFUSAL_AUTH_INVALID;
	}
	if (no != 0)
		fail(so, &p, (enum refusal)(no - 1));
	else if (pr->result != 0)
		rule_refuse(so, &p, REFUSAL_BUSY);
	else
		judge(so, &p, &id);
}

static void proof_answered(struct worker *w, void *arg, int result)
{
	struct proving *pr = arg;
	struct socket *so = socket_find(w, slice_make(pr->sid, sizeof(pr->sid)));

	pr->result = result;
	if (so != NULL)
		rule_wait_end(so, proved, pr);
	free(pr);
}

/* Asks whether the signature is new; the answer comes in a later turn. */
static void prove(struct socket *so, const struct sio_packet *p, struct slice token, const struct proof *proof)
{
	struct worker *w = so->session->w;
	struct proving *pr = malloc(sizeof(*pr) + token.n);

	if (pr == NULL)
		worker_die(w, "out of memory");
	*pr = (struct proving){.has_id = p->has_id, .id = p->id, .len = token.n};
	memcpy(pr->sid, so->id.text, sizeof(pr->sid));
	memcpy(pr->token, token.p, token.n);
	if (proof_take(w, proof, proof_answered, pr) == 0) {
		rule_wait_hold(so);
		return;
	}
	free(pr);
	rule_refuse(so, p, REFUSAL_BUSY);
}

static void authenticate(struct socket *so, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	struct factors f = factors_of_payload(p->payload);
	enum refusal code;
	struct identity id;
	struct proof proof;
	struct slice token;
	int no;

	if (f.token.p == NULL) {
		fail(so, p, so->user != NULL && !w->conf->auth.in_band.refresh ? REFUSAL_FORBIDDEN : REFUSAL_AUTH_MISSING);
		return;
	}
	token = auth_token_text(w, f.token);
	no = identify(so, token, &id);
	if (no != 0) {
		fail(so, p, (enum refusal)(no - 1));
		return;
	}
	if (!auth_wants_both(w)) {
		judge(so, p, &id);
		return;
	}
	switch (factors_judge(w, &f, &id, &proof, &code)) {
	case FACTORS_GOOD: judge(so, p, &id); break;
	case FACTORS_FRESH: prove(so, p, token, &proof); break;
	case FACTORS_REFUSED: fail(so, p, code); break;
	}
}

bool in_band_event(struct socket *so, struct slice name, const struct sio_packet *p)
{
	const struct conf_in_band *b = &so->session->w->conf->auth.in_band;

	if (!b->on || !slice_eq(name, slice_make(b->event.p, b->event.n)))
		return false;
	authenticate(so, p);
	return true;
}
