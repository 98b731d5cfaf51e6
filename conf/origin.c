#include <string.h>

#include "conf/value_element.h"

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* A name or an IPv4 address: parts of something, apart by dots. */
static bool host_name(const char *p, const char *end)
{
	if (p == end || *p == '.' || end[-1] == '.')
		return false;
	for (; p < end; p++)
		if (!host_char(*p) || (*p == '.' && p[1] == '.'))
			return false;
	return true;
}

/* [::1], as a browser writes it. */
static bool host_v6(const char *p, const char *end)
{
	return end - p > 3 && p[0] == '[' && end[-1] == ']' &&
	    strspn(p + 1, "0123456789abcdef:.") == (size_t)(end - p) - 2;
}

/* Where the port's colon stands, or the end; NULL when the port is none. */
static const char *port_colon(const char *host, const char *end)
{
	const char *p = end;
	unsigned n = 0;
	unsigned factor = 1;

	while (p > host && p[-1] >= '0' && p[-1] <= '9' && end - p < 5) {
		n += (unsigned)(*--p - '0') * factor;
		factor *= 10;
	}
	if (p == host || p[-1] != ':')
		return end;
	return n > 0 && n <= UINT16_MAX && *p != '0' ? p - 1 : NULL;
}

static bool wrong(const struct reading *r, const char *instead)
{
	mistake(&r->l->mistakes, r->t->at, "`%s`: `%s` is no origin: write %s", r->o->name, value_shown(r), instead);
	return false;
}

/* SCHEME://HOST[:PORT], HOST maybe behind "*.": as a browser sends it, but for the star (RFC 6454 section 6.2). */
bool origin_read(const struct reading *r, struct text *out)
{
	static const struct {
		const char *scheme, *port;
	} schemes[] = {{"https://", ":443"}, {"http://", ":80"}};
	struct text t = conf_arena_text(r->l->keep, r->t->text.p, r->t->text.n);
	char *copy = conf_arena_alloc(r->l->keep, t.n + 1);
	const char *end = copy + t.n;
	const char *host = NULL;
	const char *colon;
	const char *name;
	unsigned s;

	*out = t;
	if (text_is(t, "*"))
		return true;
	if (!value_line(r, t))
		return false;
	for (size_t i = 0; i < t.n; i++)
		copy[i] = (char)(t.p[i] >= 'A' && t.p[i] <= 'Z' ? t.p[i] | 0x20 : t.p[i]);
	for (s = 0; s < 2 && host == NULL; s++)
		if (strncmp(copy, schemes[s].scheme, strlen(schemes[s].scheme)) == 0)
			host = copy + strlen(schemes[s].scheme);
	if (host == NULL)
		return wrong(r, "its scheme too, https://app.example.com, or \"*\" for all");
	if (memchr(host, '/', (size_t)(end - host)) != NULL)
		return wrong(r, "it without a path, https://app.example.com");
	colon = port_colon(host, end);
	if (colon == NULL)
		return wrong(r, "a port from 1 to 65535");
	name = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
	if (!host_name(name, colon) && (name != host || !host_v6(host, colon)))
		return wrong(r, "https://app.example.com, https://app.example.com:8443 or \"https://*.example.com\"");
	/* No browser names the usual port. */
	if (strcmp(colon, schemes[s - 1].port) == 0)
		end = colon;
	*out = conf_arena_text(r->l->keep, copy, (size_t)(end - copy));
	return true;
}
