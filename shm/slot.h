/*
 * slot.h - the slot table: one row per process lifetime.
 *
 * A slot is (index, generation).  The master alone opens a generation (slot_open, before fork) and ends it (slot_bury,
 * after waitpid, then slot_free once the rings are repaired); the process that lives in it reports ready, beats and
 * rings.  Everybody reads.  Fields are grouped by writer, a cache line each, so that a beating worker never slows a
 * reader of another field.
 *
 *	EMPTY --slot_open--> STARTING --slot_ready--> LIVE --slot_drain--> DRAINING
 *	  ^                      |                      |                     |
 *	  +------slot_free------ DEAD <------slot_bury (master, after waitpid)+
 *
 * A process told to stop before it was ready goes from STARTING straight to DRAINING.
 */
#ifndef FORKCAST_SHM_SLOT_H
#define FORKCAST_SHM_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SLOT_MAX   256     /* slots in a segment */
#define SLOT_WORDS 4       /* 64-bit words in a mask over all slots */
#define SLOT_NONE  0xffffu /* no slot */

enum slot_role { SLOT_ROLE_NONE, SLOT_ROLE_WORKER, SLOT_ROLE_KEEPER, SLOT_ROLE_BRIDGE };
enum slot_state { SLOT_EMPTY, SLOT_STARTING, SLOT_LIVE, SLOT_DRAINING, SLOT_DEAD };

/* A set of slots. */
struct slot_mask {
	uint64_t w[SLOT_WORDS];
};

struct slot {
	/* The master's line. */
	_Alignas(64) _Atomic uint32_t state; /* enum slot_state; STARTING->LIVE->DRAINING are the owner's edges */
	_Atomic uint32_t gen;                /* generation of the present or last life; 0: never used */
	_Atomic int32_t pid;                 /* 0 while EMPTY */
	_Atomic uint32_t role;               /* enum slot_role */
	_Atomic uint32_t index;              /* worker number (listener index); 0 for keeper and bridge */
	_Atomic uint32_t restarts;           /* lives that ended without draining first, for status */
	_Atomic uint64_t started_ns;         /* CLOCK_MONOTONIC of the fork */

	/* The owner's line. */
	_Alignas(64) _Atomic uint64_t heartbeat_ns; /* CLOCK_MONOTONIC, at least every 100 ms while the loop turns */
	_Atomic uint32_t adopted;                   /* listener indices served for silent neighbours now, for status */

	/* The doorbell's line (doorbell.h). */
	_Alignas(64) _Atomic uint32_t sleeping;
	_Atomic uint32_t awaits; /* store_wait.h: ring me after each commit of the keeper */
};

static inline void slot_mask_set(struct slot_mask *m, unsigned slot)
{
	m->w[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline void slot_mask_clear(struct slot_mask *m, unsigned slot)
{
	m->w[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static inline bool slot_mask_has(const struct slot_mask *m, unsigned slot)
{
	return m->w[slot / 64] >> (slot % 64) & 1;
}

static inline void slot_mask_or(struct slot_mask *m, const struct slot_mask *o)
{
	for (int i = 0; i < SLOT_WORDS; i++)
		m->w[i] |= o->w[i];
}

static inline bool slot_is_alive(const struct slot *s)
{
	uint32_t st = atomic_load_explicit(&s->state, memory_order_acquire);

	return st == SLOT_LIVE || st == SLOT_DRAINING;
}

/* Master: opens the next generation in an EMPTY slot; returns the new generation (never 0). */
uint32_t slot_open(struct slot *s, enum slot_role role, unsigned index, uint64_t now_ns);
/* Master: records the pid after fork. */
void slot_set_pid(struct slot *s, pid_t pid);
/* Master: the process was reaped; its rings must be repaired before slot_free. */
void slot_bury(struct slot *s);
/* Master: rings repaired and ended with a generation-over record; the slot may be opened again. */
void slot_free(struct slot *s);
/* Owner: attached and serving. */
void slot_ready(struct slot *s);
/* Owner: no new clients from here on. */
void slot_drain(struct slot *s);
/* Owner: "my loop turned", with the CLOCK_MONOTONIC time. */
void slot_beat(struct slot *s, uint64_t now_ns);

const char *slot_role_name(uint32_t role);
const char *slot_state_name(uint32_t state);

#endif
