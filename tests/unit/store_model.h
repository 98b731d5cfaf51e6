/*
 * store_model.h - what the store should hold, in plain arrays: applied by the rules of the design, compared row by row.
 *
 * A small world (two namespaces, few users and rooms) so that every collision of interest happens often.
 */
#ifndef FORKCAST_TESTS_STORE_MODEL_H
#define FORKCAST_TESTS_STORE_MODEL_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/op.h"
#include "shm/record.h"
#include "shm/store.h"
#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define MODEL_SOCKETS 96
#define MODEL_USERS   12 /* user 0: none */
#define MODEL_ROOMS   24
#define MODEL_NSPS    2
#define MODEL_EDGES   (1u << 20)

static const char *const model_nsp[MODEL_NSPS] = {"/", "/chat"};

struct model_socket {
	bool on;
	uint8_t raw[STORE_SID_RAW];
	unsigned nsp, user;
	uint32_t rooms; /* a bit each */
	int64_t ms;
};

struct model_edge {
	bool online;
	unsigned nsp, user;
	uint8_t raw[STORE_SID_RAW];
};

struct model {
	struct model_socket s[MODEL_SOCKETS];
	unsigned nedge;
};

/* Edges outlive a model that is copied and taken back: only their number is part of it. */
static struct model_edge model_edges[MODEL_EDGES];

#define MODEL_CHECK(cond, ...)                                                     \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__);                              \
			fputc('\n', stderr);                                       \
			abort();                                                   \
		}                                                                  \
	} while (0)

static inline uint32_t model_rand(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 16);
}

static inline void model_sid(uint8_t raw[STORE_SID_RAW], unsigned slot, uint32_t gen, uint64_t *seed)
{
	raw[0] = (uint8_t)slot;
	raw[1] = (uint8_t)(gen >> 8);
	raw[2] = (uint8_t)gen;
	for (int i = 3; i < STORE_SID_RAW; i++)
		raw[i] = (uint8_t)model_rand(seed);
}

/* Not 0: the user belongs to one generation, and its name says so. */
static uint32_t model_user_gen[MODEL_USERS];

static inline void model_user_name(char buf[32], unsigned user)
{
	if (user < MODEL_USERS && model_user_gen[user] != 0)
		snprintf(buf, 32, "user-%u.%" PRIu32, user, model_user_gen[user]);
	else
		snprintf(buf, 32, "user-%u", user);
}

static inline void model_room_name(char buf[32], unsigned room)
{
	snprintf(buf, 32, "%s:%u", room % 3 ? "market" : "game", room);
}

/* Writes an operation; returns its length. */
static inline size_t model_op(uint8_t *buf, size_t cap, enum op_kind kind, const struct model_socket *s, uint32_t rooms)
{
	struct op_head h = {.kind = (uint8_t)kind, .transport = OP_TRANSPORT_WEBSOCKET, .time_ms = s->ms};
	char sid[OP_SID_LEN + 1], name[32];
	struct tlv_writer w;

	op_begin(&w, buf, cap, &h);
	store_sid_unpack(sid, s->raw);
	tlv_put(&w, OP_TLV_SID, 0, sid, OP_SID_LEN);
	if (kind == OP_SOCKET_ADD || kind == OP_SOCKET_SET) {
		if (s->nsp != 0)
			tlv_put(&w, OP_TLV_NSP, 0, model_nsp[s->nsp], strlen(model_nsp[s->nsp]));
		if (s->user != 0) {
			model_user_name(name, s->user);
			tlv_put(&w, OP_TLV_USER, 0, name, strlen(name));
			tlv_put(&w, OP_TLV_ROLE, 0, "player", 6);
		}
		tlv_put(&w, OP_TLV_IP, 0, "192.0.2.7", 9);
	}
	for (unsigned i = 0; i < MODEL_ROOMS; i++) {
		if (!(rooms >> i & 1))
			continue;
		model_room_name(name, i);
		tlv_put(&w, OP_TLV_ROOM, kind == OP_JOIN || kind == OP_LEAVE ? OP_ROOM_JOINED : OP_ROOM_AUTO, name, strlen(name));
	}
	MODEL_CHECK(!w.over, "operation buffer");
	return w.len;
}

