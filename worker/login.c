#include "worker/login.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "proto/jwt.h"
#include "worker/api.h"
#include "worker/limit.h"
#include "worker/origin.h"
#include "worker/proof.h"
#include "worker/request.h"
#include "worker/token.h"
#include "worker/worker.h"

#define BODY_MAX    4096u /* of three texts that have a kilobyte together */
#define MESSAGE_MAX 600u  /* the text of the conf has 512 bytes, a time 15 */

static const struct json_limits json_limits = {.depth = 8, .utf8 = true};

/* A login that waits for the keeper. */
struct login {
	struct conn *c; /* NULL: it went */
	char user[WALLET_KEY_TEXT_MAX + 1];
	char digest[WALLET_DIGEST_CHARS + 1];
};

static void refuse(struct conn *c, unsigned status, const char *code, const char *message, const char *field)
{
	const char *header = status == 503	   ? "Retry-After: 1\r\n"
			     : status == 405 ? "Allow: POST\r\n"
			     : status == 401 ? "WWW-Authenticate: Wallet\r\n"
					     : NULL;

	log_debug("login_refused", "status=%u code=%s", status, code);
	request_reply(c, status, "application/json", header, api_error_body(c->w, code, message, field));
}

static void count(struct worker *w, unsigned why)
{
	counter_add_to(&w->ct->refused[why], 1);
}

static void refuse_limited(struct conn *c, const struct limit *l, int64_t retry_after)
{
	struct slice words = limit_words(c->w, l);
	char retry[48];

	if (l->action == LIMIT_DROP) {
		request_abandon(c);
		return;
	}
	/* RFC 6585, section 4 */
	snprintf(retry, sizeof(retry), "Retry-After: %lld\r\n", (long long)retry_after);
	request_reply(c, 429, "application/json", retry, api_error_body(c->w, "rate_limited", words.p, NULL));
}

bool login_head(struct conn *c, const struct http_request *req, enum public_verdict *verdict)
{
	struct worker *w = c->w;
	const struct conf_wallet *conf = &w->conf->wallet;
	struct request *r = c->owner;
	const struct limit *limited;
	int64_t retry_after;

	if (!slice_eq(req->path, slice_make(conf->path.p, conf->path.n)))
		return false;
	*verdict = PUBLIC_ANSWERED;
	r->api = true;
	r->body.max = BODY_MAX;
	if (origin_check(c, req) == ORIGIN_REFUSED) {
		count(w, REFUSAL_FORBIDDEN);
		refuse(c, 403, "forbidden", "pages of this origin may not log in here", NULL);
	} else if (origin_preflight(c, req)) {
		/* answered */
	} else if (req->verb != HTTP_VERB_POST) {
		count(w, REFUSAL_INVALID);
		refuse(c, 405, "method_not_allowed", "log in with POST", NULL);
	} else if ((limited = limit_client(c, req, &retry_after)) != NULL) {
		refuse_limited(c, limited, retry_after);
	} else {
		*verdict = PUBLIC_WANTS_BODY;
	}
	return true;
}

static void login_gone(void *owed, enum request_end how)
{
	struct login *login = owed;

	(void)how;
	login->c = NULL;
}

/* {sub, sig_hash, ...} signed with the key of now; NULL, which is told. */
static char *mint(struct worker *w, const struct login *login)
{
	const struct conf_wallet *conf = &w->conf->wallet;
	char sub[sizeof(login->user) + 8], hash[sizeof(login->digest) + 16], why[256] = "";
	const char *const claims[] = {hash, sub};
	struct token_spec spec = {.user = login->user,
	    .now_s = w->now_ms / 1000,
	    .ttl_s = conf->token_ttl / 1000,
	    .nclaim = token_user_is_sub(w->conf) ? 1 : 2,
	    .claim = claims};
	char *json, *token = NULL;

	snprintf(sub, sizeof(sub), "sub=\"%s\"", login->user);
	snprintf(hash, sizeof(hash), TOKEN_SIGNATURE "=\"%s\"", login->digest);
	json = token_claims(w->conf, &w->conf->auth.jwt[conf->key], &spec, why, sizeof(why));
	if (json != NULL)
		token = jwt_ring_sign(w->jwt, conf->key, slice_make(json, strlen(json)));
	if (token == NULL)
		log_error("login_without_token", "kid=%s why=%s", conf->sign.p, json == NULL ? why : strerror(errno));
	free(json);
	return token;
}

static void welcome(struct conn *c, const struct login *login)
{
	struct worker *w = c->w;
	char *token = mint(w, login);
	struct buf *b = &w->json;

	if (token == NULL) {
		count(w, REFUSAL_BUSY);
		refuse(c, 503, "unavailable", "no token can be made", NULL);
		return;
	}
	log_info("login", "user=%s", login->user);
	buf_reset(b);
	buf_printf(b, "{\"token\":\"%s\"}", token);
	free(token);
	request_reply(c, 200, "application/json", "Cache-Control: no-store\r\n", buf_as_slice(b));
}

