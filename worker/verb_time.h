/*
 * verb_time.h - when something is to happen, as bodies say it.
 */
#ifndef FORKCAST_WORKER_VERB_TIME_H
#define FORKCAST_WORKER_VERB_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

/* A JSON value: whole milliseconds, or text such as "500ms", "25s", "5m", "2h", "7d".  False: it is neither. */
bool verb_time_delay(struct slice value, int64_t *ms);
/*
 * A JSON value: milliseconds since 1970, or a date of ISO 8601 with its time and its zone: "2026-03-01T12:00:00Z",
 * "2026-03-01T12:00:00.250+01:00".  False: it is neither, or no date.
 */
bool verb_time_at(struct slice value, int64_t *ms);

#endif
