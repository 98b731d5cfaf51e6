/*
 * keeper.c - the only writer of the stores: its life and its loop.
 *
 *	     +---------- pending --------------------------+
 *	     v                                             |
 *	 WORKING --all committed--> RESTING --time or ask--+--nothing--> SLEEPING --bell, sweep--> WORKING
 *
 * It rests for KEEPER_REST_NS after a batch, its sleeping flag down: what a storm of connects brings in that time
 *shares one commit, and costs its senders no doorbell.  Someone who waits for a commit rings all the same
 *(store_wait.h), so nobody waits for the rest.
 *
 * SIGTERM: applies what is in the rings, then ends; the master sends it when the workers are gone.  SIGINT and SIGQUIT:
 * ends now.  Killed anywhere, its successor goes on from the store.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "shm/doorbell.h"
#include "worker/allocator.h"
#include "worker/clock.h"
#include "worker/entry.h"
#include "worker/keeper.h"

#define US              1000u /* what libevent can wait for */
#define KEEPER_REST_NS  500000u
#define KEEPER_RETRY_NS 10000000u
#define KEEPER_SWEEP_NS 100000000u
#define KEEPER_STOP_NS  (2 * NS_PER_S) /* for what cannot be committed, and for what waits for a place in the ring */

static const int stop_signal[] = {SIGTERM, SIGINT, SIGQUIT};
#define NSIGNAL (sizeof stop_signal / sizeof *stop_signal)

struct loop {
	struct keeper k;
	struct event_base *base;
	struct event *bell, *sweep, *pause, *sig[NSIGNAL];
	uint64_t stop_ns; /* SIGTERM came then; 0: it did not */
	bool now;         /* stop at once */
	bool rang, swept;
};

static void on_bell(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	l->rang |= doorbell_drain(&l->k.h->bells, l->k.h->slot);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	l->swept = true;
}

static void on_pause(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct loop *l = ctx;

	(void)what;
	if (sig != SIGTERM)
		l->now = true;
	else if (l->stop_ns == 0)
		l->stop_ns = clock_mono_ns();
}

static struct timeval in_ns(uint64_t ns)
{
	return (struct timeval){.tv_sec = (time_t)(ns / NS_PER_S), .tv_usec = (suseconds_t)(ns % NS_PER_S / 1000)};
}

static void loop_fini(struct loop *l)
{
	struct event *ev[] = {l->bell, l->sweep, l->pause};

	for (unsigned i = 0; i < sizeof ev / sizeof *ev; i++)
		if (ev[i])
			event_free(ev[i]);
	for (unsigned i = 0; i < NSIGNAL; i++)
		if (l->sig[i])
			event_free(l->sig[i]);
	if (l->base)
		event_base_free(l->base);
}

