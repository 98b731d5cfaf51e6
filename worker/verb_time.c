#include <time.h>

#include "proto/json.h"
#include "worker/verb_time.h"

#define TIME_MAX INT64_C(253402300799999) /* the year 9999 */

/* N digits at *P as a number, *P behind them; -1: they are none. */
static int digits(const char **p, const char *end, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (*p == end || **p < '0' || **p > '9')
			return -1;
		v = v * 10 + *(*p)++ - '0';
	}
	return v;
}

static bool skip(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

bool verb_time_delay(struct slice value, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	struct slice s;
	size_t n = 0;

	if (json_type(value) == JSON_NUMBER)
		return json_int(value, ms) && *ms >= 0 && *ms <= TIME_MAX;
	if (json_type(value) != JSON_STRING)
		return false;
	s = json_string_raw(value);
	for (*ms = 0; n < s.n && s.p[n] >= '0' && s.p[n] <= '9' && n < 12; n++)
		*ms = *ms * 10 + s.p[n] - '0';
	for (unsigned i = 0; n > 0 && i < sizeof(units) / sizeof(*units); i++) {
		if (!slice_is(slice_make(s.p + n, s.n - n), units[i].unit))
			continue;
		*ms = *ms <= TIME_MAX / units[i].ms ? *ms * units[i].ms : TIME_MAX;
		return true;
	}
	return false;
}

/* Z, or +01:00: minutes east of it. */
static bool zone(const char **p, const char *end, int *minutes)
{
	int sign, h, m;

	*minutes = 0;
	if (skip(p, end, 'Z'))
		return *p == end;
	sign = skip(p, end, '+') ? 1 : skip(p, end, '-') ? -1 : 0;
	h = digits(p, end, 2);
	if (sign == 0 || h < 0 || h > 23 || !skip(p, end, ':'))
		return false;
	m = digits(p, end, 2);
	*minutes = sign * (h * 60 + m);
	return m >= 0 && m < 60 && *p == end;
}

/* Thousandths behind the point; further digits say nothing. */
static bool fraction(const char **p, const char *end, int *ms)
{
	int n = 0;

	*ms = 0;
	if (!skip(p, end, '.'))
		return true;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, n++) {
		if (n < 3)
			*ms = *ms * 10 + **p - '0';
	}
	for (int i = n; i < 3; i++)
		*ms *= 10;
	return n > 0;
}

bool verb_time_at(struct slice value, int64_t *ms)
{
	struct tm tm = {0}, back;
	struct slice s;
	const char *p, *end;
	int year, month, day, hour, minute, second, thousandths, east;
	time_t t;

	if (json_type(value) == JSON_NUMBER)
		return json_int(value, ms) && *ms >= 0 && *ms <= TIME_MAX;
	if (json_type(value) != JSON_STRING)
		return false;
	s = json_string_raw(value);
	p = s.p;
	end = s.p + s.n;
	if ((year = digits(&p, end, 4)) < 1970 || !skip(&p, end, '-') || (month = digits(&p, end, 2)) < 1 ||
	    !skip(&p, end, '-') || (day = digits(&p, end, 2)) < 1 || !skip(&p, end, 'T') ||
	    (hour = digits(&p, end, 2)) < 0 || !skip(&p, end, ':') || (minute = digits(&p, end, 2)) < 0 ||
	    !skip(&p, end, ':') || (second = digits(&p, end, 2)) < 0 || hour > 23 || minute > 59 || second > 59 ||
	    !fraction(&p, end, &thousandths) || !zone(&p, end, &east))
		return false;
	tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute,
	    .tm_sec = second};
	t = timegm(&tm);
	/* a day that the month does not have has become one of the next */
	if (gmtime_r(&t, &back) == NULL || back.tm_mday != day || back.tm_mon != month - 1)
		return false;
	*ms = (int64_t)t * 1000 + thousandths - (int64_t)east * 60000;
	return *ms >= 0 && *ms <= TIME_MAX;
}
