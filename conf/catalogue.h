/*
 * catalogue.h - the application, compiled: what a worker runs for each event without looking a name up.
 *
 * Built from the parsed blocks by conf/namespace.c and what it calls, immutable, shared by all workers through fork.
 * The only lookups by name left are those of names that come from the wire: namespaces, events and room types.
 */
#ifndef FORKCAST_CONF_CATALOGUE_H
#define FORKCAST_CONF_CATALOGUE_H

#include <stdint.h>

#include "conf/field.h"
#include "conf/hook.h"
#include "conf/template.h"

/* Codes of refusals: `texts` has one key each (CATALOGUE section 7); order is that of catalogue_code_name(). */
enum refusal {
	REFUSAL_INVALID,
	REFUSAL_NOT_MEMBER,
	REFUSAL_FORBIDDEN,
	REFUSAL_UNKNOWN_EVENT,
	REFUSAL_RATE_LIMITED,
	REFUSAL_TOO_MANY_ROOMS,
	REFUSAL_ROOM_FULL,
	REFUSAL_AUTH_MISSING,
	REFUSAL_AUTH_INVALID,
	REFUSAL_AUTH_EXPIRED,
	REFUSAL_USER_UNKNOWN,
	REFUSAL_BUSY,
	REFUSAL_HOOK_FAILED,
	REFUSAL_MAX
};

/* Who: used by `require` of rules and `join` of rooms. */
enum who_kind { WHO_ANY, WHO_AUTHENTICATED, WHO_MEMBER, WHO_OWN, WHO_ROLE, WHO_CLAIM, WHO_HOOK };

struct who {
	enum who_kind kind;
	struct text role; /* WHO_ROLE */
	struct source claim; /* WHO_CLAIM: the room's id is in it */
};

/* What `on` reacts to (CATALOGUE section 8). */
enum trigger_kind {
	TRIGGER_CONNECTING, /* before acceptance: conditions and checks only */
	TRIGGER_CONNECT,
	TRIGGER_AUTHENTICATED, /* in band, as the next */
	TRIGGER_AUTH_FAILED,
	TRIGGER_EXPIRING,
	TRIGGER_DISCONNECT,
	TRIGGER_ONLINE, /* first socket of a user in the namespace, on the whole host */
	TRIGGER_OFFLINE,
	TRIGGER_LIMITED,
	TRIGGER_MAX
};

/* The same for rooms.  The first two are about each socket, and not about the rooms that come with it; the others are once for the host. */
enum room_trigger {
	ROOM_TRIGGER_JOIN,
	ROOM_TRIGGER_LEAVE,
	ROOM_TRIGGER_ENTER, /* first socket of a user in the room */
	ROOM_TRIGGER_EXIT,
	ROOM_TRIGGER_OCCUPIED, /* first socket in the room */
	ROOM_TRIGGER_VACATED,
	ROOM_TRIGGER_MAX
};

struct rule;

struct room_type {
	struct text name;
	bool single;   /* one room, named TYPE, no id */
	bool builtin;  /* user, role, global */
	bool lower;    /* `case = lower`: ids are the same whose letters A-Z differ in case only */
	uint32_t grace_ms;  /* so long is an `exit` put off */
	uint32_t max_users; /* who may subscribe: so many users, of the whole host; 0: any */
	bool persistent; /* stays known when nobody is in it */
	unsigned njoin; /* 0: none may */
	struct who *join;
	struct hook_use hook; /* that WHO_HOOK asks when nobody else of `join` admits */
	struct rule *on[ROOM_TRIGGER_MAX]; /* NULL: not declared */
};

enum target_kind { TARGET_ROOM, TARGET_OTHERS, TARGET_SELF, TARGET_ALL, TARGET_ROOMS_OF, TARGET_TEMPLATE };

struct target {
	enum target_kind kind;
	const struct room_type *type;  /* ROOMS_OF; TEMPLATE: type of the room it names, NULL for user:, role: ... */
	struct text_template room;     /* TEMPLATE */
};

enum body_kind {
	BODY_PASS, /* the arguments as they came, attachments included */
	BODY_DATA, /* one argument from a template */
	BODY_ARGS, /* a JSON array of arguments from a template */
	BODY_ADD,  /* the payload with members set */
};

struct add_member {
	struct text key; /* JSON string body */
	struct text key_plain;
	struct source source;
};

/* What `envelope` puts around an argument; its @payload is that argument, its @event the name that is sent. */
struct envelope {
	struct text name;
	struct json_node json;
	struct text written;
	const char *client; /* the first source in it that is about a client, as it was written; NULL: none */
};

/* How refusals look. */
struct error_shape {
	bool own;	  /* written in this namespace, not taken from the first */
	struct text emit; /* JSON string body of the event's name */
	struct text emit_plain;
	struct json_node data, ack; /* the event's argument, and the ack's */
	struct text data_written, ack_written;
};

