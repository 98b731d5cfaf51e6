#include <stdlib.h>
#include <string.h>

#include "worker/nsp.h"
#include "worker/room.h"
#include "worker/worker.h"

#define BUCKETS 1024u /* a host has few tenants a worker at a time; more make chains longer */

struct nsp_table {
	unsigned nfixed;
	struct nsp *fixed; /* declared by name; the first is "/" */
	struct nsp *bucket[BUCKETS];
};

struct nsp_table *nsp_table_new(const struct catalogue *cat)
{
	struct nsp_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fixed = calloc(cat->nnsp, sizeof(*t->fixed));
	if (t->fixed == NULL) {
		free(t);
		return NULL;
	}
	for (unsigned i = 0; i < cat->nnsp; i++) {
		if (!cat->nsp[i].pattern)
			t->fixed[t->nfixed++] = (struct nsp){.rules = &cat->nsp[i], .name = cat->nsp[i].name};
	}
	return t;
}

/* Names are a peer's: hashed with the instance's key. */
static struct nsp **chain_of(const struct worker *w, struct slice name)
{
	return &w->nsps->bucket[room_hash(w, name, slice_make("", 0)) & (BUCKETS - 1)];
}

static bool has_name(const struct nsp *nsp, struct slice name)
{
	return nsp->name.n == name.n && memcmp(nsp->name.p, name.p, name.n) == 0;
}

struct nsp *nsp_find(const struct worker *w, struct slice name)
{
	const struct nsp_table *t = w->nsps;
	struct nsp *nsp;

	for (unsigned i = 0; i < t->nfixed; i++) {
		if (has_name(&t->fixed[i], name))
			return &t->fixed[i];
	}
	nsp = *chain_of(w, name);
	while (nsp != NULL && !has_name(nsp, name))
		nsp = nsp->next;
	return nsp;
}

static bool fit_for_pattern(struct slice name)
{
	if (name.n > NSP_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return false;
	}
	return true;
}

struct nsp *nsp_get(struct worker *w, struct slice name)
{
	struct nsp *nsp = nsp_find(w, name), **chain;
	const struct catalogue_nsp *rules;
	char *text;

	if (nsp != NULL) {
		nsp->nsockets++;
		return nsp;
	}
	rules = catalogue_nsp_find(&w->conf->catalogue, name.p, name.n);
	if (rules == NULL || !fit_for_pattern(name))
		return NULL;
	nsp = calloc(1, sizeof(*nsp) + name.n + 1);
	if (nsp == NULL)
		worker_die(w, "out of memory");
	text = (char *)(nsp + 1);
	memcpy(text, name.p, name.n);
	chain = chain_of(w, name);
	*nsp = (struct nsp){.rules = rules, .name = {text, name.n}, .next = *chain, .nsockets = 1};
	*chain = nsp;
	return nsp;
}

void nsp_put(struct worker *w, struct nsp *nsp)
{
	struct nsp **pp;

	if (--nsp->nsockets > 0 || !nsp->rules->pattern)
		return;
	pp = chain_of(w, nsp_name(nsp));
	while (*pp != nsp)
		pp = &(*pp)->next;
	*pp = nsp->next;
	free(nsp);
}
