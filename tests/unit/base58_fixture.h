/*
 * base58_fixture.h - base58 the other way round, by long division: the oracle of the tests and the fuzzer.
 */
#ifndef FORKCAST_TESTS_BASE58_FIXTURE_H
#define FORKCAST_TESTS_BASE58_FIXTURE_H

#include <stdint.h>
#include <string.h>

/* The text of N bytes at IN (at most 64), NUL-terminated; its length. */
static inline size_t base58_of(const void *in, size_t n, char out[96])
{
	static const char *letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t number[64];
	char back[96];
	size_t len = 0, at = 0, first = 0;

	memcpy(number, in, n);
	while (first < n && number[first] == 0) {
		out[at++] = '1';
		first++;
	}
	while (first < n) {
		unsigned rest = 0;

		for (size_t i = first; i < n; i++) {
			rest = rest << 8 | number[i];
			number[i] = (uint8_t)(rest / 58);
			rest %= 58;
		}
		back[len++] = letters[rest];
		while (first < n && number[first] == 0)
			first++;
	}
	while (len > 0)
		out[at++] = back[--len];
	out[at] = '\0';
	return at;
}

#endif
