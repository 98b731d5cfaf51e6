/*
 * eval.h - runs what conf compiled: sources, conditions, text and JSON templates, against one event or trigger.
 *
 * Every value is JSON text: payload values are the bytes that came in, server values are written to the turn's arena.
 * Nothing evaluated here outlives the turn.
 */
#ifndef FORKCAST_WORKER_EVAL_H
#define FORKCAST_WORKER_EVAL_H

#include "conf/catalogue.h"
#include "proto/slice.h"
#include "worker/buf.h"
#include "worker/fields.h"
#include "worker/message.h"
#include "worker/uuid.h"

struct ghost;
struct socket;
struct worker;

struct eval_user {
	struct slice id, name, role;
	struct slice claims; /* JSON */
	struct slice data;   /* JSON, what the hook of on "connecting" said */
};

/* What the sources are about.  Slices with p NULL are absent; eval_keep.c knows each of them. */
struct eval {
	struct worker *w;
	struct slice nsp; /* name, with a NUL behind it */
	const struct catalogue_nsp *rules; /* of that namespace */
	const struct socket *so; /* NULL: no client of this worker is behind it, or it is gone */
	struct ghost *ghost; /* SO is NULL: what is known of the client that is gone; else NULL */
	struct eval_user user; /* the socket's, or whose it is about */
	struct slice event;   /* JSON string body */
	struct slice name;    /* the same decoded: the rule's */
	struct slice args;    /* all arguments, separated by commas, without brackets */
	struct slice payload; /* the first of them; with `params` the object of the named ones */
	struct slice rest;    /* those behind the payload, with the comma in front */
	const struct field_state *state; /* of the rule's fields; NULL: it has none */
	struct attachments attached; /* that placeholders among them name */
	struct slice room;    /* full name of the rule's room, or of the one that `each` is at */
	bool leaves;	      /* the rule ends with `leave`: what is sent to a room that the socket is in reaches it still */
	struct slice error, code; /* @error: JSON string bodies */
	int64_t retry_after;	  /* s; 0: it does not apply */
	struct slice vars;   /* JSON, what a backend sent beside the payload, for targeting */
	struct slice reason; /* why it ended */
	struct slice hook;   /* JSON, the data of the reply */
	int64_t now_ms; /* @now: when the run began, also after it waited */
	char id[UUID_LEN + 1]; /* @id, once made */
};

/* About a client of this worker. */
void eval_init(struct eval *e, struct worker *w, const struct socket *so);
/* About nobody yet, in the namespace NSP (with a NUL behind it) whose rules are RULES. */
void eval_init_in(struct eval *e, struct worker *w, struct slice nsp, const struct catalogue_nsp *rules);
/* About one that is gone. */
void eval_init_gone(struct eval *e, struct worker *w, struct ghost *g);
/* How many rooms the client is in, or was, without its own, and the name of one of them. */
unsigned eval_nrooms(const struct eval *e);
struct slice eval_room_at(const struct eval *e, unsigned i);
/* The source's value as JSON; false when absent. */
bool eval_source(struct eval *e, const struct source *src, struct slice *json);
bool eval_condition(struct eval *e, const struct condition *c);
/* True when all hold. */
bool eval_all(struct eval *e, const struct condition *c, unsigned n);
/*
 * Appends the text.  0, or -1: a value is absent, or is neither a string of 1-128 bytes without control characters nor
 * an integer.
 */
int eval_text(struct eval *e, const struct text_template *t, struct buf *out);
/* The first source in T for which eval_text() gives -1; NULL when there is none. */
const struct source *eval_text_wrong(struct eval *e, const struct text_template *t);
void eval_json(struct eval *e, const struct json_node *n, struct buf *out);
/* Room id part behind "TYPE:"; p NULL when there is none. */
struct slice eval_room_id(struct slice room);
struct slice eval_room_type(struct slice room);
/* True when the room's name is of that type. */
bool eval_room_is_of(struct slice room, const struct room_type *type);

#endif
