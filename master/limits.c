#include "master/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "master/instance.h"
#include "shm/dlog.h"

#define MIB (UINT64_C(1) << 20)

#define OPRING_SIZE (1u << 20) /* the design's 1M: operations are small and taken at once */

int limits_raise_nofile(uint64_t *nofile, struct fault *f)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return fault(f, errno, FAULT_RUNTIME, "cannot read the limit of open files: %s", strerror(errno));
	if (rl.rlim_cur != rl.rlim_max) {
		struct rlimit raised = {.rlim_cur = rl.rlim_max, .rlim_max = rl.rlim_max};

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			rl = raised;
	}
	*nofile = rl.rlim_cur;
	return 0;
}

uint64_t limits_connections(uint64_t nofile, unsigned nlisten, unsigned nslot)
{
	uint64_t own = LIMITS_OWN_FDS + (uint64_t)nlisten + 3 * (uint64_t)nslot;

	return nofile > own ? nofile - own : 0;
}

int limits_set_connections(
    const struct conf *c, uint64_t nofile, unsigned nlisten, unsigned nslot, uint64_t *max, struct fault *f)
{
	uint64_t can = limits_connections(nofile, nlisten, nslot);

	if (can == 0)
		return fault(f, EMFILE, FAULT_USAGE,
		    "the limit of open files (%" PRIu64
		    ") leaves no connection to a worker: the server itself needs %u; "
		    "raise the hard limit (LimitNOFILE, ulimit -Hn) or lower workers",
		    nofile, LIMITS_OWN_FDS + nlisten + 3 * nslot);
	if (c->max_connections > can)
		return fault(f, EMFILE, FAULT_USAGE,
		    "%s: max_connections = %" PRIu64 " cannot be promised: the hard limit of open files is %" PRIu64
		    ", which is %" PRIu64 " connections a worker; raise it (LimitNOFILE, ulimit -Hn) or write %" PRIu64
		    " or less",
		    c->path.p, c->max_connections, nofile, can, can);
	*max = c->max_connections ? c->max_connections : can;
	return 0;
}

void limits_segment_spec(const struct conf *c, uint64_t nonce, struct segment_spec *spec)
{
	/*
	 * The delivery log should reach as far back as the rings do.  A turn that takes a single record costs it 16
	 * bytes (run and end of turn) for at least 128 bytes of ring, so an eighth is enough even then, and turns
	 * under load take many.
	 */
	size_t dlog = c->shm.ring_size / 8;

	*spec = (struct segment_spec){
	    .ring_size = c->shm.ring_size,
	    .opring_size = OPRING_SIZE,
	    .dlog_size = dlog > DLOG_MIN ? dlog : (size_t)DLOG_MIN,
	    .sessions = c->shm.sessions,
	    .nonce = nonce,
	};
}

int limits_shm_fault(const struct conf *c, uint64_t need, struct fault *f)
{
	struct statvfs vfs;
	uint64_t have = 0;

	if (statvfs(INSTANCE_SHM_DIR, &vfs) == 0)
		have = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return fault(f, ENOSPC, FAULT_RUNTIME,
	    INSTANCE_SHM_DIR
	    " is too small: %" PRIu64 " MiB are needed and %" PRIu64 " MiB are free; enlarge it (in a "
	    "container: --shm-size) or lower workers (%u), shm { ring_size (%zu MiB)  store_size (%zu MiB)  sessions "
	    "(%" PRIu64 ") }",
	    (need + MIB - 1) / MIB, have / MIB, c->workers, c->shm.ring_size / (size_t)MIB,
	    c->shm.store_size / (size_t)MIB, c->shm.sessions);
}

int limits_check_shm(const struct conf *c, const struct segment_spec *spec, unsigned nslot, struct fault *f)
{
	uint64_t need = (uint64_t)segment_need(spec, nslot) + c->shm.store_size;
	struct statvfs vfs;

	if (statvfs(INSTANCE_SHM_DIR, &vfs) < 0)
		return fault(
		    f, errno, FAULT_RUNTIME, "no POSIX shared memory at " INSTANCE_SHM_DIR ": %s", strerror(errno));
	if ((uint64_t)vfs.f_bavail * vfs.f_frsize < need)
		return limits_shm_fault(c, need, f);
	return 0;
}
