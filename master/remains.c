#include "master/remains.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "master/instance.h"

/* An object in /dev/shm without a directory here may be another runtime_dir's start: only older ones are orphans. */
#define ORPHAN_AGE_S 60

struct scan {
	int runtime_fd;
	int shm_fd;
	const char *name;
	bool remove;
	uid_t store_uid;
	struct remains *out;
};

static bool ours(const struct scan *s, uid_t uid)
{
	return uid == geteuid() || (geteuid() == 0 && uid == s->store_uid);
}

/* Tries the lock and leaves the file as it was.  A missing file counts as free: its owner died before making it. */
static bool lock_is_free(int fd)
{
	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	flock(fd, LOCK_UN);
	return true;
}

bool remains_locked(int lock_fd)
{
	return !lock_is_free(lock_fd);
}

static pid_t read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* Opens the segment of ENTRY when it is ours; -1: there is none, -2: not ours. */
static int open_segment(const struct scan *s, const char *entry, struct stat *st)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), INSTANCE_SHM_MARK "%s", entry);
	fd = openat(s->shm_fd, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -1 : -2;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || !ours(s, st->st_uid)) {
		close(fd);
		return -2;
	}
	return fd;
}

static void remove_shm(const struct scan *s, const char *entry)
{
	static const char *const suffix[] = {".store", ".store-lock", ".store-new", ""};
	struct stat st;
	char path[160];

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(path, sizeof(path), INSTANCE_SHM_MARK "%s%s", entry, suffix[i]);
		if (fstatat(s->shm_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    ours(s, st.st_uid))
			unlinkat(s->shm_fd, path, 0);
	}
}

static void remove_dir(const struct scan *s, const char *entry, int dir_fd)
{
	unlinkat(dir_fd, "control", 0);
	unlinkat(dir_fd, "lock", 0);
	if (unlinkat(s->runtime_fd, entry, AT_REMOVEDIR) < 0)
		log_warn("remains_kept", "dir=%s error=%s", entry, strerror(errno));
}

/* One NAME-NONCE directory: live, draining or dead. */
static void scan_dir(const struct scan *s, const char *entry, uint64_t nonce)
{
	struct stat st;
	int seg_fd = -1, lock_fd = -1;
	int dir_fd = openat(s->runtime_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir_fd < 0)
		return;
	if (fstat(dir_fd, &st) < 0 || st.st_uid != geteuid())
		goto out;
	lock_fd = openat(dir_fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock_fd < 0 && errno != ENOENT)
		goto out;
	if (!lock_is_free(lock_fd)) {
		if (s->out->live_pid == 0) {
			s->out->live_pid = read_pid(lock_fd);
			s->out->live_nonce = nonce;
			s->out->live_lock_fd = lock_fd;
			s->out->live_dir_fd = dir_fd;
			return;
		}
		goto out;
	}
	seg_fd = open_segment(s, entry, &st);
	if (seg_fd == -2)
		goto out;
	if (!lock_is_free(seg_fd)) {
		s->out->draining++;
		goto out;
	}
	if (s->remove) {
		remove_shm(s, entry);
		remove_dir(s, entry, dir_fd);
		s->out->removed++;
		log_info("remains_removed", "instance=%s", entry);
	}
out:
	if (seg_fd >= 0)
		close(seg_fd);
	if (lock_fd >= 0)
		close(lock_fd);
	close(dir_fd);
}

/* An object of /dev/shm whose instance has no directory here: a wiped runtime_dir, or another runtime_dir's. */
static void scan_orphan(const struct scan *s, const char *object)
{
	char entry[INSTANCE_NAME_MAX + 18];
	struct stat st;
	int seg_fd;

	snprintf(entry, sizeof(entry), "%.*s", (int)(strlen(s->name) + 17), object + strlen(INSTANCE_SHM_MARK));
	if (fstatat(s->runtime_fd, entry, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	if (fstatat(s->shm_fd, object, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || !ours(s, st.st_uid))
		return;
	if (time(NULL) - st.st_ctime < ORPHAN_AGE_S)
		return;
	seg_fd = open_segment(s, entry, &st);
	if (seg_fd == -2)
		return;
	if (!lock_is_free(seg_fd)) {
		close(seg_fd);
		return;
	}
	if (seg_fd >= 0)
		close(seg_fd);
	remove_shm(s, entry);
	s->out->removed++;
	log_info("remains_removed", "orphan=%s", entry);
}

typedef void (*entry_fn)(const struct scan *s, const char *entry);

static void on_runtime_entry(const struct scan *s, const char *entry)
{
	const char *rest;
	uint64_t nonce;

	if (instance_entry_parse(entry, "", s->name, &nonce, &rest) && rest[0] == '\0')
		scan_dir(s, entry, nonce);
}

static void on_shm_entry(const struct scan *s, const char *entry)
{
	const char *rest;
	uint64_t nonce;

	if (instance_entry_parse(entry, INSTANCE_SHM_MARK, s->name, &nonce, &rest) &&
	    (rest[0] == '\0' || strcmp(rest, ".store") == 0 || strcmp(rest, ".store-lock") == 0 ||
		strcmp(rest, ".store-new") == 0))
		scan_orphan(s, entry);
}

static int each_entry(const struct scan *s, int dir_fd, entry_fn fn)
{
	/* A description of its own: reading must not move the offset of the caller's. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	DIR *d;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while ((de = readdir(d)) != NULL)
		fn(s, de->d_name);
	closedir(d);
	return 0;
}

int remains_scan(int runtime_fd, const char *name, bool remove, uid_t store_uid, struct remains *out)
{
	struct scan s = {.runtime_fd = runtime_fd, .name = name, .remove = remove, .store_uid = store_uid, .out = out};
	int err;

	*out = (struct remains){.live_lock_fd = -1, .live_dir_fd = -1};
	s.shm_fd = open(INSTANCE_SHM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.shm_fd < 0)
		return -errno;
	err = each_entry(&s, runtime_fd, on_runtime_entry);
	if (!err && remove)
		err = each_entry(&s, s.shm_fd, on_shm_entry);
	close(s.shm_fd);
	return err;
}

void remains_fini(struct remains *r)
{
	if (r->live_lock_fd >= 0)
		close(r->live_lock_fd);
	if (r->live_dir_fd >= 0)
		close(r->live_dir_fd);
	r->live_lock_fd = r->live_dir_fd = -1;
}
