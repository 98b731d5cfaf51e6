/*
 * json_token.c - see json_token.h.
 */
#include "proto/json_token.h"

#include "proto/json_bytes.h"

static bool between_tokens(char c)
{
	return c == ',' || c == ':' || json_is_space((uint8_t)c);
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && !between_tokens(*p) && *p != ']' && *p != '}')
		p++;
	return p;
}

bool json_next_token(struct slice *rest, struct json_token *out)
{
	const char *p = rest->p, *end, *start;

	if (rest->n == 0)
		return false;
	end = p + rest->n;
	while (p < end && between_tokens(*p))
		p++;
	start = p;
	if (p == end) {
		rest->n = 0;
		return false;
	}
	out->kind = JSON_TOKEN_VALUE;
	switch (*p++) {
	case '[':
	case '{':
		out->kind = JSON_TOKEN_OPEN;
		out->type = *start == '[' ? JSON_ARRAY : JSON_OBJECT;
		break;
	case ']':
	case '}':
		out->kind = JSON_TOKEN_CLOSE;
		out->type = *start == ']' ? JSON_ARRAY : JSON_OBJECT;
		break;
	case '"':
		p = json_string_end(p, end);
		out->type = JSON_STRING;
		break;
	default:
		p = word_end(p, end);
		out->type = json_type(slice_make(start, (size_t)(p - start)));
		break;
	}
	out->text = slice_make(start, (size_t)(p - start));
	while (p < end && json_is_space((uint8_t)*p))
		p++;
	/* Only a member's name has a colon behind it. */
	if (out->type == JSON_STRING && p < end && *p == ':')
		out->kind = JSON_TOKEN_KEY;
	*rest = slice_make(p, (size_t)(end - p));
	return true;
}
