#include "worker/field_value.h"

#include <math.h>

#include "conf/format.h"
#include "proto/json.h"
#include "proto/sio_attach.h"

/* Bytes of the character at P, escaped or not.  A pair of surrogates is one character, half a pair one too. */
static size_t character(const char *p, const char *end)
{
	size_t n = 1;

	if (*p != '\\') {
		while (p + n < end && ((unsigned char)p[n] & 0xc0) == 0x80)
			n++;
		return n;
	}
	if (p[1] != 'u')
		return 2;
	if (end - p < 12 || (p[2] | 0x20) != 'd' || p[3] < '8' || p[6] != '\\' || p[7] != 'u' || (p[8] | 0x20) != 'd')
		return 6;
	/* d8..db, then dc..df: letters in either case */
	return (p[3] == '8' || p[3] == '9' || (p[3] | 0x20) == 'a' || (p[3] | 0x20) == 'b') && (p[9] | 0x20) >= 'c' ? 12
														    : 6;
}

static bool characters_fit(const struct field_kind *k, struct slice raw)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	int64_t n = 0;

	/* Bytes are no fewer than characters, and as many as the usual limits ask for say enough. */
	if (k->min <= 1 && (int64_t)raw.n >= k->min && (int64_t)raw.n <= k->max)
		return true;
	if ((int64_t)raw.n < k->min)
		return false;
	for (; p < end && n <= k->max; n++)
		p += character(p, end);
	return n >= k->min && n <= k->max;
}

static bool has_form(enum field_type type, const char *p, size_t n)
{
	switch (type) {
	case FIELD_UUID: return format_uuid(p, n);
	case FIELD_ID: return format_id(p, n);
	case FIELD_DATE: return format_date(p, n);
	case FIELD_DIGITS: return format_digits(p, n);
	default: return format_url(p, n);
	}
}

/* What is written with escapes is judged by what it means: "2024-\u0030..." and "http:\/\/". */
static bool form_fits(enum field_type type, struct arena *a, struct slice v)
{
	struct slice raw = json_string_raw(v);
	ssize_t n;
	char *p;

	if (json_type(v) != JSON_STRING)
		return false;
	if (raw.n == 0 || memchr(raw.p, '\\', raw.n) == NULL)
		return has_form(type, raw.p, raw.n);
	p = arena_alloc(a, raw.n);
	n = json_string_decode(v, p, raw.n);
	return n >= 0 && has_form(type, p, (size_t)n);
}

static bool same_number(struct slice v, struct slice word)
{
	double x, y;

	return slice_eq(v, word) || (json_number(v, &x) && json_number(word, &y) && x == y);
}

static bool is_word(const struct field_kind *k, struct slice v)
{
	enum json_type type = json_type(v);

	for (unsigned i = 0; i < k->nword; i++) {
		struct slice word = slice_make(k->word[i].text.p, k->word[i].text.n);

		if (k->word[i].number ? type == JSON_NUMBER && same_number(v, word)
				      : type == JSON_STRING && json_string_is(json_string_raw(v), word))
			return true;
	}
	return false;
}

static bool list_fits(const struct field_kind *k, struct arena *a, struct slice v, const struct attachments *attached)
{
	struct json_iter it = json_iter(v);
	struct slice el;
	int64_t n = 0;

	if (json_type(v) != JSON_ARRAY)
		return false;
	while (json_next_element(&it, &el)) {
		if (++n > k->max || !field_value_fits(k->of, a, el, attached))
			return false;
	}
	return n >= k->min;
}

static bool attachment_fits(const struct field_kind *k, struct slice v, const struct attachments *attached)
{
	int i = sio_attach_index(v, attached->n);

	return i >= 0 && (int64_t)attached->v[i].n >= k->min && (int64_t)attached->v[i].n <= k->max;
}

bool field_value_fits(const struct field_kind *k, struct arena *a, struct slice v, const struct attachments *attached)
{
	enum json_type type = json_type(v);
	int64_t i;
	double d;

	switch (k->type) {
	case FIELD_ANY: return true;
	case FIELD_STRING: return type == JSON_STRING && characters_fit(k, json_string_raw(v));
	case FIELD_INT: return json_int(v, &i) && i >= k->min && i <= k->max;
	case FIELD_NUMBER: return json_number(v, &d) && isfinite(d);
	case FIELD_BOOL: return type == JSON_TRUE || type == JSON_FALSE;
	case FIELD_UUID:
	case FIELD_ID:
	case FIELD_DATE:
	case FIELD_DIGITS:
	case FIELD_URL: return form_fits(k->type, a, v);
	case FIELD_ENUM: return is_word(k, v);
	/* for the receivers a placeholder is bytes, and no object */
	case FIELD_OBJECT: return type == JSON_OBJECT && sio_attach_index(v, attached->n) < 0;
	case FIELD_LIST: return list_fits(k, a, v, attached);
	case FIELD_BINARY: return attachment_fits(k, v, attached);
	}
	return false;
}
