/*
 * worker.h - one worker process: what its parts share.  Each field is owned by the part named beside it.
 */
#ifndef FORKCAST_WORKER_WORKER_H
#define FORKCAST_WORKER_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "proto/jwt.h"
#include "proto/ws.h"
#include "shm/counter.h"
#include "shm/dlog.h"
#include "shm/inlet.h"
#include "shm/outlet.h"
#include "worker/alarm.h"
#include "worker/arena.h"
#include "worker/ask.h"
#include "worker/behind.h"
#include "worker/buf.h"
#include "worker/clock.h"
#include "worker/entry.h"
#include "worker/fanout.h"
#include "worker/moves.h"
#include "worker/reason.h"
#include "worker/sid_table.h"
#include "worker/stats.h"
#include "worker/timeq.h"
#include "worker/trigger.h"

#define WORKER_READ_SIZE     (128u * 1024) /* bytes read from one descriptor at a time */
#define WORKER_READ_LATE     1024u	    /* the same in a turn that is late: see worker_is_late() */
#define WORKER_READ_NS	     (20 * NS_PER_MS)
#define WORKER_READ_BUILT    (16u << 20)
#define WORKER_FRAGMENTS_MAX 1024u /* of one WebSocket message */

struct accept_point;
struct answers;
struct api_keys;
struct batch;
struct conn;
struct encoder;
struct every_run;
struct hooks;
struct flush;
struct handover_state;
struct http_request;
struct settling;
struct query;
struct nsp_table;
struct polling;
struct publish_held;
struct room_table;
struct session;
struct store;
struct user_table;

struct worker {
	const struct heritage *h;
	const struct conf *conf;
	struct slot *slot;
	struct counter_block *ct;
	struct event_base *base;

	/* turn.c */
	uint64_t now_ns; /* of this turn; refreshed before reading and before flushing */
	int64_t now_ms;	 /* wall clock, refreshed with it */
	bool fresh;	 /* the clock was looked at since the loop woke up */
	bool more;	 /* a budget was exhausted: do not sleep */
	bool rung;	 /* the doorbell rang since the last turn */
	uint64_t armed_ns;  /* when it went to sleep, 0: it did not */
	uint64_t unrung_ns; /* when it woke up without a ring, 0: it was rung */
	bool stopping;	 /* SIGTERM: listeners closed, clients being let go */
	bool stop_now;
	uint64_t stop_since_ns;
	struct event bell_ev, timer_ev, stop_ev[3];
	int timer_fd;
	uint64_t timer_ns; /* what it is set for */
	uint64_t sweep_ns; /* when the sweep last looked around */

	/* fanout.c */
	struct fanout fan;
	struct inlet in;
	struct dlog log;
	uint64_t keeper_seq; /* last outbox sequence delivered */

	/* publish.c */
	struct outlet bcast;
	struct buf record;
	struct settling *acks, **acks_tail;
	struct publish_held *hold; /* NULL: what is published goes out */

	/* moves.c */
	struct moves moves;

	/* behind.c */
	struct behind behind;

	/* ops.c */
	struct outlet ops;

	/* every.c */
	struct every_run *everies; /* that are due or going on */

	/* ask.c */
	struct asks asks;

	/* flush.c */
	struct flush *flush;

	/* conn.c, out.c */
	struct arena arena;
	struct conn **dirty; /* connections with output this turn */
	unsigned ndirty, dirty_cap;
	struct conn **dead; /* closed this turn, freed at its end */
	unsigned ndead, dead_cap;
	bool congested; /* overflow past half its cap: clients are not read */
	struct conn **held;
	unsigned nheld, held_cap;
	uint8_t *rbuf;	/* WORKER_READ_SIZE */

	/* accept.c */
	struct accept_point *points;
	unsigned npoint;
	int reserve_fd;
	uint64_t nconn, max_conn;
	uint64_t kept_bytes; /* all backlogs */

	/* handover.c */
	struct handover_state *handover;
	struct timeq handovers; /* connections that wait to be handed over */

	/* deadlines, looked at by turn.c */
	struct timeq requests;	 /* whole request head within header_timeout */
	struct timeq bodies;	 /* the body after it */
	struct timeq keepalives; /* between two requests */
	struct timeq resumes;	 /* none: the next turn goes on with these */
	struct timeq lingers;
	struct timeq pings; /* sessions: when to send the next ping */
	struct timeq pongs; /* sessions: by when to have the answer */
	struct alarms alarms;

	/* ws.c */
	struct ws_lease *lease; /* idle one, ready for anybody; NULL while leased for long */
	struct ws_limits ws_limits;
	struct inflater *inflater; /* for all compressed messages; NULL: not needed yet */

	/* encode.c */
	struct encoder *encoder;

	/* session.c, polling.c */
	struct sid_table sessions;
	struct session *dead_sessions; /* freed at the turn's end */
	struct polling *polls;	       /* GETs that can be answered now */

	/* answers.c */
	struct answers *answers;
	unsigned nanswers;
	uint64_t answers_id; /* of the last */

	/* batch.c */
	struct batch *batches;
	unsigned nbatches;

	/* socket.c, nsp.c, room.c, user.c */
	struct room_table *rooms;
	struct nsp_table *nsps;
	struct sid_table sids; /* sockets */
	struct user_table *users;
	uint32_t mark; /* of the last union, see fanout.c */

	/* auth_keys.c */
	struct jwt_ring *jwt;	    /* key I is the conf's */
	struct file_stamp *key_seen; /* of the files they are from, as last looked at */
	uint64_t keys_ns;	    /* when that was */

	/* hook.c, rule_wait.c */
	struct hooks *hooks; /* NULL: the conf has none */
	size_t waiting_bytes; /* of packets that wait behind a hook */

	/* trigger.c */
	struct trigger_queue triggers;

	/* api_keys.c */
	struct api_keys *api_keys;

	/* query.c */
	struct store *store;
	struct query *queries;

	/* request.c: the request being handled, the reply being written, its Date */
	struct http_request *req;
	struct buf reply;
	char date[40];
	int64_t date_s;

	/* stats.c */
	struct stats_host host;
	uint64_t host_ns; /* when it was summed */

	/* scratch of one rule or handler, never held across a callback */
	struct buf packet; /* the packet being built */
	struct buf json;   /* a reply, an ack's arguments, a template's result */
	struct buf name;   /* a room's name */
	struct buf hook_body; /* rule_wait.c alone */
	struct buf text;   /* one server value; eval.c alone */
	struct buf unpacked; /* a packet that came as MessagePack; packet.c alone, while it is handled */
};

/* Reads both clocks. */
void worker_look_at_clock(struct worker *w);

/* For whatever runs first after a sleep: timers started by a stale clock would end too early. */
static inline void worker_wake_clock(struct worker *w)
{
	if (!w->fresh)
		worker_look_at_clock(w);
}

/*
 * True when this turn's reading has lasted long, or built much: others wait for its end, and the watchdog for its beat.  Whoever has
 * much to do does a little then, and the rest in the next turn.
 */
static inline bool worker_is_late(const struct worker *w)
{
	return w->arena.used > WORKER_READ_BUILT || clock_mono_ns() - w->now_ns > WORKER_READ_NS;
}

/*
 * Makes a worker of H that can take turns: everything but the store's reader, the signals and the listening sockets, which
 * belong to a process of its own (worker_main).  0 or -errno.
 */
int worker_init(struct worker *w, const struct heritage *h);

/* Ends the process at once: used where going on would leave others with lies. */
void worker_die(struct worker *w, const char *why) __attribute__((noreturn));

#endif
