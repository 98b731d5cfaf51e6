/*
 * format.h - the forms of text that fields may demand: of values in the conf when it is loaded, of clients' when they
 * come.
 *
 * Each takes decoded text and answers whether all of it has the form.
 */
#ifndef FORKCAST_CONF_FORMAT_H
#define FORKCAST_CONF_FORMAT_H

#include "conf/text.h"

#define FORMAT_ID_MAX  128  /* bytes */
#define FORMAT_URL_MAX 2048 /* bytes */

/* 8-4-4-4-12 hexadecimal digits, either case, of any version (RFC 9562, section 4). */
bool format_uuid(const char *p, size_t n);
/* 1 to FORMAT_ID_MAX of A-Z a-z 0-9 . _ : - */
bool format_id(const char *p, size_t n);
/*
 * ISO 8601, extended form: a day that exists, alone or with a time: 2024-02-29, 2024-02-29T23:59, ...T23:59:59.999Z,
 * ...+05:30.  Seconds, fraction (1 to 9 digits) and zone may be missing, as ECMAScript's Date has it.
 */
bool format_date(const char *p, size_t n);
/* Decimal digits, one or more: an amount of any size. */
bool format_digits(const char *p, size_t n);
/*
 * http or https, a host, perhaps a port, in the characters of RFC 3986; at most FORMAT_URL_MAX bytes.  No other scheme:
 * what one client sends becomes a link of others, and javascript: is a scheme too.
 */
bool format_url(const char *p, size_t n);

#endif
