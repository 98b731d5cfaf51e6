/*
 * json_walk.c - the walkers of json.h: they find the ends of values that json_scan() has accepted.
 *
 * Bounds are checked all the same, and each step moves on: on text that was never scanned the slices make no sense,
 * but they lie inside it and the walk ends.
 */
#include "proto/json.h"
#include "proto/json_bytes.h"

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && json_is_space((uint8_t)*p))
		p++;
	return p;
}

/* P is at the opening bracket; behind its closing one, or END. */
static const char *skip_container(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		switch (*p++) {
		case '"': p = json_string_end(p, end); break;
		case '[':
		case '{': depth++; break;
		case ']':
		case '}':
			if (--depth == 0)
				return p;
			break;
		default: break;
		}
	}
	return end;
}

static const char *skip_value(const char *p, const char *end)
{
	if (p == end)
		return p;
	if (*p == '"')
		return json_string_end(p + 1, end);
	if (*p == '[' || *p == '{')
		return skip_container(p, end);
	while (p < end && *p != ',' && *p != ']' && *p != '}' && !json_is_space((uint8_t)*p))
		p++;
	return p;
}

enum json_type json_type(struct slice v)
{
	if (v.n == 0)
		return JSON_NONE;
	switch (v.p[0]) {
	case '"': return JSON_STRING;
	case '{': return JSON_OBJECT;
	case '[': return JSON_ARRAY;
	case 't': return JSON_TRUE;
	case 'f': return JSON_FALSE;
	case 'n': return JSON_NULL;
	case '-': return JSON_NUMBER;
	default: return v.p[0] >= '0' && v.p[0] <= '9' ? JSON_NUMBER : JSON_NONE;
	}
}

struct slice json_trim(struct slice s)
{
	while (s.n > 0 && json_is_space((uint8_t)s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && json_is_space((uint8_t)s.p[s.n - 1]))
		s.n--;
	return s;
}

struct json_iter json_iter(struct slice v)
{
	struct json_iter it = {v.p, v.p};

	if (v.n >= 2 && (v.p[0] == '[' || v.p[0] == '{')) {
		it.p = v.p + 1;
		it.end = v.p + v.n - 1;
	}
	return it;
}

/* To the start of the next element or member name; false at the end. */
static bool json_iter_item(struct json_iter *it)
{
	it->p = skip_space(it->p, it->end);
	if (it->p < it->end && *it->p == ',')
		it->p = skip_space(it->p + 1, it->end);
	return it->p < it->end;
}

bool json_next_element(struct json_iter *it, struct slice *value)
{
	const char *start;

	if (!json_iter_item(it))
		return false;
	start = it->p;
	it->p = skip_value(start, it->end);
	*value = slice_make(start, (size_t)(it->p - start));
	return value->n > 0;
}

bool json_next_member(struct json_iter *it, struct slice *key, struct slice *value)
{
	struct slice name;

	if (!json_iter_item(it) || *it->p != '"')
		return false;
	name.p = it->p;
	it->p = json_string_end(name.p + 1, it->end);
	name.n = (size_t)(it->p - name.p);
	it->p = skip_space(it->p, it->end);
	if (it->p == it->end || *it->p != ':')
		return false;
	it->p = skip_space(it->p + 1, it->end);
	value->p = it->p;
	it->p = skip_value(value->p, it->end);
	value->n = (size_t)(it->p - value->p);
	*key = json_string_raw(name);
	return value->n > 0;
}

bool json_get(struct slice v, struct slice name, struct slice *value)
{
	struct json_iter it = json_iter(v);
	struct slice key, val;
	bool found = false;

	if (json_type(v) != JSON_OBJECT)
		return false;
	while (json_next_member(&it, &key, &val)) {
		if (json_string_is(key, name)) {
			*value = val;
			found = true;
		}
	}
	return found;
}

bool json_at(struct slice v, size_t i, struct slice *value)
{
	struct json_iter it = json_iter(v);

	if (json_type(v) != JSON_ARRAY)
		return false;
	while (json_next_element(&it, value)) {
		if (i-- == 0)
			return true;
	}
	return false;
}

size_t json_length(struct slice v)
{
	struct json_iter it = json_iter(v);
	struct slice key, val;
	size_t n = 0;

	if (json_type(v) == JSON_OBJECT) {
		while (json_next_member(&it, &key, &val))
			n++;
	} else {
		while (json_next_element(&it, &val))
			n++;
	}
	return n;
}
