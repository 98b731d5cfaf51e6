#include "master/instance.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES       100
#define LOCK_TRY_WAIT_NS 50000000 /* 100 tries: 5 s */

bool instance_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > INSTANCE_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

bool instance_entry_parse(const char *entry, const char *prefix, const char *name, uint64_t *nonce, const char **rest)
{
	size_t np = strlen(prefix), nn = strlen(name);
	uint64_t v = 0;
	const char *hex;

	if (strncmp(entry, prefix, np) != 0 || strncmp(entry + np, name, nn) != 0 || entry[np + nn] != '-')
		return false;
	hex = entry + np + nn + 1;
	for (int i = 0; i < 16; i++) {
		char c = hex[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*nonce = v;
	*rest = hex + 16;
	return true;
}

int instance_runtime_open(const char *path, bool create, struct fault *f)
{
	struct stat st;
	int fd;

	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return fault(f, errno, FAULT_RUNTIME, "cannot make runtime_dir %s: %s", path, strerror(errno));
	/* O_NOFOLLOW: the last component must be the directory itself and not somebody's link to another. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fault(f, errno, FAULT_RUNTIME, "cannot open runtime_dir %s: %s", path,
		    errno == ELOOP || errno == ENOTDIR ? "it is not a directory (links are not followed)"
						       : strerror(errno));
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		close(fd);
		return fault(f, EPERM, FAULT_RUNTIME,
		    "runtime_dir %s must belong to the user who starts forkcast and be writable by nobody else", path);
	}
	return fd;
}

int instance_runtime_lock(int runtime_fd, const char *path, struct fault *f)
{
	const struct timespec wait = {.tv_nsec = LOCK_TRY_WAIT_NS};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(runtime_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&wait, NULL);
	}
	return fault(f, errno, FAULT_RUNTIME, "cannot lock runtime_dir %s: %s", path,
	    errno == EWOULDBLOCK ? "another forkcast has been starting there for 5 s" : strerror(errno));
}

void instance_runtime_unlock(int runtime_fd)
{
	flock(runtime_fd, LOCK_UN);
}

static int write_pid(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return write(fd, text, (size_t)n) == n ? 0 : -EIO;
}

int instance_begin(struct instance *in, int runtime_fd, const char *name, struct fault *f)
{
	int err;

	*in = (struct instance){.runtime_fd = runtime_fd, .dir_fd = -1, .lock_fd = -1, .alive_fd = -1};
	if (!instance_name_valid(name))
		return fault(f, EINVAL, FAULT_USAGE,
		    "name = \"%s\" cannot be used: 1 to %d letters, digits and \"._-\", starting with a letter or "
		    "digit",
		    name, INSTANCE_NAME_MAX);
	do {
		if (getrandom(&in->nonce, sizeof(in->nonce), 0) != sizeof(in->nonce))
			return fault(f, errno, FAULT_RUNTIME, "no random numbers: %s", strerror(errno));
	} while (in->nonce == 0); /* 0 means "none" in the segment */
	snprintf(in->name, sizeof(in->name), "%s", name);
	snprintf(in->entry, sizeof(in->entry), "%s-%016" PRIx64, name, in->nonce);
	snprintf(in->segment_name, sizeof(in->segment_name), "/" INSTANCE_SHM_MARK "%s", in->entry);
	snprintf(in->store_path, sizeof(in->store_path), INSTANCE_SHM_DIR "/" INSTANCE_SHM_MARK "%s.store", in->entry);

	if (mkdirat(runtime_fd, in->entry, 0700) < 0)
		return fault(f, errno, FAULT_RUNTIME, "cannot make %s in runtime_dir: %s", in->entry, strerror(errno));
	in->dir_fd = openat(runtime_fd, in->entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in->dir_fd < 0)
		goto fail;
	in->lock_fd = openat(in->dir_fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in->lock_fd < 0 || flock(in->lock_fd, LOCK_EX | LOCK_NB) < 0)
		goto fail;
	if (write_pid(in->lock_fd) < 0) {
		errno = ENOSPC;
		goto fail;
	}
	return 0;
fail:
	err = errno;
	instance_end(in);
	return fault(f, err, FAULT_RUNTIME, "cannot set up runtime_dir/%s: %s", in->entry, strerror(err));
}

int instance_mark_alive(struct instance *in)
{
	/* A description of our own: the segment's handle may be closed by any process that detaches. */
	in->alive_fd = shm_open(in->segment_name, O_RDWR | O_NOFOLLOW, 0);
	if (in->alive_fd < 0)
		return -errno;
	if (flock(in->alive_fd, LOCK_SH | LOCK_NB) < 0)
		return -errno;
	return 0;
}

bool instance_intact(const struct instance *in, bool with_store)
{
	struct stat have, want;
	int fd = shm_open(in->segment_name, O_RDONLY | O_NOFOLLOW, 0);
	bool same;

	if (fd < 0)
		return false;
	same = fstat(fd, &have) == 0 && fstat(in->alive_fd, &want) == 0 && have.st_ino == want.st_ino;
	close(fd);
	return same && (!with_store || access(in->store_path, F_OK) == 0);
}

void instance_child(struct instance *in)
{
	close(in->lock_fd);
	close(in->dir_fd);
	close(in->runtime_fd);
	in->lock_fd = in->dir_fd = in->runtime_fd = -1;
}

void instance_end(struct instance *in)
{
	char path[300];

	if (in->segment_name[0])
		shm_unlink(in->segment_name);
	if (in->store_path[0]) {
		unlink(in->store_path);
		snprintf(path, sizeof(path), "%s-lock", in->store_path);
		unlink(path);
		snprintf(path, sizeof(path), "%s-new", in->store_path); /* a keeper died while it made the store */
		unlink(path);
	}
	if (in->alive_fd >= 0)
		close(in->alive_fd);
	if (in->dir_fd >= 0) {
		unlinkat(in->dir_fd, "control", 0);
		/* The lock goes last: until then the rest belongs to a live instance. */
		unlinkat(in->dir_fd, "lock", 0);
		close(in->dir_fd);
	}
	if (in->entry[0])
		unlinkat(in->runtime_fd, in->entry, AT_REMOVEDIR);
	if (in->lock_fd >= 0)
		close(in->lock_fd);
	in->alive_fd = in->dir_fd = in->lock_fd = -1;
}

void instance_socket_addr(struct sockaddr_un *sun, int dir_fd, const char *name)
{
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sun->sun_path, sizeof(sun->sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
}
