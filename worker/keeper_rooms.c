#include "conf/catalogue.h"
#include "shm/record.h"
#include "worker/keeper.h"

/* Bits of the edges that these rules react to. */
static unsigned edges_of(struct rule *const on[ROOM_TRIGGER_MAX])
{
	static const unsigned char edge[ROOM_TRIGGER_MAX] = {
	    [ROOM_TRIGGER_ENTER] = RECORD_EDGE_ENTER,
	    [ROOM_TRIGGER_EXIT] = RECORD_EDGE_EXIT,
	    [ROOM_TRIGGER_OCCUPIED] = RECORD_EDGE_OCCUPIED,
	    [ROOM_TRIGGER_VACATED] = RECORD_EDGE_VACATED,
	};
	unsigned bits = 0;

	for (unsigned i = 0; i < ROOM_TRIGGER_MAX; i++)
		if (edge[i] != 0 && on[i] != NULL)
			bits |= 1u << edge[i];
	return bits;
}

/* What `on` says of the room: that of its type, and for rooms that clients joined that of all types. */
static struct store_edges wanted(void *ctx, const char *nsp, size_t nsp_len, const char *room, size_t room_len, bool automatic)
{
	const struct keeper *k = ctx;
	const struct catalogue_nsp *rules = catalogue_nsp_find(&k->h->conf->catalogue, nsp, nsp_len);
	const struct room_type *type;
	struct store_edges want = {0, 0};

	if (rules == NULL)
		return want;
	type = catalogue_type_of_room(rules, room, room_len);
	if (type != NULL)
		want = (struct store_edges){edges_of(type->on), type->grace_ms};
	if (!automatic)
		want.bits |= edges_of(rules->on_room);
	return want;
}

static bool keeps(void *ctx, const char *nsp, size_t nsp_len, const char *room, size_t room_len)
{
	const struct keeper *k = ctx;
	const struct catalogue_nsp *rules = catalogue_nsp_find(&k->h->conf->catalogue, nsp, nsp_len);
	const struct room_type *type = rules != NULL ? catalogue_type_of_room(rules, room, room_len) : NULL;

	return type != NULL && type->persistent;
}

void keeper_rooms_wishes(struct keeper *k)
{
	if (k->h->conf->catalogue.keeps_rooms)
		store_set_keeps(k->st, keeps, k);
	if (k->h->conf->catalogue.uses_room_edges)
		store_set_edges(k->st, wanted, k);
}
