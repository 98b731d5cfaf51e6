#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"
#include "conf/field.h"
#include "conf/format.h"

#define LISTS_MAX 4 /* lists in lists */

/* A row is read as a row. */
/* clang-format off */
static const struct {
	const char *name;
	enum field_type type;
	int64_t min, max;    /* without a range */
	int64_t least, most; /* a range may say; equal: it takes none */
} types[] = {
	{"any", FIELD_ANY, 0, 0, 0, 0},
	{"string", FIELD_STRING, 0, INT64_MAX, 0, INT64_MAX},
	{"int", FIELD_INT, INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX},
	{"number", FIELD_NUMBER, 0, 0, 0, 0},
	{"bool", FIELD_BOOL, 0, 0, 0, 0},
	{"uuid", FIELD_UUID, 0, 0, 0, 0},
	{"id", FIELD_ID, 0, 0, 0, 0},
	{"date", FIELD_DATE, 0, 0, 0, 0},
	{"digits", FIELD_DIGITS, 0, 0, 0, 0},
	{"url", FIELD_URL, 0, 0, 0, 0},
	{"object", FIELD_OBJECT, 0, 0, 0, 0},
	{"list", FIELD_LIST, 0, INT64_MAX, 0, INT64_MAX},
	{"binary", FIELD_BINARY, 0, INT64_MAX, 0, INT64_MAX},
};

/* clang-format on */

#define TYPES (sizeof types / sizeof types[0])

struct range {
	int64_t min, max;
	const char *at;
};

/* What stands up to a space or an equal sign. */
static struct text word(struct cursor *c)
{
	const char *begin = c->p;

	while (c->p < c->end && *c->p != ' ' && *c->p != '\t' && *c->p != '\n' && *c->p != '\r' && *c->p != '=')
		c->p++;
	return (struct text){begin, (size_t)(c->p - begin)};
}

/* -12, 64K: the number at *P, which moves behind it. */
static bool bound(const char **p, const char *end, bool sizes, int64_t *out)
{
	bool minus = *p < end && **p == '-';
	uint64_t most = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t v = 0;
	unsigned shift = 0;
	const char *first;

	*p += minus;
	for (first = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		unsigned d = (unsigned)(**p - '0');

		if (v > (most - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (*p == first)
		return false;
	if (sizes && *p < end && (**p == 'K' || **p == 'M'))
		shift = *(*p)++ == 'K' ? 10 : 20;
	if (v > most >> shift)
		return false;
	v <<= shift;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static bool range(struct cursor *c, bool sizes, struct range *out)
{
	struct cursor first = *c;
	struct text t = word(c);
	const char *p = t.p;

	out->at = t.p;
	if (!bound(&p, c->end, sizes, &out->min) || c->end - p < 2 || p[0] != '.' || p[1] != '.' ||
	    (p += 2, !bound(&p, c->end, sizes, &out->max)) || p != c->p) {
		c->p = first.p;
		return cursor_fail(c, "%s where a range is expected: `1..10`", cursor_show(c));
	}
	if (out->min <= out->max)
		return true;
	c->p = first.p;
	return cursor_fail(c, "the range `%s` ends before it begins: write the smaller end first", mistake_show(&c->load->mistakes, t));
}

static bool is_number(struct text t)
{
	size_t i = t.n > 1 && t.p[0] == '-';
	size_t first = i;

	while (i < t.n && t.p[i] >= '0' && t.p[i] <= '9')
		i++;
	return i == t.n && i <= first + 15 && i > first && (t.p[first] != '0' || i == first + 1);
}

/* buy|sell, 0|1 */
static bool words(struct cursor *c, struct text t, struct field_kind *out)
{
	const char *p = t.p;
	const char *end = t.p + t.n;

	out->type = FIELD_ENUM;
	for (;;) {
		const char *bar = memchr(p, '|', (size_t)(end - p));
		struct text one = {p, (size_t)((bar != NULL ? bar : end) - p)};

		c->p = p;
		if (one.n == 0)
			return cursor_fail(
			    c, "`%s` has an empty word between its bars: write a|b", mistake_show(&c->load->mistakes, t));
		for (unsigned i = 0; i < out->nword; i++)
			if (text_equal(out->word[i].text, one))
				return cursor_fail(c, "`%s` stands twice: keep one", mistake_show(&c->load->mistakes, one));
		out->word = conf_arena_push(c->load->keep, out->word, out->nword, sizeof *out->word);
		out->word[out->nword++] = (struct field_word){conf_arena_text(c->load->keep, p, one.n), is_number(one)};
		if (bar == NULL)
			break;
		p = bar + 1;
	}
	c->p = end;
	return true;
}

static bool unknown(struct cursor *c, struct text t)
{
	struct suggest s;

	c->p = t.p;
	if (t.n == 0)
		return cursor_fail(c, "%s where a type is expected: \"name: string 1..100\"", cursor_show(c));
	suggest_init(&s, t);
	for (size_t i = 0; i < TYPES; i++)
		suggest_offer(&s, types[i].name, strlen(types[i].name));
	return cursor_fail(c, "`%s` is no type%s", mistake_show(&c->load->mistakes, t),
	    s.best.p != NULL
		? suggest_text(c->load, &s)
		: ": write any, string, int, number, bool, uuid, id, date, digits, url, object, list TYPE, "
		  "binary, or words as a|b");
}

/* The type that the word names; its row in *ROW. */
static bool simple(struct cursor *c, struct text t, struct field_kind *out, size_t *row)
{
	*row = TYPES;
	if (memchr(t.p, '|', t.n) != NULL)
		return words(c, t, out);
	for (*row = 0; *row < TYPES; (*row)++) {
		if (!text_is(t, types[*row].name))
			continue;
		*out = (struct field_kind){.type = types[*row].type, .min = types[*row].min, .max = types[*row].max};
		return true;
	}
	return unknown(c, t);
}

static bool another_range(struct cursor *c)
{
	cursor_space(c);
	return c->p < c->end && *c->p != '=';
}

bool field_kind_parse(struct cursor *c, struct field_kind *out)
{
	struct field_kind kind[LISTS_MAX + 1] = {{0}};
	struct range given[LISTS_MAX + 1] = {{0}};
	unsigned lists = 0;
	unsigned ngiven = 0;
	unsigned places;
	size_t row;

	for (;;) {
		cursor_space(c);
		if (!simple(c, word(c), &kind[lists], &row))
			return false;
		if (kind[lists].type != FIELD_LIST)
			break;
		if (++lists > LISTS_MAX)
			return cursor_fail(c, "more than %d lists in one another: declare the inner ones `any`", LISTS_MAX);
	}
	places = lists + (row < TYPES && types[row].least != types[row].most);
	while (another_range(c)) {
		const char *at = c->p;

		if (ngiven == places)
			return places == 0 ? cursor_fail(c, "%s behind a type that takes no range: remove it", cursor_show(c))
					   : cursor_fail(c, "%s behind the type's range: remove it", cursor_show(c));
		if (!range(c, kind[lists].type == FIELD_BINARY, &given[ngiven]))
			return false;
		given[ngiven++].at = at;
	}
	/* The last one is that of the outermost list, and so on inwards. */
	for (unsigned i = 0; i < ngiven; i++) {
		struct field_kind *k = &kind[i];
		const struct range *r = &given[ngiven - 1 - i];

		if (r->min < 0 && k->type != FIELD_INT) {
			c->p = r->at;
			return cursor_fail(c, "a range of %s cannot be negative: begin at 0 or more",
			    k->type == FIELD_STRING     ? "characters"
				: k->type == FIELD_LIST ? "elements"
							: "bytes");
		}
		k->min = r->min;
		k->max = r->max;
	}
	for (unsigned i = lists; i > 0; i--) {
		struct field_kind *of = conf_arena_alloc(c->load->keep, sizeof *of);

		*of = kind[i];
		kind[i - 1].of = of;
	}
	*out = kind[0];
	return true;
}

static size_t characters(struct text t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.n; i++)
		n += ((unsigned char)t.p[i] & 0xc0) != 0x80;
	return n;
}

/* Where the element at P, of compact JSON, ends: at its comma, or at END. */
static const char *element_end(const char *p, const char *end)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '[' || *p == '{'))
			depth++;
		else if (!quoted && (*p == ']' || *p == '}'))
			depth--;
		else if (!quoted && *p == ',' && depth == 0)
			break;
	}
	return p;
}

