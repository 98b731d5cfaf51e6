/*
 * compile.h - from values to what the processes run: sources, conditions, templates, rooms, rules, server options.
 *
 * Text in a value is read with a struct cursor, which knows where it stands and what may be named there.  A function
 * that fails has told why, once; its caller only passes the failure on.
 */
#ifndef FORKCAST_CONF_COMPILE_H
#define FORKCAST_CONF_COMPILE_H

#include "conf/field.h"
#include "conf/load.h"

/* What a rule knows when it runs, as bits: a source outside its scope is a mistake. */
enum scope {
	SCOPE_USER = 1,	      /* @user.id .name .role */
	SCOPE_CONNECTING = 2, /* the rest of @user, of @socket what CONNECT brought */
	SCOPE_RULE = 4,	      /* the rest of @socket */
	SCOPE_PAYLOAD = 8,    /* bare paths, @payload, @args, @event */
	SCOPE_ROOM = 16,      /* @room */
	SCOPE_ENVELOPE = 32,  /* @payload, @event */
	SCOPE_ERROR = 64,     /* @error */
	SCOPE_SERVER = 128,   /* @id, @now, @namespace, @server */
	SCOPE_SENDER = 256,   /* @limit: the socket whose event it is */
	SCOPE_VARS = 512,     /* @vars.X */
	SCOPE_REASON = 1024,  /* @reason */
	SCOPE_CLAIMS = 2048,  /* @user.claims.X */
	SCOPE_EDGE = 4096,    /* @user .features .sockets, of a user whose socket may be anywhere */
	SCOPE_EVENT = 16384,  /* @event */
	SCOPE_SELF = 8192,    /* there is a client to send to: `self`, `others`, `join`, `leave`, `disconnect` */
	SCOPE_ROUTE = 32768,  /* nothing more: a backend publishes, there is no client */
	SCOPE_HOOK = 65536,   /* @hook */
	SCOPE_TIME = 131072,  /* nothing more: with `each` the whole rule is about a room */

	/* What a token tells, what is known of a client that connects, and of one that is there. */
	SCOPE_TOKEN = SCOPE_USER | SCOPE_CLAIMS,
	SCOPE_CLIENT_NEW = SCOPE_TOKEN | SCOPE_CONNECTING | SCOPE_SERVER,
	SCOPE_CLIENT = SCOPE_CLIENT_NEW | SCOPE_RULE | SCOPE_SELF,
	/* A user of whom the host heard something, wherever it is. */
	SCOPE_ABOUT = SCOPE_USER | SCOPE_EDGE | SCOPE_SERVER,
};

struct cursor {
	struct load *load;
	const struct token *token;
	const char *key; /* "data": what the value is of */
	unsigned scope;
	const char *begin; /* bytes of the value are those from BASE on */
	const char *p, *end;
	size_t base;
	bool failed;
};

/* cursor.c */

