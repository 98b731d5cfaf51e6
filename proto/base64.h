/*
 * base64.h - base64url without padding (RFC 4648, section 5): the text of tokens and session ids; and base64 as binary
 * messages travel in it.
 *
 * Decoding base64url is strict: one text for one value.  White space, padding, the other alphabet and non-zero trailing
 * bits are refused, since a token that can be written in two ways defeats whoever remembers it by its text.
 */
#ifndef FORKCAST_PROTO_BASE64_H
#define FORKCAST_PROTO_BASE64_H

#include <sys/types.h>

#include "proto/slice.h"

#define BASE64URL_ENCODED(n) (((n)*4 + 2) / 3)

/* Length of the decoded bytes, or -1 when the text is not canonical or needs more than CAP. */
ssize_t base64url_decode(struct slice text, void *out, size_t cap);
/* Writes BASE64URL_ENCODED(n) characters, no NUL. */
void base64url_encode(const void *in, size_t n, char *out);
/* True when every character belongs to the alphabet. */
bool base64url_alphabet(struct slice text);

#define BASE64_ENCODED(n) (((n) + 2) / 3 * 4)

/*
 * Takes either alphabet or both mixed, padding or none, and any trailing bits; not white space.  Length of the decoded
 * bytes, or -1 when the text is something else or needs more than CAP.  OUT may be the text itself.
 */
ssize_t base64_decode(struct slice text, void *out, size_t cap);
/* Writes BASE64_ENCODED(n) characters, padding included, no NUL. */
void base64_encode(const void *in, size_t n, char *out);

#endif
