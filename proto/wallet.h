/*
 * wallet.h - what a wallet signs to log in: a text that holds the time, by the Ed25519 key that is its address.
 *
 * Nothing here remembers anything: whoever takes a signature sees to it that it is taken once.
 */
#ifndef FORKCAST_PROTO_WALLET_H
#define FORKCAST_PROTO_WALLET_H

#include "proto/slice.h"

#define WALLET_KEY_BYTES       32
#define WALLET_KEY_TEXT_MAX    44 /* base58 */
#define WALLET_SIGNATURE_BYTES 64
#define WALLET_DIGEST_CHARS    43 /* SHA-256 in base64url */

/* The text of the conf around its {ms}. */
struct wallet_text {
	struct slice before, after;
};

/* The bytes behind an address or a signature in base58; false when they are more, less, or none. */
bool wallet_key(struct slice text, uint8_t out[WALLET_KEY_BYTES]);
bool wallet_signature(struct slice text, uint8_t out[WALLET_SIGNATURE_BYTES]);
/* True when MESSAGE is the text with a time in it: milliseconds since the epoch in *MS, written the one way. */
bool wallet_time(const struct wallet_text *t, struct slice message, int64_t *ms);
/*
 * True when KEY made SIGNATURE over MESSAGE (RFC 8032).  False too for keys and points of small order, and for any
 * other form of the numbers than the reduced one, so nobody but the signer can make a second signature from one.
 * Costs some 60 us.
 */
bool wallet_signed(const uint8_t key[WALLET_KEY_BYTES], const uint8_t signature[WALLET_SIGNATURE_BYTES],
    struct slice message);
/* What stands for a signature in a token, and where it is remembered; no NUL. */
void wallet_digest(const uint8_t signature[WALLET_SIGNATURE_BYTES], char out[WALLET_DIGEST_CHARS]);

#endif
