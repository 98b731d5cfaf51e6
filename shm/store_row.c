/*
 * store_row.c - see store_row.h.
 */
#include "shm/store_row.h"

#include <assert.h>
#include <string.h>

#define HEAD_FIXED 9u /* transport, chunks, time */
#define ROOM_HEAD  2u

_Static_assert(HEAD_FIXED + STORE_NUM_MAX + 1 + OP_NAME_MAX + 1 + OP_USER_MAX + 3 * (1 + STORE_TEXT_MAX) + ROOM_HEAD +
	    OP_NAME_MAX <=
	STORE_ROW_MAX,
    "the longest head leaves room for one room");

static size_t put_text(uint8_t *p, const struct store_text *t)
{
	assert(t->len <= STORE_TEXT_MAX);
	p[0] = (uint8_t)t->len;
	if (t->len > 0)
		memcpy(p + 1, t->p, t->len);
	return 1 + t->len;
}

static bool get_text(const uint8_t *buf, size_t len, size_t *off, struct store_text *t)
{
	if (*off >= len || buf[*off] > len - *off - 1)
		return false;
	t->len = buf[*off];
	t->p = (const char *)buf + *off + 1;
	*off += 1 + t->len;
	return true;
}

size_t store_row_put(uint8_t buf[STORE_ROW_MAX], const struct store_row *row)
{
	uint64_t ms = (uint64_t)row->connected_ms;
	size_t n = HEAD_FIXED;

	buf[0] = row->transport;
	store_row_set_chunks(buf, row->nchunks);
	for (unsigned i = 0; i < 6; i++)
		buf[3 + i] = (uint8_t)(ms >> 8 * (5 - i));
	n += store_num_put(buf + n, row->user_no);
	n += put_text(buf + n, &row->nsp);
	n += put_text(buf + n, &row->user);
	n += put_text(buf + n, &row->name);
	n += put_text(buf + n, &row->role);
	n += put_text(buf + n, &row->ip);
	return n;
}

size_t store_row_get(const uint8_t *buf, size_t len, struct store_row *row)
{
	uint64_t ms = 0;
	size_t n, off = HEAD_FIXED;

	if (len < HEAD_FIXED)
		return 0;
	row->transport = buf[0];
	row->nchunks = (unsigned)buf[1] << 8 | buf[2];
	for (unsigned i = 0; i < 6; i++)
		ms = ms << 8 | buf[3 + i];
	row->connected_ms = (int64_t)ms;
	n = store_num_get(buf + off, len - off, &row->user_no);
	off += n;
	if (n == 0 || !get_text(buf, len, &off, &row->nsp) || !get_text(buf, len, &off, &row->user) ||
	    !get_text(buf, len, &off, &row->name) || !get_text(buf, len, &off, &row->role) ||
	    !get_text(buf, len, &off, &row->ip))
		return 0;
	return off;
}

void store_row_set_transport(uint8_t *buf, uint8_t transport)
{
	buf[0] = transport;
}

void store_row_set_chunks(uint8_t *buf, unsigned nchunks)
{
	assert(nchunks <= STORE_CHUNKS_MAX);
	buf[1] = (uint8_t)(nchunks >> 8);
	buf[2] = (uint8_t)nchunks;
}

size_t store_row_add_room(uint8_t buf[STORE_ROW_MAX], size_t len, const char *room, size_t room_len, uint8_t sub)
{
	assert(room_len <= OP_NAME_MAX);
	if (room_len + ROOM_HEAD > STORE_ROW_MAX - len)
		return 0;
	buf[len] = (uint8_t)room_len;
	buf[len + 1] = sub;
	memcpy(buf + len + ROOM_HEAD, room, room_len);
	return len + ROOM_HEAD + room_len;
}

int store_row_next_room(const uint8_t *buf, size_t len, size_t *off, struct store_text *room, uint8_t *sub)
{
	if (*off == len)
		return 0;
	if (len - *off < ROOM_HEAD || buf[*off] > len - *off - ROOM_HEAD)
		return -1;
	room->len = buf[*off];
	room->p = (const char *)buf + *off + ROOM_HEAD;
	*sub = buf[*off + 1];
	*off += ROOM_HEAD + room->len;
	return 1;
}

size_t store_row_del_room(uint8_t *buf, size_t len, size_t off, const char *room, size_t room_len)
{
	struct store_text t;
	size_t start = off;
	uint8_t sub;

	while (store_row_next_room(buf, len, &off, &t, &sub) > 0) {
		if (t.len == room_len && memcmp(t.p, room, room_len) == 0) {
			memmove(buf + start, buf + off, len - off);
			return len - (off - start);
		}
		start = off;
	}
	return len;
}

size_t store_count_put(uint8_t buf[STORE_COUNT_MAX], const struct store_count *c)
{
	size_t n = store_num_put(buf, c->no);

	n += store_num_put(buf + n, c->sockets);
	n += store_num_put(buf + n, c->users);
	if (!c->sole)
		return n;
	n += store_num_put(buf + n, c->sole_user);
	memcpy(buf + n, c->sole_raw, STORE_SID_RAW);
	return n + STORE_SID_RAW;
}

bool store_count_get(const uint8_t *buf, size_t len, struct store_count *c)
{
	uint64_t *const field[] = {&c->no, &c->sockets, &c->users, &c->sole_user};
	size_t off = 0;

	c->sole = false;
	for (unsigned i = 0; i < 4; i++) {
		size_t n = store_num_get(buf + off, len - off, field[i]);

		if (n == 0)
			return i == 3 && off == len;
		off += n;
	}
	if (len - off != STORE_SID_RAW)
		return false;
	memcpy(c->sole_raw, buf + off, STORE_SID_RAW);
	c->sole = true;
	return true;
}
