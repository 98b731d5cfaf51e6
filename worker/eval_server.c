#include <unistd.h>

#include "conf/version.h"
#include "worker/eval_part.h"
#include "worker/stats.h"
#include "worker/worker.h"

bool eval_server_part(struct eval *e, const struct source *src, struct slice *json)
{
	const struct stats_host *h;
	char host[256];

	switch (src->kind) {
	case SOURCE_SERVER_HOST:
		if (gethostname(host, sizeof(host)) != 0)
			return false;
		host[sizeof(host) - 1] = '\0';
		return eval_give_text(e, slice_make(host, strlen(host)), json);
	case SOURCE_SERVER_WORKER: return eval_give_int(e, e->w->h->index, json);
	case SOURCE_SERVER_VERSION: return eval_give_text(e, SLICE(FORKCAST_VERSION), json);
	default: break;
	}
	h = stats_host(e->w);
	switch (src->kind) {
	case SOURCE_SERVER_CONNECTIONS: return eval_give_int(e, (int64_t)h->connections, json);
	case SOURCE_SERVER_USERS: return eval_give_int(e, (int64_t)h->users, json);
	case SOURCE_SERVER_ROOMS: return eval_give_int(e, (int64_t)h->rooms, json);
	case SOURCE_SERVER_MEMORY: return eval_give_int(e, (int64_t)h->memory, json);
	default: return eval_give_int(e, h->uptime_s, json);
	}
}
