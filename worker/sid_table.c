#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/sid_table.h"

#define BUCKETS_MIN 64

int sid_table_init(struct sid_table *t)
{
	t->n = 0;
	t->nbuckets = BUCKETS_MIN;
	t->bucket = calloc(BUCKETS_MIN, sizeof(struct sid_entry *));
	return t->bucket != NULL ? 0 : -ENOMEM;
}

static struct sid_entry **chain_of(const struct sid_table *t, const char *sid)
{
	uint64_t h;

	memcpy(&h, sid + SID_LEN - sizeof(h), sizeof(h));
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return &t->bucket[(h >> 32) & (t->nbuckets - 1)];
}

/* Out of memory leaves it as it is: slower, and right. */
static void table_grow(struct sid_table *t)
{
	struct sid_table bigger = {.nbuckets = t->nbuckets * 2, .n = t->n};

	bigger.bucket = calloc(bigger.nbuckets, sizeof(struct sid_entry *));
	if (bigger.bucket == NULL)
		return;
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		while (t->bucket[i] != NULL) {
			struct sid_entry *e = t->bucket[i], **chain = chain_of(&bigger, e->text);

			t->bucket[i] = e->next;
			e->next = *chain;
			*chain = e;
		}
	}
	free(t->bucket);
	*t = bigger;
}

void sid_table_add(struct sid_table *t, struct sid_entry *e)
{
	struct sid_entry **chain;

	if (t->n++ > t->nbuckets)
		table_grow(t);
	chain = chain_of(t, e->text);
	e->next = *chain;
	*chain = e;
}

void sid_table_del(struct sid_table *t, struct sid_entry *e)
{
	struct sid_entry **pp = chain_of(t, e->text);

	while (*pp != e)
		pp = &(*pp)->next;
	*pp = e->next;
	t->n--;
}

struct sid_entry *sid_table_find(const struct sid_table *t, struct slice sid)
{
	struct sid_entry *e;

	if (sid.n != SID_LEN)
		return NULL;
	e = *chain_of(t, sid.p);
	while (e != NULL && memcmp(e->text, sid.p, SID_LEN) != 0)
		e = e->next;
	return e;
}

void sid_table_each(const struct sid_table *t, void (*fn)(struct sid_entry *e, void *arg), void *arg)
{
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		for (struct sid_entry *e = t->bucket[i]; e != NULL; e = e->next)
			fn(e, arg);
	}
}
