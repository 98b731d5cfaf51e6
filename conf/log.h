/*
 * log.h - one line an event: time, level, role, slot, event, key=value.
 *
 * Level means audience: error wakes someone, warn is ours to fix, info is lifecycle, debug is developers.  Values are
 * escaped, so peers' bytes cannot forge a line; secrets are never passed in.  Repeats of warn and error with the same
 * event are limited to LOG_BURST a second, and the number left out is told as repeated=N on the next line of that event,
 * or on a line of its own once the second is over.  Each line is one write(2) with O_APPEND, at most LOG_LINE bytes;
 * nothing allocates.  Each thread has a limit of its own.
 *
 *	text	2026-01-31T12:00:00.000Z info worker 0 connect sid=x user="a b"		(no slot: -)
 *	json	{"time":"...","level":"info","role":"worker","slot":0,"event":"connect","sid":"x","user":"a b"}
 */
#ifndef FORKCAST_CONF_LOG_H
#define FORKCAST_CONF_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/text.h"

#define LOG_BURST 20
#define LOG_LINE  4096 /* also PIPE_BUF: lines of several processes do not mix in a pipe */

/* log_info("ready", "") is a line without keys, not a slip. */
#pragma GCC diagnostic ignored "-Wformat-zero-length"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_options {
	enum log_level level;
	bool json;
	struct text file; /* p NULL: stderr */
};

/* 0 or -errno (file cannot be opened).  May be called again, to reopen or to change options. */
int log_open(const struct log_options *o);
/* The descriptor lines go to, for those who close the others; 2 before log_open(). */
int log_descriptor(void);
/* Who speaks, from here on: "master", "worker", "keeper"; SLOT < 0: none. */
void log_identify(const char *role, int slot);
bool log_enabled(enum log_level level);

/*
 * KEYS: printf format of key=value pairs apart by single spaces, e.g. "sid=%s reason=%s from=%s:%u"; a value is quoted
 * and escaped when it has anything but printable characters without spaces.  May be "".  %m is strerror(errno); %n and
 * wide characters are not known.  In JSON a value that is one plain %d, %u or %f (of any size) is a number.  Keeps errno.
 */
void log_event(enum log_level level, const char *event, const char *keys, ...) __attribute__((format(printf, 3, 4)));
/* Tells what is still left out of this thread's repeats; for the end of a process. */
void log_flush(void);

#define log_error(event, ...) log_event(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                                                                          \
	do {                                                                                                           \
		if (log_enabled(LOG_DEBUG))                                                                            \
			log_event(LOG_DEBUG, event, __VA_ARGS__);                                                      \
	} while (0)

#endif
