/*
 * log_value.h - the inside of a log line: key=value pairs from a printf format, escaped for text or JSON.
 *
 * Only log.c uses it.  A line that is full drops its further pairs and says truncated.
 */
#ifndef FORKCAST_CONF_LOG_VALUE_H
#define FORKCAST_CONF_LOG_VALUE_H

#include <stdarg.h>

#include "conf/log.h"

struct log_line {
	bool json;
	bool cut;
	size_t n;
	char buf[LOG_LINE];
};

void log_line_init(struct log_line *l, bool json);
/* Bytes that need no escape. */
void log_line_raw(struct log_line *l, const char *p, size_t n);
/* A value, quoted and escaped where the format needs it. */
void log_line_value(struct log_line *l, const char *p, size_t n);
/* A pair with what stands before it; NUMBER: the value is valid JSON as it is. */
void log_line_pair(struct log_line *l, const char *key, size_t nkey, const char *p, size_t n, bool number);
void log_line_pairs(struct log_line *l, const char *format, va_list *ap);
/* Adds repeated=LEFT_OUT (0: not), truncated, and what ends a line. */
void log_line_finish(struct log_line *l, unsigned left_out);

#endif