static inline unsigned model_user_sockets(const struct model *m, unsigned nsp, unsigned user)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MODEL_SOCKETS; i++)
		n += m->s[i].on && m->s[i].nsp == nsp && m->s[i].user == user;
	return n;
}

static inline void model_edge(struct model *m, bool online, const struct model_socket *s)
{
	struct model_edge *e = &model_edges[m->nedge++];

	MODEL_CHECK(m->nedge < MODEL_EDGES, "too many edges");
	*e = (struct model_edge){.online = online, .nsp = s->nsp, .user = s->user};
	memcpy(e->raw, s->raw, sizeof e->raw);
}

static inline void model_add(struct model *m, struct model_socket *s)
{
	s->on = true;
	if (s->user != 0 && model_user_sockets(m, s->nsp, s->user) == 1)
		model_edge(m, true, s);
}

static inline void model_del(struct model *m, struct model_socket *s)
{
	s->on = false;
	if (s->user != 0 && model_user_sockets(m, s->nsp, s->user) == 0)
		model_edge(m, false, s);
}

/* The next socket that a purge takes. */
static inline struct model_socket *model_first_of(struct model *m, unsigned slot, uint32_t gen)
{
	struct model_socket *best = NULL;

	for (unsigned i = 0; i < MODEL_SOCKETS; i++) {
		struct model_socket *s = &m->s[i];

		if (s->on && store_sid_slot(s->raw) == slot && store_sid_gen16(s->raw) == (gen & 0xffff) &&
		    (!best || memcmp(s->raw, best->raw, sizeof s->raw) < 0))
			best = s;
	}
	return best;
}

static inline const struct model_socket *model_find(const struct model *m, const uint8_t *raw)
{
	for (unsigned i = 0; i < MODEL_SOCKETS; i++)
		if (m->s[i].on && memcmp(m->s[i].raw, raw, STORE_SID_RAW) == 0)
			return &m->s[i];
	return NULL;
}

/* Number of sockets and users of a room, or (room < 0) of the namespace. */
static inline void model_count(const struct model *m, unsigned nsp, int room, uint64_t *sockets, uint64_t *users)
{
	uint32_t seen = 0;

	*sockets = *users = 0;
	for (unsigned i = 0; i < MODEL_SOCKETS; i++) {
		const struct model_socket *s = &m->s[i];

		if (!s->on || s->nsp != nsp || (room >= 0 && !(s->rooms >> room & 1)))
			continue;
		++*sockets;
		if (s->user != 0 && !(seen >> s->user & 1))
			++*users;
		seen |= 1u << s->user;
	}
}

static inline void model_compare_socket(const struct model_socket *s, struct store *st)
{
	char sid[OP_SID_LEN + 1], name[32];
	struct store_socket got;
	uint32_t rooms = 0;

	store_sid_unpack(sid, s->raw);
	MODEL_CHECK(store_get_socket(st, sid, &got) == 1, "%s", sid);
	MODEL_CHECK(strcmp(got.nsp, model_nsp[s->nsp]) == 0, "%s", got.nsp);
	MODEL_CHECK(got.connected_ms == s->ms && got.transport == OP_TRANSPORT_WEBSOCKET, "%s", sid);
	model_user_name(name, s->user);
	MODEL_CHECK(s->user ? got.user && strcmp(got.user, name) == 0 : !got.user, "%s", sid);
	MODEL_CHECK(got.ip && strcmp(got.ip, "192.0.2.7") == 0 && !got.name, "%s", sid);
	for (unsigned i = 0; i < got.nrooms; i++) {
		unsigned r = 0;

		MODEL_CHECK(sscanf(strchr(got.rooms[i], ':'), ":%u", &r) == 1 && r < MODEL_ROOMS, "%s", got.rooms[i]);
		MODEL_CHECK(!(rooms >> r & 1), "%s twice", got.rooms[i]);
		rooms |= 1u << r;
	}
	MODEL_CHECK(rooms == s->rooms, "%s: rooms %x, want %x", sid, rooms, s->rooms);
	store_socket_fini(&got);
}

