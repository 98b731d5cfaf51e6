#include "master/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conf/log.h"

static int look_up_groups(struct identity *id, const struct passwd *pw)
{
	int n = 0;

	getgrouplist(pw->pw_name, pw->pw_gid, NULL, &n);
	id->group = calloc((size_t)n, sizeof(*id->group));
	if (!id->group)
		return -ENOMEM;
	id->ngroup = n;
	if (getgrouplist(pw->pw_name, pw->pw_gid, id->group, &id->ngroup) < 0)
		return -EAGAIN; /* the group file grew meanwhile */
	return 0;
}

int identity_resolve(struct identity *id, const struct conf *c, struct fault *f)
{
	struct passwd *pw;

	*id = (struct identity){.uid = geteuid(), .gid = getegid()};
	if (!c->user.p) {
		if (geteuid() == 0)
			log_warn("running_as_root", "hint=%s", "set user in the conf to drop privileges");
		return 0;
	}
	errno = 0;
	pw = getpwnam(c->user.p);
	if (!pw)
		return fault(f, errno ? errno : ENOENT, FAULT_USAGE, "%s: user = %s: there is no such user", c->path.p,
		    c->user.p);
	if (pw->pw_uid == geteuid())
		return 0;
	if (geteuid() != 0)
		return fault(f, EPERM, FAULT_USAGE,
		    "%s: user = %s: only root can start processes as another user; start as root, or leave user out",
		    c->path.p, c->user.p);
	id->drop = true;
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	if (look_up_groups(id, pw) < 0) {
		identity_fini(id);
		return fault(f, ENOMEM, FAULT_RUNTIME, "%s: user = %s: cannot read its groups", c->path.p, c->user.p);
	}
	return 0;
}

void identity_fini(struct identity *id)
{
	free(id->group);
	id->group = NULL;
	id->ngroup = 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	return 0;
}

int identity_assume(const struct identity *id)
{
	if (id->drop) {
		int err;

		if (setgroups((size_t)id->ngroup, id->group) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
		    setresuid(id->uid, id->uid, id->uid) < 0)
			return -errno;
		err = drop_capabilities();
		if (err)
			return err;
		if (setresuid(0, 0, 0) == 0)
			return -EPERM; /* the way back is open: refuse to go on */
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}
