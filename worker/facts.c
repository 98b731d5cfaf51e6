#include <stdlib.h>
#include <string.h>

#include "proto/engineio.h"
#include "proto/http.h"
#include "proto/utf8.h"
#include "worker/facts.h"

#define FACT_MAX 4096u /* bytes; what is longer is not kept */

struct fact {
	uint32_t at; /* offset from the struct's begin; 0: the handshake had none */
	uint32_t n;
};

/* One block; the texts lie behind it. */
struct facts {
	unsigned refs, n;
	struct fact fact[];
};

/* A parameter's value, decoded; or a header's, as it came.  -1: it has none. */
static ssize_t value_of(const struct kept_fact *k, const struct http_request *req, char *out)
{
	struct slice v;

	if (k->header) {
		if (!http_field(req, k->name.p, &v) || v.n > FACT_MAX)
			return -1;
		memcpy(out, v.p, v.n);
		return (ssize_t)v.n;
	}
	if (!eio_query_get(req->query, k->name.p, &v))
		return -1;
	return eio_percent_decode(v, out, FACT_MAX);
}

struct facts *facts_new(const struct catalogue *cat, const struct http_request *req)
{
	size_t used = sizeof(struct facts) + cat->nkept * sizeof(struct fact);
	struct facts *f, *less;

	if (cat->nkept == 0)
		return NULL;
	f = malloc(used + cat->nkept * FACT_MAX);
	if (f == NULL)
		return NULL;
	f->refs = 1;
	f->n = cat->nkept;
	for (unsigned i = 0; i < f->n; i++) {
		char *text = (char *)f + used;
		ssize_t n = value_of(&cat->kept[i], req, text);

		f->fact[i] = (struct fact){0, 0};
		if (n < 0 || !utf8_valid(text, (size_t)n))
			continue;
		f->fact[i] = (struct fact){(uint32_t)used, (uint32_t)n};
		used += (size_t)n;
	}
	/* what was not needed goes back */
	less = realloc(f, used);
	return less != NULL ? less : f;
}

struct facts *facts_get(struct facts *f)
{
	if (f != NULL)
		f->refs++;
	return f;
}

void facts_put(struct facts *f)
{
	if (f != NULL && --f->refs == 0)
		free(f);
}

struct slice facts_at(const struct facts *f, unsigned i)
{
	if (f == NULL || i >= f->n || f->fact[i].at == 0)
		return slice_make(NULL, 0);
	return slice_make((const char *)f + f->fact[i].at, f->fact[i].n);
}