static inline void model_compare_room(const struct model *m, struct store *st, unsigned nsp, unsigned room)
{
	char name[32], next[STORE_NEXT_LEN + 1] = "", sids[7][OP_SID_LEN + 1];
	uint64_t sockets, users, have_sockets, have_users;
	uint8_t raw[STORE_SID_RAW];
	unsigned n = 0;
	int rc;

	model_room_name(name, room);
	model_count(m, nsp, (int)room, &sockets, &users);
	rc = store_get_room(st, model_nsp[nsp], name, &have_sockets, &have_users);
	MODEL_CHECK(rc == (sockets > 0), "%s %s: %d", model_nsp[nsp], name, rc);
	MODEL_CHECK(sockets == have_sockets && users == have_users,
	    "%s %s: %" PRIu64 "/%" PRIu64 " not %" PRIu64 "/%" PRIu64, model_nsp[nsp], name, have_sockets, have_users,
	    sockets, users);
	do {
		rc = store_list_room(st, model_nsp[nsp], name, n ? next : NULL, 7, sids, next);
		MODEL_CHECK(rc >= 0, "%d", rc);
		for (int i = 0; i < rc; i++) {
			const struct model_socket *s;

			MODEL_CHECK(store_sid_pack(raw, sids[i]), "%s", sids[i]);
			s = model_find(m, raw);
			MODEL_CHECK(s && s->nsp == nsp && (s->rooms >> room & 1), "%s in %s", sids[i], name);
			n++;
		}
	} while (*next);
	MODEL_CHECK(n == sockets, "%s: %u members, %" PRIu64 " sockets", name, n, sockets);
}

/* Rows of a table, which catches what no query would find. */
static inline size_t model_rows(struct store_writer *w, enum store_table t)
{
	MDB_stat st;
	MDB_txn *txn;

	MODEL_CHECK(mdb_txn_begin(w->e.env, NULL, MDB_RDONLY, &txn) == 0, "begin");
	MODEL_CHECK(mdb_stat(txn, w->e.dbi[t], &st) == 0, "stat");
	mdb_txn_abort(txn);
	return st.ms_entries;
}

