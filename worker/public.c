#include "worker/asset_reply.h"
#include "worker/echo.h"
#include "worker/handshake.h"
#include "worker/login.h"
#include "worker/polling.h"
#include "worker/public.h"
#include "worker/request.h"
#include "worker/worker.h"

static bool begins_with(struct slice path, struct text prefix)
{
	return path.n >= prefix.n && memcmp(path.p, prefix.p, prefix.n) == 0;
}

/* The echo whose path is the longest that the request's begins with. */
static const struct conf_echo *echo_of(const struct conf *conf, struct slice path)
{
	const struct conf_echo *best = NULL;

	for (unsigned i = 0; i < conf->necho; i++) {
		const struct conf_echo *e = &conf->echo[i];

		if (begins_with(path, e->path) && (best == NULL || e->path.n > best->path.n))
			best = e;
	}
	return best;
}

static void not_found(struct conn *c, const struct http_request *req)
{
	counter_add_to(&c->w->ct->refused[REFUSED_HTTP_NOT_FOUND], 1);
	if (req->upgrade_websocket)
		request_reply_close(c, 404, NULL, NULL, slice_make("", 0));
	else
		request_reply(c, 404, NULL, NULL, slice_make("", 0));
}

enum public_verdict public_head(struct conn *c, const struct http_request *req)
{
	const struct conf *conf = c->w->conf;
	const struct conf_echo *echo = conf->necho > 0 ? echo_of(conf, req->path) : NULL;
	bool engine = begins_with(req->path, conf->engine.path);
	enum public_verdict verdict;

	if (conf->wallet.path.p != NULL && login_head(c, req, &verdict))
		return verdict;
	if (echo != NULL && engine && conf->engine.path.n > echo->path.n)
		echo = NULL;
	if (echo != NULL && echo->protocol == CONF_ECHO_WEBSOCKET) {
		echo_open(c, req, echo);
		return PUBLIC_ANSWERED;
	}
	if (echo == NULL && assets_handle(c, req))
		return PUBLIC_ANSWERED;
	if (echo != NULL || engine)
		return handshake_head(c, req, echo);
	not_found(c, req);
	return PUBLIC_ANSWERED;
}

void public_body(struct conn *c, void *owed, struct slice body)
{
	if (owed != NULL)
		polling_post(owed, c, body);
	else
		login_body(c, body);
}
