/*
 * http_token.c - see http_token.h.
 */
#include "proto/http_token.h"

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c;
}

bool http_equal_nocase(struct slice a, struct slice b)
{
	/* Most pairs differ in their length, most others in their first letter. */
	if (a.n != b.n || (a.n > 0 && lower(a.p[0]) != lower(b.p[0])))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

bool http_is_nocase(struct slice a, const char *s)
{
	return http_equal_nocase(a, slice_make(s, strlen(s)));
}

struct slice http_trim(struct slice s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* RFC 9110, section 5.6.2: letters, digits and some signs, a bit each. */
static const uint64_t token_chars[4] = {
    UINT64_C(0x03ff6cfa00000000), /* ! # $ % & ' * + - . 0-9 */
    UINT64_C(0x57ffffffc7fffffe), /* A-Z ^ _ ` a-z | ~ */
};

bool http_is_token_char(char c)
{
	uint8_t u = (uint8_t)c;

	return (token_chars[u / 64] >> u % 64 & 1) != 0;
}

bool http_is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!http_is_token_char(s.p[i]))
			return false;
	}
	return s.n > 0;
}
