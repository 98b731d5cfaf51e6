/*
 * conf.h - the whole configuration as the processes use it: loaded once by the master, inherited by fork, immutable.
 *
 * Durations are milliseconds, sizes bytes.  One arena owns everything; conf_free() ends it.
 */
#ifndef FORKCAST_CONF_CONF_H
#define FORKCAST_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/catalogue.h"
#include "conf/log.h"

/* A listening address: "ADDR:PORT" (ADDR empty or * : all, [v6]:PORT), or "unix:/path". */
struct conf_address {
	struct text title; /* as written */
	bool is_unix;
	struct text path;  /* unix */
	struct text host;  /* numeric, without brackets; empty: all */
	uint16_t port;	   /* 0: any */
	const char *file;
	int line;
};

struct conf_listen {
	struct conf_address addr;
	int backlog;
};

enum conf_may { CONF_MAY_PUBLISH = 1, CONF_MAY_CONTROL = 2, CONF_MAY_READ = 4, CONF_MAY_ALL = 7 };

/* What tells one state of a file from another; all zero: there is none. */
struct file_stamp {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

#define CONF_API_KEY_MAX 1024 /* bytes */

struct conf_api_client {
	struct text name; /* "" for the listener's own key */
	struct text key;
	struct text file;	 /* that it is from, absolute; p NULL: none */
	struct file_stamp stamp; /* of that file, not younger than what was read */
	bool generated;	  /* by --dev, none was given */
	unsigned may;
};

struct conf_admin {
	struct conf_address addr;
	unsigned nclient;
	struct conf_api_client *client;
};

enum conf_transport { CONF_TRANSPORT_POLLING = 1, CONF_TRANSPORT_WEBSOCKET = 2 };

enum conf_samesite { CONF_SAMESITE_LAX, CONF_SAMESITE_STRICT, CONF_SAMESITE_NONE };

/* The cookie that a handshake sets; nothing here reads it back. */
struct conf_cookie {
	bool on; /* the block is there */
	struct text name;
	bool http_only;
	enum conf_samesite samesite; /* NONE only with secure */
	bool secure;
	struct text path;
};

struct conf_engine {
	struct text path; /* "/socket.io/" */
	int64_t ping_interval, ping_timeout, connect_timeout, upgrade_timeout, idle_timeout;
	size_t max_payload;
	unsigned transports; /* bits of enum conf_transport, never 0 */
	bool allow_upgrades;
	/*
	 * Who may read answers: a star for all, "https://app.example.com:8443", or the same with "*." before the host for
	 * all names below it; in lower case, a scheme's usual port left out, as browsers do.  None: what the worker takes
	 * for granted.
	 */
	unsigned norigin;
	struct text *origin;
	bool credentials; /* never beside the star */
	struct conf_cookie cookie;
	bool compression; /* permessage-deflate, RFC 7692 */
	size_t compression_threshold;
	bool http_compression;
	bool serve_client;
	struct text client_dir; /* p NULL: where make or make install put it */
};

enum conf_echo_protocol { CONF_ECHO_WEBSOCKET, CONF_ECHO_ENGINE };

/* A path that sends back what it gets, through the same codecs as everything else. */
struct conf_echo {
	struct text path;
	enum conf_echo_protocol protocol;
	size_t max_message;
};

enum conf_token_source { CONF_TOKEN_AUTH, CONF_TOKEN_BEARER, CONF_TOKEN_QUERY, CONF_TOKEN_COOKIE };

struct conf_source {
	enum conf_token_source kind;
	struct text name; /* QUERY, COOKIE */
};

/* The first three are keyed with a secret, the others checked with a public key. */
enum conf_jwt_alg {
	CONF_HS256,
	CONF_HS384,
	CONF_HS512,
	CONF_RS256,
	CONF_RS384,
	CONF_RS512,
	CONF_ES256,
	CONF_ES384,
	CONF_ES512,
	CONF_EDDSA,
};

struct conf_jwt {
	struct text kid;
	enum conf_jwt_alg alg;
	struct text secret;	     /* HS */
	bool generated;		     /* by --dev, none was given */
	struct text public_key_file; /* the others; absolute */
	struct text public_key;	     /* what it holds: SubjectPublicKeyInfo, DER */
	struct text file;	     /* whichever file the key is from, absolute; p NULL: none */
	struct file_stamp stamp;     /* of that file, not younger than what was read */
	struct text issuer, audience; /* p NULL: not checked */
	int64_t leeway;
};

/* What a client presents in band: a token, or a token and the signature of the wallet that is its user. */
enum conf_factors { CONF_FACTORS_TOKEN, CONF_FACTORS_BOTH };

/* A client that is connected may present its token then. */
struct conf_in_band {
	bool on; /* the block is there */
	struct text event;
	int64_t deadline; /* for clients that are admitted for this alone: those without a token while anonymous is off */
	enum conf_factors factors;
	bool refresh;	  /* a user may present another token */
};

enum conf_expiry { CONF_EXPIRY_DISCONNECT, CONF_EXPIRY_REFUSE, CONF_EXPIRY_IGNORE };

struct conf_auth {
	bool anonymous;
	unsigned nsource;
	struct conf_source *source;
	unsigned njwt;
	struct conf_jwt *jwt;
	/* claim names, the first present one counts; dotted paths allowed */
	unsigned nuser, nname, nrole;
	struct text *user, *name, *role;
	unsigned nroom;
	struct text_template *room; /* automatic rooms; one whose source is absent is left out */
	enum conf_expiry expiry;
	struct conf_in_band in_band;
};

/* Users who are the keys of their wallets: what these sign, and where that is worth a token. */
struct conf_wallet {
	bool on;	    /* the block is there */
	struct text path;    /* p NULL: tokens are made elsewhere */
	struct text message; /* as written */
	struct text before, after; /* what stands around its {ms} */
	int64_t max_age, token_ttl;
	struct text sign; /* kid of the key that signs tokens, and its place in auth.jwt; only with a path */
	unsigned key;
};

struct conf_shm {
	uint64_t sessions;
	size_t ring_size, overflow, store_size;
	int64_t sync; /* 0: always */
};

struct conf_cidr {
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
	uint8_t addr[16];
};

struct conf {
	struct text path; /* of the file, absolute */
	bool dev;
	struct text name;
	unsigned workers; /* resolved: never 0 */
	bool cpu_affinity;
	struct text user; /* p NULL: keep identity */
	struct text runtime_dir;
	struct text data_dir; /* p NULL: none, nothing survives the instance */
	struct text pid_file; /* p NULL: none */
	int64_t watchdog, header_timeout;
	uint64_t max_connections; /* a worker; 0: what nofile allows */
	unsigned max_rooms;
	size_t max_backlog;
	unsigned ntrusted;
	struct conf_cidr *trusted;
	unsigned nlisten, nadmin;
	struct conf_listen *listen;
	struct conf_admin *admin;
	struct conf_engine engine;
	unsigned necho;
	struct conf_echo *echo;
	struct conf_auth auth;
	struct conf_wallet wallet;
	struct conf_shm shm;
	struct log_options log;
	struct catalogue catalogue;
	struct conf_arena *arena;
};

/* Every mistake found, in file order, each "file:line: what is wrong, what to write instead". */
struct conf_errors {
	unsigned n;
	char **line;
};

/*
 * Loads FILE.  DEV: --dev (loopback listeners, anonymous allowed, keys generated where none is given, dev rules on).
 * 0, or -EINVAL with *ERRORS filled (conf_errors_free() it), or -errno when the file cannot be read.
 *
 * Not for two threads at once: libConfuse keeps its lexer in globals.
 */
int conf_load(const char *file, bool dev, struct conf **out, struct conf_errors *errors);
void conf_free(struct conf *c);
void conf_errors_free(struct conf_errors *e);
/* Effective values in the conf's own language, secrets masked, for `forkcast check`. */
void conf_print(const struct conf *c, FILE *out);
/* The manual of all options in Markdown, from the option table: what docs/conf.md holds. */
void conf_options_doc(FILE *out);

#endif
