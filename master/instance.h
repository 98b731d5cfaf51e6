/*
 * instance.h - one running forkcast on this host: its name, its nonce and what it leaves in the file system.
 *
 *	RUNTIME_DIR/NAME-NONCE/lock	flock'ed by the master alone, holds its pid
 *	RUNTIME_DIR/NAME-NONCE/control	the socket that `forkcast status` asks
 *	/dev/shm/forkcast-NAME-NONCE	the segment; every process of the instance shares one flock on it
 *	/dev/shm/forkcast-NAME-NONCE.store, .store-lock		the keeper's volatile store
 *
 * The lock tells whether a master lives, the segment's flock whether anyone does: children that outlive a killed
 * master keep it until they have drained.  Locks belong to open descriptions, so they end with the last process that
 * holds one, however it dies.  Who starts or looks for others holds a flock on RUNTIME_DIR meanwhile.
 */
#ifndef FORKCAST_MASTER_INSTANCE_H
#define FORKCAST_MASTER_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/fault.h"

#define INSTANCE_NAME_MAX 64
#define INSTANCE_SHM_DIR  "/dev/shm"
#define INSTANCE_SHM_MARK "forkcast-"

struct instance {
	char name[INSTANCE_NAME_MAX + 1];
	uint64_t nonce;
	char entry[INSTANCE_NAME_MAX + 18]; /* NAME-NONCE */
	char segment_name[128];             /* for shm_open */
	char store_path[256];
	int runtime_fd; /* RUNTIME_DIR */
	int dir_fd;     /* RUNTIME_DIR/NAME-NONCE */
	int lock_fd;    /* the master's flock */
	int alive_fd;   /* the flock that all processes share, on the segment */
};

/* Letters, digits and "._-", not starting with a dot or dash, at most INSTANCE_NAME_MAX. */
bool instance_name_valid(const char *name);
/*
 * True when ENTRY is PREFIX NAME "-" and 16 hexadecimal digits; *NONCE is their number and *REST what follows them
 * (often "").  Exact, so the instance "a" never takes remains of "a-b" for its own.
 */
bool instance_entry_parse(const char *entry, const char *prefix, const char *name, uint64_t *nonce, const char **rest);

/*
 * Opens RUNTIME_DIR, which must be ours and writable by nobody else.  With CREATE, makes its last component.
 * Returns the descriptor, or -errno with *F filled.
 */
int instance_runtime_open(const char *path, bool create, struct fault *f);
/* Takes the flock on RUNTIME_DIR, waiting up to 5 s for another forkcast that starts or ends.  0 or -errno. */
int instance_runtime_lock(int runtime_fd, const char *path, struct fault *f);
void instance_runtime_unlock(int runtime_fd);

/*
 * Begins an instance: a fresh nonce, its directory, the lock with our pid in it.  The caller holds the runtime lock
 * and has made sure that no live instance has the name.  RUNTIME_FD is borrowed.
 */
int instance_begin(struct instance *in, int runtime_fd, const char *name, struct fault *f);
/* Takes the shared flock on the segment, once it exists.  0 or -errno. */
int instance_mark_alive(struct instance *in);
/* True while segment and store are still where they were put: without either, no new process could join. */
bool instance_intact(const struct instance *in, bool with_store);
/* In a child: lets go of what only the master may hold; the shared flock stays. */
void instance_child(struct instance *in);
/* Removes everything that the instance left and closes its descriptors. */
void instance_end(struct instance *in);

/* A socket address for the entry NAME of the open directory DIR_FD, whatever the length of its path. */
struct sockaddr_un;
void instance_socket_addr(struct sockaddr_un *sun, int dir_fd, const char *name);

#endif
