#include "worker/in_band.h"

#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "worker/auth.h"
#include "worker/eval.h"
#include "worker/identity.h"
#include "worker/ops.h"
#include "worker/rule.h"
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

/* The token of {token}, or the first argument itself; its JSON, p NULL when there is none. */
static struct slice token_argument(const struct sio_packet *p)
{
	struct json_iter it = json_iter(p->payload);
	struct slice arg, token;

	if (!json_next_element(&it, &arg) || !json_next_element(&it, &arg) || json_type(arg) == JSON_NULL)
		return slice_make(NULL, 0);
	if (json_type(arg) != JSON_OBJECT)
		return arg;
	return json_get(arg, SLICE("token"), &token) && json_type(token) != JSON_NULL ? token : slice_make(NULL, 0);
}

/* Whom the token names: 0, or 1 + enum refusal. */
static int identify(struct socket *so, const struct sio_packet *p, struct identity *id)
{
	struct worker *w = so->session->w;
	struct slice token = token_argument(p);
	int no;

	if (so->user != NULL && !w->conf->auth.in_band.refresh)
		return 1 + REFUSAL_FORBIDDEN;
	if (token.p == NULL)
		return 1 + REFUSAL_AUTH_MISSING;
	no = auth_verify(w, so->id.text, auth_token_text(w, token), id);
	if (no == 0 && so->user != NULL && !slice_eq(user_id(so->user), id->user))
		return 1 + REFUSAL_FORBIDDEN;
	return no;
}

/* `on "connecting"` judges whoever has a name now.  The check that refuses it, and SO is who it was; NULL: none. */
static const struct check *become(struct socket *so, const struct identity *id)
{
	struct user *user = so->user, *refused;
	char *claims = so->claims, *of_refused;
	const struct check *failed;

	so->user = NULL;
	so->claims = NULL;
	identity_take(so, id);
	failed = rule_on_connecting(so);
	if (failed != NULL) {
		refused = so->user;
		of_refused = so->claims;
		so->user = user;
		so->claims = claims;
		user = refused;
		claims = of_refused;
	}
	user_put(so->session->w, user);
	free(claims);
	return failed;
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
	const struct text *t = &so->session->w->conf->catalogue.texts[code];
	const char *name = catalogue_code_name(code);

	rule_refuse(so, p, code);
	if (!too_many(so))
		rule_on_auth_failed(so, slice_make(t->p, t->n), slice_make(name, strlen(name)));
}

static void fail_by_check(struct socket *so, const struct sio_packet *p, const struct check *check)
{
	rule_refuse_by_check(so, p, check);
	if (!too_many(so))
		rule_on_auth_failed(so, slice_make(check->error_plain.p, check->error_plain.n),
		    slice_make(check->code.p, check->code.n));
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

bool in_band_event(struct socket *so, struct slice name, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	const struct conf_in_band *b = &w->conf->auth.in_band;
	const struct check *failed;
	struct identity id;
	int no;

	if (!b->on || !slice_eq(name, slice_make(b->event.p, b->event.n)))
		return false;
	no = identify(so, p, &id);
	if (no != 0) {
		fail(so, p, (enum refusal)(no - 1));
		return true;
	}
	failed = become(so, &id);
	if (failed != NULL) {
		fail_by_check(so, p, failed);
		return true;
	}
	identity_rooms(so);
	if (!ops_socket_set(w, so)) {
		/* The keeper would not know who it is: better it comes again. */
		rule_refuse(so, p, REFUSAL_BUSY);
		socket_disconnect_all(so->session, CLOSE_SERVER_DISCONNECT);
		return true;
	}
	so->pending = false;
	so->failures = 0;
	identity_watch(so, id.ends_ms);
	log_info("authenticate", "sid=%s user=%s nsp=%s", so->id.text, user_id(so->user).p, so->nsp->name.p);
	confirm(so, p);
	rule_on_authenticated(so);
	return true;
}
