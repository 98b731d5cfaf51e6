/*
 * step.c - a writer killed after every single instruction.
 *
 * A child publishes under ptrace(PTRACE_SINGLESTEP) and is killed with SIGKILL after its k-th instruction, for every k
 * from before the first to behind the last; the memory is put back to the same start each time.  After each kill:
 * whoever reads sees the truth, the master repairs, nothing that was published is lost or changed, and a successor
 * goes on.  A last run steps through without a kill and looks after each instruction with a reader's eyes, which pins
 * the order of the stores: a claim that came after a word, or a tail before one, is seen at that instruction.
 *
 * Subjects: ring_publish() where the record meets the end of the buffer in every way, a turn of the delivery log, and
 * outlet_put() with interest and a doorbell to ring.
 *
 * Seen red: claim stored after the words; tail stored before them; repair that lowers the claim; interest touched
 * after the publish; the delivery log's claim stored after its word.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "shm/interest.h"
#include "shm/outlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define SIZE  FIXTURE_RING
#define HASH  UINT64_C(42)
#define SLOTS 2u

/* One subject: what the child does, from the state that prepare() leaves behind. */
struct subject {
	const char *name;
	uint64_t at; /* tail at which the record under test is published */
	size_t len;  /* of its payload */
	void (*act)(void);
	bool quick; /* few instructions: also in the short version */
};

static struct segment seg;
static struct doorbells bells;
static struct outlet outlet;
static struct dlog dlog;
static uint8_t *base, *before; /* the segment's used range at the start of a run: live, and as it was */
static size_t range;
static _Atomic int *phase; /* shared with the child: 1 inside of the act, 2 behind it */
static const struct subject *now;
static unsigned at_k;

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "step: %s, instruction %u: ", now ? now->name : "", at_k);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t serial_of(uint64_t pos)
{
	return pos / RING_ALIGN + 1;
}

static void publish_next(struct ring *w, size_t n)
{
	uint64_t need = (sizeof(struct ring_head) + n + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);

	publish_serial(w, serial_of(w->tail + ring_cost(w, n) - need), n);
}

/* The message under test, filled in before the child is made: its making is nobody's business here. */
static uint8_t payload[SIZE];
static struct iovec pieces[2];
static const uint64_t touch = HASH;
static const struct slot_mask wake = {{2}};
static const struct outlet_msg msg = {.iov = pieces, .niov = 2, .mask = &wake, .touch = &touch, .ntouch = 1};

static void make_message(const struct subject *s)
{
	uint64_t rest = SIZE - s->at % SIZE;
	uint64_t need = (sizeof(struct ring_head) + s->len + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);

	payload_fill(payload, s->len, serial_of(s->at + (need <= rest ? 0 : rest)));
	pieces[0] = (struct iovec){payload, s->len / 3};
	pieces[1] = (struct iovec){payload + s->len / 3, s->len - s->len / 3};
}

static void act_publish(void)
{
	ring_publish(&outlet.ring, RING_DATA, 0, pieces, 2, UINT64_C(1) << 40);
}

static void act_outlet(void)
{
	outlet_put(&outlet, &msg, UINT64_C(1) << 40);
}

static void act_dlog(void)
{
	static const uint64_t at[SLOTS] = {4096, 8192};

	dlog_run(&dlog, 0, 4096);
	dlog_run(&dlog, 1, 8192);
	dlog_turn(&dlog, 0, at, SLOTS);
}

static const struct subject subjects[] = {
    {"the first record", 0, 40, act_publish},
    {"no payload", 1024, 0, act_publish, true},
    {"an odd length", 2048, 13, act_publish},
    {"to the last byte", SIZE - 96, 64, act_publish},
    {"a pad of one head", SIZE - 32, 1, act_publish, true},
    {"a large pad", SIZE - 160, 130, act_publish},
    {"laps later", 3 * SIZE + 512, 100, act_publish},
    {"laps later, across the end", 7 * SIZE - 64, 100, act_publish},
    {"outlet, interest, doorbell", 2 * SIZE + 1024, 24, act_outlet},
    {"outlet across the end", 3 * SIZE - 32, 24, act_outlet},
    {"delivery log", 0, 0, act_dlog, true},
};

