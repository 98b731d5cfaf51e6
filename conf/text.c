#include "conf/text.h"

#include <string.h>

bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

bool text_equal(struct text a, struct text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int text_compare(const char *a, size_t an, const char *b, size_t bn)
{
	size_t common = an < bn ? an : bn;
	int order = common > 0 ? memcmp(a, b, common) : 0;

	if (order != 0)
		return order;
	return an < bn ? -1 : an > bn;
}

size_t text_rune(const char *p, size_t n, uint32_t *rune)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead;
	uint32_t value;
	size_t length;

	if (n == 0)
		return 0;
	lead = (unsigned char)p[0];
	if (lead < 0x80) {
		*rune = lead;
		return 1;
	}
	if ((lead & 0xe0) == 0xc0) {
		length = 2;
		value = lead & 0x1fU;
	} else if ((lead & 0xf0) == 0xe0) {
		length = 3;
		value = lead & 0x0fU;
	} else if ((lead & 0xf8) == 0xf0) {
		length = 4;
		value = lead & 0x07U;
	} else {
		return 0;
	}
	if (n < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (c & 0x3fU);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*rune = value;
	return length;
}

bool text_rune_hidden(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || (rune >= 0x200b && rune <= 0x200f) ||
	    (rune >= 0x2028 && rune <= 0x202e) || (rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff;
}
