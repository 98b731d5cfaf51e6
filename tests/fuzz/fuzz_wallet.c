/*
 * fuzz_wallet.c - the input as base58, as a signed text with a time, and its bytes as key, signature and message.
 *
 * What decodes is the only text for its bytes; what has a time is written by that time again; nobody guesses a signature,
 * but what is signed with a key of ours passes.
 */
#include <sodium.h>
#include <stdio.h>

#include "proto/base58.h"
#include "proto/wallet.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/base58_fixture.h"

static void as_base58(struct slice in)
{
	uint8_t bytes[BASE58_BYTES_MAX + 1], short_of_it[BASE58_BYTES_MAX];
	char again[96];
	ssize_t n = base58_decode(in, bytes, sizeof bytes);

	must(n >= -1 && n <= BASE58_BYTES_MAX);
	if (n < 0)
		return;
	must(slice_eq(slice_make(again, base58_of(bytes, (size_t)n, again)), in));
	if (n > 0)
		must(base58_decode(in, short_of_it, (size_t)n - 1) == -1);
	must(wallet_key(in, bytes) == (n == WALLET_KEY_BYTES));
	must(wallet_signature(in, bytes) == (n == WALLET_SIGNATURE_BYTES));
}

/* The first byte says how much of the rest stands around the time. */
static void as_message(struct slice in)
{
	struct wallet_text t;
	struct slice message;
	char digits[32];
	int64_t ms = 0;
	int n;

	if (in.n == 0)
		return;
	t.before = slice_make(in.p + 1, (unsigned char)in.p[0] % 16 < in.n ? (unsigned char)in.p[0] % 16 : 0);
	t.after = slice_make(in.p + in.n, 0);
	while (t.before.n + t.after.n + 1 < in.n && (t.after.p[-1] < '0' || t.after.p[-1] > '9')) {
		t.after.p--;
		t.after.n++;
	}
	message = slice_make(in.p + 1, in.n - 1);
	if (!wallet_time(&t, message, &ms))
		return;
	must(ms > 0);
	n = snprintf(digits, sizeof digits, "%lld", (long long)ms);
	must(message.n == t.before.n + (size_t)n + t.after.n && memcmp(message.p + t.before.n, digits, (size_t)n) == 0);
}

static void as_signature(struct slice in)
{
	static uint8_t key[32], secret[64];
	static const uint8_t seed[32] = {7};
	uint8_t sig[64];
	struct slice message;

	if (key[0] == 0)
		must(crypto_sign_seed_keypair(key, secret, seed) == 0);
	if (in.n < 96)
		return;
	message = slice_make(in.p + 96, in.n - 96);
	must(!wallet_signed((const uint8_t *)in.p, (const uint8_t *)in.p + 32, message));
	must(!wallet_signed(key, (const uint8_t *)in.p + 32, message));
	crypto_sign_detached(sig, NULL, (const unsigned char *)message.p, message.n, secret);
	must(wallet_signed(key, sig, message));
	sig[(unsigned char)in.p[0] % 64] ^= (uint8_t)(1u << (unsigned char)in.p[1] % 8);
	must(!wallet_signed(key, sig, message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);

	must(sodium_init() >= 0);
	as_base58(in);
	as_message(in);
	as_signature(in);
	return 0;
}
