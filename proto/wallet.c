#include "proto/wallet.h"

#include <sodium.h>

#include "proto/base58.h"
#include "proto/base64.h"

#define TIME_DIGITS_MAX 15 /* far beyond any date, and no overflow */

_Static_assert(WALLET_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "an Ed25519 key");
_Static_assert(WALLET_SIGNATURE_BYTES == crypto_sign_BYTES, "an Ed25519 signature");
_Static_assert(WALLET_DIGEST_CHARS == BASE64URL_ENCODED(crypto_hash_sha256_BYTES), "a SHA-256");

bool wallet_key(struct slice text, uint8_t out[WALLET_KEY_BYTES])
{
	return base58_decode(text, out, WALLET_KEY_BYTES) == WALLET_KEY_BYTES;
}

bool wallet_signature(struct slice text, uint8_t out[WALLET_SIGNATURE_BYTES])
{
	return base58_decode(text, out, WALLET_SIGNATURE_BYTES) == WALLET_SIGNATURE_BYTES;
}

bool wallet_time(const struct wallet_text *t, struct slice message, int64_t *ms)
{
	size_t around = t->before.n + t->after.n;
	struct slice digits;

	if (message.n <= around || message.n > around + TIME_DIGITS_MAX)
		return false;
	digits = slice_make(message.p + t->before.n, message.n - around);
	if (!slice_eq(slice_make(message.p, t->before.n), t->before) ||
	    !slice_eq(slice_make(digits.p + digits.n, t->after.n), t->after) || digits.p[0] == '0')
		return false;
	*ms = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		*ms = *ms * 10 + (digits.p[i] - '0');
	}
	return true;
}

bool wallet_signed(const uint8_t key[WALLET_KEY_BYTES], const uint8_t signature[WALLET_SIGNATURE_BYTES],
    struct slice message)
{
	return crypto_sign_verify_detached(signature, (const unsigned char *)message.p, message.n, key) == 0;
}

void wallet_digest(const uint8_t signature[WALLET_SIGNATURE_BYTES], char out[WALLET_DIGEST_CHARS])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, signature, WALLET_SIGNATURE_BYTES);
	base64url_encode(digest, sizeof(digest), out);
}