/* Built-in events, in the order of the options of `builtins`. */
enum builtin { BUILTIN_SUBSCRIBE, BUILTIN_UNSUBSCRIBE, BUILTIN_ROOMS, BUILTIN_PING, BUILTIN_MAX };

struct builtin_names {
	bool own;
	struct text name[BUILTIN_MAX]; /* p NULL: there is no such event */
};

/* What a token's role brings. */
struct role {
	struct text name;
	unsigned nroom, nfeature;
	struct text_template *room; /* joined at connect, beside those of `auth` */
	struct text *feature;
	struct text features; /* a JSON list of them */
};

struct action {
	unsigned nif;
	struct condition *ifs; /* all must hold */
	bool has_emit;
	bool also;	  /* from an `also` block; else the rule's inline action, whose `if` is the rule's */
	struct text emit; /* JSON string body of the event's name */
	struct text emit_plain;
	unsigned nto, nexcept;
	struct target *to, *except;
	enum body_kind body;
	struct json_node json; /* DATA, ARGS */
	struct text json_written;
	unsigned nadd;
	struct add_member *add;
	const struct envelope *envelope; /* NULL: none */
	const struct room_type *each; /* once for each such room of the socket; NULL: once */
	unsigned njoin, nleave;
	struct target *join, *leave; /* ROOM, TEMPLATE; leave ROOMS_OF too */
	bool has_evict;
	struct text_template evict; /* id of the user whose sockets leave the rooms of `to` */
	bool close;		    /* everybody leaves them */
	enum { DISCONNECT_NO, DISCONNECT_NAMESPACE, DISCONNECT_TRANSPORT } disconnect;
	bool is_volatile; /* dropped first for a client that cannot take it now, and not recovered */
};

/* A `check` block: when one of its conditions is false the rule ends with its error. */
struct check {
	unsigned nif;
	struct condition *ifs; /* all must hold */
	struct text error;     /* JSON string body */
	struct text error_plain;
	struct text code; /* letters, digits, _ and -; p NULL: none */
};

enum ack_kind {
	ACK_DEFAULT,
	ACK_NONE,
	ACK_TEMPLATE, /* one argument from ack_json */
	ACK_ARGS,     /* ack_json is the array of all arguments: an array, or the lone hole {@args} */
};

/* At most MOST in a window of PERIOD_MS that opens with the first. */
struct limit_rate {
	uint32_t most;
	int64_t period_ms;
};

/* Bits: events count together whose senders agree in all of these. */
enum limit_by { LIMIT_BY_SOCKET = 1, LIMIT_BY_USER = 2, LIMIT_BY_IP = 4, LIMIT_BY_ROLE = 8, LIMIT_BY_EVENT = 16 };
enum limit_on { LIMIT_ON_EVENTS, LIMIT_ON_CONNECT };
enum limit_action { LIMIT_REPLY, LIMIT_DROP, LIMIT_DISCONNECT };

struct limit_role {
	struct text role;
	struct limit_rate rate;
};

struct limit {
	struct text name;
	unsigned index; /* of all limits of the conf */
	struct limit_rate rate;
	unsigned by; /* bits of enum limit_by, never 0 */
	enum limit_on on;
	enum limit_action action;
	unsigned nevent; /* 0: it counts the events of rules that name it, and no others */
	struct text *event; /* names, or beginnings of names with a star behind them */
	struct text text, text_plain; /* JSON string body, and as written; p NULL: that of texts */
	struct text emit, emit_plain; /* event that tells of it in any case, as JSON string body; p NULL: none */
	bool has_data;		      /* else its argument is that of `errors` */
	struct json_node data;
	struct text data_written;
	unsigned nrole;
	struct limit_role *role; /* senders of these roles have another rate */
};

/* An `event`, `route` or `on` block. */
struct rule {
	struct text name;      /* event name, decoded; of a pattern with its star */
	bool pattern;	       /* covers the names that begin with what stands in front of the star */
	struct text name_json; /* as JSON string body */
	unsigned index;	       /* for counters; stable within a conf; `on` rules have one too */
	const char *file;
	int line;
	const struct fields *fields; /* what the arguments must be; NULL: anything passes untouched */
	enum unknown unknown;
	bool both;   /* `shape = both` */
	bool silent; /* `deny = silent`: a refused sender is told nothing */
	bool has_room;
	struct text_template room;
	const struct room_type *room_type;
	unsigned nlimit, nlimit_named;
	const struct limit **limit; /* that count it: first those it names, then, unless it is a pattern, those whose `events` cover it */
	unsigned nif;
	struct condition *ifs; /* false: skipped silently */
	unsigned nrequire;
	struct who *require; /* one of */
	unsigned ncheck;
	struct check *check; /* in file order, the first that fails counts */
	struct hook_use hook;
	unsigned naction;
	struct action *action; /* the inline emit first, when there is one, then each also */
	enum ack_kind ack;
	struct json_node ack_json;
	struct text ack_written;
	bool dev; /* exists only under --dev */
};

