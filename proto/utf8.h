/*
 * utf8.h - UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, shortest forms only.
 */
#ifndef FORKCAST_PROTO_UTF8_H
#define FORKCAST_PROTO_UTF8_H

#include "proto/slice.h"

bool utf8_valid(const char *p, size_t n);
/* Characters (code points) of valid text. */
size_t utf8_length(const char *p, size_t n);

#endif
