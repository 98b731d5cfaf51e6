#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/compile.h"

#define LONGEST 4096

/* The first word of DIR/NAME as a number, the second in *SECOND when there is one; -1 for "max", "-1" and no file. */
static long long read_number(const char *dir, const char *name, long long *second)
{
	char path[3 * LONGEST];
	long long n = -1;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%lld %lld", &n, second) < 1)
		n = -1;
	fclose(f);
	return n;
}

/* Cores' worth of time that the cgroup DIR may use, rounded up; 0: no limit. */
static unsigned quota_of(const char *dir)
{
	long long period = 0;
	long long unused;
	long long quota = read_number(dir, "cpu.max", &period); /* version 2: "150000 100000" */

	if (quota < 0) {
		quota = read_number(dir, "cpu.cfs_quota_us", &unused);
		period = read_number(dir, "cpu.cfs_period_us", &unused);
	}
	if (quota <= 0 || period <= 0 || quota / period > 65536)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/* The least quota of MOUNT/PATH and of each folder above it up to MOUNT: every ancestor limits too. */
static void walk(const char *mount, const char *path, unsigned *least)
{
	char dir[2 * LONGEST + 1];
	size_t top = strlen(mount);

	snprintf(dir, sizeof dir, "%s%s", mount, path);
	for (;;) {
		unsigned quota = quota_of(dir);
		char *slash = strrchr(dir, '/');

		if (quota > 0 && (*least == 0 || quota < *least))
			*least = quota;
		if (slash == NULL || (size_t)(slash - dir) < top)
			return;
		*slash = '\0';
	}
}

static bool names_cpu(const char *list)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == 3 && memcmp(list, "cpu", 3) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

unsigned cores_quota(const char *mount, const char *self)
{
	char line[LONGEST];
	char at[LONGEST];
	unsigned least = 0;
	FILE *f = fopen(self, "re");

	if (f == NULL)
		return 0;
	/* "ID:CONTROLLERS:PATH", the list of controllers empty for version 2 */
	while (fgets(line, sizeof line, f) != NULL) {
		char *list = strchr(line, ':');
		char *path = list != NULL ? strchr(list + 1, ':') : NULL;

		if (path == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (list[1] == '\0') {
			walk(mount, path, &least);
		} else if (names_cpu(list + 1)) {
			snprintf(at, sizeof at, "%s/%.*s", mount, LONGEST / 2, list + 1);
			walk(at, path, &least);
		}
	}
	fclose(f);
	return least;
}

unsigned cores_usable(unsigned most)
{
	unsigned quota = cores_quota("/sys/fs/cgroup", "/proc/self/cgroup");
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned cores = online > 0 ? (unsigned)online : 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		cores = (unsigned)CPU_COUNT(&set);
	if (quota > 0 && quota < cores)
		cores = quota;
	if (cores > most)
		cores = most;
	return cores > 0 ? cores : 1;
}
