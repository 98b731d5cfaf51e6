#include <stdio.h>

#include "worker/cookie.h"
#include "worker/request.h"
#include "worker/session.h"
#include "worker/worker.h"

void cookie_set(struct conn *c, const struct session *s)
{
	static const char *const same_site[] = {
		[CONF_SAMESITE_LAX] = "Lax", [CONF_SAMESITE_STRICT] = "Strict", [CONF_SAMESITE_NONE] = "None"};
	const struct conf_cookie *k = &c->w->conf->engine.cookie;
	char line[400];

	if (!k->on)
		return;
	snprintf(line, sizeof(line), "Set-Cookie: %s=%s; Path=%s%s%s; SameSite=%s\r\n", k->name.p, s->id.text, k->path.p,
	    k->http_only ? "; HttpOnly" : "", k->secure ? "; Secure" : "", same_site[k->samesite]);
	request_add_header(c, line);
}
