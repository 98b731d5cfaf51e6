#include <strings.h>

#include "worker/api.h"
#include "worker/api_keys.h"
#include "worker/request.h"
#include "worker/verb.h"
#include "worker/worker.h"

typedef void (*api_fn)(struct conn *c, const struct http_request *req, struct slice body);

struct route {
	enum http_verb verb;
	const char *path;
	bool prefix; /* one more segment follows: an id */
	unsigned may; /* enum conf_may; 0: no key needed */
	api_fn fn;
};

static const struct route routes[] = {
	{HTTP_VERB_POST, "/v1/emit", false, CONF_MAY_PUBLISH, api_emit},
	{HTTP_VERB_POST, "/v1/events", false, CONF_MAY_PUBLISH, api_events},
	{HTTP_VERB_POST, "/v1/batch", false, CONF_MAY_PUBLISH | CONF_MAY_CONTROL, api_batch},
	{HTTP_VERB_GET, "/v1/bans", false, CONF_MAY_READ, api_list_bans},
	{HTTP_VERB_POST, "/v1/bans", false, CONF_MAY_CONTROL, api_ban},
	{HTTP_VERB_DELETE, "/v1/bans", false, CONF_MAY_CONTROL, api_unban},
	{HTTP_VERB_GET, "/v1/schedules", false, CONF_MAY_READ, api_list_schedules},
	{HTTP_VERB_POST, "/v1/schedules", false, CONF_MAY_PUBLISH, api_schedules},
	{HTTP_VERB_GET, "/v1/schedules/", true, CONF_MAY_READ, api_get_schedule},
	{HTTP_VERB_DELETE, "/v1/schedules/", true, CONF_MAY_PUBLISH, api_delete_schedule},
	{HTTP_VERB_POST, "/v1/sockets/join", false, CONF_MAY_CONTROL, api_sockets_join},
	{HTTP_VERB_POST, "/v1/sockets/leave", false, CONF_MAY_CONTROL, api_sockets_leave},
	{HTTP_VERB_POST, "/v1/sockets/disconnect", false, CONF_MAY_CONTROL, api_sockets_disconnect},
	{HTTP_VERB_GET, "/v1/sockets", false, CONF_MAY_READ, api_list_sockets},
	{HTTP_VERB_GET, "/v1/sockets/", true, CONF_MAY_READ, api_get_socket},
	{HTTP_VERB_GET, "/v1/rooms", false, CONF_MAY_READ, api_list_rooms},
	{HTTP_VERB_GET, "/v1/rooms/", true, CONF_MAY_READ, api_get_room},
	{HTTP_VERB_GET, "/v1/users/", true, CONF_MAY_READ, api_get_user},
	{HTTP_VERB_GET, "/v1/stats", false, CONF_MAY_READ, api_stats},
	{HTTP_VERB_GET, "/metrics", false, CONF_MAY_READ, api_metrics},
	{HTTP_VERB_GET, "/health", false, 0, api_health},
	{HTTP_VERB_GET, "/ready", false, 0, api_ready},
	{HTTP_VERB_GET, "/", false, 0, api_console},
	{HTTP_VERB_GET, "/console.css", false, 0, api_console},
	{HTTP_VERB_GET, "/console.js", false, 0, api_console},
	{HTTP_VERB_GET, "/pane.js", false, 0, api_console},
	{HTTP_VERB_GET, "/api.js", false, 0, api_console},
	{HTTP_VERB_GET, "/openapi.json", false, 0, api_console},
	{HTTP_VERB_GET, "/console.json", false, 0, api_console_places},
	{HTTP_VERB_GET, "/socket.io.esm.min.js", false, 0, api_console_client},
};

void api_reply(struct conn *c, unsigned status, struct slice json)
{
	request_reply(c, status, "application/json", NULL, json);
}

void api_count_refused(struct worker *w, unsigned status)
{
	enum refused why = REFUSED_API_SYNTAX;

	switch (status) {
	case 401: why = REFUSED_API_KEY; break;
	case 403: why = REFUSED_API_FORBIDDEN; break;
	case 404: why = REFUSED_HTTP_NOT_FOUND; break;
	case 413:
	case 429: return;
	case 422: why = REFUSED_API_FIELD; break;
	case 503: why = REFUSED_API_UNAVAILABLE; break;
	default: break;
	}
	counter_add_to(&w->ct->refused[why], 1);
}

