/*
 * keeper_kill.c - the keeper killed again and again under load, and what is in the store afterwards.
 *
 *	keeper_kill [KILLS [SEED]]
 *
 * Writers push operations, each the next one of a stream that its slot, generation and the seed determine; a keeper,
 *the real one, applies them and dies at random moments, from its first instruction on; so do the writers, now and then,
 * whose generations this program then ends as the master does; so do readers in the middle of their reads.  An observer
 * reads the keeper's ring.  At the end:
 *
 *	- each row of the store is what the streams say, and no row is there that they do not explain;
 *	- the edges came without a gap; of a user known to one generation exactly those, in order and with their causes,
 *	  that its stream makes, so nothing was applied twice or lost; of users shared by all, online and offline in
 *turn;
 *	- each question was answered, once for each time it was asked; each key has one question that got it, however often
 *	  that was asked, and one message that went out with it.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "master/burial.h"
#include "shm/dlog.h"
#include "shm/doorbell.h"
#include "shm/outlet.h"
#include "shm/store_wait.h"
#include "tests/torture/keeper_answers.h"
#include "tests/torture/keeper_data.h"
#include "tests/unit/store_fixture.h"
#include "worker/entry.h"

#define OBSERVER WRITERS
#define KEEPER   (WRITERS + 1)
#define SLOTS    (WRITERS + 2)
#define MAP_SIZE (32u << 20)
#define LIVES    100000u

/* What a writer tells before it touches its ring: enough to count afterwards what got into it. */
struct diary {
	_Atomic unsigned idx;
	struct {
		uint64_t settled, tail;
	} e[2];
};

struct shared {
	struct diary diary[WRITERS];
	_Atomic bool stop;
	_Atomic uint64_t reads;
};

/* An edge as seen, and one life of a writer with what it had published. */
struct seen {
	uint32_t gen;
	bool online;
	uint8_t user, nsp;
	uint8_t raw[STORE_SID_RAW];
};
struct life {
	unsigned slot;
	uint32_t gen;
	uint64_t published;
	bool over;
};

static struct segment seg;
static struct doorbells bells;
static struct heritage heritage;
static struct conf conf;
static struct shared *shared;

static struct seen *seen;
static size_t nseen, cap_seen;
static struct life life[LIVES];
static unsigned nlife;
static uint64_t again; /* records that came a second time */
static uint64_t last_sequence;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void note(unsigned slot, const struct outlet *o)
{
	struct diary *d = &shared->diary[slot];
	unsigned next = !atomic_load(&d->idx);

	d->e[next].settled = o->settled;
	d->e[next].tail = o->ring.tail;
	atomic_store(&d->idx, next);
}

static _Noreturn void writer_run(unsigned slot, uint32_t gen)
{
	static struct stream s;
	static struct outlet out;
	_Alignas(8) uint8_t buf[4096];
	struct iovec iov = {.iov_base = buf};
	struct outlet_msg msg = {.iov = &iov, .niov = 1};
	uint64_t mood = seed0 + gen * 7919 + slot;

	stream_init(&s, slot, gen);
	MODEL_CHECK(outlet_init(&out, &seg, &bells, slot, gen, OUTLET_OPERATION, 16384) == 0, "outlet");
	note(slot, &out);
	slot_ready(segment_slot(&seg, slot));
	while (!atomic_load(&shared->stop)) {
		int64_t ticket;

		s.m.nedge = 0;
		iov.iov_len = stream_next(&s, buf, sizeof buf, &msg.reserve);
		do {
			note(slot, &out);
			ticket = outlet_put(&out, &msg, now_ns());
			MODEL_CHECK(ticket > 0 || ticket == -ENOBUFS, "%d", (int)ticket);
			if (ticket < 0)
				usleep(200);
		} while (ticket < 0 && !atomic_load(&shared->stop));
		if (ticket < 0)
			break;
		/* Bursts, so that the rings run full and empty by turns. */
		if (model_rand(&mood) % 100 == 0)
			usleep(model_rand(&mood) % 1500);
		if (model_rand(&mood) % 10 == 0) {
			note(slot, &out);
			outlet_pump(&out, now_ns());
		}
	}
	while (out.waiting > 0) {
		note(slot, &out);
		if (outlet_pump(&out, now_ns()) > 0)
			usleep(200);
	}
	note(slot, &out);
	_exit(0);
}

