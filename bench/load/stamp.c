#include "bench/load/stamp.h"

#include <assert.h>
#include <string.h>

#define ROOM_AT 9
#define M_AT    20

static void put_hex(char *buf, unsigned digits, uint64_t v)
{
	while (digits--) {
		buf[digits] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}

static bool get_number(const char *buf, unsigned digits, unsigned base, uint64_t *v)
{
	unsigned d;

	for (*v = 0; digits--; buf++) {
		if (*buf >= '0' && *buf <= '9')
			d = (unsigned)(*buf - '0');
		else if (base == 16 && *buf >= 'a' && *buf <= 'f')
			d = (unsigned)(*buf - 'a') + 10;
		else
			return false;
		*v = *v * base + d;
	}
	return true;
}

void stamp_write(char *buf, size_t size, const struct stamp *s)
{
	unsigned room = s->room, i;

	assert(size >= STAMP_MIN && room <= STAMP_ROOM_MAX);
	memset(buf, '.', size);
	memcpy(buf, "{\"room\":\"", ROOM_AT);
	for (i = 4; i--; room /= 10)
		buf[ROOM_AT + i] = (char)('0' + room % 10);
	memcpy(buf + ROOM_AT + 4, "\",\"m\":\"", 7);
	put_hex(buf + M_AT, 4, s->from);
	put_hex(buf + M_AT + 4, 8, s->seq);
	put_hex(buf + M_AT + 12, 16, s->at);
	memcpy(buf + size - 2, "\"}", 2);
}

bool stamp_read(const char *text, size_t len, size_t size, struct stamp *s)
{
	uint64_t room, from, seq;

	if (len < size || memcmp(text, "{\"room\":\"", ROOM_AT) != 0 || memcmp(text + size - 2, "\"}", 2) != 0)
		return false;
	if (!get_number(text + ROOM_AT, 4, 10, &room) || !get_number(text + M_AT, 4, 16, &from) ||
	    !get_number(text + M_AT + 4, 8, 16, &seq) || !get_number(text + M_AT + 12, 16, 16, &s->at))
		return false;
	s->room = (unsigned)room;
	s->from = (unsigned)from;
	s->seq = (uint32_t)seq;
	return true;
}

enum seen_verdict seen_mark(struct seen *s, uint32_t seq)
{
	uint32_t step, back;

	if (seq >= s->next) {
		step = seq - s->next + 1;
		s->mask = step < 64 ? s->mask << step : 0;
		s->mask |= 1;
		s->next = seq + 1;
		s->unique++;
		return SEEN_NEW;
	}
	back = s->next - 1 - seq;
	if (back >= 64 || s->mask >> back & 1)
		return SEEN_TWICE;
	s->mask |= (uint64_t)1 << back;
	s->unique++;
	return SEEN_LATE;
}
