/*
 * assembly.h - a binary packet on its way in: its text has come, its attachments follow, one binary message each.
 */
#ifndef FORKCAST_WORKER_ASSEMBLY_H
#define FORKCAST_WORKER_ASSEMBLY_H

#include "proto/socketio.h"
#include "worker/message.h"

struct assembly;

/*
 * Begins with packet P, whose slices point into TEXT; both are copied.  NULL when a placeholder names no attachment
 * (the packet is against the rules).
 */
struct assembly *assembly_new(struct slice text, const struct sio_packet *p);
void assembly_free(struct assembly *a);
/* The next attachment, copied.  True when it was the last. */
bool assembly_add(struct assembly *a, struct slice data);
/* What was put together; lives as long as A. */
const struct sio_packet *assembly_packet(const struct assembly *a);
struct attachments assembly_attached(const struct assembly *a);

#endif
