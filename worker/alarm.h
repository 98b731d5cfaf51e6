/*
 * alarm.h - deadlines of any length: a binary heap, for the few objects that have one (a token's expiry, a CONNECT
 * that has not come).
 *
 * The object keeps its place in the heap in a uint32_t of its own (0: not in it), which the heap updates.
 */
#ifndef FORKCAST_WORKER_ALARM_H
#define FORKCAST_WORKER_ALARM_H

#include <stdint.h>

typedef void (*alarm_fn)(void *object);

struct alarm {
	uint64_t due_ns;
	uint32_t *place; /* in the object: index + 1 */
	alarm_fn fn;
	void *object;
};

struct alarms {
	struct alarm *heap;
	uint32_t n, cap;
};

/* Sets or moves the alarm whose place is *PLACE: FN(OBJECT) is called when it is due. */
void alarm_set(struct alarms *a, uint32_t *place, alarm_fn fn, void *object, uint64_t due_ns);
void alarm_clear(struct alarms *a, uint32_t *place);
/* Takes every alarm that is due off the heap and calls it; a called function may set and clear others. */
void alarms_run(struct alarms *a, uint64_t now_ns);
/* UINT64_MAX when there is none. */
uint64_t alarm_next(const struct alarms *a);

#endif
