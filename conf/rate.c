#include <string.h>

#include "conf/value_element.h"

#define COUNT_MOST   INT64_C(10000000)
#define PERIOD_LEAST INT64_C(10)
#define PERIOD_MOST  (31 * INT64_C(86400000))

/* Digits at *P, which moves behind them; -1: none, or more than any limit. */
static int64_t digits(const char **p)
{
	const char *begin = *p;
	int64_t n = 0;

	while (**p >= '0' && **p <= '9' && n < INT64_MAX / 100)
		n = n * 10 + (*(*p)++ - '0');
	return *p == begin || (**p >= '0' && **p <= '9') ? -1 : n;
}

/* A number with a unit of time, up to the end of the text; -1: it is none. */
static int64_t period(const char *p)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int64_t n = digits(&p);

	for (size_t i = 0; n >= 0 && i < sizeof units / sizeof units[0]; i++)
		if (strcmp(p, units[i].unit) == 0)
			return n > PERIOD_MOST ? PERIOD_MOST + 1 : n * units[i].ms;
	return -1;
}

bool rate_read(const struct reading *r, struct limit_rate *out)
{
	const char *p = r->t->text.p;
	int64_t most = digits(&p);
	int64_t ms = most >= 0 && *p == '/' ? period(p + 1) : -1;

	if (ms < 0) {
		mistake(&r->l->mistakes, r->t->at, "`%s = %s`: write how many in how long: 10/1s, 60/1m, 100/15m",
		    r->o->name, value_shown(r));
		return false;
	}
	if (most < 1 || most > COUNT_MOST || ms < PERIOD_LEAST || ms > PERIOD_MOST) {
		mistake(&r->l->mistakes, r->t->at, "`%s = %s` is out of range: 1 to 10000000 in 10ms to 31d",
		    r->o->name, value_shown(r));
		return false;
	}
	*out = (struct limit_rate){(uint32_t)most, ms};
	return true;
}
