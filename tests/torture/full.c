/*
 * full.c - a tmpfs that is full: an error at start that names the bytes, never a SIGBUS later.
 *
 * In a mount namespace of its own, /dev/shm becomes a tmpfs of a given size, from too small for the header to just
 * large enough for everything, one page at a time around each edge.  What could be created and reserved is then written
 * to the last byte by a child, which must live.
 *
 * Needs root, or user namespaces.  Where neither is to be had, a /dev/shm of at most 1 GiB (as in containers) is asked
 * for more than it has instead.
 *
 * Seen red: without posix_fallocate() (killed by SIGBUS), without shm_unlink() after an error, without *need.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "shm/counter.h"
#include "shm/interest.h"
#include "shm/ring.h"
#include "tests/unit/segment_fixture.h"

#define SLOTS 3u

static unsigned refused, whole, tried;

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list ap;

	fputs("full: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

/* A namespace in which /dev/shm can be mounted over.  False when this process may not have one. */
static bool own_namespace(void)
{
	char map[64];
	unsigned uid = (unsigned)getuid();

	if (unshare(CLONE_NEWNS)) {
		if (unshare(CLONE_NEWNS | CLONE_NEWUSER))
			return false;
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
	}
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Writes all that is allocated, in a child. */
static void use_all(const struct segment *seg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		memset(segment_interest(seg), 0xff, seg->nbuckets * sizeof(struct interest_bucket));
		for (unsigned i = 0; i < SLOT_MAX; i++)
			if (segment_slot_reserved(seg, i))
				memset(seg->base + seg->part_off + seg->part_size * i, 0xff, seg->part_size);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("no child");
	if (WIFSIGNALED(status))
		fail("died of %s", strsignal(WTERMSIG(status)));
}

/* Starts as a master does, with room for PAGES. */
static void start_with(const struct segment_spec *spec, size_t pages)
{
	size_t need = 0, room = pages * 4096, used = segment_need(spec, 0);
	struct segment seg;
	unsigned got = 0;
	char options[64];
	int rc;

	snprintf(options, sizeof options, "size=%zu", room);
	if (mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options))
		fail("mount: %s", strerror(errno));
	tried++;
	rc = segment_create(&seg, "/forkcast-full", spec, &need);
	if (rc == 0) {
		for (; got < SLOTS && rc == 0; got += rc == 0)
			rc = segment_reserve_slot(&seg, got, &need);
		used += got * seg.part_size;
	} else if (segment_unlink("/forkcast-full") != -ENOENT) {
		fail("left its name behind");
	}
	if (rc != 0 && rc != -ENOSPC)
		fail("%zu pages: %s", pages, strerror(-rc));
	if (rc == -ENOSPC) {
		refused++;
		if (need == 0 || (seg.base && used + need <= room) || need > segment_need(spec, SLOTS))
			fail("%zu pages: says that it needs %zu", pages, need);
	} else {
		whole++;
		if (room < segment_need(spec, SLOTS))
			fail("%zu pages cannot be enough", pages);
	}
	if (seg.base) {
		use_all(&seg);
		/* Refused, and the rest still serves: a slot that is there can be used. */
		if (got > 0 && segment_reserve_slot(&seg, 0, &need) != 0)
			fail("%zu pages: the first slot is gone", pages);
		segment_unlink("/forkcast-full");
	}
	segment_detach(&seg);
	if (umount("/dev/shm"))
		fail("umount: %s", strerror(errno));
}

/* Without a namespace: more than there is, where that is not much. */
static int ask_for_too_much(void)
{
	struct segment_spec spec = fixture_spec();
	struct segment seg;
	struct statvfs fs;
	char name[64];
	size_t need = 0;
	int rc;

	if (statvfs("/dev/shm", &fs) || fs.f_bavail * fs.f_bsize > UINT64_C(1) << 30)
		fail("needs root or user namespaces: /dev/shm is too large to be filled");
	spec.sessions = SEGMENT_SESSIONS_MAX;
	fixture_name(name, sizeof name);
	rc = segment_create(&seg, name, &spec, &need);
	if (rc != -ENOSPC || need != segment_need(&spec, 0) || segment_unlink(name) != -ENOENT)
		fail("more than there is: %d, %zu", rc, need);
	printf("full: -ENOSPC for %zu bytes of %llu, by the size of /dev/shm alone (no namespace to be had)\n", need,
	    (unsigned long long)(fs.f_bavail * fs.f_bsize));
	return 0;
}

int main(void)
{
	struct segment_spec spec = fixture_spec();
	size_t last;

	if (!own_namespace())
		return ask_for_too_much();
	for (size_t pages = 1; pages < 8; pages++)
		start_with(&spec, pages);
	for (unsigned n = 0; n <= SLOTS; n++) {
		last = segment_need(&spec, n) / 4096;
		for (size_t pages = last - 3; pages <= last + 3; pages++)
			start_with(&spec, pages);
		start_with(&spec, last + 20);
	}
	if (refused == 0 || whole == 0)
		fail("%u refused, %u whole: nothing was tested", refused, whole);
	printf("full: %u sizes of tmpfs, %u refused with -ENOSPC, %u with room for all, no SIGBUS\n", tried, refused,
	    whole);
	return 0;
}