/* A check that fails ends all of it. */
static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void reader_run(uint64_t mood)
{
	static char sids[MODEL_SOCKETS][OP_SID_LEN + 1];
	static struct store_room rooms[MODEL_ROOMS];
	struct store *st = NULL;
	struct store_socket sock;
	uint64_t n;
	bool more;
	int rc;

	die_with_parent();
	while ((rc = store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE)) == -ENOENT || rc == -EAGAIN)
		usleep(500);
	MODEL_CHECK(rc == 0, "%d", rc);
	store_set_alive(st, store_wait_alive, &seg);
	while (!atomic_load(&shared->stop)) {
		rc = store_list_sockets(st, "/", NULL, MODEL_SOCKETS, sids, &more);
		MODEL_CHECK(rc >= 0, "%d", rc);
		for (int i = 0; i < rc; i++) {
			int got = store_get_socket(st, sids[i], &sock);

			MODEL_CHECK(got >= 0, "%d", got);
			store_socket_fini(&sock);
		}
		rc = store_list_rooms(st, "/chat", NULL, NULL, MODEL_ROOMS, rooms, &more);
		MODEL_CHECK(rc >= 0, "%d", rc);
		while (rc > 0)
			free(rooms[--rc].name);
		rc = store_count_union(st, "/", (const char *const[]){"game:3", "market:4", NULL}, 3,
		    (const char *const[]){"market:5"}, 1, &n);
		MODEL_CHECK(rc == 0, "%d", rc);
		atomic_fetch_add(&shared->reads, 1);
		if (model_rand(&mood) % 4 == 0)
			usleep(100);
	}
	_exit(0);
}

static pid_t spawn(unsigned slot, enum slot_role role, uint32_t *gen)
{
	struct slot *s = segment_slot(&seg, slot);
	pid_t pid;

	*gen = slot_open(s, role, 0, now_ns());
	pid = fork();
	MODEL_CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0) {
		die_with_parent();
		heritage.slot = slot;
		heritage.gen = *gen;
		if (role == SLOT_ROLE_WORKER)
			writer_run(slot, *gen);
		_exit(keeper_main(&heritage));
	}
	slot_set_pid(s, pid);
	return pid;
}

static void end(pid_t pid, int sig)
{
	int status;

	if (sig)
		kill(pid, sig);
	MODEL_CHECK(waitpid(pid, &status, 0) == pid, "wait");
	MODEL_CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == sig : WEXITSTATUS(status) == 0, "status %x", status);
}

/* Takes what is in the keeper's ring. */
static void observe(void)
{
	static struct ring r;
	static uint64_t pos, looked_ns;
	struct ring_head head;

	if (!r.shm)
		MODEL_CHECK(ring_attach(&r, segment_ring(&seg, KEEPER)) == 0, "ring");
	while (pos < ring_tail(&r)) {
		_Alignas(8) uint8_t buf[8192];
		struct slot_mask want = {{0}};
		struct record rec;
		struct seen *e;
		struct tlv t;
		size_t off = 0;
		int rc;

		rc = ring_peek(&r, pos, &head);
		MODEL_CHECK(rc == 1 && head.len - sizeof head <= sizeof buf,
		    "peek %d, %u bytes, type %u, %" PRIu64 " behind, %" PRIu64 " us since the last look", rc, head.len,
		    head.type, ring_tail(&r) - pos, (now_ns() - looked_ns) / 1000);
		MODEL_CHECK(ring_copy(&r, pos, &head, buf) == 0, "overtaken");
		pos = ring_next(pos, &head);
		atomic_store_explicit(&segment_read_pos(&seg, OBSERVER)[KEEPER], pos, memory_order_release);
		if (head.type != RING_DATA)
			continue;
		MODEL_CHECK(record_parse(&rec, buf, head.len - sizeof head) == 0, "record");
		if (rec.head.sequence <= last_sequence) {
			again++;
			continue;
		}
		MODEL_CHECK(rec.head.sequence == last_sequence + 1, "gap: %" PRIu64 " after %" PRIu64,
		    rec.head.sequence, last_sequence);
		last_sequence = rec.head.sequence;
		if (rec.head.kind == RECORD_ANSWER) {
			hear_answer(&rec);
			continue;
		}
		if (rec.head.kind == RECORD_BROADCAST) {
			hear_message(&rec);
			continue;
		}
		MODEL_CHECK(rec.head.kind == RECORD_EDGE, "kind %u", rec.head.kind);
		if (nseen == cap_seen) {
			cap_seen = cap_seen ? 2 * cap_seen : 65536;
			seen = realloc(seen, cap_seen * sizeof *seen);
			MODEL_CHECK(seen, "memory");
		}
		e = &seen[nseen++];
		*e = (struct seen){.online = rec.head.act == RECORD_EDGE_ONLINE, .nsp = rec.nsp_len > 1};
		MODEL_CHECK(rec.nrooms == 1 && rec.room_len == OP_SID_LEN && store_sid_pack(e->raw, rec.room), "cause");
		while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0) {
			char user[32];
			unsigned u = 0;

			if (t.type != RECORD_TLV_USER)
				continue;
			snprintf(user, sizeof user, "%.*s", (int)t.len, (const char *)t.val);
			MODEL_CHECK(sscanf(user, "user-%u.%" SCNu32, &u, &e->gen) >= 1 && u < MODEL_USERS, "%s", user);
			e->user = (uint8_t)u;
		}
		/* The observer lives, so there is always one to run a reaction. */
		for (unsigned i = 0; i < SLOTS; i++)
			if (slot_mask_has(&rec.head.mask, i) && i != KEEPER)
				slot_mask_set(&want, i);
		MODEL_CHECK(memcmp(&want, &rec.head.mask, sizeof want) == 0 && __builtin_popcountll(want.w[0]) == 1,
		    "mask %" PRIx64, rec.head.mask.w[0]);
	}
	looked_ns = now_ns();
}

