/*
 * store_apply.c - operations and what they do to the rows.
 *
 * An operation is checked whole before it changes anything, so one that is passed over leaves the batch good.  Repeats
 * do nothing: a room joined twice, a leave from elsewhere.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/record.h"
#include "shm/store_batch.h"
#include "shm/store_chunk.h"
#include "shm/store_member.h"
#include "shm/store_writer.h"

#define COUNT_EVERY 32 /* row-adding operations between two counts of the pages */

/* An operation's fields; slices into the caller's copy. */
struct fields {
	uint8_t raw[STORE_SID_RAW];
	bool sid;
	struct op_ask ask; /* of questions */
	struct store_text nsp, user, name, role, ip;
	size_t longest_room;
	const uint8_t *tlvs;
	size_t len;
};

/* What fits a row, not cut inside a UTF-8 sequence. */
static struct store_text cut(struct store_text t)
{
	if (t.len > STORE_TEXT_MAX) {
		t.len = STORE_TEXT_MAX;
		while (t.len > 0 && ((uint8_t)t.p[t.len] & 0xc0) == 0x80)
			t.len--;
	}
	return t;
}

static bool collect(struct fields *f, const uint8_t *tlvs, size_t len)
{
	struct tlv t;
	size_t off = 0;

	*f = (struct fields){.nsp = {"/", 1}, .tlvs = tlvs, .len = len};
	while (tlv_next(tlvs, len, &off, &t) > 0) {
		struct store_text text = {(const char *)t.val, t.len};

		switch (t.type) {
		case OP_TLV_SID:
			if (t.len != OP_SID_LEN || !store_sid_pack(f->raw, text.p))
				return false;
			f->sid = true;
			break;
		case OP_TLV_NSP:
			if (t.len == 0 || t.len > OP_NAME_MAX)
				return false;
			f->nsp = text;
			break;
		case OP_TLV_USER:
			if (t.len > OP_USER_MAX)
				return false;
			f->user = text;
			break;
		case OP_TLV_ASK:
			if (t.len != sizeof f->ask)
				return false;
			memcpy(&f->ask, t.val, sizeof f->ask);
			break;
		case OP_TLV_NAME: f->name = cut(text); break;
		case OP_TLV_ROLE: f->role = cut(text); break;
		case OP_TLV_IP: f->ip = cut(text); break;
		case OP_TLV_ROOM:
			if (t.len == 0 || t.len > OP_NAME_MAX)
				return false;
			if (t.len > f->longest_room)
				f->longest_room = t.len;
			break;
		default: break;
		}
	}
	return f->sid;
}

static bool next_room(const struct fields *f, size_t *off, struct store_text *room, uint8_t *sub)
{
	struct tlv t;

	while (tlv_next(f->tlvs, f->len, off, &t) > 0) {
		if (t.type != OP_TLV_ROOM)
			continue;
		*room = (struct store_text){(const char *)t.val, t.len};
		*sub = (uint8_t)t.sub;
		return true;
	}
	return false;
}

bool store_past(struct store_writer *w, unsigned pct)
{
	if (++w->uncounted >= COUNT_EVERY) {
		w->used = store_env_pages(&w->e, w->txn);
		w->uncounted = 0;
	}
	return w->used * 100 > w->map_pages * pct;
}

static bool past_limit(struct store_writer *w)
{
	return store_past(w, STORE_FULL_PCT);
}

static int refuse(struct store_writer *w, const struct store_text *nsp, const uint8_t *raw)
{
	int rc = store_outbox_refused(w, nsp, raw);

	return rc ? rc : -ENOSPC;
}

/* The socket's rooms as they grow: the row or chunk that takes the next one is in W->chunk. */
struct growth {
	unsigned nchunks;
	size_t len; /* of W->chunk */
	bool dirty;
};

static int growth_write(struct store_writer *w, struct growth *g, const uint8_t *raw)
{
	int rc = g->dirty ? store_chunk_put(w, raw, g->nchunks, w->chunk, g->len) : 0;

	g->dirty = false;
	return rc;
}

static int growth_add(
    struct store_writer *w, struct growth *g, const uint8_t *raw, const struct store_text *room, uint8_t sub)
{
	size_t len = store_row_add_room(w->chunk, g->len, room->p, room->len, sub);
	int rc;

