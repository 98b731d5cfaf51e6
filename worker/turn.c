/*
 * One turn (DESIGN section 3):
 *
 *	1 read	 libevent calls back for every ready descriptor: parse, check rules, publish into the own ring
 *	2 drain	 records stamped up to now, from all rings, to the outputs of local members
 *	3 timers heartbeats, deadlines, alarms
 *	4 log	 what was delivered, in which order
 *	5 flush	 one write for each touched connection
 */
#include <errno.h>
#include <sys/timerfd.h>

#include "conf/log.h"
#include "worker/accept.h"
#include "worker/api_keys.h"
#include "worker/auth_keys.h"
#include "worker/batch.h"
#include "worker/conn.h"
#include "worker/every.h"
#include "worker/fanout.h"
#include "worker/flush.h"
#include "worker/handover.h"
#include "worker/hook.h"
#include "worker/ops.h"
#include "worker/polling.h"
#include "worker/publish.h"
#include "worker/query.h"
#include "worker/request.h"
#include "worker/session.h"
#include "worker/socket.h"
#include "worker/trigger.h"
#include "worker/turn.h"
#include "worker/worker.h"

#define SWEEP_NS      (100 * NS_PER_MS)
#define RUNG_SWEEP_NS (5 * NS_PER_MS)
#define DRAIN_MAX_NS  (5 * NS_PER_S)
#define DRAIN_HOOKS_NS (4 * NS_PER_S) /* of it, for rules that wait for a hook */
#define PATIENCE_NS   (500 * NS_PER_MS) /* for requests that have not come when it begins to stop */
#define GOODBYE_BATCH 512u /* sessions ended a turn while stopping */

#define PUMP_NS	      NS_PER_MS /* how often an overflow, or a full mailbox, is tried again */

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->rung = true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void conns_due(struct timeq *q, uint64_t now_ns, bool idle)
{
	struct timed *t;

	while ((t = timeq_due(q, now_ns)) != NULL)
		request_due(OWNER_OF(t, struct conn, timed), idle);
}

/* Goes on with connections that waited for this turn; in a long one with the first of them, which may wait again, as last. */
static void run_resumes(struct worker *w)
{
	struct timed *t;

	while (!w->congested && (t = timeq_due(&w->resumes, w->now_ns)) != NULL) {
		struct conn *c = OWNER_OF(t, struct conn, timed);

		c->ops->resume(c);
		if (worker_is_late(w))
			break;
	}
}

static void run_timers(struct worker *w)
{
	struct timed *t;

	while ((t = timeq_due(&w->pings, w->now_ns)) != NULL)
		session_ping_due(OWNER_OF(t, struct session, beat));
	while ((t = timeq_due(&w->pongs, w->now_ns)) != NULL)
		session_pong_due(OWNER_OF(t, struct session, beat));
	conns_due(&w->requests, w->now_ns, false);
	conns_due(&w->bodies, w->now_ns, false);
	conns_due(&w->keepalives, w->now_ns, true);
	while ((t = timeq_due(&w->lingers, w->now_ns)) != NULL)
		conn_linger_due(OWNER_OF(t, struct conn, timed));
	alarms_run(&w->alarms, w->now_ns);
	/* The master rings when a worker died; so does every publisher, hence not at each ring. */
	if (w->now_ns - w->sweep_ns >= (w->rung ? RUNG_SWEEP_NS : SWEEP_NS)) {
		w->sweep_ns = w->now_ns;
		accept_neighbours(w);
		handover_neighbours(w);
		auth_keys_sweep(w);
		api_keys_sweep(w);
	}
}

/*
 * One timer for the nearest deadline of all queues and the next sweep.  It is a timerfd of our own, set when the deadline
 * comes nearer or has passed: libevent's precise timers would set theirs at every turn.
 */
static void arm_timer(struct worker *w)
{
	const struct timeq *q[] = {
		&w->pings, &w->pongs, &w->requests, &w->bodies, &w->keepalives, &w->lingers, &w->handovers,
		&w->asks.waiting};
	uint64_t due = w->sweep_ns + SWEEP_NS;
	struct itimerspec at = {{0, 0}, {0, 0}};

	if (alarm_next(&w->alarms) < due)
		due = alarm_next(&w->alarms);
	for (unsigned i = 0; i < sizeof(q) / sizeof(*q); i++) {
		if (timeq_next(q[i]) < due)
			due = timeq_next(q[i]);
	}
	if ((w->bcast.waiting > 0 || w->ops.waiting > 0 || handover_waits(w)) && due > w->now_ns + PUMP_NS)
		due = w->now_ns + PUMP_NS;
	if (w->moves.waiting != NULL && due > w->now_ns + MOVES_POLL_NS)
		due = w->now_ns + MOVES_POLL_NS;
	if (due >= w->timer_ns && w->timer_ns > w->now_ns)
		return;
	w->timer_ns = due;
	at.it_value.tv_sec = (time_t)(due / NS_PER_S);
	at.it_value.tv_nsec = (long)(due % NS_PER_S);
	timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

int turn_open(struct worker *w)
{
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->timer_fd < 0)
		return -errno;
	/* Edge-triggered: each ring is a new edge, so the count need not be read away. */
	event_assign(&w->bell_ev, w->base, w->h->bells.fd[w->h->slot], EV_READ | EV_PERSIST | EV_ET, on_bell, w);
	event_assign(&w->timer_ev, w->base, w->timer_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, w);
	if (event_add(&w->bell_ev, NULL) != 0 || event_add(&w->timer_ev, NULL) != 0)
		return -ENOMEM;
	worker_look_at_clock(w);
	arm_timer(w);
	return 0;
}

