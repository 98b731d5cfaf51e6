#include "proto/base58.h"

/* 0, I, O and l are left out: they look like others. */
static const char letters[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

ssize_t base58_decode(struct slice text, void *out, size_t cap)
{
	uint8_t number[BASE58_BYTES_MAX]; /* its last LEN bytes; the number's first is not 0 */
	size_t zeros = 0, len = 0;

	if (text.n > BASE58_TEXT_MAX)
		return -1;
	while (zeros < text.n && text.p[zeros] == letters[0])
		zeros++;
	for (size_t i = zeros; i < text.n; i++) {
		const char *letter = text.p[i] != '\0' ? strchr(letters, text.p[i]) : NULL;
		uint32_t carry;

		if (letter == NULL)
			return -1;
		carry = (uint32_t)(letter - letters);
		for (size_t k = 0; k < len; k++) {
			uint8_t *byte = &number[sizeof number - 1 - k];

			carry += 58u * *byte;
			*byte = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry == 0)
			continue;
		if (len == sizeof number)
			return -1;
		number[sizeof number - ++len] = (uint8_t)carry;
	}
	if (zeros + len > cap || zeros + len > BASE58_BYTES_MAX)
		return -1;
	memset(out, 0, zeros);
	memcpy((uint8_t *)out + zeros, number + sizeof number - len, len);
	return (ssize_t)(zeros + len);
}
