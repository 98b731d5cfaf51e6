/*
 * utf8.h - UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, shortest forms only.
 */
#ifndef FORKCAST_PROTO_UTF8_H
#define FORKCAST_PROTO_UTF8_H

#include <sys/types.h>

#include "proto/slice.h"

bool utf8_valid(const char *p, size_t n);
/*
 * Of text that goes on: bytes of its whole characters; what is left, at most 3 bytes, may still become one.  -1: it can
 * not be valid, whatever follows.
 */
ssize_t utf8_prefix(const char *p, size_t n);
/* Characters (code points) of valid text. */
size_t utf8_length(const char *p, size_t n);

#endif
