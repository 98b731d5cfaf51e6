#include "master/supervise.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/log.h"
#include "master/burial.h"
#include "master/remains.h"

#define START_POLL_NS  (5 * TICK_MS)  /* how soon "all LIVE" is noticed */
#define BURIAL_POLL_NS (10 * TICK_MS) /* how soon a burial is tried again */
#define SWEEP_NS       TICK_SEC

static struct segment *segment_of(const struct supervisor *s)
{
	return s->spawn.heritage->seg;
}

static struct slot *slot_of(const struct supervisor *s, const struct child *c)
{
	return segment_slot(segment_of(s), c->slot);
}

static bool stopping(const struct supervisor *s)
{
	return s->phase >= SUPERVISE_STOPPING;
}

static void set_phase(struct supervisor *s, enum supervise_phase phase)
{
	static const char *const names[] = {"starting", "up", "stopping", "closing", "over"};

	log_debug("phase", "from=%s to=%s", names[s->phase], names[phase]);
	s->phase = phase;
}

int supervise_signals(sigset_t *old_mask)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, old_mask) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- stopping ---- */

static bool all_gone(const struct supervisor *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (s->crew.child[i].state != CHILD_GONE)
			return false;
	return true;
}

static void tell(const struct supervisor *s, const struct child *c)
{
	if (c->state == CHILD_RUNNING)
		kill(c->pid, s->stop_signal);
}

static void tell_workers(struct supervisor *s)
{
	for (unsigned i = 0; i + 1 < s->crew.n; i++) {
		struct child *c = &s->crew.child[i];

		if (c->state == CHILD_DUE)
			c->state = CHILD_GONE;
		tell(s, c);
	}
}

static uint64_t grace(int sig)
{
	return sig == SIGTERM ? SUPERVISE_DRAIN_NS : SUPERVISE_STOP_NS;
}

/* SIG: what to tell the processes; a second call makes it more urgent, never less. */
static void begin_stop(struct supervisor *s, int sig, enum supervise_end end, uint64_t now)
{
	if (stopping(s)) {
		if (end == SUPERVISE_DONE && s->end == SUPERVISE_RESTART) {
			s->end = SUPERVISE_DONE;
			bind_close(s->bindings);
		}
		if (sig == SIGTERM)
			return;
		s->stop_signal = s->stop_signal == SIGTERM ? SIGINT : SIGKILL;
		s->deadline_ns = now + SUPERVISE_STOP_NS;
		if (s->phase == SUPERVISE_STOPPING)
			tell_workers(s);
		else
			tell(s, crew_keeper(&s->crew));
		return;
	}
	s->end = end;
	s->stop_signal = sig;
	/* A restart keeps the sockets: connections queued on them are served by the next processes. */
	if (end != SUPERVISE_RESTART)
		bind_close(s->bindings);
	set_phase(s, SUPERVISE_STOPPING);
	s->deadline_ns = now + grace(sig);
	tell_workers(s);
	/* A keeper that is away now is not needed again: what it would have stored ends with the instance. */
	if (crew_keeper(&s->crew)->state == CHILD_DUE)
		crew_keeper(&s->crew)->state = CHILD_GONE;
}

static void advance_stop(struct supervisor *s, uint64_t now)
{
	struct child *keeper = crew_keeper(&s->crew);

	if (s->phase == SUPERVISE_STOPPING && all_gone(s, s->crew.n - 1)) {
		set_phase(s, SUPERVISE_CLOSING);
		/* That workers had to be killed is no reason to deny the keeper its orderly end. */
		if (s->stop_signal == SIGKILL)
			s->stop_signal = SIGINT;
		s->deadline_ns = now + SUPERVISE_STOP_NS;
		tell(s, keeper);
	}
	if (s->phase == SUPERVISE_CLOSING && keeper->state == CHILD_GONE)
		set_phase(s, SUPERVISE_OVER);
	else if (now >= s->deadline_ns && s->stop_signal != SIGKILL) {
		log_warn("stop_deadline", "phase=%s", s->phase == SUPERVISE_STOPPING ? "workers" : "keeper");
		s->stop_signal = SIGKILL;
		if (s->phase == SUPERVISE_STOPPING)
			tell_workers(s);
		else
			tell(s, keeper);
	}
}

/* ---- signals ---- */

static void on_signal(struct supervisor *s, const struct signalfd_siginfo *si, uint64_t now)
{
	int sig = (int)si->ssi_signo;

	switch (sig) {
	case SIGTERM:
		log_info("draining", "signal=TERM from=%u", si->ssi_pid);
		begin_stop(s, SIGTERM, SUPERVISE_DONE, now);
		break;
	case SIGINT:
	case SIGQUIT:
		log_info("stopping", "signal=%s from=%u", sigabbrev_np(sig), si->ssi_pid);
		begin_stop(s, SIGINT, SUPERVISE_DONE, now);
		break;
	case SIGHUP:
	case SIGUSR2:
		log_warn("signal_ignored", "signal=%s why=%s", sigabbrev_np(sig),
		    "this build has neither reload nor upgrade: stop and start instead");
		break;
	default: /* SIGCHLD: reaped every round */ break;
	}
}

