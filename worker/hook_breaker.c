#include "worker/hook_breaker.h"

#include "worker/clock.h"

bool hook_breaker_admits(struct hook_breaker *b, const struct hook *h, uint64_t now_ns, uint32_t *round)
{
	*round = b->round;
	if (b->state == BREAKER_CLOSED)
		return true;
	if (b->state == BREAKER_HALF || now_ns - b->opened_ns < (uint64_t)h->reset * NS_PER_MS)
		return false;
	b->state = BREAKER_HALF;
	*round = ++b->round;
	return true;
}

void hook_breaker_succeeded(struct hook_breaker *b, uint32_t round)
{
	if (round != b->round || b->state == BREAKER_OPEN)
		return;
	b->failed = 0;
	b->state = BREAKER_CLOSED;
}

bool hook_breaker_failed(struct hook_breaker *b, const struct hook *h, uint64_t now_ns, uint32_t round)
{
	if (round != b->round || b->state == BREAKER_OPEN || h->failures == 0)
		return false;
	b->failed++;
	if (b->state == BREAKER_CLOSED && b->failed < h->failures)
		return false;
	b->state = BREAKER_OPEN;
	b->opened_ns = now_ns;
	b->round++;
	return true;
}

void hook_breaker_unasked(struct hook_breaker *b, uint32_t round)
{
	if (round == b->round && b->state == BREAKER_HALF)
		b->state = BREAKER_OPEN;
}
