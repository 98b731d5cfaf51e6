#include <errno.h>

#include "conf/log.h"
#include "worker/join.h"
#include "worker/ops.h"
#include "worker/session.h"
#include "worker/trigger.h"
#include "worker/worker.h"

struct room *joined_room(const struct socket *so, struct slice name)
{
	const struct worker *w = so->session->w;
	struct room *r = room_find(w, so->nsp, room_hash(w, nsp_name(so->nsp), name), name);

	return r != NULL && room_has(r, so) ? r : NULL;
}

static void joined(struct socket *so, struct slice name)
{
	log_debug("join", "sid=%s user=%s room=%.*s", so->id.text, socket_user_text(so), (int)name.n, name.p);
	trigger_joined(so, name);
}

int join_room_unbound(struct socket *so, struct slice name)
{
	struct worker *w = so->session->w;
	struct room *r = room_join(w, so, name, false);

	if (r == NULL)
		return 0;
	if (!ops_join(w, so, &name, 1)) {
		room_leave(w, so, r);
		return -ENOBUFS;
	}
	joined(so, name);
	return 0;
}

int join_room(struct socket *so, struct slice name)
{
	return so->njoined < so->session->w->conf->max_rooms ? join_room_unbound(so, name) : -EDQUOT;
}

int join_room_decided(struct socket *so, struct slice name)
{
	struct worker *w = so->session->w;

	if (joined_room(so, name) != NULL)
		return 0; /* by a backend, meanwhile */
	if (so->njoined >= w->conf->max_rooms) {
		ops_leave(w, so, &name, 1);
		return -EDQUOT;
	}
	room_join(w, so, name, false);
	joined(so, name);
	return 0;
}

void leave_room(struct socket *so, struct room *r, struct slice name)
{
	struct worker *w = so->session->w;

	room_leave(w, so, r);
	ops_leave(w, so, &name, 1);
	trigger_left(so, name);
}
