#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "conf/compile.h"

#define UNIX_PREFIX "unix:"

static bool wrong(struct load *l, const struct token *t, const char *why)
{
	mistake(&l->mistakes, t->at, "address `%s`: %s", mistake_show(&l->mistakes, t->text), why);
	return false;
}

static bool unix_address(struct load *l, const struct token *t, struct conf_address *out)
{
	struct text path = {t->text.p + strlen(UNIX_PREFIX), t->text.n - strlen(UNIX_PREFIX)};

	if (path.n == 0 || path.p[0] != '/')
		return wrong(l, t, "write an absolute path: unix:/run/forkcast.sock");
	if (path.n >= sizeof((struct sockaddr_un *)0)->sun_path)
		return wrong(l, t, "the path is too long for a unix socket: at most 107 bytes");
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
			return wrong(l, t, "a path has no control characters");
	out->is_unix = true;
	out->path = conf_arena_text(l->keep, path.p, path.n);
	return true;
}

static bool port(const char *p, const char *end, uint16_t *out)
{
	unsigned n = 0;

	if (p == end || end - p > 5)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (unsigned)(*p - '0');
	}
	*out = (uint16_t)n;
	return n <= UINT16_MAX;
}

bool address_parse(struct load *l, const struct token *title, struct conf_address *out)
{
	struct text t = title->text;
	const char *end = t.p + t.n;
	const char *colon = strrchr(t.p, ':');
	uint8_t addr[16];
	struct text host;
	int family;

	if (title->bad)
		return false;
	out->title = conf_arena_text(l->keep, t.p, t.n);
	out->file = title->at.file->path;
	out->line = title->at.line;
	if (strncmp(t.p, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return unix_address(l, title, out);
	if (colon == NULL || !port(colon + 1, end, &out->port))
		return wrong(l, title, "write ADDR:PORT, such as 0.0.0.0:3000, [::1]:3000 or :3000, or unix:/path");
	host = (struct text){t.p, (size_t)(colon - t.p)};
	if (host.n > 0 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = conf_arena_text(l->keep, host.p + 1, host.n - 2);
	else if (memchr(host.p, ':', host.n) != NULL)
		return wrong(l, title, "an IPv6 address stands in brackets: [::1]:3000");
	else
		host = text_is(host, "*") ? (struct text){"", 0} : conf_arena_text(l->keep, host.p, host.n);
	family = memchr(host.p, ':', host.n) != NULL ? AF_INET6 : AF_INET;
	if (host.n > 0 && inet_pton(family, host.p, addr) != 1)
		return wrong(l, title,
		    text_is(host, "localhost") ? "names are not looked up: write 127.0.0.1"
					       : "names are not looked up: write a numeric address");
	/* --dev is never seen from outside. */
	if (l->dev && (host.n == 0 || (family == AF_INET && addr[0] != 127)))
		host = (struct text){"127.0.0.1", strlen("127.0.0.1")};
	else if (l->dev && family == AF_INET6)
		host = (struct text){"::1", strlen("::1")};
	out->host = host;
	return true;
}
