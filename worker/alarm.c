#include <stdlib.h>

#include "conf/log.h"
#include "worker/alarm.h"

static void heap_put(struct alarms *a, uint32_t i, struct alarm x)
{
	a->heap[i] = x;
	*x.place = i + 1;
}

static void heap_up(struct alarms *a, uint32_t i)
{
	struct alarm x = a->heap[i];

	while (i > 0 && a->heap[(i - 1) / 2].due_ns > x.due_ns) {
		heap_put(a, i, a->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(a, i, x);
}

static void heap_down(struct alarms *a, uint32_t i)
{
	struct alarm x = a->heap[i];

	for (;;) {
		uint32_t c = 2 * i + 1;

		if (c >= a->n)
			break;
		if (c + 1 < a->n && a->heap[c + 1].due_ns < a->heap[c].due_ns)
			c++;
		if (a->heap[c].due_ns >= x.due_ns)
			break;
		heap_put(a, i, a->heap[c]);
		i = c;
	}
	heap_put(a, i, x);
}

void alarm_set(struct alarms *a, uint32_t *place, alarm_fn fn, void *object, uint64_t due_ns)
{
	uint32_t i;

	if (*place == 0) {
		if (a->n == a->cap) {
			uint32_t cap = a->cap == 0 ? 64 : a->cap * 2;
			struct alarm *h = realloc(a->heap, cap * sizeof(*h));

			if (h == NULL) {
				log_error("out_of_memory", "bytes=%zu", cap * sizeof(*h));
				abort();
			}
			a->heap = h;
			a->cap = cap;
		}
		heap_put(a, a->n++, (struct alarm){due_ns, place, fn, object});
	}
	i = *place - 1;
	a->heap[i].due_ns = due_ns;
	a->heap[i].fn = fn; /* an object in another state waits for something else */
	a->heap[i].object = object;
	heap_up(a, i);
	heap_down(a, *place - 1);
}

void alarm_clear(struct alarms *a, uint32_t *place)
{
	uint32_t i = *place, last;

	if (i == 0)
		return;
	*place = 0;
	last = --a->n;
	if (--i == last)
		return;
	heap_put(a, i, a->heap[last]);
	heap_up(a, i);
	heap_down(a, i);
}

void alarms_run(struct alarms *a, uint64_t now_ns)
{
	while (a->n > 0 && a->heap[0].due_ns <= now_ns) {
		struct alarm x = a->heap[0];

		alarm_clear(a, x.place);
		x.fn(x.object);
	}
}

uint64_t alarm_next(const struct alarms *a)
{
	return a->n == 0 ? UINT64_MAX : a->heap[0].due_ns;
}
