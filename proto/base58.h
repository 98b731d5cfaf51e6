/*
 * base58.h - base58 with Bitcoin's alphabet: how wallets write public keys and signatures.
 *
 * The text is one big number in base 58, and each leading '1' a leading zero byte.  So a run of bytes has one text, and
 * a text one run of bytes.  The cost grows with the square of the length, which is why lengths are capped.
 */
#ifndef FORKCAST_PROTO_BASE58_H
#define FORKCAST_PROTO_BASE58_H

#include <sys/types.h>

#include "proto/slice.h"

#define BASE58_BYTES_MAX 64 /* a signature of Ed25519 */
#define BASE58_TEXT_MAX	 88 /* characters that so many bytes have at most */

/*
 * Bytes of TEXT, at most BASE58_BYTES_MAX, in OUT; 0 for the empty text; -1 when a character is none of the alphabet's
 * or the bytes do not fit CAP.
 */
ssize_t base58_decode(struct slice text, void *out, size_t cap);

#endif