/* The keeper has decided who was first with this signature. */
static void login_answered(struct worker *w, void *arg, int result)
{
	struct login *login = arg;
	struct conn *c = login->c;

	if (result == 1)
		count(w, REFUSED_REPLAYED);
	else if (result < 0)
		count(w, REFUSAL_BUSY);
	if (c != NULL && result == 0)
		welcome(c, login);
	else if (c != NULL && result == 1)
		refuse(c, 409, "replayed", "this signature was used: sign a new message", "signature");
	else if (c != NULL)
		refuse(c, 503, "unavailable", "this cannot be decided now: try again with a new message", NULL);
	free(login);
}

static void refuse_fault(struct conn *c, enum proof_fault fault)
{
	static const struct {
		unsigned status;
		enum refusal count;
		const char *code, *message, *field;
	} faults[] = {
	    [PROOF_KEY] = {400, REFUSAL_INVALID, "invalid", "an Ed25519 key of 32 bytes in base58", "publicKey"},
	    [PROOF_SIGNATURE] = {400, REFUSAL_INVALID, "invalid", "a signature of 64 bytes in base58", "signature"},
	    [PROOF_MESSAGE] = {401, REFUSAL_AUTH_INVALID, "auth_invalid", "not the text that is signed here", "message"},
	    [PROOF_STALE] = {401, REFUSAL_AUTH_EXPIRED, "auth_expired", "signed too long ago", "message"},
	    [PROOF_EARLY] = {401, REFUSAL_AUTH_INVALID, "auth_invalid", "its time is ahead of the server's", "message"},
	    [PROOF_FORGED] = {401, REFUSAL_AUTH_INVALID, "auth_invalid", "the key did not sign this message", "signature"},
	};

	count(c->w, faults[fault].count);
	refuse(c, faults[fault].status, faults[fault].code, faults[fault].message, faults[fault].field);
}

/* Member NAME of BODY as text of at most MAX bytes; false when it is none, which was answered. */
static bool member(struct conn *c, struct slice body, const char *name, size_t max, struct slice *out)
{
	char *text;
	struct slice v;
	ssize_t n = -1;

	if (json_get(body, slice_make(name, strlen(name)), &v) && json_type(v) == JSON_STRING) {
		text = arena_alloc(&c->w->arena, max);
		n = json_string_decode(v, text, max);
		*out = slice_make(text, n > 0 ? (size_t)n : 0);
	}
	if (n >= 0)
		return true;
	count(c->w, REFUSAL_INVALID);
	refuse(c, 400, "invalid", "publicKey, signature and message are strings", name);
	return false;
}

static void judge(struct conn *c, struct slice body)
{
	struct worker *w = c->w;
	const struct conf_wallet *conf = &w->conf->wallet;
	struct slice key, signature, message;
	enum proof_fault fault;
	struct login *login;
	struct proof proof;

	if (!member(c, body, "publicKey", 4 * WALLET_KEY_TEXT_MAX, &key) ||
	    !member(c, body, "signature", 4 * WALLET_KEY_TEXT_MAX, &signature) ||
	    !member(c, body, "message", MESSAGE_MAX, &message))
		return;
	fault = proof_read(w, key, signature, message, &proof);
	if (fault == PROOF_GOOD)
		fault = proof_time(w, &proof, w->conf->auth.jwt[conf->key].leeway);
	if (fault == PROOF_GOOD)
		fault = proof_check(&proof);
	if (fault != PROOF_GOOD) {
		refuse_fault(c, fault);
		return;
	}
	login = calloc(1, sizeof(*login));
	if (login == NULL)
		worker_die(w, "out of memory");
	login->c = c;
	memcpy(login->user, key.p, key.n);
	memcpy(login->digest, proof.digest, sizeof(proof.digest));
	if (proof_take(w, &proof, login_answered, login) == 0) {
		request_defer(c, login, login_gone);
		return;
	}
	free(login);
	count(w, REFUSAL_BUSY);
	refuse(c, 503, "busy", "too much waits here: try again", NULL);
}

void login_body(struct conn *c, struct slice body)
{
	struct worker *w = c->w;
	struct slice object = slice_make(NULL, 0);

	/* each may cost a signature: those of a flood wait, and everybody else's turn ends in time */
	if (worker_is_late(w)) {
		request_put_off(c, body, NULL, NULL);
		return;
	}
	if (json_valid(body, &json_limits))
		object = json_trim(body);
	if (object.n > 0 && json_type(object) == JSON_OBJECT) {
		judge(c, object);
		return;
	}
	count(w, REFUSAL_INVALID);
	refuse(c, 400, "syntax", "a JSON object with publicKey, signature and message", NULL);
}
