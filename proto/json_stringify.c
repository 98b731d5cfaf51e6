/*
 * json_stringify.c - see json_stringify.h.
 */
#include "proto/json_stringify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DIGITS_MAX 17 /* of the decimal that any double is read back from */
#define DATE_MAX   8.64e15

static size_t copy(char *out, const char *s, size_t n)
{
	memcpy(out, s, n);
	return n;
}

/* DIGITS, K of them, as 0.DIGITS * 10^EXPONENT. */
static double read_back(const char digits[DIGITS_MAX], int k, int exponent)
{
	char text[DIGITS_MAX + 16];

	/* An integer with an exponent: nothing in it that depends on the locale. */
	(void)snprintf(text, sizeof text, "%.*se%d", k, digits, exponent - k);
	return strtod(text, NULL);
}

/* The next decimal of K digits; the first of them is no nine. */
static void step_up(char digits[DIGITS_MAX], int k)
{
	while (k > 1 && digits[k - 1] == '9')
		digits[--k] = '0';
	digits[k - 1]++;
}

/* V in K digits.  True when that reads as V again. */
static bool format(double v, int k, char digits[DIGITS_MAX], int *exponent)
{
	char text[64];
	const char *p;
	int n = 0, binary;

	(void)snprintf(text, sizeof text, "%.*e", k - 1, v);
	/* What stands between the digits is the locale's affair. */
	for (p = text; *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	}
	*exponent = atoi(p + 1) + 1;
	if (read_back(digits, k, *exponent) == v)
		return true;
	/* Doubles lie half as dense above a power of two: a decimal farther off on that side may read as V all the
	 * same. */
	if (frexp(v, &binary) != 0.5 || digits[0] == '9')
		return false;
	step_up(digits, k);
	return read_back(digits, k, *exponent) == v;
}

/* The number of digits; V is positive and finite. */
static int shortest(double v, char digits[DIGITS_MAX], int *exponent)
{
	/* Up to 15 digits survive the way there and back, so 15 say it with zeros; but not where precision fades out.
	 */
	int k = isnormal(v) ? 15 : 1;

	while (!format(v, k, digits, exponent) && k < DIGITS_MAX)
		k++;
	while (k > 1 && digits[k - 1] == '0')
		k--;
	return k;
}

size_t json_stringify_number(double v, char out[JSON_STRINGIFY_MAX])
{
	char digits[DIGITS_MAX], *o = out;
	int k, n;

	if (!isfinite(v))
		return copy(out, "null", 4);
	if (v == 0)
		return copy(out, "0", 1); /* also -0 */
	if (v < 0) {
		*o++ = '-';
		v = -v;
	}
	k = shortest(v, digits, &n);
	if (k <= n && n <= 21) {
		o += copy(o, digits, (size_t)k);
		memset(o, '0', (size_t)(n - k));
		return (size_t)(o + (n - k) - out);
	}
	if (0 < n && n <= 21) {
		o += copy(o, digits, (size_t)n);
		*o++ = '.';
		return (size_t)(o + copy(o, digits + n, (size_t)(k - n)) - out);
	}
	if (-6 < n && n <= 0) {
		o += copy(o, "0.000000", (size_t)(2 - n));
		return (size_t)(o + copy(o, digits, (size_t)k) - out);
	}
	*o++ = digits[0];
	if (k > 1) {
		*o++ = '.';
		o += copy(o, digits + 1, (size_t)(k - 1));
	}
	return (size_t)(o - out) + (size_t)snprintf(o, 8, "e%+d", n - 1);
}

size_t json_stringify_date(double ms, char out[JSON_STRINGIFY_MAX])
{
	int64_t t, part;
	time_t s;
	struct tm tm;
	int year, n;

	if (!(ms >= -DATE_MAX && ms <= DATE_MAX))
		return copy(out, "null", 4);
	t = (int64_t)ms;
	part = (t % 1000 + 1000) % 1000;
	s = (time_t)((t - part) / 1000);
	if (gmtime_r(&s, &tm) == NULL)
		return copy(out, "null", 4);
	year = tm.tm_year + 1900;
	n = snprintf(out, JSON_STRINGIFY_MAX,
	    year >= 0 && year <= 9999 ? "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\""
				      : "\"%+07d-%02d-%02dT%02d:%02d:%02d.%03dZ\"",
	    year, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)part);
	return (size_t)n;
}
