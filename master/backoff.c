#include "master/backoff.h"

uint64_t backoff_next(struct backoff *b, uint64_t life_ns)
{
	uint64_t wait = BACKOFF_FIRST;

	if (life_ns >= BACKOFF_LIFE)
		b->deaths = 0;
	b->deaths++;
	if (b->deaths == 1)
		return 0;
	for (unsigned i = 2; i < b->deaths && wait < BACKOFF_MAX; i++)
		wait *= 2;
	return wait < BACKOFF_MAX ? wait : BACKOFF_MAX;
}
