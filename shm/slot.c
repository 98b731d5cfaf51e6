/*
 * slot.c - see slot.h.
 */
#include "shm/slot.h"

#include <assert.h>
#include <stddef.h>

/* Processes of two binaries may share a table; segment.c's layout number changes with these. */
_Static_assert(sizeof(struct slot) == 192, "slot layout");
_Static_assert(offsetof(struct slot, heartbeat_ns) == 64, "the owner's line");
_Static_assert(offsetof(struct slot, sleeping) == 128, "the doorbell's line");
_Static_assert(SLOT_WORDS * 64 == SLOT_MAX, "one bit a slot");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "atomics must work across processes");

uint32_t slot_open(struct slot *s, enum slot_role role, unsigned index, uint64_t now_ns)
{
	uint32_t gen = atomic_load_explicit(&s->gen, memory_order_relaxed) + 1;

	assert(atomic_load_explicit(&s->state, memory_order_acquire) == SLOT_EMPTY);
	if (gen == 0)
		gen = 1;
	atomic_store_explicit(&s->gen, gen, memory_order_relaxed);
	atomic_store_explicit(&s->pid, 0, memory_order_relaxed);
	atomic_store_explicit(&s->role, (uint32_t)role, memory_order_relaxed);
	atomic_store_explicit(&s->index, index, memory_order_relaxed);
	atomic_store_explicit(&s->started_ns, now_ns, memory_order_relaxed);
	/* Nobody owns the other lines yet; a first beat keeps the watchdog quiet while the process starts. */
	atomic_store_explicit(&s->heartbeat_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&s->adopted, 0, memory_order_relaxed);
	atomic_store_explicit(&s->sleeping, 0, memory_order_relaxed);
	atomic_store_explicit(&s->awaits, 0, memory_order_relaxed);
	/* Whoever sees STARTING sees the life that is starting (slot_is_alive() and friends load with acquire). */
	atomic_store_explicit(&s->state, SLOT_STARTING, memory_order_release);
	return gen;
}

void slot_set_pid(struct slot *s, pid_t pid)
{
	atomic_store_explicit(&s->pid, pid, memory_order_relaxed);
}

void slot_bury(struct slot *s)
{
	uint32_t was = atomic_exchange_explicit(&s->state, SLOT_DEAD, memory_order_acq_rel);

	/* A life that drained first ended on request and is no restart. */
	if (was != SLOT_DRAINING && was != SLOT_DEAD)
		atomic_fetch_add_explicit(&s->restarts, 1, memory_order_relaxed);
}

void slot_free(struct slot *s)
{
	assert(atomic_load_explicit(&s->state, memory_order_relaxed) == SLOT_DEAD);
	atomic_store_explicit(&s->pid, 0, memory_order_relaxed);
	atomic_store_explicit(&s->role, SLOT_ROLE_NONE, memory_order_relaxed);
	atomic_store_explicit(&s->adopted, 0, memory_order_relaxed);
	atomic_store_explicit(&s->sleeping, 0, memory_order_relaxed);
	/* Release: who sees EMPTY sees the rings repaired and ended. */
	atomic_store_explicit(&s->state, SLOT_EMPTY, memory_order_release);
}

void slot_ready(struct slot *s)
{
	uint32_t was = SLOT_STARTING;

	/* Release: who sees LIVE sees the read positions and interest bits stored before it. */
	atomic_compare_exchange_strong_explicit(&s->state, &was, SLOT_LIVE, memory_order_release, memory_order_relaxed);
}

void slot_drain(struct slot *s)
{
	uint32_t was = SLOT_LIVE;

	if (!atomic_compare_exchange_strong_explicit(
		&s->state, &was, SLOT_DRAINING, memory_order_release, memory_order_relaxed) &&
	    was == SLOT_STARTING)
		atomic_compare_exchange_strong_explicit(
		    &s->state, &was, SLOT_DRAINING, memory_order_release, memory_order_relaxed);
}

void slot_beat(struct slot *s, uint64_t now_ns)
{
	atomic_store_explicit(&s->heartbeat_ns, now_ns, memory_order_relaxed);
}

const char *slot_role_name(uint32_t role)
{
	static const char *const names[] = {
	    [SLOT_ROLE_NONE] = "none",
	    [SLOT_ROLE_WORKER] = "worker",
	    [SLOT_ROLE_KEEPER] = "keeper",
	    [SLOT_ROLE_BRIDGE] = "bridge",
	};

	return role < sizeof names / sizeof *names ? names[role] : "unknown";
}

const char *slot_state_name(uint32_t state)
{
	static const char *const names[] = {
	    [SLOT_EMPTY] = "empty",
	    [SLOT_STARTING] = "starting",
	    [SLOT_LIVE] = "live",
	    [SLOT_DRAINING] = "draining",
	    [SLOT_DEAD] = "dead",
	};

	return state < sizeof names / sizeof *names ? names[state] : "unknown";
}
