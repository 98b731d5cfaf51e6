/*
 * limits.h - what the host allows: descriptors and shared memory, asked for before anything is promised.
 */
#ifndef FORKCAST_MASTER_LIMITS_H
#define FORKCAST_MASTER_LIMITS_H

#include <stdint.h>

#include "conf/conf.h"
#include "master/fault.h"
#include "shm/segment.h"

/* Descriptors of a process beside listeners, doorbells and mailboxes: standard streams, log, epoll, timers, store, reserve. */
#define LIMITS_OWN_FDS 32

/* Raises RLIMIT_NOFILE to the hard limit; *NOFILE is what is in force then.  0 or -errno. */
int limits_raise_nofile(uint64_t *nofile, struct fault *f);
/*
 * Connections one worker can hold with NOFILE descriptors, NLISTEN of which are listeners, and three for each
 * of NSLOT slots: a doorbell and both ends of a mailbox.
 */
uint64_t limits_connections(uint64_t nofile, unsigned nlisten, unsigned nslot);
/*
 * *MAX: connections a worker will hold, the conf's max_connections or all that fit.  0, or -EMFILE with *F (status 2):
 * the conf promises more than fit, or not even one does.
 */
int limits_set_connections(
    const struct conf *c, uint64_t nofile, unsigned nlisten, unsigned nslot, uint64_t *max, struct fault *f);

/* The segment that the conf asks for. */
void limits_segment_spec(const struct conf *c, uint64_t nonce, struct segment_spec *spec);
/* 0, or -ENOSPC with *F: /dev/shm has no room for segment and store of NSLOT slots. */
int limits_check_shm(const struct conf *c, const struct segment_spec *spec, unsigned nslot, struct fault *f);
/* Fills *F for a segment or store that did not fit after all. */
int limits_shm_fault(const struct conf *c, uint64_t need, struct fault *f);

#endif
