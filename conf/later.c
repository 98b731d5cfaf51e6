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
	{"", "data_dir route every batch board mode preferences wallet recovery "
	     "drain redis"},
	{"namespace", "route every batch board mode preferences"},
	{"listen", "tls_certificate tls_key proxy_protocol"},
	{"shm", "sync"},
	{"event", ACTION_LATER},
	{"event/also", ACTION_LATER},
	{"on", "limit " ACTION_LATER},
	{"on/also", ACTION_LATER},
	{"room", "case max_users persistent grace history history_ttl batch state"},
	{"texts", "conflict"},
};

static const char triggers[] = "lost restored gone absent state conflict score rank top drain";

static const char sources[] = "@socket.region @socket.query @socket.headers @room.users "
			      "@room.meta @room.history @state @version @state_by @board @member @batch @count @absent "
			      "@recovery @drain";

/* clang-format on */

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
