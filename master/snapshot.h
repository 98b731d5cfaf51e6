/*
 * snapshot.h - the state of the instance at one moment, for `forkcast status`: from the slot table, the counters and
 * /proc, never by asking a process, so a stuck one cannot hide.
 */
#ifndef FORKCAST_MASTER_SNAPSHOT_H
#define FORKCAST_MASTER_SNAPSHOT_H

#include <stdio.h>

#include "master/supervise.h"

/*
 * One JSON object: name, nonce, pid, version, phase, uptime_ms, deaths, ports, segment, and `processes`, each with its
 * counters by name.
 */
void snapshot_json(FILE *out, const struct supervisor *s);
/* The same for people: a line a process, then sums. */
void snapshot_table(FILE *out, const struct supervisor *s);
/* Answers "status json" and "status table" (answer.h). */
char *snapshot_answer(void *supervisor, const char *request, size_t *len);

#endif
