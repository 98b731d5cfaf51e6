#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "shm/interest.h"
#include "worker/room.h"
#include "worker/worker.h"

struct room_table {
	struct room **bucket;
	uint64_t nbuckets, max_buckets;
	unsigned n;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

struct room_table *room_table_new(uint64_t max_buckets)
{
	struct room_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->nbuckets = 64;
	t->max_buckets = max_buckets;
	t->bucket = calloc(t->nbuckets, sizeof(struct room *));
	if (t->bucket == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

static void room_free(struct room *r)
{
	if (r->cap > 1)
		free(r->members.many);
	free(r);
}

unsigned room_count(const struct worker *w)
{
	return w->rooms->n;
}

uint64_t room_hash(const struct worker *w, struct slice nsp, struct slice name)
{
	return room_hash_in(w->h->nonce, nsp, name);
}

uint64_t room_hash_in(uint64_t nonce, struct slice nsp, struct slice name)
{
	uint8_t key[crypto_shorthash_KEYBYTES], text[512];
	uint64_t hash;
	size_t n = 0;

	/* Names are client's bytes: the key, the instance's secret, keeps them from choosing their bucket. */
	memcpy(key, &nonce, sizeof(nonce));
	memcpy(key + sizeof(nonce), &nonce, sizeof(nonce));
	if (!slice_is(nsp, "/")) {
		n = nsp.n < sizeof(text) / 2 ? nsp.n : sizeof(text) / 2;
		memcpy(text, nsp.p, n);
		text[n++] = '\0';
	}
	if (name.n > sizeof(text) - n)
		name.n = sizeof(text) - n; /* never: names are checked at the edge, see OP_NAME_MAX */
	if (name.n > 0)
		memcpy(text + n, name.p, name.n);
	crypto_shorthash((unsigned char *)&hash, text, n + name.n, key);
	return hash;
}

static struct room **room_chain(const struct worker *w, uint64_t hash)
{
	return &w->rooms->bucket[hash & (w->rooms->nbuckets - 1)];
}

struct room *room_find(const struct worker *w, const struct nsp *nsp, uint64_t hash, struct slice name)
{
	struct room *r = *room_chain(w, hash);

	while (r != NULL && !(r->hash == hash && r->nsp == nsp && slice_eq(room_name(r), name)))
		r = r->next;
	return r;
}

static const struct membership *room_membership(const struct room *r, const struct socket *so)
{
	for (unsigned i = 0; i < so->nrooms; i++) {
		if (so->rooms[i].room == r)
			return &so->rooms[i];
	}
	return NULL;
}

bool room_has(const struct room *r, const struct socket *so)
{
	return room_membership(r, so) != NULL;
}

bool room_is_automatic(const struct room *r, const struct socket *so)
{
	const struct membership *m = room_membership(r, so);

	return m != NULL && m->automatic;
}

static void room_table_grow(struct room_table *t)
{
	uint64_t nb = t->nbuckets * 2;
	struct room **b;

	if (nb > t->max_buckets)
		return; /* the bound that keeps one interest bucket in one chain */
	b = calloc(nb, sizeof(struct room *));
	if (b == NULL)
		return;
	for (uint64_t i = 0; i < t->nbuckets; i++) {
		while (t->bucket[i] != NULL) {
			struct room *r = t->bucket[i];

			t->bucket[i] = r->next;
			r->next = b[r->hash & (nb - 1)];
			b[r->hash & (nb - 1)] = r;
		}
	}
	free(t->bucket);
	t->bucket = b;
	t->nbuckets = nb;
}

static struct room *room_new(struct worker *w, const struct nsp *nsp, uint64_t hash, struct slice name)
{
	struct room *r = malloc(sizeof(*r) + name.n + 1);
	struct room **chain;

	if (r == NULL)
		worker_die(w, "out of memory");
	*r = (struct room){.nsp = nsp, .hash = hash, .cap = 1, .name_len = (uint16_t)name.n};
	if (name.n > 0)
		memcpy(r->name, name.p, name.n);
	r->name[name.n] = '\0';
	if (w->rooms->n++ > w->rooms->nbuckets)
		room_table_grow(w->rooms);
	chain = room_chain(w, hash);
	r->next = *chain;
	*chain = r;
	interest_add(w->h->seg, hash, w->h->slot);
	counter_set(w->ct, COUNTER_LOCAL_ROOMS, w->rooms->n);
	return r;
}

/* The room has emptied: it goes, and with the last of its interest bucket our bit. */
static void room_drop(struct worker *w, struct room *r)
{
	uint64_t bucket = interest_index(w->h->seg, r->hash);
	struct room **pp = room_chain(w, r->hash);
	bool shared = false;

	for (struct room **q = pp; *q != NULL; q = &(*q)->next) {
		if (*q == r)
			pp = q;
		else if (interest_index(w->h->seg, (*q)->hash) == bucket)
			shared = true;
	}
	if (!shared)
		interest_del(w->h->seg, r->hash, w->h->slot);
	*pp = r->next;
	w->rooms->n--;
	counter_set(w->ct, COUNTER_LOCAL_ROOMS, w->rooms->n);
	room_free(r);
}

static void room_add_member(struct worker *w, struct room *r, struct socket *so)
{
	if (r->n == r->cap) {
		uint32_t cap = r->cap * 2 < 4 ? 4 : r->cap * 2;
		struct socket **many = malloc(cap * sizeof(struct socket *));

		if (many == NULL)
			worker_die(w, "out of memory");
		memcpy(many, room_members(r), r->n * sizeof(struct socket *));
		if (r->cap > 1)
			free(r->members.many);
		r->members.many = many;
		r->cap = cap;
	}
	room_members(r)[r->n++] = so;
}

/* Makes room for one more.  There is always room for 4, and for as many as the next power of two. */
static void membership_reserve(struct worker *w, struct socket *so)
{
	uint32_t n = so->nrooms;
	struct membership *m;

	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return;
	m = realloc(so->rooms, (n == 0 ? 4 : n * 2) * sizeof(*m));
	if (m == NULL)
		worker_die(w, "out of memory");
	so->rooms = m;
}

struct room *room_join(struct worker *w, struct socket *so, struct slice name, bool automatic)
{
	uint64_t hash = room_hash(w, nsp_name(so->nsp), name);
	struct room *r = room_find(w, so->nsp, hash, name);

	if (r != NULL && room_has(r, so))
		return NULL;
	if (r == NULL)
		r = room_new(w, so->nsp, hash, name);
	membership_reserve(w, so);
	so->rooms[so->nrooms++] = (struct membership){r, r->n, automatic};
	if (!automatic)
		so->njoined++;
	room_add_member(w, r, so);
	return r;
}

/* Takes membership I of SO out of its room; the last member moves into the hole. */
static void room_remove(struct worker *w, struct socket *so, unsigned i)
{
	struct membership m = so->rooms[i];
	struct room *r = m.room;
	struct socket *last = room_members(r)[--r->n];

	if (last != so) {
		room_members(r)[m.at] = last;
		for (unsigned k = 0; k < last->nrooms; k++) {
			if (last->rooms[k].room == r) {
				last->rooms[k].at = m.at;
				break;
			}
		}
	}
	if (!m.automatic)
		so->njoined--;
	so->nrooms--;
	memmove(&so->rooms[i], &so->rooms[i + 1], (so->nrooms - i) * sizeof(*so->rooms));
	if (r->n == 0)
		room_drop(w, r);
}

bool room_leave(struct worker *w, struct socket *so, struct room *r)
{
	for (unsigned i = 1; i < so->nrooms; i++) {
		if (so->rooms[i].room == r) {
			room_remove(w, so, i);
			return true;
		}
	}
	return false;
}

void room_leave_all(struct worker *w, struct socket *so)
{
	while (so->nrooms > 0)
		room_remove(w, so, so->nrooms - 1u);
	free(so->rooms);
	so->rooms = NULL;
}