/* An `every` block: what happens again and again, once on the whole host. */
struct every {
	int64_t interval; /* ms */
	const struct room_type *each; /* `if`, `hook` and the inline action are for each room of that type; NULL: once */
	struct rule rule; /* its title, conditions and actions */
};

/*
 * Hash of the events' names: open addressing, at most a quarter full, the seed chosen at load so that few names (for a
 * usual conf: none) share a slot.  Only the conf adds names, so no peer can make a lookup long.
 */
struct name_slot {
	uint32_t hash;
	uint32_t event; /* its position + 1; 0: free */
};

struct name_index {
	uint32_t mask; /* slots - 1 */
	uint64_t seed;
	struct name_slot *slot;
};

/*
 * Patterns, sorted by what stands in front of their stars: the last one that is not behind a name in this order is the
 * name's beginning, or begins with all those that are.  So a search, and steps outwards, which only shorten.
 */
struct name_pattern {
	struct text prefix;
	const struct rule *rule;
	uint32_t outer; /* position + 1 of the longest other one that this one begins with; 0: none */
};

#define CATALOGUE_EVENT_MAX 250 /* bytes of an event's name, also of one that a pattern covers */
#define CATALOGUE_NSP_MAX 128 /* bytes of a namespace's name, also of one that a pattern covers */

/* Exact names are served as they are; of a pattern each name that it covers is a namespace of its own. */
struct catalogue_nsp {
	struct text name; /* as written: "/chat", "/tenant-*" */
	bool pattern;
	struct text prefix, suffix; /* of a pattern: what stands around its `*`, which is one character or more */
	unsigned nevent;
	struct rule *event; /* sorted by name */
	struct name_index index; /* of those that are no patterns */
	unsigned npattern;
	struct name_pattern *event_pattern;
	unsigned nlimit;
	struct limit *limit; /* in file order; those of connections in "/" only */
	unsigned nhook;
	struct hook *hook; /* in file order */
	bool folds; /* some type has `case = lower` */
	unsigned nroom_type;
	struct room_type *room_type; /* sorted by name, built-in ones included */
	struct error_shape errors;
	struct builtin_names builtins;
	unsigned nrole;
	struct role *role;
	unsigned nenvelope;
	struct envelope *envelope;
	unsigned nroute;
	struct rule *route; /* what backends publish by name; sorted by name */
	struct rule *on[TRIGGER_MAX]; /* NULL when not declared, as all below */
	bool uses_membership; /* some `on` is about a socket that joins or leaves a room */
	struct rule *on_room[ROOM_TRIGGER_MAX]; /* for rooms of every type, before the one of the type */
	unsigned nevery;
	struct every *every; /* in file order */
};

/* What some source wants to know of the handshake: a parameter of its query, or a header. */
struct kept_fact {
	bool header;
	struct text name;
};

#define KEPT_FACTS_MAX 32

struct catalogue {
	unsigned nkept;
	struct kept_fact kept[KEPT_FACTS_MAX];
	bool keeps_rooms; /* some type is persistent */
	unsigned nnsp;
	struct catalogue_nsp *nsp; /* nsp[0] is "/", then as in the file */
	struct text texts[REFUSAL_MAX];
	unsigned nevents; /* distinct indexes handed out */
	unsigned nlimits; /* the same for limits, */
	unsigned nhooks, nbreakers; /* and for hooks and their uses */
	bool uses_auth;	  /* some rule reads @socket.auth: sockets keep their CONNECT payload */
	bool uses_room_edges; /* some `on` is about a room's users or sockets on the whole host */
	bool uses_claims; /* some rule reads @user.claims: sockets keep their token's payload */
};

/* NULL when not declared. */
const struct rule *catalogue_event(const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The rule that is written with this name, its star included; for those who list rules. */
const struct rule *catalogue_event_written(const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The rule of the longest pattern that covers the name, whose star is one character or more; NULL when none does. */
const struct rule *catalogue_event_pattern(const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The route of this very name; NULL when not declared. */
const struct rule *catalogue_route(const struct catalogue_nsp *nsp, const char *name, size_t n);
const struct room_type *catalogue_room_type(const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The type of a room by its whole name, "TYPE:id" or "TYPE". */
const struct room_type *catalogue_type_of_room(const struct catalogue_nsp *nsp, const char *room, size_t n);
/* The role of that name, of the namespace or else of the first; NULL when neither declares it. */
const struct role *catalogue_role(
    const struct catalogue *cat, const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The namespace of this very name, else the longest pattern that covers it; of equals the one with more before `*`. */
const struct catalogue_nsp *catalogue_nsp_find(const struct catalogue *cat, const char *name, size_t n);
/* Makes the room's id lower case where its type says so; NAME is written over. */
void catalogue_room_fold(const struct catalogue_nsp *nsp, char *name, size_t n);
/* True when the limit's `events` cover this name. */
bool catalogue_limit_covers(const struct limit *limit, const char *name, size_t n);
/* "invalid", "not_member" ...: the code on the wire. */
const char *catalogue_code_name(enum refusal code);

#endif
