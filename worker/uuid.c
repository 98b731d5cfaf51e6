#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "worker/uuid.h"

/* Random bytes in stock: the kernel is asked once for many.  Made by the process that uses them, after its fork. */
static void take(uint8_t *out, size_t n)
{
	static uint8_t stock[4096];
	static size_t left;

	if (left < n) {
		randombytes_buf(stock, sizeof(stock));
		left = sizeof(stock);
	}
	left -= n;
	memcpy(out, stock + left, n);
	sodium_memzero(stock + left, n);
}

void uuid_make(char out[UUID_LEN + 1])
{
	static const unsigned char cut[] = {4, 2, 2, 2, 6};
	char hex[33], *p = out;
	const char *h = hex;
	uint8_t r[16];

	take(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	sodium_bin2hex(hex, sizeof(hex), r, sizeof(r));
	for (unsigned i = 0; i < sizeof(cut); i++) {
		if (i > 0)
			*p++ = '-';
		memcpy(p, h, cut[i] * 2u);
		p += cut[i] * 2;
		h += cut[i] * 2;
	}
	*p = '\0';
}
