/*
 * allocator.h - jemalloc as a process of one thread wants it.
 */
#ifndef FORKCAST_WORKER_ALLOCATOR_H
#define FORKCAST_WORKER_ALLOCATOR_H

/*
 * In each child after fork: starts the thread that gives unused pages back, which fork took away (jemalloc starts none in
 * a child by itself).  Without jemalloc, as in the sanitizers' builds, it does nothing.
 */
void allocator_start(void);

#endif
