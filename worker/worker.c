#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/log.h"
#include "worker/accept.h"
#include "worker/allocator.h"
#include "worker/api_keys.h"
#include "worker/auth_keys.h"
#include "worker/flush.h"
#include "worker/handover.h"
#include "worker/hook.h"
#include "worker/publish.h"
#include "worker/query.h"
#include "worker/request.h"
#include "worker/room.h"
#include "worker/socket.h"
#include "worker/turn.h"
#include "worker/user.h"
#include "worker/worker.h"

#define LINGER_NS	 (2 * NS_PER_S)

void worker_die(struct worker *w, const char *why)
{
	log_error("worker_dies", "why=%s errno=%d", why, errno);
	(void)w;
	abort();
}

void worker_look_at_clock(struct worker *w)
{
	w->now_ns = clock_mono_ns();
	w->now_ms = clock_wall_ms();
	w->fresh = true;
}

static uint64_t ms_to_ns(int64_t ms)
{
	return (uint64_t)ms * NS_PER_MS;
}

static void open_queues(struct worker *w)
{
	timeq_init(&w->requests, ms_to_ns(w->conf->header_timeout));
	timeq_init(&w->bodies, REQUEST_BODY_NS);
	timeq_init(&w->keepalives, REQUEST_KEEPALIVE_NS);
	timeq_init(&w->resumes, 0);
	timeq_init(&w->lingers, LINGER_NS);
	timeq_init(&w->handovers, HANDOVER_WAIT_NS);
	timeq_init(&w->pings, ms_to_ns(w->conf->engine.ping_interval));
	timeq_init(&w->pongs, ms_to_ns(w->conf->engine.ping_timeout));
}

static int open_base(struct worker *w)
{
	struct event_config *cfg = event_config_new();

	if (cfg == NULL)
		return -ENOMEM;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	w->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return w->base != NULL ? 0 : -ENOMEM;
}

static int open_rings(struct worker *w)
{
	const struct heritage *h = w->h;
	const struct conf_shm *m = &w->conf->shm;
	int err = outlet_init(&w->bcast, h->seg, &h->bells, h->slot, h->gen, OUTLET_BROADCAST, m->overflow);

	if (err == 0)
		err = outlet_init(&w->ops, h->seg, &h->bells, h->slot, h->gen, OUTLET_OPERATION, m->overflow);
	if (err == 0)
		err = dlog_attach(&w->log, segment_dlog(h->seg, h->slot));
	if (err != 0)
		return err;
	inlet_init(&w->in, h->seg, h->slot);
	dlog_begin(&w->log, h->gen, w->in.pos, SLOT_MAX);
	return 0;
}

static int open_tables(struct worker *w)
{
	w->acks_tail = &w->acks;
	w->rbuf = malloc(WORKER_READ_SIZE);
	w->req = malloc(sizeof(*w->req));
	w->rooms = room_table_new(w->h->seg->nbuckets);
	w->nsps = nsp_table_new(&w->conf->catalogue);
	w->encoder = encoder_new();
	w->users = user_table_new();
	w->ws_limits = (struct ws_limits){w->conf->engine.max_payload, WORKER_FRAGMENTS_MAX};
	if (w->rbuf == NULL || w->req == NULL || w->rooms == NULL || w->nsps == NULL || w->encoder == NULL ||
	    w->users == NULL || sid_table_init(&w->sids) != 0 || sid_table_init(&w->sessions) != 0)
		return -ENOMEM;
	arena_init(&w->arena);
	behind_init(&w->behind);
	trigger_init(&w->triggers);
	ask_open(w);
	w->flush = flush_new();
	return w->flush != NULL ? 0 : -ENOMEM;
}

int worker_init(struct worker *w, const struct heritage *h)
{
	int err;

	w->h = h;
	w->conf = h->conf;
	w->slot = segment_slot(h->seg, h->slot);
	w->ct = segment_counters(h->seg, h->slot);
	w->reserve_fd = -1;
	w->max_conn = h->max_connections;
	counter_begin(w->ct);
	segment_populate(h->seg, h->slot);
	open_queues(w);
	if ((err = open_base(w)) != 0 || (err = open_tables(w)) != 0 || (err = open_rings(w)) != 0 ||
	    (err = auth_keys_open(w)) != 0 || (err = api_keys_open(w)) != 0)
		return err;
	err = turn_open(w);
	return err != 0 ? err : hooks_open(w);
}

static void on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	if (signal == SIGTERM)
		w->stopping = true;
	else
		w->stop_now = true;
}

static int catch_signals(struct worker *w)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};

	for (unsigned i = 0; i < 3; i++) {
		event_assign(&w->stop_ev[i], w->base, signals[i], EV_SIGNAL | EV_PERSIST, on_stop, w);
		if (event_add(&w->stop_ev[i], NULL) != 0)
			return -ENOMEM;
	}
	return 0;
}

static int worker_open(struct worker *w, const struct heritage *h)
{
	int err;

	allocator_start();
	if (sodium_init() < 0)
		return -ENOSYS;
	if ((err = worker_init(w, h)) != 0 || (err = query_open(w)) != 0 || (err = catch_signals(w)) != 0)
		return err;
	/* live first, so that whoever sees a connection of ours also sees a slot that reads the rings */
	slot_beat(w->slot, w->now_ns);
	slot_ready(w->slot);
	err = handover_open(w);
	return err != 0 ? err : accept_open(w);
}

int worker_main(const struct heritage *h)
{
	/* never freed: at the end the kernel takes all at once, and a leak checker still sees what is lost */
	static struct worker process;
	struct worker *w = &process;
	int err = worker_open(w, h);

	if (err != 0) {
		log_error("worker_start_failed", "error=%s", strerror(-err));
		return 1;
	}
	log_info("worker_ready", "index=%u max_connections=%lu", h->index, (unsigned long)w->max_conn);
	turn_loop(w);
	query_close(w);
	return 0;
}
