#include <sodium.h>
#include <stdlib.h>

#include "worker/user.h"
#include "worker/worker.h"

struct user_table {
	struct user **bucket;
	uint32_t nbuckets, n;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

struct user_table *user_table_new(void)
{
	struct user_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->nbuckets = 64;
	t->bucket = calloc(t->nbuckets, sizeof(struct user *));
	if (t->bucket == NULL) {
		free(t);
		return NULL;
	}
	randombytes_buf(t->key, sizeof(t->key));
	return t;
}

static void user_table_grow(struct user_table *t)
{
	uint32_t nb = t->nbuckets * 2;
	struct user **b = calloc(nb, sizeof(struct user *));

	if (b == NULL)
		return; /* longer chains, nothing worse */
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		while (t->bucket[i] != NULL) {
			struct user *u = t->bucket[i];

			t->bucket[i] = u->next;
			u->next = b[u->hash & (nb - 1)];
			b[u->hash & (nb - 1)] = u;
		}
	}
	free(t->bucket);
	t->bucket = b;
	t->nbuckets = nb;
}

static bool same_text(struct slice have, struct slice want)
{
	return (have.p == NULL) == (want.p == NULL) && slice_eq(have, want);
}

struct user *user_get(struct worker *w, struct slice id, struct slice name, struct slice role)
{
	struct user_table *t = w->users;
	struct user *u;
	uint64_t hash;
	char *p;

	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)id.p, id.n, t->key);
	for (u = t->bucket[hash & (t->nbuckets - 1)]; u != NULL; u = u->next) {
		if (u->hash == hash && slice_eq(user_id(u), id) && same_text(user_name(u), name) &&
		    same_text(user_role(u), role)) {
			u->refs++;
			return u;
		}
	}
	u = malloc(sizeof(*u) + id.n + name.n + role.n + 3);
	if (u == NULL)
		worker_die(w, "out of memory");
	*u = (struct user){.hash = hash, .refs = 1, .id_len = (uint16_t)id.n, .name_len = (uint16_t)name.n,
	    .role_len = (uint16_t)role.n, .has_name = name.p != NULL, .has_role = role.p != NULL};
	p = u->text;
	for (int i = 0; i < 3; i++) {
		struct slice s = i == 0 ? id : i == 1 ? name : role;

		if (s.n > 0)
			memcpy(p, s.p, s.n);
		p[s.n] = '\0';
		p += s.n + 1;
	}
	if (t->n++ > t->nbuckets)
		user_table_grow(t);
	u->next = t->bucket[hash & (t->nbuckets - 1)];
	t->bucket[hash & (t->nbuckets - 1)] = u;
	return u;
}

void user_put(struct worker *w, struct user *u)
{
	struct user_table *t = w->users;
	struct user **pp;

	if (u == NULL || --u->refs > 0)
		return;
	for (pp = &t->bucket[u->hash & (t->nbuckets - 1)]; *pp != u; pp = &(*pp)->next)
		;
	*pp = u->next;
	t->n--;
	free(u);
}