/* Compares everything; W may be NULL when another process has the writer's end. */
static inline void model_compare(const struct model *m, struct store *st, struct store_writer *w)
{
	uint64_t nsock = 0, nuser = 0, nroom = 0, nspace = 0, nmember = 0, nsole = 0, nindex = 0, sockets, users, rooms;
	char name[32], sids[MODEL_SOCKETS + 1][OP_SID_LEN + 1];
	struct store_room list[MODEL_ROOMS + 1];
	uint32_t seen = 0;
	size_t rows;
	bool more;
	int rc;

	for (unsigned i = 0; i < MODEL_SOCKETS; i++) {
		const struct model_socket *s = &m->s[i];

		if (!s->on)
			continue;
		nsock++;
		nmember += (uint64_t)__builtin_popcount(s->rooms);
		nindex += s->user != 0;
		nuser += s->user != 0 && !(seen >> s->user & 1);
		seen |= 1u << s->user;
		model_compare_socket(s, st);
	}
	for (unsigned nsp = 0; nsp < MODEL_NSPS; nsp++) {
		unsigned nonempty = 0;

		for (unsigned r = 0; r < MODEL_ROOMS; r++) {
			model_compare_room(m, st, nsp, r);
			model_count(m, nsp, (int)r, &sockets, &users);
			nonempty += sockets > 0;
			nsole += sockets == 1;
		}
		nroom += nonempty;
		rc = store_list_rooms(st, model_nsp[nsp], NULL, NULL, MODEL_ROOMS + 1, list, &more);
		MODEL_CHECK(rc == (int)nonempty && !more, "%d rooms, not %u", rc, nonempty);
		for (int i = 0; i < rc; i++)
			free(list[i].name);
		model_count(m, nsp, -1, &sockets, &users);
		nspace += sockets > 0;
		rc = store_list_sockets(st, model_nsp[nsp], NULL, MODEL_SOCKETS + 1, sids, &more);
		MODEL_CHECK(rc == (int)sockets && !more, "%d sockets in %s, not %" PRIu64, rc, model_nsp[nsp], sockets);
		MODEL_CHECK(
		    store_count_rooms(st, model_nsp[nsp], (const char *const[]){NULL}, 1, &users) == 0, "count");
		MODEL_CHECK(users == sockets, "%s: counter %" PRIu64 ", not %" PRIu64, model_nsp[nsp], users, sockets);
	}
	for (unsigned u = 1; u < MODEL_USERS; u++) {
		unsigned want = model_user_sockets(m, 0, u) + model_user_sockets(m, 1, u);
		struct store_user got;

		model_user_name(name, u);
		rc = store_get_user(st, name, 3, &got);
		MODEL_CHECK(
		    rc == (want > 0) && got.sockets == want, "%s: %" PRIu64 ", not %u", name, got.sockets, want);
		MODEL_CHECK(got.nsids == (want < 3 ? want : 3), "%s: %u sids", name, got.nsids);
		store_user_fini(&got);
	}
	MODEL_CHECK(store_totals(st, &sockets, &users, &rooms) == 0, "totals");
	MODEL_CHECK(sockets == nsock && users == nuser && rooms == nroom,
	    "totals %" PRIu64 " %" PRIu64 " %" PRIu64 ", not %" PRIu64 " %" PRIu64 " %" PRIu64, sockets, users, rooms,
	    nsock, nuser, nroom);
	if (!w)
		return;
	MODEL_CHECK(model_rows(w, STORE_SOCKETS) == nsock, "%zu rows", model_rows(w, STORE_SOCKETS));
	/* The only member of a room may be in the room's row. */
	rows = model_rows(w, STORE_MEMBERS);
	MODEL_CHECK(rows <= nmember && rows >= nmember - nsole, "%zu rows, %" PRIu64 " members", rows, nmember);
	MODEL_CHECK(model_rows(w, STORE_USERS) == nindex, "%zu rows", model_rows(w, STORE_USERS));
	MODEL_CHECK(model_rows(w, STORE_ROOMS) == nroom + nspace, "%zu rows", model_rows(w, STORE_ROOMS));
}

/* Is RECORD the edge number SEQUENCE of the model? */
static inline void model_check_edge(uint64_t sequence, const void *record, size_t len)
{
	const struct model_edge *e = &model_edges[sequence - 1];
	char user[32], sid[OP_SID_LEN + 1];
	struct record rec;
	struct tlv t;
	size_t off = 0;
	bool found = false;

	MODEL_CHECK(record_parse(&rec, record, len) == 0, "record %" PRIu64, sequence);
	MODEL_CHECK(rec.head.kind == RECORD_EDGE && rec.head.sequence == sequence, "record %" PRIu64, sequence);
	MODEL_CHECK(rec.head.act == (e->online ? RECORD_EDGE_ONLINE : RECORD_EDGE_OFFLINE), "edge %" PRIu64, sequence);
	MODEL_CHECK(rec.nsp_len == strlen(model_nsp[e->nsp]) && memcmp(rec.nsp, model_nsp[e->nsp], rec.nsp_len) == 0,
	    "edge %" PRIu64, sequence);
	store_sid_unpack(sid, e->raw);
	MODEL_CHECK(rec.nrooms == 1 && rec.room_sub == RECORD_ROOM_SID && rec.room_len == OP_SID_LEN &&
		memcmp(rec.room, sid, OP_SID_LEN) == 0,
	    "edge %" PRIu64 " by another socket", sequence);
	model_user_name(user, e->user);
	while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0)
		if (t.type == RECORD_TLV_USER)
			found = t.len == strlen(user) && memcmp(t.val, user, t.len) == 0;
	MODEL_CHECK(found, "edge %" PRIu64 " is not about %s", sequence, user);
}

#endif
