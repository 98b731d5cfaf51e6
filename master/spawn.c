#include "master/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conf/log.h"
#include "master/bind.h"
#include "master/title.h"

static void reset_signals(const struct spawn *s)
{
	/*
	 * What our parent had us ignore goes back to default.  SIGHUP under nohup is the exception: keep it; and SIGPIPE, which
	 * the master ignores: OpenSSL writes to connections that the peer has closed, and whoever read our log may have ended.
	 * The master has no handlers; where there is one, it is a sanitizer's, which tells of crashes.
	 */
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction old;

		if (sig == SIGHUP || sig == SIGPIPE || sigaction(sig, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
			continue;
		signal(sig, SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* Worker I to the I-th usable processor, around and around; the keeper stays free. */
static void pin(const struct spawn *s, const struct child *c)
{
	size_t n = (size_t)CPU_COUNT(&s->cpus), want;
	cpu_set_t one;

	if (!s->heritage->conf->cpu_affinity || c->role != SLOT_ROLE_WORKER || n == 0)
		return;
	want = c->index % n;
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &s->cpus) && want-- == 0) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		log_warn("cpu_affinity_failed", "error=%s", strerror(errno));
}

static void name_process(const struct spawn *s, const struct child *c)
{
	const char *name = s->instance->name;

	log_identify(slot_role_name(c->role), (int)c->slot);
	if (c->role == SLOT_ROLE_WORKER)
		title_set("forkcast: worker %u [%s]", c->index, name);
	else
		title_set("forkcast: %s [%s]", slot_role_name(c->role), name);
}

static _Noreturn void child_run(struct spawn *s, const struct child *c)
{
	struct heritage *h = s->heritage;
	int err;

	name_process(s, c);
	reset_signals(s);
	close(s->signal_fd);
	answer_child(s->control);
	instance_child(s->instance);
	if (c->role != SLOT_ROLE_WORKER) {
		bind_child_close(h);
		mailboxes_close(&h->mail);
	}
	pin(s, c);

	err = identity_assume(s->identity);
	if (err) {
		log_error("privileges_not_dropped", "error=%s", strerror(-err));
		_exit(1);
	}
	/* After the identity: a change of credentials clears it.  Then look whether the master died before it was set.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != h->master_pid)
		_exit(1);

	h->slot = c->slot;
	h->gen = c->gen;
	h->index = c->index;
	exit(c->role == SLOT_ROLE_WORKER ? worker_main(h) : keeper_main(h));
}

int spawn_child(struct spawn *s, struct child *c, uint64_t now_ns)
{
	struct slot *slot = segment_slot(s->heritage->seg, c->slot);
	pid_t pid;

	c->gen = slot_open(slot, c->role, c->index, now_ns);
	c->forked_ns = now_ns;
	c->killed = c->excused = false;
	fflush(NULL); /* or buffered output would be written twice */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_run(s, c);
	slot_set_pid(slot, pid);
	c->pid = pid;
	c->state = CHILD_RUNNING;
	return 0;
}