static uint64_t published(unsigned slot)
{
	struct diary *d = &shared->diary[slot];
	unsigned idx = atomic_load(&d->idx);
	uint64_t n = d->e[idx].settled, pos = d->e[idx].tail;
	struct ring_head head;
	struct ring r;

	MODEL_CHECK(ring_attach(&r, segment_opring(&seg, slot)) == 0, "ring");
	for (; pos < ring_tail(&r); pos = ring_next(pos, &head)) {
		MODEL_CHECK(ring_peek(&r, pos, &head) == 1, "operation ring");
		n += head.type == RING_DATA;
	}
	return n;
}

static struct life *live_of(unsigned slot)
{
	for (unsigned i = nlife; i-- > 0;)
		if (life[i].slot == slot)
			return &life[i];
	abort();
}

static pid_t spawn_writer(unsigned slot)
{
	struct life *l = &life[nlife++];

	MODEL_CHECK(nlife < LIVES, "lives");
	l->slot = slot;
	atomic_store(&shared->diary[slot].idx, 0);
	memset(shared->diary[slot].e, 0, sizeof shared->diary[slot].e);
	shared->diary[slot].e[0].tail = atomic_load(&segment_opring(&seg, slot)->tail);
	return spawn(slot, SLOT_ROLE_WORKER, &l->gen);
}

/* The master's part: counts what was published before the mark is added. */
static void bury_begin(unsigned slot)
{
	struct life *l = live_of(slot);

	burial_begin(&seg, slot, l->gen, now_ns());
	l->published = published(slot);
	l->over = true;
}

/* The edges of one user in one namespace that a life makes, compared with those that were seen, in order. */
static uint64_t check_own(const struct life *l)
{
	static struct stream s;
	static _Alignas(8) uint8_t buf[4096];
	static struct model_edge want[OWN][MODEL_NSPS][20000];
	static unsigned n[OWN][MODEL_NSPS], at[OWN][MODEL_NSPS];
	struct model_socket *k;
	uint64_t edges = 0;
	bool reserve;

	stream_init(&s, l->slot, l->gen);
	memset(n, 0, sizeof n);
	memset(at, 0, sizeof at);
	for (uint64_t i = 0; i <= l->published; i++) {
		s.m.nedge = 0;
		if (i < l->published) {
			stream_next(&s, buf, sizeof buf, &reserve);
		} else if (l->over) {
			while ((k = model_first_of(&s.m, l->slot, l->gen)))
				model_del(&s.m, k);
		}
		for (unsigned j = 0; j < s.m.nedge; j++) {
			const struct model_edge *e = &model_edges[j];
			unsigned u = e->user - 1 - l->slot * OWN;

			if (u >= OWN)
				continue;
			MODEL_CHECK(n[u][e->nsp] < 20000, "edges of one life");
			want[u][e->nsp][n[u][e->nsp]++] = *e;
		}
	}
	for (size_t i = 0; i < nseen; i++) {
		const struct seen *e = &seen[i];
		unsigned u = e->user - 1u - l->slot * OWN, *p;
		const struct model_edge *w;

		if (e->gen != l->gen || u >= OWN)
			continue;
		p = &at[u][e->nsp];
		w = &want[u][e->nsp][*p];
		MODEL_CHECK(*p < n[u][e->nsp] && w->online == e->online && memcmp(w->raw, e->raw, sizeof w->raw) == 0,
		    "slot %u gen %u: edge %u of user %u is not what the stream makes", l->slot, l->gen, *p, e->user);
		++*p;
		edges++;
	}
	MODEL_CHECK(memcmp(n, at, sizeof n) == 0, "slot %u gen %u: edges are missing", l->slot, l->gen);
	return edges;
}

