#include "conf/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/public_key.h"

#define SECRET_MAX 4096

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct file_stamp stamp_of(const struct stat *st)
{
	return (struct file_stamp){.dev = st->st_dev,
	    .ino = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime_ns = ns(st->st_mtim),
	    .ctime_ns = ns(st->st_ctim)};
}

struct file_stamp key_file_stamp(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? stamp_of(&st) : (struct file_stamp){0};
}

bool key_file_same(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns;
}

size_t key_secret_min(enum conf_jwt_alg alg)
{
	static const size_t least[] = {[CONF_HS256] = 32, [CONF_HS384] = 48, [CONF_HS512] = 64};

	return alg <= CONF_HS512 ? least[alg] : 0;
}

/* The file's bytes, at most CAP; -EFBIG for more.  Its stamp is taken first: what is written meanwhile makes another.
 */
static ssize_t read_file(const char *path, char *buf, size_t cap, struct file_stamp *stamp)
{
	struct stat st;
	ssize_t n = 0, got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* no waiting for a pipe's other end */
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0) {
		err = errno;
	} else {
		*stamp = stamp_of(&st);
		err = S_ISREG(st.st_mode) ? 0 : EINVAL;
	}
	while (err == 0 && got > 0 && (size_t)n < cap) {
		got = read(fd, buf + n, cap - (size_t)n);
		if (got > 0)
			n += got;
		else if (got < 0 && errno != EINTR)
			err = errno;
		else if (got < 0)
			got = 1;
	}
	if (err == 0 && (size_t)n == cap && st.st_size > n)
		err = EFBIG;
	close(fd);
	return err != 0 ? -err : n;
}

/* Without a line break at its end. */
static size_t line_length(const char *buf, size_t n)
{
	n -= n > 0 && buf[n - 1] == '\n';
	n -= n > 0 && buf[n - 1] == '\r';
	return n;
}

static bool is_line(const char *buf, size_t n, char *why, size_t why_len)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)buf[i] >= 0x20 && buf[i] != 0x7f)
			continue;
		(void)snprintf(why, why_len, "has a line break or control character at byte %zu", i + 1);
		return false;
	}
	return true;
}

/* A secret on one line. */
static int secret(enum conf_jwt_alg alg, const char *buf, size_t n, char *out, char *why, size_t why_len)
{
	n = line_length(buf, n);
	if (n < key_secret_min(alg) || n > SECRET_MAX) {
		(void)snprintf(why, why_len, "holds a secret of %zu bytes: %s has at least %zu, at most %u", n,
		    conf_jwt_alg_name(alg), key_secret_min(alg), SECRET_MAX);
		return -EINVAL;
	}
	if (!is_line(buf, n, why, why_len))
		return -EINVAL;
	memcpy(out, buf, n);
	return (int)n;
}

static int api_key(const char *buf, size_t n, char *out, char *why, size_t why_len)
{
	size_t stars = 0;

	n = line_length(buf, n);
	while (stars < n && buf[stars] == '*')
		stars++;
	if (n == 0 || n > CONF_API_KEY_MAX) {
		(void)snprintf(why, why_len, "holds a key of %zu bytes: it has at least 1, at most %u", n, CONF_API_KEY_MAX);
		return -EINVAL;
	}
	if (stars == n) {
		(void)snprintf(why, why_len, "holds a key that is masked");
		return -EINVAL;
	}
	if (!is_line(buf, n, why, why_len))
		return -EINVAL;
	memcpy(out, buf, n);
	return (int)n;
}

static ssize_t read_told(const char *path, char *buf, size_t cap, struct file_stamp *stamp, char *why, size_t why_len)
{
	ssize_t n = read_file(path, buf, cap, stamp);

	if (n < 0)
		(void)snprintf(
		    why, why_len, "cannot be read: %s", n == -EINVAL ? "not a regular file" : strerror((int)-n));
	return n;
}

int key_file_read(
    const char *path, enum conf_jwt_alg alg, void *out, struct file_stamp *stamp, char *why, size_t why_len)
{
	char buf[KEY_FILE_MAX];
	ssize_t n = read_told(path, buf, sizeof buf, stamp, why, why_len);
	int rc = (int)n;

	if (n >= 0 && alg <= CONF_HS512)
		rc = secret(alg, buf, (size_t)n, out, why, why_len);
	else if (n >= 0)
		rc = public_key_read(alg, (struct text){buf, (size_t)n}, out, KEY_FILE_MAX, why, why_len);
	explicit_bzero(buf, sizeof buf);
	return rc;
}

int key_file_api(const char *path, void *out, struct file_stamp *stamp, char *why, size_t why_len)
{
	char buf[KEY_FILE_MAX];
	ssize_t n = read_told(path, buf, sizeof buf, stamp, why, why_len);
	int rc = n < 0 ? (int)n : api_key(buf, (size_t)n, out, why, why_len);

	explicit_bzero(buf, sizeof buf);
	return rc;
}
