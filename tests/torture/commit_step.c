/*
 * commit_step.c - a commit of the store, stepped instruction by instruction and killed.
 *
 *	commit_step [SAMPLES]
 *
 * A child opens a copy of a store, fills a batch and commits it.  It is killed after SAMPLES different numbers of
 * instructions (0: after every single one) up to the one that stores LMDB's transaction number, and then after each of
 * the next AFTER.  Each time a successor must find the batch not there, and from the number on there, row by row, and
 *be able to go on.  (The first kill after the number may be the one that store_torn.h is about: then not.)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"
#include "tests/unit/store_model.h"

#define MAP_SIZE (2u << 20)
#define AFTER    64u
#define WAYS_MAX 3u
#define MOST     200000u /* instructions of a commit */
#define OPS      3u      /* operations in the batch */
#define SLOT     3u
#define GEN      1u
#define NUMBER   (16 + 0x80) /* of a meta page: its transaction */

static char base_path[160];
static struct model before, after;
static uint64_t torn;

static void apply(struct store_writer *w, enum op_kind kind, struct model_socket *s, uint32_t rooms)
{
	_Alignas(8) uint8_t buf[4096];
	size_t len = model_op(buf, sizeof buf, kind, s, rooms);

	MODEL_CHECK(store_apply(w, SLOT, GEN, buf, len) == 0, "apply");
}

/* A batch on the model's sockets from FIRST on. */
static void batch(struct store_writer *w, struct model *m, uint64_t *seed, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct model_socket *s = &m->s[model_rand(seed) % MODEL_SOCKETS];
		uint32_t rooms = model_rand(seed) & ((1u << MODEL_ROOMS) - 1);

		if (s->on) {
			apply(w, OP_SOCKET_DEL, s, 0);
			model_del(m, s);
			continue;
		}
		model_sid(s->raw, SLOT, GEN, seed);
		s->nsp = model_rand(seed) % MODEL_NSPS;
		s->user = model_rand(seed) % MODEL_USERS;
		s->ms = 1 + model_rand(seed);
		s->rooms = rooms;
		apply(w, OP_SOCKET_ADD, s, rooms);
		model_add(m, s);
	}
}

static void make_base(void)
{
	struct store_writer *w = NULL;
	uint64_t seed = 4711;

	MODEL_CHECK(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, true) == 0, "open");
	for (unsigned i = 0; i < 20; i++) {
		MODEL_CHECK(store_begin(w) == 0, "begin");
		batch(w, &before, &seed, 20);
		store_advance(w, SLOT, i + 1);
		MODEL_CHECK(store_commit(w) == 0, "commit");
	}
	store_writer_close(w);
	MODEL_CHECK(rename(store_path, base_path) == 0, "rename");
}

static void copy_base(void)
{
	int in = open(base_path, O_RDONLY), out;
	char buf[65536];
	ssize_t n;

	store_fixture_end();
	out = open(store_path, O_RDWR | O_CREAT | O_EXCL, 0600);
	MODEL_CHECK(in >= 0 && out >= 0, "copy");
	while ((n = read(in, buf, sizeof buf)) > 0)
		MODEL_CHECK(write(out, buf, (size_t)n) == n, "copy");
	close(in);
	close(out);
}

/* What the child does; stops itself right before the commit. */
static void traced(struct model *m)
{
	struct store_writer *w = NULL;
	uint64_t seed = 99;

	MODEL_CHECK(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, false) == 0, "open");
	MODEL_CHECK(store_begin(w) == 0, "begin");
	batch(w, m, &seed, OPS);
	store_advance(w, SLOT, 21);
	raise(SIGSTOP);
	MODEL_CHECK(store_commit(w) == 0, "commit");
	raise(SIGSTOP);
}

/* The number of the last transaction, in the file as the child maps it. */
static uint64_t number(const uint8_t *map)
{
	uint64_t a, b;

	memcpy(&a, map + NUMBER, sizeof a);
	memcpy(&b, map + sysconf(_SC_PAGESIZE) + NUMBER, sizeof b);
	return a > b ? a : b;
}

/* Where the child is after each of its instructions; forks of one parent go the same way through the same addresses. */
static uint64_t rip[MOST];
static uint32_t back[MOST]; /* the last place up to here that it had not been at before */
static uint32_t nrip, stored;

static uint64_t where(pid_t pid)
{
	struct user_regs_struct regs;

	MODEL_CHECK(ptrace(PTRACE_GETREGS, pid, NULL, &regs) == 0, "registers: %s", strerror(errno));
	return regs.rip;
}

/* Starts a child on a fresh copy; it stands before its commit. */
static pid_t start(void)
{
	int status;
	pid_t pid;

	copy_base();
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			traced(&before);
		_exit(1);
	}
	MODEL_CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "not traced: %x", status);
	return pid;
}

/* One instruction; false when the child has come through. */
static bool step(pid_t pid)
{
	int status;

	MODEL_CHECK(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0, "step: %s", strerror(errno));
	MODEL_CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "died: %x", status);
	return WSTOPSIG(status) != SIGSTOP;
}

/* Runs to a place the child comes to for the first time. */
static void run_to(pid_t pid, uint64_t place)
{
	struct user_regs_struct regs;
	long text;
	int status;

	errno = 0;
	text = ptrace(PTRACE_PEEKTEXT, pid, (void *)place, NULL);
	MODEL_CHECK(errno == 0, "text: %s", strerror(errno));
	MODEL_CHECK(ptrace(PTRACE_POKETEXT, pid, (void *)place, (void *)((text & ~0xffL) | 0xcc)) == 0, "breakpoint");
	MODEL_CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0, "continue");
	MODEL_CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
	    "no breakpoint: %x", status);
	MODEL_CHECK(ptrace(PTRACE_POKETEXT, pid, (void *)place, (void *)text) == 0, "breakpoint");
	MODEL_CHECK(ptrace(PTRACE_GETREGS, pid, NULL, &regs) == 0, "registers");
	regs.rip = place;
	MODEL_CHECK(ptrace(PTRACE_SETREGS, pid, NULL, &regs) == 0, "registers");
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	MODEL_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "kill: %x", status);
}

