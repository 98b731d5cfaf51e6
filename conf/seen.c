#include "conf/seen.h"

static size_t hash(unsigned scope, struct text name, struct text title)
{
	size_t h = scope * 2654435761U + 1;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 1099511628211U;
	h = (h ^ 0x100) * 1099511628211U;
	for (size_t i = 0; i < title.n; i++)
		h = (h ^ (unsigned char)title.p[i]) * 1099511628211U;
	return h ^ h >> 29;
}

/* Its slot, or the free one where it belongs. */
static struct seen_name *slot_of(struct seen *set, unsigned scope, struct text name, struct text title)
{
	size_t i = hash(scope, name, title);

	for (;; i++) {
		struct seen_name *s = &set->slot[i & (set->size - 1)];

		if (s->name.p == NULL)
			return s;
		if (s->scope == scope && text_equal(s->name, name) && text_equal(s->title, title))
			return s;
	}
}

/* Never more than half full. */
static void grow(struct conf_arena *a, struct seen *set)
{
	struct seen old = *set;

	set->size = old.size > 0 ? old.size * 2 : 256;
	set->slot = conf_arena_alloc(a, set->size * sizeof *set->slot);
	for (size_t i = 0; i < old.size; i++)
		if (old.slot[i].name.p != NULL)
			*slot_of(set, old.slot[i].scope, old.slot[i].name, old.slot[i].title) = old.slot[i];
}

const struct place *seen_before(
    struct conf_arena *a, struct seen *set, unsigned scope, struct text name, struct text title, struct place at)
{
	struct seen_name *s;

	if (set->n * 2 >= set->size)
		grow(a, set);
	s = slot_of(set, scope, name, title);
	if (s->name.p != NULL)
		return &s->at;
	*s = (struct seen_name){scope, name, title, at};
	set->n++;
	return NULL;
}
