/* t_wallet.c - what a wallet signed: the time in its text, its signature, and forms that would be a second one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/base64.h"
#include "proto/wallet.h"
#include "tests/unit/base58_fixture.h"

static const struct wallet_text text = {{"Log in: ", 8}, {" (app)", 6}};

static bool time_of(const char *message, size_t n, int64_t *ms)
{
	char *copy = malloc(n > 0 ? n : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, message, n);
	good = wallet_time(&text, slice_make(copy, n), ms);
	free(copy);
	return good;
}

static void times(void **state)
{
	static const struct {
		const char *message;
		int64_t ms; /* -1: refused */
	} cases[] = {
	    {"Log in: 1700000000000 (app)", INT64_C(1700000000000)},
	    {"Log in: 1 (app)", 1},
	    {"Log in: 999999999999999 (app)", INT64_C(999999999999999)},
	    {"Log in: 1000000000000000 (app)", -1},
	    {"Log in: 99999999999999999999999999 (app)", -1},
	    {"Log in:  (app)", -1},
	    {"Log in: 0 (app)", -1},
	    {"Log in: 01 (app)", -1},
	    {"Log in: -1 (app)", -1},
	    {"Log in: +1 (app)", -1},
	    {"Log in: 1.0 (app)", -1},
	    {"Log in: 1e3 (app)", -1},
	    {"Log in:  1 (app)", -1},
	    {"Log in: 1  (app)", -1},
	    {"log in: 1 (app)", -1},
	    {"Log in: 1 (apP)", -1},
	    {"Log in: 1 (app) ", -1},
	    {" Log in: 1 (app)", -1},
	    {"Log in: 1", -1},
	    {"1 (app)", -1},
	    {"Log in: {ms} (app)", -1},
	    {"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *m = cases[i].message;
		size_t n = strlen(m);
		int64_t ms = 0;

		assert_int_equal(time_of(m, n, &ms), cases[i].ms >= 0);
		if (cases[i].ms < 0)
			continue;
		assert_true(ms == cases[i].ms);
		for (size_t k = 0; k < n; k++)
			assert_false(time_of(m, k, &ms));
	}
	/* the time alone */
	assert_true(wallet_time(&(struct wallet_text){{"", 0}, {"", 0}}, slice_make("12", 2), &(int64_t){0}));
	assert_false(wallet_time(&(struct wallet_text){{"", 0}, {"", 0}}, slice_make("", 0), &(int64_t){0}));
}

static void lengths(void **state)
{
	uint8_t bytes[64], key[WALLET_KEY_BYTES], sig[WALLET_SIGNATURE_BYTES];
	char out[96];

	(void)state;
	memset(bytes, 0xab, sizeof bytes);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		size_t len = base58_of(bytes, n, out);

		assert_int_equal(wallet_key(slice_make(out, len), key), n == WALLET_KEY_BYTES);
		assert_int_equal(wallet_signature(slice_make(out, len), sig), n == WALLET_SIGNATURE_BYTES);
	}
	assert_memory_equal(key, bytes, sizeof key);
	assert_memory_equal(sig, bytes, sizeof sig);
	memset(bytes, 0xff, sizeof bytes);
	assert_true(base58_of(bytes, WALLET_KEY_BYTES, out) <= WALLET_KEY_TEXT_MAX);
}

static void signatures(void **state)
{
	const struct slice message = SLICE("Log in: 1700000000000 (app)");
	uint8_t key[32], secret[64], sig[64], other[64], otherkey[32];

	(void)state;
	crypto_sign_keypair(key, secret);
	crypto_sign_detached(sig, NULL, (const unsigned char *)message.p, message.n, secret);
	assert_true(wallet_signed(key, sig, message));
	assert_false(wallet_signed(key, sig, SLICE("Log in: 1700000000001 (app)")));
	assert_false(wallet_signed(key, sig, slice_make(message.p, message.n - 1)));
	for (size_t bit = 0; bit < 8 * sizeof sig; bit++) {
		memcpy(other, sig, sizeof sig);
		other[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(wallet_signed(key, other, message));
	}
	for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
		memcpy(otherkey, key, sizeof key);
		otherkey[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(wallet_signed(otherkey, sig, message));
	}
}

/* A second signature from the first, without the key: S plus the order of the group. */
static void one_form_of_a_number(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
	    0xde, 0x14, [31] = 0x10};
	const struct slice message = SLICE("x");
	uint8_t key[32], secret[64], sig[64];
	unsigned carry = 0;

	(void)state;
	crypto_sign_keypair(key, secret);
	crypto_sign_detached(sig, NULL, (const unsigned char *)message.p, message.n, secret);
	for (size_t i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_false(wallet_signed(key, sig, message));
}

/* Keys for which one signature holds for every message. */
static void keys_of_small_order(void **state)
{
	static const uint8_t points[][32] = {
	    {0},
	    {1},
	    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05,
		0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa,
		0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	    /* p and p + 1: not reduced */
	    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	};
	size_t n = sizeof points / sizeof points[0];

	(void)state;
	for (size_t k = 0; k < n; k++) {
		for (size_t r = 0; r < n; r++) {
			uint8_t sig[64] = {0};

			memcpy(sig, points[r], 32);
			for (unsigned round = 0; round < 16; round++) {
				char message = (char)round;

				assert_false(wallet_signed(points[k], sig, slice_make(&message, 1)));
			}
		}
	}
}

static void digests(void **state)
{
	uint8_t sig[64] = {0}, back[32], want[32];
	char a[WALLET_DIGEST_CHARS], b[WALLET_DIGEST_CHARS];

	(void)state;
	wallet_digest(sig, a);
	crypto_hash_sha256(want, sig, sizeof sig);
	assert_int_equal(base64url_decode(slice_make(a, sizeof a), back, sizeof back), 32);
	assert_memory_equal(back, want, 32);
	sig[63] = 1;
	wallet_digest(sig, b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(signatures),
	    cmocka_unit_test(one_form_of_a_number),
	    cmocka_unit_test(keys_of_small_order),
	    cmocka_unit_test(digests),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
