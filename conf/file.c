#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/load.h"

#define PIECE 65536

static int read_all(struct conf_arena *a, int fd, size_t max, struct text *out)
{
	char *buf = malloc(max + 1);
	size_t n = 0;
	int rc = -ENOMEM;

	if (buf == NULL)
		return rc;
	for (;;) {
		ssize_t got = read(fd, buf + n, max + 1 - n < PIECE ? max + 1 - n : PIECE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = -errno;
			break;
		}
		n += (size_t)got;
		if (n > max) {
			rc = -EFBIG;
			break;
		}
		if (got == 0) {
			*out = conf_arena_text(a, buf, n);
			rc = 0;
			break;
		}
	}
	free(buf);
	return rc;
}

int file_read(struct conf_arena *a, const char *path, size_t max, bool pipes, struct text *out, struct stat *st)
{
	struct stat own;
	int rc;
	/* A pipe without a writer would else hold us in open(). */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (pipes ? 0 : O_NONBLOCK));

	if (fd < 0)
		return -errno;
	if (fstat(fd, &own) != 0)
		rc = -errno;
	else if (S_ISDIR(own.st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(own.st_mode) && !(pipes && S_ISFIFO(own.st_mode)))
		rc = -EINVAL;
	else
		rc = read_all(a, fd, max, out);
	close(fd);
	if (rc == 0 && st != NULL)
		*st = own;
	return rc;
}

struct text file_beside(struct conf_arena *a, const struct conf_file *file, struct text name, bool absolute)
{
	const char *slash = strrchr(file->path, '/');
	struct text folder = conf_arena_text(a, file->path, slash != NULL ? (size_t)(slash - file->path) + 1 : 0);
	struct text path;
	char *real;

	if (name.n > 0 && name.p[0] == '/')
		return conf_arena_text(a, name.p, name.n);
	if (!absolute)
		return conf_arena_format(a, "%s%s", folder.p, name.p);
	real = realpath(folder.n > 0 ? folder.p : ".", NULL);
	path = conf_arena_format(a, "%s/%s", real != NULL && real[1] != '\0' ? real : "", name.p);
	free(real);
	return path;
}