struct slice api_error_body(struct worker *w, const char *code, const char *message, const char *field)
{
	const struct verb_error err = {.code = code, .message = message, .field = field};
	struct buf *b = &w->json;

	buf_reset(b);
	buf_str(b, "{\"error\":");
	verb_put_error(b, &err);
	buf_char(b, '}');
	return buf_as_slice(b);
}

void api_refuse(struct conn *c, const struct verb_error *err)
{
	char retry[48];
	const char *header = NULL;

	api_count_refused(c->w, err->status);
	snprintf(retry, sizeof(retry), "Retry-After: %lld\r\n", err->retry_after > 0 ? (long long)err->retry_after : 1);
	if (err->status == 429 || err->status == 503)
		header = retry;
	else if (err->status == 401)
		header = "WWW-Authenticate: Bearer\r\n";
	request_reply(c, err->status, "application/json", header, api_error_body(c->w, err->code, err->message, err->field));
}

void api_error(struct conn *c, unsigned status, const char *code, const char *message, const char *field)
{
	const struct verb_error err = {.status = status, .code = code, .message = message, .field = field};

	api_refuse(c, &err);
}

struct slice api_http_error(struct worker *w, unsigned status)
{
	const char *code = "syntax";

	switch (status) {
	case 408: code = "timeout"; break;
	case 413:
	case 414:
	case 431: code = "too_large"; break;
	case 501: code = "unknown_coding"; break;
	case 505: code = "unknown_version"; break;
	default: break;
	}
	return api_error_body(w, code, http_reason(status), NULL);
}

unsigned api_may(const struct conn *c, const struct http_request *req)
{
	struct slice v;

	if (!http_field(req, "authorization", &v) || v.n < 7 || strncasecmp(v.p, "bearer ", 7) != 0)
		return 0;
	return api_keys_may(c->w, c->w->h->listener[c->listener].admin, slice_make(v.p + 7, v.n - 7));
}

/* The header that says which methods a path has; VERBS: bits by enum http_verb. */
static const char *allow_of(unsigned verbs)
{
	const unsigned get = 1u << HTTP_VERB_GET, post = 1u << HTTP_VERB_POST, del = 1u << HTTP_VERB_DELETE;

	if (verbs == 0)
		return NULL;
	if (verbs == get)
		return "Allow: GET, HEAD\r\n";
	if (verbs == post)
		return "Allow: POST\r\n";
	if (verbs == (get | post))
		return "Allow: GET, HEAD, POST\r\n";
	return verbs == (get | del) ? "Allow: GET, HEAD, DELETE\r\n" : "Allow: GET, HEAD, POST, DELETE\r\n";
}

/* ALLOW: the header that says which methods the path has; NULL for an unknown path. */
static const struct route *find_route(const struct http_request *req, const char **allow)
{
	enum http_verb verb = req->verb == HTTP_VERB_HEAD ? HTTP_VERB_GET : req->verb;
	const struct route *found = NULL;
	unsigned verbs = 0;

	for (unsigned i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		const struct route *r = &routes[i];
		size_t n = strlen(r->path);
		bool hit = r->prefix ? req->path.n > n && memcmp(req->path.p, r->path, n) == 0 : slice_is(req->path, r->path);

		if (!hit)
			continue;
		verbs |= 1u << r->verb;
		if (r->verb == verb && found == NULL)
			found = r;
	}
	*allow = allow_of(verbs);
	return found;
}

static void refuse_method(struct conn *c, const char *allow)
{
	api_count_refused(c->w, 405);
	request_reply(c, 405, "application/json", allow,
	    api_error_body(c->w, "method_not_allowed", "this path has no such method", NULL));
}

void api_handle(struct conn *c, const struct http_request *req, struct slice body)
{
	const char *allow;
	const struct route *r = find_route(req, &allow);
	unsigned may = api_may(c, req);

	counter_add(c->w->ct, COUNTER_API_CALLS, 1);
	if (r != NULL && r->may == 0)
		r->fn(c, req, body);
	else if (may == 0)
		api_error(c, 401, "unauthorized", "this call needs Authorization: Bearer KEY", NULL);
	else if (r == NULL && allow != NULL)
		refuse_method(c, allow);
	else if (r == NULL)
		api_error(c, 404, "not_found", "no such path", NULL);
	else if ((may & r->may) == 0)
		api_error(c, 403, "forbidden", "this key may not do that", NULL);
	else
		r->fn(c, req, body);
}