/* Follows one commit to its end, and notes the way and where the transaction's number was stored. */
static void explore(void)
{
	pid_t pid = start();
	int fd = open(store_path, O_RDONLY);
	uint8_t *map = mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);
	static uint64_t seen[1u << 18]; /* a hash set */
	uint64_t old = number(map);

	MODEL_CHECK(map != MAP_FAILED, "map");
	close(fd);
	do {
		uint32_t h;

		MODEL_CHECK(nrip < MOST, "more than %u instructions", MOST);
		rip[nrip] = where(pid);
		h = (uint32_t)(rip[nrip] * 0x9e3779b97f4a7c15u >> 46);
		while (seen[h] != 0 && seen[h] != rip[nrip])
			h = (h + 1) % (1u << 18);
		back[nrip] = seen[h] == 0 || nrip == 0 ? nrip : back[nrip - 1];
		seen[h] = rip[nrip];
		if (stored == 0 && number(map) != old)
			stored = nrip;
		nrip++;
	} while (step(pid));
	end(pid);
	munmap(map, 2 * (size_t)sysconf(_SC_PAGESIZE));
}

static int verify(void);

/*
 * Kills a committing child after K instructions.  One that came another way than the first did, which is rare, is ended
 * as well, judged like any other death, and another one made.
 */
static void kill_after(uint32_t k)
{
	for (unsigned tries = 0;; tries++) {
		pid_t pid = start();
		bool there = true;

		if (back[k] > 0)
			run_to(pid, rip[back[k]]);
		for (uint32_t i = back[k]; i < k && there; i++)
			there = step(pid);
		there = there && where(pid) == rip[k];
		end(pid);
		if (there)
			return;
		MODEL_CHECK(tries < WAYS_MAX, "another way at %u, again and again", k);
		verify();
	}
}

/* In a process of its own, as a successor is.  Its exit status: 0 the batch is not there, 1 it is; 2 more: it was torn.
 */
static _Noreturn void successor(void)
{
	struct store_torn t;
	struct store_writer *w = NULL;
	struct store *st = NULL;
	struct model *m;
	uint64_t seed = 5, top;
	bool was_torn;

	/* First by itself, to see whether there was something to repair; then as the keeper does. */
	MODEL_CHECK(store_torn_open(&t, store_path) == 0, "meta pages");
	top = number(t.map);
	was_torn = store_torn_repair(&t);
	MODEL_CHECK(was_torn == (number(t.map) != top), "repair");
	store_torn_close(&t);
	MODEL_CHECK(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, false) == 0, "successor's open");
	MODEL_CHECK(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE) == 0, "reader");
	MODEL_CHECK(store_applied(w, SLOT) == 20 || store_applied(w, SLOT) == 21, "%" PRIu64, store_applied(w, SLOT));
	m = store_applied(w, SLOT) == 20 ? &before : &after;
	MODEL_CHECK(store_outbox_next(w) == m->nedge + 1, "outbox");
	model_compare(m, st, w);
	for (unsigned i = 0; i < 5; i++) {
		MODEL_CHECK(store_begin(w) == 0, "begin");
		batch(w, m, &seed, 10);
		MODEL_CHECK(store_commit(w) == 0, "commit");
	}
	model_compare(m, st, w);
	_exit((m == &after) | was_torn << 1);
}

static int verify(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		successor();
	MODEL_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 4, "%x", status);
	torn += WEXITSTATUS(status) >= 2;
	return WEXITSTATUS(status) & 1;
}

int main(int argc, char **argv)
{
	unsigned samples = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 60, there = 0;

	store_fixture();
	snprintf(base_path, sizeof base_path, "%s-base", store_path);
	make_base();
	after = before;
	/* The model of the batch, once, from a commit that nobody disturbs. */
	copy_base();
	{
		struct store_writer *w = NULL;
		uint64_t seed = 99;

		MODEL_CHECK(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, false) == 0, "open");
		MODEL_CHECK(store_begin(w) == 0, "begin");
		batch(w, &after, &seed, OPS);
		store_abort(w);
		store_writer_close(w);
	}
	explore();
	MODEL_CHECK(verify() == 1, "a commit that nobody disturbed is not there");
	MODEL_CHECK(stored > 0 && stored + AFTER < nrip, "no number stored");
	for (uint32_t k = stored; k < stored + AFTER; k++) {
		kill_after(k);
		there += (unsigned)verify();
	}
	MODEL_CHECK(there >= AFTER - 2, "the batch was there only %u times after its number was stored", there);
	if (samples == 0 || samples > stored)
		samples = stored;
	for (unsigned i = 0; i < samples; i++) {
		kill_after((uint32_t)((uint64_t)stored * i / samples));
		MODEL_CHECK(verify() == 0, "there before its time");
	}
	printf("commit_step: %" PRIu32 " instructions, the transaction's number stored by number %" PRIu32
	       "; killed at %u places before it, and after each of the %u from it on; %" PRIu64
	       " torn and repaired; all or nothing each time\n",
	    nrip, stored, samples, AFTER, torn);
	store_fixture_end();
	unlink(base_path);
	return 0;
}
