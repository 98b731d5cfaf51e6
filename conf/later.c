#include <string.h>

#include "conf/load.h"

/*
 * Names of the conf language that this build does not have, so that one who reads a newer manual is told so instead of
 * being offered something that looks alike.  A name leaves this table when its row enters the option table.
 */
/* Words, wrapped by hand. */
/* clang-format off */
#define ACTION_LATER                                                                                                   \
	"priority group batch latest min_interval edge keep after timer cancel state state_put if_version score member set by member_data"

static const struct {
	const char *block, *names;
} keys[] = {
	{"", "batch board mode preferences recovery "
	     "drain redis"},
	{"namespace", "batch board mode preferences"},
	{"listen", "tls_certificate tls_key proxy_protocol"},
	{"event", ACTION_LATER},
	{"event/also", ACTION_LATER},
	{"route", ACTION_LATER},
	{"route/also", ACTION_LATER},
	{"on", ACTION_LATER},
	{"on/also", ACTION_LATER},
	{"every", ACTION_LATER},
	{"every/also", ACTION_LATER},
	{"room", "history history_ttl batch state"},
	{"texts", "conflict"},
};

static const char triggers[] = "lost restored gone absent state conflict score rank top drain";

static const char sources[] = "@socket.region "
			      "@room.meta @room.history @state @version @state_by @board @member @batch @count @absent "
			      "@recovery @drain";

/* clang-format on */

/* A route is published by a backend, so no client is behind it. */
static const struct {
	const char *block, *names, *why;
} never[] = {
	{"route", "join leave", "no client publishes it: move sockets with POST /v1/sockets/join or leave; `evict` and `close` are known here"},
	{"route", "disconnect", "no client publishes it: end sockets with POST /v1/sockets/disconnect"},
	{"route", "each", "no client publishes it, whose rooms these could be: name the rooms in `to`"},
	{"route", "require", "who may publish says the key of the backend: admin { client { may } }"},
	{"route", "deny", "the backend is told what is wrong, always"},
	{"route", "ack ack_args", "the backend is answered {id, delivered}"},
	{"route", "params shape", "a backend publishes one value: write `fields`"},
};

/* True when NAME is one of WORDS. */
static bool listed(const char *words, struct text name)
{
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (n == name.n && memcmp(words, name.p, n) == 0)
			return true;
		words += n + strspn(words + n, " ");
	}
	return false;
}

bool later_key(const char *block, struct text name)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(keys[i].block, block) == 0)
			return listed(keys[i].names, name);
	return false;
}

bool later_trigger(struct text trigger)
{
	const char *space = memchr(trigger.p, ' ', trigger.n);

	return listed(triggers, (struct text){trigger.p, space != NULL ? (size_t)(space - trigger.p) : trigger.n});
}

bool later_source(struct text name)
{
	for (size_t n = 1; n <= name.n; n++)
		if ((n == name.n || name.p[n] == '.') && listed(sources, (struct text){name.p, n}))
			return true;
	return false;
}

const char *never_key(const char *block, struct text name)
{
	size_t n = strcspn(block, "/"); /* of a block inside it too */

	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		if (strlen(never[i].block) == n && memcmp(never[i].block, block, n) == 0 && listed(never[i].names, name))
			return never[i].why;
	return NULL;
}