static bool list_takes(struct load *l, const struct field_kind *k, struct text json)
{
	const char *end = json.p + json.n - 1;
	int64_t n = 0;

	for (const char *p = json.p + 1; p < end; n++) {
		const char *comma = element_end(p, end);

		if (!field_kind_takes(l, k->of, (struct text){p, (size_t)(comma - p)}))
			return false;
		p = comma + 1;
	}
	return n >= k->min && n <= k->max;
}

static bool word_taken(const struct field_kind *k, struct text value, bool number)
{
	for (unsigned i = 0; i < k->nword; i++)
		if (k->word[i].number == number && text_equal(k->word[i].text, value))
			return true;
	return false;
}

static bool text_taken(const struct field_kind *k, struct text s)
{
	switch (k->type) {
	case FIELD_STRING: return (int64_t)characters(s) >= k->min && (int64_t)characters(s) <= k->max;
	case FIELD_UUID: return format_uuid(s.p, s.n);
	case FIELD_ID: return format_id(s.p, s.n);
	case FIELD_DATE: return format_date(s.p, s.n);
	case FIELD_DIGITS: return format_digits(s.p, s.n);
	case FIELD_URL: return format_url(s.p, s.n);
	case FIELD_ENUM: return word_taken(k, s, false);
	default: return false;
	}
}

static bool number_taken(const struct field_kind *k, struct text json)
{
	struct cursor c = {.p = json.p, .end = json.p + json.n};
	const char *p = c.p;
	int64_t v;

	switch (k->type) {
	case FIELD_INT: return bound(&p, c.end, false, &v) && p == c.end && v >= k->min && v <= k->max;
	case FIELD_NUMBER: return isfinite(strtod(json.p, NULL));
	case FIELD_ENUM: return word_taken(k, json, true);
	default: return false;
	}
}

bool field_kind_takes(struct load *l, const struct field_kind *k, struct text json)
{
	if (k->type == FIELD_ANY)
		return true;
	switch (json.p[0]) {
	case '"': return text_taken(k, template_string_decode(l->scratch, (struct text){json.p + 1, json.n - 2}));
	case 't':
	case 'f': return k->type == FIELD_BOOL;
	case 'n': return false;
	case '{': return k->type == FIELD_OBJECT;
	case '[': return k->type == FIELD_LIST && list_takes(l, k, json);
	default: return number_taken(k, json);
	}
}
