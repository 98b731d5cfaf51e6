/*
 * store_gate.c - see store_gate.h.
 */
#include "shm/store_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum { BYTE_GATE, BYTE_KEEPER };

static int lock(int fd, int cmd, off_t byte)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int rc;

	do {
		rc = fcntl(fd, cmd, &l);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int open_locked(const char *path, int cmd, off_t byte)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = lock(fd, cmd, byte);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int store_gate_enter(const char *path)
{
	return open_locked(path, F_OFD_SETLKW, BYTE_GATE);
}

void store_gate_leave(int gate)
{
	close(gate);
}

static bool kept(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = BYTE_KEEPER, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

int store_gate_enter_reader(const char *path)
{
	static const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i <= STORE_GATE_WAIT_MS; i++) {
		int fd = store_gate_enter(path);

		if (fd < 0 || kept(fd))
			return fd;
		store_gate_leave(fd);
		nanosleep(&ms, NULL);
	}
	return -EAGAIN;
}

int store_gate_keep(const char *path)
{
	int fd = open_locked(path, F_OFD_SETLK, BYTE_KEEPER);

	return fd == -EAGAIN || fd == -EACCES ? -EBUSY : fd;
}
