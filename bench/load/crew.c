#include "bench/load/crew.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void *shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap of %zu bytes", size);
	return mem;
}

struct crew *crew_new(const struct plan *plan)
{
	struct crew *w = shared(sizeof *w + plan->procs * sizeof w->part[0]);
	unsigned i;

	w->plan = plan;
	if (plan->rooms)
		w->left = shared((size_t)plan_npublishers(plan) * CREW_FLIGHTS * sizeof *w->left);
	if (plan->by_worker) {
		w->pair = shared(plan->rooms * sizeof *w->pair);
		w->pair_worker = shared(plan->rooms * sizeof *w->pair_worker);
	}
	if (pipe(w->report) < 0)
		err(1, "pipe");
	for (i = 0; i < plan->procs; i++) {
		w->wake[i] = eventfd(0, EFD_NONBLOCK);
		if (w->wake[i] < 0)
			err(1, "eventfd");
	}
	return w;
}

void crew_start(struct crew *w, int (*body)(struct crew *w, unsigned me))
{
	unsigned i;
	pid_t pid;

	fflush(NULL);
	for (i = 0; i < w->plan->procs; i++) {
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(body(w, i));
		}
		w->pid[i] = pid; /* by the parent alone: this memory is the child's too */
	}
}

static bool anyone_ended(struct crew *w)
{
	unsigned i;

	for (i = 0; i < w->plan->procs; i++) {
		if (w->pid[i] > 0 && waitpid(w->pid[i], NULL, WNOHANG) == w->pid[i]) {
			w->pid[i] = 0;
			if (w->part[i].error[0])
				warnx("%s", w->part[i].error);
			return true;
		}
	}
	return false;
}

bool crew_wait(struct crew *w, char what, unsigned n, double patience_s)
{
	struct pollfd p = {.fd = w->report[0], .events = POLLIN};
	double waited = 0;
	char got;

	while (n) {
		if (poll(&p, 1, 500) > 0) {
			if (read(p.fd, &got, 1) == 1 && got == what)
				n--;
			continue;
		}
		waited += 0.5;
		if (anyone_ended(w))
			return false;
		if (waited > patience_s) {
			warnx("no answer from the generator's processes in %.0f s", waited);
			return false;
		}
	}
	return true;
}

void crew_enter(struct crew *w, enum crew_phase phase)
{
	uint64_t one = 1;
	unsigned i;

	atomic_store(&w->phase, (int)phase);
	for (i = 0; i < w->plan->procs; i++)
		if (write(w->wake[i], &one, sizeof one) < 0)
			err(1, "eventfd");
}

bool crew_end(struct crew *w)
{
	bool ok = true;
	unsigned i;
	int status;

	crew_enter(w, CREW_END);
	for (i = 0; i < w->plan->procs; i++) {
		if (w->pid[i] == 0) {
			ok = false;
			continue;
		}
		while (waitpid(w->pid[i], &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			warnx("%s", w->part[i].error[0] ? w->part[i].error : "a process of the generator failed");
			ok = false;
		}
	}
	return ok;
}

void crew_tell(struct crew *w, char what)
{
	if (write(w->report[1], &what, 1) != 1)
		_exit(1);
}