static void check_shared(const struct model *m)
{
	bool online[MODEL_USERS][MODEL_NSPS] = {{false}};

	for (size_t i = 0; i < nseen; i++) {
		const struct seen *e = &seen[i];

		if (e->gen != 0)
			continue;
		MODEL_CHECK(online[e->user][e->nsp] != e->online, "user %u twice %s", e->user,
		    e->online ? "online" : "offline");
		online[e->user][e->nsp] = e->online;
	}
	for (unsigned u = 1 + WRITERS * OWN; u < MODEL_USERS; u++)
		for (unsigned nsp = 0; nsp < MODEL_NSPS; nsp++)
			MODEL_CHECK(online[u][nsp] == (model_user_sockets(m, nsp, u) > 0), "user %u", u);
}

/* The rows, by a process of its own: nobody shall inherit an open store. */
static void check_rows(void)
{
	static struct model all;
	static struct stream s;
	static _Alignas(8) uint8_t buf[4096];
	struct store_writer *w = NULL;
	struct store *st = NULL;
	bool reserve;

	for (unsigned slot = 0; slot < WRITERS; slot++) {
		const struct life *l = live_of(slot);

		stream_init(&s, slot, l->gen);
		for (uint64_t i = 0; i < l->published; i++) {
			s.m.nedge = 0;
			stream_next(&s, buf, sizeof buf, &reserve);
		}
		memcpy(all.s + slot * SOCKETS, s.m.s + slot * SOCKETS, SOCKETS * sizeof all.s[0]);
	}
	for (unsigned u = 1; u < MODEL_USERS; u++)
		model_user_gen[u] = u < 1 + WRITERS * OWN ? live_of((u - 1) / OWN)->gen : 0;
	MODEL_CHECK(store_writer_open(&w, store_path, MAP_SIZE, STORE_NONCE, false) == 0, "writer");
	MODEL_CHECK(store_open_reader(&st, store_path, MAP_SIZE, STORE_NONCE) == 0, "reader");
	model_compare(&all, st, w);
	check_shared(&all);
	MODEL_CHECK(!store_has_over(w), "a purge is not finished");
	/* What waited was sent, and is nowhere any more. */
	MODEL_CHECK(model_rows(w, STORE_KEPT) == 0 && data_rows() == 0, "a message is still kept");
	MODEL_CHECK(model_rows(w, STORE_OUTBOX) == 0 && store_outbox_forgotten(w) == last_sequence,
	    "outbox: %" PRIu64 " rows, %" PRIu64 " forgotten, %" PRIu64 " seen, %" PRIu64 " next", (uint64_t)model_rows(w, STORE_OUTBOX),
	    store_outbox_forgotten(w), last_sequence, store_outbox_next(w));
	store_close(st);
	store_writer_close(w);
}

static void set_up(void)
{
	/* The keeper waits for nobody: its ring holds what it says while the machine lets the observer wait. */
	struct segment_spec spec = {.ring_size = 1u << 20,
	    .opring_size = 1u << 15,
	    .dlog_size = DLOG_MIN,
	    .sessions = 64,
	    .nonce = STORE_NONCE};
	struct log_options quiet = {.level = LOG_ERROR};
	char name[64];
	size_t need = 0;

	snprintf(name, sizeof name, "/forkcast-torture-%ld", (long)getpid());
	MODEL_CHECK(segment_create(&seg, name, &spec, &need) == 0, "segment (%zu bytes)", need);
	segment_unlink(name);
	for (unsigned i = 0; i < SLOTS; i++)
		MODEL_CHECK(segment_reserve_slot(&seg, i, &need) == 0, "slot (%zu bytes)", need);
	MODEL_CHECK(doorbells_open(&bells, SLOTS) == 0, "doorbells");
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MODEL_CHECK(shared != MAP_FAILED, "shared memory");
	store_fixture();
	log_open(&quiet);
	conf.shm.store_size = MAP_SIZE;
	data_set_up(&conf);
	conf.shm.overflow = 1u << 20;
	heritage = (struct heritage){.conf = &conf,
	    .seg = &seg,
	    .bells = bells,
	    .nworker = WRITERS,
	    .keeper_slot = KEEPER,
	    .nonce = STORE_NONCE,
	    .master_pid = getpid()};
	snprintf(heritage.store_path, sizeof heritage.store_path, "%s", store_path);
	slot_open(segment_slot(&seg, OBSERVER), SLOT_ROLE_WORKER, 0, now_ns());
	slot_set_pid(segment_slot(&seg, OBSERVER), getpid());
	slot_ready(segment_slot(&seg, OBSERVER));
}