	if (len == 0) {
		rc = growth_write(w, g, raw);
		if (rc)
			return rc;
		g->nchunks++;
		len = store_row_add_room(w->chunk, 0, room->p, room->len, sub);
	}
	g->len = len;
	g->dirty = true;
	return 0;
}

/* Adds the operation's rooms to CAUSE's socket, whose last row is in W->chunk; ALONE: the user has no other socket. */
static int add_rooms(
    struct store_writer *w, const struct fields *f, const struct store_cause *cause, bool alone, struct growth *g)
{
	struct store_membership m = {.alone = alone};
	unsigned before = g->nchunks;
	size_t off = 0;
	uint8_t sub;
	int rc = 0;

	while (rc >= 0 && next_room(f, &off, &m.room, &sub)) {
		if (g->nchunks == STORE_CHUNKS_MAX)
			break;
		m.automatic = sub == OP_ROOM_AUTO;
		rc = store_member_add(w, cause, &m);
		if (rc > 0)
			rc = growth_add(w, g, f->raw, &m.room, sub);
	}
	if (rc >= 0)
		rc = growth_write(w, g, f->raw);
	if (!rc && g->nchunks != before)
		rc = store_chunk_count(w, f->raw, g->nchunks);
	return rc;
}

#define EDGES_OF_USER ((1u << RECORD_EDGE_ONLINE) | (1u << RECORD_EDGE_OFFLINE) | (1u << RECORD_EDGE_ENTER) | (1u << RECORD_EDGE_EXIT))
#define EDGES_ALL     (EDGES_OF_USER | (1u << RECORD_EDGE_OCCUPIED) | (1u << RECORD_EDGE_VACATED))

static int tell_user(struct store_writer *w, const struct store_cause *cause, unsigned edge)
{
	return (cause->edges & 1u << edge) != 0 ? store_outbox_edge(w, edge, cause, NULL) : 0;
}

/* EDGES: what may be told of, as bits. */
static int put_socket(struct store_writer *w, const struct fields *f, const struct op_head *head, unsigned edges)
{
	struct store_cause cause = {f->nsp, f->user, f->name, f->role, 0, f->raw, edges};
	struct store_row row = {.transport = head->transport,
	    .connected_ms = head->time_ms,
	    .nsp = f->nsp,
	    .user = f->user,
	    .name = f->name,
	    .role = f->role,
	    .ip = f->ip};
	struct store_user_place place = {0};
	struct store_room_entry *space;
	struct growth g = {0};
	int rc;

	rc = store_room_at(w, &f->nsp, NULL, 0, true, &space);
	if (rc < 0)
		return rc;
	/* SPACE stays good: nothing else is looked up among the rooms meanwhile. */
	if (f->user.len > 0)
		rc = store_user_add(w, &f->user, space->count.no, f->raw, &place);
	if (rc < 0)
		return rc;
	store_room_count(space, 1, place.edge);
	if (place.edge) {
		rc = tell_user(w, &cause, RECORD_EDGE_ONLINE);
		if (rc)
			return rc;
	}
	row.user_no = cause.user_no = place.user_no;
	g.len = store_row_put(w->chunk, &row);
	g.dirty = true;
	rc = add_rooms(w, f, &cause, place.alone, &g);
	if (!rc)
		w->now.sockets++;
	return rc;
}

static int socket_add(struct store_writer *w, const struct fields *f, const struct op_head *head)
{
	MDB_val v;
	int rc;

	if (f->nsp.len + f->longest_room > OP_NAME_MAX)
		return -EPROTO;
	if (past_limit(w))
		return refuse(w, &f->nsp, f->raw);
	rc = store_batch_get(w, STORE_SOCKETS, f->raw, STORE_SID_RAW, &v);
	if (rc != -ENOENT)
		return rc ? rc : -EPROTO;
	return put_socket(w, f, head, EDGES_ALL);
}

/* The socket's head row, copied to W->head; 0, -ENOENT or -errno. */
static int get_head(struct store_writer *w, const uint8_t *raw, struct store_row *row, size_t *len, size_t *rooms)
{
	int rc = store_chunk_get(w, raw, 0, w->head, len);

	if (rc)
		return rc;
	*rooms = store_row_get(w->head, *len, row);
	return *rooms ? 0 : -EIO;
}

/* ROW's socket as a cause; its texts lie where the row was read, which is W->head. */
static struct store_cause cause_of(const struct store_row *row, const uint8_t *raw, unsigned edges)
{
	return (struct store_cause){row->nsp, row->user, row->name, row->role, row->user_no, raw, edges};
}