/* Stands at the subject's start, with rings and log as laps of earlier use leave them. */
static void prepare(const struct subject *s)
{
	static const uint64_t zero[SLOTS];
	struct ring *w = &outlet.ring;

	memset(base, 0, range);
	ring_format(segment_ring(&seg, 0), SIZE);
	dlog_format(segment_dlog(&seg, 0), seg.spec.dlog_size);
	for (unsigned i = 0; i < SLOTS; i++) {
		slot_open(segment_slot(&seg, i), SLOT_ROLE_WORKER, i, 1);
		slot_ready(segment_slot(&seg, i));
	}
	if (outlet_init(&outlet, &seg, &bells, 0, 1, OUTLET_BROADCAST, 1 << 20) ||
	    dlog_attach(&dlog, segment_dlog(&seg, 0)))
		fail("cannot start");
	while (w->tail < s->at) {
		uint64_t left = s->at - w->tail;

		publish_next(w, left > 256 ? 200 : left - 32);
	}
	if (w->tail != s->at)
		fail("stands at %llu", (unsigned long long)w->tail);
	for (unsigned i = 0; i < SLOTS; i++)
		segment_read_pos(&seg, i)[0] = w->tail;
	/* As after a look at the readers, which is long and changes nothing that is shared. */
	outlet.limit = w->tail;
	outlet.next_nudge = w->tail + SIZE;
	/* The log has wrapped, and its words tell where they belong. */
	dlog_begin(&dlog, 1, zero, SLOTS);
	while (dlog.tail < seg.spec.dlog_size / 8 + 100) {
		dlog_run(&dlog, 0, dlog.tail * RING_ALIGN);
		dlog_turn(&dlog, dlog.tail * 256, zero, SLOTS);
	}
	doorbell_arm(segment_slot(&seg, 1));
	/* Once here, so that the child does not step through the dynamic linker. */
	doorbell_ring(&bells, &seg, 1);
	doorbell_drain(&bells, 1);
	make_message(s);
	memcpy(before, base, range);
}

/* The records that lay in the ring at the start: each is readable until a later lap claims it. */
static uint64_t live[SIZE / RING_ALIGN];
static unsigned nlive;

static void note_live(void)
{
	struct ring_head h;
	struct ring r;

	if (ring_attach(&r, segment_ring(&seg, 0)))
		fail("not a ring");
	nlive = 0;
	for (uint64_t pos = r.shm->tail > SIZE ? r.shm->tail - SIZE : 0; pos < r.shm->tail; pos += RING_ALIGN)
		if (ring_peek(&r, pos, &h) == 1 && h.type == RING_DATA)
			live[nlive++] = pos;
}

/* All that a reader can see of the ring; returns the number of records. */
static unsigned look_at_ring(void)
{
	const struct ring_shm *shm = segment_ring(&seg, 0);
	uint64_t claim = shm->claim, tail = shm->tail, from = tail > SIZE ? tail - SIZE : 0;
	unsigned n = 0;
	struct ring r;

	if (ring_attach(&r, segment_ring(&seg, 0)))
		fail("not a ring");
	if (claim < tail || claim - tail > SIZE / 4)
		fail("claim %llu, tail %llu", (unsigned long long)claim, (unsigned long long)tail);
	for (unsigned i = 0; i < nlive; i++) {
		struct ring_head h;

		if (ring_peek(&r, live[i], &h) != (claim - live[i] <= SIZE ? 1 : RING_LAPPED))
			fail("the record at %llu is gone before its time", (unsigned long long)live[i]);
	}
	for (uint64_t pos = from; pos < claim + 1024; pos += RING_ALIGN) {
		static uint8_t buf[SIZE];
		struct ring_head h;

		if (ring_peek(&r, pos, &h) != 1)
			continue;
		if (pos >= tail || claim - pos > SIZE)
			fail("a record at %llu, which is not published", (unsigned long long)pos);
		if (h.type == RING_PAD)
			continue;
		if (ring_copy(&r, pos, &h, buf) || !payload_is(buf, h.len - sizeof h, serial_of(pos)))
			fail("a bad payload at %llu", (unsigned long long)pos);
		if (h.gen == 1 && pos >= now->at && now->act == act_outlet &&
		    !interest_touched_since(&seg, HASH, h.stamp))
			fail("published before its bucket was touched");
		n++;
	}
	return n;
}

/* The records from POS on follow each other without a hole to the tail; how many. */
static unsigned walk(uint64_t pos)
{
	static uint8_t buf[SIZE];
	unsigned n = 0;
	struct ring_head h;
	struct ring r;

	if (ring_attach(&r, segment_ring(&seg, 0)))
		fail("not a ring");
	for (; pos != ring_tail(&r); pos = ring_next(pos, &h)) {
		if (ring_peek(&r, pos, &h) != 1)
			fail("no way on at %llu", (unsigned long long)pos);
		if (h.type == RING_PAD)
			continue;
		if (ring_copy(&r, pos, &h, buf) || !payload_is(buf, h.len - sizeof h, serial_of(pos)))
			fail("a bad record at %llu", (unsigned long long)pos);
		n++;
	}
	return n;
}