static bool waits_for_hook(const struct session *s)
{
	for (const struct socket *so = s->sockets; so != NULL; so = so->next) {
		if (so->waiting != NULL)
			return true;
	}
	return false;
}

/* Ends at most MOST of the sessions on Q, but for those whose rules wait, unless LAST: how many. */
static unsigned end_sessions(struct timeq *q, unsigned most, bool last)
{
	struct timed *t = q->head.next, *next;
	unsigned n = 0;

	for (; n < most && t != &q->head; t = next) {
		struct session *s = OWNER_OF(t, struct session, beat);

		next = t->next;
		if (!last && waits_for_hook(s))
			continue;
		session_close(s, CLOSE_SERVER_SHUTDOWN);
		n++;
	}
	return n;
}

/*
 * SIGTERM: listeners go at once, sessions in batches, those with rules that wait for a hook when it has replied, and the
 * loop ends when all output is out.
 */
static void say_goodbye(struct worker *w)
{
	struct timed *t;
	unsigned ended;
	bool last;

	if (w->stop_since_ns == 0) {
		w->stop_since_ns = w->now_ns;
		slot_drain(w->slot);
		accept_close(w);
		log_info("draining", "connections=%lu", (unsigned long)w->nconn);
	}
	last = w->now_ns - w->stop_since_ns > DRAIN_HOOKS_NS;
	ended = end_sessions(&w->pings, GOODBYE_BATCH, last);
	ended += end_sessions(&w->pongs, GOODBYE_BATCH - ended, last);
	w->more |= ended > 0;
	while ((t = timeq_due(&w->keepalives, UINT64_MAX - 1)) != NULL)
		request_due(OWNER_OF(t, struct conn, timed), true);
	/* who has connected and asks for nothing, or for only half of it, cannot keep the others waiting */
	while (w->now_ns - w->stop_since_ns > PATIENCE_NS && (t = timeq_due(&w->requests, UINT64_MAX - 1)) != NULL) {
		struct conn *c = OWNER_OF(t, struct conn, timed);

		request_due(c, c->unread == NULL);
	}
	if ((w->nconn == 0 && w->triggers.n == 0 && hooks_idle(w)) || w->now_ns - w->stop_since_ns > DRAIN_MAX_NS)
		w->stop_now = true;
}

static void turn(struct worker *w)
{
	uint64_t began;
	bool unreacted;

	worker_look_at_clock(w);
	began = w->now_ns;
	slot_beat(w->slot, w->now_ns);
	if (w->bcast.waiting > 0 || w->acks != NULL)
		publish_pump(w);
	ops_pump(w);
	counter_set(w->ct, COUNTER_OVERFLOW_BYTES, w->bcast.waiting + w->ops.waiting);
	w->congested = outlet_congested(&w->bcast) || outlet_congested(&w->ops);
	if (!w->congested && w->nheld > 0)
		conn_release_held(w);
	run_resumes(w);
	batches_turn(w);
	moves_turn(w);
	unreacted = trigger_turn(w);
	behind_mark(w);
	w->more = fanout_drain(w, clock_mono_ns()) || unreacted;
	behind_release(w);
	if (fanout_found_late(w))
		counter_add(w->ct, COUNTER_SWEEP_CATCHES, 1);
	run_timers(w);
	ask_poll(w);
	if (w->everies != NULL)
		every_turn(w);
	query_poll(w);
	handover_turn(w);
	if (w->stopping)
		say_goodbye(w);
	polling_flush(w);
	dlog_turn(&w->log, w->now_ns, w->in.pos, SLOT_MAX);
	flush_turn(w);
	session_reap(w);
	conn_reap(w);
	arena_reset(&w->arena);
	worker_look_at_clock(w);
	fanout_observe(w, w->now_ns);
	histogram_observe(w->ct, HISTOGRAM_TURN, w->now_ns - began, 1);
	counter_add(w->ct, COUNTER_TURNS, 1);
	arm_timer(w);
}

/* True when there is nothing to do until something happens; the doorbell is armed then. */
static bool may_sleep(struct worker *w)
{
	/* what was queued behind the flush waits for the next one */
	if (w->more || batches_ready(w) || (w->triggers.n > 0 && !w->congested) || w->ndirty > 0 || w->polls != NULL || (timeq_next(&w->resumes) != UINT64_MAX && !w->congested))
		return false;
	doorbell_arm(w->slot);
	if (!inlet_pending(&w->in))
		return true;
	doorbell_awake(w->slot);
	return false;
}

void turn_loop(struct worker *w)
{
	while (!w->stop_now) {
		bool slept = may_sleep(w);

		w->rung = false;
		w->fresh = false;
		w->armed_ns = slept ? clock_mono_ns() : 0;
		event_base_loop(w->base, EVLOOP_ONCE | (slept ? 0 : EVLOOP_NONBLOCK));
		doorbell_awake(w->slot);
		w->unrung_ns = slept && !w->rung ? clock_mono_ns() : 0;
		turn(w);
	}
}