static int join(struct store_writer *w, const struct fields *f)
{
	struct store_cause cause;
	struct store_row row;
	struct growth g = {0};
	size_t len, rooms;
	int rc = get_head(w, f->raw, &row, &len, &rooms);

	if (rc)
		return rc;
	if (row.nsp.len + f->longest_room > OP_NAME_MAX)
		return -EPROTO;
	if (past_limit(w))
		return refuse(w, &row.nsp, f->raw);
	g.nchunks = row.nchunks;
	g.len = len;
	if (row.nchunks == 0)
		memcpy(w->chunk, w->head, len);
	else
		rc = store_chunk_get(w, f->raw, row.nchunks, w->chunk, &g.len);
	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	cause = cause_of(&row, f->raw, EDGES_ALL);
	return add_rooms(w, f, &cause, false, &g);
}

/* Takes ROOM out of the row or chunk that has it. */
static int forget_room(struct store_writer *w, const uint8_t *raw, struct store_row *row, const struct store_text *room)
{
	for (unsigned i = 0; i <= row->nchunks; i++) {
		struct store_row head;
		size_t len, left, rooms = 0;
		int rc = store_chunk_get(w, raw, i, w->chunk, &len);

		if (rc)
			return rc == -ENOENT ? -EIO : rc;
		if (i == 0)
			rooms = store_row_get(w->chunk, len, &head);
		left = store_row_del_room(w->chunk, len, rooms, room->p, room->len);
		if (left == len)
			continue;
		if (i == 0 || left > 0)
			return store_chunk_put(w, raw, i, w->chunk, left);
		/* An empty chunk is filled by the last one, so their number follows the rooms. */
		if (i < row->nchunks) {
			rc = store_chunk_get(w, raw, row->nchunks, w->chunk, &len);
			if (!rc)
				rc = store_chunk_put(w, raw, i, w->chunk, len);
		}
		if (!rc)
			rc = store_chunk_del(w, raw, row->nchunks);
		if (!rc)
			rc = store_chunk_count(w, raw, --row->nchunks);
		return rc == -ENOENT ? -EIO : rc;
	}
	return -EIO;
}

/* A join that is decided here, for no more users may be in a room than it has places. */
static int enter(
    struct store_writer *w, const struct fields *f, const struct op_head *head, unsigned slot, uint32_t gen)
{
	struct record_ack to = {.id = f->ask.id, .slot = slot, .gen = gen};
	struct store_cause cause;
	struct store_text room;
	struct store_row row;
	size_t len, rooms, off = 0;
	uint8_t sub;
	int rc;

	if (head->most == 0 || !next_room(f, &off, &room, &sub))
		return -EPROTO;
	if (f->ask.due_ns < w->clock_ns)
		return 0;
	rc = get_head(w, f->raw, &row, &len, &rooms);
	if (rc)
		return rc;
	if (row.nsp.len + room.len > OP_NAME_MAX)
		return -EPROTO;
	cause = cause_of(&row, f->raw, 0);
	rc = store_member_fits(w, &cause, &room, head->most);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return store_outbox_answer(w, &to, RECORD_ONCE_TAKEN, NULL, 0);
	rc = join(w, f);
	return rc ? rc : store_outbox_answer(w, &to, RECORD_ONCE_NEW, NULL, 0);
}

static int leave(struct store_writer *w, const struct fields *f)
{
	struct store_membership m = {.alone = false};
	struct store_cause cause;
	struct store_row row;
	size_t len, rooms, off = 0;
	uint8_t sub;
	int rc = get_head(w, f->raw, &row, &len, &rooms);

	if (rc)
		return rc;
	if (row.nsp.len + f->longest_room > OP_NAME_MAX)
		return -EPROTO;
	cause = cause_of(&row, f->raw, EDGES_ALL);
	while (rc >= 0 && next_room(f, &off, &m.room, &sub)) {
		rc = store_member_del(w, &cause, &m);
		if (rc > 0)
			rc = forget_room(w, f->raw, &row, &m.room);
	}
	return rc < 0 ? rc : 0;
}

static int set_transport(struct store_writer *w, const struct fields *f, uint8_t transport)
{
	struct store_row row;
	size_t len, rooms;
	int rc = get_head(w, f->raw, &row, &len, &rooms);

	if (rc)
		return rc;
	store_row_set_transport(w->head, transport);
	return store_chunk_put(w, f->raw, 0, w->head, len);
}

