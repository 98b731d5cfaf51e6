/*
 * owner.h - from a part that is embedded in an object to the object.
 */
#ifndef FORKCAST_WORKER_OWNER_H
#define FORKCAST_WORKER_OWNER_H

#include <stddef.h>

#define OWNER_OF(part, type, member) ((type *)(void *)((char *)(part) - offsetof(type, member)))

#endif
