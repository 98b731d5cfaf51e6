/*
 * kill.c - writers and readers killed at random, and every record that anybody reads verified.
 *
 * Writers publish as fast as they can, half of them straight into their rings, overtaking whoever is slow, half through
 * outlets.  Readers merge all rings.  The master kills one of them at a random moment, reaps it, repairs its rings,
 * ends the generation with a mark, and starts the next life in the slot, again and again.
 *
 * A record tells its slot, its generation and its number in that life, and all its other bytes follow from these.  A
 * reader must find in each ring: the numbers of a life in a row, then the mark of that life, then the next life from 1
 * on, unless it is told that it was overtaken.  It also must find all that the life counted as published when it died:
 * a record is not lost by the death of who published it.
 *
 * Seen red: no lap check in ring_copy_part() or in ring_peek(); the claim stored after the words; a repair that moves
 * the tail over the gap without padding it.  Not seen here is a repair that lowers the claim: it takes a reader that is
 * a whole lap behind at that moment, which step.c and t_ring_steps put there.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shm/inlet.h"
#include "shm/interest.h"
#include "shm/outlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define WRITERS  4u
#define READERS  3u
#define PROCS    (WRITERS + READERS)
#define RINGSIZE (UINT64_C(1) << 16)
#define LENGTH   1500u
#define LIVES    (1u << 15) /* of a slot, at most */

/* What the processes tell, in shared memory, so that it outlives them. */
struct tally {
	_Atomic uint64_t published[WRITERS][LIVES]; /* by generation: records whose publish has returned */
	_Atomic uint64_t records, marks, laps, torn, bad, turns, refused;
	_Atomic uint32_t stop;
};

/* Of each record's payload, the first 24 bytes. */
struct stamp {
	uint64_t slot, gen, n;
};

static struct segment seg;
static struct doorbells bells;
static struct tally *tally;