struct cursor cursor_of(struct load *l, const struct token *t, const char *key, unsigned scope);
/* Tells a mistake at the cursor, unless one was; returns false. */
bool cursor_fail(struct cursor *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cursor_space(struct cursor *c);
bool cursor_letter(char c);
/* True when C opens a placeholder at P: a brace before a letter or `@`. */
bool cursor_hole(const char *p, const char *end);
/* "byte 7 `...`" of what stands at the cursor, for messages. */
const char *cursor_show(struct cursor *c);

/* source.c */

/* Reads a source; stops behind it. */
bool source_parse(struct cursor *c, struct source *out);

/* condition.c */

/* Reads a condition up to the end, or up to the brace that closes its placeholder. */
bool condition_parse(struct cursor *c, struct condition *out);

/* hole.c */

enum hole_in { HOLE_IN_VALUE, HOLE_IN_STRING, HOLE_IN_ROOM };
/* Reads what stands in braces, from behind the opening one to behind the closing one, or to the end in a string. */
bool hole_parse(struct cursor *c, enum hole_in in, struct hole *out);

/* template_text.c */

/* The whole value as a text template. */
bool template_text(struct cursor *c, struct text_template *out);

/* template_json.c */

/* The whole value as a JSON template. */
bool template_json(struct cursor *c, struct json_node *out);
/* One JSON value without placeholders, compact, from the cursor on. */
bool template_literal(struct cursor *c, struct text *out);

/* template_string.c */

/* The cursor behind a string's opening quote: its body, byte for byte, and the cursor to behind the closing quote. */
bool template_string_span(struct cursor *c, struct text *body);
/* The text that a checked body means. */
struct text template_string_decode(struct conf_arena *a, struct text body);
/* S as the body of a JSON string: escaped, without quotes. */
struct text template_string_body(struct conf_arena *a, struct text s);

/* room.c */

/* Room types of the conf and the built-in ones, sorted. */
void room_types(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);
/* Compiles a template that names a room; its type, or NULL after a mistake. */
const struct room_type *room_template(
    struct load *l, const struct token *t, const char *key, unsigned scope, struct text_template *out);
/* A word of `require` or `join`: role:NAME or one of ALLOWED, which are apart by spaces. */
bool room_who(struct load *l, const struct token *t, const char *key, const char *allowed, struct who *out);

/* field_kind.c */

/* Reads a type, with its range; stops at what follows it. */
bool field_kind_parse(struct cursor *c, struct field_kind *out);
/* True when the compact JSON is a value of that type, but for the members of objects. */
bool field_kind_takes(struct load *l, const struct field_kind *k, struct text json);

/* field.c */

/* `fields` or `params` of a rule, with `unknown` and `shape`; from then on bare paths are those of l->fields. */
void field_list(struct load *l, cfg_t *block, unsigned scope, struct rule *r);
/* Judges a bare path against l->fields, and notes which of them it begins with. */
bool field_resolve(struct cursor *c, struct source *out);

/* name.c */

/* The title of BLOCK, which is a KIND ("hook") that rules call by it. */
struct text name_title(struct load *l, cfg_t *block, const char *kind);

/* target.c */

/* The targets of `to` or `except`, whose room types are those of l->nsp; `room` is one where SCOPE has SCOPE_ROOM. */
bool target_list(struct load *l, cfg_t *block, const char *key, unsigned scope, unsigned *n, struct target **out);

/* action.c */

/* Judges an event's name, coming in or going out; WHAT is "event" or "emit".  False when it is told to be wrong. */
bool action_event_name(struct load *l, const struct token *t, const char *what);
/* The conditions of BLOCK's `if`. */
void action_conditions(struct load *l, cfg_t *block, unsigned scope, unsigned *n, struct condition **out);
/* The value T of KEY as a JSON template, and as it was written. */
void action_json(struct load *l, const struct token *t, const char *key, unsigned scope, struct json_node *out,
    struct text *written);
/* The same where it must be an array, or {@args}. */
void action_json_array(struct load *l, const struct token *t, const char *key, unsigned scope, struct json_node *out,
    struct text *written);
/* A `yes` or `no` of the catalogue, `no` when it is not written. */
bool action_switch(struct load *l, cfg_t *block, const char *key);
/* `if` and all actions of a rule; that of a route, which sends its own event where no other is named, has an inline one always. */
void action_list(struct load *l, cfg_t *block, unsigned scope, struct rule *r);

/* envelope.c */

/* The envelopes of TREE, which is the top level or a namespace. */
void envelope_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);
/* The envelope that T names; NULL after a mistake. */
const struct envelope *envelope_named(struct load *l, const struct token *t);

/* role.c */

/* The roles of TREE, whose room types must be known. */
void role_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* action_room.c */

/* `each`: the type whose rooms the action is done for; NULL: none, or told to be wrong. */
const struct room_type *action_each(struct load *l, cfg_t *block);
/* True when BLOCK has one of the keys below. */
bool action_moves(cfg_t *block);
/* `join`, `leave`, `evict`, `close`, `disconnect`. */
void action_rooms(struct load *l, cfg_t *block, unsigned scope, struct action *a);

/* answer.c */

