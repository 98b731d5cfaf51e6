/*
 * text.h - a counted string of the configuration; NUL-terminated too, lives as long as its struct conf.
 */
#ifndef FORKCAST_CONF_TEXT_H
#define FORKCAST_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const char *p;
	size_t n;
};

/* True when T is exactly the bytes of S. */
bool text_is(struct text t, const char *s);
bool text_equal(struct text a, struct text b);
/* Order of bytes, a prefix first: <0, 0, >0. */
int text_compare(const char *a, size_t an, const char *b, size_t bn);

/*
 * Decodes the UTF-8 character at P (RFC 3629: no overlong form, no surrogate, at most U+10FFFF): its length in bytes,
 * 1 to 4, or 0 when P does not start with one.
 */
size_t text_rune(const char *p, size_t n, uint32_t *rune);

/* True for control characters and for those that reorder or hide what follows them on a terminal. */
bool text_rune_hidden(uint32_t rune);

#endif
