#include <openssl/err.h>
#include <openssl/pem.h>
#include <limits.h>
#include <string.h>

#include "conf/compile.h"

/* hook "NAME": a backend that rules ask, and where it is. */

#define HOST_LONGEST   253
#define TARGET_LONGEST 2048
#define SOCKET_LONGEST 107 /* of sun_path, with its end */
#define CA_FILE_MAX    (1u << 20)

/* Tells what is wrong with the url at T. */
static void bad_url(struct load *l, const struct token *t, const char *why)
{
	mistake(&l->mistakes, t->at, "`url = %s`: %s", mistake_show(&l->mistakes, t->text), why);
}

static bool host_is_good(struct text host, bool bracketed)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (cursor_letter(c) || (c >= '0' && c <= '9') || strchr(bracketed ? ".:" : ".-_", c) != NULL)
			continue;
		return false;
	}
	return host.n > 0 && host.n <= HOST_LONGEST;
}

static bool port(struct text t, uint16_t *out)
{
	unsigned n = 0;

	if (t.n == 0 || t.n > 5)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(t.p[i] - '0');
	}
	*out = (uint16_t)n;
	return n > 0 && n <= UINT16_MAX;
}

/* HOST, HOST:PORT, [ADDR]:PORT.  NULL, or what is wrong. */
static const char *authority(struct load *l, struct text a, struct hook *h)
{
	const char *end = a.p + a.n;
	const char *close = a.n > 0 && a.p[0] == '[' ? memchr(a.p, ']', a.n) : NULL;
	const char *colon;

	if (memchr(a.p, '@', a.n) != NULL)
		return "no user and password in it: requests are signed with `secret`";
	if (close != NULL) {
		h->host = conf_arena_text(l->keep, a.p + 1, (size_t)(close - a.p) - 1);
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(a.p, ':', a.n);
		h->host = conf_arena_text(l->keep, a.p, (size_t)((colon != NULL ? colon : end) - a.p));
	}
	if (!host_is_good(h->host, close != NULL))
		return "a host is a name, an address, or an IPv6 address in brackets";
	h->port = h->scheme == HOOK_HTTPS ? 443 : 80;
	if (colon != NULL && (*colon != ':' || !port((struct text){colon + 1, (size_t)(end - colon) - 1}, &h->port)))
		return "a port is a number from 1 to 65535 behind a colon";
	h->authority = conf_arena_text(l->keep, a.p, a.n);
	return NULL;
}

/* NULL, or what is wrong. */
static const char *target(struct load *l, struct text t, struct hook *h)
{
	if (t.n > TARGET_LONGEST)
		return "path and query have at most 2048 bytes";
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '#')
			return "no fragment: `#` and what follows it stay in the browser";
		if ((unsigned char)t.p[i] <= 0x20 || (unsigned char)t.p[i] >= 0x7f)
			return "no spaces, and letters beyond ASCII as %XX";
	}
	h->target = t.n == 0 ? (struct text){"/", 1}
	    : t.p[0] == '?'  ? conf_arena_format(l->keep, "/%.*s", (int)t.n, t.p)
			     : conf_arena_text(l->keep, t.p, t.n);
	return NULL;
}

static const char *unix_path(struct load *l, struct text path, struct hook *h)
{
	if (path.n == 0 || path.p[0] != '/')
		return "write unix: and the absolute path of the socket: unix:/run/app.sock";
	if (path.n > SOCKET_LONGEST)
		return "the path of a socket has at most 107 bytes";
	h->scheme = HOOK_UNIX;
	h->host = conf_arena_text(l->keep, path.p, path.n);
	h->authority = (struct text){"localhost", 9};
	h->target = (struct text){"/", 1};
	return NULL;
}

/* NULL, or what is wrong. */
static const char *url(struct load *l, struct text u, struct hook *h)
{
	const char *why;
	const char *p;
	size_t n;

	if (u.n >= 5 && memcmp(u.p, "unix:", 5) == 0)
		return unix_path(l, (struct text){u.p + 5, u.n - 5}, h);
	if (u.n >= 7 && memcmp(u.p, "http://", 7) == 0)
		p = u.p + 7;
	else if (u.n >= 8 && memcmp(u.p, "https://", 8) == 0)
		p = u.p + 8;
	else
		return "write http://HOST:PORT/PATH, https://HOST/PATH or unix:/PATH";
	h->scheme = p - u.p == 8 ? HOOK_HTTPS : HOOK_HTTP;
	n = strcspn(p, "/?#");
	why = authority(l, (struct text){p, n}, h);
	return why != NULL ? why : target(l, (struct text){p + n, (size_t)(u.p + u.n - p) - n}, h);
}

/* Whether there is a certificate in it; what is behind a broken one is not looked at. */
static bool has_certificate(struct text pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	bool good = cert != NULL;

	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return good;
}

