/*
 * identity.h - whom the processes run as: conf `user`, dropped to in each child for good.
 */
#ifndef FORKCAST_MASTER_IDENTITY_H
#define FORKCAST_MASTER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "master/fault.h"

struct identity {
	bool drop; /* false: keep what we are */
	uid_t uid;
	gid_t gid;
	int ngroup;
	gid_t *group; /* supplementary groups, looked up before the fork */
};

/* 0, or -errno with *F (status 2): no such user, or we may not become it.  Warns when running as root without one. */
int identity_resolve(struct identity *id, const struct conf *c, struct fault *f);
void identity_fini(struct identity *id);
/*
 * Child: becomes ID, keeps no capability, and can never gain one again (no_new_privs also without a drop).  0 or
 * -errno; on failure the process must end.
 */
int identity_assume(const struct identity *id);

#endif
