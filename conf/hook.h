/*
 * hook.h - a backend that is asked over HTTP: a `hook` block, compiled (CATALOGUE sections 7 and 9).
 */
#ifndef FORKCAST_CONF_HOOK_H
#define FORKCAST_CONF_HOOK_H

#include <stdint.h>

#include "conf/template.h"

enum hook_scheme { HOOK_HTTP, HOOK_HTTPS, HOOK_UNIX };

struct hook {
	struct text name;
	unsigned index;	 /* of all hooks of the conf */
	unsigned metric; /* hooks of one name, in whatever namespaces, are measured together */
	struct text url; /* as written */
	enum hook_scheme scheme;
	struct text host; /* without brackets; of UNIX the path of the socket */
	uint16_t port;
	struct text authority; /* the value of the header Host */
	struct text target;    /* path and query of the request */
	struct text secret;    /* p NULL: requests are not signed */
	int64_t timeout;       /* of one attempt, from when it begins to wait for a connection */
	unsigned retries, queue, concurrency;
	unsigned goes_on;  /* `on_fail = continue` */
	unsigned failures; /* in a row that open the breaker; 0: there is none */
	int64_t reset;
	struct text text_written;
	struct text_template text; /* what a sender is told while the breaker is open */
	struct text ca_file;	   /* absolute; p NULL: the system's certificates are trusted */
	struct text ca;		   /* what it holds: PEM */
};

/* A rule, or a room type, that asks a hook. */
struct hook_use {
	const struct hook *hook; /* NULL: none */
	unsigned breaker;	 /* one for each use, of all of the conf */
	bool notify;		 /* it is told, and nobody waits for what it says */
};

#endif
