/*
 * slow.c - readers that stop or crawl, against the clock: who is waited for, for how long, and what each is told.
 *
 * One writer with an outlet, a quick reader, and a slow one in a process of its own.  The slow one is stopped with
 * SIGSTOP, or reads a little at a time.  The writer must wait in its overflow, overtake when the rule says so and not
 * before, and lose nothing that the quick reader was to get; the slow one must be told, once it runs again, exactly
 * that it was overtaken.
 *
 * Seen red: OUTLET_STALL_NS ignored (stopped), OUTLET_BEHIND_NS ignored (crawling), an overflow without a cap (full).
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "shm/inlet.h"
#include "shm/outlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define MS     UINT64_C(1000000)
#define WRITER 0u
#define QUICK  1u
#define SLOW   2u
#define LENGTH 992u /* 1024 in the ring */
#define PUTS_MS 3000u /* above OUTLET_BEHIND_NS */

enum manner { READS, CRAWLS };

/* What a reader process tells. */
struct tale {
	_Atomic uint64_t records, lapped, bad, last;
};

static struct segment seg;
static struct doorbells bells;
static struct outlet out;
static struct tale *tale; /* by slot */
static const char *scene = "";

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "slow: %s: ", scene);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void reader(unsigned slot, enum manner manner)
{
	static struct inlet in;
	static uint8_t buf[FIXTURE_RING];
	struct tale *t = &tale[slot];
	struct inlet_item item;
	struct inlet_lap lap;
	enum inlet_event ev;
	bool lost = false;

	inlet_init(&in, &seg, slot);
	slot_ready(segment_slot(&seg, slot));
	for (;;) {
		inlet_begin(&in, fixture_now());
		while ((ev = inlet_next(&in, &item, &lap)) != INLET_NONE) {
			if (ev == INLET_LAPPED || inlet_copy(&in, &item, buf)) {
				t->lapped += ev == INLET_LAPPED;
				lost = true;
				continue;
			}
			if (!payload_is(buf, item.payload, payload_serial(buf)) ||
			    (!lost && payload_serial(buf) != t->last + 1) || payload_serial(buf) <= t->last)
				t->bad++;
			lost = false;
			t->last = payload_serial(buf);
			t->records++;
			if (manner == CRAWLS)
				usleep(100000);
		}
		inlet_end(&in);
		usleep(500);
	}
}

static pid_t start(unsigned slot, enum manner manner)
{
	pid_t parent = getpid(), pid;

	slot_open(segment_slot(&seg, slot), SLOT_ROLE_WORKER, slot, fixture_now());
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		reader(slot, manner);
	}
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	while (!slot_is_alive(segment_slot(&seg, slot)))
		usleep(100);
	return pid;
}

static int64_t put(void)
{
	struct slot_mask all = {{7}};
	static uint8_t buf[LENGTH];
	struct iovec iov = {buf, sizeof buf};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .mask = &all};

	payload_fill(buf, sizeof buf, out.accepted + 1);
	/* The writer's own reading: this process reads as fast as it writes. */
	segment_read_pos(&seg, WRITER)[WRITER] = out.ring.tail;
	return outlet_put(&out, &msg, fixture_now());
}

static size_t pump(void)
{
	segment_read_pos(&seg, WRITER)[WRITER] = out.ring.tail;
	return outlet_pump(&out, fixture_now());
}

static void open_scene(const char *name, pid_t *quick, pid_t *slow, enum manner manner, size_t cap)
{
	scene = name;
	fixture_open(&seg, 3);
	memset((void *)tale, 0, 3 * sizeof *tale);
	if (doorbells_open(&bells, 3))
		fail("no eventfds");
	slot_open(segment_slot(&seg, WRITER), SLOT_ROLE_WORKER, 0, fixture_now());
	slot_ready(segment_slot(&seg, WRITER));
	if (outlet_init(&out, &seg, &bells, WRITER, 1, OUTLET_BROADCAST, cap))
		fail("no outlet");
	*quick = start(QUICK, READS);
	*slow = start(SLOW, manner);
}

