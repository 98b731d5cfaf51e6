#include "conf/format.h"

#include <string.h>
#include <strings.h>

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool hex(char c)
{
	return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool format_uuid(const char *p, size_t n)
{
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? p[i] != '-' : !hex(p[i]))
			return false;
	}
	return true;
}

bool format_id(const char *p, size_t n)
{
	if (n == 0 || n > FORMAT_ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!letter(p[i]) && !digit(p[i]) && p[i] != '.' && p[i] != '_' && p[i] != ':' && p[i] != '-')
			return false;
	return true;
}

bool format_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!digit(p[i]))
			return false;
	return n > 0;
}

/* N digits at *P: their number, and *P behind them; -1 when they are not there. */
static int number(const char **p, const char *end, int n)
{
	int v = 0;

	if (end - *p < n)
		return -1;
	for (; n > 0; n--, (*p)++) {
		if (!digit(**p))
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static bool take(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static int days_of(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool day(const char **p, const char *end)
{
	int y = number(p, end, 4);
	int m;
	int d;

	if (y < 0 || !take(p, end, '-'))
		return false;
	m = number(p, end, 2);
	if (m < 1 || m > 12 || !take(p, end, '-'))
		return false;
	d = number(p, end, 2);
	return d >= 1 && d <= days_of(y, m);
}

/* hh:mm */
static bool clock(const char **p, const char *end)
{
	int h = number(p, end, 2);
	int m;

	if (h < 0 || h > 23 || !take(p, end, ':'))
		return false;
	m = number(p, end, 2);
	return m >= 0 && m <= 59;
}

/* :ss, perhaps with a fraction.  No leap second: Date.parse() knows none. */
static bool seconds(const char **p, const char *end)
{
	int s = number(p, end, 2);
	const char *dot = *p;

	if (s < 0 || s > 59)
		return false;
	if (!take(p, end, '.'))
		return true;
	while (*p < end && digit(**p))
		(*p)++;
	return *p - dot > 1 && *p - dot <= 10;
}

bool format_date(const char *p, size_t n)
{
	const char *end = p + n;

	if (n == 0 || !day(&p, end))
		return false;
	if (p == end)
		return true;
	if (!take(&p, end, 'T') || !clock(&p, end))
		return false;
	if (take(&p, end, ':') && !seconds(&p, end))
		return false;
	if (take(&p, end, 'Z'))
		return p == end;
	if (take(&p, end, '+') || take(&p, end, '-'))
		return clock(&p, end) && p == end;
	return p == end;
}

/* Characters of a URI; of a percent sign what follows must be right too. */
static bool uri_char(const char *p, const char *end)
{
	if (*p == '%')
		return end - p > 2 && hex(p[1]) && hex(p[2]);
	return letter(*p) || digit(*p) || (*p != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=", *p) != NULL);
}

/* host or [address], perhaps with a port. */
static bool authority(const char *p, const char *end)
{
	const char *at = memchr(p, '@', (size_t)(end - p));
	const char *host = at != NULL ? at + 1 : p;
	const char *close = host < end && *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *colon;
	unsigned port = 0;

	if (host < end && *host == '[' && (close == NULL || close - host < 3))
		return false;
	p = close != NULL ? close + 1 : host;
	colon = memchr(p, ':', (size_t)(end - p));
	if (close != NULL ? p < end && colon != p : (colon != NULL ? colon : end) == host)
		return false;
	for (p = host + (close != NULL); p < (close != NULL ? close : colon != NULL ? colon : end); p++)
		if (close != NULL ? !hex(*p) && *p != ':' && *p != '.' : strchr("@[]", *p) != NULL)
			return false;
	if (colon == NULL)
		return true;
	for (p = colon + 1; p < end; p++) {
		if (!digit(*p) || port > 65535)
			return false;
		port = port * 10 + (unsigned)(*p - '0');
	}
	return port <= 65535;
}

bool format_url(const char *p, size_t n)
{
	const char *end = p + n;
	const char *rest;

	if (n < 8 || n > FORMAT_URL_MAX)
		return false;
	if (strncasecmp(p, "https://", 8) == 0)
		p += 8;
	else if (strncasecmp(p, "http://", 7) == 0)
		p += 7;
	else
		return false;
	for (rest = p; rest < end; rest++)
		if (!uri_char(rest, end))
			return false;
	for (rest = p; rest < end && *rest != '/' && *rest != '?' && *rest != '#'; rest++)
		;
	/* Brackets belong to an address, and a fragment is the last thing. */
	for (const char *q = rest; q < end; q++)
		if (*q == '[' || *q == ']')
			return false;
	return authority(p, rest);
}