static void ca_file(struct load *l, cfg_t *block, struct hook *h)
{
	const struct token *t = tree_value(block, "ca_file", 0);
	int rc;

	if (t == NULL || h->ca_file.p == NULL)
		return;
	if (h->scheme != HOOK_HTTPS) {
		mistake(&l->mistakes, t->at, "`ca_file` without https: nothing else shows a certificate: remove it");
		return;
	}
	rc = file_read(l->keep, h->ca_file.p, CA_FILE_MAX, false, &h->ca, NULL);
	if (rc != 0)
		mistake(&l->mistakes, t->at, "`ca_file`: cannot read %s: %s", mistake_show(&l->mistakes, h->ca_file),
		    rc == -EINVAL ? "not a regular file" : strerror(-rc));
	else if (!has_certificate(h->ca))
		mistake(&l->mistakes, t->at, "`ca_file`: %s holds no certificate as PEM (BEGIN CERTIFICATE)",
		    mistake_show(&l->mistakes, h->ca_file));
}

static void breaker(struct load *l, cfg_t *block, struct hook *h)
{
	cfg_t *inner = tree_block(block, "breaker", 0);
	const struct token *t = tree_value(inner, "text", 0);
	struct token made = {.kind = TOKEN_STRING, .at = tree_place(l, inner)};
	struct cursor c;

	if (!value_store_block(l, option_block("hook/breaker"), inner, h))
		return;
	made.text = h->text_written;
	c = cursor_of(l, t != NULL ? t : &made, "text", SCOPE_CLIENT_NEW | SCOPE_EVENT);
	template_text(&c, &h->text);
}

/* Hooks of one name share what is measured. */
static unsigned metric_of(const struct catalogue *cat, const struct hook *h)
{
	unsigned next = 0;

	for (unsigned n = 0; n < cat->nnsp; n++) {
		for (unsigned i = 0; i < cat->nsp[n].nhook; i++) {
			const struct hook *other = &cat->nsp[n].hook[i];

			if (other == h)
				return next;
			if (text_equal(other->name, h->name))
				return other->metric;
			next = other->metric + 1 > next ? other->metric + 1 : next;
		}
	}
	return next;
}

void hook_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	struct catalogue *cat = &l->conf->catalogue;
	unsigned n = tree_blocks(tree, "hook");

	nsp->hook = conf_arena_alloc(l->keep, n * sizeof *nsp->hook);
	for (unsigned i = 0; i < n; i++) {
		cfg_t *block = tree_block(tree, "hook", i);
		const struct token *t = tree_value(block, "url", 0);
		struct hook *h = &nsp->hook[i];
		const char *why = NULL;

		h->index = cat->nhooks++;
		h->name = name_title(l, block, "hook");
		value_store_block(l, option_block("hook"), block, h);
		if (t == NULL)
			mistake(&l->mistakes, tree_place(l, block),
			    "hook `%s` without `url`: add url = \"http://127.0.0.1:4000/hook\"",
			    mistake_show(&l->mistakes, h->name));
		else if (h->url.p != NULL)
			why = url(l, h->url, h);
		if (why != NULL)
			bad_url(l, t, why);
		ca_file(l, block, h);
		breaker(l, block, h);
		nsp->nhook++;
		h->metric = metric_of(cat, h);
	}
}

static const struct hook *named(const struct catalogue_nsp *nsp, struct text given)
{
	for (unsigned i = 0; i < nsp->nhook; i++)
		if (text_equal(nsp->hook[i].name, given))
			return &nsp->hook[i];
	return NULL;
}

static void offer(struct suggest *s, const struct catalogue_nsp *nsp)
{
	for (unsigned i = 0; i < nsp->nhook; i++)
		suggest_offer(s, nsp->hook[i].name.p, nsp->hook[i].name.n);
}

/* The hook that T names: of the namespace, or else of the top level.  NULL after a mistake. */
static const struct hook *reference(struct load *l, const struct catalogue_nsp *nsp, const struct token *t)
{
	const struct catalogue_nsp *first = &l->conf->catalogue.nsp[0];
	const struct hook *h;
	struct suggest s;

	if (t->bad)
		return NULL;
	h = named(nsp, t->text);
	if (h == NULL)
		h = named(first, t->text);
	if (h != NULL)
		return h;
	suggest_init(&s, t->text);
	offer(&s, nsp);
	offer(&s, first);
	mistake(&l->mistakes, t->at, "hook `%s` is not declared%s", mistake_show(&l->mistakes, t->text),
	    s.best.p != NULL ? suggest_text(l, &s)
			     : conf_arena_format(l->scratch, ": add `hook \"%s\" { url = \"http://127.0.0.1:4000/hook\" }`",
				   mistake_show(&l->mistakes, t->text))
				   .p);
	return NULL;
}

void hook_use(struct load *l, cfg_t *block, const struct catalogue_nsp *nsp, struct hook_use *out)
{
	struct catalogue *cat = &l->conf->catalogue;
	const struct token *t = tree_value(block, "hook", 0);

	if (t == NULL)
		return;
	out->hook = reference(l, nsp, t);
	out->breaker = cat->nbreakers++;
	cat->uses_claims = true; /* it is told them */
}

void hook_rule(struct load *l, cfg_t *block, struct rule *r)
{
	const struct token *notify = tree_value(block, "notify", 0);

	hook_use(l, block, l->nsp, &r->hook);
	r->hook.notify = action_switch(l, block, "notify");
	if (notify != NULL && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, notify->at, "`notify` without `hook`: name the hook that is told");
}

unsigned hook_scope(const struct rule *r)
{
	return r->hook.hook != NULL && !r->hook.notify ? SCOPE_HOOK : 0;
}
