/*
 * log.h - one line an event: time, level, role, slot, event, key=value.
 *
 * Level means audience: error wakes someone, warn is ours to fix, info is lifecycle, debug is developers.  Values are
 * escaped, so peers' bytes cannot forge a line; secrets are never passed in.  Repeats of warn and error with the same
 * event are limited to LOG_BURST a second, and the number left out is told.  Each line is one write(2) with O_APPEND.
 */
#ifndef FORKCAST_CONF_LOG_H
#define FORKCAST_CONF_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/text.h"

#define LOG_BURST 20

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_options {
	enum log_level level;
	bool json;
	struct text file; /* p NULL: stderr */
};

/* 0 or -errno (file cannot be opened).  May be called again, to reopen or to change options. */
int log_open(const struct log_options *o);
/* Who speaks, from here on: "master", "worker", "keeper"; SLOT < 0: none. */
void log_identify(const char *role, int slot);
bool log_enabled(enum log_level level);

/*
 * KEYS: printf format of key=value pairs, e.g. "sid=%s reason=%s"; a value inserted by %s is quoted and escaped when it
 * has anything but printable characters without spaces.  May be "".
 */
void log_event(enum log_level level, const char *event, const char *keys, ...) __attribute__((format(printf, 3, 4)));
#define log_error(event, ...) log_event(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                                                                          \
	do {                                                                                                           \
		if (log_enabled(LOG_DEBUG))                                                                            \
			log_event(LOG_DEBUG, event, __VA_ARGS__);                                                      \
	} while (0)

#endif