static uint64_t mix(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static size_t make(uint8_t *buf, const struct stamp *s)
{
	uint64_t seed = s->slot << 56 ^ s->gen << 32 ^ s->n;
	size_t n = sizeof *s + mix(&seed) % (LENGTH - sizeof *s);

	memcpy(buf, s, sizeof *s);
	payload_fill(buf + sizeof *s, n - sizeof *s, seed);
	return n;
}

/* True when BUF holds what some writer of SLOT's ring would have written. */
static bool genuine(const uint8_t *buf, size_t n, unsigned slot, struct stamp *s)
{
	uint64_t seed;

	if (n < sizeof *s)
		return false;
	memcpy(s, buf, sizeof *s);
	seed = s->slot << 56 ^ s->gen << 32 ^ s->n;
	return s->slot == slot && n == sizeof *s + mix(&seed) % (LENGTH - sizeof *s) &&
	    payload_is(buf + sizeof *s, n - sizeof *s, seed);
}

static void writer(unsigned slot, uint32_t gen)
{
	struct slot_mask all = {{(1u << PROCS) - 1}};
	static struct outlet out;
	static uint8_t buf[LENGTH];
	struct stamp s = {.slot = slot, .gen = gen, .n = 0};
	uint64_t touch = slot;

	if (outlet_init(&out, &seg, &bells, slot, gen, OUTLET_BROADCAST, 1 << 18))
		_exit(1);
	slot_ready(segment_slot(&seg, slot));
	while (!atomic_load_explicit(&tally->stop, memory_order_relaxed)) {
		struct iovec iov = {.iov_base = buf};
		struct outlet_msg msg = {.iov = &iov, .niov = 1, .mask = &all, .touch = &touch, .ntouch = 1};
		uint64_t ns = fixture_now();

		s.n++;
		iov.iov_len = make(buf, &s);
		slot_beat(segment_slot(&seg, slot), ns);
		if (slot % 2 == 0) {
			if (ring_publish(&out.ring, RING_DATA, 0, &iov, 1, ns) < 0)
				_exit(1);
			out.settled = s.n;
			doorbell_ring_mask(&bells, &seg, &all, slot);
		} else {
			while (outlet_put(&out, &msg, ns) == -ENOBUFS) {
				atomic_fetch_add_explicit(&tally->refused, 1, memory_order_relaxed);
				usleep(100);
				outlet_pump(&out, ns = fixture_now());
			}
			outlet_pump(&out, ns);
		}
		atomic_store_explicit(&tally->published[slot][gen], out.settled, memory_order_release);
	}
	_exit(0);
}

/* Where a reader stands in a ring: the last it saw, or gen 0 when it cannot know. */
struct place {
	uint64_t gen, n;
};

static void bad(const char *why, unsigned slot, const struct place *p, uint64_t gen, uint64_t n)
{
	fprintf(stderr, "kill: %s: ring %u after (%llu, %llu): (%llu, %llu)\n", why, slot, (unsigned long long)p->gen,
	    (unsigned long long)p->n, (unsigned long long)gen, (unsigned long long)n);
	atomic_fetch_add(&tally->bad, 1);
}

static void check_record(struct place *p, const struct stamp *s)
{
	if (p->gen != 0 && !(s->gen == p->gen && s->n == p->n + 1) && !(s->gen > p->gen && s->n == 1 && p->n == 0))
		bad("out of order", (unsigned)s->slot, p, s->gen, s->n);
	*p = (struct place){s->gen, s->n};
}

/* The life GEN of SLOT is over: all that it had published was there. */
static void check_mark(struct place *p, unsigned slot, uint32_t gen)
{
	uint64_t published = slot < WRITERS ? tally->published[slot][gen] : 0;

	atomic_fetch_add_explicit(&tally->marks, 1, memory_order_relaxed);
	if (p->gen == gen && p->n != published && p->n != published + 1 && slot % 2 == 0)
		bad("published, and not there", slot, p, gen, published);
	if (p->gen == gen && p->n < published)
		bad("settled, and not there", slot, p, gen, published);
	/* A life that died before its first record shows up only here. */
	if (p->gen != 0 && gen != p->gen && !(gen == p->gen + 1 && p->n == 0))
		bad("a mark out of order", slot, p, gen, 0);
	*p = (struct place){gen, 0};
}

static void reader(unsigned slot)
{
	static struct inlet in;
	static uint8_t buf[RINGSIZE];
	struct place place[PROCS] = {{0, 0}};
	struct inlet_item item;
	struct inlet_lap lap;
	enum inlet_event ev;
	struct pollfd bell = {.fd = bells.fd[slot], .events = POLLIN};
	uint64_t seed = (uint64_t)getpid();

	inlet_init(&in, &seg, slot);
	slot_ready(segment_slot(&seg, slot));
	for (;;) {
		uint32_t stop = atomic_load_explicit(&tally->stop, memory_order_acquire);
		uint64_t records = 0, laps = 0, torn = 0;

		slot_beat(segment_slot(&seg, slot), fixture_now());
		inlet_begin(&in, fixture_now());
		while ((ev = inlet_next(&in, &item, &lap)) != INLET_NONE) {
			struct stamp s;

			if (ev == INLET_LAPPED) {
				laps++;
				place[item.slot].gen = 0;
				continue;
			}
			if (ev == INLET_GEN_OVER) {
				check_mark(&place[item.slot], item.slot, item.head.gen);
				continue;
			}
			/* Dawdles now and then, so that it is overtaken in the middle of a copy, too. */
			if (mix(&seed) % 4096 == 0)
				usleep(50);
			if (inlet_copy(&in, &item, buf)) {
				torn += !genuine(buf, item.payload, item.slot, &s);
				continue;
			}
			records++;
			if (!genuine(buf, item.payload, item.slot, &s) || s.gen != item.head.gen)
				bad("a bad record", item.slot, &place[item.slot], item.head.gen, item.head.pos);
			else
				check_record(&place[item.slot], &s);
		}
		inlet_end(&in);
		if (in.bad > 0)
			bad("a bad head", 0, &place[0], in.bad, 0);
		atomic_fetch_add_explicit(&tally->records, records, memory_order_relaxed);
		atomic_fetch_add_explicit(&tally->laps, laps, memory_order_relaxed);
		atomic_fetch_add_explicit(&tally->torn, torn, memory_order_relaxed);
		atomic_fetch_add_explicit(&tally->turns, 1, memory_order_relaxed);
		if (stop && !inlet_pending(&in))
			_exit(0);
		doorbell_arm(segment_slot(&seg, slot));
		if (!inlet_pending(&in))
			poll(&bell, 1, 10);
		doorbell_awake(segment_slot(&seg, slot));
		doorbell_drain(&bells, slot);
	}
}

static pid_t start(unsigned slot)
{
	pid_t parent = getpid(), pid;
	uint32_t gen = slot_open(segment_slot(&seg, slot), SLOT_ROLE_WORKER, slot, fixture_now());

	if (gen >= LIVES) {
		fprintf(stderr, "kill: too many lives\n");
		exit(1);
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		/* The master kills when it wants to, not when the scheduler has a moment for it. */
		setpriority(PRIO_PROCESS, 0, 10);
		if (slot < WRITERS)
			writer(slot, gen);
		reader(slot);
	}
	if (pid < 0) {
		perror("kill: fork");
		exit(1);
	}
	slot_set_pid(segment_slot(&seg, slot), pid);
	return pid;
}

/* The master's part after a death.  True when the ring had a gap. */
static bool bury(unsigned slot)
{
	struct slot *s = segment_slot(&seg, slot);
	uint32_t gen = s->gen;
	struct ring r;
	uint64_t gap;

	slot_bury(s);
	gap = ring_repair(segment_ring(&seg, slot));
	if (ring_attach(&r, segment_ring(&seg, slot)))
		exit(1);
	ring_own(&r, gen);
	ring_publish(&r, RING_GEN_OVER, 0, NULL, 0, fixture_now());
	interest_clear_slot(&seg, slot);
	slot_free(s);
	return gap > 0;
}

/* kill [N] - N kills, 10000 when not told. */
int main(int argc, char **argv)
{
	unsigned kills = argc > 1 ? (unsigned)atoi(argv[1]) : 10000, killed[2] = {0, 0}, gaps = 0;
	struct segment_spec spec = fixture_spec();
	uint64_t seed = (uint64_t)getpid() ^ fixture_now(), started = fixture_now();
	pid_t pid[PROCS];
	char name[64];
	int status, rc = 0;

	spec.ring_size = RINGSIZE;
	fixture_name(name, sizeof name);
	if (segment_create(&seg, name, &spec, NULL) || segment_unlink(name) || doorbells_open(&bells, PROCS)) {
		fprintf(stderr, "kill: cannot start\n");
		return 1;
	}
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return 1;
	for (unsigned i = 0; i < PROCS; i++)
		if (segment_reserve_slot(&seg, i, NULL))
			return 1;
	for (unsigned i = 0; i < PROCS; i++)
		pid[i] = start(i);
	for (unsigned k = 0; k < kills; k++) {
		/* Mostly writers, since it is their deaths that leave something behind. */
		unsigned slot =
		    mix(&seed) % 8 < 6 ? (unsigned)(mix(&seed) % WRITERS) : WRITERS + (unsigned)(mix(&seed) % READERS);

		usleep((unsigned)(mix(&seed) % 1000));
		if (kill(pid[slot], SIGKILL) || waitpid(pid[slot], &status, 0) != pid[slot] || !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGKILL) {
			fprintf(stderr, "kill: slot %u ended by itself: %x\n", slot, (unsigned)status);
			rc = 1;
		}
		killed[slot >= WRITERS]++;
		gaps += bury(slot);
		pid[slot] = start(slot);
	}
	usleep(100000);
	atomic_store(&tally->stop, 1);
	for (unsigned i = 0; i < PROCS; i++)
		if (waitpid(pid[i], &status, 0) != pid[i] || status != 0)
			rc = 1;
	printf("kill: %u writers and %u readers killed in %.1f s, %u deaths left a gap; %llu records and %llu marks "
	       "verified in %llu turns, %llu overtakings told, %llu torn copies dropped, %llu puts refused, %llu bad\n",
	    killed[0], killed[1], (double)(fixture_now() - started) / 1e9, gaps, (unsigned long long)tally->records,
	    (unsigned long long)tally->marks, (unsigned long long)tally->turns, (unsigned long long)tally->laps,
	    (unsigned long long)tally->torn, (unsigned long long)tally->refused, (unsigned long long)tally->bad);
	if (tally->bad > 0 || tally->records < kills || tally->marks == 0)
		rc = 1;
	doorbells_close(&bells);
	segment_detach(&seg);
	return rc;
}
