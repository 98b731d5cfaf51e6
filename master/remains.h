/*
 * remains.h - the other instances of a name: finding the live one, removing what dead ones left.
 *
 * Only what is exactly NAME-NONCE, belongs to this user, and whose locks are both free is ever removed.  The caller
 * holds the runtime lock, so nobody is half way through a start in the same runtime_dir.
 */
#ifndef FORKCAST_MASTER_REMAINS_H
#define FORKCAST_MASTER_REMAINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What remains_scan() saw. */
struct remains {
	unsigned removed;  /* dead instances whose remains were taken away */
	unsigned draining; /* without a master, but with processes that still drain: left alone */
	pid_t live_pid;    /* master of a live instance; 0: none */
	uint64_t live_nonce;
	int live_lock_fd; /* its lock file, not locked by us; -1: none; the caller closes it */
	int live_dir_fd;  /* its directory; -1: none; the caller closes it */
};

/*
 * Looks at every instance called NAME in RUNTIME_FD and at every orphan in /dev/shm.  With REMOVE, takes the remains
 * of dead ones away.  STORE_UID: who else's files may be removed (the user that processes run as), or geteuid().
 * 0 or -errno.
 */
int remains_scan(int runtime_fd, const char *name, bool remove, uid_t store_uid, struct remains *out);
void remains_fini(struct remains *r);
/* True while the master whose lock file this is has not let go of it. */
bool remains_locked(int lock_fd);

#endif
