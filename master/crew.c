#include "master/crew.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void crew_init(struct crew *c, unsigned nworker, uint64_t now_ns)
{
	assert(nworker > 0 && nworker < SLOT_MAX);
	memset(c, 0, sizeof(*c));
	c->n = nworker + 1;
	for (unsigned i = 0; i < c->n; i++) {
		bool keeper = i == nworker;

		c->child[i] = (struct child){
		    .state = CHILD_DUE,
		    .role = keeper ? SLOT_ROLE_KEEPER : SLOT_ROLE_WORKER,
		    .index = keeper ? 0 : i,
		    .slot = i,
		    .due_ns = now_ns,
		};
	}
}

struct child *crew_keeper(struct crew *c)
{
	return &c->child[c->n - 1];
}

struct child *crew_by_pid(struct crew *c, pid_t pid)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->child[i].state == CHILD_RUNNING && c->child[i].pid == pid)
			return &c->child[i];
	return NULL;
}

struct slot_mask crew_mask(const struct crew *c)
{
	struct slot_mask m = {{0}};

	for (unsigned i = 0; i < c->n; i++)
		slot_mask_set(&m, c->child[i].slot);
	return m;
}

void crew_note_exit(struct child *c, int status)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		snprintf(c->last_exit, sizeof(c->last_exit), "signal %s%s%s", name ? name : "unknown",
		    WCOREDUMP(status) ? ", core dumped" : "", c->killed ? ", by the watchdog" : "");
	} else {
		snprintf(c->last_exit, sizeof(c->last_exit), "exit %d", WEXITSTATUS(status));
	}
}
