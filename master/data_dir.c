#include "master/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int data_dir_prepare(const struct conf *c, const struct identity *id, struct fault *f)
{
	const char *path = c->data_dir.p;
	int dir, own, err = 0;

	if (path == NULL || !id->drop)
		return 0;
	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return fault(f, errno, FAULT_RUNTIME, "cannot make data_dir %s: %s", path, strerror(errno));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fault(f, errno, FAULT_RUNTIME, "cannot open data_dir %s: %s", path, strerror(errno));
	if (mkdirat(dir, c->name.p, 0700) < 0 && errno != EEXIST)
		err = errno;
	/* O_NOFOLLOW: it is given away, so it must be the directory itself and not a link to another. */
	own = err == 0 ? openat(dir, c->name.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (err == 0 && (own < 0 || fchown(own, id->uid, id->gid) < 0))
		err = errno;
	if (own >= 0)
		close(own);
	close(dir);
	return err == 0 ? 0 : fault(f, err, FAULT_RUNTIME, "cannot make %s in data_dir %s: %s", c->name.p, path, strerror(err));
}