static void look_at_dlog(void)
{
	struct dlog_entry e;
	struct dlog d;
	uint64_t tail, was;

	if (dlog_attach(&d, segment_dlog(&seg, 0)))
		fail("not a log");
	tail = dlog_tail(&d);
	was = seg.spec.dlog_size / 8 + 100;
	for (uint64_t pos = dlog_head(&d); pos < tail; pos++) {
		if (pos == dlog_head(&d) + 50) /* the middle is far from what is written */
			pos = tail - 50;
		if (dlog_read(&d, pos, &e) != 1)
			fail("no log entry at %llu", (unsigned long long)pos);
		if (pos < was &&
		    ((e.kind == DLOG_TURN && e.pos != pos * 256) || (e.kind == DLOG_RUN && e.pos != pos * RING_ALIGN)))
			fail("a log entry of another lap at %llu", (unsigned long long)pos);
	}
}

static void repair_and_go_on(void)
{
	unsigned had = look_at_ring(), grew = walk(now->at);
	struct ring_shm *shm = segment_ring(&seg, 0);
	struct dlog_shm *log = segment_dlog(&seg, 0);
	uint64_t gap = shm->claim - shm->tail, tail = shm->tail, at[SLOTS], log_tail = log->tail;
	struct ring w;
	struct dlog d;

	if (grew > 1 || (grew == 1) != (tail > now->at))
		fail("%u new records", grew);
	if (ring_repair(shm) != gap || shm->tail != tail + gap || shm->claim != shm->tail)
		fail("the repair did not publish the gap");
	if (look_at_ring() != had || walk(now->at) != grew)
		fail("the repair changed what was there");
	look_at_dlog();
	dlog_repair(log);
	look_at_dlog();
	if (log->tail != log->claim || log->tail < log_tail)
		fail("the log's repair");

	if (ring_attach(&w, shm) || dlog_attach(&d, log))
		fail("cannot attach");
	ring_own(&w, 2);
	for (unsigned i = 0; i < 70; i++) { /* more than a lap */
		uint64_t pos = w.tail;

		publish_next(&w, i * 37 % 500);
		if (walk(pos) != 1)
			fail("the successor's record");
	}
	look_at_ring();
	memset(at, 0, sizeof at);
	dlog_begin(&d, 2, at, SLOTS);
	if (dlog_positions(&d, dlog_tail(&d), at, SLOTS) != 1)
		fail("the successor's log");
}

static void child(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	*phase = 1;
	now->act();
	*phase = 2;
	_exit(0);
}

/* One instruction further; false when the child has gone. */
static bool step(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
		fail("ptrace: %s", strerror(errno));
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid: %s", strerror(errno));
	if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP)
		fail("stopped by signal %d", WSTOPSIG(status));
	return WIFSTOPPED(status);
}

/* Runs the act for K of its instructions, then kills; LOOK after each.  False when the act was over before. */
static bool run(unsigned k, bool look)
{
	int status;
	pid_t pid;
	bool inside = true;

	memcpy(base, before, range);
	*phase = 0;
	pid = fork();
	if (pid == 0)
		child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		fail("cannot trace: %s", strerror(errno));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL);
	while (*phase == 0)
		if (!step(pid))
			fail("the child has gone");
	for (at_k = 0; at_k < k && inside; at_k++) {
		if (!step(pid))
			fail("the child has gone");
		if (look) {
			look_at_ring();
			look_at_dlog();
		}
		inside = *phase == 1;
	}
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("not killed: status %x", (unsigned)status);
	return inside;
}

/* step [short] - short: kills only in the subjects of few instructions, and steps through all of them once. */
int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "short") == 0;
	unsigned kills = 0, gaps = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fixture_open(&seg, SLOTS);
	phase = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* Slots, interest and the two slots' parts; the header in front keeps its reserved bits. */
	base = seg.base + seg.slots_off;
	range = seg.part_off + SLOTS * seg.part_size - seg.slots_off;
	before = malloc(range);
	if (phase == MAP_FAILED || !before || doorbells_open(&bells, SLOTS))
		fail("no memory");
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		unsigned k = 0, mine = 0;
		bool more = true;

		now = &subjects[i];
		prepare(now);
		note_live();
		for (; more && (!quick || now->quick); k++) {
			more = run(k, false);
			mine += segment_ring(&seg, 0)->claim != segment_ring(&seg, 0)->tail ||
			    segment_dlog(&seg, 0)->claim != segment_dlog(&seg, 0)->tail;
			repair_and_go_on();
		}
		kills += k;
		gaps += mine;
		run(UINT32_MAX, true);
		printf(
		    "step: %-28s looked at after each of %4u instructions, killed after %4u, %4u of those left a gap\n",
		    now->name, at_k, k, mine);
	}
	printf("step: %u kills, %u gaps repaired, every record verified, 0 bad\n", kills, gaps);
	doorbells_close(&bells);
	segment_detach(&seg);
	free(before);
	return 0;
}
