/*
 * hook_breaker.h - stops asking a backend that fails, and tries it again later.
 *
 *	CLOSED --failures in a row--> OPEN --reset has passed: one trial--> HALF --it succeeds--> CLOSED
 *	                               ^                                      |
 *	                               +----------------it fails--------------+
 *
 * Whoever is admitted says how it went, once.  What was admitted before it opened counts for nothing afterwards.
 */
#ifndef FORKCAST_WORKER_HOOK_BREAKER_H
#define FORKCAST_WORKER_HOOK_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/hook.h"

enum hook_breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };

/* Zeroed memory is a closed one. */
struct hook_breaker {
	uint64_t opened_ns;
	uint32_t failed; /* in a row */
	uint32_t round;	 /* how often it opened: what was admitted in an earlier round counts for nothing */
	enum hook_breaker_state state;
};

/* False: it is not to be asked now.  *ROUND is given back by how it went. */
bool hook_breaker_admits(struct hook_breaker *b, const struct hook *h, uint64_t now_ns, uint32_t *round);
void hook_breaker_succeeded(struct hook_breaker *b, uint32_t round);
/* True when this opened it. */
bool hook_breaker_failed(struct hook_breaker *b, const struct hook *h, uint64_t now_ns, uint32_t round);
/* It was not asked after all: a trial may be made by somebody else. */
void hook_breaker_unasked(struct hook_breaker *b, uint32_t round);

#endif
