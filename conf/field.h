/*
 * field.h - what a rule's `fields` or `params` demand of the arguments, compiled (CATALOGUE section 6).
 *
 * A tree: the members of one object, and of the objects in it that dotted names reach.  Each node has an index of its
 * own, so whoever checks a payload keeps what it found in an array, and sources that name a field take it from there.
 */
#ifndef FORKCAST_CONF_FIELD_H
#define FORKCAST_CONF_FIELD_H

#include "conf/source.h"

#define FIELD_NAME_MAX 128 /* bytes of a member's name */

enum field_type {
	FIELD_ANY,
	FIELD_STRING, /* min..max characters */
	FIELD_INT,    /* min..max */
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_UUID, /* these five: format.h */
	FIELD_ID,
	FIELD_DATE,
	FIELD_DIGITS,
	FIELD_URL,
	FIELD_ENUM,
	FIELD_OBJECT,
	FIELD_LIST,   /* min..max elements */
	FIELD_BINARY, /* an attachment of min..max bytes */
};

struct field_word {
	struct text text; /* decoded; of a number, as it was written */
	bool number;
};

struct field_kind {
	enum field_type type;
	int64_t min, max;
	const struct field_kind *of; /* LIST */
	unsigned nword;
	struct field_word *word; /* ENUM: one of */
};

enum field_default { FIELD_NO_DEFAULT, FIELD_DEFAULT_SOURCE, FIELD_DEFAULT_JSON };

struct field;

/* Members of one object. */
struct field_set {
	unsigned n;
	struct field *field; /* in the conf's order */
	unsigned *sorted;    /* their positions, by length of the name, then by its bytes */
};

struct field {
	struct text name; /* decoded */
	struct text key;  /* JSON string body */
	unsigned index;   /* among all nodes of the rule */
	bool optional;
	bool implied; /* only dotted names speak of it: an object that is there when a member of it is */
	struct field_kind kind;
	enum field_default dflt;
	struct source source;
	struct text json;
	struct field_set members; /* OBJECT; none: whatever is in it passes */
};

enum unknown { UNKNOWN_DROP, UNKNOWN_REJECT, UNKNOWN_PASS };

struct fields {
	struct field_set top;
	unsigned nnode; /* of all levels */
	enum unknown unknown;
	bool params; /* positional arguments; else the members of one object */
	bool both;   /* either form is accepted */
	unsigned nwritten;
	struct text *written;
};

/* Order of `sorted`: <0, 0, >0. */
static inline int field_compare(const struct field *f, const char *name, size_t n)
{
	if (f->name.n != n)
		return f->name.n < n ? -1 : 1;
	return __builtin_memcmp(f->name.p, name, n);
}

/* The member of that (decoded) name; NULL when there is none. */
const struct field *field_find(const struct field_set *s, const char *name, size_t n);

#endif