static void read_signals(struct supervisor *s, uint64_t now)
{
	struct signalfd_siginfo si[8];
	ssize_t n;

	while ((n = read(s->spawn.signal_fd, si, sizeof(si))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(si[0]); i++)
			on_signal(s, &si[i], now);
}

/* ---- deaths ---- */

static void schedule(struct supervisor *s, struct child *c, uint64_t now)
{
	if (stopping(s)) {
		c->state = CHILD_GONE;
		return;
	}
	c->state = CHILD_DUE;
	if (c->due_ns < now)
		c->due_ns = now;
}

static void bury(struct supervisor *s, struct child *c, uint64_t now)
{
	int err = burial_finish(segment_of(s), c->slot, c->gen, c->role == SLOT_ROLE_KEEPER, now);

	/* The mark that lets it purge: it may have looked at the rings since on_death() rang. */
	if (err == 0)
		doorbell_ring(&s->spawn.heritage->bells, segment_of(s), s->spawn.heritage->keeper_slot);
	/* While stopping nobody has to learn about it, and the keeper may be gone. */
	if (err == 0 || stopping(s))
		schedule(s, c, now);
}

/*
 * Lives in a row that never got to LIVE: at the first start that is how it will stay, so we give up.  Later a worker is
 * tried again and again; but a keeper that cannot open the store never will, and only a new instance has a new one.
 */
static void judge_unready(struct supervisor *s, const struct child *c, int status, uint64_t now)
{
	bool refused = WIFEXITED(status) && WEXITSTATUS(status) == FAULT_USAGE;

	if (s->phase == SUPERVISE_STARTING && (refused || c->unready >= SUPERVISE_START_TRIES)) {
		log_error("start_failed", "kind=%s index=%u last=%s tries=%u", slot_role_name(c->role), c->index,
		    c->last_exit, c->unready);
		begin_stop(s, SIGINT, SUPERVISE_FAILED, now);
	} else if (s->phase == SUPERVISE_UP && c->role == SLOT_ROLE_KEEPER && c->unready >= SUPERVISE_KEEPER_TRIES) {
		log_error(
		    "instance_broken", "what=%s", "the keeper cannot work with the store: starting everything anew");
		begin_stop(s, SIGINT, SUPERVISE_RESTART, now);
	}
}

static void on_death(struct supervisor *s, struct child *c, int status, uint64_t now)
{
	struct slot_mask everybody = crew_mask(&s->crew);
	uint64_t life = now - c->forked_ns, wait;

	crew_note_exit(c, status);
	c->state = CHILD_BURIAL;
	c->pid = 0;
	if (slot_is_alive(slot_of(s, c))) {
		c->was_live = true;
		c->unready = 0;
	} else {
		c->unready++;
	}
	burial_begin(segment_of(s), c->slot, c->gen, now);
	/* Everybody looks at the slot table at once: a neighbour adopts the sockets of the dead. */
	doorbell_ring_mask(&s->spawn.heritage->bells, segment_of(s), &everybody, SLOT_NONE);

	if (stopping(s)) {
		log_info("process_ended", "kind=%s index=%u slot_of=%u how=%s", slot_role_name(c->role), c->index,
		    c->slot, c->last_exit);
		bury(s, c, now);
		return;
	}
	s->deaths++;
	wait = backoff_next(&c->backoff, life);
	c->due_ns = now + wait;
	log_error("process_died", "kind=%s index=%u slot_of=%u gen=%u how=%s life_ms=%llu respawn_in_ms=%llu",
	    slot_role_name(c->role), c->index, c->slot, c->gen, c->last_exit, (unsigned long long)(life / TICK_MS),
	    (unsigned long long)(wait / TICK_MS));
	judge_unready(s, c, status, now);
	bury(s, c, now);
}

static void reap(struct supervisor *s, uint64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = crew_by_pid(&s->crew, pid);

		if (c)
			on_death(s, c, status, now);
	}
}

/* ---- births ---- */

static void spawn_due(struct supervisor *s, uint64_t now)
{
	const struct child *keeper = crew_keeper(&s->crew);

	for (unsigned i = s->crew.n; i-- > 0;) {
		struct child *c = &s->crew.child[i];
		int err;

		if (stopping(s) || c->state != CHILD_DUE || c->due_ns > now)
			continue;
		if (c != keeper && !keeper->was_live)
			continue; /* the stores are not open yet */
		if (keeper->was_live && !instance_intact(s->spawn.instance, true)) {
			log_error("instance_broken", "what=%s",
			    "segment or store is gone from " INSTANCE_SHM_DIR ": starting everything anew");
			begin_stop(s, SIGINT, SUPERVISE_RESTART, now);
			return;
		}
		err = spawn_child(&s->spawn, c, now);
		if (err) {
			log_error("fork_failed", "kind=%s index=%u error=%s", slot_role_name(c->role), c->index,
			    strerror(-err));
			burial_begin(segment_of(s), c->slot, c->gen, now);
			c->state = CHILD_BURIAL;
			c->due_ns = now + backoff_next(&c->backoff, 0) + BACKOFF_FIRST;
			bury(s, c, now);
			continue;
		}
		if (s->phase == SUPERVISE_UP)
			s->respawns++;
		log_info("process_started", "kind=%s index=%u slot_of=%u gen=%u child=%ld", slot_role_name(c->role),
		    c->index, c->slot, c->gen, (long)c->pid);
	}
}