/* `errors` and `builtins` of TREE; a namespace without them has those of the first. */
void answer_shapes(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* limit.c */

/* The limits of TREE, which is the top level or a namespace. */
void limit_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);
/* Those that count the events of R, by its name and its `limit`. */
void limit_rule(struct load *l, cfg_t *block, struct rule *r);
/* Those that a reaction or a route names; its steps know SCOPE. */
void limit_reaction(struct load *l, cfg_t *block, unsigned scope, struct rule *r);
/* NULL when the namespace has none of this name; limit_suggest() says what may be meant. */
const struct limit *limit_named(const struct catalogue_nsp *nsp, struct text name);
const char *limit_suggest(struct load *l, struct text given);

/* hook.c */

/* The hooks of TREE, which is the top level or a namespace; those of the top level come first. */
void hook_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);
/* The hook that BLOCK names; *OUT stays as it is when it names none. */
void hook_use(struct load *l, cfg_t *block, const struct catalogue_nsp *nsp, struct hook_use *out);
/* `hook` and `notify` of a rule. */
void hook_rule(struct load *l, cfg_t *block, struct rule *r);
/* What the steps behind it know besides. */
unsigned hook_scope(const struct rule *r);

/* check.c */

/* The `check` blocks of a rule; KNOWN is their row in the option table. */
void check_list(struct load *l, cfg_t *block, const struct option_block *known, unsigned scope, struct rule *r);

/* rule.c */

void rule_place(struct load *l, cfg_t *block, struct rule *r);
/* The events of TREE, which is the top level or a namespace. */
void rule_events(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* trigger.c */

struct trigger {
	const char *name;
	bool of_room;	/* `on "NAME"` and `on "NAME TYPE"` */
	unsigned index; /* enum trigger_kind, or enum room_trigger */
	unsigned scope; /* what its rules know */
	bool in_band;	/* nobody would ever run it without auth { in_band } */
};

/* The trigger of that name, the room type left out; NULL when there is none. */
const struct trigger *trigger_find(struct text name);
/* What may have been meant. */
const char *trigger_suggest(struct load *l, struct text name);

/* on.c */

void on_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* route.c */

/* The routes of TREE, which is the top level or a namespace. */
void route_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* every.c */

void every_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp);

/* namespace.c */

/* Names and room types of all namespaces, "/" first. */
void namespace_types(struct load *l, cfg_t *tree);
/* Their rules. */
void namespace_rules(struct load *l, cfg_t *tree);

/* catalogue.c */

/* Builds the table that catalogue_event() looks names up in. */
void catalogue_index_build(struct conf_arena *a, struct catalogue_nsp *nsp);

/* server.c */

/* Everything that is not the catalogue, and its texts.  Room types must be known. */
void server_options(struct load *l, cfg_t *tree);

/* auth.c */

void auth_options(struct load *l, cfg_t *block);
/* The file that NAME (NULL: none) names: where, and how it is before anybody reads it. */
void auth_note_file(struct load *l, const struct token *name, struct text *file, struct file_stamp *stamp);
/* N bytes from the kernel, as hex. */
struct text conf_random_hex(struct load *l, size_t n);

/* engine.c */

void engine_options(struct load *l, cfg_t *tree);
/* The probes, whose paths must not be those of the engine: engine_options() comes first. */
void engine_echoes(struct load *l, cfg_t *tree);

/* What has PATH already, "engine" or "echo `/e`", or below which it lies; NULL when nothing does. */
const char *engine_owner(struct load *l, struct text path);

/* wallet.c */

/* `wallet`, and what `auth { in_band }` wants of it: auth and the probes come first. */
void wallet_options(struct load *l, cfg_t *tree);

/* address.c */

/* Reads "ADDR:PORT" or "unix:/path"; under --dev moves it to the loopback. */
bool address_parse(struct load *l, const struct token *title, struct conf_address *out);

/* cores.c */

/* Cores this process may use: by affinity, by the cgroup's quota, at most MOST; at least 1. */
unsigned cores_usable(unsigned most);
/* Cores' worth of time that cgroups leave, rounded up; 0: all.  MOUNT: /sys/fs/cgroup, SELF: /proc/self/cgroup. */
unsigned cores_quota(const char *mount, const char *self);

#endif
