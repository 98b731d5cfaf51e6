/*
 * option.h - the one table of everything a conf file may say.
 *
 * A row is an option: where it stands, its type, limits, default and one line of help.  The parser's tables, the
 * checks, the defaults, conf_print() and docs/conf.md all come from here.  Options of the server store themselves
 * (offset and size of the member); most of those of the catalogue are read by its compilers; their rows say what is
 * known and where.
 */
#ifndef FORKCAST_CONF_OPTION_H
#define FORKCAST_CONF_OPTION_H

#include "conf/conf.h"

/* value.h has what each does. */
enum option_type {
	OPTION_SWITCH,
	OPTION_COUNT,
	OPTION_WORKERS,
	OPTION_DURATION,
	OPTION_SYNC, /* a duration, or always: 0 */
	OPTION_SIZE,
	OPTION_POWER, /* a size that is a power of two */
	OPTION_WORD,  /* one of `words`, stored as its index */
	OPTION_TEXT,
	OPTION_NAME,
	OPTION_PATH,
	OPTION_URL_PATH,
	OPTION_COOKIE_NAME,
	OPTION_KEY,      /* a secret */
	OPTION_KEY_FILE, /* a file with a secret, stored where its OPTION_KEY is */
	OPTION_TEXTS,
	OPTION_CIDRS,
	OPTION_TOKENS,
	OPTION_TRANSPORTS,
	OPTION_ORIGINS,
	OPTION_MAY,
	OPTION_BY,
	OPTION_RATE,
	OPTION_ROOMS,
	/* of the catalogue */
	OPTION_TEMPLATE,
	OPTION_CONDITIONS,
	OPTION_EVENT,
	OPTION_TARGETS,
	OPTION_JSON,
	OPTION_MEMBERS,
	OPTION_FIELDS,
	OPTION_WORDS,
	OPTION_ACK,
	OPTION_WHO,
	OPTION_POLICY,
	OPTION_EVENTS,
	OPTION_LIMITS,
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset, size;  /* of the member; size 0: not stored by the table */
	size_t noffset;       /* lists: of the `unsigned` that counts */
	int64_t min, max;     /* of the number, or bytes of the text */
	const char *words;    /* WORD, TRANSPORTS, MAY, BY: "text json" */
	const char *dflt;     /* as it would be written; NULL: none */
	const char *computed; /* default that depends on the place, as the manual words it */
	bool reload;          /* a reload may change it */
	const char *help;
};

struct option_block {
	const char *path;  /* "auth/jwt"; "": top level */
	const char *name;  /* "jwt" */
	const char *title; /* what the title is, NULL: none */
	bool many;         /* may stand more than once */
	unsigned n;
	const struct option *option;
	const char *help;
	bool nsp; /* of the top level, and of each namespace too */
};

extern const struct option_block option_blocks[];
extern const unsigned option_nblocks;

/* The block at PATH; NULL when there is none. */
const struct option_block *option_block(const char *path);
/* Block NAME inside PARENT. */
const struct option_block *option_child(const struct option_block *parent, struct text name);
const struct option *option_find(const struct option_block *block, struct text name);
/* True when the value may be {a, b}. */
bool option_is_list(enum option_type type);

#endif
