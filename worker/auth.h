/*
 * auth.h - who a CONNECT is: a token from the declared sources, verified, mapped to an identity by the conf.
 */
#ifndef FORKCAST_WORKER_AUTH_H
#define FORKCAST_WORKER_AUTH_H

#include "conf/catalogue.h"
#include "proto/http.h"
#include "proto/slice.h"

struct session;
struct worker;

struct identity {
	bool known;	   /* false: anonymous */
	struct slice user; /* text; name and role have p NULL when absent */
	struct slice name, role;
	struct slice claims; /* JSON object */
	unsigned key;	     /* place in auth.jwt of the one that verified it */
	int64_t ends_ms;     /* wall clock when the token stops counting, leeway included; 0: never */
};

/* What a handshake carried for the CONNECTs to come. */
struct auth_token {
	unsigned source; /* which of conf.auth's it is from */
	size_t len;
	char text[];
};

/* The token that the handshake's headers or query carry, by the declared sources; free() it.  NULL when none does. */
struct auth_token *auth_keep_token(struct worker *w, const struct http_request *req);
/* True when a token alone makes nobody known. */
bool auth_wants_both(const struct worker *w);
/* The text of a token that came as JSON: "Bearer x" is x, as clients send both; "", which is none, for what is no string. */
struct slice auth_token_text(struct worker *w, struct slice json);
/*
 * Whom TOKEN names.  0 with *OUT filled (slices live in the turn's arena), or the refusal: REFUSAL_AUTH_INVALID,
 * _EXPIRED or REFUSAL_USER_UNKNOWN, as 1 + enum refusal.  SID is for the log.
 */
int auth_verify(struct worker *w, const char *sid, struct slice token, struct identity *out);
/*
 * Identifies a CONNECT with this payload: unknown is who has no token where none is needed, or not yet; with `factors =
 * both` also who has no more than a token.  0 with *OUT filled (slices live in the turn's arena), or the refusal:
 * REFUSAL_AUTH_MISSING, _INVALID, _EXPIRED or REFUSAL_USER_UNKNOWN, as 1 + enum refusal.
 */
int auth_identify(struct worker *w, const struct session *s, struct slice payload, struct identity *out);

#endif
