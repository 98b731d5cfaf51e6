/*
 * types.h - the catalogue as TypeScript (`forkcast types`): what the files types*.c share.
 *
 * Types are made as texts in one arena that ends with the printing.  What is sent and what is heard differ: an optional
 * field with a default may be left out by a client, and is there when the server passes the payload on.
 */
#ifndef FORKCAST_CONF_TYPES_H
#define FORKCAST_CONF_TYPES_H

#include "conf/conf.h"
#include "conf/conf_arena.h"
#include "conf/walk.h"

enum types_side { TYPES_SENT, TYPES_HEARD };

/* An identifier that was handed out for a name of the conf. */
struct types_name {
	const char *prefix, *suffix;
	struct text of;
	const char *name;
};

struct types {
	const struct conf *conf;
	const struct catalogue_nsp *nsp;
	struct conf_arena *arena;
	const char *indent; /* of the lines of a namespace */
	unsigned nname;
	struct types_name *name;
	const struct rule *reader; /* whose reads these are */
	struct walk_reads reads;
	FILE *out;
};

/* Where a template stands: what its sources mean there. */
struct types_at {
	struct types *t;
	const struct rule *rule;     /* NULL: none */
	const struct room_type *each; /* of an action; NULL: none */
	const char *payload;	     /* in an envelope, of what is in it; NULL: elsewhere */
	struct text event;	     /* in an envelope: JSON string body of what is sent; p NULL: elsewhere */
};

/* types_name.c */

/* A long text that is made piece by piece: fprintf(to->f), then types_end() gives it to the arena. */
struct types_text {
	char *p;
	size_t n;
	FILE *f;
};

void types_begin(struct types_text *to);
const char *types_end(struct types *t, struct types_text *to);

/* The identifier of OF with PREFIX before and SUFFIX behind it: the same for the same three, else another. */
const char *types_name(struct types *t, const char *prefix, struct text of, const char *suffix);
/* BODY, of a JSON string, as the name of a member: bare where it can be. */
const char *types_key(struct types *t, struct text body);
/* NAME, plain text that ends with a star, as a template literal type. */
const char *types_pattern(struct types *t, struct text name);
/* The names of rooms of that type. */
const char *types_room(struct types *t, const struct room_type *type);
/* S without what would end the comment it stands in. */
const char *types_comment(struct types *t, const char *s);

/* types_field.c */

/* What R reads: kept for the last rule that was asked about. */
const struct walk_reads *types_reads(struct types *t, const struct rule *r);

const char *types_kind(struct types *t, const struct field_kind *k, enum types_side side);
/* The payload of a rule as an object, without the members that A sets (NULL: none): "a: string; b?: number"; "": nothing. */
const char *types_members(struct types *t, const struct rule *r, enum types_side side, const struct action *a);
/* True when the object may be missing, because nothing in it must be there. */
bool types_may_miss(struct types *t, const struct rule *r);
/* The positional forms, from all arguments down to those that must be there: "[a: string] | []". */
const char *types_positions_sent(struct types *t, const struct rule *r);
/* The same in one: "[a?: string]". */
const char *types_positions_heard(struct types *t, const struct rule *r);
/* The declared field of that index; NULL.  *SURE: it is there whenever the rule runs. */
const struct field *types_field(const struct field_set *s, unsigned index, bool *sure);

/* types_json.c */

/* *ABSENT: there may be none. */
const char *types_source(const struct types_at *at, const struct source *s, bool *absent);
const char *types_json(const struct types_at *at, const struct json_node *n);
/* The elements of an array as those of a tuple: "a, b"; NULL when they are not known one by one. */
const char *types_elements(const struct types_at *at, const struct json_node *n);

/* types_sent.c */

/* ClientToServerEvents, and what it needs. */
void types_sent(struct types *t);

/* types_heard.c */

/* ServerToClientEvents, and what it needs. */
void types_heard(struct types *t);

#endif