static int loop_init(struct loop *l)
{
	struct timeval every = in_ns(KEEPER_SWEEP_NS);
	struct event_config *cfg = event_config_new();

	if (!cfg)
		return -ENOMEM;
	/* The rest is shorter than the coarse clock's tick. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (!l->base)
		return -ENOMEM;
	l->bell = event_new(l->base, l->k.h->bells.fd[l->k.h->slot], EV_READ | EV_PERSIST, on_bell, l);
	l->sweep = event_new(l->base, -1, EV_PERSIST, on_sweep, l);
	l->pause = event_new(l->base, -1, 0, on_pause, l);
	if (!l->bell || !l->sweep || !l->pause || event_add(l->bell, NULL) || event_add(l->sweep, &every))
		return -ENOMEM;
	for (unsigned i = 0; i < NSIGNAL; i++) {
		l->sig[i] = evsignal_new(l->base, stop_signal[i], on_signal, l);
		if (!l->sig[i] || event_add(l->sig[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

/* Waits for an event, at most NS; 0: as long as it takes. */
static void wait_events(struct loop *l, uint64_t ns)
{
	struct timeval tv = in_ns(ns);

	if (ns > 0)
		event_add(l->pause, &tv);
	event_base_loop(l->base, EVLOOP_ONCE);
	if (ns > 0)
		event_del(l->pause);
	slot_beat(l->k.self, clock_mono_ns());
}

/* Time until something is due; 0: nothing ever is. */
static uint64_t until_next(const struct loop *l)
{
	uint64_t next = keeper_clock_next(&l->k), now = clock_mono_ns();

	if (next == UINT64_MAX)
		return 0;
	return next > now + US ? next - now : US;
}

/*
 * A sweep that finds something has caught it only if the bell had been silent for it (doorbell.h), and still is: between
 * the return of epoll and this look lie microseconds, but on a busy machine also the time until the keeper has a CPU
 * again, and what is published in that time was rung for in vain.
 */
static void sleep_until_rung(struct loop *l)
{
	uint64_t armed_ns, woke_ns;

	doorbell_arm(l->k.self);
	armed_ns = clock_mono_ns();
	if (keeper_pending(&l->k)) {
		doorbell_awake(l->k.self);
		return;
	}
	l->rang = false;
	wait_events(l, until_next(l));
	woke_ns = clock_mono_ns();
	doorbell_awake(l->k.self);
	if (!l->rang && l->swept && keeper_missed(&l->k, armed_ns, woke_ns) &&
	    !doorbell_drain(&l->k.h->bells, l->k.h->slot))
		counter_add(l->k.ct, COUNTER_SWEEP_CATCHES, 1);
}

/* All that was said is in the ring, and forgotten: what publishing has just moved there is for the next batch. */
static bool is_through(const struct keeper *k)
{
	return k->out.waiting == 0 && keeper_settled(k) <= store_outbox_forgotten(k->st);
}

/* One way around.  0, or -errno: this process cannot go on. */
static int turn(struct loop *l)
{
	uint64_t now = clock_mono_ns();
	bool swept = l->swept, tidy = swept || l->stop_ns != 0;
	int did, more;

	slot_beat(l->k.self, now);
	counter_add(l->k.ct, COUNTER_TURNS, 1);
	l->swept = false;
	if (swept)
		keeper_guard(&l->k, now);
	did = keeper_batch(&l->k, tidy);
	more = keeper_publish(&l->k);
	if (more < 0)
		return more;
	if (did == -ENOMEM) {
		log_warn("store_retry", "ops=%u", l->k.limit);
		if (l->stop_ns != 0 && now - l->stop_ns > KEEPER_STOP_NS)
			l->now = true;
		wait_events(l, KEEPER_RETRY_NS);
		return 0;
	}
	if (did < 0)
		return did;
	if (more || keeper_pending(&l->k))
		event_base_loop(l->base, EVLOOP_NONBLOCK);
	else if (l->stop_ns != 0 && !did && keeper_durable_behind(&l->k) && now - l->stop_ns < KEEPER_STOP_NS)
		wait_events(l, KEEPER_REST_NS);
	else if (l->stop_ns != 0 && !did && (is_through(&l->k) || now - l->stop_ns > KEEPER_STOP_NS))
		l->now = true;
	else if (l->stop_ns != 0 && !did)
		wait_events(l, KEEPER_REST_NS); /* for readers that are behind, or are overtaken soon */
	else if (did)
		wait_events(l, KEEPER_REST_NS);
	else
		sleep_until_rung(l);
	return 0;
}

/* A store is only made while nothing was ever committed: later, its absence means that it was taken away. */
static bool may_create(const struct segment *seg)
{
	const _Atomic uint64_t *committed = segment_committed(seg);

	for (unsigned i = 0; i < SLOT_MAX; i++)
		if (atomic_load_explicit(&committed[i], memory_order_acquire) != 0)
			return false;
	return true;
}

static int open_store(struct keeper *k)
{
	const struct heritage *h = k->h;
	uint64_t sockets, users, rooms;
	int rc = store_writer_open(&k->st, h->store_path, h->conf->shm.store_size, h->nonce, may_create(k->seg));

	if (rc == -ENOSPC)
		log_error("store_not_opened", "path=%s error=%s bytes=%zu hint=%s", h->store_path, strerror(-rc),
		    h->conf->shm.store_size, "make room on that file system or lower store_size");
	else if (rc)
		log_error("store_not_opened", "path=%s error=%s", h->store_path, strerror(-rc));
	if (rc)
		return rc;
	store_writer_totals(k->st, &sockets, &users, &rooms);
	log_info("store_opened", "sockets=%llu users=%llu rooms=%llu outbox=%llu", (unsigned long long)sockets,
	    (unsigned long long)users, (unsigned long long)rooms,
	    (unsigned long long)(store_outbox_next(k->st) - store_outbox_forgotten(k->st) - 1));
	return 0;
}

static int run(struct loop *l)
{
	struct keeper *k = &l->k;
	int rc = open_store(k);

	if (rc)
		return rc;
	keeper_rooms_wishes(k);
	rc = keeper_rings_init(k);
	if (!rc)
		rc = keeper_outbox_init(k);
	if (!rc)
		rc = keeper_durable_init(k);
	if (!rc)
		rc = keeper_clock_init(k);
	if (!rc)
		rc = loop_init(l);
	if (rc)
		return rc;
	/* The flag of a predecessor is put right by the first gauge. */
	k->full = atomic_load_explicit(segment_store_full(k->seg), memory_order_relaxed) != 0;
	keeper_gauge(k);
	slot_ready(k->self);
	log_info("ready", "gen=%u", k->h->gen);
	while (!l->now && !rc)
		rc = turn(l);
	return rc;
}

int keeper_main(const struct heritage *h)
{
	struct loop *l = calloc(1, sizeof *l);
	int rc;

	if (!l) {
		log_error("no_memory", "bytes=%zu", sizeof *l);
		return 1;
	}
	allocator_start();
	l->k.h = h;
	l->k.seg = h->seg;
	l->k.self = segment_slot(h->seg, h->slot);
	l->k.ct = segment_counters(h->seg, h->slot);
	counter_begin(l->k.ct);
	rc = run(l);
	if (rc)
		log_error("keeper_failed", "error=%s", strerror(-rc));
	else
		log_info("ended", "gen=%u", h->gen);
	keeper_durable_fini(&l->k);
	keeper_clock_fini(&l->k);
	keeper_outbox_fini(&l->k);
	keeper_rings_fini(&l->k);
	store_writer_close(l->k.st);
	loop_fini(l);
	free(l);
	return rc ? 1 : 0;
}
