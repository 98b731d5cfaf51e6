/*
 * fields.h - a client's arguments against the `fields` or `params` of a rule (conf/field.h).
 *
 * One walk over the members tells which field is which; each is then judged where it lies.  What is not declared goes,
 * defaults come in, and all other bytes stay the bytes that came: members are copied as they were written, comma and
 * white space included, and arguments that need no edit are not copied at all.  Of members with one name the last
 * counts, as for JSON.parse; the earlier ones go, so that no receiver can read another value than the one that was
 * judged.
 */
#ifndef FORKCAST_WORKER_FIELDS_H
#define FORKCAST_WORKER_FIELDS_H

#include "conf/field.h"
#include "proto/slice.h"
#include "worker/arena.h"
#include "worker/message.h"

enum field_found { FIELD_ABSENT, FIELD_CAME, FIELD_FILLED, FIELD_MADE };

/* Of each node of the rule, by its index. */
struct field_state {
	struct slice value; /* CAME: as it came; FILLED: the default */
	enum field_found found;
	bool edited; /* CAME: an object with a member that goes or comes */
};

struct fields_result {
	struct slice payload; /* the object whose members are the fields; p NULL: none came, and none was made */
	struct slice args;    /* all arguments; p NULL: none */
	struct slice rest;    /* those behind the payload, with the comma in front; empty with `params` */
	const struct field_state *state;
	struct slice wrong; /* when the arguments are refused: the member's name, its parents' before it with dots; n 0: no member */
};

/* Gives the value of a default's source as JSON that lives as long as the arena's; false when it is absent. */
typedef bool (*fields_source)(void *arg, const struct source *src, struct slice *json);

/*
 * Judges ARGS, scanned JSON values apart by commas (p NULL: none), whose placeholders name ATTACHED.  True with *OUT,
 * in the input and in A; false: the arguments are not what the rule demands, and OUT has nothing but what is wrong.
 */
bool fields_check(const struct fields *f, struct arena *a, struct slice args, const struct attachments *attached,
    fields_source source, void *arg, struct fields_result *out);

#endif
