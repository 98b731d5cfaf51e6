/*
 * catalogue.h - the application, compiled: what a worker runs for each event without looking a name up.
 *
 * Built from the parsed blocks by conf/namespace.c and what it calls, immutable, shared by all workers through fork.
 * The only lookups by name left are those of names that come from the wire: namespaces, events and room types.
 */
#ifndef FORKCAST_CONF_CATALOGUE_H
#define FORKCAST_CONF_CATALOGUE_H

#include <stdint.h>

#include "conf/template.h"

/* Codes of refusals: `texts` has one key each (CATALOGUE section 7); order is that of catalogue_code_name(). */
enum refusal {
	REFUSAL_INVALID,
	REFUSAL_NOT_MEMBER,
	REFUSAL_FORBIDDEN,
	REFUSAL_UNKNOWN_EVENT,
	REFUSAL_TOO_MANY_ROOMS,
	REFUSAL_AUTH_MISSING,
	REFUSAL_AUTH_INVALID,
	REFUSAL_AUTH_EXPIRED,
	REFUSAL_USER_UNKNOWN,
	REFUSAL_BUSY,
	REFUSAL_MAX
};

/* Who: used by `require` of rules and `join` of rooms. */
enum who_kind { WHO_ANY, WHO_AUTHENTICATED, WHO_MEMBER, WHO_OWN, WHO_ROLE };

struct who {
	enum who_kind kind;
	struct text role; /* WHO_ROLE */
};

struct room_type {
	struct text name;
	bool single;   /* one room, named TYPE, no id */
	bool builtin;  /* user, role, global */
	unsigned njoin; /* 0: none may */
	struct who *join;
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

/* An `event` or `on` block. */
struct rule {
	struct text name;      /* event name, decoded */
	struct text name_json; /* as JSON string body */
	unsigned index;	       /* for counters; stable within a conf; `on` rules have one too */
	const char *file;
	int line;
	bool has_room;
	struct text_template room;
	const struct room_type *room_type;
	unsigned nif;
	struct condition *ifs; /* false: skipped silently */
	unsigned nrequire;
	struct who *require; /* one of */
	unsigned ncheck;
	struct check *check; /* in file order, the first that fails counts */
	unsigned naction;
	struct action *action; /* the inline emit first, when there is one, then each also */
	enum ack_kind ack;
	struct json_node ack_json;
	struct text ack_written;
	bool dev; /* exists only under --dev */
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

#define CATALOGUE_NSP_MAX 128 /* bytes of a namespace's name, also of one that a pattern covers */

/* Exact names are served as they are; of a pattern each name that it covers is a namespace of its own. */
struct catalogue_nsp {
	struct text name; /* as written: "/chat", "/tenant-*" */
	bool pattern;
	struct text prefix, suffix; /* of a pattern: what stands around its `*`, which is one character or more */
	unsigned nevent;
	struct rule *event; /* sorted by name */
	struct name_index index;
	unsigned nroom_type;
	struct room_type *room_type; /* sorted by name, built-in ones included */
	struct rule *on_connecting;  /* before acceptance: conditions and checks only; NULL when not declared */
	struct rule *on_connect;     /* NULL when not declared, as are the others */
	struct rule *on_authenticated, *on_auth_failed; /* in band */
};

struct catalogue {
	unsigned nnsp;
	struct catalogue_nsp *nsp; /* nsp[0] is "/", then as in the file */
	struct text texts[REFUSAL_MAX];
	unsigned nevents; /* distinct indexes handed out */
	bool uses_auth;	  /* some rule reads @socket.auth: sockets keep their CONNECT payload */
	bool uses_claims; /* some rule reads @user.claims: sockets keep their token's payload */
};

/* NULL when not declared. */
const struct rule *catalogue_event(const struct catalogue_nsp *nsp, const char *name, size_t n);
const struct room_type *catalogue_room_type(const struct catalogue_nsp *nsp, const char *name, size_t n);
/* The namespace of this very name, else the longest pattern that covers it; of equals the one with more before `*`. */
const struct catalogue_nsp *catalogue_nsp_find(const struct catalogue *cat, const char *name, size_t n);
/* "invalid", "not_member" ...: the code on the wire. */
const char *catalogue_code_name(enum refusal code);

#endif