static void wait_us(unsigned us)
{
	uint64_t until = now_ns() + us * UINT64_C(1000);

	do {
		observe();
		if (now_ns() + 20000 < until)
			usleep(20);
	} while (now_ns() < until);
}

int main(int argc, char **argv)
{
	unsigned kills = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100, writer_kills = 0, reader_kills = 0;
	pid_t keeper, writer[WRITERS], reader;
	bool dead[WRITERS] = {false};
	uint64_t mood, edges = 0, started = now_ns(), ops = 0;
	static struct told taker[KEYS];
	unsigned nkeys;
	uint32_t keeper_gen;
	int status;

	seed0 = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	mood = seed0 * 2654435761u + 12345;
	set_up();
	reader = fork();
	if (reader == 0)
		reader_run(mood);
	for (unsigned i = 0; i < WRITERS; i++)
		writer[i] = spawn_writer(i);
	for (unsigned n = 0;; n++) {
		const struct slot *s = segment_slot(&seg, KEEPER);

		keeper = spawn(KEEPER, SLOT_ROLE_KEEPER, &keeper_gen);
		if (n == kills)
			break;
		/* A third dies while it starts, the others at work. */
		if (model_rand(&mood) % 3 != 0)
			while (atomic_load(&s->state) == SLOT_STARTING && waitpid(keeper, &status, WNOHANG) == 0)
				wait_us(50);
		wait_us(model_rand(&mood) % (model_rand(&mood) % 8 ? 3000 : 20000));
		for (unsigned i = 0; i < WRITERS; i++) {
			if (dead[i])
				dead[i] = burial_finish(&seg, i, live_of(i)->gen, false, now_ns()) == -EAGAIN;
			else if (model_rand(&mood) % 10 == 0) {
				end(writer[i], SIGKILL);
				writer_kills++;
				bury_begin(i);
				dead[i] = burial_finish(&seg, i, live_of(i)->gen, false, now_ns()) == -EAGAIN;
			} else {
				continue;
			}
			if (!dead[i])
				writer[i] = spawn_writer(i);
		}
		if (model_rand(&mood) % 3 == 0) {
			end(reader, SIGKILL);
			reader_kills++;
			reader = fork();
			if (reader == 0)
				reader_run(mood);
		}
		end(keeper, SIGKILL);
		burial_begin(&seg, KEEPER, keeper_gen, now_ns());
		MODEL_CHECK(burial_finish(&seg, KEEPER, keeper_gen, true, now_ns()) == 0, "keeper's burial");
	}
	for (unsigned i = 0; i < WRITERS; i++)
		while (dead[i]) {
			wait_us(1000);
			dead[i] = burial_finish(&seg, i, live_of(i)->gen, false, now_ns()) == -EAGAIN;
			if (!dead[i])
				writer[i] = spawn_writer(i);
		}
	wait_us(20000);
	atomic_store(&shared->stop, true);
	for (unsigned i = 0; i < WRITERS; i++) {
		while (waitpid(writer[i], &status, WNOHANG) == 0)
			wait_us(200);
		MODEL_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "writer %x", status);
		live_of(i)->published = published(i);
	}
	end(reader, 0);
	/* The rings are full or not: it applies what is there, and ends by itself. */
	kill(keeper, SIGTERM);
	while (waitpid(keeper, &status, WNOHANG) == 0)
		wait_us(200);
	MODEL_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "keeper %x", status);
	observe();
	if (fork() == 0) {
		check_rows();
		_exit(0);
	}
	MODEL_CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0, "rows: %x", status);
	for (unsigned i = 0; i < nlife; i++)
		check_answers(life[i].slot, life[i].gen, life[i].published, taker);
	nkeys = check_keys(taker);
	for (unsigned i = 0; i < nlife; i++) {
		edges += check_own(&life[i]);
		ops += life[i].published;
	}
	printf("keeper_kill: seed %" PRIu64 ", %.1f s: %u keepers, %u writers, %u readers killed; %" PRIu64
	       " operations, %zu answers about %u keys, %zu edges (%" PRIu64 " checked one by one), %" PRIu64 " sent again and dropped, %" PRIu64
	       " reads; all rows as modelled\n",
	    seed0, (double)(now_ns() - started) / 1e9, kills, writer_kills, reader_kills, ops, ntold, nkeys, nseen, edges, again,
	    atomic_load(&shared->reads));
	store_fixture_end();
	data_remove();
	free(seen);
	free(told);
	segment_detach(&seg);
	return 0;
}
