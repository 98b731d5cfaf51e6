#include <string.h>

#include "conf/compile.h"

/* What `on` reacts to, and what its rules know then. */

/* A row is read as a row. */
/* clang-format off */
static const struct trigger triggers[] = {
	{"connecting", false, TRIGGER_CONNECTING, SCOPE_CLIENT_NEW, false},
	{"connect", false, TRIGGER_CONNECT, SCOPE_CLIENT, false},
	{"authenticated", false, TRIGGER_AUTHENTICATED, SCOPE_CLIENT, true},
	{"auth_failed", false, TRIGGER_AUTH_FAILED, SCOPE_CLIENT | SCOPE_ERROR, true},
	{"expiring", false, TRIGGER_EXPIRING, SCOPE_CLIENT, false},
	{"disconnect", false, TRIGGER_DISCONNECT, (SCOPE_CLIENT & ~SCOPE_SELF) | SCOPE_REASON, false},
	{"online", false, TRIGGER_ONLINE, SCOPE_ABOUT, false},
	{"offline", false, TRIGGER_OFFLINE, SCOPE_ABOUT, false},
	{"limited", false, TRIGGER_LIMITED, SCOPE_CLIENT | SCOPE_ERROR | SCOPE_EVENT, false},
	{"join", true, ROOM_TRIGGER_JOIN, SCOPE_CLIENT | SCOPE_ROOM, false},
	{"leave", true, ROOM_TRIGGER_LEAVE, SCOPE_CLIENT | SCOPE_ROOM, false},
	{"enter", true, ROOM_TRIGGER_ENTER, SCOPE_ABOUT | SCOPE_ROOM, false},
	{"exit", true, ROOM_TRIGGER_EXIT, SCOPE_ABOUT | SCOPE_ROOM, false},
	{"occupied", true, ROOM_TRIGGER_OCCUPIED, SCOPE_ABOUT | SCOPE_ROOM, false},
	{"vacated", true, ROOM_TRIGGER_VACATED, SCOPE_ABOUT | SCOPE_ROOM, false},
};
/* clang-format on */

#define NTRIGGER (sizeof triggers / sizeof triggers[0])

const struct trigger *trigger_find(struct text name)
{
	for (size_t i = 0; i < NTRIGGER; i++)
		if (text_is(name, triggers[i].name))
			return &triggers[i];
	return NULL;
}

const char *trigger_suggest(struct load *l, struct text name)
{
	struct suggest s;

	suggest_init(&s, name);
	for (size_t i = 0; i < NTRIGGER; i++)
		suggest_offer(&s, triggers[i].name, strlen(triggers[i].name));
	return suggest_text(l, &s);
}