/* ---- the round ---- */

static void note_live(struct supervisor *s)
{
	bool all = true;

	for (unsigned i = 0; i < s->crew.n; i++) {
		struct child *c = &s->crew.child[i];

		if (c->state == CHILD_RUNNING && slot_is_alive(slot_of(s, c)))
			c->was_live = true;
		else
			all = false;
	}
	if (all && s->phase == SUPERVISE_STARTING) {
		set_phase(s, SUPERVISE_UP);
		log_info("ready", "workers=%u", s->crew.n - 1);
		s->on_up(s->ctx);
	}
}

static void watch(struct supervisor *s, uint64_t now)
{
	watchdog_round(&s->watchdog, now);
	for (unsigned i = 0; i < s->crew.n; i++) {
		struct child *c = &s->crew.child[i];

		if (c->state != CHILD_RUNNING || (stopping(s) && s->stop_signal != SIGTERM))
			continue;
		if (watchdog_silent(&s->watchdog, slot_of(s, c), c->forked_ns, now))
			watchdog_act(c, watchdog_age(slot_of(s, c), c->forked_ns, now));
	}
}

/* The orphans of a killed master drain for a while; what they leave goes as soon as they are gone. */
static void sweep_former(struct supervisor *s, uint64_t now)
{
	const struct instance *in = s->spawn.instance;
	struct remains r;

	if (s->former == 0 || now < s->sweep_ns)
		return;
	s->sweep_ns = now + SWEEP_NS;
	if (flock(in->runtime_fd, LOCK_EX | LOCK_NB) < 0)
		return; /* another forkcast starts or ends right now */
	if (remains_scan(in->runtime_fd, in->name, true, s->spawn.identity->uid, &r) == 0) {
		s->former = r.draining;
		remains_fini(&r);
	}
	flock(in->runtime_fd, LOCK_UN);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the loop has something to do even if nothing happens. */
static uint64_t next_round(const struct supervisor *s, uint64_t now)
{
	uint64_t t = now + watchdog_interval(&s->watchdog);

	for (unsigned i = 0; i < s->crew.n; i++) {
		const struct child *c = &s->crew.child[i];

		if (c->state == CHILD_BURIAL)
			t = earlier(t, now + BURIAL_POLL_NS);
		else if (c->state == CHILD_DUE && c->due_ns > now)
			t = earlier(t, c->due_ns);
		else if (c->state == CHILD_RUNNING && !slot_is_alive(slot_of(s, c)))
			t = earlier(t, now + START_POLL_NS);
	}
	if (s->phase == SUPERVISE_STARTING)
		t = earlier(t, now + START_POLL_NS);
	if (stopping(s) && s->stop_signal != SIGKILL)
		t = earlier(t, s->deadline_ns);
	return t;
}

static void wait_for_events(struct supervisor *s)
{
	struct pollfd pfds[1 + ANSWER_POLLFDS];
	unsigned nctl = answer_poll(s->control, pfds + 1);
	uint64_t now = tick_now(), until = next_round(s, now);
	struct timespec ts = {0};

	if (until > now)
		ts = (struct timespec){
		    .tv_sec = (time_t)((until - now) / TICK_SEC), .tv_nsec = (long)((until - now) % TICK_SEC)};
	pfds[0] = (struct pollfd){.fd = s->spawn.signal_fd, .events = POLLIN};
	if (ppoll(pfds, 1 + nctl, &ts, NULL) < 0)
		for (unsigned i = 0; i <= nctl; i++)
			pfds[i].revents = 0;
	answer_handle(s->control, pfds + 1, nctl, tick_now());
}

enum supervise_end supervise_run(struct supervisor *s)
{
	const struct heritage *h = s->spawn.heritage;
	uint64_t now = tick_now();

	crew_init(&s->crew, h->nworker, now);
	watchdog_init(&s->watchdog, (uint64_t)h->conf->watchdog * TICK_MS, now);
	s->phase = SUPERVISE_STARTING;
	s->end = SUPERVISE_DONE;
	while (s->phase != SUPERVISE_OVER) {
		now = tick_now();
		read_signals(s, now);
		reap(s, now);
		for (unsigned i = 0; i < s->crew.n; i++)
			if (s->crew.child[i].state == CHILD_BURIAL)
				bury(s, &s->crew.child[i], now);
		note_live(s);
		spawn_due(s, now);
		watch(s, now);
		sweep_former(s, now);
		if (stopping(s))
			advance_stop(s, now);
		if (s->phase != SUPERVISE_OVER)
			wait_for_events(s);
	}
	return s->end;
}
