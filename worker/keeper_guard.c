/*
 * keeper_guard.c - how full the store is, and who keeps it from getting emptier.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "conf/log.h"
#include "worker/keeper.h"

#define LOWER_PCT     75 /* the flag goes down below this */
#define STALE_NS      UINT64_C(200000000)
#define STALE_AT_ONCE 16

struct slot_mask keeper_workers(const struct keeper *k)
{
	struct slot_mask live = {{0}};

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = k->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);
			const struct slot *s = segment_slot(k->seg, slot);

			if (slot_is_alive(s) &&
			    atomic_load_explicit(&s->role, memory_order_relaxed) == SLOT_ROLE_WORKER)
				slot_mask_set(&live, slot);
		}
	}
	return live;
}

static void set_full(struct keeper *k, bool full, size_t used, size_t size)
{
	if (full == k->full)
		return;
	k->full = full;
	atomic_store_explicit(segment_store_full(k->seg), full, memory_order_release);
	if (full)
		log_error("store_full", "used=%zu size=%zu", used, size);
	else
		log_info("store_has_room", "used=%zu size=%zu", used, size);
}

void keeper_gauge(struct keeper *k)
{
	uint64_t sockets, users, rooms;
	size_t used, size;
	bool full = store_is_full(k->st, &used, &size);

	set_full(k, full || (k->full && used >= size / 100 * LOWER_PCT), used, size);
	store_writer_totals(k->st, &sockets, &users, &rooms);
	counter_set(k->ct, COUNTER_STORE_SOCKETS, sockets);
	counter_set(k->ct, COUNTER_STORE_USERS, users);
	counter_set(k->ct, COUNTER_STORE_ROOMS, rooms);
	counter_set(k->ct, COUNTER_STORE_BYTES, used);
}

/* The slot of a process of ours that serves, by its pid; SLOT_MAX: it is none. */
static unsigned slot_of(const struct keeper *k, pid_t pid)
{
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(k->seg, i);

		if (slot_mask_has(&k->attached, i) && i != k->h->slot && slot_is_alive(s) &&
		    atomic_load_explicit(&s->pid, memory_order_relaxed) == pid)
			return i;
	}
	return SLOT_MAX;
}

void keeper_guard(struct keeper *k, uint64_t now_ns)
{
	pid_t pid[STALE_AT_ONCE];
	unsigned n = store_stale_readers(k->st, now_ns, STALE_NS, pid, STALE_AT_ONCE);

	for (unsigned i = 0; i < n; i++) {
		unsigned slot = slot_of(k, pid[i]);

		/* Tools read too; only what the master forked, and will reap, is ours to end. */
		if (slot == SLOT_MAX) {
			log_warn("stuck_reader", "pid_of=%ld", (long)pid[i]);
			continue;
		}
		log_error("stuck_reader_killed", "pid_of=%ld slot_of=%u", (long)pid[i], slot);
		if (kill(pid[i], SIGKILL) < 0)
			log_warn("stuck_reader_not_killed", "error=%s", strerror(errno));
	}
}
