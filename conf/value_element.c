#include "conf/value_element.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

const char *value_shown(const struct reading *r)
{
	return mistake_show(&r->l->mistakes, r->t->text);
}

bool value_line(const struct reading *r, struct text t)
{
	if ((int64_t)t.n < r->o->min || (int64_t)t.n > r->o->max) {
		mistake(&r->l->mistakes, r->t->at, "`%s` has %zu bytes: at least %lld, at most %lld", r->o->name, t.n,
		    (long long)r->o->min, (long long)r->o->max);
		return false;
	}
	for (size_t i = 0; i < t.n; i++) {
		if ((unsigned char)t.p[i] >= 0x20 && t.p[i] != 0x7f)
			continue;
		mistake(&r->l->mistakes, r->t->at, "`%s` has a line break or control character at byte %zu: remove it",
		    r->o->name, i + 1);
		return false;
	}
	return true;
}

/* A name with dots, each part of it something. */
static bool claim(const struct reading *r, struct text *out)
{
	struct text t = r->t->text;

	if (t.p[0] == '.' || t.p[t.n - 1] == '.' || strstr(t.p, "..") != NULL) {
		mistake(&r->l->mistakes, r->t->at, "`%s`: `%s` has an empty part between its dots: write `a.b`", r->o->name,
		    value_shown(r));
		return false;
	}
	if (!value_line(r, t))
		return false;
	*out = conf_arena_text(r->l->keep, t.p, t.n);
	return true;
}

static bool cidr(const struct reading *r, struct conf_cidr *out)
{
	char addr[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(r->t->text.p, '/');
	size_t n = slash != NULL ? (size_t)(slash - r->t->text.p) : r->t->text.n;
	unsigned width;
	char *end;
	long bits;

	if (n >= sizeof addr)
		goto wrong;
	memcpy(addr, r->t->text.p, n);
	addr[n] = '\0';
	if (inet_pton(AF_INET, addr, out->addr) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, addr, out->addr) == 1)
		out->family = 6;
	else
		goto wrong;
	width = out->family == 4 ? 32 : 128;
	bits = (long)width;
	if (slash != NULL) {
		if (slash[1] < '0' || slash[1] > '9')
			goto wrong;
		bits = strtol(slash + 1, &end, 10);
		if (*end != '\0' || bits > (long)width)
			goto wrong;
	}
	out->bits = (uint8_t)bits;
	for (unsigned i = (unsigned)bits; i < width; i++) {
		if ((out->addr[i / 8] >> (7 - i % 8) & 1) == 0)
			continue;
		mistake(&r->l->mistakes, r->t->at,
		    "`%s`: %s has bits set behind its /%ld: write the network's own address", r->o->name,
		    value_shown(r), bits);
		return false;
	}
	return true;
wrong:
	mistake(&r->l->mistakes, r->t->at, "`%s`: `%s` is no network: write 10.0.0.0/8, 192.0.2.7 or ::1", r->o->name,
	    value_shown(r));
	return false;
}

static bool token_source(const struct reading *r, struct conf_source *out)
{
	static const struct {
		const char *prefix;
		enum conf_token_source kind;
	} named[] = {{"query.", CONF_TOKEN_QUERY}, {"cookie.", CONF_TOKEN_COOKIE}};
	struct text t = r->t->text;

	if (text_is(t, "auth.token")) {
		out->kind = CONF_TOKEN_AUTH;
		return true;
	}
	if (text_is(t, "bearer")) {
		out->kind = CONF_TOKEN_BEARER;
		return true;
	}
	for (unsigned i = 0; i < 2; i++) {
		size_t n = strlen(named[i].prefix);

		if (t.n <= n || memcmp(t.p, named[i].prefix, n) != 0 || strpbrk(t.p, " =&;,\"") != NULL)
			continue;
		out->kind = named[i].kind;
		out->name = conf_arena_text(r->l->keep, t.p + n, t.n - n);
		return true;
	}
	mistake(&r->l->mistakes, r->t->at,
	    "`%s`: `%s` is no place for a token: write auth.token, bearer, query.NAME or cookie.NAME", r->o->name,
	    value_shown(r));
	return false;
}

/* One of the words, which are apart by spaces: its bit. */
static bool bit(const struct reading *r, const char *words, const char *say, unsigned *bits)
{
	for (unsigned i = 0; *words != '\0'; i++) {
		size_t n = strcspn(words, " ");

		if (n == r->t->text.n && memcmp(words, r->t->text.p, n) == 0) {
			*bits |= 1U << i;
			return true;
		}
		words += n + strspn(words + n, " ");
	}
	mistake(&r->l->mistakes, r->t->at, "`%s`: `%s` %s", r->o->name, value_shown(r), say);
	return false;
}

size_t value_element_size(enum option_type type)
{
	switch (type) {
	case OPTION_TEXTS:
	case OPTION_ORIGINS: return sizeof(struct text);
	case OPTION_CIDRS: return sizeof(struct conf_cidr);
	case OPTION_TOKENS: return sizeof(struct conf_source);
	case OPTION_ROOMS: return sizeof(struct text_template);
	default: return 0;
	}
}

bool value_element(const struct reading *r, void *out, unsigned *bits)
{
	switch (r->o->type) {
	case OPTION_TEXTS: return claim(r, out);
	case OPTION_CIDRS: return cidr(r, out);
	case OPTION_TOKENS: return token_source(r, out);
	case OPTION_TRANSPORTS: return bit(r, r->o->words, "is no transport: write polling or websocket", bits);
	case OPTION_ORIGINS: return origin_read(r, out);
	case OPTION_MAY: return bit(r, r->o->words, "is no right: write publish, control or read", bits);
	case OPTION_BY: return bit(r, r->o->words, "is nothing to count by: write socket, user, ip, role or event", bits);
	case OPTION_ROOMS: return room_template(r->l, r->t, r->o->name, SCOPE_TOKEN, out) != NULL;
	default: return true;
	}
}