static void end(pid_t pid)
{
	int status;

	if (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		fail("a reader ended by itself");
}

/* Waits until the reader has had everything that was accepted; what waits because a reader was late goes on meanwhile. */
static void reaches_the_end(unsigned slot, unsigned limit_ms)
{
	for (unsigned ms = 0; tale[slot].last != out.accepted; ms++) {
		pump();
		if (ms > limit_ms)
			fail("slot %u is at %llu of %llu", slot, (unsigned long long)tale[slot].last,
			    (unsigned long long)out.accepted);
		usleep(1000);
	}
}

static void close_scene(pid_t quick, pid_t slow)
{
	if (tale[QUICK].records != out.accepted || tale[QUICK].lapped > 0)
		fail("the quick reader got %llu of %llu, lapped %llu times", (unsigned long long)tale[QUICK].records,
		    (unsigned long long)out.accepted, (unsigned long long)tale[QUICK].lapped);
	if (tale[QUICK].bad > 0 || tale[SLOW].bad > 0)
		fail("%llu bad records", (unsigned long long)(tale[QUICK].bad + tale[SLOW].bad));
	end(quick);
	end(slow);
	outlet_fini(&out);
	doorbells_close(&bells);
	segment_detach(&seg);
}

/*
 * Puts a record every 2 ms until bytes wait; then until they are gone, at most for a while: on a busy machine the quick
 * reader could else be outrun as well.  Milliseconds of waiting.
 */
static uint64_t write_until_overtaken(unsigned limit_ms, uint64_t *most)
{
	uint64_t from;

	for (;;) {
		from = fixture_now(); /* the writer's clock starts with the put that has to wait */
		put();
		if (out.waiting > 0)
			break;
		usleep(2000);
	}
	for (*most = 0; pump() > 0;) {
		if (fixture_now() - from < PUTS_MS * MS && put() < 0)
			fail("refused");
		if (out.waiting > *most)
			*most = out.waiting;
		if (fixture_now() - from > limit_ms * MS)
			fail("still waits after %u ms", limit_ms);
		usleep(2000);
	}
	return (fixture_now() - from) / MS;
}

static void stopped(void)
{
	uint64_t waited, most, told;
	pid_t quick, slow;

	open_scene("stopped", &quick, &slow, READS, 1 << 20);
	for (int i = 0; i < 20; i++) {
		put();
		usleep(1000);
	}
	reaches_the_end(SLOW, 1000);
	kill(slow, SIGSTOP);
	waited = write_until_overtaken(5000, &most);
	if (waited < OUTLET_STALL_NS / MS || waited > OUTLET_BEHIND_NS / MS - 100 || most == 0)
		fail("overtaken after %llu ms", (unsigned long long)waited);
	/* It holds nobody up any more. */
	for (int i = 0; i < 200; i++) {
		reaches_the_end(QUICK, 1000);
		if (put() < 0 || out.waiting > 0)
			fail("waits for one that is overtaken already");
	}
	reaches_the_end(QUICK, 1000);
	if (tale[SLOW].lapped > 0)
		fail("a stopped reader read");
	kill(slow, SIGCONT);
	for (int i = 0; i < 1000 && tale[SLOW].lapped == 0; i++)
		usleep(1000);
	told = tale[SLOW].lapped;
	put();
	reaches_the_end(SLOW, 1000);
	reaches_the_end(QUICK, 1000);
	if (told != 1 || tale[SLOW].lapped != 1)
		fail("told %llu times", (unsigned long long)told);
	printf("slow: stopped   waited %llu ms (%llu bytes) before it overtook; the reader was told once and went on\n",
	    (unsigned long long)waited, (unsigned long long)most);
	close_scene(quick, slow);
}

static void crawling(void)
{
	uint64_t waited, most;
	pid_t quick, slow;

	open_scene("crawling", &quick, &slow, CRAWLS, 8 << 20);
	waited = write_until_overtaken(8000, &most);
	if (waited < OUTLET_BEHIND_NS / MS)
		fail("overtaken after %llu ms", (unsigned long long)waited);
	for (int i = 0; i < 2000 && tale[SLOW].lapped == 0; i++)
		usleep(1000);
	if (tale[SLOW].lapped == 0)
		fail("not told");
	reaches_the_end(QUICK, 2000);
	printf("slow: crawling  waited %llu ms (%llu bytes) before it overtook one that moved all the time\n",
	    (unsigned long long)waited, (unsigned long long)most);
	close_scene(quick, slow);
}

static void full(void)
{
	uint64_t refused = 0, from;
	pid_t quick, slow;

	open_scene("full", &quick, &slow, READS, 1 << 16);
	kill(slow, SIGSTOP);
	from = fixture_now();
	for (;;) {
		int64_t rc = put();

		if (rc < 0 && rc != -ENOBUFS)
			fail("put: %lld", (long long)rc);
		refused += rc < 0;
		if (out.waiting > out.cap)
			fail("%zu bytes wait", out.waiting);
		if (rc < 0 && !outlet_congested(&out))
			fail("full, and not congested");
		if (pump() == 0 && refused > 0)
			break;
		if (fixture_now() - from > 5000 * MS)
			fail("still waits");
		usleep(500);
	}
	if (outlet_congested(&out))
		fail("empty, and congested");
	reaches_the_end(QUICK, 1000);
	printf("slow: full      %llu puts refused, %llu taken, all of those read in order by the quick reader\n",
	    (unsigned long long)refused, (unsigned long long)out.accepted);
	kill(slow, SIGCONT);
	close_scene(quick, slow);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	tale = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tale == MAP_FAILED)
		return 1;
	stopped();
	crawling();
	full();
	return 0;
}