/* EDGES: what may be told of, as bits. */
static int take_socket(struct store_writer *w, const uint8_t raw[STORE_SID_RAW], unsigned edges)
{
	struct store_user_place place = {0};
	struct store_room_entry *space;
	struct store_membership m;
	struct store_cause cause;
	struct store_row row;
	size_t len, off;
	uint8_t sub;
	int rc = get_head(w, raw, &row, &len, &off);

	if (rc)
		return rc;
	rc = store_room_at(w, &row.nsp, NULL, 0, false, &space);
	if (rc <= 0)
		return rc ? rc : -EIO;
	if (row.user_no)
		rc = store_user_del(w, &row.user, space->count.no, raw, &place);
	if (rc < 0)
		return rc;
	store_room_count(space, -1, place.edge ? -1 : 0);
	cause = cause_of(&row, raw, edges);
	m.alone = place.alone;
	if (place.edge)
		rc = tell_user(w, &cause, RECORD_EDGE_OFFLINE);
	for (unsigned i = 0; i <= row.nchunks && rc >= 0; i++) {
		const uint8_t *area = w->head;

		if (i > 0) {
			rc = store_chunk_get(w, raw, i, w->chunk, &len);
			area = w->chunk;
			off = 0;
		}
		while (rc >= 0 && store_row_next_room(area, len, &off, &m.room, &sub) > 0) {
			m.automatic = sub == OP_ROOM_AUTO;
			rc = store_member_del(w, &cause, &m);
		}
		if (rc >= 0)
			rc = store_chunk_del(w, raw, i);
	}
	if (rc < 0)
		return rc == -ENOENT ? -EIO : rc;
	w->now.sockets -= w->now.sockets > 0;
	return 0;
}

int store_socket_del(struct store_writer *w, const uint8_t raw[STORE_SID_RAW])
{
	return take_socket(w, raw, EDGES_ALL);
}

static bool same_text(struct store_text a, struct store_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* One user for another, or for none; or the same with another role or other rooms, who then was never away. */
static int socket_set(struct store_writer *w, const struct fields *f, const struct op_head *head)
{
	struct store_row row;
	size_t len, rooms;
	unsigned edges;
	int rc = get_head(w, f->raw, &row, &len, &rooms);

	if (rc)
		return rc;
	if (f->nsp.len + f->longest_room > OP_NAME_MAX || !same_text(f->nsp, row.nsp))
		return -EPROTO;
	edges = same_text(f->user, row.user) ? 0 : EDGES_OF_USER;
	rc = take_socket(w, f->raw, edges);
	return rc ? rc : put_socket(w, f, head, edges);
}

int store_apply(struct store_writer *w, unsigned slot, uint32_t gen, const void *op, size_t len)
{
	struct op_head head;
	const uint8_t *tlvs;
	size_t tlvs_len;
	struct fields f;

	assert(w->txn);
	if (op_parse(op, len, &head, &tlvs, &tlvs_len))
		return -EPROTO;
	if (head.kind == OP_ONCE)
		return store_once_apply(w, slot, gen, &head, tlvs, tlvs_len);
	if (head.kind == OP_BAN || head.kind == OP_UNBAN)
		return store_ban_apply(w, slot, gen, head.kind == OP_BAN, tlvs, tlvs_len);
	if (head.kind == OP_CANCEL)
		return store_cancel_apply(w, slot, gen, tlvs, tlvs_len);
	if (!collect(&f, tlvs, tlvs_len))
		return -EPROTO;
	/* Whose rows outlive their generation's end would stay for ever. */
	if (store_sid_slot(f.raw) != slot || store_sid_gen16(f.raw) != (gen & 0xffff))
		return -EPROTO;
	switch (head.kind) {
	case OP_SOCKET_ADD: return socket_add(w, &f, &head);
	case OP_SOCKET_DEL: return store_socket_del(w, f.raw);
	case OP_JOIN: return join(w, &f);
	case OP_ENTER: return enter(w, &f, &head, slot, gen);
	case OP_LEAVE: return leave(w, &f);
	case OP_SOCKET_SET: return socket_set(w, &f, &head);
	case OP_TRANSPORT: return set_transport(w, &f, head.transport);
	default: return -EPROTO;
	}
}
